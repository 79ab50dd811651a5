"""Make the recorded calls of a package again: `... replay RECORD REPORT [reversed]`.

REPORT gets the name of each function before its calls, and then the results: a process that dies
leaves the name of the function that it died in.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..contract.recorded_results import MISSING, Given, Results
from . import calls, scenarios, surface

PERTURB = "MALLOC_PERTURB_"
"""A variable of glibc: it fills memory that is given out or back with bytes that follow from it."""

KEPT_SIZE = 1024
KEPT_BLOCKS = 7
"""NumPy keeps so many freed blocks of each size in bytes below this one (its `alloc.c`)."""


def order_names(record: Results, *, is_reversed: bool) -> list[str]:
    """Return the names in the order in which they are called.

    Programs come first, always in the same order: single calls may leave something behind in the
    process, and programs register environments and formats that others list.
    """
    programs = [path for path in record if path.startswith(f"{surface.SCENARIOS}.")]
    functions = [path for path in record if not path.startswith(f"{surface.SCENARIOS}.")]
    return programs + (functions[::-1] if is_reversed else functions)


def play_all(record: Results, names: list[str]) -> Iterator[tuple[str, Given]]:
    """Yield each name with what its calls give; nothing for a name that is gone."""
    torch.set_num_threads(1)
    # A result that tells how many hooks the process has made differs then, and is not recorded.
    torch.utils.hooks.RemovableHandle.next_id += int(os.environ.get(PERTURB, "0"))
    for path in names:
        wanted = record[path]  # texts, or texts with what they gave
        yield path, {}
        with calls.quietly():
            try:
                called = find_called(path)
            except ModuleNotFoundError as error:
                yield path, dict.fromkeys(wanted, f"{MISSING}{error.name}")
                continue
            except (AttributeError, ImportError):
                continue
            with calls.guard_process():
                given = {}
                for text in wanted:
                    stir_memory()
                    given[text] = calls.play_call(called, text)
        yield path, given


def stir_memory() -> None:
    """Write into the blocks that NumPy keeps for its next arrays, if `MALLOC_PERTURB_` is set.

    glibc does the same to all other memory. A call that reads what nobody wrote then gives
    something else than without the variable, so its result is not recorded.
    """
    value = int(os.environ.get(PERTURB, "0"))
    if value:
        for size in range(4, KEPT_SIZE, 4):
            _ = [np.full(size, value, dtype=np.uint8) for _ in range(KEPT_BLOCKS)]


def find_called(path: str) -> Any:
    """Return the function or class of a name, or a scenario."""
    module, _, name = path.rpartition(".")
    return scenarios.find_program(name) if module == surface.SCENARIOS else surface.find(path)


def main(record: Path, report: Path, order: str = "") -> None:
    """Make the calls in a folder that they may fill."""
    results: Results = json.loads(record.read_text())
    os.chdir(tempfile.mkdtemp())
    names = order_names(results, is_reversed=bool(order))
    # A number that no call closes.
    descriptor = fcntl.fcntl(
        os.open(report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), fcntl.F_DUPFD, 100
    )
    with os.fdopen(descriptor, "w", encoding="utf-8", buffering=1) as stream:
        for path, given in play_all(results, names):
            stream.write(f"{json.dumps([path, given])}\n")
        stream.write('["", {}]\n')
    os._exit(0)  # what calls left running must not hold it


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
