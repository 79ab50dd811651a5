"""Checks of the decision behind a tag: it must be trusted, and be about this digest and tag."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from images.catalog import Repositories
from images.names import candidate_stem, is_candidate, plain_version
from images.version import parse_version
from oci.reference import is_digest
from oci.registry import Registry, RegistryError
from publish.evidence import bundle_files
from publish.evidence import store as evidence
from publish.evidence.predicates import DECISION, decision
from publish.evidence.predicates.decision import CANDIDATE
from publish.evidence.store import FoundEvidence
from publish.evidence.trust import Trusted
from publish.tags.decisions import ReadDecisions, TrustedDecision
from publish.tags.journal import JournalEntry, Transaction, list_tags_of
from publish.tags.production import CheckDecision
from runner import progress
from runner.errors import GateRefused
from runner.verdict import Verdict

IsTagAllowed = Callable[[str, str], bool]
"""Return whether a trusted decision lets a digest (second argument) carry a tag (first one)."""


def make_decision_check(
    registry: Registry, repositories: Repositories, trusted: Trusted
) -> CheckDecision:
    """Return the function that checks the decision behind each entry of a transaction."""

    def check_decision(transaction: Transaction, entry: JournalEntry) -> str:
        problem = _find_problem(registry, repositories.production, transaction, entry, trusted)
        return f"{entry.tag} -> {entry.new}: {problem}" if problem else ""

    return check_decision


def make_decision_reader(
    registry: Registry, repositories: Repositories, trusted: Trusted
) -> ReadDecisions:
    """Return the function that reads the trusted decisions on a digest of production.

    The artifacts that the registry lists for a digest are read only once.
    """
    repository = repositories.production

    @cache
    def read_listed(digest: str) -> tuple[FoundEvidence, ...]:
        try:
            return evidence.read_evidence(registry, repository, digest, trusted, DECISION)
        except RegistryError as error:
            if error.status not in bundle_files.SERVED:
                raise
            progress.say_line(f"  no decision on {digest} can be read: {error.message}")
            return ()

    def read_decisions(digest: str, named: Sequence[str]) -> tuple[TrustedDecision, ...]:
        if not is_digest(digest):
            return ()
        known = {each.artifact for each in read_listed(digest)}
        missing = [each for each in dict.fromkeys(named) if is_digest(each) and each not in known]
        others = (
            evidence.find_evidence(registry, repository, digest, each, trusted) for each in missing
        )
        every = (*read_listed(digest), *(each for each in others if each))
        return tuple(dict.fromkeys(found for each in every if (found := _parse_decision(each))))

    return read_decisions


def make_tag_check(
    registry: Registry, repositories: Repositories, trusted: Trusted
) -> IsTagAllowed:
    """Return the function that says whether a trusted decision lets a digest carry a tag.

    The artifacts that the registry lists for a digest are read only once.
    """
    read_decisions = make_decision_reader(registry, repositories, trusted)
    return lambda tag, digest: any(tag in each.tags for each in read_decisions(digest, ()))


def _parse_decision(found: FoundEvidence) -> TrustedDecision | None:
    """Return a decision; None if no trusted key signed it, or if its verdict is not `pass`."""
    if found.statement is None or found.problem or found.predicate_type != DECISION:
        return None
    try:
        decided = decision.read_decision(found.statement)
    except GateRefused:
        return None
    if decided.verdict is not Verdict.PASS or parse_version(decided.version) is None:
        return None
    is_of_candidate = decided.channel == CANDIDATE
    version = candidate_stem(decided.version) if is_of_candidate else decided.version
    return TrustedDecision(version, decided.image, decided.tags, found.artifact, decided.decided_on)


def _find_problem(
    registry: Registry,
    repository: str,
    transaction: Transaction,
    entry: JournalEntry,
    trusted: Trusted,
) -> str:
    """Return why the decision behind an entry of a transaction does not count; empty if it does."""
    found = evidence.find_evidence(registry, repository, entry.new, entry.decision, trusted)
    if found is None:
        return "the decision is not attached to the image"
    if found.statement is None:
        return found.problem
    try:
        decided = decision.read_decision(found.statement)
    except GateRefused as error:
        return error.message
    if decided.verdict is not Verdict.PASS or decided.image != entry.image:
        return f"the decision is `{decided.verdict}` on the image {decided.image}"
    if transaction.kind == "rollback":
        # A rollback moves aliases back to a digest that did not exist yet when it was decided. So
        # the decision need not name these aliases. Own tags never move.
        is_alias = bool(entry.alias) and entry.tag in list_tags_of(entry.alias, entry.image)
        is_of_candidate = is_candidate(entry.alias)
        is_allowed = is_alias and (decided.channel == CANDIDATE) == is_of_candidate
    else:
        version = plain_version(transaction.version)
        is_allowed = entry.tag in decided.tags and decided.version == version
    return "" if is_allowed else "the decision does not allow this tag"
