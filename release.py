#!/usr/bin/env python3
"""Cut releases of the PyTorch-CUDA images: build, validate, scan, promote, report.

Exit codes: 0 done, 1 a gate refused, 2 wrong usage or configuration, 3 the environment failed, 4
inconclusive, 130 interrupted. docs/releasing.md explains every command.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_VENV = Path(__file__).resolve().parent / ".venv"
if Path(sys.prefix).resolve() != _VENV.resolve():
    if not (_VENV / "bin" / "python").exists():
        print("the harness is not set up -> run `make setup`", file=sys.stderr)
        sys.exit(3)
    os.execv(_VENV / "bin" / "python", [str(_VENV / "bin" / "python"), *sys.argv])

import signal


def _end_early(*_: object) -> None:
    """Nothing has begun that must be cleaned up.

    The exit code is that of a run that was interrupted later.
    """
    message = b"interrupted -> run the same command again, it continues where it stopped\n"
    try:
        os.write(2, message)
    finally:
        os._exit(130)


if __name__ == "__main__":  # while modules are loaded; `main` sets what holds from then on
    for _each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(_each) is not signal.SIG_IGN:
            signal.signal(_each, _end_early)

import traceback
from argparse import Namespace
from collections.abc import Callable, Sequence

from commands.parser import parse
from runner import embedded, home, progress
from runner.errors import EXIT_INTERRUPTED, EnvironmentFailed, ReleaseError
from runner.records import write_text
from runner.signals import interrupt_on_signals
from runner.time_limit import TimeLimitExceeded, time_limit
from runner.untrusted import clean_line


def main(arguments: Sequence[str]) -> int:
    """Run one command; every error ends here, as one line and an exit code."""
    progress.open_missing_streams()
    interrupt_on_signals()
    try:
        return _run(arguments)
    except ReleaseError as error:
        progress.say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        progress.say("interrupted -> run the same command again, it continues where it stopped")
        return EXIT_INTERRUPTED
    except TimeLimitExceeded as error:
        progress.say(
            f"error: {error} -> see what it waits for with `./release.py doctor`, then run the "
            "same command"
        )
        return EnvironmentFailed.exit_code
    except OSError as error:
        progress.say(f"error: {_told(error)}")
        return EnvironmentFailed.exit_code
    except SystemExit:
        raise
    except (
        BaseException
    ) as error:  # a mistake of this program, a machine without memory, a panic of a native module
        progress.say(f"internal error: {_told_of_a_mistake(error)}")
        return EnvironmentFailed.exit_code


def _run(arguments: Sequence[str]) -> int:
    asked = parse(arguments)
    progress.set_verbose(asked.verbose)
    # a wrong address is refused before anything is done, also where none is needed
    embedded.configured()
    run: Callable[[Namespace], int] = asked.run
    with time_limit(f"`{asked.command}`", asked.longest_s):
        return run(asked)


def _told(error: OSError) -> str:
    what = error.strerror or type(error).__name__
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{what} -> {home.hint_for(error)}"


def _told_of_a_mistake(error: BaseException) -> str:
    """Say what went wrong.

    The traceback is for who mends it: in a file, and on the terminal only if asked for.
    """
    whole = "".join(traceback.format_exception(error))
    if progress.is_verbose():
        for line in whole.splitlines():
            progress.say(line)
    what = clean_line(f"{type(error).__name__}: {error}", 200)
    try:
        path = home.out() / "errors" / f"{os.getpid()}.txt"
        write_text(path, whole.encode("utf-8", "replace").decode())
    except ReleaseError:
        return f"{what} -> run it again with --verbose, and report what it prints"
    return f"{what} -> report it with {path}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
