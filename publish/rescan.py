"""Judge released images every night, by their SBOMs and today's vulnerability database."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from images.catalog import Version
from images.names import is_candidate, plain_version
from images.version import parse_version
from publish.evidence import documents
from publish.image_assessor import ImageAssessor
from publish.released import trusted_journal
from publish.released.published import CANDIDATE, PRODUCTION, Published, list_published
from publish.tags.rollback import CheckTarget, RollbackTarget
from runner import progress
from runner.errors import EnvironmentFailed
from runner.verdict import Verdict, summary_verdict
from scan import assess, sbom, store
from scan.history import RescanVerdict
from scan.record import UNKNOWN, Database, count_severities
from scan.second_opinion import AssessedImage, SecondOpinion, ask_opinion

NO_SBOM = "no trusted key signed an SBOM of it: scan it again"


@dataclass(frozen=True)
class LineDue:
    """A line that needs its next patch release; `reasons` name its images that are refused."""

    line: str
    newest: str
    next: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class RescanResult:
    """The judgements, newest release of a line first, each with the seconds that it took.

    `newest` is the newest release of each line that was not withdrawn. `verdict` is about these
    alone: users of an older release that is refused can move to them. `second_opinion` is what
    another source of advisories says. It decides nothing, and is None if nobody asked.
    """

    date: str
    database: Database | None
    judgements: tuple[RescanVerdict, ...]
    newest: tuple[str, ...]
    verdict: Verdict
    due: tuple[LineDue, ...]
    seconds: float
    second_opinion: SecondOpinion | None = None

    @property
    def outdated_judgements(self) -> tuple[RescanVerdict, ...]:
        """The refused images of older releases, and of those that were withdrawn."""
        return tuple(
            each
            for each in self.judgements
            if each.version not in self.newest and each.verdict is Verdict.FAIL
        )


def rescan_images(assessor: ImageAssessor, channel: str, service: str = "") -> RescanResult:
    """Judge every image of the supported lines in `channel`, and update the history.

    `service` is the address that is asked for a second opinion. No image is pulled. The history is
    in the registry. Raises EnvironmentFailed if the registry fails. If Trivy fails, that judgement
    is `infra`. If a tag was moved away from its release, the verdict is at best `inconclusive`.
    """
    started = time.monotonic()
    registry, catalog, judges = assessor.registry, assessor.catalog, assessor.judges
    there = list_published(registry, catalog, channel, assessor.trusted)
    images = [
        image
        for image in there
        if judges.today <= catalog.lines[image.version.line].supported_until
    ]
    judged = [_judge_image(assessor, image) for image in images]
    judgements = tuple(judgement for judgement, _ in judged)
    findings = [finding for _, assessed in judged for finding in assessed.findings]
    opinion = ask_opinion(service, [each for _, each in judged]) if service else None
    history = judges.history.with_findings(findings, judges.today)
    # what is due is decided from these, and a candidate has the number of its release
    if channel == PRODUCTION:
        history = history.with_results(judgements)
    seal = documents.make_findings_seal(assessor.signer, assessor.trusted)
    store.store_history(registry, catalog.repositories.records, history, seal, judges.today)
    record = None if isinstance(judges.database, str) else judges.database.record
    seconds = round(time.monotonic() - started, 3)
    stored = trusted_journal.read_confirmed(
        registry, catalog.repositories, assessor.trusted, catalog.images
    )
    withdrawn = stored.journal.withdrawn_versions()
    if channel == CANDIDATE:  # the journal marks candidates with a suffix
        withdrawn = frozenset(plain_version(each) for each in withdrawn if is_candidate(each))
    newest = tuple(str(line.newest) for line in _judged_lines(judgements, withdrawn))
    moved = (Verdict.INCONCLUSIVE for image in images if image.is_moved)
    verdict = summary_verdict(
        (*(each.verdict for each in judgements if each.version in newest), *moved)
    )
    found = tuple(find_due_lines(judgements, withdrawn))
    return RescanResult(
        judges.today.isoformat(), record, judgements, newest, verdict, found, seconds, opinion
    )


def make_target_check(assessor: ImageAssessor) -> CheckTarget:
    """Return the function that checks by today's policy whether a rollback may go to a target.

    The policy must not refuse a candidate. A release must pass.
    """

    def check_target(target: RollbackTarget) -> tuple[str, ...]:
        repository = assessor.catalog.repositories.production
        image = Published(
            assessor.catalog.require_version(target.version),
            target.image,
            PRODUCTION,
            repository,
            target.digest,
        )
        verdict, reason, _ = _assess_image(assessor, image)
        refused = verdict is Verdict.FAIL if target.candidate else verdict is not Verdict.PASS
        return (f"{target.version} {target.image}: {verdict}, {reason}",) if refused else ()

    return check_target


def find_due_lines(
    judgements: Sequence[RescanVerdict], withdrawn: Collection[str] = ()
) -> Iterator[LineDue]:
    """Yield the lines whose newest release that was not withdrawn has an image that is refused."""
    for line in _judged_lines(judgements, withdrawn):
        refused = [
            each
            for each in judgements
            if each.version == str(line.newest) and each.verdict is Verdict.FAIL
        ]
        if refused:
            reasons = tuple(f"{each.image}: {each.reason}" for each in refused)
            after = replace(line.highest, patch=line.highest.patch + 1)
            yield LineDue(line.newest.line, str(line.newest), str(after), reasons)


@dataclass(frozen=True)
class _JudgedLine:
    """The newest release of a line that was not withdrawn, and the highest version ever used."""

    newest: Version
    highest: Version


def _judged_lines(
    judgements: Sequence[RescanVerdict], withdrawn: Collection[str]
) -> Iterator[_JudgedLine]:
    """Yield each line that was judged.

    If all its releases were withdrawn, the last of them is its newest.
    """
    lines: dict[str, list[Version]] = {}
    for judgement in judgements:
        if version := parse_version(judgement.version):
            lines.setdefault(version.line, []).append(version)
    for versions in lines.values():
        ordered = sorted(versions, key=lambda version: version.patch)
        yield _JudgedLine(
            next((each for each in reversed(ordered) if str(each) not in withdrawn), ordered[-1]),
            ordered[-1],
        )


def _judge_image(assessor: ImageAssessor, image: Published) -> tuple[RescanVerdict, AssessedImage]:
    started = time.monotonic()
    verdict, reason, assessed = _assess_image(assessor, image)
    seconds = round(time.monotonic() - started, 3)
    unrated = count_severities(assessed.findings).get(UNKNOWN)
    notes = (reason, f"{unrated} findings of unknown severity" if unrated else "")
    progress.say_line(
        f"  {assessed.name}: {', '.join(filter(None, (verdict, *notes)))} ({seconds} s)"
    )
    today = assessor.judges.today.isoformat()
    return RescanVerdict(
        today, str(image.version), image.image, image.digest, verdict, reason, seconds
    ), assessed


def _assess_image(assessor: ImageAssessor, image: Published) -> tuple[Verdict, str, AssessedImage]:
    nothing = AssessedImage(f"{image.version} {image.image}", (), ())
    try:
        found = assessor.assess_image(image)
    except EnvironmentFailed as error:
        return Verdict.INFRA, str(error), nothing
    if found is None:
        return Verdict.INCONCLUSIVE, NO_SBOM, nothing
    document, assessed = found
    verdict, reason = assess.verdict_of((), assessed)
    findings = tuple(judged.finding for judged in assessed.findings or ())
    packages = sbom.read_packages(document)
    return verdict, reason, replace(nothing, packages=packages, findings=findings)
