"""Definitions of operators by simpler ones: what `torch.compile` and `torch.export` compute.

Eager code never uses them, so each is compared with the operator itself. That is done in a process
of its own: the compiler's modules have many switches, which other checks would read.
"""

from __future__ import annotations

import importlib
import itertools
import json
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ..one_thread import one_thread
from . import databases
from .operators import (
    SEED,
    ReferenceComparison,
    list_tensors,
    measure_difference,
    show_option,
)

SAMPLES = 40
"""Of each operator at most, from all places of its list: options come at its end, too."""

SHOWN = 3
UNUSED_SAMPLES = 2
"""So many samples of an operator that no definition was used for are enough."""

LIMIT = 1e-7
"""Relative, in fp64: both sides round in other places."""

FILE = "decompositions.json"
PROGRAM = """
import importlib, sys
module, *folders = sys.argv[1:]
sys.path += folders  # last, so that they shadow no package of the image
importlib.import_module(module).write_comparison()
"""

Table = Mapping[Any, Any]

LEFT_OUT = {
    r"(new_)?empty(_\w+)?": "memory as it is",
    r"jiterator.*": "only GPUs compute them",
    r"bernoulli": "random numbers are drawn in another order",
    r"nn\.functional\.linear_cross_entropy.*": "torch 2.15 cannot take it apart",
}
"""Operators by name, and why they are not compared."""

VALUES_ALONE = {
    r"nn\.functional\.scaled_dot_product_attention": "its gradient reads a second result, "
    "which the definition leaves as memory is",
}
"""Operators by name, and why their gradients are not compared."""


class UsesDefinitions(TorchDispatchMode):  # type: ignore[misc] # torch is not in the harness' own environment
    """Computes each operator that has a definition in `table` by it."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.table = table
        self.used: set[str] = set()
        self.called: set[Any] = set()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Compute one operator. Some definitions decline their arguments."""
        options = kwargs or {}
        self.called.add(function)
        definition = self.table.get(function)
        result = definition(*args, **options) if definition else NotImplemented
        if result is NotImplemented:
            return function(*args, **options)
        self.used.add(str(function))
        return result


def list_tables() -> list[Table]:
    """Return torch's own definitions, and those of its compiler that are others."""
    # Some definitions of the compiler look for this module, which `torch.compile` imports.
    importlib.import_module("torch._inductor.lowering")
    own = importlib.import_module("torch._decomp").decomposition_table
    compiler = importlib.import_module("torch._inductor.decomposition").select_decomp_table()
    return [dict(own), {name: each for name, each in compiler.items() if own.get(name) is not each}]


def start_words(tools: str) -> list[str]:
    """Return the words after `python` for a process that calls `write_comparison`.

    `tools` is a folder with packages that torch's database needs.
    """
    harness = Path(__file__).parents[len(__name__.split(".")) - 1]
    return ["-c", PROGRAM, __name__, str(harness), tools]


def write_comparison() -> None:
    """Write into FILE how many definitions were used, and what is wrong."""
    warnings.simplefilter("ignore")
    with one_thread():
        found = compare_decompositions()
    Path(FILE).write_text(json.dumps([found.compared, found.wrong]))


def compare_decompositions() -> ReferenceComparison:
    """Compare each operator of torch's database with what its definitions give.

    Returns how many definitions were used.
    """
    tables, used, wrong = list_tables(), set[str](), list[str]()
    for operator in databases.list_operators():
        is_known = torch.float64 in operator.supported_dtypes("cpu")
        if is_known and not is_listed(operator, LEFT_OUT):
            wrong += find_first_wrong(operator, tables, used)
    return ReferenceComparison(len(used), tuple(wrong))


def is_listed(operator: Any, names: Mapping[str, str]) -> bool:
    """Return whether one of the patterns is the name of an operator."""
    return any(re.fullmatch(name, operator.full_name) for name in names)


def find_first_wrong(operator: Any, tables: list[Table], used: set[str]) -> list[str]:
    """Return the first thing that is wrong with the definitions of an operator, if there is one."""
    try:
        return [*itertools.islice(compare_definitions(operator, tables, used), 1)]
    except Exception as error:
        # This operator itself works: other checks have compared it with its reference.
        return [f"{operator.full_name}: a definition raises {type(error).__name__}: {error}"]


def compare_definitions(operator: Any, tables: list[Table], used: set[str]) -> Iterator[str]:
    """Yield for each sample and table how the definitions are off; add those that were used."""
    is_trained = torch.float64 in operator.supported_backward_dtypes("cpu")
    is_trained = is_trained and not is_listed(operator, VALUES_ALONE)
    every = operator.sample_inputs("cpu", torch.float64, requires_grad=is_trained)
    samples = [*itertools.islice(every, 5 * SAMPLES)]  # some have thousands
    has_definitions = False
    for number, sample in enumerate(samples[:: -(-len(samples) // SAMPLES) or 1]):
        if number >= UNUSED_SAMPLES and not has_definitions:
            return
        wanted = compute_all(operator, sample)
        if any(each.layout != torch.strided for each in wanted):
            continue
        called = set[Any]()
        for table in tables:
            if called and not any(each in table for each in called):
                continue
            with UsesDefinitions(table) as mode:
                given = compute_all(operator, sample)
            called |= mode.called
            has_definitions |= bool(mode.used)
            used |= mode.used
            apart = max(map(measure_difference, given, wanted), default=0.0)
            if len(given) != len(wanted) or not apart <= LIMIT:
                yield describe_sample(operator, sample, mode, apart)


def describe_sample(operator: Any, sample: Any, mode: UsesDefinitions, apart: float) -> str:
    """Return which operator and options give something else by which definitions."""
    options = ", ".join(f"{name}={show_option(value)}" for name, value in sample.kwargs.items())
    by = ", ".join(sorted(mode.used)[:SHOWN])
    return f"{operator.full_name}({options}) by the definition of {by} is off by {apart:.1e}"


def compute_all(operator: Any, sample: Any) -> list[torch.Tensor]:
    """Return the results of an operator, and the gradients of what it was given."""
    torch.default_generator.manual_seed(SEED)
    results = [*list_tensors(operator.get_op()(sample.input, *sample.args, **sample.kwargs))]
    inputs = [each for each in list_tensors((sample.input, sample.args)) if each.requires_grad]
    outputs = [each for each in results if each.requires_grad and each.dtype == torch.float64]
    if not inputs or not outputs:
        return results
    # made by NumPy: what this function computes by torch would count as used
    shapes = [(each.numel(), tuple(each.shape)) for each in outputs]
    weights = [
        torch.from_numpy(np.linspace(0.5, 1.5, count).reshape(shape)) for count, shape in shapes
    ]
    gradients = torch.autograd.grad(outputs, inputs, weights, allow_unused=True)
    return results + [each for each in gradients if each is not None]
