"""The registry: inherited down the image tree, and nothing beside it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from images import catalog
from validation.suite import EVERY_SUITE, HOST_SUITES_FOLDER, SUITES, SUITES_FOLDER, list_suites

FOLDERS = (SUITES_FOLDER, HOST_SUITES_FOLDER)
BASE = [
    "device",
    "libraries",
    "environment",
    "guest",
    "start",
    "state",
    "dataloader",
    "ddp",
    "compute",
    "cost",
    "references",
    "recorded",
    "workloads",
    "throughput",
]


@pytest.mark.parametrize(
    ("stacks", "names"),
    [
        (("base",), BASE),
        (("base", "cv"), [*BASE, "cv"]),
        (("base", "cv", "nlp"), [*BASE, "cv", "nlp"]),
        (("base", "rl"), [*BASE, "rl"]),
        (("base", "cv", "jupyter"), [*BASE, "cv", "jupyter"]),
        (("base", "nlp", "serving"), [*BASE, "nlp", "serving"]),
    ],
)
def test_inherited(stacks: tuple[str, ...], names: list[str]) -> None:
    assert [suite.name for suite in list_suites(stacks)] == names


def test_every_module_is_registered() -> None:
    """A file that is in no suite would never be collected."""
    assert {suite.module_path for suite in EVERY_SUITE} == {
        path for folder in FOLDERS for path in folder.rglob("test_*.py")
    }


def test_a_suite_of_two_nodes_is_none_of_one_machine() -> None:
    assert {suite.name: suite.nodes for suite in EVERY_SUITE if suite.nodes > 1} == {"multinode": 2}
    assert all(suite.nodes == 1 for suite in SUITES)


def test_every_stack_has_a_suite() -> None:
    assert {suite.stack for suite in SUITES} == set(catalog.load_catalog().stacks)


def test_a_hanging_test_is_ended_before_its_container() -> None:
    assert all(suite.test_timeout_s < suite.timeout_s for suite in EVERY_SUITE)


def test_every_refusal_says_what_was_found_what_was_expected_and_why() -> None:
    """A bare assert, or a failure in other words, would leave the likely cause out."""
    assert not [
        place
        for folder in FOLDERS
        for path in folder.rglob("*.py")
        for place in _wordless(path.name, path.read_text())
    ]
    planted = "def test_a():\n    assert 1\n    require(1, 'a', 'b')\n    pytest.fail('x')\n"
    assert list(_wordless("a.py", planted)) == ["a.py:2", "a.py:3", "a.py:4"]


def _wordless(name: str, source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assert) or (
            isinstance(node, ast.Call) and _is_wordless(name, node)
        ):
            yield f"{name}:{node.lineno}"


def _is_wordless(name: str, call: ast.Call) -> bool:
    called = ast.unparse(call.func).rpartition(".")[2]
    if called == "require":
        return len(call.args) + len(call.keywords) < 4
    return called == "fail" and name != "outcome.py"
