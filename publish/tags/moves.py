"""Moves of the tags of a transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import cache

from oci.manifest import Manifest
from oci.registry import Registry, RegistryError
from publish.tags.journal import JournalEntry
from publish.tags.lock import LockClaim
from publish.tags.production import Production
from runner import progress
from runner.errors import EnvironmentFailed

ATTEMPTS = 3
"""How many times a tag is tried: it is better to wait than to move only some of the tags."""


def _read_manifest(registry: Registry, repository: str, digest: str) -> Manifest:
    found = registry.read_manifest(repository, digest)
    if found is None:
        where = f"{registry.host}/{repository}@{digest}"
        raise EnvironmentFailed(
            f"the registry does not have {where}",
            "build the image again, or restore it in the registry",
        )
    return found


def move_tags(production: Production, claim: LockClaim, entries: Sequence[JournalEntry]) -> None:
    """Move all tags in their order, and check afterwards that they are still there.

    Raises EnvironmentFailed if another client moved one of them.
    """
    manifest = cache(
        lambda digest: _read_manifest(
            production.registry, production.repositories.production, digest
        )
    )
    for entry in entries:
        _move_tag(production, claim, entry, manifest(entry.new))
    for entry in entries:
        if (current := production.resolve_tag(entry.tag)) != entry.new:
            raise _make_conflict(production, entry, current)


def _move_tag(
    production: Production, claim: LockClaim, entry: JournalEntry, manifest: Manifest
) -> None:
    """Put a tag unless it is there already.

    If the answer to a put was lost, the next attempt finds the tag in its new place.
    """
    for attempt in range(1, ATTEMPTS + 1):
        current = production.resolve_tag(entry.tag)
        if current == entry.new:
            return
        if current != entry.old:
            raise _make_conflict(production, entry, current)
        claim.require_held()
        try:
            production.registry.put_manifest(
                production.repositories.production, entry.tag, manifest
            )
        except RegistryError as error:
            if attempt == ATTEMPTS or (400 <= error.status < 500 and error.status != 429):
                raise
            time.sleep(2.0**attempt)
        else:
            progress.say_line(f"  {production.repositories.production}:{entry.tag} -> {entry.new}")
            return


def _make_conflict(production: Production, entry: JournalEntry, current: str) -> EnvironmentFailed:
    """Return the error for a tag that another client moved.

    A person has to say which digest is right. Some of the tags may have moved already.
    """
    where = f"{production.registry.host}/{production.repositories.production}:{entry.tag}"
    problem = (
        f"another client moved {where}: it points to {current or 'nothing'}, not to "
        f"{entry.old or 'nothing'} or {entry.new}"
    )
    target = entry.old or entry.new
    return EnvironmentFailed(
        problem, f"use any client to move it back to {target}, then run the same command again"
    )
