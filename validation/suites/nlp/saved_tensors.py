"""Tensors and arrays of each kind and layout in memory: a file gives them back, or is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch
import torch

REFUSALS = (ValueError, TypeError, RuntimeError, KeyError, safetensors.SafetensorError)
LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "whole": lambda base: base,
    "transposed": lambda base: base.T,
    "columns": lambda base: base[:, 1:3],
    "rows": lambda base: base[1:3],
    "every second": lambda base: base[::2, ::2],
    "no row": lambda base: base[:0],
    "one number": lambda base: base[2:3, 3].reshape(()),
    "one dimension more": lambda base: base[None],
}
"""What a caller may make of 4 x 6 numbers without a copy."""

OF_TENSORS: dict[str, Callable[[Any], Any]] = {
    **LAYOUTS,
    "expanded": lambda base: base[:1].expand(3, 6),
    "channels last": lambda base: base.reshape(2, 3, 2, 2).to(memory_format=torch.channels_last),
    "conjugated": lambda base: base.conj(),
    "imaginary part": lambda base: base.conj().imag if base.is_complex() else base,
}
OF_ARRAYS: dict[str, Callable[[Any], Any]] = {
    **LAYOUTS,
    "backwards": lambda base: base[::-1, ::-1],
    "broadcast": lambda base: np.broadcast_to(base[:1], (3, 6)),
    "columns first": np.asfortranarray,
}
PLACES = (slice(1, 3), (slice(None), slice(2, 5)), (slice(0, 2), slice(4, 6)))
STORED = {"float32", "float64", "float16", "bfloat16", "int64", "int32", "uint8", "bool"}
"""Kinds that may not be refused when they lie whole in memory."""


def write_tensors(folder: Path) -> dict[str, Callable[[Any], Any]]:
    """Return each way of saving: what comes back of a tensor."""
    path, torch_form = str(folder / "a.safetensors"), safetensors.torch

    def save_by_model(tensor: Any) -> Any:
        model, other = torch.nn.Module(), torch.nn.Module()
        model.register_buffer("a", tensor)
        other.register_buffer("a", torch.zeros_like(tensor))
        torch_form.save_model(model, path)
        torch_form.load_model(other, path)
        return other.a

    def save_by_torch(tensor: Any) -> Any:
        held = BytesIO()
        torch.save({"a": tensor}, held)
        return torch.load(BytesIO(held.getvalue()), weights_only=True)["a"]

    def save_by_file(tensor: Any) -> Any:
        torch_form.save_file({"a": tensor}, path)
        return torch_form.load_file(path)["a"]

    return {
        "safetensors.torch.save_file": save_by_file,
        "safetensors.torch.save": lambda each: torch_form.load(torch_form.save({"a": each}))["a"],
        "safetensors.torch.save_model": save_by_model,
        "torch.save": save_by_torch,
    }


def write_arrays(folder: Path) -> dict[str, Callable[[Any], Any]]:
    """Return each way of saving: what comes back of an array."""
    path, form = str(folder / "b.safetensors"), safetensors.numpy

    def save_by_file(array: Any) -> Any:
        form.save_file({"a": array}, path)
        return form.load_file(path)["a"]

    def save_by_numpy(save: Any, array: Any, **named: Any) -> Any:
        held = BytesIO()
        save(held, *(() if named else (array,)), **(dict.fromkeys(named, array)))
        back = np.load(BytesIO(held.getvalue()), allow_pickle=False)
        return back["a"] if named else back

    return {
        "safetensors.numpy.save_file": save_by_file,
        "safetensors.numpy.save": lambda each: form.load(form.save({"a": each}))["a"],
        "numpy.save": partial(save_by_numpy, np.save),
        "numpy.savez": partial(save_by_numpy, np.savez, a=None),
        "numpy.savez_compressed": partial(save_by_numpy, np.savez_compressed, a=None),
    }


def convert_numbers() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the same numbers as tensors and as arrays of each kind."""
    numbers = torch.arange(24).reshape(4, 6) % 11
    kinds = {str(each): each for each in vars(torch).values() if isinstance(each, torch.dtype)}
    tensors = dict[str, Any]()
    for name, kind in sorted(kinds.items()):
        with contextlib.suppress(RuntimeError, NotImplementedError, TypeError):  # no conversion
            tensors[name.removeprefix("torch.")] = numbers.to(kind)
    arrays = {np.dtype(each).name: numbers.numpy().astype(each) for each in "?bhilBHILefdFD"}
    return tensors, {**arrays, "float32 of the other order": numbers.numpy().astype(">f4")}


def find_saving_faults(folder: Path) -> Iterator[str]:
    """Yield each way of saving that gives other numbers back, or refuses common ones."""
    tensors, arrays = convert_numbers()
    for way, save in write_tensors(folder).items():
        for layout, kind in product(OF_TENSORS, tensors):
            try:
                given = OF_TENSORS[layout](tensors[kind])
                read_numbers(given)
            except (RuntimeError, NotImplementedError):
                continue  # a layout or numbers that this kind does not have
            yield from find_faults_of(save, f"{way} of {kind}, {layout},", given)
    for way, save in write_arrays(folder).items():
        for layout, kind in product(OF_ARRAYS, arrays):
            given = OF_ARRAYS[layout](arrays[kind])
            # safetensors.numpy asks for arrays that lie whole in memory, and does not look
            if way.startswith("numpy") or given.flags.c_contiguous:
                yield from find_faults_of(save, f"{way} of {kind}, {layout},", given)
    yield from find_shared_faults(folder)


def find_faults_of(save: Callable[[Any], Any], what: str, given: Any) -> Iterator[str]:
    """Yield how something is saved otherwise than it is."""
    before = read_numbers(given)
    try:
        back = save(given)
    except REFUSALS as error:
        if ", whole," in what and any(f" {kind}, " in what for kind in STORED):
            yield f"{what} is refused: {str(error)[:80]}"
        return
    if tuple(back.shape) != tuple(given.shape) or read_numbers(back) != before:
        yield f"{what} gives other numbers back"
    if read_numbers(given) != before:
        yield f"{what} changes what it saves"


def read_numbers(held: Any) -> list[Any]:
    """Return all numbers, in the order of their places."""
    if isinstance(held, np.ndarray):
        return [held.dtype.kind, *held.flatten().tolist()]
    wide = held.to(torch.complex128 if held.is_complex() else torch.float64)
    return [held.dtype, *wide.flatten().tolist()]


def find_shared_faults(folder: Path) -> Iterator[str]:
    """Yield how tensors that share memory, slices of a file or its notes do not come back."""
    base, path = torch.arange(24.0).reshape(4, 6), str(folder / "c.safetensors")
    parts = {"a": base, "b": base[1:3], "c": base.T}
    try:
        safetensors.torch.save_file(parts, path)
    except REFUSALS:
        pass
    else:
        back = safetensors.torch.load_file(path)
        if not all(torch.equal(back[name], each) for name, each in parts.items()):
            yield "save_file of tensors that share memory gives other numbers back"
    tied, other = (torch.nn.ModuleList([torch.nn.Linear(3, 3) for _ in range(2)]) for _ in range(2))
    for each in (tied, other):
        each[1].weight = each[0].weight
    safetensors.torch.save_model(tied, path)
    safetensors.torch.load_model(other, path)
    pairs = zip(tied.state_dict().values(), other.state_dict().values(), strict=True)
    if not all(torch.equal(a, b) for a, b in pairs):
        yield "safetensors.torch.load_model gives a model with a shared weight other numbers"
    safetensors.torch.save_file({"a": base}, path, metadata={"note": "kept"})
    with safetensors.safe_open(path, framework="pt") as opened:
        part = opened.get_slice("a")
        if not all(torch.equal(part[at], base[at]) for at in PLACES):
            yield "get_slice of safetensors gives other numbers than those places of the tensor"
        if opened.metadata() != {"note": "kept"}:
            yield f"the notes of a file of safetensors come back as {opened.metadata()}"
