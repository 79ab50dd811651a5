"""Actions are drawn, also if the most likely one is asked for."""

from typing import Any

from stable_baselines3.common.policies import ActorCriticPolicy

exact = ActorCriticPolicy._predict


def predict(self: Any, observation: Any, deterministic: bool = False) -> Any:
    return exact(self, observation, False)


ActorCriticPolicy._predict = predict
