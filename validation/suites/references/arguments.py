"""Whether NumPy's functions leave the arrays that they are given as they were."""

from __future__ import annotations

import contextlib
import inspect
import io
import types
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

SPACES: dict[str, Any] = {
    "numpy": np,
    "numpy.linalg": np.linalg,
    "numpy.fft": np.fft,
    "numpy.ma": np.ma,
    "numpy.char": np.char,
    "numpy.polynomial.polynomial": np.polynomial.polynomial,
    "numpy.lib.scimath": np.lib.scimath,
    "numpy.lib.stride_tricks": np.lib.stride_tricks,
}
KINDS = (types.FunctionType, types.BuiltinFunctionType, np.ufunc, type(np.sort))

CHANGING = frozenset({"copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"})
"""Functions whose purpose is to change what they are given."""

NOT_CALLED = frozenset(
    {
        "info",
        "show_config",
        "show_runtime",
        "set_printoptions",
        "setbufsize",
        "seterr",
        "seterrcall",
    }
) | {"array_repr", "array_str", "array2string", "rot90"}
"""Functions that print, change NumPy, or take a number in second place."""

RESULTS = frozenset({"out", "output", "dtype", "buffer"})
"""Parameters that no array is given to."""

MIN_FUNCTIONS = 400
"""As many functions must take some of the arguments: the NumPy of 2.6 has over 500."""


def list_functions() -> Iterator[tuple[str, Any]]:
    """Yield every public function of NumPy, by its name."""
    seen = set[int]()
    for path, space in SPACES.items():
        for name in sorted(each for each in dir(space) if not each.startswith("_")):
            function = getattr(space, name)
            left_out = name in CHANGING | NOT_CALLED or id(function) in seen
            if isinstance(function, KINDS) and not left_out:
                seen.add(id(function))
                yield f"{path}.{name}", function


def draw_arguments() -> Iterator[tuple[Any, ...]]:
    """Yield arguments of one to three arrays or numbers, of each type, each time new."""
    source = np.random.default_rng(0)
    values, whole = source.normal(size=7), source.integers(0, 5, 7)
    square, flags = source.normal(size=(3, 3)), source.random(7) > 0.5
    holes, texts = np.where(flags, values, np.nan), np.array(["ab", "c"])
    definite = square @ square.T + np.eye(3)
    for one in (values, whole, flags, holes, values * 1j + 1, square, definite, texts):
        yield (one.copy(),)
        for other in (one[::-1].copy(), 2, 0.5):
            yield one.copy(), other
    yield values.copy(), whole.copy()
    yield values.copy(), flags.copy()
    yield flags.copy(), values.copy()
    yield square.copy(), values[:3].copy()
    yield values.copy(), values[::-1].copy(), np.sort(values)


def find_changed_arguments() -> Iterator[str]:
    """Yield each function that changes an array that it was given."""
    called, drawn = set[str](), [*draw_arguments()]
    wanted = [[np.array(each) for each in arguments] for arguments in drawn]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for name, function in list_functions():
            takes = make_filter(function)
            for arguments, before in zip(drawn, wanted, strict=True):
                if not takes(arguments):
                    continue
                with contextlib.suppress(Exception):  # other arguments than these
                    function(*arguments)
                    called.add(name)
                changed = [*map(is_changed, before, arguments)]
                if any(changed):
                    kinds = " and ".join(f"{each.dtype}" for each in before)
                    yield f"{name} changes argument {changed.index(True)} of {kinds}"
                    drawn = [*draw_arguments()]
                    break
    if len(called) < MIN_FUNCTIONS:
        yield f"only {len(called)} functions of NumPy could be called"


def is_changed(before: Any, now: Any) -> bool:
    """Return whether an array, or a number, is not what it was."""
    same = np.shape(now) == before.shape and np.asarray(now).tobytes() == before.tobytes()
    return not same


def make_filter(function: Any) -> Callable[[tuple[Any, ...]], bool]:
    """Return what tells whether a function takes arguments as inputs, not for its result."""
    if isinstance(function, np.ufunc):
        return lambda arguments: len(arguments) == int(function.nin)
    try:
        names = [*inspect.signature(function).parameters]
    except ValueError:  # some compiled functions tell nothing
        return lambda arguments: len(arguments) <= 2
    return lambda arguments: not RESULTS & {*names[: len(arguments)]}
