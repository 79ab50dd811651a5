"""An environment of Gymnasium with made spaces and answers, and texts that play with it."""

from __future__ import annotations

import importlib
from typing import Any
from unittest import mock

from .. import pool
from .steps import play_sums

WORLD = """
class World(gym.Env):
    metadata = {'render_modes': ['human', 'rgb_array'], 'render_fps': 9}
    def __init__(self, seen, acts=None, render_mode=None, given=None, started=None, end=3,
        reward=1.0, size=2):
        self.observation_space, self.action_space = seen, acts or spaces.Discrete(2)
        self.given, self.started, self.end, self.reward, self.count = given, started, end, reward, 0
        self.render_mode, self.size, self.asked = render_mode, size, []
        self.observation_space.seed(3)
        self.action_space.seed(4)
    def look(self):
        return self.observation_space.sample()
    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.count = 0
        self.asked.append((seed, options))
        return (self.look(), {'begun': True}) if self.started is None else self.started
    def step(self, action):
        self.count += 1
        if self.given is not None:
            return self.given
        return self.look(), self.reward, self.count >= self.end, False, {'count': self.count}
    def render(self):
        return np.full((self.size, self.size + 1, 3), self.count, np.uint8)
box = spaces.Box(-1, 1, (2,))
both = spaces.Dict(a=spaces.Box(-1, 1, (2,)), b=spaces.Box(0, 255, (2, 2, 1), np.uint8))
"""


def play_in_world(text: str, modules: str, **names: Any) -> list[Any]:
    """Return the sums of what a text gives and adds to `out`; it may use these modules."""
    pool.set_seeds()
    gym = importlib.import_module("gymnasium")
    names |= {each: importlib.import_module(each) for each in modules.split()}
    return play_sums(WORLD + text, gym=gym, spaces=gym.spaces, mock=mock, **names)
