"""Print what pytest collects of a suite, as JSON on the last line: `python collect.py ROOT FILE`.

No test is run. ROOT is as for `entrypoint.py`. The result is one line, because a module of the
image may print lines of its own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
if not __package__:  # run as a script: the rest of the package is imported by the folder's name
    sys.path.append(str(FOLDER.parent))
    __package__ = FOLDER.name

from . import entrypoint
from .contract.layout import PACKAGE_FOLDER


class _CollectedChecks:
    """The collected checks: node id to what the check declares."""

    def __init__(self) -> None:
        self.checks: dict[str, Any] = {}

    def pytest_collection_finish(self, session: Any) -> None:
        """Keep what was collected. Called by pytest."""
        from .declared import read_declaration  # needs pytest, which is on the path by now

        self.checks = {item.nodeid: read_declaration(item) for item in session.items}


def main(root: Path, file: str) -> int:
    """Collect one suite and return pytest's exit code."""
    entrypoint.prepare_process(root, "0")
    import pytest

    collected = _CollectedChecks()
    options = [
        f"--rootdir={root / 'code'}",
        "--config-file=/dev/null",
        "--import-mode=importlib",
        "-p",
        "no:cacheprovider",
    ]
    ended = int(
        pytest.main(
            [str(root / PACKAGE_FOLDER / file), *options, "--collect-only", "--quiet"],
            plugins=[collected],
        )
    )
    print(f"\n{json.dumps(collected.checks)}", flush=True)
    return ended


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
