"""A clean environment with the locked wheels of a line, in a container of an image.

The container has neither the variables of the image nor its entry point: only its system and the
Python of that. pip installs the wheels there, and a module of the suites looks at what they do. An
IMAGE is a stranger, as one under test is: its container has the same limits, and shares nothing
with that of another image.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from images import catalog
from images.line_locks import locks_of
from images.locks import Wheel
from images.wheelhouse import fetch_wheels
from runner import containers, home, progress, pull, signals
from runner.errors import (
    EXIT_INTERRUPTED,
    ConfigError,
    EnvironmentFailed,
    GateRefused,
    ReleaseError,
)
from runner.nouns import count_noun
from runner.untrusted import Malformed, clean_line, read_file
from validation import harness
from validation.executors import docker, staging
from validation.suites.contract.layout import PACKAGE

RETRY = "correct that, then run the same command again"
HINT = "name an image of this line, whose system has the line's Python"
MAX_BYTES = 32 << 20
BOUNDS = docker.Bounds(7200, 24 << 30, 300_000)
"""Of one container: pip unpacks the wheels of a line there, up to 10 GB."""


@dataclass(frozen=True)
class Work:
    """The work that is done in the environment.

    A module of the suites runs with a folder that has `task.json` and the `files`. It writes
    `out/RESULT` there. `named` is what it takes, in words.
    """

    module: str
    task: Mapping[str, object]
    files: Mapping[str, str]
    result: str
    named: str


def run_command(command: Callable[[], None]) -> int:
    """Run a command that does work in such environments; return its exit code.

    Every error ends here, as one line. A signal ends the command, and its container with it.
    """
    signals.interrupt_on_signals()
    try:
        command()
    except ReleaseError as error:
        progress.say_line(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        progress.say_line("interrupted -> run the same command again, from the beginning")
        return EXIT_INTERRUPTED
    return 0


def require_line(line: str, usage: str) -> None:
    """Raise ConfigError if the catalogue has no such line."""
    lines = catalog.load_catalog().lines
    if line not in lines:
        known = ", ".join(lines)
        problem = f"there is no line {clean_line(line, 100)} in images/catalog.yaml, only {known}"
        raise ConfigError(problem, usage)


def list_wheels(line: str, stacks: Iterable[str]) -> dict[str, Wheel]:
    """Return the wheels of base and of stacks, by name; base has the first word on a version."""
    locks = locks_of(catalog.load_catalog(), line, tuple(stacks))
    return {wheel.name: wheel for lock in reversed(locks.values()) for wheel in lock.wheels}


def run_work(work: Work, line: str, wheels: Mapping[str, Wheel], reference: str) -> bytes:
    """Return what the work wrote in a container of `reference`.

    Raises GateRefused if it wrote nothing, EnvironmentFailed if the engine fails.
    """
    docker.remove_leftovers()
    pull.pull_image(reference)
    python = catalog.load_catalog().lines[line].python
    fetch_wheels([*wheels.values()], python)
    task = {"wheels": [wheel.file for wheel in wheels.values()], **work.task}

    def fill(folder: Path) -> None:
        harness.copy_suites(folder / "code" / PACKAGE)
        for name, text in {"task.json": json.dumps(task), **work.files}.items():
            (folder / name).write_text(text, encoding="utf-8")
        for name in ("code", "wheels", staging.OUT):
            (folder / name).mkdir(exist_ok=True)
        (folder / staging.OUT).chmod(0o777)  # the image's user is another uid

    installed = f"{count_noun(len(wheels), 'wheel')} in a clean environment in {reference}"
    with (
        progress.show_step(f"{work.named}, with {installed}"),
        staging.make_shared_folder(work.named, fill) as folder,
    ):
        _run_container(folder, reference, python, work.module)
        try:
            return read_file(folder, f"{staging.OUT}/{work.result}", MAX_BYTES)
        except (Malformed, OSError) as error:
            problem = f"{reference} did not write {work.named}: {error}"
            raise GateRefused(problem, HINT) from None


def _run_container(folder: Path, reference: str, python: str, module: str) -> None:
    """Run the work in a container of an image. Raises GateRefused or EnvironmentFailed."""
    options = {
        **docker.LIMITED,
        "name": containers.new_name("pristine"),
        "entrypoint": ["/usr/bin/env"],
        "command": [
            *("-i", "PATH=/usr/bin:/bin", "LANG=C.UTF-8", f"PYTHONPATH={harness.ROOT}/code"),
            *(f"python{python}", "-P", "-m", f"{PACKAGE}.{module}", harness.ROOT),
        ],
        "mounts": docker.share_folder(folder, (home.make_home_folder("wheels"), "wheels")),
    }
    ended = docker.run_bounded(reference, options, folder, BOUNDS)
    if ended.engine_problem or ended.host_problem:
        problem = ended.engine_problem or ended.host_problem
        raise EnvironmentFailed(f"the work in {reference} was not done: {problem}", RETRY)
    if ended.malformed or ended.timed_out or ended.exit_code:
        how = ended.malformed or (
            "it takes too long" if ended.timed_out else f"exit {ended.exit_code}"
        )
        last = clean_line((ended.output.strip().splitlines() or ["nothing printed"])[-1])
        raise GateRefused(f"{reference}: {how}: {last}", HINT)
