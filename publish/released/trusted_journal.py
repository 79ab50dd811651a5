"""The journal as a reader believes it: signed, or confirmed by what is signed.

Every reader that moves no tag reads it here. Who moves tags has the same from
publish/tags/transaction.py.
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
from publish.tags import journal
from publish.tags.confirm import confirm_journal, make_version_lookup
from publish.tags.journal import StoredJournal
from runner import progress
from runner.errors import EnvironmentFailed


def read_confirmed(
    registry: Registry,
    repositories: Repositories,
    trusted: Trusted,
    images: Sequence[str] = (),
) -> StoredJournal:
    """Return the journal with what counts of it; `problem` says why its signature does not.

    `images` are those of the catalogue. Raises EnvironmentFailed if there is a signed journal that
    cannot be read.
    """
    book = read_as_written(registry, repositories, trusted)
    if not book.problem:
        return book
    progress.say_line(
        f"  {book.signature_warning}: only what trusted decisions and signed marks confirm counts"
    )
    marks = SignedYankMarks(registry, repositories.production, trusted, _refuse_to_sign)
    allowed = decision_check.make_allowed_reader(registry, repositories, trusted)
    release = make_version_lookup(registry, repositories.production, allowed, images)
    return replace(book, journal=confirm_journal(book.journal, release, marks.read_marks))


def read_as_written(
    registry: Registry, repositories: Repositories, trusted: Trusted
) -> StoredJournal:
    """Return the journal whoever wrote it; `problem` says why its signature does not count.

    Raises as `read_confirmed`.
    """
    return journal.read_journal(
        registry, repositories.journal, documents.make_journal_seal(_refuse_to_sign, trusted)
    )


def _refuse_to_sign() -> Signer:
    raise EnvironmentFailed(
        "this command only reads the journal, and tried to sign something",
        "report this fault of the program",
    )
