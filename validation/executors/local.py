"""One suite in this machine's own Python: for a GPU box without an engine. It proves the machine, not an image."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from runner import shell
from runner.errors import ConfigError
from validation.executors import staging
from validation.executors.interface import Setup
from validation.judge import Ended
from validation.suite import Suite
from validation.suites.enter import REPORT, RUNNING
from validation.suites.lease import VARIABLE
from validation.witness import ask

LOG = "log"
STACKS_S = 2.0
HINT = "name a Python that has the image's packages: --python /path/to/python"


def prepare(setup: Setup) -> None:
    """See that the interpreter has torch and nothing hides GPUs; remove the folders of runs that were killed."""
    if VARIABLE in os.environ:
        raise ConfigError(f"{VARIABLE} is set, and the suites are to see every GPU", f"run `unset {VARIABLE}` first")
    staging.remove_leftovers()
    shell.run([setup.reference, "-c", "import torch"], hint=HINT, timeout_s=300)


def run(suite: Suite, setup: Setup) -> Ended:
    """As `Executor.run`, in a process group of its own; `setup.reference` is the interpreter.

    Mounts, and limits of shared memory and memory, are the machine's.
    """
    started, asked = time.monotonic(), ask(setup.expected)
    with staging.staged(suite, setup, asked) as folder:
        _link_packages(folder, setup.harness)
        code = _run(suite, setup, folder)
        return Ended(
            exit_code=code,
            seconds=time.monotonic() - started,
            report=staging.text(folder / "out" / REPORT),
            running=staging.text(folder / "out" / RUNNING),
            output=staging.tail(staging.text(folder / LOG) + staging.stacks(folder)),
            timed_out=code is None,
            asked=asked,
        )


def _link_packages(folder: Path, harness: Path) -> None:
    """Where a container has the harness mounted."""
    (folder / "packages").rmdir()
    (folder / "packages").symlink_to(harness)


def _run(suite: Suite, setup: Setup, folder: Path) -> int | None:
    """Its exit code, a signal as a shell tells it (128 + its number); None where it had to be ended."""
    with _started(suite, setup, folder) as process:
        try:
            code = process.wait(suite.timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGQUIT)  # every Python of a suite answers with its stacks
            time.sleep(STACKS_S)
            return None
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def _started(suite: Suite, setup: Setup, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The suite at work; nothing of its group is left when this ends, Ctrl-C included."""
    command = [setup.reference, *staging.arguments(folder, suite, setup)]
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **dict(setup.environment)},
            cwd=folder / "out",
            start_new_session=True,
        )
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):  # all have ended
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
