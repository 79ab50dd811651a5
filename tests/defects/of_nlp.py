"""Defects of text that the suite nlp must catch, besides those in of_stacks.py."""

from __future__ import annotations

from tests.defects.defect import Defect, patched

DEFECTS = (
    Defect(
        "a tokenizer that goes on cutting",
        "nlp",
        (("tokenizer_options", "a plain call of TokenizersBackend gives something else"),),
        patched("cutting_stays"),
    ),
    Defect(
        "padding that is counted",
        "nlp",
        (("batched_texts", "GPT2LMHeadModel writes the most likely words in a batch otherwise"),),
        patched("padding_counted"),
    ),
)
