"""Options of gymnasium.make and Gymnasium's wrappers, on a game whose steps are a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces, wrappers

from .scripted import (
    ACTIONS,
    EPISODES,
    HIGH,
    HIGH_ACTION,
    LENGTH,
    LOW_ACTION,
    REWARDS,
    SEEN,
    ScriptedGame,
)
from .vectors import write_line

REGISTERED = 5
SMALL, DECAY, BEGINNING = 1e-3, 0.8, 1e-4
"""The last is the weight of the first mean of 0 and variance of 1 in running statistics."""


@dataclass
class Past:
    """A game so far: what it gave and got in this episode, and observations and sums of all."""

    seen: list[Any] = field(default_factory=list)
    rewards: list[Any] = field(default_factory=list)
    actions: list[Any] = field(default_factory=list)
    known: list[Any] = field(default_factory=list)
    sums: list[Any] = field(default_factory=list)


Definition = Callable[[Past], Any]


@dataclass(frozen=True)
class Case:
    """A wrapper, its options, and what becomes of the observations, rewards and actions."""

    name: str
    options: dict[str, Any]
    seen: Definition = lambda past: past.seen[-1]
    reward: Definition = lambda past: past.rewards[-1]
    arrived: Definition = lambda past: past.actions[-1]
    cut: Definition = lambda _past: False
    each: int = 1
    """Steps of the game in one of the wrapper."""


def measure(known: list[Any]) -> tuple[Any, Any]:
    """Return the running mean and the scale of numbers."""
    total = len(known) + BEGINNING
    mean = np.sum(known, axis=0) / total
    return mean, np.sqrt((np.square(known).sum(axis=0) + BEGINNING) / total - mean**2 + SMALL)


def stack(past: Past, first: Any) -> Any:
    """Return the last three observations, with `first` before those of the episode."""
    return np.stack([first, first, *past.seen][-3:])


WIDE = spaces.Box(-9, 9, (2, 3))
SPAN = HIGH_ACTION - LOW_ACTION
CASES = (
    Case("TimeLimit", {"max_episode_steps": 4}, cut=lambda past: len(past.rewards) == 4),
    Case("PassiveEnvChecker", {}),
    Case("OrderEnforcing", {}),
    Case("RecordEpisodeStatistics", {}),
    Case("Autoreset", {}),
    Case("NumpyToTorch", {}),
    Case("ClipReward", {"min_reward": -0.5, "max_reward": 1},
         reward=lambda past: np.clip(past.rewards[-1], -0.5, 1)),
    Case("TransformReward", {"func": lambda reward: 3 * reward + 1},
         reward=lambda past: 3 * past.rewards[-1] + 1),
    Case("NormalizeReward", {"gamma": DECAY, "epsilon": SMALL},
         reward=lambda past: past.rewards[-1] / measure(past.sums)[1]),
    Case("ClipAction", {},
         arrived=lambda past: np.clip(past.actions[-1], LOW_ACTION, HIGH_ACTION)),
    Case("RescaleAction", {"min_action": -3.0, "max_action": 5.0},
         arrived=lambda past: LOW_ACTION + (past.actions[-1] + 3) / 8 * SPAN),
    Case("TransformAction", {"func": lambda action: action / 2, "action_space": None},
         arrived=lambda past: past.actions[-1] / 2),
    Case("StickyAction", {"repeat_action_probability": 0.0}),
    Case("DelayObservation", {"delay": 2},
         seen=lambda past: past.seen[-3] if len(past.seen) > 2 else np.zeros((2, 3))),
    Case("DtypeObservation", {"dtype": np.int32}, seen=lambda past: np.trunc(past.seen[-1])),
    Case("FlattenObservation", {}, seen=lambda past: past.seen[-1].reshape(6)),
    Case("ReshapeObservation", {"shape": (3, 2)}, seen=lambda past: past.seen[-1].reshape(3, 2)),
    Case("RescaleObservation", {"min_obs": np.float32(0), "max_obs": np.float32(2)},
         seen=lambda past: (past.seen[-1] / HIGH + 1)),
    Case("TransformObservation", {"func": lambda seen: 2 * seen + 1, "observation_space": WIDE},
         seen=lambda past: 2 * past.seen[-1] + 1),
    Case("FrameStackObservation", {"stack_size": 3},
         seen=lambda past: stack(past, past.seen[0])),
    Case("FrameStackObservation", {"stack_size": 3, "padding_type": "zero"},
         seen=lambda past: stack(past, np.zeros((2, 3)))),
    Case("NormalizeObservation", {"epsilon": SMALL},
         seen=lambda past: (past.seen[-1] - measure(past.known)[0]) / measure(past.known)[1]),
    Case("TimeAwareObservation", {},
         seen=lambda past: [*past.seen[-1].reshape(6), len(past.rewards)]),
    Case("TimeAwareObservation", {"normalize_time": True},
         seen=lambda past: [*past.seen[-1].reshape(6), len(past.rewards) / 50]),
    Case("RepeatAction", {"num_repeats": 3}, each=3, reward=lambda past: sum(past.rewards[-3:])),
    Case("MaxAndSkipObservation", {"skip": 2}, each=2,
         seen=lambda past: np.max(past.seen[-2:], axis=0) if past.rewards else past.seen[-1],
         reward=lambda past: sum(past.rewards[-2:])),
)  # fmt: skip

OF_PICTURES = "it is for pictures"
NOT_DEFINED = {
    "vector": "a module",
    "AtariPreprocessing": "it needs games of Atari",
    "DiscretizeAction": "it is a table of its own bins",
    "DiscretizeObservation": "it is a table of its own bins",
    "FilterObservation": "it is for dictionaries",
    "ArrayConversion": "it needs array-api-compat",
    "JaxToNumpy": "it needs JAX",
    "JaxToTorch": "it needs JAX",
} | dict.fromkeys(
    ("AddRenderObservation", "GrayscaleObservation", "ResizeObservation", "AddWhiteNoise",
     "ObstructView", "RenderCollection", "RecordVideo", "HumanRendering"),
    OF_PICTURES,
)  # fmt: skip
"""Wrappers without a definition here, and why."""


def find_game_faults() -> Iterator[str]:
    """Yield each wrapper, and each option of make, that does something else than it says."""
    for name in sorted({*wrappers.__all__} - NOT_DEFINED.keys() - {case.name for case in CASES}):
        yield f"{name} of gymnasium.wrappers has no definition"
    for case in CASES:
        yield from find_case_faults(case)
    yield from find_statistics_faults()
    yield from find_make_faults()


def find_case_faults(case: Case) -> Iterator[str]:
    """Yield the first step in which a wrapper does something else than its definition."""
    try:
        kind = getattr(wrappers, case.name)
    except (AttributeError, ImportError):
        return  # an older Gymnasium
    game = ScriptedGame()
    inner = wrappers.TimeLimit(game, 50) if case.name == "TimeAwareObservation" else game
    wrapped, past = kind(inner, **case.options), Past()
    for episode in range(EPISODES):
        past = Past([SEEN[episode, 0]], known=[*past.known, SEEN[episode, 0]], sums=past.sums)
        pairs = [("observation", wrapped.reset(seed=0)[0], case.seen(past))]
        for at in range(0, LENGTH, case.each):
            seen, reward, over, cut, _details = wrapped.step(ACTIONS[at])
            for number in range(at, at + case.each):
                past.seen.append(SEEN[episode, number + 1])
                past.known.append(SEEN[episode, number + 1])
                past.rewards.append(REWARDS[episode, number])
                # as Gymnasium has it: the last step of an episode already forgets
                kept = DECAY if past.sums and number + 1 < LENGTH else 0
                past.sums.append((past.sums[-1] if past.sums else 0) * kept + past.rewards[-1])
            past.actions.append(ACTIONS[at])
            pairs += [("observation", seen, case.seen(past)), ("reward", reward, case.reward(past))]
            pairs += [("action that arrives", game.arrived[-1], case.arrived(past))]
            pairs += [("end", over, at + case.each == LENGTH), ("cut", cut, case.cut(past))]
            if over or cut:
                break
        for part, got, wanted in pairs:
            if np.shape(got) != np.shape(wanted) or not np.allclose(got, wanted, atol=1e-4):
                wrong = f"{write_line(got)} in episode {episode}, not {write_line(wanted)}"
                yield f"{case.name} with {write_line(case.options)}: the {part} is {wrong}"
                return


def find_statistics_faults() -> Iterator[str]:
    """Yield how wrappers that count episodes, begin them or keep statistics do something else."""
    counted = wrappers.RecordEpisodeStatistics(wrappers.TimeLimit(ScriptedGame(), 4))
    again, frozen = (
        wrappers.Autoreset(ScriptedGame()),
        wrappers.NormalizeObservation(ScriptedGame()),
    )
    for episode in range(EPISODES):
        counted.reset()
        for at in range(4):
            details = counted.step(ACTIONS[at])[4]
        got, wanted = details.get("episode", {"r": 0, "l": 0}), REWARDS[episode, :4].sum()
        if got["l"] != 4 or not np.isclose(got["r"], wanted):
            yield f"RecordEpisodeStatistics says {got}, not {wanted:.3f} in 4 steps"
    again.reset()
    steps = [again.step(ACTIONS[0])[:4] for _ in range(LENGTH + 1)]
    if not np.allclose(steps[-1][0], SEEN[1, 0]) or steps[-1][1:] != (0.0, False, False):
        yield f"Autoreset gives {write_line(steps[-1])} after an episode, not the next one's start"
    frozen.reset()
    frozen.update_running_mean = False
    before = frozen.obs_rms.mean.copy()
    frozen.step(ACTIONS[0])
    if not np.array_equal(before, frozen.obs_rms.mean):
        yield "NormalizeObservation changes its mean with update_running_mean=False"
    try:
        wrappers.OrderEnforcing(ScriptedGame()).step(ACTIONS[0])
        yield "OrderEnforcing allows a step before the first reset"
    except gymnasium.error.ResetNeeded:
        pass


def find_make_faults() -> Iterator[str]:
    """Yield each option of gymnasium.make that is ignored."""
    name = "ScriptedGame-v0"
    gymnasium.register(name, ScriptedGame, max_episode_steps=REGISTERED, kwargs={"offset": 3})
    try:
        for limit, wanted in ((None, REGISTERED), (3, 3), (LENGTH, LENGTH), (-1, None)):
            game = gymnasium.make(name, max_episode_steps=limit)
            game.reset()
            steps = [game.step(ACTIONS[at])[2:4] for at in range(wanted or LENGTH)]
            cuts = [at + 1 for at, (_over, cut) in enumerate(steps) if cut]
            if cuts != [wanted] * (wanted is not None):
                what = f"max_episode_steps={limit} cuts an episode after {cuts}"
                yield f"gymnasium.make with {what}, not {wanted}; {REGISTERED} are registered"
        for options, kept in (({}, 3), ({"offset": 8}, 8)):
            if gymnasium.make(name, **options).unwrapped.offset != kept:
                yield f"gymnasium.make with {options} does not make a game with the offset {kept}"
        for off in (True, False):
            chain = str(gymnasium.make(name, disable_env_checker=off))
            if ("PassiveEnvChecker" in chain) is off:
                yield f"gymnasium.make with disable_env_checker={off} makes {chain}"
        clipped = wrappers.ClipReward(gymnasium.make(name, max_episode_steps=4), 0, 1)
        if str(gymnasium.make(clipped.spec)) != str(clipped):
            yield f"made of its spec, {clipped} is {gymnasium.make(clipped.spec)}"
        clip = {"wrappers": [lambda game: wrappers.ClipReward(game, 0, 1)]}
        many = gymnasium.make_vec(name, 2, "sync", offset=8, **clip)
        chains = [str(each) for each in many.envs]
        clips = sum("ClipReward" in chain for chain in chains)
        if clips != 2 or many.get_attr("offset") != (8, 8):
            yield f"gymnasium.make_vec of 2 with ClipReward and an offset makes {chains}"
    finally:
        del gymnasium.registry[name]
