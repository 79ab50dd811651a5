"""A flip moves the picture and leaves its mask."""

from torchvision import tv_tensors
from torchvision.transforms.v2 import functional
from torchvision.transforms.v2.functional import _utils

kernels = _utils._KERNEL_REGISTRY[functional.vertical_flip]
kernels[tv_tensors.Mask] = lambda mask, **_named: mask
