"""Gymnasium's environments and Stable-Baselines3's agents: their own checkers, seeds and files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import stable_baselines3
import torch
from gymnasium.utils import env_checker as gymnasium_checker
from stable_baselines3.common import env_checker as baselines_checker
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize

STEPS, EPISODE, TOGETHER = 40, 7, 3
AGENTS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("PPO", "CartPole-v1", {"n_steps": 16, "batch_size": 16, "n_epochs": 2}),
    ("A2C", "CartPole-v1", {"n_steps": 8}),
    ("DQN", "CartPole-v1", {"learning_starts": 10, "buffer_size": 100}),
    ("SAC", "Pendulum-v1", {"learning_starts": 10, "buffer_size": 100}),
    ("TD3", "Pendulum-v1", {"learning_starts": 10, "buffer_size": 100}),
)
"""An agent, its environment, and options for a short training."""


def list_environments() -> list[str]:
    """Return the environments that Gymnasium can make here, in their newest versions."""
    newest: dict[str, Any] = {}
    for spec in gymnasium.registry.values():
        known = newest.get(spec.name)
        if spec.namespace is None and (known is None or (spec.version or 0) > (known.version or 0)):
            newest[spec.name] = spec
    made = []
    for spec in newest.values():
        try:
            gymnasium.make(spec.id).close()
        except (gymnasium.error.Error, ImportError, AttributeError):
            continue
        made.append(spec.id)
    return made


def find_environment_faults() -> Iterator[str]:
    """Yield each environment that breaks Gymnasium's rules, its seeds or its limit."""
    for name in list_environments():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rendering, which needs a display
            environment = gymnasium.make(name)
            try:
                gymnasium_checker.check_env(environment.unwrapped, skip_render_check=True)
            except (AssertionError, gymnasium.error.Error, ValueError) as error:
                yield f"{name} breaks the rules of Gymnasium: {str(error)[:120]}"
                continue
            first, again, other = (_play(name, seed) for seed in (3, 3, 4))
        if not _is_same(first, again):
            yield f"{name} plays two games of one seed"
        if _is_same(first, other) and name.startswith(("CartPole", "Pendulum", "Acrobot")):
            yield f"{name} plays the same game for another seed"
    yield from _find_limit_faults()
    yield from find_vector_faults()


def find_vector_faults() -> Iterator[str]:
    """Yield how environments that run together differ from each alone: number i has seed + i."""
    task, alone = "CartPole-v1", [gymnasium.make("CartPole-v1") for _ in range(TOGETHER)]
    vector = gymnasium.vector.SyncVectorEnv([partial(gymnasium.make, task)] * TOGETHER)
    stable = make_vec_env(task, n_envs=TOGETHER, seed=7)
    first = [each.reset(seed=7 + number)[0] for number, each in enumerate(alone)]
    starts = {"SyncVectorEnv": vector.reset(seed=7)[0], "make_vec_env": stable.reset()}
    for name, seen in starts.items():
        if not np.allclose(seen, first):
            yield f"{name} of {TOGETHER} begins otherwise than each alone with its own seed"
    actions = np.array([0, 1] * TOGETHER)[:TOGETHER]
    for _ in range(5):  # no game is over so early
        wanted = [each.step(int(action)) for each, action in zip(alone, actions, strict=True)]
        got = {"SyncVectorEnv": vector.step(actions)[:2], "make_vec_env": stable.step(actions)[:2]}
        for name, seen in got.items():
            if not all(np.allclose(seen[at], [each[at] for each in wanted]) for at in (0, 1)):
                yield f"{name} of {TOGETHER} plays otherwise than each alone"
                return


def _play(name: str, seed: int) -> list[Any]:
    environment = gymnasium.make(name)
    environment.action_space.seed(seed)
    seen: list[Any] = [environment.reset(seed=seed)[0]]
    for _ in range(STEPS):
        observed, reward, ended, cut, _info = environment.step(environment.action_space.sample())
        seen += [observed, reward, ended, cut]
        if ended or cut:
            break
    return seen


def _is_same(first: list[Any], other: list[Any]) -> bool:
    return len(first) == len(other) and all(map(np.array_equal, first, other))


def _find_limit_faults() -> Iterator[str]:
    environment = gymnasium.make("Pendulum-v1", max_episode_steps=EPISODE)
    for _ in range(2):
        environment.reset(seed=0)
        cuts = [environment.step(environment.action_space.sample())[3] for _ in range(EPISODE)]
        if cuts != [*[False] * (EPISODE - 1), True]:
            places = [at + 1 for at, cut in enumerate(cuts) if cut]
            yield f"an episode that is limited to {EPISODE} steps is cut after {places}"


def find_agent_faults(folder: Path, device: str) -> Iterator[str]:
    """Yield each agent that Stable-Baselines3 does not seed, ask or load as it says."""
    for name, task, options in AGENTS:
        kind = getattr(stable_baselines3, name)
        baselines_checker.check_env(gymnasium.make(task), warn=False)
        agents = []
        for seed in (0, 0, 1):  # a new agent seeds the generators that all agents draw from
            world = make_vec_env(task, seed=seed)
            agents.append(kind("MlpPolicy", world, seed=seed, device=device, **options))
            agents[-1].learn(STEPS if seed == 0 else 0)
        first, again, fresh = (_read_weights(agent) for agent in agents)
        if not _is_same(first, again):
            yield f"{name} learns otherwise from the same seed"
        if _is_same(first, fresh):
            yield f"{name} has the same weights for another seed"
        yield from _find_prediction_faults(name, agents[0])
        agents[0].save(folder / name)
        loaded = kind.load(folder / name, env=make_vec_env(task, seed=5), device=device)
        if (
            not _is_same(first, _read_weights(loaded))
            or loaded.num_timesteps != agents[0].num_timesteps
        ):
            yield f"{name} has other weights or counts once it is loaded"
        others = kind("MlpPolicy", make_vec_env(task, seed=9), seed=9, device=device, **options)
        others.set_parameters(str(folder / name))
        if not _is_same(first, _read_weights(others)):
            yield f"set_parameters of {name} does not bring its weights back"
    yield from _find_statistics_faults(folder)


def _read_weights(agent: Any) -> list[Any]:
    return [each.detach().cpu().numpy() for each in agent.policy.state_dict().values()]


def _find_prediction_faults(name: str, agent: Any) -> Iterator[str]:
    seen = np.stack([agent.observation_space.sample() for _ in range(20)])
    sure = [agent.predict(seen, deterministic=True)[0] for _ in range(3)]
    if not _is_same(sure[:2], sure[1:]):
        yield f"{name} takes other actions for the same observation, though deterministic"
    if name in ("PPO", "A2C"):
        with torch.no_grad():
            shares = agent.policy.get_distribution(
                torch.as_tensor(seen).to(agent.device)
            ).distribution
        if not np.array_equal(sure[0], shares.probs.argmax(dim=1).cpu().numpy()):
            yield f"{name} does not take the most likely action, though deterministic"
        drawn = [agent.predict(seen, deterministic=False)[0] for _ in range(8)]
        if all(_is_same([each], [drawn[0]]) for each in drawn):
            yield f"{name} draws the same actions each time, though not deterministic"


def _find_statistics_faults(folder: Path) -> Iterator[str]:
    """Yield how the running mean of observations is lost in a file."""
    scaled = VecNormalize(make_vec_env("CartPole-v1", n_envs=2, seed=0))
    scaled.reset()
    for _ in range(STEPS):
        scaled.step(np.array([0, 1]))
    scaled.save(str(folder / "statistics"))
    again = VecNormalize.load(
        str(folder / "statistics"), make_vec_env("CartPole-v1", n_envs=2, seed=0)
    )
    same = np.array_equal(scaled.obs_rms.mean, again.obs_rms.mean)
    if not same or scaled.obs_rms.count != again.obs_rms.count or not scaled.obs_rms.mean.any():
        yield "VecNormalize has other statistics once it is loaded"
