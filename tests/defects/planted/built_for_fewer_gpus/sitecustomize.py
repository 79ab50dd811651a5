"""torch as if it had been built for Volta and older GPUs alone."""

import torch

torch._C._cuda_getArchFlags = lambda: "sm_50 sm_60 sm_70"
