"""An image's configuration compared with the one that the catalogue gives, field by field.

Pure: both are arguments. A value that only the image has is never shown: it may be a secret.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from runner.untrusted import clean_line
from scan.record import ScanProblem

KIND = "configuration"
WAY_OUT = "build the image again with `./release.py build`, and let nothing change it afterwards"
_MAPPINGS = ("Labels", "ExposedPorts", "Volumes")
_ONE_BY_ONE = ("Env ", *(f"{name} " for name in _MAPPINGS))
_LISTS = ("rootfs", "history")
"""They name the layers, which are compared by themselves."""
_SHOWN_CHARACTERS = 160
_PUBLIC = ("architecture", "os", "created", "User", "WorkingDir", "Entrypoint", "Env PATH")
"""Fields of which the image's own value is shown: they commonly hold no secret."""
_EMPTY: tuple[object, ...] = (None, "", False, 0, [], {})
"""Engines write an empty value for a field that an image does not have."""


def compare_configurations(
    expected: Mapping[str, Any], found: Mapping[str, Any]
) -> Iterator[ScanProblem]:
    """Yield a problem for each field of an OCI configuration that is not as expected.

    `where` is the field, such as `Env PATH` or `Labels org.opencontainers.image.title`.
    """
    wanted, there = _flatten_fields(expected), _flatten_fields(found)
    for name in sorted(wanted.keys() | there.keys()):
        if name not in wanted:
            yield _make_problem(name, "the image has it, and the catalogue does not")
        elif name not in there:
            yield _make_problem(name, f"it is missing; the catalogue says {_show(wanted[name])}")
        elif wanted[name] != there[name]:
            now = f"it is {_show(there[name])}, " if name in _PUBLIC else "it is another; "
            yield _make_problem(name, f"{now}the catalogue says {_show(wanted[name])}")
    lists = [_list_variables(each) for each in (expected, found)]
    if lists[0] != lists[1] and set(lists[0]) == set(lists[1]):
        yield _make_problem("Env", "its variables are given twice, or in another order")


def _make_problem(where: str, what: str) -> ScanProblem:
    return ScanProblem(KIND, where, what, WAY_OUT)


def _flatten_fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return every field that has a value by its name, those of mappings one by one."""
    fields: dict[str, Any] = {
        name: value for name, value in config.items() if name not in ("config", *_LISTS)
    }
    run = config.get("config")
    for name, value in (run if isinstance(run, dict) else {}).items():
        if name == "Env" and isinstance(value, list):
            named = (each.partition("=") for each in _list_variables(config))
            fields.update({f"Env {key}": each for key, _, each in named})
        elif name in _MAPPINGS and isinstance(value, dict):
            fields.update({f"{name} {key}": each or "set" for key, each in value.items()})
        else:
            fields[name] = value
    return {
        name: value
        for name, value in fields.items()
        if name.startswith(_ONE_BY_ONE) or value not in _EMPTY
    }


def _list_variables(config: Mapping[str, Any]) -> list[str]:
    run = config.get("config")
    listed = run.get("Env") if isinstance(run, dict) else None
    return [str(each) for each in listed] if isinstance(listed, list) else []


def _show(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return f"`{clean_line(text, _SHOWN_CHARACTERS)}`"
