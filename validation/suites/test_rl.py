"""PPO on CartPole for a few hundred steps."""

from __future__ import annotations

import math

import gymnasium
import numpy as np
from stable_baselines3 import PPO

from validation.suites.conftest import Figures
from validation.suites.expected import Expected
from validation.suites.training import require_trained, snapshot

STEPS = 512


def test_environment_dynamics() -> None:
    """One CartPole step from rest, against the equations of motion it documents (Barto, Sutton and Anderson 1983)."""
    environment = gymnasium.make("CartPole-v1").unwrapped
    environment.reset(seed=0)
    environment.state = np.zeros(4)
    state, reward, *_ = environment.step(1)
    force = 10.0 / 1.1  # newton over the mass of cart and pole, kg
    turn = -force / (0.5 * (4 / 3 - 0.1 / 1.1))  # rad/s2 of a pole of half length 0.5 m and 0.1 kg
    wanted = 0.02 * np.array([0, force - 0.05 * turn / 1.1, 0, turn])
    error = float(np.abs(state - wanted).max())
    assert error < 1e-6, f"one step from rest gave {state.tolist()}, the equations give {wanted.tolist()}"
    assert reward == 1, f"the reward of a step is {reward}, expected 1"


def test_ppo_trains(expected: Expected, figure: Figures) -> None:
    agent = PPO("MlpPolicy", "CartPole-v1", n_steps=128, batch_size=64, n_epochs=4, seed=0, device=expected.device)
    before = snapshot(agent.policy.parameters())
    agent.learn(STEPS)
    rewards = [float(episode["r"]) for episode in agent.ep_info_buffer or ()]
    assert rewards, f"no episode ended in {STEPS} steps of CartPole"
    mean = sum(rewards) / len(rewards)
    figure("mean_episode_reward", mean, "reward")
    assert math.isfinite(mean), f"the mean episode reward is {mean}"
    losses = [float(agent.logger.name_to_value[name]) for name in ("train/loss", "train/value_loss")]
    require_trained(before, agent.policy.parameters(), losses)
