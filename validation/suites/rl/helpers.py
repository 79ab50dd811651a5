"""Helpers around environments and agents: resets, learning in parts, evaluation, parallel steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

from .scripted import REWARDS, ScriptedGame

RANDOM_STARTS = ("CartPole-v1", "Pendulum-v1", "Acrobot-v1", "MountainCar-v0")
RESETS, SEED, EPISODES = 4, 3, 4
TOGETHER, STEP_S, STEPS, TRIES = 4, 0.05, 4, 3
AT_ONCE = 0.6
"""The largest share of the time that environments take one after the other."""

PART = 16
LEARNERS: dict[Any, dict[str, Any]] = {
    PPO: {"n_steps": PART, "batch_size": PART, "n_epochs": 1},
    DQN: {"learning_starts": 4, "buffer_size": 64},
}


class SlowGame(gymnasium.Env):  # type: ignore[misc] # inside the image only
    """A game that waits in each step."""

    observation_space = spaces.Box(-1, 1, (1,))
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """Begin an episode without an end."""
        super().reset(seed=seed)
        return np.zeros(1, "f4"), {}

    def step(self, _action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Wait for STEP_S."""
        time.sleep(STEP_S)
        return np.zeros(1, "f4"), 0.0, False, False, {}


class AskedPolicy:
    """A policy that keeps how it was asked, and answers with an action of the scripted game."""

    def __init__(self) -> None:
        self.asked = set[bool]()

    def predict(
        self, seen: Any, state: Any = None, episode_start: Any = None, deterministic: bool = False
    ) -> tuple[Any, Any]:
        """Return one action for each observation."""
        self.asked.add(deterministic)
        return np.ones((len(seen), 2), "f4"), state


def find_helper_faults() -> Iterator[str]:
    """Yield each helper that does something else than it documents."""
    yield from find_reset_faults()
    yield from find_learning_faults()
    yield from find_evaluation_faults()
    yield from find_waiting()


def find_reset_faults() -> Iterator[str]:
    """Yield each environment whose episodes after a seed all begin alike, or otherwise again."""
    for name in RANDOM_STARTS:
        games = []
        for _ in range(2):
            environment = gymnasium.make(name)
            begun = [environment.reset(seed=SEED)[0]]
            games.append(begun + [environment.reset()[0] for _ in range(RESETS)])
        first, again = np.array(games[0]), np.array(games[1])
        if len(np.unique(first, axis=0)) < len(first):
            yield f"{name}.reset() without a seed begins an episode as an earlier one"
        if not np.array_equal(first, again):
            yield f"{name}.reset() without a seed does not go on from the last seed"


def find_learning_faults() -> Iterator[str]:
    """Yield each agent that does not learn for as many steps as it is asked to, also in parts."""
    for kind, options in LEARNERS.items():
        agent = kind("MlpPolicy", gymnasium.make("CartPole-v1"), seed=0, device="cpu", **options)
        agent.learn(PART)
        for call, more, wanted in (
            ("learn() with reset_num_timesteps=False", {"reset_num_timesteps": False}, 2 * PART),
            ("a third part", {"reset_num_timesteps": False}, 3 * PART),
            ("learn() that begins anew", {}, PART),
        ):
            agent.learn(PART, **more)
            if agent.num_timesteps != wanted:
                counted = f"{agent.num_timesteps} steps, not {wanted}"
                yield f"{kind.__name__} counts {counted}, after {call}"
                break


def find_evaluation_faults() -> Iterator[str]:
    """Yield how evaluate_policy asks otherwise than it is told, or sums up other rewards."""
    for sure in (True, False):
        policy = AskedPolicy()
        games = DummyVecEnv([ScriptedGame])
        rewards, lengths = evaluate_policy(
            policy,
            games,
            n_eval_episodes=EPISODES,
            deterministic=sure,
            return_episode_rewards=True,
            warn=False,
        )
        if policy.asked != {sure}:
            yield f"evaluate_policy(deterministic={sure}) asks with deterministic={policy.asked}"
        wanted = [float(REWARDS[at % len(REWARDS)].sum()) for at in range(EPISODES)]
        if len(rewards) != EPISODES or not np.allclose(rewards, wanted, atol=1e-4):
            yield f"evaluate_policy tells the rewards {rewards}, not {wanted}"
        if [*lengths] != [REWARDS.shape[1]] * EPISODES:
            yield f"evaluate_policy tells episodes of {[*lengths]} steps, not {REWARDS.shape[1]}"


def find_waiting() -> Iterator[str]:
    """Yield each vector environment that steps its parts one after the other, in processes."""
    alone_s, actions = TOGETHER * STEPS * STEP_S, np.zeros(TOGETHER, dtype=np.int64)
    for name, make in (
        ("SubprocVecEnv", partial(SubprocVecEnv, start_method="fork")),
        ("AsyncVectorEnv", AsyncVectorEnv),
    ):
        vector = make([SlowGame] * TOGETHER)
        vector.reset()
        taken = []
        for _ in range(TRIES):  # other work may hold up one of them
            started = time.monotonic()
            for _ in range(STEPS):
                vector.step(actions)
            taken.append(time.monotonic() - started)
        vector.close()
        if min(taken) > AT_ONCE * alone_s:
            yield (
                f"{STEPS} steps of {TOGETHER} environments in {name} take {min(taken):.2f} s; "
                f"one after the other they take {alone_s:.2f} s"
            )
