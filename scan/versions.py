"""Comparison of two versions of a package, by the rules of its type.

Those are PEP 440 for Python packages, and section 5.6.12 of the Policy Manual for Debian's. The
meaning of a number depends on its author, so a step goes by its position, in calendar versions too:
`2026.10.23` to `2026.11.1` is minor.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cmp_to_key
from typing import Any, Generic, TypeVar

from debian.debian_support import NativeVersion
from packaging.version import Version

from runner.errors import ConfigError, EnvironmentFailed
from runner.untrusted import escape_unprintable

MAX_CHARACTERS = 200
"""A longer text is no version. Python reads no number of more than 4,300 digits."""


class Step(StrEnum):
    """First part that differs. With the last two, the version of the software is the same."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"
    DEBIAN_REVISION = "debian revision"
    LOCAL_VERSION = "local version"


@dataclass(frozen=True)
class VersionChange:
    """A change of version; `downgrade` if the package or the software in it became older."""

    step: Step
    downgrade: bool


V = TypeVar("V")


@dataclass(frozen=True)
class _VersionRules(Generic[V]):
    parse: Callable[[str], V]
    step: Callable[[V, V], Step]
    downgrade: Callable[[V, V], bool]


def read_python_version(text: str) -> Version | None:
    """Return a version of a Python package (PEP 440), or None if the text is none."""
    try:
        return _parse_python(text.strip())
    except ValueError:
        return None


def require_version(kind: str, name: str, version: str) -> None:
    """Raise an error if a version cannot be compared.

    Raises ConfigError if there are no rules for this `kind` of package, and EnvironmentFailed if
    the text is not a version of it.
    """
    if kind not in _RULES:
        raise ConfigError(
            f"{name} {version}: no rules for versions of {kind} packages",
            "add them to scan/versions.py",
        )
    try:
        _RULES[kind].parse(version)
    except ValueError:
        raise EnvironmentFailed(
            f"{name}: `{escape_unprintable(version, 80)}` is not a version of a {kind} package",
            "run the scan again; if it stays, the package's metadata is wrong: leave that release "
            "of it out",
        ) from None


def compare_versions(kind: str, one: str, other: str) -> int:
    """Return a negative number if `one` is older, 0 if both are equal, else a positive one.

    `1.0` and `1.0.0` of PyPI are equal.
    """
    parse = _RULES[kind].parse
    first, second = parse(one), parse(other)
    return int(first > second) - int(first < second)


def newest_first(kind: str) -> Callable[[str], Any]:
    """Return a sort key for versions, the newest first."""
    return cmp_to_key(lambda one, other: compare_versions(kind, other, one))


def measure_change(kind: str, before: str, after: str) -> VersionChange:
    """Return step and direction between two versions that differ."""
    rules = _RULES[kind]
    old, new = rules.parse(before), rules.parse(after)
    return VersionChange(rules.step(old, new), rules.downgrade(old, new))


def reaches_fix(kind: str, before: str, fixed: str, after: str) -> bool:
    """Return whether `after`, and not yet `before`, has a version of `fixed`.

    `fixed` is Trivy's list, for instance `1.26.19, 2.2.2`. Versions in it that cannot be read are
    left out.
    """
    for each in fixed.split(","):
        with contextlib.suppress(ValueError):
            if (
                compare_versions(kind, before, each.strip())
                < 0
                <= compare_versions(kind, after, each.strip())
            ):
                return True
    return False


def _parse_python(version: str) -> Version:
    """Return a Python version; raise ValueError if it is not one."""
    if len(version) > MAX_CHARACTERS:
        raise ValueError(version[:MAX_CHARACTERS])
    return Version(version)


def _python_step(before: Version, after: Version) -> Step:
    """Return the step between two Python versions.

    A pre- or development release is before its release: `2.0rc1` to `2.0` is major.
    """
    if before.epoch != after.epoch:
        return Step.MAJOR
    if differs := _first_difference(before.release, after.release):
        return differs
    if _prerelease_parts(before) != _prerelease_parts(after):
        return _release_level(before.release)
    same = (before.post, before.dev) == (after.post, after.dev)
    return Step.LOCAL_VERSION if same else Step.PATCH


def _prerelease_parts(version: Version) -> tuple[object, object]:
    """Return the parts that make it a pre- or development release, but not of a post-release."""
    return version.pre, version.dev if version.post is None else None


def _first_difference(before: Sequence[int], after: Sequence[int]) -> Step | None:
    """Return the step between two releases, with 0 for missing numbers; None if they are equal."""
    length = max(len(before), len(after))
    old, new = ((*numbers, *(0,) * (length - len(numbers))) for numbers in (before, after))
    return next((_step_at(index) for index in range(length) if old[index] != new[index]), None)


def _release_level(release: Sequence[int]) -> Step:
    """Return the step by the last number but 0: `2.0` major, `2.6.0` minor, `2.6.1` patch."""
    return _step_at(max((index for index, number in enumerate(release) if number), default=0))


def _step_at(index: int) -> Step:
    return (Step.MAJOR, Step.MINOR, Step.PATCH)[min(index, 2)]


# dpkg requires a digit first, python-debian does not.
_DEBIAN = re.compile(r"(?:[0-9]+:)?[0-9]\S*")
# Debian's additions to an upstream version: updates of a native package, and repacked files.
_DEBIANS_OWN = re.compile(
    r"[+~](?:deb[0-9]+u[0-9]+|nmu[0-9]+)|\+b[0-9]+$|[+.~](?:dfsg|ds)\.?[0-9]*"
)
# `5.6.1+really5.4.5` is 5.4.5 with a version that sorts after 5.6.1.
_REALLY = re.compile(r".*\+really(?=[0-9])")


def _parse_debian(version: str) -> NativeVersion:
    """Return a Debian version; raise ValueError if it is not one.

    The class `Version` is not used: it is apt's own if python-apt is installed, and may differ.
    """
    if len(version) > MAX_CHARACTERS or not _DEBIAN.fullmatch(version):
        raise ValueError(version)
    return NativeVersion(version)


def _debian_step(before: NativeVersion, after: NativeVersion) -> Step:
    """Return the step between two upstream versions; a new epoch is always major."""
    if _debian_epoch(before) != _debian_epoch(after):
        return Step.MAJOR
    old, new = _upstream_version(before), _upstream_version(after)
    if old == new:
        return Step.DEBIAN_REVISION
    return _first_difference(_leading_numbers(old), _leading_numbers(new)) or (
        _release_level(_leading_numbers(old)) if "~" in old + new else Step.PATCH
    )


def _is_debian_downgrade(before: NativeVersion, after: NativeVersion) -> bool:
    # with an epoch: without one, python-debian takes a colon in the rest for the end of one
    old, new = (NativeVersion(f"0:{_packaged_version(each)}") for each in (before, after))
    older_inside = new < old
    return after < before or (_debian_epoch(before) == _debian_epoch(after) and older_inside)


def _debian_epoch(version: NativeVersion) -> int:
    return int(version.epoch or 0)


def _packaged_version(version: NativeVersion) -> str:
    return _REALLY.sub("", version.upstream_version or "")


def _upstream_version(version: NativeVersion) -> str:
    return _DEBIANS_OWN.sub("", _packaged_version(version))


def _leading_numbers(upstream: str) -> tuple[int, ...]:
    leading = re.match(r"[0-9]+(?:\.[0-9]+)*", upstream)
    return tuple(map(int, leading[0].split("."))) if leading else ()


_RULES: dict[str, _VersionRules[Any]] = {
    "pypi": _VersionRules(_parse_python, _python_step, lambda before, after: after < before),
    "deb": _VersionRules(_parse_debian, _debian_step, _is_debian_downgrade),
}
