"""What a line cannot ever fix is known from the fix, said once, and stands only by an exception."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from images import catalog
from images.catalog import Line
from images.support import SupportPhase, SupportStatus
from runner import yaml_files
from runner.errors import ConfigError
from runner.verdict import Verdict
from scan import assess, judge, trivy, vex
from scan.advice import exception_entry, list_remedies
from scan.assess import Assessment, AssessmentContext, CatalogPlace
from scan.canaries import load_canaries
from scan.excused import describe_exceptions
from scan.history import History
from scan.line_fixes import (
    OutsideFix,
    describe_outside_fixes,
    find_outside_fix,
    list_outside_fixes,
)
from scan.policy import (
    Exceptions,
    LineException,
    load_exceptions,
    load_line_exceptions,
    load_policy,
)
from scan.record import Finding, TriagedFinding, TriageStatus
from scan.sbom import read_packages
from tests.fakes.cyclonedx import sbom
from tests.fakes.trivy_db import DebianAdvisory, PipAdvisory, Vulnerability, write
from tests.publish.stage_records import built, scanned
from tests.scan.samples import CANARIES, excuse, rules

TODAY = datetime.date(2026, 11, 27)
GRANTED, EXPIRES = TODAY, datetime.date(2027, 5, 26)
WEIGHTS = "CVE-2026-24747"
PLACE = CatalogPlace("2.6", ("base",))


def torch(fixed: str = "2.10.0", installed: str = "2.6.0", package: str = "torch") -> Finding:
    purl = f"pkg:pypi/{package}@{installed.replace('+', '%2B')}"
    return Finding(WEIGHTS, purl, package, installed, fixed, "HIGH", "loading", "2026-01-27")


def line_excuse(
    *,
    id_: str = WEIGHTS,
    package: str = "pkg:pypi/torch@2.6.0",
    line: str = "2.6",
    granted: datetime.date = GRANTED,
    expires: datetime.date = EXPIRES,
) -> LineException:
    return LineException(
        id_, package, line, "another line has the fix", "use safetensors", "us", granted, expires
    )


@pytest.mark.parametrize(
    ("package", "installed", "fixed", "outside"),
    [
        ("torch", "2.6.0", "2.10.0", "2.10.0"),
        ("torch", "2.6.0+cu124", "2.10.0", "2.10.0"),
        ("torch", "2.6.0", "2.6.1", ""),
        ("torch", "2.6.0", "2.6.1, 2.10.0", ""),
        ("torch", "2.6.0", "2.10.0,2.7.1", "2.7.1"),
        ("torch", "2.6.0", "2.5.2, 2.10.0", "2.10.0"),
        ("torch", "2.6.0", "2.5.2", ""),
        ("torch", "2.6.0", "", ""),
        ("torch", "2.6.0", "not a version", ""),
        ("torch", "2.6.0", "x, 2.10.0", "2.10.0"),
        ("torch", "unknown", "2.10.0", ""),
        ("Torch", "2.6.0", "2.10.0", "2.10.0"),
        ("torchvision", "0.21.0", "0.22.0", "0.22.0"),
        ("torchvision", "0.21.0", "0.21.1", ""),
        ("torchaudio", "2.6.0", "2.7.0", "2.7.0"),
        ("triton", "3.2.0", "3.2.1", "3.2.1"),
        ("nvidia-cudnn-cu12", "9.1.0.70", "9.1.1.17", "9.1.1.17"),
        ("jinja2", "3.1.4", "4.0", ""),
        ("torch-geometric", "2.6.0", "2.10.0", ""),
    ],
)
def test_a_fix_is_outside_of_the_line_if_no_release_of_it_could_have_it(
    package: str, installed: str, fixed: str, outside: str
) -> None:
    assert find_outside_fix(torch(fixed, installed, package)) == outside


@pytest.mark.parametrize("purl", ["", "nonsense", "pkg:deb/debian/torch@2.6.0"])
def test_no_other_package_is_outside(purl: str) -> None:
    assert not find_outside_fix(replace(torch(), purl=purl))


@pytest.fixture(scope="module")
def lines() -> dict[str, Line]:
    return catalog.load_catalog().lines


def fix(
    id_: str = WEIGHTS, package: str = "torch", fixed: str = "2.10.0", until: str = ""
) -> OutsideFix:
    return OutsideFix(id_, package, "2.6.0", fixed, until)


@pytest.mark.parametrize(
    ("fixes", "day", "says"),
    [
        pytest.param([], TODAY, "", id="none"),
        pytest.param(
            [fix(until="2027-05-26")],
            TODAY,
            "2.6 cannot be fixed inside the line: CVE-2026-24747, fixed in 2.10.0; move to 2.15 "
            "(there is an exception until 2027-05-26)",
            id="excused",
        ),
        pytest.param(
            [fix(until="2027-05-26")],
            datetime.date(2027, 5, 27),
            "2.6 cannot be fixed inside the line: CVE-2026-24747, fixed in 2.10.0; move to 2.15 "
            "(its exception ended on 2027-05-26; without an exception it stays a candidate)",
            id="the day after",
        ),
        pytest.param(
            [fix(), fix()],
            TODAY,
            "2.6 cannot be fixed inside the line: CVE-2026-24747, fixed in 2.10.0; move to 2.15 "
            "(without an exception it stays a candidate)",
            id="of two images",
        ),
        pytest.param(
            [fix(until="2027-05-26"), fix("CVE-2026-9", "torchvision", "0.25.0")],
            TODAY,
            "2.6 cannot be fixed inside the line: CVE-2026-24747, fixed in 2.10.0 and CVE-2026-9, "
            "fixed in torchvision 0.25.0; move to 2.15 (CVE-2026-24747 in torch: there is an "
            "exception until 2027-05-26, CVE-2026-9 in torchvision: without an exception it stays "
            "a candidate)",
            id="two advisories",
        ),
        pytest.param(
            [fix(until="2027-05-26"), fix(package="torchaudio", fixed="2.10.0")],
            TODAY,
            "2.6 cannot be fixed inside the line: CVE-2026-24747, fixed in 2.10.0 and "
            "CVE-2026-24747, fixed in torchaudio 2.10.0; move to 2.11 "
            "(CVE-2026-24747 in torch: there is an exception until 2027-05-26, CVE-2026-24747 "
            "in torchaudio: without an exception it stays a candidate)",
            id="one advisory in two packages",
        ),
        pytest.param(
            [fix(fixed="2.16.0")],
            TODAY,
            "2.6 cannot be fixed inside the line: CVE-2026-24747, fixed in 2.16.0; no newer line "
            "that is active has the fix yet (without an exception it stays a candidate)",
            id="no line has it",
        ),
    ],
)
def test_the_sentence(
    lines: dict[str, Line], fixes: Sequence[OutsideFix], day: datetime.date, says: str
) -> None:
    assert describe_outside_fixes(lines, "2.6", fixes, day) == says


def test_only_an_active_newer_line_is_named(lines: dict[str, Line]) -> None:
    ended = (SupportPhase(SupportStatus.ENDED, datetime.date(2026, 1, 1), "it is over"),)
    without = {**lines, "2.15": replace(lines["2.15"], support=ended)}
    assert "; move to 2.11 (" in describe_outside_fixes(without, "2.6", [fix()], TODAY)
    last = fix(fixed="2.16.0")
    assert "no newer line" in describe_outside_fixes(lines, "2.15", [last], TODAY)


# What the policy makes of it

DAY_BEFORE, DAY_AFTER = GRANTED - datetime.timedelta(1), EXPIRES + datetime.timedelta(1)


@pytest.mark.parametrize(
    ("found", "exception", "day", "standing"),
    [
        (torch(), line_excuse(), DAY_BEFORE, TriageStatus.BLOCKS),
        (torch(), line_excuse(), GRANTED, TriageStatus.EXCUSED),
        (torch(), line_excuse(), EXPIRES, TriageStatus.EXCUSED),
        (torch(), line_excuse(), DAY_AFTER, TriageStatus.BLOCKS),
        (torch(installed="2.6.0+cu124"), line_excuse(), GRANTED, TriageStatus.EXCUSED),
        (torch(), line_excuse(id_="CVE-2026-1"), GRANTED, TriageStatus.BLOCKS),
        (torch(), line_excuse(package="pkg:pypi/torch@2.6.1"), GRANTED, TriageStatus.BLOCKS),
        (torch("2.6.1"), line_excuse(), GRANTED, TriageStatus.BLOCKS),
        (torch(""), line_excuse(), GRANTED, TriageStatus.UNFIXED),
        (torch(), excuse(id_=WEIGHTS, package_="pkg:pypi/torch@2.6.0"), GRANTED, "blocks"),
    ],
)
def test_only_an_exception_of_the_line_lets_it_stand(
    found: Finding, exception: object, day: datetime.date, standing: TriageStatus
) -> None:
    given = replace(rules(fixed_on=datetime.date(2026, 1, 27)), today=day)
    if isinstance(exception, LineException):
        given = replace(given, line_excuses=(exception,))
    else:
        given = replace(given, excuses=(exception,))  # type: ignore[arg-type] # the other kind was taken above
    (judged,) = judge.triage_findings([found], given)
    assert judged.standing == standing


def test_an_exception_that_ended_is_named() -> None:
    given = replace(
        rules(fixed_on=datetime.date(2026, 1, 27)), today=DAY_AFTER, line_excuses=(line_excuse(),)
    )
    found = judge.triage_findings([torch()], given)
    assert list_outside_fixes(found) == (fix(until="2027-05-26"),)


def test_one_in_grace_is_not_said_yet() -> None:
    given = replace(rules(fixed_on=TODAY), today=TODAY)
    found = judge.triage_findings([torch()], given)
    assert [each.standing for each in found] == [TriageStatus.GRACE]
    assert list_outside_fixes(found) == ()


def test_an_ordinary_exception_says_where_it_belongs() -> None:
    plain = excuse(id_=WEIGHTS, package_="pkg:pypi/torch@2.6.0")
    wrong = judge.exception_problems(
        rules(plain),
        [torch()],
        read_packages(sbom()),
        lambda _: True,
    )
    # the package of that document is torch 2.6.0+cu124
    assert [each.what.partition(":")[0] for each in wrong] == ["unknown"]
    held = replace(read_packages(sbom())[0], purl="pkg:pypi/torch@2.6.0")
    (problem,) = judge.exception_problems(rules(plain), [torch()], [held], lambda _: True)
    assert "write it under `line_exceptions`" in problem.what


def test_not_affected_is_a_claim_about_any_finding() -> None:
    claim = replace(
        excuse(id_=WEIGHTS, package_="pkg:pypi/torch@2.6.0"),
        status="not_affected",
        justification="vulnerable_code_not_present",
    )
    (judged,) = judge.triage_findings([torch()], rules(claim))
    assert judged.standing is TriageStatus.EXCUSED


# The file

ENTRY = """exceptions: []
line_exceptions:
  - id: CVE-2026-24747
    package: pkg:pypi/torch@2.6.0
    line: "2.6"
    reason: r
    mitigation: m
    owner: o
    granted: 2026-11-27
    expires: 2027-05-26
"""


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("expires: 2027-05-26", "expires: 2027-05-27", "between that day and 2027-05-26"),
        ("expires: 2027-05-26", "expires: 2026-11-26", "between that day and 2027-05-26"),
        ("expires: 2027-05-26", "expires: never", "expires"),
        ("granted: 2026-11-27", "granted: 9999-12-31", "must expire"),
        ("    granted: 2026-11-27\n", "", "missing key"),
        ("    mitigation: m\n", "", "missing key"),
        ("mitigation: m", "mitigation: ''", "mitigation"),
        ("reason: r", "reason: ''", "reason"),
        ("owner: o", "owner: ''", "owner"),
        ("torch@2.6.0", "jinja2@3.1.4", "is not fixed by the line"),
        ("torch@2.6.0", "torch", "too broad"),
        ("id: CVE-2026-24747", "id: all", "id"),
        ("owner: o", "owner: o\n    stack: base", "unknown key"),
        ('line: "2.6"', "line: 2.6", "line"),
    ],
)
def test_a_wrong_exception_of_a_line_names_its_line(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    path = tmp_path / "exceptions.yaml"
    path.write_text(ENTRY)
    assert len(load_line_exceptions(path)) == 1
    path.write_text(ENTRY.replace(old, new, 1))
    with pytest.raises(ConfigError, match=f"exceptions.yaml:[0-9]+: .*{says}"):
        load_line_exceptions(path)


def test_two_exceptions_for_one_advisory_of_a_line_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "exceptions.yaml"
    path.write_text(ENTRY + ENTRY.partition("line_exceptions:\n")[2])
    with pytest.raises(ConfigError, match=r"CVE-2026-24747 of line 2\.6 has two"):
        load_line_exceptions(path)


def test_a_file_without_exceptions_of_lines_loads(tmp_path: Path) -> None:
    path = tmp_path / "exceptions.yaml"
    path.write_text("exceptions: []\n")
    assert (load_exceptions(path), load_line_exceptions(path)) == ((), ())


def test_the_shipped_exceptions_belong_to_the_lines_of_the_catalogue(
    lines: dict[str, Line],
) -> None:
    shipped = load_line_exceptions()
    assert {(each.line, each.id) for each in shipped} == {("2.6", WEIGHTS), ("2.9", WEIGHTS)}
    for each in shipped:
        line = lines[each.line]
        assert each.package == f"pkg:pypi/torch@{line.torch}"
        assert each.is_in_force(TODAY)
        assert not line.has_ended(each.expires)


def test_the_ready_entry_loads_once_it_is_filled_in() -> None:
    filled = exception_entry(torch(), PLACE, TODAY)
    for key in ("reason", "mitigation", "owner"):
        filled = filled.replace(f"{key}:\n", f"{key}: x\n")
    text = f"exceptions: []\nline_exceptions:\n{filled}\n"
    (loaded,) = yaml_files.parse_yaml(Exceptions, text, "exceptions.yaml").line_exceptions
    assert loaded.covers_finding(torch())
    assert loaded.is_in_force(TODAY)


# With Trivy itself

UPDATED = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)
LOADING = PipAdvisory(WEIGHTS, "torch", ("< 2.10.0",), ("2.10.0",))
OTHERS = (
    DebianAdvisory("CVE-2026-9", "zsh", "9"),
    PipAdvisory("CVE-2026-8", "unrelated", ("< 1",), ("1",)),
)

Assessed = Callable[..., Assessment]


@pytest.fixture
def assessed(tmp_path: Path, home: Path) -> Assessed:
    """Assesses torch 2.6.0 and three other packages with a database that knows these advisories."""

    def made(
        *advisories: PipAdvisory | DebianAdvisory,
        day: datetime.date = TODAY,
        line_excuses: Sequence[LineException] = (),
    ) -> Assessment:
        known = [
            Vulnerability(each.id, severity="HIGH", published="2026-01-27T00:00:00Z")
            for each in [*advisories, *OTHERS]
        ]
        write(tmp_path / "db", [*advisories, *OTHERS], known, updated_at=UPDATED)
        document = tmp_path / "sbom.cdx.json"
        document.write_text(json.dumps(sbom()))
        filed = replace(CANARIES, filed_as=load_canaries().filed_as)
        database = trivy.obtain_database(str(tmp_path / "db"), None)
        context = AssessmentContext(
            load_policy(), (), database, History({}), day, filed, line_excuses
        )
        return assess.assess_sbom(document, PLACE, context)

    return made


@pytest.mark.parametrize("filed_as", ["torch", "pytorch"])
def test_trivy_finds_it_and_the_shipped_exception_lets_it_stand(
    assessed: Assessed, filed_as: str
) -> None:
    """Under whatever name the source filed it."""
    found = assessed(replace(LOADING, package=filed_as), line_excuses=load_line_exceptions())
    assert assess.verdict_of((), found) == (Verdict.PASS, "")
    assert found.problems == ()
    (said,) = describe_exceptions(found.findings or ())
    assert said.startswith("exception until 2027-05-26: CVE-2026-24747 in torch 2.6.0+cu124: the")
    assert "mitigation: load weights of strangers with safetensors" in said


def test_without_it_the_image_is_refused_for_what_no_patch_fixes(assessed: Assessed) -> None:
    for day, given in ((TODAY, ()), (DAY_AFTER, load_line_exceptions())):
        found = assessed(LOADING, day=day, line_excuses=given)
        verdict, reason = assess.verdict_of((), found)
        assert verdict is Verdict.FAIL
        assert reason.startswith("1 finding blocks that no release of the line can fix, first CVE-")
        assert assess.is_only_outside(found)


def test_what_a_patch_fixes_is_named_first_and_apart(assessed: Assessed) -> None:
    jinja2 = PipAdvisory("CVE-2026-2", "jinja2", ("< 3.1.5",), ("3.1.5",))
    found = assessed(LOADING, jinja2)
    assert assess.verdict_of((), found)[1].startswith("1 finding blocks, first CVE-2026-2 (high)")
    assert not assess.is_only_outside(found)


def test_a_database_that_does_not_know_it_makes_the_exception_no_fault(assessed: Assessed) -> None:
    found = assessed(line_excuses=load_line_exceptions())
    assert (found.findings, found.problems) == ((), ())


def test_the_remedy_is_another_line(assessed: Assessed) -> None:
    found = assessed(LOADING)
    record = replace(scanned(built("base")), findings=found.findings)
    first, entry = list_remedies(record, PLACE, TODAY)
    assert "move to a line with torch 2.10.0 or newer" in first
    assert "`line_exceptions`" in entry
    assert "lock" not in first


def test_openvex_names_the_mitigation(tmp_path: Path) -> None:
    judged = TriagedFinding(torch(), TriageStatus.EXCUSED, "2027-05-26", "because", "2027-05-26")
    product = vex.name_product("h/pytorch-cuda", built("base").digest)
    vex.write_vex(tmp_path, product, [judged], [line_excuse()], TODAY)
    (statement,) = json.loads((tmp_path / vex.FILE).read_text())["statements"]
    assert (statement["status"], statement["action_statement"]) == ("affected", "use safetensors")


def test_exceptions_of_one_advisory_are_one_line() -> None:
    names = [f"libssl{number}" for number in range(8)]
    judged = [
        TriagedFinding(replace(torch(), package=name), TriageStatus.EXCUSED, "2027-05-26", "why")
        for name in (*names, *names)
    ]
    (said,) = describe_exceptions(judged, TODAY)
    assert said.endswith("libssl4 2.6.0 and 3 more: why")
    (said,) = describe_exceptions(judged, DAY_AFTER)
    assert said.startswith("warning: the exception for CVE-2026-24747 in libssl0 2.6.0")
