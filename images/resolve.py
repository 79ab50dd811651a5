"""Refreshing of the locks: one resolution for a line, divided into a lock for each stack.

Because all locks come from one resolution, any combination of stacks is free of conflicts. The
indexes are those that pip is configured to use on this machine (images/indexes.py). Their addresses
are not written into the locks.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from images import indexes, layer_lock, space, wheelhouse
from images.catalog import IMAGES, Catalog, Line
from images.compatibility import load_compatibility
from images.indexes import UvSettings
from images.layer_lock import LockedLayer
from images.locks import Wheel, read_lock, write_lock
from oci.registry import file_sha256
from runner import home, progress, records, settings, shell
from runner.child_variables import RESOLVERS, secrets_for
from runner.errors import ConfigError, EnvironmentFailed
from runner.nouns import count_noun
from runner.untrusted import clean_line

HINT = "check requirements.in, and the indexes of pip (`pip config list`) and uv (UV_DEFAULT_INDEX)"
UV = Path(sys.executable).parent / "uv"


Locks = dict[str, list[Wheel]]
"""The wheels of a line, by stack."""

LayerLocks = Mapping[str, tuple[LockedLayer, ...]]
"""The locked layers of a line, by stack."""


def resolve_line(catalog: Catalog, name: str, constraints: Sequence[str] = ()) -> Locks:
    """Resolve line `name` again and download new wheels; return the wheels of each stack.

    Versions are as new as `constraints` (`jinja2>=3.1.5,<3.2`) allow. Raises ConfigError if a
    requirement is wrong, and EnvironmentFailed if a download fails.
    """
    line, uv = catalog.lines[name], indexes.settings_of_uv()
    with home.scratch_folder("resolve") as work:
        allowed = work / "allowed.txt"
        allowed.write_text("".join(f"{constraint}\n" for constraint in constraints))
        whole = work / "whole.txt"
        whole.write_text(
            _compile_requirements(line, work, uv, list(catalog.stacks), allowed, hashes=True)
        )
        pins = work / "pins.txt"
        pins.write_text(
            _compile_requirements(line, work, uv, list(catalog.stacks), allowed, hashes=False)
        )
        known: list[Wheel] = []  # of every lock that can be read, of all lines and stacks
        for path in IMAGES.glob("*/*.lock"):
            if not path.name.endswith(".layers.lock"):
                with contextlib.suppress(ConfigError):
                    known += read_lock(path).wheels
        needed = space.bytes_of_resolution(_parse_pins(records.read_text(pins).splitlines()), known)
        space.require_space(f"the wheels of line {name}", needed)
        wheels = _download_wheels(line, whole)
        resolutions = {
            stack: _compile_requirements(
                line, work, uv, list(catalog.stacks_of(stack)), pins, hashes=False
            )
            for stack in catalog.stacks
        }
    names = {stack: set(_parse_pins(text.splitlines())) for stack, text in resolutions.items()}
    return divide_by_stack(catalog, wheels, names)


def divide_by_stack(
    catalog: Catalog, wheels: Mapping[str, Wheel], names: Mapping[str, Set[str]]
) -> Locks:
    """Return the wheels of each stack: those of its `names` that no stack below it has."""
    locks: Locks = {}
    for stack in catalog.stacks:
        parents = [parent for parent in catalog.stacks_of(stack) if parent != stack]
        below = {package for parent in parents for package in names[parent]}
        locks[stack] = [wheels[package] for package in sorted(names[stack] - below)]
    return locks


def read_locks(catalog: Catalog, name: str) -> Locks:
    """Return the wheels in the locks of line `name`, without stacks that have no lock yet."""
    paths = {stack: _lock_path(stack, name) for stack in catalog.stacks}
    return {stack: list(read_lock(path).wheels) for stack, path in paths.items() if path.exists()}


def write_locks(name: str, locks: Locks) -> None:
    """Write the lock of every stack of line `name`."""
    for stack, held in locks.items():
        write_lock(_lock_path(stack, name), stack, held)
        progress.say_line(
            f"  {stack}: {count_noun(len(held), 'wheel')}, "
            f"{progress.format_megabytes(sum(wheel.size for wheel in held))}"
        )


def read_layer_locks(catalog: Catalog, name: str) -> LayerLocks:
    """Return the layers in the locks of line `name`, without stacks whose lock cannot be read."""
    found = {}
    for stack in catalog.stacks:
        with contextlib.suppress(ConfigError):
            found[stack] = layer_lock.read_layer_lock(
                layer_lock.layer_lock_path(IMAGES, stack, name), name
            )
    return found


def write_layer_locks(name: str, locks: LayerLocks) -> None:
    """Write the layer lock of every stack of line `name`."""
    for stack, held in locks.items():
        layer_lock.write_layer_lock(layer_lock.layer_lock_path(IMAGES, stack, name), stack, held)


def _lock_path(stack: str, line: str) -> Path:
    return IMAGES / stack / f"{line}.lock"


def _compile_requirements(  # noqa: PLR0913 - what to resolve, how, and where from
    line: Line,
    work: Path,
    uv: UvSettings,
    stacks: Sequence[str],
    constraints: Path,
    *,
    hashes: bool,
) -> str:
    """Return the resolution of the requirements of `stacks`, as uv writes it."""
    wanted = work / "wanted.in"
    wanted.write_text("".join(read_requirements(line, stack) for stack in stacks))
    options = ["--generate-hashes"] if hashes else []
    return shell.run(
        uv_command(line.python, *options, *uv.options, "--constraint", constraints, wanted),
        hint=HINT,
        env=uv.variables,
        allowed=RESOLVERS,
    )


def uv_command(python: str, *words: str | Path) -> list[str | Path]:
    """Return uv's command that resolves wheels alone, for Python `python` on x86-64 Linux.

    Nothing is built: a source distribution would run code of others.
    """
    options = ["--no-emit-index-url", "--no-header", "--no-annotate", "--quiet"]
    # else uv downloads a whole Python of a version that is not installed, which resolving needs not
    options += ["--no-python-downloads", "--python", sys.executable]
    options += ["--python-version", python, "--python-platform", "x86_64-manylinux_2_28"]
    # else uv takes an alpha version if only that goes with the newest of another package
    options += ["--prerelease", "explicit"]
    return [UV, "pip", "compile", *options, "--only-binary", ":all:", *words]


def read_requirements(line: Line, stack: str) -> str:
    """Return the requirements of a stack with the line's versions.

    A requirement that names a package which the line does not have is left out.

    Raises ConfigError if one is not a name with its versions: an option or an address would install
    code that does not come from the index.
    """
    path = IMAGES / stack / "requirements.in"
    found = []
    for number, row in enumerate(records.read_text(path).splitlines(), start=1):
        if row.strip() and not row.lstrip().startswith("#"):
            found.append(_fill_requirement(line, row, f"{path}:{number}"))
    return "".join(f"{requirement}\n" for requirement in found if requirement)


def _fill_requirement(line: Line, row: str, place: str) -> str:
    """Return a requirement with the line's versions; empty if the line has no such package."""
    named = {"torch": line.torch, "torchvision": line.torchvision, "torchaudio": line.torchaudio}
    known = load_compatibility()
    versions = {
        name: version and known.index_version(line.torch, version, line.cuda)
        for name, version in named.items()
    }
    # NVIDIA's wheels for CUDA 12 have no nvcc.
    versions["cuda13"] = line.cuda if line.cuda.startswith("13.") else None
    words = re.findall(r"\{([^{}]*)\}", row)
    if unknown := next((word for word in words if word not in versions), None):
        hint = f"use one of: {', '.join(f'{{{name}}}' for name in versions)}"
        raise ConfigError(f"{place}: unknown word {unknown!r:.40} in braces", hint)
    if any(versions[word] is None for word in words):
        return ""
    text = row.partition(" #")[0].strip()
    for word in words:
        text = text.replace(f"{{{word}}}", versions[word] or "")
    try:
        is_plain = Requirement(text).url is None
    except (ValueError, RecursionError):  # more digits, or deeper brackets, than Python reads
        is_plain = False
    if not is_plain:
        raise ConfigError(
            f"{place}: `{clean_line(text, 80)}` is not a requirement", "write NAME or NAME==VERSION"
        )
    return text


def _parse_pins(lines: Iterable[str]) -> dict[str, str]:
    pins = (
        Requirement(line.rstrip(" \\"))
        for line in lines
        if line and not line.startswith((" ", "#"))
    )
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in pins}


def _download_wheels(line: Line, whole: Path) -> dict[str, Wheel]:
    """Download the wheel that pip chooses for every pin; return the wheels by name."""
    folder = home.make_home_folder("wheels")
    command: list[str | Path] = [
        *wheelhouse.pip_download_command(line.python),
        "-r",
        whole,
        "-d",
        folder,
    ]
    with progress.show_step("download the resolution"):
        done = shell.run_to_end(
            command,
            hint=HINT,
            env=secrets_for(settings.INDEXES),
            timeout_s=wheelhouse.DOWNLOAD_TIMEOUT_S,
            allowed=RESOLVERS,
        )
    if done.code != 0:
        problem = f"download failed: {wheelhouse.describe_failure(done.stderr)}"
        raise EnvironmentFailed(problem, shell.full_disk_hint(done.stderr) or HINT)
    text = records.read_text(whole)
    return {
        wheel.name: wheel for wheel in _read_wheels(folder, _parse_pins(text.splitlines()), text)
    }


def _read_wheels(folder: Path, versions: dict[str, str], resolution: str) -> Iterable[Wheel]:
    for path in sorted(folder.glob("*.whl")):
        try:
            name, version, _, _ = parse_wheel_filename(path.name)
        except ValueError:
            continue
        if versions.get(name) == str(version) and (found := file_sha256(path)) in resolution:
            yield Wheel(name, str(version), found, path.name, path.stat().st_size)
