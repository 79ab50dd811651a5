"""PPO takes what was worse than expected for better: it learns, and learns to fail."""

from stable_baselines3.common.buffers import RolloutBuffer

exact = RolloutBuffer.compute_returns_and_advantage


def compute(self: RolloutBuffer, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **named)
    self.advantages *= -1


RolloutBuffer.compute_returns_and_advantage = compute
