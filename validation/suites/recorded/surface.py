"""The public functions and classes of the packages whose results are recorded."""

from __future__ import annotations

import contextlib
import fnmatch
import importlib
import importlib.util
import inspect
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from ..contract import recorded_results

SCENARIOS = "scenarios"
"""The module of this package whose functions are called as if they were public."""

LEFT_OUT = re.compile(
    r"^_|^mro$|^\w+(Tensor|Storage)$|^(set_|enable|disable|use_|download|fork_rng|seed$|manual_seed"
    r"|initial_seed|get_rng|wait"
    r"|register(ed)?_|show|main$|breakpoint|exit|quit|abort|notebook|login|logout|push_|upload|create_|delete_"
    r"|interpreter_login|namedWindow|waitKey|destroy|imshow|pollKey|selectROI|compile$|save_video"
    r"|share_memory|pin_memory|cuda|xpu|ipu|hpu|mtia|to_mkldnn|__?setstate|data_ptr|storage_offset"
    r"|get_default_device|urandom|chararray|recarray$|masked_all|Uninitialized"
    r"|empty|new_empty|new$|resize_$|bytes$|test$|info$|version|hub|choose_conv_method|load_url|list_repo|hf_|snapshot"
    r"|is_\w*available|import_|opt_func_info|checkHardware"
    r"|get_system_info|as_strided)"
)
"""What sets the state of the process, asks the network, the screen, or the machine (also which
instructions its processor has and which system it runs), or gives memory as it is, also beyond an
array.
"""

PRINCIPAL = {"forward", "__call__", "__getitem__", "__iter__"}
OPERATORS = {"__call__", "__getitem__", "__len__", "__iter__", "__add__", "__mul__", "__eq__"}


def is_left_out(name: str) -> bool:
    """Return whether a function or method of this name is not called."""
    return name not in OPERATORS and bool(LEFT_OUT.search(name))


def list_packages() -> list[str]:
    """Return the packages of the image that have recorded results, in the order of this list."""
    return [name for name in recorded_results.MODULES if importlib.util.find_spec(name)]


def list_callables(package: str) -> dict[str, Any]:
    """Return the public functions and classes of a package, by the shortest of their names."""
    found: dict[int, tuple[str, Any]] = {}
    for module in _list_modules(package):
        for name in list_public(module):
            with contextlib.suppress(Exception):  # what is imported at first use may be missing
                value = getattr(module, name)
                if callable(value) and _is_of(value, package) and not is_left_out(name):
                    path = f"{module.__name__}.{name}"
                    if id(value) not in found or len(found[id(value)][0]) > len(path):
                        found[id(value)] = (path, value)
    return dict(sorted(found.values(), key=lambda each: each[0]))


def _list_modules(package: str) -> Iterator[ModuleType]:
    """Yield the modules of a package that MODULES names."""
    wanted = recorded_results.MODULES[package].split()
    waiting, seen = [package], {package}
    while waiting:
        name = waiting.pop(0)
        with contextlib.suppress(Exception):  # what needs another package cannot be imported
            module = importlib.import_module(name)
            below = getattr(module, "__path__", ())
            names = [each.name for each in pkgutil.iter_modules(below, f"{name}.")]
            held = (each for each, value in vars(module).items() if inspect.ismodule(value))
            names += [f"{name}.{each}" for each in held]
            new = [
                each for each in dict.fromkeys(names) if leads_to(each, wanted) and each not in seen
            ]
            seen.update(new)
            waiting += new
            if any(fnmatch.fnmatchcase(name, each) for each in wanted):
                yield module


def leads_to(name: str, wanted: list[str]) -> bool:
    """Return whether a module, or one below it, is wanted."""
    last = name.rpartition(".")[2]
    if last.startswith("_") or last == "tests":
        return False
    return any(fnmatch.fnmatchcase(name, each) or each.startswith(f"{name}.") for each in wanted)


def list_public(module: ModuleType) -> list[str]:
    """Return the public names of a module."""
    names = getattr(module, "__all__", None) or dir(module)
    return [name for name in names if isinstance(name, str) and not name.startswith("_")]


def _is_of(value: Any, package: str) -> bool:
    """Return whether a package defines a value, rather than only imports it."""
    home = getattr(value, "__module__", None) or getattr(type(value), "__module__", "")
    return not home or home.split(".")[0] in (package, f"_{package}", "builtins", "_cv2")


def list_methods(kind: type, package: str, inherited: bool) -> list[str]:
    """Return the methods and properties that a class defines, or all that it has."""
    names = [name for name in dir(kind) if not is_left_out(name)]
    return [
        name
        for name in names
        if name not in vars(object) and _is_wanted(kind, name, package, inherited)
    ]


def _is_wanted(kind: type, name: str, package: str, inherited: bool) -> bool:
    """Return whether a member of a class is a method or property that is recorded for it."""
    owner = next((each for each in kind.__mro__ if name in vars(each)), object)
    if name in PRINCIPAL:
        return _is_of(owner, package) and owner.__module__ != "torch.nn.modules.module"
    is_base_alone = owner.__name__[0] == "_" or inspect.isabstract(owner)
    if owner is not kind and not inherited and not is_base_alone:
        return False
    member = vars(owner).get(name)
    return isinstance(member, property) or callable(getattr(kind, name, None))


def find(path: str) -> Any:
    """Return the function or class of a name.

    Raises ModuleNotFoundError if its module needs a package that is not there.
    """
    module, _, rest = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), rest)
    except ImportError as error:
        cause: BaseException | None = error
        while cause and not isinstance(cause, ModuleNotFoundError):
            cause = cause.__cause__ or cause.__context__
        if isinstance(cause, ModuleNotFoundError) and not module.startswith(str(cause.name)):
            raise cause from None
        return getattr(find(module), rest)
