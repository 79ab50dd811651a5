"""Programs with functions of torch and methods of tensors that Python writes."""

from __future__ import annotations

from typing import Any

import torch

from .. import pool
from .families import Family
from .telling import attempt

SUMS = (
    *("ij,jk->ik", "ij,jk", "ii->i", "ii", "ij->ji", "...i,...i->...", "bij,bjk->bik", "i,j->ij"),
    *("ij,ij->", "bij->b", "...ij->...ji", "ij,kj->ik", "i,ij,j->", " i j , j k -> k i ", "ij->"),
    *("ii->", "ij,jk->il", "ij->ii", "i..j", "ab,bc,cd->ad", "i->", "...", "ij,jk->ik "),
)


def sum_products(place: int) -> Any:
    """Return the sums of an equation in both of its forms, with gradients, or what is refused."""
    equation = SUMS[place]
    generator = torch.Generator().manual_seed(4)
    left, _, _ = equation.partition("->")
    parts: list[torch.Tensor] = []
    for letters in left.split(","):
        size = len(letters.replace(" ", "").replace("...", "")) + ("..." in letters)
        parts.append(torch.rand(*(3,) * size, generator=generator).requires_grad_())
    results: list[Any] = [attempt(torch.einsum, equation, *parts)]
    results.append(attempt(torch.einsum, equation, parts))
    if isinstance(results[0], torch.Tensor):
        results.append(torch.autograd.grad(results[0].square().sum(), parts))
    places: list[Any] = []
    for each in parts:
        places += [each, [*range(each.dim())]]
    results.append(attempt(torch.einsum, *places, [0]))
    results.append(attempt(torch.einsum, *places))
    return results


def analyze_waves(n_fft: int = 32, **options: Any) -> Any:
    """Return the spectrum of waves with an option of each kind, and the waves from it."""
    wave = torch.sin(torch.arange(200.0) * 0.3) + torch.arange(200) / 400
    window = torch.hann_window(options.get("win_length") or n_fft)
    results: list[Any] = []
    for batch in (wave, torch.stack([wave, wave.flip(0) * 0.1])):
        for own in (window, None):
            back = {k: v for k, v in options.items() if k not in ("pad_mode", "align_to_window")}
            given = attempt(torch.stft, batch, n_fft, window=own, return_complex=True, **options)
            results.append(given)
            if not isinstance(given, torch.Tensor):
                continue
            results.append(attempt(torch.istft, given, n_fft, window=own, **back))
            results.append(attempt(torch.istft, given, n_fft, window=own, length=150, **back))
            results.append(attempt(batch.stft, n_fft, window=own, return_complex=True, **options))
    results.append(attempt(torch.stft, wave, n_fft))
    results.append(torch.view_as_real(results[0]) if isinstance(results[0], torch.Tensor) else None)
    return [each if not isinstance(each, torch.Tensor) else shrink(each) for each in results]


def shrink(given: torch.Tensor) -> Any:
    """Return the shape of a tensor and a few sums of it."""
    plain = torch.view_as_real(given) if given.is_complex() else given
    return [given.shape, plain.std(), plain.abs().mean(), plain.flatten()[3::41]]


OF_WAVES: dict[str, Any] = {
    **{"hop_length": None, "win_length": 24, "center": True, "pad_mode": "reflect"},
    **{"normalized": False, "onesided": True},
}


def call_norm(rows: Any, volume: Any) -> Any:
    """Return the results of one kind."""
    return [
        attempt(torch.norm, value, power, axis, keep, dtype=kind)
        for value in (volume, rows)
        for power in ("fro", "nuc", 1, 2.5, float("inf"), float("-inf"), 0, "none")
        for axis, keep, kind in (
            (None, False, None),
            (1, True, None),
            ((0, 1), False, torch.float64),
        )
    ]


def call_cdist(other: Any, rows: Any) -> Any:
    """Return the results of one kind."""
    return [
        attempt(torch.cdist, rows, other, power, mode)
        for power in (0.0, 1.0, 2.0, 2.5, float("inf"), -1.0)
        for mode in ("use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist", "none")
    ]


def call_unique(numbers: Any, table: Any) -> Any:
    """Return the results of one kind."""
    return [
        attempt(
            function,
            value,
            **{**first, "return_inverse": inverse, "return_counts": counts, "dim": axis},
        )
        for value, axes in ((numbers, (None, 0)), (table, (None, 0, 1)))
        for axis in axes
        for inverse in (False, True)
        for counts in (False, True)
        for function, first in ((torch.unique, {"sorted": True}), (torch.unique_consecutive, {}))
    ]


def call_meshgrid(other: Any, rows: Any, numbers: Any) -> Any:
    """Return the results of one kind."""
    return [
        attempt(torch.meshgrid, *given, indexing=way)
        for given in ((rows[0], other[0, :2]), ([rows[0], other[0, :2]],), (rows[0],))
        for way in ("ij", "xy", "none")
    ] + [torch.cartesian_prod(rows[0], other[0, :2]), torch.cartesian_prod(numbers)]


def call_split(other: Any, rows: Any, numbers: Any, square: Any) -> Any:
    """Return the results of one kind."""
    return (
        [
            attempt(torch.split, rows, each, axis)
            for each in (1, 2, 3, [1, 3], [2, 2], [1, 1], 0)
            for axis in (0, 1, -2)
        ]
        + [
            torch.broadcast_tensors(rows, other[0], torch.ones(1)),
            torch.broadcast_shapes((3, 1), 4),
        ]
        + [attempt(torch.broadcast_shapes, (3,), (4,)), torch.atleast_1d(torch.tensor(1.0), rows)]
        + [
            torch.atleast_2d(rows[0]),
            torch.atleast_3d([rows, rows[0]]),
            torch.block_diag(rows, other[0]),
        ]
        + [attempt(torch.tensordot, rows, other, dims) for dims in (2, 0, ([1], [1]), -1, 3)]
        + [
            torch.chain_matmul(rows, square, square),
            torch.lu(square),
            torch.lu(square, get_infos=True),
        ]
        + [attempt(torch.lu, square, False), torch.unravel_index(numbers, (2, 3))]
    )


def call_functions(kind: str) -> Any:
    """Return what functions that Python writes give with their options."""
    rows, other = pool.make_value("$x"), pool.make_value("$x2")
    volume, numbers = pool.make_value("$sequence"), torch.tensor([3, 1, 1, 2, 3, 3])
    table, square = torch.tensor([[1, 0], [1, 0], [0, 2]]), pool.make_value("$square")
    calls: dict[str, Any] = {
        "norm": lambda: call_norm(rows, volume),
        "cdist": lambda: call_cdist(other, rows),
        "unique": lambda: call_unique(numbers, table),
        "meshgrid": lambda: call_meshgrid(other, rows, numbers),
        "split": lambda: call_split(other, rows, numbers, square),
    }
    return calls[kind]()


OF_FUNCTIONS = (
    Family(sum_products, lambda: [f"place={each}" for each in range(len(SUMS))], lambda _: {}),
    Family(
        analyze_waves,
        lambda: ["", "pad_mode='constant'", "onesided=False,normalized=True", "hop_length=5"],
        lambda _: OF_WAVES,
    ),
    Family(call_functions, lambda: ["norm", "cdist", "unique", "meshgrid", "split"], lambda _: {}),
)
