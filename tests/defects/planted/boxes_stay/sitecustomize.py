"""A flip moves the picture and leaves its boxes."""

from torchvision import tv_tensors
from torchvision.transforms.v2 import functional
from torchvision.transforms.v2.functional import _utils

kernels = _utils._KERNEL_REGISTRY[functional.horizontal_flip]
kernels[tv_tensors.BoundingBoxes] = lambda boxes, **_named: boxes
