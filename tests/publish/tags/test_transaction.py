"""All tags of a release or none, whatever happens in between, on the fake registry and on a real
one.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from images.catalog import Repositories
from oci import document, referrers
from oci.document import Seal
from oci.manifest import (
    EMPTY_CONFIG,
    OCI_EMPTY,
    OCI_MANIFEST,
    Manifest,
    canonical_json,
    image_manifest,
    sha256,
)
from oci.registry import Registry
from publish.evidence import documents
from publish.evidence.keys import PrivateKey
from publish.tags import journal, lock
from publish.tags.promotion_plan import ApprovedImage, plan_moves
from publish.tags.rollback import roll_back
from publish.tags.transaction import preview_promotion, promote_tags
from runner import redaction, secret_values
from runner.errors import EnvironmentFailed, GateRefused, ReleaseError
from tests.fakes.guard import Guard
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry, Fault
from tests.publish import moving
from tests.publish.moving import (
    IMAGES,
    REPOSITORIES,
    Clock,
    World,
    approved,
    at,
    direct,
    line,
    released,
    tag_set,
    tags,
)
from tests.publish.secured import log_in, secured
from tests.publish.signed import P256, STRANGER, journal_seal, trust

PRODUCTION = REPOSITORIES.production
TAG = f"/{PRODUCTION}/manifests/(v|latest)"
FOREIGN = "sha256:" + "0" * 64


pytestmark = pytest.mark.usefixtures("clock")

EVERY = pytest.param(1, id="every moment", marks=pytest.mark.thorough)
MOMENTS = [pytest.param(5, id="every fifth moment"), EVERY]
"""Steps from one moment to the next. All moments of all tests take five minutes: `make thorough`
tries them, and `make test` every fifth.
"""


@pytest.fixture
def modern() -> Iterator[FakeRegistry]:
    """With the referrers API."""
    with FakeRegistry(lists_referrers=True) as started:
        yield started


# What is planned


def test_own_tags_first_then_aliases_and_latest_last() -> None:
    approvals = [
        ApprovedImage(image, f"digest of {image}", "staging", "decision") for image in IMAGES
    ]
    moves = plan_moves(tag_set("v2.6.3", ["latest", "v2.6", "2026.11"]), approvals)
    stems = ["v2.6.3", "v2.6", "2026.11", "latest"]
    assert [each.tag for each in moves] == [
        f"{stem}{image}" for stem in stems for image in ("", "-base", "-cv")
    ]
    assert [each.alias for each in moves[::3]] == ["", "v2.6", "2026.11", "latest"]
    assert {each.digest for each in moves if each.tag.endswith("-cv")} == {"digest of cv"}


@pytest.mark.parametrize("given", [(), ("base",), ("base", "cv", "nlp"), ("base", "base")])
def test_all_images_of_a_release_or_none(given: tuple[str, ...]) -> None:
    approvals = [ApprovedImage(image, FOREIGN, "staging", "") for image in given]
    with refused(GateRefused, "v2.6.3 consists of base, cv", "together"):
        plan_moves(tag_set("v2.6.3"), approvals)


# What it does


SUFFIXES = ("", "-base", "-cv")
REAL = [pytest.param(kind, marks=pytest.mark.docker) for kind in ("real", "secured")]


@pytest.fixture(scope="module")
def secured_host(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[str]:
    """A real distribution registry with accounts and TLS, and what a client needs to be let in."""
    folder = tmp_path_factory.mktemp("secured")
    with pytest.MonkeyPatch.context() as patched, secured(folder, free_port()) as host:
        patched.setenv("DOCKER_CONFIG", str(folder))
        patched.setenv("REQUESTS_CA_BUNDLE", str(folder / "certificate.pem"))
        yield host


@pytest.fixture(params=["fake", "modern", *REAL])
def any_kind(request: pytest.FixtureRequest) -> Registry:
    """Registries with and without the referrers API, a real one, and a real one with accounts and
    TLS.
    """
    if request.param in ("fake", "modern"):
        return direct(request.getfixturevalue(request.param))
    if request.param == "real":
        return Registry(request.getfixturevalue("registry_host"))
    return Registry(request.getfixturevalue("secured_host"))


def test_a_release_and_a_patch(any_kind: Registry, repositories: Repositories) -> None:
    first = released(any_kind, "v2.6.0", repositories=repositories)
    second = released(any_kind, "v2.6.1", repositories=repositories)
    own = {entry.tag: entry.new for entry in (*first.entries, *second.entries) if not entry.alias}
    aliases = {
        f"{alias}{suffix}": own[f"v2.6.1{suffix}"]
        for alias in ("v2.6", "latest")
        for suffix in SUFFIXES
    }
    assert tags(any_kind, repositories) == own | aliases
    assert [entry.old for entry in first.entries] == [""] * 9
    moved = {entry.tag: entry.old for entry in second.entries if entry.alias}
    assert moved == {
        tag: own[tag.replace("v2.6", "v2.6.0").replace("latest", "v2.6.0")] for tag in aliases
    }


def test_the_same_bytes_with_all_that_is_known_of_them(
    any_kind: Registry, repositories: Repositories
) -> None:
    approvals = approved(any_kind, "v2.6.0", repositories=repositories)
    promote_tags(at(any_kind, repositories=repositories), tag_set("v2.6.0"), approvals)
    for each in approvals:
        staged = any_kind.read_manifest(repositories.staging, each.digest)
        assert any_kind.read_manifest(repositories.production, moving_tag(each)) == staged
        found = referrers.list_referrers(any_kind, repositories.production, each.digest)
        assert {referrer.artifact_type for referrer in found} == {
            moving.LISTED,
            moving.SAID,
            moving.DECIDED,
        }
        assert found == referrers.list_referrers(any_kind, repositories.staging, each.digest)


def moving_tag(each: ApprovedImage) -> str:
    """Its own tag."""
    return journal.list_tags_of("v2.6.0", each.image)[0]


def test_promoting_twice_changes_nothing(any_kind: Registry, repositories: Repositories) -> None:
    released(any_kind, "v2.6.0", repositories=repositories)
    before = tags(any_kind, repositories), journal.read_journal(any_kind, repositories.journal)
    released(any_kind, "v2.6.0", repositories=repositories)
    assert (
        tags(any_kind, repositories),
        journal.read_journal(any_kind, repositories.journal),
    ) == before


def test_an_own_tag_on_other_bytes_refuses_before_anything_is_put(
    any_kind: Registry, repositories: Repositories
) -> None:
    released(any_kind, "v2.6.0", repositories=repositories)
    before = tags(any_kind, repositories)
    others = approved(any_kind, "v2.6.0 built again", repositories=repositories)
    with refused(GateRefused, "v2.6.0 is released as", "v2.6.0-cv is released as", "never moves"):
        promote_tags(at(any_kind, repositories=repositories), tag_set("v2.6.0"), others)
    assert tags(any_kind, repositories) == before
    assert all(
        any_kind.read_manifest(repositories.production, each.digest) is None for each in others
    )


def test_a_run_killed_here_and_there(any_kind: Registry, repositories: Repositories) -> None:
    """As `test_killed_after_every_request`, by a sample, also where nobody can look inside."""
    released(any_kind, "v2.6.0", repositories=repositories)
    approvals = approved(any_kind, "v2.6.1", repositories=repositories)
    for step in range(45, 200, 40):
        with contextlib.suppress(KeyboardInterrupt):
            promote_tags(
                at(moving.dying(any_kind, step), repositories=repositories),
                tag_set("v2.6.1"),
                approvals,
            )
        kept = journal.read_journal(any_kind, repositories.journal).journal
        assert all(
            digest in kept.expected_digests(tag)
            for tag, digest in tags(any_kind, repositories).items()
        )
    promote_tags(at(any_kind, repositories=repositories), tag_set("v2.6.1"), approvals)
    held = tags(any_kind, repositories)
    assert all(held[f"{stem}-cv"] == held["v2.6.1-cv"] for stem in ("v2.6", "latest"))
    assert journal.read_journal(any_kind, repositories.journal).journal.open_transaction is None


def test_layers_are_mounted_not_moved(fake: FakeRegistry, client: Registry) -> None:
    approvals = approved(client, "v2.6.0")
    fake.requests.clear()
    promote_tags(at(client), tag_set("v2.6.0"), approvals)
    assert fake.count("POST", f"{PRODUCTION}/blobs/uploads/.*mount=") > 0
    assert (
        fake.count("PUT", f"{PRODUCTION}/blobs/uploads/")
        == fake.count("GET", "staging/blobs/")
        == 0
    )


def test_a_registry_that_will_not_mount_gets_the_blobs_copied(
    fake: FakeRegistry, client: Registry
) -> None:
    fake.fail(Fault("POST", "mount=", unmounted=True))
    released(client, "v2.6.0")
    assert len(tags(client)) == 9


def test_a_candidate_may_be_built_again_and_moves_nothing_else(client: Registry) -> None:
    for attempt in ("once", "again"):
        approvals = approved(client, f"v2.6.0 {attempt}")
        promote_tags(at(client), moving.candidate("v2.6.0"), approvals)
        digests = {each.digest for each in approvals}
        assert {tag: digest in digests for tag, digest in tags(client).items()} == {
            f"v2.6.0-candidate{suffix}": True for suffix in SUFFIXES
        }


@pytest.mark.parametrize(
    ("version", "moves", "stays"),
    [
        ("v2.6.3", {"v2.6", "2026.11"}, ["latest stays on v2.10.0, which is newer"]),
        (
            "v2.6.1",
            set(),
            ["v2.6 stays on v2.6.2", "2026.11 stays on v2.6.2", "latest stays on v2.10.0"],
        ),
        ("v2.10.1", {"v2.6", "2026.11", "latest"}, []),
    ],
)
def test_an_alias_never_moves_backwards(
    client: Registry, version: str, moves: set[str], stays: list[str]
) -> None:
    released(client, "v2.6.2", ["v2.6", "2026.11", "latest"])
    released(client, "v2.10.0", ["v2.10", "latest"], images=("base",))
    outcome = released(client, version, ["v2.6", "2026.11", "latest"])
    assert {entry.alias for entry in outcome.entries} == moves | {""}
    assert len(outcome.left) == len(stays)
    assert all(left.startswith(said) for left, said in zip(outcome.left, stays, strict=True))


def test_a_preview_says_what_would_move_and_puts_nothing(
    fake: FakeRegistry, client: Registry
) -> None:
    released(client, "v2.6.0")
    approvals = approved(client, "v2.6.1")
    before, seen = fake.state(), len(fake.requests)
    would = preview_promotion(at(client), tag_set("v2.6.1"), approvals)
    assert fake.state() == before
    assert {request.split()[0] for request in fake.requests[seen:]} == {"GET", "HEAD"}
    did = promote_tags(at(client), tag_set("v2.6.1"), approvals)
    assert did == would


# What it refuses


def put_by_hand(client: Registry, tag: str, content: str) -> str:
    """A tag moved by somebody who knows nothing of journals."""
    made = approved(client, content, ["base"], Repositories("", PRODUCTION, "", "", ""))[0]
    manifest = client.read_manifest(PRODUCTION, made.digest)
    assert manifest is not None
    client.put_manifest(PRODUCTION, tag, manifest)
    return made.digest


def test_everything_that_speaks_against_it_at_once(fake: FakeRegistry, client: Registry) -> None:
    released(client, "v2.6.0")
    for tag in ("v2.6.1-cv", "latest-cv", "latest"):
        put_by_hand(client, tag, "a person")
    approvals = approved(client, "v2.6.1")
    before = fake.state()
    with refused(
        GateRefused,
        "v2.6.1-cv is released as",
        "latest-cv points to",
        "latest points to",
        "the journal says",
    ):
        promote_tags(at(client), tag_set("v2.6.1"), approvals)
    assert fake.state() == before


def test_aliases_of_a_lost_journal_are_known_by_the_releases_they_name(
    fake: FakeRegistry, client: Registry
) -> None:
    released(client, "v2.6.2")
    released(client, "v2.6.3", ["v2.6"])
    del fake.manifests[REPOSITORIES.journal]
    outcome = released(client, "v2.6.2")
    assert outcome.left == ("v2.6 stays on v2.6.3, which is newer",)
    del fake.manifests[REPOSITORIES.journal]
    before = tags(client)
    moved = {entry.tag: entry.old for entry in released(client, "v2.6.4").entries if entry.alias}
    assert moved == {tag: digest for tag, digest in before.items() if not tag.startswith("v2.6.")}
    del fake.manifests[REPOSITORIES.journal]
    put_by_hand(client, "v2.6", "a person")
    with refused(GateRefused, "v2.6 points to", "it should point to a release"):
        released(client, "v2.6.5")


def test_images_that_cannot_be_brought_are_named_together(
    fake: FakeRegistry, client: Registry
) -> None:
    approvals = approved(client, "v2.6.0", ("base", "cv", "nlp"))
    for each in approvals[1:]:
        del fake.manifests["staging"][each.digest]
    with refused(EnvironmentFailed, f"cv: {fake.host}", f"nlp: {fake.host}", approvals[2].digest):
        promote_tags(at(client), tag_set("v2.6.0", images=("base", "cv", "nlp")), approvals)
    assert tags(client) == {}


def test_a_decision_that_is_not_attached(client: Registry) -> None:
    base, cv = approved(client, "v2.6.0")
    with refused(GateRefused, "cv: the decision sha256:000", "not attached"):
        promote_tags(
            at(client),
            tag_set("v2.6.0"),
            [base, ApprovedImage("cv", cv.digest, cv.repository, FOREIGN)],
        )
    assert tags(client) == {}


def test_what_nobody_signed_in_place_of_the_journal_stops_nothing(client: Registry) -> None:
    put = approved(
        client, "no journal", ["base"], Repositories("", REPOSITORIES.journal, "", "", "")
    )[0]
    manifest = client.read_manifest(REPOSITORIES.journal, put.digest)
    assert manifest is not None
    client.put_manifest(REPOSITORIES.journal, journal.TAG, manifest)
    released(client, "v2.6.0")
    assert "v2.6.0-cv" in tags(client)
    stored = journal.read_journal(client, REPOSITORIES.journal, journal_seal(P256))
    assert (stored.problem, stored.journal.own_entries("v2.6.0") != ()) == ("", True)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"transactions": [3]}'], ids=bytes.decode)
def test_a_signed_journal_that_cannot_be_read_stops_everything(
    client: Registry, body: bytes
) -> None:
    """One of a newer version, for instance."""
    repository = REPOSITORIES.journal
    made = document.push_document(client, repository, journal.KIND, body, journal_seal(P256))
    client.put_manifest(repository, journal.TAG, made)
    with refused(EnvironmentFailed, "not a journal"):
        released(client, "v2.6.0")
    assert tags(client) == {}


def test_a_journal_that_the_registry_lost_a_part_of_stops_everything(
    fake: FakeRegistry, client: Registry
) -> None:
    released(client, "v2.6.0")
    before = tags(client)
    held = client.read_manifest(REPOSITORIES.journal, journal.TAG)
    assert held is not None
    fake.blobs[REPOSITORIES.journal].pop(held.parse_blobs()[-1].digest)
    with refused(EnvironmentFailed, "names a blob that is not there"):
        released(client, "v2.6.1")
    assert tags(client) == before


@pytest.mark.parametrize("lost", ["the document", "the signature", "both"])
@pytest.mark.parametrize("signer", ["nobody", "a stranger", "rubbish"])
def test_an_unsigned_journal_that_was_deleted_in_part_stops_nothing(
    fake: FakeRegistry, client: Registry, signer: str, lost: str
) -> None:
    released(client, "v2.6.0")
    repository = REPOSITORIES.journal
    seal = journal_seal(STRANGER) if signer == "a stranger" else None
    made = document.push_document(client, repository, journal.KIND, b"[]", seal)
    if signer == "rubbish":
        config, body = made.parse_blobs()
        made = image_manifest(config, [client.push_bytes(repository, b"x", "x/y"), body])
    client.put_manifest(repository, journal.TAG, made)
    layers = made.parse_blobs()[1:]
    for gone in {"the document": layers[-1:], "the signature": layers[:1]}.get(lost, layers):
        fake.blobs[repository].pop(gone.digest)
    released(client, "v2.6.1")
    assert "v2.6.1-cv" in tags(client)
    assert journal.read_journal(client, repository, journal_seal(P256)).problem == ""


# Strangers


def test_tags_of_strangers_stop_no_release(
    client: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """No decision says that they are a release, and the journal has never put them."""
    released(client, "v2.6.0")
    junk = {tag: put_by_hand(client, tag, "junk") for tag in ("v2.6.1", "v2.6.1-cv", "v2.6-new")}
    approvals = approved(client, "v2.6.1")
    strict = replace(at(client), read_decisions=lambda *_: ())
    outcome = promote_tags(strict, tag_set("v2.6.1", ("v2.6", "v2.6-new")), approvals)
    assert {each.tag: each.old for each in outcome.entries if each.tag in junk} == junk
    assert not set(tags(client).values()) & set(junk.values())
    said = capsys.readouterr().err
    for tag, digest in junk.items():
        assert (
            f"{tag} points to {digest}, which no trusted decision is about: it is replaced" in said
        )


def test_tags_of_strangers_cost_nothing(client: Registry) -> None:
    """An alias is looked up by the decisions on its digest, not by every tag there is."""
    released(client, "v2.6.0", ("v2.6",))
    seen: list[int] = []
    for count in (0, 300):
        for number in range(count):
            copy = client.read_manifest(PRODUCTION, "v2.6.0")
            assert copy is not None
            client.put_manifest(PRODUCTION, f"v2.5.{number}-x", copy)
        put_by_hand(client, "v2.6-new", "junk")
        strict = replace(at(client), read_decisions=lambda *_: ())
        approvals = approved(client, "v2.6.1")
        before = line(client).step
        preview_promotion(strict, tag_set("v2.6.1", ("v2.6", "v2.6-new")), approvals)
        seen.append(line(client).step - before)
    assert seen[0] == seen[1]


# Killed after every request


def known_world(fake: FakeRegistry) -> tuple[World, Mapping[str, tuple[ApprovedImage, ...]]]:
    """v2.6.0 is out, v2.6.1 and v2.6.2 could be."""
    world, client = World(fake), direct(fake)
    approvals = {version: approved(client, version) for version in ("v2.6.0", "v2.6.1", "v2.6.2")}
    for version, each in approvals.items():
        world.know(version, each)
    promote_tags(at(world.watch(client)), tag_set("v2.6.0"), approvals["v2.6.0"])
    world.check_settled({"v2.6": "v2.6.0", "latest": "v2.6.0"})
    return world, approvals


def test_a_tag_that_somebody_deleted_is_not_free(fake: FakeRegistry, client: Registry) -> None:
    first = released(client, "v2.6.0")
    for tag in ("v2.6.0", "v2.6.0-base"):
        del fake.manifests[PRODUCTION][tag]
    other = approved(client, "v2.6.0 of others")
    with refused(GateRefused, f"v2.6.0 is released as {first.entries[0].new} and never moves"):
        promote_tags(at(client), tag_set("v2.6.0"), other)
    assert "v2.6.0" not in tags(client)
    again = promote_tags(at(client), tag_set("v2.6.0"), approved(client, "v2.6.0"))
    assert tags(client)["v2.6.0"] == again.entries[0].new == first.entries[0].new


@pytest.mark.parametrize(
    ("kind", "stride"),
    [("modern", 1), ("fake", 5), pytest.param("fake", 1, marks=pytest.mark.thorough)],
)
def test_killed_after_every_request(
    request: pytest.FixtureRequest, kind: str, stride: int, record_property: Any
) -> None:
    """Whatever a dead run left, the next one makes it whole; and what is seen in between is
    true.
    """
    fake: FakeRegistry = request.getfixturevalue(kind)
    world, approvals = known_world(fake)

    def again() -> None:
        promote_tags(at(world.watch(direct(fake))), tag_set("v2.6.1"), approvals["v2.6.1"])

    states = moving.states(
        world, lambda client: promote_tags(at(client), tag_set("v2.6.1"), approvals["v2.6.1"])
    )
    end = world.tags()
    for state in states[::stride]:
        world.restore(state)
        world.check_evidence()
        world.check_journal(may_be_open=True)
        again()
        world.check_settled({"v2.6": "v2.6.1", "latest": "v2.6.1"})
        assert world.tags() == end
    assert len(states) > 120
    record_property("fault points", len(states))


@pytest.mark.parametrize("stride", MOMENTS)
def test_killed_and_then_another_release(modern: FakeRegistry, stride: int) -> None:
    """A half-done release is finished by the next, or never seen."""
    world, approvals = known_world(modern)
    states = moving.states(
        world, lambda client: promote_tags(at(client), tag_set("v2.6.1"), approvals["v2.6.1"])
    )
    for state in states[::stride]:
        world.restore(state)
        promote_tags(at(world.watch(direct(modern))), tag_set("v2.6.2"), approvals["v2.6.2"])
        world.check_settled({"v2.6": "v2.6.2", "latest": "v2.6.2"})


@pytest.mark.parametrize("stride", MOMENTS)
def test_a_half_done_release_is_finished_even_if_it_was_built_again(
    fake: FakeRegistry, stride: int
) -> None:
    world, approvals = known_world(fake)
    others = approved(direct(fake), "v2.6.1 built again")
    world.know("v2.6.1", others)
    half = 0
    states = moving.states(
        world, lambda client: promote_tags(at(client), tag_set("v2.6.1"), approvals["v2.6.1"])
    )
    for state in states[::stride]:
        world.restore(state)
        half += (
            journal.read_journal(direct(fake), REPOSITORIES.journal).journal.open_transaction
            is not None
        )
        with contextlib.suppress(GateRefused):
            promote_tags(at(world.watch(direct(fake))), tag_set("v2.6.1"), others)
        world.check_whole({"v2.6": "v2.6.1", "latest": "v2.6.1"})
    assert half * stride > 30


# Every fault at every request


FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "403": ("GET HEAD PUT POST", {"status": 403}),
    "503": ("GET HEAD PUT POST", {"status": 503}),
    "answer lost": ("GET HEAD PUT POST", {"mute": True}),
    "cut in the middle": ("PUT POST", {"cut_after": 10}),
    "another digest": ("GET HEAD", {"digest": FOREIGN}),
    "no digest": ("GET HEAD", {"digest": ""}),
    "gone": ("GET HEAD", {"status": 404}),
    "no mount": ("POST", {"unmounted": True}),
}


@pytest.mark.parametrize("stride", MOMENTS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_at_every_request(
    modern: FakeRegistry, name: str, stride: int, record_property: Any
) -> None:
    """It ends well or in one line; production is true meanwhile; the next run makes it whole."""
    world, approvals = known_world(modern)
    methods, what = FAULTS[name]

    def run(client: Registry) -> None:
        promote_tags(at(client), tag_set("v2.6.1"), approvals["v2.6.1"])

    start, seen = modern.state(), moving.requests_of(world, run)
    end, tried = world.tags(), 0
    steps = [(n, each) for n, each in enumerate(seen, 1) if each.split()[0] in methods.split()]
    for step, request in steps[::stride]:
        method = request.split()[0]
        world.restore(start)
        client = world.watch(direct(modern))
        line(client).faults[step] = Fault(method, "", 1, **what)
        with contextlib.suppress(ReleaseError):
            run(client)
        assert not any(fault.times for fault in modern.faults), "the fault was never met"
        modern.heal()
        world.check_evidence()
        world.check_journal(may_be_open=True)
        run(world.watch(direct(modern)))
        world.check_settled({"v2.6": "v2.6.1", "latest": "v2.6.1"})
        assert world.tags() == end
        tried += 1
    assert tried * stride >= {"no mount": 4, "cut in the middle": 20}.get(name, 60)
    record_property("fault points", tried)


OVER_HTTP: dict[str, Fault] = {
    "429 with a wait, once": Fault("HEAD", TAG, 1, status=429, headers={"Retry-After": "2"}),
    "503 at a tag, twice": Fault("PUT", TAG, 2, status=503),
    "answer lost, of a tag": Fault("PUT", TAG, 1, mute=True),
    "answers lost, of a tag": Fault("PUT", TAG, 2, mute=True),
    "no more answers to tags": Fault("PUT", TAG, mute=True),
    "no digests": Fault("HEAD", "", digest=""),
    "no mounts": Fault("POST", "mount=", unmounted=True),
    "cut inside an upload": Fault("PUT", "blobs/uploads", 1, cut_after=3),
}


@pytest.mark.parametrize("name", OVER_HTTP)
def test_what_passes_by_itself_stops_nothing(fake: FakeRegistry, name: str) -> None:
    world, approvals = known_world(fake)
    fault = Fault(**{**vars(OVER_HTTP[name])})
    fake.fail(fault)
    promote_tags(at(Registry(fake.host)), tag_set("v2.6.1"), approvals["v2.6.1"])
    assert fault.times < OVER_HTTP[name].times, "the fault was never met"
    fake.heal()
    world.check_settled({"v2.6": "v2.6.1", "latest": "v2.6.1"})


STOPS: dict[str, Fault] = {
    "401 in the middle": Fault("PUT", f"/{PRODUCTION}/manifests/v2.6$", status=401),
    "403 on every look": Fault("HEAD", TAG, status=403),
    "429 for an hour": Fault("PUT", TAG, status=429, headers={"Retry-After": "3600"}),
    "503 at every tag": Fault("PUT", TAG, status=503),
    "not allowed to put tags": Fault("PUT", TAG, status=403),
    "tags keep another digest": Fault("HEAD", f"/{PRODUCTION}/manifests/v2", digest=FOREIGN),
}


@pytest.mark.parametrize("name", STOPS)
def test_what_does_not_pass_is_told_and_the_next_run_works(fake: FakeRegistry, name: str) -> None:
    world, approvals = known_world(fake)
    fake.fail(Fault(**{**vars(STOPS[name])}))
    with pytest.raises(ReleaseError) as caught:
        promote_tags(at(Registry(fake.host)), tag_set("v2.6.1"), approvals["v2.6.1"])
    assert caught.value.hint
    fake.heal()
    world.check_evidence()
    world.check_journal(may_be_open=True)
    promote_tags(at(world.watch(direct(fake))), tag_set("v2.6.1"), approvals["v2.6.1"])
    world.check_settled({"v2.6": "v2.6.1", "latest": "v2.6.1"})


def test_a_token_that_keeps_expiring(
    fake: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, approvals = known_world(fake)
    fake.guard = Guard("Bearer", lifetime=3)
    log_in(tmp_path, fake.host, fake.guard.user, fake.guard.password)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    promote_tags(at(Registry(fake.host)), tag_set("v2.6.1"), approvals["v2.6.1"])
    assert fake.guard.issued > 30
    fake.guard = None
    world.check_settled({"v2.6": "v2.6.1", "latest": "v2.6.1"})


# Others, at every moment


@pytest.mark.parametrize("stride", MOMENTS)
def test_a_tag_moved_by_hand_at_every_moment(
    modern: FakeRegistry, stride: int, record_property: Any
) -> None:
    """It is named, or it came before our look was answered and is replaced; nothing else is ever
    lost by it.
    """
    world, approvals = known_world(modern)
    other = put_by_hand(direct(modern), "other", "a person")
    del modern.manifests[PRODUCTION]["other"]
    start, named, unseen = modern.state(), 0, 0
    seen = moving.requests_of(
        world, lambda client: promote_tags(at(client), tag_set("v2.6.1"), approvals["v2.6.1"])
    )
    steps = range(1, len(seen) + 1, stride)
    for step in steps:
        world.restore(start)
        client = direct(modern)

        def by_hand() -> None:
            modern.manifests[PRODUCTION]["v2.6-cv"] = modern.manifests[PRODUCTION][other]

        line(client).at[step] = by_hand
        problem = None
        try:
            promote_tags(at(client), tag_set("v2.6.1"), approvals["v2.6.1"])
        except ReleaseError as error:
            problem = error
        held = modern.manifests[PRODUCTION]["v2.6-cv"][1]
        if sha256(held) == other and problem is None:
            unseen += 1
            with refused(GateRefused, "v2.6-cv points to", other):  # it came after our last look
                promote_tags(at(direct(modern)), tag_set("v2.6.2"), approvals["v2.6.2"])
        if problem is not None:
            assert "v2.6-cv" in str(problem)
            named += 1
        cv = approvals["v2.6.0" if journal_is_before(modern) else "v2.6.1"][1]
        modern.manifests[PRODUCTION]["v2.6-cv"] = modern.manifests[PRODUCTION][cv.digest]
        promote_tags(at(direct(modern)), tag_set("v2.6.1"), approvals["v2.6.1"])
        world.check_settled({"v2.6": "v2.6.1", "latest": "v2.6.1"})
    assert named * stride > 100
    looked = len(seen) - seen[::-1].index(f"HEAD /v2/{PRODUCTION}/manifests/v2.6-cv")
    assert unseen == len([step for step in steps if step > looked]), (
        "all that came after the last look at that tag, and nothing else"
    )
    record_property("fault points", len(steps))


def journal_is_before(fake: FakeRegistry) -> bool:
    """Whether the journal knows only of v2.6.0."""
    return len(journal.read_journal(direct(fake), REPOSITORIES.journal).journal.transactions) == 1


def attempt(work: Callable[[], object]) -> bool:
    """Whether it went well."""
    try:
        work()
    except ReleaseError:
        return False
    return True


RIVALS = ["the next release", "the same release", "a rollback"]


@pytest.mark.parametrize("stride", MOMENTS)
@pytest.mark.parametrize("rival", RIVALS)
def test_two_at_once_at_every_moment(
    modern: FakeRegistry, rival: str, stride: int, record_property: Any
) -> None:
    """Before every request of one, another runs from another machine, whole."""
    world, approvals = known_world(modern)
    promote_tags(at(direct(modern)), tag_set("v2.6.1"), approvals["v2.6.1"])
    third = approved(direct(modern), "v2.6.3")
    world.know("v2.6.3", third)
    backwards = rival == "a rollback"

    def mine(client: Registry) -> object:
        return promote_tags(
            at(world.watch(client, backwards)), tag_set("v2.6.2"), approvals["v2.6.2"]
        )

    def theirs() -> object:
        client = at(world.watch(direct(modern), backwards), "their machine")
        if backwards:
            return roll_back(client, "v2.6", lambda _: ())
        version, images = (
            ("v2.6.3", third) if rival == RIVALS[0] else ("v2.6.2", approvals["v2.6.2"])
        )
        return promote_tags(client, tag_set(version), images)

    start, seen = modern.state(), moving.requests_of(world, mine)
    both = tried = 0
    for step in range(1, len(seen) + 1, stride):
        world.restore(start)
        client, went = direct(modern), list[bool]()
        line(client).at[step] = partial(lambda went: went.append(attempt(theirs)), went)
        went.append(attempt(partial(mine, client)))
        both, tried = both + all(went), tried + 1
        assert any(went), f"both failed at {step}"
        world.check_evidence()
        world.check_journal(may_be_open=False)
        mine(direct(modern))
        assert attempt(theirs)
        if backwards:
            mine(direct(modern))
        last = "v2.6.3" if rival == RIVALS[0] else "v2.6.2"
        world.check_settled({"v2.6": last, "latest": last})
    assert both * stride > 30
    record_property("fault points", tried)


@pytest.mark.parametrize("stride", MOMENTS)
def test_two_at_once_each_stopped_anywhere(
    modern: FakeRegistry, stride: int, record_property: Any
) -> None:
    """One stops somewhere, another begins and stops somewhere, the first goes on to its end, then
    the second.
    """
    world, approvals = known_world(modern)

    def one(client: Registry, version: str, owner: str) -> bool:
        return attempt(
            lambda: promote_tags(
                at(world.watch(client), owner), tag_set(version), approvals[version]
            )
        )

    start, seen = (
        modern.state(),
        moving.requests_of(world, lambda client: one(client, "v2.6.1", "a")),
    )
    tried = 0
    for first in range(3, len(seen), 11 * stride):
        for second in range(5, len(seen), 15):
            world.restore(start)
            a, b = direct(modern), moving.Stopping(modern, second)
            line(a).at[first] = b.begin(lambda client: one(client, "v2.6.2", "b"))
            one(a, "v2.6.1", "a")
            b.go_on()
            world.check_evidence()
            world.check_journal(may_be_open=True)
            assert one(direct(modern), "v2.6.1", "a")
            assert one(direct(modern), "v2.6.2", "b")
            world.check_settled({"v2.6": "v2.6.2", "latest": "v2.6.2"})
            tried += 1
    assert tried * stride > 80
    record_property("fault points", tried)


# The lock


def test_the_lock_of_another_is_waited_for_and_ends(fake: FakeRegistry, clock: Clock) -> None:
    world, approvals = known_world(fake)
    states = moving.states(
        world, lambda client: promote_tags(at(client), tag_set("v2.6.1"), approvals["v2.6.1"])
    )
    locked, then = 0, clock.now
    for state in states[::4]:
        world.restore(state)
        clock.now = then
        theirs = at(world.watch(direct(fake)), "their machine")
        if not attempt(partial(promote_tags, theirs, tag_set("v2.6.2"), approvals["v2.6.2"])):
            locked += 1
            with refused(EnvironmentFailed, "my machine holds the lock", "UTC", "wait"):
                promote_tags(theirs, tag_set("v2.6.2"), approvals["v2.6.2"])
            clock.sleep(lock.CLAIM_S)
            promote_tags(theirs, tag_set("v2.6.2"), approvals["v2.6.2"])
        world.check_settled({"v2.6": "v2.6.2", "latest": "v2.6.2"})
    assert locked > 15


def test_a_run_that_was_asleep_past_its_claim_puts_no_more(
    modern: FakeRegistry, clock: Clock
) -> None:
    """It wakes up at any moment.

    One request, already decided on, may still be put: that one is seen and named.
    """
    world, approvals = known_world(modern)

    def theirs() -> None:
        promote_tags(at(direct(modern), "their machine"), tag_set("v2.6.2"), approvals["v2.6.2"])

    def asleep() -> None:
        clock.sleep(lock.CLAIM_S + 1)
        theirs()

    def mine(client: Registry) -> object:
        return promote_tags(at(client), tag_set("v2.6.1"), approvals["v2.6.1"])

    start, seen, late = modern.state(), moving.requests_of(world, mine), 0
    for step in range(1, len(seen) + 1):
        world.restore(start)
        client = direct(modern)
        line(client).at[step] = asleep
        attempt(partial(mine, client))
        behind = [tag for tag in world.tags() if named(world, tag) == "v2.6.1"]
        if attempt(theirs):
            world.check_whole({"v2.6": "v2.6.2", "latest": "v2.6.2"})
            continue
        late += 1
        assert len(behind) <= 1, behind
        with pytest.raises(
            ReleaseError, match=f"{behind[0] if behind else 'v2.6'}(: it)? points to"
        ):
            theirs()
    assert late == 7, "of every alias' put, and the put of the journal before it"


@pytest.mark.parametrize("meanwhile", ["nobody", "another that has not moved the tags yet"])
def test_who_wakes_up_past_the_claim_puts_at_most_what_was_under_way(
    fake: FakeRegistry, clock: Clock, meanwhile: str
) -> None:
    world, approvals = known_world(fake)

    def mine(client: Registry) -> object:
        return promote_tags(at(client), tag_set("v2.6.1"), approvals["v2.6.1"])

    start, seen, late = fake.state(), moving.requests_of(world, mine), 0
    for step in range(1, len(seen) + 1):
        world.restore(start)
        client, put = direct(fake), list[str]()

        def asleep(client: Registry = client, put: list[str] = put) -> None:
            clock.sleep((lock.TRUSTED_S if meanwhile == "nobody" else lock.CLAIM_S) + 1)
            if meanwhile != "nobody":
                taken.enter_context(
                    lock.hold_lock(direct(fake), REPOSITORIES.journal, "their machine")
                )
            line(client).after = lambda method, path: put.append(f"{method} {path}")

        with contextlib.ExitStack() as taken:
            line(client).at[step] = asleep
            went = attempt(partial(mine, client))
            moved = [
                each
                for each in put
                if re.search(f"PUT .*({TAG}|journal/manifests/{journal.TAG}$)", each)
            ]
            assert went or len(moved) <= 1, moved
        late += not went and len(moved) == 1
    assert late == 9 + 1, "each tag, and the journal's beginning; when its end is put, all is done"


@pytest.mark.parametrize("stride", MOMENTS)
def test_another_dies_while_we_work(modern: FakeRegistry, stride: int) -> None:
    """What it left half done is finished before our own."""
    world, approvals = known_world(modern)

    def mine(client: Registry) -> object:
        return promote_tags(at(world.watch(client)), tag_set("v2.6.2"), approvals["v2.6.2"])

    def theirs(client: Registry) -> object:
        return promote_tags(
            at(world.watch(client), "their machine"), tag_set("v2.6.1"), approvals["v2.6.1"]
        )

    start, seen = modern.state(), moving.requests_of(world, mine)
    for mine_at in range(1, len(seen), 14 * stride):
        for theirs_at in range(75, len(seen), 8):
            world.restore(start)
            client = direct(modern)

            def dies(step: int = theirs_at) -> None:
                with contextlib.suppress(KeyboardInterrupt, ReleaseError):
                    theirs(moving.dying(direct(modern), step))
                moving.expire(modern)

            line(client).at[mine_at] = dies
            done = attempt(partial(mine, client))
            world.check_journal(may_be_open=not done)
            mine(direct(modern))
            world.check_settled({"v2.6": "v2.6.2", "latest": "v2.6.2"})


def named(world: World, tag: str) -> str:
    """The release a tag names; for a release's own tag, nothing."""
    return "" if re.match(r"v\d+\.\d+\.\d+", tag) else world.versions[world.tags()[tag]]


def enter(
    inside: list[str], decided: threading.Event, leave: threading.Event, client: Registry
) -> None:
    """Be inside until told to leave; `decided` when inside, or refused."""
    with contextlib.suppress(ReleaseError), lock.hold_lock(client, "records", "b"):
        inside.append("b")
        decided.set()
        assert leave.wait(10)
    decided.set()


def test_never_two_inside(fake: FakeRegistry, record_property: Any) -> None:
    """One stops before any of its requests, another goes on from there; whoever is second finds the
    first.
    """
    start, tried, entered = fake.state(), 0, 0
    for first in range(1, 10):
        for second in range(1, 10):
            fake.restore(start)
            inside, decided, leave = list[str](), threading.Event(), threading.Event()

            a, b = direct(fake), moving.Stopping(fake, second)
            line(a).at[1] = b.begin(partial(enter, inside, decided, leave), decided)
            line(a).at[first + 1] = partial(b.go_on, decided)
            with contextlib.suppress(ReleaseError), lock.hold_lock(a, "records", "a"):
                inside.append("a")
                assert "b" not in inside, f"both inside: {first}, {second}"
            leave.set()
            b.go_on()
            tried, entered = tried + 1, entered + len(inside)
    assert entered > 40
    record_property("fault points", tried)


def test_a_claim_put_while_another_waits_is_found(fake: FakeRegistry, clock: Clock) -> None:
    """Both saw the lock free; the second puts its claim in time, when the first has put and
    waits.
    """
    inside, decided, leave = list[str](), threading.Event(), threading.Event()
    a, b = direct(fake), moving.Stopping(fake, 5)
    line(a).at[1] = b.begin(partial(enter, inside, decided, leave), decided)
    clock.meanwhile = partial(b.go_on, decided)
    with refused(EnvironmentFailed, "another run took the lock"), lock.hold_lock(a, "records", "a"):
        pass
    assert inside == ["b"]
    leave.set()
    b.go_on()


def test_who_comes_late_does_not_free_the_lock_of_another(client: Registry, clock: Clock) -> None:
    with contextlib.ExitStack() as late:
        late.enter_context(lock.hold_lock(client, "records", "a"))
        clock.sleep(lock.CLAIM_S + 1)
        with lock.hold_lock(client, "records", "b") as claim:
            late.close()
            claim.require_held()


def test_a_registry_too_slow_for_the_lock(
    fake: FakeRegistry, client: Registry, clock: Clock
) -> None:
    fake.fail(Fault("PUT", lock.TAG, 1, meanwhile=lambda: clock.sleep(3)))
    with (
        refused(EnvironmentFailed, "3.0 s", "at most 0.5 s"),
        lock.hold_lock(client, "records", "me"),
    ):
        pass
    with lock.hold_lock(client, "records", "another"):
        pass


def test_a_tag_that_is_no_lock(fake: FakeRegistry, client: Registry) -> None:
    put = approved(client, "no lock", ["base"], Repositories("", "records", "", "", ""))[0]
    fake.manifests["records"][lock.TAG] = fake.manifests["records"][put.digest]
    with (
        refused(EnvironmentFailed, "not a lock of this program"),
        lock.hold_lock(client, "records", "me"),
    ):
        pass


def signs(key: PrivateKey = P256) -> Seal:
    """Claims signed by that key; only one key is believed."""
    return documents.make_lock_seal(lambda: key, trust(P256))


def junk_lock(client: Registry, until: float, **said: str) -> Manifest:
    config = client.push_bytes("records", EMPTY_CONFIG, OCI_EMPTY)
    made = lock._make_manifest(config, "mallory", until)
    content = {**made.content, "annotations": {**made.annotations, **said}}
    return Manifest(canonical_json(content), made.media_type)


@pytest.mark.parametrize("until", [600.0, 1000.0, 1e12, float("nan")])
@pytest.mark.parametrize("signature", ["", "rubbish", "{}", "a stranger", "another claim"])
def test_a_claim_that_nobody_trusted_signed_holds_up_nobody(
    client: Registry, clock: Clock, until: float, signature: str
) -> None:
    made = junk_lock(client, clock.now + until)
    text = {"a stranger": STRANGER, "another claim": P256}.get(signature)
    if text:
        said = made.annotations if signature == "a stranger" else {}
        signature = signs(text).sign(lock._encode_signed_part("records", said)).decode()
    client.put_manifest(
        "records", lock.TAG, junk_lock(client, clock.now + until, **{lock._SIGNATURE: signature})
    )
    with lock.hold_lock(client, "records", "me", signs()) as claim:
        claim.require_held()


@pytest.mark.parametrize("body", [b"[]", b'{"annotations": 3}'], ids=bytes.decode)
def test_junk_in_place_of_the_lock_holds_up_nobody(
    fake: FakeRegistry, client: Registry, clock: Clock, body: bytes
) -> None:
    fake.manifests.setdefault("records", {})[lock.TAG] = (OCI_MANIFEST, body)
    with lock.hold_lock(client, "records", "me", signs()) as claim:
        claim.require_held()


@pytest.mark.parametrize("until", ["0.000", "0", "-1", "", "rubbish", "nan", "1e999"])
def test_a_claim_without_owner_and_signature_holds_up_nobody(
    client: Registry, clock: Clock, until: str
) -> None:
    config = client.push_bytes("records", EMPTY_CONFIG, OCI_EMPTY)
    made = image_manifest(config, [config], {lock._UNTIL: until})
    client.put_manifest("records", lock.TAG, made)
    with lock.hold_lock(client, "records", "me", signs()) as claim:
        claim.require_held()


def test_a_claim_that_somebody_trusted_signed_is_waited_for(client: Registry, clock: Clock) -> None:
    with lock.hold_lock(client, "records", "another", signs()):
        held = client.read_manifest("records", lock.TAG)
        with (
            refused(EnvironmentFailed, "another holds the lock"),
            lock.hold_lock(client, "records", "me", signs()),
        ):
            pass
    assert held is not None
    with lock.hold_lock(client, "records", "me", signs()):
        pass
    client.put_manifest("records", lock.TAG, held)
    with (
        refused(EnvironmentFailed, "at most until"),
        lock.hold_lock(client, "records", "me", signs()),
    ):
        pass
    clock.sleep(lock.CLAIM_S)
    with lock.hold_lock(client, "records", "me", signs()):
        pass


def test_a_word_of_a_claim_that_is_a_secret_frees_no_lock(
    client: Registry, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token service may give the name of the repository as its token."""
    monkeypatch.setattr(secret_values, "_given", {})
    redaction.remember_given_token("example/pytorch-cuda-images", "a token service")
    owner = "example/pytorch-cuda-images run 17, v2.6.0"
    with lock.hold_lock(client, "records", owner, signs()):
        held = client.read_manifest("records", lock.TAG)
        with (
            refused(EnvironmentFailed, "holds the lock"),
            lock.hold_lock(client, "records", "another", signs()),
        ):
            pass
    assert held is not None
    client.put_manifest("records", lock.TAG, held)
    lock.release_own_claim(client, "records", owner)
    with lock.hold_lock(client, "records", "another", signs()):
        pass


def test_an_owner_is_a_run_or_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_RUN_ID", raising=False)
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_OUT", str(tmp_path / "one"))
    here = lock.make_owner_name("v2.6.0")
    assert lock.make_owner_name("v2.6.1") == here
    shutil.rmtree(tmp_path / "one")  # another machine or container of this name and path
    assert lock.make_owner_name("v2.6.0") != here
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_OUT", str(tmp_path / "two"))
    assert lock.make_owner_name("v2.6.0") != here
    monkeypatch.setenv("GITHUB_RUN_ID", "17")
    assert lock.make_owner_name("v2.6.0") == "run 17, v2.6.0"
    assert lock.make_owner_name("v2.9.0") != lock.make_owner_name("v2.6.0"), (
        "jobs of a run go side by side"
    )
