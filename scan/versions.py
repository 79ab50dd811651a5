"""How far a package moved from one version to another, by the rules of its packaging.

Python packages by PEP 440, Debian's by its Policy Manual, section 5.6.12. What a number means is
its author's business, so a step goes by position, for calendar versions too: `2026.10.23` to
`2026.11.1` is minor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cmp_to_key
from typing import Any, Generic, TypeVar

from debian.debian_support import NativeVersion
from packaging.version import Version

from runner.errors import ConfigError, EnvironmentFailed


class Step(StrEnum):
    """The first thing that differs. The last two leave the software's own version as it was."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"
    DEBIAN_REVISION = "debian revision"
    LOCAL_VERSION = "local version"


@dataclass(frozen=True)
class Move:
    """From one version to another; `downgrade` where the package, or the software in it, is older
    than before.
    """

    step: Step
    downgrade: bool


V = TypeVar("V")


@dataclass(frozen=True)
class _Rules(Generic[V]):
    parse: Callable[[str], V]
    step: Callable[[V, V], Step]
    downgrade: Callable[[V, V], bool]


def check(kind: str, name: str, version: str) -> None:
    """Raises ConfigError where nothing is known of a `kind` of package, EnvironmentFailed where it
    is no version.
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
            f"{name}: `{version}` is no version of a {kind} package",
            (
                "run the scan again; where it stays, the package's own metadata is wrong: leave "
                "that "
                "release of it out"
            ),
        ) from None


def compare(kind: str, one: str, other: str) -> int:
    """Negative where `one` is older, 0 where they are the same version (`1.0` and `1.0.0` of PyPI),
    else positive.
    """
    parse = _RULES[kind].parse
    first, second = parse(one), parse(other)
    return int(first > second) - int(first < second)


def newest_first(kind: str) -> Callable[[str], Any]:
    """A key to sort versions by, the newest first."""
    return cmp_to_key(lambda one, other: compare(kind, other, one))


def move(kind: str, before: str, after: str) -> Move:
    """How far, and whether back. For two versions that differ."""
    rules = _RULES[kind]
    old, new = rules.parse(before), rules.parse(after)
    return Move(rules.step(old, new), rules.downgrade(old, new))


def reaches(kind: str, before: str, fixed: str, after: str) -> bool:
    """Whether going from `before` to `after` passes a version of `fixed`, Trivy's list: `1.26.19,
    2.2.2`.

    A version that cannot be read proves nothing.
    """
    return any(_passes(kind, before, each.strip(), after) for each in fixed.split(","))


def _passes(kind: str, before: str, fixed: str, after: str) -> bool:
    try:
        return compare(kind, before, fixed) < 0 <= compare(kind, after, fixed)
    except ValueError:
        return False


def _python_step(before: Version, after: Version) -> Step:
    """Within one release, a pre- or development release counts as not yet that release: `2.0rc1` to
    `2.0` is major.
    """
    if before.epoch != after.epoch:
        return Step.MAJOR
    if differs := _first_difference(before.release, after.release):
        return differs
    if _unfinished(before) != _unfinished(after):
        return _level(before.release)
    same = (before.post, before.dev) == (after.post, after.dev)
    return Step.LOCAL_VERSION if same else Step.PATCH


def _unfinished(version: Version) -> tuple[object, object]:
    """What makes it a pre- or development release of the release itself, not of a post-release."""
    return version.pre, version.dev if version.post is None else None


def _first_difference(before: Sequence[int], after: Sequence[int]) -> Step | None:
    """The step between two releases, missing numbers taken as 0; None where they are the same."""
    length = max(len(before), len(after))
    old, new = ((*numbers, *(0,) * (length - len(numbers))) for numbers in (before, after))
    return next((_at(index) for index in range(length) if old[index] != new[index]), None)


def _level(release: Sequence[int]) -> Step:
    """What kind of release this is, by its last number that is not 0: `2.0` major, `2.6.0` minor,
    `2.6.1` patch.
    """
    return _at(max((index for index, number in enumerate(release) if number), default=0))


def _at(index: int) -> Step:
    return (Step.MAJOR, Step.MINOR, Step.PATCH)[min(index, 2)]


# dpkg wants a digit first, python-debian does not ask for it.
_DEBIAN = re.compile(r"(?:[0-9]+:)?[0-9]\S*")
# What Debian adds to an upstream version: a native package's updates, and upstream's files packed
# again.
_DEBIANS_OWN = re.compile(
    r"[+~](?:deb[0-9]+u[0-9]+|nmu[0-9]+)|\+b[0-9]+$|[+.~](?:dfsg|ds)\.?[0-9]*"
)
# `5.6.1+really5.4.5` is 5.4.5, under a name that sorts after 5.6.1.
_REALLY = re.compile(r".*\+really(?=[0-9])")


def _debian(version: str) -> NativeVersion:
    """Never apt's own class, which `Version` would be where python-apt is installed: one answer on
    every machine.
    """
    if not _DEBIAN.fullmatch(version):
        raise ValueError(version)
    return NativeVersion(version)


def _debian_step(before: NativeVersion, after: NativeVersion) -> Step:
    """By the upstream version; a new epoch starts the numbers anew, so they say nothing."""
    if _epoch(before) != _epoch(after):
        return Step.MAJOR
    old, new = _upstream(before), _upstream(after)
    if old == new:
        return Step.DEBIAN_REVISION
    return _first_difference(_numbers(old), _numbers(new)) or (
        _level(_numbers(old)) if "~" in old + new else Step.PATCH
    )


def _debian_downgrade(before: NativeVersion, after: NativeVersion) -> bool:
    older_inside = NativeVersion(_software(after)) < NativeVersion(_software(before))
    return after < before or (_epoch(before) == _epoch(after) and older_inside)


def _epoch(version: NativeVersion) -> int:
    return int(version.epoch or 0)


def _software(version: NativeVersion) -> str:
    return _REALLY.sub("", version.upstream_version or "")


def _upstream(version: NativeVersion) -> str:
    return _DEBIANS_OWN.sub("", _software(version))


def _numbers(upstream: str) -> tuple[int, ...]:
    leading = re.match(r"[0-9]+(?:\.[0-9]+)*", upstream)
    return tuple(map(int, leading[0].split("."))) if leading else ()


_RULES: dict[str, _Rules[Any]] = {
    "pypi": _Rules(Version, _python_step, lambda before, after: after < before),
    "deb": _Rules(_debian, _debian_step, _debian_downgrade),
}
