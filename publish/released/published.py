"""Published images: found by their tags, with what the registry holds about them.

Whoever may write production can put any tag. A tag is that of a release only if the journal says
that it was promoted on this digest, or a trusted decision on the digest says that it may carry it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from images.catalog import BASE, Catalog, Repositories, Version
from images.names import candidate_stem, image_tag, parse_own_tag
from oci.manifest import Manifest
from oci.registry import Registry
from publish.evidence.predicates import decision
from publish.evidence.trust import Trusted
from publish.released import decision_check, trusted_journal
from publish.released.decision_check import IsDecided
from publish.tags.journal import Journal
from runner import progress
from runner.errors import ConfigError, GateRefused

PRODUCTION, CANDIDATE = decision.PRODUCTION, decision.CANDIDATE
MOST_UNKNOWN = 200
"""How many tags that the journal does not know are looked at: each may need the evidence on a
digest. Those of the catalogue's images come first.
"""


@dataclass(frozen=True)
class Published:
    """An image under the tag of its version, in `channel` (production or candidate)."""

    version: Version
    image: str
    channel: str
    repository: str
    digest: str


@dataclass
class _ReleaseFinder:
    """Finds the digest of a release under a tag; `kept` is what counts of the journal."""

    registry: Registry
    repository: str
    kept: Journal
    is_decided: IsDecided
    looked_at: set[str] = field(default_factory=set)

    @cached_property
    def known_tags(self) -> dict[str, str]:
        """The own tags that the journal has, each with the digest that was promoted last."""
        promoted = (each for each in self.kept.transactions if each.kind == "promotion")
        return {
            entry.tag: entry.new for each in promoted for entry in each.entries if not entry.alias
        }

    @cached_property
    def withdrawn_versions(self) -> frozenset[str]:
        """The versions that nobody should be on."""
        return self.kept.withdrawn_versions()

    def find_digest(self, tag: str) -> str:
        """Return the digest under an own tag; empty if no release was decided to carry the tag."""
        if tag not in self.known_tags and not self._may_look_at(tag):
            return ""
        held = self.registry.resolve_digest(self.repository, tag)
        if held is None or held == self.known_tags.get(tag):
            return held or ""
        return held if self.is_decided(tag, held) else ""

    def _may_look_at(self, tag: str) -> bool:
        if tag in self.looked_at or len(self.looked_at) < MOST_UNKNOWN:
            self.looked_at.add(tag)
            return True
        if len(self.looked_at) == MOST_UNKNOWN:
            self.looked_at.add("")
            problem = f"has more than {MOST_UNKNOWN} tags that the journal does not know"
            progress.say_line(
                f"  {self.registry.host}/{self.repository} {problem}: remove them there"
            )
        return False


def _make_finder(
    registry: Registry,
    repositories: Repositories,
    trusted: Trusted,
    images: Sequence[str] = (),
) -> _ReleaseFinder:
    kept = trusted_journal.read_confirmed(registry, repositories, trusted, images).journal
    return _ReleaseFinder(
        registry,
        repositories.production,
        kept,
        decision_check.make_tag_check(registry, repositories, trusted),
    )


def list_published(
    registry: Registry, catalog: Catalog, channel: str, trusted: Trusted
) -> tuple[Published, ...]:
    """Return every image of the catalogue's lines in a channel, newest version first.

    Aliases are no images.
    """
    return _list_published(
        catalog, channel, _make_finder(registry, catalog.repositories, trusted, catalog.images)
    )


def _list_published(
    catalog: Catalog, channel: str, releases: _ReleaseFinder
) -> tuple[Published, ...]:
    registry, repository = releases.registry, releases.repository
    found = (_parse_tag(catalog, tag, channel) for tag in registry.list_tags(repository))
    named = sorted(
        {each for each in found if each}, key=lambda each: (each[0].line, -each[0].patch, each[1])
    )
    held = (
        (version, image, releases.find_digest(format_own_tag(image, str(version), channel)))
        for version, image in named
    )
    return tuple(
        Published(version, image, channel, repository, digest)
        for version, image, digest in held
        if digest
    )


def find_published(
    registry: Registry, catalog: Catalog, version: Version, image: str, trusted: Trusted
) -> Published:
    """Return an image of a release: in production, else as a candidate.

    Raises ConfigError if it is neither, and GateRefused if its tag holds a digest that it was not
    decided to carry.
    """
    repository, releases = (
        catalog.repositories.production,
        _make_finder(registry, catalog.repositories, trusted, catalog.images),
    )
    for channel in (PRODUCTION, CANDIDATE):
        tag = format_own_tag(image, str(version), channel)
        if digest := releases.find_digest(tag):
            return Published(version, image, channel, repository, digest)
        if held := registry.resolve_digest(repository, tag):
            problem = (
                f"{registry.host}/{repository}:{tag} holds {held}, which no trusted "
                "decision lets carry this tag"
            )
            raise GateRefused(problem, f"see what is known of it with `./release.py verify {tag}`")
    raise ConfigError(
        f"{version} {image} is not in {registry.host}/{repository}",
        f"run `./release.py release {version}` first",
    )


def is_released(
    registry: Registry, repositories: Repositories, version: Version, trusted: Trusted
) -> bool:
    """Return whether a version is released, or its promotion has begun.

    It is if an image has its immutable tag, or if the journal says that it will.
    """
    releases = _make_finder(registry, repositories, trusted)
    if releases.kept.own_entries(str(version)):
        return True
    return any(
        releases.find_digest(tag)
        for tag in _list_own_tags(registry.list_tags(repositories.production), version)
    )


def read_manifest(registry: Registry, image: Published) -> Manifest:
    """Return the raw manifest of an image. Raises ConfigError if the digest is gone."""
    found = registry.read_manifest(image.repository, image.digest)
    if found is None:
        raise ConfigError(
            f"{registry.host}/{image.repository}@{image.digest} is gone",
            "restore it in the registry",
        )
    return found


def format_own_tag(image: str, version: str, channel: str) -> str:
    """Return the own tag of an image: `v2.6.0-cv`, or `v2.6.0-candidate-cv` of a candidate.

    The base image has no suffix.
    """
    return image_tag(version if channel == PRODUCTION else candidate_stem(version), image)


def list_current(registry: Registry, catalog: Catalog, trusted: Trusted) -> tuple[Published, ...]:
    """Return the images in production that users may be on, newest version first.

    Images that were yanked or rolled back are left out.
    """
    releases = _make_finder(registry, catalog.repositories, trusted, catalog.images)
    return tuple(
        each
        for each in _list_published(catalog, PRODUCTION, releases)
        if str(each.version) not in releases.withdrawn_versions
    )


def find_previous(
    registry: Registry, repositories: Repositories, version: Version, image: str, trusted: Trusted
) -> Published | None:
    """Return the newest release of an image in the line before `version`, or None.

    A candidate is no release. A release that was yanked or rolled back is taken only if there is no
    other.
    """
    return _find_previous(_make_finder(registry, repositories, trusted), version, image)


def _find_previous(releases: _ReleaseFinder, version: Version, image: str) -> Published | None:
    tags = set(releases.registry.list_tags(releases.repository))
    found = [
        each
        for each in _list_earlier(tags, version)
        if format_own_tag(image, str(each), PRODUCTION) in tags
    ]
    for before in sorted(found, key=lambda each: str(each) in releases.withdrawn_versions):
        if digest := releases.find_digest(format_own_tag(image, str(before), PRODUCTION)):
            return Published(before, image, PRODUCTION, releases.repository, digest)
    return None


def _list_earlier(tags: Iterable[str], version: Version) -> list[Version]:
    """Return the versions of the line before `version` that tags name, newest first."""
    named = {own.version for tag in tags if (own := parse_own_tag(tag))}
    earlier = (each for each in named if each.line == version.line and each.patch < version.patch)
    return sorted(earlier, key=lambda each: -each.patch)


def list_images_before(
    registry: Registry, catalog: Catalog, version: Version, trusted: Trusted
) -> frozenset[str]:
    """Return the images of the newest release of the line before `version`.

    Images of stacks that are gone are among them. Returns nothing if there is no such release.
    """
    releases = _make_finder(registry, catalog.repositories, trusted, catalog.images)
    before = _find_previous(releases, version, BASE)
    tags = _list_own_tags(registry.list_tags(releases.repository), before.version) if before else {}
    ordered = sorted(
        tags.items(),
        key=lambda item: (item[0] not in releases.known_tags, item[1] not in catalog.images, item),
    )
    return frozenset(image for tag, image in ordered if releases.find_digest(tag))


def _list_own_tags(tags: Iterable[str], version: Version) -> dict[str, str]:
    """Return the tags of a version in production, without candidates, each with its image."""
    named = [(tag, own) for tag in tags if (own := parse_own_tag(tag)) and not own.is_candidate]
    return {tag: own.image for tag, own in named if own.version == version}


def _parse_tag(catalog: Catalog, tag: str, channel: str) -> tuple[Version, str] | None:
    own = parse_own_tag(tag)
    if own is None or own.is_candidate != (channel == CANDIDATE):
        return None
    try:
        return catalog.require_version(str(own.version)), catalog.image_names(own.image)[0]
    except ConfigError:  # of a line or a stack that the catalogue no longer has
        return None
