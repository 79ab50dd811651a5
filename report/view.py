"""What a report shows, worked out from the records before any template sees it.

Everything here is pure.

The report never judges better than the records do, and a claim of `pass` is shown only where every
part under it passed: a record that is missing, or is about another digest, counts as `not run`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from images.record import BuildRecord
from publish.released.record import Promotion, ReleaseRecord
from report import difference_view, units
from report.build_view import build_stage, kind_views, layer_views
from report.escape import one_line
from report.model import Bar, Fact, ImageRecords, ImageView, Mark, Page, StageView
from report.scan_view import (
    NOT_ASSESSED,
    documents,
    findings_view,
    package_facts,
    problem_groups,
    scan_stage,
)
from report.stages import points, supported
from report.validation_view import (
    environment_facts,
    measured_on,
    on_cpu,
    suite_view,
    throughput,
    validation_stage,
)
from runner.verdict import Verdict, summary

_SAYS_NO_GPU = re.compile(r"\b(?:no|without(?: an?)?) (?:NVIDIA )?GPU", re.IGNORECASE)


def page(release: ReleaseRecord, given: Sequence[ImageRecords]) -> Page:
    """Everything a report of `release` shows; an image of the release without records is `not
    run`.
    """
    ordered = in_order(release, given)
    images = tuple(image_view(release, records) for records in ordered)
    verdict = supported(release.verdict, (Verdict(image.mark.word) for image in images))
    return Page(
        version=release.version,
        mark=Mark(verdict),
        reason=headline(release, verdict, images, ordered),
        refused=release.refusal.reasons if release.refusal else (),
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


def headline(
    release: ReleaseRecord,
    verdict: Verdict,
    images: Sequence[ImageView],
    records: Sequence[ImageRecords],
) -> str:
    """The one blocking reason in one line, and always that there was no GPU where there was
    none.
    """
    reason = one_line(release.reason)
    if verdict is not release.verdict:
        blocked = ", ".join(
            f"{image.name} is {image.mark.word}"
            for image in images
            if image.mark.word != Verdict.PASS
        )
        reason = (
            f"recorded as {release.verdict}, which the records do not bear out: "
            f"{blocked or 'there is no image'}"
        )
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
    return any(map(on_cpu, ran))


def stage_bars(release: ReleaseRecord) -> tuple[Bar, ...]:
    """Wall time of every stage, against the longest."""
    longest = max((stage.seconds for stage in release.stages), default=0.0)
    return tuple(
        Bar(
            stage.stage,
            units.duration(stage.seconds),
            points(units.percent(stage.seconds, longest)),
        )
        for stage in release.stages
    )


def _release_facts(release: ReleaseRecord, images: Sequence[ImageRecords]) -> tuple[Fact, ...]:
    layers = {
        layer.digest: layer.size
        for one in images
        if one.build is not None
        for layer in one.build.layers
    }
    stored = units.size(sum(layers.values())) if layers else Verdict.NOT_RUN.value
    return (
        Fact("Release", release.version),
        Fact("Promoted as", release.channel or "nothing"),
        Fact("Registry", release.registry),
        Fact("Size in registry", stored),
        Fact("Stages together", units.duration(sum(stage.seconds for stage in release.stages))),
        Fact("Finished", units.moment(release.finished_at)),
    )


def _since(given: ImageRecords) -> str:
    """What changed since the release before; the whole of it is a file beside the records."""
    if given.incomparable:
        return f"What changed since the release before is not known: {given.incomparable}."
    if given.difference is None:
        return ""
    said = difference_view.headline(given.difference)
    return f"Since {given.difference.before.version}: {said} The whole is in difference.md."


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
        references=tuple(
            f"{release.registry}/{_tag(one)}" for one in promoted if one.digest == digest
        ),
        notes=(*notes, *_tags_elsewhere(digest, promoted)),
        since=_since(given),
        contents=_contents(build),
        layers=layer_views(build.layers) if build else (),
        kinds=kind_views(build.layers) if build else (),
        build=built,
        validation=validated,
        suites=tuple(map(suite_view, validation.suites)) if validation else (),
        throughput=throughput(validation.suites) if validation else (),
        measured_on=measured_on(validation.environment) if validation else "",
        scan=scanned,
        packages=package_facts(scan.sbom if scan else None),
        documents=documents(scan),
        problems=problem_groups(scan.problems if scan else ()),
        findings=findings_view(scan),
        environment=environment_facts(validation.environment) if validation else (),
        debian=tuple(Fact(one.name, one.version) for one in build.debian_packages) if build else (),
        command=validation.command if validation else release.command,
    )


def digest_of(records: ImageRecords, promoted: Sequence[Promotion]) -> str:
    """The digest an image is: of its build, else of what is known about it; empty where nothing
    is.
    """
    known = (records.build, records.validation, records.scan, *promoted)
    return next((one.digest for one in known if one is not None), "")


def about(digest: str, given: ImageRecords) -> tuple[ImageRecords, tuple[str, ...]]:
    """Only what is about `digest`, and a note for each record that is about other bytes."""
    validation, scan, notes = given.validation, given.scan, []
    if validation is not None and validation.digest != digest:
        notes.append(
            f"The validation record is about {units.digest(validation.digest)}, so it proves "
            "nothing here."
        )
        validation = None
    if scan is not None and scan.digest != digest:
        notes.append(
            f"The scan record is about {units.digest(scan.digest)}, so it proves nothing here."
        )
        scan = None
    return ImageRecords(given.image, given.build, validation, scan), tuple(notes)


def image_verdict(*stages: StageView) -> Verdict:
    """The worst of its stages; `not run` only where no stage was.

    Not assessed is `inconclusive`.
    """
    words = (stage.mark.word for stage in stages)
    verdicts = [Verdict.INCONCLUSIVE if word == NOT_ASSESSED else Verdict(word) for word in words]
    return Verdict.NOT_RUN if set(verdicts) == {Verdict.NOT_RUN} else summary(verdicts)


def pull_command(
    registry: str, digest: str, build: BuildRecord | None, promoted: Sequence[Promotion]
) -> str:
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
