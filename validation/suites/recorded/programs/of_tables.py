"""Programs with tables of pandas, and with signals and pictures of SciPy."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import pool
from . import telling
from .families import Family

Steps = tuple[Callable[[Any], Any], ...]


def find_pandas(name: str) -> Any:
    """Return a function of pandas."""
    return getattr(importlib.import_module("pandas"), name)


def tell_table(value: Any) -> Any:
    """Return a table or a column as a text with its types, and anything else as it is."""
    if hasattr(value, "to_csv"):
        types = value.dtypes
        kinds = [str(each) for each in types] if hasattr(types, "tolist") else str(types)
        written = value.to_csv(float_format="%.4g", na_rep="missing")
        return f"{type(value).__name__}{kinds}{value.index.dtype}{value.index.names}\n{written}"
    if isinstance(value, dict | list | tuple | set):
        return str(value) if not isinstance(value, tuple) else [tell_table(each) for each in value]
    return telling.tell_exactly(value) if isinstance(value, np.ndarray | float) else str(value)


def play_steps(steps: Steps, make: Callable[[], Any]) -> list[Any]:
    """Return what each step gives with something new, and what it left of that."""
    rows = []
    for step in steps:
        subject = make()
        rows.append(telling.attempt(tell_table, telling.attempt(step, subject)))
    return telling.split_rows([*rows, telling.attempt(tell_table, make())])


def make_rows() -> Any:
    """Return a table with texts, numbers, days and holes."""
    frame = pool.make_value("$frame")
    frame["kind"] = frame["key"].astype("category")
    return frame


GROUPS: Steps = (
    *(lambda f: f.groupby("key")["value"].sum(), lambda f: f.groupby("key", sort=False).count()),
    *(
        lambda f: f.groupby(["key", "count"], as_index=False)["value"].mean(),
        lambda f: f.groupby("key").size(),
    ),
    *(lambda f: f.groupby("key")["value"].agg(["min", "max", "first", "last", "nunique", "std"]),),
    *(lambda f: f.groupby("key").agg(total=("count", "sum"), most=("value", "max")),),
    *(
        lambda f: f.groupby("key")["value"].transform("mean"),
        lambda f: f.groupby("key")["count"].cumsum(),
    ),
    *(
        lambda f: f.groupby("key")["count"].rank(method="dense"),
        lambda f: f.groupby("key").ngroup(),
    ),
    *(lambda f: f.groupby("key").cumcount(ascending=False), lambda f: f.groupby("key").head(1)),
    *(lambda f: f.groupby("key").nth(-1), lambda f: f.groupby("key").filter(lambda g: len(g) > 1)),
    *(
        lambda f: f.groupby("key")["value"].apply(lambda g: g.max()),
        lambda f: f.groupby("value", dropna=False).size(),
    ),
    *(
        lambda f: f.groupby("kind", observed=False)["count"].sum(),
        lambda f: f.groupby("key")["value"].shift(1),
    ),
    *(lambda f: f.groupby("key")["count"].diff(), lambda f: f.groupby("key")["value"].ffill()),
    *(
        lambda f: f.groupby("key")["count"].quantile([0.2, 0.8]),
        lambda f: f.groupby("key")["count"].describe(),
    ),
    *(
        lambda f: f.groupby(f["count"] > 3)["value"].median(),
        lambda f: f.groupby(level=0).sum(numeric_only=True),
    ),
    *(lambda f: f.groupby("key")["count"].rolling(2).sum(), lambda f: f.groupby("key").groups),
    *(
        lambda f: f.groupby("none"),
        lambda f: f.groupby("key").get_group("b"),
        lambda f: f.groupby("key")["count"].var(ddof=0),
    ),
)


SHAPES: Steps = (
    *(lambda f: f.merge(f.iloc[[0, 1]], on="key", how="left", suffixes=("_l", "_r")),),
    *(
        lambda f: f.merge(f.iloc[[3]], on="key", how="outer", indicator=True),
        lambda f: f.merge(f[["count"]].head(2), how="cross"),
    ),
    *(
        lambda f: f.merge(f, on="key", validate="one_to_one"),
        lambda f: f.merge(f.set_index("count")[["value"]], left_on="count", right_index=True),
    ),
    *(
        lambda f: f.set_index("key").join(f.groupby("key")["count"].sum().rename("n")),
        lambda f: f.pivot_table("count", "key", "value", fill_value=0),
    ),
    *(lambda f: f.pivot_table("count", "key", aggfunc="sum", margins=True),),
    *(
        lambda f: f.pivot(index="count", columns="key", values="value"),
        lambda f: f.drop_duplicates("key").pivot(index="key", columns="count", values="value"),
    ),
    *(
        lambda f: f.melt("key", ["count", "value"], "what", "number"),
        lambda f: f.set_index(["key", "count"])["value"].unstack(fill_value=-1),
    ),
    *(
        lambda f: f[["count", "value"]].stack(),
        lambda f: f[["count", "value"]].T,
        lambda f: f.explode("key"),
    ),
    *(
        lambda f: find_pandas("concat")([f, f.head(1)], ignore_index=True),
        lambda f: find_pandas("concat")({"a": f["count"], "b": f["value"]}, axis=1),
    ),
    *(
        lambda f: find_pandas("crosstab")(f["key"], f["count"], normalize="index"),
        lambda f: find_pandas("get_dummies")(f["key"], prefix="is", drop_first=True, dtype=int),
    ),
    *(
        lambda f: find_pandas("cut")(f["count"], [0, 3, 9], labels=["low", "high"], right=False),
        lambda f: find_pandas("qcut")(f["count"], 3, duplicates="drop"),
    ),
    *(
        lambda f: find_pandas("factorize")(f["key"], sort=True),
        lambda f: find_pandas("merge_asof")(
            f.sort_values("day"),
            f[["day", "count"]],
            on="day",
            direction="forward",
            allow_exact_matches=False,
        ),
    ),
    *(
        lambda f: f.sort_values(["key", "count"], ascending=[True, False], na_position="first"),
        lambda f: f.sort_index(ascending=False),
        lambda f: f.nlargest(2, "count", keep="all"),
    ),
    *(
        lambda f: f.drop_duplicates("key", keep="last"),
        lambda f: f.duplicated(["key"], keep=False),
        lambda f: f["key"].value_counts(normalize=True, ascending=True),
    ),
    *(
        lambda f: f.sample(3, random_state=5),
        lambda f: f.sample(frac=1.5, replace=True, random_state=1),
        lambda f: f.assign(double=lambda t: t["count"] * 2).query("double > 5 and key == 'b'"),
    ),
    *(
        lambda f: f.eval("count + value * 2"),
        lambda f: f.rename(columns={"key": "k"}, index={0: "zero"}),
        lambda f: f.reindex([5, 7], columns=["count", "new"], fill_value=0),
    ),
    *(
        lambda f: f.set_index("key").loc["b", "count"],
        lambda f: f.loc[f["count"] > 3, ["key"]],
        lambda f: f.iloc[::2, -2:],
        lambda f: f.at[1, "key"],
        lambda f: f.xs(2),
        lambda f: f.filter(regex="^v|y$"),
    ),
    *(
        lambda f: f.where(f["count"] > 3, -1) if 0 else f["count"].where(f["count"] > 3, -1),
        lambda f: f["count"].mask(f["count"] > 3),
        lambda f: f.apply(lambda c: c.iloc[0]),
        lambda f: f.describe(include="all"),
    ),
    *(
        lambda f: f["missing"],
        lambda f: f.corr(numeric_only=True, method="spearman"),
        lambda f: f.select_dtypes("number").agg(["sum", "mean"]),
        lambda f: f.equals(f.copy()),
        lambda f: f.compare(f.assign(count=1)),
    ),
)


HOLES: Steps = (
    *(
        lambda f: f.isna(),
        lambda f: f.dropna(),
        lambda f: f.dropna(axis=1),
        lambda f: f.dropna(thresh=5),
        lambda f: f["value"].fillna(0),
    ),
    *(
        lambda f: f["value"].interpolate(),
        lambda f: f["value"].ffill(limit=1),
        lambda f: f["value"].bfill(),
        lambda f: f["value"].sum(skipna=False),
    ),
    *(
        lambda f: f["value"].sum(min_count=6),
        lambda f: f["value"].astype("Int64", errors="ignore"),
        lambda f: f["count"].astype("Int8") + f["value"].astype("Float64"),
        lambda f: f.convert_dtypes(),
    ),
    *(
        lambda f: f["value"].rolling(3, min_periods=1, center=True).mean(),
        lambda f: f["count"].rolling(2).apply(lambda w: w[0], raw=True),
        lambda f: f["value"].expanding(2).max(),
    ),
    *(
        lambda f: f["count"].ewm(span=3, adjust=False).mean(),
        lambda f: f["value"].ewm(alpha=0.4, ignore_na=True).std(),
        lambda f: f["count"].rolling(3).agg(["sum", "median", "skew"]),
    ),
    *(
        lambda f: f["count"].rolling(3, closed="left").sum(),
        lambda f: f.rolling("2D", on="day")["count"].sum(),
        lambda f: f["value"].rank(pct=True, na_option="top"),
        lambda f: f["count"].clip(2, 5),
    ),
    *(
        lambda f: f["value"].pct_change(fill_method=None),
        lambda f: f["count"].shift(-1, fill_value=0),
        lambda f: f["value"].diff(2),
        lambda f: f["count"].quantile([0.1, 0.5], "lower"),
        lambda f: f["value"].cummax(),
    ),
    *(
        lambda f: f["key"].map({"a": 1}),
        lambda f: f["key"].replace({"a": "x"}),
        lambda f: f["count"].between(2, 5, inclusive="left"),
        lambda f: f["key"].isin(["a", "c"]),
        lambda f: f["value"].combine_first(f["count"]),
    ),
    *(
        lambda f: f["kind"].cat.codes,
        lambda f: f["kind"].cat.rename_categories(str.upper),
        lambda f: f["kind"].cat.remove_categories(["a"]),
        lambda f: f["kind"].cat.set_categories(["c", "b"], ordered=True).min(),
        lambda f: f["kind"] == "a",
    ),
    *(
        lambda f: f["kind"].cat.add_categories("z").value_counts(),
        lambda f: f["kind"].cat.as_ordered() < "b",
        lambda f: f["kind"].cat.reorder_categories(["c", "a", "b"]).sort_values(),
        lambda f: f["kind"].fillna("q"),
    ),
    *(
        lambda f: f["key"].str.upper() + "!",
        lambda f: f["key"].str.cat(f["key"], sep="-"),
        lambda f: (f["key"] + ",x").str.split(",", expand=True),
        lambda f: f["key"].str.contains("[ab]", regex=True),
        lambda f: f["key"].str.extract("([ab])"),
    ),
    *(
        lambda f: f["key"].str.pad(3, "both", "*"),
        lambda f: f["key"].str.replace("a", "aa", regex=False),
        lambda f: f["key"].str.get_dummies(),
        lambda f: f["key"].str.slice(0, 1).str.len(),
        lambda f: f["key"].str.zfill(3),
    ),
)


DAYS: Steps = (
    *(
        lambda f: f.set_index("day")["count"].resample("2D").sum(),
        lambda f: f.set_index("day")["count"].resample("ME").agg(["sum", "last"]),
        lambda f: f.set_index("day")["value"].resample("12h").ffill(limit=1),
    ),
    *(
        lambda f: f.set_index("day")["count"].resample("W-MON", label="left", closed="left").mean(),
        lambda f: f.set_index("day")["count"].resample("3D", origin="end").sum(),
        lambda f: f.set_index("day")["count"].asfreq("36h"),
    ),
    *(
        lambda f: f["day"].dt.month,
        lambda f: f["day"].dt.day_name(),
        lambda f: f["day"].dt.isocalendar(),
        lambda f: f["day"].dt.strftime("%d/%m"),
        lambda f: f["day"].dt.tz_localize("Europe/Paris").dt.tz_convert("UTC"),
    ),
    *(
        lambda f: f["day"].dt.is_month_end,
        lambda f: f["day"] - f["day"].min(),
        lambda f: (f["day"] - f["day"].min()).dt.total_seconds(),
        lambda f: f["day"].dt.to_period("M"),
        lambda f: f["day"].dt.floor("48h"),
        lambda f: f["day"].dt.quarter,
    ),
    *(
        lambda f: f.set_index("day").loc["2024-02"],
        lambda f: f.set_index("day").between_time("00:00", "01:00"),
        lambda f: f.set_index("day").shift(1, freq="B"),
        lambda f: f.set_index("day").tz_localize("America/New_York").index[0].isoformat(),
    ),
    *(
        lambda f: [
            str(d)
            for d in find_pandas("date_range")(
                "2024-03-30", periods=4, freq="12h", tz="Europe/Paris"
            )
        ],
        lambda f: [str(d) for d in find_pandas("bdate_range")("2024-03-28", "2024-04-02")],
    ),
    *(
        lambda f: find_pandas("to_datetime")(["2024-01-02", "x"], errors="coerce"),
        lambda f: find_pandas("to_datetime")(["02/01/24"], format="%d/%m/%y"),
        lambda f: find_pandas("to_datetime")(["x"]),
    ),
    *(
        lambda f: find_pandas("to_timedelta")(["1h", "2 days 3 min"]),
        lambda f: find_pandas("Timestamp")("2024-01-31") + find_pandas("DateOffset")(months=1),
        lambda f: find_pandas("Timestamp")("2024-03-31 02:30").tz_localize(
            "Europe/Paris", nonexistent="shift_forward"
        ),
    ),
    *(
        lambda f: find_pandas("period_range")("2024Q1", periods=3, freq="Q").asfreq("M", "start"),
        lambda f: find_pandas("Timestamp")("2024-05-05 13:14:15").round("h"),
        lambda f: find_pandas("to_numeric")(["1", "x"], errors="coerce", downcast="float"),
    ),
)


LISTS = {"groups": GROUPS, "shapes": SHAPES, "holes": HOLES, "days": DAYS}


WRITERS: dict[str, tuple[dict[str, Any], ...]] = {
    "csv": (
        {},
        {"index": False, "sep": ";", "na_rep": "-"},
        {"columns": ["key"], "header": ["k"]},
        {"quoting": 1, "date_format": "%d.%m"},
        {"float_format": "%.1f", "decimal": ","},
    ),
    "json": (
        {},
        {"orient": "records", "lines": True},
        {"orient": "split", "date_format": "iso"},
        {"orient": "table"},
        {"orient": "index", "double_precision": 1},
        {"orient": "values"},
    ),
    "html": ({}, {"index": False, "na_rep": "-", "classes": "c"}),
    "string": (
        {},
        {"index": False, "na_rep": "-", "max_rows": 3},
        {"justify": "left", "float_format": "%.2f"},
    ),
    "dict": (
        {},
        {"orient": "list"},
        {"orient": "records"},
        {"orient": "split"},
        {"orient": "tight"},
    ),
    "latex": ({},),
    "markdown": ({},),
    "records": ({}, {"index": False}),
}


READERS: tuple[dict[str, Any], ...] = (
    *(
        {},
        {"index_col": "a", "usecols": ["a", "b"]},
        {"skiprows": 1, "header": None, "names": ["x", "y", "z", "d"]},
        {"nrows": 1},
    ),
    *(
        {"dtype": {"a": str}},
        {"na_values": ["n"], "keep_default_na": False},
        {"parse_dates": ["d"]},
        {"converters": {"c": str.upper}},
    ),
    *(
        {"skipfooter": 1, "engine": "python"},
        {"comment": "#"},
        {"true_values": ["x"], "false_values": ["n", "y"]},
        {"thousands": ".", "sep": ","},
    ),
    *(
        {"parse_dates": ["d"], "dayfirst": True},
        {"dtype_backend": "numpy_nullable"},
        {"on_bad_lines": "skip"},
        {"sep": ";"},
        {"chunksize": 2},
        {"usecols": ["q"]},
    ),
)


def use_tables(name: str) -> list[Any]:
    """Return what the steps of a part of pandas make of a table."""
    return play_steps(LISTS[name], make_rows)


def write_table(form: str) -> list[Any]:
    """Return a table after it was written in a form, and read again if it can be."""
    make_rows()
    pandas = importlib.import_module("pandas")
    rows: list[Any] = []
    for options in WRITERS[form]:
        written = telling.attempt(getattr(make_rows(), f"to_{form}"), **options)
        rows.append(str(written))
        if form == "json":
            orient = options.get("orient", "columns")
            more = {"lines": True} if options.get("lines") else {}
            rows.append(
                tell_table(
                    telling.attempt(
                        lambda w, o, m: pandas.read_json(io.StringIO(w), orient=o, **m),
                        written,
                        orient,
                        more,
                    )
                )
            )
    text = "a,b,c,d\n1,2.5,x,01/02/2024\n3,,y,05/06/2024\n1.000,n,n,\n"
    for each in READERS if form == "csv" else ():
        found = telling.attempt(lambda o: pandas.read_csv(io.StringIO(text), **o), each)
        rows.append(
            [tell_table(part) for part in found] if each.get("chunksize") else tell_table(found)
        )
    frame = make_rows()
    frame.to_pickle("table.pkl")
    rows += [
        tell_table(pandas.read_pickle("table.pkl")),
        tell_table(telling.attempt(frame.to_parquet, "t.parquet")),
    ]
    return telling.split_rows(rows)


FILTER_PICTURES_CASES_1: Any = (
    "gaussian_filter",
    "uniform_filter",
    "median_filter",
    "maximum_filter",
    "minimum_filter",
    "rank_filter",
    "percentile_filter",
    "gaussian_laplace",
    "gaussian_gradient_magnitude",
    "sobel",
    "laplace",
    "grey_erosion",
    "grey_dilation",
    "white_tophat",
    "morphological_gradient",
)


def filter_pictures(name: str) -> list[Any]:
    """Return what functions of scipy.ndimage give with their options."""
    home = importlib.import_module("scipy.ndimage")
    picture = np.asarray(pool.make_value("$gray"), dtype="f8") / 50
    dots = picture > 2
    rows: list[Any] = []
    if name == "filters":
        extend_filter_pictures_1(home, picture, rows)
    elif name == "moves":
        extend_filter_pictures_2(home, picture, rows)
    else:
        count, labels = extend_filter_pictures_3(dots, home, picture, rows)
        extend_filter_pictures_4((dots, home, picture, rows, count, labels))
        extend_filter_pictures_5(dots, home, picture, rows)
    return [
        telling.split_rows([telling.tell_exactly(each) for each in rows[n : n + 30]])
        for n in range(0, len(rows), 30)
    ]


def extend_filter_pictures_1(home: Any, picture: Any, rows: Any) -> None:
    """Add more results to those of `filter_pictures`."""
    for name in FILTER_PICTURES_CASES_1:
        given: tuple[Any, ...] = (
            (2, 3)
            if name in ("rank_filter",)
            else (30, 3)
            if name == "percentile_filter"
            else ()
            if name in ("sobel", "laplace")
            else (3,)
            if "grey" in name
            or ("_filter" in name and "gauss" not in name)
            or "hat" in name
            or ("morph" in name)
            else (1.2,)
        )
        for options in (
            {},
            {"mode": "constant", "cval": 2.0},
            {"mode": "wrap"},
            {"mode": "nearest"},
            {"mode": "mirror"},
            {"origin": 1},
            {"axes": (0,)},
            {"order": 1},
            {"truncate": 1.5},
            {"axis": 0},
        ):
            rows.append(
                telling.tell_exactly(
                    telling.attempt(getattr(home, name), picture, *given, **options)
                )
            )


def extend_filter_pictures_2(home: Any, picture: Any, rows: Any) -> None:
    """Add more results to those of `filter_pictures`."""
    for order in (0, 3):
        for options in (
            {},
            {"mode": "reflect"},
            {"prefilter": False},
            {"cval": 3.0},
            {"mode": "grid-wrap"},
        ):
            rows += [
                home.zoom(picture, (0.5, 1.3), order=order, **options),
                home.rotate(picture, 25, order=order, **options),
                home.shift(picture, (1.5, -2), order=order, **options),
            ]
            rows += [
                home.affine_transform(picture, [[0.9, 0.1], [0, 1.1]], 1.0, order=order, **options),
                home.map_coordinates(picture, [[0.5, 3.2], [1.1, 20]], order=order, **options),
            ]


def extend_filter_pictures_3(dots: Any, home: Any, picture: Any, rows: Any) -> Any:
    """Add more results to those of `filter_pictures`, and return what they are made with."""
    for name in (
        "binary_erosion",
        "binary_dilation",
        "binary_opening",
        "binary_closing",
        "binary_fill_holes",
    ):
        for options in (
            {},
            {"iterations": 2},
            {"structure": np.ones((3, 3))},
            {"mask": picture > 1},
            {"border_value": 1},
            {"origin": 1},
        ):
            rows.append(telling.tell_exactly(telling.attempt(getattr(home, name), dots, **options)))
    labels, count = home.label(dots, structure=home.generate_binary_structure(2, 2))
    return count, labels


def extend_filter_pictures_4(given: Any) -> None:
    """Add more results to those of `filter_pictures`."""
    dots, home, picture, rows, count, labels = given
    for name in (
        "sum",
        "mean",
        "variance",
        "maximum",
        "minimum_position",
        "center_of_mass",
        "extrema",
        "median",
        "standard_deviation",
        "maximum_position",
    ):
        rows.append(getattr(home, name)(picture, labels, [1, min(2, count)]))
    rows += [
        labels,
        home.find_objects(labels),
        home.label(dots)[1],
        home.histogram(picture, 0, 5, 4),
        home.iterate_structure(home.generate_binary_structure(2, 1), 2),
    ]


def extend_filter_pictures_5(dots: Any, home: Any, picture: Any, rows: Any) -> None:
    """Add more results to those of `filter_pictures`."""
    for options in ({}, {"sampling": [2, 0.5]}, {"return_indices": True}):
        rows += [
            home.distance_transform_edt(dots, **options),
            telling.attempt(home.distance_transform_bf, dots, "taxicab", **options),
        ]
    rows += [
        home.distance_transform_cdt(dots, "chessboard"),
        home.convolve(picture, np.arange(9.0).reshape(3, 3), mode="wrap"),
        home.correlate1d(picture, [1, 2, 4], 0),
        home.generic_filter(picture, np.max, 2),
    ]


OF_PANDAS = (
    Family(use_tables, lambda: [*LISTS], lambda _: None),
    Family(write_table, lambda: [*WRITERS], lambda _: None),
)


OF_SCIPY = (Family(filter_pictures, lambda: ["filters", "moves", "labels"], lambda _: None),)
