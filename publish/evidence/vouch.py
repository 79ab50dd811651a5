"""Whether a decision behind a tag can be believed: by somebody trusted to decide, about this digest, for this tag."""

from __future__ import annotations

from images.catalog import Repositories
from oci.registry import Registry
from publish.evidence import store as evidence
from publish.evidence.predicates import decision
from publish.evidence.trust import Trusted
from publish.tags.journal import Entry, Transaction
from publish.tags.transaction import Doubt
from runner.errors import GateRefused
from runner.verdict import Verdict


def doubt(registry: Registry, repositories: Repositories, trusted: Trusted) -> Doubt:
    """What `publish/tags` holds everything against that it finds begun.

    A rollback takes tags of other days to a digest: the decision on that need not name them.
    """

    def ask(transaction: Transaction, entry: Entry) -> str:
        said = _problem(registry, repositories.production, entry, trusted, rollback=transaction.kind == "rollback")
        return f"{entry.tag} -> {entry.new}: {said}" if said else ""

    return ask


def _problem(registry: Registry, repository: str, entry: Entry, trusted: Trusted, *, rollback: bool) -> str:
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
    return "" if rollback or entry.tag in decided.tags else "the decision does not allow it this tag"
