"""Tags of images, and which release came before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from images import catalog
from images.catalog import Version
from oci.manifest import Manifest
from oci.registry import Registry
from publish.evidence.keys import PrivateKey
from publish.released.published import (
    CANDIDATE,
    MAX_UNKNOWN_TAGS,
    PRODUCTION,
    _list_earlier,
    find_previous,
    find_published,
    format_own_tag,
    is_released,
    list_current,
    list_images_before,
    list_published,
)
from publish.tags import journal, lock
from publish.tags.decisions import MAX_VERSIONS
from publish.tags.journal import Journal, JournalEntry, Transaction
from runner.errors import GateRefused
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry
from tests.publish.line import OURS
from tests.publish.signed import P256, STRANGER, decide, journal_seal
from tests.publish.stage_records import STAGING, staged


@pytest.mark.parametrize(
    ("image", "channel", "tag"),
    [
        ("base", PRODUCTION, "v2.6.0"),
        ("cv", PRODUCTION, "v2.6.0-cv"),
        ("base", CANDIDATE, "v2.6.0-candidate"),
        ("cv-nlp", CANDIDATE, "v2.6.0-candidate-cv-nlp"),
    ],
)
def test_tags(image: str, channel: str, tag: str) -> None:
    assert format_own_tag(image, "v2.6.0", channel) == tag


@pytest.mark.parametrize(
    ("tag", "out"),
    [
        ("v2.6.1", True),
        ("v2.6.1-cv", True),
        ("v2.6.1-of-a-stack-that-is-gone", True),
        ("v2.6.1-candidate", False),
        ("v2.6.1-candidate-cv", False),
        ("v2.6.11", False),
        ("v2.6", False),
    ],
)
def test_a_version_is_out_once_an_image_has_its_own_tag(tag: str, out: bool) -> None:
    shipped = catalog.load_catalog()
    with FakeRegistry() as fake:
        registry = Registry(fake.host)
        assert not is_released(registry, shipped, Version("2.6", 1), OURS)
        put(registry, shipped.repositories.production, tag, staged(registry, "cv")[1])
        assert is_released(registry, shipped, Version("2.6", 1), OURS) is out


@pytest.mark.parametrize(
    ("promoted", "out"), [("v2.6.1", True), ("v2.6.1-candidate", False), ("v2.6.0", False)]
)
def test_a_version_is_out_once_the_journal_says_which_bytes_it_will_be(
    promoted: str, out: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A promotion killed before its first tag is finished by the next of any kind."""
    shipped = catalog.load_catalog()
    repositories = shipped.repositories
    entry = JournalEntry(promoted, "base", "", "", "sha256:" + "a" * 64, "")
    begun = Journal(
        (Transaction("promotion", promoted, "somebody", "2026-11-21T00:00:00+00:00", (entry,)),)
    )
    with FakeRegistry() as fake:
        registry = Registry(fake.host)
        monkeypatch.setattr(lock, "_wait_until", lambda *_: None)
        with lock.hold_lock(registry, repositories.journal, "a test") as claim:
            journal.write_journal(
                registry, repositories.journal, begun, None, claim, journal_seal(P256)
            )
        assert is_released(registry, shipped, Version("2.6", 1), OURS) is out


def put(
    registry: Registry, repository: str, tag: str, manifest: Manifest, key: PrivateKey = P256
) -> None:
    """An image of staging under a tag of another repository, as a key decided."""
    for blob in manifest.parse_blobs():
        registry.ensure_blob(repository, blob, STAGING)
    registry.put_manifest(repository, tag, manifest)
    decide(registry, repository, tag, manifest, key)


def test_a_tag_that_no_trusted_decision_allows_is_no_release() -> None:
    """Whoever may write production may put it: under a number to come, of an image that is none, on
    any digest.
    """
    shipped = catalog.load_catalog()
    version = Version("2.6", 9)
    with FakeRegistry() as fake:
        registry, repositories = Registry(fake.host), shipped.repositories
        genuine, forged = staged(registry, "base")[1], staged(registry, "of somebody")[1]
        put(registry, repositories.production, "v2.6.0", genuine)
        for tag in ("v2.6.1", "v2.6.8-cv", "v2.6.9-base"):
            put(registry, repositories.production, tag, forged, STRANGER)
        for tag in ("v2.6.0-zz", "v2.6.3", "v2.6.4-cv"):
            registry.put_manifest(repositories.production, tag, genuine)
        found = list_published(registry, shipped, PRODUCTION, OURS)
        assert [(str(each.version), each.image, each.digest) for each in found] == [
            ("v2.6.0", "base", genuine.digest)
        ]
        assert list_current(registry, shipped, OURS) == found
        assert find_previous(registry, shipped, version, "base", OURS) == found[0]
        assert find_previous(registry, shipped, version, "cv", OURS) is None
        assert list_images_before(registry, shipped, version, OURS) == {"base"}
        assert not is_released(registry, shipped, version, OURS)
        assert is_released(registry, shipped, Version("2.6", 0), OURS)


@pytest.mark.parametrize("tag", ["v2.6.0-cv", "v2.6.0-candidate-cv"])
def test_a_release_is_not_found_under_a_tag_that_holds_other_bytes(tag: str) -> None:
    """Neither a digest that nobody decided on, nor one that was decided on for another tag."""
    shipped = catalog.load_catalog()
    with FakeRegistry() as fake:
        registry, production = Registry(fake.host), shipped.repositories.production
        genuine, other = staged(registry, "cv")[1], staged(registry, "of somebody")[1]
        put(registry, production, tag, genuine)
        assert (
            find_published(registry, shipped, Version("2.6", 0), "cv", OURS).digest
            == genuine.digest
        )
        put(registry, production, "v2.6.9-cv", other)
        registry.put_manifest(production, tag, other)
        with refused(GateRefused, f"{production}:{tag} points to {other.digest}", f"verify {tag}"):
            find_published(registry, shipped, Version("2.6", 0), "cv", OURS)
        put(registry, production, tag, other, STRANGER)
        with refused(GateRefused, f"{production}:{tag} points to {other.digest}"):
            find_published(registry, shipped, Version("2.6", 0), "cv", OURS)


def test_so_many_tags_that_nobody_knows_are_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    shipped = catalog.load_catalog()
    with FakeRegistry() as fake:
        registry = Registry(fake.host)
        _, manifest = staged(registry, "base")
        put(registry, shipped.repositories.production, "v2.6.0", manifest)
        held = fake.manifests[shipped.repositories.production]
        held.update({f"v2.6.{patch}": held["v2.6.0"] for patch in range(1, 1000)})
        fake.requests.clear()
        assert list_published(registry, shipped, PRODUCTION, OURS) == ()
        assert len(fake.requests) < MAX_UNKNOWN_TAGS + MAX_VERSIONS + 20
    assert (
        capsys.readouterr().err.count(
            "tags that the journal does not know: remove those that nobody needs"
        )
        == 1
    )


def test_junk_hides_no_image_of_the_release_before() -> None:
    """Also if the journal is lost: an image that is gone makes another release kind."""
    shipped = catalog.load_catalog()
    with FakeRegistry() as fake:
        registry = Registry(fake.host)
        for image in shipped.images:
            _, manifest = staged(registry, image)
            tag = format_own_tag(image, "v2.6.0", PRODUCTION)
            put(registry, shipped.repositories.production, tag, manifest)
        held = fake.manifests[shipped.repositories.production]
        held.update({f"v2.6.0-aaa{number}": held["v2.6.0"] for number in range(300)})
        found = list_images_before(registry, shipped, Version("2.6", 1), OURS)
    assert found == set(shipped.images)


def test_the_previous_release_is_the_newest_before_this_one_in_production() -> None:
    """A patch that was never released is passed over, a candidate does not count, nor does another
    image.
    """
    with FakeRegistry() as fake:
        registry = Registry(fake.host)
        (build, manifest), (_, other) = staged(registry, "cv"), staged(registry, "base")
        for tag, named in (
            ("v2.6.1-cv", manifest),
            ("v2.6.0-cv", other),
            ("v2.6.2-candidate-cv", other),
            ("v2.6.2", other),
        ):
            put(registry, "previous", tag, named)
        shipped = catalog.load_catalog()
        own = replace(shipped, repositories=replace(shipped.repositories, production="previous"))
        third, first, none = (
            find_previous(registry, own, Version("2.6", patch), "cv", OURS) for patch in (3, 1, 0)
        )
    assert third is not None
    assert (third.version, third.digest) == (Version("2.6", 1), build.digest)
    assert first is not None
    assert first.digest == other.digest
    assert none is None


def test_earlier_versions_are_those_that_some_tag_names() -> None:
    tags = [
        "v2.6.9",
        "v2.6.10-cv",
        "v2.6.11-candidate",
        "v2.6.99999999",
        "v2.6.07",
        "v2.7.1",
        "latest",
        "v2.6.9-cv",
    ]
    found = _list_earlier(tags, Version("2.6", 9999))
    assert [str(each) for each in found] == ["v2.6.11", "v2.6.10", "v2.6.9"]
    assert _list_earlier(tags, Version("2.6", 10)) == [Version("2.6", 9)]
