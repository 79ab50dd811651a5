"""Files of YAML that people write: read strictly, and every error names file, line and key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar, cast

import yaml
from pydantic import ValidationError

from runner import records
from runner.errors import ConfigError
from runner.records import Loc

YAML_DEPTH, YAML_PARTS, YAML_VALUE = 16, 20_000, 10_000
"""Limits of a file: levels, keys and values, characters of one value."""

_TEXT = "tag:yaml.org,2002:str"
_DIRECTIVE = re.compile("^%", re.MULTILINE)
_STEP = {
    yaml.MappingStartEvent: 1,
    yaml.SequenceStartEvent: 1,
    yaml.MappingEndEvent: -1,
    yaml.SequenceEndEvent: -1,
}

T = TypeVar("T")


def load_yaml(kind: type[T], path: Path) -> T:
    """Return a YAML file as a `kind`. Every error names file, line and key."""
    return parse_yaml(kind, records.read_text(path), str(path))


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
        records.check_numbers(data)
    except records.WrongNumber as error:
        raise ConfigError(
            f"{source}:{_line_of(lines, error.loc)}: {error}", "fix the line"
        ) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        line, problem = _not_yaml(error, text)
        raise ConfigError(f"{source}:{line}: not valid YAML: {problem}", "fix the line") from None
    try:
        found = records.adapter_of(kind).validate_python(data)
        records.check_numbers(records.adapter_of(kind).dump_python(found))
    except records.WrongNumber as error:
        raise ConfigError(
            f"{source}:{_line_of(lines, error.loc)}: {error}", "fix the line"
        ) from None
    except ValidationError as error:
        loc, problem = records.find_first_error(error)
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


def _not_yaml(error: Exception, text: str) -> tuple[int, str]:
    """Return the line and the problem of a text that is not YAML; line 1 if it is not known."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return error.problem_mark.line + 1, str(error.problem)
    if isinstance(error, yaml.reader.ReaderError):
        before = text.encode("utf-8", "replace")[: error.position]  # libyaml counts bytes
        line = before.count(b"\n") + 1
        return line, f"it contains the character {error.character:#04x}"
    return 1, str(error).partition("\n")[0]


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
