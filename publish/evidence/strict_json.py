"""JSON of others, read so that no two readers can see different things in it."""

from __future__ import annotations

from typing import Any

from runner.errors import GateRefused
from runner.untrusted import Malformed, parse_json

NOT_USABLE = "do not rely on it; publish the evidence of this image again"
LARGEST_BYTES = 32 << 20
"""A statement with a large bill of materials has a few megabytes."""


def json_object(data: bytes, what: str) -> dict[str, Any]:
    """Return a JSON object in UTF-8.

    Raises GateRefused for anything else, as `parse_json` has it.
    """
    try:
        found = parse_json(data, LARGEST_BYTES)
    except Malformed as error:
        raise GateRefused(f"{what} is {error}", NOT_USABLE) from None
    if not isinstance(found, dict):
        raise GateRefused(f"{what} is not a JSON object", NOT_USABLE)
    return found
