"""Defects of games that the suite rl must catch, besides those in of_stacks.py."""

from __future__ import annotations

from tests.defects.defect import Defect, patched

DEFECTS = (
    Defect(
        "games that overwrite what they returned",
        "rl",
        (("vector_environments", "observations that AsyncVectorEnv"),),
        patched("observations_shared"),
    ),
    Defect(
        "statistics that never rest",
        "rl",
        (("vector_wrappers", "VecNormalize with training=False gives the observations"),),
        patched("statistics_never_rest"),
    ),
    Defect(
        "games whose limit cannot be changed",
        "rl",
        (
            ("wrappers", "gymnasium.make with max_episode_steps=3 cuts an episode after []"),
            ("environments", "an episode that is limited to 7 steps is cut after []"),
        ),
        patched("limits_not_overridden"),
    ),
    Defect(
        "cut games that count as ended",
        "rl",
        (("rollouts", "advantages of PPO in a game that is cut"),),
        patched("cut_games_end"),
    ),
)
