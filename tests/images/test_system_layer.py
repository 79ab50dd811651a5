"""The OS layer in the cache: found only with a signed statement of what it is; nothing else there
is believed.
"""

from __future__ import annotations

import copy
import datetime
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from images import system_layer
from images.record import DebianPackage
from images.system_layer import SystemLayer
from oci.manifest import (
    LAYER_GZIP,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Manifest,
    canonical_json,
    image_manifest,
    sha256,
)
from oci.registry import Registry, RegistryError
from oci.tarball import Blob
from publish.evidence import store
from publish.evidence.os_layer_signer import OsLayerSigner
from publish.evidence.predicates import os_layer, provenance
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry, Fault
from tests.publish.signed import BUILDER, ED25519, NAME, P256, STRANGER, WHEELS, build_record, trust

CACHE, KEY = "cache", "4" * 64
TAG = f"os-{KEY[:40]}"
DATA = b"layer"
TAKEN = "2026-10-01T05:00:00+00:00"
LAYER = SystemLayer(
    KEY,
    Blob(sha256(DATA), "sha256:" + "d" * 64, len(DATA), 9),
    "mmdebstrap",
    (DebianPackage("tini", "0.19"),),
    TAKEN,
)
OURS = OsLayerSigner(P256, trust(P256, ED25519))

ABSURD: dict[str, Callable[[SystemLayer], SystemLayer]] = {
    "another key": lambda layer: replace(layer, key="5" * 64),
    "no digest": lambda layer: replace(layer, blob=replace(layer.blob, diff_id="sha256:1")),
    "negative": lambda layer: replace(layer, blob=replace(layer.blob, size=-1)),
    "nothing": lambda layer: replace(layer, blob=replace(layer.blob, size=0)),
    "too large": lambda layer: replace(layer, blob=replace(layer.blob, size=10**30)),
    "unpacked too large": lambda layer: replace(
        layer, blob=replace(layer.blob, uncompressed=10**30)
    ),
    "no packages": lambda layer: replace(layer, packages=()),
    "undated": lambda layer: replace(layer, taken_at=""),
    "no moment": lambda layer: replace(layer, taken_at="yesterday"),
    "no zone": lambda layer: replace(layer, taken_at="2026-10-01T05:00:00"),
    "of tomorrow": lambda layer: replace(layer, taken_at=_in_days(1)),
    "with a package of tomorrow": lambda layer: replace(layer, newest=int(time.time()) + 86_400),
    "with a package of no time": lambda layer: replace(layer, newest=10**30),
    "at the end of time": lambda layer: replace(layer, taken_at="9999-12-31T23:59:59-23:59"),
}


def _in_days(days: int) -> str:
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days)).isoformat()


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    with FakeRegistry() as started:
        Registry(started.host).push_bytes(CACHE, DATA, LAYER_GZIP)
        yield started


def keep(
    fake: FakeRegistry, layer: SystemLayer = LAYER, layer_signer: OsLayerSigner = OURS
) -> None:
    system_layer.keep_system_layer(Registry(fake.host), CACHE, layer, layer_signer)


def find(fake: FakeRegistry, layer_signer: OsLayerSigner = OURS) -> SystemLayer | None:
    return system_layer.find_system_layer(Registry(fake.host), CACHE, KEY, layer_signer)


def put(fake: FakeRegistry, body: bytes, media_type: str = OCI_MANIFEST) -> None:
    """What no client would put, and a registry could serve all the same."""
    fake.manifests.setdefault(CACHE, {})[TAG] = (media_type, body)


def kept_with(fake: FakeRegistry, statement: bytes) -> None:
    """An entry of the cache with these bytes as its statement."""
    registry = Registry(fake.host)
    config = registry.push_bytes(CACHE, statement, system_layer.STATEMENT_TYPE)
    registry.put_manifest(CACHE, TAG, image_manifest(config, [LAYER.blob.to_descriptor()]))


@pytest.mark.parametrize("key", [P256, ED25519])
def test_what_a_trusted_key_signed_is_found_as_it_was_kept(key: Any, fake: FakeRegistry) -> None:
    keep(fake, layer_signer=replace(OURS, signer=key))
    assert find(fake) == LAYER


def test_nothing_is_found_where_nothing_was_kept(
    fake: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert find(fake) is None
    assert not capsys.readouterr().err


def test_the_same_layer_is_the_same_entry(fake: FakeRegistry) -> None:
    keep(fake)
    before = fake.state()
    keep(fake)
    assert fake.state() == before


def test_a_key_that_nobody_trusts(fake: FakeRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    keep(fake, layer_signer=OsLayerSigner(STRANGER, trust(STRANGER)))
    assert find(fake) is None
    assert "the OS layer in cache is not used: signed by the key" in capsys.readouterr().err


def test_an_entry_as_it_was_before_they_were_signed(fake: FakeRegistry) -> None:
    kept_with(
        fake,
        canonical_json(
            {"digest": LAYER.blob.digest, "diff_id": LAYER.blob.diff_id, "size": -1, "packages": []}
        ),
    )
    assert find(fake) is None


@pytest.mark.parametrize("name", ABSURD)
def test_a_signed_layer_that_cannot_be(
    name: str, fake: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(fake, LAYER)
    kept_with(fake, OURS.sign(ABSURD[name](LAYER)))
    assert find(fake) is None
    assert "is not used: its" in capsys.readouterr().err


def test_a_statement_that_was_changed_after_it_was_signed(fake: FakeRegistry) -> None:
    content = json.loads(OURS.sign(LAYER))
    other = json.loads(
        OURS.sign(replace(LAYER, blob=replace(LAYER.blob, digest="sha256:" + "0" * 64)))
    )
    content["dsseEnvelope"]["payload"] = other["dsseEnvelope"]["payload"]
    kept_with(fake, canonical_json(content))
    assert find(fake) is None


def test_another_statement_of_a_trusted_key(fake: FakeRegistry) -> None:
    """Provenance is signed by the same key, and says something else."""
    kept_with(
        fake,
        store.sign_statement(
            provenance.make_statement(build_record(), WHEELS, BUILDER, NAME), P256
        ),
    )
    assert find(fake) is None


def test_a_statement_that_is_not_there(fake: FakeRegistry) -> None:
    keep(fake)
    config = json.loads(fake.manifests[CACHE][TAG][1])["config"]["digest"]
    del fake.blobs[CACHE][config]
    assert find(fake) is None


def test_a_statement_of_other_bytes(fake: FakeRegistry) -> None:
    keep(fake)
    config = json.loads(fake.manifests[CACHE][TAG][1])["config"]["digest"]
    fake.fail(Fault("GET", config, body=OURS.sign(replace(LAYER, source="elsewhere"))))
    assert find(fake) is None


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_registry_that_fails_is_not_an_entry_that_is_wrong(
    status: int, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    keep(fake)
    fake.fail(Fault("GET", "manifests", status=status))
    with refused(RegistryError, str(status)):
        find(fake)


SHAPES = {
    "an index": (b'{"schemaVersion":2,"manifests":[]}', OCI_INDEX),
    "HTML": (b"<html>not here</html>", "text/html"),
    "a list": (b"[]", OCI_MANIFEST),
    "nothing": (b"", OCI_MANIFEST),
    "no UTF-8": (b"\xff", OCI_MANIFEST),
    "deep": (b"[" * 200_000, "text/plain"),
    "a key twice": (b'{"config":{},"config":{}}', OCI_MANIFEST),
    "no layers": (
        b'{"config":{"digest":"sha256:0","size":1,"mediaType":"x"},"layers":[]}',
        OCI_MANIFEST,
    ),
    "a negative size": (
        json.dumps({"config": {"digest": "sha256:" + "0" * 64, "size": -1}}).encode(),
        OCI_MANIFEST,
    ),
    "a true size": (
        json.dumps({"config": {"digest": "sha256:" + "0" * 64, "size": True}}).encode(),
        OCI_MANIFEST,
    ),
    "a huge statement": (
        json.dumps({"config": {"digest": "sha256:" + "0" * 64, "size": 1 << 40}}).encode(),
        OCI_MANIFEST,
    ),
    "a path for a digest": (b'{"config":{"digest":"../../x","size":1}}', OCI_MANIFEST),
}


@pytest.mark.parametrize("name", SHAPES)
def test_entries_of_other_shapes(
    name: str, fake: FakeRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    put(fake, *SHAPES[name])
    assert find(fake) is None
    assert "is not used: " in capsys.readouterr().err


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
ANY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)


class Served:
    """As much of a registry as is asked: one manifest under any tag, one blob under any digest."""

    host = "registry.example"

    def __init__(self, body: bytes, blob: bytes = b"") -> None:
        self._body, self._blob = body, blob

    def read_manifest(self, *_: object) -> Manifest:
        return Manifest(self._body, OCI_MANIFEST)

    def read_blob(self, *_: object) -> bytes:
        return self._blob


def found(served: Served) -> SystemLayer | None:
    return system_layer.find_system_layer(served, CACHE, KEY, OURS)  # type: ignore[arg-type] # a stand-in of the registry


@ANY
@given(document=JSON | st.fixed_dictionaries({"config": JSON, "layers": JSON}))
def test_no_manifest_gives_a_traceback(document: object) -> None:
    assert found(Served(json.dumps(document).encode())) is None


@ANY
@given(body=st.binary(max_size=200))
def test_no_bytes_give_a_traceback(body: bytes) -> None:
    assert found(Served(body)) is None


@ANY
@given(data=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_statement_gives_a_traceback(data: bytes) -> None:
    manifest = image_manifest(Blob(sha256(data), "", max(1, len(data)), 1).to_descriptor(), [])
    assert found(Served(manifest.body, data)) is None


@ANY
@given(data=st.data())
def test_no_signed_predicate_gives_a_traceback(data: st.DataObject) -> None:
    """A trusted key that signs rubbish: one value of the predicate is anything."""
    about = os_layer.make_statement(LAYER)
    predicate: dict[str, Any] = copy.deepcopy(dict(about.predicate))
    predicate[data.draw(st.sampled_from(sorted(predicate)))] = data.draw(JSON.filter(_is_writable))
    signed = store.sign_statement(replace(about, predicate=predicate), P256)
    manifest = image_manifest(Blob(sha256(signed), "", len(signed), 1).to_descriptor(), [])
    layer = found(Served(manifest.body, signed))
    assert layer is None or (layer.key == KEY and layer.blob.digest == LAYER.blob.digest)


def _is_writable(value: object) -> bool:
    try:
        json.dumps(value, allow_nan=False).encode()
    except ValueError:
        return False
    return True


def test_the_shape_of_an_entry(fake: FakeRegistry) -> None:
    """The layer is named by a manifest, so that no garbage collection takes it."""
    keep(fake)
    content = json.loads(fake.manifests[CACHE][TAG][1])
    assert [each["digest"] for each in content["layers"]] == [LAYER.blob.digest]
    assert content["config"]["mediaType"] == system_layer.STATEMENT_TYPE != OCI_CONFIG
