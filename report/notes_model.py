"""The input of release notes, and the content that they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from images.catalog import Line
from publish.released.record import ReleaseRecord
from report.difference_view import AdvisoryRow, ChangeRow, PackageRow
from report.model import Fact, ImageRecords, ImageView, Mark
from scan.difference import Difference

R = TypeVar("R")


@dataclass(frozen=True)
class ImageNotes:
    """All that is known about one image.

    `cyclonedx` is its SBOM, or None if it was not scanned. `difference` compares the previous
    release with this digest. It is None if the line has no earlier release, or if the comparison
    failed for the reason in `incomparable`.
    """

    records: ImageRecords
    cyclonedx: Mapping[str, Any] | None
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
    `unproven` says why an image was not validated on a GPU. `exceptions` are those that let a
    finding stand, `support` says how the line is supported.
    """

    version: str
    mark: Mark
    standing: str
    released: bool
    reason: str
    finished: str
    exceptions: tuple[str, ...]
    support: str
    warnings: tuple[str, ...]
    contents: tuple[Shared[Fact], ...]
    driver: str
    images: tuple[ImageView, ...]
    changes: Changes
    known: KnownVulnerabilities
    proven: tuple[Shared[ProvenRow], ...]
    unproven: tuple[Shared[str], ...]
    pulls: str
    levels: tuple[Shared[str], ...] = ()
