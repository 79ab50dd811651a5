"""A run that is ended from outside leaves nothing, however it is ended and however often.

On real processes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.home import REPOSITORY

RUN = """
import signal, sys
sys.path.insert(0, sys.argv[1])
{before}
from runner import home, shell, signals
signals.interrupt_on_signals()
program = "trap 'sleep 1; echo late > $0/late; exit' TERM; echo ready > $0/ready; while :; do sleep 0.1; done"
try:
    with home.scratch_folder("signals") as folder:
        print(folder, flush=True)
        shell.run(["sh", "-c", program, folder], hint="none")
except KeyboardInterrupt:
    sys.exit(130)
"""  # noqa: E501 - one line of what another program reads


@pytest.fixture
def started(home: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    yield from running("signal.signal(signal.SIGINT, signal.default_int_handler)")


@pytest.fixture
def deaf(home: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """As `nohup` starts programs."""
    yield from running("signal.signal(signal.SIGHUP, signal.SIG_IGN)")


def running(before: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A run at work: a scratch folder, and a program in it that takes a second to end.

    Both are there.
    """
    command = [sys.executable, "-c", RUN.format(before=before), str(REPOSITORY)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            folder = Path(process.stdout.readline().strip())
            wait_for(folder / "ready")
            yield process, folder
        finally:
            process.kill()


def wait_for(path: Path) -> None:
    ends = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < ends
        time.sleep(0.02)


def programs_of(folder: Path) -> list[str]:
    """The command lines of running programs that name a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return [line for line in found if str(folder) in line]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("times", [1, 3])
def test_nothing_is_left(
    started: tuple[subprocess.Popen[str], Path], number: signal.Signals, times: int
) -> None:
    process, folder = started
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.2)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert not folder.exists()
    ends = time.monotonic() + 5
    while (
        programs_of(folder) and time.monotonic() < ends
    ):  # what was killed takes a moment to be gone
        time.sleep(0.05)
    assert not programs_of(folder)
    assert "Traceback" not in said
    assert said.count("please wait") == times - 1


ASKED = """
import signal, sys
sys.path.insert(0, sys.argv[1])
signal.signal(signal.SIGINT, signal.default_int_handler)
from runner import shell, signals
signals.interrupt_on_signals()
program = "trap 'echo asked >> $0/asked' TERM; echo > $0/ready; until test -e $0/asked; do sleep 0.1; done; sleep 1"
try:
    shell.run(["sh", "-c", program, sys.argv[2]], hint="none")
except KeyboardInterrupt:
    sys.exit(130)
"""  # noqa: E501 - one line of what another program reads


def test_a_program_is_asked_to_end_once(tmp_path: Path) -> None:
    """A second SIGTERM may end a program's own cleaning up."""
    with subprocess.Popen([sys.executable, "-c", ASKED, str(REPOSITORY), str(tmp_path)]) as process:
        wait_for(tmp_path / "ready")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 130
    assert (tmp_path / "asked").read_text() == "asked\n"


def test_what_is_ignored_from_the_start_stays_ignored(
    deaf: tuple[subprocess.Popen[str], Path],
) -> None:
    process, folder = deaf
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1)
    assert programs_of(folder)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 130


def test_a_terminal_that_hangs_up(home: Path) -> None:
    """The signal comes, and whatever is said afterwards has nowhere to go."""
    own, theirs = os.openpty()
    before = "signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = RUN.format(before=before).replace(
        "sys.exit(130)", "from runner import progress; progress.say_line('x'); sys.exit(130)"
    )
    command = [sys.executable, "-c", code, str(REPOSITORY)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, text=True, start_new_session=True
    ) as process:
        os.close(theirs)
        assert process.stdout is not None
        folder = Path(process.stdout.readline().strip())
        wait_for(folder / "ready")
        os.close(own)
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == 130
    assert not folder.exists()


POOL = """
import multiprocessing, signal, sys, time
from concurrent.futures import ProcessPoolExecutor
sys.path.insert(0, sys.argv[1])
from runner import signals
signals.interrupt_on_signals()
signals.start_resource_tracker()
spawned, deaf = multiprocessing.get_context("spawn"), (signal.SIGHUP, signal.SIG_IGN)
try:
    with ProcessPoolExecutor(1, mp_context=spawned, initializer=signal.signal, initargs=deaf) as pool:
        pool.submit(time.sleep, 0).result()
        print("ready", flush=True)
        pool.submit(time.sleep, 2).result()
except KeyboardInterrupt:
    sys.exit(130)
"""  # noqa: E501 - one line of what another program reads


def test_a_pool_of_processes_ends_without_a_traceback() -> None:
    """A terminal that hangs up signals all its processes, also the helper of multiprocessing that
    nobody sees.
    """
    command = [sys.executable, "-c", POOL, str(REPOSITORY)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGHUP)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, "")


FAILS = """
import sys
sys.path.insert(0, sys.argv[1])
from runner import shell, signals
signals.interrupt_on_signals()
print(shell.run_to_end(["sh", "-c", "exit 7"], hint="none").code)
"""
DEAF = """
import os, signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""


def test_a_parent_that_ignores_the_end_of_programs_hides_no_failure() -> None:
    command = [sys.executable, "-c", DEAF, FAILS, str(REPOSITORY)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.stdout, done.stderr) == ("7\n", "")
