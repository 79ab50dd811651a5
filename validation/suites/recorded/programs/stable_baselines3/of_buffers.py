"""Programs with memories of agents: which goals they invent, and when networks learn from them."""

from __future__ import annotations

import copy
import importlib
from typing import Any

import numpy as np

from ... import pool
from ..families import Family
from ..telling import attempt, tell_exactly
from .of_agents import build_agent
from .of_training import get_common, make_envs


def fill_goals(goals: str = "future", count: int = 4, **options: Any) -> Any:
    """Return what a memory with goals holds and draws, also after it is saved and cut short."""
    library = importlib.import_module("stable_baselines3")
    world = get_common("envs").BitFlippingEnv(n_bits=4, max_steps=3)
    envs = get_common("vec_env").DummyVecEnv([lambda: world])
    spaces = (envs.observation_space, envs.action_space)
    given = {"goal_selection_strategy": goals, "n_sampled_goal": count, **options}
    made = library.HerReplayBuffer(14, *spaces, env=envs, device="cpu", **given)
    results: list[Any] = [
        made.her_ratio,
        str(made.goal_selection_strategy),
        attempt(made.sample, 3),
    ]
    seen = copy.deepcopy(envs.reset())
    for step in range(17):
        acted = np.array([step * 3 % 4])
        after, rewards, ended, infos = envs.step(acted)
        follows = infos[0].get("terminal_observation") if ended[0] else None
        final = {key: follows[key][None] for key in follows} if follows else after
        made.add(seen, final, acted, rewards, ended, infos)
        seen = copy.deepcopy(after)
        results += [made.pos, made.full, made.ep_length.ravel().tolist(), made._current_ep_start]
    for batch in (5, 9):
        pool.set_seeds()
        results.append(made.sample(batch)._asdict())
    get_common("save_util").save_to_pkl("goals.pkl", made)
    again = get_common("save_util").load_from_pkl("goals.pkl")
    results += [
        attempt(again.sample, 3),
        attempt(again.set_env, envs),
        attempt(again.set_env, envs),
    ]
    for each in (made, again):
        each.truncate_last_trajectory()
        pool.set_seeds()
        results += [each.sample(4)._asdict(), each.ep_length.ravel().tolist(), each.dones.sum()]
    return tell_tensors(results)


def tell_tensors(value: Any) -> Any:
    """Return tensors and arrays in containers as texts, so that each value counts."""
    if isinstance(value, dict):
        return {key: tell_tensors(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [tell_tensors(each) for each in value]
    return tell_exactly(value.detach().numpy() if hasattr(value, "detach") else value)


def fill_memory(kind: str = "ReplayBuffer", count: int = 1, size: int = 9, **options: Any) -> Any:
    """Return what a memory of plain rows holds before and after it is full, and all it draws."""
    spaces = importlib.import_module("gymnasium.spaces")
    box = spaces.Box(-99, 99, (1,))
    seen_in = spaces.Dict(a=box) if "Dict" in kind else box
    buffers = get_common("buffers")
    made = attempt(
        getattr(buffers, kind), size, seen_in, spaces.Discrete(9), "cpu", n_envs=count, **options
    )
    if isinstance(made, str):
        return made
    results: list[Any] = [made.buffer_size, made.size(), attempt(made.sample, 2)]
    envs = get_common("vec_env").VecNormalize(make_envs(1), norm_obs=False, gamma=0.5)
    envs.ret_rms.var = np.array(4.0)
    for row in range(13):
        places = np.arange(count, dtype="f4")[:, None] * 20 + row
        rows = [{"a": each} if "Dict" in kind else each for each in (places, places + 0.5)]
        ended = np.arange(count) + row
        infos: list[dict[str, Any]] = [{"TimeLimit.truncated": bool(row % 2)} for _ in range(count)]
        made.add(*rows, ended % 9, ended * 1.0, ended % 3 == 0, infos)
        if row in (2, 5, 12):
            results += [made.pos, made.full, made.size(), made.rewards.copy(), made.dones.copy()]
            pool.set_seeds()
            results += [made.sample(6)._asdict(), made.sample(3, env=envs)._asdict()]
    held = [each.copy() for each in (made.timeouts, made.actions)]
    made.reset()
    kept = [made.pos, made.full, made.size(), made.to_torch(np.arange(2.0), copy=False)]
    return tell_tensors([results, held, kept, buffers.BaseBuffer.swap_and_flatten(made.rewards)])


CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "freq": ("DQN", "cart", {"train_freq": 3, "gradient_steps": 2}),
    "steps": ("DQN", "cart", {"train_freq": (5, "step"), "gradient_steps": -1}),
    "episode": ("DQN", "cart", {"train_freq": (1, "episode"), "gradient_steps": 1}),
    "all": ("DQN", "cart", {"train_freq": (2, "episode"), "gradient_steps": -1}),
    "late": ("DQN", "cart", {"learning_starts": 15, "train_freq": 4}),
    "explore": ("DQN", "cart", {"exploration_fraction": 0.5, "exploration_initial_eps": 0.8}),
    "soft": ("SAC", "pendulum", {"tau": 0.2, "target_update_interval": 2}),
    "hard": ("SAC", "pendulum", {"tau": 1.0, "train_freq": (3, "step"), "gradient_steps": -1}),
    "delay": ("TD3", "pendulum", {"policy_delay": 3, "tau": 0.1}),
    "ddpg": ("DDPG", "pendulum", {"train_freq": (1, "episode"), "gradient_steps": 3}),
    "epochs": ("PPO", "cart", {"n_epochs": 3, "batch_size": 4}),
    "stopped": ("PPO", "cart", {"n_epochs": 5, "target_kl": 1e-9}),
    "going": ("PPO", "cart", {"n_epochs": 5, "target_kl": 1e9}),
    "odd": ("PPO", "cart", {"n_steps": 10, "batch_size": 7}),
    "a2c": ("A2C", "cart", {"n_steps": 3, "use_rms_prop": False}),
    "sde": ("A2C", "pendulum", {"use_sde": True, "sde_sample_freq": 4, "n_steps": 6}),
    "bad": ("PPO", "cart", {"batch_size": 1}),
    "unit": ("DQN", "cart", {"train_freq": (1, "hour")}),
}


def count_updates(case: str) -> Any:
    """Return after each step how often an agent learned, and whether its targets moved."""
    name, world, options = CASES[case]
    agent = attempt(build_agent, name, world, **options)
    if isinstance(agent, str):
        return agent
    parts = {key: key.split(".")[0] for key in agent.policy.state_dict()}
    rows: list[Any] = []
    kept = {key: each.clone() for key, each in agent.policy.state_dict().items()}

    def note(_: Any, __: Any) -> bool:
        held = agent.policy.state_dict()
        moved = sorted({parts[key] for key in held if not (held[key] == kept[key]).all()})
        rows.append([agent.num_timesteps, agent._n_updates, agent._episode_num, moved])
        rates = [getattr(agent, each, None) for each in ("exploration_rate", "_n_calls")]
        rows.append([*rates, [group["lr"] for group in list_groups(agent)]])
        kept.update({key: each.clone() for key, each in held.items()})
        return True

    results = [attempt(lambda: agent.learn(26, callback=note, log_interval=1).num_timesteps)]
    results += [rows, agent._n_updates, agent._episode_num, agent._current_progress_remaining]
    return [results, sorted(key for key in agent.logger.name_to_value if "time/" not in key)]


def list_groups(agent: Any) -> list[Any]:
    """Return the groups of parameters of all optimizers of a policy."""
    homes = [agent.policy, *(getattr(agent, each, None) for each in ("actor", "critic"))]
    return [group for home in homes if home for group in attempt(read_groups, home)]


def read_groups(home: Any) -> list[Any]:
    """Return the groups of parameters of an optimizer, if there is one."""
    return list(home.optimizer.param_groups) if hasattr(home, "optimizer") else []


OF_BUFFERS: tuple[Family, ...] = (
    Family(
        fill_goals,
        lambda: ["'future'", "'final'", "'episode'", "'none'"],
        lambda _: {"count": 1, "copy_info_dict": True, "handle_timeout_termination": False},
    ),
    Family(
        fill_memory,
        lambda: ["ReplayBuffer", "DictReplayBuffer", "NStepReplayBuffer"],
        lambda _: {"count": 2, "size": 4, "n_steps": 2, "gamma": 0.5},
    ),
    Family(count_updates, lambda: [*CASES], lambda _: {}),
)
