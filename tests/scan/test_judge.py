"""Status of a finding, and exceptions that are refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scan import judge
from scan.policy import PolicyException
from scan.record import Finding, TriageStatus, count_severities
from tests.scan.samples import GRACE, TODAY, excuse, finding, package, rules


def stands(
    found: Finding, *excuses: PolicyException, days_ago: int = 300
) -> tuple[TriageStatus, str]:
    one = judge.triage_findings(
        [found], rules(*excuses, fixed_on=TODAY - timedelta(days=days_ago))
    )[0]
    return one.standing, one.until


@pytest.mark.parametrize(
    ("severity", "days_ago", "standing"),
    [
        ("CRITICAL", 14, TriageStatus.GRACE),
        ("CRITICAL", 15, TriageStatus.BLOCKS),
        ("HIGH", 28, TriageStatus.GRACE),
        ("HIGH", 29, TriageStatus.BLOCKS),
        ("MEDIUM", 180, TriageStatus.GRACE),
        ("MEDIUM", 181, TriageStatus.BLOCKS),
        ("LOW", 3000, TriageStatus.TOLERATED),
        ("UNKNOWN", 3000, TriageStatus.TOLERATED),
        ("NONSENSE", 3000, TriageStatus.TOLERATED),
    ],
)
def test_grace_by_severity(severity: str, days_ago: int, standing: TriageStatus) -> None:
    assert stands(finding(severity), days_ago=days_ago)[0] is standing


@pytest.mark.parametrize("severity", ["UNKNOWN", "NONSENSE", ""])
@pytest.mark.parametrize("fixed", ["", "3.1.6"])
def test_what_nobody_rated_is_said_to_be_unrated(severity: str, fixed: str) -> None:
    """Any word that is none of the severities counts as unknown."""
    made = replace(rules(), grace={**GRACE, "unknown": 28})
    one = judge.triage_findings([finding(severity, fixed)], made)[0]
    assert one.standing is (TriageStatus.BLOCKS if fixed else TriageStatus.UNFIXED)
    assert one.why.startswith("nobody has rated its severity yet; ")


def test_findings_are_counted_by_severity_and_none_is_left_out() -> None:
    found = [finding(severity) for severity in ("HIGH", "unknown", "", "NONSENSE", "Critical")]
    assert count_severities(found) == {"critical": 1, "high": 1, "unknown": 3}


def test_the_last_day_of_grace_is_told() -> None:
    assert stands(finding(), days_ago=10) == (
        TriageStatus.GRACE,
        (TODAY + timedelta(days=4)).isoformat(),
    )


def test_what_has_no_fix_does_not_block() -> None:
    assert stands(finding(fixed="")) == (TriageStatus.UNFIXED, "")


@pytest.mark.parametrize(
    ("excuse_", "standing"),
    [
        (excuse(), TriageStatus.EXCUSED),
        (excuse(expires=TODAY), TriageStatus.EXCUSED),
        (excuse(expires=TODAY - timedelta(days=1)), TriageStatus.BLOCKS),
        (excuse(id_="CVE-2026-2"), TriageStatus.BLOCKS),
        (excuse(package_="pkg:pypi/jinja2@3.1.5"), TriageStatus.BLOCKS),
        (excuse(package_="pkg:pypi/markupsafe@3.1.4"), TriageStatus.BLOCKS),
    ],
)
def test_an_exception_excuses_what_it_names_until_its_day(
    excuse_: PolicyException, standing: TriageStatus
) -> None:
    assert stands(finding(), excuse_)[0] is standing


def test_qualifiers_of_a_package_do_not_matter() -> None:
    purl = "pkg:deb/debian/libc6@2.36-9%2Bdeb12u9?arch=amd64&distro=debian-12.9"
    found = Finding(
        "CVE-2026-1", purl, "libc6", "2.36-9+deb12u9", "2.36-9+deb12u10", "HIGH", "", "2025-01-01"
    )
    assert (
        stands(found, excuse(package_="pkg:deb/debian/libc6@2.36-9%2Bdeb12u9"))[0]
        is TriageStatus.EXCUSED
    )


def test_what_blocks_comes_first() -> None:
    found = [finding("LOW"), finding("HIGH", fixed=""), finding("MEDIUM"), finding("CRITICAL")]
    order = [each.finding.severity for each in judge.triage_findings(found, rules())]
    assert order == ["CRITICAL", "MEDIUM", "HIGH", "LOW"]


@pytest.mark.parametrize(
    ("excuse_", "says"),
    [
        (excuse(expires=TODAY - timedelta(days=1)), "expired on 2026-11-20"),
        (
            excuse(expires=TODAY + timedelta(days=181)),
            "too broad: it runs until 2027-05-21; the longest is 180 days, until 2027-05-20",
        ),
        (
            excuse(package_="pkg:pypi/jinja2@3.1.3"),
            "unknown: the image does not hold this package in this version",
        ),
        (excuse(id_="CVE-2026-404"), "unknown: the database has no such advisory"),
        (excuse(id_="CVE-2026-2"), "unused: no finding needs it"),
    ],
)
def test_a_wrong_exception_names_itself(excuse_: PolicyException, says: str) -> None:
    known = {"CVE-2026-1", "CVE-2026-2"}
    wrong = list(
        judge.exception_problems(rules(excuse_), [finding()], [package()], known.__contains__)
    )
    assert [problem.where for problem in wrong] == [f"{excuse_.id} {excuse_.package}"]
    assert wrong[0].what.startswith(says)


def test_a_good_exception_is_no_problem_but_the_same_twice_is() -> None:
    assert not list(
        judge.exception_problems(
            rules(excuse()), [finding()], [package()], {"CVE-2026-1"}.__contains__
        )
    )
    twice = rules(excuse(), excuse(expires=TODAY))
    wrong = list(
        judge.exception_problems(twice, [finding()], [package()], {"CVE-2026-1"}.__contains__)
    )
    assert [problem.what for problem in wrong] == ["given twice"]


def test_the_pin_that_fixes_it() -> None:
    for fixed in ("3.1.6", "2.9.1, 3.1.6", "3.1.6, 2.9.1", "4.0, 3.1.6"):
        assert "`jinja2>=3.1.6` into the stack's requirements.in" in judge.suggest_fix(
            finding(fixed=fixed)
        )
    debian = Finding(
        "CVE-1", "pkg:deb/debian/bash@5.1", "bash", "5.1", "5.2-1+deb12u1", "HIGH", "", ""
    )
    assert "next patch release" in judge.suggest_fix(debian)
    assert "bash 5.2-1+deb12u1" in judge.suggest_fix(debian)


@pytest.mark.parametrize(
    ("installed", "fixed", "nearest"),
    [
        ("3.1.4", "rubbish, 3.1.6", "3.1.6"),
        ("3.1.4", "9999" * 2000 + ", 3.1.6", "3.1.6"),
        ("rubbish", "2.9.1, 3.1.6", "3.1.6"),
        ("9" * 5000, "3.1.6", "3.1.6"),
        ("3.1.4", "rubbish", ""),
        ("3.1.4", ", ,", ""),
    ],
)
def test_a_version_that_is_none_is_no_fix(installed: str, fixed: str, nearest: str) -> None:
    found = replace(finding(fixed=fixed), installed_version=installed)
    assert judge.nearest_fix(found) == nearest
    said = judge.suggest_fix(found)
    assert f"`jinja2>={nearest}`" in said if nearest else "no version of a Python package" in said


@given(st.text(max_size=100), st.text(max_size=100), st.sampled_from(["jinja2", "torch", "triton"]))
def test_no_version_of_a_database_ends_the_advice(installed: str, fixed: str, name: str) -> None:
    found = replace(
        finding(fixed=fixed),
        purl=f"pkg:pypi/{name}@1",
        package=name,
        installed_version=installed,
    )
    assert judge.suggest_fix(found)
