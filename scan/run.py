"""The scan stage: list everything in one digest, and assess everything that is listed."""

from __future__ import annotations

import datetime
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from images.catalog import Budget, Repositories
from images.locks import Wheel
from images.record import BuildRecord
from oci.document import Seal
from oci.registry import Registry
from runner import progress
from runner.errors import EnvironmentFailed
from runner.moments import format_now
from runner.untrusted import clean_line
from runner.verdict import Verdict
from scan import (
    assess,
    budget,
    configuration,
    dockerfiles,
    licences,
    sbom_comparison,
    secrets,
    store,
    trivy,
    vex,
)
from scan.assess import AssessmentContext, CatalogPlace
from scan.budget import ImageUsage
from scan.contents import ImageContents, inspect_image
from scan.documents import bound_problems
from scan.expected_image import ExpectedImage, compare_image
from scan.policy import (
    LineException,
    PolicyException,
    load_exceptions,
    load_line_exceptions,
    load_policy,
)
from scan.record import Origin, ScanProblem, ScanRecord, count_severities
from scan.sbom_completion import ReleasedImage
from scan.trivy import VulnerabilityDatabase


@dataclass(frozen=True)
class ScanTarget:
    """An image to be scanned: its build, its registry, and its limits in the catalogue.

    `before` is the compressed size in bytes of the line's previous release, None if there is none.
    `production` is the repository that the image goes to, if it goes anywhere. `wheels` are those
    of its locks. `ports` are the TCP ports that its stacks may serve on. `expected` is the image by
    the catalogue and the locks, None for one that this project did not assemble.
    """

    build: BuildRecord
    registry: str
    place: CatalogPlace
    compiler: bool
    budget: Budget
    growth_percent: float
    before: int | None
    production: str = ""
    wheels: tuple[Wheel, ...] = ()
    ports: tuple[int, ...] = ()
    expected: ExpectedImage | None = None

    @property
    def released(self) -> ReleasedImage:
        """The image as the documents name it: as in production."""
        return ReleasedImage(
            f"{self.registry}/{self.production or self.build.repository}", self.wheels
        )


def load_context(
    registry: Registry,
    repositories: Repositories,
    database: VulnerabilityDatabase | str,
    today: datetime.date,
    seal: Seal,
) -> AssessmentContext:
    """Return what all images are assessed with on a day.

    `database` is a text if there is none: the reason. Raises ConfigError if policy or exceptions
    are not valid, and EnvironmentFailed if the signed history cannot be read.
    """
    history = store.read_history(registry, repositories.records, seal, today)
    return AssessmentContext(
        load_policy(),
        load_exceptions(),
        database,
        history,
        today,
        line_excuses=load_line_exceptions(),
    )


def scan_image(
    subject: ScanTarget, context: AssessmentContext, folder: Path, before: ScanRecord | None = None
) -> ScanRecord:
    """Scan one digest and leave the documents in `folder`; those of the record `before` are reused.

    If the scanner or the engine fails, the verdict of the record is `infra` and its reason says
    what failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    started, clock = (
        format_now(),
        time.monotonic(),
    )
    try:
        record = _scan_contents(subject, context, folder, before)
    except EnvironmentFailed as error:
        record = replace(
            unscanned_record(subject.build),
            verdict=Verdict.INFRA,
            reason=clean_line(str(error), 1000),
        )
    return replace(record, started_at=started, seconds=round(time.monotonic() - clock, 2))


def _scan_contents(
    subject: ScanTarget, context: AssessmentContext, folder: Path, before: ScanRecord | None
) -> ScanRecord:
    scanner = trivy.scanner_version()
    contents = inspect_image(subject.build, subject.registry, folder, before, subject.released)
    compared, differing = None, tuple[ScanProblem, ...]()
    if subject.expected:
        with progress.show_step(f"{subject.build.image}: contents"):
            compared, differing = compare_image(Registry(subject.registry), subject.expected)
    problems = bound_problems((*_find_problems(subject, context, contents), *differing))
    assessed = assess.assess_sbom(folder / contents.sbom.file, subject.place, context)
    excuses: list[PolicyException | LineException] = [
        *context.excuses,
        *context.find_line_excuses(subject.place.line),
    ]
    product = vex.name_product(subject.released.name, subject.build.digest)
    vex.write_vex(folder, product, assessed.findings or (), excuses, context.today)
    verdict, reason = assess.verdict_of(problems, assessed)
    inside, bundled = contents.inside, list[Origin]()
    if not isinstance(inside, ScanProblem):  # no advisories cover what is inside other packages
        unlisted = sbom_comparison.count_unlisted(contents.packages, inside)
        for kind, count in unlisted.items():
            bundled.append(Origin(f"{kind} packages inside wheels", count, ""))
        if libraries := sum(inside.shared_libraries.values()):
            bundled.append(Origin("shared libraries inside wheels", libraries, ""))
    return replace(
        unscanned_record(subject.build),
        verdict=verdict,
        reason=reason,
        scanner=scanner,
        sbom=contents.sbom,
        database=assessed.database,
        origins=(*assessed.origins, *bundled),
        findings=assessed.findings,
        problems=(*problems, *assessed.problems),
        severities=count_severities(each.finding for each in assessed.findings or ()),
        contents=compared,
    )


def _find_problems(
    subject: ScanTarget, context: AssessmentContext, contents: ImageContents
) -> Iterator[ScanProblem]:
    """Yield the problems that no vulnerability database is needed for.

    Those of the SBOM come first, since all others depend on it.
    """
    policy, build = context.policy, subject.build
    if isinstance(contents.inside, ScanProblem):
        yield contents.inside
    else:
        yield from sbom_comparison.compare_with_sbom(contents.packages, contents.inside)
        allowed = policy.configuration.extend(subject.ports, compiler=subject.compiler)
        yield from configuration.check_configuration(
            contents.image_config, contents.inside, allowed
        )
        yield from licences.check_debian_areas(contents.inside.areas, policy.licences)
    locked = subject.expected.locked_digests if subject.expected else ()
    yield from secrets.find_secrets(contents.report, locked)
    yield from licences.check_python_licences(contents.packages, policy.licences)
    yield from dockerfiles.check_dockerfiles(subject.place.stacks)
    spent = ImageUsage(build.total_size, len(contents.packages), len(build.layers))
    yield from budget.check_budget(
        build.image, spent, subject.budget, subject.growth_percent, subject.before
    )


def unscanned_record(build: BuildRecord) -> ScanRecord:
    """Return the record of a digest that was not scanned."""
    return ScanRecord(
        version=build.version,
        image=build.image,
        digest=build.digest,
        verdict=Verdict.NOT_RUN,
        reason="",
        scanner="",
        sbom=None,
        database=None,
        origins=(),
        findings=None,
        problems=(),
        started_at="",
        seconds=0.0,
    )
