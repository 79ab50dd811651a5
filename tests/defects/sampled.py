"""A sample of the defects that are properties of an image, each as an image of its own.

The tests of other projects take an image's name and nothing else. So what a defect mounts or sets
is put into a small layer.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from runner import engine, shell
from runner.child_variables import ENGINES
from runner.verdict import Verdict
from tests.defects import of_harness
from tests.defects.defect import IMAGES, UNBUILT, Defect, image_of
from tests.validation.suites_here import asserted
from validation.executors.interface import Setup


def draw_sample(defects: Sequence[Defect], count: int, seed: int) -> tuple[Defect, ...]:
    """Draw `count` defects in rounds: each round takes one of every suite that has any left.

    The order within a suite comes from `seed`. The sample has fewer if there are not as many.
    """
    of_suite = defaultdict(list)
    for defect in defects:
        of_suite[defect.suite].append(defect)
    chance = random.Random(seed)  # noqa: S311 - a sample that everybody can draw again
    for each in of_suite.values():
        chance.shuffle(each)
    rounds = max(map(len, of_suite.values()), default=0)
    drawn = [
        each[number] for number in range(rounds) for each in of_suite.values() if number < len(each)
    ]
    return tuple(drawn[:count])


def is_of_the_image(defect: Defect) -> bool:
    """Return whether the defect is a property of the image, whoever starts it and wherever.

    It is not if the run itself is disturbed, if the machine is at fault, or if the plant changes
    more than files, variables and layers: what the tag asserts, GPUs, or shared memory.
    """
    if defect in of_harness.DEFECTS or defect.verdict is not Verdict.FAIL:
        return False
    clean = Setup(UNBUILT, Path(), asserted(image_of(defect)))
    planted = defect.plant(clean)
    same = replace(
        planted, reference=clean.reference, environment=clean.environment, mounts=clean.mounts
    )
    return same == clean and planted != clean


def build_image(planted: Setup) -> str:
    """Build an image with what is planted, and return its tag; remove it with `remove_image`."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"FROM {planted.reference}"]
        for number, (host, inside) in enumerate(planted.mounts):
            copy = shutil.copytree if host.is_dir() else shutil.copy
            copy(host, Path(folder) / str(number))
            lines.append(f"COPY {number} {inside}")
        for name, value in planted.environment:
            lines.append(f"ENV {name}={json.dumps(value).replace('$', chr(92) + '$')}")
        (Path(folder) / "Dockerfile").write_text("\n".join([*lines, ""]), encoding="utf-8")
        tag = f"{IMAGES}:{Path(folder).name.lower()}"
        shell.run(
            [engine.docker_program(), "build", "--quiet", "--tag", tag, folder],
            hint="see the output",
            allowed=ENGINES,
        )
    return tag


def remove_image(tag: str) -> None:
    """Remove an image of `build_image`; its layers go if nothing else has them."""
    engine.connect_engine().images.remove(tag, force=True)
