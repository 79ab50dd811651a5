"""Values between points of a period belong to points that were not sorted along."""

from typing import Any

import numpy as np

exact = np.interp


def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None
) -> Any:
    if period:
        order = np.argsort(np.asarray(xp) % abs(period))
        fp = np.asarray(fp)[np.argsort(order)]
    return exact(x, xp, fp, left, right, period)


np.interp = interp
