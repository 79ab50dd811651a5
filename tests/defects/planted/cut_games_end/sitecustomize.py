"""An episode that is cut by its limit has no value after it."""

from typing import Any

from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

exact = OnPolicyAlgorithm._update_info_buffer


def forget(self: Any, infos: Any, *arguments: Any) -> None:
    exact(self, infos, *arguments)
    for info in infos:
        info.pop("TimeLimit.truncated", None)


OnPolicyAlgorithm._update_info_buffer = forget
