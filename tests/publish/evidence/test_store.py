"""Evidence in the registry: published once, read back, and refused in every way it can be tampered
with.
"""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from oci import referrer_copies, referrer_list, referrers
from oci.manifest import (
    EMPTY_CONFIG,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    canonical_json,
    image_manifest,
)
from oci.registry import Registry, RegistryError
from publish.evidence import bundle_files, dsse
from publish.evidence.bundle_files import BUNDLE
from publish.evidence.keys import PrivateKey, compute_key_id
from publish.evidence.kinds import read_date
from publish.evidence.predicates import SBOM, TEST_RESULT
from publish.evidence.seal import SEAL
from publish.evidence.statement import Statement, to_json
from publish.evidence.store import (
    FoundEvidence,
    publish_statements,
    read_evidence,
    sign_statement,
)
from runner.errors import ConfigError
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry, Fault
from tests.publish.signed import (
    ED25519,
    OTHER,
    P256,
    STRANGER,
    about,
    bundle,
    plain,
    plant,
    statements,
    trust,
)

pytestmark = pytest.mark.usefixtures("without_sleep")


@pytest.fixture(params=["fake", "modern", "real"])
def registry(request: pytest.FixtureRequest, fake: FakeRegistry) -> Iterator[Registry]:
    """Each kind of registry: without the referrers API, with it, and the real one."""
    if request.param == "real":
        if shutil.which("docker-registry") is None:
            pytest.skip("NOT RUN (docker): the program `docker-registry` is not installed")
        yield Registry(request.getfixturevalue("registry_host"))
    elif request.param == "fake":
        yield Registry(fake.host)
    else:
        with FakeRegistry(lists_referrers=True, page=2) as modern:
            yield Registry(modern.host)


@pytest.fixture
def repository(request: pytest.FixtureRequest) -> str:
    return f"evidence/{abs(hash(request.node.name))}"


def image(registry: Registry, repository: str, note: str = "image") -> Manifest:
    config = registry.push_bytes(repository, EMPTY_CONFIG, OCI_CONFIG)
    manifest = image_manifest(config, [], {"note": note})
    registry.put_manifest(repository, manifest.digest, manifest)
    return manifest


# What works, everywhere


@pytest.mark.parametrize("key", [P256, ED25519], ids=["P-256", "Ed25519"])
def test_what_is_published_is_read_back(
    registry: Registry, repository: str, key: PrivateKey
) -> None:
    subject = image(registry, repository)
    made = publish_statements(registry, repository, subject.descriptor, about(subject), key)
    found = read_evidence(registry, repository, subject.digest, trust(STRANGER, key))
    by_type = {each.predicate_type: each for each in found}
    for artifact, stated in zip(made, about(subject), strict=True):
        wanted = FoundEvidence(
            artifact.digest,
            stated.predicate_type,
            stated,
            compute_key_id(key.public_key()),
            read_date(stated),
            "",
        )
        assert by_type[stated.predicate_type] == wanted
    assert len(found) == len(made)


def test_twice_is_once(registry: Registry, repository: str) -> None:
    subject = image(registry, repository)
    first = publish_statements(registry, repository, subject.descriptor, about(subject), P256)
    assert (
        publish_statements(registry, repository, subject.descriptor, about(subject), P256) == first
    )
    assert len(referrers.list_referrers(registry, repository, subject.digest)) == len(first)


def test_a_copy_that_claims_another_type_is_not_of_that_type(
    registry: Registry, repository: str
) -> None:
    subject = image(registry, repository)
    data = sign_statement(about(subject)[0], P256)
    plant(registry, repository, subject.descriptor, data, TEST_RESULT)
    assert not read_evidence(registry, repository, subject.digest, trust(P256), TEST_RESULT)
    (found,) = read_evidence(registry, repository, subject.digest, trust(P256))
    assert found.statement == about(subject)[0]


def test_another_key_is_another_artifact(registry: Registry, repository: str) -> None:
    subject = image(registry, repository)
    for key in (P256, ED25519):
        publish_statements(registry, repository, subject.descriptor, about(subject)[:1], key)
    found = read_evidence(registry, repository, subject.digest, trust(P256, ED25519))
    assert {each.signer for each in found} == set(trust(P256, ED25519).keys)


def test_it_is_read_where_it_was_promoted_to(registry: Registry, repository: str) -> None:
    subject = image(registry, repository)
    publish_statements(registry, repository, subject.descriptor, about(subject), P256)
    every = [
        each.descriptor.digest
        for each in referrers.list_referrers(registry, repository, subject.digest)
    ]
    referrer_copies.copy_artifacts(
        registry, repository, f"{repository}/production", subject.digest, every
    )
    found = read_evidence(registry, f"{repository}/production", subject.digest, trust(P256))
    assert found == read_evidence(registry, repository, subject.digest, trust(P256))
    assert all(not each.problem for each in found)


def test_nothing_is_nothing(registry: Registry, repository: str) -> None:
    subject = image(registry, repository)
    assert read_evidence(registry, repository, subject.digest, trust(P256)) == ()


def test_artifacts_of_other_kinds_are_left_alone(registry: Registry, repository: str) -> None:
    subject = image(registry, repository)
    kind = "application/vnd.cyclonedx+json"
    referrers.attach_artifact(registry, repository, subject.descriptor, kind, [(kind, b"{}")], {})
    assert read_evidence(registry, repository, subject.digest, trust(P256)) == ()


# How it is laid out


def test_an_artifact_is_laid_out_as_cosign_lays_out_its_own(client: Registry) -> None:
    subject = image(client, "r")
    (made,) = publish_statements(client, "r", subject.descriptor, about(subject)[1:2], P256)
    manifest = client.read_manifest("r", made.digest)
    assert manifest is not None
    content = manifest.content
    assert (content["artifactType"], content["subject"]) == (BUNDLE, subject.descriptor.as_dict())
    assert [layer["mediaType"] for layer in content["layers"]] == [BUNDLE]
    assert {name: text for name, text in content["annotations"].items() if name != SEAL} == {
        "dev.sigstore.bundle.content": "dsse-envelope",
        "dev.sigstore.bundle.predicateType": TEST_RESULT,
        "in-toto.io/predicate-type": TEST_RESULT,
        "predicateType": TEST_RESULT,
        "org.opencontainers.image.created": "2026-11-20T10:01:01+00:00",
        "org.opencontainers.image.title": "test-result.sigstore.json",
    }
    layer = manifest.parse_blobs()[-1]
    held = json.loads(client.read_blob("r", layer.digest))
    assert held.keys() == {"mediaType", "verificationMaterial", "dsseEnvelope"}
    hint = base64.b64decode(held["verificationMaterial"]["publicKey"]["hint"])
    assert (held["mediaType"], hint.hex()) == (BUNDLE, compute_key_id(P256.public_key()))
    assert held["dsseEnvelope"] == json.loads(dsse.sign_payload(to_json(about(subject)[1]), P256))


def test_an_envelope_that_cosign_made_is_read(client: Registry) -> None:
    """Without a key id, and with a log entry beside it."""
    subject = image(client, "r")
    envelope = signed(about(subject)[0])
    del envelope["signatures"][0]["keyid"]
    entry = {
        "verificationMaterial": {"publicKey": {"hint": ""}, "tlogEntries": [{"logIndex": "1"}]}
    }
    plant(client, "r", subject.descriptor, json.dumps({"dsseEnvelope": envelope, **entry}).encode())
    assert only(client, subject).statement == about(subject)[0]


# What is refused


def signed(stated: Statement, key: PrivateKey = P256) -> dict[str, Any]:
    envelope: dict[str, Any] = json.loads(dsse.sign_payload(to_json(stated), key))
    return envelope


def payload(content: object) -> str:
    return base64.b64encode(json.dumps(content).encode()).decode()


def only(registry: Registry, subject: Manifest, *keys: PrivateKey) -> FoundEvidence:
    (found,) = read_evidence(registry, "r", subject.digest, trust(*keys or (P256,)))
    return found


def unusable(found: FoundEvidence, words: str) -> None:
    assert (found.statement, found.signer, found.created) == (None, "", "")
    assert words in found.problem
    assert "\n" not in found.problem


def without_a_suite(stated: Statement) -> dict[str, Any]:
    content = plain(stated)
    configuration = content["predicate"]["configuration"][0]["annotations"]
    configuration["suites"] = [each for each in configuration["suites"] if each["name"] != "ddp"]
    return content


def forged(stated: Statement) -> dict[str, dict[str, Any]]:
    """Everything that is not what a trusted key said about this image, by name."""
    good = signed(stated)
    signature = good["signatures"][0]
    strangers = signed(stated, STRANGER)["signatures"][0]
    later = plain(stated)
    later["predicate"]["configuration"][0]["annotations"]["finished_at"] = (
        "2036-01-01T00:00:00+00:00"
    )
    return {
        "by a stranger": signed(stated, STRANGER),
        "by a stranger without a key id": good | {"signatures": [strangers | {"keyid": ""}]},
        "by a stranger under our key id": good
        | {"signatures": [strangers | {"keyid": signature["keyid"]}]},
        "by a key nobody knows": good | {"signatures": [signature | {"keyid": "0" * 64}]},
        "edited to be newer": good | {"payload": payload(later)},
        "a suite removed": good | {"payload": payload(without_a_suite(stated))},
        "signature of another statement": good
        | {"signatures": signed(statements()[0])["signatures"]},
        "edited signature": good
        | {"signatures": [signature | {"sig": signature["sig"][:-8] + "AAAAAAA="}]},
        "two signatures": good | {"signatures": [signature, strangers]},
        "two of ours": good | {"signatures": [signature, signed(stated, ED25519)["signatures"][0]]},
        "no signature": good | {"signatures": []},
        "payload type changed": good | {"payloadType": "application/json"},
        "signed as another type": json.loads(
            dsse.sign_payload(to_json(stated), P256, "application/json")
        ),
        "no JSON": json.loads(dsse.sign_payload(b"PASSED", P256)),
        "JSON with a key twice": json.loads(
            dsse.sign_payload(to_json(stated)[:-1] + b',"subject":[]}', P256)
        ),
        "no statement": json.loads(dsse.sign_payload(b"{}", P256)),
        "about two images": json.loads(
            dsse.sign_payload(json.dumps(about_two(stated)).encode(), P256)
        ),
        "about another image": signed(
            Statement(OTHER, stated.name, stated.predicate_type, stated.predicate)
        ),
        "nothing": {},
    }


def about_two(stated: Statement) -> dict[str, Any]:
    content = plain(stated)
    return content | {"subject": [*content["subject"], {"digest": {"sha256": OTHER[7:]}}]}


WORDS = {
    "by a stranger": "not trusted",
    "by a key nobody knows": "not trusted",
    "two signatures": "one signature",
    "two of ours": "one signature",
    "no signature": "one signature",
    "signed as another type": "application/json",
    "no JSON": "not JSON",
    "JSON with a key twice": "given twice",
    "no statement": "its type is None",
    "about two images": "not about one digest",
    "about another image": f"about {OTHER}, not this image",
    "nothing": "not an envelope",
}


@pytest.mark.parametrize("name", forged(statements()[1]))
def test_tampered_evidence_is_not_usable(client: Registry, name: str) -> None:
    subject = image(client, "r")
    plant(client, "r", subject.descriptor, bundle(forged(about(subject)[1])[name]), TEST_RESULT)
    found = only(client, subject, P256, ED25519)
    unusable(found, WORDS.get(name, "of no trusted key"))
    assert found.predicate_type == TEST_RESULT


def test_what_is_planted_is_usable_where_nothing_was_changed(client: Registry) -> None:
    """The negative control of the test above."""
    subject = image(client, "r")
    plant(client, "r", subject.descriptor, bundle(signed(about(subject)[1])))
    assert only(client, subject).statement == about(subject)[1]


def test_evidence_of_another_image_is_not_usable(registry: Registry, repository: str) -> None:
    """Moved over whole, artifact and all, with a subject that points to this image."""
    subject, other = image(registry, repository), image(registry, repository, "other")
    (made,) = publish_statements(registry, repository, other.descriptor, about(other)[:1], P256)
    moved = referrers.fetch_blobs(registry, repository, listed(registry, repository, other, made))
    plant(registry, repository, subject.descriptor, moved[0])
    (found,) = read_evidence(registry, repository, subject.digest, trust(P256))
    unusable(found, f"about {other.digest}, not this image")


def listed(
    registry: Registry, repository: str, subject: Manifest, made: Descriptor
) -> referrer_list.Referrer:
    every = referrers.list_referrers(registry, repository, subject.digest)
    return next(each for each in every if each.descriptor == made)


def test_bad_evidence_does_not_hide_the_good(client: Registry) -> None:
    subject = image(client, "r")
    publish_statements(client, "r", subject.descriptor, about(subject), P256)
    plant(client, "r", subject.descriptor, bundle({}), TEST_RESULT)
    found = read_evidence(client, "r", subject.digest, trust(P256))
    assert len(found) == len(about(subject)) + 1
    assert [bool(each.problem) for each in found if each.predicate_type == TEST_RESULT].count(
        False
    ) == 1


def edited_list(
    fake: FakeRegistry, subject: Manifest, more: Callable[[list[dict[str, Any]]], list[Any]]
) -> None:
    """Let somebody who may write there edit the list of referrers."""
    tag = subject.digest.replace(":", "-")
    content = json.loads(fake.manifests["r"][tag][1])
    content["manifests"] = more(content["manifests"])
    fake.manifests["r"][tag] = (OCI_INDEX, canonical_json(content))


@pytest.mark.parametrize("change", [{"annotations": {}}, {"artifactType": "x/y"}], ids=str)
def test_a_list_that_was_edited_hides_no_evidence(
    fake: FakeRegistry, client: Registry, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    """The seals are cut off, and more junk is listed before them than is read without one."""
    monkeypatch.setattr(bundle_files, "MAX_UNSEALED", 3)
    subject = image(client, "r")
    publish_statements(client, "r", subject.descriptor, about(subject), P256)
    junk = {"mediaType": OCI_MANIFEST, "size": 9, "artifactType": BUNDLE}
    low = [{**junk, "digest": f"sha256:{number:064}"} for number in range(5)]
    edited_list(fake, subject, lambda entries: [*low, *({**each, **change} for each in entries)])
    found = [
        each for each in read_evidence(client, "r", subject.digest, trust(P256)) if not each.problem
    ]
    assert {each.predicate_type for each in found} == {
        each.predicate_type for each in about(subject)
    }
    assert all(each.sealed for each in found)


def test_copies_of_a_sealed_entry_are_fetched_once(fake: FakeRegistry, client: Registry) -> None:
    subject = image(client, "r")
    publish_statements(client, "r", subject.descriptor, about(subject)[:1], P256)
    edited_list(
        fake, subject, lambda entries: [{**entries[0], "x": number} for number in range(100)]
    )
    gets = fake.count("GET", "blobs/")
    assert only(client, subject).sealed
    assert fake.count("GET", "blobs/") == gets + 1


def test_an_annotation_makes_nothing_newer_or_another_type(client: Registry) -> None:
    subject = image(client, "r")
    stated = about(subject)[1]
    notes = {
        "org.opencontainers.image.created": "2036-01-01T00:00:00Z",
        "dev.sigstore.bundle.predicateType": SBOM,
    }
    referrers.attach_artifact(
        client, "r", subject.descriptor, BUNDLE, [(BUNDLE, bundle(signed(stated)))], notes
    )
    found = only(client, subject)
    assert (found.predicate_type, found.created) == (TEST_RESULT, read_date(stated))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"not json", "the bundle is not JSON", id="no JSON"),
        pytest.param(b"\xff" * 100, "the bundle is not JSON", id="no text"),
        pytest.param(b"[" * 50_000, "the bundle is JSON that is nested deeper", id="deep"),
        pytest.param(b"[]", "not a JSON object", id="a list"),
        pytest.param(b"{}", "without an envelope", id="no envelope"),
        pytest.param(b'{"dsseEnvelope": "x"}', "without an envelope", id="text for an envelope"),
        pytest.param(
            b'{"dsseEnvelope": {}, "dsseEnvelope": {}}', "given twice", id="two envelopes"
        ),
        pytest.param(
            b'{"messageSignature": {}}', "without an envelope", id="a signature of something else"
        ),
    ],
)
def test_what_is_no_bundle(client: Registry, data: bytes, words: str) -> None:
    subject = image(client, "r")
    plant(client, "r", subject.descriptor, data)
    unusable(only(client, subject), words)


def test_what_is_too_large_is_not_read(
    client: Registry, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = image(client, "r")
    publish_statements(client, "r", subject.descriptor, about(subject)[:1], P256)
    monkeypatch.setattr(bundle_files, "MAX_BYTES", 1000)
    unusable(only(client, subject), "more than 1000")
    assert not fake.count("GET", "blobs/")


def test_several_files_are_no_bundle(client: Registry) -> None:
    subject = image(client, "r")
    files = [(BUNDLE, bundle(signed(about(subject)[0]))), (BUNDLE, b"{}")]
    referrers.attach_artifact(client, "r", subject.descriptor, BUNDLE, files, {})
    unusable(only(client, subject), "2 files")


# What is published


def test_a_statement_about_another_image_is_not_attached(
    client: Registry, fake: FakeRegistry
) -> None:
    subject = image(client, "r")
    with refused(ConfigError, subject.digest):
        publish_statements(
            client, "r", subject.descriptor, (*about(subject), *statements(OTHER)), P256
        )
    assert not referrers.list_referrers(client, "r", subject.digest)


# A registry that fails


def published(client: Registry) -> Manifest:
    subject = image(client, "r")
    publish_statements(client, "r", subject.descriptor, about(subject)[1:2], P256)
    return subject


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("GET", "blobs/", status=403), id="refuses"),
        pytest.param(Fault("GET", "blobs/", short=5), id="cuts the answer"),
        pytest.param(Fault("GET", "manifests/sha256-", status=401), id="wants a login"),
        pytest.param(Fault("GET", "blobs/", mute=True), id="does not answer"),
    ],
)
def test_an_outage_is_no_missing_evidence(
    client: Registry, fake: FakeRegistry, fault: Fault
) -> None:
    subject = published(client)
    fake.fail(fault)
    with refused(RegistryError):
        read_evidence(client, "r", subject.digest, trust(P256))


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(Fault("GET", "blobs/", body=b"{}"), "other bytes", id="serves another blob"),
        pytest.param(Fault("GET", "blobs/", status=404), "404", id="lost the blob"),
    ],
)
def test_what_the_registry_changed_or_lost_is_not_usable(
    client: Registry, fake: FakeRegistry, fault: Fault, words: str
) -> None:
    subject = published(client)
    fake.fail(fault)
    unusable(only(client, subject), words)


class Killed(Registry):
    """A client that is killed before its request number `dies`."""

    def __init__(self, host: str, dies: int = 0) -> None:
        super().__init__(host)
        self.step, self.dies = 0, dies

    def _send_request(self, *args: Any, **named: Any) -> Any:
        self.step += 1
        if self.step == self.dies:
            raise KeyboardInterrupt
        return super()._send_request(*args, **named)


@pytest.mark.long
@pytest.mark.parametrize("lists_referrers", [False, True], ids=["without the API", "with it"])
def test_killed_before_any_request_and_run_again_it_is_there_once(
    lists_referrers: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    with FakeRegistry(lists_referrers=lists_referrers) as started:
        subject = image(Registry(started.host), "r")
        stated = about(subject)[:2]
        whole = Killed(started.host)
        publish_statements(whole, "whole", subject.descriptor, stated, P256)
        for step in range(1, whole.step + 1):
            with pytest.raises(KeyboardInterrupt):
                publish_statements(
                    Killed(started.host, step), f"r{step}", subject.descriptor, stated, P256
                )
            client = Registry(started.host)
            publish_statements(client, f"r{step}", subject.descriptor, stated, P256)
            found = read_evidence(client, f"r{step}", subject.digest, trust(P256))
            assert [each.statement for each in found] == sorted(
                stated, key=lambda each: each.predicate_type
            ), step
    assert whole.step > 10
