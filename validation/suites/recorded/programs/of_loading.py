"""Programs that load data in one process, and that save and load objects."""

from __future__ import annotations

import collections
import copy
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from .. import pool
from .families import Family
from .leaves import collect_leaves, tell_refusal, tell_tensor

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
    results.append(tell_refusal(setattr, loader, "batch_size", 5))
    return collect_leaves([copy.deepcopy(results), torch.rand(1)])


def choose_data(kind: str) -> Any:
    """Return the batches of loaders with samplers of each kind."""
    data = torch.utils.data
    numbers = data.TensorDataset(torch.arange(7.0), torch.arange(7) * 2)
    generator = torch.Generator().manual_seed(5)
    weights = [0.1, 5.0, 0.2, 3.0, 0.0, 1.0, 0.1]
    samplers: dict[str, Any] = {
        "sequential": data.SequentialSampler(numbers),
        "random": data.RandomSampler(numbers, generator=generator),
        "repeated": data.RandomSampler(numbers, True, 12, generator),
        "more": data.RandomSampler(numbers, num_samples=17),
        "fewer": data.RandomSampler(numbers, num_samples=3),
        "subset": data.SubsetRandomSampler([1, 4, 6], generator),
        "weighted": data.WeightedRandomSampler(weights, 9),
        "once": data.WeightedRandomSampler(weights, 5, replacement=False, generator=generator),
    }
    results: list[Any] = []
    sampler = samplers[kind]
    for drop in (False, True):
        batches = data.BatchSampler(sampler, 2, drop)
        results += [[*sampler], len(sampler), [*batches], len(batches)]
        results.append([*data.DataLoader(numbers, batch_sampler=batches)])
        results.append([*data.DataLoader(numbers, 2, sampler=sampler, drop_last=drop)])
    results.append([*data.DataLoader(numbers, None, sampler=sampler)])
    return finish_choose_data(data, numbers, weights, results, sampler)


def finish_choose_data(data: Any, numbers: Any, weights: Any, results: Any, sampler: Any) -> Any:
    """Return all results of `choose_data`."""
    refused = (
        lambda: data.RandomSampler(numbers, num_samples=0),
        lambda: data.RandomSampler(numbers, replacement=2),
        lambda: data.WeightedRandomSampler(weights, -1),
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
    results += [str(tell_refusal(each)) for each in refused]
    return collect_leaves(results)


def stream_data(batch_size: int = 3, drop_last: bool = False) -> Any:
    """Return the batches of data without places, and of joined data."""
    data = torch.utils.data
    results: list[Any] = []
    for each in (
        NumberStream(),
        SizedStream(),
        data.ChainDataset([NumberStream(2), SizedStream(3)]),
    ):
        loader = data.DataLoader(each, batch_size, drop_last=drop_last)
        results += [[*loader], tell_refusal(len, loader), [*loader]]
    results.append([*data.DataLoader(NumberStream(), None)])
    joined = data.ChainDataset([SizedStream(2), SizedStream(3)])
    results += [
        len(joined),
        [*(NumberStream(1) + NumberStream(2))],
        tell_refusal(lambda: NumberStream()[0]),
    ]
    return collect_leaves(results)


def split_data(sizes: str = "0.5+0.3+0.2", shuffle: bool = True, drop_last: bool = False) -> Any:
    """Return the parts of split, joined and stacked data, and what each process of many gets."""
    data = torch.utils.data
    lengths = [float(each) if "." in each else int(each) for each in sizes.split("+")]
    generator = torch.Generator().manual_seed(3)
    squares = Squares(size=11)
    parts = data.random_split(squares, lengths, generator)
    results: list[Any] = [[[*part.indices], len(part), part[0]] for part in parts]
    results.append(parts[0].__getitems__([0, 1]))
    joined = data.ConcatDataset([*parts, Squares(size=2)]) + Squares("tensor", 1)
    results += [
        [joined[0], joined[-1], joined[len(joined) - 2]],
        len(joined),
        tell_refusal(joined.__getitem__, -99),
    ]
    nested = data.Subset(joined, [3, 12, 5])
    results += [[*nested], joined.datasets[0].cumulative_sizes, nested.__getitems__([0, 2])]
    other = Squares("scalar", 11)
    for stacked in (data.StackDataset(squares, other), data.StackDataset(a=squares, b=other)):
        results += [stacked[3], len(stacked), stacked.__getitems__([0, 2])]
    for rank in (0, 1, 2):
        sampler = data.DistributedSampler(squares, 3, rank, shuffle, 4, drop_last)
        for epoch in (0, 1, 0):
            sampler.set_epoch(epoch)
            results += [[*sampler], len(sampler)]
    return finish_split_data(data, squares, results)


def finish_split_data(data: Any, squares: Any, results: Any) -> Any:
    """Return all results of `split_data`."""
    refused = (
        lambda: data.random_split(squares, [3, 4]),
        lambda: data.random_split(squares, [0.5, 0.7]),
        lambda: data.random_split(squares, [-0.5, 1.5]),
        lambda: data.DistributedSampler(squares, 3, 3),
        lambda: data.DistributedSampler(squares, 3),
        lambda: data.StackDataset(squares, Squares(size=3)),
        data.StackDataset,
        lambda: data.StackDataset(squares, a=squares),
        lambda: data.ConcatDataset([]),
        lambda: data.ConcatDataset([NumberStream()]),
        lambda: data.TensorDataset(torch.ones(2), torch.ones(3)),
        lambda: data.ChainDataset([squares]).__len__(),
    )
    return collect_leaves([results, [str(tell_refusal(each)) for each in refused]])


def collate_values(kind: str) -> Any:
    """Return what is made of a batch of each kind of values, and what is not."""
    collate = torch.utils.data._utils.collate
    items = [Squares(kind)[place] for place in range(4)]
    results: list[Any] = [tell_refusal(torch.utils.data.default_collate, items)]
    results.append([torch.utils.data.default_convert(each) for each in items[:2]])
    given = {torch.Tensor: lambda batch, *, collate_fn_map=None: torch.stack(batch).sum(0)}
    own = {**collate.default_collate_fn_map, **given}
    results.append(tell_refusal(collate.collate, items, collate_fn_map=own))
    results.append(tell_refusal(collate.collate, items, collate_fn_map=given))
    results.append(tell_refusal(torch.utils.data.default_collate, [items[0], {"other": 1}]))
    return collect_leaves(
        [results, [type(each) for each in results[0]] if isinstance(results[0], list) else []]
    )


def make_objects() -> dict[str, Any]:
    """Return objects of many kinds to save."""
    base = torch.arange(12.0).reshape(3, 4)
    grown = torch.ones(3, requires_grad=True)
    grown.square().sum().backward()
    net = pool.make_value("$net")
    net[0].bias.requires_grad_(False)
    named = torch.ones(2)
    named.label = "a text"
    kinds = {str(kind)[6:]: torch.ones(2, 3).to(kind) for kind in KINDS}
    return {
        "shared": [base, base[1], base.T, base[:, ::2], base.reshape(-1)[2:5]],
        "grown": [grown, grown * 2, grown.detach()],
        "parameter": [torch.nn.Parameter(base), torch.nn.Parameter(base, requires_grad=False)],
        "plain": {
            "a": [1, 2.5, "t", None, True, (3,), {4}, b"z", slice(1), 1 + 2j],
            "s": base.shape,
        },
        "sizes": [torch.Size([2, 3]), torch.float16, torch.device("cpu")],
        "kinds": kinds,
        "sparse": [base.to_sparse(), base.to_sparse_csr()],
        "conjugate": [torch.view_as_complex(torch.ones(2, 2)).conj(), torch.ones(2)._neg_view()],
        "storage": [base.untyped_storage(), torch.ones(2).storage()],
        "net": net,
        "state": net.state_dict(),
        "optimizer": pool.make_value("$adam").state_dict(),
        "label": named,
        "numpy": [base.numpy(), base.numpy()[0, 1]],
        "normal": pool.make_value("$normal"),
        "function": pool.double,
        "ordered": collections.OrderedDict(b=base, a=collections.Counter("aab")),
        "quantized": torch.quantize_per_tensor(base, 0.1, 3, torch.quint8),
        "generator": torch.Generator().manual_seed(3).get_state(),
        "meta": torch.ones(2, device="meta"),
        "empty": [torch.ones(0, 3), torch.tensor(3.0)],
    }


KINDS = (
    *(torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.uint8, torch.int64),
    *(torch.bool, torch.complex64, torch.float8_e4m3fn, torch.int16),
)


def tell_loaded(loaded: Any) -> Any:
    """Return what a saved object may lose."""
    if isinstance(loaded, torch.nn.Module):
        return [[*loaded.named_parameters()], [p.requires_grad for p in loaded.parameters()]]
    if isinstance(loaded, torch.Tensor):
        return [*tell_tensor(loaded), getattr(loaded, "label", None), loaded.is_conj()]
    if isinstance(loaded, list | tuple):
        return [type(loaded), [tell_loaded(each) for each in loaded]]
    if isinstance(loaded, dict):
        return [type(loaded), {key: tell_loaded(each) for key, each in loaded.items()}]
    if isinstance(loaded, torch.UntypedStorage | torch.TypedStorage):
        return [type(loaded), [*loaded][:8], len(loaded)]
    return loaded if not isinstance(loaded, set) else sorted(loaded)


def save_object(
    kind: str,
    weights_only: bool = True,
    mmap: bool = False,
    old: bool = False,
    protocol: int = 2,
) -> Any:
    """Return what is loaded of an object that was saved, and whether its parts are still shared."""
    saved = make_objects()[kind]
    torch.save(saved, "new.pt", pickle_protocol=protocol, _use_new_zipfile_serialization=not old)
    options: dict[str, Any] = {"weights_only": weights_only, **({"mmap": True} if mmap else {})}
    loaded = tell_refusal(torch.load, "new.pt", **options)
    results = [tell_loaded(loaded), tell_loaded(tell_refusal(copy.deepcopy, loaded))]
    if kind == "shared" and isinstance(loaded, list):
        loaded[0].add_(100)
        results.append(loaded)
    memory = io.BytesIO()
    torch.save(saved, memory)
    memory.seek(0)
    results.append(tell_loaded(tell_refusal(torch.load, memory, torch.device("cpu"), **options)))
    return collect_leaves(results)


def load_files() -> Any:
    """Return what loading does with options of each kind, and with files that are none."""
    base = {"w": torch.ones(3), "d": pool.make_value("$normal")}
    torch.save(base, "all.pt")
    torch.save(base["w"], "one.pt")
    load, safe = torch.load, torch.serialization
    known = safe.get_safe_globals()
    results: list[Any] = []
    for place in (None, "cpu", torch.device("cpu"), {"cpu": "cpu"}, lambda s, p: s, "meta"):
        results.append(str(tell_refusal(load, "one.pt", map_location=place)))
    for place in ("cuda:0", {"cpu": "cuda:0"}, 3, lambda s, p: None):
        results.append(str(tell_refusal(load, "one.pt", map_location=place)))
    results += [tell_refusal(load, "all.pt"), [*load("all.pt", weights_only=False)]]
    unsafe = getattr(safe, "get_unsafe_globals_in_checkpoint", None)
    results.append(sorted(unsafe("all.pt")) if unsafe else None)
    with safe.safe_globals([torch.distributions.Normal, type(base["d"].support)]):
        results.append(sorted({*safe.get_safe_globals()} - {*known}, key=str))
        results.append(str(type(tell_refusal(load, "all.pt")).__name__))
    results.append(len(safe.get_safe_globals()) - len(known))
    safe.add_safe_globals([torch.distributions.Normal])
    results.append(len(safe.get_safe_globals()) - len(known))
    safe.clear_safe_globals()
    results.append(safe.get_safe_globals())
    safe.add_safe_globals(known)
    Path("no.pt").write_bytes(b"no tensors at all")
    with Path("all.pt").open("rb") as file:
        results.append([*load(file, weights_only=False)])
        file.seek(0)
        half = file.read()[:300]
    results += [tell_refusal(load, io.BytesIO(half)), tell_refusal(load, "absent.pt")]
    results += [tell_refusal(load, "no.pt"), tell_refusal(load, "no.pt", weights_only=False)]
    return finish_load_files(base, load, safe, results, half)


def finish_load_files(base: Any, load: Any, safe: Any, results: Any, half: Any) -> Any:
    """Return all results of `load_files`."""
    results += [tell_refusal(load, 3), tell_refusal(torch.save, base, 3)]
    results += [
        tell_refusal(load, io.BytesIO(half), mmap=True),
        tell_refusal(torch.save, lambda: 1, "f"),
    ]
    results += [safe.get_default_load_endianness(), safe.get_crc32_options()]
    results += [
        safe.normalize_storage_type(torch.FloatStorage),
        safe.location_tag(torch.ones(1).storage()),
    ]
    with safe.skip_data():
        torch.save(torch.ones(3), "skipped.pt")
    results.append(load("skipped.pt").shape)
    return collect_leaves(results)


OF_SAVING = {"weights_only": True, "mmap": False, "old": False, "protocol": 2}
OF_LOADER: dict[str, Any] = {
    **{"batch_size": 3, "shuffle": False, "drop_last": False, "sampler": None},
    **{"collate_fn": None, "generator": None, "worker_init_fn": None},
}
LOADED = ["tensor", "dict", "tuple", "named", "array", "list"]
OF_LOADING = (
    Family(load_data, lambda: LOADED, lambda name: OF_LOADER if name == "tensor" else {}),
    Family(
        choose_data,
        lambda: [
            *("sequential", "random", "repeated", "more", "fewer", "subset", "weighted", "once"),
        ],
        lambda _: {},
    ),
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
    Family(save_object, lambda: [*make_objects()], lambda _: OF_SAVING),
    Family(load_files, lambda: [""], lambda _: {}),
)
