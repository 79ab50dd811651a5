"""Cases that one group of ranks works off: what a rank got, and what one process computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

EXACT = 1e-9
"""Largest difference allowed, relative to the largest value: fp64 rounding leaves about 1e-15."""

SHOWN = 3
"""How many faults a failure names."""


@dataclass(frozen=True)
class CaseResult:
    """A value that a rank got under the options that `what` names, and the one it must get.

    Tensors may differ by `limit`, relative to the largest value. Other values must be equal.
    """

    what: str
    got: Any
    wanted: Any
    limit: float = EXACT


Case = Callable[[int, int], Iterator[CaseResult]]
"""(rank, world size) -> results. All ranks make the same collective calls."""


Told = dict[str, Any]
"""`wrong` are the results that are not as wanted, `made` is how many there were."""


def work_off(cases: Sequence[Case], rank: int, world: int) -> Told:
    """Work off the cases in their order; an error says in which one it was raised."""
    wrong, made = list[str](), 0
    for case in cases:
        name = getattr(case, "func", case).__name__.removeprefix("_").replace("_", " ")
        try:
            for result in case(rank, world):
                made += 1
                wrong += [f"{name}, {result.what}: {fault}" for fault in _find_fault(result)]
        except Exception as error:
            raise RuntimeError(f"in {name}: {type(error).__name__}: {error}") from error
    return {"wrong": wrong, "made": made}


def _find_fault(result: CaseResult) -> Iterator[str]:
    got, wanted = result.got, result.wanted
    if isinstance(wanted, list) and wanted and isinstance(wanted[0], torch.Tensor):
        if [each.shape for each in got] != [each.shape for each in wanted]:
            yield f"got shapes {[tuple(each.shape) for each in got]}"
            return
        got, wanted = _flatten(got), _flatten(wanted)
    if not isinstance(wanted, torch.Tensor):
        if got != wanted:
            yield f"got {str(got)[:80]}, not {str(wanted)[:80]}"
        return
    if got.shape != wanted.shape:
        yield f"got shape {tuple(got.shape)}, not {tuple(wanted.shape)}"
        return
    if not wanted.numel():
        return
    scale = float(wanted.double().abs().max()) or 1.0
    error = float((got.double() - wanted.double()).abs().max()) / scale
    if not error <= result.limit:
        longer = float(got.double().norm() / wanted.double().norm())
        yield f"off by {error:.1e} and {longer:.3f} times as long"


def _flatten(parts: Any) -> Any:
    return torch.cat([each.detach().flatten().double() for each in parts])
