"""Programs with windows, times and time zones of pandas, with each option."""

from __future__ import annotations

from ..families import Family
from ..of_frames import play_tables
from ..telling import fill_lines

ROLLED = fill_lines(
    "f['v'].rolling(OPTIONS).HOW",
    OPTIONS="""2 3,min_periods=1 3,min_periods=1,center=True 3,min_periods=1,closed="left"
    2,min_periods=1,closed="both" 3,min_periods=2,closed="neither" 3,min_periods=1,step=2
    3,min_periods=0""",
    HOW="sum() mean() count() std() var(ddof=0) max()",
) + fill_lines(
    "\nf['n'].rolling(3,min_periods=2).HOW",
    HOW="""min() median() skew() kurt() sem() quantile(0.3) quantile(0.3,interpolation="lower")
    quantile(0.3,interpolation="higher") quantile(0.6,"nearest") quantile(0.6,"midpoint") rank()
    rank("min") rank("max",ascending=False,pct=True) corr(f["v"]) cov(f["v"],ddof=0) apply(len)
    apply(lambda&w:w[-1],raw=True) apply(lambda&w,k:w.iloc[0]*k,args=(2,)) agg(["sum","mean"])
    agg({"n":"sum"}) first() last() std(ddof=0) nunique()""",
).replace("&", " ")
WINDOWS = fill_lines(
    "f['v'].expanding(OPTIONS).HOW",
    OPTIONS="1 3 min_periods=0",
    HOW='sum() mean() std() count() max() rank() quantile(0.5) apply(np.ptp,raw=True) corr(f["n"])',
) + fill_lines(
    "\nf['v'].ewm(OPTIONS).HOW",
    OPTIONS="""com=1 span=3 halflife=2 alpha=0.3 alpha=0.3,adjust=False alpha=0.3,ignore_na=True
    span=3,adjust=False,ignore_na=True span=3,min_periods=3 com=0.5,min_periods=2,adjust=False""",
    HOW='mean() sum() std() var(bias=True) corr(f["n"]) cov(f["n"],bias=True)',
)
MORE_WINDOWS = """
t.rolling("15h").sum(), t.rolling("15h", closed="both").count(), t.rolling("14h",
 closed="left").max()
t.rolling("14h", closed="neither").sum(), t.rolling("1D", min_periods=2).mean(), t.rolling("14h",
 center=True).sum()
f.rolling(2, on="h")["n"].sum(), f[["n", "v"]].rolling(2).corr(), f[["n",
 "v"]].rolling(3).cov(pairwise=True)
f[["n", "v"]].rolling(3, min_periods=1).corr(f["n"]), f[["n"]].expanding().cov(f[["n", "h"]],
 pairwise=False)
f[["n", "h"]].rolling(2, method="table").sum(), f["n"].rolling(0).sum(), f["n"].rolling(-1),
 f["n"].rolling(2, min_periods=3)
f["n"].rolling(2, closed="zz").sum(), f["n"].rolling("2D"), f["g"].rolling(2).sum(),
 [*f["n"].rolling(3, min_periods=1)]
f["n"].rolling(pd.api.indexers.FixedForwardWindowIndexer(window_size=3), min_periods=1).sum()
t.rolling(pd.api.indexers.VariableOffsetWindowIndexer(index=t.index,
 offset=pd.offsets.BDay(1))).sum()
f["v"].ewm(halflife="10h", times=t.index[:8]).mean(), f["n"].ewm(com=1, span=2),
 f["n"].ewm(alpha=1.5), f["n"].ewm(com=-1)
f["n"].ewm(alpha=0.5).agg(["mean", "std"]), f[["n", "v"]].ewm(span=2).corr(),
 f["n"].ewm(alpha=0.5).corr(f["v"])
f["n"].rolling(2).agg(lambda w: w.max()), f[["n", "v"]].rolling(2).agg({"n": "sum", "v": ["min",
 "max"]})
f["n"].expanding(2).agg(["sum", "min"]), f["n"].rolling(3).apply(lambda w: w.argmax(), raw=True)
"""

SAMPLED = fill_lines(
    "t.resample(HOW)",
    HOW="""'D').sum( 'D',closed="right").sum( 'D',label="right").sum(
    'D',closed="right",label="right").count(
    '12h',origin="start").sum( '12h',origin="epoch").sum( '12h',origin="end").sum(
    '12h',origin="end_day").sum(
    '12h',offset="2h").sum( '12h',origin=pd.Timestamp("2024-01-01&03:00")).sum( 'W').sum(
    'W-TUE').max( 'ME').sum(
    'MS').first( 'QE').last( 'YE').mean( '2D').agg(["min","max"] '3h').ffill( '3h').ffill(limit=1
    '3h').bfill(limit=1
    '3h').asfreq( '3h').asfreq(fill_value=0 '3h').nearest(limit=1 '3h').interpolate(
    '5h').interpolate("time"
    'D').ohlc( 'D').nunique( 'D').std(ddof=0 'D').sum(min_count=3 'D').size( 'D').quantile(0.3
    'D').apply(len
    'D').transform("cumsum" 'D').prod( 'D').var( 'D').median( 'D').sem( 'D').last(skipna=False
    'zz').sum(
    '12h',group_keys=True).apply(lambda&c:c.head(1) 'B').sum( 'D').pipe(len
    'D').get_group("2024-03-31" 'D').count(
    'SME').sum( '90min').min( 'D').fillna(1""",
).replace("&", " ")
TIMES = """
f.resample("ME", on="d")["n"].sum(), f.resample("YE", on="d")[["n", "v"]].mean(),
 m.resample("D").sum()
t.to_frame().resample("D").agg({"c": "max"}), t.to_frame().resample("D", level=0).sum(),
 t.asfreq("5h"), t.asfreq("5h", "ffill")
t.asfreq("5h", "bfill", fill_value=0), t.asfreq("D", normalize=True), t.asfreq("7h",
 fill_value=3), f.asfreq("D")
t.tz_localize("Europe/Paris"), t.tz_localize("UTC").tz_convert("Asia/Tokyo"),
 t.tz_localize("UTC").tz_localize(None)
t.tz_localize("Europe/Paris").resample("D").sum(), t.tz_convert("UTC"),
 t.tz_localize("UTC").tz_convert(None)
pd.DatetimeIndex(["2024-10-27 02:30", "2024-10-27 02:30"]).tz_localize("Europe/Paris",
 ambiguous="infer")
pd.DatetimeIndex(["2024-10-27 02:30"]).tz_localize("Europe/Paris", ambiguous=[True]),
 pd.DatetimeIndex(["2024-10-27 02:30"]).tz_localize(
 "Europe/Paris", ambiguous="NaT"), pd.DatetimeIndex(["2024-10-27
 02:30"]).tz_localize("Europe/Paris")
pd.Timestamp("2024-10-27 02:30").tz_localize("Europe/Paris", ambiguous=False),
 pd.Timestamp("2024-03-31 02:30").tz_localize("Europe/Paris")
pd.Timestamp("2024-03-31 02:30").tz_localize("Europe/Paris", nonexistent="shift_backward"),
 pd.Timestamp("2024-03-31 02:30").tz_localize(
 "Europe/Paris", nonexistent="NaT"), pd.Timestamp("2024-03-31 02:30").tz_localize("Europe/Paris",
 nonexistent=pd.Timedelta("1h"))
pd.Timestamp("2024-03-30 12:00", tz="Europe/Paris") + pd.Timedelta("1D"),
 pd.Timestamp("2024-03-30 12:00", tz="Europe/Paris") + pd.DateOffset(days=1)
pd.date_range("2024-01-30", periods=4, freq="D"), pd.date_range("2024-01-01", "2024-01-04",
 inclusive="left"), pd.date_range("2024-01-01",
 "2024-01-04", inclusive="right"), pd.date_range("2024-01-01", "2024-01-04",
 inclusive="neither"), pd.date_range("2024-01-01", "2024-01-02", periods=3)
pd.date_range(end="2024-02-01", periods=3, freq="W-FRI"), pd.date_range("2024-01-01 05:00",
 periods=2, normalize=True), pd.date_range(
 "2024-01-31", periods=3, freq="ME"), pd.date_range("2024-01-31", periods=3, freq="MS"),
 pd.date_range("2024-01-31", periods=3, freq="QS-FEB")
pd.date_range("2024-01-31", periods=3, freq="BME"), pd.date_range("2024-01-31", periods=3,
 freq="YE-JUN"), pd.date_range("2024-01-01", periods=4,
 freq="WOM-2TUE"), pd.date_range("2024-01-01", periods=3, freq="-1D"),
 pd.date_range("2024-01-01", periods=3, freq="2h30min", tz="UTC", name="q")
pd.date_range("2024-01-01"), pd.date_range("2024-01-01", periods=2, unit="s"),
 pd.bdate_range("2024-01-05", periods=3), pd.bdate_range(
 "2024-01-01", "2024-01-08", freq="C", weekmask="Mon Wed", holidays=["2024-01-03"]),
 pd.bdate_range("2024-01-05", periods=2, inclusive="left")
pd.timedelta_range("1h", periods=3, freq="30min"), pd.timedelta_range("0D", "2D", periods=5,
 closed="left"), pd.period_range("2024-01", "2024-04", freq="M")
[pd.Timestamp("2024-01-31 10:00") + o for o in (pd.offsets.MonthEnd(), pd.offsets.MonthBegin(2),
 pd.offsets.BDay(3), pd.offsets.Week(weekday=2),
 pd.offsets.QuarterEnd(startingMonth=2), pd.offsets.YearBegin(month=4),
 pd.offsets.BusinessHour(3), pd.offsets.SemiMonthEnd(), pd.offsets.Hour(5))]
[pd.Timestamp("2024-02-29") - o for o in (pd.DateOffset(years=1), pd.DateOffset(months=1,
 day=31), pd.DateOffset(weekday=0), pd.offsets.MonthEnd(0))]
pd.offsets.MonthEnd().rollforward(pd.Timestamp("2024-02-10")),
 pd.offsets.BDay().rollback(pd.Timestamp("2024-02-10")), pd.offsets.MonthEnd(
 normalize=True) + pd.Timestamp("2024-02-10 05:00"),
 pd.offsets.BDay().is_on_offset(pd.Timestamp("2024-02-10")), pd.offsets.BMonthEnd() * 2
pd.offsets.BusinessDay(offset=pd.Timedelta("2h")) + pd.Timestamp("2024-02-09"),
 pd.offsets.CustomBusinessDay(holidays=["2024-02-12"]) + pd.Timestamp("2024-02-09")
pd.offsets.BusinessHour(start="10:00", end="12:00") + pd.Timestamp("2024-02-09 11:30"),
 pd.tseries.frequencies.to_offset("90min"), pd.infer_freq(t.index)
pd.to_datetime(["2024-01-02", "x"]), pd.to_datetime(["2024-01-02", None]),
 pd.to_datetime("03/04/2024", dayfirst=True), pd.to_datetime("03/04/24", yearfirst=True)
pd.to_datetime([1, 2], unit="D"), pd.to_datetime([1.5], unit="h", origin="2024-01-01"),
 pd.to_datetime(["2024-01-02 03:00+02:00"]), pd.to_datetime(
 ["2024-01-02 03:00+02:00", "2024-01-02 03:00"], utc=True), pd.to_datetime(["2024-01-02
 03:00+02:00", "2024-01-02 03:00+01:00"])
pd.to_datetime(["20240102", "2024"], format="%Y%m%d", exact=True, errors="coerce"),
 pd.to_datetime(["at 2024-01"], format="%Y-%m", exact=False), pd.to_datetime(
 ["2024-01-02", "3 Jan 2024"], format="mixed"), pd.to_datetime(pd.DataFrame({"year": [2024],
 "month": [2], "day": [3], "hour": [4]}))
pd.to_datetime(["1pm 5 Mar 24"], format="%I%p %d %b %y"), pd.to_datetime(["9999-12-31",
 "30000-01-01"], errors="coerce"), pd.to_datetime(["13/01/2024", "02/01/2024"])
pd.to_datetime(2459000.5, unit="D", origin="julian"),
 pd.to_datetime(["2024-01-02T03:04:05.123456789Z"]), pd.to_datetime(f["d"], utc=True),
 pd.to_datetime("")
pd.to_timedelta(["1 days 02:03:04.5", "-3h", None]), pd.to_timedelta([1, 2.5], unit="min"),
 pd.to_timedelta(["x"], errors="coerce"), pd.to_timedelta("x")
pd.Timedelta("1D 2h") / pd.Timedelta("1h"), pd.Timedelta("1D 2h") // pd.Timedelta("5h"),
 pd.Timedelta("1D 2h") % pd.Timedelta("5h"), -pd.Timedelta("1h")
pd.Timedelta("1D") * 1.5, pd.Timedelta(days=1, hours=-3).components,
 pd.Timedelta("1.6s").round("s"), pd.Timedelta("100min").floor("h"),
 pd.Timedelta("61s").ceil("min")
pd.Timedelta("1h").isoformat(), pd.Timedelta("-1h").total_seconds(), abs(pd.Timedelta("-1h")),
 pd.Timedelta("1D") > pd.Timedelta("23h"), pd.Timedelta(5, "W").days
pd.Timestamp("2024-05-05 13:14:15.6").floor("15min"), pd.Timestamp("2024-05-05 13:14").ceil("D"),
 pd.Timestamp("2024-05-05 12:30").round("h"), pd.Timestamp(
 "2024-05-05").replace(day=9, hour=3), pd.Timestamp("2024-05-05 13:14").normalize(),
 pd.Timestamp(2024, 5, 5).isocalendar(), pd.Timestamp("2024-05-05").week
pd.Timestamp("2024-05-05") - pd.Timestamp("2024-04-01"), pd.Timestamp("2024-05-05").day_name(),
 pd.Timestamp("2024-05-31").is_month_end, pd.Timestamp("2024-05-05").dayofyear
pd.Timestamp(1.5, unit="D"), pd.Timestamp("2024-05-05", tz="US/Eastern").tz_convert("UTC"),
 pd.Timestamp("2024-05-05T10:00-03:00"), pd.Timestamp("2024-05-05").to_julian_date()
pd.Timestamp("2024-05-05").as_unit("s").unit, pd.Timestamp("2024-05-05").strftime("%A %d %B %y"),
 pd.Timestamp("x"), pd.NaT + pd.Timedelta("1D"), pd.NaT == pd.NaT
t.loc["2024-03-31"], t["2024-03-31":"2024-04-01 02:00"], t.between_time("05:00", "13:00"),
 t.between_time("13:00", "05:00"), t.between_time("05:15", "12:15",
 inclusive="neither"), t.between_time("05:15", "12:15", inclusive="left"), t.at_time("05:15"),
 t.index.indexer_between_time("5:15", "12:15")
t.index.round("D"), t.index.floor("12h"), t.index.to_period("W"), t.index.strftime("%H"),
 t.index.snap("D"), t.index.normalize(), t.index.is_leap_year, t.index.to_series().diff()
f["d"].dt.year, f["d"].dt.dayofweek, f["d"].dt.days_in_month, f["d"].dt.is_quarter_start,
 f["d"].dt.isocalendar(), f["d"].dt.day_name(), f["d"].dt.time, f["d"].dt.date
f["d"].dt.to_period("Q"), f["d"].dt.normalize(), f["d"].dt.ceil("D"), f["d"].dt.month_name(),
 f["d"].dt.hour, f["d"].dt.strftime("%j"), f["d"].dt.tz_localize("UTC").dt.tz
(f["d"] - pd.Timestamp("2024-03-01")).dt.days, (f["d"] -
 pd.Timestamp("2024-03-01")).dt.components, f["d"] + pd.offsets.MonthEnd(), f["d"] >
 "2024-02-29", f["d"].isin(["2024-03-01"])
pd.Period("2024-03", "M") + 1, pd.Period("2024-03", "M").end_time, pd.Period("2024Q1",
 "Q-DEC").asfreq("M", "end"), pd.Period("2024-03", "M") - pd.Period("2023-12", "M")
pd.Period("2024-03-05", "W-WED").start_time, pd.period_range("2024-01", periods=3,
 freq="M").to_timestamp(how="end"), t.to_period("D"), t.to_period("D").to_timestamp("h")
t.to_period("D").resample("M").sum(), pd.PeriodIndex.from_fields(year=[2024], quarter=[2],
 freq="Q"), pd.Period("2024-03", "M").strftime("%y/%m"), pd.PeriodIndex(["2024-01"],
 freq="M").asfreq("D", how="S")
"""

LISTS = {"rolled": ROLLED, "windows": WINDOWS + MORE_WINDOWS, "sampled": SAMPLED, "times": TIMES}


def slide_windows(name: str) -> list[str]:
    """Return what the steps of a list with windows or times make of tables."""
    return play_tables(LISTS[name])


OF_WINDOWS = (Family(slide_windows, lambda: [*LISTS], lambda _: None),)
