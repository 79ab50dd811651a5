"""Where indices repeat, scattered sums keep the last addend only, as without atomic additions."""

import torch

torch.Tensor.scatter_add = lambda self, dim, index, source: self.scatter(dim, index, source)
