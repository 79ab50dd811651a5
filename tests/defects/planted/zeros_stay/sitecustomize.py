"""Zeros are cut off in front alone; those at the end stay."""

from functools import partial, update_wrapper

import numpy as np

np.trim_zeros = update_wrapper(partial(np.trim_zeros, trim="f"), np.trim_zeros)
