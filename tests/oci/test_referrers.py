"""What refers to a digest, where the registry lists them and where its clients must, among other
writers and faults.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from oci.manifest import (
    EMPTY_CONFIG,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    canonical_json,
    image_manifest,
    sha256,
)
from oci.referrer_copies import UnfitArtifacts, copy_artifacts
from oci.referrer_list import Referrer
from oci.referrers import ATTEMPTS, attach_artifact, fetch_blobs, list_referrers
from oci.registry import Registry, RegistryError
from tests.fakes.refusal import refused
from tests.fakes.registry import ALWAYS, FakeRegistry, Fault

SBOM, SIGNATURE = "application/vnd.cyclonedx+json", "application/vnd.example.signature"
NOTHING = "sha256:" + "0" * 64
LIST = "manifests/sha256-[0-9a-f]{64}$"
MARK = r"manifests/sha256-[0-9a-f]{64}\.[0-9a-f]{40}$"
OWN = "manifests/sha256:"


@pytest.fixture
def fake(waits: list[float]) -> Iterator[FakeRegistry]:
    """A registry that leaves the list to its clients."""
    with FakeRegistry() as started:
        yield started


@pytest.fixture
def modern(waits: list[float]) -> Iterator[FakeRegistry]:
    """A registry with the referrers API, two entries a page."""
    with FakeRegistry(lists_referrers=True, page=2) as started:
        yield started


@pytest.fixture
def real(request: pytest.FixtureRequest) -> Registry:
    """A real distribution registry; it needs no engine."""
    if shutil.which("docker-registry") is None:
        pytest.skip("NOT RUN (docker): the program `docker-registry` is not installed")
    return Registry(request.getfixturevalue("registry_host"))


@pytest.fixture(params=["fake", "modern", "real"])
def any_kind(request: pytest.FixtureRequest) -> Registry:
    """A client of each kind of registry: what is below holds for all."""
    found = request.getfixturevalue(request.param)
    return found if isinstance(found, Registry) else Registry(found.host)


def image(client: Registry, repository: str, note: str = "image") -> Manifest:
    """An image manifest whose blobs are there and that is not."""
    config = client.push_bytes(repository, EMPTY_CONFIG, OCI_CONFIG)
    return image_manifest(config, [], {"note": note})


def about(
    client: Registry, repository: str, subject: Manifest, data: str = "{}", kind: str = SBOM
) -> Descriptor:
    blobs = [(kind, data.encode())]
    return attach_artifact(client, repository, subject.descriptor, kind, blobs, {"note": data})


def digests(found: Sequence[Referrer]) -> list[str]:
    return [referrer.descriptor.digest for referrer in found]


def the_list(client: Registry, repository: str, subject: str) -> list[dict[str, Any]]:
    """What other clients see where there is no API."""
    found = client.read_manifest(repository, subject.replace(":", "-"))
    assert found is not None
    assert found.media_type == OCI_INDEX
    entries: list[dict[str, Any]] = found.content["manifests"]
    return entries


# What works, everywhere


def test_what_is_attached_is_found_and_fetched(any_kind: Registry, repository: str) -> None:
    subject = image(any_kind, repository)
    any_kind.put_manifest(repository, "v1", subject)
    blobs = [(SBOM, b'{"first": 1}'), ("text/plain", b"second")]
    made = attach_artifact(
        any_kind, repository, subject.descriptor, SBOM, blobs, {"b": "2", "a": "1"}
    )
    found = list_referrers(any_kind, repository, subject.digest)
    assert found == (Referrer(made, SBOM, {"a": "1", "b": "2"}),)
    assert fetch_blobs(any_kind, repository, found[0]) == (b'{"first": 1}', b"second")


def test_the_subject_may_come_later(any_kind: Registry, repository: str) -> None:
    subject = image(any_kind, repository)
    made = about(any_kind, repository, subject)
    any_kind.put_manifest(repository, "v1", subject)
    assert digests(list_referrers(any_kind, repository, subject.digest)) == [made.digest]


def test_the_same_twice_is_one(any_kind: Registry, repository: str) -> None:
    subject = image(any_kind, repository)
    assert about(any_kind, repository, subject) == about(any_kind, repository, subject)
    assert len(list_referrers(any_kind, repository, subject.digest)) == 1


def test_several_by_digest_and_by_type(any_kind: Registry, repository: str) -> None:
    subject, other = image(any_kind, repository), image(any_kind, repository, "other")
    about(any_kind, repository, other)
    sboms = sorted(about(any_kind, repository, subject, str(number)).digest for number in range(5))
    signature = about(any_kind, repository, subject, kind=SIGNATURE)
    assert digests(list_referrers(any_kind, repository, subject.digest)) == sorted(
        [*sboms, signature.digest]
    )
    assert digests(list_referrers(any_kind, repository, subject.digest, SBOM)) == sboms
    assert digests(list_referrers(any_kind, repository, subject.digest, SIGNATURE)) == [
        signature.digest
    ]
    assert list_referrers(any_kind, repository, subject.digest, "text/plain") == ()


def test_nothing_refers_to_it(any_kind: Registry, repository: str) -> None:
    assert list_referrers(any_kind, repository, NOTHING) == ()
    image(any_kind, repository)
    assert list_referrers(any_kind, repository, NOTHING) == ()


def test_several_writers_at_once(any_kind: Registry, repository: str) -> None:
    subject = image(any_kind, repository)

    def write(number: int) -> str:
        return about(Registry(any_kind.host), repository, subject, str(number)).digest

    with ThreadPoolExecutor(4) as pool:
        made = sorted(pool.map(write, range(4)))
    assert digests(list_referrers(any_kind, repository, subject.digest)) == made


def test_the_manifest_is_as_the_specification_has_it(client: Registry) -> None:
    subject = Descriptor(OCI_MANIFEST, NOTHING, 7)
    made = attach_artifact(client, "r", subject, SBOM, [(SBOM, b"[]")], {"note": "x"})
    manifest = client.read_manifest("r", made.digest)
    assert manifest is not None
    assert manifest.body == canonical_json(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": SBOM,
            "config": {"mediaType": OCI_EMPTY, "digest": sha256(b"{}"), "size": 2},
            "layers": [{"mediaType": SBOM, "digest": sha256(b"[]"), "size": 2}],
            "subject": {"mediaType": OCI_MANIFEST, "digest": NOTHING, "size": 7},
            "annotations": {"note": "x"},
        }
    )


# The list where clients keep it


def test_a_registry_that_lists_them_is_left_alone(modern: FakeRegistry) -> None:
    client = Registry(modern.host)
    made = about(client, "r", image(client, "r"))
    assert modern.visible() == [f"r {made.digest}"]


def test_the_list_is_what_the_api_would_say(fake: FakeRegistry, modern: FakeRegistry) -> None:
    entries = []
    for started in (fake, modern):
        client = Registry(started.host)
        subject = image(client, "r")
        about(client, "r", subject)
        entries.append(
            client.list_referrers("r", subject.digest) or the_list(client, "r", subject.digest)
        )
    assert entries[0] == entries[1]


def test_what_others_wrote_into_the_list_stays(client: Registry) -> None:
    subject, theirs = image(client, "r"), image(client, "r", "theirs")
    client.put_manifest("r", theirs.digest, theirs)
    entry = {**theirs.descriptor.as_dict(), "platform": {"os": "linux"}, "unknown": [1]}
    content = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [entry],
        "annotations": {"by": "them"},
    }
    tag = subject.digest.replace(":", "-")
    client.put_manifest("r", tag, Manifest(canonical_json(content), OCI_INDEX))
    made = about(client, "r", subject)
    found = client.read_manifest("r", tag)
    assert found is not None
    assert entry in found.content["manifests"]
    assert found.content["annotations"] == {"by": "them"}
    assert digests(list_referrers(client, "r", subject.digest)) == sorted(
        [made.digest, theirs.digest]
    )


def test_another_image_under_the_lists_tag_is_passed_over_and_replaced(
    client: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    subject, other = image(client, "r"), image(client, "r", "other")
    first = about(client, "r", subject, "first")
    tag = subject.digest.replace(":", "-")
    client.put_manifest("r", tag, other)
    assert digests(list_referrers(client, "r", subject.digest)) == [first.digest]
    assert "is an image, not a list of referrers" in capsys.readouterr().err
    second = about(client, "r", subject, "second")
    listed = [entry["digest"] for entry in the_list(client, "r", subject.digest)]
    assert listed == sorted([first.digest, second.digest])


def test_an_image_kept_under_its_own_digest_is_no_list(client: Registry) -> None:
    subject = image(client, "r")
    client.put_manifest("r", subject.digest.replace(":", "-"), subject)
    assert list_referrers(client, "r", subject.digest) == ()
    made = about(client, "r", subject)
    assert [entry["digest"] for entry in the_list(client, "r", subject.digest)] == [made.digest]


def test_an_index_kept_under_its_own_digest_is_no_list(client: Registry) -> None:
    child = image(client, "r")
    client.put_manifest("r", child.digest, child)
    content = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [child.descriptor.as_dict()],
    }
    subject = Manifest(canonical_json(content), OCI_INDEX)
    client.put_manifest("r", subject.digest.replace(":", "-"), subject)
    assert list_referrers(client, "r", subject.digest) == ()


def test_other_tags_that_look_like_marks(client: Registry) -> None:
    """As cosign writes them; and one of ours, put by somebody on what does not refer to the
    image.
    """
    subject, other = image(client, "r"), image(client, "r", "other")
    for end in (".sig", ".att", "." + "0" * 40):
        client.put_manifest("r", subject.digest.replace(":", "-") + end, other)
    made = about(client, "r", subject)
    assert digests(list_referrers(client, "r", subject.digest)) == [made.digest]


# Other writers at every moment


class Stepped(Registry):
    """A client that stops before its request number `stop`, until `go` is set, and is killed before
    number `dies`.
    """

    def __init__(self, host: str, stop: int = 0, dies: int = 0) -> None:
        super().__init__(host)
        self.step, self.stop, self.dies = 0, stop, dies
        self.stopped, self.go = threading.Event(), threading.Event()

    def _send_request(self, *args: Any, **named: Any) -> Any:
        self.step += 1
        if self.step == self.dies:
            raise KeyboardInterrupt
        if self.step == self.stop:
            self.stopped.set()
            assert self.go.wait(10)
        return super()._send_request(*args, **named)

    def started(self, work: Callable[[], object]) -> threading.Thread:
        """Let `work` run in a thread until it stops or ends."""

        def run() -> None:
            try:
                work()
            except KeyboardInterrupt:
                pass
            finally:
                self.stopped.set()

        thread = threading.Thread(target=run)
        thread.start()
        assert self.stopped.wait(10)
        return thread


STEPS = 14
"""More than the requests of one `attach_artifact` whose blobs are there."""


def test_attaching_takes_fewer_steps_than_are_tried(client: Registry) -> None:
    subject = image(client, "r")
    stepped = Stepped(client.host)
    about(client, "r", subject, "warm")
    client.push_bytes("r", b"one", SBOM)
    about(stepped, "r", subject, "one")
    assert stepped.step == 10 < STEPS


@pytest.mark.parametrize("first", range(5, STEPS))
def test_no_order_of_two_writers_loses_an_entry(client: Registry, first: int) -> None:
    """One stops before request `first`, the other before each of its own; the one ends, then the
    other.

    Requests 1 to 4 put nothing that the other could see.
    """
    client.push_bytes("r", EMPTY_CONFIG, OCI_EMPTY)
    for data in (b"one", b"two"):
        client.push_bytes("r", data, SBOM)
    for second in range(5, STEPS):
        subject = image(client, "r", f"{first} {second}")
        writers = {"one": Stepped(client.host, first), "two": Stepped(client.host, second)}
        threads = [
            writer.started(
                lambda writer=writer, data=data, subject=subject: about(  # type: ignore[misc] # mypy cannot infer a lambda with defaults
                    writer, "r", subject, data
                )
            )
            for data, writer in writers.items()
        ]
        for writer, thread in zip(writers.values(), threads, strict=True):
            writer.go.set()
            thread.join()
        notes = sorted(
            entry["annotations"]["note"] for entry in the_list(client, "r", subject.digest)
        )
        assert notes == ["one", "two"], f"stopped before {first} and {second}"


@pytest.mark.parametrize("step", range(1, STEPS - 1))
def test_a_killed_writer_takes_nothing_with_it(client: Registry, step: int) -> None:
    """It looks, another attaches, it does one thing more, and is killed.

    Run again, it converges.
    """
    subject = image(client, "r")
    late = Stepped(client.host, step, step + 1)
    thread = late.started(lambda: about(late, "r", subject, "late"))
    made = about(client, "r", subject, "prompt")
    late.go.set()
    thread.join()
    assert made.digest in digests(list_referrers(client, "r", subject.digest))
    again = about(client, "r", subject, "late")
    listed = [entry["digest"] for entry in the_list(client, "r", subject.digest)]
    assert (
        listed
        == digests(list_referrers(client, "r", subject.digest))
        == sorted([made.digest, again.digest])
    )


def test_others_who_always_win(fake: FakeRegistry, client: Registry, waits: list[float]) -> None:
    subject = image(client, "r")
    empty = canonical_json({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []})
    about(client, "r", subject, "first")
    puts = fake.count("PUT", LIST)
    fake.fail(Fault("GET", LIST, body=empty, digest=""))
    with refused(RegistryError, "others replaced the list"):
        about(client, "r", subject, "second")
    assert fake.count("PUT", LIST) - puts == ATTEMPTS
    assert 0 < sum(waits) < 10


# Faults


@pytest.mark.parametrize("fault", [{"mute": True}, {"status": 500}, {"status": 503}], ids=str)
def test_a_put_of_the_list_that_fails_once(
    fake: FakeRegistry, client: Registry, fault: dict[str, Any]
) -> None:
    subject = image(client, "r")
    about(client, "r", subject, "first")
    fake.fail(Fault("PUT", LIST, 1, **fault))
    about(client, "r", subject, "second")
    assert fake.faults[0].times == 0, "the fault was never met"
    assert len(the_list(client, "r", subject.digest)) == 2


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(Fault("PUT", LIST, status=500), ["500"], id="list always 500"),
        pytest.param(Fault("PUT", LIST, status=403), ["403", "account"], id="list not allowed"),
        pytest.param(Fault("PUT", OWN, mute=True), ["manifests"], id="answer to the manifest lost"),
        pytest.param(Fault("PUT", MARK, mute=True), ["manifests"], id="answer to the mark lost"),
        pytest.param(Fault("GET", "tags/list", status=500), ["500"], id="tags always 500"),
        pytest.param(Fault("GET", LIST, status=500), ["500"], id="look at the list always 500"),
    ],
)
def test_an_attach_that_fails_is_done_again(
    fake: FakeRegistry, client: Registry, fault: Fault, words: list[str]
) -> None:
    subject = image(client, "r")
    before = about(client, "r", subject, "before")
    fake.fail(fault)
    with refused(RegistryError, *words):
        about(client, "r", subject)
    assert fault.times < ALWAYS, "the fault was never met"
    fake.heal()
    assert before.digest in digests(list_referrers(client, "r", subject.digest))
    about(client, "r", subject)
    assert (
        len(the_list(client, "r", subject.digest))
        == len(list_referrers(client, "r", subject.digest))
        == 2
    )


def test_a_put_that_is_not_allowed_is_not_repeated(fake: FakeRegistry, client: Registry) -> None:
    fake.fail(Fault("PUT", LIST, status=403))
    with refused(RegistryError, "403"):
        about(client, "r", image(client, "r"))
    assert fake.count("PUT", LIST) == 1


def test_an_answer_lost_by_a_registry_that_lists_them(modern: FakeRegistry) -> None:
    client = Registry(modern.host)
    subject = image(client, "r")
    modern.fail(Fault("PUT", OWN, 1, mute=True))
    about(client, "r", subject)
    assert modern.count("PUT", OWN) == 2
    assert len(list_referrers(client, "r", subject.digest)) == 1


UNREADABLE = [
    b"",
    b"<html>",
    b"[]",
    b"{}",
    b'{"manifests": 3}',
    b'{"manifests": {"a": 1}}',
    b"[" * 200_000,
    b'{"manifests": [], "manifests": []}',
]
FRAMES: list[dict[str, Any]] = [
    {"annotations": None},
    {"annotations": {"a": None}},
    {"subject": {}},
    {"artifactType": 7},
    {"x": json.loads("[" * 80 + "]" * 80)},
    {"x": "\ud800"},
]


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: body[:30].decode())
def test_a_list_of_the_registry_that_cannot_be_read_is_no_empty_list(
    modern: FakeRegistry, body: bytes
) -> None:
    client = Registry(modern.host)
    subject = image(client, "r")
    about(client, "r", subject)
    modern.fail(Fault("GET", "referrers/", body=body, digest=""))
    with refused(RegistryError, "specification"):
        list_referrers(client, "r", subject.digest)


@pytest.mark.parametrize(
    "body",
    [
        *UNREADABLE,
        b'{"manifests": [], "x": 1e999}',
        *(
            canonical_json({"mediaType": OCI_INDEX, "schemaVersion": 2, "manifests": [], **frame})
            for frame in FRAMES
        ),
    ],
    ids=lambda body: body[:99].decode(),
)
def test_a_list_of_clients_that_cannot_be_read_is_made_anew(
    fake: FakeRegistry, client: Registry, body: bytes
) -> None:
    subject = image(client, "r")
    first = about(client, "r", subject, "first")
    fake.manifests["r"][subject.digest.replace(":", "-")] = (OCI_INDEX, body)
    assert digests(list_referrers(client, "r", subject.digest)) == [first.digest]
    second = about(client, "r", subject, "second")
    listed = [entry["digest"] for entry in the_list(client, "r", subject.digest)]
    assert listed == sorted([first.digest, second.digest])


# A list that somebody edited


def edit(fake: FakeRegistry, subject: Manifest, entries: Sequence[object]) -> None:
    content = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    fake.manifests["r"][subject.digest.replace(":", "-")] = (OCI_INDEX, canonical_json(content))


@pytest.mark.parametrize(
    "change",
    [
        {"artifactType": "x/y"},
        {"artifactType": None},
        {"annotations": {}},
        {"annotations": {"note": "other"}},
    ],
    ids=str,
)
@pytest.mark.parametrize("is_beside", [False, True], ids=["in place", "beside"])
def test_what_a_list_says_of_a_marked_artifact_is_not_believed(
    fake: FakeRegistry, client: Registry, change: dict[str, Any], is_beside: bool
) -> None:
    subject = image(client, "r")
    made = about(client, "r", subject)
    entries = the_list(client, "r", subject.digest)
    edit(
        fake, subject, [*({**each, **change} for each in entries), *(entries if is_beside else [])]
    )
    assert list_referrers(client, "r", subject.digest, SBOM) == (
        Referrer(made, SBOM, {"note": "{}"}),
    )
    assert about(client, "r", subject) == made
    assert the_list(client, "r", subject.digest) == entries


def test_an_entry_that_is_vouched_for_costs_no_request(
    fake: FakeRegistry, client: Registry
) -> None:
    subject = image(client, "r")
    about(client, "r", subject)
    gets = fake.count("GET", OWN)
    list_referrers(
        client, "r", subject.digest, vouched=lambda each: each.annotations == {"note": "{}"}
    )
    assert fake.count("GET", OWN) == gets
    list_referrers(client, "r", subject.digest)
    assert fake.count("GET", OWN) == gets + 1


def test_copies_of_an_entry_are_one(fake: FakeRegistry, client: Registry) -> None:
    subject = image(client, "r")
    made = about(client, "r", subject)
    (entry,) = the_list(client, "r", subject.digest)
    edit(
        fake,
        subject,
        [{**entry, "x": number, "annotations": {"n": str(number)}} for number in range(500)],
    )
    gets = fake.count("GET", OWN)
    assert list_referrers(client, "r", subject.digest) == (Referrer(made, SBOM, {"note": "{}"}),)
    assert fake.count("GET", OWN) == gets + 1


def test_a_mark_on_another_artifact_is_none(client: Registry) -> None:
    subject = image(client, "r")
    made = about(client, "r", subject)
    found = client.read_manifest("r", made.digest)
    assert found is not None
    client.put_manifest("r", f"{subject.digest.replace(':', '-')}.{'0' * 40}", found)
    assert digests(list_referrers(client, "r", subject.digest)) == [made.digest]


def test_attaching_again_mends_a_list_and_marks_that_are_full_of_junk(
    fake: FakeRegistry, client: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Junk under the lowest marks, and a list of it that leaves no room: what is attached again is
    found again.
    """
    monkeypatch.setattr("oci.referrer_list.MAX_LOOKUPS", 5)
    monkeypatch.setattr("oci.referrer_list.MAX_MANIFEST_BYTES", 20_000)
    subject, junk = image(client, "r"), image(client, "r", "junk")
    client.put_manifest("r", junk.digest, junk)
    made = sorted(about(client, "r", subject, str(number)).digest for number in range(4))
    for number in range(9):
        client.put_manifest("r", f"{subject.digest.replace(':', '-')}.{number:040}", junk)
    others = [image(client, "r", f"other {number}") for number in range(60)]
    for each in others:
        client.put_manifest("r", each.digest, each)
    edit(fake, subject, [{**each.descriptor.as_dict(), "x": "y" * 300} for each in others])
    for number in range(4):
        about(client, "r", subject, str(number))
    assert set(made) <= set(digests(list_referrers(client, "r", subject.digest, SBOM)))
    assert {entry["digest"] for entry in the_list(client, "r", subject.digest)[:4]} == set(made)


@pytest.mark.parametrize("status", [400, 422])
def test_a_list_that_the_registry_refuses_is_written_plainly(
    fake: FakeRegistry, client: Registry, status: int
) -> None:
    """Such as one whose entries hold what another version of the registry accepted."""
    subject, theirs = image(client, "r"), image(client, "r", "theirs")
    client.put_manifest("r", theirs.digest, theirs)
    edit(fake, subject, [{**theirs.descriptor.as_dict(), "platform": 7}])
    fake.fail(Fault("PUT", LIST, 1, status=status))
    made = about(client, "r", subject)
    entries = {entry["digest"]: entry for entry in the_list(client, "r", subject.digest)}
    assert entries[theirs.digest] == theirs.descriptor.as_dict()
    assert set(entries) == {theirs.digest, made.digest}


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_registry_that_refuses_the_list_is_not_taken_for_one_without(
    modern: FakeRegistry, status: int
) -> None:
    modern.fail(Fault("GET", "referrers", status=status))
    with refused(RegistryError, str(status)):
        list_referrers(Registry(modern.host), "r", NOTHING)


# Fetching


@pytest.fixture
def evidence(client: Registry) -> Referrer:
    """An artifact of 1000 and 24 bytes."""
    subject = image(client, "r")
    attach_artifact(
        client, "r", subject.descriptor, SBOM, [(SBOM, bytes(1000)), (SBOM, bytes(24))], {}
    )
    return list_referrers(client, "r", subject.digest)[0]


def test_more_than_the_limit_is_not_fetched(
    fake: FakeRegistry, client: Registry, evidence: Referrer
) -> None:
    assert sum(map(len, fetch_blobs(client, "r", evidence, limit=1024))) == 1024
    gets = fake.count("GET", "blobs")
    with refused(RegistryError, "1024", "1023"):
        fetch_blobs(client, "r", evidence, limit=1023)
    assert fake.count("GET", "blobs") == gets


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param(
            Fault("GET", "blobs", body=bytes(5_000_000)), "more than its 1000", id="a longer blob"
        ),
        pytest.param(Fault("GET", "blobs", body=b"x" * 1000), "other bytes", id="another blob"),
        pytest.param(Fault("GET", "blobs", short=10), "blobs", id="a blob cut short"),
        pytest.param(Fault("GET", "blobs", status=404), "404", id="no blob"),
        pytest.param(Fault("GET", OWN, body=b"{}"), "other bytes", id="another manifest"),
        pytest.param(Fault("GET", OWN, status=404), "not there", id="no manifest"),
    ],
)
def test_what_is_not_what_was_listed(
    fake: FakeRegistry, client: Registry, evidence: Referrer, fault: Fault, words: str
) -> None:
    fake.fail(fault)
    with refused(RegistryError, words):
        fetch_blobs(client, "r", evidence)


# Copying


@pytest.mark.parametrize("image_first", [True, False], ids=["image first", "referrers first"])
def test_what_is_named_is_copied_and_nothing_else(
    any_kind: Registry, repository: str, image_first: bool
) -> None:
    source, target = f"{repository}/from", f"{repository}/to"
    subject = image(any_kind, source)
    image(any_kind, target)
    made = [about(any_kind, source, subject, str(number)).digest for number in range(3)]
    about(any_kind, source, subject, "not named")
    about(any_kind, target, subject, "was there")
    if image_first:
        any_kind.put_manifest(target, "v1", subject)
    copy_artifacts(any_kind, source, target, subject.digest, made)
    found = list_referrers(any_kind, target, subject.digest)
    assert sorted(referrer.annotations["note"] for referrer in found) == [
        "0",
        "1",
        "2",
        "was there",
    ]
    copy_artifacts(any_kind, source, target, subject.digest, made)
    assert list_referrers(any_kind, target, subject.digest) == found
    for each in list_referrers(any_kind, source, subject.digest):
        if each.descriptor.digest in made:
            assert fetch_blobs(any_kind, target, each) == fetch_blobs(any_kind, source, each)


def test_what_is_about_another_image_is_not_copied(client: Registry) -> None:
    subject, other = image(client, "from"), image(client, "from", "other")
    made = about(client, "from", other)
    with refused(RegistryError, made.digest, "not about", subject.digest):
        copy_artifacts(client, "from", "to", subject.digest, [made.digest])


def test_more_than_the_limit_is_not_copied(
    client: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = image(client, "from")
    made = about(client, "from", subject, "x" * 1000)
    monkeypatch.setattr("oci.referrer_copies.MAX_BYTES", 999)
    with refused(RegistryError, made.digest, "more than 999"):
        copy_artifacts(client, "from", "to", subject.digest, [made.digest])


def test_what_cannot_be_copied_is_told_apart_before_anything_is_copied(
    fake: FakeRegistry, client: Registry
) -> None:
    """Whoever copies can then leave it out."""
    subject, other = image(client, "from"), image(client, "from", "other")
    good, foreign = about(client, "from", subject), about(client, "from", other, "foreign")
    config, empty = client.push_bytes("from", EMPTY_CONFIG, OCI_EMPTY), sha256(EMPTY_CONFIG)
    bad = {
        "is not about": foreign.digest,
        "is referred to, but is not there": f"sha256:{'0' * 64}",
    }
    for words, size in (("more than 268435456", 1 << 40), ("configuration of a wrong size", 3)):
        claimed = Descriptor(OCI_EMPTY, empty, size)
        made = image_manifest(claimed, [config], {}, "x/y", subject.descriptor)
        client.put_manifest("from", made.digest, made)
        bad[words] = made.digest
    fake.requests.clear()
    with pytest.raises(UnfitArtifacts) as caught:
        copy_artifacts(client, "from", "to", subject.digest, [good.digest, *bad.values()])
    assert set(caught.value.problems) == set(bad.values())
    assert all(words in caught.value.problems[digest] for words, digest in bad.items())
    assert not any("/to/" in line for line in fake.requests)
    copy_artifacts(client, "from", "to", subject.digest, [good.digest])
    assert [each.descriptor for each in list_referrers(client, "to", subject.digest)] == [good]


def test_the_size_of_a_configuration_that_is_too_large_is_told(client: Registry) -> None:
    subject = image(client, "r")
    layer = client.push_bytes("r", b"x", "x/y")
    claimed = Descriptor(OCI_EMPTY, sha256(EMPTY_CONFIG), 1 << 40)
    made = image_manifest(claimed, [layer], {}, "x/y", subject.descriptor)
    client.put_manifest("r", made.digest, made)
    with refused(RegistryError, f"has a configuration of {1 << 40} bytes"):
        fetch_blobs(client, "r", Referrer(made.descriptor, "x/y", {}))


def test_the_bytes_of_others_are_copied_as_they_are(any_kind: Registry, repository: str) -> None:
    """A manifest written with spaces, its type told by its configuration; and an index."""
    source, target = f"{repository}/from", f"{repository}/to"
    subject, config = image(any_kind, source), any_kind.push_bytes(source, b"theirs", SIGNATURE)
    plain = image_manifest(config, [], {}, "", subject.descriptor)
    theirs = Manifest(json.dumps(plain.content, indent=3).encode(), OCI_MANIFEST)
    content = {"mediaType": OCI_INDEX, "schemaVersion": 2, "subject": subject.descriptor.as_dict()}
    index = Manifest(
        canonical_json({**content, "manifests": [theirs.descriptor.as_dict()]}), OCI_INDEX
    )
    for manifest in (theirs, index):
        put_as_others_do(any_kind, source, subject.digest, manifest)
    copy_artifacts(any_kind, source, target, subject.digest, [theirs.digest, index.digest])
    for manifest in (theirs, index):
        assert any_kind.read_manifest(target, manifest.digest) == manifest
    found = list_referrers(any_kind, target, subject.digest)
    kinds = {referrer.descriptor.digest: referrer.artifact_type for referrer in found}
    assert kinds == {theirs.digest: SIGNATURE, index.digest: ""}


def put_as_others_do(client: Registry, repository: str, subject: str, manifest: Manifest) -> None:
    """An artifact and its entry, without a mark."""
    if client.put_manifest(repository, manifest.digest, manifest):
        return
    tag = subject.replace(":", "-")
    before = client.read_manifest(repository, tag)
    entries = before.content["manifests"] if before else []
    kind = (
        {"artifactType": manifest.content["config"]["mediaType"]}
        if "config" in manifest.content
        else {}
    )
    content = {"manifests": [*entries, {**manifest.descriptor.as_dict(), **kind}]}
    listed = Manifest(
        canonical_json({"schemaVersion": 2, "mediaType": OCI_INDEX, **content}), OCI_INDEX
    )
    client.put_manifest(repository, tag, listed)


def test_blobs_are_mounted(fake: FakeRegistry, client: Registry) -> None:
    subject = image(client, "from")
    made = about(client, "from", subject)
    copy_artifacts(client, "from", "to", subject.digest, [made.digest])
    assert fake.count("PUT", "/to/blobs") == 0
    assert fake.count("POST", "/to/blobs.*mount=") > 0


def test_blobs_are_moved_where_they_cannot_be_mounted(fake: FakeRegistry, client: Registry) -> None:
    subject = image(client, "from")
    made = about(client, "from", subject, "moved")
    fake.fail(Fault("POST", "mount=", unmounted=True))
    copy_artifacts(client, "from", "to", subject.digest, [made.digest])
    assert fetch_blobs(client, "to", list_referrers(client, "to", subject.digest)[0]) == (b"moved",)


@pytest.mark.parametrize("kind", ["fake", "modern"])
def test_a_copy_killed_anywhere_is_done_again(request: pytest.FixtureRequest, kind: str) -> None:
    host = request.getfixturevalue(kind).host
    client = Registry(host)
    subject = image(client, "from")
    made = [about(client, "from", subject, str(number)).digest for number in range(2)]
    total = Stepped(host)
    copy_artifacts(total, "from", "to-whole", subject.digest, made)
    killed = 0
    for step in range(1, total.step + 1):
        try:
            copy_artifacts(Stepped(host, dies=step), "from", f"to-{step}", subject.digest, made)
        except KeyboardInterrupt:
            killed += 1
        copy_artifacts(client, "from", f"to-{step}", subject.digest, made)
        assert len(list_referrers(client, f"to-{step}", subject.digest)) == 2, step
    assert killed > total.step - 4, (
        "artifacts are brought side by side, and may ask for a blob once more or less"
    )


def test_an_artifact_that_is_gone_is_named(fake: FakeRegistry, client: Registry) -> None:
    subject = image(client, "from")
    made = about(client, "from", subject)
    del fake.manifests["from"][made.digest]
    with refused(RegistryError, made.digest, "not there"):
        copy_artifacts(client, "from", "to", subject.digest, [made.digest])


def delete(client: Registry, repository: str, digest: str) -> None:
    """As a clean-up in the registry does: the manifest, and every tag on it."""
    address = f"http://{client.host}/v2/{repository}/manifests/{digest}"
    assert requests.delete(address, timeout=60).status_code == 202


@pytest.mark.parametrize("kind", ["fake", "real"])
def test_a_list_with_holes_is_mended(
    request: pytest.FixtureRequest, repository: str, kind: str
) -> None:
    found = request.getfixturevalue(kind)
    client = found if isinstance(found, Registry) else Registry(found.host)
    subject = image(client, repository)
    gone, stays = (
        about(client, repository, subject, "gone"),
        about(client, repository, subject, "stays"),
    )
    if isinstance(found, FakeRegistry):
        held = found.manifests[repository]
        for name in [name for name, (_, body) in held.items() if sha256(body) == gone.digest]:
            del held[name]
    else:
        delete(client, repository, gone.digest)
    assert len(list_referrers(client, repository, subject.digest)) == 2, "the list still names it"
    made = about(client, repository, subject, "new")
    assert digests(list_referrers(client, repository, subject.digest)) == sorted(
        [stays.digest, made.digest]
    )


GARBAGE: list[object] = [
    3,
    None,
    "x",
    [],
    {},
    {"mediaType": "x/y", "digest": "sha256:0", "size": 1},
    {"digest": 5},
    {"digest": []},
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=str)
def test_an_entry_that_is_no_descriptor_hides_no_other(
    fake: FakeRegistry, client: Registry, garbage: object
) -> None:
    subject = image(client, "r")
    first = about(client, "r", subject, "first")
    tag = subject.digest.replace(":", "-")
    content = json.loads(fake.manifests["r"][tag][1])
    content["manifests"].append(garbage)
    fake.manifests["r"][tag] = (OCI_INDEX, canonical_json(content))
    assert digests(list_referrers(client, "r", subject.digest)) == [first.digest]
    second = about(client, "r", subject, "second")
    assert digests(list_referrers(client, "r", subject.digest)) == sorted(
        [first.digest, second.digest]
    )


@pytest.mark.parametrize("notes", [None, 3, [], {"note": None}, {"note": {"a": 1}}], ids=str)
def test_annotations_that_are_no_text_are_left_out(
    fake: FakeRegistry, client: Registry, notes: object
) -> None:
    """Of an artifact without a mark, of which the list alone is read."""
    subject = image(client, "r")
    made = about(client, "r", subject)
    entries = the_list(client, "r", subject.digest)
    edit(fake, subject, [{**entries[0], "annotations": notes}])
    fake.manifests["r"] = {
        name: each for name, each in fake.manifests["r"].items() if "." not in name
    }
    assert list_referrers(client, "r", subject.digest) == (Referrer(made, SBOM, {}),)


def test_what_a_full_list_has_no_room_for_is_found_all_the_same(
    fake: FakeRegistry, client: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = image(client, "r")
    first = about(client, "r", subject, "first")
    monkeypatch.setattr("oci.referrer_list.MAX_MANIFEST_BYTES", 450)
    second = about(client, "r", subject, "second")
    assert [entry["digest"] for entry in the_list(client, "r", subject.digest)] == [second.digest]
    assert digests(list_referrers(client, "r", subject.digest)) == sorted(
        [first.digest, second.digest]
    )


def test_so_many_marks_are_looked_at_and_no_more(
    fake: FakeRegistry,
    client: Registry,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    subject, other = image(client, "r"), image(client, "r", "other")
    monkeypatch.setattr("oci.referrer_list.MAX_LOOKUPS", 5)
    for number in range(9):
        client.put_manifest("r", f"{subject.digest.replace(':', '-')}.{number:040}", other)
    gets = fake.count("GET", MARK)
    assert list_referrers(client, "r", subject.digest) == ()
    assert fake.count("GET", MARK) - gets == 5
    assert "4 artifacts" in capsys.readouterr().err


# Lists of several pages


def test_tags_of_several_pages(modern: FakeRegistry) -> None:
    client = Registry(modern.host)
    made = image(client, "r")
    for number in range(5):
        client.put_manifest("r", f"v{number}", made)
    assert client.list_tags("r") == ("v0", "v1", "v2", "v3", "v4")
    assert modern.count("GET", "tags/list") == 3


def test_a_page_that_is_missing_is_no_end(modern: FakeRegistry) -> None:
    client = Registry(modern.host)
    subject = image(client, "r")
    for number in range(3):
        about(client, "r", subject, str(number))
    modern.fail(Fault("GET", "referrers.*from=2", status=404))
    with refused(RegistryError, "404"):
        list_referrers(client, "r", subject.digest)


def test_tags_of_a_real_registry(real: Registry, repository: str) -> None:
    assert real.list_tags(repository) == ()
    for tag in ("v1", "v0"):
        real.put_manifest(repository, tag, image(real, repository))
    assert sorted(real.list_tags(repository)) == ["v0", "v1"]


def test_a_list_without_an_end_is_cut(
    modern: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oci.registry.PAGES", 5)
    client = Registry(modern.host)
    client.put_manifest("r", "v1", image(client, "r"))
    modern.fail(Fault("GET", "tags", headers={"Link": '</v2/r/tags/list>; rel="next"'}))
    assert set(client.list_tags("r")) == {"v1"}
    assert client.has_cut_list("r")


@pytest.mark.parametrize(
    ("link", "words"),
    [
        pytest.param(
            '<http://elsewhere.example/v2/>; rel="next"',
            "elsewhere, at http://elsewhere",
            id="to another host",
        ),
    ],
)
def test_a_list_that_leads_astray(
    modern: FakeRegistry, monkeypatch: pytest.MonkeyPatch, link: str, words: str
) -> None:
    monkeypatch.setattr("oci.registry.PAGES", 5)
    client = Registry(modern.host)
    client.put_manifest("r", "v1", image(client, "r"))
    modern.fail(Fault("GET", "tags", headers={"Link": link}))
    with refused(RegistryError, words):
        client.list_tags("r")
