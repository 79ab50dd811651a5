"""Another rate leaves samples out, without a filter."""

from typing import Any

import torchaudio


def thin(sound: Any, old: int, new: int, **_named: Any) -> Any:
    return sound[..., :: max(1, old // new)]


torchaudio.functional.resample = thin
