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
    Defect(
        "workers that augment alike",
        "cv",
        (("workers_augment_differently", "both workers cropped at the same places"),),
        patched("workers_share_seed"),
    ),
    Defect(
        "pictures with the labels of others",
        "cv",
        (("augmented_resnet_trains", "the loss went from"),),
        patched("labels_shuffled"),
    ),
    Defect(
        "cv training that trains nothing",
        "cv",
        (("augmented_resnet_trains", IDLE),),
        patched("optimizer_idle"),
    ),
    Defect(
        "a tokenizer that loses letters",
        "nlp",
        (("tokenizer_round_trip", "came back from the tokenizer"),),
        patched("tokenizer_lossy"),
        representative=True,
    ),
    Defect(
        "a tokenizer file without its last merges",
        "nlp",
        (("tokenizer_file", "merges or settings that are not written to the file"),),
        patched("tokenizer_file_loses"),
    ),
    Defect(
        "weights read from the wrong place",
        "nlp",
        (("weights_as_safetensors", "tensors in the file differ"),),
        patched("safetensors_off"),
    ),
    Defect(
        "nlp training that trains nothing",
        "nlp",
        (("bert_learns", IDLE),),
        patched("optimizer_idle"),
    ),
    Defect(
        "a task with half its force",
        "rl",
        (("environment_dynamics", "one step from rest gave"),),
        patched("weak_cart"),
    ),
    Defect(
        "PPO that learns to fail",
        "rl",
        (
            (
                "ppo_solves_cartpole",
                "advantages, gradients or an optimizer that do not lead to more reward",
            ),
        ),
        patched("advantages_reversed"),
    ),
    Defect(
        "rl training that trains nothing",
        "rl",
        (("ppo_solves_cartpole", IDLE),),
        patched("optimizer_idle"),
    ),
)
