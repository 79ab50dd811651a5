"""What a person sees: plain lines where nobody watches, live bars on a terminal, answers apart from
both.
"""

from __future__ import annotations

import errno
import io
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from runner import progress
from runner.home import REPOSITORY

RELEASE = str(REPOSITORY / "release.py")
Said = Callable[[], list[str]]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the clock is four seconds after the one before."""
    ticks = itertools.count(100, 4)
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """The lines on stderr so far; nothing may be on stdout."""

    def lines() -> list[str]:
        shown = capsys.readouterr()
        assert shown.out == ""
        return shown.err.splitlines()

    return lines


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a terminal would be sent."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown = Terminal()
    monkeypatch.setattr(
        progress, "console", Console(file=shown, force_terminal=True, width=200, highlight=False)
    )
    monkeypatch.setattr(
        progress, "sys", SimpleNamespace(stderr=shown)
    )  # pytest puts back sys.stderr itself
    return shown


# Plain


def test_a_line_is_said_as_it_is(said: Said) -> None:
    """What looks like markup may be a package's extra, and a long line is one line."""
    text = f"needs [red]torch[/red] at v2.6.0 {'x' * 300}"
    progress.say_line(text)
    assert said() == [text]


def test_details_are_said_where_asked_for(said: Said) -> None:
    progress.say_line("quiet", detail=True)
    progress.set_verbose(True)
    try:
        progress.say_line("loud", detail=True)
    finally:
        progress.set_verbose(False)
    assert said() == ["loud"]


@pytest.mark.usefixtures("clock")
def test_a_plain_meter_says_a_line_every_ten_seconds_and_one_at_the_end(said: Said) -> None:
    with progress.show_meter("push", 40e6) as meter:
        lines = []
        for _ in range(4):
            meter.advance_by(10e6)
            lines.append(said())
    assert [len(made) for made in lines] == [0, 0, 1, 0]
    (end,) = said()
    assert lines[2][0].startswith("  push: 75%, 30.0 MB, ")
    assert end.startswith("  push: 40.0 MB, ")
    assert end.endswith(" s")


@pytest.mark.usefixtures("clock")
def test_a_rate_is_bytes_over_time() -> None:
    meter = progress.Meter("pull", 100e6, _started=96.0, _shown=1e9)
    meter.advance_by(80e6)
    assert meter._format_rate() == "80.0 MB, 10 MB/s"


def test_a_meter_without_a_total_says_no_share(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_LINE_EVERY_S", 0)
    with progress.show_meter("pull", 0) as meter:
        meter.advance_by(1e6)
        (before,) = said()
        meter.set_total(4e6)
        meter.advance_by(1e6)
        (after,) = said()
    assert "%" not in before
    assert after.startswith("  pull: 50%, 2.0 MB")


def test_more_than_the_total_is_no_more_than_all(
    said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "PLAIN_LINE_EVERY_S", 0)
    with progress.show_meter("pull", 1e6) as meter:
        meter.advance_by(3e6)
        assert said()[0].startswith("  pull: 100%, 3.0 MB")


def test_of_what_was_never_begun_nothing_is_said(said: Said) -> None:
    with progress.show_meters({"push": 1e6, "copy": 1e6}) as meters:
        meters["push"].advance_by(1e6)
    (line,) = said()
    assert line.startswith("  push: ")


def test_what_failed_says_no_end(said: Said) -> None:
    with pytest.raises(KeyboardInterrupt), progress.show_meter("push", 2e6) as meter:
        meter.advance_by(1e6)
        raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt), progress.show_step("resolve"):
        raise KeyboardInterrupt
    assert said() == ["  resolve ..."]


@pytest.mark.usefixtures("clock")
def test_a_step_says_its_beginning_and_its_time(said: Said) -> None:
    with progress.show_step("resolve"):
        assert said() == ["  resolve ..."]
    assert said() == ["  resolve: 4.0 s"]


def test_a_table_is_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    progress.print_rich_table("plan", ["image"], [["cv"]])
    shown = capsys.readouterr()
    assert "cv" in shown.out
    assert shown.err == ""


def test_a_table_is_shown_without_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "0")
    progress.print_rich_table("plan", ["image"], [["cv"]])
    assert "cv" in capsys.readouterr().out


HOSTILE = "a [red]b[/red] :smile: \x1b[31mc\x07\u202ed\n::error::e ##[error]f"
SHOWN = "a [red]b[/red] :smile: cd : :error::e # #[error]f"


def test_what_is_said_is_one_line_that_commands_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress.say_line(HOSTILE)
    assert capsys.readouterr().err == f"{SHOWN}\n"
    progress.say_line("::warning::x\r::error::y")
    assert capsys.readouterr().err == ": :warning::x : :error::y\n"
    progress.say_line("x" * 1_000_000)
    assert len(capsys.readouterr().err) <= progress.MAX_LINE_CHARACTERS + 1


def test_an_answer_keeps_its_lines_and_commands_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress.print_answer(f"{HOSTILE}\n")
    assert capsys.readouterr().out == "a [red]b[/red] :smile: cd\n: :error::e # #[error]f\n"


def test_a_name_is_no_markup_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    progress.print_rich_table("[bold]plan[/bold]", ["[x]"], [[HOSTILE]])
    shown = capsys.readouterr().out
    assert "[bold]plan[/bold]" in shown
    assert "[red]b[/red] :smile:" in " ".join(shown.split())
    assert "\x1b" not in shown


def test_an_answer_in_json_stays_the_same_document(capsys: pytest.CaptureFixture[str]) -> None:
    told = {"a": HOSTILE, "b": "\x7f"}
    progress.print_json(told)
    shown = capsys.readouterr().out
    assert json.loads(shown) == told
    assert shown.isascii()
    assert "##[" not in shown
    assert all(character.isprintable() or character == "\n" for character in shown)


def test_a_name_is_no_markup_on_a_terminal(terminal: io.StringIO) -> None:
    with progress.show_step("[red]x[/red]"), progress.show_meter("[bold]y[/bold]", 2e6) as meter:
        meter.advance_by(2e6)
    assert "[red]x[/red]" in terminal.getvalue()
    assert "[bold]y[/bold]" in terminal.getvalue()


@pytest.mark.parametrize("error", [errno.EPIPE, errno.EIO])
def test_nobody_reads(error: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(error, os.strerror(error))

        def fileno(self) -> int:
            return file.fileno()

    with (tmp_path / "file").open("w") as file:
        monkeypatch.setattr(sys, "stdout", Gone())
        progress.print_answer("x")
        assert Path(f"/proc/self/fd/{file.fileno()}").readlink() == Path(os.devnull)


@pytest.mark.parametrize(
    ("streams", "code"),
    [("2>/dev/full", 2), ("2>&-", 2), ("2</dev/null", 2), (">&- 2>&-", 2), ("<&- >&- 2>&-", 2)],
)
def test_the_exit_code_does_not_depend_on_who_reads(streams: str, code: int) -> None:
    command = f'exec "$0" "$1" plan v9.9.0 {streams}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, RELEASE], capture_output=True, check=False
    )
    assert done.returncode == code
    assert b"internal error" not in done.stderr


@pytest.mark.parametrize(("streams", "code"), [(">&-", 0), (">/dev/full", 3)])
def test_an_answer_that_nobody_gets(home: Path, streams: str, code: int) -> None:
    command = f'exec "$0" "$1" plan v2.6.0 --json {streams}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable, RELEASE], capture_output=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert b"internal error" not in done.stderr


def test_a_full_disk_behind_stdout_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(OSError, match="No space left"):
        progress.print_answer("x")


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0.0 MB"),
        (999_999, "1.0 MB"),
        (999_900_000, "999.9 MB"),
        (1e9, "1.00 GB"),
        (3_094_000_000, "3.09 GB"),
    ],
)
def test_bytes_for_people(size: float, words: str) -> None:
    assert progress.format_megabytes(size) == words


# On a terminal


def test_a_terminal_gets_live_bars(terminal: io.StringIO) -> None:
    with progress.show_meters({"push": 0, "copy": 2e6}) as meters:
        meters["push"].set_total(4e6)
        meters["push"].advance_by(4e6)
        meters["copy"].advance_by(1e6)
    shown = terminal.getvalue()
    assert "4.0/4.0 MB" in shown
    assert "1.0/2.0 MB" in shown
    assert "\x1b[" in shown, "no control sequence: nothing is live"


def test_what_is_said_meanwhile_stands_above_the_bars(terminal: io.StringIO) -> None:
    with progress.show_meter("push", 2e6) as meter:
        progress.say_line("retrying [layer]")
        meter.advance_by(2e6)
    assert "retrying [layer]\n" in terminal.getvalue()


def test_a_terminal_is_left_in_order_after_an_interruption(terminal: io.StringIO) -> None:
    hidden, shown = "\x1b[?25l", "\x1b[?25h"
    with pytest.raises(KeyboardInterrupt), progress.show_meter("push", 2e6):
        raise KeyboardInterrupt
    assert terminal.getvalue().rindex(shown) > terminal.getvalue().rindex(hidden)


def test_a_step_on_a_terminal_leaves_one_line(terminal: io.StringIO) -> None:
    with progress.show_step("resolve"):
        pass
    last = terminal.getvalue().splitlines()[-1]
    assert "resolve: 0.0 s" in last


def test_a_block_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    progress.say_block("- id: CVE-2026-1\n  reason:\n\x1b[31m::error::x", "  ")
    assert capsys.readouterr().err == "  - id: CVE-2026-1\n    reason:\n  : :error::x\n"


def test_characters_that_a_stream_does_not_have_are_escaped() -> None:
    code = (
        "from runner import progress\nprogress.open_missing_streams()\n"
        "progress.print_answer('2 é ✓')\nprogress.print_rich_table('✓', ['a'], [['✓']])\n"
        "progress.say_line('✓')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"2 \xe9 \\u2713\n")
