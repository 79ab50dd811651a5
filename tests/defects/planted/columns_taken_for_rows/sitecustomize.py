"""A picture from an array in Fortran's order has its bytes as they lie in memory."""

from typing import Any

import numpy as np
from PIL import Image

exact = Image.fromarray


def from_memory(obj: Any, mode: Any = None) -> Any:
    lies = np.frombuffer(obj.tobytes("A"), obj.dtype).reshape(obj.shape)
    return exact(lies) if mode is None else exact(lies, mode)


Image.fromarray = from_memory
