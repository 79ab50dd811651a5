"""Programs with polynomials, random numbers, printing of arrays and ways through them of NumPy."""

from __future__ import annotations

import copy
import importlib
from typing import Any

from .. import telling
from ..families import Family

np: Any = importlib.import_module("numpy")

POLYNOMIALS = {
    "Polynomial": "poly",
    "Chebyshev": "cheb",
    "Legendre": "leg",
    "Laguerre": "lag",
    "Hermite": "herm",
    "HermiteE": "herme",
}
"""The classes, and how names of functions for their coefficients begin."""

POLYNOMIAL_STEPS = """
one(x)
(one + two).coef
(one - 2).coef
(one * two).coef
(one**2).coef
(2 - one).coef
(one // two).coef
(one % two).coef
[p.coef for p in divmod(one, two)]
(one / 2).coef
one / two
one.deriv(2).coef
one.integ(2, [1, 2], lbnd=0.5).coef
np.sort_complex(one.roots())
one.degree()
one.cutdeg(2).coef
kind([1, 2, 1e-09]).trim(1e-05).coef
one.truncate(2).coef
one.linspace(4, [0, 2])
one.mapparms()
[one.copy() == one, one != two, len(one), *one]
[one.has_samecoef(two), one.has_samedomain(two), one.has_samewindow(two), one.has_sametype(3)]
one.convert(domain=[0, 3], window=[-1, 1]).coef
one.convert(kind=np.polynomial.Chebyshev).coef
kind.cast(two, [0, 1]).coef
kind.fit(x, x**3 - x, 3).convert().coef
kind.fit(x, x**2, [0, 2], w=x + 2, window=[0, 1]).coef
kind.fit(x, x, 2, full=True)[1][0]
kind.fromroots([0.5, -1, 2], domain=[]).coef
kind.fromroots([1, 2], [0, 3]).coef
kind.identity([0, 4]).coef
kind.basis(3, [0, 4])(x)
[str(one), repr(one), f"{one:unicode}", f"{one:ascii}", str(kind([-1, 0, 1j]))]
kind([1, 2], symbol="z") + one
one + kind([1], domain=[0, 1])
kind([1], symbol="3")
one ** (-1)
one**1.5
"""

COEFFICIENTS = """
module.NAMEval(x, c2)
module.NAMEval2d(x, x, c2)
module.NAMEgrid2d(x[:2], x[:3], c2)
module.NAMEvander(x, 3)
module.NAMEcompanion([1, 2, 3, 4])
module.NAMEfromroots([1, -1, 0])
module.NAMEline(2, 3)
module.NAMEmulx([1, 2, 3])
module.NAMEgauss(4)
module.NAMEweight(np.abs(x) / 2)
module.NAMEint(c2, 2, [1, 2], 0.5, 3, 1)
module.NAMEder(c2, 2, 3, 1)
module.NAMEpow([1, 2], 3)
module.NAMEadd([1, 2], [3])
module.NAMEsub([1], [3, 4])
"""


def use_polynomial(name: str) -> Any:
    """Return what the methods and the functions of a class of polynomials give."""
    kind = getattr(np.polynomial, name)
    one, two = (kind([1.0, -2, 0.5, 3], window=[-1, 2]), kind([2.0, 1], window=[-1, 2]))
    names = {"np": np, "x": np.linspace(-0.8, 1.4, 6), "c2": np.arange(12.0).reshape(3, 4)}
    names["module"] = getattr(np.polynomial, name.lower().replace("hermitee", "hermite_e"))
    lines = POLYNOMIAL_STEPS + telling.fill_lines(COEFFICIENTS, NAME=POLYNOMIALS[name])
    return telling.tell_exactly(telling.play_lines(lines, kind=kind, one=one, two=two, **names))


GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64", "RandomState")

DRAWS = """
made.random(5)
made.integers(3, 9, 6)
made.normal(1.0, 2.0, 4)
made.standard_normal(4)
made.uniform(-1, 3, 4)
made.exponential(2.0, 4)
made.poisson(3.5, 5)
made.binomial(9, 0.3, 5)
made.gamma(2.0, 1.5, 4)
made.beta(2, 3, 4)
made.chisquare(3, 4)
made.f(3, 5, 4)
made.geometric(0.3, 5)
made.gumbel(1, 2, 3)
made.hypergeometric(5, 7, 4, 5)
made.laplace(0, 1, 3)
made.logistic(0, 1, 3)
made.lognormal(0, 1, 3)
made.logseries(0.6, 4)
made.multinomial(9, [0.2, 0.3, 0.5], 2)
made.negative_binomial(3, 0.4, 4)
made.pareto(3, 3)
made.power(2, 3)
made.rayleigh(2, 3)
made.standard_cauchy(3)
made.standard_t(4, 3)
made.triangular(0, 1, 3, 4)
made.vonmises(0, 2, 3)
made.wald(1, 2, 3)
made.weibull(2, 3)
made.zipf(2.5, 4)
made.dirichlet([1, 2, 3], 2)
made.choice(5, 3, False, [0.1, 0.2, 0.3, 0.2, 0.2])
made.permutation(5)
made.bytes(3)
"""

OLD_DRAWS = """
made.randint(2, 9, 4)
made.rand(2)
made.randn(2)
made.get_state()[2:]
"""

NEW_DRAWS = """
made.choice(9, 4)
made.choice(9, 4, False)
made.choice(table, 2, axis=1, replace=False, shuffle=False)
made.choice(4, 6, p=[0.1, 0.2, 0.3, 0.4])
made.choice(3, 9, False)
made.permutation(table, axis=1)
made.permuted(table, axis=0)
made.permuted(table)
made.integers(5, endpoint=True, size=9)
made.integers(0, 255, 5, dtype="u1")
made.random(4, dtype="f4")
made.standard_normal(3, dtype="f4")
made.standard_exponential(3, method="inv")
made.standard_gamma(2, 3, dtype="f4")
made.multivariate_hypergeometric([3, 4, 5], 6, 2, method="count")
made.multivariate_normal([0, 1], [[2, 0.5], [0.5, 1]], method="cholesky")
made.shuffle(table, axis=1)
table
copy.deepcopy(made).random()
[made.random(), made.bit_generator.state]
[each.random() for each in made.spawn(2)]
bits.jumped(2).random_raw(2)
bits.random_raw(2)
np.random.Generator(bits.advance(5)).random()
seeds.generate_state(3)
[s.generate_state(1, "u8") for s in seeds.spawn(2)]
seeds.state
np.random.default_rng(seeds).random()
"""


def draw_numbers(kind: str) -> Any:
    """Return random numbers of each distribution with a generator, and its state."""
    bits = getattr(np.random, kind)(11)
    is_old = kind == "RandomState"
    names = {"np": np, "copy": copy, "bits": bits, "table": np.arange(12).reshape(3, 4)}
    names |= {"made": bits if is_old else np.random.Generator(bits)}
    names["seeds"] = np.random.SeedSequence(7, spawn_key=(3,), pool_size=8)
    lines = DRAWS + (OLD_DRAWS if is_old else NEW_DRAWS)
    return telling.tell_exactly(telling.play_lines(lines, **names))


PRINTED = """
floats
floats[0] * 1j
np.arange(2000).reshape(40, 50)
floats > 2
np.array(["a", "long text"])
np.zeros((0, 2))
np.array(1.5)
np.arange(6, dtype="i1")
np.float32([0.1, 1 / 3])
np.array([None, 3, "x"], object)
np.array(["2024-01-01", "NaT"], "M8[D]")
np.array([(1, 2.5)], "i4,f8")
np.ma.array([1, 2], mask=[0, 1])
"""

PRINTS = """
repr(array)
str(array)
np.array2string(array, precision=2)
np.array2string(array, suppress_small=True)
np.array2string(array, separator=", ")
np.array2string(array, threshold=3, edgeitems=1)
np.array2string(array, max_line_width=20)
np.array2string(array, floatmode="fixed")
np.array2string(array, floatmode="unique")
np.array2string(array, floatmode="maxprec_equal", precision=3)
np.array2string(array, sign="+")
np.array2string(array, sign=" ")
np.array2string(array, prefix="abc", suffix=")", max_line_width=25)
np.array2string(array, formatter={"float": lambda x: f"<{x:.1f}>", "int": hex, "bool": str})
np.array_str(array, 30, 2, True)
"""

PRINTED_NUMBERS = """
np.format_float_positional(VALUE)
np.format_float_positional(VALUE, precision=3)
np.format_float_positional(VALUE, trim="-")
np.format_float_positional(VALUE, unique=False, precision=4, trim="0")
np.format_float_positional(VALUE, sign=True, pad_left=9)
np.format_float_positional(VALUE, fractional=False, precision=3)
np.format_float_positional(VALUE, min_digits=5)
np.format_float_scientific(VALUE)
np.format_float_scientific(VALUE, precision=2, exp_digits=4)
np.format_float_scientific(VALUE, trim="k", sign=True)
np.format_float_scientific(VALUE, unique=False, precision=3)
np.binary_repr(-5, 8)
np.base_repr(99, 7, 3)
[str(np.finfo("f4")), str(np.iinfo("u2")), repr(np.finfo("f8").eps), str(np.finfo("f2").max)]
"""


def print_arrays() -> list[Any]:
    """Return arrays as texts with all options of printing."""
    floats = np.array([[1.5, -2.25e-07, np.nan], [10000000000.0, np.inf, 3]])
    arrays = telling.play_lines(PRINTED, np=np, floats=floats)
    rows = [telling.play_lines(PRINTS, np=np, array=array) for array in arrays]
    with np.printoptions(precision=3, nanstr="none", infstr="more", linewidth=30, suppress=True):
        rows += [[repr(array) for array in arrays]]
    numbers = telling.fill_lines(PRINTED_NUMBERS, VALUE="1/3 1e-09 1e22 -0.0 123456.789")
    return [rows, telling.play_lines(numbers, np=np)]


ITERATIONS = """
walk_places(np.nditer(turned, FLAGS, order="WAY"))
"""

FLAGS = """
[] ["multi_index"] ["c_index"] ["f_index"] ["external_loop"] ["external_loop","buffered"] ["wrong"]
"""

WALKS = """
list(np.nditer([a, [10, 20, 30]]))
[*np.ndindex(2, 2)]
[*np.ndenumerate(a)]
[*np.broadcast(a, [[1], [2]])]
np.broadcast_shapes((2, 1), (3,))
np.broadcast_shapes((2,), (3,))
np.broadcast_to(a, (2, 2, 3))
np.broadcast_arrays(a, [[1], [2]])
tricks.sliding_window_view(a, 2, 1)
tricks.sliding_window_view(a, (2, 2))
tricks.sliding_window_view(a, 9)
tricks.as_strided(a, (2, 2), (8, 8))
a.flat[2:5]
np.apply_along_axis(lambda v: v[::-1] * 2, 1, a)
np.vectorize(lambda x, y=2: x * y, otypes="f", excluded=["y"])(a, y=3)
np.vectorize(np.dot, signature="(n),(n)->()")(a, a)
np.frompyfunc(divmod, 2, 2)(a, 2)
np.piecewise(a.astype("f8"), [a < 2, a > 3], [-1, lambda x: x * 10, 5])
np.select([a < 2, a > 3], [a, a * 10], -1)
np.r_[1:4, [7], 0:1:3j]
np.r_["0,2", [1, 2], [3, 4]]
np.c_[[1, 2], [3, 4]]
np.mgrid[0:2, 0:1:3j]
np.ix_([0, 1], [True, False, True])
str(np.s_[1:3, ...])
np.unravel_index([3, 5], (2, 3), "F")
np.ravel_multi_index(([1, 3], [2, 1]), (2, 3), mode="clip")
np.fill_diagonal(a, 9)
a
np.diag_indices(3)
np.tril_indices(3, 1)
np.triu_indices(3)
[str(np.result_type(*each)) for each in (("i1", "u1"), ("f4", "i8"), (np.float32(3), 4.0))]
[np.can_cast("i8", "f4", each) for each in ("safe", "same_kind", "unsafe")]
[str(np.promote_types("S3", "U5")), str(np.common_type(a, a.astype("f4")))]
"""


def walk_places(walk: Any) -> list[Any]:
    """Return the values of a walk through an array, each with its place."""
    place = "multi_index" if walk.has_multi_index else "index" if walk.has_index else "ndim"
    return [(each.copy(), getattr(walk, place)) for each in walk]


def double_in_place(a: Any) -> Any:
    """Return an array that a walk through two at once has filled."""
    with np.nditer([a, None], op_flags=[["readonly"], ["writeonly", "allocate"]]) as walk:
        for x, y in walk:
            y[...] = x * 2
        return walk.operands[1]


def walk_arrays() -> Any:
    """Return what the ways to go through arrays give, and shapes that are made the same."""
    a = np.arange(6).reshape(2, 3)
    lines = telling.fill_lines(ITERATIONS, FLAGS=FLAGS, WAY="C F K") + WALKS
    names = {"np": np, "walk_places": walk_places, "tricks": np.lib.stride_tricks}
    errors: list[Any] = [double_in_place(a)]
    with np.errstate(divide="raise", over="call", call=lambda kind, flag: errors.append(kind)):
        errors += [telling.attempt(np.divide, 1.0, 0.0), np.float32(3e38) * np.float32(10)]
        errors.append(np.geterr())
    turned = np.asfortranarray(a)
    return telling.tell_exactly([errors, telling.play_lines(lines, a=a, turned=turned, **names)])


OF_NUMBERS = (
    Family(use_polynomial, lambda: [*POLYNOMIALS], lambda _: None),
    Family(draw_numbers, lambda: [*GENERATORS], lambda _: None),
)
