"""Lock files: the exact wheel of each package of a stack.

A lock is a pip requirements file with one hash per package, so that pip can check it too. Each line
ends with the wheel's file name and size in bytes, so that a plan needs no network:

    torch==2.6.0 --hash=sha256:6860df13...  # torch-2.6.0-cp311-cp311-manylinux1_x86_64.whl
    766664273

No line has the address of an index.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

from runner import records
from runner.errors import ConfigError
from runner.untrusted import clean_line

_LINE = re.compile(
    r"(?P<name>[\w.-]+)==(?P<version>\S+) --hash=sha256:(?P<sha256>[0-9a-f]{64})"
    r"  # (?P<file>\S+\.whl) (?P<size>\d{1,12})",
    re.ASCII,
)
_REFRESH = "run `./release.py lock` to write it again"


@dataclass(frozen=True)
class Wheel:
    """One locked wheel.

    `name` is normalised, `size` is in bytes, `line` is its line number in the lock.
    """

    name: str
    version: str
    sha256: str
    file: str
    size: int
    line: int = 0

    def lock_line(self) -> str:
        """Return the wheel as a line of its lock."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}  # {self.file} {self.size}"


@dataclass(frozen=True)
class Lock:
    """The wheels of one stack on one line, by name."""

    path: Path
    wheels: tuple[Wheel, ...]

    def find_wheel(self, name: str) -> Wheel | None:
        """Return the wheel of a package, by its normalised name; None if there is none."""
        return next((wheel for wheel in self.wheels if wheel.name == name), None)

    def place_of(self, wheel: Wheel | None) -> str:
        """Return `FILE:LINE` of a wheel, or of the lock's first line if there is no wheel."""
        return f"{self.path}:{wheel.line if wheel else 1}"


def read_lock(path: Path) -> Lock:
    """Return the lock in a file.

    Raises ConfigError if it is missing, if a line is not one pinned wheel, or if two lines are of
    one package.
    """
    if not path.exists():
        raise ConfigError(f"missing lock {path}", "run `./release.py lock` to make it")
    lines = enumerate(records.read_text(path).splitlines(), start=1)
    lock = Lock(
        path,
        tuple(
            _parse_wheel(path, number, line)
            for number, line in lines
            if line and not line.startswith("#")
        ),
    )
    for wheel in lock.wheels:
        if lock.find_wheel(wheel.name) is not wheel:
            raise ConfigError(f"{lock.place_of(wheel)}: {wheel.name} is locked twice", _REFRESH)
    return lock


def write_lock(path: Path, stack: str, wheels: list[Wheel]) -> None:
    """Write the slice of a resolution that belongs to `stack`."""
    head = (
        f"# The wheels of {stack}. Written by `./release.py lock` from requirements.in; do not "
        "edit.\n"
    )
    body = "".join(
        f"{wheel.lock_line()}\n" for wheel in sorted(wheels, key=lambda wheel: wheel.name)
    )
    records.write_text(path, head + body)


def _parse_wheel(path: Path, number: int, line: str) -> Wheel:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ConfigError(
            f"{path}:{number}: not `NAME==VERSION --hash=sha256:HEX  # FILE SIZE`", _REFRESH
        )
    parsed = None
    with contextlib.suppress(ValueError):  # also of a number with more digits than Python reads
        parsed = parse_wheel_filename(match["file"])
    # `packaging` allows any character in the tags, also those of a path.
    if parsed is None or not re.fullmatch(r"[A-Za-z0-9_.+!-]+", match["file"]):
        raise ConfigError(
            f"{path}:{number}: `{clean_line(match['file'], 120)}` is not a wheel's file name",
            _REFRESH,
        )
    name, version, _, _ = parsed
    if name != canonicalize_name(match["name"]) or str(version) != match["version"]:
        raise ConfigError(
            f"{path}:{number}: the file {match['file']} is not {match['name']} {match['version']}",
            _REFRESH,
        )
    if name != match["name"]:
        raise ConfigError(
            f"{path}:{number}: write the normalised name `{name}`, not `{match['name']}`",
            _REFRESH,
        )
    return Wheel(
        match["name"], match["version"], match["sha256"], match["file"], int(match["size"]), number
    )
