"""A database must find the canaries, as the real Trivy reads it, or it proves nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from packageurl import PackageURL

from images.catalog import load_catalog
from images.compatibility import load_compatibility
from runner.errors import ConfigError
from runner.verdict import Verdict
from scan import canaries, trivy
from scan.assess import Assessment, AssessmentContext, CatalogPlace, assess_sbom, verdict_of
from scan.canaries import CANARIES, Canaries, load_canaries
from scan.history import History
from scan.policy import load_policy
from scan.trivy import VulnerabilityDatabase
from tests.fakes.cyclonedx import component, debian
from tests.fakes.refusal import refused
from tests.fakes.trivy_db import (
    DebianAdvisory,
    PipAdvisory,
    canary_advisories,
    write,
)

TODAY = date(2026, 11, 26)
KNOWN = load_canaries()
TORCH, OPENSSL = "CVE-2026-24747", "CVE-2025-15467"

Planted = Sequence[DebianAdvisory | PipAdvisory]
Opened = Callable[..., VulnerabilityDatabase]


@pytest.fixture
def opened(tmp_path: Path, home: Path) -> Opened:
    """A database of `day` that knows these and the canaries, without those of some ids."""

    def made(
        planted: Planted = (), without: Sequence[str] = (), day: date = TODAY
    ) -> VulnerabilityDatabase:
        known = [*(each for each in canary_advisories() if each.id not in without), *planted]
        known = known or [PipAdvisory("CVE-2020-1", "elsewhere", ("< 1",))]
        at = datetime(day.year, day.month, day.day, tzinfo=UTC)
        write(tmp_path / "db", known, updated_at=at)
        found = trivy.obtain_database(str(tmp_path / "db"), None)
        assert isinstance(found, VulnerabilityDatabase)
        return found

    return made


def assessed(
    database: VulnerabilityDatabase,
    folder: Path,
    known: Canaries = KNOWN,
    *,
    release: str = "12.15",
) -> Assessment:
    """An image of fixed versions, and torch 2.6.0 for CUDA 12.4."""
    system = component("operating-system", "debian", release, "", Class="os-pkgs", Type="debian")
    parts = [debian("bash", "9", "bash", "9-1", release)] + [
        component("library", name, version, f"pkg:pypi/{name}@{version}", PkgType="python-pkg")
        for name, version in (("torch", "2.6.0+cu124"), ("jinja2", "3.1.6"))
    ]
    depends = [{"ref": "debian", "dependsOn": [parts[0]["bom-ref"]]}]
    document = folder / "sbom.cdx.json"
    document.write_text(
        json.dumps(
            {
                "bomFormat": "CycloneDX",
                "specVersion": "1.6",
                "components": [system, *parts],
                "dependencies": depends,
            }
        )
    )
    context = AssessmentContext(load_policy(), (), database, History({}), TODAY, known)
    return assess_sbom(document, CatalogPlace("2.6", ("base",)), context)


def missed(database: VulnerabilityDatabase, release: str = "debian 12.15") -> list[str]:
    return [each.id for each in canaries.find_missed(database, KNOWN, release, 14)]


def test_a_database_that_finds_all_canaries_misses_none(opened: Opened) -> None:
    assert missed(opened()) == []


@pytest.mark.parametrize("id_", sorted({each.id for each in KNOWN.canaries}))
def test_each_canary_counts(opened: Opened, id_: str) -> None:
    assert set(missed(opened(without=[id_]))) == {id_}


def test_a_fresh_database_that_knows_nothing_of_torch_proves_no_zero(
    opened: Opened, tmp_path: Path
) -> None:
    found = assessed(opened(without=[TORCH, "CVE-2025-32434"]), tmp_path)
    assert found.findings == ()
    verdict, reason = verdict_of((), found)
    assert verdict is Verdict.INCONCLUSIVE
    assert reason == (
        "the database of 2026-11-26 does not know CVE-2026-24747 in torch 2.9.1 (published on "
        "2026-01-27) and 2 other known advisories of scan/canaries.yaml, so it cannot prove that "
        "there are no findings: use another one (--db-repository, --trivy-db)"
    )


def test_a_finding_that_blocks_still_refuses(opened: Opened, tmp_path: Path) -> None:
    planted = PipAdvisory("CVE-2026-5", "jinja2", ("< 9",), ("9",))
    found = assessed(opened([planted], [TORCH]), tmp_path)
    assert verdict_of((), found)[0] is Verdict.FAIL


def test_a_database_need_not_know_what_is_newer_than_itself(opened: Opened) -> None:
    published = date(2026, 1, 27)
    before = opened(without=[TORCH], day=published + timedelta(days=13))
    assert TORCH not in missed(before)
    assert TORCH in missed(opened(without=[TORCH], day=published + timedelta(days=14)))


def test_a_canary_of_another_release_of_debian_does_not_count(opened: Opened) -> None:
    held = opened(without=[OPENSSL])
    assert missed(held) == [OPENSSL]
    assert missed(held, "debian 13.1") == []
    assert missed(held, "") == []


def test_trivy_is_asked_once_for_a_database(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    find = trivy.find_vulnerabilities

    def counted(sbom: Path, database: VulnerabilityDatabase, target: Path) -> dict[str, object]:
        asked.append(sbom)
        return find(sbom, database, target)

    monkeypatch.setattr(trivy, "find_vulnerabilities", counted)
    held = opened()
    assert [missed(held), missed(held, "debian 13.1")] == [[], []]
    assert len(asked) == 1
    missed(opened(without=[TORCH]))
    assert len(asked) == 2


def test_an_advisory_under_another_name_is_found(opened: Opened, tmp_path: Path) -> None:
    """As GitHub filed CVE-2026-24747: its package is `pytorch`."""
    elsewhere = PipAdvisory(TORCH, "pytorch", ("< 2.10.0",), ("2.10.0",))
    found = assessed(opened([elsewhere], [TORCH]), tmp_path)
    assert found.limitation == ""
    assert found.findings is not None
    named = [(each.finding.id, each.finding.package, each.finding.purl) for each in found.findings]
    assert named == [(TORCH, "torch", "pkg:pypi/torch@2.6.0+cu124")]


def test_an_advisory_under_both_names_is_one_finding(opened: Opened, tmp_path: Path) -> None:
    both = [PipAdvisory(TORCH, name, ("< 2.10.0",), ("2.10.0",)) for name in ("torch", "pytorch")]
    found = assessed(opened(both, [TORCH]), tmp_path)
    assert [each.finding.package for each in found.findings or ()] == ["torch"]


def test_nothing_is_left_beside_the_sbom(opened: Opened, tmp_path: Path) -> None:
    folder = tmp_path / "image"
    folder.mkdir()
    assessed(opened(), folder)
    assert {each.name for each in folder.iterdir()} == {"sbom.cdx.json", "vulnerabilities.json"}


# The list that is shipped


def test_every_line_has_canaries_for_its_debian() -> None:
    number = load_compatibility().debian_number
    wanted = {f"debian {number(line.debian)}" for line in load_catalog().lines.values()}
    assert wanted <= {each.distribution for each in KNOWN.canaries}


def test_torch_and_its_lines_are_among_the_canaries() -> None:
    found = {PackageURL.from_string(each.package).name for each in KNOWN.canaries}
    assert {"torch", "jinja2", "pillow", "filelock"} <= found


def test_no_canary_is_given_twice_and_none_is_of_the_future() -> None:
    keys = [(each.id, each.package) for each in KNOWN.canaries]
    assert len(set(keys)) == len(keys)
    assert all(each.published <= datetime.now(UTC).date() for each in KNOWN.canaries)


FIRST = """\
filed_as: {}
canaries:
  - {id: CVE-1, package: PACKAGE, fixed: "2", published: 2026-01-01, source: SOURCE}
"""


def wrong_files() -> Iterator[tuple[str, str]]:
    good = FIRST.replace("PACKAGE", "pkg:pypi/a@1").replace("SOURCE", "https://example.org/1")
    yield good.replace("pkg:pypi/a@1", "pkg:pypi/a"), "is not pkg:pypi/NAME@VERSION"
    yield good.replace("pkg:pypi/a@1", "pkg:npm/a@1"), "is not pkg:pypi/NAME@VERSION"
    yield good.replace("pkg:pypi/a@1", "pkg:deb/debian/a@1"), "does not name its release"
    yield good.replace("pkg:pypi/a@1", "a"), "purl"
    yield good.replace("pkg:pypi/a@1", "pkg:pypi/a@3"), "has the fix of 2"
    yield good.replace("https:", "file:"), "source"
    yield good.replace("2026-01-01", "soon"), "published"
    yield good + "    more: 1\n", ""
    yield good.replace("{}", "{Torch: [pytorch]}", 1), "write `torch`"
    yield good.replace("{}", "{torch: [Py_Torch]}", 1), "write `py-torch`"
    yield "filed_as: {}\ncanaries: []\n", "canaries"


@pytest.mark.parametrize(("text", "says"), list(wrong_files()))
def test_a_list_that_is_wrong_is_refused_by_file_and_line(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / CANARIES.name
    path.write_text(text)
    with refused(ConfigError, str(path), says):
        load_canaries(path)


def test_the_list_without_a_canary_that_is_planted(opened: Opened) -> None:
    """The negative control: without the canary nobody would notice."""
    fewer = replace(KNOWN, canaries=tuple(each for each in KNOWN.canaries if each.id != TORCH))
    held = opened(without=[TORCH])
    assert not canaries.find_missed(held, fewer, "debian 12.15", 14)
    assert canaries.find_missed(held, KNOWN, "debian 12.15", 14)
