"""How far a release kind lets a Python package move, as a constraint for the resolver.

The same contract as release_kinds.py, asked before there is anything to compare: what a lock is
refreshed to within these ranges, a release of that kind may carry.
"""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import Version

from publish.policy.release_kinds import DATA, MAJOR, PATCH, is_dated, is_platform


def constraint(name: str, version: str, kind: str, fixes: Sequence[str] = ()) -> str:
    """The versions that a package locked as `version` may have in the next `kind`, as
    `jinja2>=3.1.5,<3.2`.

    `fixes` are versions that end advisories on it: where the range ends before the furthest of
    them, it is widened to hold that and the patch levels above it. Empty where everything is
    allowed.
    """
    if kind == MAJOR:
        return ""
    if kind == PATCH and is_platform(name):
        return f"{name}=={version}"
    low, high = Version(version), max(map(Version, (version, *fixes)))
    return f"{name}>={low.public}{_end(name, low, high, kind)}"


def _end(name: str, low: Version, high: Version, kind: str) -> str:
    """The upper end of a range; a date says nothing of compatibility, so in a patch only data has
    none.
    """
    if is_dated(str(low)):
        return "" if kind != PATCH or name in DATA else f",<={high.public}"
    ends = [_after(low, kind), _after(high, PATCH)]
    return f",<{max(ends)}"


def _after(version: Version, kind: str) -> Version:
    """The first version that is more than a patch level, or a minor step, above."""
    epoch = f"{version.epoch}!" if version.epoch else ""
    return Version(
        f"{epoch}{version.major}.{version.minor + 1}"
        if kind == PATCH
        else f"{epoch}{version.major + 1}"
    )
