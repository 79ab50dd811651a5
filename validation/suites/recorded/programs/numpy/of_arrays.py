"""Programs that compute with arrays of NumPy in each layout: functions, shapes, sets, matrices."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from .. import telling
from ..families import Family

np: Any = importlib.import_module("numpy")

LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "C": lambda array: array,
    "F": np.asfortranarray,
    "sliced": lambda array: np.repeat(array, 2, 0)[::2],
    "turned": lambda array: array[::-1, ::-1],
    "big": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "double": lambda array: array.astype("f8"),
    "bytes": lambda array: array.astype("i1"),
    "complex": lambda array: array + 1j,
    "dots": lambda array: array > 2,
}

UFUNCS = """
np.NAME.reduce(a, axis=1)
np.NAME.reduce(a, axis=None)
np.NAME.reduce(a, axis=(0, 1), keepdims=True)
np.NAME.reduce(a, axis=0, initial=2)
np.NAME.reduce(a, where=mask, initial=0)
np.NAME.reduce(a, axis=1, dtype="f8")
np.NAME.accumulate(a, 1)
np.NAME.outer(a[0], b[1, :3])
np.NAME.reduceat(a, [0, 2, 1], 1)
np.NAME(a, b, where=mask, out=np.zeros((4, 5), a.dtype))
add_at(np.NAME, a.copy(), b)
"""

REDUCTIONS = """
np.NAME(a)
np.NAME(a, 1)
np.NAME(a, axis=0, keepdims=True)
np.NAME(a, 1, where=mask)
"""

HOLES = """
np.NAME(np.where(mask, a, np.nan))
np.NAME(np.where(mask, a, np.nan), 1)
np.NAME(np.where(mask, a, np.nan)[:0])
np.NAME(np.where(mask, a, np.nan), axis=0, keepdims=True)
"""

METHODS = """
linear lower higher midpoint nearest hazen weibull median_unbiased inverted_cdf closest_observation
"""

FIGURES = """
np.percentile(a, [0, 50, 90], keepdims=True)
np.nanquantile(a, 0.3, 0)
np.quantile(a, 0.3, weights=np.abs(b) + 1, method="inverted_cdf", axis=1)
np.sort(a, axis=None)
np.sort(a, 0, kind="stable")
np.argsort(a, 1, kind="stable")
np.partition(a, 2)
np.lexsort((a[0], b[1]))
np.searchsorted(np.sort(a[0]), b[1], side="right")
np.average(a, weights=np.abs(b) + 1, axis=1, returned=True)
np.cov(a, b, ddof=0)
np.cov(a, rowvar=False, fweights=[1, 2, 1, 3])
np.corrcoef(a)
np.clip(a, -1, 3)
np.round(a, -1)
np.diff(a, 2, prepend=0)
np.gradient(a.astype("f8"), 2.0, edge_order=2)
np.require(a, "f8", ["F", "W"])
np.where(a > 1, a, b)
np.nonzero(a > 1)
np.take(a, [0, 9, -2], axis=1, mode="wrap")
np.kron(a[:2], b[:1])
np.cross(a[:, :3], b[:, :3])
np.trapezoid(a, dx=0.5)
np.tensordot(a, b, axes=1)
np.tensordot(a, b, axes=([1], [1]))
np.tensordot(a, b, axes=2)
"""

ORDERS = """
np.copy(a, order="KIND")
np.ravel(a, order="KIND")
np.array(a, order="KIND")
np.reshape(a, (2, 10), order="KIND")
"""

PRODUCTS = """
np.einsum("ij,kj->ik", a, b, optimize=WAY)
np.einsum("ij->ji", a, optimize=WAY)
np.einsum("ij,ij", a, b, optimize=WAY)
np.einsum("...j->...", a, optimize=WAY)
np.einsum("ij,kj,lj->ikl", a, b, a, optimize=WAY)
"""

COMPUTED = "\n".join(
    [
        telling.fill_lines(UFUNCS, NAME="add multiply maximum minimum subtract logical_or hypot"),
        telling.fill_lines(REDUCTIONS, NAME="sum mean std var prod min max argmax argmin cumsum"),
        telling.fill_lines(REDUCTIONS, NAME="cumprod all any ptp median"),
        telling.fill_lines(HOLES, NAME="nansum nanmean nanstd nanmedian nanmax nanargmin nanvar"),
        telling.fill_lines(HOLES, NAME="nancumsum nanprod"),
        telling.fill_lines('np.quantile(a, PART, 1, method="WAY")', PART="0.3 [0,.9]", WAY=METHODS),
        FIGURES,
        telling.fill_lines(ORDERS, KIND="C F A K"),
        telling.fill_lines(PRODUCTS, WAY="False True 'greedy'"),
    ]
)

PADS = """
np.pad(a, 2, "NAME")
np.pad(a, ((1, 2), (0, 7)), "NAME")
np.pad(a, 3, "NAME", stat_length=((1, 2), 3))
np.pad(a, 3, "NAME", reflect_type="odd")
"""

JOINS = """
np.NAME([a, a])
np.NAME([a, b])
"""

CUTS = """
np.NAME(a, 2, axis=0)
np.NAME(a, 2, axis=1)
np.NAME(a, [1, 3], axis=0)
np.NAME(a, [1, 3], axis=1)
"""

MOVES = """
np.pad(a, 2, constant_values=(3, 4))
np.pad(a, 2, "linear_ramp", end_values=((5, -4), (1, 2)))
np.concatenate([a, b], axis=None, dtype="c16")
np.concatenate([a, b], axis=1, dtype="c16")
np.stack([a, a], axis=-1)
np.tile(a, (2, 1, 2))
np.repeat(a, [1, 0, 2, 1], axis=0)
np.roll(a, (1, 2), axis=(0, 1))
np.rot90(a, 3)
np.flip(a, 1)
np.insert(a, [1, 3], 9, axis=1)
np.delete(a, slice(1, 3), axis=1)
np.append(a, b)
np.moveaxis(a[None], 0, -1)
"""

SETS = """
np.isin(flat, some)
np.isin(flat.real.astype("i4"), some.real.astype("i4"), invert=True, kind="sort")
np.isin(flat.real.astype("i4"), some.real.astype("i4"), kind="table")
np.union1d(flat, some)
np.intersect1d(flat, some, return_indices=True)
np.setdiff1d(flat, some)
np.setxor1d(flat, some)
np.unique_all(a)
np.unique_counts(a)
np.unique_inverse(a)
np.isclose(a, a + 1e-06, rtol=0, atol=1e-07)
np.allclose(a, a * np.nan, equal_nan=True)
np.array_equal(a, a.copy())
np.nan_to_num([np.nan, np.inf, -np.inf, 1], nan=2, posinf=9, neginf=-9)
"""

UNIQUES = """
np.unique(a, OPTIONS)
np.unique(np.where(a > 4, np.nan, a), OPTIONS)
"""

CHOICES = """
return_index=True return_inverse=True return_counts=True axis=1,return_inverse=True
axis=0,return_counts=True equal_nan=False
"""

COUNTS = """
np.histogram(whole, 4, density=True)
np.histogram(whole, 4, weights=whole + 4)
np.histogram(whole, 4, range=(0, 3))
np.histogram(whole, 4, range=(3, 0))
np.histogram(whole, [0, 1, 3, 9])
np.histogram2d(whole, whole[::-1], (3, 4))
np.histogram2d(whole, whole[::-1], (3, 4), density=True)
np.histogram2d(whole, whole[::-1], (3, 4), weights=whole)
np.histogram2d(whole, whole[::-1], (3, 4), range=[[0, 3], [-1, 4]])
np.histogramdd(whole.reshape(4, 5)[:, :3], (2, 3, 2), density=True)
np.bincount([1, 3, 1, 0], weights=[0.5, 1, 2, 3], minlength=6)
np.digitize(whole, [-1, 2, 4], right=True)
np.interp(whole, [0, 2, 5], [1, 0, 4], left=-1, right=7)
np.interp(whole * 50, [350, 10, 100, 200], [1, 5, 2, 8], period=360)
np.interp(whole * 50, [-10, 730, 100, 200], [1, 5, 2, 8], period=-360)
np.interp([1, 9], [4, 2, 7], [1j, 2, 3], period=5, left=3, right=4)
np.interp(1, [4, 2], [1, 2], period=0)
np.interp([], [0, 1], [0, 1]), np.interp(0.5, [0, 1], [0]), np.interp([0.5, np.nan], [0, 1], [3, 4])
"""

BINS = """
np.histogram(whole, "NAME")
np.histogram_bin_edges(whole, "NAME", range=(-2, 5))
"""

ARRANGED = "\n".join(
    [
        telling.fill_lines(PADS, NAME="constant edge linear_ramp maximum mean median minimum"),
        telling.fill_lines(PADS, NAME="reflect symmetric wrap wrong"),
        telling.fill_lines(JOINS, NAME="concatenate stack vstack hstack dstack column_stack block"),
        telling.fill_lines(CUTS, NAME="split array_split"),
        *(MOVES, SETS, COUNTS),
        telling.fill_lines(UNIQUES, OPTIONS=CHOICES),
        telling.fill_lines(BINS, NAME="auto fd doane scott stone rice sturges sqrt x"),
    ]
)

NORMS = """
lin.norm(a, ORDER)
lin.norm(a, ORDER, axis=1)
lin.norm(a, ORDER, axis=(0, 1), keepdims=True)
lin.cond(a, ORDER)
"""

MATRICES = """
lin.inv(a)
lin.inv(a[:3])
lin.inv(np.zeros((2, 2)))
lin.det(a)
lin.slogdet(a)
lin.matrix_rank(a)
lin.matrix_rank(a, tol=20)
lin.pinv(a)
lin.pinv(a[:, :2], rcond=0.5)
lin.matrix_power(a, 3)
lin.matrix_power(a, -2)
lin.solve(a, right[:, 0])
lin.solve(a, right)
lin.lstsq(a[:, :2], right, rcond=None)
lin.cholesky(sure)
lin.cholesky(sure, upper=True)
lin.eigvalsh(sure, UPLO="U")
lin.svdvals(a)
lin.svd(a, compute_uv=False)
lin.matrix_norm(a, ord=1)
lin.vector_norm(a, axis=1, ord=3)
lin.multi_dot([a, a[:, :2], a[:2]])
lin.vecdot(a, a, axis=0)
np.abs(lin.qr(a, "r"))
lin.qr(a, "x")
rebuild_pair(a, "reduced")
rebuild_pair(a[:, :2], "complete")
rebuild_values(a[:, :2])
rebuild_vectors(lin.eigh(sure))
rebuild_vectors(lin.eig(sure))
"""

SOLVED = MATRICES + telling.fill_lines(NORMS, ORDER="None 'fro' 'nuc' 1 -1 2 -2 np.inf -np.inf 3")


def make_array(layout: str = "C") -> Any:
    """Return small numbers in a layout, some of them the same."""
    return LAYOUTS[layout](((np.arange(20) * 7) % 11 - 3).reshape(4, 5).astype("f4"))


def add_at(ufunc: Any, into: Any, values: Any) -> Any:
    """Return an array after values were joined at places, one of them twice."""
    ufunc.at(into, ([0, 1, 0], [2, 2, 2]), values[1, :3])
    return into


def rebuild_pair(matrix: Any, mode: str) -> list[Any]:
    """Return a matrix made again of Q and R, and what is the same for all their signs."""
    q, r = np.linalg.qr(matrix, mode)
    return [q @ r, np.abs(r), q.shape]


def rebuild_values(matrix: Any) -> list[Any]:
    """Return a matrix made again of its singular values, and the shapes of all parts."""
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    return [u * s @ v, s, [each.shape for each in np.linalg.svd(matrix)]]


def rebuild_vectors(found: Any) -> list[Any]:
    """Return eigenvalues in order with the sizes of their vectors."""
    order = np.argsort(found[0].real)
    return [np.abs(found[0][order]), np.abs(found[1][:, order])]


def compute_with(layout: str) -> list[Any]:
    """Return what functions of NumPy give for arrays in a layout, with their options."""
    a = make_array(layout)
    return telling.play_lines(COMPUTED, np=np, a=a, b=a[:, ::-1], mask=np.abs(a) > 1, add_at=add_at)


def arrange(layout: str) -> list[Any]:
    """Return arrays after they were put together, padded, cut, and compared as sets."""
    a = make_array(layout)
    b = a[::-1, :4]
    parts = {"flat": a.ravel(), "some": b.ravel()[:5] + 1, "whole": a.real.astype("f8").ravel()}
    return telling.play_lines(ARRANGED, np=np, a=a, b=b, **parts)


def solve(layout: str) -> list[Any]:
    """Return what linear algebra gives for matrices in a layout."""
    a = make_array(layout)[:, :4].astype("c16" if layout == "complex" else "f8") + np.eye(4) * 9
    tools = (rebuild_pair, rebuild_values, rebuild_vectors)
    names = {each.__name__: each for each in tools}
    names |= {"lin": np.linalg, "a": a, "sure": a @ a.conj().T, "right": make_array()}
    return telling.play_lines(SOLVED, np=np, **names)


def use_arrays(name: str, layout: str) -> Any:
    """Return what functions of NumPy give for arrays in a layout."""
    makers = {"compute": compute_with, "arrange": arrange, "solve": solve}
    return telling.tell_exactly(makers[name](layout))


OF_ARRAYS = (
    Family(
        use_arrays,
        lambda: [f"'{n}','{k}'" for n in ("compute", "arrange", "solve") for k in LAYOUTS],
        lambda _: None,
    ),
)
