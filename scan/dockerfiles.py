"""Problems that hadolint finds in the Dockerfiles of an image."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from images.catalog import IMAGES
from runner import shell
from runner.child_variables import NOTHING
from scan.record import ScanProblem

DOCKERFILE = "dockerfile"
CONFIG = Path(__file__).resolve().parent / "hadolint.yaml"
"""All that steers hadolint: it takes no configuration of a person or of a folder beside it."""

_BINARY = Path(sys.executable).parent / "hadolint"
_FINDINGS_EXIT = 1


def check_dockerfiles(stacks: Iterable[str], root: Path = IMAGES) -> Iterator[ScanProblem]:
    """Yield every error and warning in the Dockerfiles of `stacks`.

    Raises EnvironmentFailed if hadolint cannot be run.
    """
    folders = [root / stack for stack in stacks]
    files = [path for folder in folders for path in sorted(folder.rglob("Dockerfile"))]
    if not files:
        return
    options: list[str | Path] = ["--config", CONFIG, "--no-color", "--format", "json"]
    printed = shell.run(
        [_BINARY, *options, "--failure-threshold", "warning", *files],
        hint="run `make setup`",
        env={"LANG": "C.UTF-8"},
        timeout_s=60,
        ok_codes=(0, _FINDINGS_EXIT),
        allowed=NOTHING,  # variables of hadolint could hide findings
    )
    for found in json.loads(printed):
        if found["level"] in ("error", "warning"):
            where = f"{Path(found['file']).relative_to(root)}:{found['line']}"
            yield ScanProblem(
                DOCKERFILE, where, f"{found['code']}: {found['message']}", "correct the line"
            )
