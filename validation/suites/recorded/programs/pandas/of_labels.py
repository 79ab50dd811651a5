"""Programs with labels, assignments, texts, categories and files of pandas, with each option."""

from __future__ import annotations

from ..families import Family
from ..of_frames import play_tables
from ..telling import fill_lines

SETS = fill_lines(
    """
pd.Index([3, 1, 2, 2]).HOW(pd.Index([2, 4, 1]), OPTIONS)
pd.Index(["b", "a"], name="x").HOW(pd.Index(["a", "c"], name="y"), OPTIONS)
m.index.HOW(m.index[[0, 2]][::-1], OPTIONS)
""",
    HOW="union intersection difference symmetric_difference",
    OPTIONS="sort=None sort=False sort=True",
)
LABELS = """
f.index.get_indexer_for([1, 9]), f["n"].sort_values().index.is_unique, f.index.get_loc(1),
 f.index.get_loc(0), f.index.get_loc(99)
pd.Index([1, 3, 7]).get_indexer([0, 3, 6], method="ffill"), pd.Index([1, 3, 7]).get_indexer([0,
 3, 6], method="nearest", tolerance=1), pd.Index([1, 3]).get_indexer([2])
pd.Index([1, 3, 7]).get_indexer([0, 6], method="bfill"), pd.Index([1, 3, 7]).slice_indexer(2, 7),
 pd.Index([1, 3, 7]).slice_locs(1, 3), pd.Index([1, 3]).searchsorted(2)
pd.Index([1, 2]).append(pd.Index(["a"])), pd.Index([1, 2]).insert(1, 9), pd.Index([1, 2,
 3]).delete([0, 2]), pd.Index([1, 2]).drop(1), pd.Index([1, 2]).drop(5), pd.Index([2,
 1]).sort_values(
 return_indexer=True), pd.Index([1, 2, 5]).join(pd.Index([5, 2, 3]), how="outer"), pd.Index([1,
 2]).putmask([True, False], 9), pd.Index([1, None]).fillna(3), pd.Index([1, 2]).isin([2])
pd.Index(["a", "b"]).str.upper(), pd.Index([1, 2, 2]).value_counts(), pd.Index([1, 2]).map({1:
 "x"}), pd.Index([1, 2]).astype(float), pd.Index([1, 2]).rename("q"), pd.Index([1, 2]).repeat(2)
pd.Index([1, 2]).where([True, False], 7), pd.Index([1, 2]).equals(pd.Index([1.0, 2])),
 pd.Index([1, 2]).identical(pd.Index([1, 2], name="a")), pd.Index([1, 2, 4]).asof(3),
 pd.Index([1, 2]).to_frame(name="c")
pd.RangeIndex(1, 9, 3), pd.RangeIndex(5)[1:4:2], pd.RangeIndex(0, 6,
 2).intersection(pd.RangeIndex(0, 9, 3)), pd.RangeIndex(3).union(pd.RangeIndex(3, 5)),
 pd.Index([1, 2], dtype="int8"), pd.Index([1, "a"])
m.index.levels, m.index.codes, m.index.get_level_values("h"), m.index.is_unique,
 m.index.is_monotonic_increasing, m.index.nlevels, m.index.to_frame(index=False),
 m.index.to_flat_index()
m.index.set_levels(["A", "B", "C"], level=0), m.index.set_names("z", level=1),
 m.index.swaplevel(), m.index.droplevel(0), m.index.get_locs(["b"]),
 m.index.remove_unused_levels(), m.index[:2].remove_unused_levels().levels
m.index.set_codes([0, 0, 1, 1, 2], level=0), m.index.isin([("b", 2)]), m.index.isin(["a"],
 level="g"), m.index.sortlevel("h", ascending=False), m.index.argsort(), m.index.get_loc(("a",
 1)), m.sort_index().index.slice_locs("a", "b")
pd.MultiIndex.from_product([[1, 2], ["x", "y"]], names=["p", "q"]),
 pd.MultiIndex.from_arrays([[1, 1], [None, 2]]), pd.MultiIndex.from_frame(f[["g", "h"]]),
 pd.MultiIndex.from_tuples([(1, 2)]).append(pd.MultiIndex.from_tuples([(3, 4)]))
f.loc[1], f.loc[[0, 1]], f.loc[3:0], f.loc[f["b"], "n":"k"], f.loc[:, ["v", "n"]], f.loc[lambda
 c: c["n"] > 4], f.loc[99], f.loc[[99]], f.loc[7, "g"], f.loc[f["n"] > 3, "g"]
f.iloc[1], f.iloc[-1, 0], f.iloc[[0, 2], [1, 3]], f.iloc[::-1, 1:3], f.iloc[99], f.iloc[[True] +
 [False] * 7], f.iat[2, 2], f.at[7, "n"], f.at[1, "n"], f.at[99, "n"], f[1:3], f[f["b"]],
 f[["n"]], f["zz"], f.get("zz", 5), f.get("n"), f.n
m.loc["a"], m.loc[("a", 1)], m.loc[[("b", 2), ("a", 3)]], m.loc[["a", "c"]], m.loc[:, "x"],
 m.loc[:, ("x", "q")], m.loc["b", ("y", "p")], m.sort_index().loc["a":"b"],
 m.sort_index().loc[("a", 2):], m.loc["a":"b"]
m.sort_index().loc[pd.IndexSlice[:, 1:2], pd.IndexSlice[:, "q"]], m.sort_index(axis=1).loc[:,
 (slice(None), "p")], m.xs(1, level="h"), m.xs("a", drop_level=False), m.xs("q", axis=1,
 level="low"), m.xs(("a", 1)), m["x", "q"], m.loc[("z", 1)]
do("f.loc[1, 'n'] = 50"), do("f.loc[f['b'], ['v', 'n']] = 0"), do("f.loc[77] = None"),
 do("f.loc[0, 'new'] = 5"), do("f.iloc[0, 2] = 9"), do("f.iloc[:, 3] = range(8)")
do("f.at[7, 'g'] = 'Q'"), do("f.iat[1, 2] = 7"), do("f['n'] = f['n'].sort_values()"), do("f['z']
 = [1, 2]"), do("f[['a', 'b2']] = f[['n', 'v']] * 2")
do("f.loc[:, 'n'] = 1.5"), do("f.loc[7, 'n'] = 1.5"), do("f.loc[7, 'n'] = 'text'")
do("f.loc[7, 'k'] = 'zz'"), do("f.loc[7, 'k'] = 'hi'"), do("f['n'] += 1"), do("f.loc[[3, 0], 'v']
 = [10, 20]"), do("f.loc[[3, 0], 'v'] = pd.Series([1.0, 2], index=[0, 3])")
do("f.loc[:, 'n'] = pd.Series([1, 2], index=[3, 0])"), do("f.columns = list('ABCDEFGH')"),
 do("f.index = range(8)"), do("f.index = [1]"), do("f.index.name = 'i'"), do("del f['n']")
do("f[f['n'].to_numpy() > 3] = -1"), do("f.loc[f['n'] > 3, 'd'] = pd.NaT"), do("f.loc[3, :] =
 f.loc[0, :]"), do("m.loc['a', ('x', 'p')] = 77"), do("f.loc[0] = [1] * 3")
do("x = f['n']; x.iloc[0] = 99"), do("x = f[['n', 'v']]; x.loc[3, 'n'] = 99"), do("x =
 f.copy(deep=False); x.iloc[0, 2] = 99"), do("x = f.to_numpy(); x[0] = 1"), do("f['n'][3] = 99")
do("x = f['n'].to_numpy(); x[0] = 99"), do("f['n'].array[0] = 55"), do("x =
 f.reset_index(drop=True); x.iloc[0, 1] = 99"), do("x = f.rename(columns=str.upper); x.iloc[0, 1]
 = 9"), do("f.iloc[:2].iloc[0, 1] = 99")
do("a = np.arange(3); x = pd.Series(a); x[0] = 9; f = pd.DataFrame({'a': a, 'x': x})"), do("a =
 np.ones((2, 2)); f = pd.DataFrame(a); a[0, 0] = 5"), do("a = np.ones(2); f = pd.DataFrame({'q':
 a}, copy=True); a[0] = 5")
do("m.sort_index(inplace=True); f = m"), do("f = f.astype({'n': 'int8'}); f.loc[3, 'n'] = 300"),
 do("f.attrs['a'] = 1; f = f.head(2)"), do("f = f.set_flags(allows_duplicate_labels=False)")
"""

TEXTS = (
    fill_lines(
        "f['s'].str.HOW",
        HOW="""lower() title() capitalize() swapcase() casefold() strip() lstrip() rstrip()
    strip("oe1") len()
    isdigit() isalpha() isalnum() isupper() islower() isspace() istitle() isnumeric() isdecimal()
    startswith("o") startswith(("o","F")) startswith("o",na=True) endswith("e")
    endswith("e",na=False) contains("o")
    contains("O",case=False) contains("o.e") contains("o.e",regex=False) contains("o",na=False)
    match("o") match("ne")
    match("O",case=False) fullmatch("one") fullmatch("on") find("e") find("e",1) find("e",0,2)
    rfind("e") index("e") count("e") count("[0-9]")
    replace("e","E") replace("e","E",n=1) replace("[aeiou]","#",regex=True)
    replace("o(.)e",r"\\1",regex=True)
    replace("ONE","1",case=False) replace("e",lambda&x:x.group().upper(),regex=True)
    replace({"one":"1"}) split() split("e") split("e",n=1) split("e",expand=True)
    split("[0-9]",regex=True) split(".",regex=False) rsplit("e",n=1) rsplit("e",expand=True)
    partition("e") partition("e",expand=False) rpartition("e")
    extract("(o)(n)?") extract("(?P<d>[0-9])") extract("([0-9])",expand=False)
    extractall("([0-9])") findall("[a-z]") findall("E",flags=2)
    get(0) get(-1) get(9) slice(1,3) slice(None,None,2) slice(-2) slice_replace(1,2,"_")
    slice_replace(1) pad(5) pad(5,"both","-") pad(5,"right",".") center(6,"*") ljust(6,"<")
    rjust(6)
    zfill(6) repeat(2) repeat([1,2]*4) wrap(3) cat() cat(sep="|") cat(sep="|",na_rep="?")
    cat(f["g"]) cat(f["g"],na_rep="-") cat([f["g"],f["k"].astype(str)],sep="/")
    cat(o["g"].iloc[[0,1,4]],join="outer") get_dummies() get_dummies("e") join("-")
    removeprefix("o") removesuffix("e") encode("utf-8") normalize("NFC")
    translate({111:"0"}) isascii() [1] [:2] decode("utf-8")""",
    )
    .replace("&", " ")
    .replace("str.[", "str[")
)
KINDS = """
f["k"].cat.codes, f["k"].cat.categories, f["k"].cat.ordered, f["k"].cat.add_categories(["z"]),
 f["k"].cat.add_categories(["lo"]), f["k"].cat.remove_categories("hi"),
 f["k"].cat.remove_unused_categories()
f["k"].cat.rename_categories({"lo": "low"}), f["k"].cat.rename_categories(["1", "2", "3"]),
 f["k"].cat.rename_categories(["1"]), f["k"].cat.set_categories(["hi", "zz"]),
 f["k"].cat.set_categories(["a", "b", "c"], rename=True)
f["k"].cat.reorder_categories(["un", "hi", "lo"]).sort_values(),
 f["k"].cat.reorder_categories(["hi"]), f["k"].cat.as_unordered() == "lo", f["k"] < "hi",
 f["k"].cat.as_unordered() < "hi", f["k"].max(), f["k"].cat.set_categories(["hi", "lo"],
 ordered=False)
pd.Categorical(["a", "b", "z"], categories=["b", "a"]), pd.Categorical.from_codes([0, -1, 1],
 ["x", "y"], ordered=True), pd.Categorical([3, 1, 3]), pd.Categorical(["a"]).add_categories("q"),
 pd.Categorical(["b", "a"], ordered=True).min()
pd.api.types.union_categoricals([pd.Categorical(["b"]), pd.Categorical(["a", "b"])],
 sort_categories=True), pd.api.types.union_categoricals([pd.Categorical(["b"], ordered=True),
 pd.Categorical(["a"])], ignore_order=True)
f["k"].astype(str), f["k"].astype(object), f["k"].unique(), f["k"].nunique(), f["k"].map({"lo":
 1, "hi": 2}), f["k"].isin(["lo"]), f["k"].replace("lo", "hi"), f["k"].value_counts(dropna=False,
 normalize=True), f["k"].describe(), f["k"].duplicated()
f["h"].astype("category").cat.codes, f["h"].astype(pd.CategoricalDtype([2, 1],
 ordered=True)).sort_values(kind="stable"), f["g"].astype("category").cat.as_ordered() >= "b",
 f["k"].shift(1), f["k"].to_numpy(), f["k"].mode()
pd.arrays.SparseArray([0, 0, 1.5], fill_value=0).density, pd.Series([0, 0,
 3]).astype(pd.SparseDtype(int, 0)).sparse.npoints, pd.DataFrame({"a": [0,
 1]}).astype(pd.SparseDtype(int, 0)).sparse.to_dense()
"""

TEXT = (
    '"# note\\na;b;c;d\\n1;2,5;x;01/02/2024\\n\\n3;'
    'NA;\\"y;z\\";02/03/2024\\n 4 ;-;n;\\n1.000;7,0;yes;31/12/2023\\n"'
)
READ = fill_lines(
    f"pd.read_csv(io.StringIO({TEXT}), sep=';', OPTIONS)",
    OPTIONS="""comment="#" skiprows=1 skiprows=[0,2] skiprows=lambda&i:i%2==0 header=1
    header=None,names=list("wxyz") header=1,names=list("wxyz")
    header=1,decimal="," header=1,decimal=",",thousands="." header=1,na_values=["-"]
    header=1,na_values={"b":["-"]} header=1,na_values=["-"],keep_default_na=False
    header=1,na_filter=False header=1,usecols=[0,2] header=1,usecols=["d","a"]
    header=1,usecols=lambda&n:n>"b" header=1,dtype=str header=1,dtype={"a":"float32"}
    header=1,dtype={"c":"category"}
    header=1,parse_dates=["d"],dayfirst=True header=1,parse_dates=["d"],date_format="%d/%m/%Y"
    header=1,parse_dates=[3] header=1,index_col="c" header=1,index_col=[0,2]
    header=1,index_col=False
    header=1,nrows=2 header=1,skipfooter=1,engine="python" header=1,skip_blank_lines=False
    header=1,true_values=["x","yes"],false_values=["n"] header=1,converters={"a":float}
    header=1,converters={1:len}
    header=1,skipinitialspace=True header=1,quotechar="'" header=1,quoting=3,on_bad_lines="skip"
    header=1,chunksize=2,iterator=True header=1,dtype_backend="numpy_nullable"
    header=1,engine="python",decimal=","
    header=1,float_precision="round_trip" header=1,memory_map=False,low_memory=False
    header=1,lineterminator="\\n" header=1,escapechar="x"
    header=1,on_bad_lines="error",usecols=["zz"] header=1,dtype={"a":int}
    header=1,engine="python",on_bad_lines=lambda&r:r[:4],quoting=3 header=1,prefix="X"
    header=[1,2] header=0,index_col=0""",
).replace("&", " ")
FILES = (
    fill_lines(
        "f.to_csv(OPTIONS)",
        OPTIONS="""index=False sep="|" na_rep="NA" float_format="%.3f" columns=["n","g"]
    header=False header=list("12345678") index_label="id" index_label=False
    quoting=1 quoting=2 quoting=3,escapechar="/" quotechar="'" doublequote=False,escapechar="/"
    lineterminator=";" date_format="%Y" decimal="," float_format="{:.1f}".format""",
    )
    + """
m.to_csv(), m.to_csv(index_label=["p", "q"]), t.to_csv(date_format="%d"), t.to_csv(header=["q"]),
 f["n"].to_csv(index=False, header=False), pd.read_csv(io.StringIO(m.to_csv()), header=[0, 1],
 index_col=[0, 1])
f.to_csv("a.csv"), pd.read_csv("a.csv", index_col=0), f.to_csv("a.csv", mode="a", header=False),
 pd.read_csv("a.csv").shape, f.to_csv("a.csv.gz"), pd.read_csv("a.csv.gz"),
 pd.read_csv("none.csv"), f.to_csv("a.csv", mode="x")
f.to_csv("b.csv", compression="zip"), pd.read_csv("b.csv", compression="zip", usecols=["n"]),
 f.to_csv("c.csv", encoding="utf-16"), pd.read_csv("c.csv", encoding="utf-16"),
 pd.read_csv("c.csv", encoding="utf-8"), f.to_csv(chunksize=2)
pd.read_csv(io.StringIO("a b  c\\n1 2  3"), sep=r"\\s+"),
 pd.read_csv(io.StringIO("a,b\\n1,2,3\\n4,5"), on_bad_lines="warn"),
 pd.read_csv(io.StringIO("a,b\\n1,2\\n4,5,6")), pd.read_csv(io.StringIO("a,a,a\\n1,2,3")),
 pd.read_csv(io.StringIO("")), pd.read_csv(io.StringIO("a,b"))
[c for c in pd.read_csv(io.StringIO("a,b\\n1,2\\n3,4\\n5,6"), chunksize=2)],
 pd.read_csv(io.StringIO("a,b\\n1,2\\n3,4"), iterator=True).get_chunk(1),
 pd.read_table(io.StringIO("a\\tb\\n1\\t2")), pd.read_csv(io.StringIO("x\\n0x1F\\n1e3")),
 pd.read_csv(io.StringIO("a|b\\n1|2"), sep=None, engine="python")
pd.read_fwf(io.StringIO("a  bb\\n1  22\\n3  44")), pd.read_fwf(io.StringIO("12345\\n67890"),
 widths=[2, 3], header=None), pd.read_fwf(io.StringIO("12345\\n67890"), colspecs=[(0, 1), (3,
 5)], names=["p", "q"]), pd.read_csv(io.StringIO("a\\n99999999999999999999\\n1"))
f.to_json(), f.reset_index().to_json(orient="records"), f.reset_index().to_json(orient="records",
 lines=True), f.to_json(orient="split", index=False), f.to_json(orient="values"),
 f.reset_index().to_json(orient="index", indent=1), f.reset_index().to_json(orient="table",
 index=False)
f.reset_index().to_json(date_format="iso", date_unit="s"),
 f.reset_index().to_json(double_precision=0), f.reset_index().to_json(force_ascii=False),
 t.to_json(), t.to_json(date_unit="s"), t.to_json(orient="split"), m.reset_index().to_json(),
 f.reset_index().to_json(orient="zz")
pd.read_json(io.StringIO('{"a":{"0":1,"1":null},"d":{"0":"2024-01-02","1":null}}')),
 pd.read_json(io.StringIO('[{"a":1,"date":"2024-01-02"}]'), convert_dates=False),
 pd.read_json(io.StringIO('[{"a":1,"date":"2024-01-02"}]')),
 pd.read_json(io.StringIO('[{"a":1,"d":86400}]'), convert_dates=["d"], date_unit="s")
pd.read_json(io.StringIO('{"a":{"1":"01"}}'), dtype=False),
 pd.read_json(io.StringIO('{"a":{"1":"01"}}'), dtype={"a": str}),
 pd.read_json(io.StringIO('{"a":{"1":1.5}}'), convert_axes=False),
 pd.read_json(io.StringIO('{"1":2}'), typ="series"),
 pd.read_json(io.StringIO('{"a":1}\\n{"a":2}'), lines=True, nrows=1)
pd.read_json(io.StringIO('{"columns":["a"],"index":[5],"data":[[1]]}'), orient="split"),
 pd.read_json(io.StringIO("[[1,2]]"), orient="values"),
 pd.read_json(io.StringIO('{"r":{"a":1}}'), orient="index"), pd.read_json(io.StringIO("x")), [c
 for c in pd.read_json(io.StringIO('{"a":1}\\n{"a":2}'), lines=True, chunksize=1)]
pd.read_json(io.StringIO(f.reset_index().to_json(orient="table")), orient="table"),
 pd.read_json(io.StringIO('{"a":{"1":12345678901234567}}'), precise_float=True),
 f.to_dict("list"), f.to_dict("index"), f.reset_index().to_dict("index"), f.to_dict("records"),
 f.to_dict("split"), f.to_dict("tight", index=False)
f.to_pickle("a.pkl"), pd.read_pickle("a.pkl"), m.to_pickle("b.pkl.gz"),
 pd.read_pickle("b.pkl.gz"), t.to_pickle("t.pkl"), pd.read_pickle("t.pkl").index.freq,
 f.to_records(column_dtypes={"n": "i2"}, index_dtypes="i1").dtype.str, f.to_string(columns=["n"],
 justify="left")
f.to_string(max_cols=3), f.to_string(float_format="%.1f"), f.to_string(header=False,
 index=False), f.to_string(formatters={"n": "{:03d}".format}), f.to_string(show_dimensions=True,
 max_rows=2), f.to_string(col_space=7, columns=["n"]), m.to_string(sparsify=False), repr(t),
 repr(m), m.to_string(index_names=False)
f.to_html(columns=["n"], border=0), f.to_html(columns=["s"], escape=False, bold_rows=False),
 f.to_html(max_rows=2), f.to_html(classes=["a", "b"], table_id="t", columns=["g"]), m.to_html(),
 f.to_html(na_rep="?", columns=["v"], decimal=","), f.to_html(float_format="%.1f",
 columns=["v"]), f["n"].to_string(dtype=True, length=True)
f.memory_usage(index=False).size, f.info(buf=io.StringIO()), do("b = io.StringIO(); f.info(buf=b,
 memory_usage=False); f = b.getvalue()"), do("b = io.StringIO(); f.info(buf=b, verbose=False,
 memory_usage=False); f = b.getvalue()"), do("b = io.StringIO(); f.info(buf=b, show_counts=False,
 memory_usage=False); f = b.getvalue()")
do("with pd.option_context('display.precision', 1, 'display.max_columns', 3): f = repr(f)"),
 pd.get_option("display.precision"), pd.get_option("zz")
pd.testing.assert_frame_equal(f, f), pd.testing.assert_frame_equal(f, f.iloc[::-1]),
 pd.testing.assert_frame_equal(f, f.iloc[::-1], check_like=True),
 pd.testing.assert_frame_equal(f, f.iloc[:, ::-1], check_like=True),
 pd.testing.assert_frame_equal(f, f.astype({"n": float}), check_dtype=False),
 pd.testing.assert_series_equal(f["n"], f["n"] + 1e-9, check_dtype=False)
pd.testing.assert_series_equal(f["n"] * 1.0, f["n"] + 0.1, atol=0.2),
 pd.testing.assert_series_equal(f["n"], f["n"].rename("q")),
 pd.testing.assert_series_equal(f["n"], f["n"].rename("q"), check_names=False),
 pd.testing.assert_index_equal(f.index, f.index.astype(float), exact=False),
 pd.testing.assert_index_equal(f.index, f.index[::-1], check_order=False)
pd.util.hash_pandas_object(f["n"]).tolist(), pd.util.hash_array(np.array(["a", "b"],
 dtype=object)).tolist(), pd.util.hash_pandas_object(f[["n"]], index=False).tolist(),
 pd.api.types.is_numeric_dtype(f["n"]), pd.api.types.infer_dtype(["a", None], skipna=False),
 pd.api.types.infer_dtype([1, 2.5]), pd.api.types.is_bool_dtype(f["b"])
"""
)

LISTS = {
    "sets": SETS + LABELS,
    "texts": TEXTS + "\n" + KINDS,
    "read": READ,
    "files": FILES,
}


def name_rows(name: str) -> list[str]:
    """Return what the steps of a list with labels, texts or files make of tables."""
    return play_tables(LISTS[name])


OF_LABELS = (Family(name_rows, lambda: [*LISTS], lambda _: None),)
