"""SequentialLR brings back all its schedulers but the last."""

from torch.optim import lr_scheduler

exact = lr_scheduler.SequentialLR.load_state_dict


def load(self: lr_scheduler.SequentialLR, state: dict[str, object]) -> None:
    last = dict(self._schedulers[-1].__dict__)
    exact(self, state)
    self._schedulers[-1].__dict__.update(last)


lr_scheduler.SequentialLR.load_state_dict = load
