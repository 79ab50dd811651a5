"""Programs that turn, fill, change and describe tables, with each option."""

from __future__ import annotations

from ..families import Family
from ..of_frames import play_tables
from ..telling import fill_lines

PIVOTS = fill_lines(
    """
f.pivot_table("n", "g", "h", OPTIONS)
f.pivot_table(["n", "v"], "h", "k", OPTIONS)
f.pivot_table(index=["g", "h"], values="n", OPTIONS)
""",
    OPTIONS="""aggfunc="sum" aggfunc=["min","max"] aggfunc="count",fill_value=0 margins=True
    margins=True,margins_name="all",aggfunc="sum",fill_value=-1 dropna=False observed=False
    sort=False,aggfunc="first" aggfunc={"n":"max"} dropna=False,margins=True,aggfunc="max" """,
)
CROSSED = fill_lines(
    """
pd.crosstab(f["g"], f["h"], OPTIONS)
pd.crosstab(f["k"], [f["h"], f["b"]], OPTIONS)
""",
    OPTIONS="""margins=True normalize=True normalize="index" normalize="columns",margins=True
    normalize="all",margins=True,margins_name="t" dropna=False rownames=["r"]
    values=f["n"],aggfunc="sum" values=f["n"],aggfunc="mean",margins=True,dropna=False""",
) + fill_lines(
    """
pd.get_dummies(f[["g", "k", "n"]], OPTIONS)
pd.get_dummies(f["g"], OPTIONS)
""",
    OPTIONS="""prefix="p" prefix_sep="-" dummy_na=True drop_first=True dtype=float
    columns=["g"]
    sparse=True prefix={"g":"G","k":"K"} dummy_na=True,drop_first=True,dtype=int""",
)
TURNED = """
f.pivot(index="n", columns="h", values=["v", "g"])
f.pivot(columns="g", values="n")
f.iloc[2:6].pivot(index=["h", "n"], columns="k", values="v")
f.pivot(index="g", columns="h")
f.melt(["g", "h"], "n"), f.melt(value_vars=["n", "v"], var_name="w", ignore_index=False)
f.melt("g", ["n"], value_name="z"), f.melt(["zz"])
m.melt(col_level=0), m.melt(ignore_index=False), m.melt([("x", "p")]), m.melt(col_level="low")
pd.wide_to_long(pd.DataFrame({"i": [0, 1], "a1": [1, 2], "a2": [3, 4], "b1": [5, 6]}), "a", "i",
 "j")
pd.wide_to_long(pd.DataFrame({"i": [0, 1], "a-x": [1, 2], "a-y": [3, 4]}), ["a"], "i", "j",
 sep="-",
 suffix="\\\\w+")
pd.wide_to_long(pd.DataFrame({"i": [0, 0], "a1": [1, 2]}), "a", "i", "j")
m.stack(), m.stack("up"), m.stack([0, 1]), m.stack(1).unstack(0), m.stack("zz")
m.unstack(), m.unstack("g"), m.unstack(fill_value=0), m.unstack([0, 1]), m.unstack("g",
 sort=False)
m["x"].unstack(level=0, fill_value=-1), m["x"]["p"].unstack(), m.unstack(-3)
f[["n", "v"]].stack(), f.set_index("n", append=True)["v"].unstack(0), f["v"].unstack()
m.swaplevel(), m.swaplevel(axis=1), m.reorder_levels([1, 0]), m.droplevel("h"), m.T.droplevel(0)
m.reset_index(), m.reset_index("h"), m.reset_index(level=0, drop=True), m.reset_index(col_level=1)
m.reset_index(col_fill="zz", col_level="low"), m.reset_index(names=["one", "two"])
m["x"].reset_index(allow_duplicates=True).set_index(["h"], append=True, verify_integrity=True)
f.reset_index(), f["n"].reset_index(name="z"), f["n"].reset_index(drop=True),
 f.reset_index(names="i")
f.set_index("g", drop=False), f.set_index(["g", "h"]), f.set_index(["g", f["n"] * 2], append=True)
f.set_index("h", verify_integrity=True)
f.set_axis(range(8)), f[["n", "v"]].set_axis(["a", "b"], axis=1), f.set_axis([1], axis=0)
f.rename(str.upper, axis=1), f.rename({1: 5}, axis="index"), f.rename(columns={"zz": 1},
 errors="raise")
f["n"].rename("x"), f["n"].rename({1: 100}), f["n"].rename(lambda i: i + 1), m.rename({"a": "A"},
 level=0)
m.rename(columns={"p": "P"}, level="low"), m.rename_axis(["i", "j"]),
 m.rename_axis(columns=str.upper)
m.rename_axis(index={"g": "GG"}), f.rename_axis("i").index.name, f.add_prefix("a_", axis=0).index
f.add_suffix("_z").columns, f["n"].add_prefix("q"), f.squeeze(), f[["n"]].squeeze("columns")
f.assign(a=1, b=lambda c: c["a"] + c["n"]), f.insert(1, "new", 5), do("f.insert(1, 'new',
 f['n'])")
do("f.insert(1, 'n', 5)")
do("f.insert(0, 'n', 5, allow_duplicates=True)")
do("x = f.pop('n')"), f.drop(columns=["n", "v"]), f.drop(1), f.drop([3, 99]), f.drop(99,
 errors="ignore")
f.drop(columns="zz", errors="ignore"), f.drop(index=[3], columns="g"), m.drop("a", level="g")
f.drop(columns=["n", "v"]), m.drop(columns="p", level=1), m.drop(("b", 1)), f["n"].drop([1, 2])
f.assign(l=[[1, 2], [], None, "ab", (3,), [4], [None], {5}]).explode("l")
f.assign(l=[[1, 2], [], [3], [4], [3], [4], [5], [6]])[["n", "l"]].explode("l", ignore_index=True)
f[["n"]].assign(a=[[1, 2]] * 8, b=[[3, 4]] * 8).explode(["a", "b"]).tail(3)
f["s"].str.split("").explode().head(3), pd.Series([[1, 2], "x"]).explode(ignore_index=True)
f.T.dtypes, m.T, f[["n", "h"]].transpose(), f.iloc[2:4].T.infer_objects().dtypes
f.apply(lambda r: r["n"] + r["h"], axis=1), f[["n", "h"]].apply(np.cumsum), f[["n"]].apply([min,
 max])
f[["n", "h"]].apply(lambda r: [r.iloc[0], 1], axis=1, result_type="expand")
f[["n", "h"]].apply(lambda r: [r.iloc[0], 1], axis=1, result_type="reduce")
f[["n", "h"]].apply(lambda r: [r.iloc[0], 1], axis=1, result_type="broadcast")
f[["n", "h"]].apply(lambda c, k, w: c.sum() + k + w, args=(1,), w=2), f[["n"]].apply(np.sum,
 raw=True)
f["n"].apply(lambda x: x + 0.5), f["v"].apply(str), f["n"].apply(lambda x, y: x * y, y=3)
f["n"].apply(lambda x: pd.Series([x, 1], ["a", "b"])).head(2), f["n"].agg(["min", "max"]),
 f["n"].agg("sum")
f[["n", "v"]].map(lambda x: x * 2, na_action="ignore"), f["g"].map({"a": 1, "b": 2}),
 f["g"].map(len)
f["g"].map("<{}>".format, na_action="ignore"), f["g"].map(pd.Series({"a": 5})),
 f["k"].map(str.upper)
f.agg({"n": ["min", "sum"], "v": "mean"}), f[["n", "v"]].agg("sum", axis=1), f.agg(x=("n",
 "max"), y=("v", "min"))
f[["n", "v"]].transform([np.sqrt, "cumsum"]), f["n"].transform(lambda x: -x),
 f[["n"]].transform("sum")
f.pipe(lambda x, y: x["n"] + y, y=1), f.pipe((lambda y, x: x["n"] * y, "x"), 3)
f.reindex([3, 0, 77]), f.iloc[3:].reindex([0, 77, 9]), f.iloc[3:].reindex(columns=["n", "zz"],
 fill_value=7)
f.iloc[3:].reset_index()["n"].reindex([-1, 2, 9], method="ffill"), t.reindex(t.index[:2].shift(1,
 "1h"), method="nearest")
t.reindex(t.index[:3].shift(1, "1h"), method="bfill", limit=1), t.reindex(t.index.shift(1, "1h"),
 method="ffill",
 tolerance="30min"), t.reindex_like(t.iloc[1:3]), m.reindex([("b", 2), ("z", 1)]),
 m.reindex(["a"], level="g")
f.truncate(1, 5), t.truncate("2024-03-31", "2024-04-01"),
 f["n"].reset_index(drop=True).truncate(after=2)
f.head(-6), f.tail(-6), f.take([0, -1]), f.take([1, 0], axis=1), f["n"].repeat(2),
 f["n"].repeat([0, 1] * 4)
f.items().__next__(), [*f.iterrows()][0], [*f.head(2).itertuples()],
 [*f.head(1).itertuples(index=False, name="R")]
f.equals(f.copy()), f.equals(f.astype({"n": float})), f.keys(), f.axes, f.shape
"""

FILLED = fill_lines(
    "f['v'].reset_index(drop=True).OF",
    OF="""fillna(9.5) fillna(1,limit=1) ffill() ffill(limit=1) ffill(limit_area="inside") bfill()
    bfill(limit=1) interpolate() dropna() isna() notna() hasnans""",
) + fill_lines(
    "\npd.Series([np.nan, 1, np.nan, np.nan, 8, np.nan, np.nan], index=[0, 1, 2, 4, 8, 9, 10]).OF",
    OF="""interpolate() interpolate("index") interpolate("values",limit=1) interpolate(limit=1)
    interpolate(limit=1,limit_direction="backward") interpolate(limit_direction="both")
    interpolate(limit=1,limit_direction="both") interpolate(limit_area="inside")
    interpolate(limit_area="outside",limit_direction="both") interpolate("zz") interpolate("pad")
    ffill(limit=1) ffill(limit_area="outside") bfill(limit=1) bfill(limit_area="inside")
    fillna({0:5,9:6}) fillna(pd.Series({2:7})) ffill(limit=0) interpolate("time")""",
)
MORE_FILLED = """
f.fillna({"v": 0, "g": "q"}), f.fillna({"v": 0}, limit=1),
 f[["v"]].fillna(f[["n"]].rename(columns={"n": "v"}).iloc[3:])
do("f.fillna({'v': -1}, inplace=True)")
do("f['v'].fillna(-1, inplace=True)")
f["k"].fillna("un"), f["k"].fillna("zz")
f["d"].fillna(pd.Timestamp("2020-01-01")), f["d"].ffill(), f["g"].bfill(), f[["v",
 "n"]].ffill(axis=1)
f[["n", "v"]].interpolate(axis=1), f[["v"]].bfill(axis=1, limit=1), t.interpolate("time"),
 t.interpolate("linear")
f.dropna(), f.dropna(how="all"), f.dropna(subset=["g", "v"]), f.dropna(axis=1), f.dropna(thresh=8)
f.dropna(thresh=7, axis=1), f.dropna(subset=["v"], ignore_index=True), f.dropna(how="zz"),
 f["g"].dropna(ignore_index=True)
f.dropna(subset=["g", "v"], how="all"), f.dropna(thresh=1, how="any")
f.replace(2.25, 9), f.replace({"g": {"a": "A"}, "h": {1: 100}}), f.replace([1, 2], [2, 1]),
 f["n"].replace([1, 3], 0)
f.replace("^[Tt]", "Z", regex=True), f["s"].replace({r"\\d+": "#"}, regex=True),
 f["s"].replace(regex="o.e", value="1")
f.replace({"g": "a", "n": 3}, "zz"), f["v"].replace(np.nan, 5), f["g"].replace("a", None),
 f["n"].replace({1: None})
do("f.replace(1, 50, inplace=True)")
f["n"].clip(2, 5), f["v"].clip(lower=0), f[["n", "v"]].clip(upper=[3, 1], axis=1),
 f["v"].clip(f["h"].to_numpy())
f[["n", "v"]].clip(f["h"].to_numpy() * 2, axis=0), do("f[['n']].clip(2, 3, inplace=True)")
f["n"].where(f["n"] > 3), f["n"].where(f["n"] > 3, -f["n"]), f["n"].where(lambda c: c < 3, lambda
 c: c * 10)
f[["n", "v"]].where(f[["n", "v"]] > 1, 0), f[["n", "v"]].where(f["b"], f["h"], axis=0),
 f["v"].mask(f["b"])
f["n"].mask(f["n"] > 3, 0.5), f["g"].where(f["b"], "none"), f["k"].where(f["b"], "hi"),
 f["k"].where(f["b"], "zz")
f[["n", "v"]].mask(f[["n"]] > 3), f["n"].where(pd.Series([True, None] * 4, index=f.index,
 dtype="boolean"), 0)
do("f.where(f[['n']].to_numpy() > [3] * 8, -1, inplace=True)"), do("f['h'].where(f['h'] > 1, 0,
 inplace=True)")
f["n"].case_when([(f["n"] > 4, "big"), (f["b"], "flag")]), f["v"].isna().sum()
f["n"].shift(), f["n"].shift(-2, fill_value=0), f["v"].shift([0, 1]), f[["n", "v"]].shift(1,
 axis=1), f["k"].shift()
f.shift(1)["d"], f["s"].shift(1, fill_value="z"), t.shift(1, freq="h"), t.shift(2),
 t.shift(freq="infer"), f["b"].shift(1)
f[["n", "v"]].shift([1, -1], suffix="_s"), t.to_frame().shift(1, freq="2D", axis=0)
f["n"].diff(), f["n"].diff(-2), f[["n", "v"]].diff(axis=1), f["d"].diff(), f["b"].diff(),
 f["v"].pct_change(fill_method=None)
f["n"].pct_change(2), t.pct_change(freq="14h", fill_method=None), f[["n", "h"]].pct_change(axis=1)
f["v"].cumsum(), f["v"].cumsum(skipna=False), f[["n", "v"]].cumprod(axis=1), f["v"].cummin(),
 f["d"].cummax(), f["v"].cummax()
f.astype({"n": "float32", "b": int}), f["n"].astype(str), f["g"].astype("category"),
 f["v"].astype(int)
f["v"].astype("Int64"), f["n"].astype("UInt8") - 5, f["g"].astype("string"),
 f["n"].astype("int8"), f["n"].astype("zz")
f["g"].astype(int, errors="ignore"), f.convert_dtypes().dtypes,
 f.convert_dtypes(convert_integer=False)["n"]
f.convert_dtypes(convert_string=False, convert_boolean=False, convert_floating=False).dtypes,
 f.infer_objects().dtypes
pd.array([1, None, 3]) + 1, pd.array([True, None]) & pd.array([None, False]), pd.array([True,
 None]) | True, pd.array(["a", None])
pd.array([1.5, None]).sum(), pd.Series([1, None], dtype="Int64").sum(skipna=False), pd.array([1,
 None]) == 1
pd.to_numeric(f["s"], errors="coerce"), pd.to_numeric(["1", "2.5", None]), pd.to_numeric(["1",
 "2"], downcast="integer")
pd.to_numeric(["-1", "2"], downcast="unsigned"), pd.to_numeric([1.0, 2], downcast="signed"),
 pd.to_numeric(["1", "x"])
pd.to_numeric(["1", None], dtype_backend="numpy_nullable"), f["v"].round(), f.round({"v": 0}),
 f["v"].round(-1), f["v"].abs()
pd.isna([1, None, np.nan]), pd.notna("a"), pd.isna(pd.NaT), f["n"].to_list(), f["v"].to_dict(),
 f["v"].to_numpy(na_value=-1)
f[["n", "v"]].to_numpy(dtype="float32", na_value=0), f["n"].to_frame("x"),
 pd.DataFrame.from_dict({"a": [1, 2]}, orient="index")
pd.DataFrame.from_dict({"a": [1, 2]}, orient="index", columns=["p", "q"]),
 pd.DataFrame.from_dict(f.to_dict("tight"), orient="tight")
pd.DataFrame.from_records([(1, "a"), (2, "b")], columns=["x", "y"], index="x"),
 pd.DataFrame.from_records(f.head(2).to_records(), exclude=["g"])
pd.json_normalize([{"a": {"b": 1, "c": {"d": 2}}, "l": [{"x": 1}, {"x": 2}]}], "l", [["a", "b"]],
 record_prefix="r_", meta_prefix="m_")
pd.json_normalize([{"a": {"b": 1, "c": {"d": 2}}}, {"z": 1}], sep="_", max_level=1),
 pd.json_normalize({"a": {"b": 1}})
pd.json_normalize([{"l": [1]}], "l", ["zz"], errors="ignore"), pd.DataFrame({"a": [1], "b": 2},
 columns=["b", "c"], dtype=float)
pd.DataFrame([[1, 2], [3, None]], index=["p", "q"]), pd.DataFrame([{"a": 1}, {"b": 2}]),
 pd.Series({"a": 1, "b": 2}, index=["b", "z"])
pd.Series(5, index=[1, 2], name="s", dtype="float32"), pd.Series([1, 2], copy=True).attrs,
 pd.DataFrame(np.eye(2), columns=list("ab"))
pd.DataFrame({"a": pd.Series([1, 2], index=[1, 2]), "b": pd.Series([3, 4], index=[2, 3])})
"""

# Without "kendall", and "spearman" of columns: they need SciPy, which some images with pandas lack.
MATH = fill_lines(
    "f[['n', 'v', 'h']].HOW",
    HOW="""sum() sum(axis=1) sum(skipna=False) sum(min_count=8) prod() prod(min_count=8)
    mean(axis=1)
    mean(skipna=False) median() std() std(ddof=0) var(axis=1) sem() sem(ddof=0) skew() kurt()
    min(axis=1)
    max() idxmax() idxmin(axis=1) count() count(axis=1) nunique() nunique(dropna=False)
    any(axis=1)
    all() quantile() quantile([0.2,0.7]) quantile(0.3,interpolation="lower")
    quantile(0.3,interpolation="higher") quantile(0.3,interpolation="nearest")
    quantile(0.3,interpolation="midpoint") quantile(0.4,axis=1)
    quantile(0.3,method="table",interpolation="lower")
    corr() corr("spearman") corr(min_periods=8) corr(lambda&a,b:a.max()-b.min())
    cov() cov(ddof=0) cov(min_periods=8) corrwith(f["n"])
    corrwith(f[["n","v"]]) corrwith(f[["n"]],drop=True) corrwith(f.T,axis=1,numeric_only=True)
    describe() describe(percentiles=[0.1]) describe(include="all") agg(["mean","std"])""",
).replace("&", " ")
MORE_MATH = """
f["n"].corr(f["v"]), f["n"].corr(f["v"], min_periods=8),
 f["n"].cov(f["v"], ddof=0)
f["n"].autocorr(2), f["n"].cov(f["v"], min_periods=8)
f.describe(), f.describe(include="all"), f.describe(include=["category"]),
 f.describe(exclude="number")
f["g"].describe(), f["d"].describe(), f["b"].describe(), f["k"].describe(),
 f.describe(percentiles=[0.9, 0.05])
f["v"].quantile(0.35), f["d"].quantile(0.5), f["n"].quantile([0.1, 0.9], "nearest"),
 f["n"].quantile(1.5)
f.sum(numeric_only=True), f.mean(), f["g"].sum(), f["g"].max(), f["d"].mean(),
 f["d"].max(skipna=False), f["k"].max()
f["k"].min(), f["b"].sum(), f["b"].mean(), f["b"].any(), f["v"].any(skipna=False),
 f.all(axis=None), f[["n", "v"]].sum(axis=None)
pd.Series([], dtype=float).sum(), pd.Series([], dtype=float).max(), pd.Series([np.nan]).prod(),
 f["v"].std(ddof=7), f["n"].skew()
f["n"].items().__next__(), f["n"].dot(f[["h", "n"]]), f["n"].sum(axis=1)
f["v"].nunique(), f["v"].is_unique, f["n"].product(), f["v"].kurt(skipna=False), f[["n",
 "h"]].max(axis=None)
"""

LISTS = {
    "pivots": PIVOTS,
    "crossed": CROSSED,
    "turned": TURNED,
    "filled": FILLED + MORE_FILLED,
    "math": MATH + MORE_MATH,
}


def change_tables(name: str) -> list[str]:
    """Return what the steps of a list that turn, fill or describe make of tables."""
    return play_tables(LISTS[name])


OF_SHAPES = (Family(change_tables, lambda: [*LISTS], lambda _: None),)
