"""Every check of every suite is shown a defect on a real image, and must refuse it for the right
reason.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from runner import engine
from runner.verdict import Verdict
from tests.defects.defect import Defect, image_of, judge_in, missed, run
from tests.defects.every import EVERY_DEFECT
from tests.validation.suites_here import asserted
from validation.executors.interface import Setup
from validation.suite import EVERY_SUITE, MULTINODE, Suite
from validation.suites.contract.words import NO_GPU

NO_BF16 = "this CPU has no bfloat16 instructions, so AMP would measure their emulation"
NOT_SHOWN: frozenset[tuple[str, str]] = frozenset({("throughput", "gpu_limits")})
"""(suite, check): checks that run on a GPU alone, where no defect could be planted without one."""


def test_every_check_has_a_defect() -> None:
    """A check that nothing was ever seen to fail proves nothing."""
    shown = {
        (defect.suite, check.partition("[")[0])
        for defect in EVERY_DEFECT
        for check, _ in defect.caught
        if check
    }
    assert shown | NOT_SHOWN == {
        (suite.name, test) for suite in EVERY_SUITE for test in _tests(suite.module_path)
    }
    assert not shown & NOT_SHOWN


def test_every_suite_has_a_defect_that_each_run_plants() -> None:
    """The cheapest one: a defect costs what its suite takes, and a layer half a minute more."""
    assert {defect.suite for defect in EVERY_DEFECT if defect.representative} == {
        suite.name for suite in EVERY_SUITE
    }


def test_names_are_unique() -> None:
    assert len({defect.name for defect in EVERY_DEFECT}) == len(EVERY_DEFECT)


def _marks_of(defect: Defect) -> pytest.MarkDecorator | tuple[()]:
    """Return when a defect is planted; the two containers of `multinode` need a quiet machine."""
    if defect.suite == MULTINODE.name:
        return pytest.mark.thorough
    return () if defect.representative else pytest.mark.every_defect


def _marked(defect: Defect) -> object:
    return pytest.param(
        defect,
        id=f"{defect.suite}-{defect.name.replace(' ', '_')}",
        marks=_marks_of(defect),
    )


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.parametrize("defect", [_marked(defect) for defect in EVERY_DEFECT])
def test_defect_is_caught(
    defect: Defect,
    image_with: Callable[[str], str],
    mounted_harness: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "gpu_request", lambda: None)
    result = run(defect, image_with(image_of(defect)), mounted_harness)
    assert not missed(defect, result), result


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("suite", EVERY_SUITE, ids=lambda suite: suite.name)
def test_clean_image(suite: Suite, image_with: Callable[[str], str], mounted_harness: Path) -> None:
    """No false alarm: on a CPU every check passes, or says that it needs a GPU or instructions this
    CPU lacks. Each planted defect shows the same of all other checks, so this is left out of most
    runs.
    """
    setup = Setup(image_with(suite.stack), mounted_harness, asserted(suite.stack))
    result = judge_in(suite, setup)
    assert result.verdict in (Verdict.PASS, Verdict.NOT_RUN), result
    assert {check.reason for check in result.checks} <= {"", NO_GPU, NO_BF16}


def _tests(path: Path) -> list[str]:
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    names = [node.name for node in nodes if isinstance(node, ast.FunctionDef)]
    return [name.removeprefix("test_") for name in names if name.startswith("test_")]
