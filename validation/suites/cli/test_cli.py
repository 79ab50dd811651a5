"""Jobs: a script from standard input, exit codes, signals, and processes that are left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ..conftest import Answers
from ..contract import questions
from ..contract.expected import Expected
from ..outcome import require
from .job import await_line, end_job, start_job

NOT_EXEC = "the start script does not become the job: it must end in `exec`"
SAVES = """
import signal, sys, time
def save(*_):
    print("saved", flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
time.sleep(30)
"""
LEAVES = "import os, sys; child = os.fork(); child or (os.setsid(), os._exit(0)); print(child)"
PRODUCT = """
import json, torch
left, right, inner = json.loads('{given}')
product = torch.tensor(left).reshape(-1, inner) @ torch.tensor(right).reshape(inner, -1)
print(json.dumps(product.flatten().tolist()))
"""
REAPED_S = 10
"""How long the remains of an orphan may stay; tini takes milliseconds on an idle machine."""


def test_script_of_standard_input(expected: Expected) -> None:
    """The image's command runs the script that a job gives it, and ends as the script does."""
    ended = end_job(start_job(expected.command, "import sys; print(sys.prefix); sys.exit(7)"))
    require(
        ended == (7, sys.prefix),
        f"the script ended with {ended[0]} and printed `{ended[1]}`",
        f"7 and {sys.prefix}",
        "another Python, or a command that takes no script",
    )


@pytest.mark.parametrize("ending", ["sys.exit(0)", "sys.exit(42)", "os.kill(os.getpid(), 9)"])
def test_exit_code(ending: str) -> None:
    """The exit code is that of the job; after a signal it is 128 and the signal's number."""
    wanted = {"sys.exit(0)": 0, "sys.exit(42)": 42}.get(ending, 128 + signal.SIGKILL)
    code, printed = end_job(start_job((sys.executable, "-"), f"import os, sys; {ending}"))
    require(
        code == wanted,
        f"a job that ends with `{ending}` has the exit code {code} {printed}".strip(),
        str(wanted),
        NOT_EXEC,
    )


def test_job_gets_sigterm() -> None:
    """The job itself gets the signal of `docker stop`, and has the time to save its state."""
    job = start_job((sys.executable, "-u", "-c", SAVES), "")
    await_line(job, "ready")
    job.send_signal(signal.SIGTERM)
    ended = end_job(job)
    require(
        ended == (3, "saved"),
        f"after SIGTERM the job ended with {ended[0]} and printed `{ended[1]}`",
        "3 and `saved`",
        NOT_EXEC,
    )


def test_orphans_are_reaped() -> None:
    """The first process of the container takes the remains of processes without a parent.

    Without that, a long job fills the table of processes with zombies of its workers.
    """
    done = subprocess.run(
        [sys.executable, "-c", LEAVES], capture_output=True, text=True, check=True, timeout=60
    )
    orphan = Path("/proc") / done.stdout.strip()
    deadline = time.monotonic() + REAPED_S
    while orphan.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    first = Path("/proc/1/comm").read_text(encoding="utf-8").strip()
    require(
        not orphan.exists(),
        f"an orphan that ended is still there after {REAPED_S} s; process 1 is {first}",
        "nothing of it",
        "the entry point is not tini",
    )


def test_challenge(nonce: str, answer: Answers, expected: Expected) -> None:
    """A script from standard input multiplies matrices that nobody knew before, with torch."""
    factors = questions.draw_product(nonce, "cli")
    given = json.dumps([factors.left, factors.right, factors.inner])
    code, printed = end_job(start_job(expected.command, PRODUCT.format(given=given)))
    require(
        code == 0 and printed.startswith("["),
        f"the job ended with {code} and printed `{printed[:100]}`",
        "0 and a product",
        "torch cannot be imported, or a command that takes no script",
    )
    answer("product", json.loads(printed))
