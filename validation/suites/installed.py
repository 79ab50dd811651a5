"""What is installed in the image, told apart from the harness that is mounted beside it."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path

from .contract.layout import ROOT

_BIN = Path(sys.prefix) / "bin"
_OF_THE_HARNESS = ("VALIDATION_", "PYTEST_")
_PINNED = re.compile(r"(?P<name>[\w.-]+)\s*\(?\s*==\s*(?P<version>[\w.]+)")


@dataclass(frozen=True)
class RecordedFile:
    """A file that a package says is its own; `size` in bytes, None where it does not say."""

    package: str
    path: str
    size: int | None

    @property
    def problem(self) -> str:
        """What is wrong with it on disk; empty where nothing is."""
        try:
            size = Path(self.path).stat().st_size
        except OSError as error:
            return f"{self.path} of {self.package}: {error.strerror}"
        return (
            ""
            if self.size in (None, size)
            else f"{self.path} of {self.package} has {size} bytes of {self.size}"
        )


@cache
def own_distributions() -> tuple[Distribution, ...]:
    """Every package that Python finds, but for those of the harness."""
    harness = Path(os.environ.get(ROOT, "/nowhere")).resolve()
    entries = dict.fromkeys(Path(entry).resolve() for entry in sys.path)
    own = [str(entry) for entry in entries if not entry.is_relative_to(harness)]
    return tuple(found for found in distributions(path=own) if found.metadata["Name"])


def normalised(name: str) -> str:
    """A package's name as the lock has it (PyPA specification, name normalisation)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def packages() -> tuple[tuple[str, str], ...]:
    """Normalised name and version of every package; one that is there twice is listed twice."""
    return tuple(
        sorted((normalised(found.metadata["Name"]), found.version) for found in own_distributions())
    )


def differences(found: Iterable[tuple[str, str]], locked: Iterable[tuple[str, str]]) -> list[str]:
    """How the packages of the image differ from the lock, a few words for each."""
    here, wanted = _versions(found), _versions(locked)
    differences = []
    for name in sorted(here.keys() | wanted.keys()):
        if name not in here:
            differences.append(f"{name} {wanted[name][0]} is missing")
        elif here[name] != wanted.get(name):
            lock = f"has {wanted[name][0]}" if name in wanted else "has no such package"
            differences.append(
                f"{name} {' and '.join(here[name])} is installed where the lock {lock}"
            )
    return differences


def _versions(packages: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    versions: dict[str, list[str]] = {}
    for name, version in sorted(packages):
        versions.setdefault(name, []).append(version)
    return versions


def recorded_files() -> Iterator[RecordedFile]:
    """Every file that the RECORD of a package names (PyPA specification, recording installed
    projects).
    """
    for found in own_distributions():
        name, root = normalised(found.metadata["Name"]), str(found.locate_file(""))
        for row in csv.reader((found.read_text("RECORD") or "").splitlines()):
            size = int(row[2]) if len(row) > 2 and row[2] else None
            yield RecordedFile(name, os.path.normpath(f"{root}/{row[0]}"), size)


def without_record() -> list[str]:
    """Packages that do not say which files are theirs."""
    return sorted(
        found.metadata["Name"] for found in own_distributions() if not found.read_text("RECORD")
    )


def pinned_by(package: str) -> dict[str, str]:
    """The packages that `package` wants in one version alone, by normalised name; empty where it is
    not there.
    """
    wanted = [
        requirement
        for found in own_distributions()
        if normalised(found.metadata["Name"]) == package
        for requirement in found.requires or ()
    ]
    matches = filter(None, map(_PINNED.match, wanted))
    return {normalised(match["name"]): match["version"] for match in matches}


def needing(package: str) -> set[str]:
    """Normalised names of the packages that require `package`."""
    wanted = re.compile(rf"{re.escape(package)}(?![\w.-])")
    return {
        normalised(found.metadata["Name"])
        for found in own_distributions()
        if any(wanted.match(requirement) for requirement in found.requires or ())
    }


def console_scripts() -> tuple[EntryPoint, ...]:
    """Every command that a package of the image declares."""
    return tuple(
        entry
        for found in own_distributions()
        for entry in found.entry_points
        if entry.group == "console_scripts"
    )


def script_problem(name: str) -> str:
    """Why the command `name` cannot start; empty where it can."""
    path = _BIN / name
    if not path.is_file():
        return f"{path} is missing"
    if not os.access(path, os.X_OK):
        return f"{path} is not executable"
    with path.open("rb") as file:
        first = file.readline().decode(errors="replace").strip()
    interpreter = Path(first.removeprefix("#!").split(" ")[0])
    return (
        "" if first.startswith("#!") and interpreter.exists() else f"{path} begins with `{first}`"
    )


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command as a user of the image would run it, the harness not on its path; `variables` on
    top of the image's.

    One that does not end within 60 s has exit code -9 and no output.
    """
    own = {
        name: value for name, value in os.environ.items() if not name.startswith(_OF_THE_HARNESS)
    }
    environment = {**own, **variables}
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=60,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, -9, "", "still running after 60 s")
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", f"{command[0]}: {error.strerror}")


def python(script: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A script of the harness in a Python of its own, which finds none of the harness's modules."""
    return run(sys.executable, "-P", str(script), *arguments, **variables)


def problem(done: subprocess.CompletedProcess[str]) -> str:
    """Its exit code and the last line it printed."""
    said = (done.stdout + done.stderr).strip().splitlines() or ["nothing printed"]
    return f"exit {done.returncode}, {said[-1]}"


def some(items: Iterable[str], at_most: int = 3) -> str:
    """The first few of a list, and how many more there are."""
    named = [*items]
    more = f" and {len(named) - at_most} more" if len(named) > at_most else ""
    return ", ".join(named[:at_most]) + more
