"""Options of a call of a tokenizer: what they do, and that nothing of them stays."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from itertools import product
from typing import Any

import transformers

from . import language_models

TEXTS = ("The cats sat on the mat.", "unseen dog", "  THE   mat ", "the")
SECOND = ("sat", "mat", "the", "cat")
"""Shorter than half of a cut pair, so that no mix of options has two right answers."""

OTHERS: dict[str, tuple[Any, ...]] = {
    "self": (),
    "text": (),
    "text_pair": (),
    "text_target": (),
    "text_pair_target": (),
    "padding": (True, "max_length"),
    "truncation": (True, "only_first"),
    "max_length": (6,),
    "stride": (1,),
    "pad_to_multiple_of": (4,),
    "padding_side": ("left", "right"),
    "return_tensors": ("np", "pt"),
    "return_token_type_ids": (True, False),
    "return_attention_mask": (True, False),
    "tokenizer_kwargs": (),
}
"""Values of the options that are neither true nor false by default."""

VARIOUS = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
AROUND: tuple[dict[str, Any], ...] = ({}, {"padding": True, "truncation": True, "max_length": 8})
"""Without the second, some options have nothing to do."""

MIXES: dict[str, tuple[Any, ...]] = {
    "padding": (False, True, "max_length"),
    "truncation": (False, "longest_first", "only_first", "only_second"),
    "max_length": (8, 12),
    "add_special_tokens": (True, False),
    "padding_side": ("right", "left"),
    "pad_to_multiple_of": (None, 4),
}
Row = dict[str, list[int]]
Frame = tuple[list[int], list[int], list[int]]


def find_option_faults() -> Iterator[str]:
    """Yield each option that does something else than its definition, or stays after the call."""
    plain, fast = language_models.build_tokenizer()
    pieces = {text: plain.encode(text, add_special_tokens=False).ids for text in TEXTS + SECOND}
    slow = transformers.ByT5Tokenizer()  # it needs no file: a number is a byte and 3
    numbers = {text: [byte + 3 for byte in text.encode()] for text in TEXTS + SECOND}
    for tokenizer, known, frame in (
        (fast, pieces, ([2], [3], [3])),
        (slow, numbers, ([], [1], [1])),
    ):
        yield from find_state_faults(tokenizer)
        yield from find_mix_faults(tokenizer, known, frame)
    yield from find_window_faults(fast, pieces[TEXTS[0]])


def find_state_faults(tokenizer: Any) -> Iterator[str]:
    """Yield each option of a call after which a plain call gives something else than before."""
    name, texts = type(tokenizer).__name__, {"text": [*TEXTS], "text_pair": [*SECOND]}
    before = tokenizer(**texts), tokenizer(TEXTS[0])
    for option, parameter in inspect.signature(type(tokenizer).__call__).parameters.items():
        switch = isinstance(parameter.default, bool) and option != "is_split_into_words"
        values = OTHERS.get(option, (not parameter.default,) if switch else ())
        named = option in OTHERS or parameter.kind in VARIOUS or option == "is_split_into_words"
        if not switch and not named:
            yield f"no value of the option {option} of {name} is known"
        for value, around in product(values, AROUND):
            # refused: rows of different lengths as a tensor, and places in a text of bytes
            with contextlib.suppress(ValueError, NotImplementedError):
                tokenizer(**texts, **{**around, option: value})
            if (tokenizer(**texts), tokenizer(TEXTS[0])) != before:
                mix = {**around, option: value}
                yield f"after a call with {mix}, a plain call of {name} gives something else"
                return


def find_mix_faults(tokenizer: Any, known: dict[str, list[int]], frame: Frame) -> Iterator[str]:
    """Yield the first mix of options whose result is not that of the definition."""
    for side, paired, values in product(("right", "left"), (False, True), product(*MIXES.values())):
        options = dict(zip(MIXES, values, strict=True))
        only_second = options["truncation"] == "only_second"
        if only_second and not paired:
            continue
        tokenizer.truncation_side = side
        columns = (SECOND, TEXTS) if only_second else (TEXTS, SECOND)
        texts = [(one, other if paired else None) for one, other in zip(*columns, strict=True)]
        wanted = fill_rows(
            [define_row(known, pair, frame, side, options) for pair in texts], options
        )
        got = tokenizer(
            [one for one, _ in texts],
            [other for _, other in texts] if paired else None,
            return_special_tokens_mask=True,
            **options,
        )
        for key in [key for key in wanted[0] if key in got]:
            for text, row, given in zip(texts, wanted, got[key], strict=True):
                if row[key] != given:
                    name = f"{type(tokenizer).__name__} with truncation_side={side}"
                    yield f"{name} and {options} gives {key} {given} of {text}, not {row[key]}"
                    return
    tokenizer.truncation_side = "right"


def define_row(
    known: dict[str, list[int]],
    pair: tuple[str, str | None],
    frame: Frame,
    side: str,
    options: dict[str, Any],
) -> Row:
    """Return what a text or a pair is made of: cut as asked, with what comes around it."""
    parts = [known[each] for each in pair if each is not None]
    marks = frame[: len(parts) + 1] if options["add_special_tokens"] else ([], [], [])
    over = sum(map(len, (*parts, *marks))) - options["max_length"]
    for _ in range(over if options["truncation"] else 0):
        longest = max(range(len(parts)), key=lambda at: len(parts[at]))
        at = {"only_first": 0, "only_second": 1}.get(options["truncation"], longest)
        parts[at] = parts[at][:-1] if side == "right" else parts[at][1:]
    row: Row = {"input_ids": [*marks[0]], "special_tokens_mask": [1] * len(marks[0])}
    kinds = [0] * len(marks[0])
    for at, part in enumerate(parts):
        row["input_ids"] += [*part, *marks[at + 1]]
        row["special_tokens_mask"] += [0] * len(part) + [1] * len(marks[at + 1])
        kinds += [at] * len([*part, *marks[at + 1]])
    return {**row, "token_type_ids": kinds, "attention_mask": [1] * len(kinds)}


def fill_rows(rows: list[Row], options: dict[str, Any]) -> list[Row]:
    """Return rows filled up to the longest, or the length that is asked for."""
    if not options["padding"]:
        return rows
    longest = max(len(row["input_ids"]) for row in rows)
    width = options["max_length"] if options["padding"] == "max_length" else longest
    width = -(-width // (options["pad_to_multiple_of"] or 1)) * (options["pad_to_multiple_of"] or 1)
    filled = []
    for row in rows:
        missing = width - len(row["input_ids"])
        filler = {key: [int(key == "special_tokens_mask")] * missing for key in row}
        left = options["padding_side"] == "left"
        filled.append(
            {key: filler[key] + row[key] if left else row[key] + filler[key] for key in row}
        )
    return filled


def find_window_faults(fast: Any, pieces: list[int]) -> Iterator[str]:
    """Yield how a long text is cut into windows that overlap by `stride`."""
    for length, stride in product((4, 5, 7), (0, 1)):
        room = length - 2
        starts = range(0, max(len(pieces) - stride, 1), room - stride)
        wanted = [[2, *pieces[start : start + room], 3] for start in starts]
        got = fast(
            TEXTS[0],
            truncation=True,
            max_length=length,
            stride=stride,
            return_overflowing_tokens=True,
        )["input_ids"]
        if got != wanted:
            yield f"windows of {length} that overlap by {stride} are {got}, not {wanted}"
