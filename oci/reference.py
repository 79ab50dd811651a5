"""Names of repositories, tags, digests and references, by the OCI distribution specification."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_REPOSITORY_CHARACTERS = 255
"""With the registry's host in front of it; this alone is what the specification asks of clients."""

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

_ALGORITHMS = ("sha256", "sha512")
"""Not names of repositories: else a digest with a letter too many would read as a tag."""


@dataclass(frozen=True)
class RegistryReference:
    """A repository, tag or digest as a person writes it.

    Each of the three may be empty. At most one of `tag` and `digest` is set.
    """

    repository: str
    tag: str
    digest: str


def is_repository(text: str) -> bool:
    """Return whether `text` is the name of a repository, without the registry's host."""
    return len(text) <= MAX_REPOSITORY_CHARACTERS and _REPOSITORY.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Return whether `text` is a tag."""
    return _TAG.fullmatch(text) is not None


def is_digest(text: object) -> bool:
    """Return whether a value is a SHA-256 digest, the only kind that is used here."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def parse_reference(text: str, host: str) -> RegistryReference | None:
    """Return what a reference names, None if `text` is none.

    The forms are TAG, [@]DIGEST, REPOSITORY:TAG, REPOSITORY@DIGEST and REPOSITORY:TAG@DIGEST, each
    with `host` and a slash before it or not.
    """
    rest = text.removeprefix(f"{host}/")
    if is_digest(digest := rest.removeprefix("@")):
        return RegistryReference("", "", digest)
    if is_tag(rest):
        return RegistryReference("", rest, "")
    before, at, digest = rest.partition("@")
    repository, colon, tag = before.partition(":")
    is_whole = is_repository(repository) and repository not in _ALGORITHMS and (at or colon)
    is_right = (not at or is_digest(digest)) and (not colon or is_tag(tag))
    return RegistryReference(repository, tag, digest) if is_whole and is_right else None
