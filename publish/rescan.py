"""The nightly judgement of what is out: stored bills of materials against today's database, no
image pulled.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from images.catalog import Catalog, Version
from images.names import is_candidate, plain_version
from images.version import parse_version
from oci.registry import Registry
from publish.evidence import documents
from publish.evidence.trust import Trusted
from publish.image_assessor import Bench
from publish.released import trusted_journal
from publish.released.published import CANDIDATE, PRODUCTION, Published, published
from publish.tags.rollback import Judge, Target
from runner import progress
from runner.errors import EnvironmentFailed
from runner.verdict import Verdict, summary
from scan import assess, store
from scan.history import Judgement
from scan.record import Database, Finding

NO_SBOM = "no bill of materials of it is signed by anybody trusted: scan it again"


@dataclass(frozen=True)
class Due:
    """A line that needs its next patch release, and why: each image of its newest release that is
    refused.
    """

    line: str
    newest: str
    next: str
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Rescan:
    """What was judged, newest release of a line first; `seconds` a judgement took are in each.

    `newest` is the newest release of each line that stands, and `verdict` that on these: who is on
    an older one that is refused has where to go.
    """

    date: str
    database: Database | None
    judgements: tuple[Judgement, ...]
    newest: tuple[str, ...]
    verdict: Verdict
    due: tuple[Due, ...]
    seconds: float

    @property
    def outdated(self) -> tuple[Judgement, ...]:
        """What is refused of older releases, and of those that were withdrawn."""
        return tuple(
            each
            for each in self.judgements
            if each.version not in self.newest and _is_refused(each)
        )


def rescan(bench: Bench, channel: str) -> Rescan:
    """Judge every image of the supported lines that `channel` holds; the history in the registry
    grows by what is new.

    Raises EnvironmentFailed where the registry fails. Where Trivy fails that judgement is `infra`.
    """
    started = time.monotonic()
    registry, catalog, judges = bench.registry, bench.catalog, bench.judges
    there = published(registry, catalog, channel, bench.trusted)
    images = [image for image in there if _is_supported(catalog, image, judges.today)]
    judged = [_judge(bench, image) for image in images]
    judgements = tuple(judgement for judgement, _ in judged)
    findings = [finding for _, found in judged for finding in found]
    history = judges.history.with_findings(findings, judges.today)
    if (
        channel == PRODUCTION
    ):  # what is due is decided from these, and a candidate has its release's number
        history = history.with_judgements(judgements)
    seal = documents.of_findings(bench.signer, bench.trusted)
    store.keep_history(registry, catalog.repositories.records, history, seal, judges.today)
    record = None if isinstance(judges.database, str) else judges.database.record
    seconds = round(time.monotonic() - started, 3)
    withdrawn = _withdrawn(registry, catalog, channel, bench.trusted)
    newest = tuple(str(line.newest) for line in _lines(judgements, withdrawn))
    verdict = summary(judgement.verdict for judgement in judgements if judgement.version in newest)
    found = tuple(due(judgements, withdrawn))
    return Rescan(judges.today.isoformat(), record, judgements, newest, verdict, found, seconds)


def target_judge(bench: Bench) -> Judge:
    """Why something may not be gone back to: today's policy refuses it, or could not judge what was
    released.
    """

    def judge(target: Target) -> tuple[str, ...]:
        repository = bench.catalog.repositories.production
        image = Published(
            bench.catalog.version(target.version),
            target.image,
            PRODUCTION,
            repository,
            target.digest,
        )
        verdict, reason, _ = _verdict(bench, image)
        refused = verdict is Verdict.FAIL if target.candidate else verdict is not Verdict.PASS
        return (f"{target.version} {target.image}: {verdict}, {reason}",) if refused else ()

    return judge


def due(judgements: Sequence[Judgement], withdrawn: Collection[str] = ()) -> Iterator[Due]:
    """The lines whose newest release that stands holds an image that is refused."""
    for line in _lines(judgements, withdrawn):
        refused = [
            each for each in judgements if each.version == str(line.newest) and _is_refused(each)
        ]
        if refused:
            reasons = tuple(f"{each.image}: {each.reason}" for each in refused)
            after = replace(line.highest, patch=line.highest.patch + 1)
            yield Due(line.newest.line, str(line.newest), str(after), reasons)


@dataclass(frozen=True)
class _Line:
    """The newest release of a line that stands, and the highest number that was ever given."""

    newest: Version
    highest: Version


def _lines(judgements: Sequence[Judgement], withdrawn: Collection[str]) -> Iterator[_Line]:
    """Each line that was judged.

    Where all its releases were withdrawn, the last of them is its newest.
    """
    lines: dict[str, list[Version]] = {}
    for judgement in judgements:
        if version := parse_version(judgement.version):
            lines.setdefault(version.line, []).append(version)
    for versions in lines.values():
        ordered = sorted(versions, key=lambda version: version.patch)
        yield _Line(
            next((each for each in reversed(ordered) if str(each) not in withdrawn), ordered[-1]),
            ordered[-1],
        )


def _is_refused(judgement: Judgement) -> bool:
    return judgement.verdict is Verdict.FAIL


def _withdrawn(
    registry: Registry, catalog: Catalog, channel: str, trusted: Trusted
) -> frozenset[str]:
    """The versions of a channel that were yanked or rolled back; the journal names candidates as
    such.
    """
    every = trusted_journal.read(registry, catalog.repositories, trusted).journal.withdrawn()
    candidates = frozenset(plain_version(each) for each in every if is_candidate(each))
    return candidates if channel == CANDIDATE else every


def _judge(bench: Bench, image: Published) -> tuple[Judgement, Iterable[Finding]]:
    started = time.monotonic()
    verdict, reason, findings = _verdict(bench, image)
    seconds = round(time.monotonic() - started, 3)
    progress.say(
        f"  {image.version} {image.image}: {verdict}{f', {reason}' if reason else ''} ({seconds} s)"
    )
    today = bench.judges.today.isoformat()
    return Judgement(
        today, str(image.version), image.image, image.digest, verdict, reason, seconds
    ), findings


def _verdict(bench: Bench, image: Published) -> tuple[Verdict, str, list[Finding]]:
    try:
        found = bench.assess(image)
    except EnvironmentFailed as error:
        return Verdict.INFRA, str(error), []
    if found is None:
        return Verdict.INCONCLUSIVE, NO_SBOM, []
    _, assessed = found
    verdict, reason = assess.verdict_of((), assessed)
    return verdict, reason, [judged.finding for judged in assessed.findings or ()]


def _is_supported(catalog: Catalog, image: Published, today: datetime.date) -> bool:
    return today <= catalog.lines[image.version.line].supported_until
