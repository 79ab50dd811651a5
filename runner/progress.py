"""Output for people: progress on stderr, answers on stdout.

Progress is live bars on a terminal and plain lines elsewhere. Both may contain untrusted text, so
all of it is cleaned here (runner/untrusted.py), secrets are taken out (runner/redaction.py), and no
name is read as markup. A reader that goes
away (a closed pipe or terminal) does not stop the run, nor change its exit code.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from runner.redaction import hide_in_text, hide_in_values
from runner.untrusted import clean_line, clean_text

PLAIN_LINE_EVERY_S = 10.0
MAX_LINE_CHARACTERS = 8000
MIN_WIDTH = 40
"""Columns of a table, also where COLUMNS names fewer: rich would show nothing in 0."""


class _Console(Console):
    """A console for plain text.

    It does not end the whole program if nobody reads, as rich's own does.
    """

    def __init__(self, *, stderr: bool = False, soft_wrap: bool = False) -> None:
        super().__init__(
            stderr=stderr,
            soft_wrap=soft_wrap,
            highlight=False,
            markup=False,
            emoji=False,
            _environ={  # a size such as `²`, which is a digit and no number, stops rich
                name: value
                for name, value in os.environ.items()
                if name not in ("COLUMNS", "LINES") or re.fullmatch(r"[0-9]{1,6}", value)
            },
        )

    def on_broken_pipe(self) -> None:
        """Leave it to `_reader_may_leave`."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


console = _Console(stderr=True, soft_wrap=True)
_verbose = False


def open_missing_streams() -> None:
    """Open stdin, stdout and stderr on nothing if they are closed, and let them escape characters.

    Else another file would get the number of a closed stream. A stream whose encoding cannot escape
    them (PYTHONIOENCODING=idna) writes UTF-8.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free: this one
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a stream in Latin-1 cannot show all characters
            usable = stream.encoding
            try:
                can_escape = bool("a…\n".encode(usable, "backslashreplace"))
            except (UnicodeError, LookupError):
                can_escape = False
            stream.reconfigure(
                encoding=usable if can_escape else "utf-8", errors="backslashreplace"
            )


class _LogHandler(logging.Handler):
    """Shows what libraries log and warn of, as every other line."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show one message."""
        say_line(f"  {record.name}: {record.getMessage()}", detail=record.levelno < logging.ERROR)


def show_library_output() -> None:
    """Let log messages, warnings and tracebacks of threads pass through here too.

    Libraries would write them to stderr by themselves, with the addresses that they were given.
    """
    logging.basicConfig(handlers=[_LogHandler()], level=logging.WARNING)
    logging.captureWarnings(capture=True)
    threading.excepthook = lambda failed: say_line(
        f"a thread failed: {failed.exc_type.__name__}: {failed.exc_value}"
    )
    sys.unraisablehook = lambda failed: say_line(
        f"  {failed.exc_type.__name__}: {failed.exc_value}", detail=True
    )


def set_verbose(on: bool) -> None:
    """Show every external command and detail line."""
    global _verbose  # noqa: PLW0603 - one switch for one process
    _verbose = on


def is_verbose() -> bool:
    """Return whether details are shown."""
    return _verbose


def say_line(text: str, *, detail: bool = False) -> None:
    """Print one line on stderr; a `detail` line only with --verbose.

    Several lines become one.
    """
    if not detail or _verbose:
        with _reader_may_leave(sys.stderr, is_needed=False):
            shown = make_safe(text)[:MAX_LINE_CHARACTERS]
            console.print(" ".join(shown.splitlines()), markup=False, emoji=False)


def say_block(text: str, indent: str = "") -> None:
    """Print several lines of our own on stderr, such as an entry to copy, each behind `indent`."""
    for line in text.splitlines():
        say_line(f"{indent}{line}")


def print_answer(text: str) -> None:
    """Print text on stdout, with a newline at its end."""
    _print_text(make_safe(text))


def print_json(value: object, indent: int | None = 2) -> None:
    """Print a JSON value in ASCII on stdout; in one line if `indent` is None.

    Text that GitHub Actions would read as a command is escaped.
    """
    text = json.dumps(hide_in_values(value), indent=indent)
    _print_text(text.replace("##[", "\\u0023#[").replace("\x7f", "\\u007f"))


def print_rich_table(title: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout."""
    made = Table(*map(_show_cell, heads), title=_show_cell(title))
    for row in rows:
        made.add_row(*map(_show_cell, row))
    with _reader_may_leave(sys.stdout):
        shown = _Console()
        shown.width = max(shown.width, MIN_WIDTH)
        shown.print(made)
        sys.stdout.flush()


def make_safe(text: str) -> str:
    """Return text cleaned and without secrets, also with signs in them that cleaning removes."""
    return hide_in_text(clean_text(hide_in_text(text)))


def _show_cell(text: str) -> str:
    return clean_line(make_safe(text))


def _print_text(text: str) -> None:
    with _reader_may_leave(sys.stdout):
        print(text.removesuffix("\n"))
        sys.stdout.flush()


@contextlib.contextmanager
def _reader_may_leave(stream: TextIO, *, is_needed: bool = True) -> Iterator[None]:
    """Continue if nobody reads any more: a closed pipe, or a terminal that hung up (EIO).

    Another error (a full disk) is raised if the text `is_needed`: an answer, not progress. Later
    output goes nowhere, so that the exit code stays that of the run.
    """
    try:
        yield
    except OSError as error:
        with contextlib.suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
        if is_needed and error.errno not in (errno.EPIPE, errno.EIO):
            raise


@dataclass
class Meter:
    """A counter of the units of one piece of work, which shows how much of `total` is done."""

    title: str
    total: float
    done: float = 0
    _bar: Progress | None = None
    _task: TaskID | None = None
    _started: float = 0
    _shown: float = 0

    def advance_by(self, amount: float) -> None:
        """Add `amount` (bytes, or whatever `total` counts)."""
        self.done += amount
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, amount)
        elif time.monotonic() - self._shown >= PLAIN_LINE_EVERY_S:
            self._shown = time.monotonic()
            share = f"{min(self.done / self.total, 1):.0%}, " if self.total else ""
            say_line(f"  {self.title}: {share}{self._format_rate()}")

    def set_total(self, total: float) -> None:
        """Set the total if it becomes known only during the work."""
        self.total = total
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=total)

    def _format_rate(self) -> str:
        seconds = max(time.monotonic() - self._started, 1e-3)
        return f"{format_megabytes(self.done)}, {self.done / seconds / 1e6:.0f} MB/s"

    def format_summary(self) -> str:
        """Return amount, rate and time so far."""
        return f"{self._format_rate()}, {time.monotonic() - self._started:.1f} s"


def can_ask() -> bool:
    """Return whether a person at a terminal can be asked something."""
    return sys.stdin.isatty() and sys.stderr.isatty()


@contextlib.contextmanager
def show_meters(totals: Mapping[str, float]) -> Iterator[dict[str, Meter]]:
    """Show a meter over bytes for each title.

    These are live bars on a terminal; elsewhere a line every ten seconds and one at the end.
    """
    now = time.monotonic()
    if not sys.stderr.isatty():
        plain = {
            title: Meter(title, total, _started=now, _shown=now) for title, total in totals.items()
        }
        yield plain
        for measured in (made for made in plain.values() if made.done):
            say_line(f"  {measured.title}: {measured.format_summary()}")
        return
    columns = (
        TextColumn("  {task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        yield {
            title: Meter(
                title,
                total,
                _bar=bar,
                _task=bar.add_task(_show_cell(title), total=total),
                _started=now,
            )
            for title, total in totals.items()
        }


@contextlib.contextmanager
def show_meter(title: str, total_bytes: float) -> Iterator[Meter]:
    """Show one meter, as `meters` does."""
    with show_meters({title: total_bytes}) as made:
        yield made[title]


@contextlib.contextmanager
def follow_steps(follow: Callable[[str], object]) -> Iterator[None]:
    """Call a function with the name of each piece of work that `show_step` shows in the block."""
    _followers.append(follow)
    try:
        yield
    finally:
        _followers.remove(follow)


_followers: list[Callable[[str], object]] = []


@contextlib.contextmanager
def show_step(title: str) -> Iterator[None]:
    """Show the name of a piece of work when it starts, and its time when it ends well."""
    for follow in _followers:
        follow(title)
    started = time.monotonic()
    if sys.stderr.isatty():
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console, transient=True) as bar:
            bar.add_task(_show_cell(title))
            yield
    else:
        say_line(f"  {title} ...")
        yield
    say_line(f"  {title}: {time.monotonic() - started:.1f} s")


def format_megabytes(size: float) -> str:
    """Return a number of bytes in decimal units, as registries bill them."""
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
