#!/usr/bin/env python3
"""Cut releases of the PyTorch-CUDA images: build, validate, scan, promote, report.

Exit codes: 0 done, 1 a gate refused, 2 wrong usage or configuration, 3 the environment failed, 4
inconclusive, 130 interrupted. docs/releasing.md explains every command.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HANDED = "handed_secrets"
"""The option of Python (`-X`) that names the open file with the secrets."""
_INTERRUPTED = "interrupted -> run the same command again, it continues where it stopped"


def _end_now(message: str, exit_code: int) -> NoReturn:
    """Write one line and end at once: nothing has begun that must be cleaned up."""
    try:
        os.write(2, f"{message}\n".encode("utf-8", "replace"))
    finally:
        os._exit(exit_code)


def _use_own_python() -> None:
    """Start again in the Python of the virtual environment beside this file, without secrets.

    It is started again if its Python is another one, if a secret is in its environment, or if
    PYTHONINSPECT is: Python would end with a prompt instead of an exit code. If there is no such
    Python, or it cannot be started, one line says so and the exit code is 3.
    """
    folder = Path(__file__).resolve().parent / ".venv"
    is_own = os.path.realpath(sys.prefix) == os.path.realpath(folder)
    would_prompt = __name__ == "__main__" and bool(os.environ.pop("PYTHONINSPECT", ""))
    if is_own and (__name__ != "__main__" or not (would_prompt or _find_secrets())):
        return
    python = sys.executable if is_own else str(folder / "bin" / "python")
    try:
        Path(python).stat()
        # a Python that was started from there and has another prefix would start itself for ever
        if is_own or sys.executable != python:
            _start_again(python, sys.orig_argv[1:] if is_own else sys.argv)
    except FileNotFoundError:
        pass
    except OSError as error:
        _end_now(f"cannot start {python}: {error.strerror} -> run `make setup`", 3)
    _end_now("the harness is not set up -> run `make setup`", 3)


def _find_secrets() -> dict[str, str]:
    """Return the variables that no other program may see.

    In a folder without the rest of the harness there are none: it cannot be loaded there.
    """
    try:
        from runner import settings  # noqa: PLC0415 - it may be missing, and Python another one
    except ImportError:
        return {}
    return {name: value for name, value in os.environ.items() if settings.is_secret(name)}


def _start_again(python: str, words: list[str]) -> NoReturn:
    """Become a new process without secrets in its environment; it gets them from a file in memory.

    What a process was started with can be read in /proc by all that it starts.
    """
    secrets = _find_secrets()
    options = []
    if secrets:
        options = ["-X", f"{_HANDED}={_write_unnamed(json.dumps(secrets))}"]
    public = {name: value for name, value in os.environ.items() if name not in secrets}
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)  # until the new process can tell of one
    try:
        os.execve(python, [python, *options, *words], public)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)


def _write_unnamed(text: str) -> int:
    """Return the number of an open file that has no name and holds `text`; a new program keeps it.

    It is in memory if this Python and kernel can do that, and is never one of the streams.
    """
    try:
        made = os.memfd_create("secrets", 0)
    except (AttributeError, OSError):
        with tempfile.TemporaryFile() as file:
            made = os.dup(file.fileno())
    handed = fcntl.fcntl(made, fcntl.F_DUPFD, 3)
    os.close(made)
    os.write(handed, text.encode("ascii"))
    return handed


def _take_secrets() -> None:
    """Take over the secrets that `_start_again` left."""
    if handed := sys._xoptions.get(_HANDED):
        try:
            with os.fdopen(int(handed), encoding="ascii") as file:
                file.seek(0)
                # `+` lets nothing pass that is no text
                settings.hold_secrets({name: value + "" for name, value in json.load(file).items()})
        except (OSError, ValueError, TypeError, AttributeError, RecursionError):
            _end_now(f"the option -X {_HANDED} is for this program alone -> leave it out", 3)


if __name__ == "__main__":  # while modules are loaded; `main` sets what holds from then on
    for _each in _ENDS:
        if signal.getsignal(_each) is not signal.SIG_IGN:
            signal.signal(_each, lambda *_: _end_now(_INTERRUPTED, 130))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)
if (
    _folder := str(Path(__file__).resolve().parent)
) not in sys.path:  # PYTHONSAFEPATH leaves it out
    sys.path.insert(0, _folder)

_use_own_python()

# TLS would write the keys of every connection there, and wait for a named pipe
os.environ.pop("SSLKEYLOGFILE", None)
# numpy starts threads while it is loaded; where none is left it would interrupt this process
_threads = os.environ.pop("OPENBLAS_NUM_THREADS", None)
os.environ["OPENBLAS_NUM_THREADS"] = "1"
try:
    import difflib
    import traceback
    from argparse import Namespace
    from collections.abc import Callable, Sequence

    from commands.parser import parse
    from oci import tls
    from runner import embedded, home, progress, settings
    from runner.address import plain_http_hosts
    from runner.errors import EXIT_INTERRUPTED, ConfigError, EnvironmentFailed, ReleaseError
    from runner.process_memory import forbid_dumps
    from runner.records import write_text
    from runner.redaction import hide_in_text
    from runner.signals import ignore_signals, interrupt_on_signals
    from runner.time_limit import TimeLimitExceeded, time_limit
    from runner.untrusted import clean_line
except Exception as _error:
    if __name__ != "__main__":
        raise
    _lack = " ".join(f"{type(_error).__name__}: {_error}"[:300].split()).rstrip(":")
    _hint = "free memory" if isinstance(_error, MemoryError) else "run `make setup`"
    _end_now(f"the harness cannot be loaded, {_lack} -> {_hint}", 3)
os.environ.pop("OPENBLAS_NUM_THREADS")  # suites of this machine's own Python use every core
if _threads is not None:
    os.environ["OPENBLAS_NUM_THREADS"] = _threads


def main(arguments: Sequence[str]) -> int:
    """Run one command; every error ends here, as one line and an exit code."""
    progress.open_missing_streams()
    interrupt_on_signals()
    try:
        return _run_command(arguments)
    except ReleaseError as error:
        progress.say_line(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        progress.say_line(_INTERRUPTED)
        return EXIT_INTERRUPTED
    except TimeLimitExceeded as error:
        progress.say_line(
            f"error: {error} -> see what it waits for with `./release.py doctor`, then run the "
            "same command"
        )
        return EnvironmentFailed.exit_code
    except OSError as error:
        what = error.strerror or type(error).__name__
        place = f"{error.filename}: " if error.filename else ""
        hint, variable = home.hint_for(error), home.variable_for(error.filename)
        if variable and variable not in hint:
            hint += f", or set {variable} to a folder you can use"
        progress.say_line(f"error: {place}{what} -> {hint}")
        return EnvironmentFailed.exit_code
    except SystemExit:
        raise
    # a mistake of this program, a machine without memory, a panic of a native module
    except BaseException as error:
        hint = home.machine_hint(error)
        problem = f"error: {clean_line(str(error))} -> {hint}" if hint else _report_mistake(error)
        progress.say_line(problem)
        return EnvironmentFailed.exit_code


def _run_command(arguments: Sequence[str]) -> int:
    """Parse the arguments and run the command within its time limit."""
    options = parse(arguments)
    progress.set_verbose(options.verbose)
    # a key or a list of trusted keys with a wrong name would silently not count
    for name in settings.find_unknown_names():
        own = [each.name for each in settings.SETTINGS if each.name.startswith(settings.OWN)]
        near = difflib.get_close_matches(name, own, 1, cutoff=0.93)
        hint = f"{near[0]} is one: rename it, or unset it" if near else "unset it"
        raise ConfigError(f"{name} is not a setting", f"{hint}; all are in docs/settings.md")
    # a wrong address is refused before anything is done, also by commands that need none
    embedded.configured_registry()
    plain_http_hosts()
    tls.find_authorities()  # libraries read them too, and would wait for a named pipe
    run: Callable[[Namespace], int] = options.run
    with time_limit(f"`{options.command}`", options.longest_s):
        return run(options)


def _report_mistake(error: BaseException) -> str:
    """Write the traceback of a mistake to a file, and return one line that names the file.

    With `--verbose` the traceback is on the terminal too.
    """
    whole = "".join(traceback.format_exception(error))
    if progress.is_verbose():
        for line in whole.splitlines():
            progress.say_line(line)
    what = clean_line(f"{type(error).__name__}: {error}", 200)
    try:
        path = home.out_folder() / "errors" / f"{os.getpid()}.txt"
        write_text(path, hide_in_text(whole.encode("utf-8", "replace").decode()))
    except ReleaseError:
        return f"internal error: {what} -> run it again with --verbose, and report what it prints"
    return f"internal error: {what} -> report it with {path}"


def _run_and_exit() -> NoReturn:
    """Run one command and end with its exit code.

    A signal that comes after it changes nothing. What was to be done at exit is done, but no thread
    is waited for, as Python would: one may wait for a registry that never answers.
    """
    exit_code = EXIT_INTERRUPTED
    progress.show_library_output()
    try:
        exit_code = main(sys.argv[1:])
        ignore_signals()
    except KeyboardInterrupt:  # it came when `main` had ended: a handler interrupts only once
        ignore_signals()
    except SystemExit as error:
        exit_code = error.code if isinstance(error.code, int) else int(error.code is not None)
        ignore_signals()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(exit_code)


if __name__ == "__main__":
    forbid_dumps()
    _take_secrets()
    _run_and_exit()
