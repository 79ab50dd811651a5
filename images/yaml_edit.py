"""New entries in a YAML file that people write: all other lines of it stay as they are."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from images.version import line_numbers
from runner.errors import ConfigError


def insert_entry(text: str, key: str, name: str, entry: Sequence[str]) -> str:
    """Return `text` with the lines of `entry` in the mapping `key`, which is sorted by version.

    It comes after the entry of the next older version, with an empty line between where the other
    entries have one. Raises ConfigError if there is no such mapping, or if it has the name already.
    """
    rows = text.splitlines()
    spans = {  # the numbers of the first and last line of each entry, from 0
        each.value: (each.start_mark.line, _last_mark(value).line)
        for each, value in _find_mapping(text, key).value
    }
    if name in spans:
        raise ConfigError(f"`{key}` has an entry `{name}` already", "remove it first, or keep it")
    older = [each for each in spans if line_numbers(each) < line_numbers(name)]
    has_gap = any(first and not rows[first - 1].strip() for first, _ in [*spans.values()][1:])
    gap = [""] if has_gap else []
    if older:
        at = spans[max(older, key=line_numbers)][1] + 1
        return "\n".join([*rows[:at], *gap, *entry, *rows[at:], ""])
    at = min(first for first, _ in spans.values())
    return "\n".join([*rows[:at], *entry, *gap, *rows[at:], ""])


def read_entry(text: str, key: str, name: str) -> dict[str, str]:
    """Return the values of an entry as they are written, without comments, by their keys.

    A value of several lines keeps its lines. Raises ConfigError if there is no such entry.
    """
    text = text.removeprefix("\ufeff")  # libyaml does not count it
    found = next(
        (value for each, value in _find_mapping(text, key).value if each.value == name), None
    )
    if not isinstance(found, yaml.MappingNode):
        raise ConfigError(f"`{key}` has no entry `{name}`", "name one that is there")
    values = {}
    for each, value in found.value:
        end = _last_mark(value)
        start = value.start_mark
        values[each.value] = (
            text[start.index : end.index]
            if start.line == each.start_mark.line
            else "\n" + " " * start.column + text[start.index : end.index]
        )
    return values


def _find_mapping(text: str, key: str) -> yaml.MappingNode:
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    if isinstance(root, yaml.MappingNode):
        for name, value in root.value:
            if name.value == key and isinstance(value, yaml.MappingNode) and value.value:
                return value
    raise ConfigError(f"there is no mapping `{key}`", "restore the file from git")


def _last_mark(node: yaml.Node) -> yaml.Mark:
    """Return the end of what is written of a node: a block ends before comments and empty lines."""
    is_block = isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value
    if not is_block:
        return node.end_mark
    last = node.value[-1]
    return _last_mark(last[1] if isinstance(last, tuple) else last)
