"""Environments of other processes return the memory that they write to."""

from typing import Any

from gymnasium.vector import AsyncVectorEnv

exact = AsyncVectorEnv.__init__


def begin(self: Any, *arguments: Any, **named: Any) -> None:
    exact(self, *arguments, **named)
    self.copy = False


AsyncVectorEnv.__init__ = begin
