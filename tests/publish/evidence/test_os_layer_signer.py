"""Who vouches for an OS layer: the signer of this machine, and whom it is told to trust."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from images.record import DebianPackage
from images.system_layer import SystemLayer
from oci.tarball import Blob
from publish.evidence import attest, keys, trust
from publish.evidence.os_layer_signer import OsLayerSigner, make_os_layer_signer
from publish.evidence.predicates import os_layer
from publish.evidence.statement import from_json, to_json
from runner.errors import ConfigError, GateRefused
from tests.publish.signed import ED25519, P256, STRANGER, public_pem
from tests.publish.signed import trust as trusting

LAYER = SystemLayer(
    "4" * 64,
    Blob("sha256:" + "c" * 64, "sha256:" + "d" * 64, 5, 9),
    "mmdebstrap bookworm",
    (DebianPackage("tini", "0.19"), DebianPackage("zlib1g", "1:1.2")),
    "2026-10-01T05:00:00+00:00",
)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Set whom this machine is told to trust."""
    for name in (keys.TRUSTED_KEYS, trust.TRUSTED_IDENTITIES, trust.DECISION_KEYS):
        monkeypatch.delenv(name, raising=False)
    return lambda *of: monkeypatch.setenv(keys.TRUSTED_KEYS, "".join(map(public_pem, of)))


def test_a_statement_is_read_as_it_was_made() -> None:
    about = os_layer.make_statement(LAYER)
    assert about.subject == LAYER.blob.digest
    assert os_layer.read_os_layer(from_json(to_json(about))) == LAYER


@pytest.mark.parametrize(
    "name", ["content_key", "size", "diff_id", "uncompressed", "source", "packages", "taken_at"]
)
def test_every_part_is_demanded(name: str) -> None:
    about = os_layer.make_statement(LAYER)
    predicate = {key: value for key, value in about.predicate.items() if key != name}
    with pytest.raises(GateRefused, match=name):
        os_layer.read_os_layer(
            type(about)(about.subject, about.name, about.predicate_type, predicate)
        )


def test_what_this_machine_signs_it_believes(home: Path, told: Callable[..., None]) -> None:
    layer_signer = make_os_layer_signer(P256)
    assert layer_signer.read(layer_signer.sign(LAYER)) == LAYER
    told(ED25519)
    assert make_os_layer_signer(P256).read(layer_signer.sign(LAYER)) == LAYER


def test_it_believes_whom_it_is_told_to_trust_and_nobody_else(
    home: Path, told: Callable[..., None]
) -> None:
    told(ED25519)
    theirs, strange = (OsLayerSigner(key, trusting(key)).sign(LAYER) for key in (ED25519, STRANGER))
    assert make_os_layer_signer(P256).read(theirs) == LAYER
    with pytest.raises(GateRefused, match="not trusted"):
        make_os_layer_signer(P256).read(strange)


def test_the_key_of_another_machine_is_a_strangers(home: Path, told: Callable[..., None]) -> None:
    assert not attest.is_trust_configured()
    here, signed = (
        make_os_layer_signer(attest.load_signer()),
        OsLayerSigner(STRANGER, trusting(STRANGER)).sign(LAYER),
    )
    assert here.read(here.sign(LAYER)) == LAYER
    with pytest.raises(GateRefused, match="not trusted"):
        here.read(signed)


def test_a_wrong_configuration_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.TRUSTED_KEYS, "/nowhere/release.pub")
    with pytest.raises(ConfigError, match=f"the value of --key or {keys.TRUSTED_KEYS}"):
        make_os_layer_signer(P256)
