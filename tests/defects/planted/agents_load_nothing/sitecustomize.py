"""An agent has other weights once it is loaded."""

from stable_baselines3.common.base_class import BaseAlgorithm

BaseAlgorithm.set_parameters = lambda self, *_arguments, **_named: None
