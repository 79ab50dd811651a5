"""One suite in this machine's own Python: for a GPU box without an engine.

It proves the machine, not an image.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from runner import child_programs, shell
from runner.child_variables import SUITES
from runner.errors import ConfigError, EnvironmentFailed
from runner.untrusted import clean_line
from validation.executors import orphans, staging
from validation.executors.interface import Setup
from validation.judge import SuiteExecution
from validation.machine import LOCAL, Machine
from validation.proof import make_challenge
from validation.suite import Suite
from validation.suites.contract.layout import VISIBLE_GPUS

PROVES_IMAGE = False

_ALL_INTERFACES = re.compile(r"(?<![0-9.])0\.0\.0\.0(?![0-9.])|\[::\]|(?<==)(?:::|\*)$")
"""The addresses of all interfaces in the command of a server."""
LOG_BYTES = 1 << 20
"""So much of the end of what a suite prints is kept."""
LOG_END_S = 10.0
POLL_S = 0.1
STACKS_S = 2.0

HINT = "name a Python that has the image's packages: --python /path/to/python"


def prepare_run(setup: Setup) -> None:
    """Check that the interpreter has torch and nothing hides GPUs."""
    if VISIBLE_GPUS in os.environ:
        raise ConfigError(
            f"{VISIBLE_GPUS} is set, but the suites must see every GPU",
            f"run `unset {VISIBLE_GPUS}` first",
        )
    command = [setup.reference, "-c", "import torch"]
    # no module of the folder that it runs in: a Python before 3.11 ignores the variable
    variables = suite_variables(setup) | {"PYTHONSAFEPATH": "1"}
    done = shell.run_to_end(command, hint=HINT, timeout_s=300, env=variables, allowed=SUITES)
    if done.code:
        reason = clean_line((done.stderr.strip().splitlines() or ["it printed no reason"])[-1], 200)
        raise EnvironmentFailed(f"{setup.reference} cannot import torch: {reason}", HINT)


def run_suite(suite: Suite, setup: Setup) -> SuiteExecution:
    """As `Executor.run_suite`, in processes of its own; `setup.reference` is the interpreter.

    Mounts, and limits of shared memory and memory, are the machine's.
    """
    started = time.monotonic()
    # A published port must reach the server of an image. Here the whole network would reach it.
    command = tuple(_ALL_INTERFACES.sub("127.0.0.1", word) for word in setup.expected.command)
    setup = replace(setup, expected=replace(setup.expected, command=command))
    challenge = make_challenge(setup.expected)
    with staging.stage_run(suite, setup, challenge) as folder:
        (folder / "packages").rmdir()  # a container has the harness mounted there
        (folder / "packages").symlink_to(setup.harness)
        ended = _run_process(suite, setup, folder)
        written = staging.read_output(folder)
        return SuiteExecution(
            exit_code=ended.code,
            seconds=time.monotonic() - started,
            report=written.report,
            running=written.running,
            output=staging.cut_tail(ended.output + written.stacks),
            timed_out=ended.timed_out,
            malformed=ended.malformed or written.malformed,
            host_problem=written.host_problem,
            challenge=challenge,
        )


def remove_leftovers() -> None:
    """As `Executor.remove_leftovers`: folders."""
    staging.remove_leftovers()


def gpu_problem() -> str:
    """As `Executor.gpu_problem`: whatever the driver shows can be used."""
    return ""


def describe_machine() -> Machine:
    """As `Executor.describe_machine`: this machine, which needs no engine."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(LOCAL, len(os.sched_getaffinity(0)), memory, platform.release(), engine="")


def suite_variables(setup: Setup) -> dict[str, str]:
    """Return the variables of a suite, which come on top of those of this process (SUITES)."""
    return {"PYTHONDONTWRITEBYTECODE": "1", **dict(setup.environment)}


@dataclass(frozen=True)
class ProcessExit:
    """End of the suite's process.

    `code` is None if it had to be ended; `malformed` is as in `judge.SuiteExecution`.
    """

    code: int | None
    output: str
    timed_out: bool = False
    malformed: str = ""


def _run_process(suite: Suite, setup: Setup, folder: Path) -> ProcessExit:
    """Run the suite. Its exit code tells a signal as a shell does (128 + its number)."""
    with orphans.end_started_processes(), _started_process(suite, setup, folder) as process:
        log = _OutputTail(process)
        problem = _wait_for_end(process, suite.timeout_s, folder)
        if problem is None:
            process.send_signal(signal.SIGQUIT)  # it hands the signal on to all processes below
            time.sleep(STACKS_S)
        code = process.poll()
    output = log.read_tail()
    if problem is None:
        return ProcessExit(None, output, timed_out=True)
    if code is None:
        return ProcessExit(None, output, malformed=problem)
    return ProcessExit(code if code >= 0 else 128 - code, output)


class _OutputTail:
    """The end of what a suite prints.

    A thread reads it, so that it needs no disk and a suite never waits for it.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._kept = bytearray()
        self._thread = threading.Thread(
            target=self._read_stream, args=(process.stdout,), daemon=True
        )
        self._thread.start()

    def read_tail(self) -> str:
        """Return what was kept, once all that could print has ended."""
        self._thread.join(LOG_END_S)
        return bytes(self._kept).decode(errors="replace")

    def _read_stream(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError), stream:
            while chunk := os.read(stream.fileno(), 1 << 16):
                self._kept += chunk
                del self._kept[:-LOG_BYTES]


def _wait_for_end(process: subprocess.Popen[bytes], seconds: float, folder: Path) -> str | None:
    """Wait until the process has ended.

    Return why it must be ended before, and None if its time is over.
    """
    deadline = time.monotonic() + seconds
    measured = 0.0
    while (now := time.monotonic()) < deadline:
        if process.poll() is not None:
            return ""
        if now - measured >= staging.MEASURE_EVERY_S:
            measured = now
            if problem := staging.describe_excess(folder):
                return problem
        time.sleep(POLL_S)
    return None


@contextlib.contextmanager
def _started_process(suite: Suite, setup: Setup, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start the suite; end all of its process group afterwards, Ctrl-C included."""
    process = child_programs.start_program(
        [setup.reference, *staging.python_arguments(folder, suite, setup)],
        allowed=SUITES,
        extra=suite_variables(setup),
        stderr=child_programs.JOIN_OUTPUT,
        folder=folder / staging.OUT,
        is_leader=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):  # all have ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
