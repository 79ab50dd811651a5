"""Programs with the agents of Stable-Baselines3: trained, saved, loaded, and trained on."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ... import pool
from ..families import Family
from ..telling import attempt

WORLDS: dict[str, Callable[[Any, Any], Any]] = {
    "cart": lambda gym, _: gym.make("CartPole-v1", max_episode_steps=7),
    "pendulum": lambda gym, _: gym.make("Pendulum-v1", max_episode_steps=6),
    "several": lambda _, envs: envs.IdentityEnvMultiDiscrete(3, 5),
    "bits": lambda _, envs: envs.IdentityEnvMultiBinary(3, 5),
    "flips": lambda _, envs: envs.BitFlippingEnv(n_bits=4, max_steps=4),
    "flips_at_will": lambda _, envs: envs.BitFlippingEnv(n_bits=3, continuous=True, max_steps=4),
    "picture": lambda _, envs: envs.FakeImageEnv(2, 36, 36, 1),
    "maze": lambda _, envs: envs.SimpleMultiObsEnv(2, 2, False),
}


POLICIES = {"picture": "CnnPolicy", "maze": "MultiInputPolicy", "flips": "MultiInputPolicy"}


ON_POLICY = ("PPO", "A2C")


def list_ordinary(name: str, world: str) -> dict[str, Any]:
    """Return the options that make an agent small and quick."""
    ordinary: dict[str, Any] = {"learning_rate": 0.02, "policy_kwargs": {"net_arch": [6]}}
    if name in ON_POLICY:
        ordinary |= {"n_steps": 12}
        ordinary |= {"batch_size": 6, "n_epochs": 2} if name == "PPO" else {}
    else:
        ordinary |= {"learning_starts": 9, "buffer_size": 40, "batch_size": 8}
        ordinary |= {"train_freq": 4, "gradient_steps": 2} if name == "DQN" else {}
    if world in ("picture", "maze"):
        features = {"features_dim": 5} if world == "picture" else {"cnn_output_dim": 5}
        ordinary["policy_kwargs"] |= {"features_extractor_kwargs": features}
    return ordinary


def build_agent(name: str, world: str, **options: Any) -> Any:
    """Return a small agent of a kind in a world."""
    library = importlib.import_module("stable_baselines3")
    envs = importlib.import_module("stable_baselines3.common.envs")
    env = WORLDS[world](importlib.import_module("gymnasium"), envs)
    env.action_space.seed(pool.SEED)
    ordinary = list_ordinary(name, world)
    if options.pop("her", False):
        ordinary["replay_buffer_class"] = library.HerReplayBuffer
        chosen = {"n_sampled_goal": 2, "goal_selection_strategy": options.pop("goals", "future")}
        ordinary["replay_buffer_kwargs"] = chosen
    if options.pop("noisy", False):
        noise = importlib.import_module("stable_baselines3.common.noise")
        ordinary["action_noise"] = noise.NormalActionNoise(np.zeros(1), np.full(1, 0.3))
    if options.pop("falling", False):
        ordinary["learning_rate"] = lambda left: 0.03 * left
    policy = POLICIES.get(world.removesuffix("_at_will"), "MlpPolicy")
    kind = getattr(library, name)
    return kind(policy, env, seed=pool.SEED, device="cpu", **{**ordinary, **options})


def copy_weights(agent: Any) -> dict[str, Any]:
    """Return a copy of the weights of an agent."""
    held = {name: each.clone() for name, each in agent.policy.state_dict().items()}
    return {**held, "entropy": attempt(lambda: agent.log_ent_coef.detach().clone())}


def compare_weights(first: dict[str, Any], second: dict[str, Any]) -> list[Any]:
    """Return by how much weights differ, ten times, as most steps are small."""
    results: list[Any] = []
    for name, before in first.items():
        after = second[name]
        both = isinstance(before, torch.Tensor) and isinstance(after, torch.Tensor)
        results.append((after.float() - before.float()) * 10 if both else (before, after))
    return results


SETTINGS = (
    *("num_timesteps", "_n_updates", "_episode_num", "exploration_rate", "_total_timesteps"),
    *("gamma", "tau", "batch_size", "buffer_size", "learning_starts", "gradient_steps", "use_sde"),
    *("_current_progress_remaining", "target_update_interval", "n_epochs", "gae_lambda"),
    *("ent_coef", "vf_coef", "max_grad_norm", "target_entropy", "policy_delay", "sde_sample_freq"),
    *("target_policy_noise", "target_noise_clip", "normalize_advantage", "seed", "n_envs"),
    *("train_freq", "target_kl", "_stats_window_size", "_n_calls", "policy_kwargs"),
)


HELD = (
    *("pos", "full", "actions", "rewards", "dones", "timeouts", "advantages", "returns"),
    *("episode_starts", "ep_start", "ep_length", "values", "log_probs"),
)


def tell_agent(agent: Any) -> list[Any]:
    """Return the settings and the states of an agent, and what it logged."""
    results: list[Any] = [tell_settings(agent), type(getattr(agent, "action_noise", None)).__name__]
    results += [str(agent.observation_space), str(agent.action_space), str(agent.policy)]
    logged = agent.logger.name_to_value
    results += [{key: each for key, each in sorted(logged.items()) if not key.startswith("time/")}]
    queue = agent.ep_info_buffer or []
    return [
        *results,
        [(each["r"], each["l"]) for each in queue],
        [*(agent.ep_success_buffer or [])],
    ]


SCHEDULES = ("lr_schedule", "clip_range", "clip_range_vf", "exploration_schedule")


def tell_settings(agent: Any) -> list[Any]:
    """Return the settings, the schedules and the states of the optimizers of an agent."""
    results: list[Any] = [str(getattr(agent, name, None)) for name in SETTINGS]
    results += [attempt(lambda n=name: getattr(agent, n)(0.25)) for name in SCHEDULES]
    for name, each in sorted(agent.get_parameters().items()):
        results += [name, each if "optimizer" in name else sorted(each)]
    return results


def tell_buffer(agent: Any) -> list[Any]:
    """Return what the memory of an agent holds."""
    buffer = getattr(agent, "replay_buffer", None) or getattr(agent, "rollout_buffer", None)
    return [copy.deepcopy(getattr(buffer, name, None)) for name in HELD]


def live(name: str, world: str, steps: int = 0, **options: Any) -> Any:
    """Return what becomes of an agent that learns, is saved and loaded, and both learn on."""
    library = importlib.import_module("stable_baselines3")
    long = name in (*ON_POLICY, "DQN")
    agent = build_agent(name, world, **options)
    begun = copy_weights(agent)
    agent.learn(steps or (24 if long else 13))
    learned = copy_weights(agent)
    results: list[Any] = [compare_weights(begun, learned), copy.deepcopy(tell_agent(agent))]
    agent.save("agent")
    env = agent.get_env()
    loaded = type(agent).load("agent", env, device="cpu")
    results += [
        compare_weights(learned, copy_weights(loaded)),
        copy.deepcopy(tell_settings(loaded)),
    ]
    if hasattr(agent, "save_replay_buffer"):
        agent.save_replay_buffer("memory")
        results += [attempt(loaded.load_replay_buffer, "memory", False), tell_buffer(loaded)]
    for each in (agent, loaded):
        env.seed(3)
        library.common.utils.set_random_seed(3)
        each.learn(12 if long else 4, reset_num_timesteps=False)
        results += [compare_weights(learned, copy_weights(each)), each.num_timesteps]
        results.append(tell_buffer(each))
    observed = env.reset()
    for firm in (True, False):
        library.common.utils.set_random_seed(5)
        results += [each.predict(observed, deterministic=firm)[0] for each in (agent, loaded)]
    return results


def reload(name: str, world: str) -> Any:
    """Return what loading gives with other objects and options, and what parts are refused."""
    agent, other = build_agent(name, world), build_agent(name, world)
    kind, begun = type(agent), copy_weights(agent)
    agent.learn(20)
    agent.save("agent.zip", exclude=["gamma"], include=["seed"])
    results: list[Any] = [attempt(kind.load, "none")]
    bare = kind.load("agent", device="cpu")
    results += [bare.get_env() is None, bare.num_timesteps, getattr(bare, "gamma", "no gamma")]
    results += [type(attempt(bare.learn, 5)).__name__, attempt(bare.set_env, agent.get_env())]
    ways: tuple[dict[str, Any], ...] = (
        {"custom_objects": {"learning_rate": 0.5, "gamma": 0.25, "lr_schedule": None}},
        {"gamma": 0.5, "seed": 3},
        {"policy_kwargs": {}},
    )
    for more in ways:
        loaded = attempt(kind.load, "agent", agent.get_env(), "cpu", **more)
        results.append(loaded if isinstance(loaded, str) else tell_settings(loaded))
    wrong = build_agent("PPO", "bits" if world == "several" else "several").get_env()
    results += [type(attempt(kind.load, "agent", wrong)).__name__, attempt(agent.set_env, wrong)]
    agent.policy.save("policy.pt")
    again = type(agent.policy).load("policy.pt")
    results += [compare_weights(begun, {**begun, **again.state_dict()}), str(again)]
    return [results, set_parts(agent, other, begun)]


def set_parts(agent: Any, other: Any, begun: dict[str, Any]) -> list[Any]:
    """Return what becomes of an agent that takes the parameters of another one, or a part."""
    take, parts = other.set_parameters, agent.get_parameters()
    results = [attempt(take, "agent.zip"), compare_weights(begun, copy_weights(other))]
    policy = {"policy": parts["policy"]}
    less = {**parts, "policy": dict([*parts["policy"].items()][:-1])}
    for given in (policy, {}, less, {**parts, "no": {}}):
        results += [attempt(take, given), attempt(take, given, exact_match=False)]
    return [*results, compare_weights(begun, copy_weights(other))]


def ask_policy(policy: Any, seen: Any, acts: Any) -> list[Any]:
    """Return what the parts of a policy give."""
    questions = (
        lambda: policy.forward(seen),
        lambda: policy.forward(seen, True),
        lambda: policy.evaluate_actions(seen, acts),
        lambda: policy.predict_values(seen),
        lambda: policy.critic(seen, acts.float()),
        lambda: policy.q_net(seen),
        lambda: policy.actor.action_log_prob(seen),
        lambda: policy.get_distribution(seen).mode(),
        lambda: policy.scale_action(np.array([[1.5]])),
        lambda: policy.unscale_action(np.array([[0.3]])),
    )
    return [attempt(each) for each in questions]


def predict_all(name: str, world: str) -> Any:
    """Return the actions, values and chances that an agent gives for observations."""
    agent = build_agent(name, world)
    env, policy = agent.get_env(), agent.policy
    env.seed(3)
    first = env.reset()
    single = {key: each[0] for key, each in first.items()} if isinstance(first, dict) else first[0]
    results: list[Any] = [agent.predict(first, deterministic=True), agent.predict(single)]
    results += [agent.predict(first, state=(np.ones(1),), episode_start=np.array([True]))]
    results += [attempt(agent.predict, np.zeros((3, 2, 5)))]
    seen, many = policy.obs_to_tensor(first)
    results += [many, policy.obs_to_tensor(single)[1], policy.is_vectorized_observation(first)]
    results += ask_policy(policy, seen, torch.as_tensor(np.array([env.action_space.sample()])))
    policy.set_training_mode(True)
    return [results, policy.training, policy.squash_output]


LIVES = (
    *("'PPO','cart'", "'PPO','pendulum',use_sde=True,sde_sample_freq=2", "'PPO','several'"),
    *("'PPO','bits'", "'PPO','picture',steps=12", "'PPO','maze'", "'PPO','cart',target_kl=0.001"),
    *("'PPO','cart',clip_range_vf=0.05", "'PPO','cart',normalize_advantage=False,falling=True"),
    *("'PPO','cart',ent_coef=0.3,vf_coef=0.9,max_grad_norm=0.1", "'PPO','cart',gamma=0.5"),
    *("'A2C','cart'", "'A2C','pendulum',use_sde=True", "'A2C','cart',use_rms_prop=False"),
    *("'A2C','cart',normalize_advantage=True,gae_lambda=0.5", "'A2C','several'", "'A2C','bits'"),
    *("'A2C','cart',falling=True", "'DQN','cart'", "'DQN','cart',target_update_interval=4,tau=0.4"),
    *("'DQN','cart',exploration_fraction=0.9,exploration_final_eps=0.3", "'DQN','flips',her=True"),
    *("'DQN','cart',gradient_steps=-1,max_grad_norm=0.1", "'DQN','maze'", "'DQN','picture'"),
    *("'DQN','cart',train_freq=3,falling=True", "'DQN','flips',her=True,goals='final'"),
    *("'SAC','pendulum'", "'SAC','pendulum',ent_coef='auto_0.1'", "'SAC','pendulum',ent_coef=0.2"),
    "'SAC','pendulum',use_sde=True,use_sde_at_warmup=True",
    "'SAC','pendulum',target_update_interval=3,tau=0.3",
    *("'SAC','pendulum',target_entropy=-3.0", "'SAC','pendulum',noisy=True,falling=True"),
    *("'SAC','flips_at_will',her=True", "'SAC','flips_at_will',her=True,goals='episode'"),
    *("'TD3','pendulum'", "'TD3','pendulum',policy_delay=1,target_policy_noise=0.5"),
    *("'TD3','pendulum',noisy=True", "'TD3','pendulum',target_noise_clip=0.05,tau=0.2"),
    *("'DDPG','pendulum'", "'DDPG','pendulum',noisy=True,gradient_steps=2"),
    *("'DDPG','flips_at_will'", "'PPO','cart',stats_window_size=2", "'DQN','cart',gamma=0.3"),
    *("'SAC','pendulum',n_steps=2", "'DQN','cart',n_steps=3"),
)
AGENTS = (
    *("'PPO','cart'", "'PPO','pendulum'", "'A2C','several'", "'DQN','cart'", "'SAC','pendulum'"),
    *("'TD3','pendulum'", "'DDPG','pendulum'", "'PPO','maze'", "'A2C','bits'", "'DQN','maze'"),
)
OF_AGENTS = (
    Family(live, lambda: [*LIVES], lambda _: {}),
    Family(reload, lambda: [*AGENTS], lambda _: {}),
    Family(predict_all, lambda: [*AGENTS], lambda _: {}),
)
