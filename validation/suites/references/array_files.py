"""Files of arrays: what was written is read, and what is mapped stays in the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

MAPPED: dict[Any, tuple[bool, bool]] = {"r": (False, False), "r+": (True, True), "c": (True, False)}
"""By mode: whether the array can be written, and whether the file changes with it."""


def find_mapping_faults(folder: Path) -> Iterator[str]:
    """Yield how numpy.load with `mmap_mode` reads the file at once, or writes it otherwise."""
    path, values = folder / "mapped.npy", np.arange(12.0).reshape(3, 4)
    for mode, (writes, keeps) in MAPPED.items():
        np.save(path, values)
        what = f"numpy.load(mmap_mode={mode!r})"
        got = np.load(path, mmap_mode=mode)
        if not isinstance(got, np.memmap):
            yield f"{what} reads the whole file into memory"
            continue
        if not np.array_equal(got, values) or got.flags.writeable != writes:
            yield f"{what} gives other values, or its writeable is {got.flags.writeable}"
        if writes:
            got[0, 0] = 99
            got.flush()
            del got
            if (np.load(path)[0, 0] == 99) != keeps:
                yield f"{what} {'does not change' if keeps else 'changes'} the file"


def find_array_file_faults(folder: Path) -> Iterator[str]:
    """Yield each way of writing an array after which another one is read."""
    yield from find_mapping_faults(folder)
    values, path = np.linspace(-1, 1, 15).reshape(3, 5), folder / "array"
    text = folder / "array.txt"
    saved, packed = Path(f"{path}.npy"), Path(f"{path}.npz")
    ways: dict[str, tuple[Callable[[], object], Callable[[], Any]]] = {
        "save": (lambda: np.save(path, values), lambda: np.load(saved)),
        "save of columns": (
            lambda: np.save(path, np.asfortranarray(values)),
            lambda: np.load(saved),
        ),
        "savez": (lambda: np.savez(path, a=values), lambda: np.load(packed)["a"]),
        "savez_compressed": (
            lambda: np.savez_compressed(path, a=values),
            lambda: np.load(packed)["a"],
        ),
        "savetxt and loadtxt": (lambda: np.savetxt(text, values), lambda: np.loadtxt(text)),
        "savetxt and genfromtxt": (
            lambda: np.savetxt(text, values, delimiter=","),
            lambda: np.genfromtxt(text, delimiter=","),
        ),
        "tofile": (
            lambda: values.tofile(path),
            lambda: np.fromfile(path).reshape(values.shape),
        ),
    }
    for name, (write, read) in ways.items():
        write()
        got = read()
        if got.shape != values.shape or not np.allclose(got, values, rtol=0, atol=1e-15):
            yield f"after {name}, numpy reads {got.ravel()[:3]}, not {values.ravel()[:3]}"
