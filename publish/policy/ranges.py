"""The versions that a release kind allows for a Python package, as ranges for the resolver.

These are the rules of release_kinds.py, applied before anything is built. If a lock is refreshed
within these ranges, a release of that kind may contain the result.
"""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import Version

from images.compatibility import is_platform
from publish.policy.release_kinds import DATA, MAJOR, PATCH, is_dated


def version_constraint(name: str, version: str, kind: str, fixes: Sequence[str] = ()) -> str:
    """Return the versions that a package may have in the next release of a kind.

    The result is a constraint, for example `jinja2>=3.1.5,<3.2`; it is empty if every version is
    allowed. `version` is the locked version. `fixes` are versions that fix advisories on the
    package: if the range ends before the highest of them, it is extended to that version and the
    patch levels above it.
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
    else:  # a version that is a date does not say whether it is compatible
        end = f",<={high.public}"
    return f"{name}>={low.public}{end}"


def _first_above(version: Version, kind: str) -> Version:
    """Return the first version that is out of range: the next minor one of a patch, else major."""
    epoch = f"{version.epoch}!" if version.epoch else ""
    return Version(
        f"{epoch}{version.major}.{version.minor + 1}"
        if kind == PATCH
        else f"{epoch}{version.major + 1}"
    )
