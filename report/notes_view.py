"""The content of release notes, computed from the records of a release."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from publish.released.record import NOT_FOR_PRODUCTION, ReleaseRecord
from report import units
from report.component_versions import LABELS, list_component_versions
from report.difference_view import AdvisoryRow, ChangeRow, DifferenceView, difference_view
from report.model import ImageView
from report.notes_model import (
    Changes,
    ExcusedRow,
    ImageNotes,
    KnownVulnerabilities,
    Notes,
    NotesView,
    ProvenRow,
    R,
    Shared,
)
from report.scan_view import is_assessed
from report.validation_view import measured_on, ran_on_cpu
from report.view import build_page, is_released, records_about
from runner.verdict import Verdict
from scan.difference import SECURITY, AdvisoryChanges, Difference
from scan.record import SEVERITIES, ScanRecord, TriageStatus, severity_of
from validation.levels import lacks_only_gpus
from validation.machine import DOCKER
from validation.record import ValidationRecord

ALL = "all"


@dataclass(frozen=True)
class _Image:
    """An image with the records about its digest, and notes on those about other digests."""

    view: ImageView
    notes: tuple[str, ...] = ()
    cyclonedx: Mapping[str, Any] | None = None
    difference: Difference | None = None
    incomparable: str = ""
    validation: ValidationRecord | None = None
    scan: ScanRecord | None = None


def notes_view(given: Notes) -> NotesView:
    """Return everything that release notes show.

    Records and differences about another digest do not count.
    """
    release, shown = (
        given.release,
        build_page(given.release, [one.records for one in given.images], given.line),
    )
    known = {one.records.image: one for one in given.images}
    images = tuple(_select_records(view, known.get(view.name)) for view in shown.images)
    return NotesView(
        version=release.version,
        mark=shown.mark,
        standing=describe_promotion(release),
        released=is_released(release) and shown.mark.word == Verdict.PASS,
        reason=drop_repetition(describe_promotion(release), shown.reason),
        finished=units.format_time(release.finished_at),
        exceptions=shown.exceptions,
        support=shown.support,
        warnings=tuple(f"{one.view.name}: {note}" for one in images for note in one.notes),
        contents=tuple(
            sorted(
                _share_rows(
                    images, lambda image: list_component_versions(image.cyclonedx, given.line)
                ),
                key=lambda each: LABELS.index(each.row.label),
            )
        ),
        driver=given.line.driver_floor,
        images=shown.images,
        changes=_collect_changes(images),
        known=_known_vulnerabilities(images),
        proven=_share_rows(images, _gpu_rows),
        unproven=_share_rows(images, _reasons_without_gpu),
        pulls="\n".join(f"{view.pull}  # {view.name}" for view in shown.images if view.pull),
        levels=_share_rows(
            images,
            lambda image: (image.view.proof,) if image.view.proof and _gpu_rows(image) else (),
        ),
    )


def drop_repetition(standing: str, reason: str) -> str:
    """Return a reason that is shown after how far a release went, without words of that."""
    is_said = standing.endswith(NOT_FOR_PRODUCTION)
    return reason.removeprefix(f"{NOT_FOR_PRODUCTION}: ") if is_said else reason


def describe_promotion(release: ReleaseRecord) -> str:
    """Return how far the release went, in a few words."""
    if not release.channel:
        return "Not promoted"
    return (
        f"Promoted to {release.channel}"
        if is_released(release)
        else f"Candidate only, {NOT_FOR_PRODUCTION}"
    )


def _select_records(view: ImageView, given: ImageNotes | None) -> _Image:
    if given is None:
        return _Image(view, view.notes)
    records, _ = records_about(view.digest, given.records)
    found, notes = given.difference, view.notes
    if found is not None and found.after.digest != view.digest:
        notes = (
            *notes,
            (
                f"The difference is about {units.shorten_digest(found.after.digest)}, so it does "
                "not count."
            ),
        )
        found = None
    return _Image(
        view, notes, given.cyclonedx, found, given.incomparable, records.validation, records.scan
    )


def _collect_changes(images: Sequence[_Image]) -> Changes:
    compared = [one.difference for one in images if one.difference is not None]
    return Changes(
        before=", ".join(dict.fromkeys(each.before.version for each in compared)),
        incomparable=_name_images(
            images, lambda image: image.difference is None and not image.incomparable
        ),
        unknown=_share_rows(
            images, lambda image: (image.incomparable,) if image.incomparable else ()
        ),
        headlines=_share_rows(
            images, _rows_of(lambda view: (f"{view.headline} {view.chain}".rstrip(),))
        ),
        security=_changed_packages(images, security=True),
        other=_changed_packages(images, security=False),
        added=_share_rows(images, _rows_of(lambda view: view.added)),
        removed=_share_rows(images, _rows_of(lambda view: view.removed)),
        fixed=_share_rows(images, _fixed_advisories),
        unassessed=_name_images(
            images,
            lambda image: image.difference is not None and image.difference.advisories is None,
        ),
    )


def _rows_of(part: Callable[[DifferenceView], Iterable[R]]) -> Callable[[_Image], Iterable[R]]:
    """Return a function that takes a part of an image's difference, or nothing if it has none."""
    return lambda image: (
        part(difference_view(image.difference)) if image.difference is not None else ()
    )


def _changed_packages(images: Iterable[_Image], *, security: bool) -> tuple[Shared[ChangeRow], ...]:
    """Return packages that changed for security, or the other ones; downgrades come first."""
    kept = []
    for image in images:
        found = image.difference
        if found is not None:
            changed = (each for each in found.changed if (each.how == SECURITY) is security)
            found = replace(found, changed=tuple(changed))
        kept.append(replace(image, difference=found))
    rows = _share_rows(kept, _rows_of(lambda view: view.changed))
    return tuple(sorted(rows, key=lambda each: not each.row.downgrade))


def _fixed_advisories(image: _Image) -> Iterable[AdvisoryRow]:
    """Return the advisories that applied to the previous release and no longer apply.

    An advisory that the database withdrew is not a fix.
    """
    if image.difference is None or image.difference.advisories is None:
        return ()
    only = AdvisoryChanges(fixed=image.difference.advisories.fixed, new=(), open=(), withdrawn=())
    sections = difference_view(replace(image.difference, advisories=only)).advisories
    return (row for section in sections for row in section.rows)


def _known_vulnerabilities(images: Sequence[_Image]) -> KnownVulnerabilities:
    return KnownVulnerabilities(
        excused=_share_rows(images, _excused_findings),
        unassessed=_name_images(
            images, lambda image: image.scan is None or not is_assessed(image.scan)
        ),
        scans=_share_rows(
            images,
            lambda image: (
                ": ".join(filter(None, (image.view.scan.mark.word, image.view.scan.line))),
            ),
        ),
    )


def _excused_findings(image: _Image) -> list[ExcusedRow]:
    """Return the excused findings, grouped by advisory, the most severe first."""
    groups: dict[tuple[str, str, str, str, str], list[str]] = {}
    findings = (image.scan.findings if image.scan is not None else None) or ()
    for judged in findings:
        if judged.standing is not TriageStatus.EXCUSED:
            continue
        finding = judged.finding
        key = (
            finding.id,
            severity_of(finding),
            finding.installed_version,
            judged.until,
            judged.why,
        )
        groups.setdefault(key, []).append(finding.package)
    rows = (
        ExcusedRow(*key[:2], tuple(dict.fromkeys(names)), *key[2:]) for key, names in groups.items()
    )
    return sorted(rows, key=lambda row: (SEVERITIES.index(row.severity), row.id, row.packages))


def _gpu_rows(image: _Image) -> tuple[ProvenRow, ...]:
    """Return the GPUs on which every check passed that can run there, in the image."""
    record = image.validation
    if (
        record is None
        or not (image.view.validation.mark.word == Verdict.PASS or lacks_only_gpus(record))
        or record.environment.executor != DOCKER
        or ran_on_cpu(record.environment)
    ):
        return ()
    return (ProvenRow(measured_on(record.environment), record.environment.driver),)


def _reasons_without_gpu(image: _Image) -> tuple[str, ...]:
    """Return why an image was not validated on a GPU; nothing if it was."""
    stage, record = image.view.validation, image.validation
    if record is None:
        return (f"{stage.mark.word}: {stage.line}",)
    if _gpu_rows(image):
        return ()
    where = record.environment
    place = (
        measured_on(where)
        if where.executor == DOCKER
        else "a Python of this machine, which proves nothing about the image"
    )
    return (f"{stage.mark.word} on {place}{': ' if stage.reason else ''}{stage.reason}",)


def _share_rows(
    images: Iterable[_Image], rows: Callable[[_Image], Iterable[R]]
) -> tuple[Shared[R], ...]:
    """Return each row once, in the order of first occurrence, with the images that have it."""
    every, owners = [], dict[R, list[str]]()
    for image in images:
        every.append(image.view.name)
        for row in dict.fromkeys(rows(image)):
            owners.setdefault(row, []).append(image.view.name)
    return tuple(Shared(row, _join_names(names, every)) for row, names in owners.items())


def _name_images(images: Sequence[_Image], holds: Callable[[_Image], bool]) -> str:
    """Return the names of the images for which `holds` is true; empty if there is none."""
    return _join_names(
        [one.view.name for one in images if holds(one)], [one.view.name for one in images]
    )


def _join_names(names: Sequence[str], every: Sequence[str]) -> str:
    return ALL if names and len(names) == len(every) else ", ".join(names)
