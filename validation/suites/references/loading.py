"""Samplers, splits and loaders against their definitions, for sizes and options that are drawn."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils import data

ROUNDS = 25
"""Of drawn sizes and options, for each property."""

DRAWS = 6000
"""Of a weighted sampler, to see its frequencies."""


class Numbers:
    """A data set of the numbers from `first`."""

    def __init__(self, count: int, first: int = 0) -> None:
        self._count, self._first = count, first

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> int:
        if not -self._count <= index < self._count:
            raise IndexError(index)
        return self._first + index % self._count


class Stream(data.IterableDataset):  # type: ignore[misc, unused-ignore] # torch is not in the harness' own environment
    """A stream of the numbers below `count`; workers divide it among them."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __iter__(self) -> Iterator[int]:
        worker = data.get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        yield from range(first, self._count, step)


def _cut_batches(numbers: list[int], size: int, drop_last: bool) -> list[list[int]]:
    batches = [numbers[at : at + size] for at in range(0, len(numbers), size)]
    return [each for each in batches if len(each) == size or not drop_last]


def _to_lists(loader: Any) -> list[list[int]]:
    return [[int(each) for each in batch] for batch in loader]


def check_batches(chance: random.Random) -> str:
    """Batches are cut in order; `drop_last` leaves out one that is not full, and nothing else."""
    count, size, drop_last = chance.randint(1, 60), chance.randint(1, 9), chance.random() < 0.5
    wanted = _cut_batches([*range(count)], size, drop_last)
    options = {"batch_size": size, "drop_last": drop_last}
    order = chance.sample(range(count), count)
    pairs = (
        ("DataLoader", _to_lists(data.DataLoader(Numbers(count), **options)), wanted),
        ("DataLoader of a stream", _to_lists(data.DataLoader(Stream(count), **options)), wanted),
        (
            "BatchSampler",
            [*data.BatchSampler(data.SequentialSampler(Numbers(count)), size, drop_last)],
            wanted,
        ),
        (
            "DataLoader with a sampler",
            _to_lists(data.DataLoader(Numbers(count), sampler=order, **options)),
            _cut_batches(order, size, drop_last),
        ),
        (
            "DataLoader with batches",
            _to_lists(
                data.DataLoader(Numbers(count), batch_sampler=_cut_batches(order, size, False))
            ),
            _cut_batches(order, size, False),
        ),
    )
    wrong = [name for name, got, right in pairs if got != right]
    loader = data.DataLoader(Numbers(count), **options)
    if len(loader) != len(wanted):
        return f"len of a loader of {count} samples with {options} is {len(loader)}"
    return f"{wrong[0]} of {count} samples with {options} cuts other batches" if wrong else ""


def check_shuffles(chance: random.Random) -> str:
    """Shuffled samples are the same ones, in an order that the generator's seed decides."""
    count, seed = chance.randint(20, 60), chance.randint(0, 999)

    def shuffle(own: int) -> list[int]:
        generator = torch.Generator().manual_seed(own)
        loader = data.DataLoader(Numbers(count), batch_size=7, shuffle=True, generator=generator)
        return [each for batch in _to_lists(loader) for each in batch]

    first = shuffle(seed)
    if sorted(first) != [*range(count)] or first == [*range(count)]:
        return f"{count} samples were shuffled to {first[:5]} ..., which is no new order of them"
    if first != shuffle(seed) or first == shuffle(seed + 1):
        return "a shuffle does not depend on the seed of its generator alone"
    some = chance.sample(range(count), 9)
    subset = [*data.SubsetRandomSampler(some, torch.Generator().manual_seed(seed))]
    if sorted(subset) != sorted(some):
        return f"SubsetRandomSampler of {some} gave {subset}"
    more = 3 * count
    drawn = [*data.RandomSampler(Numbers(count), replacement=True, num_samples=more)]
    if len(drawn) != more or not set(drawn) <= set(range(count)) or len(set(drawn)) == 1:
        return f"RandomSampler with replacement drew {len(drawn)} of {count}, not {more}"
    rest = [*data.RandomSampler(Numbers(count), num_samples=count + 5)]
    if sorted(rest[:count]) != [*range(count)] or len(rest) != count + 5:
        return f"RandomSampler drew {len(rest)} of {count} without replacement, not all and 5 more"
    return ""


def check_weights(chance: random.Random) -> str:
    """A weighted sampler draws each number as often as its weight says."""
    weights = [0.0, *(chance.choice([1.0, 2.0, 5.0]) for _ in range(5))]
    generator = torch.Generator().manual_seed(chance.randint(0, 999))
    sampler = data.WeightedRandomSampler(weights, DRAWS, generator=generator)
    counts = Counter(sampler)
    for number, weight in enumerate(weights):
        share = weight / sum(weights)
        spread = (share * (1 - share) * DRAWS) ** 0.5
        if not abs(counts[number] - share * DRAWS) <= 6 * spread:
            return f"of weights {weights}, number {number} came {counts[number]} times of {DRAWS}"
    once = [*data.WeightedRandomSampler(weights, 5, replacement=False, generator=generator)]
    if sorted(once) != [1, 2, 3, 4, 5]:
        return f"without replacement, weights {weights} gave {once}"
    return ""


def check_splits(chance: random.Random) -> str:
    """The parts of a random split are disjoint and complete, and as long as was sizes_wanted."""
    lengths = [chance.randint(1, 20) for _ in range(chance.randint(2, 5))]
    count = sum(lengths)
    shares = [0.5, 0.3, 0.2]
    floors = [int(count * share) for share in shares]
    by_share = [each + (at < count - sum(floors)) for at, each in enumerate(floors)]
    for sizes_wanted, sizes in ((lengths, lengths), (shares, by_share)):
        seed = chance.randint(0, 999)
        generators = [torch.Generator().manual_seed(each) for each in (seed, seed)]
        parts, again = (
            data.random_split(Numbers(count), sizes_wanted, each) for each in generators
        )
        if [len(part) for part in parts] != sizes:
            return f"{count} samples split as {sizes_wanted} gave {[len(part) for part in parts]}"
        members = [number for part in parts for number in part]
        if sorted(members) != [*range(count)]:
            return f"parts of a split of {count} samples as {sizes_wanted} overlap or lose samples"
        if members != [number for part in again for number in part]:
            return "a random split does not depend on the seed of its generator alone"
    return ""


def check_combinations(chance: random.Random) -> str:
    """Data sets made of others hold the samples of these."""
    first, second = chance.randint(1, 20), chance.randint(1, 20)
    both = data.ConcatDataset([Numbers(first), Numbers(second, 100)])
    wanted = [*range(first), *range(100, 100 + second)]
    if len(both) != len(wanted) or [both[at] for at in range(len(both))] != wanted:
        return f"ConcatDataset of {first} and {second} samples has others"
    if both[-1] != wanted[-1]:
        return "ConcatDataset counts from the end to another sample"
    chosen = chance.sample(range(first), chance.randint(1, first))
    if [*data.Subset(Numbers(first), chosen)] != chosen:
        return f"Subset of {chosen} has other samples"
    chained = data.ChainDataset([Stream(first), Stream(second)])
    if [*chained] != [*range(first), *range(second)]:
        return "ChainDataset does not hold one stream after the other"
    values = torch.arange(first)
    if [tuple(map(int, each)) for each in data.TensorDataset(values, -values)] != [
        (each, -each) for each in range(first)
    ]:
        return "TensorDataset does not pair its tensors"
    return ""


def check_ranks(chance: random.Random) -> str:
    """Ranks share all samples evenly, in another order in each epoch."""
    count, ranks = chance.randint(20, 60), chance.randint(2, 5)
    shuffle, drop_last = chance.random() < 0.7, chance.random() < 0.5
    label = f"{count} samples for {ranks} ranks, shuffle={shuffle}, drop_last={drop_last}"
    samplers = [
        data.DistributedSampler(Numbers(count), ranks, rank, shuffle, seed=5, drop_last=drop_last)
        for rank in range(ranks)
    ]
    epochs = []
    for epoch in range(3):
        for sampler in samplers:
            sampler.set_epoch(epoch)
        shares = [[*sampler] for sampler in samplers]
        size = count // ranks if drop_last else -(-count // ranks)
        if any(
            len(share) != size or len(sampler) != size
            for share, sampler in zip(shares, samplers, strict=True)
        ):
            return f"of {label}, ranks got {[len(share) for share in shares]}, not {size} each"
        order = [each for row in zip(*shares, strict=True) for each in row]
        known = order[:count] if not drop_last else order
        if len(set(known)) != len(known) or (not drop_last and set(order) != set(range(count))):
            return f"of {label}, ranks share samples or lose some"
        if not shuffle and order != [each % count for each in range(size * ranks)]:
            return f"of {label}, ranks do not take turns"
        epochs.append(order)
    changes = sum(one != other for one, other in itertools.pairwise(epochs))
    if changes != (2 if shuffle else 0):
        return f"of {label}, the order changed {changes} times in 3 epochs"
    samplers[0].set_epoch(1)
    return "" if [*samplers[0]] == epochs[1][::ranks] else f"of {label}, an epoch has two orders"


def check_collation(chance: random.Random) -> str:
    """Samples are put together by their types, or by the function that was given."""
    count = chance.randint(2, 9)
    samples = [
        {"tensor": torch.full((2,), at), "pair": (at, float(at)), "text": str(at)}
        for at in range(count)
    ]
    (batch,) = data.DataLoader(samples, batch_size=count)
    numbers = torch.arange(count)
    right = (
        torch.equal(batch["tensor"], numbers[:, None].expand(-1, 2))
        and torch.equal(batch["pair"][0], numbers)
        and torch.equal(batch["pair"][1], numbers.double())
        and batch["text"] == [str(at) for at in range(count)]
    )
    if not right:
        return f"{count} samples were put together as {batch}"
    own = [*data.DataLoader(Numbers(count), batch_size=2, collate_fn=sum)]
    if own != [sum(each) for each in _cut_batches([*range(count)], 2, False)]:
        return "a collate_fn of the user is not called with each batch"
    bare = [*data.DataLoader(Numbers(count), batch_size=None)]
    return (
        "" if [int(each) for each in bare] == [*range(count)] else "batch_size=None makes batches"
    )


PROPERTIES: dict[str, Callable[[random.Random], str]] = {
    "batches": check_batches,
    "shuffles": check_shuffles,
    "weights": check_weights,
    "splits": check_splits,
    "combinations": check_combinations,
    "ranks": check_ranks,
    "collation": check_collation,
}
"""What is checked, and the function that returns how it is violated for drawn sizes."""


def check_workers(workers: int, count: int) -> str:
    """With workers, a stream that they divide arrives once, and an ordered set in order."""
    options = {"batch_size": 3, "num_workers": workers, "multiprocessing_context": "fork"}
    got = sorted(
        each for batch in _to_lists(data.DataLoader(Stream(count), **options)) for each in batch
    )
    if got != [*range(count)]:
        return f"a stream of {count} samples over {workers} workers gave {len(got)}"
    batches = _to_lists(data.DataLoader(Numbers(count), drop_last=True, **options))
    return "" if batches == _cut_batches([*range(count)], 3, True) else "workers cut other batches"
