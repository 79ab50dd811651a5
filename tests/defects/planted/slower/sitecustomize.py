"""Every training step takes SLOWER_BY percent longer: it ends with a wait of that part of the
fastest step so far.

Of the fastest, since part of a step that other programs interrupted would make their disturbance
larger.
"""

import os
import time

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

PART = int(os.environ["SLOWER_BY"]) / 100
TOO_LATE_S = 0.0002
"""A sleep ends up to this much later than asked, so that the last part of a wait, or all of a short
one, is awake.
"""


class Wait:
    """The hook: `ended` is when the last step did, its wait included; `fastest` is in seconds,
    without it.
    """

    def __init__(self) -> None:
        self.ended, self.fastest = time.perf_counter(), float("inf")

    def __call__(self, *_: object) -> None:
        if torch.cuda.is_initialized():  # else the GPU would work on during the wait
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.fastest = min(self.fastest, now - self.ended)
        until = now + PART * self.fastest
        if until - now > TOO_LATE_S:
            time.sleep(until - now - TOO_LATE_S)
        while time.perf_counter() < until:
            pass
        self.ended = time.perf_counter()


register_optimizer_step_post_hook(Wait())
