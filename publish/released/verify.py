"""The proof about a reference, in ten lines, for a stranger who knows whom to trust.

It needs nothing but the registry.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from images.catalog import Repositories
from images.names import candidate_stem
from oci import copying
from oci.reference import parse_reference
from oci.registry import Registry, RegistryError
from publish.evidence import attest, kinds
from publish.evidence import store as evidence
from publish.evidence.predicates import DECISION, PROVENANCE, decision, provenance
from publish.evidence.predicates.decision import DecisionClaim
from publish.evidence.predicates.provenance import BuildClaim
from publish.evidence.store import FoundEvidence
from publish.evidence.trust import Trusted
from publish.policy import channels
from publish.released import trusted_journal, yank_statements
from publish.released.published import CANDIDATE
from publish.tags.journal import TAG, Journal, StoredJournal, list_tags_of
from runner.errors import ConfigError, EnvironmentFailed, GateRefused
from runner.untrusted import clean_line
from runner.verdict import Verdict

_KEY_ID = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class VerifyResult:
    """The result of `verify`.

    `verdict` is `pass` if a trusted decision lets the digest carry this reference in a channel that
    releases. It is `inconclusive` if it is a candidate, or if the tag moves and no trusted key
    signed what it should name. Else it is `fail`. `lines` are the facts, and `reasons` all that
    speaks against it.
    """

    reference: str
    digest: str
    verdict: Verdict
    lines: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class _NamedImage:
    """The parts of a reference: `tag` or `digest` may be empty, not both."""

    repository: str
    tag: str
    digest: str

    def __str__(self) -> str:
        return self.tag or self.digest


def verify_reference(
    registry: Registry, repositories: Repositories, reference: str, trusted: Trusted
) -> VerifyResult:
    """Read the evidence on a reference.

    `reference` is a tag or digest of the production repository, or REPOSITORY:TAG. Raises
    ConfigError if it names nothing, and RegistryError if the registry fails.
    """
    named = _parse_named(reference, registry.host, repositories.production)
    digest = registry.resolve_digest(named.repository, named.digest or named.tag)
    if digest is None:
        where = f"{registry.host}/{named.repository}"
        raise ConfigError(
            f"{where} has no {named.digest or named}",
            "`./release.py rescan --json` lists the published versions",
        )
    found = evidence.read_evidence(registry, named.repository, digest, trusted)
    decided = _choose_decision(found, named)
    listed = {each.artifact for each in found}
    unlisted = [each for each in decided.evidence if each not in listed] if decided else []
    for artifact in unlisted[:_MOST_NAMED]:
        if each := evidence.find_evidence(registry, named.repository, digest, artifact, trusted):
            found = (*found, each)
    book = _read_journal(registry, repositories, trusted)
    reasons = (
        *_find_misplacement(registry, repositories, named, digest, found, decided, book),
        *_find_objections(found, decided, named),
        *_find_other_layers(registry, named.repository, digest, found),
    )
    unknown = tuple(_find_unknown(registry, repositories, named, decided, book))
    lines = (
        f"{named.repository}:{named.tag}" if named.tag else f"{named.repository}@{digest}",
        f"digest: {digest}",
    )
    warnings = (f"journal: does not count ({book.problem})",) if book.problem else ()
    told = (*lines, *warnings, *_list_facts(found, decided))
    return VerifyResult(
        reference, digest, _judge_reference(decided, reasons, unknown), told, (*reasons, *unknown)
    )


def _read_journal(
    registry: Registry, repositories: Repositories, trusted: Trusted
) -> StoredJournal:
    """Return the journal if somebody trusted signed it, else an empty one with the problem."""
    try:
        book = trusted_journal.read_as_written(registry, repositories, trusted)
    except EnvironmentFailed as error:
        if isinstance(error, RegistryError) and error.status not in evidence.SERVED:
            raise
        return StoredJournal(Journal(), None, clean_line(error.message, 300))
    return replace(book, journal=Journal()) if book.problem else book


def _parse_named(reference: str, host: str, production: str) -> _NamedImage:
    said = parse_reference(reference, host)
    if said is None:
        shown = clean_line(reference, 80)
        raise ConfigError(
            f"`{shown}` is not a reference",
            "write v2.6.0-cv, pytorch-cuda:v2.6.0-cv or @sha256:...",
        )
    return _NamedImage(said.repository or production, said.tag, said.digest)


_MOST_NAMED = 100
_MOST_TOLD = 10


def _find_misplacement(  # noqa: PLR0913, PLR0917 - a reference, and all that is known of where it should be
    registry: Registry,
    repositories: Repositories,
    named: _NamedImage,
    digest: str,
    found: Sequence[FoundEvidence],
    decided: DecisionClaim | None,
    book: StoredJournal,
) -> Iterator[str]:
    """Yield what is wrong with the place of the digest, whatever is proven of it."""
    kept = book.journal
    if named.repository != repositories.production:
        yield (
            f"{named.repository} is not the repository of releases, which is "
            f"{repositories.production}"
        )
    by_version = kept.yank_reason(_own_stem(decided)) if decided else ""
    marked = yank_statements.list_reasons(found)
    if reason := kept.yank_reason(digest=digest) or marked or by_version:
        yield reason
    held = registry.resolve_digest(named.repository, named.tag) if named.tag else digest
    if held != digest:
        yield f"{named.tag} holds {held or 'nothing'}, not {digest}"
    expected = kept.expected_digests(named.tag)
    if expected and digest not in expected:
        yield f"by the journal {named.tag} should hold {' or '.join(sorted(expected))}"


def _own_stem(decided: DecisionClaim) -> str:
    """Return the version that a decision is about, as the journal names it."""
    is_release = decided.channel != CANDIDATE
    return decided.version if is_release else candidate_stem(decided.version)


def _find_unknown(
    registry: Registry,
    repositories: Repositories,
    named: _NamedImage,
    decided: DecisionClaim | None,
    book: StoredJournal,
) -> Iterator[str]:
    """Yield why nobody knows what a tag that moves should name.

    Only a journal that somebody trusted signed says it.
    """
    if decided is None or not named.tag or book.journal.expected_digests(named.tag):
        return
    if decided.channel != CANDIDATE and named.tag in list_tags_of(decided.version, decided.image):
        return  # an own tag never moves: what its decision says of it stays true
    where = f"{registry.host}/{repositories.journal}:{TAG}"
    why = book.signature_warning or (
        f"{where} does not know it" if book.digest else f"there is no journal at {where}"
    )
    yield f"{named.tag} moves, and what it should name is not known: {why}"


def _choose_decision(found: Sequence[FoundEvidence], named: _NamedImage) -> DecisionClaim | None:
    """Return the newest trusted decision that lets the digest carry this name, or None.

    If the digest was released, decisions on candidates do not count.
    """
    known: list[DecisionClaim] = []
    for each in found:
        if each.statement and not each.problem and each.predicate_type == DECISION:
            with contextlib.suppress(GateRefused):
                known.append(decision.read_decision(each.statement))
    allowed = [each for each in known if not named.tag or named.tag in each.tags]
    return max(allowed, key=lambda each: (each.channel != CANDIDATE, each.decided_on), default=None)


def _find_objections(
    found: Sequence[FoundEvidence], decided: DecisionClaim | None, named: _NamedImage
) -> Iterator[str]:
    if decided is None:
        yield f"no trusted decision lets this digest carry {named}"
        problems = [
            f"{each.predicate_type or 'an artifact'}: {each.problem}"
            for each in found
            if each.problem
        ]
        yield from problems[:_MOST_TOLD]
        if len(problems) > _MOST_TOLD:
            yield f"{len(problems) - _MOST_TOLD} more artifacts that prove nothing"
        return
    yield from decided.reasons
    if decided.verdict is not Verdict.PASS:
        yield f"the decision is `{decided.verdict}`"
    usable = {each.artifact: each for each in found if not each.problem}
    missing = set(decided.evidence) - set(usable)
    if missing:
        yield (
            f"{len(missing)} of the {len(decided.evidence)} statements it was decided from are "
            "gone or changed"
        )
    counted = {usable[each].predicate_type for each in decided.evidence if each in usable}
    yield from (
        f"the decision counted no {kind.title}"
        for kind in kinds.REQUIRED
        if kind.predicate_type not in counted and not missing
    )
    yield from _find_other_image(found, decided)


def _find_other_image(found: Sequence[FoundEvidence], decided: DecisionClaim) -> Iterator[str]:
    """Yield a reason if the decision is on one image, and another one was built."""
    built = _read_provenance(found)
    asked = built.asked if built else None
    if asked and (asked.version, asked.image) != (decided.version, decided.image):
        yield (
            f"decided as {decided.version} {decided.image}, and built as {asked.version} "
            f"{asked.image}"
        )


def _find_other_layers(
    registry: Registry, repository: str, digest: str, found: Sequence[FoundEvidence]
) -> Iterator[str]:
    """Yield a reason if the manifest's layers are not those of the provenance, in order."""
    built = _read_provenance(found)
    if built is None:
        return
    there = [
        blob.digest
        for blob in copying.require_manifest(registry, repository, digest).parse_blobs()[1:]
    ]
    stated = [layer.digest for layer in built.layers]
    if there != stated:
        yield (
            f"its manifest has the layers {_shorten_digests(there)}, and its provenance names "
            f"{_shorten_digests(stated)}"
        )


def _read_provenance(found: Sequence[FoundEvidence]) -> BuildClaim | None:
    """Return the content of the provenance, or None.

    A provenance that cannot be read is told among the lines.
    """
    statement = attest.find_newest_statement(found, PROVENANCE)
    try:
        return provenance.read_provenance(statement) if statement else None
    except GateRefused:
        return None


def _shorten_digests(digests: Sequence[str]) -> str:
    return ", ".join(digest[:19] for digest in digests) or "none"


def _judge_reference(
    decided: DecisionClaim | None, reasons: Sequence[str], unknown: Sequence[str]
) -> Verdict:
    if reasons or decided is None:
        return Verdict.FAIL
    if unknown:
        return Verdict.INCONCLUSIVE
    channel = channels.load().channels.get(decided.channel)
    return Verdict.PASS if channel and channel.is_releasing else Verdict.INCONCLUSIVE


def _list_facts(found: Sequence[FoundEvidence], decided: DecisionClaim | None) -> Iterator[str]:
    told = [(kind.title, kind.predicate_type, kind.summary) for kind in kinds.REQUIRED]
    for title, predicate_type, summarize in (
        *told,
        ("layers", PROVENANCE, provenance.summarize_layers),
    ):
        statement = attest.find_newest_statement(found, predicate_type)
        try:
            yield f"{title}: {summarize(statement) if statement else 'no trusted statement'}"
        except GateRefused as error:
            yield f"{title}: not readable ({error.message})"
    if decided:
        yield f"decision: {decision.describe_decision(decided)}"
    signers = {each.signer for each in found if each.statement and not each.problem}
    # a key by the start of its id; an identity whole, for in its end may be all the difference
    shown = sorted({f"key {each[:16]}" if _KEY_ID.fullmatch(each) else each for each in signers})
    yield f"signed by: {', '.join(shown) or 'nobody trusted'}"
