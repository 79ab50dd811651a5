"""The facts that are proven about a reference, in about ten lines.

Anybody who knows whom to trust can verify them. Nothing is needed but the registry.
"""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from images.catalog import Line, Repositories
from images.names import candidate_stem
from images.support import describe_support
from images.version import parse_version
from oci import copying
from oci.reference import parse_reference
from oci.registry import Registry, RegistryError
from publish.evidence import attest, bundle_files, kinds
from publish.evidence import store as evidence
from publish.evidence.predicates import (
    DECISION,
    PROVENANCE,
    VULNERABILITIES,
    decision,
    provenance,
    vulnerability,
)
from publish.evidence.predicates.decision import DecisionClaim
from publish.evidence.predicates.provenance import BuildClaim
from publish.evidence.store import FoundEvidence
from publish.evidence.trust import Trusted
from publish.policy import channels
from publish.released import proof, trusted_journal, yank_statements
from publish.released.published import CANDIDATE
from publish.tags.journal import TAG, Journal, StoredJournal, list_tags_of
from runner.errors import ConfigError, EnvironmentFailed, GateRefused
from runner.nouns import count_noun
from runner.redaction import show_value
from runner.untrusted import clean_line
from runner.verdict import Verdict
from scan.excused import describe_exceptions
from scan.line_fixes import describe_outside_fixes, list_outside_fixes
from scan.record import TriagedFinding

_KEY_ID = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class VerifyResult:
    """The result of `verify`.

    `verdict` is `pass` if a trusted decision lets the digest carry this tag in a channel that
    releases. It is `inconclusive` for a candidate, and for a tag that moves if no trusted key
    signed a journal that says what it should point to. Otherwise it is `fail`. `lines` are the
    facts. `reasons` are all reasons why the verdict is not `pass`.
    """

    reference: str
    digest: str
    verdict: Verdict
    lines: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class CatalogLines:
    """The lines of the catalogue and the day (UTC) on which their support is asked for."""

    lines: Mapping[str, Line]
    today: datetime.date


@dataclass(frozen=True)
class _ImageReference:
    """The parts of a reference: `tag` or `digest` may be empty, not both."""

    repository: str
    tag: str
    digest: str

    def __str__(self) -> str:
        return self.tag or self.digest


def verify_reference(  # noqa: PLR0913 - where it is, whom to trust, and the catalogue's part
    registry: Registry,
    repositories: Repositories,
    reference: str,
    trusted: Trusted,
    images: Sequence[str] = (),
    *,
    known: CatalogLines | None = None,
) -> VerifyResult:
    """Return what the evidence proves about a reference.

    `reference` is a tag or digest of the production repository, or REPOSITORY:TAG. `images` are
    those of the catalogue: without a signed journal, their marks say whether the version was
    yanked. If the lines are `known`, the first facts are the support of its line and the exceptions
    that it was promoted with; they change no verdict. Raises ConfigError if the registry has no
    such tag or digest, and RegistryError if it fails.
    """
    named = _parse_image_reference(reference, registry.host, repositories)
    digest = registry.resolve_digest(named.repository, named.digest or named.tag)
    if digest is None:
        where = f"{registry.host}/{named.repository}"
        raise ConfigError(
            f"{where} has no {named.digest or named}",
            "`./release.py rescan --json` lists the published versions",
        )
    found, decided = _read_decided(registry, named, digest, trusted)
    stored = _read_signed_journal(registry, repositories, trusted)
    stem = decided.version if decided else ""  # of a candidate it has the mark of one
    stem = candidate_stem(stem) if decided and decided.channel == CANDIDATE else stem
    by_version = stored.journal.yank_reason(stem) if stem else ""
    if stem and (stored.problem or stored.digest is None):
        by_version = trusted_journal.find_yank(registry, repositories, trusted, stem, images)
    reasons = (
        *_find_place_problems(registry, repositories, named, digest, found, by_version, stored),
        *_find_decision_problems(found, decided, named),
        *_find_other_layers(registry, named.repository, digest, found),
    )
    unknown = tuple(_find_unknown_target(registry, repositories, named, decided, stored))
    lines = (
        f"{named.repository}:{named.tag}" if named.tag else f"{named.repository}@{digest}",
        f"digest: {digest}",
    )
    warnings = (f"journal: does not count ({stored.problem})",) if stored.problem else ()
    standing = _list_standing(found, decided, known) if known else ()
    facts = (*lines, *standing, *warnings, *_list_facts(found, decided))
    return VerifyResult(
        reference, digest, _judge_reference(decided, reasons, unknown), facts, (*reasons, *unknown)
    )


def _read_decided(
    registry: Registry, named: _ImageReference, digest: str, trusted: Trusted
) -> tuple[tuple[FoundEvidence, ...], DecisionClaim | None]:
    """Return the evidence about a digest, also what only its decision names, and the decision."""
    found = evidence.read_evidence(registry, named.repository, digest, trusted)
    decided = _choose_decision(found, named)
    listed = {each.artifact for each in found}
    unlisted = [each for each in decided.evidence if each not in listed] if decided else []
    for artifact in unlisted[:_MAX_UNLISTED]:
        if each := evidence.find_evidence(registry, named.repository, digest, artifact, trusted):
            found = (*found, each)
    return found, decided


def _read_signed_journal(
    registry: Registry, repositories: Repositories, trusted: Trusted
) -> StoredJournal:
    """Return the journal if a trusted key signed it, otherwise an empty one with the problem."""
    try:
        stored = trusted_journal.read_as_written(registry, repositories, trusted)
    except EnvironmentFailed as error:
        if isinstance(error, RegistryError) and error.status not in bundle_files.SERVED:
            raise
        return StoredJournal(Journal(), None, clean_line(error.message, 300))
    return replace(stored, journal=Journal()) if stored.problem else stored


def _parse_image_reference(
    reference: str, host: str, repositories: Repositories
) -> _ImageReference:
    """Return what a person named; without a host, the namespace of our repositories is optional."""
    parsed = parse_reference(reference, host)
    if parsed is None:
        shown = show_value(reference)
        raise ConfigError(
            f"`{shown}` is not a reference",
            "write v2.6.0-cv, pytorch-cuda:v2.6.0-cv or @sha256:...",
        )
    repository = parsed.repository or repositories.production
    if not reference.startswith(f"{host}/"):
        own = (repositories.production, repositories.staging)
        repository = next((each for each in own if each.endswith(f"/{repository}")), repository)
    return _ImageReference(repository, parsed.tag, parsed.digest)


_MAX_UNLISTED = 100
"""How many statements are read that a decision names and the registry does not list."""
_MAX_SHOWN = 10
"""How many artifacts that prove nothing, or exceptions, are shown; the others are counted."""


def _find_place_problems(  # noqa: PLR0913, PLR0917 - a reference, and all facts about its place
    registry: Registry,
    repositories: Repositories,
    named: _ImageReference,
    digest: str,
    found: Sequence[FoundEvidence],
    by_version: str,
    stored: StoredJournal,
) -> Iterator[str]:
    """Yield what is wrong with the repository and the tag, whatever the evidence says.

    `by_version` says why the version was yanked; empty if it was not.
    """
    journal = stored.journal
    if named.repository != repositories.production:
        yield (
            f"{named.repository} is not the repository of releases, which is "
            f"{repositories.production}"
        )
    marked = yank_statements.list_reasons(found)
    if reason := journal.yank_reason(digest=digest) or marked or by_version:
        yield reason
    current = registry.resolve_digest(named.repository, named.tag) if named.tag else digest
    if current != digest:
        yield f"{named.tag} points to {current or 'nothing'}, not to {digest}"
    expected = journal.expected_digests(named.tag)
    if expected and digest not in expected:
        yield f"the journal says that {named.tag} should point to {' or '.join(sorted(expected))}"


def _find_unknown_target(
    registry: Registry,
    repositories: Repositories,
    named: _ImageReference,
    decided: DecisionClaim | None,
    stored: StoredJournal,
) -> Iterator[str]:
    """Yield why it is not known what a tag that moves should point to.

    Only a journal that a trusted key signed says it.
    """
    if decided is None or not named.tag or stored.journal.expected_digests(named.tag):
        return
    if decided.channel != CANDIDATE and named.tag in list_tags_of(decided.version, decided.image):
        return  # the own tag of a release never moves, so its decision is enough
    where = f"{registry.host}/{repositories.journal}:{TAG}"
    why = stored.signature_warning or (
        f"{where} does not name it" if stored.digest else f"there is no journal at {where}"
    )
    yield f"{named.tag} moves, and it is not known what it should point to: {why}"


def _choose_decision(
    found: Sequence[FoundEvidence], named: _ImageReference
) -> DecisionClaim | None:
    """Return the newest trusted decision that lets the digest carry this tag, or None.

    Decisions on candidates count only if there is no decision on a release.
    """
    known: list[DecisionClaim] = []
    for each in found:
        if each.statement and not each.problem and each.predicate_type == DECISION:
            with contextlib.suppress(GateRefused):
                known.append(decision.read_decision(each.statement))
    allowed = [each for each in known if not named.tag or named.tag in each.tags]
    return max(allowed, key=lambda each: (each.channel != CANDIDATE, each.decided_on), default=None)


def _find_decision_problems(
    found: Sequence[FoundEvidence], decided: DecisionClaim | None, named: _ImageReference
) -> Iterator[str]:
    """Yield what is wrong with the decision and with the statements that it was made from."""
    if decided is None:
        yield f"no trusted decision lets this digest carry {named}"
        problems = [
            f"{each.predicate_type or 'an artifact'}: {each.problem}"
            for each in found
            if each.problem
        ]
        yield from problems[:_MAX_SHOWN]
        if len(problems) > _MAX_SHOWN:
            yield f"{count_noun(len(problems) - _MAX_SHOWN, 'more artifact')} that prove nothing"
        return
    yield from decided.reasons
    if decided.verdict is not Verdict.PASS:
        yield f"the decision is `{decided.verdict}`"
    usable = {each.artifact: each for each in found if not each.problem}
    missing = set(decided.evidence) - set(usable)
    if missing:
        yield (
            f"missing or changed: {len(missing)} of the "
            f"{count_noun(len(decided.evidence), 'statement')} that the decision was made from"
        )
    counted = {usable[each].predicate_type for each in decided.evidence if each in usable}
    yield from (
        f"the decision was made without this kind of evidence: {kind.title}"
        for kind in kinds.REQUIRED
        if kind.predicate_type not in counted and not missing
    )
    yield from _find_other_image(found, decided)


def _find_other_image(found: Sequence[FoundEvidence], decided: DecisionClaim) -> Iterator[str]:
    """Yield a reason if the decision is about one image and the provenance about another."""
    built = _read_provenance(found)
    request = built.request if built else None
    if request and (request.version, request.image) != (decided.version, decided.image):
        yield (
            f"the decision is about {decided.version} {decided.image}, but the image was built as "
            f"{request.version} {request.image}"
        )


def _find_other_layers(
    registry: Registry, repository: str, digest: str, found: Sequence[FoundEvidence]
) -> Iterator[str]:
    """Yield a reason if the manifest's layers are not those of the provenance, in order."""
    built = _read_provenance(found)
    if built is None:
        return
    layers = [
        blob.digest
        for blob in copying.require_manifest(registry, repository, digest).parse_blobs()[1:]
    ]
    stated = [layer.digest for layer in built.layers]
    if layers != stated:
        yield (
            f"its manifest has the layers {_shorten_digests(layers)}, but its provenance names "
            f"{_shorten_digests(stated)}"
        )


def _read_provenance(found: Sequence[FoundEvidence]) -> BuildClaim | None:
    """Return the content of the provenance, or None if there is none that can be read.

    `_list_facts` reports a provenance that cannot be read.
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
    """Return the verdict on a reference (see VerifyResult)."""
    if reasons or decided is None:
        return Verdict.FAIL
    if unknown:
        return Verdict.INCONCLUSIVE
    channel = channels.load().channels.get(decided.channel)
    return Verdict.PASS if channel and channel.is_releasing else Verdict.INCONCLUSIVE


def _list_standing(
    found: Sequence[FoundEvidence], decided: DecisionClaim | None, known: CatalogLines
) -> Iterator[str]:
    """Yield the support of the line, what it cannot fix, and the exceptions of the newest scan."""
    built, day = _read_provenance(found), known.today
    version = parse_version(decided.version if decided else built.request.version if built else "")
    judged: tuple[TriagedFinding, ...] = ()
    if scan := attest.find_newest_statement(found, VULNERABILITIES):
        with contextlib.suppress(GateRefused):
            judged = vulnerability.read_findings(scan)
    exceptions = describe_exceptions(judged, day)
    yield from exceptions[:_MAX_SHOWN]
    if len(exceptions) > _MAX_SHOWN:
        yield f"{count_noun(len(exceptions) - _MAX_SHOWN, 'more exception')}"
    if version is None:
        return
    if version.line not in known.lines:
        yield f"warning: the catalogue has no line {version.line}, so nobody patches it"
        return
    if text := describe_outside_fixes(known.lines, version.line, list_outside_fixes(judged), day):
        yield f"warning: {text}"
    line = known.lines[version.line]
    ended = "warning: nothing of this line is patched any more; " if line.has_ended(day) else ""
    yield f"{ended}line {version.line}: {describe_support(line.support, day)}"


def _list_facts(found: Sequence[FoundEvidence], decided: DecisionClaim | None) -> Iterator[str]:
    """Yield a line for each kind of evidence, one for the decision and one for the signers."""
    required = [(kind.title, kind.predicate_type, kind.summary) for kind in kinds.REQUIRED]
    for title, predicate_type, summarize in (
        *required,
        ("layers", PROVENANCE, provenance.summarize_layers),
    ):
        statement = attest.find_newest_statement(found, predicate_type)
        try:
            yield f"{title}: {summarize(statement) if statement else 'no trusted statement'}"
        except GateRefused as error:
            yield f"{title}: cannot be read ({error.message})"
    if proven := proof.describe_evidence(found, decided.evidence if decided else ()):
        yield f"proof: {proven}"
    if decided:
        yield f"decision: {decision.describe_decision(decided)}"
    signers = {each.signer for each in found if each.statement and not each.problem}
    # Of a key, the start of its id is shown; an identity whole, as two may differ only at the end.
    shown = sorted({f"key {each[:16]}" if _KEY_ID.fullmatch(each) else each for each in signers})
    yield f"signed by: {', '.join(shown) or 'no trusted key'}"
