#!/usr/bin/env python3
"""Compare our build and push with `docker build` (pip) and `docker push`.

Both sides start from the same OS layer, the same wheels on disk and an empty registry. They end
with the same packages in that registry: first base, then cv on top of it. The benchmark also
measures a second build on clean caches (are the digests equal?), an unchanged build, image sizes,
and the time of `import torch` in each image with warm and with dropped page caches.

    .venv/bin/python benchmarks/build.py

It takes about 15 minutes and 30 GB of disk. Dropping page caches needs root.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from images import build, catalog, layers, line_locks, plan, wheelhouse
from images.catalog import Catalog, Version
from images.debian_layers import DebianLayers, push_system_image
from images.locks import Wheel
from images.record import BuildRecord
from oci.registry import Registry
from publish.evidence import attest, os_layer_signer
from runner import embedded, engine, home, pull
from runner.progress import format_megabytes

VERSION = "v2.6.0"
STARTS = 7


@dataclass(frozen=True)
class Side:
    """The figures of one way to build: seconds by step, and compressed bytes of the images."""

    seconds: dict[str, float]
    sizes: dict[str, int]
    references: dict[str, str]


@contextmanager
def clean_machine(root: Path) -> Iterator[Registry]:
    """Start an empty registry with an empty home folder that shares only the wheels."""
    wheels = home.make_home_folder("wheels")
    folder = Path(tempfile.mkdtemp(dir=root))
    before = os.environ.get("PYTORCH_CUDA_IMAGES_HOME")
    os.environ["PYTORCH_CUDA_IMAGES_HOME"] = str(folder)
    (folder / "wheels").symlink_to(wheels)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    embedded.start_registry(host, home.make_home_folder("registry"))
    try:
        yield Registry(host)
    finally:
        embedded.stop_registry(home.make_home_folder("registry"))
        os.environ.pop("PYTORCH_CUDA_IMAGES_HOME")
        if before is not None:
            os.environ["PYTORCH_CUDA_IMAGES_HOME"] = before
        subprocess.run(["rm", "-rf", str(folder)], check=True)


def measure_seconds(work: Callable[[], object]) -> float:
    """Return the wall seconds that `work` takes."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def prepare_system(catalogue: Catalog, version: Version, registry: Registry) -> str:
    """Make and pull the OS layer from which both sides start; this is not timed."""
    line, cache = catalogue.lines[version.line], catalogue.repositories.cache
    spec = (
        plan.make_plan(catalogue, version, ["base"], home.make_home_folder("out"))
        .images[0]
        .system_spec
    )
    with home.scratch_folder("system") as work:
        signer = os_layer_signer.make_os_layer_signer(attest.load_signer())
        made = DebianLayers(line, registry, cache, work, signer).make_system_layer(spec)
    image = push_system_image(line, [spec], [made.system], registry, cache)
    pull.pull_image(image)
    return image


def ours(
    catalogue: Catalog, version: Version, registry: Registry
) -> tuple[Side, tuple[BuildRecord, ...]]:
    """Build base, then cv, then both again without a change."""
    made: list[BuildRecord] = []

    def one(*images: str) -> None:
        planned = plan.make_plan(catalogue, version, images, home.make_home_folder("out"))
        layer_signer = os_layer_signer.make_os_layer_signer(attest.load_signer())
        made.extend(
            build.build(
                catalogue,
                version,
                planned,
                registry,
                home.make_home_folder("out"),
                layer_signer=layer_signer,
            )
        )

    seconds = {
        "base": measure_seconds(lambda: one("base")),
        "cv": measure_seconds(lambda: one("cv")),
    }
    seconds["unchanged"] = measure_seconds(lambda: one("base", "cv"))
    records = tuple(made[:2])
    references = {record.image: record.image_reference(registry.host) for record in records}
    return Side(
        seconds, {record.image: record.total_size for record in records}, references
    ), records


def dockers(catalogue: Catalog, version: Version, registry: Registry, system: str) -> Side:
    """Build the same contents with `docker build` and pip, and push them with `docker push`."""
    locks = line_locks.locks_of(catalogue, version.line, ("base", "cv"))
    seconds, sizes, references = {}, {}, {}
    below = system
    for image in ("base", "cv"):
        tag = f"{registry.host}/by-docker:{image}"
        wheels = locks[image].wheels
        with home.scratch_folder("context") as context:
            write_context(context, below, wheels, locks["base"].wheels)
            seconds[f"{image} build"] = measure_seconds(partial(docker_build, tag, context))
        seconds[f"{image} push"] = measure_seconds(
            partial(subprocess.run, ["docker", "push", "-q", tag], check=True)
        )
        seconds[image] = seconds[f"{image} build"] + seconds[f"{image} push"]
        manifest = registry.read_manifest("by-docker", image)
        assert manifest is not None
        sizes[image] = sum(blob.size for blob in manifest.parse_blobs()[1:])
        references[image] = below = tag
    return Side(seconds, sizes, references)


def write_context(
    context: Path, below: str, wheels: Sequence[Wheel], base: Sequence[Wheel]
) -> None:
    """Write a build context that installs `wheels` with pip, which runs from its own wheel."""
    held = context / "wheels"
    held.mkdir()
    pip = next(wheel for wheel in base if wheel.name == "pip")
    for wheel in {wheel.file: wheel for wheel in (*wheels, pip)}.values():
        os.link(wheelhouse.wheel_path(wheel).resolve(), held / wheel.file)
    lock = "".join(f"{wheel.lock_line()}\n" for wheel in wheels)
    (held / "requirements.txt").write_text(lock)
    install = (
        f"python /wheels/{pip.file}/pip install --no-index --no-deps --no-cache-dir "
        "--find-links /wheels"
    )
    (context / "Dockerfile").write_text(
        f"FROM {below}\nUSER root\nENV PATH=/opt/venv/bin:/usr/bin:/bin\n"
        f"RUN --mount=type=bind,source=wheels,target=/wheels {install} -r "
        "/wheels/requirements.txt\nUSER 1000\n"
    )


def docker_build(tag: str, context: Path) -> None:
    """Run `docker build` without a cache of earlier runs."""
    command, env = engine.build_command()
    load = ["--load"] if "buildx" in command else []
    subprocess.run(
        [*command, "-q", *load, "--no-cache", "-t", tag, str(context)],
        check=True,
        env={**os.environ, **env},
    )


def starts(references: dict[str, str], *, cold: bool) -> dict[str, float]:
    """Return the median seconds of a container that imports torch, the images in turn."""
    taken: dict[str, list[float]] = {name: [] for name in references}
    for _ in range(STARTS):
        for name, reference in references.items():
            if cold:
                subprocess.run(["sync"], check=True)
                Path("/proc/sys/vm/drop_caches").write_text("3")
            run = [
                "docker",
                "run",
                "--rm",
                "--network=none",
                reference,
                "python",
                "-c",
                "import torch",
            ]
            taken[name].append(measure_seconds(partial(subprocess.run, run, check=True)))
    return {name: statistics.median(values) for name, values in taken.items()}


def same_digests(first: Sequence[BuildRecord], second: Sequence[BuildRecord]) -> dict[str, str]:
    """Return for each kind of layer how many digests of two builds on clean caches are equal."""
    counted: dict[str, list[bool]] = {}
    for one, other in zip(first, second, strict=True):
        for a, b in zip(one.layers, other.layers, strict=True):
            counted.setdefault(a.kind, []).append(a.digest == b.digest)
    return {kind: f"{sum(equal)} of {len(equal)}" for kind, equal in counted.items()}


def main() -> None:
    """Measure, then print a table and the figures as JSON."""
    catalogue = catalog.load_catalog()
    version = catalogue.require_version(VERSION)
    locks = line_locks.locks_of(catalogue, version.line, ("base", "cv"))
    wheelhouse.fetch_wheels(
        [wheel for lock in locks.values() for wheel in lock.wheels], catalogue.lines["2.6"].python
    )
    root = home.make_home_folder("benchmark")
    with clean_machine(root) as registry:
        system = prepare_system(catalogue, version, registry)
        by_us, records = ours(catalogue, version, registry)
        by_docker = dockers(catalogue, version, registry, system)
        references = {"ours": by_us.references["base"], "pip": by_docker.references["base"]}
        pull.pull_image(references["ours"])
        warm = starts(references, cold=False)
        cold = starts(references, cold=True) if os.geteuid() == 0 else {}
    with clean_machine(root) as registry:
        prepare_system(catalogue, version, registry)
        _, again = ours(catalogue, version, registry)
    print_table(by_us, by_docker, warm, cold)
    packages = records[0].debian_packages == again[0].debian_packages
    digests = same_digests(records, again)
    print(
        f"\nequal digests on clean caches, {layers.FORMAT=}: {digests}; same Debian packages: "
        f"{packages}"
    )
    print(
        json.dumps({"ours": by_us.seconds, "docker": by_docker.seconds, "warm": warm, "cold": cold})
    )


def print_table(
    by_us: Side, by_docker: Side, warm: dict[str, float], cold: dict[str, float]
) -> None:
    """Print the table of docs/benchmarks.md."""
    print("| what | ours | docker build + push | ratio |\n|---|---|---|---|")
    for image in ("base", "cv"):
        a, b = by_us.seconds[image], by_docker.seconds[image]
        parts = (
            f"{by_docker.seconds[f'{image} build']:.1f} + {by_docker.seconds[f'{image} push']:.1f}"
        )
        print(f"| build and push {image} | {a:.1f} s | {b:.1f} s ({parts}) | {b / a:.1f} |")
    print(f"| nothing changed | {by_us.seconds['unchanged']:.2f} s | - | - |")
    for image in ("base", "cv"):
        sizes = by_us.sizes[image], by_docker.sizes[image]
        print(
            f"| {image}, compressed | {format_megabytes(sizes[0])} | {format_megabytes(sizes[1])} "
            "| "
            f"{sizes[1] / sizes[0]:.2f} |"
        )
    for name, taken in (("warm", warm), ("cold page cache", cold)):
        if taken:
            ratio = taken["pip"] / taken["ours"]
            print(
                f"| import torch, {name} | {taken['ours']:.2f} s | {taken['pip']:.2f} s | "
                f"{ratio:.2f} |"
            )


if __name__ == "__main__":
    main()
