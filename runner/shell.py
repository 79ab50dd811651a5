"""The one way to run another program: shown before it runs, its failure one clear line."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner import progress
from runner.errors import EnvironmentFailed

TAIL_LINES = 15


def run(  # noqa: PLR0913 - keyword-only knobs of one call
    command: Sequence[str | Path],
    *,
    hint: str,
    env: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
    ok_codes: Sequence[int] = (0,),
    stdin: bytes | None = None,
) -> str:
    """Run `command`, return what it printed on stdout.

    Raises EnvironmentFailed with the end of its stderr and `hint` where it cannot be run, runs past `timeout_s`
    or exits with another code than `ok_codes`.
    """
    words = [str(word) for word in command]
    progress.say(f"$ {shlex.join(words)}", detail=True)
    try:
        done = subprocess.run(
            words,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            env={**os.environ, **(env or {})},
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError:
        raise EnvironmentFailed(f"`{words[0]}` is not installed", hint) from None
    except OSError as error:
        raise EnvironmentFailed(f"`{words[0]}` cannot be run: {error.strerror}", hint) from error
    except subprocess.TimeoutExpired:
        raise EnvironmentFailed(f"`{words[0]}` did not finish in {timeout_s:.0f} s", hint) from None
    if done.returncode not in ok_codes:
        tail = " | ".join(done.stderr.decode(errors="replace").strip().splitlines()[-TAIL_LINES:])
        raise EnvironmentFailed(f"`{shlex.join(words)[:200]}` exited {done.returncode}: {tail}", hint)
    return done.stdout.decode(errors="replace")
