"""Findings and failed checks of a release as SARIF 2.1.0, for GitHub's code scanning and others.

Only what code scanning reads is written ("SARIF support for code scanning" in GitHub's
documentation). A result stands at the file of this repository that mends it: the wheel lock,
the Dockerfile of a Debian package, the catalogue for all else. An excused finding is suppressed.
Text of others is on one line, and cannot become a link.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packageurl import PackageURL
from packaging.utils import canonicalize_name

from images.statement_names import read_own_name
from publish.released.record import ReleaseRecord
from report.escape import clip_text, one_line
from report.model import ImageRecords
from runner.verdict import Verdict
from scan.record import TriagedFinding, TriageStatus, severity_of
from validation.record import Check, SuiteResult

FILE = "report.sarif"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS = 5000
"""Results of one run that code scanning shows; it refuses a run with more than 25,000."""
_CHARACTERS = 1000

_LEVELS = {TriageStatus.BLOCKS: "error", TriageStatus.GRACE: "warning"}
_SCORES = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
"""`security-severity`, the middle of what GitHub calls by these words."""
_CHECK_LEVELS = {Verdict.FAIL: "error", Verdict.FLAKY: "error", Verdict.INFRA: "warning"}


@dataclass(frozen=True)
class SourceLine:
    """A line of a file of this repository; the first line is 1."""

    path: str
    number: int = 1


CATALOGUE = SourceLine("images/catalog.yaml")
DOCKERFILE = SourceLine("images/base/Dockerfile")

Places = Mapping[str, SourceLine]
"""The line of the lock that holds a wheel, by `NAME@VERSION`."""


@dataclass(frozen=True)
class _Result:
    """A result before it is JSON; `excuse` is empty if it is not suppressed."""

    rule: str
    title: str
    level: str
    text: str
    key: str
    place: SourceLine
    tags: tuple[str, ...]
    score: str = ""
    excuse: str = ""


def render_sarif(
    release: ReleaseRecord, images: Sequence[ImageRecords], places: Places | None = None
) -> str:
    """Return the results of all images as one run; the worst MAX_RESULTS if there are more."""
    order = ("error", "warning", "note")
    every = [result for image in images for result in _list_results(image, places or {})]
    kept = sorted(every, key=lambda each: (bool(each.excuse), order.index(each.level)))
    kept = kept[:MAX_RESULTS]
    rules = {each.rule: _describe_rule(each) for each in kept}
    numbers = {rule: number for number, rule in enumerate(rules)}
    driver = {
        "name": read_own_name().rpartition("/")[2],
        "informationUri": read_own_name(),
        "rules": list(rules.values()),
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{one_line(release.version)}/"},
        "results": [_describe_result(each, numbers[each.rule]) for each in kept],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _list_results(image: ImageRecords, places: Places) -> Iterator[_Result]:
    if image.scan is None or image.scan.findings is None:
        # without this, no result would look as if nothing had been found
        why = image.scan.reason if image.scan else "the image was not scanned"
        yield _Result(
            rule="scan/not-assessed",
            title="It is not known whether the image has vulnerabilities",
            level="warning",
            text=f"{image.image}: its vulnerabilities were not assessed: {why}",
            key=image.image,
            place=CATALOGUE,
            tags=("security",),
        )
    if image.scan:
        for judged in image.scan.findings or ():
            yield _describe_finding(image.image, judged, places)
        for problem in image.scan.problems:
            yield _Result(
                rule=f"problem/{problem.kind.replace(' ', '-')}",
                title=f"A problem of the image: {problem.kind}",
                level="error",
                text=f"{problem.where}: {problem.what}. {problem.way_out}",
                key=f"{image.image} {problem.where} {problem.what}",
                place=CATALOGUE,
                tags=("image",),
            )
    for suite in image.validation.suites if image.validation else ():
        if not any(each.verdict is suite.verdict for each in suite.checks):
            # the suite itself failed: a crash, or a limit of time
            failed = Check(suite.suite, suite.verdict, suite.reason, suite.seconds, (), suite.cause)
            yield from _describe_checks(image.image, suite, [failed])
        yield from _describe_checks(image.image, suite, suite.checks)


def _describe_finding(image: str, judged: TriagedFinding, places: Places) -> _Result:
    finding, is_excused = judged.finding, judged.standing is TriageStatus.EXCUSED
    fixed = f"fixed in {finding.fixed_version}" if finding.fixed_version else "no fix is known"
    until = f", until {judged.until}" if judged.until else ""
    return _Result(
        rule=finding.id,
        title=finding.title or finding.id,
        level=_LEVELS.get(judged.standing, "note"),
        text=(
            f"{image}: {finding.package} {finding.installed_version} has {finding.id} "
            f"({finding.severity.lower()}), {fixed}; {judged.standing}{until}"
        ),
        key=f"{image} {finding.id} {finding.purl}",
        place=_locate_package(finding.purl, places),
        tags=("security", "vulnerability"),
        score=_SCORES.get(severity_of(finding), ""),
        excuse=judged.why or "excused" if is_excused else "",
    )


def _describe_checks(image: str, suite: SuiteResult, checks: Sequence[Check]) -> Iterator[_Result]:
    """Yield the checks that failed; what did not run did not fail."""
    for check in checks:
        if check.verdict in _CHECK_LEVELS:
            reason = check.reason or "it gave no reason"
            yield _Result(
                rule=f"check/{suite.suite}/{check.name}",
                title=f"The check {check.name} of the suite {suite.suite}",
                level=_CHECK_LEVELS[check.verdict],
                text=f"{image}: {check.name}: {check.verdict}: {reason} {check.cause}",
                key=f"{image} {suite.suite} {check.name}",
                place=CATALOGUE,
                tags=("validation",),
            )


def _locate_package(purl: str, places: Places) -> SourceLine:
    try:
        found = PackageURL.from_string(purl)
    except ValueError:
        return CATALOGUE
    if found.type == "deb":
        return DOCKERFILE
    return places.get(f"{canonicalize_name(found.name)}@{found.version}", CATALOGUE)


def _describe_rule(result: _Result) -> dict[str, Any]:
    properties: dict[str, Any] = {"tags": list(result.tags)}
    if result.score:
        properties["security-severity"] = result.score
    return {
        "id": _clip_name(result.rule),
        "shortDescription": {"text": _escape_text(result.title)},
        "properties": properties,
    }


def _describe_result(result: _Result, number: int) -> dict[str, Any]:
    location = {
        "artifactLocation": {"uri": result.place.path, "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": max(1, result.place.number)},
    }
    hashed = hashlib.sha256(f"{result.rule} {result.key}".encode()).hexdigest()
    found: dict[str, Any] = {
        "ruleId": _clip_name(result.rule),
        "ruleIndex": number,
        "level": result.level,
        "message": {"text": _escape_text(result.text)},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"primaryLocationLineHash": hashed},
    }
    if result.excuse:
        reason = _escape_text(result.excuse)
        found["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": reason}
        ]
    return found


def _clip_name(text: str) -> str:
    return clip_text(one_line(text), 255)


def _escape_text(text: str) -> str:
    """Return text on one line in which nothing is a link: SARIF reads `[text](target)` as one."""
    line = clip_text(one_line(text), _CHARACTERS)
    return line.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
