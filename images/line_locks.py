"""The locks of a line: read together, and compared with each other, the line and the facts."""

from __future__ import annotations

from pathlib import Path

from packaging.tags import compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from images.catalog import IMAGES, Catalog, Line
from images.compatibility import COMPATIBILITY, Compatibility, load_compatibility, local_version
from images.locks import Lock, Wheel, read_lock
from images.names import BASE
from runner.errors import ConfigError


def locks_of(
    catalog: Catalog,
    line: str,
    stacks: tuple[str, ...],
    root: Path = IMAGES,
    facts: Path = COMPATIBILITY,
) -> dict[str, Lock]:
    """Return the locks of `stacks`, checked against each other, the line and `facts`.

    Raises ConfigError if one is missing or wrong.
    """
    locks = {stack: read_lock(root / stack / f"{line}.lock") for stack in stacks}
    _check_locks_agree(locks)
    for lock in locks.values():
        _check_lock_of_python(catalog.lines[line], lock)
    if BASE in locks:
        _check_lock_of_base(catalog.lines[line], locks[BASE], load_compatibility(facts))
    return locks


def _check_locks_agree(locks: dict[str, Lock]) -> None:
    """Require that stacks that share a package share the same wheel of it."""
    chosen: dict[str, tuple[Lock, Wheel]] = {}
    for lock in locks.values():
        for wheel in lock.wheels:
            first, same = chosen.setdefault(wheel.name, (lock, wheel))
            if same.sha256 != wheel.sha256:
                raise ConfigError(
                    f"{lock.place_of(wheel)}: {wheel.name} {wheel.version} is another wheel than "
                    "the "
                    f"one in {first.place_of(same)}",
                    "run `./release.py lock`: it writes all locks from one resolution",
                )


def _check_lock_of_python(line: Line, lock: Lock) -> None:
    """Require that every wheel is for the line's Python."""
    version = tuple(map(int, line.python.split(".")))
    tags = (
        *cpython_tags(version, platforms=["any"]),
        *compatible_tags(version, f"cp{line.python.replace('.', '')}", ["any"]),
    )
    allowed = {(tag.interpreter, tag.abi) for tag in tags}
    for wheel in lock.wheels:
        *_, own = parse_wheel_filename(wheel.file)
        if not any((tag.interpreter, tag.abi) in allowed for tag in own):
            raise ConfigError(
                f"{lock.place_of(wheel)}: {wheel.file} is not for Python {line.python}, which the "
                "line has",
                "run `./release.py lock`, or correct `python` in the catalogue",
            )


def _check_lock_of_base(line: Line, lock: Lock, known: Compatibility) -> None:
    """Require that the lock has the versions of the line, and what its torch requires."""
    for package in ("torch", "torchvision", "torchaudio"):
        wheel, version = lock.find_wheel(package), getattr(line, package)
        if wheel is None and version is None:
            continue
        # 2.6.0+cu126 is 2.6.0 in its build for CUDA 12.6
        builds = (version, f"{version}{local_version(line.cuda)}")
        if wheel is None or wheel.version not in builds:
            asserted = f"{version} for CUDA {line.cuda}" if version else "none"
            raise _contradiction_error(lock, wheel, f"{package} {asserted}")
    runtime = next(
        (wheel for wheel in lock.wheels if wheel.name.startswith("nvidia-cuda-runtime")), None
    )
    if runtime is None or not runtime.version.startswith(f"{line.cuda}."):
        raise _contradiction_error(lock, runtime, f"CUDA {line.cuda}")
    build = known.find_build(line.torch, line.cuda)
    for library, version in (("cudnn", build.cudnn), ("nccl", build.nccl)):
        wheel = lock.find_wheel(f"nvidia-{library}-cu{line.cuda.partition('.')[0]}")
        if wheel is not None and version is not None and wheel.version != version:
            raise ConfigError(
                f"{lock.place_of(wheel)}: torch {line.torch} for CUDA {line.cuda} requires "
                f"{library} "
                f"{version}, the lock holds {wheel.version}",
                f"run `./release.py lock`, or correct {COMPATIBILITY.name}",
            )


def _contradiction_error(lock: Lock, wheel: Wheel | None, asserted: str) -> ConfigError:
    found = f"{wheel.name} {wheel.version}" if wheel else "none"
    return ConfigError(
        f"{lock.place_of(wheel)}: the catalogue says {asserted}, the lock holds {found}",
        "run `./release.py lock` with an index that has this build, or correct the catalogue",
    )
