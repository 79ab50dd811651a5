"""The registry client against a registry that works, and one that fails in every way a registry
fails.
"""

from __future__ import annotations

import json
import resource
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oci.manifest import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    EMPTY_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    image_manifest,
    sha256,
)
from oci.registry import MANIFEST_TYPES, Registry, RegistryError, file_sha256
from runner.errors import ConfigError, EnvironmentFailed
from tests.fakes.refusal import check, refused
from tests.fakes.registry import FakeRegistry, Fault

DATA = bytes(range(256)) * 20_000  # 5 MB: several chunks
OTHER = "sha256:" + "0" * 64


@pytest.fixture
def client(fake: FakeRegistry, waits: list[float]) -> Registry:
    return Registry(fake.host)


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    path = tmp_path / "layer"
    path.write_bytes(DATA)
    return path


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.docker)])
def either(request: pytest.FixtureRequest) -> Registry:
    """A client of each: what the fake does in the tests below, a real registry does."""
    if request.param == "fake":
        return Registry(request.getfixturevalue("fake").host)
    return Registry(request.getfixturevalue("registry_host"))


def small_manifest(client: Registry, repository: str, note: str = "") -> Manifest:
    config = client.push_bytes(repository, EMPTY_CONFIG, OCI_EMPTY)
    return image_manifest(config, [], {"note": note} if note else None)


def push(client: Registry, path: Path) -> None:
    client.push_file("r", path, sha256(DATA), lambda _: None)


# What works


def test_a_file_is_pushed_whole_and_counted(either: Registry, repository: str, layer: Path) -> None:
    counted: list[int] = []
    either.push_file(repository, layer, sha256(DATA), counted.append)
    assert sum(counted) == len(DATA)
    assert either.read_blob(repository, sha256(DATA)) == DATA


def test_a_blob_that_is_there_is_not_sent_again(
    fake: FakeRegistry, client: Registry, layer: Path
) -> None:
    push(client, layer)
    push(client, layer)
    assert fake.count("PUT", "blobs") == 1


def test_manifests_keep_their_own_bytes(either: Registry, repository: str) -> None:
    manifest = small_manifest(either, repository)
    spaced = Manifest(manifest.body + b"\n ", manifest.media_type)
    either.put_manifest(repository, "spaced", spaced)
    assert either.read_manifest(repository, "spaced") == spaced
    assert either.read_manifest(repository, spaced.digest) == spaced
    assert either.resolve_digest(repository, "spaced") == spaced.digest


def test_what_is_not_there_is_none(either: Registry, repository: str) -> None:
    assert either.read_manifest(repository, "v1") is None
    assert either.read_manifest(repository, OTHER) is None
    assert either.resolve_digest(repository, "v1") is None
    assert not either.has_blob(repository, OTHER)


def test_a_missing_blob_is_refused_by_name(either: Registry, repository: str) -> None:
    with refused(EnvironmentFailed, "404", OTHER):
        either.read_blob(repository, OTHER)


def test_blobs_are_mounted(either: Registry, repository: str) -> None:
    blob = either.push_bytes(repository, b"layer", "x/y")
    assert either.mount_blob(f"{repository}/to", blob.digest, repository)
    assert either.read_blob(f"{repository}/to", blob.digest) == b"layer"


def test_a_manifest_before_its_blobs_is_refused_and_stays_invisible(
    either: Registry, repository: str
) -> None:
    lost = image_manifest(Descriptor(OCI_EMPTY, sha256(EMPTY_CONFIG), 2), [])
    with refused(EnvironmentFailed, "400"):
        either.put_manifest(f"{repository}-empty", "v1", lost)
    assert either.resolve_digest(f"{repository}-empty", "v1") is None


def test_a_file_that_is_not_its_digest_is_refused(
    either: Registry, repository: str, layer: Path
) -> None:
    with refused(EnvironmentFailed, "400"):
        either.push_file(repository, layer, OTHER, lambda _: None)
    assert not either.has_blob(repository, OTHER)


# What fails once is repeated


ONCE = [
    pytest.param(Fault("PUT", "blobs/uploads", 1, status=500), id="500 at the end of an upload"),
    pytest.param(Fault("POST", "blobs/uploads", 1, status=503), id="503 when opening an upload"),
    pytest.param(
        Fault("PUT", "blobs/uploads", 1, cut_after=1_500_000),
        id="connection cut in the middle of an upload",
    ),
    pytest.param(Fault("PUT", "blobs/uploads", 1, mute=True), id="upload taken, answer lost"),
    pytest.param(Fault("HEAD", "blobs/sha256", 1, status=500), id="500 on a look"),
    pytest.param(Fault("HEAD", "blobs/sha256", 1, mute=True), id="connection cut on a look"),
    pytest.param(
        Fault("HEAD", "blobs/sha256", 1, status=429, headers={"Retry-After": "7"}),
        id="429 on a look",
    ),
    pytest.param(Fault("POST", "blobs/uploads", 1, mute=True), id="upload opened, answer lost"),
    pytest.param(
        Fault("POST", "blobs/uploads", 1, status=429, headers={"Retry-After": "7"}),
        id="429 when opening",
    ),
    pytest.param(
        Fault("PUT", "blobs/uploads", 1, status=429, headers={"Retry-After": "7"}),
        id="429 at the end",
    ),
]


@pytest.mark.parametrize("fault", ONCE)
def test_a_push_survives_one_failure(
    fake: FakeRegistry, client: Registry, layer: Path, fault: Fault
) -> None:
    fake.fail(fault)
    push(client, layer)
    assert fault.times == 0, "the fault was never met"
    assert fake.blobs["r"][sha256(DATA)] == DATA


def test_retry_after_is_waited_for(
    fake: FakeRegistry, client: Registry, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    fake.fail(Fault("GET", "manifests", 1, status=429, headers={"Retry-After": "7"}))
    assert client.read_manifest("r", "v1") is None
    assert waits == [7]
    assert "asks to wait 7 s" in capsys.readouterr().err


def test_retry_after_of_hours_is_not_waited_for(
    fake: FakeRegistry, client: Registry, waits: list[float]
) -> None:
    fake.fail(Fault("GET", "manifests", 1, status=429, headers={"Retry-After": "10000"}))
    with refused(EnvironmentFailed, "429", "10000"):
        client.read_manifest("r", "v1")
    assert waits == []


@pytest.mark.parametrize("said", ["soon", "-1", "Sun, 06 Nov 1994 08:49:37 GMT"])
def test_a_retry_after_that_says_nothing(
    fake: FakeRegistry, client: Registry, layer: Path, said: str
) -> None:
    for method, path in (("GET", "manifests"), ("PUT", "blobs")):
        fake.fail(Fault(method, path, 1, status=429, headers={"Retry-After": said}))
    assert client.read_manifest("r", "v1") is None
    push(client, layer)


PASSING = [
    pytest.param({"status": 500}, id="500"),
    pytest.param({"status": 429, "headers": {"Retry-After": "7"}}, id="429"),
    pytest.param({"mute": True}, id="answer lost"),
    pytest.param({"cut_after": 9}, id="cut"),
]


@pytest.mark.parametrize("what", PASSING)
def test_a_manifest_by_digest_is_put_again(
    fake: FakeRegistry, client: Registry, what: dict[str, Any]
) -> None:
    manifest = small_manifest(client, "r")
    fake.fail(Fault("PUT", "manifests", 2, **what))
    client.put_manifest("r", manifest.digest, manifest)
    assert fake.count("PUT", "manifests") == 3
    assert client.read_manifest("r", manifest.digest) == manifest


@pytest.mark.parametrize("what", PASSING)
def test_a_tag_is_never_put_twice(
    fake: FakeRegistry, client: Registry, what: dict[str, Any]
) -> None:
    """Between the first put and the second it may have become somebody else's."""
    manifest = small_manifest(client, "r")
    fake.fail(Fault("PUT", "manifests", 1, **what))
    with refused(EnvironmentFailed, "manifests/v1"):
        client.put_manifest("r", "v1", manifest)
    assert fake.count("PUT", "manifests") == 1


# What keeps failing is one clear line, and the next run works


ALWAYS = [
    pytest.param(Fault("POST", "blobs", status=401), ["401", "docker login"], id="not logged in"),
    pytest.param(Fault("POST", "blobs", status=403), ["403", "account"], id="not allowed"),
    pytest.param(
        Fault("PUT", "blobs", status=401), ["401", "docker login"], id="logged out in the middle"
    ),
    pytest.param(
        Fault("PUT", "blobs", status=500),
        ["500", "run the same command again"],
        id="upload always 500",
    ),
    pytest.param(
        Fault("PUT", "blobs", status=507), ["507", "free space"], id="registry's disk full"
    ),
    pytest.param(Fault("PUT", "blobs", status=429), ["429"], id="too many requests"),
    pytest.param(Fault("PUT", "blobs", cut_after=1_500_000), ["doctor"], id="upload always cut"),
    pytest.param(Fault("HEAD", "blobs", status=500), ["500"], id="look always 500"),
    pytest.param(Fault("HEAD", "blobs", mute=True), ["doctor"], id="look always cut"),
]


@pytest.mark.parametrize(("fault", "words"), ALWAYS)
def test_a_push_that_keeps_failing(
    fake: FakeRegistry, client: Registry, layer: Path, fault: Fault, words: list[str]
) -> None:
    fake.fail(fault)
    with refused(EnvironmentFailed, fake.host, *words):
        push(client, layer)
    assert not fake.blobs
    assert not fake.visible()
    fake.heal()
    push(client, layer)
    assert fake.blobs["r"][sha256(DATA)] == DATA


@pytest.mark.parametrize("status", [401, 500])
def test_the_registrys_own_words_are_told_on_one_line(
    fake: FakeRegistry, client: Registry, status: int
) -> None:
    fake.fail(Fault("GET", "^/v2/$", status=status))
    with refused(EnvironmentFailed, "FAULT", str(status)):
        client.ping()


def test_no_registry_answers(fake: FakeRegistry, client: Registry) -> None:
    fake.stop()
    with refused(EnvironmentFailed, "refused", fake.host, "doctor"):
        client.ping()


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("http://me:secret@127.0.0.1:1", "refused"),
        ("socks5://me:secret@127.0.0.1:1", "SOCKS is not supported"),
    ],
)
def test_a_proxy_that_is_at_fault_is_named(
    monkeypatch: pytest.MonkeyPatch, waits: list[float], proxy: str, words: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    for name in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with refused(RegistryError, "the proxy", words, "HTTPS_PROXY", "NO_PROXY") as caught:
        Registry("registry.invalid").ping()
    assert "secret" not in str(caught)


@pytest.mark.parametrize(
    "proxy",
    [
        "http://me:secret@",
        "http://me:secret@[zz",
        "http://x:99999",
        "//",
        "http://x:0",
        "me:secret@127.0.0.1:9",
        "ftp://me:secret@127.0.0.1:9",
        "http://me:secret\\x@127.0.0.1:9",
        "http://me:secret/x@127.0.0.1:9",
        "http://me:se cret@127.0.0.1:9",
        "http://127.0.0.1\\@me:9",
    ],
)
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_that_is_no_address_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, variable: str, proxy: str
) -> None:
    for name in ("NO_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv(variable, proxy)
    with pytest.raises(ConfigError) as caught:
        Registry("registry.invalid")
    check(caught.value, ConfigError, f"{variable} is not the address of a proxy", "http://HOST")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "proxy", ["http://proxy:3128", "https://me:se%2Fc@Proxy.example", "http://[::1]:3128/"]
)
def test_a_proxy_that_all_libraries_read_alike_is_taken(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in ("NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    Registry("registry.invalid")


def test_a_proxy_that_no_request_uses_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "a.invalid,b.invalid")
    monkeypatch.setenv("ftp_proxy", "proxy:3128")
    Registry("registry.invalid")


def test_too_many_open_files_are_no_fault_of_the_registry(
    fake: FakeRegistry, client: Registry, waits: list[float]
) -> None:
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))
    try:
        with refused(RegistryError, "Too many open files", "ulimit -n"):
            client.ping()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))


def test_something_else_answers(free_port: Callable[[], int], waits: list[float]) -> None:
    """A port on which another protocol is spoken."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        threading.Thread(target=_greet, args=(other,), daemon=True).start()
        with refused(EnvironmentFailed, "on 127.0.0.1"):
            Registry(f"127.0.0.1:{other.getsockname()[1]}").ping()


def _greet(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        connection.sendall(b"220 mail ready\r\n\r\n")
        connection.close()


# Bytes that are not what they should be


def test_a_manifest_put_with_its_answer_lost_is_not_taken_for_done(
    fake: FakeRegistry, client: Registry
) -> None:
    manifest = small_manifest(client, "r")
    fake.fail(Fault("PUT", "manifests", 1, mute=True))
    with refused(EnvironmentFailed, "manifests/v1"):
        client.put_manifest("r", "v1", manifest)
    client.put_manifest("r", "v1", manifest)
    assert client.read_manifest("r", "v1") == manifest


@pytest.mark.parametrize("status", [401, 500])
def test_a_manifest_refused_is_not_visible(
    fake: FakeRegistry, client: Registry, status: int
) -> None:
    manifest = small_manifest(client, "r")
    fake.fail(Fault("PUT", "manifests", status=status))
    with refused(EnvironmentFailed, str(status)):
        client.put_manifest("r", "v1", manifest)
    assert not fake.visible()


def test_a_tag_that_holds_something_else_afterwards(fake: FakeRegistry, client: Registry) -> None:
    manifest = small_manifest(client, "r")
    fake.fail(Fault("HEAD", "manifests", digest=OTHER))
    with refused(EnvironmentFailed, "does not hold the manifest that was put there"):
        client.put_manifest("r", "v1", manifest)


def test_a_digest_nobody_states_is_computed(fake: FakeRegistry, client: Registry) -> None:
    fake.fail(Fault("HEAD", "manifests", digest=""))
    manifest = small_manifest(client, "r")
    client.put_manifest("r", "v1", manifest)
    assert client.resolve_digest("r", "v1") == manifest.digest


def test_other_bytes_than_the_digest_asked_for(fake: FakeRegistry, client: Registry) -> None:
    manifest = small_manifest(client, "r")
    client.put_manifest("r", "v1", manifest)
    fake.fail(Fault("GET", "manifests|blobs", body=b'{"other": 1}'))
    with refused(EnvironmentFailed, "other bytes were served"):
        client.read_manifest("r", manifest.digest)
    with refused(EnvironmentFailed, "other bytes were served"):
        client.read_blob("r", sha256(EMPTY_CONFIG))


def test_other_bytes_than_the_tag_states(fake: FakeRegistry, client: Registry) -> None:
    manifest = small_manifest(client, "r")
    client.put_manifest("r", "v1", manifest)
    fake.fail(Fault("GET", "manifests", body=b'{"other": 1}', digest=manifest.digest))
    with refused(EnvironmentFailed, "other bytes were served"):
        client.read_manifest("r", "v1")


def test_a_blob_cut_short(fake: FakeRegistry, client: Registry) -> None:
    blob = fake.put("r", DATA)
    fake.fail(Fault("GET", "blobs", short=100))
    with refused(EnvironmentFailed, "blobs"):
        client.read_blob("r", blob.digest)


WRONG = [OTHER, "sha512:" + "0" * 128, "nonsense"]


@pytest.mark.parametrize("digest", WRONG)
@pytest.mark.parametrize("reference", ["v1", "by digest"])
def test_a_registry_that_took_another_manifest(
    fake: FakeRegistry, client: Registry, reference: str, digest: str
) -> None:
    manifest = small_manifest(client, "r")
    fake.fail(Fault("PUT", "manifests", digest=digest))
    with refused(EnvironmentFailed, manifest.digest, digest[:80], "took"):
        client.put_manifest(
            "r", manifest.digest if reference == "by digest" else reference, manifest
        )


@pytest.mark.parametrize("digest", WRONG)
def test_a_registry_that_took_another_blob(
    fake: FakeRegistry, client: Registry, layer: Path, digest: str
) -> None:
    fake.fail(Fault("PUT", "blobs", digest=digest))
    with refused(EnvironmentFailed, sha256(DATA), digest[:80], "took"):
        push(client, layer)


@pytest.mark.parametrize("digest", WRONG)
def test_a_registry_that_mounted_another_blob(
    fake: FakeRegistry, client: Registry, digest: str
) -> None:
    blob = fake.put("from", DATA)
    fake.fail(Fault("POST", "mount=", digest=digest))
    with refused(EnvironmentFailed, blob.digest, digest[:80], "took"):
        client.mount_blob("to", blob.digest, "from")


def test_a_registry_that_states_no_digest_anywhere(
    fake: FakeRegistry, client: Registry, layer: Path
) -> None:
    for method in ("GET", "HEAD", "POST", "PUT"):
        fake.fail(Fault(method, "", digest=""))
    push(client, layer)
    manifest = small_manifest(client, "r")
    for reference in ("v1", manifest.digest):
        client.put_manifest("r", reference, manifest)
        assert client.read_manifest("r", reference) == manifest
        assert client.resolve_digest("r", reference) == manifest.digest


def test_another_digest_than_the_one_asked_for(fake: FakeRegistry, client: Registry) -> None:
    manifest = small_manifest(client, "r")
    client.put_manifest("r", manifest.digest, manifest)
    fake.fail(Fault("HEAD", "manifests", digest=OTHER))
    with refused(EnvironmentFailed, manifest.digest, "other bytes"):
        client.resolve_digest("r", manifest.digest)


@pytest.mark.parametrize("digest", WRONG[1:])
def test_a_digest_that_is_none_is_computed(
    fake: FakeRegistry, client: Registry, digest: str
) -> None:
    manifest = small_manifest(client, "r")
    client.put_manifest("r", "v1", manifest)
    fake.fail(Fault("HEAD", "manifests", digest=digest))
    assert client.resolve_digest("r", "v1") == manifest.digest


def look_for_a_tag(client: Registry) -> object:
    return client.resolve_digest("r", "v1")


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(look_for_a_tag, id="tag"),
        pytest.param(lambda client: client.has_blob("r", OTHER), id="blob"),
        pytest.param(lambda client: client.push_bytes("r", DATA, "x/y"), id="push"),
    ],
)
def test_not_allowed_to_look_is_not_absent(
    fake: FakeRegistry, client: Registry, look: Callable[[Registry], object]
) -> None:
    fake.fail(Fault("HEAD", "", status=403))
    with refused(EnvironmentFailed, "403", "account"):
        look(client)
    assert not any(line.startswith(("POST", "PUT")) for line in fake.requests)


def test_not_allowed_to_look_where_nothing_is_mounted(fake: FakeRegistry, client: Registry) -> None:
    blob = fake.put("from", DATA)
    fake.fail(Fault("HEAD", "", status=403))
    fake.fail(Fault("POST", "mount=", unmounted=True))
    with refused(EnvironmentFailed, "403", "account"):
        client.ensure_blob("r", blob, "from")
    assert not any(line.startswith(("PUT", "PATCH")) for line in fake.requests)


# Every kind of manifest keeps its bytes and its type


DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"


def of_kind(client: Registry, repository: str, kind: str) -> Manifest:
    """A small manifest of a media type, written as no program of ours would."""
    blob = client.push_bytes(repository, EMPTY_CONFIG, DOCKER_CONFIG)
    content: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": kind,
        "config": blob.as_dict(),
        "layers": [],
    }
    if kind in (OCI_INDEX, DOCKER_INDEX):
        child = of_kind(
            client, repository, {OCI_INDEX: OCI_MANIFEST, DOCKER_INDEX: DOCKER_MANIFEST}[kind]
        )
        client.put_manifest(repository, child.digest, child)
        platform = {"architecture": "amd64", "os": "linux"}
        entry = child.descriptor.as_dict() | {"platform": platform}
        content = {"schemaVersion": 2, "mediaType": kind, "manifests": [entry]}
    return Manifest(json.dumps(content, indent=3).encode() + b"\n", kind)


@pytest.mark.parametrize("kind", MANIFEST_TYPES)
def test_every_kind_of_manifest_is_put_again_as_it_was(
    either: Registry, repository: str, kind: str
) -> None:
    manifest = of_kind(either, repository, kind)
    either.put_manifest(repository, "first", manifest)
    read = either.read_manifest(repository, "first")
    assert read == manifest
    either.put_manifest(repository, "second", read)
    assert (
        either.read_manifest(repository, "second")
        == either.read_manifest(repository, manifest.digest)
        == manifest
    )


@pytest.mark.parametrize(
    "served", ["text/plain", "application/json", "", f"{OCI_INDEX}; charset=utf-8"]
)
def test_a_media_type_lost_on_the_way(fake: FakeRegistry, client: Registry, served: str) -> None:
    manifest = of_kind(client, "r", OCI_INDEX)
    client.put_manifest("r", "v1", manifest)
    fake.fail(Fault("GET", "manifests", headers={"Content-Type": served}))
    assert client.read_manifest("r", "v1") == manifest


# Mounting


def test_a_mount_that_opens_an_upload_is_closed_and_copied(
    fake: FakeRegistry, client: Registry
) -> None:
    blob = fake.put("from", DATA)
    fake.fail(Fault("POST", "mount=", unmounted=True))
    assert not client.mount_blob("to", blob.digest, "from")
    assert not fake.uploads, "an upload was left open"
    client.ensure_blob("to", blob, "from")
    assert fake.blobs["to"][blob.digest] == DATA
    assert not fake.uploads


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("GET", "from/blobs", short=1_000_000), id="the source ends early"),
        pytest.param(
            Fault("GET", "from/blobs", body=DATA[:-1] + b"x"), id="the source serves other bytes"
        ),
    ],
)
def test_a_copy_of_other_bytes_is_not_taken(
    fake: FakeRegistry, client: Registry, fault: Fault
) -> None:
    blob = fake.put("from", DATA)
    fake.fail(Fault("POST", "mount=", unmounted=True))
    fake.fail(fault)
    with refused(EnvironmentFailed):
        client.ensure_blob("to", blob, "from")
    assert "to" not in fake.blobs


@pytest.mark.parametrize(
    "fault", [Fault("PUT", "to/blobs", 1, status=500), Fault("PUT", "to/blobs", 1, cut_after=9)]
)
def test_a_copy_survives_one_failure(fake: FakeRegistry, client: Registry, fault: Fault) -> None:
    blob = fake.put("from", DATA)
    fake.fail(Fault("POST", "mount=", unmounted=True))
    fake.fail(fault)
    client.ensure_blob("to", blob, "from")
    assert fake.blobs["to"][blob.digest] == DATA


def test_a_registry_that_cannot_cancel_uploads_is_no_obstacle(
    fake: FakeRegistry, client: Registry
) -> None:
    blob = fake.put("from", DATA)
    fake.fail(Fault("POST", "mount=", unmounted=True))
    fake.fail(Fault("DELETE", "uploads", status=405))
    client.ensure_blob("to", blob, "from")
    assert fake.blobs["to"][blob.digest] == DATA


# Many blobs at once


def test_blobs_are_mounted_together(either: Registry, repository: str) -> None:
    blobs = [
        either.push_bytes(repository, f"{repository} {number}".encode(), "x/y")
        for number in range(20)
    ]
    either.ensure_blobs(f"{repository}/to", [*blobs, *blobs], repository)
    assert all(either.has_blob(f"{repository}/to", blob.digest) for blob in blobs)


def test_each_blob_once(fake: FakeRegistry, client: Registry) -> None:
    blob = fake.put("from", DATA)
    client.ensure_blobs("to", [blob] * 9, "from")
    client.ensure_blobs("to", [], "from")
    assert fake.count("POST", "mount=") == 1


@pytest.fixture
def to_copy(fake: FakeRegistry) -> list[Descriptor]:
    """Blobs that cannot be mounted."""
    fake.fail(Fault("POST", "mount=", unmounted=True))
    return [fake.put("from", bytes([number]) + DATA) for number in range(12)]


def test_as_many_copies_at_once_as_are_allowed(
    fake: FakeRegistry, client: Registry, to_copy: list[Descriptor]
) -> None:
    together = threading.Barrier(4, timeout=10)
    fake.fail(Fault("GET", "from/blobs", meanwhile=together.wait))
    client.ensure_blobs("to", to_copy, "from", workers=4)
    assert not together.broken
    assert set(fake.blobs["to"]) == {blob.digest for blob in to_copy}


def test_the_first_error_stops_the_others(
    fake: FakeRegistry, client: Registry, to_copy: list[Descriptor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that have not begun and the one that is on its way."""
    stopped, begun = threading.Event(), threading.Event()
    monkeypatch.setattr("oci.registry.Event", lambda: stopped)

    def on_its_way() -> None:
        begun.set()
        stopped.wait(10)

    fake.fail(Fault("GET", to_copy[0].digest, status=403, meanwhile=lambda: begun.wait(10)))
    fake.fail(Fault("GET", to_copy[1].digest, meanwhile=on_its_way))
    with refused(EnvironmentFailed, "403", to_copy[0].digest):
        client.ensure_blobs("to", to_copy, "from", workers=2)
    assert stopped.is_set()
    assert "to" not in fake.blobs
    assert fake.count("GET", "from/blobs") == 2
    fake.heal()
    stopped.clear()
    client.ensure_blobs("to", to_copy, "from", workers=2)
    assert set(fake.blobs["to"]) == {blob.digest for blob in to_copy}


@pytest.mark.parametrize("number", [0, 5, 11])
def test_one_of_many_that_cannot_be_copied(
    fake: FakeRegistry, client: Registry, to_copy: list[Descriptor], number: int
) -> None:
    fake.fail(Fault("GET", to_copy[number].digest, status=404))
    with refused(EnvironmentFailed, "404", to_copy[number].digest):
        client.ensure_blobs("to", to_copy, "from")


def test_an_interrupt_stops_them_all(
    fake: FakeRegistry, client: Registry, to_copy: list[Descriptor]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    client.mount_blob = interrupt  # type: ignore[method-assign, assignment] # a fault is injected
    with pytest.raises(KeyboardInterrupt):
        client.ensure_blobs("to", to_copy, "from")
    assert fake.requests == []


# Small things


def test_errors_survive_the_way_between_processes() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(RegistryError(401, "refused")))  # noqa: S301 - made here
    check(error, EnvironmentFailed, "refused", "docker login")
    assert error.status == 401


@pytest.mark.parametrize(
    ("host", "scheme"), [("127.0.0.1:5005", "http"), ("localhost", "http"), ("r.example", "https")]
)
def test_plain_http_is_for_loopback_only(host: str, scheme: str) -> None:
    assert Registry(host)._base == f"{scheme}://{host}/v2/"


def test_file_sha256(layer: Path) -> None:
    assert f"sha256:{file_sha256(layer)}" == sha256(DATA)


def test_an_address_where_nothing_listens_is_not_waited_for_long(
    free_port: Callable[[], int], waits: list[float]
) -> None:
    with refused(EnvironmentFailed, "refused"):
        Registry(f"127.0.0.1:{free_port()}").ping()
    assert sum(waits) <= 1


def test_a_registry_that_was_there_and_restarts_is_waited_for(
    client: Registry, fake: FakeRegistry, waits: list[float]
) -> None:
    client.ping()
    fake.stop()
    client._session.close()
    with refused(EnvironmentFailed, "refused"):
        client.ping()
    assert sum(waits) >= 7
