"""The changes of Python that packages may leave when they are imported, each with its reason."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatchcase

from .import_traces import OWN_CODE, STATES
from .rendering import Value

Trace = tuple[str, str, str, Value | None, Value | None]
"""The package, the group, the setting, and its value before and after."""

KNOWN = (
    ("builtins", "__pybind11_*", "pybind11 keeps there what modules share"),
    ("os.environ", "KMP_*", "joblib and scikit-learn tell OpenMP to live with others"),
    ("os.environ", "LD_LIBRARY_PATH", "OpenCV adds its own libraries"),
    ("os.environ", "PYGAME_HIDE_SUPPORT_PROMPT", "Gymnasium wants no advertisement"),
    ("os.environ", "TORCHINDUCTOR_CACHE_DIR", "torch's compiler notes its cache"),
    ("python", "numpy.*", "NumPy's settings are there when it is loaded; other checks read them"),
    (STATES, "*", "a generator is there when its package is loaded"),
    ("sys.meta_path", "six._SixMetaPathImporter", "six has modules that move"),
    ("sys.meta_path", "transformers.*Finder", "transformers has old names of modules"),
    ("sys.path", "*/tmp????????", "torch writes code of remote modules there"),
    ("sys.path", "*/setuptools/_vendor", "setuptools brings packages of its own"),
    ("warnings.filters", "ignore:the matrix subclass is *", "scikit-learn uses NumPy's matrices"),
    (OWN_CODE, "concurrent.futures.*", "Python imports it when it is asked for"),
    (OWN_CODE, "inspect.getfile", "torch finds sources of its packages"),
    (OWN_CODE, "typing._*", "typing_extensions brings newer generics"),
)
"""(group, setting, reason) of what may be added. Nothing may be changed or removed."""


def find_trace_faults(traces: Iterable[Trace], packages: Collection[str]) -> Iterator[str]:
    """Yield what an import changed that the others of `packages` have to share, and may not."""
    own = re.compile(rf"\b({'|'.join(map(re.escape, packages))})\b")
    for package, group, name, before, after in traces:
        known = any(
            group == of and fnmatchcase(str(name), pattern) for of, pattern, _ in KNOWN
        ) or (group == "warnings.filters" and own.search(name))
        if before is None and known:  # it may have its say about its own warnings
            continue
        found = "gone" if after is None else "there" if after in ("", True) else after
        was = "" if before is None else f", was {before or 'there'}"
        yield f"`import {package}` leaves {group}: {name} is {found}{was}"
