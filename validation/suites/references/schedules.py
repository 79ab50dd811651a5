"""Learning rates of torch's schedulers against their closed forms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import lr_scheduler

from .operators import ReferenceComparison

EPOCHS = 30
RATE = 0.4
LIMIT = 1e-9

Formula = Callable[[int], float]
"""From the number of steps made to the rate."""


def _anneal(low: float, high: float, part: float) -> float:
    """Return the rate after this part of half a cosine, from high to low."""
    return low + (high - low) * (1 + math.cos(math.pi * part)) / 2


def rate_of_cycle(at: int) -> float:
    """Return the triangle of a CyclicLR of 4 steps up and 6 down, halved in each cycle."""
    cycle, place = divmod(at, 10)
    part = place / 4 if place <= 4 else 1 - (place - 4) / 6
    return 0.1 + (0.5 - 0.1) * part * 0.5**cycle


def rate_of_one_cycle(at: int) -> float:
    """Return the rate of a OneCycleLR of EPOCHS steps that peaks at 0.8 after 40 %."""
    peak, last = 0.4 * EPOCHS - 1, EPOCHS - 1
    if at <= peak:
        return _anneal(0.8, 0.8 / 10, at / peak)
    return _anneal(0.8 / 10 / 100, 0.8, (at - peak) / (last - peak))


def rate_of_restarts(at: int) -> float:
    """Return the rate of a cosine of 4 steps, then 8, then 16 and so on."""
    length = 4
    while at >= length:
        at, length = at - length, 2 * length
    return _anneal(0.01, RATE, at / length)


def rate_of_sequence(at: int) -> float:
    """Return the rate of a warm-up of 5 steps, then a cosine of 10, then a decay."""
    if at < 5:
        return RATE * (0.1 + 0.9 * at / 5)
    return _anneal(0.05, RATE, (at - 5) / 10) if at < 15 else RATE * 0.9 ** (at - 15)


CASES: tuple[tuple[str, Callable[[Any], Any], Formula], ...] = (
    ("StepLR", lambda each: lr_scheduler.StepLR(each, 3, 0.5), lambda at: RATE * 0.5 ** (at // 3)),
    (
        "MultiStepLR",
        lambda each: lr_scheduler.MultiStepLR(each, [2, 5, 5], 0.5),
        lambda at: RATE * 0.5 ** ((at >= 2) + 2 * (at >= 5)),
    ),
    (
        "ConstantLR",
        lambda each: lr_scheduler.ConstantLR(each, 0.25, 4),
        lambda at: RATE * (0.25 if at < 4 else 1),
    ),
    (
        "LinearLR",
        lambda each: lr_scheduler.LinearLR(each, 0.25, 0.75, 8),
        lambda at: RATE * (0.25 + 0.5 * min(at, 8) / 8),
    ),
    (
        "ExponentialLR",
        lambda each: lr_scheduler.ExponentialLR(each, 0.9),
        lambda at: RATE * 0.9**at,
    ),
    (
        "PolynomialLR",
        lambda each: lr_scheduler.PolynomialLR(each, 10, 2.0),
        lambda at: RATE * (1 - min(at, 10) / 10) ** 2,
    ),
    (
        "CosineAnnealingLR",
        lambda each: lr_scheduler.CosineAnnealingLR(each, 10, 0.05),
        lambda at: _anneal(0.05, RATE, at / 10),
    ),
    (
        "CosineAnnealingWarmRestarts",
        lambda each: lr_scheduler.CosineAnnealingWarmRestarts(each, 4, 2, 0.01),
        rate_of_restarts,
    ),
    (
        "LambdaLR",
        lambda each: lr_scheduler.LambdaLR(each, lambda at: 1 / (1 + at)),
        lambda at: RATE / (1 + at),
    ),
    (
        "MultiplicativeLR",
        lambda each: lr_scheduler.MultiplicativeLR(each, lambda at: at / (1 + at)),
        lambda at: RATE / (1 + at),
    ),
    (
        "CyclicLR",
        lambda each: lr_scheduler.CyclicLR(each, 0.1, 0.5, 4, 6, mode="triangular2"),
        rate_of_cycle,
    ),
    (
        "OneCycleLR",
        lambda each: lr_scheduler.OneCycleLR(
            each, 0.8, total_steps=EPOCHS, pct_start=0.4, div_factor=10, final_div_factor=100
        ),
        rate_of_one_cycle,
    ),
    (
        "SequentialLR",
        lambda each: lr_scheduler.SequentialLR(
            each,
            [lr_scheduler.ConstantLR(each, 0.1, 100), lr_scheduler.ExponentialLR(each, 0.9)],
            [5],
        ),
        lambda at: RATE * (0.1 if at < 5 else 0.9 ** (at - 5)),
    ),
    (
        "SequentialLR of three",
        lambda each: lr_scheduler.SequentialLR(
            each,
            [
                lr_scheduler.LinearLR(each, 0.1, 1.0, 5),
                lr_scheduler.CosineAnnealingLR(each, 10, 0.05),
                lr_scheduler.ExponentialLR(each, 0.9),
            ],
            [5, 15],
        ),
        rate_of_sequence,
    ),
    (
        "ChainedScheduler",
        lambda each: lr_scheduler.ChainedScheduler(
            [lr_scheduler.ConstantLR(each, 0.5, 4), lr_scheduler.ExponentialLR(each, 0.9)]
        ),
        lambda at: RATE * (0.5 if at < 4 else 1) * 0.9**at,
    ),
)
"""A scheduler, how it is made for an optimizer, and the rate after as many steps."""


def make_optimizer() -> Any:
    """Return an optimizer with a gradient, so that it can step before its scheduler."""
    weight = torch.nn.Parameter(torch.zeros(1))
    weight.grad = torch.zeros(1)
    return torch.optim.SGD([weight], lr=RATE, momentum=0.9)


def compare_schedules() -> ReferenceComparison:
    """Compare the rate before each of EPOCHS steps with the formula."""
    wrong = []
    for name, make, formula in CASES:
        optimizer = make_optimizer()
        scheduler = make(optimizer)
        for at in range(EPOCHS):
            got, wanted = optimizer.param_groups[0]["lr"], formula(at)
            last = scheduler.get_last_lr()[0]
            if not max(abs(got - wanted), abs(last - wanted)) <= LIMIT:
                wrong.append(f"{name} gives {got:.6g} after {at} steps, not {wanted:.6g}")
                break
            optimizer.step()
            if at < EPOCHS - 1:
                scheduler.step()
    return ReferenceComparison(len(CASES) + 1, (*wrong, *compare_plateau()))


def compare_plateau() -> list[str]:
    """Compare ReduceLROnPlateau: halved after more than 2 epochs without progress, then 1 waits."""
    optimizer = make_optimizer()
    scheduler = lr_scheduler.ReduceLROnPlateau(
        optimizer,
        factor=0.5,
        patience=2,
        threshold=0.1,
        threshold_mode="abs",
        cooldown=1,
        min_lr=0.06,
    )
    losses = [5.0, 4.0, 3.95, 3.95, 3.95, 3.95, 3.95, 3.95, 3.95, 3.0, *[3.0] * 8]
    wanted = [*[0.4] * 4, *[0.2] * 4, *[0.1] * 4, *[0.06] * 6]
    got = []
    for loss in losses:
        scheduler.step(loss)
        got.append(optimizer.param_groups[0]["lr"])
    return [] if got == wanted else [f"ReduceLROnPlateau gives {got}, not {wanted}"]
