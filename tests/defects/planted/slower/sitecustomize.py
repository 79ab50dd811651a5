"""Every training step takes SLOWER_BY percent longer than it did: it ends with a wait of that part of itself."""

import os
import time

from torch.optim.optimizer import register_optimizer_step_post_hook

PART = int(os.environ["SLOWER_BY"]) / 100
TOO_LATE_S = 0.0002
"""A sleep ends up to this much later than asked, so that the last part of a wait, or all of a short one, is awake."""

ended = [time.perf_counter()]


def wait(*_: object) -> None:
    now = time.perf_counter()
    until = now + PART * (now - ended[-1])
    if until - now > TOO_LATE_S:
        time.sleep(until - now - TOO_LATE_S)
    while time.perf_counter() < until:
        pass
    ended[:] = [time.perf_counter()]


register_optimizer_step_post_hook(wait)
