"""Big blobs in chunks: cut, refused, forgotten and misunderstood at every chunk, and in the right
place afterwards.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from oci import upload
from oci.manifest import Descriptor, sha256
from oci.registry import Registry
from runner.errors import EnvironmentFailed
from tests.fakes.cutting import Cutting
from tests.fakes.guard import Guard
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry, Fault

DATA = bytes(range(251)) * 1100  # no two places look the same to a copy that is off by some bytes
CHUNK = 50_000
STARTS = range(0, len(DATA), CHUNK)
LAST = len(DATA) - STARTS[-1]
BLOB = Descriptor("application/octet-stream", sha256(DATA), len(DATA))

Push = Callable[[], list[int]]


pytestmark = pytest.mark.usefixtures("waits")


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "CHUNK_BYTES", CHUNK)


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    path = tmp_path / "layer"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def push(fake: FakeRegistry, layer: Path) -> Push:
    """Pushes the layer; returns what was reported of it."""

    def run() -> list[int]:
        counted: list[int] = []
        Registry(fake.host).push_file("r", layer, BLOB.digest, counted.append)
        assert fake.blobs["r"][BLOB.digest] == DATA
        assert not fake.uploads, "an upload was left open"
        return counted

    return run


def at(start: int) -> str:
    """The chunk that begins at an offset."""
    return f"uploads/.*_state={start}$"


def sessions(fake: FakeRegistry) -> int:
    return fake.count("POST", "r/blobs/uploads/")


def test_a_big_blob_goes_in_chunks(fake: FakeRegistry, push: Push) -> None:
    assert sum(push()) == len(DATA)
    assert fake.count("PATCH", "uploads") == len(STARTS)
    assert sessions(fake) == 1


def test_a_small_one_goes_in_one_piece(fake: FakeRegistry) -> None:
    Registry(fake.host).push_bytes("r", DATA[:CHUNK], "x/y")
    assert fake.count("PATCH", "uploads") == 0


def test_nothing_at_all_is_a_blob_too(fake: FakeRegistry) -> None:
    empty = Registry(fake.host).push_bytes("r", b"", "x/y")
    assert fake.blobs["r"][empty.digest] == b""


def test_chunks_as_big_as_the_registry_wants_them(fake: FakeRegistry, push: Push) -> None:
    fake.fail(Fault("POST", "uploads", headers={"OCI-Chunk-Min-Length": "100000"}))
    push()
    assert fake.count("PATCH", "uploads") == 3


# Cut at every chunk


CUTS = [
    (start, cut)
    for start in STARTS
    for cut in (
        0,
        1,
        2,
        CHUNK // 2,
        min(CHUNK, len(DATA) - start) - 1,
        min(CHUNK, len(DATA) - start),
    )
    if cut <= len(DATA) - start
]
"""Chunk, and how many of its bytes came."""


def test_how_many_cuts_there_are() -> None:
    assert len(CUTS) == 36


@pytest.mark.parametrize(("start", "cut"), CUTS)
def test_an_upload_goes_on_after_a_cut(
    fake: FakeRegistry, push: Push, start: int, cut: int
) -> None:
    """Exactly where it was cut; only of none and of one byte the registry's answer is the same, and
    it begins again.
    """
    fault = Fault("PATCH", at(start), 1, cut_after=cut)
    fake.fail(fault)
    counted = push()
    assert fault.times == 0, "the fault was never met"
    assert sum(counted) == len(DATA), "the same bytes were reported twice"
    assert sessions(fake) == (1 if start + cut > 1 else 2)
    if 0 < cut < min(CHUNK, len(DATA) - start) and start + cut > 1:
        assert fake.count("PATCH", at(start + cut)) == 1


@pytest.mark.parametrize(("start", "cut"), CUTS)
def test_an_upload_that_the_registry_forgets_begins_again(
    fake: FakeRegistry, push: Push, start: int, cut: int
) -> None:
    fake.forgets = True
    fake.fail(Fault("PATCH", at(start), 1, cut_after=cut))
    counted = push()
    assert sessions(fake) == 2
    assert sum(counted) == len(DATA)


def test_an_upload_cut_in_every_chunk(fake: FakeRegistry, push: Push) -> None:
    for start in STARTS:
        fake.fail(Fault("PATCH", at(start), 1, cut_after=LAST // 2))
    push()
    assert sessions(fake) == 1


def test_an_upload_cut_again_and_again(fake: FakeRegistry, layer: Path, push: Push) -> None:
    """Then it is told, and nothing is visible."""
    fake.fail(Fault("PATCH", "uploads", cut_after=10))
    with refused(EnvironmentFailed, fake.host, "run the same command again"):
        push()
    assert not fake.blobs
    assert fake.count("PATCH", "uploads") == 3 * (upload.CUTS + 1)
    fake.heal()
    push()


# Other answers at every chunk


PASSING: dict[str, dict[str, Any]] = {
    "429": {"status": 429, "headers": {"Retry-After": "7"}},
    "500": {"status": 500},
    "503": {"status": 503},
    "answer lost": {"mute": True},
    "it stands elsewhere, it says": {"status": 416},
}


@pytest.mark.parametrize("start", STARTS[1:])
@pytest.mark.parametrize("name", PASSING)
def test_what_passes_stops_no_upload(fake: FakeRegistry, push: Push, start: int, name: str) -> None:
    fault = Fault("PATCH", at(start), 1, **PASSING[name])
    fake.fail(fault)
    push()
    assert fault.times == 0
    assert sessions(fake) == 1


def test_the_wait_that_a_registry_asks_for(
    fake: FakeRegistry, push: Push, waits: list[float]
) -> None:
    fake.fail(Fault("PATCH", at(CHUNK), 1, status=429, headers={"Retry-After": "7"}))
    fake.fail(Fault("PUT", "uploads", 1, status=503, headers={"Retry-After": "9"}))
    push()
    assert waits == [7, 9]


def test_a_wait_of_hours_is_not_waited_for(
    fake: FakeRegistry, push: Push, waits: list[float]
) -> None:
    fake.fail(Fault("PATCH", at(CHUNK), 1, status=429, headers={"Retry-After": "10000"}))
    with refused(EnvironmentFailed, "429", "10000"):
        push()
    assert waits == []


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("status", [400, 404, 405, 413, 416])
def test_a_registry_that_takes_no_such_chunk(
    fake: FakeRegistry, push: Push, start: int, status: int
) -> None:
    """It gets the blob in one piece; after 416, which says only that it stands elsewhere, it is
    asked first.
    """
    fake.fail(Fault("PATCH", at(start), status=status))
    push()
    assert fake.count("PUT", "uploads") == 1
    assert sessions(fake) == 2


@pytest.mark.parametrize("status", [401, 403, 507])
@pytest.mark.parametrize("start", STARTS)
def test_a_refusal_is_told_at_once(fake: FakeRegistry, push: Push, start: int, status: int) -> None:
    fake.fail(Fault("PATCH", at(start), status=status))
    with refused(EnvironmentFailed, fake.host, str(status)):
        push()
    assert sessions(fake) == 1
    assert not fake.blobs
    assert not fake.uploads


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(Fault("PUT", "uploads", 1, cut_after=0), id="cut"),
        pytest.param(Fault("PUT", "uploads", 1, status=500), id="500"),
        pytest.param(Fault("PUT", "uploads", 1, status=404), id="forgotten"),
        pytest.param(Fault("PUT", "uploads", 1, status=416), id="other range"),
    ],
)
def test_an_upload_that_cannot_be_closed_begins_again(
    fake: FakeRegistry, push: Push, fault: Fault
) -> None:
    fake.fail(fault)
    push()
    assert fault.times == 0
    assert sessions(fake) == 2


def test_a_blob_that_was_taken_is_not_sent_again(fake: FakeRegistry, push: Push) -> None:
    fake.fail(Fault("PUT", "uploads", 1, mute=True))
    push()
    assert sessions(fake) == 1


@pytest.mark.parametrize("digest", [sha256(b"other"), "sha512:0", "nonsense"])
def test_a_registry_that_took_other_bytes(fake: FakeRegistry, push: Push, digest: str) -> None:
    fake.fail(Fault("PUT", "uploads", 1, digest=digest))
    with refused(EnvironmentFailed, BLOB.digest, digest, "took"):
        push()


def test_a_registry_that_does_not_say_what_it_took(fake: FakeRegistry, push: Push) -> None:
    fake.fail(Fault("PUT", "uploads", 1, digest=""))
    push()


# Answers that are not true


RANGES = ["0-0", "0-9", "0-9999999", "bytes=0-49999", "5-10", "", "nonsense"]


@pytest.mark.parametrize("said", RANGES)
@pytest.mark.parametrize("method", ["PATCH", "GET"])
def test_a_range_that_is_not_true(fake: FakeRegistry, push: Push, method: str, said: str) -> None:
    """The digest has the last word."""
    fake.fail(Fault("PATCH", at(2 * CHUNK), 1, cut_after=10))
    fault = Fault(
        method, at(CHUNK) if method == "PATCH" else "uploads/", 1, headers={"Range": said}
    )
    fake.faults.insert(0, fault)
    push()
    assert fault.times == 0


def test_a_registry_that_keeps_nothing(fake: FakeRegistry, push: Push) -> None:
    fake.fail(Fault("PATCH", "uploads", headers={"Range": "0-1"}))
    push()
    assert fake.count("PATCH", "uploads") < 50


def test_an_upload_that_is_nowhere(fake: FakeRegistry, push: Push) -> None:
    fake.fail(Fault("POST", "uploads", headers={"Location": ""}))
    with refused(EnvironmentFailed, fake.host, "an upload without an address"):
        push()


# Tokens that end


@pytest.fixture
def guard(fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Guard:
    """Tokens for an account that is configured."""
    fake.guard = Guard("Bearer")
    secret = base64.b64encode(f"me:{fake.guard.password}".encode()).decode()
    (tmp_path / "config.json").write_text(json.dumps({"auths": {fake.host: {"auth": secret}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return fake.guard


@pytest.mark.long
@pytest.mark.parametrize("lifetime", range(1, 12))
@pytest.mark.parametrize("cut", [None, *STARTS])
def test_a_token_that_ends_in_the_middle(
    fake: FakeRegistry, guard: Guard, push: Push, lifetime: int, cut: int | None
) -> None:
    """After any number of requests; also where the registry cuts the request instead of answering
    401.
    """
    guard.lifetime = lifetime
    if cut is not None:
        fake.fail(Fault("PATCH", at(cut), 1, cut_after=LAST // 2))
    push()
    assert sessions(fake) <= 2
    to_look, to_push = 1, 2 + len(STARTS)  # requests
    assert guard.issued >= to_look + math.ceil(to_push / lifetime)


# From one repository to another


@pytest.fixture
def copy(fake: FakeRegistry) -> Callable[[], None]:
    fake.put("from", DATA)
    fake.fail(Fault("POST", "mount=", unmounted=True))

    def run() -> None:
        Registry(fake.host).ensure_blob("to", BLOB, "from")
        assert fake.blobs["to"][BLOB.digest] == DATA

    return run


def test_a_copy_reads_what_it_sends(fake: FakeRegistry, copy: Callable[[], None]) -> None:
    copy()
    assert fake.count("GET", "from/blobs") == len(STARTS)


@pytest.mark.parametrize("start", STARTS)
def test_a_copy_goes_on_after_a_cut(
    fake: FakeRegistry, copy: Callable[[], None], start: int
) -> None:
    fake.fail(Fault("PATCH", at(start), 1, cut_after=LAST // 2))
    copy()
    assert fake.count("POST", "to/blobs/uploads/$") == 1


@pytest.mark.parametrize("chunk", range(len(STARTS)))
def test_a_copy_whose_source_is_cut(
    fake: FakeRegistry, copy: Callable[[], None], chunk: int
) -> None:
    faults = [Fault("GET", "from/blobs", chunk), Fault("GET", "from/blobs", 1, short=LAST // 2)]
    fake.faults[:0] = faults
    copy()
    assert not any(fault.times for fault in faults)


def test_a_source_that_serves_no_parts(fake: FakeRegistry, copy: Callable[[], None]) -> None:
    fake.fail(Fault("GET", "from/blobs", body=DATA))
    copy()
    assert fake.count("PATCH", "to/blobs") == 1


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1, len(DATA) + CHUNK])
def test_a_source_of_another_size_than_said(
    fake: FakeRegistry, copy: Callable[[], None], size: int
) -> None:
    with refused(EnvironmentFailed, BLOB.digest):
        Registry(fake.host).ensure_blob(
            "to", Descriptor(BLOB.media_type, BLOB.digest, size), "from"
        )
    assert "to" not in fake.blobs


# A real registry


@pytest.mark.docker
@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("cut", [0, 1, CHUNK // 2])
def test_a_real_registry_after_a_cut(
    registry_host: str, tmp_path: Path, start: int, cut: int
) -> None:
    """Distribution 2.8 forgets the upload when it is asked, later versions do not."""
    data = f"{start} {cut}".encode().ljust(16) + DATA
    (tmp_path / "layer").write_bytes(data)
    with Cutting(registry_host, start + cut + 2000) as way:
        counted: list[int] = []
        Registry(way.host).push_file("cut", tmp_path / "layer", sha256(data), counted.append)
        assert way.is_cut
    assert sum(counted) == len(data)
    assert Registry(registry_host).read_blob("cut", sha256(data)) == data


@pytest.mark.docker
def test_a_real_registry_takes_chunks_and_copies(
    registry_host: str, layer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Registry(registry_host)
    client.push_file("chunks/from", layer, BLOB.digest, lambda _: None)
    monkeypatch.setattr(client, "mount_blob", lambda *_: False)
    client.ensure_blob("chunks/to", BLOB, "chunks/from")
    assert client.read_blob("chunks/to", BLOB.digest) == DATA
