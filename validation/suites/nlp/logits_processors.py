"""Processors of scores in generation against definitions in plain Python, on drawn scores."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import transformers

WORDS, LENGTH, FEW = 24, 12, 5
LIMIT = 1e-9
MIN_PROCESSORS = 15
"""As many must be there: some come and go with versions of transformers."""

NEVER = -math.inf


@dataclass(frozen=True)
class Row:
    """A text so far, the scores of its next word, and the text that it was made from."""

    words: list[int]
    scores: list[float]
    source: list[int]


Definition = Callable[..., list[float]]
"""From a row to its scores afterwards."""


def draw_rows(count: int) -> list[Row]:
    """Return rows whose texts have few words, so that these come again; always the same."""
    chance = random.Random("scores")
    return [
        Row(
            [chance.randrange(FEW) for _ in range(LENGTH)],
            [chance.gauss(0, 2) for _ in range(WORDS)],
            [chance.randrange(FEW + 2) for _ in range(LENGTH)],
        )
        for _ in range(count)
    ]


def find_processor_faults() -> Iterator[str]:
    """Yield each processor that makes other scores of a row than its definition."""
    rows = draw_rows(8)
    words, sources = (
        torch.tensor([getattr(row, of) for row in rows]) for of in ("words", "source")
    )
    scores = torch.tensor([row.scores for row in rows], dtype=torch.float64)
    compared = set[str]()
    for name, options, definition in (
        *list_samplers(),
        *list_repetitions(sources),
        *list_lengths(),
    ):
        if not hasattr(transformers, name):
            continue
        compared.add(name)
        got = getattr(transformers, name)(**options)(words, scores.clone()).tolist()
        for row, found in zip(rows, got, strict=True):
            wanted = definition(row)
            wrong = [
                at for at in range(WORDS) if not math.isclose(found[at], wanted[at], rel_tol=LIMIT)
            ]
            if wrong:
                at = wrong[0]
                yield (
                    f"{name} gives {len(wrong)} of {WORDS} words another score, "
                    f"as {found[at]:.6g} instead of {wanted[at]:.6g}"
                )
                break
    if len(compared) < MIN_PROCESSORS:
        yield f"transformers has {len(compared)} of the processors, not {MIN_PROCESSORS}"


def weigh(row: Row) -> list[float]:
    """Return the probability of each word."""
    powers = [math.exp(score) for score in row.scores]
    return [power / math.fsum(powers) for power in powers]


def measure_entropy(row: Row) -> float:
    """Return the entropy of the next word, in nats."""
    return -math.fsum(each * math.log(each) for each in weigh(row))


def rank(row: Row) -> list[int]:
    """Return the words, the most probable first."""
    return sorted(range(WORDS), key=lambda word: -row.scores[word])


def keep(row: Row, kept: list[int], other: float = NEVER) -> list[float]:
    """Return the scores with `other` for words that are not kept."""
    return [score if word in kept else other for word, score in enumerate(row.scores)]


def take_share(ranked: list[int], shares: list[float], whole: float) -> list[int]:
    """Return the first words that together have the share `whole`, and no more."""
    taken = list[int]()
    for word in ranked:
        if math.fsum(shares[each] for each in taken) >= whole:
            break
        taken.append(word)
    return taken


def keep_probable(row: Row, least: float, count: int) -> list[float]:
    """Keep words of at least this probability, and in any case the `count` first."""
    shares = weigh(row)
    return keep(row, [word for word in range(WORDS) if shares[word] >= least] + rank(row)[:count])


def keep_typical(row: Row, mass: float) -> list[float]:
    """Keep words whose surprise is next to the entropy, until they have `mass`."""
    shares, entropy = weigh(row), measure_entropy(row)
    ranked = sorted(range(WORDS), key=lambda word: abs(-math.log(shares[word]) - entropy))
    return keep(row, take_share(ranked, shares, mass))


def keep_entropy(row: Row, part: float) -> list[float]:
    """Keep the first words that have no more than this part of the entropy, at least one."""
    shares, ranked = weigh(row), rank(row)
    terms = [-shares[word] * math.log(shares[word]) for word in ranked]
    limit = part * math.fsum(terms)
    count = sum(math.fsum(terms[: at + 1]) <= limit for at in range(WORDS))
    return keep(row, ranked[: max(count, 1)])


def penalize(row: Row, words: list[int], penalty: float) -> list[float]:
    """Make each of the words less probable, once."""
    return [
        score if word not in words else score * penalty if score < 0 else score / penalty
        for word, score in enumerate(row.scores)
    ]


def refuse(row: Row, refused: list[int]) -> list[float]:
    """Keep all words but these."""
    return keep(row, [word for word in range(WORDS) if word not in refused])


def force(row: Row, forced: list[int], now: bool) -> list[float]:
    """Leave no choice but these words, if it is time."""
    return [0 if word in forced else NEVER for word in range(WORDS)] if now else row.scores


def refuse_again(row: Row, text: list[int], size: int) -> list[float]:
    """Refuse words that would end a run of `size` words that is in `text`."""
    runs = [text[at : at + size] for at in range(len(text) - size + 1)]
    last = row.words[len(row.words) - size + 1 :]
    return refuse(row, [run[-1] for run in runs if run[:-1] == last])


BIASES = {(3,): 1.5, (1, 4): -2.0, (0, 2, 3): 0.75, (2, 1): 4.0, (7, 1): 8.0}


def add_biases(row: Row, biases: dict[tuple[int, ...], float]) -> list[float]:
    """Add the bias of each run of words to the score of its last, if the text has the rest."""
    scores = [*row.scores]
    for (*before, last), bias in biases.items():
        if row.words[len(row.words) - len(before) :] == before:
            scores[last] += bias
    return scores


def list_samplers() -> Iterator[tuple[str, dict[str, Any], Definition]]:
    """Yield each processor that heats or leaves out words, with options and its definition."""
    for heat in (0.3, 1.7):
        yield (
            "TemperatureLogitsWarper",
            {"temperature": heat},
            lambda row, heat=heat: [score / heat for score in row.scores],
        )
    for count in (1, 4, WORDS + 3):
        yield "TopKLogitsWarper", {"top_k": count}, lambda row, k=count: keep(row, rank(row)[:k])
    for share, count in ((0.0, 1), (0.2, 5), (0.6, 1), (0.85, 1), (0.97, 2)):
        yield (
            "TopPLogitsWarper",
            {"top_p": share, "min_tokens_to_keep": count, "filter_value": -99.0},
            lambda row, p=share, n=count: keep(
                row, rank(row)[:n] + take_share(rank(row), weigh(row), p), -99.0
            ),
        )
        yield (
            "MinPLogitsWarper",
            {"min_p": share / 2, "min_tokens_to_keep": count},
            lambda row, p=share / 2, n=count: keep_probable(row, p * max(weigh(row)), n),
        )
    for share in (0.1, 0.25, 0.9):
        yield "TypicalLogitsWarper", {"mass": share}, lambda row, p=share: keep_typical(row, p)
        yield "TopHLogitsWarper", {"top_h": share}, lambda row, p=share: keep_entropy(row, p)
    for least in (0.003, 0.05, 0.5):
        options = {"epsilon": least, "min_tokens_to_keep": 2}
        yield "EpsilonLogitsWarper", options, lambda row, e=least: keep_probable(row, e, 2)
        yield (
            "EtaLogitsWarper",
            options,
            lambda row, e=least: keep_probable(
                row, min(e, math.sqrt(e) * math.exp(-measure_entropy(row))), 2
            ),
        )


def list_repetitions(sources: Any) -> Iterator[tuple[str, dict[str, Any], Definition]]:
    """Yield each processor that looks for words of a text, with options and its definition."""
    for penalty in (0.7, 1.6):
        for skipped in (0, LENGTH - 3):
            yield (
                "RepetitionPenaltyLogitsProcessor",
                {"penalty": penalty, "prompt_ignore_length": skipped},
                lambda row, p=penalty, n=skipped: penalize(row, row.words[n:], p),
            )
        yield (
            "EncoderRepetitionPenaltyLogitsProcessor",
            {"penalty": penalty, "encoder_input_ids": sources},
            lambda row, p=penalty: penalize(row, row.source, 1 / p),
        )
    for size in (1, 2, 3, LENGTH + 1):
        yield (
            "NoRepeatNGramLogitsProcessor",
            {"ngram_size": size},
            lambda row, n=size: refuse_again(row, row.words, n),
        )
    for size in (1, 2, 3):
        yield (
            "EncoderNoRepeatNGramLogitsProcessor",
            {"encoder_ngram_size": size, "encoder_input_ids": sources},
            lambda row, n=size: refuse_again(row, row.source, n),
        )
    yield (
        "SequenceBiasLogitsProcessor",
        {"sequence_bias": BIASES},
        lambda row: add_biases(row, BIASES),
    )
    yield (
        "NoBadWordsLogitsProcessor",
        {"bad_words_ids": [[*run] for run in BIASES], "eos_token_id": 3},
        lambda row: add_biases(row, {run: NEVER for run in BIASES if run != (3,)}),
    )


def list_lengths() -> Iterator[tuple[str, dict[str, Any], Definition]]:
    """Yield each processor that refuses or forces words by the length, with its definition."""
    ends = [3, 5]
    for more in (0, 1):
        yield (
            "MinLengthLogitsProcessor",
            {"min_length": LENGTH + more, "eos_token_id": ends},
            lambda row, more=more: refuse(row, ends * more),
        )
        yield (
            "MinNewTokensLengthLogitsProcessor",
            {"prompt_length_to_skip": 4, "min_new_tokens": LENGTH - 4 + more, "eos_token_id": ends},
            lambda row, more=more: refuse(row, ends * more),
        )
        yield (
            "ForcedEOSTokenLogitsProcessor",
            {"max_length": LENGTH + more, "eos_token_id": ends},
            lambda row, more=more: force(row, ends, bool(more)),
        )
        yield (
            "SuppressTokensAtBeginLogitsProcessor",
            {"begin_suppress_tokens": ends, "begin_index": LENGTH - 1 + more},
            lambda row, more=more: refuse(row, ends * more),
        )
    yield "ForcedBOSTokenLogitsProcessor", {"bos_token_id": 2}, lambda row: row.scores
    yield "SuppressTokensLogitsProcessor", {"suppress_tokens": ends}, lambda row: refuse(row, ends)
    yield (
        "PrefixConstrainedLogitsProcessor",
        {"prefix_allowed_tokens_fn": lambda _, words: [int(words[-1]), 20], "num_beams": 2},
        lambda row: keep(row, [row.words[-1], 20]),
    )
