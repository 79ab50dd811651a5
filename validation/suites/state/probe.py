"""Write the state of a process as JSON: `python -P probe.py FILE WAY INHERITED IMPORTS`.

WAY says which process it is of: this one, a spawned worker, or a worker of torch's compiler.
INHERITED are the names of the variables of who started it, empty if all are; IMPORTS are modules to
import before the look. Both are separated by commas.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
OWN_PATH = (str(FOLDER), str(FOLDER.parent))
if not __package__:  # run as a script: the rest of the package is imported by the folder's name
    sys.path.append(OWN_PATH[1])
    __package__ = FOLDER.name

from . import of_python, of_torch

SPAWNED, COMPILER = "spawned_worker", "compiler_worker"
START = of_python.Start(OWN_PATH)
WAIT_S = 500
"""Who started this process waits no longer, most often less."""


def write_state(file: str, inherited: str, imports: str) -> None:
    """Import torch and then IMPORTS, look around, and write what was found to a file."""
    os.environ[of_python.GPUS] = ""
    for name in ("torch", "numpy", *filter(None, imports.split(","))):
        import_module(name)
    facts = of_python.list_facts(START, filter(None, inherited.split(",")))
    state = {**facts, **of_torch.list_switches()}
    Path(file).write_text(json.dumps(state), encoding="utf-8")


def write_state_of_spawned(*words: str) -> None:
    """Do so in a process that multiprocessing spawns."""
    import multiprocessing

    worker = multiprocessing.get_context("spawn").Process(target=write_state, args=words)
    worker.start()
    worker.join(WAIT_S)
    if worker.exitcode != 0:
        sys.exit(f"a spawned process ended with {worker.exitcode}")


def write_state_of_compiler(*words: str) -> None:
    """Do so in a process in which torch's compiler works; it needs no C compiler for that."""
    from torch._inductor.compile_worker.subproc_pool import SubprocPool

    pool: Any = SubprocPool(1)
    # the worker imports this module, and so has to find it by another name than `__main__`
    importable = import_module(f"{FOLDER.name}.{Path(__file__).stem}")
    pool.submit(importable.write_state, *words).result(timeout=WAIT_S)
    pool.shutdown()


if __name__ == "__main__":
    write = {SPAWNED: write_state_of_spawned, COMPILER: write_state_of_compiler}
    write.get(sys.argv[2], write_state)(sys.argv[1], *sys.argv[3:5])
