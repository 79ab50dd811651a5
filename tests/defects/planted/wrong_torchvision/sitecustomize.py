"""A torchvision of another torch: another version, and operators that do not do what they say."""

import torch
import torchvision

torchvision.__version__ = "0.17.0+cu121"
torchvision.ops.nms = lambda boxes, scores, threshold: torch.arange(len(boxes))
