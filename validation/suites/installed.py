"""The packages that are installed in the image, without the harness that is mounted beside it."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distributions
from pathlib import Path

from .contract.layout import ROOT

LIMIT_S = 100
"""Of one command, in seconds: a little less than a check has."""

_BIN = Path(sys.prefix) / "bin"
_OF_THE_HARNESS = ("VALIDATION_", "PYTEST_")
_PINNED = re.compile(
    r"(?P<name>[\w.-]+)\s*(?:\[(?P<extras>[\w\s,.-]*)\])?\s*\(?\s*==\s*(?P<version>[\w.]*\w)(?:\.\*)?"
)
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w.-]+)['\"]")


@dataclass(frozen=True)
class RecordedFile:
    """A file that a package records as its own; `size` is in bytes, None if it is not recorded."""

    package: str
    path: str
    size: int | None

    @property
    def disk_problem(self) -> str:
        """The fault of the file on disk; empty if there is none."""
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
    """Return every package that Python finds, without those of the harness."""
    harness = Path(os.environ.get(ROOT, "/nowhere")).resolve()
    entries = dict.fromkeys(Path(entry).resolve() for entry in sys.path)
    own = [str(entry) for entry in entries if not entry.is_relative_to(harness)]
    return tuple(found for found in distributions(path=own) if found.metadata["Name"])


def normalise_name(name: str) -> str:
    """Return a package's name as the lock has it (PyPA specification, name normalisation)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def list_packages() -> tuple[tuple[str, str], ...]:
    """Return the normalised name and version of every package.

    A package that is there twice is listed twice.
    """
    return tuple(
        sorted(
            (normalise_name(found.metadata["Name"]), found.version) for found in own_distributions()
        )
    )


def compare_packages(
    found: Iterable[tuple[str, str]], locked: Iterable[tuple[str, str]]
) -> list[str]:
    """Return how the packages of the image differ from the lock, a few words for each."""
    here, wanted = _versions_by_name(found), _versions_by_name(locked)
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


def _versions_by_name(packages: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    versions: dict[str, list[str]] = {}
    for name, version in sorted(packages):
        versions.setdefault(name, []).append(version)
    return versions


def recorded_files() -> Iterator[RecordedFile]:
    """Yield every file in the RECORD of a package.

    Source of the format: PyPA specification, recording installed projects.
    """
    for found in own_distributions():
        name, root = normalise_name(found.metadata["Name"]), str(found.locate_file(""))
        for row in csv.reader((found.read_text("RECORD") or "").splitlines()):
            size = int(row[2]) if len(row) > 2 and row[2] else None
            yield RecordedFile(name, os.path.normpath(f"{root}/{row[0]}"), size)


def packages_without_record() -> list[str]:
    """Return the packages that have no RECORD of their files."""
    return sorted(
        found.metadata["Name"] for found in own_distributions() if not found.read_text("RECORD")
    )


def pinned_versions(package: str, extras: Collection[str] = ()) -> dict[str, str]:
    """Return the packages that `package` requires in one version only, by normalised name.

    Its requirements for `extras` count too, and those of packages that it pins with extras: torch
    2.11 pins CUDA's libraries by `cuda-toolkit[cublas,...]==13.0.2`. The result is empty if
    `package` is not installed.
    """
    found: dict[str, str] = {}
    requirements = (
        requirement
        for each in own_distributions()
        if normalise_name(each.metadata["Name"]) == package
        for requirement in each.requires or ()
    )
    for requirement in requirements:
        match, extra = _PINNED.match(requirement), _EXTRA.search(requirement)
        if match is None or (extra and extra[1] not in extras):
            continue
        name = normalise_name(match["name"])
        found[name] = match["version"]
        if match["extras"]:
            found |= pinned_versions(name, re.split(r"[\s,]+", match["extras"].strip()))
    return found


def find_dependents(package: str) -> set[str]:
    """Return the normalised names of the packages that require `package`."""
    wanted = re.compile(rf"{re.escape(package)}(?![\w.-])")
    return {
        normalise_name(found.metadata["Name"])
        for found in own_distributions()
        if any(wanted.match(requirement) for requirement in found.requires or ())
    }


def console_scripts() -> tuple[EntryPoint, ...]:
    """Return every command that a package of the image declares."""
    return tuple(
        entry
        for found in own_distributions()
        for entry in found.entry_points
        if entry.group == "console_scripts"
    )


def find_script_problem(name: str) -> str:
    """Return why the command `name` cannot start; empty if it can."""
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


def run_command(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user of the image would, without the harness on its path.

    `variables` are added to the environment of the image. A command that does not end within
    LIMIT_S seconds has exit code -9 and no output.
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
            timeout=LIMIT_S,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, -9, "", f"still running after {LIMIT_S} s")
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", f"{command[0]}: {error.strerror}")


def run_python(script: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the harness in a new Python, which does not find the harness's modules."""
    return run_command(sys.executable, "-P", str(script), *arguments, **variables)


def describe_exit(done: subprocess.CompletedProcess[str]) -> str:
    """Return the exit code of a process and the last line it printed."""
    printed = (done.stdout + done.stderr).strip().splitlines() or ["nothing printed"]
    return f"exit {done.returncode}, {printed[-1]}"


def format_some(items: Iterable[str], at_most: int = 3) -> str:
    """Return the first items of a list, and how many more there are."""
    named = [*items]
    more = f" and {len(named) - at_most} more" if len(named) > at_most else ""
    return ", ".join(named[:at_most]) + more
