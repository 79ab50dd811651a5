"""The part of a report about the difference between two releases of one image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from report import units
from report.scan_view import PACKAGE_KINDS
from runner.nouns import count_noun
from scan.difference import SECURITY, AdvisoryChanges, Difference, PackageChange, PackagePresence
from scan.difference import LayerChanges as LayerDifference
from scan.record import SEVERITIES, TriagedFinding, severity_of
from scan.versions import Step

# The steps that need most attention come first.
_STEPS = (Step.MAJOR, Step.MINOR, Step.PATCH, Step.LOCAL_VERSION, Step.DEBIAN_REVISION)

T = TypeVar("T")


@dataclass(frozen=True)
class ChangeRow:
    """Packages that changed together, such as those that Debian builds from one source."""

    packages: tuple[str, ...]
    note: str
    before: str
    after: str
    change: str
    downgrade: bool


@dataclass(frozen=True)
class PackageRow:
    """An added or removed package; `beside` are versions of it in the other release."""

    name: str
    version: str
    kind: str
    beside: str


@dataclass(frozen=True)
class AdvisoryRow:
    """One advisory and the packages of one source that it is about."""

    id: str
    severity: str
    packages: tuple[str, ...]
    installed: str
    fixed: str
    standing: str


@dataclass(frozen=True)
class AdvisorySection:
    """Advisories with the same kind of change.

    `current` ones are known against the newer release; `folded` ones are hidden until opened.
    """

    title: str
    rows: tuple[AdvisoryRow, ...]
    current: bool
    folded: bool


@dataclass(frozen=True)
class LayerRow:
    """An added or removed layer."""

    digest: str
    size: str
    what: str


@dataclass(frozen=True)
class DifferenceView:
    """A difference, ready to be shown; `chain` and `unassessed` are empty if they do not apply."""

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
    """Return everything that a page shows about a difference."""
    return DifferenceView(
        before=found.before.version,
        after=found.after.version,
        headline=summarize_difference(found),
        chain=_describe_chain(found.layers),
        unassessed=""
        if found.advisories
        else "It is not known which advisories were fixed and which are new.",
        changed=_change_rows(found.changed),
        added=tuple(map(_package_row, found.added)),
        removed=tuple(map(_package_row, found.removed)),
        advisories=_advisory_sections(found.advisories),
        layers=tuple(
            LayerRow(units.shorten_digest(layer.digest), units.format_size(layer.size), what)
            for layers, what in (
                (found.layers.added, "added"),
                (found.layers.removed, "removed"),
            )
            for layer in layers
        ),
    )


def summarize_difference(found: Difference) -> str:
    """Return one sentence with all counts and the size to pull."""
    counts = ((len(found.added), "added"), (len(found.removed), "removed"))
    packages = [
        _count_changes(found.changed),
        *(f"{count:,} {what}" for count, what in counts if count),
    ]
    layers = found.layers
    sign = "-" if layers.growth_bytes < 0 else "+"
    growth = (
        f"{sign}{units.format_size(abs(layers.growth_bytes))}"
        if layers.growth_bytes
        else "no growth"
    )
    pulled = (
        f"{units.format_size(layers.pull_bytes)} to pull of {units.format_size(layers.after_bytes)}"
    )
    return f"{', '.join(packages)}; {_count_advisories(found.advisories)}; {pulled} ({growth})."


def _count_changes(changes: Sequence[PackageChange]) -> str:
    text = f"{count_noun(len(changes), 'package')} changed" if changes else "no package changed"
    counts = (
        (sum(change.how == SECURITY for change in changes), "for security"),
        (sum(change.downgrade for change in changes), "downgraded"),
    )
    special = ", ".join(f"{count:,} {what}" for count, what in counts if count)
    return f"{text} ({special})" if special else text


def _count_advisories(advisories: AdvisoryChanges | None) -> str:
    """Return the counts of advisories; each counts once, for however many packages."""
    if advisories is None:
        return "advisories not assessed"
    kinds = (
        (advisories.fixed, "fixed"),
        (advisories.new, "new"),
        (advisories.open, "still open"),
        (advisories.withdrawn, "withdrawn"),
    )
    counts = [(len({judged.finding.id for judged in found}), what) for found, what in kinds]
    text = ", ".join(f"{count:,} {what}" for count, what in counts if count)
    return f"advisories: {text}" if text else "no advisories before or after"


def _describe_chain(layers: LayerDifference) -> str:
    if layers.chain_bytes == layers.pull_bytes:
        return ""
    size = units.format_size(layers.chain_bytes)
    return (
        f"An engine without a content store pulls {size}, because it pulls every layer above the "
        "first one that differs."
    )


def _change_rows(changes: Sequence[PackageChange]) -> tuple[ChangeRow, ...]:
    groups = _group_by(sorted(changes, key=_urgent_first), _change_group)
    return tuple(
        ChangeRow(
            packages=tuple(change.name for change in group),
            note="vendored"
            if group[0].vendored
            else PACKAGE_KINDS.get(group[0].type, group[0].type),
            before=group[0].before,
            after=group[0].after,
            change=f"{SECURITY}, {group[0].step}: {', '.join(group[0].security)}"
            if group[0].security
            else group[0].step.value,
            downgrade=group[0].downgrade,
        )
        for group in groups
    )


def _urgent_first(change: PackageChange) -> tuple[bool, bool, int, str, str]:
    return (
        not change.downgrade,
        change.how != SECURITY,
        _STEPS.index(change.step),
        change.type,
        change.name,
    )


def _change_group(change: PackageChange) -> Hashable:
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


def _package_row(presence: PackagePresence) -> PackageRow:
    package = presence.package
    kind = "vendored" if presence.vendored else PACKAGE_KINDS.get(package.type, package.type)
    return PackageRow(package.name, package.version, kind, ", ".join(presence.beside))


def _advisory_sections(advisories: AdvisoryChanges | None) -> tuple[AdvisorySection, ...]:
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


def _advisory_rows(found: Iterable[TriagedFinding]) -> tuple[AdvisoryRow, ...]:
    severest_first = sorted(
        found,
        key=lambda judged: (
            SEVERITIES.index(severity_of(judged.finding)),
            judged.finding.id,
            judged.finding.package,
        ),
    )
    groups = _group_by(severest_first, _advisory_group)
    return tuple(
        AdvisoryRow(
            id=group[0].finding.id,
            severity=severity_of(group[0].finding),
            packages=tuple(dict.fromkeys(judged.finding.package for judged in group)),
            installed=group[0].finding.installed_version,
            fixed=group[0].finding.fixed_version,
            standing=group[0].standing.value,
        )
        for group in groups
    )


def _advisory_group(judged: TriagedFinding) -> Hashable:
    finding = judged.finding
    return (
        finding.id,
        finding.installed_version,
        finding.fixed_version,
        severity_of(finding),
        judged.standing,
    )


def _group_by(found: Iterable[T], key: Callable[[T], Hashable]) -> list[list[T]]:
    """Return groups of items with equal keys, in the order of their first items."""
    groups: dict[Hashable, list[T]] = defaultdict(list)
    for each in found:
        groups[key(each)].append(each)
    return list(groups.values())
