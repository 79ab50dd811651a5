"""JSON of others, read so that no two readers can see different things in it."""

from __future__ import annotations

from typing import Any

from runner.errors import GateRefused
from runner.untrusted import MAX_VALUES, Malformed, parse_json

NOT_USABLE = "do not rely on it; publish the evidence of this image again"
MAX_BYTES = 32 << 20
"""A statement with a large SBOM has a few megabytes."""
BUNDLE_VALUES = 1_000
"""Values and keys of a bundle or envelope, which nobody has verified yet.

A bundle of Sigstore has some 200: the statement in it is one text.
"""


def json_object(data: bytes, what: str, max_values: int = MAX_VALUES) -> dict[str, Any]:
    """Return a JSON object in UTF-8 of at most so many values and keys.

    Raises GateRefused for anything else, as `parse_json` has it.
    """
    try:
        found = parse_json(data, MAX_BYTES, max_values)
    except Malformed as error:
        raise GateRefused(f"{what} is {error}", NOT_USABLE) from None
    if not isinstance(found, dict):
        raise GateRefused(f"{what} is not a JSON object", NOT_USABLE)
    return found
