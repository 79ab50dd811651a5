"""Programs with masked arrays, records, dates, and files of NumPy."""

from __future__ import annotations

import copy
import importlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import telling
from ..families import Family
from .of_arrays import LAYOUTS, make_array
from .of_numbers import print_arrays, walk_arrays

np: Any = importlib.import_module("numpy")

MASKED_METHODS = """
sum mean std var prod min max ptp cumsum cumprod anom argmax argmin all any count argsort sort
compressed filled nonzero ravel tolist trace round squeeze toflex tobytes get_fill_value diagonal
"""

MASKED_ALONG = "sum mean max argmin count std cumsum sort"

MASKED_PAIRS = telling.fill_lines(
    "ma.NAME(one, OTHER)",
    NAME="""add subtract multiply divide power floor_divide mod maximum minimum arctan2 logical_and
    equal less hypot allclose""",
    OTHER="two 2",
)

MASKED_FUNCTIONS = telling.fill_lines(
    "ma.NAME(one)",
    NAME="""sqrt log exp abs arccos negative median cov corrcoef average notmasked_edges
    notmasked_contiguous compress_rows compress_rowcols mask_cols mask_rowcols ediff1d unique diff
    is_masked getmask fix_invalid default_fill_value maximum_fill_value""",
)

MASKED_STEPS = """
ma.clump_masked(one[0])
ma.masked_where(base > 2, base)
ma.masked_equal(base, 4)
ma.masked_not_equal(base, 4)
ma.masked_inside(base, 0, 3)
ma.masked_outside(base, 0, 3)
ma.masked_values(base, 4.0)
ma.masked_invalid(np.log(base))
ma.where(one > 1, one, two)
ma.concatenate([one, two], 1)
ma.stack([one, two])
ma.mask_or(one.mask, two.mask)
ma.dot(one, two.T, strict=True)
ma.dot(one, two.T)
ma.isin(one, [1], invert=True)
ma.intersect1d(one, two)
ma.setdiff1d(one, two)
ma.union1d(one, two)
ma.apply_along_axis(np.sum, 1, one)
ma.average(one, 1, weights=np.abs(two) + 1, returned=True)
ma.median(one, 1, keepdims=True)
ma.clip(one, 0, 2)
change_masked(one.copy())
change_masked(one.copy().harden_mask())
one[one > 1]
one.reshape(5, 4)
copy.deepcopy(one)
one[0, 0] is ma.masked
ma.make_mask([1, 0, 0])
ma.resize(one, (3, 9))
ma.zeros_like(one)
one.view(np.ndarray)
one.astype("i8")
ma.array([(1, 2.5)], [("a", "i4"), ("b", "f8")], mask=[(0, 1)])
one.take([0, 9])
one.compress([1, 0, 1], axis=1)
one.put([0, 1], [7, 8])
ma.put(two, [0], ma.masked)
[one, two]
ma.outer(one[0], two[0])
ma.power(one, -0.5)
float(ma.masked)
one // 0
"""


def change_masked(made: Any) -> Any:
    """Return a masked array after it was changed at places that are masked."""
    made[0] = 5
    made[1, 1:3] = np.ma.masked
    made += 1
    made *= np.ma.masked_greater(make_array(), 5)
    made.fill_value = 42
    made.mask[2] = True
    return made


def use_masked() -> list[Any]:
    """Return what methods and functions of masked arrays give."""
    ma: Any = np.ma
    base = make_array()
    methods = telling.fill_lines("made.copy().NAME()", NAME=MASKED_METHODS)
    methods += "\n" + telling.fill_lines("made.NAME(axis=1)", NAME=MASKED_ALONG)
    rows: list[Any] = []
    for kind in ("f4", "i4", "?"):
        for mask in (base > 3, ma.nomask, np.ones((4, 5), bool)):
            made = ma.array(base.astype(kind), mask=mask, fill_value=1)
            rows += [telling.play_lines(methods, made=made), str(made), repr(made)]
    one, two = (ma.masked_greater(base, 3), ma.masked_less(base[:, ::-1], 0))
    lines = "\n".join((MASKED_PAIRS, MASKED_FUNCTIONS, MASKED_STEPS))
    names = {"np": np, "ma": ma, "copy": copy, "change_masked": change_masked}
    return [*rows, telling.play_lines(lines, base=base, one=one, two=two, **names)]


RECORD_STEPS = """
tools.append_fields(one, "new", [7, 8, 9], usemask=False)
tools.append_fields(one, ["p", "q"], [[1, 2], [3, 4, 5]], fill_value=-1)
tools.drop_fields(deep, ["b"])
tools.rename_fields(deep, {"b": "e", "a": "f"})
tools.merge_arrays((one, two), flatten=True, usemask=True)
tools.stack_arrays((one, two))
tools.stack_arrays((one, two), autoconvert=True, usemask=False)
tools.find_duplicates(np.ma.array(one), key="key", return_index=True)
tools.get_names(deep.dtype)
tools.structured_to_unstructured(deep)
tools.structured_to_unstructured(one[["key", "v"]], dtype="f4")
tools.unstructured_to_structured(np.arange(6).reshape(2, 3), np.dtype("i4,f8,i2"))
tools.apply_along_fields(np.mean, one[["key", "v"]])
tools.assign_fields_by_name(one.copy(), two[:1])
tools.require_fields(one, [("v", "f4"), ("new", "i4")])
tools.repack_fields(one[["key", "n"]], align=True)
tools.join_by("key", one[:2], two, "inner", "A", usemask=False)
tools.join_by("key", one[:2], two, "outer", usemask=False, defaults={"n": "-"})
tools.join_by("key", one[:2], two, "leftouter")
[rec.key, rec[1].n, rec[["v", "n"]], rec.field(1), rec[0].pprint(), repr(rec)]
rec.nothing
one[one["key"] == 3]["n"]
one.dtype.fields["v"][1]
np.sort(one, order=["key", "v"])
one.tolist()
one == one[::-1]
np.rec.fromarrays([[1, 2], ["a", "b"]], names="p,q")
np.rec.fromrecords([(1, "a"), (2, "bc")], formats="i2,U3", names="p,q")
np.rec.fromstring(one.tobytes(), dtype=one.dtype, shape=2, offset=20)
"""

RECORD_TYPES: tuple[Any, ...] = (
    "i4,f8",
    [("a", "i4", (2,)), (("title", "b"), "U3")],
    {"names": ["a", "b"], "formats": ["i1", "f8"], "offsets": [0, 4], "itemsize": 20},
    {"a": ("i4", 0), "b": ("f4", 4)},
    ">M8[3h]",
    "(2,3)f4",
    "x9",
    [("a", "x")],
)


def use_records() -> list[Any]:
    """Return what functions of records give: joined, split, renamed, and read by name."""
    tools = importlib.import_module("numpy.lib.recfunctions")
    fields = [("key", "i4"), ("v", "f8"), ("n", "U2")]
    one = np.array([(1, 2.5, "x"), (3, 4.5, "y"), (3, 0.5, "z")], fields)
    two = np.array([(3, 7), (4, 8)], [("key", "i4"), ("v", "i8")])
    deep = np.array([((1, 2), 3.0)], [("a", [("b", "i4"), ("c", "i4")]), ("d", "f8")])
    names = {"tools": tools, "two": two, "deep": deep, "rec": np.rec.array(one)}
    types = [
        telling.attempt(lambda k, a: repr(np.dtype(k, align=a)), kind, align)
        for kind in RECORD_TYPES
        for align in (False, True)
    ]
    return [types, telling.play_lines(RECORD_STEPS, np=np, one=one, **names)]


DATE_STEPS = """
days + 30
days - days[0]
days + np.timedelta64(2, "W")
times - days[0]
days.astype("M8[M]") + 1
np.timedelta64(7, "h") / np.timedelta64(30, "m")
divmod(np.timedelta64(7, "h"), np.timedelta64(2, "h"))
days < days[1]
np.isnat(days)
np.sort(days)
days.max()
days.astype(int)
times.tolist()
np.diff(days[:2])
np.datetime64("2024-13-01")
np.datetime64("2024-01", "D")
np.arange("2024-01", "2024-04", dtype="M8[M]")
np.mean(days[:2] - days[3])
str(np.timedelta64(3, "D"))
np.timedelta64(1, "Y").astype("m8[D]")
repr(times)
np.datetime_as_string(times)
np.datetime_as_string(times, unit="h", casting="unsafe")
np.datetime_as_string(times, timezone="UTC")
np.busday_count(good, good[0])
np.busday_count(good, good[0], weekmask="1111000")
np.busday_count(good, good[0], holidays=["2024-03-01", "2024-06-05"])
np.is_busday(good, holidays=["2024-02-28"])
np.busday_offset("2024-05", 1, busdaycal=np.busdaycalendar("Mon Tue", ["2024-05-06"]), roll="nat")
"""


def use_dates() -> Any:
    """Return what dates and durations give, and days of work."""
    days = np.array(["2024-02-28", "2024-12-31", "NaT", "1969-07-20"], "M8[D]")
    times = np.array(["2024-02-28T23:59:59.5", "1900-01-01T00:00"], "M8[ms]")
    lines = [telling.fill_lines("days.astype('M8[UNIT]')", UNIT="Y M W h s ns"), DATE_STEPS]
    rolls = "forward backward modifiedfollowing modifiedpreceding nat raise"
    lines.append(telling.fill_lines("np.busday_offset(good, [3, -2, 0], roll='HOW')", HOW=rolls))
    good = days[[0, 1, 3]]
    return telling.play_lines("\n".join(lines), np=np, days=days, times=times, good=good)


TEXT = "# about\na,b,c\n1,2.5,x\n3,,y # more\n\n5,6e1,z\n"

WRITINGS: tuple[dict[str, Any], ...] = (
    {},
    {"fmt": "%d"},
    {"fmt": ["%.2f"] * 5, "delimiter": ";"},
    {"header": "a b\nc", "footer": "end", "comments": "% "},
    {"newline": "|"},
    {"fmt": "%.1f %.2f %d %d %s"},
    {"fmt": "%d %d"},
    {"encoding": "utf-8", "fmt": "%10.3e"},
)

READINGS = """
np.loadtxt(text(), skiprows=2)
np.loadtxt(text(), delimiter=",", skiprows=2, usecols=0, dtype=int)
np.loadtxt(text(), delimiter=",", dtype="U5", skiprows=1)
np.loadtxt(text(), delimiter=",", skiprows=2, usecols=(0, 2), dtype=str, unpack=True)
np.loadtxt(text(), None, "#", ",", {1: lambda cell: float(cell or -1)}, 2, (0, 1))
np.loadtxt(text(), delimiter=",", skiprows=2, max_rows=1, dtype="i4,f8,U3")
np.loadtxt(text(), delimiter=",", dtype=str, comments=["x", "#"], ndmin=2)
np.loadtxt(io.StringIO("1;'a;b'\\n2;'c'"), delimiter=";", quotechar="'", dtype="i4,U5")
np.genfromtxt(text(), delimiter=",")
np.genfromtxt(text(), delimiter=",", names=True, dtype=None, encoding=None)
np.genfromtxt(text(), delimiter=",", skip_header=2, usecols=(0, 1), filling_values=-9.0)
np.genfromtxt(text(), delimiter=",", skip_header=2, skip_footer=1, usecols=(0, 1))
np.genfromtxt(text(), "i4,f8,U2", delimiter=",", names="p,q,r", skip_header=2, usemask=True)
np.genfromtxt(text(), None, delimiter=",", names=True, excludelist=["a"], case_sensitive="upper")
np.genfromtxt(text(), delimiter=",", skip_header=2, usecols=1, converters={1: len})
np.genfromtxt(text(), delimiter=",", skip_header=2, max_rows=1, usecols=(0, 1), unpack=True)
np.genfromtxt(text(), None, delimiter=",", skip_header=1, invalid_raise=False, autostrip=True)
np.genfromtxt(text(), str, delimiter=",", skip_header=2, ndmin=2)
np.genfromtxt(io.StringIO("  1 22333\\n 44 5  6"), delimiter=(3, 3, 3))
np.genfromtxt(io.StringIO("1 2\\n3"))
np.fromregex(io.StringIO("a1 b22 a3"), "([ab])(\\\\d+)", [("n", "U1"), ("v", "i4")])
"""


def write_tables() -> list[Any]:
    """Return tables that were written as texts and read again, with the options of both."""
    rows: list[Any] = []
    for options in WRITINGS:
        file = io.StringIO()
        rows += [telling.attempt(np.savetxt, file, make_array(), **options), file.getvalue()]
    np.savetxt("table.txt", make_array() * (1 + 2j), fmt="%.2f")
    rows.append(Path("table.txt").read_text())
    return [rows, telling.play_lines(READINGS, np=np, io=io, text=lambda: io.StringIO(TEXT))]


SAVED = """
np.save("one", array)
np.load("one.npy")
np.load("one.npy", allow_pickle=True)
np.array(np.load("one.npy", mmap_mode="r"))
np.load("one.npy", mmap_mode="c", max_header_size=50)
np.load(io.BytesIO(Path("one.npy").read_bytes()[:90]))
np.save("two.npy", array, allow_pickle=False)
"""

SAVED_TOGETHER = """
np.SAVE("many", array, named=mixed, other=np.arange(3))
dict(np.load("many.npz"))
np.load("many.npz").files
np.load("many.npz")["none"]
np.load("many.npz").f.other
"""

MAPPED = """
np.array(np.memmap("mapped.bin", "i4", "r"))
np.array(np.memmap("mapped.bin", "i4", "c", 8, (3, 2)))
np.array(np.memmap("mapped.bin", "i4", "r+", 12))
np.array(np.memmap("mapped.bin", "i4", "r", 8, (2, 3), "F"))
np.memmap("mapped.bin", "i4", "r", 8).offset
np.memmap("mapped.bin", "i4", "r").__setitem__(0, 9)
big.tofile("raw.bin")
array.tofile("raw.txt", sep=",", format="%.1f")
np.fromfile("raw.bin", ">f4", 5, offset=8)
np.fromfile("raw.txt", sep=",")
np.load("raw.bin")
np.load("missing.npy")
"""


def save_arrays() -> list[Any]:
    """Return arrays that were saved and loaded, with the options of both, and mapped files."""
    kinds = [("n", "U2"), ("v", ">i2"), ("w", "f4", 2)]
    mixed = np.array([("a", 1, [1.5, 2]), ("bc", 2, [3, 4])], dtype=kinds)
    arrays = [*map(make_array, LAYOUTS), mixed, np.array(["2024-01-30", "NaT"], "M8[D]")]
    arrays += [np.array(3), np.zeros((0, 3)), np.array(["x", "yz"])]
    arrays.append(np.array([None, {"a": 1}], dtype=object))
    names = {"np": np, "io": io, "Path": Path, "mixed": mixed, "big": make_array("big")}
    rows: list[Any] = [telling.play_lines(SAVED, array=array, **names) for array in arrays]
    mapped = np.memmap("mapped.bin", "i4", "w+", offset=8, shape=(3, 2), order="F")
    mapped[:] = np.arange(6).reshape(3, 2)
    mapped.flush()
    lines = telling.fill_lines(SAVED_TOGETHER, SAVE="savez savez_compressed") + MAPPED
    return [rows, telling.play_lines(lines, array=make_array("F"), **names)]


PARTS: dict[str, Callable[[], Any]] = {
    "tables": write_tables,
    "files": save_arrays,
    "masked": use_masked,
    "records": use_records,
    "dates": use_dates,
    "printing": print_arrays,
    "walks": walk_arrays,
}


def use_numbers(name: str) -> Any:
    """Return what a part of NumPy gives."""
    return telling.tell_exactly(PARTS[name]())


OF_RECORDS = (Family(use_numbers, lambda: [*PARTS], lambda _: None),)
