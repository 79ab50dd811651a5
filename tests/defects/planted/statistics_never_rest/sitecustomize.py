"""Statistics of observations go on changing in an evaluation."""

from stable_baselines3.common.vec_env import VecNormalize

VecNormalize.training = property(lambda _self: True, lambda _self, _value: None)
