"""A worker is not told that it is one."""

import torch.utils.data

torch.utils.data.get_worker_info = lambda: None
