"""Defects that the suites of the stacks (cv, nlp, rl) must catch."""

from __future__ import annotations

from tests.defects.defect import Defect, patched
from tests.defects.of_throughput import IDLE

DEFECTS = (
    Defect(
        "pictures left as they were",
        "cv",
        (("pipeline_values", "from the same steps in NumPy"),),
        patched("normalize_idle"),
    ),
    Defect(
        "red and blue swapped",
        "cv",
        (("jpeg_round_trip", "grey levels on average"),),
        patched("jpeg_channels_swapped"),
    ),
    Defect("cv training that trains nothing", "cv", (("augmented_resnet_trains", IDLE),), patched("optimizer_idle")),
    Defect(
        "a tokenizer that loses letters",
        "nlp",
        (("tokenizer_round_trip", "came back from the tokenizer"),),
        patched("tokenizer_lossy"),
    ),
    Defect("nlp training that trains nothing", "nlp", (("bert_learns", IDLE),), patched("optimizer_idle")),
    Defect(
        "a task with half its force",
        "rl",
        (("environment_dynamics", "one step from rest gave"),),
        patched("weak_cart"),
    ),
    Defect("rl training that trains nothing", "rl", (("ppo_trains", IDLE),), patched("optimizer_idle")),
)
