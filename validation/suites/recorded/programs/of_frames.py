"""Small tables of pandas with duplicates, holes, many types, and what lines make of them."""

from __future__ import annotations

import ast
import functools
import importlib
import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .telling import attempt

MIN_SIZE = 1e-7
"""What is smaller is nothing: processors round differently."""


def make_tables(pandas: Any) -> dict[str, Any]:
    """Return tables by name: rows, rows of two keys, columns to join, days, hours."""
    days = ["2024-03-01", None, "2024-02-28", "2023-12-31", "2024-03-01", "2024-05-05 06:30"]
    kinds = pandas.CategoricalDtype(["lo", "hi", "un"], ordered=True)
    rows = {
        "g": ["b", "a", None, "b", "a", "c", "a", "b"],
        "h": [1, 2, 1, 1, 2, 1, 2, 2],
        "v": [0.5, np.nan, 2.25, -1.0, 2.25, 7.0, 3.5, 0.5],
        "n": [3, 1, 4, 1, 5, 9, 2, 6],
        "b": [True, False, True, True, False, False, True, False],
        "k": pandas.Series(["lo", "hi", "lo", None, "hi", "lo", "hi", "lo"]).astype(kinds),
        "d": pandas.to_datetime(pandas.Series([*days, "2024-01-15", None]), format="ISO8601"),
        "s": ["one", " Two", None, "thr,ee", "one", "FIVE_6", "x1y22", ""],
    }
    table = pandas.DataFrame(rows).set_axis([3, 1, 1, 0, 7, 5, 2, 9])
    keys = [("b", 2), ("a", 1), ("b", 1), ("a", 3), ("c", 1)]
    tall = pandas.MultiIndex.from_tuples(keys, names=["g", "h"])
    wide = pandas.MultiIndex.from_product([["x", "y"], ["p", "q"]], names=["up", "low"])
    cells = np.array([2, 1, 0, 4, 3, 8, 6, 7, 5, 9, 11, 10, 15, 13, 14, 12, 1, 1, 2, 3.0])
    other = {"g": ["a", "a", "d", "b", None], "h": [1, 2, 1, 2, 1], "v": [1.0, 2, 3, 4, 5]}
    hours = pandas.date_range("2024-03-30 22:15", periods=9, freq="7h", name="at")
    counts = [1.0, np.nan, 4, 2, 8, np.nan, np.nan, 5, 3]
    return {
        "f": table,
        "m": pandas.DataFrame(cells.reshape(5, 4), index=tall, columns=wide),
        "o": pandas.DataFrame(other, index=[1, 2, 3, 3, 9]),
        "t": pandas.Series(counts, index=hours, name="c"),
    }


def tell_number(value: Any) -> Any:
    """Return a number or a constant as a text; numbers have few digits."""
    if isinstance(value, complex | np.complexfloating):
        return [tell_number(float(value.real)), tell_number(float(value.imag))]
    if isinstance(value, float | np.floating):
        number = float(value)
        number = 0.0 if abs(number) < MIN_SIZE else number * 1.000731
        return f"{number:.6g}."
    return repr(value) if isinstance(value, str) else str(value)


def tell_cells(value: Any) -> Any:
    """Return values as texts; each kind of a hole is told."""
    if hasattr(value, "iloc"):
        return tell_frame(value)
    if hasattr(value, "get_indexer"):
        return tell_labels(value)
    if isinstance(value, Mapping):
        return [[tell_cells(key), tell_cells(each)] for key, each in value.items()]
    if isinstance(value, np.ndarray):
        return [str(value.dtype), str(value.shape), *map(tell_cells, value.ravel().tolist())]
    if isinstance(value, list | tuple | range) or hasattr(value, "__next__"):
        return [type(value).__name__, *map(tell_cells, value)]
    listed = hasattr(value, "__array__") and hasattr(value, "__len__")
    return [str(value.dtype), *map(tell_cells, value)] if listed else tell_number(value)


def tell_dtype(value: Any) -> list[Any]:
    """Return the type of the values of a column, with its categories if it has some."""
    kind = value.dtype
    if not hasattr(kind, "ordered"):
        return [str(kind)]
    return [str(kind), str(kind.ordered), str(kind.categories.dtype), *map(str, kind.categories)]


def tell_labels(labels: Any) -> list[Any]:
    """Return the kind, the names and all values of an index."""
    parts = [type(labels).__name__, str([*labels.names]), str(getattr(labels, "freq", ""))]
    parts += tell_dtype(labels) if labels.nlevels == 1 else [*map(str, labels.dtypes)]
    return [*parts, *map(tell_cells, labels)]


def tell_frame(table: Any) -> list[Any]:
    """Return the labels, the types and all values of a table or a column."""
    parts: list[Any] = [type(table).__name__, tell_labels(table.index), str(table.attrs or "")]
    if table.ndim == 1:
        return [*parts, str(table.name), tell_dtype(table), [*map(tell_cells, table)]]
    parts.append(tell_labels(table.columns))
    for place in range(table.shape[1]):
        column = table.iloc[:, place]
        parts += [tell_dtype(column), [*map(tell_cells, column)]]
    return parts


def do_steps(made: dict[str, Any], text: str) -> Any:
    """Return the first table after statements that may change new copies of the tables."""
    names = {name: each.copy() for name, each in made.items()}
    names |= {"pd": importlib.import_module("pandas"), "np": np, "io": io}
    functools.partial(exec, text, names)()  # all texts are our own
    return names["f"]


def play_parts(line: str, names: dict[str, Any], tell: Callable[[Any], Any]) -> list[str]:
    """Return what each part of a line with commas gives, as a text, or the name of its error."""
    whole = ast.parse(line, mode="eval").body
    pieces = whole.elts if isinstance(whole, ast.Tuple) else [whole]
    codes = [compile(ast.Expression(each), line, "eval") for each in pieces]
    played = [functools.partial(eval, each, names) for each in codes]
    return [attempt(lambda play=each: repr(tell(play()))) for each in played]


def play_tables(lines: str) -> list[str]:
    """Return what each line makes of new tables as a text, and whether it changed them.

    A line that begins with a space belongs to the one before. A line may use
    `do("STATEMENTS")`, which gives the first table after the statements.
    """
    pandas = importlib.import_module("pandas")
    made, results = make_tables(pandas), []
    for line in lines.replace("\n ", " ").splitlines():
        names = {name: each.copy() for name, each in made.items()}
        names |= {"pd": pandas, "np": np, "io": io, "do": functools.partial(do_steps, made)}
        parts = play_parts(line, names, tell_cells) if line else []
        kept = [attempt(made[name].equals, names[name]) for name in made]
        results += [*parts, str(kept)] if line else []
    return results
