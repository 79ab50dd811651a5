"""Advantages and targets that agents learn from, at the end and at the cut of an episode."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import spaces, wrappers
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common import buffers
from stable_baselines3.common.vec_env import DummyVecEnv

from .scripted import EPISODES, LENGTH, REWARDS, SEEN, ScriptedGame

LIMITS = (50, 4)
"""The first game ends by itself, the second is cut."""

DECAY, SHARE, ROWS, TOLERANCE = 0.8, 0.7, 400, 1e-3
ROLLOUTS: tuple[tuple[Any, int, dict[str, Any]], ...] = (
    (PPO, 8, {"batch_size": 16, "n_epochs": 1}),
    (PPO, 6, {"batch_size": 12, "n_epochs": 1}),
    (A2C, 6, {}),
)
"""An agent, and the steps of a rollout: some end together with an episode."""


@dataclass(frozen=True)
class Transition:
    """A step of a game; `after` is what was seen last of an episode, if this is its last step."""

    seen: Any
    reward: float
    after: Any
    over: bool
    cut: bool


def build_games() -> Any:
    """Return both games with two actions, which change nothing."""

    def make(limit: int) -> Any:
        game = ScriptedGame()
        game.action_space = spaces.Discrete(2)
        return wrappers.TimeLimit(game, limit)

    return DummyVecEnv([lambda limit=limit: make(limit) for limit in LIMITS])


def list_steps(limit: int, steps: int) -> list[Transition]:
    """Return the first steps of a game."""
    found, episode, at = list[Transition](), 0, 0
    while len(found) < steps:
        over, cut = at + 1 == LENGTH, at + 1 == limit
        found.append(
            Transition(SEEN[episode, at], REWARDS[episode, at], SEEN[episode, at + 1], over, cut)
        )
        at += 1
        if over or cut:
            episode, at = (episode + 1) % EPISODES, 0
    return found


def find_rollout_faults() -> Iterator[str]:
    """Yield each agent whose advantages, returns or targets are not those of the definition."""
    for kind, steps, options in ROLLOUTS:
        agent = kind(
            "MlpPolicy",
            build_games(),
            n_steps=steps,
            gamma=DECAY,
            gae_lambda=SHARE,
            seed=0,
            device="cpu",
            **options,
        )
        kept = dict[str, Any]()
        agent.train = lambda agent=agent, kept=kept: kept.update(
            {
                name: deepcopy(getattr(agent.rollout_buffer, name))
                for name in ("advantages", "returns")
            }
        )
        agent.learn(steps * len(LIMITS))
        for number, limit in enumerate(LIMITS):
            advantages, values = define_advantages(agent, list_steps(limit, steps))
            wanted = {"advantages": advantages, "returns": advantages + values}
            for name, numbers in wanted.items():
                got = kept[name][:, number]
                if not np.allclose(got, numbers, atol=TOLERANCE):
                    at = int(np.flatnonzero(~np.isclose(got, numbers, atol=TOLERANCE))[-1])
                    how = "is cut" if limit < LENGTH else "ends by itself"
                    wrong = f"{got[at]:.3f} in step {at}, not {numbers[at]:.3f}"
                    yield f"{name} of {kind.__name__} in a game that {how}: {wrong}"
    yield from find_replay_faults()


def define_advantages(agent: Any, steps: list[Transition]) -> tuple[Any, Any]:
    """Return the advantage of each step by generalized advantage estimation, and its value.

    A game that is cut has a value after its last step, one that ends has none.
    """

    def value(seen: Any) -> float:
        with torch.no_grad():
            return float(agent.policy.predict_values(torch.as_tensor(seen)[None]))

    errors = [
        each.reward + DECAY * value(each.after) * (not each.over) - value(each.seen)
        for each in steps
    ]
    advantages = []
    for first in range(len(steps)):
        total = 0.0
        for at in range(first, len(steps)):
            total += (DECAY * SHARE) ** (at - first) * errors[at]
            if steps[at].over or steps[at].cut:
                break
        advantages.append(total)
    return np.array(advantages), np.array([value(each.seen) for each in steps])


def find_replay_faults() -> Iterator[str]:
    """Yield how what is drawn from a replay buffer, or the loss of DQN, is not as defined."""
    kinds: list[tuple[Any, int, dict[str, Any]]] = [(buffers.ReplayBuffer, 1, {})]
    if hasattr(buffers, "NStepReplayBuffer"):  # since 2.7
        kinds.append((buffers.NStepReplayBuffer, 3, {"n_steps": 3, "gamma": DECAY}))
    for kind, ahead, options in kinds:
        agent = DQN(
            "MlpPolicy",
            build_games(),
            gamma=DECAY,
            seed=0,
            device="cpu",
            learning_starts=1000,
            buffer_size=100,
            replay_buffer_class=kind,
            replay_buffer_kwargs=options,
        )
        agent.learn(20 * len(LIMITS))
        held = agent.replay_buffer.pos
        wanted = [row for limit in LIMITS for row in define_targets(list_steps(limit, held), ahead)]
        drawn = agent.replay_buffer.sample(ROWS)
        decays = torch.full_like(drawn.rewards, DECAY) if ahead == 1 else drawn.discounts
        seen = drawn.observations.flatten(1), drawn.next_observations.flatten(1)
        rows = np.concatenate([*seen, drawn.rewards, drawn.dones, decays], axis=1)
        for row in rows:
            if not any(np.allclose(row, each, atol=TOLERANCE) for each in wanted):
                numbers = ", ".join(f"{number:.3f}" for number in row[-3:])
                yield f"{kind.__name__} gives reward, end and decay {numbers}, which no game had"
                break
        missing = [
            each for each in wanted if not np.isclose(rows, each, atol=TOLERANCE).all(1).any()
        ]
        if missing:
            yield f"{kind.__name__} never gives {len(missing)} of {len(wanted)} steps"
        yield from find_loss_faults(agent, kind.__name__, drawn, decays)


def define_targets(steps: list[Transition], ahead: int) -> Iterator[Any]:
    """Yield each step: what is seen before and after, reward, end, decay of what follows."""
    for first, step in enumerate(steps):
        total = 0.0
        for at in range(first, min(first + ahead, len(steps))):
            total += DECAY ** (at - first) * steps[at].reward
            if steps[at].over or steps[at].cut:
                break
        decay = DECAY ** (at + 1 - first)
        yield np.array([*step.seen.flat, *steps[at].after.flat, total, steps[at].over, decay])


def find_loss_faults(agent: Any, name: str, drawn: Any, decays: Any) -> Iterator[str]:
    """Yield how the loss of DQN on these steps is not that of the target of Bellman."""
    agent.replay_buffer.sample = lambda *_arguments, **_named: drawn
    with torch.no_grad():
        following = agent.q_net_target(drawn.next_observations).max(dim=1, keepdim=True).values
        target = drawn.rewards + decays * (1 - drawn.dones) * following
        apart = (agent.q_net(drawn.observations).gather(1, drawn.actions) - target).abs()
        wanted = float(torch.where(apart < 1, apart**2 / 2, apart - 0.5).mean())
    agent.train(gradient_steps=1, batch_size=ROWS)
    got = float(agent.logger.name_to_value["train/loss"])
    if abs(got - wanted) > TOLERANCE:
        yield f"the loss of DQN on steps of {name} is {got:.4f}, not {wanted:.4f}"
