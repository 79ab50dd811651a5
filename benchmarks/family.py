#!/usr/bin/env python3
"""Measure what every image of the family costs when base exists, beside `docker build` with pip.

Both sides start from the same OS layer and the same wheels on disk, and from their own base, in
one registry. Each image is then built and pushed by both, one after the other. The benchmark also
counts the layers that an image shares with base, and compares the bytes that an image adds with
those of its wheels. At last it starts a container of each image of both sides and measures the
time until Python has printed a line. It prints a row of Markdown for each image.

    .venv/bin/python benchmarks/family.py [VERSION]

Have 35 GB of disk free. Each image is removed when it is measured; the engine's build cache stays
(`docker builder prune`). A stack with Debian packages of its own has no other side here: `docker
build` would download them. A combination comes after its stacks, whose layers are there then.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import build as benchmark
from images import build, catalog, line_locks, plan, wheelhouse
from images.catalog import Catalog
from images.locks import Lock
from images.record import BuildRecord
from images.version import Version
from oci.registry import Registry
from publish.evidence import attest, os_layer_signer
from runner import home, pull
from runner.progress import format_megabytes

COMBINATIONS = ("cv-nlp", "cv-nlp-rl-jupyter")
STARTS = 5
HEAD = (
    "| image | compressed | layers, of base | added | its wheels | build + push: ours "
    "| docker | ratio | first line of Python: ours | docker |\n" + "|---" * 10 + "|"
)


@dataclass(frozen=True)
class Built:
    """An image in a registry, and the seconds that it took to build and push it."""

    reference: str
    seconds: float


@dataclass(frozen=True)
class Bench:
    """Where both sides build: one registry, one set of locks."""

    catalogue: Catalog
    version: Version
    registry: Registry
    locks: dict[str, Lock]

    def build_ours(self, image: str) -> tuple[Built, BuildRecord]:
        """Build and push an image as `./release.py build` does."""
        out, made = home.make_home_folder("out"), list[BuildRecord]()

        def run() -> None:
            planned = plan.make_plan(self.catalogue, self.version, [image], out)
            signer = os_layer_signer.make_os_layer_signer(attest.load_signer())
            arguments = (self.catalogue, self.version, planned, self.registry, out)
            made.extend(build.build(*arguments, layer_signer=signer))

        seconds = benchmark.measure_seconds(run)
        return Built(made[0].image_reference(self.registry.host), seconds), made[0]

    def build_with_docker(self, image: str, below: str, stacks: Sequence[str]) -> Built:
        """Build and push an image with pip and `docker build`, on top of the image `below`."""
        wheels = {wheel.file: wheel for name in stacks for wheel in self.locks[name].wheels}
        tag = f"{self.registry.host}/by-docker:{image}"
        with home.scratch_folder("context") as context:
            benchmark.write_context(
                context, below, list(wheels.values()), self.locks["base"].wheels
            )
            seconds = benchmark.measure_seconds(partial(benchmark.docker_build, tag, context))
        push = ["docker", "push", "-q", tag]
        seconds += benchmark.measure_seconds(
            partial(subprocess.run, push, check=True, capture_output=True)
        )
        return Built(tag, seconds)


def measure_start(reference: str) -> float:
    """Return the median seconds until a container of an image has printed a line of Python."""
    run = ["docker", "run", "--rm", "--network=none", reference, "python", "-c", "print()"]
    started = partial(subprocess.run, run, check=True, capture_output=True)
    started()  # the first one reads the files from disk
    return statistics.median(benchmark.measure_seconds(started) for _ in range(STARTS))


def remove_images(*references: str) -> None:
    """Remove images from the engine; the next ones need the disk."""
    command = ["docker", "image", "rm", "--force", *references]
    subprocess.run(command, check=True, capture_output=True)


def format_row(bench: Bench, base: BuildRecord, below: str, image: str) -> str:
    """Build an image on both sides, start it, and return its row."""
    by_us, record = bench.build_ours(image)
    pull.pull_image(by_us.reference)
    own = [name for name in record.stacks if name != "base"]
    digests = {layer.digest for layer in base.layers}
    shared = [layer for layer in record.layers if layer.digest in digests]
    added = record.total_size - sum(layer.size for layer in shared)
    wheels = {wheel.file: wheel.size for name in own for wheel in bench.locks[name].wheels}
    theirs = ["-", "-", "-"]
    if all(layer.kind != "debian" for layer in record.layers):
        by_docker = bench.build_with_docker(image, below, own)
        ratio = by_docker.seconds / by_us.seconds
        start = measure_start(by_docker.reference)
        theirs = [f"{by_docker.seconds:.1f} s", f"{ratio:.1f}", f"{start:.2f} s"]
        remove_images(by_docker.reference)
    cells = [
        image,
        format_megabytes(record.total_size),
        f"{len(record.layers)}, {len(shared)}",
        format_megabytes(added),
        format_megabytes(sum(wheels.values())),
        f"{by_us.seconds:.1f} s",
        *theirs[:2],
        f"{measure_start(by_us.reference):.2f} s",
        theirs[2],
    ]
    remove_images(by_us.reference)
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str]) -> None:
    """Measure every stack alone on base, then the combinations."""
    catalogue = catalog.load_catalog()
    version = catalogue.require_version(arguments[0] if arguments else "v2.15.0")
    line = catalogue.lines[version.line]
    locks = line_locks.locks_of(catalogue, version.line, tuple(catalogue.stacks))
    wheelhouse.fetch_wheels(
        [wheel for lock in locks.values() for wheel in lock.wheels], line.python
    )
    print(HEAD, flush=True)
    with benchmark.clean_machine(home.make_home_folder("benchmark")) as registry:
        bench = Bench(catalogue, version, registry, locks)
        system = benchmark.prepare_system(catalogue, version, registry)
        _, base = bench.build_ours("base")
        below = bench.build_with_docker("base", system, ["base"]).reference
        for image in (*list(catalogue.stacks)[1:], *COMBINATIONS):
            print(format_row(bench, base, below, image), flush=True)
        remove_images(below, system)


if __name__ == "__main__":
    main(sys.argv[1:])
