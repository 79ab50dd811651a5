"""A revoked key: what it signed before the day counts, and nothing else of it does."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from images.system_layer import SystemLayer
from oci.manifest import EMPTY_CONFIG, OCI_CONFIG, image_manifest
from oci.registry import Registry
from publish.evidence import documents, store
from publish.evidence.keys import TRUSTED_KEYS, compute_key_id
from publish.evidence.kinds import read_date
from publish.evidence.os_layer_signer import OsLayerSigner, make_os_layer_signer
from publish.evidence.trust import REVOKED_KEYS, Trusted, resolve_trusted
from runner.errors import ConfigError, GateRefused
from tests.fakes.refusal import refused
from tests.publish.evidence.test_os_layer_signer import LAYER
from tests.publish.signed import P256, STRANGER, about, public_pem, trust

ID = compute_key_id(P256.public_key())


def revoked(day: datetime.date) -> Trusted:
    return replace(trust(P256, STRANGER), revoked={ID: day})


def test_only_statements_of_before_the_day_count(client: Registry) -> None:
    config = client.push_bytes("evidence", EMPTY_CONFIG, OCI_CONFIG)
    subject = image_manifest(config, [])
    client.put_manifest("evidence", subject.digest, subject)
    store.publish_statements(client, "evidence", subject.descriptor, about(subject), P256)
    days = {datetime.date.fromisoformat(read_date(each)[:10]) for each in about(subject)}
    day = max(days)
    for trusted in (revoked(day), revoked(day + datetime.timedelta(1)), revoked(min(days))):
        for found in store.read_evidence(client, "evidence", subject.digest, trusted):
            is_before = found.created != "" and found.created[:10] < str(trusted.revoked[ID])
            assert (found.statement is not None) == is_before
            assert is_before or found.problem == (
                f"signed by {ID}, whose key is revoked from {trusted.revoked[ID]} on"
            )


def test_a_statement_without_a_date_does_not_count() -> None:
    assert revoked(datetime.date(2099, 1, 1)).find_revocation(ID, "")
    assert not revoked(datetime.date(2099, 1, 1)).find_revocation(ID, "2026-11-30T23:59:59+00:00")


@pytest.mark.parametrize(
    ("moment", "counts"),
    [("2026-11-29T23:59:59+00:00", True), ("2026-11-30T01:00:00+02:00", True),
     ("2026-11-30T00:00:00+00:00", False)],
)  # fmt: skip
def test_a_day_begins_in_utc(moment: str, counts: bool) -> None:
    assert (not revoked(datetime.date(2026, 11, 30)).find_revocation(ID, moment)) == counts


def test_documents_and_layers_of_the_key_have_no_day_and_do_not_count() -> None:
    trusted = revoked(datetime.date(2099, 1, 1))
    seal = documents.make_findings_seal(lambda: P256, trusted)
    assert "revoked from 2099-01-01" in seal.problem(b"{}", seal.sign(b"{}"))
    assert seal.own_problem() == f"the key {ID} is revoked"
    other = documents.make_findings_seal(lambda: STRANGER, trusted)
    assert not other.problem(b"{}", other.sign(b"{}"))
    layer: SystemLayer = LAYER
    signer = OsLayerSigner(P256, trusted)
    with refused(GateRefused, "revoked from 2099-01-01", "build again"):
        signer.read(signer.sign(layer))


def test_the_variable_names_keys_and_days() -> None:
    other = "0" * 64
    text = f"{ID}=2026-11-30, {other}=2026-12-01\n{ID}=2026-12-31"
    found = resolve_trusted(environ={TRUSTED_KEYS: public_pem(P256), REVOKED_KEYS: text})
    assert found.revoked == {
        ID: datetime.date(2026, 11, 30),
        other: datetime.date(2026, 12, 1),
    }


def test_layers_are_judged_by_it_where_nobody_else_is_trusted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(TRUSTED_KEYS, raising=False)
    monkeypatch.setenv(REVOKED_KEYS, f"{ID}=2026-11-30")
    signer = make_os_layer_signer(P256)
    with refused(GateRefused, "revoked from 2026-11-30", "build again"):
        signer.read(signer.sign(LAYER))


@pytest.mark.parametrize(
    "entry", ["x", f"{ID}", f"{ID}=2026-02-30", f"{ID}=30.11.2026", "=2026-11-30"]
)
def test_another_form_stops_the_command(entry: str) -> None:
    """A key that is revoked by a wrong word would still count."""
    with refused(ConfigError, "is not a revoked key", "ID=2026-11-30"):
        resolve_trusted(environ={TRUSTED_KEYS: public_pem(P256), REVOKED_KEYS: entry})
