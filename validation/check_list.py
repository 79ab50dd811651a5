"""The list of a suite: its checks, what each needs, and the figures that it reports.

The lists are `suites/SUITE/checks.yaml`, written by `python -m validation.listing` from a
collection by pytest in the real images. A report is held against the whole list: one that says
more, less or something else contradicts it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict

from runner import records, yaml_files
from runner.nouns import count_noun
from runner.verdict import Verdict
from validation.record import Check, Figure
from validation.suite import Suite
from validation.suites.contract.expected import Expected
from validation.suites.contract.words import EXPECTED

MAY_BE_ZERO = frozenset(
    {"relative", "%", "nats", "files", "calls", "reward", "of the targets' deviation"}
)
"""Units of which 0 is a possible value. No figure is ever negative."""

MIN_FIGURE, MAX_FIGURE = 1e-9, 1e18
"""Of every unit, but for 0. Ratios and products of such figures are finite and not 0."""

AT_MOST_ONE = frozenset({"area under the curve"})
ABOVE_ZERO = frozenset(
    {
        *("images/s", "sequences/s", "steps/s", "ms", "s", "bytes", "MB", "GB/s", "TFLOP/s"),
        *(
            "images",
            "layers",
            "states",
            "operators",
            "definitions",
            "examples",
            "optimizers",
            "sequences",
            "steps",
            "GPUs",
            "CPUs",
            "threads",
            "buckets",
            "connections",
            "backends",
            "times",
        ),
        *("packages", "commands", "certificates", "fat binaries"),
    }
)


@dataclass(frozen=True)
class ListedFigure:
    """A figure of a check.

    `{gpu}` in its name is the number of each planned GPU, `*` stands for anything.

    `device`: only in runs on `cpu` or on `cuda`. `required`: it is there whenever the check passes.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    name: str
    unit: str
    device: str = ""
    required: bool = True


@dataclass(frozen=True)
class AllowedSkip:
    """A reason for which a check may be `not run` on `device`, besides too few GPUs."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    reason: str
    device: str


@dataclass(frozen=True)
class ListedCheck:
    """A check: how many GPUs it needs, why else it may be `not run`, and its figures."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    gpus: int = 0
    may_not_run: tuple[AllowedSkip, ...] = ()
    figures: tuple[ListedFigure, ...] = ()


@dataclass(frozen=True)
class CheckList:
    """One file: checks by the names that the host gives them, `training[resnet50-amp]`."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    checks: dict[str, ListedCheck]


def load_checks(suite: Suite) -> Mapping[str, ListedCheck]:
    """Return the checks of `suite` by name. Raises ConfigError if its list cannot be read."""
    return _load_list(suite.list_path)


def hash_list(suite: Suite) -> str:
    """Return the SHA-256 (hex) of the checks that the list of `suite` asks for.

    Comments and layout of the file change nothing, nor do the secrets of this machine: where tests
    run others are known than where a release is decided. Raises ConfigError if it cannot be read.
    """
    checks = dict(sorted(load_checks(suite).items()))
    plain = records.adapter_of(CheckList).dump_python(CheckList(checks), mode="json")["checks"]
    return hashlib.sha256(f"{json.dumps(plain, indent=2)}\n".encode()).hexdigest()


@cache
def _load_list(path: Path) -> Mapping[str, ListedCheck]:
    return yaml_files.load_yaml(CheckList, path).checks


def describe_wrong_names(listed: Mapping[str, ListedCheck], checks: Iterable[Check]) -> str:
    """Return which checks a report lacks, has twice or has beyond the list.

    The text is empty if the report has them all once.
    """
    found = Counter(check.name for check in checks)
    lacking = sorted(set(listed) - set(found))
    beyond = sorted(set(found) - set(listed))
    twice = sorted(name for name, times in found.items() if times > 1)
    parts = (
        ("no result of", lacking),
        ("a result of the unknown", beyond),
        ("two results of", twice),
    )
    return "; ".join(f"it has {what} {_join_names(names)}" for what, names in parts if names)


def describe_contradiction(check: Check, listed: ListedCheck, expected: Expected) -> str:
    """Return how `check` contradicts its list or the plan of the run; empty if it does not."""
    if check.verdict is Verdict.NOT_RUN:
        return _describe_missing_result(check, listed, expected)
    if check.verdict is not Verdict.PASS:
        return ""
    if listed.gpus > expected.gpu_count:
        return (
            f"passed in a run with {count_noun(expected.gpu_count, 'GPU')}{EXPECTED}not run: it "
            f"needs {listed.gpus}"
        )
    return next(_wrong_figures(check.figures, expected_figures(listed, expected)), "")


def _describe_missing_result(check: Check, listed: ListedCheck, expected: Expected) -> str:
    if (
        listed.gpus > expected.gpu_count
        or AllowedSkip(check.reason, expected.device) in listed.may_not_run
    ):
        return ""
    return (
        f"was not run ({check.reason}){EXPECTED}a result: it needs {listed.gpus} of "
        f"{count_noun(expected.gpu_count, 'GPU')}"
    )


def expected_figures(listed: ListedCheck, expected: Expected) -> tuple[ListedFigure, ...]:
    """Return the figures of a check in a planned run: those of its device, once for each GPU."""
    here = [each for each in listed.figures if each.device in ("", expected.device)]
    return tuple(
        ListedFigure(each.name.replace("{gpu}", str(gpu)), each.unit, each.device, each.required)
        for each in here
        for gpu in (range(expected.gpu_count) if "{gpu}" in each.name else (0,))
    )


def _wrong_figures(figures: Iterable[Figure], listed: Iterable[ListedFigure]) -> Iterator[str]:
    known, names = tuple(listed), Counter(figure.name for figure in figures)
    if twice := sorted(name for name, times in names.items() if times > 1):
        yield f"reports {_join_names(twice)} twice{EXPECTED}each figure once"
    if lacking := sorted({each.name for each in known if each.required} - set(names)):
        yield f"passed without its figure {_join_names(lacking)}{EXPECTED}every figure of the check"
    for figure in figures:
        units = {each.unit for each in known if fnmatchcase(figure.name, each.name)}
        if not units:
            yield f"reports {_join_names([figure.name])}{EXPECTED}no figure of that name"
        elif figure.unit not in units:
            yield (
                f"reports {_join_names([figure.name])} in "
                f"`{figure.unit}`{EXPECTED}`{sorted(units)[0]}`"
            )
        elif not is_possible(figure):
            yield (
                f"reports {_join_names([figure.name])} as {figure.value:g} "
                f"{figure.unit}{EXPECTED}a possible value"
            )


def is_possible(figure: Figure) -> bool:
    """Return whether a figure can have this value at all: none is negative, and few can be 0."""
    if not math.isfinite(figure.value) or figure.value > MAX_FIGURE:
        return False
    if figure.unit in AT_MOST_ONE:
        return 0 <= figure.value <= 1
    return figure.value >= (0 if figure.unit in MAY_BE_ZERO else MIN_FIGURE)


def _join_names(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
