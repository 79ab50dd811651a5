"""Compares what a DataLoader delivered with what it had to deliver. Standard library only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

_SHOWN = 4


def find_problem(got: Sequence[int], samples: int) -> tuple[str, str]:
    """Return what is wrong with the order or the number of samples, and the likely cause.

    Both are empty if nothing is wrong.
    """
    twice = sorted(sample for sample, times in Counter(got).items() if times > 1)
    never = sorted(set(range(samples)) - set(got))
    foreign = sorted(set(got) - set(range(samples)))
    if twice:
        cause = "the sampler or the workers hand out a sample twice"
        return (
            f"samples {_format_first(twice)} came more than once, {_format_first(never)} never",
            cause,
        )
    if never:
        return (
            f"samples {_format_first(never)} of {samples} never came",
            "the loader ends early or drops what it has read",
        )
    if foreign:
        return (
            f"samples {_format_first(foreign)} came, of {samples}",
            "indices beyond the data set were drawn",
        )
    if [*got] != [*range(samples)]:
        at = next(at for at, sample in enumerate(got) if sample != at)
        return (
            f"sample {got[at]} came where sample {at} belongs",
            "batches are handed over as they arrive, not in order",
        )
    return "", ""


def _format_first(samples: Sequence[int]) -> str:
    shown = ", ".join(map(str, samples[:_SHOWN]))
    return f"{shown} ..." if len(samples) > _SHOWN else shown or "none"
