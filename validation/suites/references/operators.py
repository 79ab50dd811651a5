"""Every operator of torch's database that has a reference, on samples of all its options."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch

from . import databases, losses, norms, numeric, resampling, windows

_GRADCHECK: Any = import_module("torch.autograd.gradcheck")
"""The module, which a function of the same name hides."""
SAMPLES = {torch.float32: 10, torch.float64: 40}
"""Of an operator, at most. Most have fewer; some have hundreds that differ in little."""

GRADIENT_SAMPLES = 3
SEED = 0
NO_SLOPE = {
    r"as_strided_scatter": "a sample writes several values to one place",
    r"nn\.functional\.max_unpool\dd": "a sample writes several values to one place",
    r"__rpow__": "a sample is at a power of zero",
}
"""Names of operators whose gradient is not the slope, and why.

The database of older lines leaves them out itself.
"""
LIMITS = {torch.float32: 3e-5, torch.float64: 5e-7}
"""Largest difference allowed, relative to the largest value of the reference, or to 1."""

OF_FUNCTIONS = {
    f"nn.functional.{name}": definition
    for each in (losses, norms, resampling, windows)
    for name, definition in each.DEFINITIONS.items()
} | numeric.DEFINITIONS
"""Definitions of ours, by the operator's name."""

NUMPY_NAMES = {"dim": "axis", "keepdim": "keepdims"}
"""Arguments that NumPy calls otherwise."""

OTHER_IN_NUMPY = frozenset(
    [
        "atleast_1d",
        "atleast_2d",
        "atleast_3d",
        "cov",
        "cumprod",
        "cumsum",
        "empty",
        "empty_like",
        "linalg.eig",
        "linalg.eigh",
        "linalg.lstsq",
        "linalg.matrix_norm",
        "linalg.matrix_rank",
        "linalg.norm",
        "linalg.pinv",
        "linalg.qr",
        "linalg.solve",
        "linalg.svd",
        "linalg.vector_norm",
        "linspace",
        "logspace",
        "max",
        "median",
        "meshgrid",
        "min",
        "nanmedian",
        "repeat",
        "round",
        "sort",
        "split",
        "squeeze",
        "transpose",
        "unique",
        "where",
        "bool",
        "byte",
        "char",
        "double",
        "half",
        "long",
        "short",
        "cdouble",
    ]
)
"""Operators that NumPy has under the same name for something else, or with a result of many."""

CHANGING = frozenset({"max_norm", "training"})
"""Options that say that weights or statistics are changed in place."""

Reference = Callable[[Any], Any]
"""From a sample to the result that the operator must give."""


@dataclass(frozen=True)
class ReferenceComparison:
    """How many were compared with a reference, and how far the first sample of each is off."""

    compared: int
    wrong: tuple[str, ...]

    def __str__(self) -> str:
        more = f" and {len(self.wrong) - 3} more" if len(self.wrong) > 3 else ""
        return f"{len(self.wrong)} of {self.compared} differ: {'; '.join(self.wrong[:3])}{more}"


def compare_operators(device: str, dtype: Any) -> ReferenceComparison:
    """Compare every operator with its reference."""
    by_torch, wrong, compared = databases.list_python_references(), [], 0
    for operator in databases.list_operators():
        reference = find_reference(operator, by_torch, device, dtype)
        found = [*compare_samples(operator, reference, device, dtype)] if reference else []
        compared += bool(found)
        wrong += [problem for problem in found if problem][:1]
    return ReferenceComparison(compared, tuple(wrong))


def find_reference(operator: Any, by_torch: Any, device: str, dtype: Any) -> Reference | None:
    """Return how a sample's result is computed apart; None if there is no way."""
    name = operator.name
    if dtype not in operator.supported_dtypes(device):
        return None
    if name in OF_FUNCTIONS:
        return lambda sample: call_definition(OF_FUNCTIONS[name], sample.numpy())
    if operator.ref is not None and not _is_skipped(operator, "test_numpy_ref", device, dtype):
        return lambda sample: call_reference(operator, sample, device, dtype)
    of_numpy = None if name in OTHER_IN_NUMPY else find_in_numpy(name)
    simpler = by_torch.get((name, operator.variant_test_name))
    if of_numpy is None and simpler and not _is_skipped(simpler, "test_python_ref", device, dtype):
        return lambda sample: simpler(sample.input, *sample.args, **sample.kwargs)
    return of_numpy and (lambda sample: call_numpy(of_numpy, sample.numpy()))


def call_definition(definition: Callable[..., Any], sample: Any) -> Any:
    """Return what a definition makes of a sample of NumPy arrays.

    Options that do not change a result (such as `sparse`) are no arguments of a definition.
    """
    known = inspect.signature(definition).parameters
    options = {name: value for name, value in sample.kwargs.items() if name in known}
    return definition(sample.input, *sample.args, **options)


def find_in_numpy(name: str) -> Any:
    """Return NumPy's function of the same name; None if there is none."""
    module, _, short = name.rpartition(".")
    where = getattr(np, module, None) if module else np
    return getattr(where, "matmul" if name in ("bmm", "mm", "mv") else short, None)


def call_numpy(function: Any, sample: Any) -> Any:
    """Call NumPy's function with the arguments of a sample."""
    known = inspect.signature(function).parameters
    names = NUMPY_NAMES | ({"dim": "axes"} if "axes" in known else {})
    options = {names.get(name, name): value for name, value in sample.kwargs.items()}
    return function(sample.input, *sample.args, **options)


def call_reference(operator: Any, sample: Any, device: str, dtype: Any) -> Any:
    """Call the database's reference, which takes some options under NumPy's names."""
    arrays, options = sample.numpy(), sample.kwargs
    if hasattr(operator, "sample_kwargs"):
        of_torch, of_numpy = operator.sample_kwargs(device, dtype, sample.input)
        options = of_numpy if of_torch == sample.kwargs else arrays.kwargs
    return operator.ref(arrays.input, *arrays.args, **options)


def _is_skipped(
    operator: Any, test: str, device: str, dtype: Any, group: str = "TestCommon"
) -> bool:
    """Return whether torch's own test skips this, or expects it to fail."""
    decorators = operator.get_decorators(group, test, device, dtype, {})
    tolerances = databases.tolerance_types()
    return any(not isinstance(each, tolerances) for each in decorators)


def compare_samples(operator: Any, reference: Reference, device: str, dtype: Any) -> Iterator[str]:
    """Yield for each sample how its result is off; empty if it is right.

    A sample that its reference cannot take is left out: its arguments have another form there.
    """
    samples = operator.sample_inputs(device, dtype)
    for number, sample in enumerate(itertools.islice(samples, SAMPLES[dtype])):
        given = [*list_tensors((sample.input, sample.args))]
        if any(not tensor.numel() for tensor in given):
            continue
        try:
            wanted = reference(sample)
        except Exception:  # noqa: S112 - whatever NumPy says to arguments of another form
            continue
        before = [tensor.clone() for tensor in given]
        got = operator(sample.input, *sample.args, **sample.kwargs)
        apart = measure_difference(got, wanted)
        options = ", ".join(f"{name}={show_option(value)}" for name, value in sample.kwargs.items())
        label = f"{operator.full_name}({options}), sample {number},"
        problem = f"{label} is off by {apart:.1e}" if not apart <= LIMITS[dtype] else ""
        kept = CHANGING & {*sample.kwargs} or all(map(is_unchanged, before, given))
        yield problem or ("" if kept else f"{label} changes what it is given")


def show_option(value: Any) -> str:
    """Return the value of an option, of a tensor its shape."""
    return f"{tuple(value.shape)}" if isinstance(value, torch.Tensor) else str(value)[:40]


def list_tensors(values: Any) -> Iterator[Any]:
    """Yield the tensors in a tensor or in lists of lists of them."""
    for value in values if isinstance(values, tuple | list) else (values,):
        if isinstance(value, tuple | list):
            yield from list_tensors(value)
        elif isinstance(value, torch.Tensor):
            yield value


def is_unchanged(before: Any, now: Any) -> bool:
    """Return whether a tensor has the values of before, also places without a number."""
    same = torch.equal(before, now)
    return same or bool(torch.allclose(before, now, rtol=0, atol=0, equal_nan=True))


def measure_difference(got: Any, wanted: Any) -> float:
    """Return the largest difference, relative to the largest value wanted or to 1.

    It is infinite if shapes or places without a number differ. If less is wanted than was given,
    only the first results are compared.
    """
    wants = wanted if isinstance(wanted, tuple | list) else (wanted,)
    gots = got if isinstance(got, tuple | list) else (got,)
    if len(gots) < len(wants):
        return float("inf")
    return max((_difference_of_two(*each) for each in zip(gots, wants, strict=False)), default=0.0)


def _difference_of_two(got: Any, wanted: Any) -> float:
    if isinstance(wanted, tuple | list):
        return measure_difference(got, wanted)
    one, other = (to_complex(each) for each in (got, wanted))
    if one.shape != other.shape or (np.isnan(one) != np.isnan(other)).any():
        return float("inf")
    apart = np.abs(np.where((one == other) | np.isnan(other), 0, one - other))
    finite = np.abs(other[np.isfinite(other)])
    return float(apart.max(initial=0) / max(1.0, finite.max(initial=0)))


def to_complex(value: Any) -> Any:
    """Return a tensor or a number as an array of complex numbers."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = value if value.layout == torch.strided else value.to_dense()
        return value.to(torch.complex128).resolve_conj().resolve_neg().numpy()
    return np.asarray(value).astype(complex)


def check_gradients(device: str) -> ReferenceComparison:
    """Compare every operator's gradient with the slope of its values, in fp64."""
    wrong, compared = [], 0
    for operator in databases.list_operators():
        known = torch.float64 in operator.supported_backward_dtypes(device)
        if not known or _is_skipped(operator, "test_fn_grad", device, torch.float64, BACKWARD):
            continue
        code = getattr(operator.op, "__code__", None)
        draws = code and "wrapper_set_seed" in code.co_names  # so its slope is another one
        if draws or any(re.fullmatch(name, operator.full_name) for name in NO_SLOPE):
            continue
        compared += 1
        torch.manual_seed(SEED)
        samples = operator.sample_inputs(device, torch.float64, requires_grad=True)
        chosen = itertools.islice(samples, GRADIENT_SAMPLES)
        if problem := next(filter(None, (check_gradient(operator, each) for each in chosen)), ""):
            wrong.append(f"{operator.full_name}: {problem}")
    return ReferenceComparison(compared, tuple(wrong))


BACKWARD = "TestBwdGradients"
"""The class of torch's own tests of gradients."""


def check_gradient(operator: Any, sample: Any) -> str:
    """Return how the gradient differs from the slope; empty if it does not.

    An operator that rounds to another type has no slope to compare with.
    """
    inputs = [each for each in (sample.input, *sample.args) if isinstance(each, torch.Tensor)]
    inputs = [each for each in inputs if each.requires_grad]
    if isinstance(sample.input, tuple | list):
        inputs = [each for each in list_tensors(sample.input) if each.requires_grad]

    def compute(*_: Any) -> Any:
        result = operator.gradcheck_wrapper(
            operator.get_op(), sample.input, *sample.args, **sample.kwargs
        )
        process = sample.output_process_fn_grad
        return process(result) if process else result

    if not inputs:
        return ""
    try:
        torch.autograd.gradcheck(
            compute, inputs, fast_mode=True, nondet_tol=operator.gradcheck_nondet_tol
        )
    except _GRADCHECK.GradcheckError as error:
        return str(error).strip().splitlines()[0]
    except RuntimeError as error:
        if "did not match" not in str(error):  # the slope of another type
            raise
    return ""
