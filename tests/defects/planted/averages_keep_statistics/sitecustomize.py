"""An averaged model has the statistics that it began with."""

from typing import Any

from torch.optim.swa_utils import AveragedModel

exact = AveragedModel.update_parameters


def update_parameters(self: Any, model: Any) -> None:
    kept = [each.clone() for each in self.module.buffers()]
    exact(self, model)
    for each, value in zip(self.module.buffers(), kept, strict=True):
        each.copy_(value)


AveragedModel.update_parameters = update_parameters
