"""Back exactly, or not at all; and a yanked release is used no more."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from images.catalog import Repositories
from oci import document
from oci.manifest import OCI_INDEX
from oci.registry import Registry
from publish.evidence import store as evidence
from publish.evidence.predicates import YANK
from publish.released.yank_statements import SignedYankMarks
from publish.tags import journal, lock
from publish.tags.decisions import TrustedDecision
from publish.tags.journal import Journal, list_tags_of
from publish.tags.production import Production
from publish.tags.rollback import RollbackTarget, roll_back, yank_version
from publish.tags.transaction import promote_tags
from runner.errors import ConfigError, EnvironmentFailed, GateRefused, ReleaseError
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry, Fault
from tests.publish import moving
from tests.publish.moving import (
    IMAGES,
    REPOSITORIES,
    World,
    approved,
    at,
    direct,
    line,
    released,
    tag_set,
    tags,
)
from tests.publish.signed import P256, trust

ALIASES = ["v2.6", "latest"]
FOREIGN = "sha256:" + "0" * 64


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.docker)])
def any_kind(request: pytest.FixtureRequest) -> Registry:
    """The fake one, and a real distribution registry."""
    if request.param == "fake":
        return direct(request.getfixturevalue("fake"))
    return Registry(request.getfixturevalue("registry_host"))


def willing(_: RollbackTarget) -> Sequence[str]:
    """Today's policy has nothing against anything."""
    return ()


def aliases_of(held: moving.Tags) -> moving.Tags:
    """The tags that are no release's own."""
    return {tag: digest for tag, digest in held.items() if not tag.startswith("v2.6.")}


# Where it goes


@pytest.mark.parametrize("name", ["v2.6", "2.6", "latest"])
def test_every_alias_the_release_moved_is_back_exactly(
    any_kind: Registry, repositories: Repositories, name: str
) -> None:
    released(any_kind, "v2.6.0", repositories=repositories)
    before = tags(any_kind, repositories)
    released(any_kind, "v2.6.1", repositories=repositories)
    after = tags(any_kind, repositories)
    outcome = roll_back(at(any_kind, repositories=repositories), name, willing)
    own = {tag: digest for tag, digest in after.items() if tag.startswith("v2.6.1")}
    assert tags(any_kind, repositories) == before | own
    assert len(own) == 3
    assert outcome.left == ()
    assert {entry.tag: entry.old for entry in outcome.entries} == aliases_of(after)
    assert {entry.tag: entry.new for entry in outcome.entries} == aliases_of(before)


def test_asked_twice_it_goes_back_once(client: Registry) -> None:
    for version in ("v2.6.0", "v2.6.1", "v2.6.2"):
        released(client, version)
    roll_back(at(client), "v2.6", willing)
    before = tags(client)
    for alias in ALIASES:
        outcome = roll_back(at(client), alias, willing)
        assert outcome.entries == ()
        assert "was moved back from v2.6.2 to v2.6.1 already" in outcome.left[0]
    assert tags(client) == before
    assert roll_back(at(client), "v2.6", willing, "v2.6.1").left == (
        "v2.6 points to v2.6.1 already",
    )


def test_several_releases_at_once(client: Registry) -> None:
    """Of each tag, to what it was before the first of them, whichever of them moved it."""
    released(client, "v2.6.0", ["v2.6", "latest"])
    before = tags(client)
    released(client, "v2.6.1", ["v2.6"])
    released(client, "v2.6.2", ["v2.6", "latest"])
    roll_back(at(client), "v2.6", willing, "v2.6.0")
    assert aliases_of(tags(client)) == aliases_of(before)


def test_further_back_and_forth_again(client: Registry) -> None:
    for version in ("v2.6.0", "v2.6.1", "v2.6.2"):
        released(client, version)
    roll_back(at(client), "v2.6", willing)
    roll_back(at(client), "v2.6", willing, "v2.6.0")
    held = tags(client)
    assert held["latest-cv"] == held["v2.6-cv"] == held["v2.6.0-cv"]
    released(client, "v2.6.3")
    roll_back(at(client), "v2.6", willing)
    assert tags(client)["v2.6-cv"] == held["v2.6.0-cv"]
    released(client, "v2.6.1")
    assert tags(client)["latest-cv"] == held["v2.6.1-cv"]


def test_what_a_release_of_another_line_has_moved_since_is_left_to_it(client: Registry) -> None:
    released(client, "v2.6.0", ["v2.6", "latest"])
    released(client, "v2.6.1", ["v2.6", "latest"])
    released(client, "v2.9.0", ["v2.9", "latest"])
    roll_back(at(client), "v2.6", willing)
    held = tags(client)
    assert held["v2.6-cv"] == held["v2.6.0-cv"]
    assert held["latest-cv"] == held["v2.9-cv"] == held["v2.9.0-cv"]
    outcome = roll_back(at(client), "latest", willing)
    held = tags(client)
    assert held["latest-cv"] == held["v2.6.0-cv"], "v2.6.1 was undone before"
    assert held["v2.9-cv"] == held["v2.9.0-cv"], "another line's image is no v2.9"
    assert "v2.9-cv stays on v2.9.0: v2.6.0 has no image for it" in outcome.left


def test_an_alias_that_the_release_made_goes_to_the_one_gone_back_to(client: Registry) -> None:
    """For nothing is deleted; an image that was new has nothing to go to."""
    released(client, "v2.6.0", ["v2.6", "2026.10"])
    released(client, "v2.6.1", ["v2.6", "2026.11"], images=("base", "cv", "nlp"))
    outcome = roll_back(at(client), "v2.6", willing)
    held = tags(client)
    assert held["2026.11-cv"] == held["v2.6-cv"] == held["v2.6.0-cv"]
    assert held["2026.11-nlp"] == held["v2.6-nlp"] == held["v2.6.1-nlp"]
    assert outcome.left == tuple(
        f"{alias}-nlp stays on v2.6.1: v2.6.0 has no image for it" for alias in ("v2.6", "2026.11")
    )


def test_candidates_go_their_own_way(client: Registry) -> None:
    """A rollback of what was released leaves candidates alone, and the other way round."""
    for version in ("v2.6.0", "v2.6.1"):
        images = approved(client, version)
        promote_tags(at(client), moving.candidate(version, ["v2.6-candidate"]), images)
        promote_tags(at(client), tag_set(version), images)
    before = tags(client)
    roll_back(at(client), "v2.6", willing)
    held = tags(client)
    assert held["v2.6-cv"] == before["v2.6.0-cv"]
    candidates = {tag: digest for tag, digest in before.items() if "candidate" in tag}
    assert {tag: held[tag] for tag in candidates} == candidates
    asked = list[RollbackTarget]()

    def judge(target: RollbackTarget) -> Sequence[str]:
        asked.append(target)
        return ()

    roll_back(at(client), "v2.6-candidate", judge)
    assert tags(client) == held | {
        tag: before["v2.6.0-cv" if "cv" in tag else "v2.6.0"] for tag in LINE_CANDIDATES
    }
    assert {target.version for target in asked} == {"v2.6.0"}
    with refused(ConfigError, "v2.6.2 was never promoted"):
        yank_version(at(client), "v2.6.2", "")


LINE_CANDIDATES = ("v2.6-candidate", "v2.6-candidate-base", "v2.6-candidate-cv")


# What it refuses, touching nothing


@pytest.mark.parametrize(
    ("name", "to", "words"),
    [
        ("v2.7", "", ["`v2.7`", "aliases: v2.6, latest"]),
        ("v2.6-cv", "", ["`v2.6-cv`"]),
        ("v2.6", "v2.6.7", ["never pointed to v2.6.7", "earlier releases of v2.6: v2.6.0"]),
    ],
)
def test_nowhere_to_go(client: Registry, name: str, to: str, words: list[str]) -> None:
    released(client, "v2.6.0")
    released(client, "v2.6.1")
    before = tags(client)
    with refused(ConfigError, *words):
        roll_back(at(client), name, willing, to)
    assert tags(client) == before


def test_nothing_before_the_first_release(client: Registry) -> None:
    released(client, "v2.6.0")
    with refused(
        ConfigError, "v2.6 never pointed to an earlier release; it points to v2.6.0", "none"
    ):
        roll_back(at(client), "v2.6", willing)


def test_where_others_moved_something_all_is_named_and_nothing_touched(
    fake: FakeRegistry, client: Registry
) -> None:
    released(client, "v2.6.0")
    released(client, "v2.6.1")
    held = fake.manifests[REPOSITORIES.production]
    held["latest"] = held["v2.6.0"]
    del held["v2.6-cv"]
    before = tags(client)
    with refused(
        GateRefused,
        f"latest points to {before['v2.6.0']}",
        "v2.6-cv points to nothing",
        before["v2.6.1-cv"],
    ):
        roll_back(at(client), "v2.6", willing)
    assert tags(client) == before


def test_todays_policy_is_asked_about_every_image(client: Registry) -> None:
    released(client, "v2.6.0")
    released(client, "v2.6.1")
    before, asked = tags(client), list[RollbackTarget]()

    def judge(target: RollbackTarget) -> Sequence[str]:
        asked.append(target)
        return [f"CVE-2026-{len(target.image)}", "another"]

    with refused(
        GateRefused,
        "base: CVE-2026-4; base: another; cv: CVE-2026-2; cv: another",
        "nothing was changed",
    ):
        roll_back(at(client), "v2.6", judge)
    assert tags(client) == before
    assert asked == [
        RollbackTarget("v2.6.0", image, before[f"v2.6.0-{image}"], candidate=False)
        for image in ("base", "cv")
    ]


# Yanking


def test_a_yanked_release_is_marked_on_its_digests_and_nothing_is_deleted(
    any_kind: Registry, repositories: Repositories
) -> None:
    released(any_kind, "v2.6.0", repositories=repositories)
    released(any_kind, "v2.6.1", repositories=repositories)
    before = tags(any_kind, repositories)
    production = at(any_kind, repositories=repositories)
    outcomes = [yank_version(production, "v2.6.1", "it eats data") for _ in range(2)]
    assert outcomes[0] == outcomes[1]
    assert [left.partition(":")[0] for left in outcomes[0].left] == [
        f"{each} still points to v2.6.1" for each in ALIASES
    ]
    assert tags(any_kind, repositories) == before
    for image in ("base", "cv"):
        marks = evidence.read_evidence(
            any_kind, repositories.production, before[f"v2.6.1-{image}"], trust(P256), YANK
        )
        assert len(marks) == 1
        assert marks[0].statement
        said = marks[0].statement.predicate
        assert {name: said[name] for name in ("version", "image", "reason")} == {
            "version": "v2.6.1",
            "image": image,
            "reason": "it eats data",
        }
        assert not evidence.read_evidence(
            any_kind, repositories.production, before[f"v2.6.0-{image}"], trust(P256), YANK
        )


def test_a_yanked_release_is_not_promoted_and_not_gone_back_to(client: Registry) -> None:
    for version in ("v2.6.0", "v2.6.1", "v2.6.2"):
        released(client, version)
    yank_version(at(client), "v2.6.1", "it eats data")
    before = tags(client)
    with refused(
        GateRefused, "base: v2.6.1 was yanked: it eats data", "cv: v2.6.1 was yanked", "--to"
    ):
        roll_back(at(client), "v2.6", willing)
    with refused(GateRefused, "v2.6.1 was yanked: it eats data"):
        released(client, "v2.6.1")
    assert tags(client) == before
    roll_back(at(client), "v2.6", willing, "v2.6.0")
    assert tags(client)["v2.6"] == before["v2.6.0"]


def test_a_yanked_digest_is_not_promoted_under_another_version(client: Registry) -> None:
    images = approved(client, "v2.6.1")
    promote_tags(at(client), tag_set("v2.6.1"), images)
    yank_version(at(client), "v2.6.1", "it eats data")
    with refused(GateRefused, "base: v2.6.1 was yanked"):
        promote_tags(at(client), tag_set("v2.6.2"), images)


def test_a_yank_reaches_what_the_journal_leaves_out(client: Registry) -> None:
    """A journal of before may have been cut by a stranger, and then signed."""
    released(client, "v2.6.1")
    production, own = at(client), tags(client)
    with lock.hold_lock(client, REPOSITORIES.journal, "me") as claim:
        stored = journal.read_journal(client, REPOSITORIES.journal, production.seal)
        (promoted,) = stored.journal.transactions
        cut = replace(promoted, entries=promoted.entries[:1])
        journal.write_journal(
            client,
            REPOSITORIES.journal,
            Journal((cut,)),
            stored.digest,
            claim,
            production.seal,
        )
    yank_version(production, "v2.6.1", "it eats data")
    for image in ("base", "cv"):
        assert (
            production.marks.read_reason(own[f"v2.6.1-{image}"])
            == "v2.6.1 was yanked: it eats data"
        )


def hidden(fake: FakeRegistry, client: Registry, how: str) -> Production:
    """Production whose journal nobody signed, and where somebody hides cv of v2.6.1."""
    released(client, "v2.6.1")
    own = tags(client)
    decided = {
        own[f"v2.6.1-{image}"]: (
            TrustedDecision(
                "v2.6.1",
                image,
                tuple(t for stem in ("v2.6.1", "monthly") for t in list_tags_of(stem, image)),
                "",
                "",
            ),
        )
        for image in IMAGES
    }
    empty = document.push_document(
        client, REPOSITORIES.journal, journal.KIND, b'{"transactions": []}', None
    )
    client.put_manifest(REPOSITORIES.journal, journal.TAG, empty)
    held = fake.manifests[REPOSITORIES.production]
    cv = held["v2.6.1-cv"]
    for alias in ("v2.6-cv", "latest-cv"):
        held.pop(alias)
    if how == "junk tags":
        held.update({f"v2.6.1-{number:02}": held["v2.6.1"] for number in range(110)})
    else:
        held["v2.6.1-cv"] = (OCI_INDEX, b'{"schemaVersion": 2, "manifests": []}')
    if how == "an alias of its line":
        held["v2.6-cv"] = cv
    elif how == "an alias of a decision":
        held["monthly-cv"] = cv
    elif how == "staging":
        fake.manifests[REPOSITORIES.staging]["v2.6.1-cv"] = cv
    return replace(
        at(client), images=IMAGES, read_decisions=lambda digest, _: decided.get(digest, ())
    )


@pytest.mark.parametrize(
    "how", ["junk tags", "an alias of its line", "an alias of a decision", "staging"]
)
def test_a_yank_reaches_an_image_that_somebody_hides(
    fake: FakeRegistry, client: Registry, how: str
) -> None:
    production = hidden(fake, client, how)
    cv = next(d for d in fake.manifests[REPOSITORIES.production] if is_cv(production, d))
    outcome = yank_version(production, "v2.6.1", "it eats data")
    assert outcome.unreached == ()
    assert production.marks.read_reason(cv) == "v2.6.1 was yanked: it eats data"


def is_cv(production: Production, digest: str) -> bool:
    return [each.image for each in production.read_decisions(digest, ())] == ["cv"]


def test_a_yank_says_which_image_it_did_not_find(fake: FakeRegistry, client: Registry) -> None:
    production = hidden(fake, client, "nowhere")
    for _ in range(2):
        (missing,) = yank_version(production, "v2.6.1", "it eats data").unreached
        assert "cv of v2.6.1 was not found" in missing
        assert "v2.6.1-cv" in missing
    held = fake.manifests[REPOSITORIES.production]
    cv = next(digest for digest in held if is_cv(production, digest))
    held["v2.6.1-cv"] = held[cv]
    assert yank_version(production, "v2.6.1", "it eats data").unreached == ()
    assert production.marks.read_reason(cv) == "v2.6.1 was yanked: it eats data"


def test_a_yank_of_a_release_from_before_an_image_was_added_is_complete(client: Registry) -> None:
    released(client, "v2.6.1")
    production = replace(at(client), images=(*IMAGES, "nlp"))
    assert yank_version(production, "v2.6.1", "it eats data").unreached == ()


def test_a_yank_asked_again_puts_the_marks_that_are_missing(
    fake: FakeRegistry, client: Registry
) -> None:
    released(client, "v2.6.1")
    production, own = at(client), tags(client)["v2.6.1-cv"]
    yank_version(production, "v2.6.1", "it eats data")
    yanked = journal.read_journal(client, REPOSITORIES.journal).journal
    held = fake.manifests[REPOSITORIES.production]
    for name in [name for name in held if name.startswith(own.replace(":", "-"))]:
        del held[name]
    assert production.marks.read_reason(own) == ""
    yank_version(production, "v2.6.1", "another reason")
    assert production.marks.read_reason(own) == "v2.6.1 was yanked: it eats data"
    again = journal.read_journal(client, REPOSITORIES.journal).journal
    assert again.transactions[:-1] == yanked.transactions
    yank_version(production, "v2.6.1", "it eats data")
    assert journal.read_journal(client, REPOSITORIES.journal).journal == again


@pytest.mark.parametrize("is_staged", [True, False])
def test_a_yank_marks_an_image_that_production_lost_or_says_that_it_did_not(
    fake: FakeRegistry, client: Registry, is_staged: bool
) -> None:
    """Somebody takes it away before the yank, and puts it back afterwards."""
    released(client, "v2.6.1")
    marks = SignedYankMarks(
        client, REPOSITORIES.production, trust(P256), lambda: P256, REPOSITORIES.staging
    )
    production, cv = replace(at(client), marks=marks), tags(client)["v2.6.1-cv"]
    held = fake.manifests[REPOSITORIES.production]
    taken = {name: held.pop(name) for name in list(held) if name == cv or name.endswith("-cv")}
    if not is_staged:
        staged = fake.manifests[REPOSITORIES.staging]
        for name in [name for name in staged if staged[name] == taken[cv]]:
            del staged[name]
    for _ in range(2):
        outcome = yank_version(production, "v2.6.1", "it eats data")
        assert [cv in each for each in outcome.unreached] == ([] if is_staged else [True])
    held.update(taken)
    assert bool(production.marks.read_reason(cv)) is is_staged
    assert yank_version(production, "v2.6.1", "it eats data").unreached == ()
    assert production.marks.read_reason(cv) == "v2.6.1 was yanked: it eats data"


def test_what_was_never_promoted_cannot_be_yanked(client: Registry) -> None:
    promote_tags(at(client), moving.candidate("v2.6.1"), approved(client, "v2.6.1"))
    with refused(ConfigError, "v2.6.1 was never promoted"):
        yank_version(at(client), "v2.6.1", "")


# Killed, disturbed, and among others


@pytest.fixture
def world(fake: FakeRegistry) -> World:
    """v2.6.0, v2.6.1 and v2.6.2 are out."""
    world, client = World(fake), direct(fake)
    for version in ("v2.6.0", "v2.6.1", "v2.6.2"):
        images = approved(client, version)
        world.know(version, images)
        promote_tags(at(world.watch(client)), tag_set(version), images)
    return world


def back(client: Registry) -> object:
    """The rollback of these tests, without a version: the one that must not go back twice."""
    return roll_back(at(client), "v2.6", willing)


def test_killed_after_every_request(world: World, record_property: Any) -> None:
    states = moving.states(world, back)
    end = world.tags()
    for state in states:
        world.restore(state)
        world.check_evidence()
        world.check_journal(may_be_open=True)
        back(world.watch(direct(world.fake), may_go_back=True))
        world.check_settled(dict.fromkeys(ALIASES, "v2.6.1"))
        assert world.tags() == end
    assert len(states) > 50
    record_property("fault points", len(states))


def test_killed_and_killed_again(world: World, record_property: Any) -> None:
    states, tried = moving.states(world, back), 0
    for state in states[::5]:
        world.restore(state)
        for again in moving.states(world, back)[::7]:
            world.restore(again)
            back(world.watch(direct(world.fake), may_go_back=True))
            world.check_settled(dict.fromkeys(ALIASES, "v2.6.1"))
            tried += 1
    assert tried > 50
    record_property("fault points", tried)


def test_killed_and_then_a_release(world: World) -> None:
    """A half-done rollback is finished by whatever comes next; then the release goes forwards."""
    images = approved(direct(world.fake), "v2.6.3")
    world.know("v2.6.3", images)
    for state in moving.states(world, back):
        world.restore(state)
        promote_tags(
            at(world.watch(direct(world.fake), may_go_back=True)), tag_set("v2.6.3"), images
        )
        world.check_settled(dict.fromkeys(ALIASES, "v2.6.3"))


def test_a_rollback_of_a_half_done_release(world: World) -> None:
    """The release is finished first, then undone whole; one that had not begun is no release to
    undo.
    """
    images = approved(direct(world.fake), "v2.6.3")
    world.know("v2.6.3", images)
    for state in moving.states(
        world, lambda client: promote_tags(at(client), tag_set("v2.6.3"), images)
    )[::2]:
        world.restore(state)
        begun = "v2.6.3" in {each.version for each in the_journal(world.fake).transactions}
        back(world.watch(direct(world.fake), may_go_back=True))
        world.check_settled(dict.fromkeys(ALIASES, "v2.6.2" if begun else "v2.6.1"))


def the_journal(fake: FakeRegistry) -> journal.Journal:
    """As it is now."""
    return journal.read_journal(direct(fake), REPOSITORIES.journal).journal


FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "403": ("GET HEAD PUT POST", {"status": 403}),
    "503": ("GET HEAD PUT POST", {"status": 503}),
    "answer lost": ("GET HEAD PUT POST", {"mute": True}),
    "cut in the middle": ("PUT", {"cut_after": 10}),
    "another digest": ("GET HEAD", {"digest": FOREIGN}),
    "no digest": ("GET HEAD", {"digest": ""}),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_at_every_request(world: World, name: str, record_property: Any) -> None:
    methods, what = FAULTS[name]
    start, seen = world.fake.state(), moving.requests_of(world, back)
    end, tried = world.tags(), 0
    for step, request in enumerate(seen, 1):
        if (method := request.partition(" ")[0]) not in methods.split():
            continue
        world.restore(start)
        client = world.watch(direct(world.fake), may_go_back=True)
        line(client).faults[step] = Fault(method, "", 1, **what)
        with contextlib.suppress(ReleaseError):
            back(client)
        assert not any(fault.times for fault in world.fake.faults), "the fault was never met"
        world.fake.heal()
        world.check_evidence()
        world.check_journal(may_be_open=True)
        back(world.watch(direct(world.fake), may_go_back=True))
        world.check_settled(dict.fromkeys(ALIASES, "v2.6.1"))
        assert world.tags() == end
        tried += 1
    assert tried >= 12
    record_property("fault points", tried)


def test_two_at_once_at_every_moment(world: World, record_property: Any) -> None:
    """Two that roll back the same, from two machines, go back one release together."""
    other = partial(roll_back, at(direct(world.fake), "their machine"), "v2.6", willing)
    start, seen = world.fake.state(), moving.requests_of(world, back)
    for step in range(1, len(seen) + 1):
        world.restore(start)
        client, went = direct(world.fake), list[bool]()
        line(client).at[step] = partial(lambda went: went.append(attempt(other)), went)
        went.append(attempt(partial(back, client)))
        assert any(went), f"both failed at {step}"
        back(direct(world.fake))
        other()
        world.check_settled(dict.fromkeys(ALIASES, "v2.6.1"))
    record_property("fault points", len(seen))


def attempt(work: Callable[[], object]) -> bool:
    """Whether it went well."""
    try:
        work()
    except ReleaseError:
        return False
    return True


def test_an_alias_moved_by_hand_at_every_moment(world: World) -> None:
    """Before the journal is written it stops all, after that it stops there; put back, it goes
    on.
    """
    start, seen = world.fake.state(), moving.requests_of(world, back)
    held = world.fake.manifests[REPOSITORIES.production]
    stopped = 0
    for step in range(1, len(seen) + 1):
        world.restore(start)
        held = world.fake.manifests[REPOSITORIES.production]
        client = direct(world.fake)
        line(client).at[step] = partial(held.__setitem__, "latest", held["v2.6.0"])
        try:
            back(client)
        except (GateRefused, EnvironmentFailed) as error:
            stopped += 1
            assert "latest points to" in str(error) or "latest: it points to" in str(error)
            untouched = the_journal(world.fake).open_transaction is None
            held["latest"] = held["v2.6.2"]
            if untouched:
                world.check_whole(dict.fromkeys(ALIASES, "v2.6.2"))
        else:
            held["latest"] = held["v2.6.1"]  # replaced by us, or moved when we were done
        back(direct(world.fake))
        world.check_settled(dict.fromkeys(ALIASES, "v2.6.1"))
    assert stopped > 20


def test_a_yank_killed_after_every_request(world: World, record_property: Any) -> None:
    states = moving.states(world, lambda client: yank_version(at(client), "v2.6.1", "it eats data"))
    held = world.tags()
    for state in states:
        world.restore(state)
        world.check_journal(may_be_open=True)
        yank_version(at(direct(world.fake)), "v2.6.1", "it eats data")
        world.check_settled(dict.fromkeys(ALIASES, "v2.6.2"))
        assert world.tags() == held
        for image in ("base", "cv"):
            digest = held[f"v2.6.1-{image}"]
            found = evidence.read_evidence(
                direct(world.fake), REPOSITORIES.production, digest, trust(P256), YANK
            )
            assert [each.problem for each in found] == [""]
    assert len(states) == 120, "every request of a yank of two images, which looks at aliases too"
    record_property("fault points", len(states))
