"""Programs with what tells how an agent learns: logs, files of episodes, evaluations, callbacks."""

from __future__ import annotations

import importlib
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ..families import Family
from ..of_frames import tell_cells
from ..telling import attempt
from .of_agents import build_agent
from .of_training import get_common, make_envs


def add_keys(form: str, suffix: str = "") -> Any:
    """Return the file of a log whose rows have one new key at a time, and that file read again."""
    logger = get_common("logger")
    output = logger.make_output_format(form, "logs", suffix)
    made = logger.Logger("logs", [output])
    results: list[Any] = []
    rows: tuple[dict[str, Any], ...] = (
        {"a": 1},
        {"a": 2.5, "b": "x"},
        {"b": 'q"uote,'},
        {"a": 3, "b": "y", "c/d": True},
        {"e": np.float32(0.25), "a": np.array([1.5])[0]},
        {"c/d": -1e-7, "a": 123456789.125},
        {"A/first": 7, "b": "z"},  # comes after those that a file has, in whatever order they are
    )
    for step, row in enumerate(rows):
        for key, value in row.items():
            made.record(key, value)
        made.record("csv_not", 1, exclude=("csv",))
        made.record("out", 2, exclude=("json", "csv", "stdout", "log"))
        for value in (step, 2 * step, None):
            made.record_mean("z_mean", value, exclude="csv")
        results += [dict(made.name_to_value), dict(made.name_to_excluded), dict(made.name_to_count)]
        made.dump(step)
        results += [len(made.name_to_value), len(made.name_to_count)]
    made.close()
    for path in sorted(Path("logs").iterdir()):
        results += [path.name, path.read_text()]
        read = {"json": logger.read_json, "csv": logger.read_csv}.get(form)
        results.append(tell_cells(read(str(path))) if read else None)
    kept = logger.filter_excluded_keys({"a": 1, "b": 2}, {"a": ("csv",), "b": ("json",)}, form)
    return [results, kept]


def level_logs() -> Any:
    """Return what loggers of each level write, and which long or odd values they refuse."""
    logger = get_common("logger")
    results: list[Any] = []
    for level in (logger.DEBUG, logger.INFO, logger.WARN, logger.ERROR, logger.DISABLED):
        made = logger.configure(f"logs{level}", ["log", "csv"])
        made.set_level(level)
        for name in ("debug", "info", "warn", "error"):
            getattr(made, name)("said", name, 1)
        made.log("plain"), made.log("loud", level=logger.ERROR)
        made.record("only", level)
        made.dump(level)
        made.close()
        results += [made.level, made.get_dir()]
        results += [path.read_text() for path in sorted(Path(f"logs{level}").iterdir())]
    for size in (6, 12, 30):
        output = logger.HumanOutputFormat(f"human{size}", max_length=size)
        row = {"long/key_of_many_letters": 1.23456789, "long/b": "words " * 6, "k": 5}
        same = {"long/key_of_many_letters": 1, "long/key_of_many_letterz": 2}
        for values in (row, same):
            results.append(attempt(output.write, values, dict.fromkeys(values, ()), 4))
        output.write_sequence(["a", "b c"])
        results += [output.close(), Path(f"human{size}").read_text()]
    for form in ("log", "csv", "json", "stdout"):
        made = logger.Logger("odd", [logger.make_output_format(form, "odd")])
        for value in (logger.HParam({"a": 1}, {"b": 2}), logger.Image(np.zeros((2, 2)), "HW")):
            made.record("odd", value)
            results.append(attempt(made.dump))
        made.close()
    with (
        logger.ScopedConfigure("scoped", ["log"]) if hasattr(logger, "ScopedConfigure") else Path()
    ):
        results.append(str(logger.configure("again", ["csv"]).dir))
    return results


def play_episodes(env: Any, count: int, seed: int = 3, **options: Any) -> list[Any]:
    """Return what each episode of an environment tells at its end."""
    results = []
    for episode in range(count):
        env.reset(seed=seed + episode, **options)
        ended = False
        while not ended:
            _, _, done, cut, info = env.step(env.action_space.sample())
            ended = done or cut
        kept = {key: each for key, each in info["episode"].items() if key != "t"}
        results.append([kept, sorted(info), done, cut])
    return results


def watch_episodes() -> Any:
    """Return files of episodes, their results read again, and curves of these."""
    gym, watching = importlib.import_module("gymnasium"), get_common("monitor")
    results: list[Any] = []

    def make(steps: int = 6, **options: Any) -> Any:
        env = gym.make("CartPole-v1", max_episode_steps=steps)
        env.action_space.seed(5)
        return watching.Monitor(env, **options)

    first = make(filename="logs/one")
    results += play_episodes(first, 3)
    results += [first.get_total_steps(), first.get_episode_rewards(), first.get_episode_lengths()]
    results += [len(first.get_episode_times()), attempt(first.step, 0), first.reset(seed=1)]
    first.close()
    more = make(9, filename="logs/one.monitor.csv", override_existing=False)
    results += play_episodes(more, 2, 9)
    more.close()
    other = make(4, filename="logs/two", reset_keywords=("options",), allow_early_resets=False)
    results += play_episodes(other, 1, options={"low": -0.01, "high": 0.01})
    for more_options in ({}, {"options": {"low": -0.02}}, {}):
        results.append(attempt(other.reset, **more_options))
    other.close()
    wanting = make(3, filename=None, info_keywords=("nothing",))
    results.append(attempt(play_episodes, wanting, 1))
    read = watching.load_results("logs")
    files = [Path(each).name for each in sorted(watching.get_monitor_files("logs"))]
    rows = [[*map(int, row)] for row in read.sort_values(["l", "r"])[["l", "r"]].to_numpy()]
    results += [files, rows, sorted(read.columns), attempt(watching.load_results, "none")]
    return [results, draw_curves(watching.load_results("logs").sort_values("l", kind="stable"))]


def draw_curves(read: Any) -> list[Any]:
    """Return the points of curves of episodes."""
    plotter = attempt(get_common, "results_plotter")
    if isinstance(plotter, str):
        return [plotter]
    read = read[["l", "r"]].assign(t=np.arange(len(read)) * 1800.0)
    results: list[Any] = []
    for axis in ("timesteps", "episodes", "walltime_hrs", "none"):
        found = attempt(plotter.ts2xy, read, axis)
        results.append(found)
        if not isinstance(found, str):
            results += [plotter.window_func(*found, window, np.mean) for window in (1, 3)]
    return [*results, plotter.rolling_window(np.arange(5.0), 2)]


class Repeater:
    """Acts the same way always, and notes how it is asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def predict(self, seen: Any, state: Any, episode_start: Any, deterministic: bool) -> Any:
        """Return the same action for all environments."""
        self.asked.append([len(seen), state, episode_start.tolist(), deterministic])
        return np.arange(len(seen)) % 2, len(self.asked)


def judge(count: int = 2, episodes: int = 3, deterministic: bool = True) -> Any:
    """Return what an evaluation tells, how it asks, and what it refuses."""
    evaluate, wrap = get_common("evaluation").evaluate_policy, get_common("monitor").Monitor
    gym = importlib.import_module("gymnasium")
    results: list[Any] = []
    for threshold, full in ((None, False), (None, True), (3.0, False), (99.0, False), (3.0, True)):
        model = Repeater()
        seen: list[Any] = []

        def note(local: Any, _: Any, seen: list[Any] = seen) -> None:
            seen.append([local["i"], local["episode_counts"].tolist(), bool(local["done"])])
            seen.append(
                [local["current_lengths"].tolist(), local["episode_count_targets"].tolist()]
            )

        given = {"reward_threshold": threshold, "return_episode_rewards": full, "callback": note}
        envs = make_envs(count, 5)
        envs.seed(4)
        results += [attempt(evaluate, model, envs, episodes, deterministic, **given)]
        results += [model.asked, seen]
    for wrapped in (False, True):
        env = gym.make("CartPole-v1", max_episode_steps=4)
        env = gym.wrappers.TransformReward(wrap(env) if wrapped else env, lambda r: r * 10)
        results.append(evaluate(Repeater(), env, 2, warn=False, return_episode_rewards=True))
    return results


STEPS = ("_on_training_start", "_on_rollout_start", "_on_step", "_on_rollout_end")


def note_calls(name: str = "PPO", steps: int = 30, **options: Any) -> Any:
    """Return in which order an agent calls back, with all counts, and what each kind counts."""
    kinds, agent = get_common("callbacks"), build_agent(name, "cart", **options)
    calls: list[Any] = []

    noting = type("Noting", (kinds.BaseCallback,), {"_on_step": lambda _: True})

    def follow(made: Any, step: str) -> Callable[[], bool]:
        def note() -> bool:
            calls.append([step, made.n_calls, made.num_timesteps, agent._n_updates])
            calls.append([made.parent is not None, agent.num_timesteps, made.locals is not None])
            return True

        return note

    inner, outer = noting(), noting()
    every = kinds.EveryNTimesteps(7, inner)
    kept = kinds.CheckpointCallback(8, "kept", "m", save_replay_buffer=name == "DQN")
    for made in (inner, outer):
        for step in (*STEPS, "_on_training_end"):
            setattr(made, step, follow(made, f"{step} {made is inner}"))
    agent.learn(steps, callback=kinds.CallbackList([outer, every, kept]), log_interval=2)
    results = [
        calls,
        every.n_calls,
        every.last_time_trigger,
        kept.n_calls,
        outer.training_env.num_envs,
    ]
    results += [sorted(each.name for each in Path("kept").iterdir()), agent.num_timesteps]
    ends = kinds.StopTrainingOnMaxEpisodes(2)
    results.append([agent.learn(40, callback=ends).num_timesteps, ends.n_episodes, ends.n_calls])
    agent.learn(20, callback=ends, reset_num_timesteps=False)
    return [results, agent.num_timesteps, ends.n_episodes, agent._total_timesteps]


def stop_early() -> Any:
    """Return when callbacks stop a training for its rewards, or for no better ones."""
    kinds = get_common("callbacks")
    results: list[Any] = []
    for limit, least in ((1, 0), (2, 0), (1, 3), (0, 0)):
        made, row = kinds.StopTrainingOnNoModelImprovement(limit, least, verbose=1), []
        made.model = types.SimpleNamespace(num_timesteps=0, get_env=lambda: None, logger=None)
        made.parent = types.SimpleNamespace(best_mean_reward=-np.inf, last_mean_reward=0)
        for best in (1.0, 1.0, 2.0, 2.0, 2.0, 1.5, 2.0):
            made.parent.best_mean_reward = best
            row += [made.on_step(), made.no_improvement_evals, made.last_best_mean_reward]
        results += [row, made.n_calls]
    for threshold in (1.0, 2.0, 2.5):
        made = kinds.StopTrainingOnRewardThreshold(threshold)
        made.model = types.SimpleNamespace(num_timesteps=0, get_env=lambda: None, logger=None)
        made.parent, row = types.SimpleNamespace(best_mean_reward=0.5), []
        for best in (0.5, 1.0, 2.0, 2.1):
            made.parent.best_mean_reward = best
            row.append(made.on_step())
        results.append(row)
        results += [attempt(kinds.StopTrainingOnRewardThreshold(threshold).on_step)]
    return results


OF_LOGS = (
    Family(add_keys, lambda: ["csv", "json", "log", "stdout"], lambda _: {"suffix": "_two"}),
    Family(level_logs, lambda: [""], lambda _: {}),
    Family(watch_episodes, lambda: [""], lambda _: {}),
    Family(judge, lambda: [""], lambda _: {"count": 1, "episodes": 4, "deterministic": False}),
    Family(note_calls, lambda: ["PPO", "A2C", "'DQN'"], lambda _: {}),
    Family(stop_early, lambda: [""], lambda _: {}),
)
