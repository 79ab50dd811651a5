"""Processes that already hold torch, started from a server and ended in time.

They are forked from a server that imported torch once and never touched a GPU. So a process costs
hundredths of a second instead of an `import torch`, and it may initialise CUDA itself.
"""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import connection, forkserver
from pathlib import Path
from typing import Any

import torch

from .entrypoint import dump_stacks_on_quit
from .outcome import require
from .patience import Patience
from .stacks import find_innermost_frame

PRELOADED = ("torch", "torch.distributed", "torch._dynamo", "torch.utils.data", "numpy")
"""The modules that the server imports.

DistributedDataParallel and the DataLoader import them anyway, `torch._dynamo` on their first use.
"""

LIMIT_S = 25
FOLLOW_S = 4
"""How long the others may go on once one has failed: enough to notice and to report it."""

_SHOWN = 160
_GRACE_S = 3
"""How much later than its limit a process is killed: it writes its stacks first."""

Work = Callable[[], Any]
"""A function that returns anything `torch.save` can write.

It can be pickled: a function of a module, or a `partial` of one.
"""


@dataclass(frozen=True)
class WorkProcessExit:
    """How a process ended: it `returned` a `result`, `raised` (`TYPE: message`), or exited.

    `exit_code` is minus the signal's number if a signal ended it, and None if the process had to be
    killed: `stuck_in` then says where it was, if it had reached its limit. `seconds` are counted
    from the start of all processes.
    """

    returned: bool
    result: Any
    raised: str
    exit_code: int | None
    stuck_in: str
    seconds: float


def start_server() -> None:
    """Start the server with the stderr that this process has now: its processes print there.

    The server inherits that SIGQUIT is blocked. When stacks are asked for, the server must not die,
    or it cannot report how its processes ended.
    """
    multiprocessing.get_context("forkserver").set_forkserver_preload([*PRELOADED])
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGQUIT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGQUIT})


def run_all(works: Sequence[Work], folder: Path, limit_s: float = LIMIT_S) -> list[WorkProcessExit]:
    """Run every work in a process of its own, all at once.

    `folder` must exist and be empty: it takes what the processes leave. This never raises because
    of what a process does, and takes at most `limit_s` and a few seconds, or three times that
    while a process still works.
    """
    processes: list[Any] = []
    try:
        for number, work in enumerate(works):
            processes.append(_start_process(work, folder / str(number), limit_s))
        started = time.monotonic()
        ends = _wait_for_all(processes, limit_s + _GRACE_S)
    finally:
        for process in processes:
            if process.exitcode is None:
                for pid in (*_find_descendants(process.pid), process.pid):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            process.join()
    ended = []
    for number, (exit_code, at) in enumerate(ends):
        left = folder / str(number)
        returned = exit_code == 0 and (left / "result").exists()
        result = torch.load(left / "result", weights_only=True) if returned else None
        stuck_in = find_innermost_frame(_read_text(left / "stacks"))
        raised = _read_text(left / "raised")
        ended.append(WorkProcessExit(returned, result, raised, exit_code, stuck_in, at - started))
    return ended


def _start_process(work: Work, folder: Path, limit_s: float) -> Any:
    start_server()
    folder.mkdir()
    process = multiprocessing.get_context("forkserver").Process(
        target=_run_work, args=(work, folder, limit_s)
    )
    try:
        process.start()
    except (OSError, EOFError) as error:
        found = f"no process could be forked ({type(error).__name__}: {error})"
        require(
            False,
            found,
            "one that holds torch",
            "a fresh process crashes or ends while it imports torch",
        )
    return process


def _wait_for_all(processes: Sequence[Any], limit_s: float) -> list[tuple[int | None, float]]:
    """Return the exit code and end time of each process; the code is None if it still runs.

    Once one has failed, the others get FOLLOW_S and no more.
    """
    ended: dict[int, float] = {}

    def list_running() -> list[int]:
        pids = [process.pid for process in processes if process.exitcode is None]
        return [each for pid in pids for each in (pid, *_find_descendants(pid))]

    patience = Patience(limit_s, list_running)
    while len(ended) < len(processes) and (left := patience.left_s()) > 0:
        connection.wait(
            [process.sentinel for process in processes if process.exitcode is None], timeout=left
        )
        for number, process in enumerate(processes):
            if number not in ended and process.exitcode is not None:
                ended[number] = time.monotonic()
                if process.exitcode:
                    patience.end_within(FOLLOW_S)
    now = time.monotonic()
    return [(process.exitcode, ended.get(number, now)) for number, process in enumerate(processes)]


def _find_descendants(pid: int) -> list[int]:
    children = [
        int(child)
        for path in Path(f"/proc/{pid}/task").glob("*/children")
        for child in _read_text(path).split()
    ]
    return [each for child in children for each in (*_find_descendants(child), child)]


def _read_text(path: Path) -> str:
    """Return the text of a file; empty if it does not exist or its process is gone."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _run_work(work: Work, folder: Path, limit_s: float) -> None:
    """Do the work in the new process.

    The stacks are written when the host's watchdog asks for them, or when the time is up.
    """
    dump_stacks_on_quit()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGQUIT})
    with (folder / "stacks").open("w") as stacks:
        faulthandler.dump_traceback_later(limit_s, file=stacks)
        try:
            torch.save(work(), folder / "result")
        except Exception as error:
            traceback.print_exc()
            lines = (line.strip() for line in str(error).splitlines() if line.strip())
            first = next(lines, "no message")[:_SHOWN]
            (folder / "raised").write_text(f"{type(error).__name__}: {first}", encoding="utf-8")
            sys.exit(1)
        finally:
            faulthandler.cancel_dump_traceback_later()
