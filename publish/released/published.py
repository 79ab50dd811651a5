"""Published images: found by their tags, with what the registry holds about them.

Every account that may write production can put any tag there. So a tag counts as that of a release
only if the journal says that this digest was promoted with it, or if a trusted decision lets this
digest carry it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from images.catalog import BASE, Catalog, Version
from images.names import candidate_stem, image_tag, parse_own_tag
from oci.manifest import Manifest
from oci.registry import Registry
from publish.evidence.predicates import decision
from publish.evidence.trust import Trusted
from publish.released import decision_check, trusted_journal
from publish.released.decision_check import IsTagAllowed
from publish.tags.journal import Journal
from runner import progress
from runner.errors import ConfigError, GateRefused

PRODUCTION, CANDIDATE = decision.PRODUCTION, decision.CANDIDATE
MAX_UNKNOWN_TAGS = 200
"""How many tags that the journal does not know are looked up; those of known images come first.

Each may need the evidence on a digest.
"""


@dataclass(frozen=True)
class Published:
    """An image under the tag of its version, in `channel` (production or candidate).

    `digest` is what a signed journal says. Then `is_moved` says whether the tag points to something
    else, or is gone.
    """

    version: Version
    image: str
    channel: str
    repository: str
    digest: str
    is_moved: bool = False


@dataclass
class _ReleaseFinder:
    """Finds the digest of a release under a tag; `journal` has only the transactions that count.

    `is_signed` says whether a trusted key signed the journal.
    """

    registry: Registry
    repository: str
    journal: Journal
    is_tag_allowed: IsTagAllowed
    is_signed: bool = False
    looked_up: set[str] = field(default_factory=set)
    moved: set[str] = field(default_factory=set)

    @property
    def known_tags(self) -> dict[str, str]:
        """The own tags that the journal has, each with the digest that was promoted last."""
        return self.journal.own_digests

    @cached_property
    def withdrawn_versions(self) -> frozenset[str]:
        """The versions that nobody should use."""
        return self.journal.withdrawn_versions()

    @property
    def signed_tags(self) -> dict[str, str]:
        """The own tags that have moved by a signed journal, each with its digest."""
        return self.journal.moved_digests if self.is_signed else {}

    def list_tags(self) -> list[str]:
        """Return the tags of production, and those own tags that a signed journal knows."""
        known = (*self.signed_tags, *self.known_tags)
        return list(dict.fromkeys((*self.registry.list_tags(self.repository), *known)))

    def find_release(self, tag: str) -> str:
        """Return the digest of a release by its own tag; empty if it is no release.

        A signed journal says it. The tag is only compared with it, and a line says if it differs:
        whoever may write tags cannot choose what is scanned or compared.
        """
        signed = self.signed_tags.get(tag, "")
        current = self.registry.resolve_digest(self.repository, tag) if signed else ""
        if not signed or current == signed or self.journal.open_transaction:
            return self.find_digest(tag)
        if tag not in self.moved:
            self.moved.add(tag)
            where = f"{self.registry.host}/{self.repository}:{tag}"
            progress.say_line(
                f"  {where} points to {current or 'nothing'}, but the signed journal says "
                f"{signed}: move it back"
            )
        return signed

    def find_digest(self, tag: str) -> str:
        """Return the digest under the own tag of a release; empty if it is no release."""
        if tag not in self.known_tags and not self._may_look_up(tag):
            return ""
        digest = self.registry.resolve_digest(self.repository, tag)
        if digest is None or digest == self.known_tags.get(tag):
            return digest or ""
        return digest if self.is_tag_allowed(tag, digest) else ""

    def _may_look_up(self, tag: str) -> bool:
        """Return whether a tag that the journal does not know is within the limit.

        The first tag beyond the limit is reported.
        """
        if tag in self.looked_up or len(self.looked_up) < MAX_UNKNOWN_TAGS:
            self.looked_up.add(tag)
            return True
        if len(self.looked_up) == MAX_UNKNOWN_TAGS:
            self.looked_up.add("")  # so that this is reported once
            progress.say_line(
                f"  {self.registry.host}/{self.repository} has more than {MAX_UNKNOWN_TAGS} tags "
                "that the journal does not know: remove those that nobody needs"
            )
        return False


def _make_finder(registry: Registry, catalog: Catalog, trusted: Trusted) -> _ReleaseFinder:
    repositories = catalog.repositories
    stored = trusted_journal.read_confirmed(registry, repositories, trusted, catalog.images)
    return _ReleaseFinder(
        registry,
        repositories.production,
        stored.journal,
        decision_check.make_tag_check(registry, repositories, trusted),
        is_signed=stored.digest is not None and not stored.problem,
    )


def list_published(
    registry: Registry, catalog: Catalog, channel: str, trusted: Trusted
) -> tuple[Published, ...]:
    """Return every image of the catalogue's lines in a channel, newest version first.

    Only own tags are read, no aliases.
    """
    return _list_published(catalog, channel, _make_finder(registry, catalog, trusted))


def _list_published(
    catalog: Catalog,
    channel: str,
    releases: _ReleaseFinder,
    is_wanted: Callable[[Version], bool] = lambda _: True,
) -> tuple[Published, ...]:
    found = (_parse_tag(catalog, tag, channel) for tag in releases.list_tags())
    named = sorted(
        {each for each in found if each and is_wanted(each[0])},
        key=lambda each: (each[0].line, -each[0].patch, each[1]),
    )
    found_images: list[Published] = []
    for version, image in named:
        tag = format_own_tag(image, str(version), channel)
        if digest := releases.find_release(tag):
            is_moved = tag in releases.moved
            found_images.append(
                Published(version, image, channel, releases.repository, digest, is_moved)
            )
    return tuple(found_images)


def find_published(
    registry: Registry, catalog: Catalog, version: Version, image: str, trusted: Trusted
) -> Published:
    """Return an image of a version: as a release, or if it is not released, as a candidate.

    Raises ConfigError if it is neither, and GateRefused if no trusted decision lets the digest
    carry its tag.
    """
    repository = catalog.repositories.production
    releases = _make_finder(registry, catalog, trusted)
    for channel in (PRODUCTION, CANDIDATE):
        tag = format_own_tag(image, str(version), channel)
        if digest := releases.find_digest(tag):
            return Published(version, image, channel, repository, digest)
        if current := registry.resolve_digest(repository, tag):
            problem = (
                f"{registry.host}/{repository}:{tag} points to {current}, and no trusted decision "
                "lets this digest carry the tag"
            )
            raise GateRefused(
                problem, f"run `./release.py verify {tag}` to see what is known about it"
            )
    raise ConfigError(
        f"{version} {image} is not in {registry.host}/{repository}",
        f"run `./release.py release {version}` first",
    )


def is_released(registry: Registry, catalog: Catalog, version: Version, trusted: Trusted) -> bool:
    """Return whether a version is released, or its promotion has begun.

    That is so if the journal names its own tags, or if one of its images has its own tag in
    production.
    """
    releases = _make_finder(registry, catalog, trusted)
    if releases.journal.own_entries(str(version)):
        return True
    return any(
        releases.find_digest(tag)
        for tag in _list_own_tags(registry.list_tags(releases.repository), version)
    )


def read_manifest(registry: Registry, image: Published) -> Manifest:
    """Return the manifest of an image. Raises ConfigError if the registry no longer has it."""
    found = registry.read_manifest(image.repository, image.digest)
    if found is None:
        raise ConfigError(
            f"the registry no longer has {registry.host}/{image.repository}@{image.digest}",
            "restore it in the registry",
        )
    return found


def format_own_tag(image: str, version: str, channel: str) -> str:
    """Return the own tag of an image: `v2.6.0-cv`, or `v2.6.0-candidate-cv` of a candidate.

    The tag of the base image has no suffix.
    """
    return image_tag(version if channel == PRODUCTION else candidate_stem(version), image)


def list_current(
    registry: Registry,
    catalog: Catalog,
    trusted: Trusted,
    is_wanted: Callable[[Version], bool] = lambda _: True,
) -> tuple[Published, ...]:
    """Return the released images that users may use, newest version first.

    Images that were yanked or rolled back are left out. Only the tags of versions that `is_wanted`
    takes are looked up, each with a request.
    """
    releases = _make_finder(registry, catalog, trusted)
    return tuple(
        each
        for each in _list_published(catalog, PRODUCTION, releases, is_wanted)
        if str(each.version) not in releases.withdrawn_versions
    )


def find_previous(
    registry: Registry, catalog: Catalog, version: Version, image: str, trusted: Trusted
) -> Published | None:
    """Return the newest release of an image before `version` in the same line, or None.

    A candidate is not a release. A release that was yanked or rolled back is returned only if there
    is no other. One whose manifest was deleted is passed over, and a line says so: there is nothing
    to compare with, and an account that may delete must not stop the next release.
    """
    return _find_previous(_make_finder(registry, catalog, trusted), version, image)


def _find_previous(releases: _ReleaseFinder, version: Version, image: str) -> Published | None:
    tags, repository = set(releases.list_tags()), releases.repository
    found = [
        each
        for each in _list_earlier(tags, version)
        if format_own_tag(image, str(each), PRODUCTION) in tags
    ]
    for before in sorted(found, key=lambda each: str(each) in releases.withdrawn_versions):
        tag = format_own_tag(image, str(before), PRODUCTION)
        digest = releases.find_release(tag)
        is_moved = tag in releases.moved
        if digest and is_moved and not releases.registry.resolve_digest(repository, digest):
            progress.say_line(
                f"  {releases.registry.host}/{repository}@{digest} was deleted, so nothing is "
                f"compared with {before} {image}: restore it, and find out who deleted it"
            )
        elif digest:
            return Published(before, image, PRODUCTION, repository, digest, is_moved)
    return None


def _list_earlier(tags: Iterable[str], version: Version) -> list[Version]:
    """Return the versions before `version` in its line that tags name, newest first."""
    named = {own.version for tag in tags if (own := parse_own_tag(tag))}
    earlier = (each for each in named if each.line == version.line and each.patch < version.patch)
    return sorted(earlier, key=lambda each: -each.patch)


def list_images_before(
    registry: Registry, catalog: Catalog, version: Version, trusted: Trusted
) -> frozenset[str]:
    """Return the images of the newest release before `version` in the same line.

    They include images that the catalogue no longer has. Returns an empty set if there is no such
    release.
    """
    releases = _make_finder(registry, catalog, trusted)
    before = _find_previous(releases, version, BASE)
    tags = _list_own_tags(releases.list_tags(), before.version) if before else {}
    ordered = sorted(
        tags.items(),
        key=lambda item: (item[0] not in releases.known_tags, item[1] not in catalog.images, item),
    )
    return frozenset(image for tag, image in ordered if releases.find_release(tag))


def _list_own_tags(tags: Iterable[str], version: Version) -> dict[str, str]:
    """Return the own tags of a released version, each with its image; no tags of candidates."""
    named = [(tag, own) for tag in tags if (own := parse_own_tag(tag)) and not own.is_candidate]
    return {tag: own.image for tag, own in named if own.version == version}


def _parse_tag(catalog: Catalog, tag: str, channel: str) -> tuple[Version, str] | None:
    """Return the version and image of an own tag of a channel; None if it is another tag."""
    own = parse_own_tag(tag)
    if own is None or own.is_candidate != (channel == CANDIDATE):
        return None
    try:
        return catalog.require_version(str(own.version)), catalog.image_names(own.image)[0]
    except ConfigError:  # the catalogue no longer has its line or a stack of it
        return None
