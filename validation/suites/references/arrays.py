"""NumPy's functions against definitions in plain Python."""

from __future__ import annotations

import bisect
import cmath
import itertools
import math
import random
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

VALUES, SHARES = 23, (0.0, 3.0, 10.0, 25.0, 40.0, 50.0, 61.5, 75.0, 90.0, 99.0, 100.0)
LIMIT = 1e-9

Values = Sequence[float]
Pair = tuple[str, Any, Any]
"""The name of a function, what NumPy gives, and what the definition gives."""


def find_array_faults() -> Iterator[str]:
    """Yield each function that gives something else than its definition."""
    source = random.Random(5)
    a = [source.uniform(-4, 9) for _ in range(VALUES)]
    b = [source.uniform(-4, 9) for _ in range(VALUES)]
    for pairs in (_iter_statistics(a, b), _iter_orders(a, b), _iter_sums(a, b), _iter_matrices(a)):
        for name, got, wanted in pairs:
            if problem := describe_difference(np.asarray(got), np.asarray(wanted), LIMIT):
                yield f"numpy.{name} {problem}"


def describe_difference(found: Any, right: Any, limit: float) -> str:
    """Return in which place two arrays differ most; an empty text if none does by `limit`."""
    if found.shape != right.shape:
        return f"gives the shape {found.shape}, not {right.shape}"
    if np.allclose(found, right, limit, limit):
        return ""
    at = int(np.abs(found - right).argmax())
    return f"gives {found.ravel()[at]:.6g} in place {at}, not {right.ravel()[at]:.6g}"


def take_share(ordered: Values, share: float) -> float:
    """Return the value below which `share` (0 to 1) of ordered values lies, on a straight line."""
    place = share * (len(ordered) - 1)
    low = min(math.floor(place), len(ordered) - 2)
    return ordered[low] + (place - low) * (ordered[low + 1] - ordered[low])


def _iter_statistics(a: Values, b: Values) -> Iterator[Pair]:
    ordered, shares = sorted(a), [share / 100 for share in SHARES]
    wanted = [take_share(ordered, share) for share in shares]
    yield "percentile", np.percentile(a, SHARES), wanted
    yield "quantile", np.quantile(a, shares), wanted
    yield "nanpercentile", np.nanpercentile([*a, math.nan], SHARES), wanted
    yield "median", np.median(a), statistics.median(a)
    yield "mean", np.mean(a), statistics.fmean(a)
    yield "average", np.average(a, weights=np.abs(b)), statistics.fmean(a, [*map(abs, b)])
    yield "var", np.var(a), statistics.pvariance(a)
    yield "std", np.std(a, ddof=1), statistics.stdev(a)
    yield "cov", np.cov(a, b)[0, 1], statistics.covariance(a, b)
    yield "corrcoef", np.corrcoef(a, b)[0, 1], statistics.correlation(a, b)
    line = statistics.linear_regression(a, b)
    yield "polyfit", np.polyfit(a, b, 1), [line.slope, line.intercept]


def _iter_orders(a: Values, b: Values) -> Iterator[Pair]:
    ordered, edges = sorted(a), [-4.0, -1.0, 2.0, 5.0, 9.0]
    places = sorted(range(VALUES), key=a.__getitem__)
    whole = [int(each) for each in a]
    yield "sort", np.sort(a), ordered
    yield "argsort", np.argsort(a), places
    yield "partition", np.partition(a, 7)[7], ordered[7]
    yield "searchsorted", np.searchsorted(ordered, b), [bisect.bisect_left(ordered, x) for x in b]
    yield "digitize", np.digitize(a, edges), [bisect.bisect_right(edges, x) for x in a]
    counts = [sum(low <= x < high for x in a) for low, high in itertools.pairwise(edges)]
    yield "histogram", np.histogram(a, edges)[0], counts
    yield "unique", np.unique(whole), sorted({*whole})
    each = [*map(abs, whole)]
    yield "bincount", np.bincount(each), [each.count(number) for number in range(max(each) + 1)]
    yield "interp", np.interp(a, edges, [0, 1, 4, 9, 16]), [join_points(x, edges) for x in a]
    yield "argmax", np.argmax(a), a.index(max(a))
    yield "clip", np.clip(a, 0, 5), [min(max(x, 0), 5) for x in a]
    yield "where", np.where(np.array(a) > b, a, b), [max(x, y) for x, y in zip(a, b, strict=True)]


def join_points(x: float, edges: Values) -> float:
    """Return the height at `x` of straight lines between the squares of the numbers of edges."""
    at = min(max(bisect.bisect_right(edges, x) - 1, 0), len(edges) - 2)
    share = (x - edges[at]) / (edges[at + 1] - edges[at])
    return float(at**2 + share * ((at + 1) ** 2 - at**2))


def _iter_sums(a: Values, b: Values) -> Iterator[Pair]:
    yield "sum", np.sum(a), math.fsum(a)
    yield "prod", np.prod(a), math.prod(a)
    yield "cumsum", np.cumsum(a), [*itertools.accumulate(a)]
    yield "diff", np.diff(a), [y - x for x, y in itertools.pairwise(a)]
    yield "dot", np.dot(a, b), math.sumprod(a, b) if hasattr(math, "sumprod") else _dot(a, b)
    yield "outer", np.outer(a, b), [[x * y for y in b] for x in a]
    kernel = b[:4]
    wide = [
        sum(a[at - k] * kernel[k] for k in range(4) if 0 <= at - k < VALUES) for at in range(26)
    ]
    yield "convolve", np.convolve(a, kernel), wide
    turned = [
        sum(x * cmath.exp(-2j * cmath.pi * at * k / VALUES) for k, x in enumerate(a))
        for at in range(VALUES)
    ]
    yield "fft.fft", np.fft.fft(a), turned
    yield "fft.irfft", np.fft.irfft(turned[: VALUES // 2 + 1], VALUES), a
    yield "exp", np.exp(a), [*map(math.exp, a)]
    yield "hypot", np.hypot(a, b), [*map(math.hypot, a, b)]
    yield "arctan2", np.arctan2(a, b), [*map(math.atan2, a, b)]
    yield "round", np.round(a, 1), [round(x, 1) for x in a]
    yield "mod", np.mod(a, 3), [x % 3 for x in a]
    yield "polyval", np.polyval(a[:4], 1.5), ((a[0] * 1.5 + a[1]) * 1.5 + a[2]) * 1.5 + a[3]
    means = [(a[1] - a[0]), *((a[at + 1] - a[at - 1]) / 2 for at in range(1, VALUES - 1))]
    yield "gradient", np.gradient(a), [*means, a[-1] - a[-2]]


def _dot(a: Values, b: Values) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def _iter_matrices(a: Values) -> Iterator[Pair]:
    rows = [[*a[at : at + 4]] for at in (0, 4, 8, 12)]
    matrix, right = np.array(rows), np.array(a[16:20])
    same = [[float(x == y) for y in range(4)] for x in range(4)]
    solved = np.linalg.solve(matrix, right)
    yield "linalg.solve", [_dot(row, solved.tolist()) for row in rows], right
    yield "linalg.det", np.linalg.det(matrix), sum_products(rows)
    yield "linalg.inv", _multiply(rows, np.linalg.inv(matrix).tolist()), same
    u, s, v = (each.tolist() for each in np.linalg.svd(matrix))
    scaled = [[value * scale for value, scale in zip(row, s, strict=True)] for row in u]
    yield "linalg.svd", _multiply(scaled, v), rows
    q, r = (each.tolist() for each in np.linalg.qr(matrix))
    yield "linalg.qr", _multiply(q, r), rows
    even = _multiply(rows, [*map(list, zip(*rows, strict=True))])
    values, vectors = np.linalg.eigh(even)
    found = vectors[:, 0].tolist()
    yield "linalg.eigh", [_dot(row, found) for row in even], [values[0] * x for x in found]
    low = np.linalg.cholesky(even).tolist()
    yield "linalg.cholesky", _multiply(low, [*map(list, zip(*low, strict=True))]), even
    yield "linalg.norm", np.linalg.norm(matrix), math.sqrt(math.fsum(x * x for x in a[:16]))
    yield "matmul", matrix @ matrix, _multiply(rows, rows)
    yield "einsum", np.einsum("ij,kj->ik", matrix, matrix), even
    yield "transpose", matrix.T, [*map(list, zip(*rows, strict=True))]


def _multiply(left: Sequence[Values], right: Sequence[Values]) -> list[list[float]]:
    columns = [*zip(*right, strict=True)]
    return [[_dot(row, column) for column in columns] for row in left]


def sum_products(rows: Sequence[Values]) -> float:
    """Return the determinant by its definition, over all orders of the columns."""
    total = 0.0
    for order in itertools.permutations(range(len(rows))):
        odd = sum(order[x] > order[y] for x, y in itertools.combinations(range(len(rows)), 2)) % 2
        total += (-1) ** odd * math.prod(rows[at][column] for at, column in enumerate(order))
    return total
