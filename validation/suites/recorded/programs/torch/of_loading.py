"""Programs that load data in one process, and that save and load objects."""

from __future__ import annotations

import collections
import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch

from ... import pool
from ..families import Family
from ..telling import attempt

Pair = collections.namedtuple("Pair", "first second")


class Squares(torch.utils.data.Dataset[Any]):  # type: ignore[misc] # torch has no types here
    """A dataset whose items are of the kind that is wanted."""

    def __init__(self, kind: str = "tensor", size: int = 7) -> None:
        self.kind, self.size = kind, size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, place: int) -> Any:
        if place >= self.size:
            raise IndexError(place)
        row = torch.tensor([place, place * place, 0.5])
        kinds: dict[str, Any] = {
            "tensor": row,
            "dict": {"row": row, "deep": {"text": f"t{place}", "number": place}, "b": b"x"},
            "tuple": (row, place, place / 2),
            "named": Pair(row, {"c": [place, row * 2]}),
            "array": row.numpy(),
            "scalar": row.numpy()[1],
            "list": [row, [place, f"t{place}"]],
            "unlike": row[: place % 3 + 1],
            "uneven": [place] * (place % 3 + 1),
            "none": None,
            "ordered": collections.OrderedDict(z=place, a=row),
        }
        return kinds[self.kind]


class NumberStream(torch.utils.data.IterableDataset[Any]):  # type: ignore[misc] # torch has no types here
    """Data without a known size."""

    def __init__(self, size: int = 7) -> None:
        self.size = size

    def __iter__(self) -> Iterator[Any]:
        return iter(torch.arange(self.size * 2).reshape(-1, 2).float())


class SizedStream(NumberStream):
    """Data in an order with a size."""

    def __len__(self) -> int:
        return self.size


def load_data(kind: str, **options: Any) -> Any:
    """Return the batches of two epochs of a loader, and what it tells of itself."""
    data = Squares(kind)
    options = {"batch_size": 3, **options}
    pool.set_seeds()
    loader = torch.utils.data.DataLoader(data, **options)
    results: list[Any] = []
    for _ in range(2):
        results.append([*loader])
    first = iter(loader)
    results += [next(first), len(first), len(loader), loader.batch_size, loader.drop_last]
    results += [type(loader.sampler), type(loader.batch_sampler), loader.num_workers]
    results.append(attempt(setattr, loader, "batch_size", 5))
    return [copy.deepcopy(results), torch.rand(1)]


def list_samplers(numbers: Any) -> dict[str, Callable[[], Any]]:
    """Return what makes a sampler of each kind."""
    data, generator = torch.utils.data, torch.Generator().manual_seed(5)
    weights = [0.1, 5.0, 0.2, 3.0, 0.0, 1.0, 0.1]
    return {
        "sequential": lambda: data.SequentialSampler(numbers),
        "random": lambda: data.RandomSampler(numbers, generator=generator),
        "repeated": lambda: data.RandomSampler(numbers, True, 12, generator),
        "more": lambda: data.RandomSampler(numbers, num_samples=17),
        "fewer": lambda: data.RandomSampler(numbers, num_samples=3),
        "subset": lambda: data.SubsetRandomSampler([1, 4, 6], generator),
        "weighted": lambda: data.WeightedRandomSampler(weights, 9),
        "once": lambda: data.WeightedRandomSampler(weights, 5, False, generator),
    }


def choose_data(kind: str) -> Any:
    """Return the batches of loaders with samplers of each kind."""
    data = torch.utils.data
    numbers = data.TensorDataset(torch.arange(7.0), torch.arange(7) * 2)
    sampler = list_samplers(numbers)[kind]()
    results: list[Any] = []
    for drop in (False, True):
        batches = data.BatchSampler(sampler, 2, drop)
        results += [[*sampler], len(sampler), [*batches], len(batches)]
        results.append([*data.DataLoader(numbers, batch_sampler=batches)])
        results.append([*data.DataLoader(numbers, 2, sampler=sampler, drop_last=drop)])
    results.append([*data.DataLoader(numbers, None, sampler=sampler)])
    refused = (
        lambda: data.RandomSampler(numbers, num_samples=0),
        lambda: data.RandomSampler(numbers, replacement=2),
        lambda: data.WeightedRandomSampler([0.1, 0.9], -1),
        lambda: data.BatchSampler(sampler, 0, False),
        lambda: data.BatchSampler(sampler, 2, 1),
        lambda: data.DataLoader(numbers, 2, True, sampler),
        lambda: data.DataLoader(numbers, 2, batch_sampler=sampler),
        lambda: data.DataLoader(numbers, None, drop_last=True),
        lambda: data.DataLoader(numbers, num_workers=-1),
        lambda: data.DataLoader(numbers, timeout=-1),
        lambda: data.DataLoader(numbers, prefetch_factor=2),
        lambda: data.DataLoader(numbers, persistent_workers=True),
        lambda: data.DataLoader(NumberStream(), shuffle=True),
        lambda: data.DataLoader(NumberStream(), sampler=sampler),
    )
    return [results, [attempt(lambda e=each: type(e()).__name__) for each in refused]]


def stream_data(batch_size: int = 3, drop_last: bool = False) -> Any:
    """Return the batches of data without places, and of joined data."""
    data = torch.utils.data
    joined = data.ChainDataset([NumberStream(2), SizedStream(3)])
    results: list[Any] = []
    for each in (NumberStream(), SizedStream(), joined):
        loader = data.DataLoader(each, batch_size, drop_last=drop_last)
        results += [[*loader], attempt(len, loader), [*loader]]
    results.append([*data.DataLoader(NumberStream(), None)])
    results.append(len(data.ChainDataset([SizedStream(2), SizedStream(3)])))
    return [*results, [*(NumberStream(1) + NumberStream(2))], attempt(lambda: NumberStream()[0])]


def split_data(sizes: str = "0.5+0.3+0.2", shuffle: bool = True, drop_last: bool = False) -> Any:
    """Return the parts of split, joined and stacked data, and what each process of many gets."""
    data, squares, other = torch.utils.data, Squares(size=11), Squares("scalar", 11)
    lengths = [float(each) if "." in each else int(each) for each in sizes.split("+")]
    parts = data.random_split(squares, lengths, torch.Generator().manual_seed(3))
    results: list[Any] = [[[*part.indices], len(part), part[0]] for part in parts]
    results.append(parts[0].__getitems__([0, 1]))
    joined = data.ConcatDataset([*parts, Squares(size=2)]) + Squares("tensor", 1)
    results += [joined[0], joined[-1], joined[len(joined) - 2], len(joined)]
    results.append(attempt(joined.__getitem__, -99))
    nested = data.Subset(joined, [3, 12, 5])
    results += [[*nested], joined.datasets[0].cumulative_sizes, nested.__getitems__([0, 2])]
    for stacked in (data.StackDataset(squares, other), data.StackDataset(a=squares, b=other)):
        results += [stacked[3], len(stacked), stacked.__getitems__([0, 2])]
    for rank in (0, 1, 2):
        sampler = data.DistributedSampler(squares, 3, rank, shuffle, 4, drop_last)
        for epoch in (0, 1, 0):
            sampler.set_epoch(epoch)
            results += [[*sampler], len(sampler)]
    refused = (
        lambda: data.random_split(squares, [3, 4]),
        lambda: data.random_split(squares, [0.5, 0.7]),
        lambda: data.DistributedSampler(squares, 3, 3),
        lambda: data.DistributedSampler(squares, 3),
        lambda: data.StackDataset(squares, Squares(size=3)),
        lambda: data.ConcatDataset([]),
        lambda: data.ConcatDataset([NumberStream()]),
        lambda: data.TensorDataset(torch.ones(2), torch.ones(3)),
        lambda: len(data.ChainDataset([squares])),
    )
    return [results, [attempt(lambda e=each: type(e()).__name__) for each in refused]]


def collate_values(kind: str) -> Any:
    """Return what is made of a batch of each kind of values, and what is not."""
    collate = torch.utils.data._utils.collate
    items = [Squares(kind)[place] for place in range(4)]
    results: list[Any] = [attempt(torch.utils.data.default_collate, items)]
    results.append([torch.utils.data.default_convert(each) for each in items[:2]])
    given = {torch.Tensor: lambda batch, *, collate_fn_map=None: torch.stack(batch).sum(0)}
    own = {**collate.default_collate_fn_map, **given}
    results.append(attempt(collate.collate, items, collate_fn_map=own))
    results.append(attempt(collate.collate, items, collate_fn_map=given))
    results.append(attempt(torch.utils.data.default_collate, [items[0], {"other": 1}]))
    return [results, [type(each) for each in results[0]] if isinstance(results[0], list) else []]


OF_LOADER: dict[str, Any] = {
    **{"batch_size": 3, "shuffle": False, "drop_last": False, "sampler": None},
    **{"collate_fn": None, "generator": None, "worker_init_fn": None},
}
LOADED = ["tensor", "dict", "tuple", "named", "array", "list"]


OF_LOADING = (
    Family(load_data, lambda: LOADED, lambda name: OF_LOADER if name == "tensor" else {}),
    Family(choose_data, lambda: [*list_samplers([])], lambda _: {}),
    Family(stream_data, lambda: [""], lambda _: {"batch_size": 3, "drop_last": False}),
    Family(
        split_data,
        lambda: ["", "'5+4+2'", "'0.4+0.4+0.2'"],
        lambda _: {"shuffle": True, "drop_last": False},
    ),
    Family(
        collate_values,
        lambda: [*LOADED, "unlike", "scalar", "uneven", "none", "ordered"],
        lambda _: {},
    ),
)
