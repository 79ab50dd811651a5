"""What an account of staging can do that holds no key, on a real registry: nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from images.record import BuildRecord
from oci import referrers
from oci.manifest import EMPTY_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, Manifest
from oci.registry import Registry
from publish.evidence import attest, seal
from publish.evidence import store as evidence
from publish.evidence.bundle_files import BUNDLE
from publish.evidence.predicates import PROVENANCE
from runner.errors import EnvironmentFailed, GateRefused
from runner.verdict import Verdict
from tests.fakes.registry import FakeRegistry
from tests.publish.line import FIRST, Line, line_of_one
from tests.publish.signed import (
    P256,
    STRANGER,
    scan_record,
    statements,
    trust,
    validation_record,
)

YANK = "application/vnd.pytorch-cuda-images.yank.v1+json"
RECORDS = [attest.RECORD.format(stage=stage) for stage in ("build", "validation", "scan")]


pytestmark = pytest.mark.usefixtures("without_lock_wait")


@pytest.fixture(params=["fake", "modern", pytest.param("real", marks=pytest.mark.docker)])
def line(request: pytest.FixtureRequest, tmp_path: Path, home: Path) -> Iterator[Line]:
    if request.param == "real":
        yield line_of_one(Registry(request.getfixturevalue("registry_host")), tmp_path)
        return
    with FakeRegistry(lists_referrers=request.param == "modern") as fake:
        yield line_of_one(Registry(fake.host), tmp_path)


def attach(line: Line, build: BuildRecord, kind: str, data: bytes, **other: Any) -> str:
    """An artifact whose manifest is what somebody says; returns its digest."""
    registry, subject = line.registry, attest.read_subject(line.registry, build)
    config = registry.push_bytes(build.repository, EMPTY_CONFIG, OCI_EMPTY)
    layer = registry.push_bytes(build.repository, data, "application/octet-stream")
    content = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.as_dict(),
        "layers": [{**layer.as_dict(), "mediaType": kind}],
        "artifactType": kind,
        "subject": subject.as_dict(),
        **other,
    }
    made = Manifest(json.dumps(content).encode(), OCI_MANIFEST)
    if not registry.put_manifest(build.repository, made.digest, made):
        tag = build.digest.replace(":", "-")
        held = registry.read_manifest(build.repository, tag)
        assert held is not None
        entry = {
            **made.descriptor.as_dict(),
            "artifactType": kind,
            **{name: content.get(name) for name in other},
        }
        index = {**held.content, "manifests": [*held.content["manifests"], entry]}
        registry.put_manifest(
            build.repository, tag, Manifest(json.dumps(index).encode(), OCI_INDEX)
        )
        registry.put_manifest(
            build.repository, f"{tag}.{made.digest.removeprefix('sha256:')[:40]}", made
        )
    return made.digest


def whole(line: Line, build: BuildRecord) -> None:
    """It is promoted, verified, and found by the next stage; and production holds nothing of a
    stranger.
    """
    line.promote(build, FIRST)
    assert line.verify("v2.6.0").verdict is Verdict.PASS
    found = attest.read_signed_record(
        line.registry, build.repository, build.digest, "build", BuildRecord, line.trusted
    )
    assert found == build
    production = line.catalog.repositories.production
    held = evidence.read_evidence(line.registry, production, build.digest, line.trusted)
    assert not [each.problem for each in held if each.problem]
    allowed = {each.artifact for each in held} | {
        *attest.list_carried_artifacts(line.registry, build, line.trusted).every
    }
    listed = {
        each.descriptor.digest
        for each in referrers.list_referrers(line.registry, production, build.digest)
    }
    assert listed == allowed


@pytest.mark.parametrize(
    "notes", [{}, {attest.CREATED: None}, {attest.CREATED: "2999-01-01T00:00:00Z"}], ids=str
)
@pytest.mark.parametrize("data", [b"{}", b"[" * 5000, b"\xff"], ids=str)
def test_artifacts_of_any_shape_stop_nothing(
    line: Line, notes: dict[str, Any], data: bytes
) -> None:
    build = line.prepare("v2.6.0")
    for kind in (RECORDS[0], YANK, BUNDLE):
        attach(line, build, kind, data[:40], annotations=notes)
    whole(line, build)


def test_an_artifact_that_was_deleted_stops_nothing(line: Line) -> None:
    """On a registry that deletes; the fakes forget it."""
    build = line.prepare("v2.6.0")
    gone = attach(line, build, RECORDS[1], b"{}")
    address = f"http://{line.registry.host}/v2/{build.repository}/manifests/{gone}"
    answer = requests.delete(address, timeout=60)
    assert answer.status_code in (202, 200, 404)
    whole(line, line.prepare("v2.6.0"))


@pytest.mark.parametrize("lost", ["the statement", "its document", "bytes of its document"])
def test_what_is_superseded_and_was_deleted_stops_nothing(
    tmp_path: Path, home: Path, lost: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeRegistry() as fake:
        line = line_of_one(Registry(fake.host), tmp_path)
        build = line.prepare("v2.6.0")
        manifests = fake.manifests[build.repository]
        old = scan_record(build)
        line.evidence_signer.attest_tests(build, replace(validation_record(build), started_at=OLD))
        before = set(manifests)
        line.evidence_signer.attest_scan(build, replace(old, sbom=None, started_at=OLD), tmp_path)
        added = [Manifest(manifests[name][1], OCI_MANIFEST) for name in set(manifests) - before]
        spoiled = [
            each
            for each in added
            if each.subject_digest == build.digest
            and (each.artifact_type == BUNDLE) == (lost == "the statement")
        ]
        assert spoiled
        for each in spoiled:
            if lost == "bytes of its document":
                for blob in each.parse_blobs()[1:]:
                    fake.blobs[build.repository].pop(blob.digest, None)
            else:
                for name in [n for n, (_, body) in manifests.items() if body == each.body]:
                    del manifests[name]
        again = replace(line, registry=Registry(fake.host))  # it remembers no blobs
        whole_but_superseded(again, build)
        said = capsys.readouterr().err
        assert ("superseded artifacts are not copied" in said) == (lost == "bytes of its document")


OLD = "2026-11-01T12:00:00+00:00"


def whole_but_superseded(line: Line, build: BuildRecord) -> None:
    line.promote(build, FIRST)
    assert line.verify("v2.6.0").verdict is Verdict.PASS


def test_what_the_decision_needs_and_was_deleted_is_an_error(tmp_path: Path, home: Path) -> None:
    with FakeRegistry() as fake:
        line = line_of_one(Registry(fake.host), tmp_path)
        build = line.prepare("v2.6.0")
        manifests = fake.manifests[build.repository]
        for name in [
            name
            for name, (_, body) in manifests.items()
            if Manifest(body, OCI_MANIFEST).annotations.get("predicateType") == PROVENANCE
        ]:
            del manifests[name]
        with pytest.raises(EnvironmentFailed, match="is referred to, but is not there"):
            line.promote(build, FIRST)
        line.prepare("v2.6.0")
        whole_but_superseded(line, build)


def test_evidence_of_a_stranger_is_copied_nowhere(line: Line) -> None:
    build = line.prepare("v2.6.0")
    line.prepare("v2.6.0", signer=STRANGER)
    whole(line, build)


# Copies of genuine evidence without a seal


def no_subject(content: dict[str, Any]) -> None:
    del content["subject"]


def another_subject(content: dict[str, Any]) -> None:
    content["subject"]["digest"] = "sha256:" + "1" * 64


def large_config(content: dict[str, Any]) -> None:
    content["config"]["size"] = 1 << 40


def another_type(content: dict[str, Any]) -> None:
    content["artifactType"] = "application/vnd.example"


def larger_blob(content: dict[str, Any]) -> None:
    content["layers"][0]["size"] = 1 << 40


@pytest.mark.parametrize(
    "spoil", [no_subject, another_subject, large_config, another_type, larger_blob]
)
def test_a_copy_of_a_genuine_bundle_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    home: Path,
    spoil: Callable[[dict[str, Any]], None],
) -> None:
    """Of evidence without a seal a stranger can make another manifest that comes first."""
    with FakeRegistry() as fake:
        line = line_of_one(Registry(fake.host), tmp_path)
        with monkeypatch.context() as unsealed:
            unsealed.setattr(seal, "add_seal", lambda notes, *_: dict(notes))
            build = line.prepare("v2.6.0")
        tag = build.digest.replace(":", "-")
        held = line.registry.read_manifest(build.repository, tag)
        assert held is not None
        entries = held.content["manifests"]
        bundles = [each for each in entries if each["artifactType"] == BUNDLE]
        assert len(bundles) == 4
        copies = []
        for entry in bundles:
            genuine = line.registry.read_manifest(build.repository, entry["digest"])
            assert genuine is not None
            made = spoiled(genuine, spoil)
            fake.manifests[build.repository][made.digest] = (OCI_MANIFEST, made.body)
            copies.append({**entry, **made.descriptor.as_dict()})
        index = {**held.content, "manifests": [*copies, *entries]}
        line.registry.put_manifest(
            build.repository, tag, Manifest(json.dumps(index).encode(), OCI_INDEX)
        )
        whole(line, build)


def spoiled(genuine: Manifest, spoil: Callable[[dict[str, Any]], None]) -> Manifest:
    """A manifest of the same bundle with a lower digest."""
    for number in range(100_000):
        content = json.loads(genuine.body)
        spoil(content)
        content["annotations"]["n"] = str(number)
        made = Manifest(json.dumps(content).encode(), OCI_MANIFEST)
        if made.digest < genuine.digest:
            return made
    raise AssertionError("no lower digest found")


@pytest.mark.parametrize("place", ["", "verificationMaterial", "dsseEnvelope"])
def test_much_that_a_stranger_adds_to_a_bundle_is_not_taken(place: str) -> None:
    """The signature still verifies, and the rest would be copied with it."""
    (about, *_) = statements()
    for size, is_taken in ((4 << 10, True), (17 << 10, False)):
        content = json.loads(evidence.sign_statement(about, P256))
        (content[place] if place else content)["more"] = "x" * size
        data = json.dumps(content).encode()
        if is_taken:
            assert evidence.verify_bundle(data, trust(P256)).payload
            continue
        with pytest.raises(GateRefused, match="much that its key did not sign"):
            evidence.verify_bundle(data, trust(P256))
