#!/usr/bin/env python3
"""Compare our build and push of every line with `docker build` (pip) and `docker push`.

Measured are base, and then cv on top of it.

Both sides of a line run in one process, one after the other, from the same OS layer and the same
wheels on disk, into the same empty registry. The benchmark prints a row of Markdown for each line.

    .venv/bin/python benchmarks/lines.py [LINE ...]

It takes about 6 minutes and 25 GB of disk for each line. Afterwards BuildKit still has a cache of
up to 8 GB a line, which `docker builder prune` frees.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import build as benchmark
from benchmarks.build import Side
from images import catalog, line_locks, wheelhouse
from images.catalog import Catalog
from images.version import Version
from runner import home
from runner.progress import format_megabytes

HEAD = (
    "| line | wheels of base | base, ours | base, docker | base: ours | docker build + push "
    "| ratio | cv: ours | docker build + push | ratio |\n" + "|---" * 10 + "|"
)


def measure_line(catalogue: Catalog, version: Version) -> tuple[int, Side, Side]:
    """Return the bytes of base's wheels, our figures, and Docker's."""
    locks = line_locks.locks_of(catalogue, version.line, ("base", "cv"))
    wheels = [wheel for lock in locks.values() for wheel in lock.wheels]
    wheelhouse.fetch_wheels(wheels, catalogue.lines[version.line].python)
    with benchmark.clean_machine(home.make_home_folder("benchmark")) as registry:
        system = benchmark.prepare_system(catalogue, version, registry)
        by_us, _ = benchmark.ours(catalogue, version, registry)
        by_docker = benchmark.dockers(catalogue, version, registry, system)
    names = [*by_docker.references.values(), system]
    subprocess.run(["docker", "rmi", "-f", *names], check=True, capture_output=True)
    return sum(wheel.size for wheel in locks["base"].wheels), by_us, by_docker


def format_row(line: str, wheel_bytes: int, by_us: Side, by_docker: Side) -> str:
    """Return the row of a line."""
    cells = [
        line,
        *map(format_megabytes, (wheel_bytes, by_us.sizes["base"], by_docker.sizes["base"])),
    ]
    for image in ("base", "cv"):
        ours, theirs = by_us.seconds[image], by_docker.seconds[image]
        parts = (
            f"{by_docker.seconds[f'{image} build']:.1f} + {by_docker.seconds[f'{image} push']:.1f}"
        )
        cells += [f"{ours:.1f} s", f"{theirs:.1f} s ({parts})", f"{theirs / ours:.1f}"]
    return f"| {' | '.join(cells)} |"


def main(lines: Sequence[str]) -> None:
    """Measure the lines that are named, or all."""
    catalogue = catalog.load_catalog()
    print(HEAD, flush=True)
    for line in lines or catalogue.lines:
        version = catalogue.require_version(f"v{line}.0")
        print(format_row(line, *measure_line(catalogue, version)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
