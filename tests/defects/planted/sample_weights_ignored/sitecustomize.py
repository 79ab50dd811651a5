"""A weighted sampler draws every sample equally often."""

from torch.utils import data

exact = data.WeightedRandomSampler.__init__


def init(
    self: data.WeightedRandomSampler, weights: list[float], *rest: object, **named: object
) -> None:
    exact(self, [1.0] * len(weights), *rest, **named)


data.WeightedRandomSampler.__init__ = init
