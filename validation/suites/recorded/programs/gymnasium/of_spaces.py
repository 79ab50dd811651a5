"""Programs with the spaces of Gymnasium."""

from __future__ import annotations

import copy
import importlib
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import pool
from ..families import Family
from ..telling import attempt

SPACES: dict[str, Callable[[Any], Any]] = {
    "box": lambda s: s.Box(-1, 2, (3,)),
    "low": lambda s: s.Box(np.array([-1.0, -np.inf, 0]), np.array([np.inf, np.inf, 4.0])),
    "below": lambda s: s.Box(-np.inf, 3, (2, 2), np.float64),
    "bytes": lambda s: s.Box(0, 255, (2, 3, 1), np.uint8),
    "ints": lambda s: s.Box(-3, 3, (2,), np.int32),
    "wide_ints": lambda s: s.Box(-np.inf, np.inf, (2,), np.int64),
    "discrete": lambda s: s.Discrete(5),
    "started": lambda s: s.Discrete(4, start=-2),
    "bits": lambda s: s.MultiBinary(4),
    "many_bits": lambda s: s.MultiBinary((2, 3)),
    "several": lambda s: s.MultiDiscrete([3, 2, 4]),
    "several_started": lambda s: s.MultiDiscrete([3, 2], start=[1, -1], dtype=np.int32),
    "several_rows": lambda s: s.MultiDiscrete(np.array([[3, 2], [4, 5]])),
    "text": lambda s: s.Text(6),
    "long_text": lambda s: s.Text(min_length=3, max_length=5, charset="abz"),
    "tuple": lambda s: s.Tuple([s.Discrete(3), s.Box(0, 1, (2,)), s.MultiBinary(2)]),
    "dict": lambda s: s.Dict(b=s.Box(0, 1, (2,)), a=s.Discrete(4), c=s.Dict(d=s.MultiBinary(2))),
    "listed_dict": lambda s: s.Dict({"z": s.Discrete(2), "y": s.MultiDiscrete([2, 3])}),
    "sequence": lambda s: s.Sequence(s.Box(0, 1, (2,))),
    "stacked": lambda s: s.Sequence(s.Discrete(4), stack=True),
    "stacked_dict": lambda s: s.Sequence(s.Dict(a=s.Discrete(3)), stack=True),
    "graph": lambda s: s.Graph(s.Box(-1, 1, (2,)), s.Discrete(3)),
    "bare_graph": lambda s: s.Graph(s.Discrete(4), None),
    "one_of": lambda s: s.OneOf([s.Discrete(3), s.Box(0, 1, (2,)), s.MultiBinary(2)]),
    "deep": lambda s: s.Tuple([s.Dict(a=s.Sequence(s.Discrete(3))), s.Text(3)]),
}

ONE = np.int8
MASKS: dict[str, Callable[[], Any]] = {
    "discrete": lambda: np.array([0, 1, 1, 0, 1], ONE),
    "started": lambda: np.array([0, 0, 1, 1], ONE),
    "bits": lambda: np.array([0, 1, 2, 2], ONE),
    "several": lambda: (np.array([0, 1, 1], ONE), np.array([1, 0], ONE), np.ones(4, ONE)),
    "several_started": lambda: (np.array([0, 1, 1], ONE), np.array([1, 0], ONE)),
    "text": lambda: (3, None),
    "long_text": lambda: (None, np.array([1, 0, 1], ONE)),
    "tuple": lambda: (np.array([0, 0, 1], ONE), None, np.array([2, 1], ONE)),
    "dict": lambda: {"a": np.array([0, 1, 0, 1], ONE), "b": None, "c": {"d": np.zeros(2, ONE)}},
    "listed_dict": lambda: {"z": np.array([0, 1], ONE), "y": (np.ones(2, ONE), np.ones(3, ONE))},
    "sequence": lambda: (2, None),
    "stacked": lambda: (np.array([1, 3]), np.array([0, 1, 1, 0], ONE)),
    "graph": lambda: (None, np.array([0, 1, 1], ONE)),
    "bare_graph": lambda: (np.array([0, 1, 1, 0], ONE), None),
    "one_of": lambda: (np.array([1, 0, 1], ONE), None, None),
    "box": lambda: np.ones(3, ONE),
}
CHANCES: dict[str, Callable[[], Any]] = {
    "discrete": lambda: np.array([0.1, 0.2, 0.0, 0.3, 0.4]),
    "started": lambda: np.array([0.5, 0, 0.25, 0.25]),
    "several": lambda: (np.array([0, 0.4, 0.6]), np.array([0.9, 0.1]), np.full(4, 0.25)),
    "bits": lambda: np.array([0.1, 0.9, 0.5, 0.0]),
    "text": lambda: (4, np.full(62, 1 / 62)),
    "long_text": lambda: (None, np.array([0.7, 0.0, 0.3])),
    "tuple": lambda: (np.array([0.2, 0.2, 0.6]), None, np.array([0.3, 0.8])),
    "dict": lambda: {"a": np.full(4, 0.25), "b": None, "c": {"d": np.array([0.5, 0.1])}},
    "stacked": lambda: (np.array([0.5, 0.5]), np.array([0.5, 0.2, 0.3, 0])),
    "graph": lambda: (None, np.array([0.5, 0.2, 0.3])),
    "one_of": lambda: (np.array([0.5, 0.2, 0.3]), None, None),
}
STRANGE: tuple[Any, ...] = (
    *(0, -2, 3, 5, 1.5, "ab", "abzab!", "", (1, 2), {"a": 1}, None, True, np.int64(1), [0, 1]),
    *(np.array([0.5, 0.5]), np.array([0, 1], np.int8), np.array([2, 1, 3]), np.array(2)),
    *(np.zeros(3, np.float32), np.full(3, 2.0, np.float32), np.full(3, 2.1), np.zeros((2, 2))),
    *(np.full((2, 3, 1), 255, np.uint8), np.array([3, 3]), np.array([0, 1, 1, 0, 1]), (0, 1)),
)


def get_spaces() -> Any:
    """Return the module of the spaces."""
    return importlib.import_module("gymnasium.spaces")


def open_graph(value: Any) -> Any:
    """Return the parts of a graph by name, which is no ordinary tuple."""
    return value._asdict() if hasattr(value, "_asdict") else value


def sample_space(name: str, **options: Any) -> Any:
    """Return what a space gives with seeds, masks and chances."""
    space = SPACES[name](get_spaces())
    seeds = [attempt(lambda: space.seed(pool.SEED))]
    drawn = [open_graph(space.sample()) for _ in range(4)]
    ways: list[dict[str, Any]] = [{"mask": MASKS[name]()}] if name in MASKS else []
    ways += [{"probability": CHANCES[name]()}] if name in CHANCES else []
    ways += [{"mask": np.ones(9, ONE)}, {"mask": (1, 2, 3)}, {"probability": np.ones(2)}]
    for way in ways:
        drawn += [attempt(lambda w=way: open_graph(space.sample(**w))) for _ in range(3)]
    if name in MASKS and name in CHANCES:
        drawn.append(attempt(lambda: space.sample(**ways[0], **ways[1])))
    if name in ("graph", "bare_graph"):
        sizes = {"num_nodes": options.get("nodes", 3), "num_edges": options.get("edges", 4)}
        drawn.append(attempt(lambda: open_graph(space.sample(**sizes))))
        drawn.append(attempt(lambda: open_graph(space.sample(num_nodes=1))))
    seeds += [attempt(lambda s=s: space.seed(s)) for s in (3, [1, 2, 3], (4, 5), "a", -1)]
    seeds.append(attempt(lambda: space.seed({"a": 1, "b": 2, "c": 3})))
    return [seeds, drawn, [attempt(lambda: open_graph(space.sample()))]]


def use_space(name: str, *, other: str = "box") -> Any:
    """Return all that a space tells of itself and of values, and what it is turned into."""
    spaces = get_spaces()
    space, same = SPACES[name](spaces), SPACES[name](spaces)
    space.seed(pool.SEED)
    drawn = [space.sample() for _ in range(3)]
    results = [str(space), space.shape, space.dtype, attempt(lambda: space.is_np_flattenable)]
    results += [space == same, space != same, space == SPACES[other](spaces), space == 3]
    results += [attempt(lambda v=v: v in space) for v in [*drawn, *STRANGE]]
    results += [SPACES[each](spaces) == space for each in SPACES]
    results += [
        attempt(lambda: len(space)),
        attempt(lambda: [*map(str, space)]),
        attempt(lambda: str(space[0])),
    ]
    results += [attempt(lambda: [*map(str, space.keys())]), attempt(lambda: str(space["a"]))]
    results.append(attempt(lambda: [space.is_bounded(each) for each in ("both", "below", "above")]))
    results.append(attempt(lambda: space.is_bounded("no")))
    for each in ("low", "high", "n", "start", "nvec", "max_length", "characters", "stack"):
        results.append(attempt(lambda e=each: getattr(space, e)))
    copied = pickle.loads(pickle.dumps(space))  # noqa: S301 - its own
    results += [
        copied == space,
        open_graph(copied.sample()),
        open_graph(copy.deepcopy(space).sample()),
    ]
    lines = attempt(lambda: space.to_jsonable(drawn))
    results += [attempt(lambda: [*map(open_graph, lines)])]
    results += [attempt(lambda: [*map(open_graph, space.from_jsonable(lines))])]
    return [results, [*map(open_graph, drawn)]]


def flatten_space(name: str, *, count: int = 2) -> Any:
    """Return what the functions for spaces give: flat values, batches and parts of them."""
    spaces, utils = get_spaces(), importlib.import_module("gymnasium.vector.utils")
    flat = importlib.import_module("gymnasium.spaces.utils")
    space = SPACES[name](spaces)
    space.seed(pool.SEED)
    drawn = [space.sample() for _ in range(count)]
    results = [
        attempt(lambda: flat.flatdim(space)),
        attempt(lambda: str(flat.flatten_space(space))),
    ]
    for each in drawn:
        laid = attempt(lambda e=each: flat.flatten(space, e))
        results.append(open_graph(laid))
        results.append(attempt(lambda v=laid: open_graph(flat.unflatten(space, v))))
    batch = attempt(lambda: utils.batch_space(space, count))
    results += [str(batch), attempt(lambda: open_graph(batch.sample()))]
    for maker in (np.zeros, np.ones):
        filled = attempt(lambda m=maker: utils.create_empty_array(space, count, fn=m))
        joined = attempt(lambda f=filled: utils.concatenate(space, drawn, f))
        results += [[*map(open_graph, joined)] if isinstance(joined, tuple) else joined]
        parts = attempt(lambda j=joined: [open_graph(e) for e in utils.iterate(batch, j)])
        results.append(parts)
    results.append(attempt(lambda: [*utils.iterate(space, drawn[0])]))
    results.append(
        attempt(lambda: str(utils.batch_differing_spaces([space, SPACES[name](spaces)])))
    )
    results.append(attempt(lambda: str(utils.batch_differing_spaces([space, spaces.Discrete(9)]))))
    return results


WRONG: tuple[Callable[[Any], Any], ...] = (
    lambda s: s.Box(1, 0, (2,)),
    lambda s: s.Box(0, 1, (2,), np.int8, seed="a"),
    lambda s: s.Box(-1, 1, (2,), np.uint8),
    lambda s: s.Box(0, 256, (2,), np.uint8),
    lambda s: s.Box(np.zeros(2), np.ones(3)),
    lambda s: s.Box(np.nan, 1, (2,)),
    lambda s: s.Box(0, np.inf, (2,), np.uint8),
    lambda s: s.Box(0, 1, 2),
    lambda s: s.Box("a", 1),
    lambda s: s.Box(0, 1, (1,), None),
    lambda s: s.Discrete(0),
    lambda s: s.Discrete(2.5),
    lambda s: s.Discrete(3, start=0.5),
    lambda s: s.MultiDiscrete([0, 2]),
    lambda s: s.MultiDiscrete([2, 2], start=[1]),
    lambda s: s.MultiDiscrete([2, 2], dtype=float),
    lambda s: s.MultiBinary(0),
    lambda s: s.MultiBinary([2, -1]),
    lambda s: s.Text(-1),
    lambda s: s.Text(1, min_length=3),
    lambda s: s.Text(3, charset="aa"),
    lambda s: s.Tuple([1, 2]),
    lambda s: s.Dict(a=1),
    lambda s: s.Dict({"a": s.Discrete(2)}, a=s.Discrete(3)),
    lambda s: s.Dict([("a", s.Discrete(2)), ("b", s.Discrete(3))], seed=4).sample(),
    lambda s: s.Dict(a=s.Discrete(90), b=s.Discrete(90), seed={"a": 1, "b": 2}).sample(),
    lambda s: s.Tuple([s.Discrete(90), s.Discrete(90)], seed=(1, 2)).sample(),
    lambda s: s.Tuple([s.Discrete(90)], seed=3).sample(),
    lambda s: s.Sequence(s.Discrete(90), seed=(1, 2)).sample(),
    lambda s: s.Sequence(3),
    lambda s: s.Graph(s.MultiBinary(2), None),
    lambda s: s.OneOf([]),
    lambda s: s.OneOf([s.Discrete(90), s.Discrete(3)], seed=5).sample(),
    lambda s: s.MultiDiscrete([90, 80], seed=5).sample(),
    lambda s: s.MultiBinary(9, seed=np.random.default_rng(3)).sample(),
    lambda s: s.Box(0, 1, (2,), seed=np.random.default_rng(3)).sample(),
    lambda s: [*s.Text(9, seed=4).sample()],
    lambda s: s.MultiDiscrete([3, 4, 5], start=[1, 2, 3])[1:],
    lambda s: [str(each) for each in s.MultiDiscrete([[3, 4], [5, 6]])],
    lambda s: s.Tuple([s.Discrete(2), s.Discrete(3)]) == s.Tuple([s.Discrete(3), s.Discrete(2)]),
    lambda s: s.Dict(b=s.Discrete(2), a=s.Discrete(3)) == s.Dict(a=s.Discrete(3), b=s.Discrete(2)),
)


def make_spaces() -> Any:
    """Return which spaces are refused, and what others give with seeds at once."""
    spaces = get_spaces()
    return [attempt(lambda m=make: str(open_graph(m(spaces)))) for make in WRONG]


OF_SPACES = (
    Family(sample_space, lambda: [*SPACES], lambda _: {"nodes": 3, "edges": 4}),
    Family(use_space, lambda: [*SPACES], lambda _: {}),
    Family(flatten_space, lambda: [*SPACES], lambda _: {"count": 2}),
    Family(make_spaces, lambda: [""], lambda _: {}),
)
