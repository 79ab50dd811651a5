"""The suites of a release as JUnit's XML, as CI systems read it.

A check that failed is a failure, one that the machine kept from running is an error, and what did
not run, or proved nothing, is skipped. A suite that did not pass though no check of it says so (it
crashed, or took too long) has a case of its own name. So nothing looks better than it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from publish.released.record import ReleaseRecord
from report.escape import clip_start, clip_text, one_line
from report.model import ImageRecords
from runner.untrusted import clean_text
from runner.verdict import Verdict
from validation.record import Check, SuiteResult, ValidationRecord

FILE = "report.junit.xml"
_CHARACTERS = 4000
_ELEMENTS = {
    Verdict.FAIL: "failure",
    Verdict.FLAKY: "failure",
    Verdict.INFRA: "error",
    Verdict.INCONCLUSIVE: "skipped",
    Verdict.NOT_RUN: "skipped",
}
_COUNTS = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def render_junit(release: ReleaseRecord, images: Sequence[ImageRecords]) -> str:
    """Return every suite of every image; an image without a validation has one skipped case."""
    root = Element("testsuites", name=one_line(release.version))
    for image in images:
        if image.validation is None:
            reason = "no suite ran on this image"
            lacking = Check(image.image, Verdict.NOT_RUN, reason, 0.0, ())
            _write_suite(root, f"{image.image}.validation", [lacking], 0.0)
            continue
        for suite in image.validation.suites:
            _add_suite(root, image.image, image.validation, suite)
    for attribute in ("tests", *_COUNTS.values()):
        root.set(attribute, str(sum(int(each.get(attribute, "0")) for each in root)))
    root.set("time", f"{sum(float(each.get('time', '0')) for each in root):.3f}")
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _add_suite(root: Element, image: str, record: ValidationRecord, suite: SuiteResult) -> None:
    cases = list(suite.checks)
    if suite.verdict is not Verdict.PASS and not any(
        _ELEMENTS.get(each.verdict) == _ELEMENTS[suite.verdict] for each in cases
    ):
        own = Check(suite.suite, suite.verdict, suite.reason, 0.0, (), suite.cause)
        cases.insert(0, own)  # no check says how the suite ended
    found = _write_suite(root, f"{image}.{suite.suite}", cases, suite.seconds)
    # JUnit's schema wants a time without a zone
    found.set("timestamp", one_line(record.started_at)[:19])
    properties = Element("properties")
    for name, value in (
        ("digest", record.digest),
        ("verdict", suite.verdict),
        ("gpus", ", ".join(record.environment.gpus)),
    ):
        SubElement(properties, "property", name=name, value=one_line(value))
    found.insert(0, properties)
    if suite.last_output:
        output = clip_start(clean_text(suite.last_output), _CHARACTERS)
        SubElement(found, "system-out").text = output


def _write_suite(root: Element, name: str, cases: Sequence[Check], seconds: float) -> Element:
    found = SubElement(root, "testsuite", name=one_line(name), tests=str(len(cases)))
    for element, attribute in _COUNTS.items():
        number = sum(_ELEMENTS.get(each.verdict) == element for each in cases)
        found.set(attribute, str(number))
    found.set("time", f"{seconds:.3f}")
    for each in cases:
        case = SubElement(found, "testcase", classname=one_line(name), name=one_line(each.name))
        case.set("time", f"{each.seconds:.3f}")
        if ended := _ELEMENTS.get(each.verdict):
            reason = " ".join(filter(None, (each.reason, each.cause)))
            outcome = SubElement(case, ended, message=clip_text(one_line(reason), 300))
            outcome.set("type", each.verdict.value)
            outcome.text = clip_text(one_line(reason), _CHARACTERS)
    return found
