"""The content of a report, computed from the records before a template renders it.

All functions are pure.

A report never shows a better verdict than the records. It shows `pass` only if every part passed. A
record that is missing, or is about another digest, counts as `not run`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from images.catalog import Line
from images.record import BuildRecord
from images.support import describe_support
from publish.released.published import CANDIDATE
from publish.released.record import PromotedTag, ReleaseRecord
from report import difference_view, units
from report.build_view import build_stage, kind_views, layer_views
from report.escape import one_line
from report.model import Bar, Fact, ImageRecords, ImageView, Mark, Page, StageView
from report.scan_view import (
    NOT_ASSESSED,
    findings_view,
    list_documents,
    package_facts,
    problem_groups,
    scan_stage,
)
from report.stages import limit_verdict
from report.validation_view import (
    compare_models,
    draw_bars,
    environment_facts,
    measured_on,
    ran_on_cpu,
    suite_view,
    throughput_rates,
    validation_stage,
)
from runner.moments import parse_moment
from runner.reason_cause import ReasonCause
from runner.verdict import Verdict, summary_verdict
from scan.excused import describe_exceptions
from validation.levels import describe_record, lacks_only_gpus
from validation.record import ValidationRecord


def build_page(
    release: ReleaseRecord, given: Sequence[ImageRecords], line: Line | None = None
) -> Page:
    """Return everything that a report shows; an image without records is `not run`.

    `line` is the release's line, if the catalogue has it.
    """
    ordered = in_order(release, given)
    images = tuple(image_view(release, records) for records in ordered)
    scans = (
        records_about(image.digest, one)[0].scan for image, one in zip(images, ordered, strict=True)
    )
    judged = [each for scan in scans if scan for each in scan.findings or ()]
    verdict = limit_verdict(release.verdict, (Verdict(image.mark.word) for image in images))
    return Page(
        version=release.version,
        mark=Mark(verdict),
        reason=blocking_reason(release, verdict, images, ordered),
        exceptions=describe_exceptions(judged),
        support=describe_line(release, line) if line else "",
        refused=release.refusal.reasons if release.refusal else (),
        facts=_release_facts(release, ordered),
        images=images,
        stages=stage_bars(release),
        command=release.command,
    )


def describe_line(release: ReleaseRecord, line: Line) -> str:
    """Return how a line was supported when the release was finished, and why.

    If that moment is not known, it is the first phase of the line.
    """
    try:
        day = parse_moment(release.finished_at).date()
    except ValueError:
        day = line.support[0].since
    return describe_support(line.support, day)


def in_order(release: ReleaseRecord, given: Sequence[ImageRecords]) -> tuple[ImageRecords, ...]:
    """Return the records of the release's images in its order, then those of other images."""
    found = {records.image: records for records in given}
    names = dict.fromkeys((*release.images, *found))
    return tuple(found.get(name, ImageRecords(name, None, None, None)) for name in names)


def blocking_reason(
    release: ReleaseRecord,
    verdict: Verdict,
    images: Sequence[ImageView],
    records: Sequence[ImageRecords],
) -> str:
    """Return the first blocking reason in one line; it always says if there was no GPU."""
    reason, cause = one_line(release.reason), release.cause
    if verdict is not release.verdict:
        blocked = ", ".join(
            f"{image.name} is {image.mark.word}"
            for image in images
            if image.mark.word != Verdict.PASS
        )
        cause = ReasonCause.UNKNOWN
        reason = (
            f"the release is recorded as {release.verdict}, but the records of its images do not "
            f"support this: {blocked or 'there is no image'}"
        )
    elif not reason and verdict is not Verdict.PASS:
        reason = "the records give no reason"
    elif not reason:
        reason = "every image passed every gate"
    if without_gpu(records) and cause is not ReasonCause.NO_GPU:
        reason += " (validated without a GPU)"
    return reason


def without_gpu(records: Iterable[ImageRecords]) -> bool:
    """Return whether any image was validated without a GPU."""
    ran = (one.validation.environment for one in records if one.validation is not None)
    return any(map(ran_on_cpu, ran))


def stage_bars(release: ReleaseRecord) -> tuple[Bar, ...]:
    """Return the wall time of every stage, with its length relative to the longest."""
    return draw_bars(
        {stage.stage: stage.seconds for stage in release.stages}, units.format_duration
    )


def _release_facts(release: ReleaseRecord, images: Sequence[ImageRecords]) -> tuple[Fact, ...]:
    layers = {
        layer.digest: layer.size
        for one in images
        if one.build is not None
        for layer in one.build.layers
    }
    stored = units.format_size(sum(layers.values())) if layers else Verdict.NOT_RUN.value
    return (
        Fact("Release", release.version),
        Fact("Promoted as", release.channel or "nothing"),
        Fact("Registry", release.registry),
        Fact("Size in registry", stored),
        Fact("Total time", units.format_duration(sum(stage.seconds for stage in release.stages))),
        Fact("Finished", units.format_time(release.finished_at)),
    )


def image_view(release: ReleaseRecord, given: ImageRecords) -> ImageView:
    """Return one image, from those of its records that are about its digest."""
    promoted = tuple(one for one in release.promotions if one.image == given.image)
    digest = digest_of(given, promoted)
    own = [one for one in promoted if one.digest == digest]
    records, notes = records_about(digest, given)
    build, validation, scan = records.build, records.validation, records.scan
    built, validated, scanned = build_stage(build), validation_stage(validation), scan_stage(scan)
    return ImageView(
        name=given.image,
        mark=Mark(image_verdict(built, _by_the_gate(release, validation, validated), scanned)),
        digest=digest,
        short_digest=units.shorten_digest(digest),
        pull=pull_command(release.registry, digest, build, promoted),
        size=units.format_size(build.total_size) if build else "",
        tags=tuple(one.tag for one in own),
        references=tuple(f"{release.registry}/{_tag_reference(one)}" for one in own),
        notes=(*notes, *_describe_other_tags(digest, promoted)),
        since=_describe_changes(given),
        contents=_content_facts(build),
        layers=layer_views(build.layers) if build else (),
        kinds=kind_views(build.layers) if build else (),
        build=built,
        validation=validated,
        suites=tuple(map(suite_view, validation.suites)) if validation else (),
        throughput=throughput_rates(validation.suites) if validation else (),
        comparisons=compare_models(records.by_model),
        measured_on=measured_on(validation.environment) if validation else "",
        scan=scanned,
        packages=package_facts(scan.sbom if scan else None),
        documents=list_documents(scan),
        problems=problem_groups(scan.problems if scan else ()),
        findings=findings_view(scan),
        environment=environment_facts(validation.environment) if validation else (),
        debian=tuple(Fact(one.name, one.version) for one in build.debian_packages) if build else (),
        command=validation.command if validation else release.command,
        proof=given.proof or (describe_record(validation) if validation else ""),
    )


def _by_the_gate(
    release: ReleaseRecord, validation: ValidationRecord | None, shown: StageView
) -> StageView:
    """Return the validation as the gate took it for a release, which `judge_release` does too."""
    is_taken = is_released(release) and validation is not None and lacks_only_gpus(validation)
    return replace(shown, mark=Mark(Verdict.PASS)) if is_taken else shown


def is_released(release: ReleaseRecord) -> bool:
    """Return whether the release went further than candidate."""
    return release.channel not in ("", CANDIDATE)


def _describe_changes(given: ImageRecords) -> str:
    """Return the changes since the previous release in one line; empty if there is none."""
    if given.incomparable:
        return f"The changes since the previous release are not known: {given.incomparable}."
    if given.difference is None:
        return ""
    changes = difference_view.summarize_difference(given.difference)
    before = given.difference.before.version
    return f"Since {before}: {changes} The full list is in difference.md."


def _describe_other_tags(digest: str, promoted: Sequence[PromotedTag]) -> Iterator[str]:
    """Yield a note for each tag of the image that points to another digest."""
    for one in promoted:
        if one.digest != digest:
            other = units.shorten_digest(one.digest)
            yield f"The tag {_tag_reference(one)} points to {other}, not to this digest."


def digest_of(records: ImageRecords, promoted: Sequence[PromotedTag]) -> str:
    """Return the digest of the build, else of another record; empty if there is none."""
    known = (records.build, records.validation, records.scan, *promoted)
    return next((one.digest for one in known if one is not None), "")


def records_about(digest: str, given: ImageRecords) -> tuple[ImageRecords, tuple[str, ...]]:
    """Return the records about `digest`, and a note for each record about another digest."""
    validation, scan, notes = given.validation, given.scan, []
    if validation is not None and validation.digest != digest:
        notes.append(
            f"The validation record is about {units.shorten_digest(validation.digest)}, so it "
            "does not count."
        )
        validation = None
    if scan is not None and scan.digest != digest:
        notes.append(
            f"The scan record is about {units.shorten_digest(scan.digest)}, so it does not count."
        )
        scan = None
    by_model = tuple(each for each in given.by_model if each.digest == digest)
    about = ImageRecords(
        given.image, given.build, validation, scan, proof=given.proof, by_model=by_model
    )
    return about, tuple(notes)


def image_verdict(*stages: StageView) -> Verdict:
    """Return the worst verdict of the stages; `not run` only if no stage ran.

    A stage that was not assessed counts as `inconclusive`.
    """
    words = (stage.mark.word for stage in stages)
    verdicts = [Verdict.INCONCLUSIVE if word == NOT_ASSESSED else Verdict(word) for word in words]
    return Verdict.NOT_RUN if set(verdicts) == {Verdict.NOT_RUN} else summary_verdict(verdicts)


def pull_command(
    registry: str, digest: str, build: BuildRecord | None, promoted: Sequence[PromotedTag]
) -> str:
    """Return the command that pulls this digest from its promoted repository, else from staging."""
    places = [one.repository for one in promoted if one.digest == digest]
    places += [build.repository] if build is not None else []
    return f"docker pull {registry}/{places[0]}@{digest}" if places else ""


def _tag_reference(promotion: PromotedTag) -> str:
    return f"{promotion.repository}:{promotion.tag}"


def _content_facts(build: BuildRecord | None) -> tuple[Fact, ...]:
    if build is None:
        return ()
    return (
        Fact("Stacks", ", ".join(build.stacks)),
        Fact("PyTorch", build.torch),
        Fact("CUDA", build.cuda),
        Fact("Python", build.python),
        Fact("Base", build.base_source),
        Fact("Built", units.format_time(build.created_at)),
    )
