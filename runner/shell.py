"""The one way to run another program: shown first, with limits of time and output.

When this run is interrupted, or when a program runs too long or prints too much, the program is
ended with all that it started, so that nothing continues to write in a scratch folder. A failure is
one clear line.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from weakref import WeakSet

from runner import child_programs, home, progress, redaction
from runner.child_variables import SYSTEM, AllowedVariables
from runner.errors import EnvironmentFailed, ProgramTooSlow
from runner.untrusted import clean_line, clean_text

TAIL_LINES, TAIL_CHARACTERS = 15, 1000
"""The end of what a failed program said, for the message."""
TIMEOUT_S = 3600
"""Seconds for a program without a limit of its own.

The slowest program with one, a build of the OS layer, has half of it.
"""

OUTPUT_BYTES = 64 << 20
"""The most bytes a program may print on stdout. The longest output, hadolint's, has kilobytes."""

ERROR_BYTES = 1 << 20
"""Bytes that are kept of the end of stderr."""

GRACE_S = 10.0
"""Seconds in which a program may clean up after SIGTERM, before SIGKILL."""

_LOOK_S = 0.5

_FULL = ("No space left on device", "Disk quota exceeded")


@dataclass(frozen=True)
class CompletedProgram:
    """A program that ended by itself: its exit code, its stdout, and the end of its stderr."""

    code: int
    stdout: str
    stderr: str


def run(  # noqa: PLR0913 - keyword-only knobs of one call
    command: Sequence[str | Path],
    *,
    hint: str,
    env: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
    ok_codes: Sequence[int] = (0,),
    stdin: bytes | None = None,
    allowed: AllowedVariables = SYSTEM,
) -> str:
    """Run `command` and return its stdout.

    Its variables are those of this process that `allowed` lists, and `env`. It runs in
    NEUTRAL_FOLDER. Raises EnvironmentFailed with the end of its stderr and `hint` if it cannot be
    run, runs longer than `timeout_s`, prints more than OUTPUT_BYTES or exits with a code that is
    not in `ok_codes`.
    """
    done = run_to_end(
        command, hint=hint, env=env, timeout_s=timeout_s, stdin=stdin, allowed=allowed
    )
    if done.code not in ok_codes:
        tail = " | ".join(clean_text(done.stderr).strip().splitlines()[-TAIL_LINES:])
        tail = tail if len(tail) <= TAIL_CHARACTERS else f"…{tail[-TAIL_CHARACTERS:]}"
        shown = clean_line(shlex.join(str(word) for word in command), 200)
        raise EnvironmentFailed(
            f"`{shown}` exited {done.code}: {tail}", full_disk_hint(done.stderr) or hint
        )
    return done.stdout


def run_to_end(  # noqa: PLR0913 - keyword-only knobs of one call
    command: Sequence[str | Path],
    *,
    hint: str,
    env: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
    stdin: bytes | None = None,
    allowed: AllowedVariables = SYSTEM,
) -> CompletedProgram:
    """Run `command` to its end, whatever its exit code.

    Raises EnvironmentFailed as `run` does for all else.
    """
    words = [str(word) for word in command]
    progress.say_line(f"$ {shlex.join(words)}", detail=True)
    given = stdin is not None
    with _start_program(words, hint, allowed, env or {}, takes_input=given) as process:
        streams = _Streams(process, stdin)
        if not _wait_for_program(process, streams, timeout_s):
            if streams.is_too_much:
                problem = f"`{words[0]}` printed more than {OUTPUT_BYTES >> 20} MB"
                raise EnvironmentFailed(problem, hint)
            raise ProgramTooSlow(f"`{words[0]}` did not finish in {timeout_s:.0f} s", hint)
    return CompletedProgram(process.returncode, *streams.decode_texts())


def full_disk_hint(output: str) -> str:
    """Return what to do if a program said that a disk is full, or an empty text if it did not."""
    return home.full_hint() if any(words in output for words in _FULL) else ""


def stop_all() -> bool:
    """Ask every running program to end, and start no more: this run was interrupted.

    Returns whether the main thread may be interrupted now. If not, it soon raises KeyboardInterrupt
    by itself.
    """
    _interrupted.set()
    for process in tuple(_running):
        _ask_to_end(process, _process_tree(process.pid))
    return not _is_starting


def allow_all() -> None:
    """Allow programs to be started: a run begins."""
    _interrupted.clear()


def end_programs_of(threads: Collection[threading.Thread]) -> None:
    """End what these threads run, start nothing more there, and return when all of it has ended."""
    with _start_or_stop:
        _stopped.update(threads)
    while any(caller in threads for caller in tuple(_running.values())):
        time.sleep(_LOOK_S)


_running: dict[subprocess.Popen[bytes], threading.Thread] = {}
"""Every program that runs, with the thread that waits for it."""
_asked_to_end: set[subprocess.Popen[bytes]] = set()
"""The programs that were asked to end."""
_interrupted = threading.Event()
_stopped: WeakSet[threading.Thread] = WeakSet()
"""Threads that may run no program any more."""
_start_or_stop = threading.Lock()
"""Held while a program is started: then a thread that is stopped has started it, or never will."""
_is_starting = False


def _may_run() -> bool:
    return not _interrupted.is_set() and threading.current_thread() not in _stopped


@contextlib.contextmanager
def _start_program(
    words: Sequence[str],
    hint: str,
    allowed: AllowedVariables,
    extra: Mapping[str, str],
    *,
    takes_input: bool,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program, and end what still runs of it at the end of the block."""
    if not _may_run():
        raise EnvironmentFailed(f"`{words[0]}` was not started: this run is ending", hint)
    with _defer_interrupts(), _start_or_stop:
        if threading.current_thread() in _stopped:
            raise EnvironmentFailed(f"`{words[0]}` was not started: this run is ending", hint)
        try:
            process = child_programs.start_program(
                words, allowed=allowed, extra=extra, takes_input=takes_input
            )
        except FileNotFoundError:
            raise EnvironmentFailed(f"`{words[0]}` is not installed", hint) from None
        except OSError as error:
            raise EnvironmentFailed(
                f"`{words[0]}` cannot be run: {error.strerror}", home.machine_hint(error) or hint
            ) from error
        _running[process] = threading.current_thread()
    try:
        if _interrupted.is_set() and _is_main():  # it came while the program was started
            raise KeyboardInterrupt
        yield process
    finally:
        _end_program(process)
        _running.pop(process, None)
        _asked_to_end.discard(process)


@contextlib.contextmanager
def _defer_interrupts() -> Iterator[None]:
    """Defer interrupts while a program is started.

    A program must be known before an interrupt can leave it behind.
    """
    global _is_starting  # noqa: PLW0603 - the main thread alone, where signals are handled, writes it
    if not _is_main():
        yield
        return
    _is_starting = True
    try:
        yield
    finally:
        _is_starting = False


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()


class _Streams:
    """The streams of a program, each in a thread, so that none of them waits for another.

    Each thread closes its own stream. If another closed it, its number could belong to the next
    program's stream when the thread reads from it.
    """

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes | None) -> None:
        self.is_too_much = False
        self._out, self._error = bytearray(), bytearray()
        work = [(self._read_output, process.stdout), (self._read_errors, process.stderr)]
        self._threads = [
            threading.Thread(target=target, args=(stream,), daemon=True) for target, stream in work
        ]
        if stdin is not None:
            self._threads.append(
                threading.Thread(target=_feed_stream, args=(process.stdin, stdin), daemon=True)
            )
        for thread in self._threads:
            thread.start()

    def join_threads(self, timeout_s: float) -> bool:
        """Wait for the end of all streams, and return whether it came."""
        ends = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def decode_texts(self) -> tuple[str, str]:
        """Return stdout, and the end of stderr without secrets: it gets into messages."""
        output = redaction.hide_in_text(self._error.decode(errors="replace"))
        return self._out.decode(errors="replace"), output

    def _read_output(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError), stream:
            while chunk := os.read(stream.fileno(), 1 << 16):
                if len(self._out) + len(chunk) > OUTPUT_BYTES:
                    self.is_too_much = True
                    return
                self._out += chunk

    def _read_errors(self, stream: IO[bytes]) -> None:
        with contextlib.suppress(OSError), stream:
            while chunk := os.read(stream.fileno(), 1 << 16):
                self._error += chunk
                del self._error[:-ERROR_BYTES]


def _feed_stream(stream: IO[bytes], data: bytes) -> None:
    with contextlib.suppress(OSError), stream:
        stream.write(data)


def _wait_for_program(
    process: subprocess.Popen[bytes], streams: _Streams, timeout_s: float
) -> bool:
    """Wait for the end of a program and of its output; return whether it came within the limits."""
    ends = time.monotonic() + timeout_s
    while process.poll() is None and not streams.is_too_much:
        left = ends - time.monotonic()
        if left <= 0 or not _may_run():
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(min(left, _LOOK_S))
    if process.poll() is None and not _may_run():
        _end_program(process)
    if process.poll() is None or streams.is_too_much:
        return False
    streams.join_threads(
        GRACE_S
    )  # no longer: something that the program started may hold its output open
    return not streams.is_too_much


def _end_program(process: subprocess.Popen[bytes]) -> None:
    """End a program with all that it started.

    SIGTERM comes first, so that it can clean up, then SIGKILL.
    """
    if process.poll() is None:
        members = _process_tree(process.pid)
        _ask_to_end(process, members)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
        _signal_all(members if process.poll() is None else members[1:], signal.SIGKILL)
        process.wait()


def _ask_to_end(process: subprocess.Popen[bytes], members: Sequence[int]) -> None:
    """Send SIGTERM to the processes of a program, once: a second one would end its cleaning up."""
    if process not in _asked_to_end:
        _asked_to_end.add(process)
        _signal_all(members, signal.SIGTERM)


def _process_tree(process: int) -> list[int]:
    """Return a process and all below it."""
    found = [process]
    for each in found:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [
                    int(child) for child in children.read_text().split() if int(child) not in found
                ]
    return found


def _signal_all(processes: Sequence[int], number: signal.Signals) -> None:
    for each in processes:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(each, number)
