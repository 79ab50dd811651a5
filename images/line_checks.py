"""Checks of a line of the catalogue: against itself and `compatibility.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from images.catalog_entries import Line
from images.compatibility import COMPATIBILITY, Compatibility
from images.version import is_line, line_of_torch
from runner import yaml_files
from runner.errors import ConfigError
from runner.untrusted import clean_line


@dataclass(frozen=True)
class CatalogFile:
    """A file that is checked, to name the line of an error in it."""

    path: Path
    text: str

    def error_at(self, loc: tuple[int | str, ...], message: str, hint: str) -> ConfigError:
        """Return an error that names the file and the line of the entry `loc`."""
        return ConfigError(f"{self.path}:{yaml_files.line_of(self.text, *loc)}: {message}", hint)


def check_line_name(name: str, line: Line, check: CatalogFile) -> None:
    """Require the name of a line, and its torch. Raises ConfigError, as all of these checks do."""
    if not is_line(name):
        raise check.error_at(
            ("lines", name),
            f"`{clean_line(name, 60)}` is not the name of a line",
            "write it as 2.6, in quotes",
        )
    if line_of_torch(line.torch) != name:
        raise check.error_at(
            ("lines", name, "torch"),
            f"line {name} declares torch {line.torch}",
            f"the torch of a line has the line's number: {name}.x",
        )


def check_torch(name: str, line: Line, known: Compatibility, check: CatalogFile) -> None:
    """Require that torch, its packages, CUDA and Python go together, and that facts are known."""
    at = ("lines", name)
    release = known.torch.get(line.torch)
    if release is None:
        hint = f"known: {', '.join(known.torch)}; add new ones to {COMPATIBILITY.name}"
        message = f"torch {line.torch} is not in {COMPATIBILITY.name}"
        raise check.error_at((*at, "torch"), message, hint)
    for package in ("torchvision", "torchaudio"):
        written, right = getattr(line, package), getattr(release, package)
        if written != right:
            shown = written or "null (none)"
            message = f"{package} {shown} does not go with torch {line.torch}"
            hint = f"write {package}: {repr(right) if right else 'null'}"
            raise check.error_at((*at, package), message, hint)
    for key, choices in (("cuda", tuple(release.builds)), ("python", release.python)):
        written = getattr(line, key)
        if written not in choices:
            message = f"torch {line.torch} was never built for {key} {written}"
            raise check.error_at((*at, key), message, f"choose one of {', '.join(choices)}")
    if unknown := known.find_build(line.torch, line.cuda).unknown_facts:
        message = (
            f"{COMPATIBILITY.name} lacks {', '.join(unknown)} of torch {line.torch} for CUDA "
            f"{line.cuda}"
        )
        hint = f"add them there, under torch, {line.torch}, builds, {line.cuda}"
        raise check.error_at((*at, "cuda"), message, hint)


def check_system(name: str, line: Line, known: Compatibility, check: CatalogFile) -> None:
    """Require that the driver is new enough for CUDA, and that Debian has the line's Python."""
    at = ("lines", name)
    toolkit, debian = known.toolkits.get(line.cuda), known.debian.get(line.debian)
    if toolkit is None:
        hint = f"add its drivers there, under toolkits, {line.cuda}"
        message = f"{COMPATIBILITY.name} lacks the drivers of CUDA {line.cuda}"
        raise check.error_at((*at, "cuda"), message, hint)
    if _numbers_of(line.driver_floor) < _numbers_of(toolkit.oldest_driver):
        message = f"CUDA {line.cuda} does not run on driver {line.driver_floor}"
        hint = f"write driver_floor: {toolkit.oldest_driver!r}, or a newer one"
        raise check.error_at((*at, "driver_floor"), message, hint)
    if debian is None:
        hint = f"known: {', '.join(known.debian)}; add it there, under debian"
        message = f"Debian {line.debian} is not in {COMPATIBILITY.name}"
        raise check.error_at((*at, "debian"), message, hint)
    if line.python != debian.python:
        message = (
            f"Debian {line.debian} has no Python {line.python}: it packages {debian.python} alone"
        )
        others = [suite for suite, each in known.debian.items() if each.python == line.python]
        choice = f"choose debian: {others[0]}" if others else "no Debian known here has that Python"
        hint = f"write python: {debian.python!r}; {choice}"
        raise check.error_at((*at, "python"), message, hint)


def _numbers_of(driver: str) -> tuple[int, ...]:
    return tuple(map(int, driver.split(".")))
