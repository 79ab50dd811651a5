"""Functions of loaded packages whose code is in the file of another package: what was replaced."""

from __future__ import annotations

import os
import sys
import sysconfig
import types
import warnings
from collections.abc import Iterator
from pathlib import Path

from .rendering import Value, render_value


def list_foreign_code() -> dict[str, Value]:
    """Return the functions that a package has from another one, by both.

    Packages import functions from each other, and a few more are there than one would think. A file
    that replaces a function of torch when Python starts is one more.
    """
    found: dict[str, list[str]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old names warn when they are looked at
        for name, file in _walk_functions():
            package = name.partition(".")[0]
            found.setdefault(f"{package} has of {name_owner(file)}", []).append(name)
    return {pair: render_value(", ".join(sorted(names))) for pair, names in found.items()}


def _walk_functions() -> Iterator[tuple[str, str]]:
    """Yield the functions of modules and of their classes that are in a strange file, with it."""
    library = sysconfig.get_path("stdlib") + os.sep
    for path, module in sorted(sys.modules.items()):
        if not isinstance(module, types.ModuleType) or path == "__main__":
            continue
        own = find_home(path)
        for name, value in list(vars(module).items()):
            for inner, function in _functions_of(name, value, path):
                file = function.__code__.co_filename
                if not file.startswith(("<", library)) and not (own and file.startswith(own)):
                    yield f"{path}.{inner}", file


def find_home(path: str) -> str:
    """Return the folder or the file of the package of a module; empty if it has none."""
    file = getattr(sys.modules.get(path.partition(".")[0]), "__file__", None) or ""
    return f"{Path(file).parent}{os.sep}" if Path(file).name == "__init__.py" else file


def _functions_of(name: str, value: object, path: str) -> Iterator[tuple[str, types.FunctionType]]:
    named = [(name, value)]
    if isinstance(value, type) and value.__module__ == path:
        named = [(f"{name}.{inner}", each) for inner, each in vars(value).items()]
    for inner, each in named:
        if isinstance(each, property):
            each = each.fget  # noqa: PLW2901 - what is called
        elif isinstance(each, classmethod | staticmethod):
            each = each.__func__  # noqa: PLW2901 - what is called
        if isinstance(each, types.FunctionType):
            yield inner, each


def name_owner(file: str) -> str:
    """Return the package that a file is in, or the file itself if it is in none."""
    for folder in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):
        if Path(file).is_relative_to(folder):
            return Path(file).relative_to(folder).parts[0]
    return str(render_value(file))
