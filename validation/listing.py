"""Writes the lists of checks: `python -m validation.listing STACK=IMAGE ...`.

The suites of each STACK are collected by pytest in a container of IMAGE (a reference that `docker
run` takes), and `suites/SUITE/checks.yaml` is written: every check with its parameters, the GPUs it
needs and the figures it reports. Run it when a check, a parameter or a figure of a suite has
changed, and commit what it wrote.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from images import catalog
from runner import engine, progress, records, shell
from runner.errors import ConfigError, ReleaseError
from runner.untrusted import parse_json
from validation import harness
from validation.executors.docker import ROOT
from validation.expectations import expected_of
from validation.suite import SUITES, Suite
from validation.suites.contract.layout import PACKAGE_FOLDER

COMMAND = "python -m validation.listing"
USAGE = f"{COMMAND} base=IMAGE cv=IMAGE nlp=IMAGE rl=IMAGE"
HEAD = f"# Written by `{COMMAND}` from what pytest collects in the image. See docs/validation.md.\n"
COLLECT = f"{ROOT}/{PACKAGE_FOLDER}/collect.py"
MOST_BYTES = 1 << 20
DEFAULTS = {"gpus": 0, "may_not_run": [], "figures": [], "device": "", "required": True}


def main(words: Sequence[str]) -> int:
    """Write the lists of the suites of every STACK in `words`; return the exit code."""
    try:
        if not words:
            raise ConfigError("no STACK=IMAGE is named", USAGE)
        _write(words)
    except ReleaseError as error:
        progress.say(f"error: {error}")
        return error.exit_code
    return 0


def _write(words: Sequence[str]) -> None:
    for word in words:
        stack, _, reference = word.partition("=")
        suites = [suite for suite in SUITES if suite.stack == stack]
        if not suites or not reference:
            raise ConfigError(f"`{word}` is not STACK=IMAGE", USAGE)
        for suite in suites:
            records.write_text(suite.list_path, text_of(collected(suite, reference)))


def collected(suite: Suite, reference: str) -> dict[str, Any]:
    """Return what pytest collects of `suite` in a container of the image `reference`."""
    shipped = catalog.load()
    expected = expected_of(shipped, next(iter(shipped.lines)), shipped.stacks_of(suite.stack))
    with tempfile.TemporaryDirectory() as folder:
        harness.lay_out(Path(folder), suite, expected)
        Path(folder).chmod(0o755)
        mounts = (
            "--volume",
            f"{folder}:{ROOT}:ro",
            "--volume",
            f"{harness.installed()}:{ROOT}/packages:ro",
        )
        printed = shell.run(
            [
                engine.program(),
                "run",
                "--rm",
                "--network=none",
                "--cap-drop=ALL",
                "--security-opt=no-new-privileges",
                "--read-only",
                "--tmpfs=/tmp",
                *mounts,
                reference,
                "python",
                COLLECT,
                ROOT,
                suite.file,
            ],
            hint="see the output; the image must be of the stack of the suite",
            timeout_s=suite.timeout_s,
            env=engine.no_logins(Path(folder)),
        )
    found: Mapping[str, Any] = parse_json(printed.rstrip().rpartition("\n")[2], MOST_BYTES)
    return {
        nodeid.rpartition("::")[2].removeprefix("test_"): _short(check)
        for nodeid, check in found.items()
    }


def text_of(checks: Mapping[str, Any]) -> str:
    """Return the file of a list."""
    return HEAD + yaml.safe_dump(
        {"checks": dict(checks)}, sort_keys=False, default_flow_style=None, width=119
    )


def _short(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is as usual."""
    return {
        name: [_short(each) for each in value] if isinstance(value, list) else value
        for name, value in declared.items()
        if value != DEFAULTS.get(name)
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
