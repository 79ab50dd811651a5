"""The registry: inherited down the image tree, and nothing beside it."""

from __future__ import annotations

import pytest

from images import catalog
from validation.suite import SUITES, SUITES_FOLDER, suites_of

BASE = ["device", "libraries", "environment", "dataloader", "ddp", "compute", "workloads", "throughput"]


@pytest.mark.parametrize(
    ("stacks", "names"),
    [
        (("base",), BASE),
        (("base", "cv"), [*BASE, "cv"]),
        (("base", "cv", "nlp"), [*BASE, "cv", "nlp"]),
        (("base", "rl"), [*BASE, "rl"]),
    ],
)
def test_inherited(stacks: tuple[str, ...], names: list[str]) -> None:
    assert [suite.name for suite in suites_of(stacks)] == names


def test_every_module_is_registered() -> None:
    """A file that is in no suite would never be collected."""
    assert {suite.file for suite in SUITES} == {path.name for path in SUITES_FOLDER.glob("test_*.py")}


def test_every_stack_has_a_suite() -> None:
    assert {suite.stack for suite in SUITES} == set(catalog.load().stacks)


def test_a_hanging_test_is_ended_before_its_container() -> None:
    assert all(suite.test_timeout_s < suite.timeout_s for suite in SUITES)
