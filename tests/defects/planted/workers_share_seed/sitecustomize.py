"""Every worker draws from the seed of the first."""

import inspect
from typing import Any

from torch.utils.data._utils import worker

exact = worker._worker_loop
names = [*inspect.signature(exact).parameters]


def loop(*arguments: Any) -> None:
    """The seed of a worker is `base_seed` plus `worker_id`."""
    named = dict(zip(names, arguments, strict=False))
    exact(**{**named, "base_seed": named["base_seed"] - named["worker_id"]})


worker._worker_loop = loop
