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
from publish.evidence.kinds import read_date
from publish.evidence.predicates import YANK, yank
from publish.evidence.predicates.yank import YankClaim
from publish.evidence.statement import Statement
from publish.evidence.store import FoundEvidence, Signer
from publish.evidence.trust import Trusted
from publish.tags.journal import Transaction
from publish.tags.yank_marker import YankMark, describe_yank
from runner.errors import ConfigError, GateRefused


@dataclass(frozen=True)
class SignedYankMarks:
    """Marks on the digests of one repository; `signer` is called when a mark is made."""

    registry: Registry
    repository: str
    trusted: Trusted
    signer: Callable[[], Signer]

    def require_believed(self) -> None:
        """Raise ConfigError if the marks that are signed here would not count."""
        if problem := evidence.find_signer_problem(self.signer(), self.trusted, decides=True):
            raise ConfigError(
                f"a yank that is signed here would not count: {problem}",
                f"set {SIGNING_KEY} to a key that may decide",
            )

    def put_marks(self, yanked: Transaction) -> None:
        """Attach to every digest of a yanked release that it is, and why.

        The same marks however often it is done.
        """
        for image, digest in dict.fromkeys((entry.image, entry.new) for entry in yanked.entries):
            if manifest := self.registry.read_manifest(self.repository, digest):
                said = YankClaim(yanked.version, yanked.reason)
                about = yank.make_statement(digest, self.repository, image, said, yanked.started_at)
                evidence.publish_statements(
                    self.registry, self.repository, manifest.descriptor, [about], self.signer()
                )

    def read_reason(self, digest: str) -> str:
        """Return why a digest was yanked; empty if it was not."""
        return list_reasons(self._read_statements(digest))

    def read_marks(self, digest: str) -> tuple[YankMark, ...]:
        """Return the marks on a digest that name a version and a reason."""
        signed = (each.statement for each in self._read_statements(digest) if not each.problem)
        marks = (_parse_mark(about) for about in signed if about)
        return tuple(dict.fromkeys(mark for mark in marks if mark))

    def _read_statements(self, digest: str) -> tuple[FoundEvidence, ...]:
        return evidence.read_evidence(self.registry, self.repository, digest, self.trusted, YANK)


def list_reasons(found: Iterable[FoundEvidence]) -> str:
    """Return what the marks among evidence say; empty if there is none that counts."""
    signed = (each.statement for each in found if each.predicate_type == YANK and not each.problem)
    marks = [_parse_mark(about) for about in signed if about]
    said = (describe_yank(mark.version, mark.reason) if mark else "it was yanked" for mark in marks)
    return "; ".join(dict.fromkeys(said))


def _parse_mark(about: Statement) -> YankMark | None:
    """Return what a mark says; None if it names no version and reason."""
    try:
        yanked = yank.read_yank(about)
    except GateRefused:
        return None
    return YankMark(yanked.version, yanked.reason, read_date(about))
