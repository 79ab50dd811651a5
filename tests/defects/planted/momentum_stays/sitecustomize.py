"""A schedule changes the momentum of SGD alone, and not what Adam calls so."""

from typing import Any

from torch.optim.lr_scheduler import OneCycleLR

exact = OneCycleLR.get_lr


def get_lr(self: OneCycleLR) -> Any:
    groups = self.optimizer.param_groups
    before = [group.get("betas") for group in groups]
    rates = exact(self)
    for group, betas in zip(groups, before, strict=True):
        if betas is not None:
            group["betas"] = betas
    return rates


OneCycleLR.get_lr = get_lr
