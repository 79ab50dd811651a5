"""What release notes show of a release, worked out from its records: what is in it, what changed,
what was proven.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from report.scan_view import SEVERITIES, assessed, severity
from report.validation_view import measured_on, on_cpu
from report.view import about, page
from runner.verdict import Verdict
from scan import sbom
from scan.difference import SECURITY, Advisories, Difference
from scan.record import Judged, Package, ScanRecord, Standing
from validation.machine import DOCKER
from validation.record import Environment, ValidationRecord

ALL = "all"

# What people choose a release by, and the package that says it. CUDA's parts carry its major
# version up to 12.
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
    """What is known of one image. `bill` is its CycloneDX document, None where it was not scanned.

    `difference` is from the release before to this digest, None where the line has no earlier one,
    or where `incomparable` says why it could not be made.
    """

    records: ImageRecords
    bill: Mapping[str, Any] | None
    difference: Difference | None
    incomparable: str = ""


@dataclass(frozen=True)
class Notes:
    """All that notes are made from; an image of the release that is not in `images` is `not
    run`.
    """

    release: ReleaseRecord
    line: Line
    images: tuple[ImageNotes, ...]


@dataclass(frozen=True)
class Shared(Generic[R]):
    """A row and the images it is true of, in words: ALL, or their names."""

    row: R
    images: str


@dataclass(frozen=True)
class ExcusedRow:
    """A finding that an exception excuses until a day (ISO 8601 date), and why."""

    id: str
    severity: str
    packages: tuple[str, ...]
    installed: str
    until: str
    why: str


@dataclass(frozen=True)
class ProvenRow:
    """GPUs on which everything passed, with their driver."""

    gpus: str
    driver: str


@dataclass(frozen=True)
class Changes:
    """What moved since the versions in `before`, empty where there is none.

    `incomparable` are the images without an earlier release, `unknown` is why others could not be
    compared with theirs; `unassessed` are those of which `fixed` says nothing.
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
class Known:
    """What is known against the release.

    `scans` is one line for each; `unassessed` images were judged by nothing.
    """

    excused: tuple[Shared[ExcusedRow], ...]
    unassessed: str
    scans: tuple[Shared[str], ...]


@dataclass(frozen=True)
class NotesView:
    """Release notes, ready to be shown.

    Empty texts and tuples stand for what there is nothing to say of.

    `released`: it went further than candidate, and the records bear it out. `unproven` says why no
    GPU stands for an image.
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
    known: Known
    proven: tuple[Shared[ProvenRow], ...]
    unproven: tuple[Shared[str], ...]
    pulls: str


@dataclass(frozen=True)
class _Image:
    """An image with what is about its digest, and notes on what is not."""

    view: ImageView
    notes: tuple[str, ...] = ()
    bill: Mapping[str, Any] | None = None
    difference: Difference | None = None
    incomparable: str = ""
    validation: ValidationRecord | None = None
    scan: ScanRecord | None = None


def notes_view(given: Notes) -> NotesView:
    """Everything that release notes show.

    A record or a difference about another digest counts for nothing.
    """
    release, shown = given.release, page(given.release, [one.records for one in given.images])
    known = {one.records.image: one for one in given.images}
    images = tuple(_image(view, known.get(view.name)) for view in shown.images)
    return NotesView(
        version=release.version,
        mark=shown.mark,
        standing=standing(release),
        released=released(release) and shown.mark.word == Verdict.PASS,
        reason=shown.reason,
        finished=units.moment(release.finished_at),
        warnings=tuple(f"{one.view.name}: {note}" for one in images for note in one.notes),
        contents=_contents(images, given.line),
        driver=given.line.driver_floor,
        images=shown.images,
        changes=_changes(images),
        known=_known(images),
        proven=_across(images, _proven),
        unproven=_across(images, _unproven),
        pulls="\n".join(f"{view.pull}  # {view.name}" for view in shown.images if view.pull),
    )


def released(release: ReleaseRecord) -> bool:
    """Whether it went further than candidate."""
    return release.channel not in ("", CANDIDATE)


def standing(release: ReleaseRecord) -> str:
    """How far it went, in a few words."""
    if not release.channel:
        return "Not promoted"
    return (
        f"Promoted to {release.channel}"
        if released(release)
        else "Candidate only, not for production"
    )


def _image(view: ImageView, given: ImageNotes | None) -> _Image:
    if given is None:
        return _Image(view, view.notes)
    records, _ = about(view.digest, given.records)
    found, notes = given.difference, view.notes
    if found is not None and found.after.digest != view.digest:
        notes = (
            *notes,
            f"The difference is about {units.digest(found.after.digest)}, so it says nothing here.",
        )
        found = None
    return _Image(
        view, notes, given.bill, found, given.incomparable, records.validation, records.scan
    )


def _contents(images: Sequence[_Image], line: Line) -> tuple[Shared[Fact], ...]:
    """One row for each component, and more where images differ."""
    rows = _across(images, lambda image: _components(image.bill, line))
    return tuple(sorted(rows, key=lambda each: _LABELS.index(each.row.label)))


def _components(bill: Mapping[str, Any] | None, line: Line) -> list[Fact]:
    """What the bill of materials says of each component; what a wheel carries inside itself is not
    what is imported.
    """
    document = dict(bill or {})
    packages = [each for each in sbom.packages_of(document) if each.path or each.type != "pypi"]
    facts = [Fact(label, _version(packages, kind, name)) for label, kind, name in _COMPONENTS]
    debian = sbom.distribution_of(document).removeprefix("debian ")
    return [*facts, Fact(_DEBIAN, f"{debian} {line.debian}" if debian else _UNKNOWN)]


def _version(packages: Iterable[Package], kind: str, name: re.Pattern[str]) -> str:
    found = {
        each.version for each in packages if each.type == kind and name.fullmatch(_normalised(each))
    }
    return ", ".join(sorted(found)) or _UNKNOWN


def _normalised(package: Package) -> str:
    return canonicalize_name(package.name) if package.type == "pypi" else package.name


def _changes(images: Sequence[_Image]) -> Changes:
    compared = [one.difference for one in images if one.difference is not None]
    return Changes(
        before=", ".join(dict.fromkeys(each.before.version for each in compared)),
        incomparable=_where(
            images, lambda image: image.difference is None and not image.incomparable
        ),
        unknown=_across(images, lambda image: (image.incomparable,) if image.incomparable else ()),
        headlines=_across(images, _rows(lambda view: (f"{view.headline} {view.chain}".rstrip(),))),
        security=_moved(images, security=True),
        other=_moved(images, security=False),
        added=_across(images, _rows(lambda view: view.added)),
        removed=_across(images, _rows(lambda view: view.removed)),
        fixed=_across(images, _fixed),
        unassessed=_where(
            images,
            lambda image: image.difference is not None and image.difference.advisories is None,
        ),
    )


def _rows(part: Callable[[DifferenceView], Iterable[R]]) -> Callable[[_Image], Iterable[R]]:
    """A part of an image's difference; nothing where there is none."""
    return lambda image: (
        part(difference_view(image.difference)) if image.difference is not None else ()
    )


def _moved(images: Iterable[_Image], *, security: bool) -> tuple[Shared[ChangeRow], ...]:
    """Packages that moved for security, or those that moved else; a downgrade first."""
    kept = [replace(image, difference=_only(image.difference, security)) for image in images]
    rows = _across(kept, _rows(lambda view: view.changed))
    return tuple(sorted(rows, key=lambda each: not each.row.downgrade))


def _only(found: Difference | None, security: bool) -> Difference | None:
    if found is None:
        return None
    return replace(
        found, changed=tuple(each for each in found.changed if (each.how == SECURITY) is security)
    )


def _fixed(image: _Image) -> Iterable[AdvisoryRow]:
    """The rows about what the release before had and this one has not; what only the database took
    back is no fix.
    """
    if image.difference is None or image.difference.advisories is None:
        return ()
    only = Advisories(fixed=image.difference.advisories.fixed, new=(), open=(), withdrawn=())
    sections = difference_view(replace(image.difference, advisories=only)).advisories
    return (row for section in sections for row in section.rows)


def _known(images: Sequence[_Image]) -> Known:
    return Known(
        excused=_across(images, _excused),
        unassessed=_where(images, lambda image: image.scan is None or not assessed(image.scan)),
        scans=_across(
            images, lambda image: (f"{image.view.scan.mark.word}: {image.view.scan.line}",)
        ),
    )


def _excused(image: _Image) -> list[ExcusedRow]:
    """Findings that an exception excuses, the packages of one advisory together, the most severe
    first.
    """
    groups: dict[tuple[str, str, str, str, str], list[str]] = {}
    for judged in _findings(image.scan, Standing.EXCUSED):
        finding = judged.finding
        key = (finding.id, severity(finding), finding.installed_version, judged.until, judged.why)
        groups.setdefault(key, []).append(finding.package)
    rows = (
        ExcusedRow(*key[:2], tuple(dict.fromkeys(names)), *key[2:]) for key, names in groups.items()
    )
    return sorted(rows, key=lambda row: (SEVERITIES.index(row.severity), row.id, row.packages))


def _findings(scan: ScanRecord | None, standing: Standing) -> Iterator[Judged]:
    found = (scan.findings if scan is not None else None) or ()
    return (judged for judged in found if judged.standing is standing)


def _proven(image: _Image) -> tuple[ProvenRow, ...]:
    """GPUs that everything passed on, in a container of the digest."""
    record = image.validation
    if (
        record is None
        or image.view.validation.mark.word != Verdict.PASS
        or not _on_gpu(record.environment)
    ):
        return ()
    return (ProvenRow(measured_on(record.environment), record.environment.driver),)


def _on_gpu(environment: Environment) -> bool:
    return environment.executor == DOCKER and not on_cpu(environment)


def _unproven(image: _Image) -> tuple[str, ...]:
    """Why no GPU stands for an image; nothing where one does."""
    stage, record = image.view.validation, image.validation
    if record is None:
        return (f"{stage.mark.word}: {stage.line}",)
    if _proven(image):
        return ()
    where = record.environment
    place = (
        measured_on(where)
        if where.executor == DOCKER
        else "this machine's own Python, which proves no image"
    )
    return (f"{stage.mark.word} on {place}{': ' if stage.reason else ''}{stage.reason}",)


def _across(
    images: Iterable[_Image], rows: Callable[[_Image], Iterable[R]]
) -> tuple[Shared[R], ...]:
    """Each row once, in the order they first appear in, with the images that have it."""
    every, owners = [], dict[R, list[str]]()
    for image in images:
        every.append(image.view.name)
        for row in dict.fromkeys(rows(image)):
            owners.setdefault(row, []).append(image.view.name)
    return tuple(Shared(row, _named(names, every)) for row, names in owners.items())


def _where(images: Sequence[_Image], holds: Callable[[_Image], bool]) -> str:
    """The images that something holds for, in words; empty where there is none."""
    return _named(
        [one.view.name for one in images if holds(one)], [one.view.name for one in images]
    )


def _named(names: Sequence[str], every: Sequence[str]) -> str:
    return ALL if names and len(names) == len(every) else ", ".join(names)
