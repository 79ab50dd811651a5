"""The mark on a digest that nobody should use: a statement, signed by who may decide.

It says what the journal says, and is not lost with that. A mark that nobody trusted signed does not
count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from oci.registry import Registry
from publish.evidence import store as evidence
from publish.evidence.keys import SIGNING_KEY
from publish.evidence.kinds import made_on
from publish.evidence.predicates import YANK, yank
from publish.evidence.predicates.yank import Yanked
from publish.evidence.statement import Statement
from publish.evidence.store import Found, Signer
from publish.evidence.trust import Trusted
from publish.tags.journal import Transaction
from publish.tags.yank_marker import Mark, said_of
from runner.errors import ConfigError, GateRefused


@dataclass(frozen=True)
class SignedMarks:
    """Marks on the digests of one repository; `signer` is called when a mark is made."""

    registry: Registry
    repository: str
    trusted: Trusted
    signer: Callable[[], Signer]

    def check(self) -> None:
        """Raise ConfigError if the marks that are signed here would not count."""
        if problem := evidence.signer_problem(self.signer(), self.trusted, decides=True):
            raise ConfigError(
                f"a yank that is signed here would not count: {problem}",
                f"set {SIGNING_KEY} to a key that may decide",
            )

    def put(self, yanked: Transaction) -> None:
        """Attach to every digest of a yanked release that it is, and why.

        The same marks however often it is done.
        """
        for image, digest in dict.fromkeys((entry.image, entry.new) for entry in yanked.entries):
            if manifest := self.registry.manifest(self.repository, digest):
                said = Yanked(yanked.version, yanked.reason)
                about = yank.statement(digest, self.repository, image, said, yanked.started_at)
                evidence.publish(
                    self.registry, self.repository, manifest.descriptor, [about], self.signer()
                )

    def read(self, digest: str) -> str:
        """Return why a digest was yanked; empty if it was not."""
        return reasons(self._statements(digest))

    def found(self, digest: str) -> tuple[Mark, ...]:
        """Return the marks on a digest that name a version and a reason."""
        signed = (each.statement for each in self._statements(digest) if not each.problem)
        marks = (_mark(about) for about in signed if about)
        return tuple(dict.fromkeys(mark for mark in marks if mark))

    def _statements(self, digest: str) -> tuple[Found, ...]:
        return evidence.read(self.registry, self.repository, digest, self.trusted, YANK)


def reasons(found: Iterable[Found]) -> str:
    """Return what the marks among evidence say; empty if there is none that counts."""
    signed = (each.statement for each in found if each.predicate_type == YANK and not each.problem)
    marks = [_mark(about) for about in signed if about]
    said = (said_of(mark.version, mark.reason) if mark else "it was yanked" for mark in marks)
    return "; ".join(dict.fromkeys(said))


def _mark(about: Statement) -> Mark | None:
    """Return what a mark says; None if it names no version and reason."""
    try:
        yanked = yank.read(about)
    except GateRefused:
        return None
    return Mark(yanked.version, yanked.reason, made_on(about))
