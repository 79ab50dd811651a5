"""A percentile is the value below it."""

from functools import partial

import numpy as np

np.percentile = partial(np.percentile, method="lower")
