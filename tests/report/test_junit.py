"""A JUnit reader takes the suites of a release, and no case is better than the check was.

The reader follows the schema that Jenkins publishes for its JUnit plugin: elements, their order,
attributes and numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from report.junit import render_junit
from report.model import ImageRecords
from runner.verdict import Verdict
from tests.report import samples
from tests.report.test_render import EVERY, Records, full

ATTRIBUTES = {
    "testsuites": ({"name", "time", "tests", "failures", "errors", "skipped"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
        {"properties", "testcase", "system-out"},
    ),
    "properties": (set[str](), {"property"}),
    "property": ({"name", "value"}, set[str]()),
    "testcase": ({"name", "classname", "time"}, {"failure", "error", "skipped"}),
    "failure": ({"message", "type"}, set[str]()),
    "error": ({"message", "type"}, set[str]()),
    "skipped": ({"message", "type"}, set[str]()),
    "system-out": (set[str](), set[str]()),
}
ENDINGS = {"failure": "failures", "error": "errors", "skipped": "skipped"}


@dataclass(frozen=True)
class Case:
    """A case: `ending` is the element that says how it ended, empty if it passed."""

    suite: str
    name: str
    ending: str
    message: str


def check_element(element: Element) -> None:
    attributes, children = ATTRIBUTES[element.tag]
    assert set(element.attrib) <= attributes
    assert {each.tag for each in element} <= children
    for each in element:
        check_element(each)


def read(text: str) -> list[Case]:
    """Every case; refuses what the schema does not allow, and sums that are wrong."""
    root = ElementTree.fromstring(text)  # noqa: S314 - our own
    assert root.tag == "testsuites"
    check_element(root)
    found = []
    for suite in root:
        cases = [
            Case(
                suite.attrib["name"],
                each.attrib["name"],
                "".join(inner.tag for inner in each),
                "".join(inner.attrib["message"] for inner in each),
            )
            for each in suite.iter("testcase")
        ]
        assert int(suite.attrib["tests"]) == len(cases) > 0
        for ending, attribute in ENDINGS.items():
            number = sum(each.ending == ending for each in cases)
            assert int(suite.attrib[attribute]) == number
        found += cases
    for attribute in ("tests", *ENDINGS.values()):
        assert int(root.attrib[attribute]) == sum(int(each.attrib[attribute]) for each in root)
    return found


@EVERY
def test_a_reader_takes_it(case: Callable[[], Records]) -> None:
    text = render_junit(*case())
    read(text)
    assert text == render_junit(*case())


def test_every_check_ended_as_it_did() -> None:
    found = {(each.suite, each.name): each.ending for each in read(render_junit(*full()))}
    assert found[("cv.versions", "torch")] == ""
    assert found[("cv.versions", "nccl")] == "failure"
    assert found[("cv.dataloader", "workers_fill_shared_memory")] == "error"
    assert found[("cv.device", "every_gpu_is_seen")] == "skipped"
    assert found[("cv.throughput", "peak_memory")] == "skipped"
    assert found[("nlp.validation", "nlp")] == "skipped"
    assert len(found) == len(read(render_junit(*full())))


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.PASS])
def test_a_suite_that_did_not_pass_has_a_case_that_did_not(verdict: Verdict) -> None:
    ended = samples.suite("ddp", samples.check("ranks"), verdict=verdict, reason="it was killed")
    image = ImageRecords("cv", None, samples.validation("cv", verdict, ended), None)
    found = read(render_junit(samples.release(), [image]))
    assert [(each.name, bool(each.ending)) for each in found] == [("ddp", True), ("ranks", False)]
    assert found[0].message == "it was killed"


def test_the_last_output_and_the_digest_are_there() -> None:
    root = ElementTree.fromstring(render_junit(*full()))  # noqa: S314 - our own
    suites = {each.attrib["name"]: each for each in root}
    assert "1 failed, 2 passed" in (suites["cv.versions"].findtext("system-out") or "")
    values = {
        each.attrib["name"]: each.attrib["value"] for each in suites["cv.ddp"].iter("property")
    }
    assert values["digest"] == samples.digest("cv")
    image = replace(samples.images()[1], validation=None)
    assert read(render_junit(samples.release(), [image]))[0].ending == "skipped"
