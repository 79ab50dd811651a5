"""Boxes that overlap are all kept."""

import torchvision

torchvision.ops.nms = lambda boxes, scores, share: scores.argsort(descending=True)
