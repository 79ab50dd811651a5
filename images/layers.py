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
from images.wheels import READ_BYTES, InstalledFile, OpenWheel, Prefix
from oci.tarball import Blob, DamagedStream, LayerWriter, Sink
from runner.errors import ConfigError

FORMAT = "2"
"""A part of every content key. Raise it when the same wheels give other bytes than before."""

BYTECODE_FORMAT = "3"
"""As FORMAT, for the bytecode of the same sources."""

OS, UPDATES, DEBIAN = "os", "updates", "debian"
WHEEL, POOL = "wheel", "pool"
BYTECODE, FILES = "bytecode", "files"

OF_DEBIAN = (OS, UPDATES, DEBIAN)
"""The kinds of layers that no lock names: Debian's packages are those of the day."""


@dataclass(frozen=True)
class LayerSpec:
    """A layer before it is made. Its content key names all that it is made from.

    `locked` is the result that its lock demands. Only layers of Debian packages have no lock: the
    packages are those of the day when it is made. `packages` are the names of those that a layer on
    top of the OS layer adds. `files` come from no wheel
    (images/guest_files.py).
    """

    name: str
    kind: str
    stack: str
    wheels: tuple[Wheel, ...]
    key: str
    locked: Blob | None = None
    files: tuple[InstalledFile, ...] = ()
    packages: tuple[str, ...] = ()

    @property
    def wheel_bytes(self) -> int:
        """Bytes of its wheels: about the size of a layer that copies them."""
        return sum(wheel.size for wheel in self.wheels)


def content_key(*facts: object) -> str:
    """Return the content key of a layer (hexadecimal SHA-256) from all that it is made from."""
    return hashlib.sha256(json.dumps([FORMAT, *facts], sort_keys=True).encode()).hexdigest()


def specs_of_stack(
    stack: str, wheels: Sequence[Wheel], prefix: Prefix, epoch: int
) -> tuple[LayerSpec, ...]:
    """Return the Python layers of one stack.

    They are a layer for each big wheel, a pool of the small wheels, and the bytecode of both. The
    layers that seldom change come first.
    """
    big = [wheel for wheel in wheels if wheel.size >= wheelhouse.BIG_BYTES]
    small = tuple(wheel for wheel in wheels if wheel.size < wheelhouse.BIG_BYTES)

    def spec(name: str, kind: str, held: Sequence[Wheel]) -> LayerSpec:
        names = sorted((wheel.file, wheel.sha256) for wheel in held)
        # A list that is empty adds nothing to the key: layers without a rule keep the key they had.
        left_out = [
            [wheel.name, *patterns]
            for wheel in held
            if (patterns := prefix.patterns_of(wheel.name))
        ]
        recipe = [*([BYTECODE_FORMAT] if kind == BYTECODE else []), *left_out]
        key = content_key(kind, names, prefix.root, prefix.python, epoch, *recipe)
        return LayerSpec(name, kind, stack, tuple(held), key)

    found = [spec(f"{wheel.name} {wheel.version}", WHEEL, [wheel]) for wheel in big]
    if big:
        found.append(spec(f"bytecode of {stack} big wheels", BYTECODE, big))
    if small:
        found.append(spec(f"packages of {stack}", POOL, small))
        found.append(spec(f"bytecode of {stack} packages", BYTECODE, small))
    return tuple(found)


def spec_of_files(stack: str, files: tuple[InstalledFile, ...], epoch: int) -> LayerSpec:
    """Return the layer of a stack's own files. It is the last one: these change most often."""
    held = [(file.path, file.mode, hashlib.sha256(file.data).hexdigest()) for file in files]
    key = content_key(FILES, held, epoch)
    return LayerSpec(f"files of {stack}", FILES, stack, (), key, files=files)


def with_locks(
    specs: Sequence[LayerSpec], lock: Sequence[LockedLayer], place: Path, line: str
) -> list[LayerSpec]:
    """Return the Python layers of a stack, each with its locked digest.

    Raises ConfigError if the lock (read from `place`) does not hold exactly these layers, for
    instance after another wheel was locked.
    """
    by_key = {layer.key: layer for layer in lock}
    for spec in specs:
        held = by_key.pop(spec.key, None)
        if held is None or (held.name, held.kind) != (spec.name, spec.kind):
            raise ConfigError(
                f"{place}: no entry for the layer `{spec.name}`, which the wheel lock needs",
                layer_lock.relock_hint(line),
            )
    if by_key:
        stale = next(iter(by_key.values())).name
        raise ConfigError(
            f"{place}: the layer `{stale}` belongs to no wheel in the wheel lock",
            layer_lock.relock_hint(line),
        )
    blobs = {layer.key: layer.blob for layer in lock}
    return [replace(spec, locked=blobs[spec.key]) for spec in specs]


def compile_wheels(wheels: Sequence[Wheel], prefix: Prefix, epoch: int, target: Sink) -> Blob:
    """Write the wheels as one layer.

    Raises ConfigError with the name of a wheel that is not the locked one.
    """
    with contextlib.ExitStack() as stack:
        opened = []
        for wheel in wheels:
            path = wheelhouse.wheel_path(wheel)
            wheelhouse.verify_wheel(wheel, path)
            opened.append(stack.enter_context(OpenWheel(wheel, path)))
        files = ((wheel, file) for wheel in opened for file in wheel.installed_files(prefix))
        return _write_layer(files, epoch, target)


def compile_bytecode(zips: Sequence[Path], epoch: int, target: Sink) -> Blob:
    """Write the zips of bytecode_compiler.py, in order, as one layer."""
    with contextlib.ExitStack() as stack:
        opened = [
            stack.enter_context(OpenWheel(Wheel(path.name, "", "", "", 0), path)) for path in zips
        ]
        files = (
            (made, InstalledFile(name, 0o644, member=name))
            for made in opened
            for name in made.member_names
        )
        return _write_layer(files, epoch, target)


def compile_files(files: Sequence[InstalledFile], epoch: int, target: Sink) -> Blob:
    """Write a stack's own files as one layer."""
    writer = LayerWriter(target, epoch)
    for folder in _folders_of(file.path for file in files):
        writer.add_directory(folder)
    for file in files:
        writer.add_data(file.path, file.mode, file.data)
    return writer.close()


def _folders_of(paths: Iterable[str]) -> list[str]:
    """Return the folders of files, each after those above it."""
    parents = {str(parent) for path in paths for parent in PurePosixPath(path).parents}
    return sorted(parents - {"."})


def _write_layer(
    files: Iterable[tuple[OpenWheel, InstalledFile]], epoch: int, target: Sink
) -> Blob:
    """Write files as one layer, folders first."""
    writer = LayerWriter(target, epoch)
    kept = _merge_files(files)
    folders = _folders_of(kept)
    if both := sorted(kept.keys() & set(folders)):
        raise kept[both[0]][0].damage_error(f"its /{both[0]} is a folder of other files")
    for folder in folders:
        writer.add_directory(folder)
    for wheel, file in kept.values():
        _write_file(writer, wheel, file)
    return writer.close()


def _merge_files(
    files: Iterable[tuple[OpenWheel, InstalledFile]],
) -> dict[str, tuple[OpenWheel, InstalledFile]]:
    """Return the files by path.

    Wheels may share a file (`nvidia/__init__.py`), but it must be the same in all of them.
    """
    kept: dict[str, tuple[OpenWheel, InstalledFile]] = {}
    for wheel, file in files:
        first, same = kept.setdefault(file.path, (wheel, file))
        if (first.file_checksum(same), same.mode) != (wheel.file_checksum(file), file.mode):
            raise wheel.damage_error(
                f"/{file.path} is also in {first.wheel.name}, with other contents or another mode"
            )
    return kept


def _write_file(writer: LayerWriter, wheel: OpenWheel, file: InstalledFile) -> None:
    source = wheel.deflate_stream(file.member) if file.member else None
    try:
        if source is not None:
            writer.add_deflated(file.path, file.mode, source)
        elif not file.member:
            writer.add_data(file.path, file.mode, file.data)
        elif (size := wheel.member_size(file.member)) > READ_BYTES:
            writer.add_chunks(file.path, file.mode, size, wheel.read_chunks(file.member))
        else:
            writer.add_data(file.path, file.mode, wheel.read_member(file.member))
    except DamagedStream as error:
        raise wheel.damage_error(f"{file.member}: {error}") from None
