"""Programs with files of weights, of safetensors and of the Hub."""

from __future__ import annotations

import importlib
import json
import pathlib
from typing import Any

import torch

from ... import pool
from ..families import Family
from ..huggingface_hub.of_hub import get_hub
from ..telling import attempt


def load_network(hub: Any) -> list[Any]:
    """Return what becomes of a network that is saved and loaded in parts."""
    net, other = pool.make_value("$net"), pool.make_value("$net")
    pathlib.Path("net").mkdir()
    hub.save_torch_model(net, "net", max_shard_size=100, metadata={"by": "me"})
    for each in other.parameters():
        each.data.zero_()
    results: list[Any] = []
    for loaded, options in ((other, {}), (net[0], {"strict": True}), (net[0], {"strict": False})):
        keys = attempt(hub.load_torch_model, loaded, "net", **options)
        results.append(keys if isinstance(keys, str) else [sorted(each) for each in keys])
    results.append(other.state_dict())
    return [*results, attempt(hub.load_torch_model, net, "none")]


def split_weights(size: str = "300B", form: str = "torch", **options: Any) -> Any:
    """Return how weights are split into files, and what is loaded from them again."""
    hub, folder, safe = get_hub(), pathlib.Path("kept"), form == "torch"
    shared, half = torch.arange(20.0), torch.zeros(9, dtype=torch.float16)
    state = {"b.weight": torch.ones(8, 8), "a.bias": torch.arange(6), "c": half}
    state |= {"d": shared, "e": shared, "f": shared[:10]}
    results: list[Any] = []
    for limit in (size, 100, "1KB", "5GB", "a lot"):
        split = attempt(
            hub.split_torch_state_dict_into_shards, state, max_shard_size=limit, **options
        )
        results.append(split if isinstance(split, str) else vars(split))
    folder.mkdir()
    most = int(size[:-1]) if size.endswith("0B") else size  # bytes alone are no unit
    saved = {"max_shard_size": most, "safe_serialization": safe}
    results.append(attempt(hub.save_torch_state_dict, dict(state), "kept", **saved))
    files = sorted(folder.glob("*"))
    results += [(each.name, each.stat().st_size if safe else 0) for each in files]
    for each in files:
        if each.suffix in (".json", ".safetensors"):
            text = each.suffix == ".json"
            read = json.loads(each.read_text()) if text else hub.load_state_dict_from_file(each)
            results.append(sorted(read.items()) if not text else json.dumps(read, sort_keys=True))
    identify = hub.get_torch_storage_id
    results += [identify(shared) == identify(shared[:10]), hub.get_torch_storage_size(shared)]
    return [results, load_network(hub)]


def begin_mixed(self: Any, size: int = 3, name: str = "a", **more: Any) -> None:
    """Give a network a layer, a name and what else is given."""
    torch.nn.Module.__init__(self)
    self.layer, self.name, self.more = torch.nn.Linear(size, 2), name, more


def mix_in(**options: Any) -> Any:
    """Return what a network that is saved and loaded with the mixin of the Hub keeps."""
    bases = (torch.nn.Module, get_hub().PyTorchModelHubMixin)
    kind: Any = type("Mixing", bases, {"__init__": begin_mixed})
    pool.set_seeds()
    made = kind(4, name="b", **options)
    made.save_pretrained("kept", config={"size": 4, "name": "c"})
    loaded = kind.from_pretrained("kept")
    results = [loaded.name, loaded.more, loaded.state_dict(), loaded.training, made.state_dict()]
    results += [path.read_text() for path in sorted(pathlib.Path("kept").glob("*.json"))]
    results.append(attempt(kind.from_pretrained, "kept", size=5))
    results.append(attempt(kind.from_pretrained, "none", local_files_only=True))
    return [*results, kind.from_pretrained("kept", name="d").name]


def load_wrong(library: Any, data: bytes, rows: Any) -> list[Any]:
    """Return what is refused of wrong files and wrong tensors."""
    results: list[Any] = []
    wrong = (b"", b"\x01" * 20, data[:60], data + b"xx", (2**60).to_bytes(8, "little"))
    for each in (*wrong, b"\x02" + b"\0" * 7 + b"{}", data[:8] + b"[" + data[9:]):
        pathlib.Path("wrong").write_bytes(each)
        results += [attempt(library.load, each), attempt(library.load_file, "wrong")]
    for bad in ({"a": 3}, {"a": [1]}, 3, {3: rows}, {}):
        results.append(attempt(lambda b=bad: library.load(library.save(b))))
    return results


def open_tensors(short: str) -> list[Any]:
    """Return what is read from an open file of tensors."""
    with importlib.import_module("safetensors").safe_open("a.safetensors", short) as opened:
        results = [sorted(opened.keys()), opened.metadata(), opened.get_tensor("int8")]
        part = opened.get_slice("rows")
        results += [[*opened.offset_keys()], part.get_shape(), part.get_dtype()]
        places = (
            slice(1, 3),
            (slice(None), 1),
            (1, slice(0, 2)),
            slice(None, None, 2),
            9,
            (..., 0),
        )
        results += [attempt(part.__getitem__, place) for place in places]
        results.append(attempt(opened.get_tensor, "no"))
    return results


TYPES = (
    *("float64", "float16", "int8", "uint8", "int64", "int32", "bool", "bfloat16"),
    *("float8_e4m3fn", "complex64"),
)


def keep_tensors(kind: str = "torch", **options: Any) -> Any:
    """Return what files of tensors hold: types, slices, shared ones, notes, and what is refused."""
    library = importlib.import_module(f"safetensors.{kind}")
    rows = pool.make_value("$x" if kind == "torch" else "$array")
    state: dict[str, Any] = {"rows": rows}
    for name in TYPES:
        made = attempt(
            lambda n=name: rows.to(getattr(torch, n)) if kind == "torch" else rows.astype(n)
        )
        state |= {} if isinstance(made, str) else {name: made}
    data = library.save(state, metadata={"b": "2"})
    results: list[Any] = [len(data), data[:700], sorted(library.load(data).items())]
    library.save_file(state, "a.safetensors", metadata={"format": kind, **options})
    results.append(sorted(library.load_file("a.safetensors").items()))
    results += [open_tensors({"torch": "pt", "numpy": "np"}[kind]), load_wrong(library, data, rows)]
    if kind == "torch":  # numpy writes the memory as it lies
        shared: tuple[Any, ...] = ({"a": rows[:, 1]}, {"a": rows[::2]}, {"a": rows.T})
        shared += ({"a": rows, "b": rows}, {"a": rows, "b": rows[1:]}, {"a": rows.to_sparse()})
        results += [attempt(lambda s=each: library.load(library.save(s))) for each in shared]
    return results


def make_parts(seed: int, tied: bool) -> Any:
    """Return a network of three parts, of which two may share their weight."""
    pool.set_seeds(seed)
    parts = {"a": torch.nn.Linear(3, 3), "b": torch.nn.Linear(3, 3), "n": torch.nn.BatchNorm1d(3)}
    if tied:
        parts["b"].weight = parts["a"].weight
    return torch.nn.ModuleDict(parts)


def keep_model(strict: bool = True, tied: bool = False) -> Any:
    """Return what networks hold after they are saved and loaded, whole or in part."""
    library = importlib.import_module("safetensors.torch")
    net, other, less, more, wrong = (make_parts(seed, tied) for seed in range(5))
    net["n"](pool.make_value("$x"))
    library.save_model(net, "kept", metadata={"by": "me"})
    del less["b"]
    more["c"] = torch.nn.Linear(2, 2)
    wrong["a"] = torch.nn.Linear(2, 2)
    results: list[Any] = [library.load_file("kept")]
    for each in (other, less, more, wrong):
        results += [attempt(library.load_model, each, "kept", strict=strict), each.state_dict()]
    turned = torch.nn.Linear(3, 3)
    turned.weight = torch.nn.Parameter(pool.make_value("$square").T)
    results.append(attempt(library.save_model, turned, "turned", force_contiguous=False))
    library.save_model(turned, "turned")
    return [*results, library.load_file("turned")]


OF_WEIGHT_FILES = (
    Family(split_weights, lambda: ["300B", "'1KB','pickle'", "5GB"], lambda _: {}),
    Family(mix_in, lambda: [""], lambda _: {"extra": 3}),
)
OF_SAFETENSORS = (
    Family(keep_tensors, lambda: ["torch", "numpy"], lambda _: {}),
    Family(keep_model, lambda: [""], lambda _: {"strict": True, "tied": False}),
)
