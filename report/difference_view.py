"""What a report shows of the difference between two releases of one image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from report import units
from report.scan_view import PACKAGE_KINDS, SEVERITIES, severity
from scan.difference import SECURITY, Advisories, Change, Difference, Presence
from scan.difference import Layers as LayerDifference
from scan.record import Judged
from scan.versions import Step

# What asks for a second look comes first.
_STEPS = (Step.MAJOR, Step.MINOR, Step.PATCH, Step.LOCAL_VERSION, Step.DEBIAN_REVISION)

T = TypeVar("T")


@dataclass(frozen=True)
class ChangeRow:
    """Packages that moved together: those that Debian builds from one source."""

    packages: tuple[str, ...]
    note: str
    before: str
    after: str
    change: str
    downgrade: bool


@dataclass(frozen=True)
class PackageRow:
    """A package that came or went; `beside` is what the other release has of the same name."""

    name: str
    version: str
    kind: str
    beside: str


@dataclass(frozen=True)
class AdvisoryRow:
    """One advisory and the packages it is about, of one source."""

    id: str
    severity: str
    packages: tuple[str, ...]
    installed: str
    fixed: str
    standing: str


@dataclass(frozen=True)
class AdvisorySection:
    """Advisories to which the same happened.

    `current` are in the release after; `folded` is what few want to read.
    """

    title: str
    rows: tuple[AdvisoryRow, ...]
    current: bool
    folded: bool


@dataclass(frozen=True)
class LayerRow:
    """A layer that came or went."""

    digest: str
    size: str
    what: str


@dataclass(frozen=True)
class DifferenceView:
    """A difference, ready to be shown.

    `chain` and `unassessed` are empty where there is nothing to say.
    """

    before: str
    after: str
    headline: str
    chain: str
    unassessed: str
    changed: tuple[ChangeRow, ...]
    added: tuple[PackageRow, ...]
    removed: tuple[PackageRow, ...]
    advisories: tuple[AdvisorySection, ...]
    layers: tuple[LayerRow, ...]


def difference_view(found: Difference) -> DifferenceView:
    """Everything a page shows of a difference."""
    return DifferenceView(
        before=found.before.version,
        after=found.after.version,
        headline=headline(found),
        chain=_chain(found.layers),
        unassessed=""
        if found.advisories
        else "Nothing is said about what was fixed or is new; that is not none.",
        changed=_changes(found.changed),
        added=tuple(map(_package, found.added)),
        removed=tuple(map(_package, found.removed)),
        advisories=_sections(found.advisories),
        layers=_layers(found.layers),
    )


def headline(found: Difference) -> str:
    """Counts, and what it costs to pull, in one sentence."""
    packages = ", ".join((_changed(found.changed), *_came_and_went(found)))
    return f"{packages}; {_advised(found.advisories)}; {_pulled(found.layers)}."


def _changed(changes: Sequence[Change]) -> str:
    said = f"{units.plural(len(changes), 'package')} changed" if changes else "no package changed"
    counts = (
        (sum(change.how == SECURITY for change in changes), "for security"),
        (sum(change.downgrade for change in changes), "downgraded"),
    )
    special = ", ".join(f"{count:,} {what}" for count, what in counts if count)
    return f"{said} ({special})" if special else said


def _came_and_went(found: Difference) -> list[str]:
    counts = ((len(found.added), "added"), (len(found.removed), "removed"))
    return [f"{count:,} {what}" for count, what in counts if count]


def _advised(advisories: Advisories | None) -> str:
    """Each advisory counted once, however many packages it is about."""
    if advisories is None:
        return "advisories not assessed"
    kinds = (
        (advisories.fixed, "fixed"),
        (advisories.new, "new"),
        (advisories.open, "still open"),
        (advisories.withdrawn, "withdrawn"),
    )
    counts = [(len({judged.finding.id for judged in found}), what) for found, what in kinds]
    said = ", ".join(f"{count:,} {what}" for count, what in counts if count)
    return f"advisories: {said}" if said else "no advisories before or after"


def _pulled(layers: LayerDifference) -> str:
    sign = "-" if layers.growth_bytes < 0 else "+"
    growth = f"{sign}{units.size(abs(layers.growth_bytes))}" if layers.growth_bytes else "no growth"
    return f"{units.size(layers.pull_bytes)} to pull of {units.size(layers.after_bytes)} ({growth})"


def _chain(layers: LayerDifference) -> str:
    if layers.chain_bytes == layers.pull_bytes:
        return ""
    size = units.size(layers.chain_bytes)
    return (
        f"An engine without a content store pulls {size}: everything above the first layer "
        "that differs."
    )


def _changes(changes: Sequence[Change]) -> tuple[ChangeRow, ...]:
    groups = _grouped(sorted(changes, key=_urgent_first), _together)
    return tuple(
        ChangeRow(
            packages=tuple(change.name for change in group),
            note=_note(group[0]),
            before=group[0].before,
            after=group[0].after,
            change=_how(group[0]),
            downgrade=group[0].downgrade,
        )
        for group in groups
    )


def _urgent_first(change: Change) -> tuple[bool, bool, int, str, str]:
    return (
        not change.downgrade,
        change.how != SECURITY,
        _STEPS.index(change.step),
        change.type,
        change.name,
    )


def _together(change: Change) -> Hashable:
    whose = change.source or change.name
    return (
        change.type,
        whose,
        change.vendored,
        change.before,
        change.after,
        change.step,
        change.security,
    )


def _note(change: Change) -> str:
    return "vendored" if change.vendored else PACKAGE_KINDS.get(change.type, change.type)


def _how(change: Change) -> str:
    return (
        f"{SECURITY}, {change.step}: {', '.join(change.security)}"
        if change.security
        else change.step.value
    )


def _package(presence: Presence) -> PackageRow:
    package = presence.package
    kind = "vendored" if presence.vendored else PACKAGE_KINDS.get(package.type, package.type)
    return PackageRow(package.name, package.version, kind, ", ".join(presence.beside))


def _sections(advisories: Advisories | None) -> tuple[AdvisorySection, ...]:
    if advisories is None:
        return ()
    return (
        AdvisorySection(
            "Advisories fixed", _advisory_rows(advisories.fixed), current=False, folded=False
        ),
        AdvisorySection(
            "New advisories", _advisory_rows(advisories.new), current=True, folded=False
        ),
        AdvisorySection(
            "Advisories still open", _advisory_rows(advisories.open), current=True, folded=True
        ),
        AdvisorySection(
            "Advisories withdrawn", _advisory_rows(advisories.withdrawn), current=False, folded=True
        ),
    )


def _advisory_rows(found: Iterable[Judged]) -> tuple[AdvisoryRow, ...]:
    groups = _grouped(sorted(found, key=_severe_first), _same_advice)
    return tuple(
        AdvisoryRow(
            id=group[0].finding.id,
            severity=severity(group[0].finding),
            packages=tuple(dict.fromkeys(judged.finding.package for judged in group)),
            installed=group[0].finding.installed_version,
            fixed=group[0].finding.fixed_version,
            standing=group[0].standing.value,
        )
        for group in groups
    )


def _severe_first(judged: Judged) -> tuple[int, str, str]:
    finding = judged.finding
    return SEVERITIES.index(severity(finding)), finding.id, finding.package


def _same_advice(judged: Judged) -> Hashable:
    finding = judged.finding
    return (
        finding.id,
        finding.installed_version,
        finding.fixed_version,
        severity(finding),
        judged.standing,
    )


def _layers(layers: LayerDifference) -> tuple[LayerRow, ...]:
    kinds = ((layers.added, "new"), (layers.removed, "gone"))
    return tuple(
        LayerRow(units.digest(layer.digest), units.size(layer.size), what)
        for found, what in kinds
        for layer in found
    )


def _grouped(found: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    """Those of one key together, in the order they first appear in."""
    groups: dict[Hashable, list[T]] = defaultdict(list)
    for each in found:
        groups[key(each)].append(each)
    return list(groups.values())
