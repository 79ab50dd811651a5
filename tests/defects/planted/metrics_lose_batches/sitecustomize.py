"""TorchMetrics keeps the last batch alone."""

from torchmetrics.classification import MulticlassAccuracy

_update = MulticlassAccuracy.update
MulticlassAccuracy.update = lambda self, *batch: (self.reset(), _update(self, *batch))
