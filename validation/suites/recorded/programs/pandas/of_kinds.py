"""Programs with the kinds of columns of pandas: each method of each kind, and what it refuses."""

from __future__ import annotations

import importlib
import io
from typing import Any

import numpy as np

from ..families import Family
from ..of_frames import tell_cells
from ..telling import attempt

MADE = """
whole pd.Series([3,1,None,3,-7,2],dtype="Int64")
part pd.Series([0.5,None,2.25,-1.5,2.25,7],dtype="Float64")
yes pd.Series([True,False,None,True,True,False],dtype="boolean")
text pd.Series(["b",None,"a","Zed ","a","x1"],dtype="string")
word pd.Series(["b",None,"a","Zed ","a","x1"],dtype="str")
kind pd.Series(pd.Categorical(["lo","hi",None,"lo","un","hi"],["lo","un","hi","no"],ordered=True))
loose pd.Series(pd.Categorical([3,1,None,3,2,1]))
span pd.Series(pd.arrays.IntervalArray.from_tuples([(0,1),(1,3),None,(0,1),(2,2.5),(-1,0)]))
time pd.Series(pd.to_timedelta(["1D","-3h",None,"90s","1D","2us"]))
day pd.Series(pd.to_datetime(["2024-02-29","2023-12-31T23:59:59.5",None,"2024-02-29","1999-01-01",
 "2030-07-04 12:00"],format="ISO8601"))
zone pd.Series(pd.to_datetime(["2024-03-31 00:30","2024-10-27 01:30",None,"2024-06-01",
 "2024-03-31 01:00","2024-01-01"],format="ISO8601").tz_localize("UTC").tz_convert("Europe/Berlin"))
month pd.Series(pd.PeriodIndex(["2024-01","2023-12","NaT","2024-01","2025-07","2024-02"],freq="M"))
week pd.Series(pd.period_range("2024-01-01",periods=6,freq="W"))
few pd.Series(pd.arrays.SparseArray([0,0,3,0,-1,0]))
hole pd.Series(pd.arrays.SparseArray([np.nan,1.5,np.nan,np.nan,2,1.5]))
any pd.Series([1,"a",None,2.5,(1,2),"a"],dtype=object)
plain pd.Series([3,1,4,1,5,9],index=list("fedcba"),name="n")
"""
"""By name: columns of each kind."""

ASKED = """
s.array|s.values|s.to_numpy()|s.to_numpy(dtype=object)|s.to_numpy(float,na_value=-1)|s.dtype
s.nbytes>0|s.array.nbytes>0|repr(s)|repr(s.array)|s.isna()|s.dropna()|s.fillna(s.iloc[0])
s.fillna("z")|s.ffill(limit=1)|s.bfill()|s.interpolate()|s.unique()|s.nunique(False)
s.value_counts(dropna=False)|s.value_counts(normalize=True)|s.duplicated("last")
s.drop_duplicates(keep=False)|s.factorize()|s.factorize(sort=True,use_na_sentinel=False)
s.mode(False)
s.sort_values()|s.sort_values(ascending=False,na_position="first")|s.argsort()|s.rank()
s.rank("dense",ascending=False,na_option="bottom")|s.rank("min",pct=True)|s.nlargest(2)
s.nsmallest(3,"all")|s.searchsorted(s.iloc[0])|s.array.argsort(ascending=False)|s.min()|s.max()
s.min(skipna=False)|s.idxmin()|s.idxmax()|s.argmin()|s.sum()|s.sum(min_count=9)|s.mean()
s.median()|s.std()|s.var(ddof=0)|s.sem()|s.skew()|s.kurt()|s.prod()|s.any()|s.all(skipna=False)
s.quantile(0.3)|s.quantile([0.1,0.9],"lower")
s.cumsum()|s.cummax()|s.cummin()|s.cumprod()|s.diff()|s.diff(-2)|s.pct_change(fill_method=None)
s.shift(1)|s.shift(-2,fill_value=s.iloc[1])|s.abs()|s.round(1)|s.clip(s.iloc[1],s.iloc[0])
s.describe()|s.autocorr()|s.is_unique|s.is_monotonic_increasing|s.hasnans|s.count()|s.corr(s)
s.cov(s)|s.between(s.iloc[1],s.iloc[0])|s.between(s.iloc[1],s.iloc[0],"neither")
s+s|s-s|s*s|s/s|s//s|s%s|s**s|s+1|1+s|s-1|2-s|s*2|s/2|2/s|s//2|s%2|s**2|2**s|-s|+s|~s|s&s|s|s^s
s&True|True^s|divmod(s,2)|s+"a"|"a"+s|s*"a"|s+pd.Timedelta("1h")|s-pd.Timestamp("2024-01-01")
s+pd.offsets.MonthEnd()|s-pd.Period("2024-01","M")|s+np.arange(6)|s+None|s+pd.NA|s+[1]*6|s+[1,2]
s==s|s!=s|s<s|s>=s|s==s.iloc[0]|s<s.iloc[0]|s>"a"|s<=1|s==None|s==pd.NA|s!="a"|s==np.nan|s<[1]*6
s==list(s)|s.eq(1,fill_value=0)|s.add(1,fill_value=0)|s.radd("a")|s.rsub(2)|s.rpow(2)|s.rmod(2)
s.equals(s.copy())|s.equals(s.astype(object))|s.combine_first(s[::-1])|s.combine(s,max)
s.compare(s[::-1].set_axis(s.index))
s.isin([s.iloc[0]])|s.isin([1,"a",None])|s.where(s.notna())|s.where(s.isna(),s.iloc[1])
s.mask([True]*3+[False]*3)|s.mask(s.notna(),"q")|s.replace(s.iloc[0],s.iloc[1])
s.replace({1:7,"a":"q"})|s.replace([1,2],0)|s.replace("^a","k",regex=True)|s.map({1:"one","a":2})
s.map(str)|s.map(type,na_action="ignore").nunique()|s.map(s)|s.apply(repr)|s.transform(lambda&v:v)
s.agg(["min","max"])|s.agg(len)|s.astype(str)|s.astype("string")|s.astype(float)|s.astype("Int64")
s.astype("category")|s.astype(bool)|s.astype("M8[ns]")|s.astype("m8[s]")|s.astype("Float32")
s.astype("boolean")|s.astype(complex)|s.astype(s.dtype,copy=False)
s.astype("int8",errors="ignore")|s.astype("Sparse[float]")|s.astype("period[D]")
s.astype("interval")|s.convert_dtypes()|s.infer_objects()
pd.to_numeric(s,errors="coerce")|pd.to_numeric(s,downcast="integer")
pd.to_datetime(s,errors="coerce")|pd.to_timedelta(s,errors="coerce")|pd.concat([s,s])
pd.concat([s,pd.Series([1])])|pd.concat([s,s],axis=1,keys=["a","b"])
pd.concat([s.iloc[:2],s.iloc[:0]])|pd.Series(list(s),dtype=s.dtype)
pd.Series(s.iloc[0],index=[1,2],dtype=s.dtype)|pd.Series([],dtype=s.dtype)|pd.array(list(s))
pd.array(list(s),dtype=s.dtype)|pd.Index(s)|pd.Index(s).sort_values()
pd.Index(s).union(pd.Index(s[:2]))|pd.Index(s).get_indexer_for([s.iloc[0]])
pd.Index(s).insert(1,s.iloc[0])|pd.Index(s).insert(1,"q")|pd.Index(s).difference([s.iloc[0]])
pd.Index(s).symmetric_difference(pd.Index(s[2:]))|pd.Index(s).is_unique|pd.Index(s).astype(str)
pd.Index(s).inferred_type|pd.Index(s).get_loc(s.iloc[1])
pd.Index(s).slice_indexer(s.iloc[1],s.iloc[0])|pd.Index(s).putmask([True]+[False]*5,s.iloc[1])
pd.Index(s).join(pd.Index(s[:3]),how="outer")|pd.Index(s).isin([s.iloc[0]])
pd.Index(s).memory_usage()>0|pd.MultiIndex.from_arrays([s,s]).nlevels
s.to_frame("v").set_index("v").loc[s.iloc[0]]|s.to_frame("v").groupby("v").size()
s.to_frame("v").groupby("v",dropna=False,sort=False).size()|s.groupby([0,1,0,1,0,1]).first()
s.groupby([0,1,0,1,0,1]).last()|s.groupby([0,1,0,1,0,1]).sum()|s.groupby([0,1,0,1,0,1]).mean()
s.groupby([0,1,0,1,0,1]).max()|s.groupby([0,1,0,1,0,1]).nunique()
s.groupby([0,1,0,1,0,1]).cumsum()|s.groupby([0,1,0,1,0,1]).shift()|s.groupby([0,1,0,1,0,1]).rank()
s.groupby([0,1,0,1,0,1]).quantile(0.5)|s.groupby([0,1,0,1,0,1]).agg(["min","count"])
s.groupby([0,1,0,1,0,1]).ffill()|s.groupby([0,1,0,1,0,1]).nth(1)|s.groupby([0,1,0,1,0,1]).var()
s.groupby([0,1,0,1,0,1]).any()|s.groupby([0,1,0,1,0,1]).value_counts()
s.to_frame("v").merge(s.to_frame("v").assign(w=1),how="left")
s.to_frame("v").pivot_table(index="v",aggfunc="size")|pd.crosstab(s,[0,1,0,1,0,1])
pd.get_dummies(s,dummy_na=True)|s.rolling(2).sum()|s.expanding().max()|s.ewm(2).mean()|s.explode()
s.repeat(2)|s.repeat([1,0,2,0,1,0])|s.take([0,-1])|s.take([9])|s.reindex([5,9,0])
s.reindex([5,9],fill_value=s.iloc[0])|s.array.take([0,-1],allow_fill=True)
s.array.take([0,1],allow_fill=True,fill_value=s.iloc[1])
s.array[1]|s.array[-1]|s.array[9]|s.array[[True]*2+[False]*4]|s.array[1:4]|s.array[[0,2]]
s.array["a"]|s.array.copy()|s.array.insert(1,s.iloc[0])|s.array.delete(1)|s.array.equals(s.array)
s.array.tolist()|list(s.array)|s.iloc[0]in&s.array|None&in&s.array|"q"in&s.array|s.array.shift(2)
s.array.repeat(2)|s.array.unique()|s.array.view()|s.array.ravel()|s.array.reshape(2,3)|s.array.T
s.array._mask.sum()|s.array.transpose()|s.array.isna()|s.array.dropna()|s.array.fillna(s.iloc[0])
s.array.searchsorted(s.iloc[:2].array)|s.array.factorize()|s.array.map({1:2})
s.array.interpolate(method="linear",axis=0,index=s.index,limit=None,limit_direction=None,limit_area=None,copy=True)
np.asarray(s.array)|np.array(s.array,dtype=object)|np.sqrt(s)|np.add(s,s)|np.add.reduce(s)
np.isnan(s)|np.minimum(s,s)|np.sign(s)|np.exp(s)
put(s,0,s.iloc[1])|put(s,0,None)|put(s,0,"q")|put(s,0,1)|put(s,0,2.5)|put(s,0,True)
put(s,slice(1,3),s.iloc[0])|put(s,[0,1],[s.iloc[1]]*2)|put(s,[0,1],[1,2,3])
put(s,[True]*6,s.iloc[1])|put(s,9,1)|put(s,0,np.nan)|put(s,0,pd.NaT)|put(s,0,pd.NA)
put(s,0,pd.Timestamp("2020-01-01"))|put(s,0,pd.Timedelta("1D"))|put(s,0,pd.Interval(7,8))
put(s,0,pd.Period("2024-05","M"))|s.update(pd.Series([s.iloc[1]]))|s.pop(0)|s.item()|s.squeeze()
s.head(2)|s.tail(-4)|s.sample(2,random_state=1)|s.to_json()
s.to_json(date_format="iso",orient="split")|s.to_csv()|s.to_string(na_rep="?")|s.to_dict()
s.to_list()|pd.read_json(io.StringIO(s.to_json(orient="table")),orient="table",typ="series")
s.info(buf=io.StringIO())|s.memory_usage()>0|s.to_markdown()|s.to_xarray()|s.hist()
pd.testing.assert_series_equal(s,s)|pd.util.hash_pandas_object(s).nunique()
pd.api.types.infer_dtype(s)|pd.api.types.is_numeric_dtype(s)|pd.api.types.is_string_dtype(s)
pd.api.types.is_extension_array_dtype(s)|pd.api.types.pandas_dtype(s.dtype)|pd.cut(s,3)
pd.qcut(s,2)|pd.cut(s,[s.min(),s.max()],include_lowest=True)
s.str.upper()|s.str.len()|s.str.contains("a")|s.str.contains("A",case=False,na=False)
s.str.split("",expand=True)|s.str.replace("a","q")|s.str.get(0)|s.str.cat(sep="-",na_rep="?")
s.str.cat(s,na_rep="?")|s.str.extract("([a-z])")|s.str.findall("[a-z]")|s.str.strip()
s.str.pad(5,"both","*")|s.str.startswith("a")|s.str.isalpha()|s.str.get_dummies("|")
s.str.encode("utf8")|s.str.normalize("NFC")|s.str.casefold()|s.str.zfill(4)
s.str.slice_replace(0,1,"_")|s.str.count("a")|s.str.find("a")|s.str.rindex("a")
s.str.partition("a")|s.str.fullmatch("a")|s.str.repeat(2)|s.str.join("+")|s.str.wrap(2)
s.str.translate({97:"z"})|s.str.removeprefix("a")|s.str[0]|s.str[::-1]|s.str.title()
s.str.swapcase()
s.dt.year|s.dt.month_name()|s.dt.day_name("en_US")|s.dt.isocalendar()|s.dt.floor("D")
s.dt.ceil("h")|s.dt.round("min")|s.dt.normalize()|s.dt.tz_localize("UTC")
s.dt.tz_localize("Europe/Berlin",ambiguous="NaT",nonexistent="shift_forward")
s.dt.tz_convert("US/Eastern")|s.dt.tz_localize(None)|s.dt.strftime("%Y/%m")|s.dt.to_period("M")
s.dt.to_period()|s.dt.to_pydatetime()|s.dt.date|s.dt.time|s.dt.is_month_end|s.dt.is_leap_year
s.dt.quarter|s.dt.days_in_month|s.dt.dayofyear|s.dt.weekday|s.dt.nanosecond|s.dt.unit
s.dt.as_unit("s")|s.dt.freq|s.dt.tz|s.dt.components|s.dt.total_seconds()|s.dt.days|s.dt.seconds
s.dt.microseconds|s.dt.start_time|s.dt.end_time|s.dt.asfreq("D")|s.dt.asfreq("D","S")
s.dt.to_timestamp()|s.dt.to_timestamp("s","E")|s.dt.qyear|s.dt.timetz|s.dt.isocalendar().week
s.cat.codes|s.cat.categories|s.cat.ordered|s.cat.rename_categories(str)
s.cat.rename_categories({"lo":"L"})|s.cat.rename_categories(["x"])|s.cat.add_categories(["new"])
s.cat.add_categories(["lo"])|s.cat.remove_categories("hi")|s.cat.remove_categories("zz")
s.cat.remove_unused_categories()|s.cat.set_categories(["hi","lo"])
s.cat.set_categories(["a","b"],rename=True)
s.cat.reorder_categories(["un","lo","hi","no"],ordered=False)|s.cat.reorder_categories(["un"])
s.cat.as_ordered().max()|s.cat.as_unordered().max()|s.array.describe()
s.array.is_dtype_equal(s.array)|s.array.from_codes([0,1],s.array.dtype.categories)
s.array.check_for_ordered("x")|s.sparse.density|s.sparse.fill_value|s.sparse.npoints
s.sparse.to_dense()|s.sparse.sp_values|s.array.sp_index|s.array.left|s.array.right|s.array.mid
s.array.length|s.array.closed|s.array.is_empty|s.array.contains(1)
s.array.overlaps(pd.Interval(0,1))|s.array.to_tuples()|s.array.set_closed("left")
s.array.is_non_overlapping_monotonic|s.array.set_closed("no")
"""


def put(column: Any, place: Any, value: Any) -> Any:
    """Return a copy of a column in which a value is put in place of others."""
    column = column.copy()
    column.iloc[place] = value
    return column


def list_kinds() -> list[str]:
    """Return the names of the columns."""
    return [line.split()[0] for line in MADE.splitlines() if line[:1].strip()]


def ask_kinds(name: str) -> list[Any]:
    """Return what each method gives for a column of a kind, as texts."""
    made = {"pd": importlib.import_module("pandas"), "np": np, "io": io, "put": put}
    texts = dict(line.split(" ", 1) for line in MADE.strip().replace("\n ", "").splitlines())
    column = attempt(eval, texts[name], dict(made))  # all texts are our own
    results = []
    for line in ASKED.strip().splitlines():
        for text in line.replace("s|s^s", "s.__or__(s)|s^s").split("|"):
            names = {**made, "s": column.copy()}
            words = text.replace("&", " ") if "&" in text and "s&" not in text else text
            given = attempt(eval, words, names)
            results.append(f"{text} {attempt(lambda held=given: repr(tell_cells(held)))}")
    return results


OF_KINDS = (Family(ask_kinds, list_kinds, lambda _: None),)
