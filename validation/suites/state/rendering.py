"""The values of settings as JSON has them, the same on every machine.

Standard library only: the probe imports nothing of the image before it has looked around.
"""

from __future__ import annotations

import enum
import hashlib
import os
import re
import sys
import tempfile
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Value = bool | int | float | str
State = dict[str, dict[str, Value]]
"""By the module or the part of the system, and by the name of the setting."""

MAX_CHARACTERS = 160
"""Of a longer text, the beginning and a hash are kept."""
_AND_SO_ON = "... and so on, sha256 "
MAX_DEPTH = 6
_SIMPLE = (bool, int, str, float)
_COUNTS_CPUS = re.compile(r"thread|worker|cpu|proc", re.IGNORECASE)
ALL_CPUS = "as many as CPUs"


def render_value(value: object, name: str = "") -> Value:
    """Return a value as a number, a truth value or a text.

    A number that is that of the CPUs is a word, if `name` says that it counts something like CPUs.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and type(value) is int:
        return ALL_CPUS if _COUNTS_CPUS.search(name) and value in count_cpus() else value
    if isinstance(value, float) and type(value) is float:
        return value if abs(value) < float("inf") else str(value)
    text = _normalise_places(value if type(value) is str else _describe(value, MAX_DEPTH))
    digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]
    return (
        text
        if len(text) <= MAX_CHARACTERS
        else f"{text[: MAX_CHARACTERS // 2]}{_AND_SO_ON}{digest}"
    )


def is_shortened(value: Value) -> bool:
    """Return whether a value is the beginning of a longer text."""
    return isinstance(value, str) and _AND_SO_ON in value


def count_cpus() -> set[int]:
    """Return the numbers that libraries take for that of the CPUs: with and without their threads.

    1 is none of them on a machine with more.
    """
    own = os.sched_getaffinity(0)
    numbers = {len(own), os.cpu_count() or 1}
    for cpus in (own, range(os.cpu_count() or 1)):
        topology = (Path(f"/sys/devices/system/cpu/cpu{cpu}/topology") for cpu in cpus)
        files = [folder / "thread_siblings_list" for folder in topology]
        siblings = {file.read_text(encoding="utf-8") for file in files if file.exists()}
        numbers.add(len(siblings) or len(own))
    # inductor starts no more than 32 processes
    return {each for number in numbers for each in (number, min(number, 32))} - (
        {1} if len(own) > 2 else set()
    )


def _normalise_places(text: str) -> str:
    """Write the places that every machine chooses itself as words."""
    places = {
        sys.prefix: "{prefix}",
        os.environ.get("HOME", ""): "{home}",
        str(Path.cwd()): "{folder}",
        tempfile.gettempdir(): "{temporary}",
    }
    for place in sorted(places, key=len, reverse=True):
        if len(place) > 1:
            text = re.sub(rf"(?<![\w/]){re.escape(place)}(?![\w.-])", places[place], text)
    return re.sub(r"(?<=\{temporary\}/)[\w-]+", "...", text)


def _describe(value: Any, depth: int) -> str:  # noqa: PLR0911 - any object of a library
    """Return a text for a value, which has no address of memory in it."""
    if value is None or isinstance(value, _SIMPLE):
        return repr(value) if isinstance(value, str) else str(value)
    if not depth:
        return "..."
    if isinstance(value, enum.Enum):
        return str(value)
    if isinstance(value, types.ModuleType):
        return str(value.__name__)
    if isinstance(value, Mapping):
        pairs = (
            f"{_describe(key, 1)}: {_describe(each, depth - 1)}" for key, each in value.items()
        )
        return f"{{{', '.join(sorted(pairs))}}}"
    if isinstance(value, set | frozenset):
        return f"{{{', '.join(sorted(_describe(each, depth - 1) for each in value))}}}"
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        texts = [_describe(each, depth - 1) for each in value]
        # a list of types is that of a set
        return f"[{', '.join(sorted(texts) if all(map(callable, value)) else texts)}]"
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        return f"{getattr(value, '__module__', None) or ''}.{value.__qualname__}".lstrip(".")
    return describe_object(value)


def describe_object(value: Any) -> str:
    """Return the text of an object, or its type alone if the text has an address in it."""
    if type(value).__name__ == "Tensor":
        numbers = hashlib.sha256(value.cpu().contiguous().numpy().tobytes()).hexdigest()[:12]
        return f"tensor {tuple(value.shape)} {value.dtype} {numbers}"
    text = repr(value)
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return kind if re.search(r"\b0x[0-9a-f]{6,}|\bat 0x", text) else text
