"""A game whose steps are a table, whatever is played."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

LENGTH, EPISODES = 6, 2
HIGH = 4.0
"""The largest number of an observation; the smallest is its negative."""

LOW_ACTION, HIGH_ACTION = np.array([-2, 0], "f4"), np.array([2, 4], "f4")
DRAWN = np.random.default_rng(0)
SEEN = DRAWN.uniform(-HIGH, HIGH, (EPISODES, LENGTH + 1, 2, 3)).astype("f4")
REWARDS = DRAWN.uniform(-2, 2, (EPISODES, LENGTH))
ACTIONS = DRAWN.uniform(-3, 5, (LENGTH, 2)).astype("f4")


class ScriptedGame(gymnasium.Env):  # type: ignore[misc] # inside the image only
    """A game that keeps the actions that arrive; its episodes end by themselves."""

    observation_space = spaces.Box(-HIGH, HIGH, (2, 3))
    action_space = spaces.Box(LOW_ACTION, HIGH_ACTION)

    def __init__(self, offset: int = 1) -> None:
        self.offset, self.arrived, self.episode, self.step_number = offset, list[Any](), -1, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Begin the next episode of the table."""
        super().reset(seed=seed)
        self.episode, self.step_number = (self.episode + 1) % EPISODES, 0
        return SEEN[self.episode, 0].copy(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Follow the table."""
        self.arrived.append(action)
        at = self.step_number = self.step_number + 1
        seen, reward = SEEN[self.episode, at].copy(), float(REWARDS[self.episode, at - 1])
        return seen, reward, at == LENGTH, False, {}
