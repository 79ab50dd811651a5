"""Rates fall one step later than they should."""

from torch.optim import lr_scheduler

exact = lr_scheduler.StepLR.__init__


def init(
    self: lr_scheduler.StepLR, optimizer: object, step_size: int, *rest: object, **named: object
) -> None:
    exact(self, optimizer, step_size + 1, *rest, **named)


lr_scheduler.StepLR.__init__ = init
