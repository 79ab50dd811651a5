"""Reasons: data until they are shown, and each shown once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

import pytest

from benchmarks.naming import read_modules
from publish.policy.reason import Reason, group_images, merge_suites
from runner.reason_cause import ReasonCause
from runner.verdict import Verdict

FAIL, NOT_RUN = Verdict.FAIL, Verdict.NOT_RUN


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        (Reason("cv", "SBOM", NOT_RUN, "missing"), "cv: SBOM: missing"),
        (Reason("cv", "", FAIL, "it was removed"), "cv: it was removed"),
        (
            Reason("", "", NOT_RUN, "the calendar has a release today"),
            "the calendar has a release today",
        ),
    ],
)
def test_a_reason_as_a_line(reason: Reason, line: str) -> None:
    assert str(reason) == line


def test_a_reason_of_several_images_is_given_once() -> None:
    reasons = [
        Reason("base", "SBOM", NOT_RUN, "missing"),
        Reason("base", "", FAIL, "missing"),
        Reason("cv", "SBOM", NOT_RUN, "missing"),
        Reason("base", "SBOM", NOT_RUN, "missing"),
    ]
    assert group_images(reasons) == (
        Reason("base, cv", "SBOM", NOT_RUN, "missing"),
        Reason("base", "", FAIL, "missing"),
    )
    assert group_images([]) == ()


def lacking(image: str, text: str, *suites: str) -> Reason:
    return Reason(image, "test result", NOT_RUN, text, ReasonCause.NO_GPU, suites)


def test_what_lacks_a_gpu_is_one_reason_with_all_its_suites() -> None:
    demanded = Reason("cv", "", NOT_RUN, "no tests on a Hopper GPU", ReasonCause.NO_GPU)
    stale = Reason("cv", "SBOM", FAIL, "missing")
    reasons = [demanded, stale, lacking("cv", "no GPU", "ddp", "device"), demanded]
    first, second = merge_suites(reasons)
    assert first == replace(demanded, suites=("ddp", "device"))
    assert str(first) == "cv: no tests on a Hopper GPU; 2 suites are not complete: ddp, device"
    assert second == stale
    assert merge_suites(reasons[2:3]) == tuple(reasons[2:3])
    assert merge_suites([stale, demanded]) == (stale, demanded)


def test_images_that_lack_a_gpu_share_one_reason() -> None:
    reasons = [lacking("base", "no GPU", "ddp"), lacking("cv", "no GPU", "ddp", "cv")]
    (reason,) = group_images(reasons)
    assert str(reason) == ("base, cv: test result: no GPU; 2 suites are not complete: ddp, cv")


@pytest.mark.parametrize("text", ["", "no GPU", "of a later version"])
def test_a_cause_that_this_version_does_not_know_is_unknown(text: str) -> None:
    known = {each.value: each for each in ReasonCause}
    assert ReasonCause(text) is known.get(text, ReasonCause.UNKNOWN)


TEXTS = ("reason", "text", "message", "summary_line")
"""Fields of this project that hold a sentence for people."""

LOOKS = ("startswith", "endswith", "removeprefix", "removesuffix", "search", "match", "fullmatch")


def find_reading(tree: ast.AST) -> Iterator[str]:
    """Yield each expression that looks for words in such a field."""
    for node in ast.walk(tree):
        places: list[ast.expr] = []
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
            places = node.comparators[-1:]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            places = [node.func.value, *node.args] if node.func.attr in LOOKS else []
        if any(isinstance(each, ast.Attribute) and each.attr in TEXTS for each in places):
            yield ast.unparse(node)


def test_no_code_looks_for_words_in_a_reason() -> None:
    modules = read_modules()
    assert len(modules) > 200
    assert not [f"{each.path}: {found}" for each in modules for found in find_reading(each.tree)]


@pytest.mark.parametrize(
    "code",
    [
        'any("not assessed" in each.text for each in reasons)',
        'error.message.startswith("no")',
        "PATTERN.search(record.reason)",
        'suite.reason.removesuffix("without a GPU")',
    ],
)
def test_planted_code_that_reads_a_reason_is_found(code: str) -> None:
    assert list(find_reading(ast.parse(code)))
