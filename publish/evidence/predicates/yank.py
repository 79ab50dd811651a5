"""That nobody should use a digest: a predicate of our own."""

from __future__ import annotations

from dataclasses import dataclass

from publish.evidence.predicates import YANK, EvidenceKind, read_value, require_type
from publish.evidence.statement import Statement


@dataclass(frozen=True)
class YankClaim:
    """The version that was yanked, and why."""

    version: str
    reason: str


def make_statement(
    digest: str, name: str, image: str, yanked: YankClaim, yanked_at: str
) -> Statement:
    """Return the mark on the digest of an image; `yanked_at` is ISO 8601."""
    content = {
        "version": yanked.version,
        "image": image,
        "reason": yanked.reason,
        "yankedAt": yanked_at,
    }
    return Statement(digest, name, YANK, content)


def read_yank(statement: Statement) -> YankClaim:
    """Return what was yanked. Raises GateRefused if the mark names no version and reason."""
    require_type(statement, YANK)
    return read_value(YankClaim, statement)


def summarize_statement(statement: Statement) -> str:
    """Return what was yanked, in one line."""
    yanked = read_yank(statement)
    return f"{yanked.version}: {yanked.reason}"


KIND = EvidenceKind("yank", YANK, ("yankedAt",), read_yank, summarize_statement, decides=True)
