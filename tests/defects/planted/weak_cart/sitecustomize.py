"""CartPole pushes with half its force."""

from gymnasium.envs.classic_control import CartPoleEnv

exact = CartPoleEnv.__init__


def init(self: CartPoleEnv, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **named)
    self.force_mag = 5.0


CartPoleEnv.__init__ = init
