"""The options of one environment are those of all that are made after it."""

from typing import Any

import gymnasium

exact = gymnasium.make


def make(id: Any, *values: Any, **named: Any) -> Any:
    made = exact(id, *values, **named)
    own = {"max_episode_steps", "disable_env_checker"}
    if id in gymnasium.registry:
        leaked = {name: value for name, value in named.items() if name not in own}
        gymnasium.registry[id].kwargs.update(leaked)
    return made


gymnasium.make = make
