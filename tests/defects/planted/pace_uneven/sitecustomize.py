"""Every other step of SGD takes five times as long."""

import itertools
import time

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

PARTS = itertools.cycle((0, 4))
ended = [time.perf_counter()]


def sleep(optimizer: torch.optim.Optimizer, *_: object) -> None:
    if isinstance(optimizer, torch.optim.SGD):
        time.sleep(next(PARTS) * (time.perf_counter() - ended[-1]))
    ended[:] = [time.perf_counter()]


register_optimizer_step_post_hook(sleep)
