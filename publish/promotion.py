"""A release through a channel: decided from the evidence on its digests, then all its tags in one
transaction.
"""

from __future__ import annotations

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
from publish.evidence.attest import Witness
from publish.evidence.predicates import decision as decisions
from publish.evidence.predicates.decision import Decided
from publish.evidence.trust import Trusted
from publish.policy import channels as channel_data
from publish.policy import gate, release_kinds
from publish.policy.channels import CHANNELS, Channels
from publish.released.published import CANDIDATE, PRODUCTION, images_before, standing
from publish.tags import transaction
from publish.tags.journal import tags_of
from publish.tags.transaction import Approved, Outcome, Production, TagSet
from runner import progress
from runner.errors import ConfigError, GateRefused
from runner.verdict import Verdict, summary
from scan.difference import Difference
from scan.policy import EXCEPTIONS, POLICY

Compare = Callable[[BuildRecord], Difference | None]
"""The difference of an image to the newest release of its line before, None where there is none."""


@dataclass(frozen=True)
class Asked:
    """How a person asked for it.

    `channel` is empty for production where the evidence allows it, else candidate.

    `kind` is patch, feature or major; a major needs `approved`.
    """

    channel: str = ""
    kind: str = ""
    approved: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Promoted:
    """What became of it.

    `reasons` are those that kept the release out of production, none where it is there.

    `verdict` is the gate's on that: `pass` only where nothing kept it out.
    """

    channel: str
    kind: str
    decided: tuple[Decided, ...]
    outcome: Outcome
    reasons: tuple[str, ...]
    verdict: Verdict


@dataclass(frozen=True)
class Candidate:
    """All images of a release in staging, and what decides about them."""

    catalog: Catalog
    version: Version
    builds: tuple[BuildRecord, ...]
    production: Production
    witness: Witness
    trusted: Trusted
    compare: Compare
    today: datetime.date

    @cached_property
    def images_before(self) -> frozenset[str]:
        """The images of the line's release before; none where this is the first."""
        return images_before(self.production.registry, self.catalog, self.version, self.trusted)

    @property
    def line(self) -> Line:
        """The catalogue's."""
        return self.catalog.lines[self.version.line]


def promote(candidate: Candidate, asked: Asked) -> Promoted:
    """Decide and promote.

    Raises GateRefused with every reason of every image, or what a transaction raises.
    """
    known = channel_data.load()
    kind = asked.kind or default_kind(candidate.version)
    if not asked.dry_run:
        transaction.resume(
            candidate.production
        )  # what was begun was decided then, however old its evidence is now
    refused: tuple[str, ...] = ()
    verdict = Verdict.PASS
    for name in [asked.channel] if asked.channel else [PRODUCTION, CANDIDATE]:
        decided = tuple(
            _decide(candidate, build, known, name, kind, asked) for build in candidate.builds
        )
        reasons = _together(decided)
        if not reasons:
            outcome = _move(candidate, known, name, decided, dry_run=asked.dry_run)
            return Promoted(name, kind, decided, outcome, refused, verdict)
        if not asked.channel:
            progress.say(f"  not for {name}:")
            for reason in reasons:
                progress.say(f"    {reason}")
        refused, verdict = reasons, summary(each.verdict for each in decided)
    raise GateRefused(
        f"{candidate.version} may not be promoted ({verdict}): {'; '.join(reasons)}", _WAY_OUT
    )


def _together(decided: Sequence[Decided]) -> tuple[str, ...]:
    """Every reason once, with all the images that it is about: `base, cv: tested on no GPU`."""
    about: dict[str, list[str]] = {}
    for each in decided:
        for reason in dict.fromkeys(each.reasons):
            about.setdefault(reason.removeprefix(f"{each.image}: "), []).append(each.image)
    return tuple(f"{', '.join(images)}: {text}" for text, images in about.items())


def default_kind(version: Version) -> str:
    """The first release of a line is a major one, what follows a patch."""
    return release_kinds.PATCH if version.patch else release_kinds.MAJOR


def _decide(  # noqa: PLR0913, PLR0917 - one image, one channel, and how it was asked for
    candidate: Candidate, build: BuildRecord, known: Channels, name: str, kind: str, asked: Asked
) -> Decided:
    registry = candidate.witness.registry
    subject = gate.subject_of(candidate.catalog, candidate.version, build.image, build.digest, kind)
    found = evidence.read(registry, build.repository, build.digest, candidate.trusted)
    judged = gate.decide(subject, found, known, name, candidate.today)
    beside: list[_Refusal] = []
    if known.channel(name).releases:
        beside += [
            *_incomplete(candidate, kind),
            *_of_the_kind(candidate, build, kind, approved=asked.approved),
        ]
    verdicts = [judged.verdict, *(each.verdict for each in beside)]
    stem = _tags(candidate, known, name)
    tags = [tag for each in (stem.stem, *stem.aliases) for tag in tags_of(each, build.image)]
    return Decided(
        version=str(candidate.version),
        image=build.image,
        channel=name,
        kind=kind,
        verdict=summary(verdicts) if beside else judged.verdict,
        reasons=(*judged.reasons, *(f"{build.image}: {each.text}" for each in beside)),
        tags=tuple(tags),
        evidence=judged.evidence,
        policy=hashlib.sha256(
            b"".join(path.read_bytes() for path in (CHANNELS, POLICY, EXCEPTIONS))
        ).hexdigest(),
        # by the day: asked again, it is the same decision
        decided_on=f"{candidate.today}T00:00:00+00:00",
    )


@dataclass(frozen=True)
class _Refusal:
    """A reason beside the evidence: what may not be (`fail`), or what is still lacking (`not
    run`).
    """

    verdict: Verdict
    text: str


def _of_the_kind(
    candidate: Candidate, build: BuildRecord, kind: str, *, approved: bool
) -> Iterator[_Refusal]:
    """What forbids the name of this kind of release; what was let through is told."""
    try:
        changed = candidate.compare(build)
    except ConfigError as error:
        text = f"it cannot be compared with the release before: {error.message}"
        yield _Refusal(Verdict.NOT_RUN, text)
        return
    if candidate.images_before and build.image not in candidate.images_before:
        if problem := release_kinds.image_problem(release_kinds.NEW, kind):
            yield _Refusal(Verdict.FAIL, problem)
        return
    for note in release_kinds.kind_notes(changed, kind, candidate.line, approved=approved):
        progress.say(f"  {build.image}: {note}")
    for problem in release_kinds.kind_problems(changed, kind, candidate.line, approved=approved):
        yield _Refusal(
            Verdict.NOT_RUN if problem == release_kinds.UNAPPROVED else Verdict.FAIL, problem
        )


def _incomplete(candidate: Candidate, kind: str) -> Iterator[_Refusal]:
    """A release has all the images of the catalogue, whatever else it has, and those of the release
    before.
    """
    images = {build.image for build in candidate.builds}
    missing = set(candidate.catalog.images) - images
    if missing:
        text = f"a release has all images, and {', '.join(sorted(missing))} are not among them"
        yield _Refusal(Verdict.NOT_RUN, text)
    for image in sorted(candidate.images_before - images - missing):
        if problem := release_kinds.image_problem(release_kinds.GONE, kind):
            yield _Refusal(Verdict.FAIL, f"{image}: {problem}")


def _move(
    candidate: Candidate, known: Channels, name: str, decided: Sequence[Decided], *, dry_run: bool
) -> Outcome:
    """Nothing is signed that the tags speak against: what a trusted key said is believed of the
    digest for ever.
    """
    tags, pairs = _tags(candidate, known, name), list(zip(candidate.builds, decided, strict=True))
    unsigned = [Approved(build.image, build.digest, build.repository, "") for build, _ in pairs]
    shown = transaction.preview(candidate.production, tags, unsigned)
    if dry_run:
        return shown
    approved = [
        _approved(candidate, each, *pair) for each, pair in zip(unsigned, pairs, strict=True)
    ]
    return transaction.promote(candidate.production, tags, approved)


def _approved(
    candidate: Candidate, unsigned: Approved, build: BuildRecord, decided: Decided
) -> Approved:
    """With its decision, and all that goes with it: what a trusted key signed or vouches for."""
    decision = _say(candidate, build, decided)
    evidence = attest.carried(candidate.witness.registry, build, candidate.trusted)
    return replace(unsigned, decision=decision, evidence=evidence)


def _say(candidate: Candidate, build: BuildRecord, decided: Decided) -> str:
    """The decision is on the digest before any tag is; returns the digest of its manifest."""
    return candidate.witness.decided(
        build, decisions.statement(decided, build.digest, candidate.witness.name)
    )


def _tags(candidate: Candidate, known: Channels, name: str) -> TagSet:
    channel, version, day = known.channel(name), candidate.version, candidate.today
    named = channel_data.aliases(channel, version, BASE, day, newest_line=_is_newest(candidate))
    stems = [each for each in named if not each.endswith(f"-{BASE}")]
    images = tuple(build.image for build in candidate.builds)
    plain = TagSet(str(version), images, (), candidate=not channel.releases)
    return TagSet(
        str(version), images, tuple(each for each in stems if each != plain.stem), plain.candidate
    )


def _is_newest(candidate: Candidate) -> bool:
    """Whether no newer line is out: `latest` belongs to the newest."""
    out = standing(candidate.production.registry, candidate.catalog, candidate.trusted)
    return all(_number(candidate.version.line) >= _number(each.version.line) for each in out)


def _number(line: str) -> tuple[int, ...]:
    return line_numbers(line)


_WAY_OUT = "bring the evidence that is missing: run the stages again, on a machine that can"
