"""Examples in docstrings of NumPy, SciPy and others, with their own settings of scipy-doctest.

Run as a program in a folder of its own: `python documented.py HARNESS SECONDS` writes FILE there.
Examples print, change options and write files, so they have a process of their own.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import json
import pkgutil
import re
import sys
import time
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FILE = "documented.json"
INTERNAL = re.compile(r"\.(_|tests?$|testing|conftest|f2py|distutils|typing|matlib|datasets)")
IMPORTED = re.compile(r"^\s*>>> (?:from|import) (\w+)", re.MULTILINE)
WRONG_AS_RELEASED = {
    "scipy.show_config",  # warns if the image has no PyYAML
    "sklearn.cluster.DBSCAN",  # an inherited example of a class of another name
    "sklearn.metrics.DistanceMetric",
    "sklearn.neighbors.BallTree",
    "sklearn.neighbors.KDTree",
}
"""Docstrings whose examples do not give what they say in the packages as they were released."""


def list_packages() -> list[str]:
    """Return the packages of the image whose wheels hold settings of scipy-doctest."""
    names = sorted(name for _, name, folder in pkgutil.iter_modules() if folder)
    return [name for name in names if has_settings(name)]


def has_settings(name: str) -> bool:
    """Return whether the package `name` holds settings of scipy-doctest."""
    found = importlib.util.find_spec(name)
    settings = Path(found.origin or "").with_name("conftest.py") if found else Path()
    return settings.is_file() and "scipy_doctest" in settings.read_text()


def list_docstrings(package: Any, settings: Any) -> list[Any]:
    """Return the docstrings whose examples import only what the image has, in a mixed order.

    The order follows from their names alone, not from the package: what the time leaves out is a
    mixture of all modules.
    """
    find_doctests = importlib.import_module("scipy_doctest.frontend").find_doctests
    docstrings: dict[str, Any] = {}
    for module in list_modules(package):
        # It has names that it does not hold, or that it holds after another import alone.
        with contextlib.suppress(ValueError, ImportError):
            for each in find_doctests(module, strategy="api", config=settings):
                docstrings.setdefault(each.docstring, each)
    usable = [each for each in docstrings.values() if each.examples and is_usable(each)]
    return sorted(usable, key=lambda each: zlib.crc32(each.name.encode()))


def list_modules(package: Any) -> Iterator[Any]:
    """Yield a package and its public modules."""
    yield package
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if not INTERNAL.search(found.name):
            with contextlib.suppress(ImportError):  # that is for other checks
                yield importlib.import_module(found.name)


def is_usable(each: Any) -> bool:
    """Return whether the image has what the examples of a docstring import."""
    # A plot takes long, and nothing is compared with it.
    names = {*IMPORTED.findall(each.docstring)}
    usable = each.name not in WRONG_AS_RELEASED and "matplotlib" not in names
    return usable and all(map(importlib.util.find_spec, names))


def run_docstrings(name: str, seconds: float) -> dict[str, Any]:
    """Run examples of package `name`, for `seconds` of the processor, and return what differed."""
    package = importlib.import_module(name)
    # What one package sets must not be in force for the next one.
    shared = importlib.reload(importlib.import_module("scipy_doctest.conftest"))
    importlib.import_module(f"{name}.conftest")
    settings = shared.dt_config
    run_with = importlib.import_module("scipy_doctest.impl").DTRunner
    numpy = importlib.import_module("numpy")
    settings.default_namespace = {"np": numpy}
    examples, wrong, ends = 0, {}, time.process_time() + seconds
    for each in list_docstrings(package, settings):
        if time.process_time() > ends:
            break
        output = io.StringIO()
        runner = run_with(verbose=False, optionflags=settings.optionflags, config=settings)
        with numpy.printoptions(), settings.user_context_mgr(each):
            result = runner.run(each, out=output.write)
        examples += result.attempted
        if result.failed:
            wrong[each.name] = output.getvalue()
    return {"examples": examples, "wrong": wrong}


def describe_wrong(report: dict[str, Any]) -> str:
    """Return the first example that gave something else, and how many more there are."""
    wrong = {name: output for each in report.values() for name, output in each["wrong"].items()}
    if not wrong:
        return ""
    name, output = next(iter(wrong.items()))
    _, _, example = output.partition("Failed example:")
    shown = " ".join(example.partition("\n\n")[0].split())[:300]
    more = f" ({len(wrong)} docstrings have such examples)" if len(wrong) > 1 else ""
    return f"an example of {name} gives something else: {shown}{more}"


if __name__ == "__main__":
    sys.path.append(sys.argv[1])  # last, so that it shadows no package of the image
    warnings.simplefilter("ignore")
    packages = list_packages()
    share = float(sys.argv[2]) / max(len(packages), 1)
    with contextlib.redirect_stdout(io.StringIO()):
        found = {name: run_docstrings(name, share) for name in packages}
    Path(FILE).write_text(json.dumps(found))
