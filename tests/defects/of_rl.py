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
)
