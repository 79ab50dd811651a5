#!/usr/bin/env python3
"""Cut releases of the PyTorch-CUDA images: build, validate, scan, promote, report.

Exit codes: 0 done, 1 a gate refused, 2 wrong usage or configuration, 3 the environment failed, 4 inconclusive,
130 interrupted. docs/releasing.md explains every command.
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
from argparse import Namespace
from collections.abc import Callable, Sequence

from commands.parser import parse
from runner import progress
from runner.errors import EXIT_INTERRUPTED, EXIT_OK, EnvironmentFailed, ReleaseError
from runner.time_limit import TimeLimitExceeded


def main(arguments: Sequence[str]) -> int:
    """Run one command; every error a person can cause ends here, as one line and an exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        asked = parse(arguments)
        progress.set_verbose(asked.verbose)
        run: Callable[[Namespace], int] = asked.run
        return run(asked)
    except ReleaseError as error:
        progress.say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        progress.say("interrupted -> run the same command again, it continues where it stopped")
        return EXIT_INTERRUPTED
    except TimeLimitExceeded as error:
        progress.say(f"error: {error} -> see what it waits for with `./release.py doctor`, then run the same command")
        return EnvironmentFailed.exit_code
    except BrokenPipeError:  # whoever read our output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except OSError as error:
        progress.say(f"error: {error.filename or 'input/output'}: {error.strerror} -> check disk space and permissions")
        return EnvironmentFailed.exit_code


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
