"""Images that are out: found by their tags, with what the registry holds about them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from images.catalog import BASE, Catalog, Repositories, Version
from images.version import VERSION_PATTERN, parse_version
from oci.manifest import Manifest
from oci.registry import Registry
from publish.tags import journal
from runner.errors import ConfigError

PRODUCTION, CANDIDATE = "production", "candidate"

_TAG = re.compile(rf"(?P<version>{VERSION_PATTERN})(?P<candidate>-candidate)?(?:-(?P<image>[a-z0-9-]+))?")


@dataclass(frozen=True)
class Published:
    """An image under the tag of its version, in `channel` (production or candidate)."""

    version: Version
    image: str
    channel: str
    repository: str
    digest: str


def published(registry: Registry, catalog: Catalog, channel: str) -> tuple[Published, ...]:
    """Every image of the catalogue's lines that a channel holds, newest version first. Aliases are no images."""
    repository = catalog.repositories.production
    found = (_parsed(catalog, tag, channel) for tag in registry.tags(repository))
    named = sorted({each for each in found if each}, key=lambda each: (each[0].line, -each[0].patch, each[1]))
    held = (
        (version, image, registry.digest_of(repository, tag_of(image, str(version), channel)))
        for version, image in named
    )
    return tuple(Published(version, image, channel, repository, digest) for version, image, digest in held if digest)


def find(registry: Registry, catalog: Catalog, version: Version, image: str) -> Published:
    """An image of a release: in production, else as a candidate. Raises ConfigError where it is neither."""
    repository = catalog.repositories.production
    for channel in (PRODUCTION, CANDIDATE):
        if digest := registry.digest_of(repository, tag_of(image, str(version), channel)):
            return Published(version, image, channel, repository, digest)
    raise ConfigError(
        f"{version} {image} is not in {registry.host}/{repository}", f"run `./release.py release {version}` first"
    )


def is_out(registry: Registry, repositories: Repositories, version: Version) -> bool:
    """Whether a version is released: some image has its immutable tag, or the journal says that it will."""
    if journal.read(registry, repositories.journal).journal.own(str(version)):
        return True
    found = (_TAG.fullmatch(tag) for tag in registry.tags(repositories.production))
    return any(match["version"] == str(version) and not match["candidate"] for match in found if match)


def manifest_of(registry: Registry, image: Published) -> Manifest:
    """Its manifest, raw. Raises ConfigError where the digest is gone."""
    found = registry.manifest(image.repository, image.digest)
    if found is None:
        raise ConfigError(f"{registry.host}/{image.repository}@{image.digest} is gone", "restore it in the registry")
    return found


def tag_of(image: str, version: str, channel: str) -> str:
    """`v2.6.0-cv` in production, `v2.6.0-candidate-cv` before; the base image carries no suffix."""
    suffix = "" if image == BASE else f"-{image}"
    return f"{version}{'' if channel == PRODUCTION else '-candidate'}{suffix}"


def standing(registry: Registry, catalog: Catalog) -> tuple[Published, ...]:
    """What production holds and users may be on: without what was yanked or rolled back; newest version first."""
    withdrawn = journal.read(registry, catalog.repositories.journal).journal.withdrawn()
    return tuple(each for each in published(registry, catalog, PRODUCTION) if str(each.version) not in withdrawn)


def previous(registry: Registry, repositories: Repositories, version: Version, image: str) -> Published | None:
    """The newest release of an image in the line before `version`; None where there is none. A candidate is none.

    What was yanked or rolled back is passed over, where there is something else: nobody is on it.
    """
    withdrawn = journal.read(registry, repositories.journal).journal.withdrawn()
    tags, repository = set(registry.tags(repositories.production)), repositories.production
    found = [each for each in _earlier(tags, version) if tag_of(image, str(each), PRODUCTION) in tags]
    for before in sorted(found, key=lambda each: str(each) in withdrawn):
        if digest := registry.digest_of(repository, tag_of(image, str(before), PRODUCTION)):
            return Published(before, image, PRODUCTION, repository, digest)
    return None


def _earlier(tags: Iterable[str], version: Version) -> list[Version]:
    """The versions of the line before `version` that some tag names, newest first."""
    matches = (_TAG.fullmatch(tag) for tag in tags)
    named = {found for match in matches if match and (found := parse_version(match["version"]))}
    earlier = (each for each in named if each.line == version.line and each.patch < version.patch)
    return sorted(earlier, key=lambda each: -each.patch)


def images_before(registry: Registry, catalog: Catalog, version: Version) -> frozenset[str]:
    """The images of the newest release of the line before `version`, also of stacks that are gone; else none."""
    before = previous(registry, catalog.repositories, version, BASE)
    tags = registry.tags(catalog.repositories.production) if before else ()
    matches = [match for tag in tags if (match := _TAG.fullmatch(tag)) and not match["candidate"]]
    return frozenset(match["image"] or BASE for match in matches if before and match["version"] == str(before.version))


def _parsed(catalog: Catalog, tag: str, channel: str) -> tuple[Version, str] | None:
    match = _TAG.fullmatch(tag)
    if match is None or bool(match["candidate"]) != (channel == CANDIDATE):
        return None
    try:
        return catalog.version(match["version"]), catalog.image_names(match["image"] or BASE)[0]
    except ConfigError:  # of a line or a stack that the catalogue no longer has
        return None
