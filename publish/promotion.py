"""Promote a release: decide from the evidence on its digests, then move its tags together."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from images.catalog import BASE, Catalog, Line, Version
from images.record import BuildRecord
from images.version import line_numbers
from publish.evidence import attest
from publish.evidence import store as evidence
from publish.evidence.attest import EvidenceSigner
from publish.evidence.predicates import DECISION
from publish.evidence.predicates import decision as decisions
from publish.evidence.predicates.decision import DecisionClaim
from publish.evidence.store import FoundEvidence
from publish.evidence.trust import Trusted
from publish.policy import channels as channel_data
from publish.policy import gate, release_kinds
from publish.policy.channels import CHANNELS, Channels
from publish.policy.reason import Reason, group_images
from publish.released.published import CANDIDATE, PRODUCTION, list_current, list_images_before
from publish.tags import transaction
from publish.tags.journal import list_tags_of
from publish.tags.production import Production
from publish.tags.promotion_plan import ApprovedImage, TagSet, TransactionOutcome
from runner import progress, records
from runner.errors import ConfigError, GateRefused
from runner.moments import parse_moment
from runner.nouns import count_noun
from runner.reason_cause import ReasonCause
from runner.verdict import Verdict, summary_verdict
from scan.difference import Difference
from scan.policy import EXCEPTIONS, POLICY

Compare = Callable[[BuildRecord], Difference | None]
"""The difference of an image to the previous release of its line; None if there is none."""


@dataclass(frozen=True)
class PromotionRequest:
    """The promotion that a person asked for.

    If `channel` is empty, it is production if the evidence allows that, otherwise candidate. `kind`
    is patch, feature or major; a major release needs `approved`.
    """

    channel: str = ""
    kind: str = ""
    approved: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class PromotionResult:
    """The result of a promotion.

    `reasons` are those that kept the release out of production; empty if nothing did. `verdict` is
    the gate's verdict for production: `pass` only if nothing kept the release out.
    """

    channel: str
    kind: str
    decided: tuple[DecisionClaim, ...]
    outcome: TransactionOutcome
    reasons: tuple[Reason, ...]
    verdict: Verdict


@dataclass(frozen=True)
class PromotionCandidate:
    """All images of a release in staging, and what decides about them."""

    catalog: Catalog
    version: Version
    builds: tuple[BuildRecord, ...]
    production: Production
    evidence_signer: EvidenceSigner
    trusted: Trusted
    compare: Compare
    now: datetime.datetime

    @property
    def today(self) -> datetime.date:
        """The day (UTC) that evidence is compared with."""
        return self.now.astimezone(datetime.UTC).date()

    @cached_property
    def previous_images(self) -> frozenset[str]:
        """The images of the previous release of the line; none if this is the first."""
        return list_images_before(
            self.production.registry, self.catalog, self.version, self.trusted
        )

    @cached_property
    def is_newest_line(self) -> bool:
        """Whether no image of a newer line is released that users may use."""
        own = line_numbers(self.version.line)
        return not list_current(
            self.production.registry,
            self.catalog,
            self.trusted,
            lambda version: line_numbers(version.line) > own,
        )

    @property
    def catalog_line(self) -> Line:
        """The line in the catalogue."""
        return self.catalog.lines[self.version.line]


@dataclass(frozen=True)
class _ImageDecision:
    """The decision about one image, with its reasons and the notes for a reader as data.

    `found` is all evidence about the image.
    """

    decided: DecisionClaim
    found: tuple[FoundEvidence, ...]
    reasons: tuple[Reason, ...]
    notes: tuple[Reason, ...]


@dataclass(frozen=True)
class _Attempt:
    """One try: a channel, with the release kind and the approval of a person."""

    channels: Channels
    channel: str
    kind: str
    approved: bool


def promote_candidate(candidate: PromotionCandidate, request: PromotionRequest) -> PromotionResult:
    """Decide and promote.

    Raises GateRefused with every reason of every image, and whatever a transaction raises.
    """
    channels, kind = channel_data.load(), request.kind or default_kind(candidate.version)
    if not request.dry_run:
        # what a killed run began was decided then: the age of its evidence does not count now
        transaction.resume_interrupted(candidate.production)
    refused: tuple[Reason, ...] = ()
    verdict = Verdict.PASS
    for name in [request.channel] if request.channel else [PRODUCTION, CANDIDATE]:
        attempt = _Attempt(channels, name, kind, request.approved)
        with candidate.production.registry.keep_tag_lists():
            decisions = [_decide_image(candidate, build, attempt) for build in candidate.builds]
        decided = _date_decisions(candidate.now, decisions)
        reasons = group_images(reason for each in decisions for reason in each.reasons)
        for note in group_images(note for each in decisions for note in each.notes):
            progress.say_line(f"  {note}")
        if not reasons:
            if refused and request.dry_run:
                progress.say_line(f"  it would go to the channel {name} instead")
            outcome = _move_tags(candidate, attempt, decided, dry_run=request.dry_run)
            if refused and not request.dry_run:
                progress.say_line(f"  {candidate.version} is in the channel {name} now")
                progress.say_line(f"  for {PRODUCTION}: {_advise_on(refused)}")
            return PromotionResult(name, kind, decided, outcome, refused, verdict)
        either = " either" if refused else ""
        progress.say_line(
            f"  {candidate.version} cannot be promoted to the channel {name}{either}:"
        )
        for reason in reasons:
            progress.say_line(f"    {reason}")
        refused, verdict = reasons, summary_verdict(each.verdict for each in decided)
        if not request.channel and name == PRODUCTION and not request.dry_run:
            progress.say_line(f"  trying the channel {CANDIDATE} instead")
    raise _make_refusal(f"{candidate.version}", name, either, reasons)


def _make_refusal(
    version: str, channel: str, either: str, reasons: Sequence[Reason]
) -> GateRefused:
    """Return the error in one line; its notes are the reasons, which were printed before."""
    what = "cannot be promoted" if either else "was not promoted"
    counted = f"{count_noun(len(reasons), 'reason')}, listed above; nothing was changed"
    refusal = GateRefused(
        f"{version} {what} to the channel {channel}{either}: {counted}", _advise_on(reasons)
    )
    for reason in reasons:
        refusal.add_note(str(reason))
    return refusal


def _advise_on(reasons: Sequence[Reason]) -> str:
    """Return what to do next, by what is among the reasons."""
    causes = {reason.cause for reason in reasons}
    steps = []
    if ReasonCause.NO_DATABASE in causes:
        steps.append(
            "run `scan` again with `--trivy-db FOLDER` or `--db-repository ADDRESS`, then `promote`"
        )
    if ReasonCause.NO_EXCEPTION in causes:
        steps.append(
            f"add a reviewed entry to `line_exceptions` in {EXCEPTIONS.name}, then run `scan` and "
            "`promote`; or move to the line that is named"
        )
    if ReasonCause.NOT_APPROVED in causes:
        steps.append("add `--approve` to `promote` if a person approves this major release")
    return "; ".join([*steps, _WAY_OUT])


def default_kind(version: Version) -> str:
    """Return the release kind if none is given: major for the first of a line, else patch."""
    return release_kinds.PATCH if version.patch else release_kinds.MAJOR


def _decide_image(
    candidate: PromotionCandidate, build: BuildRecord, attempt: _Attempt
) -> _ImageDecision:
    """Decide about one image, from its evidence and, for a release, from what changed."""
    registry, name, kind = candidate.evidence_signer.registry, attempt.channel, attempt.kind
    subject = gate.make_subject(
        candidate.catalog, candidate.version, build.image, build.digest, kind
    )
    found = evidence.read_evidence(registry, build.repository, build.digest, candidate.trusted)
    decision = gate.decide_promotion(subject, found, attempt.channels, name, candidate.today)
    beside: list[Reason] = []
    notes: list[Reason] = []
    if attempt.channels.find_channel(name).is_releasing:
        proven = [decision.proof] if decision.proof else []
        notes += [Reason(build.image, "proof", Verdict.PASS, text) for text in proven]
        beside = [
            *_check_images(candidate, build, kind),
            *_check_kind(candidate, build, attempt, notes),
        ]
    verdicts = [decision.verdict, *(reason.verdict for reason in beside)]
    reasons = (*decision.reasons, *beside)
    names = _tag_set(candidate, attempt)
    tags = [
        tag for stem in (names.own_stem, *names.aliases) for tag in list_tags_of(stem, build.image)
    ]
    policy_files = b"".join(records.read_bytes(path) for path in (CHANNELS, POLICY, EXCEPTIONS))
    decided = DecisionClaim(
        version=str(candidate.version),
        image=build.image,
        channel=name,
        kind=kind,
        verdict=summary_verdict(verdicts) if beside else decision.verdict,
        reasons=tuple(dict.fromkeys(map(str, reasons))),
        tags=tuple(tags),
        evidence=decision.evidence,
        policy=hashlib.sha256(policy_files).hexdigest(),
        decided_on="",
    )
    return _ImageDecision(decided, found, reasons, tuple(notes))


def _date_decisions(
    now: datetime.datetime, judged: Sequence[_ImageDecision]
) -> tuple[DecisionClaim, ...]:
    """Return the decisions with their moment, the same for all: now, but after all evidence.

    A decision that was signed today already keeps its moment: the same question, asked again by a
    run after a killed one, has the same answer.
    """
    counted = {artifact for each in judged for artifact in each.decided.evidence}
    # a machine with evidence may have a clock that is ahead of ours
    latest = [
        parse_moment(each.created) + datetime.timedelta(seconds=1)
        for decision in judged
        for each in decision.found
        if each.artifact in counted and each.created
    ]
    moment = max([now.astimezone(datetime.UTC), *latest]).isoformat(timespec="seconds")
    earliest = max([datetime.datetime.combine(now, datetime.time(), datetime.UTC), *latest])
    return tuple(
        _find_same_decision(each, earliest, parse_moment(moment))
        or replace(each.decided, decided_on=moment)
        for each in judged
    )


def _find_same_decision(
    judged: _ImageDecision, earliest: datetime.datetime, latest: datetime.datetime
) -> DecisionClaim | None:
    """Return the same decision if a trusted key signed it between two moments."""
    for found in judged.found:
        if found.statement is None or found.predicate_type != DECISION or not found.created:
            continue
        with contextlib.suppress(GateRefused):
            before = decisions.read_decision(found.statement)
            is_same = replace(before, decided_on="") == judged.decided
            if is_same and earliest <= parse_moment(before.decided_on) <= latest:
                return before
    return None


def _check_kind(
    candidate: PromotionCandidate, build: BuildRecord, attempt: _Attempt, notes: list[Reason]
) -> Iterator[Reason]:
    """Yield why this release cannot be of its kind; changes that were allowed become notes."""
    image, kind, approved = build.image, attempt.kind, attempt.approved
    try:
        changed = candidate.compare(build)
    except ConfigError as error:
        text = f"it cannot be compared with the previous release: {error.message}"
        yield Reason(image, "", Verdict.NOT_RUN, text)
        return
    if candidate.previous_images and image not in candidate.previous_images:
        if problem := release_kinds.image_problem(release_kinds.NEW, kind):
            yield Reason(image, "", Verdict.FAIL, problem)
        return
    for note in release_kinds.kind_notes(changed, kind, candidate.catalog_line, approved=approved):
        notes.append(Reason(image, "", Verdict.PASS, note))
    if release_kinds.lacks_approval(kind, approved=approved):
        text, cause = release_kinds.UNAPPROVED, ReasonCause.NOT_APPROVED
        yield Reason(image, "", Verdict.NOT_RUN, text, cause)
    for problem in release_kinds.kind_problems(
        changed, kind, candidate.catalog_line, approved=True
    ):
        yield Reason(image, "", Verdict.FAIL, problem)


def _check_images(candidate: PromotionCandidate, build: BuildRecord, kind: str) -> Iterator[Reason]:
    """Yield which images of the catalogue and of the previous release are missing."""
    images = {each.image for each in candidate.builds}
    missing = set(candidate.catalog.images) - images
    if missing:
        text = f"a release must have all images; missing: {', '.join(sorted(missing))}"
        yield Reason(build.image, "", Verdict.NOT_RUN, text)
    for image in sorted(candidate.previous_images - images - missing):
        if problem := release_kinds.image_problem(release_kinds.GONE, kind):
            yield Reason(build.image, "", Verdict.FAIL, f"{image}: {problem}")


def _move_tags(
    candidate: PromotionCandidate,
    attempt: _Attempt,
    decided: Sequence[DecisionClaim],
    *,
    dry_run: bool,
) -> TransactionOutcome:
    """Sign the decisions and move the tags.

    The transaction is tried first. Everybody believes a signed decision about a digest for ever, so
    no decision is signed that the tags do not allow.
    """
    tags = _tag_set(candidate, attempt)
    unsigned = [
        ApprovedImage(build.image, build.digest, build.repository, "") for build in candidate.builds
    ]
    preview = transaction.preview_promotion(candidate.production, tags, unsigned)
    if dry_run:
        return preview
    approved = []
    for each, build, image_decision in zip(unsigned, candidate.builds, decided, strict=True):
        statement = decisions.make_statement(
            image_decision, build.digest, candidate.evidence_signer.name
        )
        decision = candidate.evidence_signer.attest_decision(build, statement)
        carried = attest.list_carried_artifacts(
            candidate.evidence_signer.registry,
            build,
            candidate.trusted,
            {decision, *image_decision.evidence},
        )
        approved.append(
            replace(
                each,
                decision=decision,
                evidence=carried.needed,
                superseded=carried.superseded,
            )
        )
    return transaction.promote_tags(candidate.production, tags, approved)


def _tag_set(candidate: PromotionCandidate, attempt: _Attempt) -> TagSet:
    """Return the tags that a release gets in a channel; `latest` belongs to the newest line."""
    channel = attempt.channels.find_channel(attempt.channel)
    version, day = candidate.version, candidate.today
    newest = candidate.is_newest_line
    named = channel_data.aliases_of(channel, version, BASE, day, newest_line=newest)
    images = tuple(build.image for build in candidate.builds)
    plain = TagSet(str(version), images, (), candidate=not channel.is_releasing)
    stems = [each for each in named if not each.endswith(f"-{BASE}")]
    return replace(plain, aliases=tuple(each for each in stems if each != plain.own_stem))


_WAY_OUT = (
    "if evidence is missing or too old, run `build`, `validate` (on a machine with the named GPUs) "
    "and `scan` again, then `promote`"
)
