"""Programs with Gymnasium and Stable-Baselines3."""

from __future__ import annotations

import copy
import importlib
from typing import Any

import numpy as np

from .. import pool
from .families import Family, find_in, list_kinds_of

ENV_STEPS = 40


def roll_vec(name: str, *values: Any, **options: Any) -> Any:
    """Return what two environments tell through a wrapper of Stable-Baselines3."""
    kind = getattr(importlib.import_module("stable_baselines3.common.vec_env"), name)
    envs = kind(pool.make_value("$vec_env"), *values, **options)
    steps = [copy.deepcopy(envs.reset())]
    for step in range(ENV_STEPS):
        steps.append(copy.deepcopy(envs.step(np.array([step % 2, step % 3 == 0], dtype=int))))
    return steps


def roll(env_id: str, **options: Any) -> Any:
    """Return all that an environment of Gymnasium tells over two episodes or 40 steps."""
    gym = importlib.import_module("gymnasium")
    return roll_env(gym.make(env_id, **options))


def roll_env(env: Any) -> Any:
    """Return all that an environment tells over 40 steps."""
    env.action_space.seed(pool.SEED)
    steps = [env.reset(seed=pool.SEED)]
    for _ in range(ENV_STEPS):
        action = env.action_space.sample()
        step = env.step(action)
        steps.append(step)
        if np.all(step[2]) or np.all(step[3]):
            steps.append(env.reset())
    env.close()
    return [copy.deepcopy(each) for each in steps], str(env.observation_space)


def roll_wrapped(name: str, *values: Any, **options: Any) -> Any:
    """Return what an environment tells through a wrapper."""
    wrappers = importlib.import_module("gymnasium.wrappers")
    gym = importlib.import_module("gymnasium")
    for env_id in ("Pendulum-v1", "CartPole-v1", "Taxi-v3"):
        try:
            kind = getattr(wrappers, name)
            return roll_env(kind(gym.make(env_id, render_mode="rgb_array"), *values, **options))
        except (AssertionError, ImportError, TypeError, gym.error.Error):
            continue
    raise ValueError("no environment suits it")


def roll_vector(name: str, *values: Any, **options: Any) -> Any:
    """Return what two environments tell through a vector wrapper."""
    wrappers = importlib.import_module("gymnasium.wrappers.vector")
    gym = importlib.import_module("gymnasium")
    for env_id in ("Pendulum-v1", "CartPole-v1"):
        try:
            kind = getattr(wrappers, name)
            made = gym.make_vec(env_id, 2, "sync")
            return roll_env(kind(made, *values, **options))
        except (AssertionError, ImportError, TypeError):
            continue
    raise ValueError("no environment suits it")


def learn(name: str, **options: Any) -> Any:
    """Return the weights of an agent after a few steps, its actions, and those after loading it."""
    library = importlib.import_module("stable_baselines3")
    gym = importlib.import_module("gymnasium")
    kind = getattr(library, name)
    on_policy = name in ("PPO", "A2C")
    ordinary: dict[str, Any] = (
        {"n_steps": 16} if on_policy else {"learning_starts": 8, "buffer_size": 64}
    )
    ordinary |= {"batch_size": 8} if name != "A2C" else {}
    ordinary |= {"n_epochs": 2} if name == "PPO" else {}
    ordinary["policy_kwargs"] = {"net_arch": [8]}
    env = gym.make("CartPole-v1" if name in ("PPO", "A2C", "DQN") else "Pendulum-v1")
    agent = kind("MlpPolicy", env, seed=pool.SEED, device="cpu", **{**ordinary, **options})
    agent.learn(32 if on_policy else 16)
    agent.save("agent.zip")
    loaded = kind.load("agent.zip", env, device="cpu")
    observed, _ = env.reset(seed=pool.SEED)
    acted = [each.predict(observed, deterministic=True) for each in (agent, loaded)]
    agent.learn(16, reset_num_timesteps=False)
    return agent.num_timesteps, acted, agent.policy.state_dict()


OF_GYMNASIUM = (
    Family(
        roll,
        lambda: sorted(importlib.import_module("gymnasium").registry),
        lambda _: find_in("gymnasium")("make"),
        1,
    ),
    Family(
        roll_wrapped,
        list_kinds_of("gymnasium.wrappers", "Wrapper", "gymnasium"),
        find_in("gymnasium.wrappers"),
        1,
    ),
    Family(
        roll_vector,
        list_kinds_of("gymnasium.wrappers.vector", "VectorWrapper", "gymnasium.vector"),
        find_in("gymnasium.wrappers.vector"),
        1,
    ),
)
OF_STABLE_BASELINES3 = (
    Family(
        roll_vec,
        list_kinds_of("stable_baselines3.common.vec_env", "VecEnvWrapper"),
        find_in("stable_baselines3.common.vec_env"),
        1,
    ),
    Family(
        learn,
        lambda: ["PPO", "A2C", "DQN", "SAC", "TD3", "DDPG"],
        find_in("stable_baselines3"),
        2,
        10.0,
    ),
)
