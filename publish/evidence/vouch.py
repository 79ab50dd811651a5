"""Whether a decision behind a tag can be believed: by somebody trusted to decide, about this digest, for this tag."""

from __future__ import annotations

from images.catalog import Repositories
from oci.registry import Registry
from publish.evidence import store as evidence
from publish.evidence.predicates import decision
from publish.evidence.predicates.decision import Decided
from publish.evidence.trust import Trusted
from publish.published import CANDIDATE
from publish.tags import journal
from publish.tags.journal import Entry, Transaction
from publish.tags.transaction import Doubt
from runner.errors import GateRefused
from runner.verdict import Verdict


def doubt(registry: Registry, repositories: Repositories, trusted: Trusted) -> Doubt:
    """What `publish/tags` holds everything against that it finds begun."""

    def ask(transaction: Transaction, entry: Entry) -> str:
        said = _problem(registry, repositories.production, transaction, entry, trusted)
        return f"{entry.tag} -> {entry.new}: {said}" if said else ""

    return ask


def _problem(registry: Registry, repository: str, transaction: Transaction, entry: Entry, trusted: Trusted) -> str:
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
    return entry.tag in decided.tags and decided.version == transaction.version.removesuffix(journal.CANDIDATE)


def _allows_back(decided: Decided, _: Transaction, entry: Entry) -> bool:
    """A rollback takes aliases of other days to a digest, so its decision need not name them; own tags never move."""
    is_candidates = entry.alias.endswith(journal.CANDIDATE)
    is_alias = bool(entry.alias) and entry.tag in journal.tags_of(entry.alias, entry.image)
    return is_alias and (decided.channel == CANDIDATE) == is_candidates
