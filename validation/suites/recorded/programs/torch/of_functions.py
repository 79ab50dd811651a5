"""Programs with functions of torch and methods of tensors that Python writes."""

from __future__ import annotations

from typing import Any

import torch

from ... import pool
from ..families import Family
from ..telling import attempt

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
    back = {k: v for k, v in options.items() if k not in ("pad_mode", "align_to_window")}
    results: list[Any] = [attempt(torch.stft, wave, n_fft)]
    for batch in (wave, torch.stack([wave, wave.flip(0) * 0.1])):
        for own in (window, None):
            given = attempt(torch.stft, batch, n_fft, window=own, return_complex=True, **options)
            results += [given, attempt(torch.istft, given, n_fft, window=own, **back)]
            results.append(attempt(torch.istft, given, n_fft, window=own, length=150, **back))
    return results


def take_norms(rows: Any, _: Any) -> Any:
    """Return norms of each kind, along axes and of all."""
    axes: tuple[Any, ...] = ((None, False, None), (1, True, None), ((0, 1), False, torch.float64))
    return [
        attempt(torch.norm, value, power, axis, keep, dtype=kind)
        for value in (pool.make_value("$sequence"), rows)
        for power in ("fro", "nuc", 1, 2.5, float("inf"), float("-inf"), 0, "none")
        for axis, keep, kind in axes
    ]


def take_distances(rows: Any, other: Any) -> Any:
    """Return distances of each kind."""
    return [
        attempt(torch.cdist, rows, other, power, mode)
        for power in (0.0, 1.0, 2.0, 2.5, float("inf"), -1.0)
        for mode in ("use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist", "none")
    ]


def find_unique(*_: Any) -> Any:
    """Return the different numbers and rows, with their places and counts."""
    numbers, table = torch.tensor([3, 1, 1, 2, 3, 3]), torch.tensor([[1, 0], [1, 0], [0, 2]])
    return [
        attempt(find, value, return_inverse=inverse, return_counts=counts, dim=axis)
        for value, axes in ((numbers, (None, 0)), (table, (None, 0, 1)))
        for axis in axes
        for inverse in (False, True)
        for counts in (False, True)
        for find in (torch.unique, torch.unique_consecutive)
    ]


def make_grids(rows: Any, other: Any) -> Any:
    """Return grids and products of places."""
    first, second = rows[0], other[0, :2]
    return [
        *(
            attempt(torch.meshgrid, *given, indexing=way)
            for given in ((first, second), ([first, second],), (first,))
            for way in ("ij", "xy", "none")
        ),
        *(torch.cartesian_prod(first, second), torch.cartesian_prod(first)),
    ]


def split_and_join(rows: Any, other: Any) -> Any:
    """Return parts of tensors, and tensors of joined shapes."""
    one = torch.tensor(1.0)
    return [
        *(
            attempt(torch.split, rows, each, axis)
            for each in (1, 2, 3, [1, 3], [2, 2], [1, 1], 0)
            for axis in (0, 1, -2)
        ),
        *(attempt(torch.tensordot, rows, other, dims) for dims in (2, 0, ([1], [1]), -1, 3)),
        *(
            torch.broadcast_tensors(rows, other[0], torch.ones(1)),
            torch.broadcast_shapes((3, 1), 4),
        ),
        *(attempt(torch.broadcast_shapes, (3,), (4,))),
        torch.block_diag(rows, other[0]),
        *(torch.atleast_1d(one, rows), torch.atleast_2d(rows[0]), torch.atleast_3d([rows, one])),
        torch.unravel_index(torch.tensor([3, 1, 2]), (2, 3)),
    ]


FUNCTIONS: dict[str, Any] = {
    **{"norm": take_norms, "cdist": take_distances, "unique": find_unique},
    **{"meshgrid": make_grids, "split": split_and_join},
}


OF_WAVES: dict[str, Any] = {
    **{"hop_length": None, "win_length": 24, "center": True, "pad_mode": "reflect"},
    **{"normalized": False, "onesided": True},
}


def call_functions(kind: str) -> Any:
    """Return what functions that Python writes give with their options."""
    return FUNCTIONS[kind](pool.make_value("$x"), pool.make_value("$x2"))


OF_FUNCTIONS = (
    Family(sum_products, lambda: [f"place={each}" for each in range(len(SUMS))], lambda _: {}),
    Family(
        analyze_waves,
        lambda: ["", "pad_mode='constant'", "onesided=False,normalized=True", "hop_length=5"],
        lambda _: OF_WAVES,
    ),
    Family(call_functions, lambda: [*FUNCTIONS], lambda _: {}),
)
