"""Whether a decision behind a tag can be believed: by somebody trusted to decide, about this
digest, for this tag.
"""

from __future__ import annotations

from functools import cache

from images.catalog import Repositories
from images.names import is_candidate, plain_version
from oci.registry import Registry, RegistryError
from publish.evidence import store as evidence
from publish.evidence.predicates import DECISION, decision
from publish.evidence.predicates.decision import CANDIDATE, Decided
from publish.evidence.store import Found
from publish.evidence.trust import Trusted
from publish.tags import journal
from publish.tags.confirm import Doubt
from publish.tags.journal import Entry, Transaction
from publish.tags.transaction import IsDecided
from runner import progress
from runner.errors import GateRefused
from runner.verdict import Verdict


def doubt(registry: Registry, repositories: Repositories, trusted: Trusted) -> Doubt:
    """What `publish/tags` holds everything against that it finds begun."""

    def ask(transaction: Transaction, entry: Entry) -> str:
        said = _problem(registry, repositories.production, transaction, entry, trusted)
        return f"{entry.tag} -> {entry.new}: {said}" if said else ""

    return ask


def is_decided(registry: Registry, repositories: Repositories, trusted: Trusted) -> IsDecided:
    """Return what says whether a trusted decision lets a digest carry a tag.

    It reads what is on a digest once.
    """

    @cache
    def allowed(digest: str) -> frozenset[str]:
        try:
            found = evidence.read(registry, repositories.production, digest, trusted, DECISION)
        except RegistryError as error:
            if error.status not in evidence.SERVED:
                raise
            progress.say(f"  no decision counts about {digest}: {error.message}")
            return frozenset()
        return frozenset(tag for each in found for tag in _tags(each))

    return lambda tag, digest: tag in allowed(digest)


def _tags(found: Found) -> tuple[str, ...]:
    """Return the tags that a decision allows; none if nobody trusted signed it, or it is a "no"."""
    if found.statement is None or found.problem:
        return ()
    try:
        decided = decision.read(found.statement)
    except GateRefused:
        return ()
    return decided.tags if decided.verdict is Verdict.PASS else ()


def _problem(
    registry: Registry, repository: str, transaction: Transaction, entry: Entry, trusted: Trusted
) -> str:
    found = evidence.find(registry, repository, entry.new, entry.decision, trusted)
    if found is None:
        return "the decision is not attached to it"
    if found.statement is None:
        return found.problem
    try:
        decided = decision.read(found.statement)
    except GateRefused as error:
        return error.message
    if decided.verdict is not Verdict.PASS or decided.image != entry.image:
        return f"the decision is {decided.verdict} on {decided.image}"
    allows = _allows_back if transaction.kind == "rollback" else _allows
    return "" if allows(decided, transaction, entry) else "the decision does not allow it this tag"


def _allows(decided: Decided, transaction: Transaction, entry: Entry) -> bool:
    return entry.tag in decided.tags and decided.version == plain_version(transaction.version)


def _allows_back(decided: Decided, _: Transaction, entry: Entry) -> bool:
    """A rollback takes aliases of other days to a digest, so its decision need not name them; own
    tags never move.
    """
    is_candidates = is_candidate(entry.alias)
    is_alias = bool(entry.alias) and entry.tag in journal.tags_of(entry.alias, entry.image)
    return is_alias and (decided.channel == CANDIDATE) == is_candidates
