"""Programs with what pandas reads from texts, and with its calendars, each with its options."""

from __future__ import annotations

import importlib
import io
from typing import Any

import numpy as np

from ..families import Family
from ..of_frames import tell_cells
from ..steps import ask, note, play_steps
from ..telling import attempt

READ = """
csv = 'a,b,c,d\\n1,2.5,x,2024-01-02\\n2,,"y, z",2024-02-03\\n'
csv += '# note\\n3,-1e3,NA,bad\\n\\n4,1_000,"q""q",2023-12-31\\n'
wide = 'id   name      value\\n001  Ann       1.5\\n002  Bob Lee   -2\\n\\n003  Al\\n'
two = 'x,x,y\\np,q,p\\n1,2,3\\n4,5,6\\n'
bad = 'a,b\\n1,2\\n1,2,3\\n4\\n5,6,7,8\\n'
for engine in ('c', 'python'):
    for options in ({}, {'comment': '#'}, {'header': None}, {'header': 1},
        {'names': list('pqrs')}, {'names': list('pqrs'), 'header': 0}, {'names': list('pq')},
        {'index_col': 0}, {'index_col': ['a', 'b']}, {'index_col': False}, {'usecols': ['a',
        'c']}, {'usecols': [0, 3]}, {'usecols': lambda name: name > 'b'}, {'usecols': ['z']},
        {'dtype': str}, {'dtype': {'a': 'Int64', 'b': 'str'}}, {'dtype': {'c': 'category'}},
        {'dtype': {'a': 'no'}}, {'na_values': ['x']}, {'na_values': {'a': [1]}},
        {'keep_default_na': False}, {'na_filter': False},
        {'parse_dates': ['d']}, {'parse_dates': True, 'index_col': 'd'}, {'parse_dates': ['d'],
        'date_format': '%Y-%m-%d'}, {'parse_dates': ['d'], 'dayfirst': True},
        {'parse_dates': ['zz']}, {'skiprows': 1}, {'skiprows': [1, 3]},
        {'skiprows': lambda n: n % 2 == 1}, {'skipfooter': 1}, {'nrows': 2}, {'nrows': 0},
        {'skip_blank_lines': False}, {'sep': ';'}, {'sep': None}, {'sep': r'\\s+'},
        {'sep': '[,;]'}, {'quotechar': "'"}, {'quoting': 3}, {'quoting': 1},
        {'doublequote': False}, {'escapechar': '"'}, {'thousands': '_'}, {'thousands': '_',
        'comment': '#'}, {'decimal': ','},
        {'converters': {'a': lambda v: v + '!'}}, {'converters': {1: len}}, {'true_values': ['x'],
        'false_values': ['y, z']}, {'skipinitialspace': True}, {'lineterminator': '\\n'},
        {'encoding': 'latin1'}, {'memory_map': True}, {'low_memory': False},
        {'float_precision': 'round_trip'}, {'float_precision': 'high'}, {'dialect': 'excel'},
        {'on_bad_lines': 'no'}, {'dtype_backend': 'numpy_nullable'}, {'dtype_backend': 'pyarrow'},
        {'storage_options': {'a': 1}}, {'delim_whitespace': True}, {'delimiter': '|', 'sep': ';'},
        {'chunksize': 2}, {'iterator': True}, {'no': 1}, {'compression': 'gzip'},
        {'cache_dates': False, 'parse_dates': ['d']}):
        given = note(lambda: tried(lambda: pd.read_csv(io.StringIO(csv), engine=engine,
            **options)))
        made = given[0]
        out += [engine, str(sorted(options)),
            tried(lambda: [part for part in made]) if hasattr(made, 'get_chunk') else made,
            [text.split(':')[0] for text in given[1]]]
    for options in ({}, {'on_bad_lines': 'skip'}, {'on_bad_lines': 'warn'},
        {'on_bad_lines': lambda row: row[:2]}, {'names': list('abcd'), 'header': None},
        {'index_col': False}, {'usecols': [0, 1]}, {'header': None}, {'skiprows': 1}):
        out.append(tried(lambda: pd.read_csv(io.StringIO(bad), engine=engine, **options)))
    for options in ({}, {'header': [0, 1]}, {'header': [0, 1], 'index_col': 0},
        {'header': [0, 1], 'names': ['k']}, {'header': [1, 0]}, {'header': -1}, {'header': 'x'},
        {'header': [0, 9]}):
        out.append(tried(lambda: pd.read_csv(io.StringIO(two), engine=engine, **options)))
    for text in ('', '\\n', 'a,b', 'a,b\\n', '\\ufeffa,b\\n1,2', 'a,b\\n1,"2', 'a\\r\\n1\\r2',
        '1,2\\n3,4', 'a,a,a.1\\n1,2,3', ',b\\n1,2', 'a b\\n1 2', 'True,no\\nfalse,yes',
        '0x1,1e400,-inf\\nnan,1_0,9223372036854775808', 'i,f\\n1,1.0\\n,2', '1;2,5\\n3;4,5'):
        out += [tried(lambda: pd.read_csv(io.StringIO(text), engine=engine)),
            tried(lambda: pd.read_csv(io.StringIO(text), engine=engine, header=None, prefix='X')),
            tried(lambda: pd.read_csv(io.StringIO(text), engine=engine, header=None))]
reader = pd.read_csv(io.StringIO(csv), comment='#', iterator=True)
reader.get_chunk(1), reader.get_chunk(2), reader.read(), reader.get_chunk(1), reader.close()
pd.read_table(io.StringIO('a\\tb\\n1\\t2'))
pd.read_csv(io.BytesIO(csv.encode('utf-16')), encoding='utf-16', comment='#')
pd.read_csv('none.csv'), pd.read_csv(3)
for options in ({}, {'colspecs': [(0, 5), (5, 15), (15, None)]}, {'widths': [5, 10, 6]},
    {'infer_nrows': 1}, {'widths': [3], 'colspecs': [(0, 1)]}, {'colspecs': 'no'},
    {'colspecs': [(0, 'a')]}, {'colspecs': 3}, {'header': None}, {'dtype': {'id': str}},
    {'delimiter': ' _'}, {'skiprows': 1}, {'nrows': 1}, {'names': ['a', 'b', 'c'], 'header': 0},
    {'skip_blank_lines': False}, {'index_col': 'id'}, {'na_values': ['-2']}, {'chunksize': 1},
    {'comment': 'B'}, {'converters': {'name': str.upper}}):
    made = tried(lambda: pd.read_fwf(io.StringIO(wide), **options))
    out.append(tried(lambda: [part for part in made]) if hasattr(made, 'get_chunk') else made)
f = pd.DataFrame({'a': [1, 2], 'b': ['x', None], 'd': pd.to_datetime(['2024-01-02', None]),
    'c': [0.25, -1]}, index=pd.Index(['p', 'q'], name='i'))
for orient in ('split', 'records', 'index', 'columns', 'values', 'table', 'no'):
    for options in ({}, {'date_format': 'iso'}, {'date_unit': 's'}, {'indent': 1},
        {'lines': True}, {'index': False}, {'double_precision': 1}, {'force_ascii': False},
        {'default_handler': str}, {'mode': 'a'}):
        text = tried(lambda: f.to_json(orient=orient, **options))
        out += [text,
            tried(lambda: pd.read_json(io.StringIO(text), orient=orient,
            lines=options.get('lines', False)))]
text = f.to_json(orient='records', lines=True)
for options in ({'chunksize': 1}, {'nrows': 1}, {'dtype': False}, {'dtype': {'a': 'float'}},
    {'convert_dates': False}, {'convert_dates': ['d']}, {'keep_default_dates': False},
    {'convert_axes': False}, {'precise_float': True}, {'date_unit': 'ms'},
    {'dtype_backend': 'numpy_nullable'}, {'typ': 'series'}, {'encoding_errors': 'ignore'}):
    made = tried(lambda: pd.read_json(io.StringIO(text), lines=True, **options))
    out.append(tried(lambda: [part for part in made]) if hasattr(made, 'nrows_seen') else made)
data = [{'id': 1, 'n': {'a': 'x', 'b': {'c': 2}}, 'r': [{'k': 1}, {'k': 2}]},
    {'id': 2, 'n': {'a': 'y'}, 'r': []}]
for options in ({}, {'sep': '_'}, {'max_level': 1}, {'max_level': 0}, {'record_path': 'r'},
    {'record_path': 'r', 'meta': 'id'}, {'record_path': ['r'], 'meta': ['id', ['n', 'a']]},
    {'record_path': 'r', 'meta': 'zz'}, {'record_path': 'r', 'meta': 'zz', 'errors': 'ignore'},
    {'record_path': 'r', 'record_prefix': 'R.', 'meta_prefix': 'M.', 'meta': ['id']},
    {'record_path': 'no'}, {'record_path': 'id'}):
    out.append(tried(lambda: pd.json_normalize(data, **options)))
pd.json_normalize(3), pd.json_normalize([]), pd.json_normalize({'a': {'b': 1}})
pd.json_normalize(pd.Series(data)), pd.read_json(io.StringIO('[1, 2'))
pd.read_json(io.StringIO('{}')), pd.read_json('none.json')
pd.read_json(io.StringIO('[1,2]'), orient='table')
for options in ({}, {'sep': ';'}, {'na_rep': '?'}, {'float_format': '%.1f'}, {'columns': ['b']},
    {'header': False}, {'header': list('wxyz')}, {'index': False}, {'index_label': 'I'},
    {'quoting': 2}, {'quoting': 3}, {'quotechar': "'", 'quoting': 1}, {'lineterminator': '|'},
    {'date_format': '%d'}, {'decimal': ','}, {'escapechar': '!', 'doublequote': False},
    {'chunksize': 1}, {'columns': ['z']}, {'mode': 'x'}, {'float_format': '{:.2f}'.format}):
    out.append(tried(lambda: f.to_csv(**options)))
for options in ({}, {'columns': ['a']}, {'col_space': 8}, {'header': False}, {'index': False},
    {'na_rep': '-'}, {'formatters': {'a': '<{}>'.format}}, {'float_format': '%.3f'},
    {'sparsify': False}, {'index_names': False}, {'justify': 'left'}, {'max_rows': 1},
    {'max_cols': 2}, {'show_dimensions': True}, {'decimal': ','}, {'line_width': 14},
    {'min_rows': 1}, {'max_colwidth': 3}, {'header': ['w']}, {'justify': 'no'}):
    out += [tried(lambda: f.to_string(**options)),
        tried(lambda: f.to_html(**{key: value for key,
        value in options.items() if key not in ('line_width', 'min_rows', 'max_colwidth')}))]
f.to_html(classes=['k'], table_id='t', border=2, escape=False, bold_rows=False,
    render_links=True), f.to_html(notebook=True), f.to_dict('list'), [tried(f.to_dict,
    each) for each in ('dict', 'series', 'split', 'tight', 'records', 'index',
    'no')], f.to_records(), f.to_records(index=False,
    column_dtypes={'a': 'i1'}), f.to_numpy(), repr(f), f._repr_html_()
pd.DataFrame.from_dict({'p': [1, 2]}, orient='index', columns=['x', 'y'])
pd.DataFrame.from_dict(f.to_dict('tight'), orient='tight')
pd.DataFrame.from_dict({}, orient='no')
pd.DataFrame.from_records([(1, 'a'), (2, 'b')], columns=['x', 'y'], index='x')
pd.DataFrame.from_records(f.to_records()), pd.DataFrame.from_records([{'a': 1}], exclude=['a'])
pd.DataFrame.from_records(iter([(1, 2)]), nrows=1, coerce_float=True)
"""

CALENDAR = """
days = pd.DatetimeIndex(['2024-02-28', '2024-02-29 12:00', '2023-12-29', '2024-07-06 23:30'])
texts = '''
    Day(2) Hour(3) Minute(5) Second(7) Milli(9) Micro(2) Nano(4) BDay(1) BDay(-3) MonthEnd(1)
    MonthBegin(-1) BMonthEnd() BMonthBegin(2) SemiMonthEnd() SemiMonthBegin(1,day_of_month=10)
    QuarterEnd(startingMonth=2) QuarterBegin() BQuarterEnd() BQuarterBegin(1,startingMonth=1)
    YearEnd(month=3) YearBegin() BYearEnd() BYearBegin(-1) Week() Week(2,weekday=3)
    WeekOfMonth(week=1,weekday=2) LastWeekOfMonth(weekday=4) FY5253(weekday=4,startingMonth=12)
    FY5253Quarter(weekday=4,startingMonth=12,qtr_with_extra_week=1) Easter() BusinessHour()
    BusinessHour(3,start="10:00",end="15:00") CustomBusinessDay(holidays=["2024-03-01"])
    CustomBusinessDay(weekmask="Sun&Mon") CustomBusinessHour(2) CustomBusinessMonthEnd()
    DateOffset(months=1,days=2) DateOffset(year=2020,hour=3) DateOffset(2,weeks=1)
    DateOffset(no=1) WeekOfMonth(week=9,weekday=2) SemiMonthEnd(day_of_month=40)
    BusinessHour(start="17:00",end="9:00") BusinessHour(start="x") Day(1.5) HalfYearEnd()
    BHalfYearBegin()'''
for text in texts.split():
    o = tried(lambda: eval('off.' + text.replace('&', ' '), {'off': pd.offsets}))
    out += [text, str(o)]
    if not isinstance(o, str):
        out += [repr(o), tried(lambda: o.freqstr), tried(lambda: o.rule_code), o.n, o.normalize,
            tried(lambda: -o == o), tried(lambda: o * 2), tried(lambda: days + o),
            tried(lambda: days - o), tried(lambda: [o.rollforward(day) for day in days]),
            tried(lambda: [o.rollback(day) for day in days]),
            tried(lambda: [o.is_on_offset(day) for day in days]),
            tried(lambda: pd.date_range('2024-01-05', periods=4, freq=o)),
            tried(lambda: pd.date_range('2024-01-01', '2024-03-03',
            freq=o)[:5]) if text[:2] not in ('Mi', 'Na', 'Se') else 0, tried(lambda: o + o),
            tried(lambda: o.base), tried(lambda: o.copy() == o),
            tried(lambda: hash(o) == hash(o.copy())), tried(lambda: sorted(o.kwds.items(),
            key=str)), tried(lambda: o.nanos), tried(lambda: pd.Timestamp('2024-02-29',
            tz='Europe/Berlin') + o), tried(lambda: o.is_month_end(days[1])),
            tried(lambda: pd.Period('2024-02', o)),
            tried(lambda: pd.tseries.frequencies.to_offset(o.freqstr) == o)]
freqs = 'D 2D -3h 1D2h 90min ME 2QS-FEB W-WED BME bh C 1.5h 3s5ms YE-MAR no M H T'
for text in (freqs + ' 2 1D1M B s us ns WOM-2TUE LWOM-FRI SME-10 QE-NOV').split():
    out += [text, tried(lambda: pd.tseries.frequencies.to_offset(text)),
        tried(lambda: pd.Timedelta(text)), tried(lambda: pd.Period('2024-05-06 07:08', text)),
        tried(lambda: pd.period_range('2024-01', periods=3, freq=text)),
        tried(lambda: pd.date_range('2024-01-31', periods=3, freq=text)),
        tried(lambda: pd.timedelta_range('1h', periods=3, freq=text)),
        tried(lambda: pd.Timestamp('2024-05-06 07:08:09.5').floor(text)),
        tried(lambda: pd.Timestamp('2024-05-06 07:08:09.5').to_period(text)),
        tried(lambda: pd.infer_freq(pd.date_range('2024-01-31', periods=5, freq=text)))]
for given in (['2024-01-01', '2024-01-02', '2024-01-04'],
    ['2024-01-01', '2024-01-02', '2024-01-03', '2024-01-04'], ['2024-01-31', '2024-02-29',
    '2024-03-31'], ['2024-01-05', '2024-01-08', '2024-01-09', '2024-01-10', '2024-01-11',
    '2024-01-12'], ['2024-01-09', '2024-02-13', '2024-03-12'], ['2020-03-31', '2021-03-31',
    '2022-03-31'], ['2024-01-01'], ['2024-01-03', '2024-01-02', '2024-01-01'], ['2024-01-01',
    '2024-01-01', '2024-01-01']):
    out += [tried(lambda: pd.infer_freq(pd.to_datetime(given))),
        tried(lambda: pd.infer_freq(pd.Series(pd.to_datetime(given)))),
        tried(lambda: pd.DatetimeIndex(given, freq='infer').freq)]
for options in ({'periods': 3}, {'end': '2024-01-09', 'periods': 3}, {'end': '2024-01-09'},
    {'end': '2024-01-09', 'freq': '3D', 'inclusive': 'left'}, {'end': '2024-01-09',
    'inclusive': 'neither'}, {'end': '2024-01-09', 'inclusive': 'no'}, {'periods': 3,
    'tz': 'Asia/Tokyo'}, {'periods': 3, 'normalize': True}, {'periods': 3, 'unit': 's'},
    {'periods': 2.5}, {'periods': -1}, {}, {'end': '2024-01-09', 'periods': 3, 'freq': 'D'},
    {'periods': 3, 'freq': '-1D', 'name': 'x'}):
    out += [tried(lambda: pd.date_range('2024-01-01 06:00', **options)),
        tried(lambda: pd.bdate_range('2024-01-01 06:00', **options)),
        tried(lambda: pd.timedelta_range('1D', **{key: value if key != 'end' else '9D' for key,
        value in options.items()})), tried(lambda: pd.period_range('2024-01', **options)),
        tried(lambda: pd.interval_range(0, **{key: value if key != 'end' else 9 for key,
        value in options.items()}))]
pd.bdate_range('2024-01-01', periods=4, freq='C', weekmask='Mon Wed', holidays=['2024-01-03'])
pd.bdate_range('2024-01-01', periods=4, weekmask='Mon')
pd.interval_range(0, 6, freq=2, closed='left')
pd.interval_range(pd.Timestamp('2024-01-01'), periods=2, freq='MS')
for text in ('2024-02-30', '2024-02-29', '20240229', '29/02/2024', '02/29/2024', '2024-W09-4',
    '2024-060', 'Feb 29 2024 5pm', '2024Q1', '2024-02-29T10:11:12.123456789Z',
    '2024-02-29 10:11+05:30', 'now_', '', None, 'NaT', 1709164800, 1.5, '10:15', '2024',
    'March 2024', '1-1-1', '99999-01-01', '0001-01-01'):
    out += [text, tried(lambda: pd.Timestamp(text)) if text not in ('10:15',) else 0]
    for options in ({}, {'errors': 'coerce'}, {'dayfirst': True}, {'yearfirst': True},
        {'utc': True}, {'format': '%Y-%m-%d'}, {'format': 'ISO8601'}, {'format': 'mixed'},
        {'unit': 's'}, {'unit': 'D', 'origin': '2000-01-01'}, {'exact': False, 'format': '%Y'},
        {'cache': False}, {'origin': 'julian', 'unit': 'D'}):
        out.append(tried(lambda: pd.to_datetime([text, text],
            **options)) if text != '10:15' else 0)
for text in ('1 days 02:03:04.5', '3h', '-1D', '00:01', 'P1DT2H', '5', 5, 2.5, 'bad', None,
    '1 day 1 day', '2 weeks', 'inf', '106752 days'):
    out += [text, tried(lambda: pd.Timedelta(text)),
        tried(lambda: pd.to_timedelta([text], errors='coerce')),
        tried(lambda: pd.to_timedelta(text, unit='h')),
        tried(lambda: pd.Timedelta(text).isoformat()),
        tried(lambda: pd.Timedelta(text).components),
        tried(lambda: pd.Timedelta(text).round('h')), tried(lambda: pd.Timedelta(text) / 3),
        tried(lambda: pd.Timedelta(text) // pd.Timedelta('1h')),
        tried(lambda: pd.Timedelta(text) % pd.Timedelta('7min')),
        tried(lambda: str(pd.Timedelta(text).as_unit('s')))]
from pandas.tseries import holiday as h
class Own(h.AbstractHolidayCalendar):
    rules = [h.Holiday('fixed', month=3, day=2, observance=h.nearest_workday),
        h.Holiday('late', month=7, day=4, observance=h.next_monday, start_date='2024-01-01'),
        h.USLaborDay, h.Holiday('off', month=11, day=1, offset=pd.DateOffset(weekday=h.MO(1))),
        h.EasterMonday, h.Holiday('once', year=2024, month=5, day=5), h.Holiday('some', month=6,
        day=1, days_of_week=(0, 1, 2)), h.Holiday('ended', month=1, day=5, end_date='2023-06-01')]
c = Own('own')
c.holidays('2023-01-01', '2025-01-01'), c.holidays('2024-01-01', '2024-12-31', return_name=True)
h.USFederalHolidayCalendar().holidays('2024-01-01', '2024-12-31', return_name=True)
[repr(rule) for rule in c.rules], c.rule_from_name('late'), c.rule_from_name('no')
c.merge(h.USFederalHolidayCalendar()) and 1, h.get_calendar('USFederalHolidayCalendar').name
h.HolidayCalendarFactory('Both', Own, h.USFederalHolidayCalendar)().holidays('2024-01-01',
    '2024-02-01'), h.Holiday('bad', month=1, day=1, offset=3, observance=len), h.Holiday('bad',
    month=1, day=1, days_of_week=3)
for called in (h.next_monday, h.next_monday_or_tuesday, h.previous_friday, h.sunday_to_monday,
    h.weekend_to_monday, h.nearest_workday, h.next_workday, h.previous_workday,
    h.before_nearest_workday, h.after_nearest_workday):
    out.append([called(pd.Timestamp('2024-03-01') + pd.Timedelta(days=n)) for n in range(4)])
pd.offsets.CustomBusinessDay(calendar=c).rollforward(pd.Timestamp('2024-09-02'))
c.rules[0].dates(pd.Timestamp('2023-01-01'), pd.Timestamp('2025-01-01'), True)
"""

LISTS = {"read": READ, "calendar": CALENDAR}


def read_texts(name: str) -> list[Any]:
    """Return what the steps of a list with texts or calendars give, as texts."""
    names: dict[str, Any] = {"pd": importlib.import_module("pandas"), "np": np, "io": io}
    names |= {"note": note, "ask": ask}
    out: list[Any] = []
    given = play_steps(LISTS[name], tell_cells, out=out, tried=attempt, **names)
    return [*map(str, given), *(attempt(lambda held=each: repr(tell_cells(held))) for each in out)]


OF_READERS = (Family(read_texts, lambda: [*LISTS], lambda _: None),)
