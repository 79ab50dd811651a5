"""What all containers of strangers' images have in common: names of our own, no volume on the
host's disk, and a watch on the disk that they could fill.

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

import requests
from docker.errors import DockerException
from docker.types import Mount

PREFIX = "pytorch-cuda-images"
VOLUME_BYTES = 64 << 20
MOST_VOLUMES = 50
"""Volumes that an image may declare; the engine needs about 10 ms for each."""
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
"""How the engine and runc report what the image's own configuration or files do not allow to
start.
"""


class ImageCannotStart(Exception):
    """The image's own configuration does not let a container of it start. The message says what."""


def is_fault_of_the_image(error: Exception) -> bool:
    """Return whether the engine refused a container for what the image itself is configured to be
    or to hold.
    """
    return _IMAGE_CANNOT_START.search(str(error)) is not None


def new_name(purpose: str) -> str:
    """Return a name for a container that says whose it is."""
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
    """Return a mount in memory for each volume that an image declares: else it is a folder of the
    host's disk.

    `taken` are paths that something else is mounted at, `ours` the folder of the harness, where an
    image may have none. Raises ImageCannotStart for a path that no volume can have.
    """
    paths = (path for path in _volumes(config, ours) if path not in taken)
    return [
        Mount(path, None, type="tmpfs", tmpfs_size=VOLUME_BYTES, tmpfs_mode=0o1777)
        for path in paths
    ]


def volumes_read_only(
    config: Mapping[str, Any], ours: str, labels: Mapping[str, str] | None = None
) -> list[Mount]:
    """Return a mount for each volume that an image declares: what the image holds there, and
    nothing can be written.

    The engine makes them, with names of ours and `labels`; `remove_volumes` removes them, and
    `remove_left_volumes` those of runs that were killed. Raises ImageCannotStart for a path that no
    volume can have, and for more than MOST_VOLUMES.
    """
    return [
        Mount(path, new_name("volume"), type="volume", read_only=True, labels=dict(labels or {}))
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
    """Remove the volumes of `mounts` if a container of them cannot be made: the engine leaves those
    that it made.
    """
    try:
        yield
    except BaseException:  # also if the engine does not answer, or a person stops this run
        _remove_named(client, (str(mount["Source"]) for mount in mounts))
        raise


def remove_left_volumes(client: Any, label: str) -> None:  # noqa: ANN401
    """Remove the volumes of `volumes_read_only` whose `label` names a folder that is gone: the run
    that made them was killed.
    """
    listed = client.api.volumes({"name": f"{PREFIX}-volume-", "label": label})
    for each in listed.get("Volumes") or ():
        if not Path((each.get("Labels") or {}).get(label, "/")).exists():
            _remove_named(client, [str(each.get("Name", ""))])


def _remove_named(client: Any, names: Iterable[str]) -> None:  # noqa: ANN401
    """Remove volumes with names of ours. Another run finds those that the engine keeps."""
    for name in names:
        if name.startswith(f"{PREFIX}-volume-"):
            with contextlib.suppress(DockerException, requests.RequestException):
                client.api.remove_volume(name, force=True)


def _volumes(config: Mapping[str, Any], ours: str) -> Iterator[str]:
    declared = config.get("Volumes") or ()
    if len(declared) > MOST_VOLUMES:
        raise ImageCannotStart(
            f"it declares {len(declared):,} volumes, more than the allowed {MOST_VOLUMES}"
        )
    for path in dict.fromkeys(declared):
        plain = f"/{posixpath.normpath(path).lstrip('/')}"
        if not path.startswith("/") or plain == "/" or "\0" in path:
            raise ImageCannotStart("it declares a volume that is not a folder below `/`")
        if plain == ours or plain.startswith(f"{ours}/"):
            raise ImageCannotStart(
                f"it declares a volume in `{ours}`, where the harness is mounted"
            )
        yield plain


def disks_of(client: Any, *folders: Path) -> tuple[Path, ...]:  # noqa: ANN401
    """Return `folders`, and the folder in which the engine keeps containers if that is on this
    machine.
    """
    kept = Path(str(client.info().get("DockerRootDir") or "/nowhere"))
    return (*folders, kept) if kept.is_dir() else folders


def full_disk(folders: Iterable[Path]) -> str:
    """Return which disk is nearly full, and an empty text if none is."""
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
