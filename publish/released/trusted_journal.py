"""The journal as a reader believes it: signed, or confirmed by what is signed.

Every reader that moves no tag reads it here. Who moves tags has the same from
publish/tags/transaction.py.
"""

from __future__ import annotations

from dataclasses import replace

from images.catalog import Repositories
from oci.registry import Registry
from publish.evidence import documents
from publish.evidence.store import Signer
from publish.evidence.trust import Trusted
from publish.released import decision_check
from publish.released.yank_statements import SignedMarks
from publish.tags import journal
from publish.tags.confirm import confirmed, release_of
from publish.tags.journal import Book
from runner import progress
from runner.errors import EnvironmentFailed


def read(registry: Registry, repositories: Repositories, trusted: Trusted) -> Book:
    """Return the journal with what counts of it; `problem` says why its signature does not.

    Raises EnvironmentFailed if there is a signed one that cannot be read.
    """
    book = as_written(registry, repositories, trusted)
    if not book.problem:
        return book
    progress.say(f"  {book.warning}: only what trusted decisions and signed marks confirm counts")
    marks = SignedMarks(registry, repositories.production, trusted, _nobody)
    allowed = decision_check.allowed(registry, repositories, trusted)
    release = release_of(registry, repositories.production, allowed)
    return replace(book, journal=confirmed(book.journal, release, marks.found))


def as_written(registry: Registry, repositories: Repositories, trusted: Trusted) -> Book:
    """Return the journal whoever wrote it; `problem` says why its signature does not count.

    Raises as `read`.
    """
    return journal.read(registry, repositories.journal, documents.of_journal(_nobody, trusted))


def _nobody() -> Signer:
    raise EnvironmentFailed(
        "this command only reads the journal, and tried to sign something",
        "report this fault of the program",
    )
