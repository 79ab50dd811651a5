"""Compiled functions look at the type of a number with a fraction, and not at its value."""

from functools import wraps
from typing import Any

from torch._dynamo.guards import GuardBuilder

exact = GuardBuilder.CONSTANT_MATCH


@wraps(exact)
def match(self: GuardBuilder, guard: Any, *rest: object) -> None:
    if type(self.get(guard.name)) is float:
        self.TYPE_MATCH(guard)
    else:
        exact(self, guard, *rest)


GuardBuilder.CONSTANT_MATCH = match
