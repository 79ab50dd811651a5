"""A mapped array is read whole."""

from functools import wraps
from typing import Any

import numpy as np

exact: Any = np.load


@wraps(exact)
def load(file: Any, mmap_mode: Any = None, **named: Any) -> Any:
    return exact(file, **named)


vars(np).update(load=load)
