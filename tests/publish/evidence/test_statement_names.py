"""The owner of a fork names what is stated: predicate types, build type and builder."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from images import statement_names
from images.catalog import CATALOG, load_catalog
from images.statement_names import DEFAULT
from oci import referrers
from oci.manifest import EMPTY_CONFIG, OCI_CONFIG, Manifest, image_manifest
from oci.registry import Registry
from publish.evidence import store as evidence
from publish.evidence.bundle_files import BUNDLE
from publish.evidence.predicates import DECISION, PROVENANCE, provenance
from publish.evidence.predicates.provenance import LOCAL_BUILDER, Builder
from runner.errors import ConfigError
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry
from tests.publish.signed import NAME, P256, WHEELS, about, build_record, journal_seal, trust

FORK = "https://forge.example/team/images"


def name_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, the catalogue is that of a fork."""
    monkeypatch.setattr(statement_names, "read_own_name", lambda: FORK)


def list_written(client: Registry, image: Manifest) -> set[str]:
    """The predicate types of all statements about an image, as they are in the registry."""
    found = referrers.list_referrers(client, "r", image.digest, BUNDLE)
    bundles = [json.loads(referrers.fetch_blobs(client, "r", each)[0]) for each in found]
    payloads = [json.loads(base64.b64decode(each["dsseEnvelope"]["payload"])) for each in bundles]
    for each, listed in zip(payloads, found, strict=True):
        assert listed.annotations["in-toto.io/predicate-type"] == each["predicateType"]
    return {each["predicateType"] for each in payloads}


def test_statements_have_the_name_of_the_fork_and_earlier_ones_are_still_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with FakeRegistry(lists_referrers=True) as started:
        client = Registry(started.host)
        config = client.push_bytes("r", EMPTY_CONFIG, OCI_CONFIG)
        before, after = (image_manifest(config, [], {"number": each}) for each in "12")
        for image in (before, after):
            client.put_manifest("r", image.digest, image)
        evidence.publish_statements(client, "r", before.descriptor, about(before), P256)
        name_fork(monkeypatch)
        evidence.publish_statements(client, "r", after.descriptor, about(after), P256)
        assert DECISION in list_written(client, before)
        written = list_written(client, after)
        assert f"{FORK}/decision/v1" in written
        assert PROVENANCE in written, "the names of others stay"
        assert not any(each.startswith(DEFAULT) for each in written)
        for image in (before, after):
            (found,) = evidence.read_evidence(client, "r", image.digest, trust(P256), DECISION)
            assert (found.predicate_type, found.problem) == (DECISION, "")


def test_builder_and_build_type_have_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    name_fork(monkeypatch)
    made = provenance.make_statement(build_record(), WHEELS, Builder(LOCAL_BUILDER), NAME)
    assert made.predicate["buildDefinition"]["buildType"] == f"{FORK}/build/v1"
    assert made.predicate["runDetails"]["builder"]["id"] == f"{FORK}/builder/local"
    found = provenance.read_provenance(made)
    assert (found.build_type, found.builder) == (provenance.BUILD_TYPE, LOCAL_BUILDER)


def test_a_journal_that_was_signed_before_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    seal = journal_seal(P256)
    before = seal.sign(b"a journal")
    name_fork(monkeypatch)
    assert [seal.problem(b"a journal", each) for each in (before, seal.sign(b"a journal"))] == [
        "",
        "",
    ]
    assert seal.problem(b"another", before)


def test_the_catalogue_sets_the_name(tmp_path: Path) -> None:
    assert load_catalog().statements == statement_names.read_own_name() == DEFAULT
    written, path = CATALOG.read_text(), tmp_path / "catalog.yaml"
    path.write_text(written.replace(f"statements: {DEFAULT}", f"statements: {FORK}"))
    assert load_catalog(path).statements == FORK
    path.write_text(written.replace(f"statements: {DEFAULT}", "statements: forge.example/"))
    with refused(ConfigError, "statements", "https://github.com/OWNER/REPOSITORY"):
        load_catalog(path)
