"""Statistics of many environments change in an evaluation, too."""

from gymnasium.wrappers.vector import NormalizeObservation

kind = NormalizeObservation
kind.update_running_mean = property(lambda self: True, lambda self, value: None)
