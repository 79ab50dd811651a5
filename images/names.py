"""The names of images and of their tags in production.

An image is named after its stacks: `base`, `cv`, `cv-nlp`. Its tag is a stem (a version, or an
alias such as `v2.6` or `latest`) and its name: `v2.6.0-cv`. The base image has the plain stem. As
long as a version is a candidate, its stem ends in `-candidate`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from images.version import VERSION_PATTERN, Version, parse_version

BASE = "base"
CANDIDATE_SUFFIX = "-candidate"
_OWN_TAG = re.compile(
    rf"(?P<version>{VERSION_PATTERN})(?P<candidate>{CANDIDATE_SUFFIX})?(?:-(?P<image>[a-z0-9-]+))?"
)
_BEGINS_WITH_VERSION = re.compile(rf"(?P<version>{VERSION_PATTERN})(?:-|$)")


@dataclass(frozen=True)
class OwnTag:
    """The tag of a version of an image, in its parts."""

    version: Version
    image: str
    is_candidate: bool


def image_tag(stem: str, image: str) -> str:
    """Return the tag of an image: `v2.6.0-cv`, and `v2.6.0` of the base image."""
    return stem if image == BASE else suffixed_tag(stem, image)


def suffixed_tag(stem: str, image: str) -> str:
    """Return the tag that carries the image's name, also that of the base image: `v2.6.0-base`."""
    return f"{stem}-{image}"


def image_tags(stem: str, image: str) -> tuple[str, ...]:
    """Return all tags of an image under a stem: `v2.6-cv`, or `v2.6` and `v2.6-base` of base."""
    return tuple(dict.fromkeys((image_tag(stem, image), suffixed_tag(stem, image))))


def candidate_stem(version: str) -> str:
    """Return the stem of a candidate's tags: `v2.6.0-candidate`."""
    return f"{version}{CANDIDATE_SUFFIX}"


def is_candidate(stem: str) -> bool:
    """Return whether a stem is that of a candidate."""
    return stem.endswith(CANDIDATE_SUFFIX)


def plain_version(stem: str) -> str:
    """Return the version of a stem, without the mark of a candidate."""
    return stem.removesuffix(CANDIDATE_SUFFIX)


def parse_stem(stem: str) -> Version | None:
    """Return the version of a stem, `v2.6.0` or `v2.6.0-candidate`; None if it is another text."""
    return parse_version(plain_version(stem))


def parse_own_tag(tag: str) -> OwnTag | None:
    """Return the parts of a version's tag; None if it is an alias, or no tag of an image."""
    match = _OWN_TAG.fullmatch(tag)
    version = parse_version(match["version"]) if match else None
    if match is None or version is None:
        return None
    return OwnTag(version, match["image"] or BASE, match["candidate"] is not None)


def leading_version(tag: str) -> str:
    """Return the version that a tag begins with; empty if it begins with none."""
    match = _BEGINS_WITH_VERSION.match(tag)
    return match["version"] if match else ""


def split_image(image: str) -> list[str]:
    """Return the stacks that an image's name consists of."""
    return image.split("-")


def join_stacks(stacks: Iterable[str]) -> str:
    """Return the name of the image that adds `stacks` to base; `base` if there are none."""
    return "-".join(stack for stack in stacks if stack != BASE) or BASE
