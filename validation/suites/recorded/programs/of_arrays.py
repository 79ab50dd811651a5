"""Programs with arrays of NumPy: files, masks, polynomials, records, texts, and layouts."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import telling

np: Any = importlib.import_module("numpy")


"""Without its types, for wrong values are given, too."""


Calls = list[tuple[Any, tuple[Any, ...], dict[str, Any]]]


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


def make_array(layout: str = "C") -> Any:
    """Return small numbers in a layout, some of them the same."""
    return LAYOUTS[layout](((np.arange(20) * 7) % 11 - 3).reshape(4, 5).astype("f4"))


def tell_each(calls: list[tuple[Any, tuple[Any, ...], dict[str, Any]]]) -> list[Any]:
    """Return what each call gives; arrays of whole numbers exactly."""
    rows = [telling.tell_exactly(telling.attempt(f, *v, **o)) for f, v, o in calls]
    return telling.split_rows(rows)


def compute_with(layout: str) -> list[Any]:
    """Return what functions of NumPy give for arrays in a layout, with their options."""
    a, b = (make_array(layout), make_array(layout)[:, ::-1])
    ufuncs: list[Any] = [
        np.add,
        np.multiply,
        np.maximum,
        np.minimum,
        np.subtract,
        np.logical_or,
        np.hypot,
    ]
    mask = np.abs(a) > 1
    calls: Calls = []
    extend_compute_with_1(a, b, calls, mask, ufuncs)
    extend_compute_with_2(a, calls, mask)
    extend_compute_with_3(a, calls, mask)
    extend_compute_with_4(a, b, calls)
    extend_compute_with_5(a, b, calls)
    extend_compute_with_6(a, b, calls)
    return tell_each(calls)


def extend_compute_with_1(a: Any, b: Any, calls: Any, mask: Any, ufuncs: Any) -> None:
    """Add more results to those of `compute_with`."""
    for f in ufuncs:
        for options in (
            {"axis": 1},
            {"axis": None},
            {"axis": (0, 1), "keepdims": True},
            {"axis": 0, "initial": 2},
            {"where": mask, "initial": 0},
            {"axis": 1, "dtype": "f8"},
        ):
            calls.append((f.reduce, (a,), options))
        calls += [
            (f.accumulate, (a, 1), {}),
            (f.outer, (a[0], b[1, :3]), {}),
            (f.reduceat, (a, [0, 2, 1], 1), {}),
        ]
        calls += [
            (f, (a, b), {"where": mask, "out": np.zeros((4, 5), a.dtype)}),
            (add_at, (f, a.copy(), b), {}),
        ]


def extend_compute_with_2(a: Any, calls: Any, mask: Any) -> None:
    """Add more results to those of `compute_with`."""
    for name in (
        "sum",
        "mean",
        "std",
        "var",
        "prod",
        "min",
        "max",
        "argmax",
        "argmin",
        "cumsum",
        "cumprod",
        "all",
        "any",
        "ptp",
        "median",
    ):
        f = getattr(np, name)
        calls += [
            (f, (a,), {}),
            (f, (a, 1), {}),
            (f, (a,), {"axis": 0, "keepdims": True}),
            (f, (a, 1), {"where": mask}),
        ]


def extend_compute_with_3(a: Any, calls: Any, mask: Any) -> None:
    """Add more results to those of `compute_with`."""
    for name in (
        "nansum",
        "nanmean",
        "nanstd",
        "nanmedian",
        "nanmax",
        "nanargmin",
        "nancumsum",
        "nanprod",
        "nanvar",
    ):
        f, holes = (getattr(np, name), np.where(mask, a, np.nan))
        calls += [
            (f, (holes,), {}),
            (f, (holes, 1), {}),
            (f, (holes[:0],), {}),
            (f, (holes,), {"axis": 0, "keepdims": True}),
        ]


def extend_compute_with_4(a: Any, b: Any, calls: Any) -> None:
    """Add more results to those of `compute_with`."""
    for q in (0.3, [0.0, 0.5, 0.9]):
        for method in (
            "linear",
            "lower",
            "higher",
            "midpoint",
            "nearest",
            "hazen",
            "weibull",
            "median_unbiased",
            "inverted_cdf",
            "closest_observation",
        ):
            calls.append((np.quantile, (a, q), {"axis": 1, "method": method}))
        calls += [
            (np.percentile, (a, np.multiply(q, 100)), {"keepdims": True}),
            (np.nanquantile, (a, q, 0), {}),
        ]
        calls += [
            (np.quantile, (a, q), {"weights": np.abs(b) + 1, "method": "inverted_cdf", "axis": 1})
        ]
    for kind in ("quicksort", "stable"):
        calls += [
            (np.sort, (a,), {"axis": None, "kind": kind}),
            (np.argsort, (a, 1), {"kind": "stable"}),
        ]


def extend_compute_with_5(a: Any, b: Any, calls: Any) -> None:
    """Add more results to those of `compute_with`."""
    calls += [
        (np.partition, (a, 2), {}),
        (np.lexsort, ((a[0], b[1]),), {}),
        (np.searchsorted, (np.sort(a[0]), b[1]), {"side": "right"}),
    ]
    calls += [
        (np.average, (a,), {"weights": np.abs(b) + 1, "axis": 1, "returned": True}),
        (np.cov, (a, b), {"ddof": 0}),
        (np.cov, (a,), {"rowvar": False, "fweights": [1, 2, 1, 3]}),
    ]
    calls += [
        (np.corrcoef, (a,), {}),
        (np.clip, (a, -1, 3), {}),
        (np.round, (a, -1), {}),
        (np.diff, (a, 2), {"prepend": 0}),
        (np.gradient, (a.astype("f8"), 2.0), {"edge_order": 2}),
    ]
    calls += [
        (f, (a,), {"order": order}) for f in (np.copy, np.ravel, np.array) for order in "CFAK"
    ]
    calls += [(np.reshape, (a, (2, 10)), {"order": order}) for order in "CFA"] + [
        (np.require, (a, "f8", ["F", "W"]), {})
    ]


def extend_compute_with_6(a: Any, b: Any, calls: Any) -> None:
    """Add more results to those of `compute_with`."""
    calls += [
        (np.where, (a > 1, a, b), {}),
        (np.nonzero, (a > 1,), {}),
        (np.take, (a, [0, 9, -2]), {"axis": 1, "mode": "wrap"}),
        (np.choose, ([0, 1, 1, 0, 3], a), {"mode": "clip"}),
    ]
    calls += [
        (np.einsum, (text, *given), {"optimize": way})
        for text, given in (
            ("ij,kj->ik", (a, b)),
            ("ij->ji", (a,)),
            ("ij,ij", (a, b)),
            ("...j->...", (a,)),
            ("ij,kj,lj->ikl", (a, b, a)),
        )
        for way in (False, True, "greedy")
    ]
    calls += [
        (np.tensordot, (a, b), {"axes": axes}) for axes in (1, ([1], [1]), 2, ([0, 1], [0, 1]))
    ] + [
        (np.kron, (a[:2], b[:1]), {}),
        (np.cross, (a[:, :3], b[:, :3]), {}),
        (np.trapezoid, (a,), {"dx": 0.5}),
    ]


def add_at(ufunc: Any, into: Any, values: Any) -> Any:
    """Return an array after values were joined at places, one of them twice."""
    ufunc.at(into, ([0, 1, 0], [2, 2, 2]), values[1, :3])
    return into


ARRANGE_CASES_1: Any = (
    {},
    {"return_index": True},
    {"return_inverse": True},
    {"return_counts": True},
    {"axis": 1, "return_inverse": True},
    {"axis": 0, "return_counts": True},
    {"equal_nan": False},
    {"sorted": True},
)


def arrange(layout: str) -> list[Any]:
    """Return arrays after they were put together, padded, cut, and compared as sets."""
    a, b = (make_array(layout), make_array(layout)[::-1, :4])
    calls: Calls = []
    for mode in (
        "constant",
        "edge",
        "linear_ramp",
        "maximum",
        "mean",
        "median",
        "minimum",
        "reflect",
        "symmetric",
        "wrap",
        "empty!",
    ):
        calls += [(np.pad, (a, 2, mode), {}), (np.pad, (a, ((1, 2), (0, 7)), mode), {})]
    calls += [
        (np.pad, (a, 2, "constant"), {"constant_values": (3, 4)}),
        (np.pad, (a, 2, "linear_ramp"), {"end_values": ((5, -4), (1, 2))}),
    ]
    calls += [
        (np.pad, (a, 3, mode), {"stat_length": ((1, 2), 3)})
        for mode in ("mean", "maximum", "median")
    ]
    calls += [(np.pad, (a, 3, mode), {"reflect_type": "odd"}) for mode in ("reflect", "symmetric")]
    flat, some = extend_arrange_1(a, b, calls)
    extend_arrange_2(a, calls, flat, some)
    whole = extend_arrange_3(a, calls)
    extend_arrange_4(a, calls, whole)
    return tell_each(calls)


def extend_arrange_1(a: Any, b: Any, calls: Any) -> Any:
    """Add more results to those of `arrange`, and return what they are made with."""
    for name in ("concatenate", "stack", "vstack", "hstack", "dstack", "column_stack", "block"):
        calls += [(getattr(np, name), ([a, a],), {}), (getattr(np, name), ([a, b],), {})]
    calls += [(np.concatenate, ([a, b],), {"axis": axis, "dtype": "c16"}) for axis in (None, 1)] + [
        (np.stack, ([a, a],), {"axis": -1})
    ]
    calls += [
        (f, (a, n), {"axis": axis})
        for f in (np.split, np.array_split)
        for n in (2, [1, 3])
        for axis in (0, 1)
    ]
    calls += [
        (np.tile, (a, (2, 1, 2)), {}),
        (np.repeat, (a, [1, 0, 2, 1]), {"axis": 0}),
        (np.roll, (a, (1, 2)), {"axis": (0, 1)}),
        (np.rot90, (a, 3), {}),
        (np.flip, (a, 1), {}),
    ]
    calls += [
        (np.insert, (a, [1, 3], 9), {"axis": 1}),
        (np.delete, (a, slice(1, 3)), {"axis": 1}),
        (np.append, (a, b), {}),
        (np.moveaxis, (a[None], 0, -1), {}),
        (np.resize, (a, (3, 9)), {}),
    ]
    flat, some = (a.ravel(), b.ravel()[:5] + 1)
    return flat, some


def extend_arrange_2(a: Any, calls: Any, flat: Any, some: Any) -> None:
    """Add more results to those of `arrange`."""
    for invert in (False, True):
        for kind in (None, "sort", "table"):
            calls.append(
                (
                    np.isin,
                    (flat.real.astype("i4"), some.real.astype("i4")),
                    {"invert": invert, "kind": kind},
                )
            )
        calls.append((np.isin, (flat, some), {"invert": invert}))
    sets: list[Any] = [np.union1d, np.intersect1d, np.setdiff1d, np.setxor1d]
    calls += [(f, (flat, some), {}) for f in sets] + [
        (np.intersect1d, (flat, some), {"return_indices": True})
    ]
    for options in ARRANGE_CASES_1:
        calls += [(np.unique, (np.where(a > 4, np.nan, a),), options), (np.unique, (a,), options)]
    calls += [
        (getattr(np, name), (a,), {})
        for name in ("unique_all", "unique_counts", "unique_inverse", "unique_values")
    ]


def extend_arrange_3(a: Any, calls: Any) -> Any:
    """Add more results to those of `arrange`, and return what they are made with."""
    for bins in (
        4,
        [0, 1, 3, 9],
        "auto",
        "fd",
        "doane",
        "scott",
        "stone",
        "rice",
        "sturges",
        "sqrt",
        "x",
    ):
        calls += [
            (np.histogram, (a.real.astype("f8"), bins), {}),
            (np.histogram_bin_edges, (a.real.astype("f8"), bins), {"range": (-2, 5)}),
        ]
    whole = a.real.astype("f8").ravel()
    calls += [
        (np.histogram, (whole, 4), o)
        for o in ({"density": True}, {"weights": whole + 4}, {"range": (0, 3)}, {"range": (3, 0)})
    ]
    calls += [
        (np.histogram2d, (whole, whole[::-1], (3, 4)), o)
        for o in ({}, {"density": True}, {"weights": whole}, {"range": [[0, 3], [-1, 4]]})
    ]
    return whole


def extend_arrange_4(a: Any, calls: Any, whole: Any) -> None:
    """Add more results to those of `arrange`."""
    calls += [
        (np.histogramdd, (a.real.astype("f8")[:, :3], (2, 3, 2)), o)
        for o in ({}, {"density": True})
    ]
    calls += [
        (np.bincount, ([1, 3, 1, 0],), {"weights": [0.5, 1, 2, 3], "minlength": 6}),
        (np.digitize, (whole, [-1, 2, 4]), {"right": True}),
    ]
    calls += [
        (
            np.nan_to_num,
            (np.array([np.nan, np.inf, -np.inf, 1]),),
            {"nan": 2, "posinf": 9, "neginf": -9},
        ),
        (np.interp, (whole, [0, 2, 5], [1, 0, 4]), {"left": -1, "right": 7, "period": None}),
    ]
    calls += [
        (np.isclose, (a, a + 1e-06), {"rtol": 0, "atol": 1e-07}),
        (np.allclose, (a, a * np.nan), {"equal_nan": True}),
        (np.array_equal, (a, a.copy()), {}),
        (np.vander, (whole[:3], 4), {"increasing": True}),
        (np.tri, (3, 4, 1), {}),
    ]


def solve(layout: str) -> list[Any]:
    """Return what linear algebra gives for matrices in a layout."""
    a = make_array(layout)[:, :4].astype("c16" if layout == "complex" else "f8") + np.eye(4) * 9
    lin, sure = (np.linalg, a @ a.conj().T)
    calls: Calls = [
        (f, (a,), {}) for f in (lin.inv, lin.det, lin.slogdet, lin.cond, lin.matrix_rank, lin.pinv)
    ]
    calls += [
        (lin.norm, (a, order), o)
        for order in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf, 3)
        for o in ({}, {"axis": 1}, {"axis": (0, 1), "keepdims": True})
    ]
    calls += [(lin.cond, (a, p), {}) for p in ("fro", 1, -2, np.inf)] + [
        (lin.matrix_power, (a, n), {}) for n in (0, 3, -2, 5)
    ]
    calls += [
        (lin.solve, (a, make_array()[:, 0]), {}),
        (lin.solve, (a, make_array()), {}),
        (lin.lstsq, (a[:, :2], make_array()), {"rcond": None}),
        (lin.cholesky, (sure,), {}),
        (lin.cholesky, (sure,), {"upper": True}),
    ]
    extend_solve_1(a, calls, lin, sure)
    return tell_each(calls)


def extend_solve_1(a: Any, calls: Any, lin: Any, sure: Any) -> None:
    """Add more results to those of `solve`."""
    calls += [
        (lin.eigvalsh, (sure,), {"UPLO": "U"}),
        (lin.svdvals, (a,), {}),
        (lin.svd, (a,), {"compute_uv": False}),
        (lin.matrix_norm, (a,), {"ord": 1}),
        (lin.vector_norm, (a,), {"axis": 1, "ord": 3}),
    ]
    calls += [
        (lin.pinv, (a[:, :2],), {"rcond": 0.5}),
        (lin.matrix_rank, (a,), {"tol": 20}),
        (lin.multi_dot, ([a, a[:, :2], a[:2]],), {}),
        (lin.tensorsolve, (a.reshape(2, 2, 4), a[0, :4].reshape(2, 2)), {}),
        (lin.inv, (a[:3],), {}),
    ]
    calls += [
        (lin.inv, (np.zeros((2, 2)),), {}),
        (lin.cross, (a[:, :3], a[:, 1:]), {}),
        (lin.diagonal, (a,), {"offset": 1}),
        (lin.trace, (a,), {"offset": -1}),
        (lin.outer, (a[0], a[1]), {}),
        (lin.vecdot, (a, a), {"axis": 0}),
    ]
    calls += [(rebuild, (kind, a), {}) for kind in ("qr", "svd", "eigh", "eig")] + [
        (lin.qr, (a, mode), {}) for mode in ("r", "x")
    ]


def rebuild(kind: str, matrix: Any) -> Any:
    """Return a matrix made again of its parts, and what is the same for all signs of these."""
    if kind == "qr":
        parts = [
            np.linalg.qr(each, mode)
            for each in (matrix, matrix[:, :2])
            for mode in ("reduced", "complete")
        ]
        return [[q @ r, np.abs(r), q.shape] for q, r in parts]
    if kind == "svd":
        u, s, v = np.linalg.svd(matrix[:, :2], full_matrices=False)
        return [u * s @ v, s, [each.shape for each in np.linalg.svd(matrix[:, :2])]]
    values, vectors = getattr(np.linalg, kind)(matrix @ matrix.conj().T)
    order = np.argsort(values.real)
    return [
        np.abs(values[order]),
        np.abs(vectors[:, order]),
        np.linalg.eigvalsh(matrix @ matrix.conj().T),
    ]


def use_polynomial(name: str) -> list[Any]:
    """Return what the methods of a class of polynomials give."""
    kind = getattr(np.polynomial, name)
    one, two = (kind([1.0, -2, 0.5, 3], window=[-1, 2]), kind([2.0, 1], window=[-1, 2]))
    x = np.linspace(-0.8, 1.4, 6)
    rows: list[Any] = [
        one(x),
        (one + two).coef,
        (one - 2).coef,
        (one * two).coef,
        (one**2).coef,
        (-one).coef,
        (2 - one).coef,
    ]
    steps: list[Callable[[], Any]] = [
        *(
            lambda: (one // two).coef,
            lambda: (one % two).coef,
            lambda: [p.coef for p in divmod(one, two)],
            lambda: (one / 2).coef,
        ),
        *(
            lambda: (one / two).coef,
            lambda: one.deriv(2).coef,
            lambda: one.integ(2, [1, 2], lbnd=0.5).coef,
            lambda: np.sort_complex(one.roots()),
        ),
    ]
    extend_use_polynomial_1(kind, one, steps, two)
    extend_use_polynomial_2(kind, one, steps, two, x)
    extend_use_polynomial_3(kind, one, steps)
    c2, module, short = extend_use_polynomial_4(name, kind, one, steps)
    extend_use_polynomial_5((rows, steps, x, c2, module, short))
    extend_use_polynomial_6(rows, steps)
    return telling.split_rows([telling.tell_exactly(each) for each in rows])


def extend_use_polynomial_1(kind: Any, one: Any, steps: Any, two: Any) -> None:
    """Add more results to those of `use_polynomial`."""
    steps += [
        *(
            one.degree,
            lambda: one.cutdeg(2).coef,
            lambda: kind([1, 2, 1e-09]).trim(1e-05).coef,
            lambda: one.truncate(2).coef,
        )
    ]
    steps += [
        *(
            lambda: one.linspace(4, [0, 2]),
            one.mapparms,
            lambda: one.copy() == one,
            lambda: one != two,
            lambda: len(one),
            lambda: [*one],
        ),
        *(
            lambda: one.has_samecoef(two),
            lambda: one.has_samedomain(two),
            lambda: one.has_samewindow(two),
            lambda: one.has_sametype(3),
        ),
    ]


def extend_use_polynomial_2(kind: Any, one: Any, steps: Any, two: Any, x: Any) -> None:
    """Add more results to those of `use_polynomial`."""
    steps += [
        *(
            lambda: one.convert(domain=[0, 3], window=[-1, 1]).coef,
            lambda: one.convert(kind=np.polynomial.Chebyshev).coef,
            lambda: kind.cast(two, [0, 1]).coef,
        )
    ]
    steps += [
        *(
            lambda: kind.fit(x, x**3 - x, 3).convert().coef,
            lambda: kind.fit(x, x**2, [0, 2], w=x + 2, window=[0, 1]).coef,
            lambda: kind.fit(x, x, 2, full=True)[1][0],
        ),
        *(
            lambda: kind.fromroots([0.5, -1, 2], domain=[]).coef,
            lambda: kind.fromroots([1, 2], [0, 3]).coef,
            lambda: kind.identity([0, 4]).coef,
            lambda: kind.basis(3, [0, 4])(x),
        ),
    ]


def extend_use_polynomial_3(kind: Any, one: Any, steps: Any) -> None:
    """Add more results to those of `use_polynomial`."""
    steps += [
        *(
            lambda: str(one),
            lambda: repr(one),
            lambda: f"{one:unicode}",
            lambda: f"{one:ascii}",
            lambda: kind([1, 2], symbol="z")._repr_latex_(),
            lambda: str(kind([-1, 0, 1j])),
        )
    ]
    steps += [
        *(
            lambda: kind([1, 2], symbol="z") + one,
            lambda: one + kind([1], domain=[0, 1]),
            lambda: kind([1], symbol="3"),
            lambda: kind([[1]]),
            lambda: one ** (-1),
            lambda: one**1.5,
        )
    ]


def extend_use_polynomial_4(name: Any, kind: Any, one: Any, steps: Any) -> Any:
    """Add more results to those of `use_polynomial`, and return what they are made with."""
    steps += [
        *(
            lambda: one.__pow__(101),
            lambda: kind.interpolate(np.cos, 3).coef,
            lambda: one.astype(int),
            lambda: np.add(one, 1),
            lambda: hash(one),
            lambda: [1, 2] * one,
        )
    ]
    module = getattr(np.polynomial, name.lower().replace("hermitee", "hermite_e"))
    short = {
        "Polynomial": "poly",
        "Chebyshev": "cheb",
        "Legendre": "leg",
        "Laguerre": "lag",
        "Hermite": "herm",
        "HermiteE": "herme",
    }[name]
    c2 = np.arange(12.0).reshape(3, 4)
    return c2, module, short


def extend_use_polynomial_5(given: Any) -> None:
    """Add more results to those of `use_polynomial`."""
    rows, steps, x, c2, module, short = given
    for end, values in (
        ("val2d", (x, x, c2)),
        ("grid2d", (x[:2], x[:3], c2)),
        ("val3d", (x, x, x, c2[None])),
        ("grid3d", (x[:2], x[:2], x[:2], c2[None])),
        ("vander", (x, 3)),
        ("vander2d", (x, x, [1, 2])),
        ("vander3d", (x, x, x, [1, 0, 2])),
        ("companion", ([1, 2, 3, 4],)),
        ("fromroots", ([1, -1, 0],)),
        ("line", (2, 3)),
        ("mulx", ([1, 2, 3],)),
        ("gauss", (4,)),
        ("weight", (np.abs(x) / 2,)),
        ("int", (c2,)),
        ("der", (c2,)),
        ("pow", ([1, 2], 3)),
        ("add", ([1, 2], [3])),
        ("sub", ([1], [3, 4])),
    ):
        rows.append(telling.attempt(getattr(module, f"{short}{end}", len), *values))
    steps += [
        lambda: getattr(module, f"{short}int")(c2, 2, [1, 2], 0.5, 3, 1),
        lambda: getattr(module, f"{short}der")(c2, 2, 3, 1),
        lambda: getattr(module, f"{short}val")(x, c2),
    ]


def extend_use_polynomial_6(rows: Any, steps: Any) -> None:
    """Add more results to those of `use_polynomial`."""
    rows += [telling.attempt(step) for step in steps]


WRITE_TABLES_CASES_2: Any = (
    {},
    {"fmt": "%d"},
    {"fmt": ["%.2f"] * 5, "delimiter": ";"},
    {"header": "a b\nc", "footer": "end", "comments": "% "},
    {"newline": "|"},
    {"fmt": "%.1f %.2f %d %d %s"},
    {"fmt": "%d %d"},
    {"encoding": "utf-8", "fmt": "%10.3e"},
)


WRITE_TABLES_CASES_3: Any = (
    {"skiprows": 2},
    {"delimiter": ",", "skiprows": 2, "usecols": 0, "dtype": int},
    {"delimiter": ",", "dtype": "U5", "skiprows": 1},
    {"delimiter": ",", "skiprows": 2, "usecols": (0, 2), "dtype": str, "unpack": True},
    {
        "delimiter": ",",
        "skiprows": 2,
        "usecols": (0, 1),
        "converters": {1: lambda cell: float(cell or -1)},
    },
    {"delimiter": ",", "skiprows": 2, "max_rows": 1, "dtype": "i4,f8,U3"},
    {"delimiter": ",", "dtype": str, "comments": ["x", "#"], "ndmin": 2},
)


WRITE_TABLES_CASES_4: Any = (
    {},
    {"names": True, "dtype": None, "encoding": None},
    {"skip_header": 2, "usecols": (0, 1), "missing_values": "", "filling_values": -9.0},
    {"skip_header": 2, "skip_footer": 1, "usecols": (0, 1)},
    {"names": "p,q,r", "skip_header": 2, "dtype": "i4,f8,U2", "usemask": True},
    {
        "names": True,
        "dtype": None,
        "excludelist": ["a"],
        "deletechars": "b",
        "case_sensitive": "upper",
    },
    {"skip_header": 2, "usecols": 1, "converters": {1: len}},
    {"skip_header": 2, "max_rows": 1, "usecols": (0, 1), "unpack": True},
    {"skip_header": 1, "invalid_raise": False, "dtype": None, "autostrip": True},
    {"names": True, "dtype": None, "replace_space": "-", "defaultfmt": "n%i", "loose": False},
    {"skip_header": 2, "dtype": str, "ndmin": 2},
)


def write_tables() -> list[Any]:
    """Return tables that were written as texts and read again, with the options of both."""
    a = make_array()
    rows: list[Any] = []
    for options in WRITE_TABLES_CASES_2:
        file = io.StringIO()
        rows += [telling.attempt(np.savetxt, file, a, **options), file.getvalue()]
    np.savetxt("table.txt", a * (1 + 2j), fmt="%.2f")
    rows.append(Path("table.txt").read_text())
    text = "# about\na,b,c\n1,2.5,x\n3,,y # more\n\n5,6e1,z\n"
    for options in WRITE_TABLES_CASES_3:
        rows.append(telling.attempt(np.loadtxt, io.StringIO(text), **options))
    quoted = io.StringIO("1;'a;b'\n2;'c'")
    rows.append(telling.attempt(np.loadtxt, quoted, delimiter=";", quotechar="'", dtype="i4,U5"))
    for options in WRITE_TABLES_CASES_4:
        rows.append(
            telling.attempt(np.genfromtxt, io.StringIO(text), **{"delimiter": ",", **options})
        )
    rows += [
        telling.attempt(np.genfromtxt, io.StringIO("  1 22333\n 44 5  6"), delimiter=(3, 3, 3)),
        telling.attempt(np.genfromtxt, io.StringIO("1 2\n3")),
    ]
    rows += [
        np.fromstring("1, 2, 3", sep=",", count=2),
        np.fromregex(io.StringIO("a1 b22 a3"), "([ab])(\\d+)", [("n", "U1"), ("v", "i4")]),
    ]
    return telling.split_rows([telling.tell_exactly(each) for each in rows])


def save_arrays() -> list[Any]:
    """Return arrays that were saved and loaded, with the options of both, and mapped files."""
    rows: list[Any] = []
    mixed = np.array(
        [("a", 1, [1.5, 2]), ("bc", 2, [3, 4])], dtype=[("n", "U2"), ("v", ">i2"), ("w", "f4", 2)]
    )
    days = np.array(["2024-01-30", "NaT"], "M8[D]")
    for layout in LAYOUTS:
        file = io.BytesIO()
        np.save(file, make_array(layout))
        file.seek(0)
        rows += [
            telling.tell_bytes(file.getvalue()),
            np.load(file),
            telling.attempt(np.load, io.BytesIO(file.getvalue()[:90])),
        ]
    extend_save_arrays_1(days, mixed, rows)
    extend_save_arrays_2(days, mixed, rows)
    extend_save_arrays_3(rows)
    return telling.split_rows([telling.tell_exactly(each) for each in rows])


def extend_save_arrays_1(days: Any, mixed: Any, rows: Any) -> None:
    """Add more results to those of `save_arrays`."""
    for array in (
        mixed,
        days,
        np.array(3),
        np.zeros((0, 3)),
        np.array(["x", "yz"]),
        np.array([None, {"a": 1}], dtype=object),
    ):
        for options in (
            {},
            {"allow_pickle": True},
            {"mmap_mode": "r"},
            {"mmap_mode": "c", "max_header_size": 50},
        ):
            np.save("one", array)
            rows.append(telling.tell_exactly(telling.attempt(np.load, "one.npy", **options)))
        rows.append(telling.attempt(np.save, "two.npy", array, allow_pickle=False))


def extend_save_arrays_2(days: Any, mixed: Any, rows: Any) -> None:
    """Add more results to those of `save_arrays`."""
    for save in (np.savez, np.savez_compressed):
        telling.attempt(save, "many", make_array("F"), mixed, named=days, other=np.arange(3))
        with np.load("many.npz") as held:
            rows += [
                held.files,
                held["arr_0"],
                held["named"],
                "other" in held,
                telling.attempt(held.__getitem__, "none"),
                len(held),
            ]
            rows += [
                [*held.keys()],
                telling.attempt(lambda h: h.f.other, held),
                repr(held).rpartition(" with ")[2],
            ]
    mapped = np.memmap("mapped.bin", "i4", "w+", offset=8, shape=(3, 2), order="F")
    mapped[:] = np.arange(6).reshape(3, 2)
    mapped.flush()


def extend_save_arrays_3(rows: Any) -> None:
    """Add more results to those of `save_arrays`."""
    for mode, options in (
        ("r", {}),
        ("c", {"offset": 8, "shape": (3, 2)}),
        ("r+", {"offset": 12}),
        ("r", {"offset": 8, "shape": (2, 3), "order": "F"}),
        ("x", {}),
    ):
        again = telling.attempt(np.memmap, "mapped.bin", "i4", mode, **options)
        rows += [
            np.array(again) if not isinstance(again, str) else again,
            telling.attempt(lambda m: m.__setitem__(0, 9), again),
            getattr(again, "offset", -1),
        ]
    make_array("big").tofile("raw.bin")
    make_array().tofile("raw.txt", sep=",", format="%.1f")
    rows += [
        np.fromfile("raw.bin", ">f4", 5, offset=8),
        np.fromfile("raw.txt", sep=","),
        Path("raw.txt").read_text(),
        telling.attempt(np.load, "raw.bin"),
        telling.attempt(np.load, "missing.npy"),
    ]
