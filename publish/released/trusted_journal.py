"""The journal for commands that move no tag.

It is the signed journal, or what is confirmed of an unsigned one. Commands that move tags get the
same from publish/tags/transaction.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from images.catalog import Repositories
from oci.registry import Registry
from publish.evidence import documents
from publish.evidence.store import Signer
from publish.evidence.trust import Trusted
from publish.released import decision_check
from publish.released.yank_statements import SignedYankMarks
from publish.tags import confirm
from publish.tags.confirm import confirm_stored, make_version_lookup
from publish.tags.decisions import VersionLookup
from publish.tags.journal import TAG, StoredJournal, read_journal
from runner.errors import EnvironmentFailed


def read_confirmed(
    registry: Registry,
    repositories: Repositories,
    trusted: Trusted,
    images: Sequence[str],
) -> StoredJournal:
    """Return the journal with only the transactions that count.

    `problem` says why its signature does not count. `images` are those of the catalogue. Raises
    EnvironmentFailed if a trusted key signed the journal and it cannot be read.
    """
    stored = read_as_written(registry, repositories, trusted)
    return confirm_once(registry, repositories, trusted, images, stored)


def confirm_once(
    registry: Registry,
    repositories: Repositories,
    trusted: Trusted,
    images: Sequence[str],
    stored: StoredJournal,
) -> StoredJournal:
    """Return a journal that was read, with only the transactions that count.

    What counts of an unsigned journal is looked up once in a command. Nothing may be signed from
    it: production may have changed since.
    """
    confirmed = _CONFIRMED.setdefault(registry, [])
    key = (stored.digest, stored.problem, repositories, trusted, tuple(images))
    for known, found in confirmed:
        if known == key:
            return found
    marks = SignedYankMarks(registry, repositories.production, trusted, _refuse_to_sign)
    look_up = partial(_look_up_versions, registry, repositories, trusted, images)
    found = confirm_stored(stored, look_up, marks.read_marks)
    if found.problem:
        confirmed.append((key, found))
    return found


_CONFIRMED: WeakKeyDictionary[Registry, list[tuple[tuple[Any, ...], StoredJournal]]] = (
    WeakKeyDictionary()
)
"""What was confirmed of an unsigned journal, once in a command: it may take a minute."""


def find_yank(
    registry: Registry,
    repositories: Repositories,
    trusted: Trusted,
    version: str,
    images: Sequence[str] = (),
) -> str:
    """Return why a version was yanked, by a mark on any of its images; empty if it was not."""
    marks = SignedYankMarks(registry, repositories.production, trusted, _refuse_to_sign)
    lookup = _look_up_versions(registry, repositories, trusted, images)
    return confirm.find_yank(version, lookup, marks.read_marks)


def _look_up_versions(
    registry: Registry, repositories: Repositories, trusted: Trusted, images: Sequence[str]
) -> VersionLookup:
    read_decisions = decision_check.make_decision_reader(registry, repositories, trusted)
    return make_version_lookup(registry, repositories.production, read_decisions, images)


def read_as_written(
    registry: Registry, repositories: Repositories, trusted: Trusted
) -> StoredJournal:
    """Return the journal as it is, whoever wrote it.

    `problem` says why its signature does not count. Raises the same errors as `read_confirmed`. A
    journal that a trusted key signed is read and parsed once in a command, as long as its tag
    points to the same digest.
    """
    place = repositories.journal, trusted
    known = _SIGNED.get(registry)
    if known and known[:2] == place and known[2].digest == registry.resolve_digest(place[0], TAG):
        return known[2]
    seal = documents.make_journal_seal(_refuse_to_sign, trusted)
    stored = read_journal(registry, repositories.journal, seal)
    if stored.digest and not stored.problem:
        _SIGNED[registry] = (*place, stored)
    return stored


_SIGNED: WeakKeyDictionary[Registry, tuple[str, Trusted, StoredJournal]] = WeakKeyDictionary()
"""The last journal with a trusted signature, with its repository: a release of 10 images asks for
it 26 times.
"""


def _refuse_to_sign() -> Signer:
    raise EnvironmentFailed(
        "this command only reads the journal, and tried to sign something",
        "report this fault of the program",
    )
