"""A module whose source was edited after it was compiled, and one that multiplies."""

from __future__ import annotations

import importlib.util
import py_compile
from pathlib import Path

OLD, NEW = "as it was", "as it is now"

PRODUCT = """
import ast, os

def main():
    left, right, inner = ast.literal_eval(os.environ["QUESTION"])
    columns = len(right) // inner
    rows = [left[at : at + inner] for at in range(0, len(left), inner)]
    for row in rows:
        for column in range(columns):
            print(sum(a * b for a, b in zip(row, right[column::columns])))
"""

_MODES = {
    0b01: py_compile.PycInvalidationMode.UNCHECKED_HASH,
    0b11: py_compile.PycInvalidationMode.CHECKED_HASH,
}


def write_edited_module(folder: Path) -> str:
    """Write `edited.py` with bytecode of another source, and return its value.

    The bytecode is of the kind that the image's packages have.
    """
    module = folder / "edited.py"
    module.write_text(f"VALUE = {OLD!r}\n", encoding="utf-8")
    mode = _MODES.get(bytecode_flags("torch"), py_compile.PycInvalidationMode.TIMESTAMP)
    py_compile.compile(str(module), invalidation_mode=mode, doraise=True)
    module.write_text(f"VALUE = {NEW!r}\n", encoding="utf-8")
    return NEW


def bytecode_flags(package: str) -> int:
    """Return the flags of a package's bytecode (PEP 552): 0 by time, 1 unchecked, 3 checked hash.

    0 if it has no bytecode.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return 0
    try:
        head = Path(importlib.util.cache_from_source(spec.origin)).read_bytes()[:8]
    except OSError:
        return 0
    return int.from_bytes(head[4:], "little")
