"""Games begin anywhere, whatever their seed."""

from typing import Any

from gymnasium.envs.classic_control import CartPoleEnv

exact = CartPoleEnv.reset


def reset(self: Any, *, seed: int | None = None, options: Any = None) -> Any:
    return exact(self, options=options)


CartPoleEnv.reset = reset
