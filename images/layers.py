"""Python layers: the wheels of one LayerSpec as one layer, compiled without installing anything."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from images import layer_lock, wheelhouse
from images.layer_lock import LockedLayer
from images.locks import Wheel
from images.wheels import InstalledFile, OpenWheel, Prefix
from oci.tarball import Blob, DamagedStream, LayerWriter, Sink
from runner.errors import ConfigError

FORMAT = "2"
"""Raise when the bytes that the same wheels compile to change: it is part of every content key."""

BYTECODE_FORMAT = "3"
"""As FORMAT, for what the same sources are compiled to."""

OS, WHEEL, POOL, BYTECODE = "os", "wheel", "pool", "bytecode"


@dataclass(frozen=True)
class LayerSpec:
    """A layer before it is made: a pure function of what its content key names.

    `locked` is what its lock says must come of it. Only the OS layer has no lock: Debian's packages
    are those of the day it is made.
    """

    name: str
    kind: str
    stack: str
    wheels: tuple[Wheel, ...]
    key: str
    locked: Blob | None = None

    @property
    def wheel_bytes(self) -> int:
        """Size of its wheels, which is about its own where the layer copies them."""
        return sum(wheel.size for wheel in self.wheels)


def content_key(*facts: object) -> str:
    """The hexadecimal key of what a layer is made from."""
    return hashlib.sha256(json.dumps([FORMAT, *facts], sort_keys=True).encode()).hexdigest()


def specs_of_stack(
    stack: str, wheels: Sequence[Wheel], prefix: Prefix, epoch: int
) -> tuple[LayerSpec, ...]:
    """The Python layers of one stack: a layer per big wheel, one pool of the small, and the
    bytecode of each kind.

    What changes seldom comes first.
    """
    big = [wheel for wheel in wheels if wheel.size >= wheelhouse.BIG_BYTES]
    small = tuple(wheel for wheel in wheels if wheel.size < wheelhouse.BIG_BYTES)

    def spec(name: str, kind: str, held: Sequence[Wheel]) -> LayerSpec:
        names = sorted((wheel.file, wheel.sha256) for wheel in held)
        recipe = [BYTECODE_FORMAT] if kind == BYTECODE else []
        key = content_key(kind, names, prefix.root, prefix.python, epoch, *recipe)
        return LayerSpec(name, kind, stack, tuple(held), key)

    found = [spec(f"{wheel.name} {wheel.version}", WHEEL, [wheel]) for wheel in big]
    if big:
        found.append(spec(f"bytecode of {stack} big wheels", BYTECODE, big))
    if small:
        found.append(spec(f"packages of {stack}", POOL, small))
        found.append(spec(f"bytecode of {stack} packages", BYTECODE, small))
    return tuple(found)


def with_locks(
    specs: Sequence[LayerSpec], lock: Sequence[LockedLayer], place: Path, line: str
) -> list[LayerSpec]:
    """Return the Python layers of a stack, each with what its lock says it is.

    Raises ConfigError if the lock (read from `place`) does not hold exactly these layers, as after
    a wheel was locked anew.
    """
    by_key = {layer.key: layer for layer in lock}
    for spec in specs:
        held = by_key.pop(spec.key, None)
        if held is None or (held.name, held.kind) != (spec.name, spec.kind):
            raise ConfigError(
                f"{place}: no entry for the layer `{spec.name}`, which the lock of wheels needs",
                layer_lock.relock_hint(line),
            )
    if by_key:
        stale = next(iter(by_key.values())).name
        raise ConfigError(
            f"{place}: the layer `{stale}` is of no wheels that are locked now",
            layer_lock.relock_hint(line),
        )
    blobs = {layer.key: layer.blob for layer in lock}
    return [replace(spec, locked=blobs[spec.key]) for spec in specs]


def compile_wheels(wheels: Sequence[Wheel], prefix: Prefix, epoch: int, target: Sink) -> Blob:
    """Write the wheels as one layer.

    Raises ConfigError naming the wheel that is not what was locked.
    """
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(_verified(wheel)) for wheel in wheels]
        files = ((wheel, file) for wheel in opened for file in wheel.contents(prefix))
        return _write(files, epoch, target)


def compile_bytecode(zips: Sequence[Path], epoch: int, target: Sink) -> Blob:
    """Write the zips of bytecode_compiler.py, in order, as one layer."""
    with contextlib.ExitStack() as stack:
        opened = [
            stack.enter_context(OpenWheel(Wheel(path.name, "", "", "", 0), path)) for path in zips
        ]
        files = (
            (made, InstalledFile(name, 0o644, member=name))
            for made in opened
            for name in made.names
        )
        return _write(files, epoch, target)


def _write(files: Iterable[tuple[OpenWheel, InstalledFile]], epoch: int, target: Sink) -> Blob:
    """Write files as one layer, folders first."""
    writer = LayerWriter(target, epoch)
    kept = _once(files)
    folders = _folders(kept)
    if both := sorted(kept.keys() & set(folders)):
        raise kept[both[0]][0].damaged(f"its /{both[0]} is a folder of other files")
    for folder in folders:
        writer.directory(folder)
    for wheel, file in kept.values():
        _write_file(writer, wheel, file)
    return writer.close()


def _once(
    files: Iterable[tuple[OpenWheel, InstalledFile]],
) -> dict[str, tuple[OpenWheel, InstalledFile]]:
    """Files by path. Wheels may share a file (`nvidia/__init__.py`), but only the same one."""
    kept: dict[str, tuple[OpenWheel, InstalledFile]] = {}
    for wheel, file in files:
        first, same = kept.setdefault(file.path, (wheel, file))
        if (first.checksum(same), same.mode) != (wheel.checksum(file), file.mode):
            raise wheel.damaged(
                f"/{file.path} is also in {first.wheel.name}, with other contents or another mode"
            )
    return kept


def _verified(wheel: Wheel) -> OpenWheel:
    path = wheelhouse.path_of(wheel)
    wheelhouse.verify(wheel, path)
    return OpenWheel(wheel, path)


def _write_file(writer: LayerWriter, wheel: OpenWheel, file: InstalledFile) -> None:
    source = wheel.deflated(file.member) if file.member else None
    if source is None:
        writer.data(file.path, file.mode, wheel.read(file.member) if file.member else file.data)
        return
    try:
        writer.copied(file.path, file.mode, source)
    except DamagedStream as error:
        raise wheel.damaged(f"{file.member}: {error}") from None


def _folders(paths: Iterable[str]) -> list[str]:
    """Every folder above the paths, parents first."""
    found = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    return sorted(found - {"."})
