"""Programs that save and load objects."""

from __future__ import annotations

import collections
import copy
import io
from pathlib import Path
from typing import Any

import torch

from ... import pool
from ..families import Family
from ..telling import attempt
from .copied_tensors import describe_copy


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
        return [*describe_copy(loaded), getattr(loaded, "label", None), loaded.is_conj()]
    if isinstance(loaded, list | tuple):
        return [type(loaded), [tell_loaded(each) for each in loaded]]
    if isinstance(loaded, dict):
        return [type(loaded), {key: tell_loaded(each) for key, each in loaded.items()}]
    if isinstance(loaded, torch.UntypedStorage | torch.TypedStorage):
        return [type(loaded), [*loaded][:8], len(loaded)]
    return loaded if not isinstance(loaded, set) else sorted(loaded)


def save_object(
    kind: str, weights_only: bool = True, mmap: bool = False, old: bool = False, protocol: int = 2
) -> Any:
    """Return what is loaded of an object that was saved, and whether its parts are still shared."""
    saved = make_objects()[kind]
    torch.save(saved, "new.pt", pickle_protocol=protocol, _use_new_zipfile_serialization=not old)
    options: dict[str, Any] = {"weights_only": weights_only, **({"mmap": True} if mmap else {})}
    loaded = attempt(torch.load, "new.pt", **options)
    results = [tell_loaded(loaded), tell_loaded(attempt(copy.deepcopy, loaded))]
    if kind == "shared" and isinstance(loaded, list):
        loaded[0].add_(100)
        results.append(loaded)
    memory = io.BytesIO()
    torch.save(saved, memory)
    memory.seek(0)
    results.append(tell_loaded(attempt(torch.load, memory, torch.device("cpu"), **options)))
    return results


def load_files() -> Any:
    """Return what loading does with options of each kind, and with files that are none."""
    base, load = {"w": torch.ones(3), "d": pool.make_value("$normal")}, torch.load
    torch.save(base, "all.pt")
    torch.save(base["w"], "one.pt")
    results: list[Any] = []
    cpu, absent = torch.device("cpu"), {"cpu": "cuda:0"}
    for place in (None, "cpu", cpu, {"cpu": "cpu"}, lambda s, p: s, "meta", "cuda:0", absent, 3):
        results.append(str(attempt(load, "one.pt", map_location=place)))
    results += [attempt(load, "all.pt"), [*load("all.pt", weights_only=False)]]
    results.append(allow_classes(base["d"]))
    data = Path("all.pt").read_bytes()
    Path("no.pt").write_bytes(b"no tensors at all")
    for wrong in (io.BytesIO(data[:300]), "absent.pt", "no.pt", 3):
        results.append(attempt(load, wrong, weights_only=False))
    results += [attempt(load, io.BytesIO(data), mmap=True), attempt(torch.save, base, 3)]
    results += [attempt(torch.save, lambda: 1, "f")]
    safe = torch.serialization
    results += [safe.get_default_load_endianness(), safe.get_crc32_options()]
    with safe.skip_data():
        torch.save(torch.ones(3), "skipped.pt")
    return [*results, load("skipped.pt").shape]


def allow_classes(normal: Any) -> list[Any]:
    """Return what is loaded with classes that are allowed for a while, and for good."""
    safe, kinds = torch.serialization, [type(normal), type(normal.support)]
    known = safe.get_safe_globals()
    unsafe = getattr(safe, "get_unsafe_globals_in_checkpoint", None)
    results: list[Any] = [sorted(unsafe("all.pt")) if unsafe else None]
    with safe.safe_globals(kinds):
        results.append(sorted({*safe.get_safe_globals()} - {*known}, key=str))
        results.append(type(attempt(torch.load, "all.pt")))
    results.append(len(safe.get_safe_globals()) - len(known))
    safe.add_safe_globals(kinds[:1])
    results.append(len(safe.get_safe_globals()) - len(known))
    safe.clear_safe_globals()
    results.append(safe.get_safe_globals())
    safe.add_safe_globals(known)
    return results


SAVING_OPTIONS = {"weights_only": True, "mmap": False, "old": False, "protocol": 2}

OF_SAVING = (
    Family(save_object, lambda: [*make_objects()], lambda _: SAVING_OPTIONS),
    Family(load_files, lambda: [""], lambda _: {}),
)
