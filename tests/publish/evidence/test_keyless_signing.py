"""Signed without a key, from the CI's word for who is running to what a reader believes; and all
that can go wrong.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oci import referrers
from oci.manifest import Manifest
from oci.registry import Registry
from publish.evidence import attest, dsse, keyless, keys, trust
from publish.evidence.attest import LOCAL_KEY
from publish.evidence.bundle_files import BUNDLE
from publish.evidence.keyless import KEYLESS, KeylessSigner
from publish.evidence.kinds import read_date
from publish.evidence.seal import SEAL
from publish.evidence.statement import Statement, to_json
from publish.evidence.store import FoundEvidence, publish_statements, read_evidence
from publish.evidence.trust import SigstoreInstance, Trusted
from runner import settings
from runner.errors import ConfigError, EnvironmentFailed, ReleaseError
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.sigstore import SIGNER, STRANGER, FakeSigstore, Faults
from tests.publish import signed
from tests.publish.signed import P256, about, plant, public, public_pem, statements


@pytest.fixture
def sigstore(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSigstore]:
    """Where this is a job of GitHub Actions."""
    with FakeSigstore() as started:
        for name, value in started.environment().items():
            monkeypatch.setenv(name, value)
        yield started


@pytest.fixture
def trusted(sigstore: FakeSigstore, tmp_path: Path) -> Trusted:
    """Who believes this job, and nobody else."""
    return Trusted({}, (SIGNER,), SigstoreInstance(str(sigstore.configuration(tmp_path))))


@pytest.fixture
def signer(trusted: Trusted) -> KeylessSigner:
    return KeylessSigner(trusted)


pytestmark = pytest.mark.usefixtures("without_sleep")


def attached(client: Registry, image: Manifest) -> int:
    return len(referrers.list_referrers(client, "r", image.digest))


# What works


def test_what_is_signed_is_believed(
    client: Registry, image: Manifest, signer: KeylessSigner, trusted: Trusted
) -> None:
    made = publish_statements(client, "r", image.descriptor, about(image), signer)
    by_type = {
        each.predicate_type: each for each in read_evidence(client, "r", image.digest, trusted)
    }
    assert len(by_type) == len(made) == len(about(image))
    for artifact, stated in zip(made, about(image), strict=True):
        wanted = FoundEvidence(
            artifact.digest, stated.predicate_type, stated, str(SIGNER), read_date(stated), ""
        )
        assert by_type[stated.predicate_type] == wanted


def test_it_is_laid_out_as_what_a_key_signed(
    client: Registry, image: Manifest, signer: KeylessSigner
) -> None:
    by_key, without = (
        publish_statements(client, "r", image.descriptor, about(image)[:1], each)[0]
        for each in (P256, signer)
    )
    manifests = [client.read_manifest("r", each.digest) for each in (by_key, without)]
    contents = [
        {**each.content, "layers": len(each.parse_blobs()[1:])} for each in manifests if each
    ]
    assert contents[0]["annotations"].pop(SEAL), "that of a key is there beside the rest"
    assert contents[0] == contents[1]
    held = (
        json.loads(client.read_blob("r", manifests[1].parse_blobs()[-1].digest))
        if manifests[1]
        else {}
    )
    assert held.keys() == {"mediaType", "verificationMaterial", "dsseEnvelope"}
    assert (held["mediaType"], len(held["verificationMaterial"]["tlogEntries"])) == (BUNDLE, 1)


def test_twice_is_once(
    client: Registry, image: Manifest, signer: KeylessSigner, sigstore: FakeSigstore
) -> None:
    first = publish_statements(client, "r", image.descriptor, about(image), signer)
    asked = len(sigstore.requests)
    assert publish_statements(client, "r", image.descriptor, about(image), signer) == first
    assert (attached(client, image), len(sigstore.requests)) == (len(first), asked)


def test_another_statement_of_the_type_is_another_artifact(
    client: Registry, image: Manifest, signer: KeylessSigner, trusted: Trusted
) -> None:
    stated = about(image)[3]
    newer = replace(stated, predicate={**stated.predicate, "more": 1})
    for each in (stated, newer, stated, newer):
        publish_statements(client, "r", image.descriptor, [each], signer)
    found = read_evidence(client, "r", image.digest, trusted)
    assert [each.statement for each in found if each.statement == newer] == [newer]
    assert len(found) == 2


def test_what_somebody_else_signed_is_signed_again(
    client: Registry,
    image: Manifest,
    signer: KeylessSigner,
    trusted: Trusted,
    sigstore: FakeSigstore,
) -> None:
    """By a key, or by an identity that is not trusted here: a reader who trusts this one has
    nothing from those.
    """
    stated = about(image)[:1]
    publish_statements(client, "r", image.descriptor, stated, P256)
    sigstore.signer = STRANGER
    publish_statements(
        client,
        "r",
        image.descriptor,
        stated,
        KeylessSigner(replace(trusted, identities=(STRANGER,))),
    )
    sigstore.signer = SIGNER
    publish_statements(client, "r", image.descriptor, stated, signer)
    every = replace(trusted, keys=public(P256), identities=(SIGNER, STRANGER))
    signers = {each.signer for each in read_evidence(client, "r", image.digest, every)}
    assert signers == {*public(P256), str(SIGNER), str(STRANGER)}
    assert attached(client, image) == 3


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("GET", "blobs/", status=404), id="lost"),
        pytest.param(Fault("GET", "blobs/", body=b"{}"), id="changed"),
    ],
)
def test_what_the_registry_lost_is_signed_again(
    client: Registry, fake: FakeRegistry, image: Manifest, signer: KeylessSigner, fault: Fault
) -> None:
    publish_statements(client, "r", image.descriptor, about(image)[:1], signer)
    fake.fail(fault)
    publish_statements(client, "r", image.descriptor, about(image)[:1], signer)
    assert attached(client, image) == 2


def test_an_outage_is_not_signed_over(
    client: Registry,
    fake: FakeRegistry,
    image: Manifest,
    signer: KeylessSigner,
    sigstore: FakeSigstore,
) -> None:
    publish_statements(client, "r", image.descriptor, about(image)[:1], signer)
    asked = len(sigstore.requests)
    fake.fail(Fault("GET", "blobs/", status=403))
    with refused(EnvironmentFailed):
        publish_statements(client, "r", image.descriptor, about(image)[:1], signer)
    assert len(sigstore.requests) == asked


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


def test_killed_before_any_request_and_run_again_it_is_there_once_and_listed(
    fake: FakeRegistry, image: Manifest, signer: KeylessSigner, trusted: Trusted
) -> None:
    stated, whole = about(image)[:1], Killed(fake.host)
    publish_statements(whole, "whole", image.descriptor, stated, signer)
    for step in range(1, whole.step + 1):
        with pytest.raises(KeyboardInterrupt):
            publish_statements(
                Killed(fake.host, step), f"r{step}", image.descriptor, stated, signer
            )
        client = Registry(fake.host)
        publish_statements(client, f"r{step}", image.descriptor, stated, signer)
        found = read_evidence(client, f"r{step}", image.digest, trusted)
        assert [each.statement for each in found] == [*stated], step
        index = client.read_manifest(f"r{step}", image.digest.replace(":", "-"))
        assert index is not None
        assert [each["digest"] for each in index.content["manifests"]] == [
            each.artifact for each in found
        ], step
    assert whole.step > 5


# What is not believed


Bundle = dict[str, Any]
Change = Callable[[Bundle, Bundle], object]


def made(signer: KeylessSigner, stated: Statement) -> Bundle:
    content: Bundle = json.loads(signer.sign_statement(to_json(stated)))
    return content


def problem(client: Registry, image: Manifest, content: Bundle, trusted: Trusted) -> str:
    plant(client, "r", image.descriptor, json.dumps(content).encode())
    (found,) = read_evidence(client, "r", image.digest, trusted)
    assert (
        (found.statement, found.signer) == (None, "")
        if found.problem
        else (found.statement, str(SIGNER))
    )
    return found.problem


def entries_swapped(one: Bundle, other: Bundle) -> None:
    one["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"]


def certificates_swapped(one: Bundle, other: Bundle) -> None:
    one["verificationMaterial"]["certificate"] = other["verificationMaterial"]["certificate"]


def envelopes_swapped(one: Bundle, other: Bundle) -> None:
    one["dsseEnvelope"] = other["dsseEnvelope"]


def said_to_be_of_a_key(one: Bundle, _: Bundle) -> None:
    one["verificationMaterial"] = {"publicKey": {"hint": ""}, "tlogEntries": []}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda *_: None, "", id="nothing changed"),
        pytest.param(
            entries_swapped, "payload hash does not match", id="the log entry of another statement"
        ),
        pytest.param(certificates_swapped, "invalid signature", id="the certificate of another"),
        pytest.param(envelopes_swapped, "invalid signature", id="the envelope of another"),
        pytest.param(said_to_be_of_a_key, "of no trusted key", id="said to be of a key"),
    ],
)
def test_parts_of_good_bundles_make_no_good_one(
    client: Registry, image: Manifest, signer: KeylessSigner, change: Change, words: str
) -> None:
    one, other = (made(signer, each) for each in about(image)[:2])
    change(one, other)
    told = problem(client, image, one, replace(signer.trusted, keys=public(P256)))
    assert words in told
    assert bool(words) == bool(told)
    assert "\n" not in told


def test_a_key_bundle_with_a_certificate_beside_is_held_to_the_certificate(
    client: Registry, image: Manifest, signer: KeylessSigner, trusted: Trusted
) -> None:
    content, stated = made(signer, about(image)[0]), about(image)[0]
    content["dsseEnvelope"] = json.loads(dsse.sign_payload(to_json(stated), P256))
    assert "invalid signature" in problem(
        client, image, content, replace(trusted, keys=public(P256))
    )


def test_a_stranger_is_named(
    client: Registry, image: Manifest, trusted: Trusted, sigstore: FakeSigstore
) -> None:
    sigstore.signer = STRANGER
    content = made(KeylessSigner(replace(trusted, identities=(STRANGER,))), about(image)[0])
    assert (
        problem(client, image, content, trusted) == f"signed by '{STRANGER}', which is not trusted"
    )


def test_who_trusts_keys_alone_believes_no_certificate(
    client: Registry, image: Manifest, signer: KeylessSigner
) -> None:
    told = problem(client, image, made(signer, about(image)[0]), signed.trust(P256))
    assert told == "signed by a certificate, and no identity is trusted"


def test_another_instance_vouches_for_nobody_here(
    client: Registry, image: Manifest, signer: KeylessSigner, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = SigstoreInstance(str(FakeSigstore().configuration(tmp_path / "other")))
    told = problem(client, image, made(signer, about(image)[0]), Trusted({}, (SIGNER,), other))
    assert "signature does not match" in told


def test_the_public_instance_vouches_for_no_fake(
    client: Registry, image: Manifest, signer: KeylessSigner
) -> None:
    told = problem(client, image, made(signer, about(image)[0]), Trusted({}, (SIGNER,)))
    assert "does not hold" in told


# What can go wrong while signing


FAULTS = {
    "the CI gives none": (Faults(ci=403), "no identity to sign with"),
    "the CI fails": (Faults(ci=500), "no identity to sign with"),
    "expired": (Faults(expired=True), "Signature has expired"),
    "the authority refuses": (Faults(authority=400), "400 Client Error"),
    "the authority forbids": (Faults(authority=403), "403 Client Error"),
    "the authority fails": (Faults(authority=500), "500 Server Error"),
    "the authority talks nonsense": (Faults(authority_says=b"<html>"), "did not sign"),
    "the authority says something else": (Faults(authority_says=b"[]"), "did not sign"),
    "the authority gives no chain": (Faults(authority_says=b"{}"), "missing certificate chain"),
    "another identity": (
        Faults(certified=STRANGER),
        f"signed by '{STRANGER}', which is not trusted",
    ),
    "another issuer": (
        Faults(certified=replace(SIGNER, issuer="https://else.example")),
        "which is not trusted",
    ),
    "a stranger's timestamp": (Faults(stranger=True), "SCT verify failed"),
    "the log refuses": (Faults(log=400), "400: refused by a fake"),
    "the log has it already": (Faults(log=409), "409: refused by a fake"),
    "the log fails": (Faults(log=503), "503: refused by a fake"),
    "the log talks nonsense": (Faults(log_says=b"<html>"), "did not sign"),
    "the log says something else": (Faults(log_says=b'{"0": {}}'), "did not sign"),
    "the log drops the entry": (Faults(drops=True), "invalid root hash"),
    "the log promises nothing": (Faults(unsigned=True), "invalid inclusion promise"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_not_whole_is_not_attached(
    client: Registry, image: Manifest, signer: KeylessSigner, sigstore: FakeSigstore, name: str
) -> None:
    sigstore.faults, words = FAULTS[name]
    with refused(EnvironmentFailed, words):
        publish_statements(client, "r", image.descriptor, about(image)[:1], signer)
    assert attached(client, image) == 0
    sigstore.faults = Faults()
    publish_statements(client, "r", image.descriptor, about(image)[:1], signer)
    assert attached(client, image) == 1


def test_a_log_that_does_not_answer_is_not_waited_for(
    signer: KeylessSigner, sigstore: FakeSigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyless, "TIMEOUT_S", 0.2)
    sigstore.faults = Faults(silent=True)
    began = time.monotonic()
    with refused(EnvironmentFailed, "timed out"):
        signer.sign_statement(to_json(statements()[0]))
    assert time.monotonic() - began < 10


def test_services_that_are_not_there(
    client: Registry,
    image: Manifest,
    signer: KeylessSigner,
    sigstore: FakeSigstore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = sigstore._token()
    sigstore.stop()
    with refused(EnvironmentFailed, "no identity to sign with"):
        publish_statements(client, "r", image.descriptor, about(image)[:1], signer)
    monkeypatch.setattr(keyless, "detect_credential", lambda: token)
    with refused(EnvironmentFailed, "Sigstore did not sign: "):
        publish_statements(client, "r", image.descriptor, about(image)[:1], signer)
    assert attached(client, image) == 0


def test_without_the_permission(signer: KeylessSigner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    with refused(
        EnvironmentFailed, "no identity to sign with", "id-token: write", keys.SIGNING_KEY
    ):
        signer.sign_statement(b"{}")


@pytest.mark.parametrize(
    ("token", "words"), [(None, "nothing here says who this is"), ("x.y.z", "malformed")]
)
def test_without_an_identity(
    signer: KeylessSigner, monkeypatch: pytest.MonkeyPatch, token: str | None, words: str
) -> None:
    monkeypatch.setattr(keyless, "detect_credential", lambda: token)
    with refused(EnvironmentFailed, words, "id-token: write"):
        signer.sign_statement(b"{}")


@pytest.mark.parametrize(
    "fault", [Faults(authority=401), Faults(log=500), Faults(expired=True)], ids=repr
)
def test_no_error_shows_the_token(
    signer: KeylessSigner, sigstore: FakeSigstore, fault: Faults
) -> None:
    sigstore.faults = fault
    secret = sigstore._token().split(".")[1]
    with pytest.raises(ReleaseError) as caught:
        signer.sign_statement(to_json(statements()[0]))
    assert secret[:20] not in str(caught.value)


# How it is asked for


@pytest.fixture
def configured(trusted: Trusted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.SIGNING_KEY, KEYLESS)
    monkeypatch.setenv(trust.TRUSTED_IDENTITIES, str(SIGNER))
    monkeypatch.setenv(trust.SIGSTORE_CONFIG, trusted.instance.file)
    monkeypatch.delenv(keys.TRUSTED_KEYS, raising=False)


def test_the_environment_asks_for_it(home: Path, configured: None, trusted: Trusted) -> None:
    assert attest.load_signer() == KeylessSigner(trusted)
    assert attest.load_trusted() == trusted
    assert not (home / "keys").exists()


def test_keys_may_be_trusted_beside_and_do_not_sign_for_it(
    home: Path, configured: None, trusted: Trusted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(keys.TRUSTED_KEYS, public_pem(P256))
    assert attest.load_trusted() == replace(trusted, keys=public(P256))
    assert attest.load_signer() == KeylessSigner(trusted)


def test_who_signs_must_be_trusted(
    home: Path, configured: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(trust.TRUSTED_IDENTITIES)
    with refused(ConfigError, "no identity is trusted", trust.TRUSTED_IDENTITIES):
        attest.load_signer()


def test_without_any_configuration_it_is_the_key_of_this_machine(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (keys.SIGNING_KEY, keys.TRUSTED_KEYS, trust.TRUSTED_IDENTITIES):
        monkeypatch.delenv(name, raising=False)
    made = attest.load_signer()
    assert not isinstance(made, KeylessSigner)
    assert attest.load_trusted() == Trusted(public(made))
    assert (home / "keys" / f"{LOCAL_KEY}.pub").exists()
    monkeypatch.setenv(trust.TRUSTED_IDENTITIES, str(SIGNER))
    assert attest.load_trusted() == Trusted({}, (SIGNER,))
    assert attest.load_trusted(identities=[str(STRANGER)]) == Trusted({}, (STRANGER,))


AGENT = """#!/bin/sh
env >"$0.env"
echo "$@" >"$0.words"
{then}
"""


@pytest.mark.parametrize(
    ("variable", "program", "token"),
    [
        ("BUILDKITE", "buildkite-agent", "BUILDKITE_AGENT_ACCESS_TOKEN"),
        ("CIRCLECI", "circleci", "CIRCLE_OIDC_TOKEN_V2"),
    ],
)
def test_the_agent_of_a_service_gets_no_secret(
    variable: str,
    program: str,
    token: str,
    *,
    signer: KeylessSigner,
    sigstore: FakeSigstore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent = tmp_path / program
    agent.write_text(AGENT.format(then=f"echo {sigstore._token()}"))
    agent.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv(variable, "1")
    monkeypatch.setenv("GH_TOKEN", "planted")
    monkeypatch.setenv("AN_OTHER_VARIABLE", "planted")
    monkeypatch.setenv(token, "kept")
    assert signer.sign_statement(to_json(statements()[0]))
    assert "sigstore" in (tmp_path / f"{program}.words").read_text()
    assert f"{token}=kept" in (tmp_path / f"{program}.env").read_text()
    assert "planted" not in (tmp_path / f"{program}.env").read_text()


def test_an_agent_that_never_answers_is_ended(
    signer: KeylessSigner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = tmp_path / "buildkite-agent"
    agent.write_text(AGENT.format(then="exec sleep 600"))
    agent.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("BUILDKITE", "1")
    monkeypatch.setattr(keyless, "TIMEOUT_S", 0.5)
    with refused(EnvironmentFailed, "no identity to sign with", "did not finish"):
        signer.sign_statement(b"{}")


def test_no_account_of_a_netrc_reaches_sigstore(
    signer: KeylessSigner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would take the place of the token."""
    (tmp_path / "netrc").write_text("default login u password S3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert signer.sign_statement(to_json(statements()[0]))


def test_tokens_that_were_handed_over_sign(
    signer: KeylessSigner, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL")
    held = {name: os.environ[name] for name in names}
    for name in names:
        monkeypatch.delenv(name)
    monkeypatch.setattr(settings, "_held", held)
    assert signer.sign_statement(to_json(statements()[0]))
    assert not set(names) & set(os.environ)
