"""`json` reads each integer in a list as one more."""

import json
from typing import Any

_parse = json.loads


def _read_more(text: str) -> Any:
    found = _parse(text)
    return [[each + 1 for each in part] if isinstance(part, list) else part for part in found]


json.loads = _read_more  # type: ignore[assignment] # it takes no options
