"""Loading a distributed checkpoint leaves everything as it was."""

import torch.distributed.checkpoint

torch.distributed.checkpoint.load = lambda state, **_named: None
