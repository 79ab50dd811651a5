"""Programs with what trains agents: memories, callbacks, logs, wrappers of many environments."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ... import pool
from ..clocks import drop_clocks
from ..families import Family
from ..telling import attempt
from .of_agents import build_agent

ROWS = 14


def get_common(name: str) -> Any:
    """Return a module of what agents have in common."""
    return importlib.import_module(f"stable_baselines3.common.{name}")


def join_rows(rows: list[Any]) -> Any:
    """Return observations of several environments in one."""
    if isinstance(rows[0], dict):
        return {key: np.stack([row[key] for row in rows]) for key in rows[0]}
    return np.stack(rows)


def fill_buffer(name: str, space: str = "box", **options: Any) -> Any:
    """Return what a memory holds after more than it can take, and what is drawn from it."""
    spaces = importlib.import_module("gymnasium.spaces")
    box = spaces.Box(-1, 1, (2,), seed=3)
    observed = spaces.Dict(a=box, b=spaces.Discrete(3), seed=3) if "Dict" in name else box
    observed = spaces.Box(0, 255, (3, 2, 2), np.uint8, seed=3) if space == "picture" else observed
    kinds = {"discrete": spaces.Discrete(3, seed=4), "bits": spaces.MultiBinary(2, seed=4)}
    acted = kinds.get(space, spaces.Box(-1, 1, (2,), seed=4))
    made = getattr(get_common("buffers"), name)(10, observed, acted, "cpu", n_envs=2, **options)
    random = np.random.default_rng(5)
    rolls = "Rollout" in name
    for row in range(10 if rolls else ROWS):
        drawn = [observed.sample() for _ in range(4)]
        acts = np.stack([acted.sample(), acted.sample()])
        rewards, ended = random.random(2), np.array([row % 3 == 2, row % 4 == 3])
        if rolls:
            values = [torch.as_tensor(random.random(2)) for _ in range(2)]
            made.add(join_rows(drawn[:2]), acts, rewards, ended, *values)
        else:
            infos = [{"TimeLimit.truncated": bool(row % 2)}, {}]
            made.add(join_rows(drawn[:2]), join_rows(drawn[2:]), acts, rewards, ended, infos)
    held = [made.pos, made.full, made.size(), made.actions.copy(), made.rewards.copy()]
    held += draw_rows(made, rolls)
    made.reset()
    return [held, made.pos, made.full, made.to_torch(np.ones(2))]


def draw_rows(made: Any, rolls: bool) -> list[Any]:
    """Return what is drawn from a memory."""
    if not rolls:
        sampled = attempt(lambda: made.sample(6)._asdict())
        return [sampled, made.observations, made.timeouts, made.dones]
    made.compute_returns_and_advantage(torch.tensor([0.5, -0.5]), np.array([True, False]))
    results = [made.advantages, made.returns, [each._asdict() for each in made.get(7)]]
    return [*results, [each._asdict() for each in made.get()], made.generator_ready]


def make_envs(count: int = 2, steps: int = 5) -> Any:
    """Return several environments whose episodes last for some steps."""
    make = get_common("env_util").make_vec_env
    return make("CartPole-v1", count, 5, env_kwargs={"max_episode_steps": steps})


BEST = {"log_path": "log", "best_model_save_path": "best", "n_eval_episodes": 3}


SAVING = {"name_prefix": "kept", "save_replay_buffer": True, "save_vecnormalize": True}


def list_callbacks(seen: list[Any], **options: Any) -> dict[str, Callable[[], Any]]:
    """Return what makes a callback of each kind."""
    kinds = get_common("callbacks")
    envs = make_envs(2, 6)
    stop = kinds.StopTrainingOnRewardThreshold(options.pop("threshold", 3.0), verbose=0)
    quiet = kinds.StopTrainingOnNoModelImprovement(1, 1, verbose=0)
    ends = kinds.StopTrainingOnMaxEpisodes(options.pop("episodes", 2))

    def stop_late(local: Any, _: Any) -> bool:
        seen.append(sorted(local))
        return len(seen) < 10

    return {
        "eval": lambda: kinds.EvalCallback(envs, eval_freq=7, **{**BEST, **options}),
        "eval best": lambda: kinds.EvalCallback(envs, stop, quiet, eval_freq=5, **BEST),
        "eval worse": lambda: kinds.EvalCallback(envs, None, quiet, eval_freq=4),
        "save": lambda: kinds.CheckpointCallback(9, "saved", **{**SAVING, **options}),
        "episodes": lambda: ends,
        "every": lambda: kinds.EveryNTimesteps(8, kinds.ConvertCallback(stop_late)),
        "function": lambda: stop_late,
        "list": lambda: [kinds.CheckpointCallback(11, "saved"), ends],
    }


def call_back(kind: str, name: str = "PPO", **options: Any) -> Any:
    """Return what a callback does while an agent learns: its calls, its files, and its end."""
    agent = build_agent(name, "cart")
    seen: list[Any] = []
    callback = list_callbacks(seen, **options)[kind]()
    agent.learn(30, callback=callback, log_interval=1)
    results = [seen, sorted(map(str, Path().rglob("*"))), agent.num_timesteps]
    for each in ("n_calls", "num_timesteps", "best_mean_reward", "last_mean_reward", "n_episodes"):
        results.append(getattr(callback, each, None))
    if Path("log/evaluations.npz").is_file():
        with np.load("log/evaluations.npz") as kept:
            results += [[name, kept[name]] for name in sorted(kept)]
    logged = agent.logger.name_to_value
    return [*results, {key: each for key, each in logged.items() if "time/" not in key}]


def evaluate(**options: Any) -> Any:
    """Return the rewards and lengths of episodes of an agent, and of what is called at each."""
    evaluation = get_common("evaluation").evaluate_policy
    agent = build_agent("PPO", "cart")
    results: list[Any] = []

    def note(local: Any, _: Any) -> None:
        results.append([local["i"], local["current_rewards"].copy(), local["done"]])

    for count in (1, 2):
        envs = make_envs(count, 9)
        given = {"n_eval_episodes": 3, "callback": note, **options}
        results.append(attempt(evaluation, agent, envs, **given))
        results.append(attempt(evaluation, agent, envs, 2, reward_threshold=99.0))
        results.append(attempt(evaluation, agent, envs, 3, return_episode_rewards=True))
    bare = importlib.import_module("gymnasium").make("CartPole-v1", max_episode_steps=5)
    return [results, evaluation(agent, bare, 2, deterministic=False, warn=False)]


def write_log(form: str, **options: Any) -> Any:
    """Return the files and the values of a log with all kinds of values."""
    logger = get_common("logger")
    made = logger.configure("logs", [form])
    results: list[Any] = []
    for step in range(3):
        made.record("train/loss", 0.5 / (step + 1))
        made.record("train/many_words_that_are_far_too_long_for_a_line", step)
        made.record("words", 'a "text", with, commas', exclude="csv" if step else None)
        made.record("array", np.arange(3) if form == "json" else 1.25)
        made.record("hidden", 3, exclude=("stdout", "log", "json"))
        for value in (1, 2.0, 4, None):
            made.record_mean("mean/rew", value)
        if step == 1:
            made.record("late", True)
        results.append([dict(made.name_to_value), dict(made.name_to_count), made.level])
        made.dump(step)
        results.append(dict(made.name_to_value))
    made.set_level(options.get("level", logger.WARN))
    made.info("no")
    made.warn("yes", 3)
    made.close()
    files = {path.name: path.read_text() for path in sorted(Path("logs").iterdir())}
    read = {"json": logger.read_json, "csv": logger.read_csv}.get(form)
    results.append(read(f"logs/progress.{form}").to_dict() if read else None)
    results.append([attempt(lambda: logger.make_output_format("no", "logs")), made.get_dir()])
    return [results, files]


def keep_envs(name: str, **options: Any) -> Any:
    """Return what many environments tell through a wrapper that is saved, loaded and copied."""
    make, kind = get_common("env_util").make_vec_env, getattr(get_common("vec_env"), name)
    normal = name == "VecNormalize"
    world, more = "Pendulum-v1" if normal else "CartPole-v1", {"max_episode_steps": 5}
    inner = make(world, 2, 5, monitor_dir="logs", env_kwargs=more)
    needed: dict[str, Any] = {"VecFrameStack": {"n_stack": 3}, "VecMonitor": {"filename": "m"}}
    envs = kind(inner, **{**needed.get(name, {}), **options})
    results: list[Any] = [envs.seed(9), copy.deepcopy(envs.reset()), str(envs.observation_space)]
    for step in range(ROWS):
        if step == ROWS - 3 and normal:
            results += keep_averages(envs, inner)
        acts = np.full((2, 1), step / 9) if normal else np.array([step % 2, 1])
        results.append(copy.deepcopy(envs.step(acts)))
    results += ask_envs(envs, inner)
    envs.close()
    files = {path.name: path.read_text().splitlines()[1:] for path in Path("logs").iterdir()}
    rows = [(name, [row.rsplit(",", 1)[0] for row in files[name]]) for name in sorted(files)]
    return [drop_clocks(results), rows]


def keep_averages(envs: Any, inner: Any) -> list[Any]:
    """Return what averages of observations are saved and loaded, and what they do."""
    envs.save("norm.pkl")
    loaded = type(envs).load("norm.pkl", inner)
    results = [vars(loaded.obs_rms), vars(loaded.ret_rms), loaded.training, loaded.gamma]
    envs.training, envs.norm_reward = False, False
    results += [envs.get_original_obs(), envs.get_original_reward()]
    results += [envs.unnormalize_obs(np.ones((2, 3))), envs.unnormalize_reward(np.ones(2))]
    results += [loaded.normalize_obs(np.ones((2, 3))), envs.normalize_reward(np.ones(2))]
    return copy.deepcopy(results)


def ask_envs(envs: Any, inner: Any) -> list[Any]:
    """Return what a wrapper of many environments tells of them, and what it refuses."""
    results = [envs.get_attr("spec", 0)[0].id, envs.env_is_wrapped(get_common("monitor").Monitor)]
    results += [envs.set_attr("mark", 3, [1]), attempt(envs.get_attr, "mark"), envs.num_envs]
    results.append(envs.env_method("get_wrapper_attr", "mark", indices=1))
    results.append(envs.unwrapped is inner.unwrapped)
    results += [attempt(envs.set_options, {"low": -0.01, "high": 0.01}), envs.reset()]
    return [*results, *(attempt(envs.step, np.full((2, 1), n)) for n in (np.nan, np.inf))]


SPACES: tuple[Callable[[Any], Any], ...] = (
    lambda s: s.Box(-1, 1, (2,)),
    lambda s: s.Box(0, 255, (3, 36, 36), np.uint8),
    lambda s: s.Box(0, 255, (36, 40, 1), np.uint8),
    lambda s: s.Box(0, 1, (36, 36, 3)),
    lambda s: s.Discrete(4),
    lambda s: s.MultiDiscrete([2, 3]),
    lambda s: s.MultiBinary((2, 2)),
    lambda s: s.Dict(a=s.Discrete(3), b=s.Box(-1, 1, (2,))),
    lambda s: s.Tuple([s.Discrete(3)]),
)


def prepare(normalized: bool = False) -> Any:
    """Return how observations of each space are made ready for a network."""
    spaces, ready = importlib.import_module("gymnasium.spaces"), get_common("preprocessing")
    make_distribution = get_common("distributions").make_proba_distribution
    results: list[Any] = []
    for make in SPACES:
        space = make(spaces)
        space.seed(3)
        drawn = space.sample()
        parts = drawn if isinstance(drawn, dict) else {"": drawn}
        tensors = attempt(lambda p=parts: {k: torch.as_tensor(v)[None] for k, v in p.items()})
        if not isinstance(drawn, dict) and not isinstance(tensors, str):
            tensors = tensors[""]
        results += [
            attempt(ready.get_obs_shape, space),
            attempt(ready.get_flattened_obs_dim, space),
            attempt(ready.get_action_dim, space),
            *(attempt(ready.is_image_space, space, c, normalized) for c in (False, True)),
            attempt(ready.is_image_space_channels_first, space),
            attempt(ready.preprocess_obs, tensors, space, not normalized),
            attempt(lambda s=space, d=drawn: ready.maybe_transpose(np.asarray(d), s)),
            attempt(ready.check_for_nested_spaces, space),
            type(attempt(make_distribution, space)).__name__,
        ]
    return results


def draw_from(name: str, **options: Any) -> Any:
    """Return samples, modes, chances and entropies of a distribution of actions."""
    kinds = get_common("distributions")
    sizes: dict[str, Any] = {"MultiCategoricalDistribution": [2, 3]}
    made = getattr(kinds, name)(sizes.get(name, 3), **options)
    hidden = pool.make_value("$x")
    net = made.proba_distribution_net(latent_dim=3)
    net, spread = net if isinstance(net, tuple) else (net, None)
    mean = net(hidden)
    if spread is None:
        made = made.proba_distribution(mean)
    elif "StateDependent" in name:
        made.sample_weights(spread, 4)
        made = made.proba_distribution(mean, spread, hidden)
    else:
        made = made.proba_distribution(mean, spread + 0.3)
    actions = made.get_actions(deterministic=False)
    results = [actions, made.get_actions(deterministic=True), made.log_prob(actions)]
    results += [attempt(made.entropy), attempt(made.mode), attempt(made.sample)]
    again = (mean,) if spread is None else (mean, spread)
    more = (hidden,) if "StateDependent" in name else ()
    results.append(attempt(lambda: made.actions_from_params(*again, *more, deterministic=True)))
    results.append(attempt(lambda: made.log_prob_from_params(*again, *more)))
    return [results, attempt(lambda: kinds.kl_divergence(made, made)), [*net.parameters()]]


def make_noise(sigma: float = 0.5, theta: float = 0.15, dt: float = 0.01) -> Any:
    """Return noise for actions before and after it begins again, and values of schedules."""
    noise, utils = get_common("noise"), get_common("utils")
    results: list[Any] = []
    for made in (
        noise.NormalActionNoise(np.array([0.1, 0.2]), np.full(2, sigma)),
        noise.OrnsteinUhlenbeckActionNoise(np.zeros(2), np.full(2, sigma), theta, dt),
        noise.OrnsteinUhlenbeckActionNoise(np.ones(2), np.full(2, sigma), 0.5, 0.1, np.ones(2)),
    ):
        many = noise.VectorizedActionNoise(made, 3)
        results += [[made() for _ in range(3)], made.reset(), made(), str(made)]
        results += [many(), many.reset(), many.reset([1]), many(), str(many), len(many.noises)]
        results += [attempt(lambda m=made: noise.VectorizedActionNoise(m, 0))]
    made = [utils.get_schedule_fn(0.5), utils.get_linear_fn(1.0, 0.1, 0.5), utils.constant_fn(3)]
    for name in ("LinearSchedule", "ConstantSchedule", "FloatSchedule"):
        kind = getattr(utils, name)
        made.append(kind(1.0, 0.2, 0.4) if name[0] == "L" else kind(0.3))
        results.append(str(made[-1]))
    results += [[each(left) for left in (1.0, 0.8, 0.5, 0.0)] for each in made]
    pair, tensors = (np.arange(4.0), np.array([1.0, 2, 2, 4])), torch.arange(3.0)
    results += [utils.explained_variance(*pair), utils.safe_mean([]), utils.safe_mean([1, 2])]
    results.append(utils.explained_variance(*pair[::-1]))
    target, source = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    utils.polyak_update(source.parameters(), target.parameters(), 0.3)
    results += [target.weight, utils.get_parameters_by_name(target, ["wei"]), tensors]
    mean = get_common("running_mean_std").RunningMeanStd(shape=(2,))
    mean.update(np.arange(6.0).reshape(3, 2))
    mean.combine(mean.copy())
    mean.update(np.ones((1, 2)))
    return [results, vars(mean)]


VECS = ("VecNormalize", "VecFrameStack", "VecMonitor", "VecCheckNan")
CALLBACKS = ("eval", "eval best", "eval worse", "save", "episodes", "every", "function", "list")
BUFFERS = ("ReplayBuffer", "RolloutBuffer", "DictReplayBuffer", "DictRolloutBuffer")
OF_TRAINING = (
    Family(
        fill_buffer,
        lambda: [
            *BUFFERS,
            *("'ReplayBuffer','discrete'", "'RolloutBuffer','bits'", "'ReplayBuffer','picture'"),
            *("'RolloutBuffer',gamma=0.5", "'RolloutBuffer',gae_lambda=0.3", "NStepReplayBuffer"),
            "'ReplayBuffer',optimize_memory_usage=True,handle_timeout_termination=False",
        ],
        lambda _: {"handle_timeout_termination": True, "n_steps": 2, "gamma": 0.9},
    ),
    Family(call_back, lambda: [*CALLBACKS, "'save','DQN'"], lambda _: {"deterministic": True}),
    Family(evaluate, lambda: [""], lambda _: {"deterministic": True, "n_eval_episodes": 3}),
    Family(write_log, lambda: ["json", "csv", "log", "stdout"], lambda _: {"level": 30}),
    Family(
        keep_envs,
        lambda: [*VECS],
        lambda _: {
            **{"norm_obs": True, "norm_reward": True, "clip_obs": 1.0, "clip_reward": 0.5},
            **{"gamma": 0.9, "epsilon": 0.1, "n_stack": 3, "training": True},
            **{"raise_exception": False, "warn_once": True, "check_inf": True},
        },
    ),
    Family(prepare, lambda: [""], lambda _: {"normalized": False}),
    Family(
        draw_from,
        lambda: [
            *("DiagGaussianDistribution", "SquashedDiagGaussianDistribution"),
            *("CategoricalDistribution", "MultiCategoricalDistribution", "BernoulliDistribution"),
            "StateDependentNoiseDistribution",
        ],
        lambda _: {"full_std": True, "use_expln": False, "squash_output": False, "epsilon": 0.1},
    ),
    Family(make_noise, lambda: [""], lambda _: {"sigma": 0.5, "theta": 0.15, "dt": 0.01}),
)
