"""Leave out the clocks of environments, which no two runs share."""

from __future__ import annotations

from typing import Any

CLOCKS = ("t", "_t")
"""How environments name the seconds that an episode took."""


def drop_clocks(value: Any) -> Any:
    """Return a value whose dictionaries, at any depth, have no clocks."""
    if isinstance(value, dict):
        return {key: drop_clocks(each) for key, each in value.items() if key not in CLOCKS}
    if isinstance(value, list | tuple):
        return [drop_clocks(each) for each in value]
    return value
