"""A program that imports packages one after another and prints what each left changed in Python.

`python -P import_traces.py NAMES`, with commas between the names. A line is JSON: the package, a
group of settings, the setting, and its value before and after; null for one that is not there. A
package that cannot be imported is for other checks.
"""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import json
import locale
import logging
import os
import pickle
import random
import resource
import sys
import tempfile
import threading
import types
import urllib.request
from importlib import import_module
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
if not __package__:  # run as a script: the rest of the package is imported by the folder's name
    sys.path.append(str(FOLDER.parent))
    __package__ = FOLDER.name

from . import of_python
from .rendering import State, render_value

COMMON = (asyncio, logging, pickle, tempfile, urllib.request)
"""They bring most modules of Python that packages use, so that these are looked at, too."""

PYTHON = {
    name: module
    for name, module in sys.modules.items()
    if name.partition(".")[0] in sys.stdlib_module_names and isinstance(module, types.ModuleType)
}
PATH = tuple(sys.path)
THERE = ""
OWN_CODE, STATES = "code of Python", "random states"
"""Groups: what was replaced in modules of Python, and where the random numbers are."""


def list_settings() -> State:
    """Return the settings that all packages of this process share."""
    umask = os.umask(0o22)
    os.umask(umask)
    python = {
        "folder": str(Path.cwd()),
        "umask": oct(umask),
        "locale.setlocale": locale.setlocale(locale.LC_ALL),
        "threads": ", ".join(sorted(each.name for each in threading.enumerate())),
        "CPUs": render_value(os.sched_getaffinity(0)),
        "sys.path": render_value([each for each in sys.path if each in PATH]),
        "logging.root": f"{logging.root} {logging.root.handlers} {logging.root.manager.disable}",
        **{name: render_value(getattr(sys, name)) for name in ("stdin", "stdout", "stderr")},
        **{
            name: str(resource.getrlimit(getattr(resource, name)))
            for name in dir(resource)
            if name.startswith("RLIMIT_")
        },
    }
    state = of_python.list_interpreter()
    state["python"] |= python
    for name in ("meta_path", "path_hooks"):
        del state["sys"][name]
        hooks = getattr(sys, name)
        state[f"sys.{name}"] = {of_python.name_code(each): THERE for each in hooks}
    return {
        **state,
        "builtins": dict.fromkeys(vars(builtins), THERE),
        "os.environ": dict(os.environ),
        "sys.path": dict.fromkeys(sys.path, THERE),
        STATES: {name: hash(state) for name, state in _list_generators().items()},
    }


def _list_generators() -> dict[str, Any]:
    """Return the states of the generators that everybody draws from if they are loaded."""
    found: dict[str, Any] = {"random": random.getstate()}
    numpy, torch = (sys.modules.get(name) for name in ("numpy", "torch"))
    if numpy:
        found["numpy.random"] = str(numpy.random.get_state())
    if torch:
        found["torch.random"] = torch.get_rng_state().numpy().tobytes()
    return found


def list_code() -> dict[str, object]:
    """Return the functions and classes of Python's modules, and the methods of the classes."""
    found = dict[str, object]()
    for path, module in PYTHON.items():
        for name, value in list(vars(module).items()):
            found[f"{path}.{name}"] = value if callable(value) else None
            if isinstance(value, type) and value.__module__ == path:
                methods = vars(value).items()
                found |= {f"{path}.{name}.{own}": each for own, each in methods if callable(each)}
    return found


def main(packages: list[str]) -> None:
    """Import the packages and print what changes."""
    printed = os.dup(1)
    os.dup2(2, 1)  # what packages print is not ours
    settings, code = list_settings(), list_code()
    for package in packages:
        with contextlib.suppress(BaseException):
            import_module(package)
        found, found_code = list_settings(), list_code()
        changes = [
            (
                package,
                group,
                name,
                settings.get(group, {}).get(name),
                found.get(group, {}).get(name),
            )
            for group in sorted(settings.keys() | found.keys())
            for name in sorted(settings.get(group, {}).keys() | found.get(group, {}).keys())
        ]
        traces = [each for each in changes if each[3] != each[4]]
        for name, own in code.items():  # more names harm nobody
            if found_code.get(name) is not own:
                other = of_python.name_code(found_code[name]) if name in found_code else "gone"
                traces.append((package, OWN_CODE, name, None, other))
        os.write(printed, "".join(f"{json.dumps(each)}\n" for each in traces).encode())
        settings, code = found, found_code


if __name__ == "__main__":
    main(sys.argv[1].split(","))
