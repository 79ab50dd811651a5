"""Every path of an image has one owner: checked over all its wheels before anything is built.

Layers are made one by one, and the later one of two that hold the same path hides the file of the
other. So a check inside one layer cannot see this, and the engine does not say it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from images import wheelhouse
from images.locks import Wheel
from images.wheels import OpenWheel, Prefix
from runner.errors import ConfigError
from runner.untrusted import clean_line


@dataclass(frozen=True)
class _Owner:
    """The first wheel that has a path. `contents` are CRC-32, size and mode; None for a folder."""

    package: str
    path: str
    contents: tuple[int, int, int] | None


def check_owners(wheels: Iterable[Wheel], prefix: Prefix) -> None:
    """Require that no two wheels of an image install different files at one path.

    Paths are the same if they differ only in upper and lower case, or in how Unicode composes a
    character. A file of one wheel that is a folder of another is refused too. Two packages may
    share a file that is the same in both (`nvidia/__init__.py`). Only the directories of the zips
    and small files are read, from the wheelhouse.

    Raises ConfigError that names both packages and the path.
    """
    owners: dict[str, _Owner] = {}
    for wheel in {wheel.file: wheel for wheel in wheels}.values():
        found = _read_files(wheel, prefix)
        parts = (owner.path.split("/")[:-1] for owner in found)
        folders = {folder for each in parts for folder in accumulate(each, "{}/{}".format)}
        found += [_Owner(wheel.name, folder, None) for folder in sorted(folders)]
        for owner in found:
            # equal for paths which a person, or another system, takes for one
            folded = unicodedata.normalize("NFKC", owner.path).casefold()
            first = owners.setdefault(folded, owner)
            # both may be in one image if they are two folders, or the same file
            is_same = first.contents == owner.contents and (
                first.contents is None or first.path == owner.path
            )
            if first.package != owner.package and not is_same:
                raise _overlap_error(first, owner)


def _read_files(wheel: Wheel, prefix: Prefix) -> list[_Owner]:
    """Return the files of a wheel as it is installed."""
    path = wheelhouse.wheel_path(wheel)
    try:
        with OpenWheel(wheel, path) as opened:
            return [
                _Owner(wheel.name, file.path, (*opened.file_checksum(file), file.mode))
                for file in opened.installed_files(prefix)
            ]
    except ConfigError:
        wheelhouse.verify_wheel(wheel, path)  # if it is not the locked one, that is the reason
        raise


def _overlap_error(first: _Owner, second: _Owner) -> ConfigError:
    shown = clean_line(first.path, 300)
    if first.contents is None or second.contents is None:
        how = "for one of them it is a folder, for the other a file"
    elif first.path != second.path:
        how = f"the other name is /{clean_line(second.path, 300)}"
    else:
        how = "with other contents or another mode"
    return ConfigError(
        f"{first.package} and {second.package} both install /{shown} ({how})",
        "an image can have only one of the two packages: take the other out of requirements.in, or "
        "exclude the version that needs it (`NAME!=VERSION`), then run `./release.py lock`",
    )
