"""Defects that the throughput suite must catch; slower ones are for the regression gate, in
slower.py.
"""

from __future__ import annotations

from runner.verdict import Verdict
from tests.defects.defect import Defect, patched
from validation.suites.throughput.measure import CPUINFO, has_bf16

PRECISIONS = ("fp32", "amp") if has_bf16(CPUINFO.read_text(encoding="utf-8")) else ("fp32",)
"""Without bfloat16 instructions AMP is `not run` on a CPU."""

IDLE = "parameter tensors did not change"
TRAINING = ("training[resnet50", "training[bert_base")
INFERENCE = ("inference[resnet50", "inference[bert_base")


def in_each(says: str, *checks: str) -> tuple[tuple[str, str], ...]:
    """These words, in these checks of every precision."""
    return tuple((f"{check}-{precision}]", says) for check in checks for precision in PRECISIONS)


DEFECTS = (
    Defect(
        "an optimizer that takes no step",
        "throughput",
        in_each(IDLE, *TRAINING),
        patched("optimizer_idle"),
    ),
    Defect(
        "gradients that point uphill",
        "throughput",
        in_each("the loss went from", *TRAINING),
        patched("gradients_uphill"),
    ),
    Defect(
        "a batch normalisation that gives NaN",
        "throughput",
        (
            *in_each("the loss is not finite", "training[resnet50"),
            *in_each("the largest output is nan", "inference[resnet50"),
        ),
        patched("batch_norm_nan"),
    ),
    Defect(
        "inference in training mode",
        "throughput",
        in_each("one sample alone and in the batch differ by", *INFERENCE),
        patched("eval_mode_idle"),
    ),
    Defect(
        "an embedding that ignores its input",
        "throughput",
        in_each("outputs of two samples differ by 0.0 %", "inference[bert_base"),
        patched("embedding_same"),
        representative=True,
    ),
    Defect(
        "every other step five times as long",
        "throughput",
        in_each("no steady state in", "training[resnet50"),
        patched("pace_uneven"),
        verdict=Verdict.INFRA,
    ),
)
