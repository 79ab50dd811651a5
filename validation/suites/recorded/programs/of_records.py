"""Programs with masked arrays, records, random numbers, dates and printing of NumPy."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable
from typing import Any

from . import telling
from .families import Family
from .of_arrays import (
    LAYOUTS,
    arrange,
    compute_with,
    make_array,
    save_arrays,
    solve,
    use_polynomial,
    write_tables,
)

np: Any = importlib.import_module("numpy")


"""Without its types, for wrong values are given, too."""


UNARY = (
    "sum",
    "mean",
    "std",
    "var",
    "prod",
    "min",
    "max",
    "ptp",
    "cumsum",
    "cumprod",
    "anom",
    "argmax",
    "argmin",
    "all",
    "any",
    "count",
    "argsort",
    "sort",
    "compressed",
    "filled",
    "nonzero",
    "ravel",
    "flatten",
    "tolist",
    "copy",
    "trace",
    "round",
    "transpose",
    "squeeze",
    "harden_mask",
    "soften_mask",
    "shrink_mask",
    "unshare_mask",
    "toflex",
    "torecords",
    "tobytes",
    "get_fill_value",
    "get_real",
    "get_imag",
    "diagonal",
    "dot",
    "swapaxes",
    "repeat",
    "item",
    "conj",
)


def tell_masked(value: Any) -> Any:
    """Return a masked array by its numbers, its mask, and what it is filled with."""
    if value is np.ma.masked:
        return "masked"
    if isinstance(value, np.ma.MaskedArray):
        held = np.ma.filled(value, 0) if value.dtype.kind in "biuf" else repr(value)
        return [
            telling.tell_exactly(held),
            str(np.ma.getmaskarray(value).tolist()),
            str(value.fill_value),
            str(value.hardmask),
            value.dtype.str,
        ]
    return (
        [tell_masked(each) for each in value]
        if isinstance(value, tuple)
        else telling.tell_exactly(value)
    )


USE_MASKED_CASES_1: Any = (
    "sqrt",
    "log",
    "exp",
    "abs",
    "arccos",
    "negative",
    "isnan",
    "median",
    "cov",
    "corrcoef",
    "average",
    "notmasked_edges",
    "notmasked_contiguous",
    "flatnotmasked_edges",
    "clump_masked",
    "clump_unmasked",
    "compress_rows",
    "compress_rowcols",
    "mask_cols",
    "mask_rowcols",
    "vander",
    "ediff1d",
    "unique",
    "diff",
    "is_masked",
    "getmask",
    "fix_invalid",
    "default_fill_value",
    "maximum_fill_value",
)


def use_masked() -> list[Any]:
    """Return what methods and functions of masked arrays give."""
    ma: Any = np.ma
    rows: list[Any] = []
    base = make_array()
    for kind in ("f4", "i4", "?"):
        for mask in (base > 3, ma.nomask, np.ones((4, 5), bool)):
            made = ma.array(base.astype(kind), mask=mask, fill_value=1)
            rows += [
                tell_masked(telling.attempt(getattr(made.copy(), name, len))) for name in UNARY[:30]
            ]
            rows += [
                tell_masked(telling.attempt(getattr(made, n), axis=1))
                for n in ("sum", "mean", "max", "argmin", "count", "std", "cumsum", "sort")
            ]
            rows += [str(made), repr(made)]
    one, two = (ma.masked_greater(base, 3), ma.masked_less(base[:, ::-1], 0))
    extend_use_masked_1(ma, one, rows, two)
    extend_use_masked_2(ma, one, rows)
    extend_use_masked_3(base, ma, one, rows, two)
    return [
        telling.split_rows(each)
        for each in telling.split_rows([rows[n : n + 20] for n in range(0, len(rows), 20)])
    ]


def extend_use_masked_1(ma: Any, one: Any, rows: Any, two: Any) -> None:
    """Add more results to those of `use_masked`."""
    for name in (
        "add",
        "subtract",
        "multiply",
        "divide",
        "power",
        "floor_divide",
        "mod",
        "maximum",
        "minimum",
        "arctan2",
        "logical_and",
        "equal",
        "less",
        "hypot",
        "allclose",
        "allequal",
    ):
        rows += [
            tell_masked(telling.attempt(getattr(ma, name), one, two)),
            tell_masked(telling.attempt(getattr(ma, name), one, 2)),
        ]


def extend_use_masked_2(ma: Any, one: Any, rows: Any) -> None:
    """Add more results to those of `use_masked`."""
    for name in USE_MASKED_CASES_1:
        given = (
            one
            if name not in ("clump_masked", "clump_unmasked", "vander", "flatnotmasked_edges")
            else one[0]
        )
        rows.append(tell_masked(telling.attempt(getattr(ma, name, len), given)))


def extend_use_masked_3(base: Any, ma: Any, one: Any, rows: Any, two: Any) -> None:
    """Add more results to those of `use_masked`."""
    cases: list[Any] = [
        *(
            lambda: ma.masked_where(base > 2, base),
            lambda: ma.masked_equal(base, 4),
            lambda: ma.masked_inside(base, 0, 3),
            lambda: ma.masked_outside(base, 0, 3),
        ),
        *(
            lambda: ma.masked_values(base, 4.0),
            lambda: ma.masked_object(base.astype(object), 4),
            lambda: ma.masked_invalid(np.log(base)),
            lambda: ma.masked_not_equal(base, 4),
        ),
    ]
    extend_use_masked_4(ma, one, two, cases)
    extend_use_masked_5(ma, one, two, cases)
    extend_use_masked_6(ma, one, two, cases)
    extend_use_masked_7(ma, one, cases)
    extend_use_masked_8((base, ma, one, rows, two, cases))


def extend_use_masked_4(ma: Any, one: Any, two: Any, cases: Any) -> None:
    """Add more results to those of `extend_use_masked_3`."""
    cases += [
        *(
            lambda: ma.where(one > 1, one, two),
            lambda: ma.choose([0, 1, 1, 0, 0], [one[0], two[1]]),
            lambda: ma.concatenate([one, two], 1),
            lambda: ma.stack([one, two]),
        )
    ]


def extend_use_masked_5(ma: Any, one: Any, two: Any, cases: Any) -> None:
    """Add more results to those of `extend_use_masked_3`."""
    cases += [
        *(
            lambda: ma.mask_or(one.mask, two.mask),
            lambda: ma.dot(one, two.T, strict=True),
            lambda: ma.dot(one, two.T),
            lambda: ma.in1d(one, [1, 2]),
            lambda: ma.isin(one, [1], invert=True),
        ),
        *(
            lambda: ma.intersect1d(one, two),
            lambda: ma.setdiff1d(one, two),
            lambda: ma.union1d(one, two),
            lambda: ma.polyfit(np.arange(5.0), one[0], 1),
            lambda: ma.apply_along_axis(np.sum, 1, one),
        ),
    ]


def extend_use_masked_6(ma: Any, one: Any, two: Any, cases: Any) -> None:
    """Add more results to those of `extend_use_masked_3`."""
    cases += [
        *(
            lambda: ma.average(one, 1, weights=np.abs(two) + 1, returned=True),
            lambda: ma.median(one, 1, keepdims=True),
            lambda: ma.convolve(one[0], [1, 2], propagate_mask=False),
            lambda: ma.clip(one, 0, 2),
        )
    ]
    cases += [
        *(
            lambda: ma.mr_[one[0], 3, two[0]],
            lambda: change_masked(one, 0),
            lambda: change_masked(one, 1),
            lambda: one[one > 1],
            lambda: one.reshape(5, 4),
            lambda: copy.deepcopy(one),
            lambda: one[0, 0] is ma.masked,
        )
    ]


def extend_use_masked_7(ma: Any, one: Any, cases: Any) -> None:
    """Add more results to those of `extend_use_masked_3`."""
    cases += [
        *(
            lambda: ma.make_mask([1, 0, 0]),
            lambda: ma.make_mask_none((2,), [("a", "i4")]),
            lambda: ma.flatten_mask(one.mask),
            lambda: ma.compress_nd(one, 0),
            lambda: ma.resize(one, (3, 9)),
            lambda: ma.zeros_like(one),
        )
    ]
    cases += [
        *(
            lambda: one.view(np.ndarray),
            lambda: one.astype("i8"),
            lambda: ma.array([(1, 2.5)], [("a", "i4"), ("b", "f8")], mask=[(0, 1)]),
            lambda: one.take([0, 9]),
            lambda: one.compress([1, 0, 1], axis=1),
        )
    ]


def extend_use_masked_8(given: Any) -> None:
    """Add more results to those of `extend_use_masked_3`."""
    base, ma, one, rows, two, cases = given
    cases += [
        *(
            lambda: one.put([0, 1], [7, 8]),
            lambda: ma.put(two, [0], ma.masked),
            lambda: ma.putmask(two, base > 4, 3),
            lambda: ma.outer(one[0], two[0]),
            lambda: ma.power(one, -0.5),
            lambda: float(ma.masked),
            lambda: one // 0,
        )
    ]
    for call in cases:
        rows.append(tell_masked(telling.attempt(call)))


def change_masked(value: Any, step: int) -> Any:
    """Return a masked array after it was changed at places that are masked, hard or not."""
    made = value.copy()
    if step:
        made.harden_mask()
    made[0] = 5
    made[1, 1:3] = np.ma.masked
    made += 1
    made *= np.ma.masked_greater(make_array(), 5)
    made.fill_value = 42
    made.mask[2] = True
    return made


USE_RECORDS_CASES_2: Any = (
    "i4,f8",
    [("a", "i4", (2,)), (("title", "b"), "U3")],
    {"names": ["a", "b"], "formats": ["i1", "f8"], "offsets": [0, 4], "itemsize": 20},
    {"a": ("i4", 0), "b": ("f4", 4)},
    ">M8[3h]",
    "V5",
    "(2,3)f4",
    "x9",
    [("a", "x")],
)


def use_records() -> list[Any]:
    """Return what functions of records give: joined, split, renamed, and read by name."""
    tools = importlib.import_module("numpy.lib.recfunctions")
    one = np.array(
        [(1, 2.5, "x"), (3, 4.5, "y"), (3, 0.5, "z")], [("key", "i4"), ("v", "f8"), ("n", "U2")]
    )
    two = np.array([(3, 7), (4, 8)], [("key", "i4"), ("v", "i8")])
    deep = np.array([((1, 2), 3.0)], [("a", [("b", "i4"), ("c", "i4")]), ("d", "f8")])
    calls: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
        *(
            (tools.append_fields, (one, "new", [7, 8, 9]), {"usemask": False}),
            (tools.append_fields, (one, ["p", "q"], [[1, 2], [3, 4, 5]]), {"fill_value": -1}),
        )
    ]
    extend_use_records_5(calls, deep, one, tools, two)
    return telling.split_rows(
        [
            tell_masked(each) if isinstance(each, np.ma.MaskedArray) else tell_record(each)
            for rows in tell_raw(calls)
            for each in rows
        ]
    )


def extend_use_records_5(calls: Any, deep: Any, one: Any, tools: Any, two: Any) -> None:
    """Add more results to those of `use_records`."""
    calls += [
        *(
            (tools.drop_fields, (deep, ["b"]), {}),
            (tools.drop_fields, (one, "v"), {"asrecarray": True}),
            (tools.rename_fields, (deep, {"b": "e", "a": "f"}), {}),
            (tools.rec_append_fields, (one, "w", [1, 2, 3]), {}),
        ),
        *(
            (tools.merge_arrays, ((one, two),), {"flatten": True, "usemask": True}),
            (tools.merge_arrays, ((np.arange(2), two),), {}),
            (tools.stack_arrays, ((one, two),), {}),
            (tools.stack_arrays, ((one, two),), {"autoconvert": True, "usemask": False}),
        ),
    ]
    extend_use_records_1(calls, deep, one, tools)
    rec = extend_use_records_2(calls, one, tools, two)
    kinds = extend_use_records_3(calls, one, rec)
    extend_use_records_4(calls, kinds)


def extend_use_records_1(calls: Any, deep: Any, one: Any, tools: Any) -> None:
    """Add more results to those of `use_records`."""
    calls += [
        *(
            (tools.find_duplicates, (np.ma.array(one),), {"key": "key", "return_index": True}),
            (tools.get_names, (deep.dtype,), {}),
            (tools.get_names_flat, (deep.dtype,), {}),
            (tools.get_fieldstructure, (deep.dtype,), {}),
            (tools.flatten_descr, (deep.dtype,), {}),
        )
    ]
    calls += [
        *(
            (tools.structured_to_unstructured, (deep,), {}),
            (tools.structured_to_unstructured, (one[["key", "v"]],), {"dtype": "f4"}),
            (
                tools.unstructured_to_structured,
                (np.arange(6).reshape(2, 3), np.dtype("i4,f8,i2")),
                {},
            ),
            (
                tools.unstructured_to_structured,
                (np.arange(4.0).reshape(2, 2),),
                {"names": ["a", "b"]},
            ),
        )
    ]


def extend_use_records_2(calls: Any, one: Any, tools: Any, two: Any) -> Any:
    """Add more results to those of `use_records`, and return what they are made with."""
    calls += [
        *(
            (tools.apply_along_fields, (np.mean, one[["key", "v"]]), {}),
            (tools.assign_fields_by_name, (one.copy(), two[:1]), {}),
            (tools.require_fields, (one, [("v", "f4"), ("new", "i4")]), {}),
            (tools.repack_fields, (one[["key", "n"]],), {"align": True}),
            (tools.recursive_fill_fields, (two, np.zeros(3, two.dtype)), {}),
        )
    ]
    for kind in ("inner", "outer", "leftouter"):
        calls += [
            (
                tools.join_by,
                ("key", one[:2], two),
                {"jointype": kind, "r1postfix": "A", "usemask": False, "defaults": {"n": "-"}},
            ),
            (tools.rec_join, ("key", one[:2], two), {"jointype": kind}),
        ]
    return np.rec.array(one)


def extend_use_records_3(calls: Any, one: Any, rec: Any) -> Any:
    """Add more results to those of `use_records`, and return what they are made with."""
    calls += [
        (lambda f: f(), (each,), {})
        for each in (
            lambda: rec.key,
            lambda: rec[1].n,
            lambda: rec[["v", "n"]],
            lambda: rec.field(1),
            lambda: one[one["key"] == 3]["n"],
            lambda: rec.nothing,
            lambda: one.dtype.fields["v"][1],
            lambda: repr(rec),
            lambda: np.sort(one, order=["key", "v"]),
            one.tolist,
            rec[0].pprint,
            lambda: one == one[::-1],
        )
    ]
    calls += [
        (np.rec.fromarrays, ([[1, 2], ["a", "b"]],), {"names": "p,q"}),
        (np.rec.fromrecords, ([(1, "a"), (2, "bc")],), {"formats": "i2,U3", "names": "p,q"}),
        (np.rec.fromstring, (one.tobytes(),), {"dtype": one.dtype, "shape": 2, "offset": 20}),
        (np.rec.find_duplicate, (["a", "b", "a"],), {}),
    ]
    return USE_RECORDS_CASES_2


def extend_use_records_4(calls: Any, kinds: Any) -> None:
    """Add more results to those of `use_records`."""
    calls += [
        (
            lambda k, align: [repr(np.dtype(k, align=align)), np.dtype(k, align).itemsize],
            (k, align),
            {},
        )
        for k in kinds
        for align in (False, True)
    ]


def tell_record(value: Any) -> Any:
    """Return records as a text."""
    if isinstance(value, np.ndarray):
        return f"{type(value).__name__}{value.dtype}{value.tolist()}"
    return value if isinstance(value, int | float | str) else str(value)


def tell_raw(calls: list[tuple[Any, tuple[Any, ...], dict[str, Any]]]) -> list[Any]:
    """Return what each call gives, or the name of its error."""
    return [[telling.attempt(f, *values, **options)] for f, values, options in calls]


DRAWS: dict[str, tuple[Any, ...]] = {
    **{
        "random": (5,),
        "integers": (3, 9, 6),
        "normal": (1.0, 2.0, 4),
        "standard_normal": (4,),
        "uniform": (-1, 3, 4),
        "exponential": (2.0, 4),
        "poisson": (3.5, 5),
        "binomial": (9, 0.3, 5),
    },
    **{
        "gamma": (2.0, 1.5, 4),
        "beta": (2, 3, 4),
        "chisquare": (3, 4),
        "f": (3, 5, 4),
        "geometric": (0.3, 5),
        "gumbel": (1, 2, 3),
        "hypergeometric": (5, 7, 4, 5),
        "laplace": (0, 1, 3),
        "logistic": (0, 1, 3),
    },
    **{
        "lognormal": (0, 1, 3),
        "logseries": (0.6, 4),
        "multinomial": (9, [0.2, 0.3, 0.5], 2),
        "negative_binomial": (3, 0.4, 4),
        "pareto": (3, 3),
        "power": (2, 3),
    },
    **{
        "rayleigh": (2, 3),
        "standard_cauchy": (3,),
        "standard_t": (4, 3),
        "triangular": (0, 1, 3, 4),
        "vonmises": (0, 2, 3),
        "wald": (1, 2, 3),
        "weibull": (2, 3),
        "zipf": (2.5, 4),
        "dirichlet": ([1, 2, 3], 2),
        "noncentral_chisquare": (3, 1, 3),
    },
}


def draw_numbers(kind: str) -> list[Any]:
    """Return random numbers of each distribution with a generator, and its state."""
    rand = np.random
    bits = getattr(rand, kind)(11)
    made: Any = bits if kind == "RandomState" else rand.Generator(bits)
    rows = [
        telling.tell_exactly(telling.attempt(getattr(made, n, len), *v)) for n, v in DRAWS.items()
    ]
    if kind == "RandomState":
        rows += [
            made.randint(2, 9, 4),
            made.rand(2),
            made.randn(2),
            made.choice(5, 3, False, [0.1, 0.2, 0.3, 0.2, 0.2]),
            made.permutation(5),
            made.tomaxint(2),
        ]
        return telling.split_rows([*rows, str(made.get_state()[2:]), made.bytes(3)])
    table = np.arange(12).reshape(3, 4)
    extend_draw_numbers_1(made, rows, table)
    extend_draw_numbers_2(made, bits, rows, table)
    return telling.split_rows(rows)


def extend_draw_numbers_1(made: Any, rows: Any, table: Any) -> None:
    """Add more results to those of `draw_numbers`."""
    draws: Any = (
        *(
            ("choice", (9, 4), {}),
            ("choice", (9, 4, False), {}),
            ("choice", (table, 2), {"axis": 1, "replace": False, "shuffle": False}),
            ("choice", (4, 6), {"p": [0.1, 0.2, 0.3, 0.4]}),
            ("choice", (3, 9, False), {}),
        ),
        *(
            ("permutation", (table,), {"axis": 1}),
            ("permuted", (table,), {"axis": 0}),
            ("permuted", (table,), {}),
            ("integers", (5,), {"endpoint": True, "size": 9}),
            ("integers", (0, 255, 5), {"dtype": "u1"}),
            ("random", (4,), {"dtype": "f4"}),
        ),
        *(
            ("standard_normal", (3,), {"dtype": "f4"}),
            ("standard_exponential", (3,), {"method": "inv"}),
            ("standard_gamma", (2, 3), {"dtype": "f4"}),
            ("bytes", (5,), {}),
            ("multivariate_hypergeometric", ([3, 4, 5], 6, 2), {"method": "count"}),
        ),
        *(
            ("multivariate_normal", ([0, 1], [[2, 0.5], [0.5, 1]]), {"method": m})
            for m in ("cholesky",)
        ),
    )
    for name, values, options in draws:
        rows.append(telling.tell_exactly(telling.attempt(getattr(made, name), *values, **options)))


def extend_draw_numbers_2(made: Any, bits: Any, rows: Any, table: Any) -> None:
    """Add more results to those of `draw_numbers`."""
    rand = np.random
    made.shuffle(table, axis=1)
    again = copy.deepcopy(made)
    state = made.bit_generator.state
    rows += [
        telling.tell_exactly(table),
        made.random(),
        again.random(),
        str(state["bit_generator"]),
        [str(each.random()) for each in made.spawn(2)],
    ]
    made.bit_generator.state = state
    rows += [
        made.random(),
        telling.attempt(lambda b: b.jumped(2).random_raw(2).tolist(), bits),
        bits.random_raw(2).tolist(),
        telling.attempt(lambda b: rand.Generator(b.advance(5)).random(), bits),
    ]
    seeds = rand.SeedSequence(7, spawn_key=(3,), pool_size=8)
    rows += [
        seeds.generate_state(3).tolist(),
        [s.generate_state(1, "u8").tolist() for s in seeds.spawn(2)],
        str(seeds.state),
        rand.default_rng(seeds).random(),
    ]


def use_dates() -> list[Any]:
    """Return what dates and durations give, and days of work."""
    days = np.array(["2024-02-28", "2024-12-31", "NaT", "1969-07-20"], "M8[D]")
    times = np.array(["2024-02-28T23:59:59.5", "1900-01-01T00:00"], "M8[ms]")
    calls: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
        (days.astype, (f"M8[{unit}]",), {}) for unit in ("Y", "M", "W", "h", "s", "ns")
    ]
    extend_use_dates_1(calls, days, times)
    good = extend_use_dates_2(calls, days, times)
    extend_use_dates_3(calls, good)
    return telling.split_rows([tell_record(each) for rows in tell_raw(calls) for each in rows])


def extend_use_dates_1(calls: Any, days: Any, times: Any) -> None:
    """Add more results to those of `use_dates`."""
    calls += [
        (lambda f: f(), (each,), {})
        for each in (
            lambda: days + 30,
            lambda: days - days[0],
            lambda: days + np.timedelta64(2, "W"),
            lambda: times - days[0],
            lambda: days.astype("M8[M]") + 1,
            lambda: np.timedelta64(7, "h") / np.timedelta64(30, "m"),
            lambda: np.timedelta64(7, "h") // np.timedelta64(2, "h"),
            lambda: divmod(np.timedelta64(7, "h"), np.timedelta64(2, "h")),
            lambda: days < days[1],
            lambda: np.isnat(days),
            lambda: np.sort(days),
            days.max,
            lambda: np.fmax(days, days[0]),
            lambda: days.astype(int),
            times.tolist,
            lambda: np.diff(days[:2]),
            lambda: np.datetime64("2024-13-01"),
            lambda: np.datetime64("2024-01", "D"),
            lambda: np.arange("2024-01", "2024-04", dtype="M8[M]"),
            lambda: np.datetime_data(np.dtype("m8[25s]")),
            lambda: np.mean(days[:2] - days[3]),
            lambda: str(np.timedelta64(3, "D")),
            lambda: np.timedelta64(1, "Y").astype("m8[D]"),
            lambda: repr(times),
        )
    ]


def extend_use_dates_2(calls: Any, days: Any, times: Any) -> Any:
    """Add more results to those of `use_dates`, and return what they are made with."""
    calls += [
        (np.datetime_as_string, (times,), o)
        for o in ({}, {"unit": "h", "casting": "unsafe"}, {"timezone": "UTC"}, {"unit": "auto"})
    ]
    good = days[[0, 1, 3]]
    for roll in (
        "forward",
        "backward",
        "following",
        "preceding",
        "modifiedfollowing",
        "modifiedpreceding",
        "nat",
        "raise",
    ):
        calls.append((np.busday_offset, (good, [3, -2, 0]), {"roll": roll}))
    calls += [
        (np.busday_count, (good, good[0]), o)
        for o in (
            {},
            {"weekmask": "1111000"},
            {"holidays": ["2024-03-01", "2024-06-05"]},
            {"weekmask": "Sat Sun"},
        )
    ]
    return good


def extend_use_dates_3(calls: Any, good: Any) -> None:
    """Add more results to those of `use_dates`."""
    calls += [
        (np.is_busday, (good,), {"holidays": ["2024-02-28"]}),
        (
            np.busday_offset,
            ("2024-05", 1),
            {"busdaycal": np.busdaycalendar("Mon Tue", ["2024-05-06"]), "roll": "forward"},
        ),
    ]


PRINT_ARRAYS_CASES_3: Any = (
    {},
    {"precision": 2},
    {"suppress_small": True},
    {"separator": ", "},
    {"threshold": 3, "edgeitems": 1},
    {"max_line_width": 20},
    {"floatmode": "fixed"},
    {"floatmode": "unique"},
    {"floatmode": "maxprec_equal", "precision": 3},
    {"sign": "+"},
    {"sign": " "},
    {"prefix": "abc", "suffix": ")", "max_line_width": 25},
    {"formatter": {"float": lambda x: f"<{x:.1f}>", "int": hex, "bool": str}},
    {"legacy": "1.13"},
)


def print_arrays() -> list[Any]:
    """Return arrays as texts with all options of printing."""
    floats = np.array([[1.5, -2.25e-07, np.nan], [10000000000.0, np.inf, 3]])
    arrays = (
        floats,
        floats[0] * 1j,
        np.arange(2000).reshape(40, 50),
        make_array("dots"),
        np.array(["a", "long text"]),
        np.array([b"x"]),
        np.zeros((0, 2)),
        np.array(1.5),
        np.arange(6, dtype="i1"),
        np.float32([0.1, 1 / 3]),
        np.array([None, 3, "x"], object),
        np.array(["2024-01-01", "NaT"], "M8[D]"),
        np.array([(1, 2.5)], "i4,f8"),
        np.ma.array([1, 2], mask=[0, 1]),
    )
    options: tuple[dict[str, Any], ...] = PRINT_ARRAYS_CASES_3
    rows: list[Any] = [
        telling.attempt(np.array2string, array, **each) for array in arrays for each in options
    ]
    rows += [telling.attempt(f, array) for array in arrays for f in (repr, str)] + [
        np.array_repr(floats, 30, 2, True),
        np.array_str(floats, 30, 2, True),
    ]
    extend_print_arrays_1(arrays, rows)
    extend_print_arrays_2(rows)
    return [telling.split_rows(rows[n : n + 600]) for n in range(0, len(rows), 600)]


def extend_print_arrays_1(arrays: Any, rows: Any) -> None:
    """Add more results to those of `print_arrays`."""
    with np.printoptions(precision=3, nanstr="none", infstr="more", linewidth=30, suppress=True):
        rows += [repr(array) for array in arrays] + [str(np.get_printoptions()["precision"])]
    for x in (1 / 3, 1e-09, 1e22, -0.0, 123456.789):
        rows += [
            np.format_float_positional(x, **o)
            for o in (
                {},
                {"precision": 3},
                {"trim": "-"},
                {"unique": False, "precision": 4, "trim": "0"},
                {"sign": True, "pad_left": 9},
                {"fractional": False, "precision": 3},
                {"min_digits": 5},
            )
        ]
        rows += [
            np.format_float_scientific(x, **o)
            for o in (
                {},
                {"precision": 2, "exp_digits": 4},
                {"trim": "k", "sign": True},
                {"unique": False, "precision": 3},
            )
        ]


def extend_print_arrays_2(rows: Any) -> None:
    """Add more results to those of `print_arrays`."""
    rows += [
        np.binary_repr(-5, 8),
        np.base_repr(99, 7, 3),
        str(np.finfo("f4")),
        str(np.iinfo("u2")),
        repr(np.finfo("f8").eps),
        str(np.finfo("f2").max),
    ]


def walk_arrays() -> list[Any]:
    """Return what the ways to go through arrays give, and shapes that are made the same."""
    a = np.arange(6).reshape(2, 3)
    rows: list[Any] = []
    extend_walk_arrays_1(a, rows)
    strides, windows = extend_walk_arrays_2(a, rows)
    extend_walk_arrays_3(a, rows, strides, windows)
    extend_walk_arrays_4(a, rows)
    extend_walk_arrays_5(a, rows)
    return telling.split_rows([telling.tell_exactly(each) for each in rows])


def extend_walk_arrays_1(a: Any, rows: Any) -> None:
    """Add more results to those of `walk_arrays`."""
    for flags in (
        [],
        ["multi_index"],
        ["c_index"],
        ["f_index"],
        ["external_loop"],
        ["external_loop", "buffered"],
        ["multi_index", "zerosize_ok"],
        ["wrong"],
    ):
        for order in "CFK":
            it = telling.attempt(np.nditer, np.asfortranarray(a), flags, order=order)
            rows.append(
                it
                if isinstance(it, str)
                else [
                    [
                        str(x),
                        str(it.multi_index)
                        if it.has_multi_index
                        else str(it.index)
                        if it.has_index
                        else "",
                    ]
                    for x in it
                ]
            )


def extend_walk_arrays_2(a: Any, rows: Any) -> Any:
    """Add more results to those of `walk_arrays`, and return what they are made with."""
    with np.nditer([a, None], op_flags=[["readonly"], ["writeonly", "allocate"]]) as it:
        for x, y in it:
            y[...] = x * 2
        rows += [it.operands[1]]
    with np.nditer(a.copy(), op_flags=[["readwrite"]]) as it:
        for x in it:
            x[...] = x + 1
        rows += [it.operands[0], it.itersize, it.ndim]
    rows += [
        [[str(x), str(y)] for x, y in np.nditer([a, [10, 20, 30]])],
        [*map(str, np.ndindex(2, 2))],
        [str(each) for each in np.ndenumerate(a)],
        [str(each) for each in np.broadcast(a, [[1], [2]])],
    ]
    rows += [
        np.broadcast_shapes((2, 1), (3,)),
        telling.attempt(np.broadcast_shapes, (2,), (3,)),
        np.broadcast_to(a, (2, 2, 3)),
        np.broadcast_arrays(a, [[1], [2]]),
    ]
    windows, strides = (np.lib.stride_tricks.sliding_window_view, np.lib.stride_tricks.as_strided)
    return strides, windows


def extend_walk_arrays_3(a: Any, rows: Any, strides: Any, windows: Any) -> None:
    """Add more results to those of `walk_arrays`."""
    rows += [
        windows(a, 2, 1),
        windows(a, (2, 2)),
        telling.attempt(windows, a, 9),
        strides(a, (2, 2), (8, 8)),
        [*np.lib.Arrayterator(a, 2)],
        a.flat[2:5],
        np.lib.Arrayterator(a, 3)[:, 1:].shape,
    ]
    rows += [
        np.apply_along_axis(lambda v: v[::-1] * 2, 1, a),
        np.apply_over_axes(np.sum, a, [0, 1]),
        np.vectorize(lambda x, y=2: x * y, otypes="f", excluded=["y"])(a, y=3),
        np.vectorize(np.dot, signature="(n),(n)->()")(a, a),
        np.frompyfunc(divmod, 2, 2)(a, 2),
        np.piecewise(a.astype("f8"), [a < 2, a > 3], [-1, lambda x: x * 10, 5]),
    ]


def extend_walk_arrays_4(a: Any, rows: Any) -> None:
    """Add more results to those of `walk_arrays`."""
    rows += [
        np.select([a < 2, a > 3], [a, a * 10], -1),
        np.r_[1:4, [7], 0:1:3j],
        np.r_["0,2", [1, 2], [3, 4]],
        np.c_[[1, 2], [3, 4]],
        np.mgrid[0:2, 0:1:3j],
        np.ogrid[0:2, 0:3][1],
        np.ix_([0, 1], [True, False, True]),
        np.s_[1:3, ...],
        np.index_exp[::2],
        np.unravel_index([3, 5], (2, 3), "F"),
        np.ravel_multi_index(([1, 3], [2, 1]), (2, 3), mode="clip"),
        np.fill_diagonal(a, 9),
        a,
    ]
    for name in ("diag_indices", "tril_indices", "triu_indices"):
        rows.append(getattr(np, name)(3))
    with np.errstate(divide="raise", over="call", call=lambda kind, flag: rows.append(kind)):
        rows += [
            telling.attempt(np.divide, 1.0, 0.0),
            np.float32(3e38) * np.float32(10),
            str(np.geterr()),
        ]


def extend_walk_arrays_5(a: Any, rows: Any) -> None:
    """Add more results to those of `walk_arrays`."""
    rows += [
        str(np.result_type(*each))
        for each in (("i1", "u1"), ("f4", "i8"), (np.float32(3), 4.0), ("M8[D]", "m8[s]"))
    ] + [np.can_cast("i8", "f4", each) for each in ("safe", "same_kind", "unsafe")]
    rows += [
        str(np.promote_types("S3", "U5")),
        str(np.common_type(a, a.astype("f4"))),
        np.min_scalar_type(-300).str,
        np.mintypecode("fdD"),
        np.typename("d"),
    ]


PARTS: dict[str, Callable[[], list[Any]]] = {
    **{"tables": write_tables, "files": save_arrays, "masked": use_masked, "records": use_records},
    **{"dates": use_dates, "printing": print_arrays, "walks": walk_arrays},
}


def use_numbers(name: str) -> list[Any]:
    """Return what a part of NumPy gives."""
    return PARTS[name]()


def use_arrays(name: str, layout: str) -> list[Any]:
    """Return what functions of NumPy give for arrays in a layout."""
    return {"compute": compute_with, "arrange": arrange, "solve": solve}[name](layout)


POLYNOMIALS = ("Polynomial", "Chebyshev", "Legendre", "Laguerre", "Hermite", "HermiteE")


GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64", "RandomState")


OF_NUMPY = (
    Family(
        use_arrays,
        lambda: [f"'{n}','{k}'" for n in ("compute", "arrange", "solve") for k in LAYOUTS],
        lambda _: None,
    ),
    Family(use_polynomial, lambda: [*POLYNOMIALS], lambda _: None),
    Family(draw_numbers, lambda: [*GENERATORS], lambda _: None),
    Family(use_numbers, lambda: [*PARTS], lambda _: None),
)
