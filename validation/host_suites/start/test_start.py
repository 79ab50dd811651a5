"""The image behaves as a program does when a user starts it, by its own entry point.

No file of the harness is in these containers: the host starts them, and looks at them from outside.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable

from images.version import line_of_torch
from runner.nouns import count_noun
from runner.untrusted import Malformed, parse_json
from validation.host_suites.check_run import CheckRun, require
from validation.host_suites.start import times
from validation.host_suites.start.times import MeasuredStart
from validation.host_suites.starts import OUTPUT_BYTES, StartEnd, StartRefused, Starts
from validation.suites.contract import questions

MAX_COPIED_BYTES, MAX_COPIED_FILES = 100 << 20, 2000
"""What the engine may copy into volumes at each start."""
MAX_INTEGER = 1 << 53
PROMPT_S = 10.0
STOP_S = 9.0
"""`docker stop` kills after 10 s."""
NOT_FOUND = 127

ENTRY_POINT = "the entry point, or what it starts"
WRITES_AND_IMPORTS = (
    "import pathlib, torch; pathlib.Path.home().joinpath('.started').write_text('x'); "
    "print(torch.ones(3).sum().item())"
)
HANDLES = """
import signal, sys, time
def stop(*_):
    print("stopping", flush=True)
    sys.exit(5)
signal.signal(signal.SIGTERM, stop)
print("ready", flush=True)
time.sleep(600)
"""
WAITS = "import time; print('ready', flush=True); time.sleep(600)"
PRINTS = """
import sys, time
print("at work", file=sys.stderr, flush=True)
print("a line")
time.sleep(600)
"""
MEASURES = """
import json, os, sys
blocks = files = 0
for top in json.loads(sys.argv[1]):
    for folder, folders, names in os.walk(top):
        for name in (*folders, *names):
            files += 1
            blocks += os.lstat(os.path.join(folder, name)).st_blocks
print(json.dumps([blocks * 512, files]))
"""
MULTIPLIES = """
import json, sys
left, right, inner = json.loads(sys.argv[1])
columns = len(right) // inner
rows = [left[at : at + inner] for at in range(0, len(left), inner)]
sums = [
    sum(a * b for a, b in zip(row, right[column::columns]))
    for row in rows
    for column in range(columns)
]
print(json.dumps(sums))
"""


def test_volumes(run: CheckRun) -> None:
    """A declared volume has little in it: the engine copies all of it before each start.

    The image's own Python tells the sizes. The disk is watched by the host.
    """
    if not run.volumes:
        return
    given = json.dumps(run.volumes)
    ended = run.starts.run("python", "-c", MEASURES, given, mounts=run.with_contents)
    found = _read_numbers(ended, 2)
    is_read = bool(found) and min(found) >= 0
    require(is_read, f"the volumes {given} cannot be read: {ended}", "their sizes", ENTRY_POINT)
    size, files = found
    copied = f"{size / 1e6:,.0f} MB and {count_noun(files, 'file')}"
    require(
        size <= MAX_COPIED_BYTES and files <= MAX_COPIED_FILES,
        f"the engine copies {copied} of {given} before each start",
        f"at most {MAX_COPIED_BYTES / 1e6:.0f} MB and {MAX_COPIED_FILES:,} files",
        "a VOLUME over what belongs to the image, such as its packages",
    )


def test_exit_codes(run: CheckRun) -> None:
    """The container ends with the code of the program, and with 128 + the number of a signal."""
    wanted = {"exit 0": 0, "exit 7": 7, "kill -KILL $$": 137}
    ended = {words: run.starts.run("bash", "-c", words) for words in wanted}
    wrong = [words for words, code in wanted.items() if ended[words].code != code]
    found = "; ".join(f"`bash -c '{words}'` {ended[words]}" for words in wrong)
    require(
        not wrong,
        found,
        ", ".join(str(wanted[words]) for words in wrong),
        "an entry point that does not hand on the exit code of its program",
    )


def test_signals(run: CheckRun) -> None:
    """A program can stop in order when the container is stopped, and one that does not ends too."""
    cases = (
        ("a program with a handler", "SIGTERM", HANDLES, 5),
        ("a program", "SIGTERM", WAITS, 143),
        ("a program", "SIGINT", WAITS, 130),
    )
    for what, signal, program, code in cases:
        with run.starts.start("python", "-c", program) as started:
            is_ready = started.wait_line("ready")
            require(is_ready, f"{what} {started.wait_end(0)}", "to be ready", ENTRY_POINT)
            started.send_signal(signal)
            ended = started.wait_end(STOP_S)
        require(
            ended.code == code,
            f"{STOP_S:.0f} s after {signal} {what} {ended}",
            f"it to end with {code}",
            "an entry point that does not hand on signals, or ignores them",
        )


def test_output_by_line(run: CheckRun) -> None:
    """A line that a program prints arrives at once, and not with the next 8 KB."""
    with run.starts.start("python", "-c", PRINTS) as started:
        at_work = started.wait_line("at work")
        require(at_work, f"it {started.wait_end(0)}", "a line of stderr", ENTRY_POINT)
        is_there = started.wait_line("a line", PROMPT_S)
    require(
        is_there,
        f"a printed line had not arrived {PROMPT_S:.0f} s later",
        "it at once",
        "PYTHONUNBUFFERED is not set, or the entry point writes to a pipe of its own",
    )


def test_first_line(run: CheckRun) -> None:
    cause = "an entry point that works before it starts the program, or a Python that loads much"
    _require_fast(run, "first_line", times.measure_first_line, "a bare interpreter's", cause)


def test_import_torch(run: CheckRun) -> None:
    cause = "modules without bytecode, or something that works or waits when torch is imported"
    _require_fast(run, "import_torch", times.measure_import, "a loop of plain Python", cause)


def test_other_user(run: CheckRun) -> None:
    _require_works(run, "uid 12345", "files that only the image's own user may use", user="12345:0")


def test_read_only_root(run: CheckRun) -> None:
    """As with `docker run --read-only --tmpfs /tmp`."""
    memory = {"/tmp": "exec,size=1g,mode=1777"}  # noqa: S108 - in the container
    cause = "a start that writes into the image"
    _require_works(run, "a read-only root", cause, read_only=True, tmpfs=memory)


def test_login_shell(run: CheckRun) -> None:
    ended = run.starts.run("bash", "-lc", f'python -c "{WRITES_AND_IMPORTS}"')
    cause = "/etc/profile sets PATH, and no file of /etc/profile.d adds the image's Python"
    _require_printed(ended, "3.0", "`bash -lc` with torch", cause)


def test_missing_command(run: CheckRun) -> None:
    """A command that does not exist gives 127, as in every shell."""
    try:
        ended = run.starts.run("there-is-no-such-command")
    except (
        StartRefused
    ):  # without an entry point the engine says so, and `docker run` ends with 127
        return
    cause = "an entry point that does not hand on the exit code of its program"
    require(ended.code == NOT_FOUND, f"a missing command {ended}", f"{NOT_FOUND}", cause)


def test_challenge(run: CheckRun) -> None:
    """The image's Python computes a product of numbers that nobody knew before."""
    factors = questions.draw_product(run.nonce, "start")
    given = json.dumps([factors.left, factors.right, factors.inner])
    ended = run.starts.run("python", "-c", MULTIPLIES, given)
    found = _read_numbers(ended)
    require(found, f"it {ended}", "a product", "Python is damaged")
    run.give_answer("product", list(found))


def _require_fast(
    run: CheckRun, name: str, measure: Callable[[Starts], MeasuredStart], other: str, cause: str
) -> None:
    """Measure a time, again while it is over its limit, and report it as a figure."""
    line = line_of_torch(run.expected.torch)
    least, limit = MeasuredStart(math.inf, math.inf), 0.0
    for _ in range(times.TRIES):
        try:
            least = least.least_of(measure(run.starts))
        except times.NotStarted as error:
            require(False, str(error), "its time", "Python or torch cannot be started")
        limit = times.limit_seconds(name, line, least)
        if least.seconds <= limit:
            break
    found = f"it took {least.seconds:.2f} s, {other} {least.beside:.2f} s"
    require(least.seconds <= limit, found, f"at most {limit:.2f} s", cause)
    run.report_figure(name, least.seconds, "s")


def _require_works(run: CheckRun, what: str, cause: str, **changed: object) -> None:
    ended = run.starts.run("python", "-c", WRITES_AND_IMPORTS, **changed)
    _require_printed(ended, "3.0", f"{what} with torch", cause)


def _require_printed(ended: StartEnd, wanted: str, what: str, cause: str) -> None:
    is_right = ended.code == 0 and ended.printed[-1:] == (wanted,)
    require(is_right, f"{what} {ended}", f"0 and `{wanted}`", cause)


def _read_numbers(ended: StartEnd, count: int = 0) -> list[int]:
    """Return the list of integers that is the last line; empty if it is something else.

    None is larger than MAX_INTEGER, so that each can be a float, too.
    """
    try:
        found = parse_json(ended.printed[-1], OUTPUT_BYTES)
    except (IndexError, Malformed):
        return []
    is_right = isinstance(found, list) and all(
        type(each) is int and abs(each) <= MAX_INTEGER for each in found
    )
    return (
        found if is_right and ended.code == 0 and len(found) in (count, count or len(found)) else []
    )
