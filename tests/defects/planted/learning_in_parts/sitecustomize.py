"""A further part of a training counts what was learned before."""

from typing import Any

from stable_baselines3.common.base_class import BaseAlgorithm

exact = BaseAlgorithm._setup_learn


def setup(self: Any, total: int, *arguments: Any, **named: Any) -> Any:
    _, callback = exact(self, total, *arguments, **named)
    return total, callback


BaseAlgorithm._setup_learn = setup
