"""The journal for commands that move no tag.

It is the signed journal, or what is confirmed of an unsigned one. Commands that move tags get the
same from publish/tags/transaction.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from images.catalog import Repositories
from oci.registry import Registry
from publish.evidence import documents
from publish.evidence.store import Signer
from publish.evidence.trust import Trusted
from publish.released import decision_check
from publish.released.yank_statements import SignedYankMarks
from publish.tags.confirm import confirm_journal, make_version_lookup
from publish.tags.journal import StoredJournal, read_journal
from runner import progress
from runner.errors import EnvironmentFailed


def read_confirmed(
    registry: Registry,
    repositories: Repositories,
    trusted: Trusted,
    images: Sequence[str] = (),
) -> StoredJournal:
    """Return the journal with only the transactions that count.

    `problem` says why its signature does not count. `images` are those of the catalogue. Raises
    EnvironmentFailed if a trusted key signed the journal and it cannot be read.
    """
    stored = read_as_written(registry, repositories, trusted)
    if not stored.problem:
        return stored
    progress.say_line(
        f"  {stored.signature_warning}: only what trusted decisions and signed marks confirm counts"
    )
    marks = SignedYankMarks(registry, repositories.production, trusted, _refuse_to_sign)
    read_decisions = decision_check.make_decision_reader(registry, repositories, trusted)
    lookup = make_version_lookup(registry, repositories.production, read_decisions, images)
    return replace(stored, journal=confirm_journal(stored.journal, lookup, marks.read_marks))


def read_as_written(
    registry: Registry, repositories: Repositories, trusted: Trusted
) -> StoredJournal:
    """Return the journal as it is, whoever wrote it.

    `problem` says why its signature does not count. Raises the same errors as `read_confirmed`.
    """
    return read_journal(
        registry, repositories.journal, documents.make_journal_seal(_refuse_to_sign, trusted)
    )


def _refuse_to_sign() -> Signer:
    raise EnvironmentFailed(
        "this command only reads the journal, and tried to sign something",
        "report this fault of the program",
    )
