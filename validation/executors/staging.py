"""The folder through which the host and a suite talk, whoever runs the suite; and who it belongs to."""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from runner import home
from runner.errors import EnvironmentFailed
from validation.executors.interface import Setup
from validation.harness import lay_out
from validation.suite import Suite
from validation.suites.enter import STACKS
from validation.witness import Asked

LOG_LINES = 200
LOG_CHARACTERS = 20_000


@contextlib.contextmanager
def staged(suite: Suite, setup: Setup, asked: Asked) -> Iterator[Path]:
    """A folder with what the suite reads and writes: a copy, so that an edit on the way changes no run at work."""
    try:
        folder = Path(tempfile.mkdtemp(dir=_runs(), prefix=f"{owner()}-"))
        lay_out(folder, suite, asked.expected, asked.nonce)
    except OSError as error:
        raise EnvironmentFailed(
            f"cannot stage {suite.name} in {_runs()}: {error.filename}: {error.strerror}",
            "free space or fix permissions",
        ) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def arguments(root: str | Path, suite: Suite, setup: Setup) -> list[str]:
    """What Python is given to run `suite` with its staged folder at `root`."""
    leased = 0 if suite.alone else setup.expected.gpu_count
    return [f"{root}/code/validation/suites/enter.py", str(root), suite.file, str(suite.test_timeout_s), str(leased)]


def remove_leftovers() -> None:
    """Remove the folders of runs that were killed."""
    for folder in _runs().iterdir():
        if not is_alive(folder.name.partition("-")[0]):
            shutil.rmtree(folder, ignore_errors=True)


def text(path: Path) -> str:
    """What the suite wrote; nothing where it did not come that far."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def stacks(folder: Path) -> str:
    """What each process of the suite wrote when the watchdog asked: its threads, the main one last."""
    written = sorted((folder / "out" / STACKS).iterdir(), key=lambda path: int(path.name))
    return "".join(f"process {path.name}:\n{said}" for path in written if (said := text(path)))


def tail(output: str) -> str:
    """The end of what a suite printed: at most LOG_LINES lines and LOG_CHARACTERS characters."""
    return "".join(output.splitlines(keepends=True)[-LOG_LINES:])[-LOG_CHARACTERS:]


def owner() -> str:
    """This process: host, process id, and when it started, since ids are used again."""
    pid = Path("/proc/self").resolve().name
    return f"{_host()}_{pid}_{_started_at(pid)}"


def _host() -> str:
    return socket.gethostname().replace("-", "").replace("_", "")


def is_alive(owner: str) -> bool:
    """Whether the process is at work. One of another host cannot be asked, and is left alone."""
    host, pid, started = [*owner.split("_"), "", ""][:3]
    return host != _host() or _started_at(pid) == started


def _started_at(pid: str) -> str:
    """Field 22 of /proc/PID/stat; counted behind the command, which may hold spaces and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()[19]
    except OSError:
        return "ended"


def _runs() -> Path:
    return home.kept("validation", "runs")
