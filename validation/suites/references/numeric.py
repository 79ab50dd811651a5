"""Functions of one number by mpmath, and reductions, by the names of torch's operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from .losses import compute_log_softmax


def _each(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function of every element of its array, with mpmath's 15 digits."""

    def apply(values: Any, *rest: Any) -> Any:
        result = [float(mpmath.re(function(float(each), *rest))) for each in np.ravel(values)]
        return np.array(result, dtype=values.dtype).reshape(values.shape)

    return apply


def _spread_of(power: float) -> Callable[..., Any]:
    def compute(
        input: Any,
        dim: Any = None,
        unbiased: bool = True,
        correction: float | None = None,
        keepdim: bool = False,
    ) -> Any:
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        axes = None if dim is None or not np.size(dim) else tuple(np.atleast_1d(dim))
        less = (1 if unbiased else 0) if correction is None else correction
        kept = np.var(input, axis=axes, ddof=0, keepdims=keepdim)
        count = input.size // max(kept.size, 1)
        return (kept * count / max(count - less, 0)) ** power

    return compute


def _add_product(input: Any, first: Any, second: Any, beta: float = 1, alpha: float = 1) -> Any:
    return beta * input + alpha * (first @ second)


DEFINITIONS: dict[str, Callable[..., Any]] = {
    "std": _spread_of(0.5),
    "var": _spread_of(1.0),
    "erf": _each(mpmath.erf),
    "erfc": _each(mpmath.erfc),
    "erfinv": _each(mpmath.erfinv),
    "lgamma": _each(lambda value: mpmath.log(abs(mpmath.gamma(value)))),
    "digamma": _each(mpmath.digamma),
    "i0": _each(lambda value: mpmath.besseli(0, value)),
    "special.i1": _each(lambda value: mpmath.besseli(1, value)),
    "special.erfcx": _each(lambda value: mpmath.exp(value**2) * mpmath.erfc(value)),
    "special.ndtr": _each(mpmath.ncdf),
    # without an axis it is Softmax2d's
    "softmax": lambda input, dim=-3: np.exp(compute_log_softmax(input, dim)),
    "log_softmax": compute_log_softmax,
    "nn.functional.softmin": lambda input, dim: np.exp(compute_log_softmax(-input, dim)),
    "nn.functional.hardswish": lambda input: input * np.clip(input + 3, 0, 6) / 6,
    "addmm": _add_product,
    "addmv": _add_product,
    "baddbmm": _add_product,
    "special.bessel_j0": _each(lambda value: mpmath.besselj(0, value)),
    "special.bessel_j1": _each(lambda value: mpmath.besselj(1, value)),
    "special.airy_ai": _each(mpmath.airyai),
    "special.spherical_bessel_j0": _each(lambda value: mpmath.sincpi(value / mpmath.pi)),
}
