"""Problems that hadolint finds in the Dockerfiles of an image."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from images.catalog import IMAGES
from runner import shell
from scan.record import ScanProblem

DOCKERFILE = "dockerfile"
UNPINNED = "DL3008"
"""apt packages without versions: the OS layer takes Debian's current ones on purpose."""

_BINARY = Path(sys.executable).parent / "hadolint"
_FINDINGS_EXIT = 1


def check_dockerfiles(stacks: Iterable[str], root: Path = IMAGES) -> Iterator[ScanProblem]:
    """Yield every error and warning in the Dockerfiles of `stacks`.

    Raises EnvironmentFailed if hadolint cannot be run.
    """
    files = [path for stack in stacks if (path := root / stack / "Dockerfile").is_file()]
    if not files:
        return
    command: list[str | Path] = [
        _BINARY,
        "--no-color",
        "--format",
        "json",
        "--ignore",
        UNPINNED,
        "--failure-threshold",
        "warning",
    ]
    printed = shell.run(
        [*command, *files], hint="run `make setup`", timeout_s=60, ok_codes=(0, _FINDINGS_EXIT)
    )
    for found in json.loads(printed):
        if found["level"] in ("error", "warning"):
            where = f"{Path(found['file']).relative_to(root)}:{found['line']}"
            yield ScanProblem(
                DOCKERFILE, where, f"{found['code']}: {found['message']}", "correct the line"
            )
