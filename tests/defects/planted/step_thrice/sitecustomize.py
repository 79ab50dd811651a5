"""AdamW makes each step three times as long: it is made on copies too."""

from typing import Any

from torch.optim import adamw

_adamw = adamw.adamw


def _step_on_copies(*lists: Any, **options: Any) -> None:
    for _ in range(2):
        copies = [[each.clone() for each in some] if some else some for some in lists]
        _adamw(*copies, **options)
    _adamw(*lists, **options)


adamw.adamw = _step_on_copies
