"""Defects that the suite `cost` must catch: nothing is wrong, and everything takes longer."""

from __future__ import annotations

from tests.defects.defect import Defect, patched

DEFECTS = (
    Defect(
        "a leak of 4 MB in each step",
        "cost",
        (("memory_of_training", "something that keeps the tensors of each step"),),
        patched("step_leaks"),
        representative=True,
    ),
    Defect(
        "linear layers three times as slow",
        "cost",
        (
            ("operation[linear]", "linear takes "),
            ("operation[linear_training]", "linear_training takes "),
        ),
        patched("linear_thrice"),
    ),
    Defect(
        "batches that take 50 ms more",
        "cost",
        (("operation[loader]", "loader takes "),),
        patched("loader_waits"),
    ),
    Defect(
        "steps of AdamW that are made three times",
        "cost",
        (("operation[adamw]", "adamw takes "),),
        patched("step_thrice"),
    ),
    Defect(
        "a package that takes 8 s longer to import",
        "cost",
        (("imports", "imports take long: torchvision "),),
        patched("package_waits"),
    ),
    Defect(
        "linear layers without their matrix",
        "cost",
        (("challenge", "the answer to `product` "), ("", "challenge: the answer to `")),
        patched("linear_idle"),
    ),
)
