"""The content of release notes, computed from the records of a release."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from packaging.utils import canonicalize_name

from images.catalog import Line
from publish.released.published import CANDIDATE
from publish.released.record import ReleaseRecord
from report import units
from report.difference_view import (
    AdvisoryRow,
    ChangeRow,
    DifferenceView,
    PackageRow,
    difference_view,
)
from report.model import Fact, ImageRecords, ImageView, Mark
from report.scan_view import is_assessed
from report.validation_view import measured_on, ran_on_cpu
from report.view import build_page, records_about
from runner.verdict import Verdict
from scan import sbom
from scan.difference import SECURITY, AdvisoryChanges, Difference
from scan.record import SEVERITIES, ScanRecord, TriageStatus, severity_of
from validation.machine import DOCKER
from validation.record import ValidationRecord

ALL = "all"

# The components by which people choose a release, each with the package that has its version. Up to
# CUDA 12, the names of CUDA's packages carry its major version.
_COMPONENTS = (
    ("PyTorch", "pypi", re.compile("torch")),
    ("CUDA", "pypi", re.compile(r"nvidia-cuda-runtime(-cu\d+)?")),
    ("cuDNN", "pypi", re.compile(r"nvidia-cudnn-cu\d+")),
    ("NCCL", "pypi", re.compile(r"nvidia-nccl-cu\d+")),
    ("TorchVision", "pypi", re.compile("torchvision")),
    ("TorchAudio", "pypi", re.compile("torchaudio")),
    ("Python", "deb", re.compile(r"python3\.\d+")),
)
_DEBIAN = "Debian"
_LABELS = (*(label for label, _, _ in _COMPONENTS), _DEBIAN)
_UNKNOWN = "not known"

R = TypeVar("R")


@dataclass(frozen=True)
class ImageNotes:
    """All that is known about one image.

    `bill` is its CycloneDX document, or None if it was not scanned. `difference` compares the
    previous release with this digest. It is None if the line has no earlier release, or if the
    comparison failed for the reason in `incomparable`.
    """

    records: ImageRecords
    bill: Mapping[str, Any] | None
    difference: Difference | None
    incomparable: str = ""


@dataclass(frozen=True)
class Notes:
    """The input of release notes; an image of the release without an entry is `not run`."""

    release: ReleaseRecord
    line: Line
    images: tuple[ImageNotes, ...]


@dataclass(frozen=True)
class Shared(Generic[R]):
    """A row and the images that it applies to: ALL, or their names."""

    row: R
    images: str


@dataclass(frozen=True)
class ExcusedRow:
    """A finding that an exception excuses until a day (ISO 8601 date), with the reason."""

    id: str
    severity: str
    packages: tuple[str, ...]
    installed: str
    until: str
    why: str


@dataclass(frozen=True)
class ProvenRow:
    """GPUs on which every check passed, with their driver."""

    gpus: str
    driver: str


@dataclass(frozen=True)
class Changes:
    """Changes since the versions in `before`, which is empty if there are none.

    `incomparable` are the images without an earlier release. `unknown` says why other images could
    not be compared with theirs. `unassessed` are the images that `fixed` does not cover.
    """

    before: str
    incomparable: str
    unknown: tuple[Shared[str], ...]
    headlines: tuple[Shared[str], ...]
    security: tuple[Shared[ChangeRow], ...]
    other: tuple[Shared[ChangeRow], ...]
    added: tuple[Shared[PackageRow], ...]
    removed: tuple[Shared[PackageRow], ...]
    fixed: tuple[Shared[AdvisoryRow], ...]
    unassessed: str


@dataclass(frozen=True)
class KnownVulnerabilities:
    """The known vulnerabilities of the release.

    `scans` has one line for each image; no database assessed the `unassessed` images.
    """

    excused: tuple[Shared[ExcusedRow], ...]
    unassessed: str
    scans: tuple[Shared[str], ...]


@dataclass(frozen=True)
class NotesView:
    """Release notes, ready to be shown; empty texts and tuples are not shown.

    `released` is true if the release went further than candidate and its records support this.
    `unproven` says why an image was not validated on a GPU.
    """

    version: str
    mark: Mark
    standing: str
    released: bool
    reason: str
    finished: str
    warnings: tuple[str, ...]
    contents: tuple[Shared[Fact], ...]
    driver: str
    images: tuple[ImageView, ...]
    changes: Changes
    known: KnownVulnerabilities
    proven: tuple[Shared[ProvenRow], ...]
    unproven: tuple[Shared[str], ...]
    pulls: str


@dataclass(frozen=True)
class _Image:
    """An image with the records about its digest, and notes on those about other digests."""

    view: ImageView
    notes: tuple[str, ...] = ()
    bill: Mapping[str, Any] | None = None
    difference: Difference | None = None
    incomparable: str = ""
    validation: ValidationRecord | None = None
    scan: ScanRecord | None = None


def notes_view(given: Notes) -> NotesView:
    """Return everything that release notes show.

    Records and differences about another digest do not count.
    """
    release, shown = given.release, build_page(given.release, [one.records for one in given.images])
    known = {one.records.image: one for one in given.images}
    images = tuple(_select_records(view, known.get(view.name)) for view in shown.images)
    return NotesView(
        version=release.version,
        mark=shown.mark,
        standing=describe_promotion(release),
        released=is_released(release) and shown.mark.word == Verdict.PASS,
        reason=shown.reason,
        finished=units.format_time(release.finished_at),
        warnings=tuple(f"{one.view.name}: {note}" for one in images for note in one.notes),
        contents=tuple(
            sorted(
                _share_rows(images, lambda image: _component_versions(image.bill, given.line)),
                key=lambda each: _LABELS.index(each.row.label),
            )
        ),
        driver=given.line.driver_floor,
        images=shown.images,
        changes=_collect_changes(images),
        known=_known_vulnerabilities(images),
        proven=_share_rows(images, _gpu_rows),
        unproven=_share_rows(images, _reasons_without_gpu),
        pulls="\n".join(f"{view.pull}  # {view.name}" for view in shown.images if view.pull),
    )


def is_released(release: ReleaseRecord) -> bool:
    """Return whether the release went further than candidate."""
    return release.channel not in ("", CANDIDATE)


def describe_promotion(release: ReleaseRecord) -> str:
    """Return how far the release went, in a few words."""
    if not release.channel:
        return "Not promoted"
    return (
        f"Promoted to {release.channel}"
        if is_released(release)
        else "Candidate only, not for production"
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
        view, notes, given.bill, found, given.incomparable, records.validation, records.scan
    )


def _component_versions(bill: Mapping[str, Any] | None, line: Line) -> list[Fact]:
    """Return the version of each component by the SBOM.

    A package that a wheel carries inside itself does not count, because it is not imported.
    """
    document = dict(bill or {})
    versions: dict[str, set[str]] = {label: set() for label, _, _ in _COMPONENTS}
    for package in sbom.read_packages(document):
        is_python = package.type == "pypi"
        name = canonicalize_name(package.name) if is_python else package.name
        for label, kind, pattern in _COMPONENTS:
            if package.type == kind and pattern.fullmatch(name) and (package.path or not is_python):
                versions[label].add(package.version)
    facts = [Fact(label, ", ".join(sorted(found)) or _UNKNOWN) for label, found in versions.items()]
    debian = sbom.read_distribution(document).removeprefix("debian ")
    return [*facts, Fact(_DEBIAN, f"{debian} {line.debian}" if debian else _UNKNOWN)]


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
    """Return the GPUs on which every check passed, in a container of the digest."""
    record = image.validation
    if (
        record is None
        or image.view.validation.mark.word != Verdict.PASS
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
