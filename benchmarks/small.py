#!/usr/bin/env python3
"""The small benchmark of one checkout, for benchmarks/compare.py: it prints its figures as JSON.

Everything is small and made here: two wheels, a registry in this process, and a line of 4 images
with 12 releases. Each figure has the seconds of CPU of this process with its programs, the wall
seconds, and the requests to the registry.

    .venv/bin/python benchmarks/small.py
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.growth_commands import COMMANDS
from benchmarks.growth_world import Size, fill_world, make_catalog
from images import layers
from images.wheels import Prefix
from oci.layer_reader import read_layer
from oci.manifest import LAYER_GZIP, Descriptor
from oci.registry import Registry
from oci.tarball import Blob
from tests.fakes.registry import FakeRegistry
from tests.fakes.wheels import Member, make_wheel
from tests.publish.line import Line

WORKLOAD = 1
"""Raise it when a figure measures other work than before: then it is not compared with the past."""
SIZE = Size(4, 12)
REPEATS = {"plan": 10, "build": 2, "due": 4, "verify": 8, "rescan": 1, "promote": 1}
"""How often a command runs for one figure, so that it takes long enough to be compared."""
BIG_BYTES, FILES = 24 << 20, 1500


def read_cpu_seconds() -> float:
    """Return the CPU seconds of this process, and of its programs that have ended."""
    used = os.times()
    return time.process_time() + used.children_user + used.children_system


def measure_figure(fake: FakeRegistry, work: Callable[[], object]) -> dict[str, float]:
    """Return what some work takes."""
    fake.requests.clear()
    started, before = time.monotonic(), read_cpu_seconds()
    work()
    cpu, wall = read_cpu_seconds() - before, time.monotonic() - started
    return {"cpu": cpu, "wall": wall, "requests": len(fake.requests)}


def measure_layers(fake: FakeRegistry, folder: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """Make a layer of two wheels, push it, and read it."""
    noise = random.Random(7).randbytes(BIG_BYTES)  # noqa: S311 - the same bytes each time
    files = {
        f"many/m{number}.py": b"def f(x):\n    return x + 1\n" * 100 for number in range(FILES)
    }
    wheels = [make_wheel("big", {"big/data.bin": Member(noise)}), make_wheel("many", files)]
    target, made = folder / "layer.tar.gz", list[Blob]()

    def make_layer() -> None:
        with target.open("wb") as file:
            made.append(layers.compile_wheels(wheels, Prefix("opt/venv", "3.11"), 1, file))

    yield "make layers", measure_figure(fake, make_layer)
    registry, blob = Registry(fake.host), made[0]
    yield (
        "push layers",
        measure_figure(fake, lambda: registry.push_file("r", target, blob.digest, lambda _: None)),
    )
    layer = Descriptor(LAYER_GZIP, blob.digest, blob.size)
    yield (
        "read a layer",
        measure_figure(fake, lambda: read_layer(registry, "r", layer, lambda _: False)),
    )


def measure_commands(fake: FakeRegistry, folder: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """Run each command in a world of a few images and releases."""
    fill_world(fake, SIZE, folder)
    state = fake.state()
    for name, times in REPEATS.items():

        def run(name: str = name, times: int = times) -> None:
            for number in range(times):
                place = folder / "out" / SIZE.next_version
                if place.exists():
                    place.rename(folder / f"{name}-{number}")
                line = Line(Registry(fake.host), make_catalog(SIZE.images), folder)
                COMMANDS[name](line, SIZE)

        fake.restore(state)
        yield name, measure_figure(fake, run)


def main() -> None:
    """Measure every figure once."""
    with tempfile.TemporaryDirectory() as scratch, FakeRegistry() as fake:
        folder = Path(scratch)
        os.environ["PYTORCH_CUDA_IMAGES_HOME"] = f"{folder}/home"
        os.environ["PYTORCH_CUDA_IMAGES_OUT"] = f"{folder}/out"
        figures = dict(measure_layers(fake, folder)) | dict(measure_commands(fake, folder))
    print(json.dumps({"workload": WORKLOAD, "figures": figures}))


if __name__ == "__main__":
    main()
