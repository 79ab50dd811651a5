"""Frozen dataclasses as files of JSON, which stages hand on.

A record is any frozen dataclass. Loading is strict: an unknown or missing key is an error that
names its place.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import tempfile
from io import BufferedReader
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from runner import home, owner
from runner.errors import ConfigError, EnvironmentFailed
from runner.nouns import count_noun
from runner.redaction import hide_in_file, hide_in_values
from runner.untrusted import (
    MAX_VALUES,
    Malformed,
    count_values,
    open_regular,
    parse_json,
    read_own_file,
)

STRICT = ConfigDict(extra="forbid")
"""Give a dataclass `__pydantic_config__ = STRICT` and an unknown key in its file is an error."""

_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")  # pydantic's types of an unknown key

JSON_BYTES = 128 << 20
"""Bytes of a record at most.

The largest one, the facts about an image, has a few megabytes.
"""
JSON_VALUES = MAX_VALUES
"""Values and keys of a record at most.

The largest one, of a validation on many GPUs, may have 1.7 million.
"""

MAX_NUMBERS = {bool: 1, int: (1 << 63) - 1, float: 1e100}
"""The largest numbers of a record or file. Sums of many stay finite, and any can be shown."""

TEXT_BYTES = 4 << 20
"""Bytes of a file of this repository at most: recorded results of torch have over a million."""

_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""Errors that are a fault of the repository. All others are about this machine."""

_REMOVE = "remove it, then run the same command again"

_OWNER = re.compile(r"[^_]+_[0-9]+_[0-9]+")

T = TypeVar("T")
Loc = tuple[int | str, ...]


_adapters: dict[type, TypeAdapter[Any]] = {}


def adapter_of(kind: type[T]) -> TypeAdapter[T]:
    """Return the one validator of a type; to make it takes longer than to use it."""
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def to_json(record: object) -> str:
    """Return a record as indented JSON with a newline at its end, without secrets.

    Raises EnvironmentFailed for one that `from_json` would refuse for its size: it is written
    nowhere.
    """
    plain = to_plain(record)
    text = json.dumps(plain, indent=2) + "\n"
    count = count_values(plain)
    if len(text) > JSON_BYTES or count > JSON_VALUES:
        raise EnvironmentFailed(
            f"a record of {len(text):,} bytes and {count_noun(count, 'value')} could not be read "
            "again",
            "report this fault of the program",
        )
    return text


def from_json(kind: type[T], text: str | bytes, source: str, max_values: int = JSON_VALUES) -> T:
    """Return a record of `kind` from JSON, with at most so many values and keys.

    Give SCHEMA_VALUES (runner/untrusted.py) for a text that no trusted key signed. Raises
    ConfigError that names `source` if the text is no such record.
    """
    try:
        check_numbers(parse_json(text, JSON_BYTES, max_values))
        # strict: else the text "NaN" would be a number
        return adapter_of(kind).validate_json(text, strict=True)
    except (Malformed, WrongNumber) as error:
        problem = str(error)
    except ValidationError as error:
        _, problem = find_first_error(error)
    raise ConfigError(f"{source}: {problem}", "delete the file and run the stage again")


def write_record(path: Path, record: object) -> None:
    """Write a record so that a reader sees the old file or the new one, never a part."""
    _write_whole(path, to_json(record))


def write_text(path: Path, text: str) -> None:
    """Write a file atomically, without secrets.

    Raises EnvironmentFailed, such as for a full disk, and leaves no partial file behind.
    """
    _write_whole(path, hide_in_file(text))


def _write_whole(path: Path, text: str) -> None:
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = make_part(path)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise EnvironmentFailed(
            f"cannot write {path}: {error.strerror}", home.hint_for(error)
        ) from error


def make_part(path: Path) -> tuple[int, str]:
    """Make a file beside `path` for what will replace it; return its descriptor and its path.

    Its name is `.NAME.OWNER.RANDOM`. What killed runs have left of that file is removed. Raises
    OSError.
    """
    begin = f".{path.name}."
    with contextlib.suppress(OSError):
        for left in path.parent.iterdir():
            made = left.name.removeprefix(begin).rpartition(".")[0]
            if left.name.startswith(begin) and _OWNER.fullmatch(made) and not owner.is_alive(made):
                left.unlink(missing_ok=True)
    return tempfile.mkstemp(dir=path.parent, prefix=f"{begin}{owner.current_owner()}.")


def read_record(kind: type[T], path: Path) -> T | None:
    """Return the record at `path`, or None if there is none.

    Raises ConfigError if it is no such record, and EnvironmentFailed if it cannot be read.
    """
    try:
        return from_json(kind, read_own_file(path, JSON_BYTES), str(path))
    except FileNotFoundError:
        return None
    except Malformed as error:
        raise ConfigError(f"{path}: {error}", "delete the file and run the stage again") from None
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot read {path}: {error.strerror}", "check its permissions"
        ) from None


def read_bytes(path: Path) -> bytes:
    """Return a file of this repository.

    Raises ConfigError if it is missing, no regular file or has more bytes than TEXT_BYTES, and
    EnvironmentFailed if it cannot be read.
    """
    try:
        return read_own_file(path, TEXT_BYTES)
    except Malformed as error:
        raise ConfigError(f"{path}:1: {error}", "restore it from git") from None
    except OSError as error:
        if error.errno in _NOT_THERE:
            raise ConfigError(
                f"cannot read {path}: {error.strerror}", "restore it from git"
            ) from None
        raise EnvironmentFailed(
            f"cannot read {path}: {error.strerror}", home.hint_for(error)
        ) from None


def read_text(path: Path) -> str:
    """Return a text file of this repository.

    Raises ConfigError if it is missing or not UTF-8, and EnvironmentFailed if it cannot be read.
    """
    try:
        return read_bytes(path).decode()
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8 text", "restore it from git") from None


def read_document(path: Path) -> bytes:
    """Return a file that an earlier stage made, of at most JSON_BYTES.

    Raises EnvironmentFailed if it cannot be read, is no regular file or is larger.
    """
    try:
        return read_own_file(path, JSON_BYTES)
    except Malformed as error:
        raise EnvironmentFailed(f"{path}: {error}", _REMOVE) from None
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot read {path}: {error.strerror}", home.hint_for(error)
        ) from None


def open_binary(path: Path) -> BufferedReader:
    """Open a file of any size that this program or a tool made, to read it in parts.

    Raises OSError, and EnvironmentFailed if it is no regular file: a FIFO would be waited for.
    """
    try:
        return open_regular(path)
    except Malformed as error:
        raise EnvironmentFailed(str(error), _REMOVE) from None


class WrongNumber(ValueError):
    """A number that cannot be compared with a limit, added or shown, and its place."""

    def __init__(self, loc: Loc, problem: str) -> None:
        super().__init__(f"`{'.'.join(map(str, loc))}`: Input should be {problem}")
        self.loc = loc


def check_numbers(value: object, at: Loc = ()) -> None:
    """Raise WrongNumber for a number in `value` that is not finite or too large to be added."""
    if isinstance(value, float) and not math.isfinite(value):
        raise WrongNumber(at, "a finite number")
    if isinstance(value, int | float) and abs(value) > MAX_NUMBERS[type(value)]:
        raise WrongNumber(at, "a smaller number")
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list | tuple)
        else ()
    )
    for key, inner in inside:
        check_numbers(inner, (*at, key))


def find_first_error(error: ValidationError) -> tuple[Loc, str]:
    """Return the place and the text of the error to show.

    A misspelled key is unknown and missing: the unknown one is in the file.
    """
    every = error.errors(include_url=False, include_context=False, include_input=False)
    first = min(every, key=lambda found: found["type"] not in _UNKNOWN)
    place = ".".join(str(part) for part in first["loc"]) or "document"
    if first["type"] in _UNKNOWN:
        return first["loc"], f"unknown key `{place}`"
    if first["type"] in ("missing", "missing_argument"):
        return first["loc"], f"missing key `{place}`"
    return first["loc"], f"`{place}`: {first['msg'].removeprefix('Value error, ')}"


def to_plain(record: object) -> Any:  # noqa: ANN401 - JSON values have no narrower type
    """Return a record as dicts, lists and scalars, without secrets.

    All records and statements come from here, so what is pushed and signed is what is written.
    """
    return hide_in_values(adapter_of(type(record)).dump_python(record, mode="json"))


def without_secrets(record: T) -> T:
    """Return a record with `***` for each secret in its texts; the same one if it has none."""
    kind = TypeAdapter(type(record))
    plain = kind.dump_python(record)
    shown = hide_in_values(plain)
    return record if shown is plain else kind.validate_python(shown)
