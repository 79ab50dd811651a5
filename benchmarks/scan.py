#!/usr/bin/env python3
"""Compare our scan of layers in the registry with `trivy image` on the engine.

Theirs is `trivy image` of each image in the engine, with a cold cache. It looks for secrets and
lists all packages, but does not look for vulnerabilities, which need a database. Ours is the work
of `./release.py scan` from a cold cache: it analyses the layers in the registry (packages, secrets,
licences; CycloneDX and SPDX), inspects the image in a container, and judges everything except
vulnerabilities. After that, the stored CycloneDX documents are judged with a database.

    .venv/bin/python benchmarks/scan.py FOLDER_WITH_TRIVY_DB

It takes about 10 minutes. The four images must be built.
"""

from __future__ import annotations

import datetime
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from images import catalog
from runner import pull, shell
from runner.child_variables import ENGINES
from scan import image_facts, trivy
from scan.assess import AssessmentContext, CatalogPlace, assess_sbom
from scan.history import History
from scan.policy import load_policy
from tests.real_images import reference_of

JUDGED = 7
KILOBYTES_PER_MB = 1000


def measure_seconds(work: Callable[[], object]) -> float:
    """Return the seconds that `work` takes."""
    started = time.monotonic()
    work()
    return time.monotonic() - started


def on_engine(reference: str) -> None:
    """Run `trivy image` with a cold cache on an image that the engine has."""
    with tempfile.TemporaryDirectory() as folder:
        words = [
            "image",
            "--quiet",
            "--image-src",
            "docker",
            "--scanners",
            "secret",
            "--list-all-pkgs",
        ]
        cold = [
            "--cache-dir",
            folder,
            "--skip-db-update",
            "--skip-java-db-update",
            "--timeout",
            "30m",
        ]
        target = ["--format", "json", "--output", f"{folder}/report.json"]
        shell.run(
            [Path(sys.executable).parent / "trivy", *words, *cold, *target, reference],
            hint="",
            allowed=ENGINES,
        )


def ours(reference: str, folder: Path, cache: Path) -> None:
    """Analyse the layers and inspect the image."""
    folder.mkdir()
    trivy.analyse_image(reference, folder, cache)
    image_facts.probe_image(reference)


def judge_stored(document: Path, place: CatalogPlace, database: str) -> float:
    """Return the median seconds that judging one stored document takes."""
    held = trivy.obtain_database(database, None)
    context = AssessmentContext(
        load_policy(), (), held, History({}), datetime.datetime.now(datetime.UTC).date()
    )
    return statistics.median(
        measure_seconds(lambda: assess_sbom(document, place, context)) for _ in range(JUDGED)
    )


def main(database: str) -> None:
    """Measure and print the table."""
    shipped = catalog.load_catalog()
    references = {image: reference_of(image) for image in shipped.images}
    for reference in references.values():
        pull.pull_image(reference)
    print(
        "| image | `trivy image`, engine | ours, registry | ratio | stored document judged | "
        "ratio |"
    )
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as root:
        for image, reference in references.items():
            folder = Path(root) / image
            mine = measure_seconds(partial(ours, reference, folder, Path(root) / "cache"))
            theirs = measure_seconds(partial(on_engine, reference))
            again = judge_stored(
                folder / trivy.SBOM, CatalogPlace("2.6", shipped.stacks_of(image)), database
            )
            ratios = f"{theirs / mine:.1f} | {again:.2f} s | {theirs / again:.0f}"
            print(f"| {image} | {theirs:.1f} s | {mine:.1f} s | {ratios} |")
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / KILOBYTES_PER_MB**2
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / KILOBYTES_PER_MB**2
    print(f"\nLargest process started: {largest:.0f} MB; this one: {own:.0f} MB.")


if __name__ == "__main__":
    main(sys.argv[1])
