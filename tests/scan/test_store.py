"""History of findings in the registry: without a trusted signature it can only be stricter."""

from __future__ import annotations

import datetime
import json
from dataclasses import replace
from typing import Any

import pytest

from oci import document
from oci.manifest import (
    EMPTY_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    Manifest,
    canonical_json,
    image_manifest,
)
from oci.registry import Registry, RegistryError
from runner.errors import EnvironmentFailed
from runner.verdict import Verdict
from scan import store
from scan.history import FindingDates, History, RescanVerdict
from scan.record import Finding
from scan.store import StoredHistory, read_history, store_history
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry, Fault
from tests.publish.signed import ED25519, P256, STRANGER, findings_seal
from tests.scan.samples import finding

TODAY = datetime.date(2026, 11, 20)
OURS = findings_seal(P256)
KEY = "CVE-2026-1 pkg:pypi/jinja2"


def put(client: Registry, body: object, seal: document.Seal | None) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    client.put_manifest(
        "r", store.TAG, document.push_document(client, "r", store.HISTORY, data, seal)
    )


def said(fixed: Any, first: Any = "2026-11-01") -> dict[str, Any]:
    return {"seen": {KEY: {"first": first, "fixed": fixed}}, "judgements": []}


def day(client: Registry, published: str) -> datetime.date:
    """Since when a fix counts, by what is in the registry."""
    found = finding(id_="CVE-2026-1", published=published)
    return (
        read_history(client, "r", OURS, TODAY)
        .with_findings([found], TODAY)
        .first_fix_day(found, TODAY)
    )


def test_what_is_kept_is_signed_and_read_back(client: Registry) -> None:
    history = History({}).with_findings([finding(id_="CVE-2026-1")], TODAY)
    store_history(client, "r", history, OURS, TODAY)
    assert read_history(client, "r", OURS, TODAY) == history
    assert read_history(client, "r", findings_seal(STRANGER), TODAY).seen == {}


def test_what_nobody_would_believe_is_not_written(
    client: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    seal = findings_seal(P256)
    other = type(seal)(seal.kind, lambda: STRANGER, seal.trusted, decides=False)
    store_history(client, "r", History({}), other, TODAY)
    assert client.read_manifest("r", store.TAG) is None
    assert "since nobody would trust it" in capsys.readouterr().err


@pytest.mark.parametrize("seal", [None, findings_seal(STRANGER)], ids=["unsigned", "by a stranger"])
@pytest.mark.parametrize(
    ("fixed", "wanted"),
    [
        pytest.param("2999-01-01", "2026-03-01", id="to come"),
        pytest.param("2026-11-19", "2026-03-01", id="younger than is known"),
        pytest.param("2026-01-01", "2026-03-01", id="older than the advisory"),
        pytest.param("rubbish", "2026-03-01", id="no day"),
        pytest.param("2026-02-31", "2026-03-01", id="no such day"),
        pytest.param("20260101", "2026-03-01", id="another form"),
        pytest.param(None, "2026-03-01", id="never fixed"),
    ],
)
def test_what_is_not_signed_can_only_be_stricter(
    client: Registry, seal: document.Seal | None, fixed: str | None, wanted: str
) -> None:
    put(client, said(fixed), seal)
    assert day(client, "2026-03-01") == datetime.date.fromisoformat(wanted)


@pytest.mark.parametrize("fixed", ["2999-01-01", "rubbish", "2026-13-01"])
def test_a_day_that_is_none_counts_for_nothing_in_what_is_signed(
    client: Registry, fixed: str
) -> None:
    put(client, said(fixed), OURS)
    assert day(client, "2026-03-01") == datetime.date(2026, 3, 1)


def test_what_is_signed_counts(client: Registry) -> None:
    put(client, said("2026-11-15"), OURS)
    assert day(client, "2026-03-01") == datetime.date(2026, 11, 15)


def test_what_nobody_signed_is_not_signed_for_its_author(client: Registry) -> None:
    put(client, said("2020-01-01"), None)
    history = read_history(client, "r", OURS, TODAY)
    assert history.claimed == {KEY: "2020-01-01"}
    store_history(client, "r", history, OURS, TODAY)
    assert read_history(client, "r", OURS, TODAY) == History({})


def test_refusals_that_nobody_signed_are_not_known(client: Registry) -> None:
    """Whoever can remove the signature, or the history, can remove a refusal."""
    refused_today = RescanVerdict(
        "2026-11-20", "v2.6.0", "base", "sha256:" + "a" * 64, Verdict.FAIL, "CVE-2026-1", 1.0
    )
    assert store.read_stored(client, "r", OURS, TODAY).problem == store.NONE_YET
    history = History({}, (refused_today,))
    store_history(client, "r", history, OURS, TODAY)
    assert store.read_stored(client, "r", OURS, TODAY) == StoredHistory(history)
    found = client.read_manifest("r", store.TAG)
    assert found is not None
    config, _, body = found.parse_blobs()
    client.put_manifest("r", store.TAG, image_manifest(config, [body], None, store.HISTORY))
    assert store.read_stored(client, "r", OURS, TODAY) == StoredHistory(
        History({}), "nobody signed it"
    )


def test_an_unsigned_history_of_many_bytes_is_not_read(
    fake: FakeRegistry, client: Registry
) -> None:
    put(client, b'{"seen":{},"judgements":[]}' + b" " * store.WRITTEN_BYTES, None)
    fake.requests.clear()
    assert "too many to read" in store.read_stored(client, "r", OURS, TODAY).problem
    assert fake.count("GET", "blobs") == 0


def test_judgements_of_a_stranger_and_of_tomorrow_are_none(client: Registry) -> None:
    def judged(date: str, version: str = "v2.6.0") -> RescanVerdict:
        return RescanVerdict(
            date, version, "base", "sha256:" + "a" * 64, Verdict.FAIL, "forged", 1.0
        )

    good, *bad = [
        judged("2026-11-20"),
        judged("2026-11-21"),
        judged("soon"),
        judged("2026-11-20", "vX.Y"),
    ]
    seen = {KEY: FindingDates("2026-11-20", "")}
    store_history(client, "r", History(seen, (good, *bad)), OURS, TODAY)
    assert read_history(client, "r", OURS, TODAY).judgements == (good,)
    assert read_history(client, "r", findings_seal(ED25519), TODAY).judgements == ()


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"[" * 90_000, b'{"seen": 3}', b'{"seen": {"a": {"first": 1}}}'], ids=str
)
def test_what_is_no_history(client: Registry, body: bytes) -> None:
    put(client, body[:200], None)
    assert read_history(client, "r", OURS, TODAY) == History({})
    put(client, body[:200], OURS)
    with refused(EnvironmentFailed, "r:findings", "remove that tag"):
        read_history(client, "r", OURS, TODAY)


def grown(findings: int, results: int, text: str) -> History:
    """A history as years of scans make it, every second finding without a fix."""
    first = datetime.date(2020, 1, 1)
    seen = {
        f"CVE-{number} pkg:deb/{text}": FindingDates(
            (first + datetime.timedelta(number % 2000)).isoformat(), None if number % 2 else ""
        )
        for number in range(findings)
    }
    judged = tuple(
        RescanVerdict("2026-11-20", "v2.6.0", "base", f"sha256:{number}", Verdict.FAIL, text, 1.0)
        for number in range(results)
    )
    return History(seen, judged).merge_with(History({}))


@pytest.mark.parametrize("text", ["short", "long" * 100, "\U0001f4a9" * 30], ids=len)
@pytest.mark.parametrize(("findings", "results"), [(20_000, 100), (60_000, 11_000)])
def test_whatever_is_written_can_be_read_also_without_its_signature(
    client: Registry, findings: int, results: int, text: str
) -> None:
    history = grown(findings, results, text)
    store_history(client, "r", history, OURS, TODAY)
    written = read_history(client, "r", OURS, TODAY)
    assert written == history.within_limits()
    claims = store.read_stored(client, "r", findings_seal(STRANGER), TODAY).history.claimed
    assert claims == written.only_claims().claimed
    assert (written == history) is (findings == 20_000)
    forgotten = history.seen.keys() - written.seen.keys()
    has_fix = {key for key in forgotten if history.seen[key].fixed is not None}
    assert not has_fix or all(each.fixed is not None for each in written.seen.values())


def test_an_unsigned_entry_that_is_none_stops_no_other(client: Registry) -> None:
    good = said("2026-01-02")["seen"]
    bad = {"a": 1, "b": {"first": 1, "fixed": None}, "c": {"first": "2026-01-01"}, "d": None}
    put(client, {"seen": {**bad, **good}, "judgements": 3}, None)
    assert read_history(client, "r", OURS, TODAY).claimed == {KEY: "2026-01-02"}


def others(client: Registry) -> dict[str, Manifest]:
    """What somebody may put under the tag that is no document."""
    config, blob = (
        client.push_bytes("r", EMPTY_CONFIG, OCI_EMPTY),
        client.push_bytes("r", b"{1}", "x/y"),
    )
    one = image_manifest(config, [blob])
    return {
        "no layer": image_manifest(config, []),
        "three layers": image_manifest(config, [blob] * 3),
        "an index": Manifest(
            canonical_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}), OCI_INDEX
        ),
        "a huge size": image_manifest(config, [replace(blob, size=1 << 40)]),
        "another size": image_manifest(config, [replace(blob, size=1)]),
        "a negative size": image_manifest(config, [replace(blob, size=-1)]),
        "annotations": Manifest(
            canonical_json({**one.content, "annotations": {"a": None}}), OCI_MANIFEST
        ),
        "a deleted blob": image_manifest(config, [replace(blob, digest="sha256:" + "0" * 64)]),
        "html": Manifest(b"<html>", OCI_MANIFEST),
    }


OTHERS = [
    "no layer",
    "three layers",
    "an index",
    "a huge size",
    "another size",
    "a negative size",
    "annotations",
]


@pytest.mark.parametrize("name", [*OTHERS, "a deleted blob", "html"])
def test_something_else_under_the_tag_is_passed_over_and_replaced(
    fake: FakeRegistry, client: Registry, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = others(client)[name]
    fake.manifests["r"] = {store.TAG: (other.media_type, other.body)}
    found = document.read_signed(client, "r", store.TAG, OURS, 1000)
    assert found is not None
    assert (found.is_readable, found.body, found.digest) == (False, b"", other.digest)
    assert found.problem
    assert read_history(client, "r", OURS, TODAY) == History({})
    assert capsys.readouterr().err.count("a new history of findings begins") == 1
    history = History({}).with_findings([finding(id_="CVE-2026-1")], TODAY)
    store_history(client, "r", history, OURS, TODAY)
    assert read_history(client, "r", OURS, TODAY) == history


def test_a_registry_that_fails_is_no_empty_history(fake: FakeRegistry, client: Registry) -> None:
    put(client, said("2026-11-15"), OURS)
    fake.fail(Fault("GET", "blobs", status=403))
    with refused(RegistryError, "403"):
        read_history(client, "r", OURS, TODAY)


def test_the_finding_of_these_tests_has_that_key() -> None:
    found: Finding = finding(id_="CVE-2026-1")
    assert list(History({}).with_findings([found], TODAY).seen) == [KEY]
