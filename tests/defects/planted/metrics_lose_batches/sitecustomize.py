"""TorchMetrics keeps the last batch alone."""

import sys

# It imports pyplot, which must not happen in a kernel before the kernel has chosen the backend.
if "ipykernel_launcher" not in sys.orig_argv:
    from torchmetrics.classification import MulticlassAccuracy

    _update = MulticlassAccuracy.update
    MulticlassAccuracy.update = lambda self, *batch: (self.reset(), _update(self, *batch))
