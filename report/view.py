"""What a report shows, worked out from the records before any template sees it. Everything here is pure.

The report never judges better than the records do, and a claim of `pass` is shown only where every part under it
passed: a record that is missing, or is about another digest, counts as `not run`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate, count

from images.record import BuildRecord, BuiltLayer
from publish.record import Promotion, ReleaseRecord
from report import units
from report.escape import one_line
from report.model import (
    Bar,
    CheckView,
    Fact,
    FindingRow,
    FindingsView,
    ImageRecords,
    ImageView,
    KindView,
    LayerView,
    Mark,
    Page,
    StageView,
    SuiteView,
    Throughput,
)
from runner.verdict import Verdict, summary
from scan.record import Database, Finding, Sbom, ScanRecord
from validation.record import Check, Environment, SuiteResult, ValidationRecord

NOT_ASSESSED = "not assessed"
SEVERITIES = ("critical", "high", "medium", "low", "unknown")
LAYER_KINDS = {
    "os": "Operating system",
    "wheel": "Big wheels, a layer each",
    "pool": "Small wheels, pooled",
    "bytecode": "Compiled Python",
}
PACKAGE_KINDS = {"deb": "Debian", "pypi": "Python"}
NOT_REACHED = StageView(Mark(Verdict.NOT_RUN), "the stage was not reached", "")

_URGENT = ("critical", "high")
_WORST_FIRST = (Verdict.FAIL, Verdict.INFRA, Verdict.INCONCLUSIVE, Verdict.NOT_RUN, Verdict.PASS)
_SAYS_NO_GPU = re.compile(r"\b(?:no|without(?: an?)?) (?:NVIDIA )?GPU", re.IGNORECASE)
_NUMBER_FITS_PERCENT = 4.5


def page(release: ReleaseRecord, given: Sequence[ImageRecords]) -> Page:
    """Everything a report of `release` shows; an image of the release without records is `not run`."""
    ordered = in_order(release, given)
    images = tuple(image_view(release, records) for records in ordered)
    verdict = supported(release.verdict, (Verdict(image.mark.word) for image in images))
    return Page(
        version=release.version,
        mark=Mark(verdict),
        reason=headline(release, verdict, images, ordered),
        facts=_release_facts(release, ordered),
        images=images,
        stages=stage_bars(release),
        command=release.command,
    )


def in_order(release: ReleaseRecord, given: Sequence[ImageRecords]) -> tuple[ImageRecords, ...]:
    """One entry for every image of the release, in its order, then images it does not name."""
    found = {records.image: records for records in given}
    names = dict.fromkeys((*release.images, *found))
    return tuple(found.get(name, ImageRecords(name, None, None, None)) for name in names)


def supported(claimed: Verdict, parts: Iterable[Verdict]) -> Verdict:
    """`claimed`, but `pass` only as far as the parts under it bear it out: all of them pass, and there are some."""
    return summary(parts) if claimed is Verdict.PASS else claimed


def headline(
    release: ReleaseRecord, verdict: Verdict, images: Sequence[ImageView], records: Sequence[ImageRecords]
) -> str:
    """The one blocking reason in one line, and always that there was no GPU where there was none."""
    reason = one_line(release.reason)
    if verdict is not release.verdict:
        blocked = ", ".join(f"{image.name} is {image.mark.word}" for image in images if image.mark.word != Verdict.PASS)
        reason = f"recorded as {release.verdict}, which the records do not bear out: {blocked or 'there is no image'}"
    elif not reason and verdict is not Verdict.PASS:
        reason = "the records give no reason"
    elif not reason:
        reason = "every image passed every gate"
    if without_gpu(records) and not _SAYS_NO_GPU.search(reason):
        reason += " (validated without a GPU)"
    return reason


def without_gpu(records: Iterable[ImageRecords]) -> bool:
    """Whether any image was validated where no GPU took part."""
    ran = (one.validation.environment for one in records if one.validation is not None)
    return any(map(_on_cpu, ran))


def _on_cpu(environment: Environment) -> bool:
    return environment.device == "cpu" or not environment.gpus


def stage_bars(release: ReleaseRecord) -> tuple[Bar, ...]:
    """Wall time of every stage, against the longest."""
    longest = max((stage.seconds for stage in release.stages), default=0.0)
    return tuple(
        Bar(stage.stage, units.duration(stage.seconds), _points(units.percent(stage.seconds, longest)))
        for stage in release.stages
    )


def _release_facts(release: ReleaseRecord, images: Sequence[ImageRecords]) -> tuple[Fact, ...]:
    layers = {layer.digest: layer.size for one in images if one.build is not None for layer in one.build.layers}
    stored = units.size(sum(layers.values())) if layers else Verdict.NOT_RUN.value
    return (
        Fact("Release", release.version),
        Fact("Promoted as", release.channel or "nothing"),
        Fact("Registry", release.registry),
        Fact("Size in registry", stored),
        Fact("Stages together", units.duration(sum(stage.seconds for stage in release.stages))),
        Fact("Finished", units.moment(release.finished_at)),
    )


def image_view(release: ReleaseRecord, given: ImageRecords) -> ImageView:
    """One image, from those of its records that are about its digest."""
    promoted = tuple(one for one in release.promotions if one.image == given.image)
    digest = digest_of(given, promoted)
    records, notes = about(digest, given)
    build, validation, scan = records.build, records.validation, records.scan
    built, validated, scanned = build_stage(build), validation_stage(validation), scan_stage(scan)
    return ImageView(
        name=given.image,
        mark=Mark(image_verdict(built, validated, scanned)),
        digest=digest,
        short_digest=units.digest(digest),
        pull=pull_command(release.registry, digest, build, promoted),
        size=units.size(build.size) if build else "",
        tags=tuple(one.tag for one in promoted if one.digest == digest),
        references=tuple(f"{release.registry}/{_tag(one)}" for one in promoted if one.digest == digest),
        notes=(*notes, *_tags_elsewhere(digest, promoted)),
        contents=_contents(build),
        layers=layer_views(build.layers) if build else (),
        kinds=kind_views(build.layers) if build else (),
        build=built,
        validation=validated,
        suites=tuple(map(suite_view, validation.suites)) if validation else (),
        throughput=throughput(validation.suites) if validation else (),
        measured_on=_measured_on(validation.environment) if validation else "",
        scan=scanned,
        packages=package_facts(scan.sbom if scan else None),
        sbom=_sbom_line(scan.sbom if scan else None),
        findings=findings_view(scan),
        environment=environment_facts(validation.environment) if validation else (),
        debian=tuple(Fact(one.name, one.version) for one in build.debian_packages) if build else (),
        command=validation.command if validation else release.command,
    )


def digest_of(records: ImageRecords, promoted: Sequence[Promotion]) -> str:
    """The digest an image is: of its build, else of what is known about it; empty where nothing is."""
    known = (records.build, records.validation, records.scan, *promoted)
    return next((one.digest for one in known if one is not None), "")


def about(digest: str, given: ImageRecords) -> tuple[ImageRecords, tuple[str, ...]]:
    """Only what is about `digest`, and a note for each record that is about other bytes."""
    validation, scan, notes = given.validation, given.scan, []
    if validation is not None and validation.digest != digest:
        notes.append(f"The validation record is about {units.digest(validation.digest)}, so it proves nothing here.")
        validation = None
    if scan is not None and scan.digest != digest:
        notes.append(f"The scan record is about {units.digest(scan.digest)}, so it proves nothing here.")
        scan = None
    return ImageRecords(given.image, given.build, validation, scan), tuple(notes)


def image_verdict(*stages: StageView) -> Verdict:
    """The worst of its stages; `not run` only where no stage was. Not assessed is `inconclusive`."""
    words = (stage.mark.word for stage in stages)
    verdicts = [Verdict.INCONCLUSIVE if word == NOT_ASSESSED else Verdict(word) for word in words]
    return Verdict.NOT_RUN if set(verdicts) == {Verdict.NOT_RUN} else summary(verdicts)


def pull_command(registry: str, digest: str, build: BuildRecord | None, promoted: Sequence[Promotion]) -> str:
    """How to get exactly these bytes: from where they were promoted, else from staging."""
    places = [one.repository for one in promoted if one.digest == digest]
    places += [build.repository] if build is not None else []
    return f"docker pull {registry}/{places[0]}@{digest}" if places else ""


def _tags_elsewhere(digest: str, promoted: Iterable[Promotion]) -> tuple[str, ...]:
    return tuple(
        f"The tag {_tag(one)} names {units.digest(one.digest)}, not this digest."
        for one in promoted
        if one.digest != digest
    )


def _tag(promotion: Promotion) -> str:
    return f"{promotion.repository}:{promotion.tag}"


def _contents(build: BuildRecord | None) -> tuple[Fact, ...]:
    if build is None:
        return ()
    return (
        Fact("Stacks", ", ".join(build.stacks)),
        Fact("PyTorch", build.torch),
        Fact("CUDA", build.cuda),
        Fact("Python", build.python),
        Fact("Base", build.base_source),
        Fact("Made", units.moment(build.created_at)),
    )


def build_stage(record: BuildRecord | None) -> StageView:
    """What the build made and what it found again."""
    if record is None:
        return NOT_REACHED
    made = Counter(layer.made for layer in record.layers)
    layers = ", ".join(f"{count} {how}" for how, count in made.items())
    line = f"{units.plural(len(record.layers), 'layer')} ({layers}), {units.duration(record.seconds)}"
    return StageView(Mark(Verdict.PASS), line, "")


def layer_views(layers: Sequence[BuiltLayer]) -> tuple[LayerView, ...]:
    """Layers bottom first, each with its place on the bar."""
    total = sum(layer.size for layer in layers)
    ends = accumulate(layer.size for layer in layers)
    placed = zip(count(1), layers, ends)
    return tuple(_layer(number, layer, end - layer.size, total) for number, layer, end in placed)


def _layer(number: int, layer: BuiltLayer, start: int, total: int) -> LayerView:
    share = units.percent(layer.size, total)
    return LayerView(
        number=number,
        name=layer.name,
        css=_kind_css(layer.kind),
        kind=layer.kind,
        size=units.size(layer.size),
        start=_points(units.percent(start, total)),
        middle=_points(units.percent(start + layer.size / 2, total)),
        width=_points(share),
        share=units.share(share),
        digest=units.digest(layer.digest),
        full_digest=layer.digest,
        made=layer.made,
        numbered=share >= _NUMBER_FITS_PERCENT,
    )


def kind_views(layers: Sequence[BuiltLayer]) -> tuple[KindView, ...]:
    """Layers by kind, in the order the kinds come in the image."""
    total = sum(layer.size for layer in layers)
    kinds = dict.fromkeys(layer.kind for layer in layers)
    return tuple(_kind(kind, [layer.size for layer in layers if layer.kind == kind], total) for kind in kinds)


def _kind(kind: str, sizes: Sequence[int], total: int) -> KindView:
    return KindView(
        css=_kind_css(kind),
        title=LAYER_KINDS.get(kind, kind),
        layers=units.plural(len(sizes), "layer"),
        size=units.size(sum(sizes)),
        share=units.share(units.percent(sum(sizes), total)),
    )


def _kind_css(kind: str) -> str:
    return kind if kind in LAYER_KINDS else "other"


def validation_stage(record: ValidationRecord | None) -> StageView:
    """How validation ended, with its checks counted."""
    if record is None:
        return NOT_REACHED
    verdict = supported(record.verdict, map(suite_verdict, record.suites))
    line = counts([check.verdict for suite in record.suites for check in suite.checks])
    return StageView(Mark(verdict), f"{line}, {units.duration(record.seconds)}", one_line(record.reason))


def suite_verdict(suite: SuiteResult) -> Verdict:
    """A suite's own verdict, `pass` only where its checks bear it out."""
    return supported(suite.verdict, (check.verdict for check in suite.checks))


def suite_view(suite: SuiteResult) -> SuiteView:
    """A suite with its checks sorted from worst to best, otherwise as they ran."""
    ranked = sorted(suite.checks, key=lambda check: _WORST_FIRST.index(check.verdict))
    return SuiteView(
        name=suite.suite,
        mark=Mark(suite_verdict(suite)),
        reason="" if any(check.reason == suite.reason for check in suite.checks) else suite.reason,
        duration=units.duration(suite.seconds),
        counts=counts([check.verdict for check in suite.checks]),
        checks=tuple(map(_check, ranked)),
        last_output=suite.last_output,
    )


def _check(check: Check) -> CheckView:
    figures = (one for one in check.figures if not is_rate(one.unit))
    return CheckView(
        name=check.name,
        mark=Mark(check.verdict),
        reason=check.reason,
        duration=units.duration(check.seconds),
        figures=tuple(f"{one.name} {units.number(one.value)} {one.unit}".rstrip() for one in figures),
    )


def counts(verdicts: Sequence[Verdict]) -> str:
    """`9 pass, 2 not run`, worst first."""
    found = Counter(verdicts)
    return ", ".join(f"{found[verdict]} {verdict}" for verdict in _WORST_FIRST if found[verdict]) or "no checks"


def is_rate(unit: str) -> bool:
    """Whether a figure in `unit` is throughput."""
    return unit.endswith("/s")


def throughput(suites: Iterable[SuiteResult]) -> tuple[Throughput, ...]:
    """Every rate the suites measured, in the order they ran."""
    checks = (check for suite in suites for check in suite.checks)
    return tuple(
        Throughput(check.name, one.name, units.number(one.value), one.unit)
        for check in checks
        for one in check.figures
        if is_rate(one.unit)
    )


def _measured_on(environment: Environment) -> str:
    return f"the CPU: {_cpu(environment)}" if _on_cpu(environment) else _gpus(environment)


def scan_stage(record: ScanRecord | None) -> StageView:
    """How the scan ended; without a database that is `not assessed`, whatever the record claims."""
    if record is None:
        return NOT_REACHED
    found = findings_view(record)
    claimed = Mark(record.verdict)
    mark = claimed if found.assessed or record.verdict in (Verdict.FAIL, Verdict.INFRA) else Mark(NOT_ASSESSED)
    return StageView(mark, found.line, one_line(record.reason))


def assessed(record: ScanRecord) -> bool:
    """Whether a database judged this image: an empty list of findings without one says nothing."""
    return record.findings is not None and (record.database is not None or bool(record.findings))


def findings_view(record: ScanRecord | None) -> FindingsView:
    """Findings by severity, most severe first."""
    if record is None:
        return FindingsView(False, "not run", (), (), (), "")
    if not assessed(record) or record.findings is None:
        return FindingsView(False, f"vulnerabilities {NOT_ASSESSED}", (), (), (), record.scanner)
    rows = tuple(map(_finding, sorted(record.findings, key=_severe_first)))
    found = Counter(row.mark.word for row in rows)
    return FindingsView(
        assessed=True,
        line=_severities(found),
        counts=tuple((Mark(severity), found[severity]) for severity in SEVERITIES),
        urgent=tuple(row for row in rows if row.mark.word in _URGENT),
        others=tuple(row for row in rows if row.mark.word not in _URGENT),
        scanner=f"{record.scanner}, {_database(record.database)}",
    )


def _finding(finding: Finding) -> FindingRow:
    return FindingRow(
        mark=Mark(severity(finding)),
        id=finding.id,
        package=finding.package,
        installed=finding.installed_version,
        fixed=finding.fixed_version or "no fix yet",
        title=finding.title,
    )


def severity(finding: Finding) -> str:
    """One of SEVERITIES; a word that is none of them is `unknown`."""
    word = finding.severity.lower()
    return word if word in SEVERITIES else SEVERITIES[-1]


def _severe_first(finding: Finding) -> tuple[int, str, str]:
    return SEVERITIES.index(severity(finding)), finding.package, finding.id


def _severities(found: Counter[str]) -> str:
    line = ", ".join(f"{found[severity]} {severity}" for severity in SEVERITIES if found[severity])
    return line or "0 findings"


def _database(database: Database | None) -> str:
    if database is None:
        return "database unknown"
    return f"database {database.source} of {units.moment(database.updated_at)}"


def package_facts(sbom: Sbom | None) -> tuple[Fact, ...]:
    """How many packages of which kind, most first."""
    kinds = sorted((sbom.packages if sbom else {}).items(), key=lambda kind: (-kind[1], kind[0]))
    return tuple(Fact(PACKAGE_KINDS.get(kind, kind), f"{count:,}") for kind, count in kinds)


def _sbom_line(sbom: Sbom | None) -> str:
    if sbom is None:
        return ""
    total = units.plural(sum(sbom.packages.values()), "package")
    return f"{total} listed in {sbom.file}, sha256 {sbom.sha256[: units.SHORT_HEX]}"


def environment_facts(environment: Environment) -> tuple[Fact, ...]:
    """Where validation ran."""
    return (
        Fact("Device", environment.device),
        Fact("GPUs", _gpus(environment) or "none: GPU checks were not run"),
        Fact("Driver", environment.driver or "none"),
        Fact("CPU", _cpu(environment)),
        Fact("Memory", units.memory(environment.memory_bytes)),
        Fact("Shared memory", units.memory(environment.shm_bytes)),
        Fact("Kernel", environment.kernel),
        Fact("Engine", environment.engine),
    )


def _gpus(environment: Environment) -> str:
    return ", ".join(f"{count} × {name}" for name, count in Counter(environment.gpus).items())  # noqa: RUF001


def _cpu(environment: Environment) -> str:
    return f"{environment.cpu}, {units.plural(environment.cpus, 'CPU')}"


def _points(percent: float) -> str:
    """Percent for SVG and CSS: a hundredth is finer than a pixel."""
    return f"{percent:.2f}"
