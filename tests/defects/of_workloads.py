"""Defects that the workloads suite must catch."""

from __future__ import annotations

from tests.defects.defect import Defect, patched
from tests.defects.of_throughput import IDLE

DEFECTS = (
    Defect(
        "online learning that learns nothing",
        "workloads",
        (
            ("online_learning", IDLE),
            ("averaged_weights", "the weights never moved"),
            ("killed_learning_resumes", "did not change after the restart"),
            ("recommender", "ranked with an area under the curve of 0.5"),
            ("challenge", "the answer to `losses` has"),
        ),
        patched("optimizer_idle"),
    ),
    Defect(
        "clipping that does not clip",
        "workloads",
        (("gradient_clipping", "a clip_grad_norm_ that does not clip"),),
        patched("clipping_idle"),
        representative=True,
    ),
    Defect(
        "averaged weights that never move",
        "workloads",
        (("averaged_weights", "averaged weights that are not updated"),),
        patched("average_idle"),
    ),
    Defect(
        "a resumed process that repeats a sample",
        "workloads",
        (("killed_learning_resumes", "the resumed learning saw sample 199 2 times"),),
        patched("sample_learned_twice"),
    ),
    Defect(
        "a resumed process without its optimizer's state",
        "workloads",
        (("killed_learning_resumes", "parts of the resumed learning differ (model.0.weight"),),
        patched("optimizer_state_lost"),
    ),
    Defect(
        "a resumed process with other random numbers",
        "workloads",
        (("killed_learning_resumes", "parts of the resumed learning differ"),),
        patched("random_state_lost"),
    ),
    Defect(
        "a recommender whose ranks do not synchronise",
        "workloads",
        (("recommender", "rank 1 ended with other weights than rank 0"),),
        patched("ddp_does_not_sync"),
    ),
    Defect(
        "a recommender without mixed precision",
        "workloads",
        (("recommender", "the layers of rank 0 gave torch.float32 under autocast"),),
        patched("autocast_idle"),
    ),
    Defect(
        "an export that rounds its weights",
        "workloads",
        (("recommender_export", "the exported recommender's scores are off by"),),
        patched("torchscript_rounds"),
    ),
)
