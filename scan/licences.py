"""Licences of packages, against the list of those that may be shipped."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Any

from license_expression import get_spdx_licensing

from scan.policy import POLICY, LicencePolicy
from scan.record import Package, ScanProblem, limit_problems

LICENCE = "licence"
WAY_OUT = f"replace the package, or have its licence read and entered in {POLICY.name}"

_SPDX = get_spdx_licensing()


def check_python_licences(
    packages: tuple[Package, ...], allowed: LicencePolicy
) -> tuple[ScanProblem, ...]:
    """Return every Python package whose licence may not be shipped, or is not known.

    What is inside a wheel is left to the package that brings it. Many are counted
    (`limit_problems`).
    """
    return tuple(limit_problems(list(_python_problems(packages, allowed))))


def _python_problems(
    packages: tuple[Package, ...], allowed: LicencePolicy
) -> Iterator[ScanProblem]:
    for package in packages:
        if package.type != "pypi" or not package.path:
            continue
        name = package.name.lower()
        if any(fnmatch.fnmatchcase(name, reviewed.package) for reviewed in allowed.reviewed):
            continue
        refused = [
            licence for licence in package.licences if not _is_licence_allowed(licence, allowed)
        ]
        if refused:
            yield _licence_problem(package, f"{', '.join(refused)} is not allowed")
        elif not package.licences:
            yield _licence_problem(package, "its metadata names no licence")


def check_debian_areas(areas: Mapping[str, str], allowed: LicencePolicy) -> tuple[ScanProblem, ...]:
    """Return every Debian package of an archive area that may not be shipped.

    Many are counted (`limit_problems`): an image can claim any number of packages.
    """
    found = [
        ScanProblem(LICENCE, name, f"it is from Debian's {area}, which is not allowed", WAY_OUT)
        for name, area in sorted(areas.items())
        if area not in allowed.areas
    ]
    return tuple(limit_problems(found))


def _licence_problem(package: Package, what: str) -> ScanProblem:
    return ScanProblem(LICENCE, f"{package.name} {package.version}", what, WAY_OUT)


def _is_licence_allowed(licence: str, allowed: LicencePolicy) -> bool:
    """Return whether an SPDX expression is allowed: one side of each OR, both sides of each AND."""

    def is_allowed(expression: Any) -> bool:  # noqa: ANN401 - the library has no types
        if isinstance(expression, _SPDX.OR):
            return any(is_allowed(part) for part in expression.args)
        if isinstance(expression, _SPDX.AND):
            return all(is_allowed(part) for part in expression.args)
        return expression is not None and str(expression) in allowed.allowed

    try:
        return is_allowed(_SPDX.parse(licence))
    except Exception:  # for some texts the library has mistakes of its own
        return False
