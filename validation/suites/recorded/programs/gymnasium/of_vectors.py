"""Programs with many environments of Gymnasium, its registry, and its checks."""

# ruff: noqa: PLW0108 - what is looked up must be looked up inside, where its error is results

from __future__ import annotations

import copy
import importlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import pool
from ..families import Family
from ..telling import attempt

MANY_STEPS = 26
SAME = "NextStep"
WORDS = {"NextStep": 0, "SameStep": 1, "Disabled": 2}


def roll_many(
    env_id: str,
    autoreset: str = SAME,
    observation_mode: str = "same",
    copied: bool = True,
    *,
    num_envs: int = 3,
) -> Any:
    """Return all that several environments tell together, over some episodes of each."""
    gym, vector = (importlib.import_module(f"gymnasium{name}") for name in ("", ".vector"))
    mode = [*vector.AutoresetMode][WORDS.get(autoreset, 0)]
    made = [lambda n=place: gym.make(env_id, max_episode_steps=9 + n) for place in range(num_envs)]
    envs = vector.SyncVectorEnv(made, copied, observation_mode, autoreset_mode=mode)
    results = [envs.reset(seed=[3 * place + 1 for place in range(num_envs)]), envs.np_random_seed]
    results += [copy.deepcopy(envs.reset(seed=pool.SEED)), str(envs), str(envs.single_action_space)]
    envs.action_space.seed(pool.SEED)
    for _ in range(MANY_STEPS):
        step = envs.step(envs.action_space.sample())
        results.append(copy.deepcopy(step))
        ended = np.logical_or(step[2], step[3])
        if autoreset == "Disabled" and ended.any():
            results.append(copy.deepcopy(envs.reset(options={"reset_mask": ended})))
    results += [str(envs.observation_space), envs.num_envs, str(envs.metadata), envs.render_mode]
    results += [str(envs.get_attr("spec")), envs.call("has_reset")]
    envs.set_attr("mark", [*range(num_envs)])
    results += [envs.get_attr("mark"), attempt(envs.set_attr, "mark", [1])]
    results += [attempt(envs.step, np.array([9])), attempt(envs.reset, seed=[1])]
    results += [attempt(envs.reset, seed=3, options={"low": -0.01, "high": 0.02})]
    envs.close()
    return [results, attempt(envs.reset), envs.closed]


def make_many(env_id: str, way: str = "sync", autoreset: str = SAME, **options: Any) -> Any:
    """Return what environments that are made together by name tell."""
    gym = importlib.import_module("gymnasium")
    wrappers = importlib.import_module("gymnasium.wrappers")
    mode = [*gym.vector.AutoresetMode][WORDS.get(autoreset, 0)]
    more: dict[str, Any] = {"vector_kwargs": {"autoreset_mode": mode}} if way == "sync" else {}
    more |= {"wrappers": [wrappers.TimeAwareObservation]} if way == "sync" else {}
    envs = gym.make_vec(env_id, 2, way, **{**more, **options})
    results = [envs.reset(seed=pool.SEED), str(envs.spec), envs.spec.max_episode_steps]
    envs.action_space.seed(pool.SEED)
    results += [copy.deepcopy(envs.step(envs.action_space.sample())) for _ in range(MANY_STEPS)]
    results += [attempt(lambda: envs.reset(seed=3, options={"low": -0.01, "high": 0.02}))]
    results += [
        str(envs.observation_space),
        str(envs.metadata),
        attempt(lambda: envs.spec.to_json()),
    ]
    return results


def build_env(observed: Any, acted: Any, **methods: Any) -> Any:
    """Return a small environment with these spaces whose episodes last for five steps."""
    base = importlib.import_module("gymnasium").Env

    def begin(self: Any, render_mode: str | None = None, step_size: float = 1.0) -> None:
        self.observation_space, self.action_space = observed, acted
        self.render_mode, self.step_size, self.steps = render_mode, step_size, 0

    def reset(self: Any, *, seed: int | None = None, options: Any = None) -> Any:
        base.reset(self, seed=seed)
        self.steps = 0
        observed.seed(int(self.np_random.integers(99)))
        return observed.sample(), {"first": True}

    def step(self: Any, action: Any) -> Any:
        self.steps += 1
        return observed.sample(), self.steps * self.step_size, self.steps > 4, False, {"n": 1}

    def render(self: Any) -> Any:
        place = f"step {self.steps}"
        return place if self.render_mode == "ansi" else np.full((4, 4, 3), self.steps, np.uint8)

    own = {"__init__": begin, "reset": reset, "step": step, "render": render}
    shown = {"metadata": {"render_modes": ["ansi", "rgb_array"], "render_fps": 4}}
    return type("Small", (base,), {**shown, **own, **methods})


def observe_badly(*_: Any, **__: Any) -> Any:
    """Return an observation that is in no space."""
    return np.full(2, 9.0), {}


BAD: dict[str, Callable[[Any], dict[str, Any]]] = {
    "good": lambda _: {},
    "no info": lambda _: {"reset": lambda self, seed=None, options=None: np.zeros(2, np.float32)},
    "no seed": lambda _: {"reset": lambda self: (np.zeros(2, np.float32), {})},
    "no options": lambda _: {"reset": lambda self, seed=None: (np.zeros(2, np.float32), {})},
    "outside": lambda _: {"reset": lambda self, seed=None, options=None: observe_badly()},
    "double": lambda _: {"reset": lambda self, seed=None, options=None: (np.zeros(2), {})},
    "list": lambda _: {"reset": lambda self, seed=None, options=None: ([0.0, 0.0], {})},
    "text": lambda _: {"reset": lambda self, seed=None, options=None: (np.zeros(2), "a")},
    "seeded": lambda _: {"reset": lambda self, seed=5, options=None: (np.zeros(2, np.float32), {})},
    "four": lambda _: {"step": lambda self, action: (np.zeros(2, np.float32), 1.0, False, {})},
    "three": lambda _: {"step": lambda self, action: (np.zeros(2, np.float32), 1.0, False)},
    "nan": lambda _: {
        "step": lambda self, action: (np.zeros(2, np.float32), float("nan"), False, False, {})
    },
    "reward": lambda _: {
        "step": lambda self, action: (np.zeros(2, np.float32), "a", False, False, {})
    },
    "end": lambda _: {"step": lambda self, action: (np.zeros(2, np.float32), 1.0, 1, 0, {})},
    "info": lambda _: {"step": lambda self, action: (np.zeros(2, np.float32), 1.0, True, True, 3)},
    "far": lambda _: {
        "step": lambda self, action: (np.full(2, 7, np.float32), 1.0, False, False, {})
    },
    "random": lambda _: {
        "step": lambda self, action: (np.random.rand(2).astype(np.float32), 1.0, False, False, {})
    },
    "close": lambda _: {"close": lambda self: 1 / 0},
    "render": lambda _: {"render": lambda self: 3, "metadata": {"render_modes": []}},
    "metadata": lambda _: {"metadata": {}},
}
UNUSUAL: tuple[Callable[[Any], Any], ...] = (
    lambda s: s.Box(-1, 1, (2,)),
    lambda s: s.Box(-np.inf, np.inf, (2,)),
    lambda s: s.Box(0, 255, (3, 4, 4), np.uint8),
    lambda s: s.Box(0, 1, (40, 40, 3), np.float32),
    lambda s: s.Box(0, 0, (2,)),
    lambda s: s.Dict(a=s.Discrete(3), b=s.Box(0, 1, (2,))),
    lambda s: s.Tuple([s.Discrete(3), s.Discrete(2)]),
    lambda s: s.MultiBinary(3),
    lambda s: s.MultiDiscrete([2, 3]),
    lambda s: s.Text(3),
    lambda s: s.Sequence(s.Discrete(3)),
    lambda _: "no space",
)


def check_envs(package: str) -> Any:
    """Return what a check of environments says of good and bad ones: errors, and warnings."""
    spaces = importlib.import_module("gymnasium.spaces")
    check = importlib.import_module(package).check_env
    results: list[Any] = []

    def look(kind: Any, **options: Any) -> None:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            warnings.simplefilter("ignore", ResourceWarning)
            results.append(attempt(lambda: check(kind(), **options)))
        results.append([str(each.message)[:60] for each in warned])

    for make in BAD.values():
        box = spaces.Box(-1, 1, (2,), np.float32)
        look(build_env(box, spaces.Discrete(2), **make(spaces)))
        look(build_env(box, spaces.Discrete(2), **make(spaces)), skip_render_check=True)
    for unusual in UNUSUAL:
        look(build_env(unusual(spaces), spaces.Discrete(2, start=1)))
        look(build_env(spaces.Discrete(2), unusual(spaces)))
    look(lambda: 3)
    look(lambda: build_env(spaces.Discrete(2), spaces.Discrete(2))(render_mode="ansi"))
    return results


def pass_checks(name: str = "good", render_mode: str | None = None) -> Any:
    """Return what environments that are made with checks at each step say."""
    gym = importlib.import_module("gymnasium")
    spaces, wrappers = gym.spaces, gym.wrappers
    box = spaces.Box(-1, 1, (2,), np.float32)
    results: list[Any] = []
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        warnings.simplefilter("ignore", ResourceWarning)
        made = build_env(box, spaces.Discrete(2), **BAD[name](spaces))
        env = wrappers.OrderEnforcing(wrappers.PassiveEnvChecker(made(render_mode)))
        results.append(attempt(lambda: env.step(0)))
        results.append(attempt(lambda: env.render()))
        results.append(attempt(lambda: env.reset(seed=3)))
        results += [attempt(lambda: env.step(0)) for _ in range(6)]
        results += [
            attempt(lambda: env.render()),
            attempt(lambda: env.close()),
            attempt(lambda: env.step(3)),
        ]
    return [results, [str(each.message)[:60] for each in warned]]


def register_small(**options: Any) -> Any:
    """Return what the registry tells of environments that are added to it, and makes of them."""
    gym = importlib.import_module("gymnasium")
    registration, spaces = gym.envs.registration, gym.spaces
    kind = build_env(spaces.Box(-1, 1, (2,)), spaces.Discrete(2))
    given = {"max_episode_steps": 4, "reward_threshold": 0.5, **options}
    kept = dict(registration.registry)
    results: list[Any] = []
    try:
        for name in ("Small-v0", "Small-v2", "mine/Small-v1", "Loose"):
            gym.register(name, kind, kwargs={"step_size": 0.5}, **given)
        with registration.namespace("space"):
            gym.register("Inner-v3", kind, kwargs={"step_size": 2.0}, **given)
        results += [sorted(registration.registry), gym.pprint_registry(disable_print=True)]
        for name in ("Small-v0", "Small", "Small-v1", "Small-v9", "mine/Small-v1", "space/Inner"):
            results.append(attempt(lambda n=name: roll_small(gym, n)))
        for name in ("other/Small-v1", "Smal-v0", "a b", "mine/Small-v5", "Loose-v1", "Loose", ""):
            results.append(attempt(lambda n=name: roll_small(gym, n)))
            results.append(attempt(lambda n=name: registration.parse_env_id(n)))
        for wanted in ({"step_size": 3}, {"max_episode_steps": -1}, {"max_episode_steps": 2}):
            results.append(attempt(lambda w=wanted: roll_small(gym, "Small-v2", **w)))
        for mode in ("ansi", "rgb_array", "ansi_list", "rgb_array_list", "human", "no"):
            results.append(attempt(lambda m=mode: roll_small(gym, "Small-v0", render_mode=m)))
        results.append(attempt(lambda: gym.register("bad name", kind)))
        results.append(attempt(lambda: gym.register("Small-v0", kind, max_episode_steps=3)))
        results.append(attempt(lambda: gym.spec("Small-v0").max_episode_steps))
        results += [registration.find_highest_version("mine", "Small")]
        results += [registration.get_env_id("a", "B", 3), registration.get_env_id(None, "B", None)]
    finally:
        registration.registry.clear()
        registration.registry.update(kept)
    return results


def roll_small(gym: Any, name: str, **options: Any) -> Any:
    """Return what a small environment of the registry tells, with its description."""
    env = gym.make(name, **options)
    results = [
        env.reset(seed=4),
        [env.step(1) for _ in range(3)],
        env.spec.pprint(disable_print=True),
    ]
    results += [
        attempt(lambda: env.step(0)),
        attempt(lambda: env.render()),
        attempt(lambda: env.step(7)),
    ]
    results += [
        attempt(lambda: type(env.spec).from_json(env.spec.to_json()) == env.spec),
        str(env)[:9],
    ]
    again = gym.make(gym.spec(name), **options)
    return [
        *results,
        again.reset(seed=4),
        [str(each.name) for each in env.spec.additional_wrappers],
    ]


def use_utilities() -> Any:
    """Return what the helpers of Gymnasium give: seeds, comparisons, other forms of steps."""
    gym = importlib.import_module("gymnasium")
    utils = importlib.import_module("gymnasium.utils")
    seeding = importlib.import_module("gymnasium.utils.seeding")
    checker = importlib.import_module("gymnasium.utils.env_checker")
    forms = importlib.import_module("gymnasium.utils.step_api_compatibility")
    match = importlib.import_module("gymnasium.utils.env_match").check_environments_match
    results: list[Any] = [attempt(lambda s=s: seeding.np_random(s)[1]) for s in (3, -1, 1.5, 2**40)]
    results.append(seeding.np_random(3)[0].random(3))
    values = (1, 1.0, "a", (1, 2), [1, 2], {"a": np.ones(2)}, np.ones(2), np.ones(2, np.float32))
    results += [checker.data_equivalence(a, b) for a in values for b in values]
    results += [checker.data_equivalence(a, b, True) for a in values for b in values]
    for many in (False, True):
        ends = (np.array([1, 0]), np.array([0, 1])) if many else (True, True)
        info: Any = {"TimeLimit.truncated": np.array([True, False]) if many else True}
        for step in ((1, 2.0, *ends, {}), (1, 2.0, ends[0], info), (1, 2.0, ends[0], {}), (1, 2)):
            for new in (True, False):
                results.append(
                    attempt(lambda s=step, n=new, m=many: forms.step_api_compatibility(s, n, m))
                )
    results += [utils.colorize("a", each, bold=True, highlight=True) for each in ("red", "gray")]
    results.append(attempt(lambda: utils.colorize("a", "pink")))
    for way in ("equivalence", "superset", "keys-equivalence", "keys-superset", "skip", "no"):
        for other in ("CartPole-v1", "CartPole-v0", "Taxi-v3"):
            made = [gym.make(name) for name in ("CartPole-v1", other)]
            results.append(attempt(lambda m=made, w=way: match(*m, 9, 3, info_comparison=w)))
    return results


IDS = ["CartPole-v1", "Pendulum-v1", "Taxi-v3", "Blackjack-v1", "MountainCar-v0"]
MODES: dict[str, Any] = {"observation_mode": "same", "copied": True, "num_envs": 2}


def normalize_many(name: str, autoreset: str = SAME, **options: Any) -> Any:
    """Return what several environments tell through a wrapper that learns, and then does not."""
    gym = importlib.import_module("gymnasium")
    kinds = importlib.import_module("gymnasium.wrappers.vector")
    mode = [*gym.vector.AutoresetMode][WORDS[autoreset]]
    made = [lambda n=n: gym.make("CartPole-v1", max_episode_steps=6 + n) for n in range(3)]
    envs = getattr(kinds, name)(gym.vector.SyncVectorEnv(made, autoreset_mode=mode), **options)
    envs.action_space.seed(pool.SEED)
    results: list[Any] = [envs.reset(seed=pool.SEED), envs.update_running_mean]
    for place in range(MANY_STEPS):
        if place in (9, 20):
            envs.update_running_mean = place == 20  # an evaluation in between
        results.append(copy.deepcopy(envs.step(envs.action_space.sample())))
        for held in ("obs_rms", "return_rms"):
            known = getattr(envs, held, None)
            results += [[known.mean, known.var, known.count]] if known else []
    results += [copy.deepcopy(envs.reset(seed=1)), attempt(getattr, envs, "epsilon")]
    envs.close()
    return results


OF_VECTORS = (
    Family(
        normalize_many,
        lambda: [
            f"'Normalize{each}','{mode}'" for each in ("Observation", "Reward") for mode in WORDS
        ],
        lambda _: {"epsilon": 1e-8, "gamma": 0.99},
    ),
    Family(
        roll_many,
        lambda: [f"'{each}','{mode}'" for each in IDS for mode in WORDS],
        lambda _: {**MODES, "observation_mode": "different"},
    ),
    Family(
        make_many,
        lambda: [
            *(f"'{each}','sync','{mode}'" for each in IDS[:3] for mode in WORDS),
            *("'CartPole-v1','vector_entry_point'", "'Phys2d/CartPole-v1','vector_entry_point'"),
        ],
        lambda _: {"max_episode_steps": 7, "sutton_barto_reward": False},
    ),
    Family(check_envs, lambda: ["gymnasium.utils.env_checker"], lambda _: {}),
    Family(pass_checks, lambda: [*BAD], lambda _: {}),
    Family(
        register_small,
        lambda: [""],
        lambda _: {"nondeterministic": False, "order_enforce": True, "disable_env_checker": False},
    ),
    Family(use_utilities, lambda: [""], lambda _: {}),
)
