"""GitHub's code scanning takes the SARIF of a release, and nothing in it is better than it was.

The classes below are what GitHub's documentation "SARIF support for code scanning" lists of SARIF
2.1.0: those fields, required where it says so, and no others. The schema of the format itself is
sarif-2.1.0.json, unchanged from the npm package @microsoft/jest-sarif 1.0.0-beta.0 (MIT), there
`lib/schemas/sarif-2.1.0-rtm.5.json`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import fastjsonschema
import pytest
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from report import sarif
from report.model import ImageRecords
from report.sarif import CATALOGUE, DOCKERFILE, MAX_RESULTS, SourceLine, render_sarif
from runner.verdict import Verdict
from scan.record import TriageStatus
from tests.report import samples
from tests.report.test_render import EVERY, Records, full

STRICT = ConfigDict(extra="forbid", strict=True)
Text = Annotated[str, Field(min_length=1, max_length=1024)]


@checked(config=STRICT)
class Message:
    text: Text


@checked(config=STRICT)
class RuleProperties:
    tags: Annotated[list[Text], Field(max_length=20)]
    # GitHub takes a number from 0.1 to 10.0 as text
    security_severity: Annotated[
        str | None, Field(alias="security-severity", pattern=r"^(10\.0|[0-9]\.[0-9])$")
    ] = None


@checked(config=STRICT)
class Rule:
    id: Annotated[str, Field(min_length=1, max_length=255)]
    shortDescription: Message  # noqa: N815 - SARIF's own name
    properties: RuleProperties


@checked(config=STRICT)
class Driver:
    name: Text
    informationUri: Annotated[str, Field(pattern="^https://")]  # noqa: N815 - SARIF's own name
    rules: Annotated[list[Rule], Field(max_length=25_000)]


@checked(config=STRICT)
class Tool:
    driver: Driver


@checked(config=STRICT)
class ArtifactLocation:
    uri: Annotated[str, Field(pattern="^[A-Za-z0-9._/-]+$")]
    uriBaseId: Literal["%SRCROOT%"]  # noqa: N815 - SARIF's own name


@checked(config=STRICT)
class Region:
    startLine: Annotated[int, Field(ge=1)]  # noqa: N815 - SARIF's own name


@checked(config=STRICT)
class PhysicalLocation:
    artifactLocation: ArtifactLocation  # noqa: N815 - SARIF's own name
    region: Region


@checked(config=STRICT)
class Location:
    physicalLocation: PhysicalLocation  # noqa: N815 - SARIF's own name


@checked(config=STRICT)
class Suppression:
    kind: Literal["inSource", "external"]
    status: Literal["accepted", "underReview", "rejected"]
    justification: Text


@checked(config=STRICT)
class Result:
    ruleId: Text  # noqa: N815 - SARIF's own name
    ruleIndex: Annotated[int, Field(ge=0)]  # noqa: N815 - SARIF's own name
    level: Literal["error", "warning", "note", "none"]
    message: Message
    locations: Annotated[list[Location], Field(min_length=1, max_length=10)]
    partialFingerprints: dict[  # noqa: N815 - SARIF's own name
        Literal["primaryLocationLineHash"], Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    ]
    suppressions: list[Suppression] | None = None


@checked(config=STRICT)
class AutomationDetails:
    id: Annotated[str, Field(pattern="/$")]


@checked(config=STRICT)
class Run:
    tool: Tool
    results: Annotated[list[Result], Field(max_length=25_000)]
    automationDetails: AutomationDetails  # noqa: N815 - SARIF's own name


@checked(config=STRICT)
class Sarif:
    version: Literal["2.1.0"]
    runs: Annotated[list[Run], Field(min_length=1, max_length=20)]
    schema: Annotated[str, Field(alias="$schema", pattern=r"^https://.*sarif.*2\.1\.0\.json$")]


READER = TypeAdapter(Sarif)
SCHEMA = json.loads(Path(__file__).with_name("sarif-2.1.0.json").read_text())


@pytest.fixture(scope="module")
def require_sarif() -> Callable[[Any], Any]:
    """A function that raises JsonSchemaException if a value is no SARIF 2.1.0."""
    compiled: Callable[[Any], Any] = fastjsonschema.compile(SCHEMA, use_default=False)
    return compiled


def read(*case: Any) -> Run:
    """The run, as a strict reader has it."""
    (run,) = READER.validate_json(render_sarif(*case)).runs
    return run


@EVERY
def test_code_scanning_takes_it(case: Callable[[], Records]) -> None:
    run = read(*case())
    rules = run.tool.driver.rules
    assert len({rule.id for rule in rules}) == len(rules)
    for each in run.results:
        assert rules[each.ruleIndex].id == each.ruleId
        assert "[" not in each.message.text.replace("\\[", ""), "a link of somebody else"
        assert each.message.text.isprintable()
    assert render_sarif(*case()) == render_sarif(*case())


@EVERY
def test_it_agrees_with_the_schema_of_the_format(
    case: Callable[[], Records], require_sarif: Callable[[Any], Any]
) -> None:
    require_sarif(json.loads(render_sarif(*case())))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), "2.0.0"),
        (("runs", 0, "tool"), {}),
        (("runs", 0, "results", 0, "level"), "fatal"),
        (("runs", 0, "results", 0, "rule"), "of another version of the format"),
        (("runs", 0, "results", 0, "locations", 0, "physicalLocation", "region", "startLine"), 0),
    ],
)
def test_the_schema_refuses_other_fields_and_values(
    path: tuple[str | int, ...], value: object, require_sarif: Callable[[Any], Any]
) -> None:
    part = content = json.loads(render_sarif(*full()))
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    with pytest.raises(fastjsonschema.JsonSchemaException):
        require_sarif(content)


def test_the_reader_is_strict() -> None:
    content = json.loads(render_sarif(*full()))
    for path in (("$schema",), ("runs", 0, "tool"), ("runs", 0, "results", 0, "message")):
        broken = json.loads(json.dumps(content))
        part = broken
        for step in path[:-1]:
            part = part[step]
        del part[path[-1]]
        with pytest.raises(ValidationError):
            READER.validate_json(json.dumps(broken))
    with pytest.raises(ValidationError):
        READER.validate_json(json.dumps({**content, "more": 1}))


def test_findings_failed_checks_and_problems_are_results() -> None:
    run = read(*full())
    found = {(each.ruleId, each.level, bool(each.suppressions)) for each in run.results}
    assert found >= {
        ("CVE-2026-0001", "error", False),
        ("CVE-2026-0003", "note", False),
        ("CVE-2026-0006", "warning", False),
        ("CVE-2026-0007", "note", True),
        ("check/versions/nccl", "error", False),
        ("check/dataloader/workers_fill_shared_memory", "warning", False),
        ("problem/licence", "error", False),
    }
    hashes = [json.dumps(each.partialFingerprints) for each in run.results]
    assert len(set(hashes)) == len(hashes), "each is one alert"
    checks = {rule for rule, _, _ in found if rule.startswith("check/")}
    assert len(checks) == 2, "what passed, or did not run, is no result"
    scores = {each.id: each.properties.security_severity for each in run.tool.driver.rules}
    assert (scores["CVE-2026-0005"], scores["CVE-2026-0001"]) == ("9.5", "8.0")


def test_an_image_without_a_database_does_not_look_clean() -> None:
    run = read(*full())
    texts = [each.message.text for each in run.results if each.ruleId == "scan/not-assessed"]
    assert [text.partition(":")[0] for text in texts] == ["nlp", "rl"]


def test_a_suite_that_crashed_is_a_result_of_its_own() -> None:
    crashed = samples.suite("ddp", samples.check("ranks"), verdict=Verdict.FAIL, reason="killed")
    image = ImageRecords("cv", None, samples.validation("cv", Verdict.FAIL, crashed), None)
    found = {each.ruleId: each.message.text for each in read(samples.release(), [image]).results}
    assert "killed" in found["check/ddp/ddp"]


def test_a_result_stands_where_it_is_mended() -> None:
    places = {"jinja2@3.1.5": SourceLine("images/base/2.6.lock", 12)}
    run = read(*full(), places)
    lines = {
        each.ruleId: SourceLine(
            each.locations[0].physicalLocation.artifactLocation.uri,
            each.locations[0].physicalLocation.region.startLine,
        )
        for each in run.results
    }
    assert lines["CVE-2026-0001"] == SourceLine("images/base/2.6.lock", 12)
    assert lines["CVE-2026-0004"] == DOCKERFILE
    assert lines["check/versions/nccl"] == CATALOGUE


def test_of_too_many_the_worst_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MAX_RESULTS", 3)
    assert MAX_RESULTS == 5000
    many = replace(samples.images()[1], scan=samples.scan("cv", samples.tolerated(50)))
    run = read(samples.release(), [many])
    assert [each.level for each in run.results] == ["error", "warning", "note"]
    assert TriageStatus.TOLERATED in run.results[-1].message.text
