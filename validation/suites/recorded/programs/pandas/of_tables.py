"""Programs with tables of pandas."""

from __future__ import annotations

import importlib
import io
from typing import Any

from ... import pool
from .. import telling
from ..families import Family

GROUPS = """
f.groupby("key")["value"].sum()
f.groupby("key", sort=False).count()
f.groupby(["key", "count"], as_index=False)["value"].mean()
f.groupby("key").size()
f.groupby("key")["value"].agg(["min", "max", "first", "last", "nunique", "std"])
f.groupby("key").agg(total=("count", "sum"), most=("value", "max"))
f.groupby("key")["value"].transform("mean")
f.groupby("key")["count"].cumsum()
f.groupby("key")["count"].rank(method="dense")
f.groupby("key").ngroup()
f.groupby("key").cumcount(ascending=False)
f.groupby("key").head(1)
f.groupby("key").nth(-1)
f.groupby("key").filter(lambda g: len(g) > 1)
f.groupby("key")["value"].apply(lambda g: g.max())
f.groupby("value", dropna=False).size()
f.groupby("kind", observed=False)["count"].sum()
f.groupby("key")["value"].shift(1)
f.groupby("key")["count"].diff()
f.groupby("key")["value"].ffill()
f.groupby("key")["count"].quantile([0.2, 0.8])
f.groupby("key")["count"].describe()
f.groupby(f["count"] > 3)["value"].median()
f.groupby(level=0).sum(numeric_only=True)
f.groupby("key")["count"].rolling(2).sum()
f.groupby("key").groups
f.groupby("none")
f.groupby("key").get_group("b")
f.groupby("key")["count"].var(ddof=0)
"""

SHAPES = """
f.merge(f.iloc[[0, 1]], on="key", how="left", suffixes=("_l", "_r"))
f.merge(f.iloc[[3]], on="key", how="outer", indicator=True)
f.merge(f[["count"]].head(2), how="cross")
f.merge(f, on="key", validate="one_to_one")
f.merge(f.set_index("count")[["value"]], left_on="count", right_index=True)
f.set_index("key").join(f.groupby("key")["count"].sum().rename("n"))
f.pivot_table("count", "key", "value", fill_value=0)
f.pivot_table("count", "key", aggfunc="sum", margins=True)
f.pivot(index="count", columns="key", values="value")
f.drop_duplicates("key").pivot(index="key", columns="count", values="value")
f.melt("key", ["count", "value"], "what", "number")
f.set_index("day").melt("key", ["count", "value"], "what", "number", ignore_index=False)
f.sort_values("count", ignore_index=True)
f.set_index(["key", "count"])["value"].unstack(fill_value=-1)
f[["count", "value"]].stack()
f[["count", "value"]].T
f.explode("key")
pd.concat([f, f.head(1)], ignore_index=True)
pd.concat({"a": f["count"], "b": f["value"]}, axis=1)
pd.crosstab(f["key"], f["count"], normalize="index")
pd.get_dummies(f["key"], prefix="is", drop_first=True, dtype=int)
pd.cut(f["count"], [0, 3, 9], labels=["low", "high"], right=False)
pd.qcut(f["count"], 3, duplicates="drop")
pd.factorize(f["key"], sort=True)
pd.merge_asof(f.sort_values("day"), f[["day", "count"]], on="day", allow_exact_matches=False)
f.sort_values(["key", "count"], ascending=[True, False], na_position="first")
f.sort_index(ascending=False)
f.nlargest(2, "count", keep="all")
f.drop_duplicates("key", keep="last")
f.duplicated(["key"], keep=False)
f["key"].value_counts(normalize=True, ascending=True)
f.sample(3, random_state=5)
f.sample(frac=1.5, replace=True, random_state=1)
f.assign(double=lambda t: t["count"] * 2).query("double > 5 and key == 'b'")
f.eval("count + value * 2")
f.rename(columns={"key": "k"}, index={0: "zero"})
f.reindex([5, 7], columns=["count", "new"], fill_value=0)
f.set_index("key").loc["b", "count"]
f.loc[f["count"] > 3, ["key"]]
f.iloc[::2, -2:]
f.at[1, "key"]
f.xs(2)
f.filter(regex="^v|y$")
f["count"].where(f["count"] > 3, -1)
f["count"].mask(f["count"] > 3)
f.apply(lambda c: c.iloc[0])
f.describe(include="all")
f["missing"]
f.corr(numeric_only=True, method="spearman")
f.select_dtypes("number").agg(["sum", "mean"])
f.equals(f.copy())
f.compare(f.assign(count=1))
"""

HOLES = """
f.isna()
f.dropna()
f.dropna(axis=1)
f.dropna(thresh=5)
f["value"].fillna(0)
f["value"].interpolate()
f["value"].ffill(limit=1)
f["value"].bfill()
f["value"].sum(skipna=False)
f["value"].sum(min_count=6)
f["value"].astype("Int64")
f["count"].astype("Int8") + f["value"].astype("Float64")
f.convert_dtypes()
f["value"].rolling(3, min_periods=1, center=True).mean()
f["count"].rolling(2).apply(lambda w: w[0], raw=True)
f["value"].expanding(2).max()
f["count"].ewm(span=3, adjust=False).mean()
f["value"].ewm(alpha=0.4, ignore_na=True).std()
f["count"].rolling(3).agg(["sum", "median", "skew"])
f["count"].rolling(3, closed="left").sum()
f.rolling("2D", on="day")["count"].sum()
f["value"].rank(pct=True, na_option="top")
f["count"].clip(2, 5)
f["value"].pct_change(fill_method=None)
f["count"].shift(-1, fill_value=0)
f["value"].diff(2)
f["count"].quantile([0.1, 0.5], "lower")
f["value"].cummax()
f["key"].map({"a": 1})
f["key"].replace({"a": "x"})
f["count"].between(2, 5, inclusive="left")
f["key"].isin(["a", "c"])
f["value"].combine_first(f["count"])
f["kind"].cat.codes
f["kind"].cat.rename_categories(str.upper)
f["kind"].cat.remove_categories(["a"])
f["kind"].cat.set_categories(["c", "b"], ordered=True).min()
f["kind"] == "a"
f["kind"].cat.add_categories("z").value_counts()
f["kind"].cat.as_ordered() < "b"
f["kind"].cat.reorder_categories(["c", "a", "b"]).sort_values()
f["kind"].fillna("q")
f["key"].str.upper() + "!"
f["key"].str.cat(f["key"], sep="-")
(f["key"] + ",x").str.split(",", expand=True)
f["key"].str.contains("[ab]", regex=True)
f["key"].str.extract("([ab])")
f["key"].str.pad(3, "both", "*")
f["key"].str.replace("a", "aa", regex=False)
f["key"].str.get_dummies()
f["key"].str.slice(0, 1).str.len()
f["key"].str.zfill(3)
"""

DAYS = """
f.set_index("day")["count"].resample("2D").sum()
f.set_index("day")["count"].resample("ME").agg(["sum", "last"])
f.set_index("day")["value"].resample("12h").ffill(limit=1)
f.set_index("day")["count"].resample("W-MON", label="left", closed="left").mean()
f.set_index("day")["count"].resample("3D", origin="end").sum()
f.set_index("day")["count"].asfreq("36h")
f["day"].dt.month
f["day"].dt.day_name()
f["day"].dt.isocalendar()
f["day"].dt.strftime("%d/%m")
f["day"].dt.tz_localize("Europe/Paris").dt.tz_convert("UTC")
f["day"].dt.is_month_end
f["day"] - f["day"].min()
(f["day"] - f["day"].min()).dt.total_seconds()
f["day"].dt.to_period("M")
f["day"].dt.floor("48h")
f["day"].dt.quarter
f.set_index("day").loc["2024-02"]
f.set_index("day").between_time("00:00", "01:00")
f.set_index("day").shift(1, freq="B")
f.set_index("day").tz_localize("America/New_York").index[0].isoformat()
[*map(str, pd.date_range("2024-03-30", periods=4, freq="12h", tz="Europe/Paris"))]
[*map(str, pd.bdate_range("2024-03-28", "2024-04-02"))]
pd.to_datetime(["2024-01-02", "x"], errors="coerce")
pd.to_datetime(["02/01/24"], format="%d/%m/%y")
pd.to_datetime(["x"])
pd.to_timedelta(["1h", "2 days 3 min"])
pd.Timestamp("2024-01-31") + pd.DateOffset(months=1)
pd.Timestamp("2024-03-31 02:30").tz_localize("Europe/Paris", nonexistent="shift_forward")
pd.period_range("2024Q1", periods=3, freq="Q").asfreq("M", "start")
pd.Timestamp("2024-05-05 13:14:15").round("h")
pd.to_numeric(["1", "x"], errors="coerce", downcast="float")
"""

LISTS = {"groups": GROUPS, "shapes": SHAPES, "holes": HOLES, "days": DAYS}

CSV = """
f.to_csv()
f.to_csv(index=False, sep=";", na_rep="-")
f.to_csv(columns=["key"], header=["k"])
f.to_csv(quoting=1, date_format="%d.%m")
f.to_csv(float_format="%.1f", decimal=",")
pd.read_csv(text)
pd.read_csv(text, index_col="a", usecols=["a", "b"])
pd.read_csv(text, skiprows=1, header=None, names=["x", "y", "z", "d"])
pd.read_csv(text, nrows=1)
pd.read_csv(text, dtype={"a": str})
pd.read_csv(text, na_values=["n"], keep_default_na=False)
pd.read_csv(text, parse_dates=["d"])
pd.read_csv(text, parse_dates=["d"], dayfirst=True)
pd.read_csv(text, converters={"c": str.upper})
pd.read_csv(text, skipfooter=1, engine="python")
pd.read_csv(text, comment="#")
pd.read_csv(text, true_values=["x"], false_values=["n", "y"])
pd.read_csv(text, thousands=".", sep=",")
pd.read_csv(text, dtype_backend="numpy_nullable")
pd.read_csv(text, on_bad_lines="skip")
pd.read_csv(text, sep=";")
tuple(pd.read_csv(text, chunksize=2))
pd.read_csv(text, usecols=["q"])
"""

JSON = """
f.to_json(OPTIONS)
pd.read_json(io.StringIO(f.to_json(OPTIONS)), OPTIONS)
"""

WRITERS = {
    "csv": CSV,
    "json": telling.fill_lines(
        JSON, OPTIONS="orient='records',lines=True orient='split' orient='index' orient='values'"
    )
    + "\nf.to_json(orient='table')\nf.to_json(date_format='iso', double_precision=1)",
    "html": "f.to_html()\nf.to_html(index=False, na_rep='-', classes='c')",
    "string": "f.to_string()\nf.to_string(index=False, na_rep='-', max_rows=3)",
    "dict": telling.fill_lines("f.to_dict('NAME')", NAME="dict list records split tight"),
    "latex": "f.to_latex()",
    "markdown": "f.to_markdown()",
    "records": "f.to_records()\nf.to_records(index=False)\npd.read_pickle(pickle(f))",
}

TEXT = "a,b,c,d\n1,2.5,x,01/02/2024\n3,,y,05/06/2024\n1.000,n,n,\n"


def make_rows() -> Any:
    """Return a table with texts, numbers, days and holes."""
    frame = pool.make_value("$frame")
    frame["kind"] = frame["key"].astype("category")
    return frame


def tell_table(value: Any) -> Any:
    """Return a table or a column as a text with its types, and anything else as it is."""
    if isinstance(value, tuple):
        return [*map(tell_table, value)]
    if not hasattr(value, "to_csv"):
        return telling.tell_exactly(value) if isinstance(value, float) else str(value)
    types = value.dtypes
    kinds = [str(each) for each in types] if hasattr(types, "tolist") else str(types)
    written = value.to_csv(float_format="%.4g", na_rep="missing")
    return [type(value).__name__, kinds, str(value.index.dtype), value.index.names, written]


def save_rows(frame: Any) -> str:
    """Return the name of a file that holds a table."""
    frame.to_pickle("table.pkl")
    return "table.pkl"


def play_lines(lines: str) -> list[Any]:
    """Return what each line gives with a new table, and what it left of that."""
    pandas = importlib.import_module("pandas")
    rows = []
    for line in lines.splitlines():
        names = {"pd": pandas, "io": io, "pickle": save_rows, "text": io.StringIO(TEXT)}
        frame = make_rows()
        given = telling.play_lines(line, f=frame, **names)
        rows.append([telling.attempt(tell_table, each) for each in (*given, frame)])
    return rows


def use_tables(name: str) -> list[Any]:
    """Return what the steps of a part of pandas make of a table."""
    return play_lines(LISTS[name])


def write_table(form: str) -> list[Any]:
    """Return a table after it was written in a form, and read again if it can be."""
    return play_lines(WRITERS[form])


OF_PANDAS = (
    Family(use_tables, lambda: [*LISTS], lambda _: None),
    Family(write_table, lambda: [*WRITERS], lambda _: None),
)
