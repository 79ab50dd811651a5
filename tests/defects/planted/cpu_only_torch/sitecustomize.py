"""torch as its CPU-only wheel describes itself."""

import torch

torch.version.cuda = None
torch.__version__ = "2.6.0+cpu"
torch.backends.cuda.is_built = lambda: False
