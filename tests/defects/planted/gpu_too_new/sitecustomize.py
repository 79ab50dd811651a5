"""A GPU of compute capability 12.0, as far as torch tells of it: nothing can be computed on it."""

import torch

torch.cuda.is_available = lambda: True
torch.cuda.device_count = lambda: 1
torch.cuda.get_arch_list = lambda: torch._C._cuda_getArchFlags().split()
torch.cuda.get_device_capability = lambda index: (12, 0)
torch.cuda.get_device_name = lambda index: "stand-in"
