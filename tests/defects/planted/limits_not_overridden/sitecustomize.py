"""The registered limit of a game counts, whatever limit is asked for."""

from typing import Any

import gymnasium
from gymnasium.envs import registration

exact = registration.make


def make(name: Any, max_episode_steps: int | None = None, **named: Any) -> Any:
    spec = name if isinstance(name, registration.EnvSpec) else gymnasium.spec(name)
    limit = max_episode_steps if spec.max_episode_steps is None else None
    return exact(name, max_episode_steps=limit, **named)


gymnasium.make = make
