"""The folder that the host and a suite share, and the process that it belongs to."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runner import child_programs, home, progress
from runner.errors import EnvironmentFailed
from runner.owner import current_owner, is_alive
from runner.untrusted import Malformed, escape_unprintable, list_names, read_file, require_small
from validation.executors.interface import Setup
from validation.harness import lay_out
from validation.proof import SuiteChallenge
from validation.report import REPORT_BYTES
from validation.suite import Suite
from validation.suites.contract.layout import PACKAGE_FOLDER, REPORT, RUNNING, STACKS

LOG_LINES = 200
LOG_CHARACTERS = 20_000

RUN = "run"
"""The folder of a run, below one that no other user may enter."""
_LEFT = re.compile(r"[^-_]*_[0-9]+_[0-9]+-[a-z0-9_]{8}")
"""The names that `stage_run` makes. Nothing else is removed: it may be somebody's work."""

OUT = "out"
OUT_BYTES = 64 << 20
"""Suites write a report, stacks of hung processes and a few small files; all else goes to /tmp."""
OUT_ENTRIES = 2000
RUNNING_BYTES = 10_000
STACK_BYTES = 4 << 20
MEASURE_EVERY_S = 1.0
REMOVAL_S = 600
"""Seconds for one program that makes a folder ready or removes it."""

_OF_THE_IMAGE = (errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO)
"""What a suite can bring about by modes, links and names.

Other errors of the system are this machine's.
"""


@dataclass(frozen=True)
class SuiteOutput:
    """Files that a suite left in `out`: text of a stranger.

    `malformed` and `host_problem` are as in `judge.SuiteExecution`.
    """

    report: str = ""
    running: str = ""
    stacks: str = ""
    malformed: str = ""
    host_problem: str = ""


@contextlib.contextmanager
def stage_run(suite: Suite, setup: Setup, challenge: SuiteChallenge) -> Iterator[Path]:
    """Make a folder with what the suite reads and writes, and remove it afterwards.

    It is a copy, so that an edit of the suites meanwhile changes no run. Raises EnvironmentFailed
    if it cannot be made.
    """

    def fill(folder: Path) -> None:
        lay_out(folder, suite, challenge.expected, challenge.nonce)

    with make_shared_folder(suite.name, fill) as folder:
        yield folder


@contextlib.contextmanager
def make_shared_folder(purpose: str, fill: Callable[[Path], None]) -> Iterator[Path]:
    """Make a folder for a container, of which it may write OUT alone, and remove it afterwards.

    `fill` makes what is in it, OUT too. It lies in one that no other user may enter, because an
    image can leave files with any mode and owner. Raises EnvironmentFailed if it cannot be made.
    """
    with _explain_failures(purpose):
        private = Path(tempfile.mkdtemp(dir=_runs_folder(), prefix=f"{current_owner()}-"))
    try:
        folder = private / RUN
        with _explain_failures(purpose):
            folder.mkdir()
            fill(folder)
        _bound_output(folder / OUT)
        yield folder
    finally:
        _remove_folder(private)


@contextlib.contextmanager
def _explain_failures(purpose: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot prepare {purpose} in {_runs_folder()}: {error.filename}: {error.strerror}",
            "free space or fix permissions",
        ) from None


def _bound_output(out: Path) -> None:
    """Make `out` a file system in memory, if this user may mount one: its size is a hard limit.

    Neither what was unlinked while it is open nor what was reserved is seen when sizes are added
    up. A user who may not mount has the watch on the disk instead (runner/containers.py). Nothing
    below it runs with another user's rights. It has a little more room than is allowed, so that
    what is wrong is told by its size, not by a disk that seems full.
    """
    if os.geteuid() != 0:
        return
    options = (
        f"size={OUT_BYTES * 5 // 4},nr_inodes={OUT_ENTRIES * 5 // 4},mode=0777,nosuid,nodev,noexec"
    )
    if _run_quietly("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(out)):
        (out / STACKS).mkdir()
        (out / STACKS).chmod(0o777)


def _run_quietly(*command: str) -> bool:
    """Run a program of the system, also while a run is interrupted; return whether it succeeded."""
    return child_programs.run_quietly(command, REMOVAL_S) is not None


def python_arguments(root: str | Path, suite: Suite, setup: Setup) -> list[str]:
    """Return the arguments of Python that run `suite` with its staged folder at `root`."""
    leased = 0 if suite.alone else setup.expected.gpu_count
    return [
        f"{root}/{PACKAGE_FOLDER}/entrypoint.py",
        str(root),
        suite.module_file,
        str(suite.test_timeout_s),
        str(leased),
        str(suite.count_processes(setup.expected.gpu_count)),
    ]


def remove_leftovers() -> None:
    """Remove the folders of runs that were killed."""
    for folder in _runs_folder().iterdir():
        if _LEFT.fullmatch(folder.name) and not is_alive(folder.name.partition("-")[0]):
            _remove_folder(folder)


def read_output(folder: Path) -> SuiteOutput:
    """Return what the suite left. Whatever it made of `out`, this ends, and raises nothing."""
    try:
        require_small(folder, OUT, OUT_BYTES, OUT_ENTRIES)
        return SuiteOutput(
            report=_read_text(folder, f"{OUT}/{REPORT}", REPORT_BYTES),
            running=_read_text(folder, f"{OUT}/{RUNNING}", RUNNING_BYTES),
            stacks=_read_stacks(folder, f"{OUT}/{STACKS}"),
        )
    except Malformed as error:
        return SuiteOutput(malformed=str(error))
    except OSError as error:
        if error.errno in _OF_THE_IMAGE:
            return SuiteOutput(malformed=f"`{OUT}` cannot be read: {error.strerror}")
        return SuiteOutput(
            host_problem=f"cannot read what the suite wrote in {folder}: {error.strerror}"
        )


def describe_excess(folder: Path) -> str:
    """Return why a suite at work must be ended for what it has written so far, or an empty text."""
    try:
        require_small(folder, OUT, OUT_BYTES, OUT_ENTRIES)
    except Malformed as error:
        return str(error)
    except OSError as error:
        if error.errno in _OF_THE_IMAGE:
            return f"`{OUT}` cannot be read: {error.strerror}"
        return ""  # told by `read_output`, when the suite has ended
    return ""


def _read_text(folder: Path, name: str, limit: int) -> str:
    """Return a file that the suite wrote, empty if it wrote none."""
    try:
        return read_file(folder, name, limit).decode()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise Malformed(f"`{name}` is not UTF-8 text") from None


def _read_stacks(folder: Path, name: str) -> str:
    """Return the stacks that each process of the suite wrote when it was asked.

    The main thread of a process is the last.
    """
    try:
        names = list_names(folder, name, OUT_ENTRIES)
    except FileNotFoundError:
        raise Malformed(f"the folder `{name}` was removed") from None
    if foreign := [
        each for each in names if not (each.isascii() and each.isdigit() and len(each) <= 10)
    ]:
        raise Malformed(
            f"`{name}` has `{escape_unprintable(foreign[0], 80)}`, which is not the number of a "
            "process"
        )
    found = (
        (number, read_file(folder, f"{name}/{number}", STACK_BYTES))
        for number in sorted(names, key=int)
    )
    return "".join(
        f"process {number}:\n{output.decode(errors='replace')}"
        for number, output in found
        if output
    )


def cut_tail(output: str) -> str:
    """Return the end of a text: at most LOG_LINES lines and LOG_CHARACTERS characters."""
    return "".join(output.splitlines(keepends=True)[-LOG_LINES:])[-LOG_CHARACTERS:]


def _remove_folder(folder: Path) -> None:
    """Remove a folder with whatever a suite left in it.

    It may be nested too deep for Python, or closed by its modes.
    """
    if (folder / RUN / OUT).is_mount():
        _run_quietly("umount", "--lazy", str(folder / RUN / OUT))
    for command in (("rm", "-rf"), ("chmod", "-R", "u+rwX"), ("rm", "-rf")):
        _run_quietly(*command, "--", str(folder))
        if not folder.exists():
            return
    progress.say_line(
        f"  cannot remove {folder}, which has files of the image's user: remove it as root"
    )


def _runs_folder() -> Path:
    """Return the folder of all runs."""
    return home.make_home_folder("validation", "runs")
