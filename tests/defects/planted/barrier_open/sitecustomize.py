"""A barrier lets everybody pass."""

import torch.distributed

torch.distributed.barrier = lambda *_arguments, **_named: None
