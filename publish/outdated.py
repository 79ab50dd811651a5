"""How far the locks, the bases and the lines are behind what the package indexes offer.

Nothing is changed. For every package there are the versions that a patch, a feature and a major
release of the line may take (`publish/policy/ranges.py`), the newest one that there is, and the
requirements that keep that one out of the line.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.version import Version

from images import index, resolve
from images.catalog import Catalog, Line
from images.compatibility import is_platform, load_compatibility
from images.demands import REQUIREMENTS, HeldBack, ResolvedLine
from images.index import NoVersion, OfferedWheel
from images.locks import Wheel
from images.version import is_line, line_numbers
from oci.reference import parse_reference
from oci.registry import Registry
from publish.policy.release_kinds import FEATURE, KINDS, MAJOR, PATCH
from publish.refresh import unique_wheels, version_constraints
from runner import progress
from runner.errors import EnvironmentFailed
from runner.untrusted import clean_line

UNKNOWN = "no single requirement: the others' newest versions do not go with it"
LINE, NEW, LEFT_OUT = "line", "new", "left out"
"""The states of a minor version of torch: it is a line, is newer than all lines, or is neither."""

Offers = Mapping[str, OfferedWheel]


@dataclass(frozen=True)
class OutdatedPackage:
    """A locked package, and the versions that a release of each kind may take.

    A version is that of the lock if nothing newer may be taken, and empty if the package would not
    be there. `held_back_by` says why the line cannot have the `newest` one; `needs_line` is true if
    that is the line's torch, CUDA or Python.
    """

    name: str
    locked: str
    patch: str
    feature: str
    major: str
    newest: str
    held_back_by: tuple[str, ...]
    needs_line: bool

    @property
    def is_outdated(self) -> bool:
        """Whether any version differs from the locked one."""
        return {self.patch, self.feature, self.major, self.newest} != {self.locked}


@dataclass(frozen=True)
class OutdatedStack:
    """The packages of a stack that are not the newest."""

    stack: str
    packages: tuple[OutdatedPackage, ...]


@dataclass(frozen=True)
class OutdatedBase:
    """The pinned base image and the digest that its tag has now.

    `problem` says why that is not known; then `offered` is empty.
    """

    image: str
    locked: str
    offered: str
    problem: str = ""


@dataclass(frozen=True)
class KindResolution:
    """The names of packages that a release of this kind would add or drop.

    `problem` says why there is no resolution of this kind.
    """

    kind: str
    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class OutdatedLine:
    """A line beside what the index offers. `newest_torch` is of the line's own minor version."""

    line: str
    torch: str
    newest_torch: str
    base: OutdatedBase
    stacks: tuple[OutdatedStack, ...]
    kinds: tuple[KindResolution, ...]


@dataclass(frozen=True)
class UpstreamMinor:
    """The newest torch of a minor version upstream: its day, and whether it is a line here."""

    line: str
    torch: str
    day: str
    state: str


@dataclass(frozen=True)
class Outdated:
    """The answer of `outdated`."""

    upstream: tuple[UpstreamMinor, ...]
    lines: tuple[OutdatedLine, ...]


def find_outdated(catalog: Catalog, names: Sequence[str]) -> Outdated:
    """Return how far the lines `names`, and the set of all lines, are behind upstream.

    Raises EnvironmentFailed if the index cannot be read, and NoVersion if it has no torch.
    """
    with progress.show_step("the versions of torch"):
        offered = index.list_minors(_newest_python(), min(catalog.lines, key=line_numbers))
    minors = {each.minor: each for each in offered if is_line(each.minor)}
    bases: dict[str, OutdatedBase] = {}
    lines = []
    for name in names:
        line = catalog.lines[name]
        with progress.show_step(f"the packages of line {name}"):
            bases.setdefault(line.base_image, _compare_base(line))
            newest = minors[name].version if name in minors else line.torch
            lines.append(_compare_line(catalog, name, newest, bases[line.base_image]))
    upstream, highest = [], max(map(line_numbers, catalog.lines))
    for name, wheel in minors.items():
        state = NEW if line_numbers(name) > highest else LEFT_OUT
        day = wheel.day.isoformat() if wheel.day else ""
        state = LINE if name in catalog.lines else state
        upstream.append(UpstreamMinor(name, wheel.version, day, state))
    return Outdated(tuple(upstream), tuple(lines))


def _newest_python() -> str:
    """Return the newest Python that a known Debian has: a new torch may have left older ones."""
    known = load_compatibility().debian.values()
    return max((debian.python for debian in known), key=line_numbers)


def _compare_base(line: Line) -> OutdatedBase:
    """Return the pinned base beside what its tag is on now; a registry may not answer."""
    host, _, rest = line.base_image.partition("/")
    named = parse_reference(rest, host)
    image = line.base_image.partition("@")[0]
    if named is None or not named.tag:
        return OutdatedBase(image, line.base_image.partition("@")[2], "", "the base has no tag")
    try:
        offered = Registry(host).resolve_digest(named.repository, named.tag)
    except EnvironmentFailed as error:
        return OutdatedBase(image, named.digest, "", clean_line(error.message))
    problem = "" if offered else "the registry has no such tag any more"
    return OutdatedBase(image, named.digest, offered or "", problem)


def _compare_line(catalog: Catalog, name: str, torch: str, base: OutdatedBase) -> OutdatedLine:
    line, locks = catalog.lines[name], resolve.read_locks(catalog, name)
    locked = {wheel.name: wheel for wheel in unique_wheels(locks)}
    wanted = [
        each
        for stack in catalog.stacks
        for each in resolve.read_requirements(line, stack).splitlines()
    ]
    found: dict[str, Offers] = {}
    kinds = []
    for kind in KINDS:
        try:
            found[kind] = index.resolve_offers(
                line.python, wanted, version_constraints(locks, kind)
            )
        except NoVersion as error:
            found[kind] = {}
            kinds.append(KindResolution(kind, problem=error.message))
            continue
        added, dropped = sorted(set(found[kind]) - set(locked)), set(locked) - set(found[kind])
        kinds.append(KindResolution(kind, tuple(added), tuple(sorted(dropped))))
    packages = _compare_packages(line, wanted, locked, found)
    # a package that two stacks lock is in both
    held = {stack: [packages[wheel.name] for wheel in wheels] for stack, wheels in locks.items()}
    stacks = tuple(
        OutdatedStack(stack, tuple(each for each in those if each.is_outdated))
        for stack, those in held.items()
    )
    return OutdatedLine(name, line.torch, torch, base, stacks, tuple(kinds))


def _compare_packages(
    line: Line, wanted: Sequence[str], locked: Mapping[str, Wheel], found: Mapping[str, Offers]
) -> dict[str, OutdatedPackage]:
    """Return every locked package with its versions by kind, and with what holds it back."""
    newest = _find_newest(line.python, list(locked))
    anywhere = _find_newest(_newest_python(), list(locked))
    candidates = [offer for name, offer in newest.items() if offer != found[MAJOR].get(name, offer)]
    needs = index.read_needs([*found[MAJOR].values(), *candidates])
    resolved = ResolvedLine(line.python, tuple(map(Requirement, wanted)), found[MAJOR], needs)
    return {
        name: _compare_package(wheel, found, resolved, newest.get(name), anywhere.get(name))
        for name, wheel in locked.items()
    }


def _find_newest(python: str, names: Sequence[str]) -> dict[str, OfferedWheel]:
    """Return the newest wheel of each package by itself, as far as the index has one."""
    try:
        return index.resolve_offers(python, names, alone=True)
    except NoVersion:  # one of them is not there: ask for each
        found: dict[str, OfferedWheel] = {}
        for name in names:
            with contextlib.suppress(NoVersion):
                found |= index.resolve_offers(python, [name], alone=True)
        return found


def _compare_package(
    wheel: Wheel,
    found: Mapping[str, Offers],
    resolved: ResolvedLine,
    newest: OfferedWheel | None,
    anywhere: OfferedWheel | None,
) -> OutdatedPackage:
    kinds = {
        kind: offers[wheel.name].version
        if wheel.name in offers
        else ""
        if offers
        else wheel.version
        for kind, offers in found.items()
    }
    reasons: list[HeldBack] = []
    known = Version(kinds[MAJOR] or wheel.version)
    if newest and Version(newest.version) > known:
        holders = resolved.find_holders(newest, resolved.needs.get(newest.file))
        reasons = holders or [HeldBack(UNKNOWN, "")]
    if newest and anywhere and Version(anywhere.version) > Version(newest.version):
        reasons.append(HeldBack(f"Python {resolved.python}", "python"))
    by = [wheel.name if each.package == REQUIREMENTS else each.package for each in reasons]
    last = max([known, *(Version(each.version) for each in (newest, anywhere) if each)])
    return OutdatedPackage(
        wheel.name,
        wheel.version,
        kinds[PATCH],
        kinds[FEATURE],
        kinds[MAJOR],
        str(last),
        tuple(each.reason for each in reasons),
        # another line alone would lift what holds it back
        any(each == "python" or is_platform(each) for each in by),
    )
