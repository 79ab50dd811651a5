"""Seals: that what a trusted key sealed is known from the list alone, and that nothing else passes
for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from oci import referrers
from oci.manifest import (
    EMPTY_CONFIG,
    OCI_CONFIG,
    OCI_INDEX,
    Descriptor,
    Manifest,
    canonical_json,
    image_manifest,
)
from oci.referrer_list import Referrer
from oci.registry import Registry
from publish.evidence import seal
from publish.evidence import store as evidence
from publish.evidence.bundle_files import BUNDLE
from publish.evidence.seal import SEAL
from tests.fakes.registry import FakeRegistry
from tests.publish.signed import OTHER, P256, STRANGER, about, plant, public, trust


def image(client: Registry) -> Manifest:
    return image_manifest(client.push_bytes("r", EMPTY_CONFIG, OCI_CONFIG), [], {"note": "image"})


@pytest.fixture
def listed(client: Registry) -> Referrer:
    """An artifact that a key sealed, as the list has it."""
    subject = image(client)
    evidence.publish_statements(client, "r", subject.descriptor, about(subject)[:1], P256)
    (found,) = referrers.list_referrers(client, "r", subject.digest)
    return found


def subject_of(listed: Referrer) -> str:
    return str(json.loads(listed.annotations[SEAL])["subject"]["digest"])


def test_the_manifest_is_made_again_without_a_request(
    client: Registry, fake: FakeRegistry, listed: Referrer
) -> None:
    asked = len(fake.requests)
    made = seal.rebuild_sealed_manifest(listed, subject_of(listed), public(P256))
    assert len(fake.requests) == asked
    assert made == client.read_manifest("r", listed.descriptor.digest)


def test_an_artifact_of_before_files_had_names_is_still_sealed(client: Registry) -> None:
    subject = image(client)
    blob = client.push_bytes("r", b"a bundle", BUNDLE)
    notes = seal.add_seal({"note": "x"}, subject.descriptor, blob, P256)
    made = referrers.attach_artifact(
        client, "r", subject.descriptor, BUNDLE, [(BUNDLE, b"a bundle")], notes
    )
    entry = Referrer(made, BUNDLE, notes)
    found = seal.rebuild_sealed_manifest(entry, subject.digest, public(P256))
    assert found is not None
    assert "annotations" not in found.content["layers"][0]


def changed(**notes: str) -> Callable[[Referrer], Referrer]:
    return lambda listed: replace(listed, annotations={**listed.annotations, **notes})


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(changed(more="text"), id="an annotation more"),
        pytest.param(changed(predicateType="another"), id="another annotation"),
        pytest.param(changed(**{SEAL: "{}"}), id="an empty seal"),
        pytest.param(changed(**{SEAL: "[" * 4000}), id="a deep seal"),
        pytest.param(
            changed(**{SEAL: '{"subject": null, "blob": 3, "signatures": 1}'}),
            id="a seal of another shape",
        ),
        pytest.param(changed(**{SEAL: "x" * 100_000}), id="a long seal"),
        pytest.param(lambda listed: replace(listed, artifact_type="text/plain"), id="another type"),
        pytest.param(
            lambda listed: replace(
                listed, descriptor=Descriptor(listed.descriptor.media_type, OTHER, 7)
            ),
            id="another artifact with the same seal",
        ),
    ],
)
def test_what_is_not_sealed(listed: Referrer, change: Callable[[Referrer], Referrer]) -> None:
    assert seal.rebuild_sealed_manifest(change(listed), subject_of(listed), public(P256)) is None


def test_a_seal_is_of_a_trusted_key_and_of_this_image(listed: Referrer) -> None:
    assert seal.rebuild_sealed_manifest(listed, subject_of(listed), public(STRANGER)) is None
    assert seal.rebuild_sealed_manifest(listed, OTHER, public(P256)) is None


def flood(
    client: Registry, fake: FakeRegistry, subject: Manifest, copied: Referrer, count: int
) -> None:
    """List so many artifacts of the right type, each with a copy of a true seal, that are none."""
    tag = subject.digest.replace(":", "-")
    content = json.loads(fake.manifests["r"][tag][1])
    forged = [
        {
            "mediaType": copied.descriptor.media_type,
            "digest": f"sha256:{number:064x}",
            "size": 700,
            "artifactType": BUNDLE,
            "annotations": dict(copied.annotations),
        }
        for number in range(count)
    ]
    fake.manifests["r"][tag] = (
        OCI_INDEX,
        canonical_json({**content, "manifests": [*forged, *content["manifests"]]}),
    )


def test_no_number_of_forgeries_hides_what_is_sealed(
    fake: FakeRegistry, client: Registry, listed: Referrer
) -> None:
    subject = image(client)
    evidence.publish_statements(client, "r", subject.descriptor, about(subject)[1:], P256)
    flood(client, fake, subject, listed, 1000)
    asked = len(fake.requests)
    found = evidence.read_evidence(client, "r", subject.digest, trust(P256))
    assert len([each for each in found if each.statement and not each.problem]) == 5
    assert len(fake.requests) - asked < 70, "fifty that are not sealed, five that are, and the list"


def test_a_list_that_says_two_things_of_an_artifact_hides_no_seal(
    fake: FakeRegistry, client: Registry, listed: Referrer
) -> None:
    subject = image(client)
    tag = subject.digest.replace(":", "-")
    content = json.loads(fake.manifests["r"][tag][1])
    twin = {**content["manifests"][0], "annotations": {}}
    for entries in ([twin, *content["manifests"]], [*content["manifests"], twin]):
        fake.manifests["r"][tag] = (OCI_INDEX, canonical_json({**content, "manifests": entries}))
        (found,) = evidence.read_evidence(client, "r", subject.digest, trust(P256))
        assert (found.sealed, found.artifact) == (True, listed.descriptor.digest)


def test_a_statement_that_is_attached_again_by_others_is_given_once(
    client: Registry, listed: Referrer
) -> None:
    subject = image(client)
    (bundle,) = referrers.fetch_blobs(client, "r", listed)
    for number in range(3):
        plant(client, "r", subject.descriptor, bundle, f"claim {number}")
    (found,) = evidence.read_evidence(client, "r", subject.digest, trust(P256))
    assert (found.sealed, found.artifact) == (True, listed.descriptor.digest)


def test_a_signed_bundle_in_a_manifest_of_somebody_else_is_not_usable(
    client: Registry, listed: Referrer
) -> None:
    """What stands beside it nobody signed, and it would be copied to production."""
    subject = image(client)
    (bundle,) = referrers.fetch_blobs(client, "r", listed)
    referrers.attach_artifact(
        client, "r", subject.descriptor, BUNDLE, [(BUNDLE, bundle)], {"theirs": "x" * 20_000}
    )
    found = evidence.read_evidence(client, "r", subject.digest, trust(P256))
    assert [each.problem for each in found if not each.sealed] == [
        "its manifest holds more than a bundle has"
    ]


def test_what_a_decision_names_is_found_by_its_digest_alone(
    fake: FakeRegistry, client: Registry, listed: Referrer
) -> None:
    subject = image(client)
    del fake.manifests["r"][subject.digest.replace(":", "-")]
    found = evidence.find_evidence(
        client, "r", subject.digest, listed.descriptor.digest, trust(P256)
    )
    assert found is not None
    assert found.statement == about(subject)[0]
    assert evidence.find_evidence(client, "r", subject.digest, "no digest", trust(P256)) is None
    assert evidence.find_evidence(client, "r", OTHER, listed.descriptor.digest, trust(P256)) is None
