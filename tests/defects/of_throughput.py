"""Defects that the throughput suite must catch."""

from __future__ import annotations

from tests.defects.defect import Defect, patched

IDLE = "parameter tensors did not change"

DEFECTS = (
    Defect(
        "an optimizer that takes no step",
        "throughput",
        (("training[fp32-resnet50]", IDLE), ("training[fp32-bert_base]", IDLE)),
        patched("optimizer_idle"),
    ),
)
