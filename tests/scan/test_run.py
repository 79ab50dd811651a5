"""The scan stage if Trivy crashes, hangs or writes nothing, and if documents are incomplete."""

from __future__ import annotations

import datetime
import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from images import catalog
from oci.registry import file_sha256
from runner import records
from runner.errors import ConfigError, EnvironmentFailed
from runner.freshness import STANDS_DAYS
from runner.verdict import Verdict
from scan import contents, image_facts, run, trivy
from scan.assess import AssessmentContext, CatalogPlace
from scan.contents import INSIDE, ProbeResult
from scan.history import History
from scan.policy import load_policy
from scan.record import Database, Sbom, ScanProblem, ScanRecord
from scan.run import ScanTarget
from scan.trivy import VulnerabilityDatabase
from tests.fakes.cyclonedx import sbom
from tests.fakes.refusal import refused
from tests.publish.stage_records import built
from tests.scan.samples import TODAY

SHIPPED = catalog.load_catalog()
BUILD = built("base")
SUBJECT = ScanTarget(
    BUILD,
    "127.0.0.1:1",
    CatalogPlace("2.6", ("base",)),
    False,
    SHIPPED.budget_of("2.6", "base"),
    5,
    None,
)
CONTEXT = AssessmentContext(load_policy(), (), "none was given", History({}), TODAY)
FIND_TARGET = 'while [ $# -gt 0 ]; do [ "$1" = --output ] && target=$2; shift; done'


@pytest.fixture
def fake_trivy(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In Trivy's place a program that calls itself Trivy; the test writes what it does for anything
    else.
    """
    program = tmp_path / "trivy"
    monkeypatch.setattr(trivy, "_BINARY", program)
    monkeypatch.setattr(trivy, "SCAN_TIMEOUT_S", 1)
    trivy.scanner_version.cache_clear()
    install(program, "exit 0")
    return program


def install(program: Path, body: str, version: str = "0.76.0") -> None:
    says = f'if [ $1 = --version ]; then echo \'{{"Version": "{version}"}}\'; exit; fi'
    program.write_text(f"#!/bin/sh\n{says}\n{FIND_TARGET}\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


@pytest.fixture(autouse=True)
def forget_version() -> None:
    trivy.scanner_version.cache_clear()


def test_the_memory_of_trivy_is_bounded(fake_trivy: Path, tmp_path: Path) -> None:
    """A file of 2 GB in a layer of 2 MB takes it 4 GB of memory."""
    install(fake_trivy, 'echo "{\\"kilobytes\\": $(ulimit -d)}" > $target')
    found = trivy.analyse_image("127.0.0.1:1/x:t", tmp_path)
    assert found.report == {"kilobytes": trivy.MAX_MEMORY_BYTES >> 10}


def test_a_trivy_without_memory_says_so(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the real one: Go writes a traceback, whose end says nothing."""
    monkeypatch.setattr(trivy, "MAX_MEMORY_BYTES", 48 << 20)
    with refused(EnvironmentFailed, "needed more memory than its limit", "expand to many GB"):
        trivy.analyse_image("127.0.0.1:1/x:t", tmp_path)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param("echo 'FATAL out of memory' >&2; exit 1", "FATAL out of memory", id="crashes"),
        pytest.param("kill -9 $$", "was killed (SIGKILL): the machine", id="is killed"),
        pytest.param("kill -9 $$", "`docker run --memory`", id="is killed, and what to do"),
        pytest.param("exit 137", "was killed (SIGKILL)", id="is killed in a container"),
        pytest.param("kill -11 $$", "was ended by SIGSEGV", id="is ended by a signal"),
        pytest.param(
            "printf 'panic: bad\\n\\ngoroutine 1:\\n\\t/x.go:1 +0x1\\n' >&2; exit 2",
            "` crashed (exit code 2): panic: bad",
            id="panics",
        ),
        pytest.param(
            "printf '2026-11-28T00:00:36Z\\tFATAL\\tFatal error\\tunable to find\\n' >&2; exit 1",
            "exited with 1: unable to find",
            id="says why",
        ),
        pytest.param("exit 3", "exited with 3: trivy gave no reason", id="says nothing"),
        pytest.param(
            "echo 'x: No space left on device' >&2; exit 1",
            "free space on the disk of",
            id="fills the disk",
        ),
        pytest.param("exit 0", "wrote no report", id="writes nothing"),
        pytest.param(
            'printf \'{"components": [\' >"$target"',
            "wrote a report that is incomplete",
            id="writes half a file",
        ),
        pytest.param("sleep 30", "did not finish", id="hangs"),
        pytest.param('echo "{}" >"$target"', "the SBOM is about nothing", id="writes of nothing"),
    ],
)
def test_a_broken_trivy_is_infra_and_never_green(
    fake_trivy: Path, body: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        image_facts,
        "probe_image",
        lambda _: ScanProblem("bill of materials", "python", "closed", ""),
    )
    install(fake_trivy, body)
    record = run.scan_image(SUBJECT, CONTEXT, tmp_path / "out")
    assert record.verdict is Verdict.INFRA
    assert says in record.reason
    assert record.digest == BUILD.digest


def test_another_trivy_than_the_pinned_one_is_infra(fake_trivy: Path, tmp_path: Path) -> None:
    install(fake_trivy, "exit 0", version="0.69.4")
    record = run.scan_image(SUBJECT, CONTEXT, tmp_path / "out")
    assert (record.verdict, "trivy 0.69.4 is installed, but 0.76.0" in record.reason) == (
        Verdict.INFRA,
        True,
    )


def test_a_missing_trivy_says_how_to_get_it(fake_trivy: Path, tmp_path: Path) -> None:
    fake_trivy.unlink()
    record = run.scan_image(SUBJECT, CONTEXT, tmp_path / "out")
    assert (record.verdict, "make setup" in record.reason) == (Verdict.INFRA, True)


def test_settings_of_the_caller_do_not_reach_trivy(
    fake_trivy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIVY_IGNORE_UNFIXED", "true")
    monkeypatch.setenv("TRIVY_PASSWORD", "kept")
    install(fake_trivy, 'env >"$target"')
    with pytest.raises(Exception, match="incomplete or too large"):
        trivy.analyse_image("x@y", tmp_path)
    said = (tmp_path / trivy.REPORT).read_text().splitlines()
    assert "TRIVY_IGNORE_UNFIXED=true" not in said
    assert "TRIVY_PASSWORD=kept" in said


def test_what_was_found_in_a_digest_is_used_again_only_where_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(trivy, "analyse_image", lambda reference, folder: asked.append(reference))
    monkeypatch.setattr(
        image_facts,
        "probe_image",
        lambda _: ScanProblem("bill of materials", "python", "closed", ""),
    )
    before = kept(tmp_path)
    contents.inspect_image(BUILD, "h", tmp_path, before)
    assert asked == []
    for record in (None, replace(before, digest="sha256:1"), replace(before, scanner="trivy 0.1")):
        contents.inspect_image(BUILD, "h", tmp_path, record)
    assert len(asked) == 3
    (tmp_path / trivy.SBOM).write_text((tmp_path / trivy.SBOM).read_text() + "\n")
    contents.inspect_image(BUILD, "h", tmp_path, before)
    assert len(asked) == 4
    (tmp_path / trivy.SPDX).unlink()
    contents.inspect_image(BUILD, "h", tmp_path, kept(tmp_path))
    assert len(asked) == 4


def test_a_report_by_older_rules_for_secrets_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(trivy, "analyse_image", lambda reference, folder: asked.append(reference))
    before = kept(tmp_path)
    monkeypatch.setattr(
        image_facts,
        "probe_image",
        lambda _: ScanProblem("bill of materials", "python", "closed", ""),
    )
    rules = tmp_path / "rules.yaml"
    monkeypatch.setattr(trivy, "SECRET_RULES", rules)
    rules.touch()
    os.utime(rules, (2_000_000_000, 2_000_000_000))
    contents.inspect_image(BUILD, "h", tmp_path, before)
    assert len(asked) == 1


def test_a_pipe_in_place_of_a_bill_of_materials(tmp_path: Path) -> None:
    before = kept(tmp_path)
    (tmp_path / trivy.SBOM).unlink()
    os.mkfifo(tmp_path / trivy.SBOM)
    with refused(EnvironmentFailed, str(tmp_path / trivy.SBOM), "not a regular file"):
        contents.inspect_image(BUILD, "h", tmp_path, before)


@pytest.mark.parametrize("name", ["/dev/zero", "../../secret", "a/b", ""])
def test_a_record_names_documents_beside_itself(tmp_path: Path, name: str) -> None:
    before = kept(tmp_path)
    assert before.sbom is not None
    text = records.to_json(before).replace(before.sbom.file, name)
    with refused(ConfigError, "sbom.file"):
        records.from_json(ScanRecord, text, "scan.json")


@pytest.mark.parametrize("days", [0, STANDS_DAYS - 1, STANDS_DAYS, 31])
def test_a_bill_of_materials_is_used_again_for_some_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    """Signed again it keeps its date: one that a channel finds too old is made anew."""
    asked: list[str] = []
    monkeypatch.setattr(trivy, "analyse_image", lambda reference, folder: asked.append(reference))
    monkeypatch.setattr(
        image_facts,
        "probe_image",
        lambda _: ScanProblem("bill of materials", "python", "closed", ""),
    )
    contents.inspect_image(BUILD, "h", tmp_path, kept(tmp_path, days))
    assert bool(asked) is (days >= STANDS_DAYS)


def kept(folder: Path, days: int = 0) -> ScanRecord:
    """Documents of a scan some days ago in `folder`, and its record."""
    document = sbom()
    bound = [{"name": "aquasecurity:trivy:RepoDigest", "value": f"h/r@{BUILD.digest}"}]
    made = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days)
    document["metadata"] = {"component": {"properties": bound}, "timestamp": made.isoformat()}
    (folder / trivy.SBOM).write_text(json.dumps(document))
    (folder / trivy.SPDX).write_text("{}")
    (folder / trivy.REPORT).write_text(json.dumps({"Metadata": {"ImageConfig": {}}}))
    records.write_record(
        folder / INSIDE, ProbeResult(None, ScanProblem("bill of materials", "python", "closed", ""))
    )
    found = Sbom(trivy.SBOM, file_sha256(folder / trivy.SBOM), trivy.SPDX, {})
    return replace(run.unscanned_record(BUILD), scanner=trivy.scanner_version(), sbom=found)


def test_a_folder_without_a_database_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no trivy\.db"):
        trivy.obtain_database(str(tmp_path), None)


@pytest.mark.parametrize(
    "metadata",
    [
        *(
            "",
            '{"Version": 1, "UpdatedAt": ""}',
            "{}",
            "[]",
            '{"Version": 2}',
            '{"Version": "\\u001b[31m"}',
        ),
        *(
            f'{{"Version": 2, "UpdatedAt": {each}}}'
            for each in ("5", "null", '"rubbish"', '"2999-01-01T00:00:00Z"')
        ),
    ],
)
def test_a_database_whose_age_cannot_be_told_is_refused(tmp_path: Path, metadata: str) -> None:
    (tmp_path / "trivy.db").touch()
    (tmp_path / "metadata.json").write_text(metadata)
    with pytest.raises(ConfigError, match=r"metadata|schema"):
        trivy.obtain_database(str(tmp_path), None)


def test_a_database_that_is_larger_than_any_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "trivy.db").touch()
    os.truncate(tmp_path / "trivy.db", 2 * 10**11)
    (tmp_path / "metadata.json").write_text('{"Version": 2, "UpdatedAt": "2026-11-01T00:00:00Z"}')
    with pytest.raises(ConfigError, match="more than 8 GB"):
        trivy.obtain_database(str(tmp_path), None)


def test_a_download_that_fails_leaves_the_one_that_is_kept(home: Path, fake_trivy: Path) -> None:
    install(fake_trivy, "echo 'FATAL no such host' >&2; exit 1")
    assert "could not be downloaded" in str(trivy.obtain_database(None, "127.0.0.1:1/db"))
    folder = home / "trivy" / "db"
    folder.mkdir(parents=True)
    (folder / "trivy.db").write_bytes(b"")
    (folder / "metadata.json").write_text('{"Version": 2, "UpdatedAt": "2026-11-01T00:00:00Z"}')
    held = trivy.obtain_database(None, "127.0.0.1:1/db")
    assert not isinstance(held, str)
    assert held.record.updated_at == "2026-11-01T00:00:00Z"
    assert held.database_file.samefile(folder / "trivy.db")


FATAL = "2026-11-27T12:04:20Z\tFATAL\tFatal error\t"
CHAIN = (
    "run error: init error: DB error: failed to download vulnerability DB: OCI artifact error: "
    "failed to download vulnerability DB: failed to download artifact from h/x:2: OCI repository "
    "error: 1 error occurred:\n\t* "
)


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        (
            f'{FATAL}{CHAIN}Get "https://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: '
            'connection refused; Get "http://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: '
            "connection refused\n\n\n",
            "127.0.0.1:9: connection refused",
        ),
        (
            f'{FATAL}{CHAIN}Get "https://h/v2/": dial tcp: lookup h on 10.0.0.53:53: no such host',
            "lookup h: no such host",
        ),
        (
            f'{FATAL}{CHAIN}Get "https://h/v2/": proxyconnect tcp: dial tcp 127.0.0.1:9: connect: '
            "connection refused",
            "the proxy 127.0.0.1:9: connection refused",
        ),
        (
            f"{FATAL}{CHAIN}GET http://h/v2/x/manifests/2: MANIFEST_UNKNOWN: manifest unknown; "
            "map[Tag:2]",
            "MANIFEST_UNKNOWN: manifest unknown",
        ),
        (
            f"{FATAL}flag error: unable to convert flags to options: invalid DB repository: X//y",
            "unable to convert flags to options: invalid DB repository: X//y",
        ),
        ("2026-11-27T12:04:20Z\tERROR\tno space left on device\n", "no space left on device"),
        ("\x1b[31mkilled", "killed"),
        ("", "trivy gave no reason"),
    ],
)
def test_a_failed_download_says_why_and_not_how_trivy_logs(errors: str, reason: str) -> None:
    assert trivy.explain_failed_download(errors) == reason


def test_a_missing_database_names_both_ways_to_give_one(home: Path, fake_trivy: Path) -> None:
    install(fake_trivy, "echo 'FATAL no such host' >&2; exit 1")
    reason = trivy.obtain_database(None, None)
    assert isinstance(reason, str)
    assert reason.endswith(", and none was given with --trivy-db or --db-repository")
    asked = trivy.obtain_database(None, "127.0.0.1:1/db")
    assert str(asked).endswith(" from 127.0.0.1:1/db, and none was given with --trivy-db")


def test_the_environment_names_a_mirror_and_an_option_comes_first(
    home: Path, fake_trivy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(fake_trivy, 'echo "FATAL $*" >&2; exit 1')
    monkeypatch.setenv("TRIVY_DB_REPOSITORY", "127.0.0.1:1/a:2,127.0.0.1:2/b")
    assert " from 127.0.0.1:1/a:2,127.0.0.1:2/b" in str(trivy.obtain_database(None, None))
    assert " from 127.0.0.1:3/c" in str(trivy.obtain_database(None, "127.0.0.1:3/c"))
    monkeypatch.setenv("TRIVY_DB_REPOSITORY", "")
    assert str(trivy.obtain_database(None, None)).endswith(trivy.NONE_GIVEN)


@pytest.mark.parametrize("value", ["user:s3cret@h/db", "--help", "h/x y", "h/x\ny"])
def test_a_mirror_of_the_environment_that_is_wrong_is_refused_unrepeated(
    home: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TRIVY_DB_REPOSITORY", value)
    with refused(ConfigError, "TRIVY_DB_REPOSITORY is not HOST/REPOSITORY", "docker login"):
        trivy.obtain_database(None, None)
    with pytest.raises(ConfigError) as caught:
        trivy.obtain_database(None, None)
    assert value not in str(caught.value)


def test_the_real_trivy_is_understood(home: Path) -> None:
    assert "(127.0.0.1:1: connection refused)" in str(
        trivy.obtain_database(None, "127.0.0.1:1/x/db:2")
    )


def test_a_scanner_is_handed_nothing_that_signs_or_promotes(
    fake_trivy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = (
        "PYTORCH_CUDA_IMAGES_SIGNING_KEY",
        "PYTORCH_CUDA_IMAGES_SIGNING_PASSPHRASE",
        "PYTORCH_CUDA_IMAGES_WEBHOOK_SECRET",
        "GH_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "DOCKER_CONFIG",
    )
    for name in secrets:
        monkeypatch.setenv(name, f"the secret of {name}")
    install(fake_trivy, 'env >"$target.env"; echo "{}" >"$target"')
    database = VulnerabilityDatabase(tmp_path, Database("here", "", ""), ())
    assert (
        trivy.find_vulnerabilities(tmp_path / "sbom.cdx.json", database, tmp_path / "found.json")
        == {}
    )
    handed = (tmp_path / "found.json.env").read_text()
    assert "PATH=" in handed
    assert "the secret of" not in handed
