"""Programs with Gymnasium and Stable-Baselines3."""

from __future__ import annotations

import copy
import importlib
import inspect
from typing import Any

import numpy as np

from ... import pool
from ..clocks import drop_clocks
from ..families import Family, find_in, list_kinds_of
from ..telling import attempt

ENV_STEPS = 40
RESETS: tuple[Any, ...] = (
    *({"low": -0.02, "high": 0.03}, {"low": 0.5}, {"high": -0.5}, {"low": 0.3, "high": 0.2}),
    *({"x_init": 0.5, "y_init": 0.2}, {"x_init": "a"}, {"low": "a"}, {}),
)
HELD = (
    *("obs_rms", "return_rms", "return_queue", "length_queue", "episode_count"),
    *("episode_lengths", "discounted_reward", "accumulated_reward", "update_running_mean"),
    *("num_envs", "np_random_seed", "delay", "stack_size", "skip", "epsilon", "gamma"),
)
"""What wrappers hold."""


def roll_vec(name: str, *values: Any, **options: Any) -> Any:
    """Return what two environments tell through a wrapper of Stable-Baselines3."""
    kind = getattr(importlib.import_module("stable_baselines3.common.vec_env"), name)
    envs = kind(pool.make_value("$vec_env"), *values, **options)
    steps = [copy.deepcopy(envs.reset())]
    for step in range(ENV_STEPS):
        steps.append(copy.deepcopy(envs.step(np.array([step % 2, step % 3 == 0], dtype=int))))
    return drop_clocks(steps)


def roll(env_id: str, **options: Any) -> Any:
    """Return all that an environment of Gymnasium tells over two episodes or 40 steps.

    With it comes what its options of a reset change, and what it refuses.
    """
    gym = importlib.import_module("gymnasium")
    env = gym.make(env_id, **options)
    results = [roll_env(env), env.spec.pprint(disable_print=True) if env.spec else None]
    bare = gym.make(env_id, **options)
    results.append([attempt(lambda: bare.step(bare.action_space.sample()))])
    for wanted in RESETS:
        results.append(attempt(lambda w=wanted: env.reset(seed=3, options=w)))
        env.action_space.seed(5)
        results.append(attempt(lambda: [env.step(env.action_space.sample()) for _ in range(3)]))
    results += [attempt(lambda a=action: env.step(a)) for action in (99, -1, "a", None, [0.5], 0.3)]
    inner = env.unwrapped
    parts = ("state", "s", "P", "initial_state_distrib", "desc", "locs", "dealer", "player")
    results += [getattr(inner, each, None) for each in parts]
    results += [attempt(lambda: [*inner.decode(237)]), attempt(lambda: inner.encode(2, 3, 1, 0))]
    results += [attempt(lambda: inner.action_mask(237)), env.action_space, env.observation_space]
    return [str(each) if hasattr(each, "contains") else each for each in results]


def list_options_of(env_id: str) -> dict[str, Any]:
    """Return the options of an environment and of making any."""
    gym = importlib.import_module("gymnasium")
    entry = gym.spec(env_id).entry_point
    kind = gym.envs.registration.load_env_creator(entry) if isinstance(entry, str) else entry
    parameters = inspect.signature(kind).parameters.values()
    own = {each.name: each.default for each in parameters if each.default is not each.empty}
    own.pop("render_mode", None)
    return {**own, "max_episode_steps": 6, "disable_env_checker": False}


def draw_text(env_id: str, **options: Any) -> Any:
    """Return how an environment is written as text, step by step."""
    env = importlib.import_module("gymnasium").make(env_id, render_mode="ansi", **options)
    env.action_space.seed(pool.SEED)
    results = [env.reset(seed=pool.SEED), env.render()]
    for _ in range(12):
        results += [env.step(env.action_space.sample())[:4], env.render()]
    return results


def roll_env(env: Any) -> Any:
    """Return all that an environment tells over 40 steps, and what its wrappers hold then."""
    env.action_space.seed(pool.SEED)
    steps = [copy.deepcopy(env.reset(seed=pool.SEED))]
    for place in range(ENV_STEPS):
        if place == ENV_STEPS // 2 and hasattr(env, "update_running_mean"):
            env.update_running_mean = False
        step = env.step(env.action_space.sample())
        steps.append(copy.deepcopy(step))
        if np.all(step[2]) or np.all(step[3]):
            steps.append(copy.deepcopy(env.reset()))
    results = [getattr(env, each, None) for each in HELD]
    results += [
        vars(each) for each in results if hasattr(each, "count") and hasattr(each, "__dict__")
    ]
    env.close()
    spaces = [str(env.observation_space), str(env.action_space), str(env.metadata)]
    return drop_clocks([steps, spaces, [*map(list_queue, results)]])


def list_queue(value: Any) -> Any:
    """Return a queue as a list."""
    return [*value] if hasattr(value, "popleft") else value


def roll_wrapped(name: str, *values: Any, **options: Any) -> Any:
    """Return what an environment tells through a wrapper."""
    wrappers = importlib.import_module("gymnasium.wrappers")
    gym = importlib.import_module("gymnasium")
    for env_id in ("Pendulum-v1", "CartPole-v1", "Taxi-v3"):
        try:
            kind = getattr(wrappers, name)
            made = gym.make(env_id, render_mode="rgb_array", max_episode_steps=9)
            return roll_env(kind(made, *values, **options))
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
            made = gym.make_vec(env_id, 2, "sync", max_episode_steps=9)
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
    Family(roll, lambda: sorted(importlib.import_module("gymnasium").registry), list_options_of),
    Family(
        draw_text,
        lambda: ["FrozenLake-v1", "FrozenLake8x8-v1", "Taxi-v3", "CliffWalking-v1"],
        lambda _: {"max_episode_steps": 6},
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
