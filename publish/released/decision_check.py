"""Checks of the decision behind a tag: it must be trusted, and be about this digest and tag."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from images.catalog import Repositories
from images.names import candidate_stem, is_candidate, plain_version
from images.version import parse_version
from oci.manifest import is_digest
from oci.registry import Registry, RegistryError
from publish.evidence import store as evidence
from publish.evidence.predicates import DECISION, decision
from publish.evidence.predicates.decision import CANDIDATE
from publish.evidence.store import FoundEvidence
from publish.evidence.trust import Trusted
from publish.tags import journal
from publish.tags.allowed import AllowedTags, ReadAllowed
from publish.tags.journal import JournalEntry, Transaction
from publish.tags.transaction import Doubt
from runner import progress
from runner.errors import GateRefused
from runner.verdict import Verdict

IsDecided = Callable[[str, str], bool]
"""Whether a trusted decision lets a digest (the second) carry a tag (the first)."""


def make_decision_check(registry: Registry, repositories: Repositories, trusted: Trusted) -> Doubt:
    """Return the check that a transaction makes of each of its tags."""

    def ask(transaction: Transaction, entry: JournalEntry) -> str:
        said = _find_problem(registry, repositories.production, transaction, entry, trusted)
        return f"{entry.tag} -> {entry.new}: {said}" if said else ""

    return ask


def make_allowed_reader(
    registry: Registry, repositories: Repositories, trusted: Trusted
) -> ReadAllowed:
    """Return what reads the trusted decisions on a digest of production.

    What is listed about a digest is read once.
    """
    repository = repositories.production

    @cache
    def listed(digest: str) -> tuple[FoundEvidence, ...]:
        try:
            return evidence.read_evidence(registry, repository, digest, trusted, DECISION)
        except RegistryError as error:
            if error.status not in evidence.SERVED:
                raise
            progress.say_line(f"  no decision counts about {digest}: {error.message}")
            return ()

    def read(digest: str, named: Sequence[str]) -> tuple[AllowedTags, ...]:
        if not is_digest(digest):
            return ()
        known = {each.artifact for each in listed(digest)}
        missing = [each for each in dict.fromkeys(named) if is_digest(each) and each not in known]
        others = (
            evidence.find_evidence(registry, repository, digest, each, trusted) for each in missing
        )
        every = (*listed(digest), *(each for each in others if each))
        return tuple(dict.fromkeys(found for each in every if (found := _parse_allowed(each))))

    return read


def make_tag_check(registry: Registry, repositories: Repositories, trusted: Trusted) -> IsDecided:
    """Return what says whether a trusted decision lets a digest carry a tag.

    It reads what is on a digest once.
    """
    read = make_allowed_reader(registry, repositories, trusted)
    return lambda tag, digest: any(tag in each.tags for each in read(digest, ()))


def _parse_allowed(found: FoundEvidence) -> AllowedTags | None:
    """Return what a decision allows; None if nobody trusted signed it, or it is a "no"."""
    if found.statement is None or found.problem or found.predicate_type != DECISION:
        return None
    try:
        decided = decision.read_decision(found.statement)
    except GateRefused:
        return None
    if decided.verdict is not Verdict.PASS or parse_version(decided.version) is None:
        return None
    of_candidate = decided.channel == CANDIDATE
    version = candidate_stem(decided.version) if of_candidate else decided.version
    return AllowedTags(version, decided.image, decided.tags, found.artifact, decided.decided_on)


def _find_problem(
    registry: Registry,
    repository: str,
    transaction: Transaction,
    entry: JournalEntry,
    trusted: Trusted,
) -> str:
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
        return f"the decision is {decided.verdict} on {decided.image}"
    if transaction.kind == "rollback":
        # It takes aliases of other days to a digest, so its decision need not name them. Own tags
        # never move.
        is_alias = bool(entry.alias) and entry.tag in journal.list_tags_of(entry.alias, entry.image)
        is_candidates = is_candidate(entry.alias)
        is_allowed = is_alias and (decided.channel == CANDIDATE) == is_candidates
    else:
        version = plain_version(transaction.version)
        is_allowed = entry.tag in decided.tags and decided.version == version
    return "" if is_allowed else "the decision does not allow it this tag"
