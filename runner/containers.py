"""The common parts of all containers of images under test: names, volumes, a watch on the disk.

An image can choose its labels, its volumes and its user. It cannot choose the name of a container.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from docker.errors import DockerException, NotFound
from docker.types import Mount

PREFIX = "pytorch-cuda-images"
VOLUME_BYTES = 64 << 20
FREE_BYTES = 10**9
FREE_INODES = 10_000
"""If less is free on a disk that a container can write to, the container is ended."""

_IMAGE_CANNOT_START = re.compile(
    r"executable file not found|exec format error"
    r"|no such file or directory: unknown|permission denied: unknown"
    r"|unable to find (?:user|group)|no users found|chdir to cwd|not a directory: unknown"
    r"|Duplicate mount point|uids and gids must be in range"
    r"|invalid mount config|mount path must be absolute"
    r"|cannot be mounted because|destination can't be '/'"
    r"|to rootfs at \\?\"?/(?:harness|look|proc|dev|sys)"
    r"|source \S+ is not directory|are you trying to mount a directory onto a file"
)
"""The errors of the engine and runc that the image's own configuration or files cause."""


class ImageCannotStart(Exception):
    """The image's own configuration does not let a container start.

    The message gives the reason.
    """


def is_fault_of_the_image(error: Exception) -> bool:
    """Return whether the engine refused a container because of the image itself.

    That is its configuration, or its files.
    """
    return _IMAGE_CANNOT_START.search(str(error)) is not None


def new_name(purpose: str) -> str:
    """Return a name for a container that shows that it belongs to this project."""
    return f"{PREFIX}-{purpose}-{secrets.token_hex(8)}"


def of_purpose(client: Any, purpose: str) -> Iterator[Any]:  # noqa: ANN401 - docker-py has no types
    """Yield the containers that were started under `new_name(purpose)`, running or not."""
    begins = f"{PREFIX}-{purpose}-"
    for container in client.containers.list(
        all=True, filters={"name": begins}, ignore_removed=True
    ):
        if container.name.startswith(begins):
            yield container


def volumes_in_memory(config: Mapping[str, Any], taken: Iterable[str], ours: str) -> list[Mount]:
    """Return a mount in memory for each volume that an image declares.

    Without it, the volume would be a folder on the host's disk. `taken` are paths where something
    else is mounted, `ours` is the folder of the harness, where an image may have no volume. Raises
    ImageCannotStart for a path that no volume can have.
    """
    paths = (path for path in _volumes(config, ours) if path not in taken)
    return [
        Mount(path, None, type="tmpfs", tmpfs_size=VOLUME_BYTES, tmpfs_mode=0o1777)
        for path in paths
    ]


def volumes_read_only(config: Mapping[str, Any], ours: str) -> list[Mount]:
    """Return a read-only mount for each volume that an image declares, with the image's content.

    The engine makes them under names of this project, and `remove_volumes` removes them. Raises
    ImageCannotStart for a path that no volume can have.
    """
    return [
        Mount(path, new_name("volume"), type="volume", read_only=True)
        for path in _volumes(config, ours)
    ]


def remove_volumes(container: Any) -> None:  # noqa: ANN401
    """Remove the volumes of `volumes_read_only`, after the container that had them."""
    _remove_named(
        container.client,
        (str(mount.get("Name", "")) for mount in container.attrs.get("Mounts") or ()),
    )


@contextlib.contextmanager
def without_volumes_of_a_failure(client: Any, mounts: Iterable[Mount]) -> Iterator[None]:  # noqa: ANN401
    """Remove the volumes of `mounts` if their container cannot be made: the engine leaves them."""
    try:
        yield
    except DockerException:
        _remove_named(client, (str(mount["Source"]) for mount in mounts))
        raise


def _remove_named(client: Any, names: Iterable[str]) -> None:  # noqa: ANN401
    for name in names:
        if name.startswith(f"{PREFIX}-volume-"):
            with contextlib.suppress(NotFound):
                client.api.remove_volume(name, force=True)


def _volumes(config: Mapping[str, Any], ours: str) -> Iterator[str]:
    for path in dict.fromkeys(config.get("Volumes") or ()):
        plain = f"/{posixpath.normpath(path).lstrip('/')}"
        if not path.startswith("/") or plain == "/" or "\0" in path:
            raise ImageCannotStart("it declares a volume that is not a folder below `/`")
        if plain == ours or plain.startswith(f"{ours}/"):
            raise ImageCannotStart(
                f"it declares a volume in `{ours}`, where the harness is mounted"
            )
        yield plain


def disks_of(client: Any, *folders: Path) -> tuple[Path, ...]:  # noqa: ANN401
    """Return `folders`, and the engine's folder of containers if that is on this machine."""
    kept = Path(str(client.info().get("DockerRootDir") or "/nowhere"))
    return (*folders, kept) if kept.is_dir() else folders


def full_disk(folders: Iterable[Path]) -> str:
    """Return a message that names a disk which is nearly full, or an empty text."""
    for folder in folders:
        with contextlib.suppress(OSError):
            found = os.statvfs(folder)
            free = found.f_bavail * found.f_frsize
            if free < FREE_BYTES:
                return (
                    f"the disk of {folder} has {free / 1e6:.0f} MB left while a container can "
                    "write to it"
                )
            if found.f_files > 0 and found.f_favail < FREE_INODES:
                return (
                    f"the disk of {folder} has room for {found.f_favail} more files, and a "
                    "container can write to it"
                )
    return ""
