"""Update the locks of a line as far as the next release of a kind allows, and no further."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from packageurl import PackageURL
from packaging.utils import canonicalize_name

from images import lock_layers, resolve
from images.catalog import Catalog
from images.locks import Wheel
from images.resolve import Locks
from publish.policy import release_kinds
from publish.policy.ranges import version_constraint
from runner import home
from runner.errors import GateRefused
from scan import assess, judge, sbom
from scan.assess import AssessmentContext, CatalogPlace
from scan.difference import Difference, LayerSize, Snapshot, compare_snapshots
from scan.record import TriagedFinding


def refresh_locks(
    catalog: Catalog, name: str, kind: str, context: AssessmentContext
) -> Difference | None:
    """Resolve line `name` again and write its wheel locks and layers.

    Returns what changed, None if there was no lock before. A package changes as far as a `kind`
    release allows, further if that fixes an advisory on it. Raises GateRefused, and leaves the
    locks as they are, if such a release may not contain the result (a new dependency in a patch).
    Making the layers needs an engine; without one no lock changes either.
    """
    before = resolve.read_locks(catalog, name)
    held = _take_snapshot(catalog, name, before, context) if before else None
    locks = resolve.resolve_line(
        catalog, name, version_constraints(before, kind, held.findings if held else None)
    )
    changed = (
        compare_snapshots(held, _take_snapshot(catalog, name, locks, context)) if held else None
    )
    problems = (
        release_kinds.contents_problems(changed, kind, catalog.lines[name]) if changed else ()
    )
    if problems:
        hint = (
            "limit that package in requirements.in, or choose another --kind: "
            f"{', '.join(release_kinds.KINDS)}"
        )
        raise GateRefused(
            f"the locks of line {name} cannot be updated for a {kind}: {'; '.join(problems)}",
            hint,
        )
    made = lock_layers.make_locked_layers(catalog, name, locks)
    resolve.write_locks(name, locks)
    resolve.write_layer_locks(name, made)
    return changed


def refresh_layers(catalog: Catalog, name: str) -> list[str]:
    """Write the layer locks of line `name` from the wheel locks as they are.

    Returns the names of the layers whose lock changed. Raises ConfigError and EnvironmentFailed.
    """
    before = resolve.read_layer_locks(catalog, name)
    made = lock_layers.make_locked_layers(catalog, name, resolve.read_locks(catalog, name))
    resolve.write_layer_locks(name, made)
    return lock_layers.changed_layers(before, made)


def describe_changes(difference: Difference) -> list[str]:
    """Return a line for every package that changed: `jinja2 3.1.5 -> 3.1.6 (security)`."""
    moved = [
        f"{each.name} {each.before} -> {each.after} ({each.how})" for each in difference.changed
    ]
    came = [f"{each.package.name} {each.package.version} was added" for each in difference.added]
    went = [f"{each.package.name} was removed" for each in difference.removed]
    return [*moved, *came, *went] or ["no newer version is allowed"]


def version_constraints(
    locks: Locks, kind: str, findings: Sequence[TriagedFinding] | None = None
) -> list[str]:
    """Return the constraints for the resolver: what a `kind` release may take of each package.

    A range is extended to the versions that fix the `findings`.
    """
    fixes: dict[str, list[str]] = defaultdict(list)
    for judged in findings or ():
        if fixed := judge.nearest_fix(judged.finding):
            fixes[canonicalize_name(judged.finding.package)].append(fixed)
    found = (
        version_constraint(each.name, each.version, kind, fixes[each.name])
        for each in unique_wheels(locks)
    )
    return [each for each in found if each]


def _take_snapshot(
    catalog: Catalog, name: str, locks: Locks, context: AssessmentContext
) -> Snapshot:
    """Return the locked wheels of all stacks as a snapshot, with their vulnerabilities."""
    wheels = tuple(unique_wheels(locks))
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": list(map(_describe_wheel, wheels)),
    }
    with home.scratch_folder("refresh") as folder:
        path = folder / "locks.cdx.json"
        path.write_text(json.dumps(document))
        assessed = assess.assess_sbom(path, CatalogPlace(name, tuple(catalog.stacks)), context)
    layers = tuple(LayerSize(f"sha256:{wheel.sha256}", wheel.size) for wheel in wheels)
    return Snapshot(f"line {name}", "", sbom.read_packages(document), assessed.findings, layers)


def unique_wheels(locks: Locks) -> Iterator[Wheel]:
    """Yield each wheel once: locks may share one."""
    every: Iterable[Wheel] = (wheel for held in locks.values() for wheel in held)
    yield from {wheel.name: wheel for wheel in every}.values()


def _describe_wheel(wheel: Wheel) -> dict[str, Any]:
    """Return a wheel as Trivy describes an installed package, so that Trivy can judge it."""
    properties = {"PkgType": "python-pkg", "FilePath": f"{wheel.file}/METADATA"}
    return {
        "type": "library",
        "name": wheel.name,
        "version": wheel.version,
        "bom-ref": wheel.file,
        "purl": PackageURL("pypi", None, wheel.name, wheel.version).to_string(),
        "properties": [
            {"name": f"aquasecurity:trivy:{name}", "value": value}
            for name, value in properties.items()
        ],
    }
