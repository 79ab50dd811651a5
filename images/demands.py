"""Which requirement holds a package back, in one resolution of a line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from typing import cast

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from images.index import OfferedWheel, WheelNeeds
from runner.untrusted import clean_line

MAX_ROUNDS = 20
"""How often extras are followed from package to package."""
MAX_DEMAND_CHARACTERS = 160
"""Characters of a requirement that are shown."""

REQUIREMENTS = "requirements.in"
"""The holder of what the stacks themselves require."""

_LINUX = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "sys_platform": "linux",
}


@dataclass(frozen=True)
class HeldBack:
    """A reason why a package is not the newest, and the package that would have to change."""

    reason: str
    package: str


@dataclass(frozen=True)
class Demand:
    """A requirement that counts in a resolution, and who has it: a package and its version."""

    holder: str
    requirement: Requirement

    @property
    def package(self) -> str:
        """The normalised name of the package that is required."""
        return canonicalize_name(self.requirement.name)

    def excludes(self, version: str) -> bool:
        """Return whether the required package may not have this version."""
        return not self.requirement.specifier.contains(version, prereleases=True)

    def __str__(self) -> str:
        wanted = f"{self.requirement.name}{self.requirement.specifier}"
        return clean_line(f"{self.holder} ({wanted})", MAX_DEMAND_CHARACTERS)


@dataclass(frozen=True)
class ResolvedLine:
    """The wheels of one resolution, by name, and what they require, by the names of their files.

    `wanted` are the requirements of the stacks themselves.
    """

    python: str
    wanted: tuple[Requirement, ...]
    wheels: Mapping[str, OfferedWheel]
    needs: Mapping[str, WheelNeeds]

    def find_holders(self, candidate: OfferedWheel, its_needs: WheelNeeds | None) -> list[HeldBack]:
        """Return the requirements that keep `candidate` out of this resolution.

        They are those of others that exclude its version, else its own that exclude a package of
        the resolution. The list is empty if no single requirement does.
        """
        others = [
            HeldBack(str(each), each.holder.partition(" ")[0])
            for each in self._demands
            if each.package == candidate.name and each.excludes(candidate.version)
        ]
        return list(dict.fromkeys(others or self._own_demands(candidate, its_needs)))

    def _own_demands(
        self, candidate: OfferedWheel, its_needs: WheelNeeds | None
    ) -> Iterator[HeldBack]:
        """Yield the requirements of a candidate that a package of the resolution does not meet."""
        for requirement in its_needs.requires if its_needs else ():
            demand = Demand(candidate.name, requirement)
            held = self.wheels.get(demand.package)
            if (
                held
                and _is_active(requirement, self.python, {""})
                and demand.excludes(held.version)
            ):
                wanted = f"{held.name}{requirement.specifier}"
                reason = f"its own need of {wanted}: the line has {held.version}"
                yield HeldBack(clean_line(reason, MAX_DEMAND_CHARACTERS), held.name)

    @cached_property
    def _demands(self) -> list[Demand]:
        """All requirements that count; those of an extra do if somebody asks for the extra."""
        extras: dict[str, Set[str]] = defaultdict(lambda: {""})
        for _ in range(MAX_ROUNDS):
            found = [Demand(REQUIREMENTS, each) for each in self.wanted]
            for wheel in self.wheels.values():
                needs = self.needs.get(wheel.file)
                found += [
                    Demand(f"{wheel.name} {wheel.version}", requirement)
                    for requirement in (needs.requires if needs else ())
                    if _is_active(requirement, self.python, extras[wheel.name])
                ]
            next_extras: dict[str, Set[str]] = defaultdict(lambda: {""})
            for each in found:
                next_extras[each.package] = next_extras[each.package] | each.requirement.extras
            if next_extras == extras:
                break
            extras = next_extras
        return found


def _is_active(requirement: Requirement, python: str, extras: Set[str]) -> bool:
    """Return whether a requirement counts for Python `python` on Linux with one of `extras`."""
    if requirement.marker is None:
        return True
    place = cast(dict[str, str], default_environment()) | _LINUX
    place |= {"python_version": python, "python_full_version": f"{python}.0"}
    try:
        return any(requirement.marker.evaluate(place | {"extra": extra}) for extra in extras)
    except (ValueError, RecursionError):  # a name or a version that means nothing
        return False
