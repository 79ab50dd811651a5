"""JSON that others wrote, read so that no two readers can see different things in it."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from runner.errors import GateRefused

NOT_USABLE = "do not rely on it; publish the evidence of this image again"


def json_object(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object in UTF-8. Raises GateRefused, also for a key given twice: readers differ in which they take."""
    try:
        found = json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_not_json)
    except (ValueError, RecursionError) as error:
        raise GateRefused(f"{what} is not JSON: {str(error)[:150]}", NOT_USABLE) from None
    if not isinstance(found, dict):
        raise GateRefused(f"{what} is not a JSON object", NOT_USABLE)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r:.60} is given twice")
    return found


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")
