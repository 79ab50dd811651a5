"""Disk space: what a build or a new lock will write, said and compared with what is free before."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence

from images import wheelhouse
from images.layers import BYTECODE, LayerSpec
from images.locks import Wheel
from images.plan import ReleasePlan
from runner import embedded, free_space, home, progress, settings
from runner.errors import EnvironmentFailed

OS_LAYER_BYTES = 250_000_000
"""The root file system of the OS layer and the layer: 119 MB (`docker images pytorch-cuda-os`)
twice.
"""


def require_space(what: str, needed: int) -> None:
    """Say how many bytes `what` will write to the shared folder, and require that they are free.

    Raises EnvironmentFailed with the way to free some.
    """
    folder = home.make_home_folder()
    progress.say_line(f"  {what} will need {progress.format_megabytes(needed)} of {folder}")
    if problem := free_space.find_full_disk([folder], needed):
        raise EnvironmentFailed(
            problem,
            "free space: `./release.py prune --dry-run` shows what nothing needs any more; or set "
            f"{settings.HOME} to a folder on another disk",
        )


def bytes_of_wheels(wheels: Iterable[Wheel]) -> int:
    """Return the bytes of the wheels that are not on this machine yet."""
    return sum(wheel.size for wheel in wheels if not wheelhouse.has_wheel(wheel))


def bytes_of_build(specs: Sequence[LayerSpec]) -> int:
    """Return the bytes that the making of layers will write to the shared folder.

    They are the wheels that are missing, the layers in the registry of this machine (none in
    another registry), and once more the layers that are made at the same time, before each is
    pushed.
    """
    wheels = {wheel.file: wheel for spec in specs for wheel in spec.wheels}
    # of a layer with no lock, about the bytes of its wheels
    sizes = [
        spec.locked.size if spec.locked else 0 if spec.kind == BYTECODE else spec.wheel_bytes
        for spec in specs
    ]
    pushed = 0 if embedded.configured_registry() else sum(sizes)
    made_at_once = sum(sorted(sizes)[-(os.cpu_count() or 1) :])
    return bytes_of_wheels(wheels.values()) + pushed + made_at_once + OS_LAYER_BYTES


def bytes_in_engine(plan: ReleasePlan) -> int:
    """Return the most bytes that the images of a plan take in an engine, once they are unpacked."""
    layers = {spec.key: spec.locked for image in plan.images for spec in image.layers}
    return sum(blob.uncompressed for blob in layers.values() if blob) + OS_LAYER_BYTES


def bytes_of_resolution(pins: Mapping[str, str], known: Iterable[Wheel]) -> int:
    """Return about how many bytes the wheels of a resolution are that are not here yet.

    `pins` are versions by name. An index states no size before the download, so it is that of the
    same package in a lock; also if the name had another CUDA at its end.
    """
    sizes: dict[str, int] = {}
    here = set()
    for wheel in known:
        stem = re.sub(r"-cu\d+$", "", wheel.name)
        sizes[stem] = max(sizes.get(stem, 0), wheel.size)
        if wheelhouse.has_wheel(wheel):
            here.add((wheel.name, wheel.version))
    missing = (name for name, version in pins.items() if (name, version) not in here)
    return sum(sizes.get(re.sub(r"-cu\d+$", "", name), 0) for name in missing)
