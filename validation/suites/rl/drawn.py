"""An environment whose transitions and rewards are a table."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from ..contract.questions import ACTIONS, STATES, WorldQuestion


class TableEnvironment(gymnasium.Env):  # type: ignore[misc] # inside the image only
    """An environment that begins in state 0 and follows a table of transitions and rewards."""

    observation_space = gymnasium.spaces.Discrete(STATES)
    action_space = gymnasium.spaces.Discrete(ACTIONS)

    def __init__(self, world: WorldQuestion) -> None:
        self._world, self._state = world, 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Go back to state 0."""
        super().reset(seed=seed)
        self._state = 0
        return np.int64(0), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Follow the table."""
        at = self._state * ACTIONS + int(action)
        self._state = self._world.target[at]
        return np.int64(self._state), float(self._world.reward[at]), False, False, {}
