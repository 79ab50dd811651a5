"""Run a suite's text as a container would, in this machine's Python, for real reports."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from images import catalog
from validation.expectations import expect_image
from validation.harness import lay_out
from validation.judge import SuiteExecution
from validation.suite import Suite
from validation.suites.contract.expected import Expected
from validation.suites.contract.layout import PACKAGE_FOLDER, REPORT, RUNNING


def asserted(image: str) -> Expected:
    """Return what the tag of the real image asserts."""
    shipped = catalog.load_catalog()
    return expect_image(shipped, "2.6", shipped.stacks_of(image))


EXPECTED = asserted("base")


def written(folder: Path, text: str, *, test_timeout_s: int = 30, timeout_s: int = 60) -> Suite:
    """Write a suite whose module is `text`."""
    suite = Suite("planted", "base", test_timeout_s, timeout_s, listed=False, folder=folder)
    suite.module_path.parent.mkdir(exist_ok=True)
    suite.module_path.write_text("from __future__ import annotations\n" + text, encoding="utf-8")
    return suite


def run_here(
    suite: Suite,
    folder: Path,
    *,
    leased_gpus: int = 0,
    environment: Mapping[str, str] | None = None,
) -> SuiteExecution:
    """Run the suite in a process of its own."""
    root = folder / "root"
    root.mkdir()
    lay_out(root, suite, EXPECTED)
    enter = root / PACKAGE_FOLDER / "entrypoint.py"
    command = (
        sys.executable,
        str(enter),
        str(root),
        suite.module_file,
        str(suite.test_timeout_s),
        str(leased_gpus),
        str(max(leased_gpus, 1)),
    )
    started = time.monotonic()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, **(environment or {})},
    )
    # A shell and an engine both tell a signal as 128 + its number, subprocess as minus its number.
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode
    return SuiteExecution(
        exit_code=code,
        seconds=time.monotonic() - started,
        report=_text(root / "out" / REPORT),
        running=_text(root / "out" / RUNNING),
        output=done.stdout + done.stderr,
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
