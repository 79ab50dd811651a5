"""The versions that a kind of release allows for a Python package, for the resolver.

The same contract as release_kinds.py, used before there is anything to compare: a release of that
kind may contain what a lock is refreshed to within these ranges.
"""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import Version

from publish.policy.release_kinds import DATA, MAJOR, PATCH, is_dated, is_platform


def version_constraint(name: str, version: str, kind: str, fixes: Sequence[str] = ()) -> str:
    """Return the versions that a package may have in the next release of a kind.

    It is locked as `version` now. The result is a constraint, for example `jinja2>=3.1.5,<3.2`.
    `fixes` are versions that fix advisories on it: if the range ends before the highest of them, it
    is extended to that one and the patch levels above it. Empty if everything is allowed.
    """
    if kind == MAJOR:
        return ""
    if kind == PATCH and is_platform(name):
        return f"{name}=={version}"
    low, high = Version(version), max(map(Version, (version, *fixes)))
    if not is_dated(str(low)):
        end = f",<{max(_first_above(low, kind), _first_above(high, PATCH))}"
    elif kind != PATCH or name in DATA:
        end = ""
    else:  # a date does not tell whether it is compatible
        end = f",<={high.public}"
    return f"{name}>={low.public}{end}"


def _first_above(version: Version, kind: str) -> Version:
    """Return the first version that is more than a patch level, or a minor step, above."""
    epoch = f"{version.epoch}!" if version.epoch else ""
    return Version(
        f"{epoch}{version.major}.{version.minor + 1}"
        if kind == PATCH
        else f"{epoch}{version.major + 1}"
    )
