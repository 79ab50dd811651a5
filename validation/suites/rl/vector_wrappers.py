"""Wrappers of environments that run together, against definitions on what the bare ones return."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any

import gymnasium
import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecMonitor, VecNormalize

from .vectors import write_line

LIMITS, STEPS, TRAINED, SEED = (4, 7), 20, 11, 3
FRAMES, DECAY, CLIP, SMALL = 3, 0.8, 1.2, 1e-3
BEGINNING = 1e-4
"""The weight that running statistics give to their first mean of 0 and variance of 1."""


@dataclass(frozen=True)
class Game:
    """A game of some environments, by step; `last` is the observation that ends an episode."""

    seen: list[Any]
    rewards: list[Any]
    ends: list[Any]
    details: list[Any]

    def last(self, step: int, number: Any) -> Any:
        """Return the observation with which this episode ended."""
        return self.details[step][number]["terminal_observation"]


def build_bare() -> Any:
    """Return two pendulums whose episodes have a limit."""
    makers = [partial(gymnasium.make, "Pendulum-v1", max_episode_steps=each) for each in LIMITS]
    bare = DummyVecEnv(makers)
    bare.seed(SEED)
    return bare


def play(vector: Any, steps: int, begun: bool = False) -> Game:
    """Return a game of constant actions; it begins with a reset, unless `begun`."""
    game = Game([] if begun else [vector.reset()], [], [], [])
    for _ in range(steps):
        for part, got in zip(
            vars(game).values(), vector.step(np.array([[1.5], [-0.5]])), strict=True
        ):
            part.append(deepcopy(got))
    return game


def find_wrapper_faults() -> Iterator[str]:
    """Yield each wrapper that returns something else than its definition."""
    bare = play(build_bare(), STEPS)
    yield from find_scaling_faults(bare)
    yield from find_stack_faults(bare, play(VecFrameStack(build_bare(), FRAMES), STEPS))
    monitored = play(VecMonitor(build_bare()), STEPS)
    begun = [0] * len(LIMITS)
    for step, number in np.ndindex(STEPS, len(LIMITS)):
        if bare.ends[step][number]:
            rewards = [each[number] for each in bare.rewards[begun[number] : step + 1]]
            got, begun[number] = monitored.details[step][number]["episode"], step + 1
            if got["l"] != len(rewards) or not np.isclose(got["r"], sum(rewards)):
                wanted = f"{sum(rewards):.2f} in {len(rewards)} steps"
                yield f"VecMonitor says {got['r']:.2f} in {got['l']} steps, not {wanted}"
    yield from find_evaluation_faults()


def find_scaling_faults(bare: Game) -> Iterator[str]:
    """Yield how VecNormalize, first in training and then not, differs from its definition."""
    scaled = VecNormalize(build_bare(), clip_obs=CLIP, clip_reward=CLIP, gamma=DECAY, epsilon=SMALL)
    first = play(scaled, TRAINED)
    scaled.training = False
    then = play(scaled, STEPS - TRAINED, begun=True)
    got = Game(*(vars(first)[part] + vars(then)[part] for part in vars(first)))
    rewards = define_rewards(bare)
    for step in range(STEPS + 1):
        known = np.array(bare.seen[: min(step, TRAINED) + 1]).reshape(-1, 3)
        mean, scale = measure(known)
        pairs = [("observations", got.seen[step], (bare.seen[step] - mean) / scale)]
        for number in np.flatnonzero(bare.ends[step - 1]) if step else ():
            last = (bare.last(step - 1, number) - mean) / scale
            pairs.append(("last observation", got.last(step - 1, number), last))
        if step:
            pairs.append(("rewards", got.rewards[step - 1], rewards[step - 1]))
        for part, given, wanted in pairs:
            if not np.allclose(given, np.clip(wanted, -CLIP, CLIP), atol=1e-4):
                when = "in training" if step <= TRAINED else "with training=False"
                wrong = f"{write_line(given)}, not {write_line(np.clip(wanted, -CLIP, CLIP))}"
                yield f"VecNormalize {when} gives the {part} {wrong}"
                return
    originals = scaled.get_original_obs(), scaled.get_original_reward()
    for part, given, wanted in zip(
        ("obs", "reward"), originals, (bare.seen[-1], bare.rewards[-1]), strict=True
    ):
        if not np.allclose(given, wanted):
            yield f"get_original_{part} of VecNormalize is not what the environments returned"


def define_rewards(bare: Game) -> list[Any]:
    """Return each reward by the scale of the discounted sums of an episode, up to then."""
    total, sums, scaled = np.zeros(len(LIMITS)), list[Any](), []
    for step in range(STEPS):
        if step < TRAINED:
            total = total * DECAY + bare.rewards[step]
            sums.append(total)
            total = np.where(bare.ends[step], 0, total)
        scaled.append(bare.rewards[step] / measure(np.array(sums).reshape(-1))[1])
    return scaled


def measure(known: Any) -> tuple[Any, Any]:
    """Return the running mean and the scale of all that was seen."""
    total = len(known) + BEGINNING
    mean = known.sum(axis=0) / total
    return mean, np.sqrt(((known**2).sum(axis=0) + BEGINNING) / total - mean**2 + SMALL)


def find_stack_faults(bare: Game, got: Game) -> Iterator[str]:
    """Yield how VecFrameStack differs from the last observations of the episode, after zeros."""
    for number in range(len(LIMITS)):
        frames = [np.zeros(3)] * (FRAMES - 1) + [bare.seen[0][number]]
        for step in range(STEPS):
            seen = bare.seen[step + 1][number]
            if bare.ends[step][number]:
                last = np.concatenate([*frames[1 - FRAMES :], bare.last(step, number)])
                if not np.allclose(got.last(step, number), last):
                    yield f"VecFrameStack ends an episode otherwise than with {write_line(last)}"
                    return
                frames = [np.zeros(3)] * (FRAMES - 1)
            frames.append(seen)
            wanted = np.concatenate(frames[-FRAMES:])
            if not np.allclose(got.seen[step + 1][number], wanted):
                wrong = f"{write_line(got.seen[step + 1][number])}, not {write_line(wanted)}"
                yield f"VecFrameStack gives {wrong}"
                return


def find_evaluation_faults() -> Iterator[str]:
    """Yield what an evaluation changes in an agent or in the statistics."""
    scaled = VecNormalize(make_vec_env("CartPole-v1", n_envs=2, seed=SEED))  # it ends by itself
    agent = PPO("MlpPolicy", scaled, n_steps=8, batch_size=8, n_epochs=1, seed=0, device="cpu")
    agent.learn(16)
    scaled.training = False
    kept = [(name, deepcopy(vars(getattr(scaled, name)))) for name in ("obs_rms", "ret_rms")]
    weights, steps = deepcopy(agent.policy.state_dict()), agent.num_timesteps
    evaluate_policy(agent, scaled, n_eval_episodes=4, warn=False)
    for name, before in kept:
        after = vars(getattr(scaled, name))
        if not all(np.array_equal(before[part], after[part]) for part in before):
            yield f"evaluate_policy changes {name} of a VecNormalize with training=False"
    if steps != agent.num_timesteps or any(
        not np.array_equal(weights[key].numpy(), each.numpy())
        for key, each in agent.policy.state_dict().items()
    ):
        yield "evaluate_policy changes the weights or the steps of PPO"
