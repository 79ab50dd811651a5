"""Disks that are nearly full: which folders to look at, and what to say."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from runner import engine_kind
from runner.engine_kind import EngineObject
from runner.nouns import count_noun

FREE_BYTES = 10**9
CONTAINERD_FOLDER = Path("/var/lib/containerd")
"""Where containerd keeps images and containers, unless its configuration names another folder."""
FREE_INODES = 10_000
"""If less is free on a disk that a container can write to, the container is ended."""


def disks_of(client: EngineObject, *folders: Path) -> tuple[Path, ...]:
    """Return `folders`, and those of the engine's containers and images that are on this machine.

    containerd has a folder of its own, which may be on another disk.
    """
    info = client.info()
    kept = [Path(str(info.get("DockerRootDir") or "/nowhere"))]
    if engine_kind.keeps_images_in_containerd(info):
        kept.append(CONTAINERD_FOLDER)
    return (*folders, *(each for each in kept if each.is_dir()))


def find_full_disk(folders: Iterable[Path], needed: int = 0) -> str:
    """Return a message that names a disk which is nearly full, or an empty text.

    `needed` are bytes that will be written.
    """
    for folder in folders:
        with contextlib.suppress(OSError):
            found = os.statvfs(folder)
            free = found.f_bavail * found.f_frsize
            if free < FREE_BYTES + needed:
                written = f", and {needed / 1e6:.0f} MB will be written" if needed else ""
                return (
                    f"the disk of {folder} has {free / 1e6:.0f} MB left, less than the "
                    f"{FREE_BYTES / 1e6:.0f} MB that must stay free{written}"
                )
            if found.f_files > 0 and found.f_favail < FREE_INODES:
                return (
                    f"the disk of {folder} has room for "
                    f"{count_noun(found.f_favail, 'more file')}, less than the {FREE_INODES} that "
                    "must stay free"
                )
    return ""
