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
from runner.nouns import count_noun
from runner.verdict import Verdict, summary_verdict
from scan import assess, sbom, store
from scan.history import RescanVerdict
from scan.line_fixes import OutsideFix, describe_outside_fixes, list_outside_fixes
from scan.record import UNKNOWN, Database, Package, TriagedFinding, count_severities
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
class UnfixableLine:
    """A line whose newest release has advisories that no release of the line can fix.

    `text` says which, in which version they are fixed, and where its users can move.
    """

    line: str
    newest: str
    text: str
    advisories: tuple[OutsideFix, ...]


@dataclass(frozen=True)
class RescanResult:
    """The judgements, newest release of a line first, each with the seconds that it took.

    `newest` is the newest release of each line that was not withdrawn. `verdict` is about these
    alone: users of an older release that is refused can move to them. `second_opinion` is what
    another source of advisories says. It decides nothing, and is None if nobody asked. `unfixable`
    are lines that no patch release can fix, each once.
    """

    date: str
    database: Database | None
    judgements: tuple[RescanVerdict, ...]
    newest: tuple[str, ...]
    verdict: Verdict
    due: tuple[LineDue, ...]
    seconds: float
    second_opinion: SecondOpinion | None = None
    unfixable: tuple[UnfixableLine, ...] = ()

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
    registry, catalog, context = assessor.registry, assessor.catalog, assessor.context
    there = list_published(registry, catalog, channel, assessor.trusted)
    images = [
        image for image in there if not catalog.lines[image.version.line].has_ended(context.today)
    ]
    with registry.keep_tag_lists():
        judged = [_report_image(assessor, image) for image in images]
    judgements = tuple(judgement for judgement, _ in judged)
    findings = [finding for _, assessed in judged for finding in assessed.findings]
    opinion = ask_opinion(service, [each for _, each in judged]) if service else None
    history = context.history.with_findings(findings, context.today)
    # what is due is decided from these, and a candidate has the number of its release
    if channel == PRODUCTION:
        history = history.with_results(judgements)
    seal = documents.make_findings_seal(assessor.signer, assessor.trusted)
    store.store_history(registry, catalog.repositories.records, history, seal, context.today)
    seconds = round(time.monotonic() - started, 3)
    withdrawn = _list_withdrawn(assessor, channel)
    newest = tuple(str(line.newest) for line in _judged_lines(judgements, withdrawn))
    unfixable = tuple(find_unfixable_lines(assessor, judgements, withdrawn))
    moved = (Verdict.INCONCLUSIVE for image in images if image.is_moved)
    verdict = summary_verdict(
        (*(each.verdict for each in judgements if each.version in newest), *moved)
    )
    return RescanResult(
        date=context.today.isoformat(),
        database=None if isinstance(context.database, str) else context.database.record,
        judgements=judgements,
        newest=newest,
        verdict=verdict,
        due=tuple(find_due_lines(judgements, withdrawn)),
        seconds=seconds,
        second_opinion=opinion,
        unfixable=unfixable,
    )


def _list_withdrawn(assessor: ImageAssessor, channel: str) -> frozenset[str]:
    """Return the versions of a channel that the journal says are withdrawn, as they are named."""
    catalog = assessor.catalog
    stored = trusted_journal.read_confirmed(
        assessor.registry, catalog.repositories, assessor.trusted, catalog.images
    )
    withdrawn = stored.journal.withdrawn_versions()
    if channel == CANDIDATE:  # the journal marks candidates with a suffix
        return frozenset(plain_version(each) for each in withdrawn if is_candidate(each))
    return withdrawn


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
        judged, _ = _judge_image(assessor, image)
        refused = judged.needs_patch if target.candidate else judged.verdict is not Verdict.PASS
        found = f"{target.version} {target.image}: {judged.verdict}, {judged.reason}"
        return (found,) if refused else ()

    return check_target


def find_due_lines(
    judgements: Sequence[RescanVerdict], withdrawn: Collection[str] = ()
) -> Iterator[LineDue]:
    """Yield the lines whose newest release that was not withdrawn has an image that is refused."""
    for line in _judged_lines(judgements, withdrawn):
        refused = [
            each for each in judgements if each.version == str(line.newest) and each.needs_patch
        ]
        if refused:
            reasons = tuple(f"{each.image}: {each.reason}" for each in refused)
            after = replace(line.highest, patch=line.highest.patch + 1)
            yield LineDue(line.newest.line, str(line.newest), str(after), reasons)


def find_unfixable_lines(
    assessor: ImageAssessor, judgements: Sequence[RescanVerdict], withdrawn: Collection[str] = ()
) -> Iterator[UnfixableLine]:
    """Yield the lines whose newest release has advisories with a fix in another line only."""
    for line in _judged_lines(judgements, withdrawn):
        name, newest = line.newest.line, str(line.newest)
        images = (each for each in judgements if each.version == newest)
        found = dict.fromkeys(fix for each in images for fix in each.outside)
        text = describe_outside_fixes(assessor.catalog.lines, name, found, assessor.context.today)
        if text:
            yield UnfixableLine(name, newest, text, tuple(found))


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


def _report_image(assessor: ImageAssessor, image: Published) -> tuple[RescanVerdict, AssessedImage]:
    """Judge an image and say the result in a line."""
    judged, assessed = _judge_image(assessor, image)
    unrated = count_severities(assessed.findings).get(UNKNOWN)
    notes = (
        judged.reason,
        f"{count_noun(unrated, 'finding')} of unknown severity" if unrated else "",
    )
    result = ", ".join(filter(None, (judged.verdict, *notes)))
    progress.say_line(f"  {assessed.name}: {result} ({judged.seconds} s)")
    return judged, assessed


def _judge_image(assessor: ImageAssessor, image: Published) -> tuple[RescanVerdict, AssessedImage]:
    started, today = time.monotonic(), assessor.context.today.isoformat()
    verdict, reason, triaged = Verdict.INCONCLUSIVE, NO_SBOM, list[TriagedFinding]()
    is_only_outside, packages = False, tuple[Package, ...]()
    try:
        if found := assessor.assess_image(image):
            document, assessed = found
            packages = sbom.read_packages(document)
            verdict, reason = assess.verdict_of((), assessed)
            triaged = list(assessed.findings or ())
            is_only_outside = assess.is_only_outside(assessed)
    except EnvironmentFailed as error:
        verdict, reason = Verdict.INFRA, str(error)
    judged = RescanVerdict(
        date=today,
        version=str(image.version),
        image=image.image,
        digest=image.digest,
        verdict=verdict,
        reason=reason,
        seconds=round(time.monotonic() - started, 3),
        outside=list_outside_fixes(triaged),
        is_only_outside=is_only_outside,
    )
    findings = tuple(each.finding for each in triaged)
    return judged, AssessedImage(f"{image.version} {image.image}", packages, findings)
