"""Starts pytest inside the image under test: `python enter.py ROOT FILE TEST_TIMEOUT_S`.

ROOT holds `packages` (pytest and its plugins), `code` (this package), `expected.json` and the writable `out`.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from pathlib import Path

PLUGINS = ("pytest_reportlog.plugin", "pytest_timeout")
REPORT = "report.jsonl"
RUNNING = "running"


def main(root: Path, file: str, test_timeout_s: str) -> int:
    """Run one suite; returns pytest's exit code."""
    _dump_stacks_on_quit()
    _append_to_path(root)
    _ignore_settings_of_the_image(root)
    import pytest

    return int(pytest.main(_arguments(root, file, test_timeout_s)))


def _dump_stacks_on_quit() -> None:
    """The host's watchdog sends SIGQUIT before it kills. A copy of stderr, since pytest captures the real one."""
    stderr = os.fdopen(os.dup(2), "w")
    faulthandler.register(signal.SIGQUIT, file=stderr, all_threads=True)


def _append_to_path(root: Path) -> None:
    """Last, so that the harness never shadows a package of the image. Spawned workers inherit the list."""
    beside_me = str(Path(__file__).resolve().parent)
    own = [entry for entry in sys.path if entry != beside_me]
    sys.path[:] = [*own, str(root / "packages"), str(root / "code")]


def _ignore_settings_of_the_image(root: Path) -> None:
    """An image (or its nlp stack's pytest plugins) must not choose which checks run, or how."""
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(name, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ["VALIDATION_ROOT"] = str(root)


def _arguments(root: Path, file: str, test_timeout_s: str) -> list[str]:
    code = root / "code"
    return [
        str(code / "validation" / "suites" / file),
        f"--rootdir={code}",
        "--config-file=/dev/null",
        "--import-mode=importlib",
        *(word for plugin in PLUGINS for word in ("-p", plugin)),
        *("-p", "no:cacheprovider"),
        f"--report-log={root / 'out' / REPORT}",
        f"--timeout={test_timeout_s}",
        "--verbose",
        "--tb=short",
        "--color=no",
    ]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
