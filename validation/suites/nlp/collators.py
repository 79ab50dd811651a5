"""Data collators of transformers against definitions in plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import torch
import transformers

from . import language_models

HIDDEN = -100
"""The label that the loss leaves out."""

ROWS = ([2, 4, 5, 3], [2, 11, 12, 1, 8, 3], [2, 10, 3])
LABELS = ([7, 1, 2, 8], [1, 2, 3, 4, 5, 6], [9, 8, 7])
ANSWERS = ([5, 3], [9], [4, 4, 4, 4, 3])
"""Labels of other lengths than their texts."""

SPECIAL = (0, 1, 2, 3, 13)
LARGE, SHARE, MASKED, DRAWN = 200, 0.15, 0.8, 0.1
LIMIT = 5.0
"""Deviations that a share may be off, of as many drawn words."""

Parts = dict[str, Any]


def fill(rows: Any, filler: int, side: str, multiple: int | None = None) -> list[list[int]]:
    """Return rows filled up to the longest, or up to the next multiple."""
    width = -(-max(map(len, rows)) // (multiple or 1)) * (multiple or 1)
    fillers = [[filler] * (width - len(row)) for row in rows]
    pairs = zip(rows, fillers, strict=True)
    return [[*row, *more] if side == "right" else [*more, *row] for row, more in pairs]


def fill_texts(side: str, multiple: int | None) -> Parts:
    """Return words, and which of them are shown."""
    shown = [[1] * len(row) for row in ROWS]
    return {
        "input_ids": fill(ROWS, 0, side, multiple),
        "attention_mask": fill(shown, 0, side, multiple),
    }


def list_cases(side: str, multiple: int | None) -> list[tuple[str, Parts, list[Parts], Parts]]:
    """Return each collator with its options, what it is given, and what it must make of that."""
    texts = [{"input_ids": row, "attention_mask": [1] * len(row)} for row in ROWS]
    filled, some = fill_texts(side, multiple), {"pad_to_multiple_of": multiple}
    labelled = [{**text, "labels": each} for text, each in zip(texts, LABELS, strict=True)]
    answered = [{**text, "labels": each} for text, each in zip(texts, ANSWERS, strict=True)]
    choices: list[Parts] = [
        {"input_ids": [row, row[:2]], "attention_mask": [[1] * len(row), [1, 1]], "label": at}
        for at, row in enumerate(ROWS)
    ]
    both = [part for row in ROWS for part in (row, row[:2])]
    wide = fill(both, 0, side, multiple)
    seen = fill([[1] * len(row) for row in both], 0, side, multiple)
    joined = [label for row in ROWS for label in (HIDDEN, *row[1:])]
    return [
        ("DataCollatorWithPadding", some,
         [{**text, "label": at} for at, text in enumerate(texts)], {**filled, "labels": [0, 1, 2]}),
        ("DataCollatorForTokenClassification", some, labelled,
         {**filled, "labels": fill(LABELS, HIDDEN, side, multiple)}),
        ("DataCollatorForTokenClassification", {**some, "label_pad_token_id": -7}, labelled,
         {**filled, "labels": fill(LABELS, -7, side, multiple)}),
        ("DataCollatorForSeq2Seq", some, answered,
         {**filled, "labels": fill(ANSWERS, HIDDEN, side, multiple)}),
        ("DataCollatorForLanguageModeling", {**some, "mlm": False}, texts,
         {**filled, "labels": fill(ROWS, HIDDEN, side, multiple)}),
        ("DataCollatorForMultipleChoice", some, choices,
         {"input_ids": [wide[at : at + 2] for at in (0, 2, 4)],
          "attention_mask": [seen[at : at + 2] for at in (0, 2, 4)], "labels": [0, 1, 2]}),
        ("DefaultDataCollator", {}, [{"a": [1, 2], "label": 3}, {"a": [4, 5], "label": 6}],
         {"a": [[1, 2], [4, 5]], "labels": [3, 6]}),
        ("DefaultDataCollator", {}, [{"a": [1], "label": 0.5}, {"a": [4], "label": 1.5}],
         {"a": [[1], [4]], "labels": [0.5, 1.5]}),
        ("DefaultDataCollator", {}, [{"label_ids": [1, 2]}, {"label_ids": [4, 5]}],
         {"labels": [[1, 2], [4, 5]]}),
        ("DataCollatorWithFlattening", {}, [{"input_ids": row} for row in ROWS],
         {"input_ids": [[word for row in ROWS for word in row]], "labels": [joined],
          "position_ids": [[at for row in ROWS for at in range(len(row))]]}),
    ]  # fmt: skip


def find_collator_faults() -> Iterator[str]:
    """Yield each collator that has no definition or makes something else than it says."""
    _plain, fast = language_models.build_tokenizer()
    fast.add_special_tokens({"mask_token": "[MASK]"})
    known = {case[0] for case in list_cases("right", None)}
    known |= {"DataCollator", "DataCollatorForPermutationLanguageModeling"}
    for name in sorted({each for each in dir(transformers) if "DataCollator" in each} - known):
        yield f"{name} has no definition"
    for form, side, multiple in product(("pt", "np"), ("right", "left"), (None, 4)):
        fast.padding_side = side
        for name, options, given, wanted in list_cases(side, multiple):
            kind = getattr(transformers, name)
            named = {"return_tensors": form, **options}
            if form == "np" and hasattr(kind, "torch_call") and not hasattr(kind, "numpy_call"):
                continue
            own = {"tokenizer": fast} if "tokenizer" in kind.__init__.__annotations__ else {}
            got = kind(**own, **named)([{**each} for each in given])
            for part, rows in wanted.items():
                if not isinstance(got[part], torch.Tensor if form == "pt" else np.ndarray):
                    yield f"{name} with {named} gives {part} as {type(got[part]).__name__}"
                elif got[part].tolist() != rows:
                    wrong = f"{got[part].tolist()}, not {rows}"
                    yield f"{name} with {named} filled on the {side} gives {part} {wrong}"
        yield from find_masking_faults(fast, form)
        yield from find_permutation_faults(fast, form)


def find_masking_faults(fast: Any, form: str) -> Iterator[str]:
    """Yield how words are hidden otherwise than in the shares that are asked for."""
    rows = [[2, *([4, 5, 6, 7, 8, 9, 10, 11] * 4)[: 20 + at % 12], 3] for at in range(LARGE)]
    collate = transformers.DataCollatorForLanguageModeling(fast, return_tensors=form, seed=0)
    got = {
        key: np.asarray(each) for key, each in collate([{"input_ids": row} for row in rows]).items()
    }
    words, given, labels = (
        np.array(fill(rows, 0, fast.padding_side)),
        got["input_ids"],
        got["labels"],
    )
    chosen, normal = labels != HIDDEN, ~np.isin(words, SPECIAL)
    if (chosen & ~normal).any() or (labels[chosen] != words[chosen]).any():
        yield f"DataCollatorForLanguageModeling ({form}) has labels that are not the hidden words"
    if (given[~chosen] != words[~chosen]).any():
        yield f"DataCollatorForLanguageModeling ({form}) changes words that have no label"
    masked, kept = given[chosen] == 13, given[chosen] == words[chosen]
    by_chance = DRAWN / len(fast)  # a drawn word may be the hidden one, or the mask
    for what, share, wanted, of in (
        ("chosen", chosen[normal].mean(), SHARE, normal.sum()),
        ("of the chosen masked", masked.mean(), MASKED + by_chance, chosen.sum()),
        ("of the chosen kept", kept.mean(), 1 - MASKED - DRAWN + by_chance, chosen.sum()),
    ):
        if abs(share - wanted) > LIMIT * np.sqrt(wanted * (1 - wanted) / of):
            yield f"DataCollatorForLanguageModeling ({form}): {share:.3f} {what}, not {wanted:.3f}"


def find_permutation_faults(fast: Any, form: str) -> Iterator[str]:
    """Yield how the words that are hidden for a permutation differ from the labels."""
    rows = [[2, *[4, 5, 6, 7, 8, 9, 10, 11] * 3, 3][: 26 - at % 3] for at in range(LARGE)]
    torch.manual_seed(0)
    np.random.seed(0)
    name = "DataCollatorForPermutationLanguageModeling"
    got = getattr(transformers, name)(fast, return_tensors=form)(
        [{"input_ids": row} for row in rows]
    )
    words, labels = np.array(fill(rows, 0, fast.padding_side)), np.asarray(got["labels"])
    chosen, normal = labels != HIDDEN, ~np.isin(words, SPECIAL)
    if (labels[chosen] != words[chosen]).any() or (chosen & ~normal).any():
        yield f"{name} ({form}) has labels that are not the hidden words"
    if (np.asarray(got["input_ids"]) != np.where(chosen, 13, words)).any():
        yield f"{name} ({form}) hides other words than those with a label"
    if not 0.1 < chosen[normal].mean() < 0.25:  # a sixth, and what is lost at the end of a row
        yield f"{name} ({form}): {chosen[normal].mean():.3f} chosen, not about a sixth"
