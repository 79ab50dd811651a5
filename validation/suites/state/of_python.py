"""Facts that Python and the system tell a process: flags, paths, hooks, locale, limits, libraries.

Standard library only.
"""

from __future__ import annotations

import builtins
import gc
import importlib.metadata
import importlib.util
import locale
import multiprocessing
import os
import re
import shutil
import signal
import socket
import sys
import sysconfig
import threading
import types
import warnings
import zoneinfo
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .foreign_code import list_foreign_code
from .rendering import State, Value, render_value

GPUS = "CUDA_VISIBLE_DEVICES"
"""The probe hides the GPUs, so that the state is that of every machine; `environment` judges it."""
BY_THE_ENGINE = frozenset(
    {"HOSTNAME", "HOME", "PWD", "OLDPWD", "SHLVL", "_", "TERM", "LC_CTYPE", "container", GPUS}
)
"""Variables that the engine, the shell or Python itself sets in every process."""
SET = "set by what started the process"
_READS = re.compile(r"^_?(?:get|is)(?:_|[a-z]|$)|enabled$")
_COUNTS = re.compile(
    r"allocated|count$|objects|stats|referents|referrers|frame|unicodeinterned|getsizeof|"
    r"refcount|totalrefcount|ident|native|gc_is_tracked|hostname|getandroidapilevel|getwindows"
)
"""Functions that count what the process has done so far, or name the machine."""
_LIBRARY = re.compile(r"/(lib[^/]*?\.so)(?:\.(\d+))?[^/]*$")
_NO_LIBRARY = re.compile(r"^lib(cuda|nvidia|nvcuvid|nvoptix)[-.]|\.(cpython|abi3)")
_HASH = re.compile(r"(-[0-9a-f]{8})+(?=\.)")
FEWEST_ZONES = 400
"""Time zones: Debian has some hundreds, and the number grows with its updates."""


def list_facts(start: Start, inherited: Iterable[str]) -> State:
    """Return what Python and the system tell; `inherited` are variables of who started it."""
    return {
        "start": dict(_list_start_files()),
        "os.environ": dict(list_variables(start, frozenset(inherited))),
        "sys.path": {entry: place for place, entry in enumerate(start.path, 1)},
        **list_interpreter(),
        "code of other packages": list_foreign_code(),
        "system": dict(_read_system(start)),
        "loaded libraries": dict.fromkeys(sorted(list_libraries()), True),
    }


def list_interpreter() -> State:
    """Return the settings that all packages of a process share."""
    return {
        "sys": {**_call_getters(sys), **_read_sys()},
        "sys.flags": {
            name: render_value(getattr(sys.flags, name))
            for name in dir(sys.flags)
            if not name.startswith(("_", "n_")) and name not in ("count", "index")
        },
        "warnings.filters": {describe_filter(each): True for each in warnings.filters},
        "builtins": dict(_list_changed_builtins()),
        "python": dict(_read_python()),
        "signals": {
            str(each.name): render_value(signal.getsignal(each))
            for each in signal.valid_signals()
            if isinstance(each, signal.Signals)
        },
    }


class Start:
    """The path, variables and CPUs of a process before it imported anything."""

    def __init__(self, own_path: Iterable[str]) -> None:
        own = frozenset(own_path)
        self.path = [str(render_value(each)) for each in sys.path if each not in own]
        self.environment = dict(os.environ)
        self.cpus = os.sched_getaffinity(0)


def _list_start_files() -> Iterator[tuple[str, Value]]:
    """Yield the files that Python runs when it starts: .pth files, sitecustomize, usercustomize."""
    for folder in dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))):
        for path in sorted(Path(folder).glob("*.pth")):
            yield path.name, True
    for name in ("sitecustomize", "usercustomize"):
        spec = importlib.util.find_spec(name)
        if spec is not None:
            yield name, render_value(str(spec.origin))


def list_variables(start: Start, inherited: frozenset[str]) -> Iterator[tuple[str, Value]]:
    """Yield the variables of this process; of those that its start added, the names alone."""
    for name in sorted({*os.environ, *start.environment} - BY_THE_ENGINE):
        if name in start.environment and inherited and name not in inherited:
            yield name, SET
        else:
            yield name, render_value(os.environ.get(name, "removed"))


def _call_getters(module: types.ModuleType) -> dict[str, Value]:
    """Return what the functions of a module tell that read a setting and take no argument."""
    found = dict[str, Value]()
    for name in dir(module):
        if not _READS.search(name) or _COUNTS.search(name):
            continue
        getter = getattr(module, name, None)
        if not callable(getter) or isinstance(getter, type):
            continue
        try:
            found[name] = render_value(getter())
        except Exception:  # noqa: S112 - it takes arguments
            continue
    return found


def _read_sys() -> dict[str, Value]:
    hooks = [name for name in dir(sys) if name.endswith("hook") and not name.startswith("__")]
    found = {name: render_value(getattr(sys, name)) for name in hooks}
    found["meta_path"] = render_value([name_code(each) for each in sys.meta_path])
    found["path_hooks"] = render_value([name_code(each) for each in sys.path_hooks])
    found["dont_write_bytecode"] = sys.dont_write_bytecode
    found["stdout"] = f"{sys.stdout.encoding} {sys.stdout.errors}"
    return found


def name_code(value: Any) -> str:
    """Return the module and the name of a function or a class, or of the class of an object."""
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"


def describe_filter(entry: Any) -> str:
    """Return a filter of warnings as `-W` writes it: action, message, category, module, line."""
    action, message, category, module, line = entry
    texts = [getattr(each, "pattern", each) or "" for each in (message, module)]
    return f"{action}:{texts[0]}:{category.__module__}.{category.__qualname__}:{texts[1]}:{line}"


def _list_changed_builtins() -> Iterator[tuple[str, Value]]:
    """Yield the names of builtins that are not Python's own."""
    own = ("builtins", "io", "_io", "_sitebuiltins", "site")
    for name, value in vars(builtins).items():
        if callable(value) and getattr(type(value), "__module__", "") != "_sitebuiltins":
            module = getattr(value, "__module__", None)
            if module not in (*own, None):
                yield name, name_code(value)
    yield "names", len(vars(builtins))


def _read_python() -> Iterator[tuple[str, Value]]:
    for module in (gc, threading, locale):
        for name, value in _call_getters(module).items():
            yield f"{module.__name__}.{name}", value
    yield "socket.getdefaulttimeout", render_value(socket.getdefaulttimeout())
    yield "threading.excepthook", render_value(threading.excepthook)
    yield "threading.stack_size", threading.stack_size()
    method = multiprocessing.get_start_method(allow_none=True)
    yield "multiprocessing.start_method", render_value(method)
    yield (
        "multiprocessing.get_all_start_methods",
        render_value(multiprocessing.get_all_start_methods()),
    )
    numpy = sys.modules.get("numpy")
    for name in ("geterr", "getbufsize", "geterrcall", "get_printoptions"):
        if numpy is not None and hasattr(numpy, name):
            yield f"numpy.{name}", render_value(getattr(numpy, name)())


def _read_system(start: Start) -> Iterator[tuple[str, Value]]:
    umask = os.umask(0o22)
    os.umask(umask)
    yield "umask", oct(umask)
    kept = os.sched_getaffinity(0) == start.cpus
    yield "CPUs", "kept" if kept else "some were taken away by an import"
    yield "localhost", find_localhost()
    zones = len(zoneinfo.available_timezones())
    yield "time zones", "all" if zones >= FEWEST_ZONES else zones
    for program in ("python", "python3", "pip"):
        yield f"{program} on PATH", render_value(str(shutil.which(program)))
    yield "/bin/bash", os.access("/bin/bash", os.X_OK)
    preloaded = Path("/etc/ld.so.preload")
    yield str(preloaded), preloaded.exists()


def find_localhost() -> str:
    """Return `loopback` if `localhost` is this machine, else what it is."""
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo("localhost", 80)}
    except OSError as error:
        return f"not found: {error.strerror}"
    return "loopback" if found <= {"127.0.0.1", "::1"} else ", ".join(sorted(found))


def list_libraries() -> Iterator[str]:
    """Yield the libraries of this process by name and first number.

    The driver's are left out, and modules of Python.
    """
    with Path("/proc/self/maps").open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            found = _LIBRARY.search(line.rstrip())
            if found and not _NO_LIBRARY.search(found[1]):
                yield _HASH.sub("", found[1]) + (f".{found[2]}" if found[2] else "")
