"""Environments that run together: each is as it is alone, and what was returned stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

LIMITS, STEPS, SEED = (4, 60, 8), 30, 7
"""The pole falls after nine or ten steps to one side, so the second environment is not cut."""

MAKERS = [partial(gymnasium.make, "CartPole-v1", max_episode_steps=limit) for limit in LIMITS]
NEXT, SAME = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP
ACTIONS = np.ones(len(LIMITS), dtype=np.int64)
PARTS = "observations", "rewards", "ends", "cuts", "last observations"

Step = tuple[Any, ...]
"""What all environments returned at once, in the order of PARTS; without an end, the last
observation is None.
"""

KINDS: tuple[tuple[str, Callable[[], Any], Any], ...] = (
    ("SyncVectorEnv", partial(SyncVectorEnv, MAKERS), NEXT),
    ("SyncVectorEnv of same step", partial(SyncVectorEnv, MAKERS, autoreset_mode=SAME), SAME),
    ("AsyncVectorEnv", partial(AsyncVectorEnv, MAKERS), NEXT),
    (
        "AsyncVectorEnv of same step without shared memory",
        partial(AsyncVectorEnv, MAKERS, shared_memory=False, autoreset_mode=SAME),
        SAME,
    ),
    ("DummyVecEnv", partial(DummyVecEnv, MAKERS), SAME),
    ("SubprocVecEnv", partial(SubprocVecEnv, MAKERS, start_method="fork"), SAME),
)
"""How environments run together, and in which step a new episode begins."""


def find_parallel_faults() -> Iterator[str]:
    """Yield how environments that run together differ from each alone, also after an episode."""
    numbers = range(len(LIMITS))
    for name, make, mode in KINDS:
        kept, copies = list[Step](), list[Step]()
        for step in play_together(make()):
            kept.append(step)
            copies.append(deepcopy(step))
        alone = zip(*(play_alone(mode, number) for number in numbers), strict=True)
        for at, (later, first, each) in enumerate(zip(kept, copies, alone, strict=True)):
            steps = zip(PARTS, later, first, zip(*each, strict=True), strict=True)
            for part, old, got, wanted in steps:
                if not is_same(old, got):
                    yield f"{part} that {name} returned in step {at} change in later steps"
                if not is_same(got, wanted):
                    wrong = f"{write_line(got)} in step {at}, not {write_line(wanted)}"
                    yield f"{part} of {name} are {wrong} as of each alone"


def is_same(one: Any, other: Any) -> bool:
    """Return whether two results are the same numbers, and None in the same places."""
    pairs = zip(one, other, strict=True)
    return all(a is b if a is None or b is None else np.allclose(a, b) for a, b in pairs)


def write_line(value: Any) -> str:
    """Return numbers, which may be None in places, as one line."""
    return " ".join(str(value).split())


def play_alone(mode: Any, number: int) -> Iterator[Step]:
    """Yield what environment `number` returns in each step, with new episodes as `mode` says."""
    environment = MAKERS[number]()
    yield environment.reset(seed=SEED + number)[0], 0, False, False, None
    begin = False
    for _ in range(STEPS):
        if begin:
            yield environment.reset()[0], 0, False, False, None
            begin = False
            continue
        seen, reward, over, cut, _info = environment.step(ACTIONS[number])
        last, begin = None, mode is NEXT and (over or cut)
        if mode is SAME and (over or cut):
            last, seen = seen, environment.reset()[0]
        yield seen, reward, over, cut, last


def play_together(vector: Any) -> Iterator[Step]:
    """Yield what all environments return in each step."""
    nothing = [0] * len(LIMITS), [False] * len(LIMITS), [False] * len(LIMITS), [None] * len(LIMITS)
    try:
        if isinstance(vector, gymnasium.vector.VectorEnv):
            yield vector.reset(seed=SEED)[0], *nothing
            for _ in range(STEPS):
                *step, details = vector.step(ACTIONS)
                yield *step, details.get("final_obs", [None] * len(LIMITS))
        else:
            vector.seed(SEED)
            yield vector.reset(), *nothing
            for _ in range(STEPS):
                seen, rewards, ends, details = vector.step(ACTIONS)
                cuts = [each["TimeLimit.truncated"] for each in details]
                over = [end and not cut for end, cut in zip(ends, cuts, strict=True)]
                yield (
                    seen,
                    rewards,
                    over,
                    cuts,
                    [each.get("terminal_observation") for each in details],
                )
    finally:
        vector.close()
