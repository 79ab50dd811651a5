"""An SBOM against planted databases, assessed by the real Trivy and the shipped policy."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runner.verdict import Verdict
from scan import trivy
from scan.assess import Assessment, AssessmentContext, CatalogPlace, assess_sbom, verdict_of
from scan.history import History
from scan.policy import PolicyException, load_policy
from scan.record import TriageStatus
from tests.fakes.cyclonedx import sbom
from tests.fakes.trivy_db import DebianAdvisory, PipAdvisory, Vulnerability, write
from tests.scan.samples import CANARIES, TODAY, excuse

JINJA2 = PipAdvisory("CVE-2026-2", "jinja2", ("< 3.1.5",), ("3.1.5",))
OPENSSL = DebianAdvisory("CVE-2026-1", "openssl", "3.0.13-1~deb12u1")
ELSEWHERE = (
    DebianAdvisory("CVE-2026-9", "zsh", "9"),
    PipAdvisory("CVE-2026-8", "unrelated", ("< 1",), ("1",)),
)
PLACE = CatalogPlace("2.6", ("base",))
DAY = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC)

Assessed = Callable[..., Assessment]


@pytest.fixture
def assessed(tmp_path: Path, home: Path) -> Assessed:
    """Assesses four packages with a database that holds these advisories, of this severity and
    age.
    """

    def made(
        *advisories: DebianAdvisory | PipAdvisory,
        severity: str = "CRITICAL",
        days_ago: int = 100,
        database_days: int = 0,
        excuses: Sequence[PolicyException] = (),
        distribution: str = "12.15",
        elsewhere: Sequence[DebianAdvisory | PipAdvisory] = ELSEWHERE,
    ) -> Assessment:
        published = (DAY - timedelta(days=days_ago)).isoformat().replace("+00:00", "Z")
        known = [
            Vulnerability(each.id, severity=severity, published=published)
            for each in (*advisories, *elsewhere)
        ]
        write(
            tmp_path / "db",
            [*advisories, *elsewhere],
            known,
            updated_at=DAY - timedelta(days=database_days),
        )
        document = tmp_path / "sbom.cdx.json"
        document.write_text(json.dumps(sbom(distribution)))
        database = trivy.obtain_database(str(tmp_path / "db"), None)
        context = AssessmentContext(load_policy(), excuses, database, History({}), TODAY, CANARIES)
        return assess_sbom(document, PLACE, context)

    return made


def standings(found: Assessment) -> dict[str, TriageStatus]:
    return {judged.finding.id: judged.standing for judged in found.findings or ()}


def test_nothing_known_is_a_pass_that_says_who_looked(assessed: Assessed) -> None:
    found = assessed()
    assert verdict_of((), found) == (Verdict.PASS, "")
    assert [(origin.name, origin.packages, bool(origin.source)) for origin in found.origins] == [
        ("Debian", 2, True),
        ("PyPI", 2, True),
    ]
    assert found.database is not None
    assert len(found.database.sha256) == 64


@pytest.mark.parametrize(
    ("severity", "days_ago", "standing", "verdict"),
    [
        ("CRITICAL", 100, TriageStatus.BLOCKS, Verdict.FAIL),
        ("CRITICAL", 3, TriageStatus.GRACE, Verdict.PASS),
        ("HIGH", 20, TriageStatus.GRACE, Verdict.PASS),
        ("HIGH", 29, TriageStatus.BLOCKS, Verdict.FAIL),
        ("LOW", 1000, TriageStatus.TOLERATED, Verdict.PASS),
        ("UNKNOWN", 20, TriageStatus.GRACE, Verdict.PASS),
        ("UNKNOWN", 29, TriageStatus.BLOCKS, Verdict.FAIL),
    ],
)
@pytest.mark.parametrize("advisory", [JINJA2, OPENSSL], ids=["PyPI", "Debian"])
def test_a_planted_advisory_stands_where_the_policy_says(  # noqa: PLR0917 - a table of cases
    assessed: Assessed,
    advisory: DebianAdvisory | PipAdvisory,
    severity: str,
    days_ago: int,
    standing: TriageStatus,
    verdict: Verdict,
) -> None:
    found = assessed(advisory, severity=severity, days_ago=days_ago)
    assert standings(found) == {advisory.id: standing}
    assert verdict_of((), found)[0] is verdict


def test_a_refusal_names_advisory_package_and_fix(assessed: Assessed) -> None:
    reason = verdict_of((), assessed(JINJA2, OPENSSL))[1]
    assert reason.startswith("2 findings block, first CVE-2026-2 (critical): jinja2 3.1.4 -> 3.1.5")


def test_what_has_no_fix_is_shown_and_does_not_block(assessed: Assessed) -> None:
    found = assessed(DebianAdvisory("CVE-2026-1", "bash"))
    assert standings(found) == {"CVE-2026-1": TriageStatus.UNFIXED}
    assert verdict_of((), found)[0] is Verdict.PASS


@pytest.mark.parametrize(
    ("excuses", "verdict", "says"),
    [
        ((excuse(id_="CVE-2026-2"),), Verdict.PASS, ""),
        (
            (excuse(id_="CVE-2026-2", expires=TODAY - timedelta(days=1)),),
            Verdict.FAIL,
            "expired on 2026-11-20",
        ),
        ((excuse(id_="CVE-2026-2"), excuse(id_="CVE-2026-8")), Verdict.FAIL, "unused"),
        (
            (excuse(id_="CVE-2026-2"), excuse(id_="CVE-1999-1")),
            Verdict.FAIL,
            "unknown: the database has no such",
        ),
        ((excuse(id_="CVE-2026-2", stack="cv"),), Verdict.FAIL, "CVE-2026-2"),
    ],
    ids=["excused", "expired", "unused", "unknown", "of another stack"],
)
def test_exceptions(
    assessed: Assessed, excuses: Sequence[PolicyException], verdict: Verdict, says: str
) -> None:
    found = assessed(JINJA2, excuses=excuses, elsewhere=ELSEWHERE)
    assert verdict_of((), found)[0] is verdict
    assert says in verdict_of((), found)[1]


def test_a_database_that_is_too_old_proves_nothing(assessed: Assessed) -> None:
    assert verdict_of((), assessed(database_days=7))[0] is Verdict.PASS
    old = verdict_of((), assessed(database_days=8))
    assert old == (Verdict.INCONCLUSIVE, "the database is 8 days old; the limit is 7 days")
    assert verdict_of((), assessed(JINJA2, database_days=8))[0] is Verdict.FAIL


@pytest.mark.parametrize(("held", "lacks"), [(0, "2 PyPI"), (1, "2 Debian")])
def test_a_database_without_a_source_proves_nothing(
    assessed: Assessed, held: int, lacks: str
) -> None:
    found = assessed(elsewhere=ELSEWHERE[held : held + 1])
    assert verdict_of((), found) == (
        Verdict.INCONCLUSIVE,
        f"the database has no advisories for {lacks} packages",
    )


def test_a_distribution_past_its_end_fails(assessed: Assessed) -> None:
    found = assessed(distribution="9.13")
    assert verdict_of((), found)[0] is Verdict.FAIL
    assert "past its end of life" in verdict_of((), found)[1]


def test_no_database_is_not_assessed_and_never_a_pass(tmp_path: Path) -> None:
    document = tmp_path / "sbom.cdx.json"
    document.write_text(json.dumps(sbom()))
    found = assess_sbom(
        document,
        PLACE,
        AssessmentContext(load_policy(), (), "no database here", History({}), TODAY),
    )
    assert found.findings is None
    assert verdict_of((), found) == (
        Verdict.INCONCLUSIVE,
        "vulnerabilities not assessed: no database here",
    )


def test_a_fix_that_came_late_has_its_whole_grace(assessed: Assessed) -> None:
    found = assessed(OPENSSL, days_ago=1000)
    key = "CVE-2026-1 pkg:deb/debian/libssl3"
    assert found.findings is not None
    finding = found.findings[0].finding
    unfixed = History({}).with_findings(
        [replace(finding, fixed_version="")], TODAY - timedelta(days=500)
    )
    assert key in unfixed.seen
    assert unfixed.with_findings([finding], TODAY).first_fix_day(finding, TODAY) == TODAY
