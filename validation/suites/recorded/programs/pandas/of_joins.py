"""Programs that join, group and turn tables, with each option."""

from __future__ import annotations

from ..families import Family
from ..of_frames import play_tables
from ..telling import fill_lines

MERGES = fill_lines(
    """
f.merge(o, on="g", how=HOW)
f.merge(o, on=["g", "h"], how=HOW, indicator=True)
f.merge(o, left_on="n", right_on="v", how=HOW, suffixes=("_l", None))
f.merge(o, left_index=True, right_index=True, how=HOW, sort=True)
f.merge(o, left_on="h", right_index=True, how=HOW, indicator="from")
f.set_index("g").join(o.set_index("g"), how=HOW, lsuffix="_a", rsuffix="_b")
f.join(o, on="n", how=HOW, rsuffix="_b")
m["x"].join(o.set_index(["g", "h"]), how=HOW)
""",
    HOW="'left' 'right' 'inner' 'outer'",
) + fill_lines(
    """
f.merge(o, on="h", how=HOW, validate=CHECK)
f.drop_duplicates("g").merge(o.drop_duplicates("g"), on="g", how=HOW, validate=CHECK)
f.merge(o.drop_duplicates("g"), on="g", how=HOW, validate=CHECK)
f.drop_duplicates("g").merge(o, on="g", how=HOW, validate=CHECK)
f.join(o.set_index("g")[["v"]], on="g", how=HOW, validate=CHECK, rsuffix="_o")
""",
    HOW="'left' 'right' 'inner' 'outer'",
    CHECK="'1:1' '1:m' 'm:1' 'm:m' 'one_to_many' 'zz'",
)
AS_OF = fill_lines(
    """
pd.merge_asof(f[["n", "v"]].sort_values("n", kind="stable").astype({"n": float}), o[["v", "h"]],
 left_on="n",
 right_on="v", OPTIONS)
pd.merge_asof(f[["n", "h"]].sort_values("n", kind="stable").assign(v=lambda c: c["n"] + 0.4), o[[
 "v", "h", "g"]], on="v", by="h", OPTIONS)
""".replace("\n ", ""),
    OPTIONS="""direction="backward" direction="forward" direction="nearest" tolerance=0.5
    tolerance=1.0,direction="nearest" allow_exact_matches=False,direction="forward"
    allow_exact_matches=False suffixes=("_p","_q") """,
)
MORE_MERGES = """
f.merge(o, how="cross", suffixes=("", "_o")).tail(3)
f.merge(o, on="g", how="cross")
f.merge(o, on="nothing")
f.merge(o, on="g", suffixes=(None, None))
f.merge(o, on="g", suffixes=(False, "_o")).columns
f.merge(o.rename(columns={"g": "gg"}), left_on="g", right_on="gg", how="outer", indicator=True)
f.merge(o, left_on=["g", f["h"].to_numpy()], right_on=["g", "h"], how="left")
pd.merge(m, o.set_index(["g", "h"])[["v"]].set_axis(pd.MultiIndex.from_tuples([("v", "")]),
 axis=1),
 on=["g", "h"], how="outer")
f[["n"]].join([o[["v"]].rename(columns={"v": "a"}).drop_duplicates("a")], how="inner")
f[["n"]].iloc[3:].join([o[["v"]].iloc[:2], o[["h"]].iloc[:1]], how="outer")
pd.merge_ordered(o, f[["g", "n"]].dropna(), on="g", fill_method="ffill")
pd.merge_ordered(o[["h", "v"]], f[["h", "n"]], on="h", how="inner", suffixes=("_l", "_r"))
pd.merge_ordered(o[["g", "v"]].dropna(), f[["g", "h", "n"]].dropna(), on="g", left_by=None,
 right_by="h")
pd.merge_asof(t.reset_index(), t.reset_index().iloc[::3].rename(columns={"c": "e"}), on="at",
 tolerance=pd.Timedelta("8h"))
pd.merge_asof(t.to_frame(), t.iloc[1::2].rename("e").to_frame(), left_index=True,
 right_index=True,
 direction="forward")
pd.merge_asof(f[["n"]], o[["v"]], left_on="n", right_on="v")
f["v"].iloc[3:].combine_first(o["v"].iloc[[0, 1, 4]])
f.iloc[3:].combine_first(o.iloc[[0, 4]])
f[["v", "n"]].iloc[3:].combine(o[["v"]].iloc[[0, 4]], np.fmax, fill_value=0, overwrite=False)
do("f.update(o[['v']].iloc[[1, 4]])")
do("f = f.iloc[3:].copy(); f.update(o.iloc[[0, 1, 4]], filter_func=lambda c: c != 0.5)")
do("f.update(pd.DataFrame({'v': [9.0, 8.0]}, index=[0, 9]), overwrite=False)")
do("f.update(pd.DataFrame({'v': [9.0]}, index=[0]), errors='raise')")
f.compare(f.assign(v=f["v"] + (f["n"] > 3), n=1), keep_shape=True)
f.compare(f.assign(n=1), align_axis=0, result_names=("was", "is"), keep_equal=True)
"""

CONCATS = fill_lines(
    """
pd.concat([f[["v", "n"]], o[["h", "v"]]], OPTIONS)
pd.concat([f["v"], o["v"].rename("w")], OPTIONS)
pd.concat([o, o.iloc[:2]], OPTIONS)
pd.concat([o["v"].iloc[:3], f["n"].iloc[3:]], OPTIONS)
""",
    OPTIONS="""join="inner" join="outer" ignore_index=True sort=True keys=["a","b"]
    keys=["a","b"],names=["from","row"] verify_integrity=True axis=1,ignore_index=True
    keys=[("a",1),("b",2)] copy=False,keys=["b","a"]""",
)
MORE_CONCATS = """
pd.concat({"p": f[["n"]], "q": None, "r": o[["h"]]})
pd.concat([o.iloc[:3].drop_duplicates("v"), f.iloc[3:]], axis=1)
pd.concat([f.iloc[3:], o.iloc[[0, 4]]], axis=1, join="inner", keys=["l", "r"])
pd.concat([o.iloc[[0, 1]], o.iloc[[4, 0]]], axis=1, sort=True)
pd.concat([])
pd.concat([f["k"], pd.Series(["lo"]).astype(f["k"].dtype)])
pd.concat([f["k"], pd.Series(["new"]).astype("category")])
pd.concat([f["n"], f["v"], f["b"]])
pd.concat([f["n"], pd.Series([True, None], dtype="boolean")])
pd.concat([m, m.iloc[:1]], keys=["a", "b"])
pd.concat([f["d"], t.index.to_series().iloc[:2]], ignore_index=True)
f.reset_index()["n"].add(o.reset_index()["v"])
f.reset_index()["n"].add(o.reset_index()["v"], fill_value=10)
f[["v", "n"]].sub(f["n"], axis=0), f[["v", "n"]].rsub(1), f["n"].rpow(2), f["n"].floordiv(4)
f[["v", "n"]].mul([2, 3], axis="columns"), f["n"].mod(3), f["n"].rtruediv(6)
f[["v", "n"]].div(f["n"], axis=0).round(3), f["n"].divmod(4), f["v"].eq(2.25), f["v"].ne(np.nan)
f["v"].lt(f["n"]), f["v"].ge(2, fill_value=3), f[["v", "n"]].gt([1, 3]), f["n"].dot(f["n"])
m.sub(m.loc[:, "x"].droplevel(0, axis=0).iloc[0], level="low", axis=1)
f.align(o, join="inner", axis=1)
t.align(t.iloc[2:4], join="outer", fill_value=0)
t.iloc[2:4].align(t, join="left")[1]
"""

GROUPED = fill_lines(
    """
f.groupby("g", OPTIONS)["v"].sum()
f.groupby(["g", "h"], OPTIONS)["n"].agg(["sum", "max"])
f.groupby("k", OPTIONS)["n"].mean()
f.groupby(["k", "h"], OPTIONS)["v"].min()
f.groupby("g", OPTIONS).agg(most=("v", "max"), size=("n", "size"))
f.groupby("g", OPTIONS).size()
f.groupby("g", OPTIONS)[["n", "v"]].apply(lambda c: c.iloc[:1])
f.groupby("g", OPTIONS)[["n"]].transform("sum")
f.groupby("g", OPTIONS)["n"].apply(lambda c: c * 2)
""",
    OPTIONS="""as_index=True as_index=False sort=False dropna=False observed=False observed=True
    group_keys=False""",
)
REDUCED = fill_lines(
    'f.groupby("g")[["n", "v"]].HOW',
    HOW="""sum() mean() median() std() std(ddof=0) var() sem() sem(ddof=0) min() max() prod()
    first() last() first(skipna=False) last(min_count=2) sum(min_count=2) count() nunique()
    nunique(dropna=False) size() skew() quantile(0.3) quantile([0.1,0.9]) idxmax() idxmin()
    any() all() any(skipna=False) describe() cumsum() cumprod() cummax() cummin() cumcount()
    cumcount(ascending=False) ngroup() ngroup(ascending=False) nth(0) nth(-1) nth([0,1])
    nth(slice(1,None)) head(1) head(-1) tail(1) tail(-1) shift() shift(-1)
    shift([1,2]) shift(1,fill_value=0) shift([1],suffix="_p") diff() diff(-1)
    pct_change(fill_method=None) ffill() bfill() ffill(limit=1) rank() corr() cov()
    cov(min_periods=3)
    ohlc() value_counts() rolling(2).sum() rolling(2,min_periods=1).mean()
    rolling(2,closed="left").sum() expanding(2).max() ewm(span=2).mean() get_group("a")
    filter(lambda&c:c["n"].sum()>6) filter(lambda&c:c["n"].sum()>6,dropna=False)
    pipe(lambda&c:c.max()-c.min()) agg("sum") agg({"n":"sum","v":["min","max"]})
    agg(lambda&c:c.max()-c.min()) transform("cumsum") transform(lambda&c:c-c.mean())
    take([0]) sample(1,random_state=1) mean(numeric_only=True) kurt() groups indices ngroups
    max(min_count=2) min(min_count=3) __iter__()""",
).replace("&", " ")
MORE_GROUPS = """
[*f.groupby("h")]
f.groupby("g")["v"].nlargest(1), f.groupby("g")["v"].nsmallest(2, keep="last")
f.groupby("g")["v"].unique(), f.groupby("g")["n"].is_monotonic_increasing
f.groupby("g")["b"].value_counts(normalize=True), f.groupby("g")["b"].value_counts(sort=False)
f.groupby("g")["n"].value_counts(bins=2), f.groupby("g")["v"].value_counts(dropna=False)
f.groupby("g")["n"].rank(ascending=False, pct=True), f.groupby("h")["v"].rank(na_option="top")
f.groupby("g")["n"].agg(low="min", high=lambda c: c.max())
f.groupby("g").agg({"n": ["sum", np.mean]})
f.groupby("g").agg({"zz": "sum"})
f.groupby(["g"])["n"].agg(["sum", "sum"])
f.groupby(lambda i: i % 2)["n"].sum(), f.groupby({3: "x", 1: "y", 0: "x"})["n"].sum()
f.groupby(f["n"].to_numpy() > 3)["v"].sum(), f.groupby([f["h"], f["n"] % 2])["n"].sum().unstack()
m.groupby(level="g").sum(), m.groupby(level=[1, 0], sort=False).size(), m.groupby("h").max()
m.T.groupby(level="up").sum(), m.groupby(["g", "h"], as_index=False).first()
t.groupby(pd.Grouper(freq="D")).sum(), t.groupby(pd.Grouper(freq="D", label="right")).count()
f.groupby([pd.Grouper(key="d", freq="ME"), "h"])["n"].sum()
t.groupby(pd.Grouper(freq="12h", origin="start", offset="1h", closed="right")).sum()
t.groupby(t.index.date).max(), t.groupby([t.index.month, t.index.hour]).first()
f.groupby("k", observed=False).ngroup(), f.groupby("k", observed=True, sort=False)["v"].first()
f.groupby("g")["k"].first(), f.groupby("g")["d"].max(), f.groupby("g")["s"].sum()
f.groupby("g")["d"].agg(["min", "count"]), f.groupby("g")["s"].agg(", ".join)
f.groupby("g", dropna=False)["n"].transform("max"), f.groupby("g", dropna=False).ngroup()
f.groupby("g")["v"].transform("count"), f.groupby("g")["n"].transform("rank")
f.groupby("g")["v"].fillna(0)
f.groupby("h").apply(lambda c: c["n"].sum()), f.groupby("h").apply(len, include_groups=False)
f.groupby("h").apply(lambda c, by: c["n"] * by, by=3), f.groupby("h")["n"].pipe(len)
f.groupby("h").apply(lambda c: pd.Series({"a": c["n"].max(), "z": 1.5}))
f.groupby("h")["n"].rolling(3, center=True).sum()
f.groupby("h")["n"].expanding().mean()
t.to_frame().assign(h=[1, 2, 1, 1, 2, 2, 1, 2, 1]).groupby("h")["c"].resample("D").sum()
t.to_frame().assign(h=[1, 2, 1, 1, 2, 2, 1, 2, 1]).groupby("h")["c"].rolling("15h").count()
f.groupby([]), f.groupby("g").zz
f.groupby(["g", "h"]).get_group(("a", 2)), f.groupby("g").get_group("zz")
f.groupby("g")["n"].sum().reset_index(name="total"), f.groupby("g", as_index=False)["n"].sum()
"""

LISTS = {
    "merges": MERGES + "\n" + AS_OF + MORE_MERGES,
    "concats": CONCATS + MORE_CONCATS,
    "grouped": GROUPED + MORE_GROUPS,
    "reduced": REDUCED,
}


def combine_rows(name: str) -> list[str]:
    """Return what the steps of a list that join or group make of tables."""
    return play_tables(LISTS[name])


OF_JOINS = (Family(combine_rows, lambda: [*LISTS], lambda _: None),)
