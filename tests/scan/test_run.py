"""What a scan makes of what Trivy said, and of a Trivy that crashes, hangs, or writes nothing."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from runner.errors import ConfigError, EnvironmentFailed
from runner.verdict import Verdict
from scan import run, trivy
from scan.record import Database, Finding, Sbom
from scan.trivy import VulnerabilityDatabase
from tests.publish.released import built

SOME = Sbom("sbom.cdx.json", "0" * 64, {"deb": 80, "pypi": 30})
DATABASE = VulnerabilityDatabase(Path(), Database("test", "2026-11-01T00:00:00Z"))


def finding(severity: str = "CRITICAL", fixed: str = "2.0") -> Finding:
    return Finding("CVE-2026-1", "libx", "1.0", fixed, severity, "")


def test_no_packages_is_a_failure() -> None:
    assert run.judge(Sbom("", "", {}), (), DATABASE) == (Verdict.FAIL, run.NO_PACKAGES)


def test_no_database_is_not_assessed_and_never_a_pass() -> None:
    verdict, reason = run.judge(SOME, None, "no database here")
    assert verdict is Verdict.INCONCLUSIVE
    assert reason == "vulnerabilities not assessed: no database here"


def test_a_critical_finding_with_a_fix_blocks_and_says_which() -> None:
    verdict, reason = run.judge(SOME, (finding(),), DATABASE)
    assert verdict is Verdict.FAIL
    assert "CVE-2026-1: libx 1.0 -> 2.0" in reason


@pytest.mark.parametrize("kept", [finding(fixed=""), finding(severity="HIGH")])
def test_findings_that_do_not_block(kept: Finding) -> None:
    assert run.judge(SOME, (kept,), DATABASE) == (Verdict.PASS, "")


def test_packages_are_counted_by_kind() -> None:
    document = {
        "components": [
            {"purl": "pkg:deb/debian/bash@5"},
            {"purl": "pkg:pypi/torch@2.6.0"},
            {"purl": "pkg:pypi/numpy@2"},
            {"name": "an operating system"},
        ]
    }
    assert run.packages_by_kind(document) == {"deb": 1, "pypi": 2}


def test_findings_are_read_from_every_target() -> None:
    found = {"VulnerabilityID": "CVE-1", "PkgName": "a", "InstalledVersion": "1", "Severity": "LOW", "Title": "t"}
    result = {"Results": [{"Vulnerabilities": [found]}, {"Target": "clean"}, {"Vulnerabilities": [found]}]}
    assert list(run.findings_of(result)) == [Finding("CVE-1", "a", "1", "", "LOW", "t")] * 2


FAKE_TRIVIES = {
    "crashes": ("echo 'FATAL out of memory' >&2; exit 1", "FATAL out of memory"),
    "writes nothing": ("exit 0", "wrote no report"),
    "writes half a file": ('printf \'{"components": [\' >"$target"', "wrote half a report"),
    "hangs": ("sleep 30", "did not finish"),
}


@pytest.mark.parametrize("defect", FAKE_TRIVIES)
def test_a_broken_trivy_is_the_environment_and_never_green(
    defect: str, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, message = FAKE_TRIVIES[defect]
    program = tmp_path / "trivy"
    find_target = 'while [ $# -gt 0 ]; do [ "$1" = --output ] && target=$2; shift; done'
    program.write_text(f"#!/bin/sh\n{find_target}\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(trivy, "_BINARY", program)
    monkeypatch.setattr(trivy, "SCAN_TIMEOUT_S", 1)
    with pytest.raises(EnvironmentFailed, match=message):
        run.scan(built("base"), "127.0.0.1:1", tmp_path / "out", "none")


def test_a_missing_trivy_says_how_to_get_it(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trivy, "_BINARY", tmp_path / "nowhere")
    with pytest.raises(EnvironmentFailed, match="make setup"):
        trivy.bill_of_materials("x@y", tmp_path / "sbom")


def test_a_report_of_an_earlier_run_is_not_taken_for_this_ones(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trivy, "_BINARY", Path("/bin/true"))
    (tmp_path / "sbom").write_text("{}")
    with pytest.raises(EnvironmentFailed, match="wrote no report"):
        trivy.bill_of_materials("x@y", tmp_path / "sbom")


def test_a_folder_without_a_database_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no trivy\.db"):
        trivy.database(str(tmp_path), None)


@pytest.mark.parametrize("metadata", ["", '{"Version": 1, "UpdatedAt": ""}', "{}"])
def test_a_database_whose_age_cannot_be_told_is_refused(tmp_path: Path, metadata: str) -> None:
    (tmp_path / "trivy.db").touch()
    (tmp_path / "metadata.json").write_text(metadata)
    with pytest.raises(ConfigError, match=r"metadata|schema"):
        trivy.database(str(tmp_path), None)
