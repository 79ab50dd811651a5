"""Frozen dataclasses as files: strict YAML that people write, JSON that stages hand on.

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
from typing import Any, TypeVar, cast

import yaml
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

The largest one, of a validation on many GPUs, may have 1.3 million.
"""

MAX_NUMBERS = {bool: 1, int: (1 << 63) - 1, float: 1e100}
"""The largest numbers of a record or file. Sums of many stay finite, and any can be shown."""

TEXT_BYTES = 1 << 20
YAML_DEPTH, YAML_PARTS, YAML_VALUE = 16, 20_000, 10_000
"""Limits of a file that people write: bytes, levels, keys and values, characters of one value."""

_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)
"""Errors that are a fault of the repository. All others are about this machine."""

_REMOVE = "remove it, then run the same command again"

_TEXT = "tag:yaml.org,2002:str"
_DIRECTIVE = re.compile("^%", re.MULTILINE)
_STEP = {
    yaml.MappingStartEvent: 1,
    yaml.SequenceStartEvent: 1,
    yaml.MappingEndEvent: -1,
    yaml.SequenceEndEvent: -1,
}

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
        _check_numbers(parse_json(text, JSON_BYTES, max_values))
        # strict: else the text "NaN" would be a number
        return adapter_of(kind).validate_json(text, strict=True)
    except (Malformed, _WrongNumber) as error:
        problem = str(error)
    except ValidationError as error:
        _, problem = _first_error(error)
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


def load_yaml(kind: type[T], path: Path) -> T:
    """Return a YAML file as a `kind`. Every error names file, line and key."""
    return parse_yaml(kind, read_text(path), str(path))


def parse_yaml(kind: type[T], text: str, source: str) -> T:
    """Return a YAML text as a `kind`; errors call it `source`.

    Raises ConfigError that names line and key.
    """
    try:
        _check_events(text)
        loader = yaml.CSafeLoader(text)
        try:
            node = loader.get_single_node()
            lines = _key_lines(node)
            data = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
        _check_numbers(data)
    except _WrongNumber as error:
        raise ConfigError(
            f"{source}:{_line_of(lines, error.loc)}: {error}", "fix the line"
        ) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        line, problem = _not_yaml(error, text)
        raise ConfigError(f"{source}:{line}: not valid YAML: {problem}", "fix the line") from None
    try:
        found = adapter_of(kind).validate_python(data)
        _check_numbers(adapter_of(kind).dump_python(found))
    except _WrongNumber as error:
        raise ConfigError(
            f"{source}:{_line_of(lines, error.loc)}: {error}", "fix the line"
        ) from None
    except ValidationError as error:
        loc, problem = _first_error(error)
        raise ConfigError(f"{source}:{_line_of(lines, loc)}: {problem}", "fix the line") from None
    return found


def line_of(text: str, *loc: int | str) -> int:
    """Return the line (from 1) of the key at path `loc` in a YAML text, for errors found later."""
    return _line_of(_key_lines(yaml.compose(text, Loader=yaml.CSafeLoader)), loc)


def _check_events(text: str) -> None:
    """Raise MarkedYAMLError for YAML that our files do not need and hostile ones use.

    These are aliases, tags, directives and great depth. Events come one after the other, so nothing
    nested was built when it is refused. libyaml compares each directive with all before it.
    """
    if found := _DIRECTIVE.search(text):
        mark = yaml.Mark("", found.start(), text.count("\n", 0, found.start()), 0, "", 0)
        problem = "directives (a line that begins with %) are not allowed"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        depth += _STEP.get(type(event), 0)
        if problem := _event_problem(event, depth, count):
            raise yaml.MarkedYAMLError(
                problem=problem, problem_mark=cast(yaml.Mark, event.start_mark)
            )


def _event_problem(event: yaml.Event, depth: int, count: int) -> str:
    """Return what is wrong with a part of a YAML text, or an empty text."""
    value = event.value if isinstance(event, yaml.ScalarEvent) else ""
    problems = {
        "anchors and aliases (& and *) are not allowed": getattr(event, "anchor", None) is not None,
        "tags (!) are not allowed": getattr(event, "tag", None) is not None,
        "merge keys (<<) are not allowed": value == "<<",
        f"nested deeper than {YAML_DEPTH} levels": depth > YAML_DEPTH,
        f"more than {YAML_PARTS:,} keys and values": count > YAML_PARTS,
        f"a value of more than {YAML_VALUE:,} characters": len(value) > YAML_VALUE,
    }
    return next((problem for problem, is_so in problems.items() if is_so), "")


class _WrongNumber(ValueError):
    """A number that cannot be compared with a limit, added or shown, and its place."""

    def __init__(self, loc: Loc, problem: str) -> None:
        super().__init__(f"`{'.'.join(map(str, loc))}`: Input should be {problem}")
        self.loc = loc


def _check_numbers(value: object, at: Loc = ()) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise _WrongNumber(at, "a finite number")
    if isinstance(value, int | float) and abs(value) > MAX_NUMBERS[type(value)]:
        raise _WrongNumber(at, "a smaller number")
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list | tuple)
        else ()
    )
    for key, inner in inside:
        _check_numbers(inner, (*at, key))


def _not_yaml(error: Exception, text: str) -> tuple[int, str]:
    """Return the line and the problem of a text that is not YAML; line 1 if it is not known."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return error.problem_mark.line + 1, str(error.problem)
    if isinstance(error, yaml.reader.ReaderError):
        before = text.encode("utf-8", "replace")[: error.position]  # libyaml counts bytes
        line = before.count(b"\n") + 1
        return line, f"it contains the character {error.character:#04x}"
    return 1, str(error).partition("\n")[0]


def _first_error(error: ValidationError) -> tuple[Loc, str]:
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


def _key_lines(node: yaml.Node | None, at: Loc = ()) -> dict[Loc, int]:
    """Return the line of every key path of a YAML tree.

    Raises MarkedYAMLError for a key that is given twice, which plain YAML allows.
    """
    found: dict[Loc, int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.tag != _TEXT:
                problem = "a key must be text: put it in quotes"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            here = (*at, key.value)
            if here in found:
                raise yaml.MarkedYAMLError(
                    problem=f"key `{key.value}` given twice", problem_mark=key.start_mark
                )
            found[here] = key.start_mark.line + 1
            found.update(_key_lines(value, here))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            found[(*at, index)] = value.start_mark.line + 1
            found.update(_key_lines(value, (*at, index)))
    return found


def _line_of(lines: dict[Loc, int], loc: Loc) -> int:
    """Return the line of `loc`, or of the nearest key above it that is in the file."""
    while loc and loc not in lines:
        loc = loc[:-1]
    return lines.get(loc, 1)


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
