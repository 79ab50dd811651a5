"""Refreshing the locks: one resolution per line over all its stacks, sliced into a lock per stack.

Because every slice comes from the same resolution, any combination of stacks is free of conflicts. The index is
whatever pip and uv are configured to use on this machine; its address stays out of the locks.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from images import layer_lock, wheelhouse
from images.catalog import IMAGES, Catalog, Line
from images.layer_lock import LockedLayer
from images.locks import Wheel, read_lock, write_lock
from oci.registry import file_sha256
from runner import home, progress, shell
from runner.errors import ConfigError, EnvironmentFailed

HINT = "check requirements.in of the stacks and pip's index configuration"
UV = Path(sys.executable).parent / "uv"


Locks = dict[str, list[Wheel]]
"""The wheels of a line, by stack."""

LayerLocks = Mapping[str, tuple[LockedLayer, ...]]
"""The locked layers of a line, by stack."""


def resolve(catalog: Catalog, name: str, constraints: Sequence[str] = ()) -> Locks:
    """Resolve line `name` again, as new as `constraints` (`jinja2>=3.1.5,<3.2`) allow, and download what is new."""
    line = catalog.lines[name]
    with home.scratch("resolve") as work:
        allowed = work / "allowed.txt"
        allowed.write_text("".join(f"{constraint}\n" for constraint in constraints))
        whole = work / "whole.txt"
        whole.write_text(_compile(line, work, list(catalog.stacks), allowed, hashes=True))
        pins = work / "pins.txt"
        pins.write_text(_compile(line, work, list(catalog.stacks), allowed, hashes=False))
        wheels = _download(line, whole)
        names = {
            stack: _names(_compile(line, work, list(catalog.stacks_of(stack)), pins, hashes=False))
            for stack in catalog.stacks
        }
    return {stack: _slice(catalog, stack, names, wheels) for stack in catalog.stacks}


def locked(catalog: Catalog, name: str) -> Locks:
    """What the locks of line `name` hold now; nothing of a stack that has none yet."""
    paths = {stack: _lock(stack, name) for stack in catalog.stacks}
    return {stack: list(read_lock(path).wheels) for stack, path in paths.items() if path.exists()}


def write(name: str, locks: Locks) -> None:
    """Write the lock of every stack of line `name`."""
    for stack, held in locks.items():
        write_lock(_lock(stack, name), stack, held)
        progress.say(f"  {stack}: {len(held)} wheels, {progress.megabytes(sum(wheel.size for wheel in held))}")


def locked_layers(catalog: Catalog, name: str) -> LayerLocks:
    """Return what the locks of layers of line `name` hold now; nothing of a stack that has none that can be read."""
    found = {}
    for stack in catalog.stacks:
        with contextlib.suppress(ConfigError):
            found[stack] = layer_lock.read(layer_lock.path_of(IMAGES, stack, name), name)
    return found


def write_layers(name: str, locks: LayerLocks) -> None:
    """Write the lock of layers of every stack of line `name`."""
    for stack, held in locks.items():
        layer_lock.write(layer_lock.path_of(IMAGES, stack, name), stack, held)


def _lock(stack: str, line: str) -> Path:
    return IMAGES / stack / f"{line}.lock"


def _slice(catalog: Catalog, stack: str, names: dict[str, set[str]], wheels: dict[str, Wheel]) -> list[Wheel]:
    below = {name for parent in catalog.stacks_of(stack) if parent != stack for name in names[parent]}
    return [wheels[name] for name in sorted(names[stack] - below)]


def _compile(line: Line, work: Path, stacks: Sequence[str], constraints: Path, *, hashes: bool) -> str:
    """The resolution of the requirements of `stacks`, as uv writes it."""
    wanted = work / "wanted.in"
    wanted.write_text("".join(_requirements(line, stack) for stack in stacks))
    options = ["--no-emit-index-url", "--no-header", "--no-annotate", "--quiet", "--python-version", line.python]
    options += ["--python-platform", "x86_64-manylinux_2_28", "--only-binary", ":all:"]
    options += ["--generate-hashes"] if hashes else []
    return shell.run([UV, "pip", "compile", *options, "--constraint", constraints, wanted], hint=HINT)


def _requirements(line: Line, stack: str) -> str:
    text = (IMAGES / stack / "requirements.in").read_text()
    lines = (row for row in text.splitlines() if not row.startswith("#"))
    return "".join(f"{row}\n" for row in lines).format(
        torch=line.torch, torchvision=line.torchvision, torchaudio=line.torchaudio
    )


def _names(resolution: str) -> set[str]:
    return set(_versions(resolution.splitlines()))


def _versions(lines: Iterable[str]) -> dict[str, str]:
    pins = (Requirement(line.rstrip(" \\")) for line in lines if line and not line.startswith((" ", "#")))
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}


def _download(line: Line, whole: Path) -> dict[str, Wheel]:
    """Fetch the wheel pip chooses for every pin, and read its name, hash and size."""
    folder = home.kept("wheels")
    command = [*wheelhouse.pip_download(line.python), "-r", str(whole), "-d", str(folder)]
    with progress.step("download the resolution"):
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise EnvironmentFailed(f"download failed: {' '.join(done.stderr.splitlines()[-2:])[:300]}", HINT)
    text = whole.read_text()
    return {wheel.name: wheel for wheel in _wheels(folder, _versions(text.splitlines()), text)}


def _wheels(folder: Path, versions: dict[str, str], resolution: str) -> Iterable[Wheel]:
    for path in sorted(folder.glob("*.whl")):
        try:
            name, version, _, _ = parse_wheel_filename(path.name)
        except InvalidWheelFilename:
            continue
        if versions.get(name) == str(version) and (found := file_sha256(path)) in resolution:
            yield Wheel(name, str(version), found, path.name, path.stat().st_size)
