"""Programs that sort, cut, rank, count and choose values of tables, with each option."""

from __future__ import annotations

from ..families import Family
from ..of_frames import play_tables
from ..telling import fill_lines

CUTS = fill_lines(
    """
pd.cut(f["n"], [1, 3, 5, 9], OPTIONS)
pd.cut(f["v"], 4, OPTIONS)
pd.cut([1.0, 2.0, 3.0, np.nan, 0.9999, 5.0], np.array([1.0, 2.0, 3.0, 5.0, 6.0]), OPTIONS)
pd.qcut(f["n"], 4, OPTIONS)
""",
    OPTIONS="""right=True right=False include_lowest=True right=False,include_lowest=True
    retbins=True
    retbins=True,right=False labels=False labels=["w","x","y","z"] precision=0
    labels=["w","x","y","w"],ordered=False duplicates="drop" labels=["w","x","y"] """,
)
MORE_CUTS = """
pd.cut(f["n"], [1, 3, 3, 9], duplicates="drop")
pd.cut(f["n"], [1, 3, 3, 9])
pd.cut(f["n"], [9, 1, 3])
pd.cut(f["n"], 2, labels=["a", "b"], retbins=True)
pd.cut(f["n"], 3, labels=["a", "b", "a"], ordered=False)
pd.cut(f["n"], 3, labels=["a", "b", "a"])
pd.cut(f["n"], pd.IntervalIndex.from_tuples([(0, 2), (4, 9)]))
pd.cut(f["n"], pd.IntervalIndex.from_breaks([1, 3, 9], closed="left"))
pd.cut(f["n"], pd.IntervalIndex.from_breaks([1, 3, 9], closed="both"))
pd.cut(f["d"], 3)
pd.cut(f["d"], pd.to_datetime(["2024-02-28", "2024-03-01", "2024-06-01"]), right=False)
pd.cut(f["d"], pd.to_datetime(["2024-02-28", "2024-03-01", "2024-06-01"]), retbins=True)
pd.cut(pd.to_timedelta([1, 2, 5], unit="h"), 2)
pd.cut([5, 5, 5], 2)
pd.cut([0.0, 0.0], 2, retbins=True)
pd.cut([], 2)
pd.cut(f["n"], 0)
pd.cut(f["b"], 2)
pd.cut([0.123456, 0.1299, 0.14], 2, precision=2, retbins=True)
pd.cut([1e-5, 2e-5, 3e-5], 2)
pd.cut(pd.array([1, None, 3], dtype="Int64"), [0, 1, 3])
pd.cut(np.array([1, 5, 10]), [0, 5, 10], labels=False, include_lowest=True, retbins=True)
pd.qcut(f["v"], [0, 0.25, 0.8, 1.0])
pd.qcut(f["v"], [0.25, 0.75], labels=False)
pd.qcut(f["v"], 3, labels=["lo", "mid", "hi"])
pd.qcut([1, 1, 1, 2], 3)
pd.qcut([1, 1, 1, 2, 3], 3, duplicates="drop", retbins=True)
pd.qcut(f["d"], 2)
pd.qcut(range(10), [0, 0.1, 0.5, 1], precision=1, labels=None)
pd.Interval(1, 3, closed="left").overlaps(pd.Interval(3, 4))
[x in pd.Interval(1, 3, closed="neither") for x in (1, 2, 3)]
pd.interval_range(0, 6, periods=3, closed="both")
pd.interval_range(pd.Timestamp("2024-01-01"), freq="2D", periods=2)
pd.IntervalIndex.from_breaks([0, 1, 3]).get_indexer([0, 1, 2.5, 4])
pd.IntervalIndex.from_tuples([(0, 2), (1, 3)], closed="left").is_overlapping
pd.IntervalIndex.from_breaks([0, 1, 3], closed="left").contains(1)
pd.IntervalIndex.from_arrays([0, 2], [1, 5], closed="both").length
"""

RANKS = fill_lines(
    """
f["v"].rank(method=METHOD, OPTIONS)
f.groupby("g")["v"].rank(method=METHOD, OPTIONS)
f[["v", "n"]].rank(method=METHOD, OPTIONS)
""",
    METHOD="'average' 'min' 'max' 'first' 'dense'",
    OPTIONS="ascending=True ascending=False pct=True na_option='top' na_option='bottom',pct=True",
)
MORE_RANKS = """
f["g"].rank()
f["k"].rank(ascending=False)
f["d"].rank(method="dense")
f["s"].rank(na_option="bottom", method="first")
f.rank(numeric_only=True, axis=1)
f["v"].rank(na_option="x")
f["v"].rank(method="x")
f["b"].rank()
"""

SORTS = fill_lines(
    """
f.sort_values("v", OPTIONS)
f["v"].sort_values(OPTIONS)
f.sort_values(["g", "n"], OPTIONS)
f.sort_index(OPTIONS)
m.sort_index(OPTIONS)
""",
    OPTIONS="""ascending=True ascending=False na_position="first" kind="stable" ignore_index=True
    ascending=False,kind="mergesort" """,
)
MORE_SORTS = """
f.sort_values(["h", "v"], ascending=[False, True])
f.sort_values(["h", "v"], ascending=[False, True], na_position="first")
f.sort_values("s", key=lambda c: c.str.lower())
f["s"].sort_values(key=lambda c: c.str.len(), kind="stable")
f.sort_values("k", ascending=False, kind="stable")
f.sort_values("d", na_position="first", kind="stable")
f[["n", "h"]].iloc[[0, 3]].sort_values(0, axis=1)
f[["v", "n", "h"]].sort_values(7, axis=1, ascending=False)
f.sort_values("nothing")
f.sort_index(key=lambda i: -i, kind="stable")
f.sort_index(axis=1)
m.sort_index(level="h", sort_remaining=False, kind="stable")
m.sort_index(level=[1, 0], ascending=[False, True])
m.sort_index(axis=1, level="low", ascending=False)
m.sort_values([("x", "q"), ("y", "p")])
m.sort_values("h")
do("f.sort_values('n', inplace=True, kind='stable')")
do("f['v'].sort_values(inplace=True)")
f["v"].argsort()
f["v"].argmax(), f["v"].argmin(), f["v"].idxmax(), f["n"].idxmin()
f[["v", "n"]].idxmax(axis=1)
f["v"].searchsorted(1)
f["n"].sort_values().searchsorted([1, 5], side="right")
f["v"].is_monotonic_increasing, f["n"].sort_values().is_monotonic_increasing
"""

FOUND = fill_lines(
    """
f.drop_duplicates("h", OPTIONS)
f["v"].drop_duplicates(OPTIONS)
f.duplicated(["g", "h"], OPTIONS)
f["g"].duplicated(OPTIONS)
f.index.drop_duplicates(OPTIONS)
f.index.duplicated(OPTIONS)
f.nlargest(3, "v", OPTIONS)
f.nsmallest(2, ["v", "n"], OPTIONS)
f["v"].nlargest(2, OPTIONS)
f["n"].nsmallest(1, OPTIONS)
""",
    OPTIONS="keep='first' keep='last' keep=False keep='all'",
)
MORE_FOUND = """
f.drop_duplicates(["g", "h"], ignore_index=True)
do("f.drop_duplicates('h', inplace=True)")
f.sample(4, random_state=3)
f.sample(3, random_state=3, weights="n")
f.sample(4, random_state=3, weights=[0, 0, 1, 1, 1, 1, 0, 0])
f.sample(9, random_state=3, replace=True, ignore_index=True)
f.sample(frac=0.5, random_state=np.random.default_rng(2))
f.sample(2, axis=1, random_state=4)
f.sample(9, random_state=3)
f.sample(2, frac=0.5)
f.sample(2, weights=[-1] * 8)
f.groupby("h").sample(1, random_state=2)
f.groupby("h").sample(2, replace=True, random_state=2, weights=f["n"])
f["g"].value_counts(dropna=False)
f["g"].value_counts(normalize=True)
f["g"].value_counts(normalize=True, dropna=False, sort=False)
f["n"].value_counts(bins=3)
f["n"].value_counts(bins=[0, 3, 9], normalize=True, sort=False)
f["v"].value_counts(ascending=True)
f["k"].value_counts()
f["b"].value_counts(sort=False)
f[["g", "h"]].value_counts()
f[["g", "h"]].value_counts(dropna=False, ascending=True, normalize=True)
f.value_counts(subset=["h", "b"], sort=False)
f["v"].mode(), f["g"].mode(dropna=False), f[["v", "n", "g"]].mode()
f[["v", "n", "g"]].mode(axis=1, numeric_only=True)
f["g"].unique(), f["v"].nunique(), f["v"].nunique(dropna=False), f.nunique(axis=1)
f["g"].isin(["a", None]), f.isin({"h": [1], "g": ["b"]})
pd.factorize(f["g"])
pd.factorize(f["g"], use_na_sentinel=False, sort=True)
pd.factorize(f["d"])
pd.unique(f["n"])
f.query("n > 2 and h == 1")
f.query("g in ['a', 'c'] or v < 0")
f.query("n > @np.int64(4)")
f.query("`n` < v")
f.query("index > 3 and not b")
f.query("s.str.len() > 3", engine="python")
f.query("1 < n <= 5")
f.query("g == @missing")
f.eval("w = n * 2 + h")
f.eval("a = n + 1\\nc = a * 2")
f.eval("v.mean() + n")
do("f.eval('w = n - h', inplace=True)")
pd.eval("1 + 2 * 3")
m.query("g == 'a' and h > 1")
f["v"].between(0.5, 2.25), f["v"].between(0.5, 2.25, "neither")
f["v"].between(0.5, 2.25, "right")
f.first_valid_index(), f["v"].last_valid_index()
f.filter(["v", "zz"]), f.filter(like="n"), f.filter(like="1", axis=0)
f.select_dtypes(["bool", "datetime"]), f.select_dtypes(exclude=["number", "category"])
f.select_dtypes("category"), f.select_dtypes(include="int64")
f.select_dtypes()
"""

LISTS = {
    "cuts": CUTS + MORE_CUTS,
    "ranks": RANKS + MORE_RANKS,
    "sorts": SORTS + MORE_SORTS,
    "found": FOUND + MORE_FOUND,
}


def choose_rows(name: str) -> list[str]:
    """Return what the steps of a list that cut, rank, sort or find make of tables."""
    return play_tables(LISTS[name])


OF_BINS = (Family(choose_rows, lambda: [*LISTS], lambda _: None),)
