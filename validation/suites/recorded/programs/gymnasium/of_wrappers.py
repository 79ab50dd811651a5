"""Programs with the wrappers of Gymnasium that need values or environments of their own."""

# ruff: noqa: PLW0108 - what is looked up must be looked up inside, where its error is results

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from ..families import Family
from ..telling import attempt
from .of_environments import roll_env
from .of_vectors import build_env

Makers = tuple[Callable[[Any], Any], Callable[[Any, Any, Any], Any]]
WRAPPED: dict[str, Makers] = {
    "filter": (lambda s: s["dict"], lambda w, e, _: w.FilterObservation(e, ["a", "c"])),
    "filter tuple": (lambda s: s["tuple"], lambda w, e, _: w.FilterObservation(e, [0, 2])),
    "filter no": (lambda s: s["dict"], lambda w, e, _: w.FilterObservation(e, ["no"])),
    "flatten": (lambda s: s["dict"], lambda w, e, _: w.FlattenObservation(e)),
    "gray": (lambda s: s["picture"], lambda w, e, _: w.GrayscaleObservation(e)),
    "gray kept": (lambda s: s["picture"], lambda w, e, _: w.GrayscaleObservation(e, True)),
    "reshape": (lambda s: s["picture"], lambda w, e, _: w.ReshapeObservation(e, (6, 4, 3))),
    "reshape no": (lambda s: s["picture"], lambda w, e, _: w.ReshapeObservation(e, (5, 4))),
    "rescale": (lambda s: s["box"], lambda w, e, _: w.RescaleObservation(e, -2.0, 3.0)),
    "rescale each": (
        lambda s: s["box"],
        lambda w, e, _: w.RescaleObservation(e, np.zeros(3, np.float32), np.arange(1, 4.0)),
    ),
    "dtype": (lambda s: s["picture"], lambda w, e, _: w.DtypeObservation(e, np.float64)),
    "dtype discrete": (lambda s: s["discrete"], lambda w, e, _: w.DtypeObservation(e, np.int32)),
    "dtype bits": (lambda s: s["bits"], lambda w, e, _: w.DtypeObservation(e, np.int32)),
    "transform": (
        lambda s: s["box"],
        lambda w, e, s: w.TransformObservation(e, lambda o: o[:2] * 2, s.Box(-4, 4, (2,))),
    ),
    "transform alone": (
        lambda s: s["box"],
        lambda w, e, s: w.TransformObservation(e, lambda o: o + 0.5, None),
    ),
    "render": (lambda s: s["box"], lambda w, e, _: w.AddRenderObservation(e, False)),
    "render only": (lambda s: s["box"], lambda w, e, _: w.AddRenderObservation(e)),
    "render named": (
        lambda s: s["dict"],
        lambda w, e, _: w.AddRenderObservation(e, False, render_key="p", obs_key="o"),
    ),
    "bins": (lambda s: s["box"], lambda w, e, _: w.DiscretizeObservation(e, 4)),
    "bins each": (
        lambda s: s["box"],
        lambda w, e, _: w.DiscretizeObservation(e, (2, 3, 4), multidiscrete=True),
    ),
    "time": (lambda s: s["box"], lambda w, e, _: w.TimeAwareObservation(w.TimeLimit(e, 7))),
    "time dict": (
        lambda s: s["dict"],
        lambda w, e, _: w.TimeAwareObservation(w.TimeLimit(e, 7), flatten=False),
    ),
    "time tuple": (
        lambda s: s["tuple"],
        lambda w, e, _: w.TimeAwareObservation(w.TimeLimit(e, 7), flatten=False),
    ),
    "time normal": (
        lambda s: s["discrete"],
        lambda w, e, _: w.TimeAwareObservation(w.TimeLimit(e, 4), True, True),
    ),
    "time named": (
        lambda s: s["dict"],
        lambda w, e, _: w.TimeAwareObservation(w.TimeLimit(e, 7), False, dict_time_key="when"),
    ),
    "frames": (lambda s: s["picture"], lambda w, e, _: w.FrameStackObservation(e, 3)),
    "frames zero": (
        lambda s: s["dict"],
        lambda w, e, _: w.FrameStackObservation(e, 3, padding_type="zero"),
    ),
    "frames own": (
        lambda s: s["box"],
        lambda w, e, _: w.FrameStackObservation(e, 2, padding_type=np.ones(3, np.float32)),
    ),
    "frames no": (
        lambda s: s["box"],
        lambda w, e, _: w.FrameStackObservation(e, 2, padding_type="no"),
    ),
    "delay": (lambda s: s["dict"], lambda w, e, _: w.DelayObservation(e, 2)),
    "skip": (lambda s: s["picture"], lambda w, e, _: w.MaxAndSkipObservation(e, 2)),
    "normalize": (lambda s: s["box"], lambda w, e, _: w.NormalizeObservation(e)),
    "clip action": (lambda s: s["box"], lambda w, e, _: w.ClipAction(e)),
    "rescale action": (
        lambda s: s["box"],
        lambda w, e, _: w.RescaleAction(e, np.float32(-3), np.float32(5)),
    ),
    "action": (
        lambda s: s["box"],
        lambda w, e, s: w.TransformAction(e, lambda a: a * 0.5, s.Box(-2, 2, (2,))),
    ),
    "bins action": (lambda s: s["box"], lambda w, e, _: w.DiscretizeAction(e, 3)),
    "bins actions": (
        lambda s: s["box"],
        lambda w, e, _: w.DiscretizeAction(e, (2, 4), multidiscrete=True),
    ),
    "sticky": (lambda s: s["box"], lambda w, e, _: w.StickyAction(e, 0.6)),
    "sticky long": (lambda s: s["box"], lambda w, e, _: w.StickyAction(e, 0.3, (2, 4))),
    "clip reward": (lambda s: s["box"], lambda w, e, _: w.ClipReward(e, 1.5, 3)),
    "clip reward up": (lambda s: s["box"], lambda w, e, _: w.ClipReward(e, None, 2)),
    "reward": (lambda s: s["box"], lambda w, e, _: w.TransformReward(e, lambda r: r * 3 - 1)),
    "normalize reward": (lambda s: s["box"], lambda w, e, _: w.NormalizeReward(e, gamma=0.5)),
    "limit": (lambda s: s["box"], lambda w, e, _: w.TimeLimit(e, 3)),
    "autoreset": (lambda s: s["box"], lambda w, e, _: w.Autoreset(e)),
    "order": (lambda s: s["box"], lambda w, e, _: w.OrderEnforcing(e)),
    "statistics": (lambda s: s["box"], lambda w, e, _: w.RecordEpisodeStatistics(e, 2, "stats")),
    "frames shown": (lambda s: s["box"], lambda w, e, _: w.RenderCollection(e, False, False)),
    "noise": (
        lambda s: s["box"],
        lambda w, e, _: w.AddWhiteNoise(
            w.AddRenderObservation(e), probability_of_noise_per_pixel=0.9
        ),
    ),
    "torch": (lambda s: s["dict"], lambda w, e, _: w.NumpyToTorch(e)),
    "twice": (
        lambda s: s["box"],
        lambda w, e, _: w.NormalizeObservation(w.FrameStackObservation(w.TimeLimit(e, 4), 2)),
    ),
}


def ask_wrapper(env: Any, inner: Any) -> list[Any]:
    """Return what a wrapper tells of itself, and of the environment in it."""
    results: list[Any] = []
    env.reset(seed=4)
    results += [
        attempt(lambda: env.render()),
        env.has_wrapper_attr("steps"),
        str(env.unwrapped)[:6],
    ]
    results += [env.get_wrapper_attr("steps"), attempt(lambda: env.get_wrapper_attr("no"))]
    results += [attempt(lambda: env.set_wrapper_attr("steps", 3)), inner.steps, env.class_name()]
    results += [attempt(lambda: env.set_wrapper_attr("no", 3, force=False)), str(env).count("<")]
    results += [
        attempt(lambda: type(env).wrapper_spec(env).name),
        env.render_mode,
        env.np_random_seed,
    ]
    for place in range(6):  # an action beyond its bounds, too
        results.append(attempt(lambda p=place: env.step(np.array([p - 2.0, 0.5], np.float32))))
    return results


def wrap_small(name: str) -> Any:
    """Return what a small environment tells through a wrapper, and what the wrapper tells."""
    wrappers = importlib.import_module("gymnasium.wrappers")
    spaces = importlib.import_module("gymnasium.spaces")
    kinds = {
        "box": spaces.Box(-1, 2, (3,)),
        "picture": spaces.Box(0, 255, (4, 6, 3), np.uint8),
        "discrete": spaces.Discrete(5),
        "bits": spaces.MultiBinary(3),
        "tuple": spaces.Tuple([spaces.Discrete(3), spaces.Box(0, 1, (2,)), spaces.Discrete(4)]),
        "dict": spaces.Dict(
            a=spaces.Discrete(4), b=spaces.Box(0, 1, (2,)), c=spaces.MultiBinary(2)
        ),
    }
    observed, wrap = WRAPPED[name]
    acted = spaces.Box(-1, 1, (2,))
    inner = build_env(observed(kinds), acted)(render_mode="rgb_array")
    seen: list[Any] = []
    step = inner.step

    def note(action: Any) -> Any:
        seen.append(np.array(action))
        return step(action)

    inner.step = note
    env = attempt(lambda: wrap(wrappers, inner, spaces))
    if isinstance(env, str):
        return env
    results = [attempt(lambda: roll_env(env)), seen, str(env.action_space)]
    results += ask_wrapper(env, inner)
    with env as entered:
        results.append(entered is env)
    return results


OF_WRAPPERS = (Family(wrap_small, lambda: [*WRAPPED], lambda _: {}),)
