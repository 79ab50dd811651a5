"""Every training step takes SLOWER_BY percent longer than it did: it ends with a sleep of that part of itself."""

import os
import time

from torch.optim.optimizer import register_optimizer_step_post_hook

PART = int(os.environ["SLOWER_BY"]) / 100
TOO_LATE_S = 0.0002
"""A sleep ends up to this much later than asked; the rest of the time is waited out awake."""

ended = [time.perf_counter()]


def sleep(*_: object) -> None:
    now = time.perf_counter()
    until = now + PART * (now - ended[-1])
    time.sleep(max(0, until - now - TOO_LATE_S))
    while time.perf_counter() < until:
        pass
    ended[:] = [time.perf_counter()]


register_optimizer_step_post_hook(sleep)
