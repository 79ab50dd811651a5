"""Difference between two releases of one image: packages, advisories, layers.

It decides whether a release may be called a patch. So a part that cannot be compared is an error or
None, never "no change".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile, zip_longest

from packaging.utils import canonicalize_name

from runner.errors import EnvironmentFailed
from scan import versions
from scan.record import Package, TriagedFinding
from scan.versions import Step

SECURITY = "security"


@dataclass(frozen=True)
class LayerSize:
    """A layer of a manifest; `size` in compressed bytes."""

    digest: str
    size: int


@dataclass(frozen=True)
class Snapshot:
    """One release of an image.

    `layers` are in the manifest's order; `findings` is None if the release was not assessed. Assess
    both releases with the same database: otherwise an advisory that was published between them
    counts as new.
    """

    version: str
    digest: str
    packages: tuple[Package, ...]
    findings: tuple[TriagedFinding, ...] | None
    layers: tuple[LayerSize, ...]


@dataclass(frozen=True)
class ComparedRelease:
    """Version and digest of an image that was compared."""

    version: str
    digest: str


@dataclass(frozen=True)
class PackagePresence:
    """A package that only one release has.

    `beside` has the versions of the same name in the other release. It is empty unless the package
    is one of several copies, for instance the one inside pip.
    """

    package: Package
    vendored: bool
    beside: tuple[str, ...]


@dataclass(frozen=True)
class PackageChange:
    """A package whose version changed.

    `name` is normalised (PEP 503 for PyPI), `source` is Debian's source package. `vendored` says
    that it is inside a wheel and changed with it, for instance pip's own copy of rich. `security`
    has the ids of the advisories that the change ends; it is None if one of the releases was not
    assessed. `how` is `security` if there are any, else `step`.
    """

    type: str
    name: str
    source: str
    vendored: bool
    before: str
    after: str
    how: str
    step: Step
    downgrade: bool
    security: tuple[str, ...] | None


@dataclass(frozen=True)
class AdvisoryChanges:
    """Findings by advisory and package.

    `fixed` and `withdrawn` are of the previous release, `new` and `open` of the one after.
    `withdrawn` are no longer reported although the package did not change: the database did.
    """

    fixed: tuple[TriagedFinding, ...]
    new: tuple[TriagedFinding, ...]
    open: tuple[TriagedFinding, ...]
    withdrawn: tuple[TriagedFinding, ...]


@dataclass(frozen=True)
class LayerChanges:
    """Layers that changed, in compressed bytes. A layer that an image has twice counts once.

    `pull_bytes` is the download for a user who has the previous release. `chain_bytes` is the same
    for an engine without a content store, which downloads everything above the first layer that
    differs.
    """

    added: tuple[LayerSize, ...]
    removed: tuple[LayerSize, ...]
    pull_bytes: int
    chain_bytes: int
    before_bytes: int
    after_bytes: int
    growth_bytes: int


@dataclass(frozen=True)
class Difference:
    """Difference between two releases; `advisories` is None if one of them was not assessed."""

    before: ComparedRelease
    after: ComparedRelease
    added: tuple[PackagePresence, ...]
    removed: tuple[PackagePresence, ...]
    changed: tuple[PackageChange, ...]
    advisories: AdvisoryChanges | None
    layers: LayerChanges


Key = tuple[str, str, bool]
"""Type and normalised name of a package, and whether it is vendored."""


@dataclass(frozen=True)
class _PackagePair:
    """One package before and after; None if the release does not have it."""

    before: Package | None
    after: Package | None


def compare_snapshots(before: Snapshot, after: Snapshot) -> Difference:
    """Return what changed from `before` to `after`.

    Raises EnvironmentFailed if a side lists no packages or layers or a version cannot be read, and
    ConfigError if versions of a type of package cannot be compared.
    """
    old, new = _group_by_name(before), _group_by_name(after)
    moves = {}
    for key in sorted({*old, *new}):  # its changed copies are paired, from the newest version down
        there, here = old.get(key, []), new.get(key, [])
        gone = _unmatched_copies(key[0], there, here)
        come = _unmatched_copies(key[0], here, there)
        moves[key] = [_PackagePair(*pair) for pair in zip_longest(gone, come)]
    advisories = _compare_advisories(
        before, after, {key[:2] for key, found in moves.items() if found}
    )
    return Difference(
        before=ComparedRelease(before.version, before.digest),
        after=ComparedRelease(after.version, after.digest),
        added=tuple(_list_unpaired(moves, old, came=True)),
        removed=tuple(_list_unpaired(moves, new, came=False)),
        changed=tuple(
            _describe_change(move.before, move.after, advisories)
            for found in moves.values()
            for move in found
            if move.before is not None and move.after is not None
        ),
        advisories=advisories,
        layers=_compare_layers(before.layers, after.layers),
    )


def _group_by_name(contents: Snapshot) -> dict[Key, list[Package]]:
    """Return all packages by their normalised names. Raises an error if one cannot be compared."""
    _require_some(contents, "packages", len(contents.packages))
    _require_some(contents, "layers", len(contents.layers))
    named: dict[Key, list[Package]] = defaultdict(list)
    for package in contents.packages:
        versions.require_version(
            package.type, f"{contents.version}: {package.name}", package.version
        )
        found = replace(package, name=_normalise_name(package.type, package.name))
        named[found.type, found.name, _is_vendored(found)].append(found)
    return named


def _require_some(contents: Snapshot, what: str, count: int) -> None:
    if not count:
        release = f"{contents.version} ({contents.digest})"
        raise EnvironmentFailed(
            f"{release} lists no {what}, so it cannot be compared", "run its scan again"
        )


def _is_vendored(package: Package) -> bool:
    return package.type == "pypi" and not package.path


def _normalise_name(kind: str, name: str) -> str:
    return canonicalize_name(name) if kind == "pypi" else name


def _unmatched_copies(
    kind: str, these: Sequence[Package], others: Sequence[Package]
) -> list[Package]:
    """Return those of `these` that have no equal in `others`, one for one; the newest first."""
    rest, left = list(these), list(others)
    for package in these:
        same = next(
            (
                each
                for each in left
                if versions.compare_versions(kind, each.version, package.version) == 0
            ),
            None,
        )
        if same is not None:
            left.remove(same)
            rest.remove(package)
    newest_first = versions.newest_first(kind)
    return sorted(rest, key=lambda package: newest_first(package.version))


def _list_unpaired(
    moves: dict[Key, list[_PackagePair]], others: dict[Key, list[Package]], *, came: bool
) -> Iterator[PackagePresence]:
    """Yield packages that were added, or removed; `others` is the release without them."""
    for (kind, name, vendored), found in moves.items():
        copies = (
            package for inside in (False, True) for package in others.get((kind, name, inside), [])
        )
        beside = tuple(sorted({package.version for package in copies}))
        for move in found:
            here, there = (move.after, move.before) if came else (move.before, move.after)
            if here is not None and there is None:
                yield PackagePresence(here, vendored, beside)


def _describe_change(
    before: Package, after: Package, advisories: AdvisoryChanges | None
) -> PackageChange:
    move = versions.measure_change(after.type, before.version, after.version)
    security = None if advisories is None else _ended_by(before, after, advisories.fixed)
    return PackageChange(
        type=after.type,
        name=after.name,
        source=after.source,
        vendored=_is_vendored(after),
        before=before.version,
        after=after.version,
        how=SECURITY if security else move.step.value,
        step=move.step,
        downgrade=move.downgrade,
        security=security,
    )


def _ended_by(before: Package, after: Package, gone: Iterable[TriagedFinding]) -> tuple[str, ...]:
    """Return the advisories on a package that ended because it reached a fixed version."""
    found = {
        judged.finding.id
        for judged in gone
        if _advisory_key(judged) == (judged.finding.id, after.type, after.name)
        and versions.reaches_fix(
            after.type, before.version, judged.finding.fixed_version, after.version
        )
    }
    return tuple(sorted(found))


def _compare_advisories(
    before: Snapshot, after: Snapshot, moved: set[tuple[str, str]]
) -> AdvisoryChanges | None:
    if before.findings is None or after.findings is None:
        return None
    old, new = _by_advisory(before.findings), _by_advisory(after.findings)
    known, reported = set(old.values()), set(new.values())
    gone = {judged: key[1:] for judged, key in old.items() if key not in reported}
    return AdvisoryChanges(
        fixed=tuple(judged for judged, package in gone.items() if package in moved),
        new=tuple(judged for judged, key in new.items() if key not in known),
        open=tuple(judged for judged, key in new.items() if key in known),
        withdrawn=tuple(judged for judged, package in gone.items() if package not in moved),
    )


def _by_advisory(findings: Iterable[TriagedFinding]) -> dict[TriagedFinding, tuple[str, str, str]]:
    """Return each finding once with its key, in the order of the keys."""
    return {judged: _advisory_key(judged) for judged in sorted(findings, key=_advisory_key)}


def _advisory_key(judged: TriagedFinding) -> tuple[str, str, str]:
    """Return advisory, type and normalised name: findings of two releases are compared by them."""
    kind = judged.finding.purl.removeprefix("pkg:").partition("/")[0]
    return judged.finding.id, kind, _normalise_name(kind, judged.finding.package)


def _compare_layers(before: Sequence[LayerSize], after: Sequence[LayerSize]) -> LayerChanges:
    old, new = ({layer.digest: layer for layer in layers} for layers in (before, after))
    added = tuple(layer for digest, layer in new.items() if digest not in old)
    shared = takewhile(
        lambda pair: pair[0].digest == pair[1].digest, zip(before, after, strict=False)
    )
    above = {layer.digest: layer for layer in after[len(list(shared)) :]}
    before_bytes, after_bytes = _sum_bytes(old.values()), _sum_bytes(new.values())
    return LayerChanges(
        added=added,
        removed=tuple(layer for digest, layer in old.items() if digest not in new),
        pull_bytes=_sum_bytes(added),
        chain_bytes=_sum_bytes(above.values()),
        before_bytes=before_bytes,
        after_bytes=after_bytes,
        growth_bytes=after_bytes - before_bytes,
    )


def _sum_bytes(layers: Iterable[LayerSize]) -> int:
    return sum(layer.size for layer in layers)
