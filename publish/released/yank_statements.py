"""The mark on a digest that nobody should use: a statement, signed by a key that may decide.

It says the same as the journal, and stays if the journal is lost. A mark that no trusted key signed
does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from oci.manifest import Descriptor
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
from runner import progress
from runner.errors import ConfigError, GateRefused


@dataclass(frozen=True)
class SignedYankMarks:
    """The marks on the digests of one repository; `signer` is called when a mark is written.

    A digest whose manifest the repository has lost is marked all the same, if `staging` has it.
    """

    registry: Registry
    repository: str
    trusted: Trusted
    signer: Callable[[], Signer]
    staging: str = ""

    def require_trusted_signer(self) -> None:
        """Raise ConfigError if marks that are signed on this machine would not count."""
        if problem := evidence.find_signer_problem(self.signer(), self.trusted, decides=True):
            raise ConfigError(
                f"a yank that is signed on this machine would not count: {problem}",
                f"set {SIGNING_KEY} to a key that may decide",
            )

    def put_marks(self, yanked: Transaction) -> None:
        """Attach a mark with the reason to every digest of a yanked release.

        A digest whose manifest is nowhere is left out, and a line says so. Doing it again attaches
        the same marks, so it changes nothing.
        """
        for image, digest in dict.fromkeys((entry.image, entry.new) for entry in yanked.entries):
            subject = self._find_subject(digest)
            if subject is None:
                progress.say_line(f"  {image} is not marked: no repository has {digest}")
                continue
            claim = YankClaim(yanked.version, yanked.reason)
            statement = yank.make_statement(
                digest, self.repository, image, claim, yanked.started_at
            )
            evidence.publish_statements(
                self.registry, self.repository, subject, [statement], self.signer()
            )

    def is_within_reach(self, digest: str) -> bool:
        """Return whether a digest can be marked: its manifest must be somewhere."""
        return self._find_subject(digest) is not None

    def _find_subject(self, digest: str) -> Descriptor | None:
        """Return the descriptor of a digest that can be marked, or None."""
        for repository in (self.repository, self.staging):
            found = self.registry.read_manifest(repository, digest) if repository else None
            if found is not None:
                return found.descriptor
        return None

    def read_reason(self, digest: str) -> str:
        """Return why a digest was yanked; empty if it was not."""
        return list_reasons(self._read_statements(digest))

    def read_marks(self, digest: str) -> tuple[YankMark, ...]:
        """Return the marks on a digest that name a version and a reason."""
        signed = (each.statement for each in self._read_statements(digest) if not each.problem)
        marks = (_parse_mark(statement) for statement in signed if statement)
        return tuple(dict.fromkeys(mark for mark in marks if mark))

    def _read_statements(self, digest: str) -> tuple[FoundEvidence, ...]:
        return evidence.read_evidence(self.registry, self.repository, digest, self.trusted, YANK)


def list_reasons(found: Iterable[FoundEvidence]) -> str:
    """Return the sentences of the marks among evidence; empty if no mark counts."""
    signed = (each.statement for each in found if each.predicate_type == YANK and not each.problem)
    marks = [_parse_mark(statement) for statement in signed if statement]
    sentences = (
        describe_yank(mark.version, mark.reason) if mark else "it was yanked" for mark in marks
    )
    return "; ".join(dict.fromkeys(sentences))


def _parse_mark(statement: Statement) -> YankMark | None:
    """Return the content of a mark; None if it does not name a version and a reason."""
    try:
        yanked = yank.read_yank(statement)
    except GateRefused:
        return None
    return YankMark(yanked.version, yanked.reason, read_date(statement))
