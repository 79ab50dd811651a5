"""The repositories where tags move, and what is known about them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from images.catalog import Repositories
from oci.document import Seal
from oci.registry import Registry
from publish.tags import lock
from publish.tags.confirm import make_version_lookup
from publish.tags.decisions import LookupBudget, ReadDecisions, VersionLookup
from publish.tags.journal import (
    Journal,
    JournalEntry,
    StoredJournal,
    Transaction,
    read_journal,
    write_journal,
)
from publish.tags.lock import LockClaim
from publish.tags.yank_marker import YankMarks

CheckDecision = Callable[[Transaction, JournalEntry], str]
"""Return why the decision behind one entry of a transaction does not count; empty if it does."""


@dataclass(frozen=True)
class Production:
    """The repositories where tags move, and the tools that check and sign these moves.

    `owner` is the name of this run in the lock (`lock.make_owner_name`). `marks` reads and writes
    the marks of yanks. `seal` signs the journal, and `lock_seal` the claim of the lock.
    `check_decision` is asked about every tag before it moves, also for a transaction that another
    run began. `read_decisions` returns the trusted decisions on a digest; only they show that a tag
    is a release if the journal does not know the tag. `images` are the images of the catalogue.
    `confirm` returns the part of a journal that counts, for a plan: what is signed is looked up
    again under the lock.
    """

    registry: Registry
    repositories: Repositories
    owner: str
    marks: YankMarks
    seal: Seal
    check_decision: CheckDecision = lambda _, __: ""
    read_decisions: ReadDecisions = lambda _, __: ()
    lock_seal: Seal | None = None
    images: tuple[str, ...] = ()
    confirm: Callable[[StoredJournal], StoredJournal] | None = None

    def resolve_tag(self, tag: str) -> str:
        """Return the digest that a tag of production points to; empty if there is no such tag."""
        return self.registry.resolve_digest(self.repositories.production, tag) or ""

    def read_journal(self) -> StoredJournal:
        """Return the journal as it is in the registry now."""
        return read_journal(self.registry, self.repositories.journal, self.seal)

    def write_journal(
        self, journal: Journal, before: StoredJournal, claim: LockClaim
    ) -> StoredJournal:
        """Sign the journal and put it in place of `before`."""
        return write_journal(
            self.registry, self.repositories.journal, journal, before.digest, claim, self.seal
        )

    def hold_lock(self) -> AbstractContextManager[LockClaim]:
        """Hold the lock in the name of the owner."""
        return lock.hold_lock(self.registry, self.repositories.journal, self.owner, self.lock_seal)

    def look_up_versions(self, budget: LookupBudget | None = None) -> VersionLookup:
        """Return the lookup of versions in production, whose tags are listed now."""
        return make_version_lookup(
            self.registry, self.repositories.production, self.read_decisions, self.images, budget
        )

    def is_tag_allowed(self, tag: str, digest: str) -> bool:
        """Return whether a trusted decision lets a digest carry a tag."""
        return any(tag in each.tags for each in self.read_decisions(digest, ()))
