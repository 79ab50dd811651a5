"""The state of this machine: each thing that a release needs, and how to get what is missing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass

from runner import embedded, engine, home, shell
from runner.errors import ReleaseError
from runner.progress import megabytes

NEEDED_DISK_BYTES = 25_000_000_000
"""3.1 GB of wheels and 3.5 GB of registry (`du -sh` of the home after `make demo`), 6.2 GB of base
in the engine (`docker system df` with base pulled), what the stacks add, two layers at a time while
building, the next release.
"""


@dataclass(frozen=True)
class Finding:
    """The state of one thing. Without a `required` one no release can be cut."""

    name: str
    ok: bool
    required: bool
    detail: str


def examine(scanner: Callable[[], str], registry: Callable[[], str]) -> tuple[Finding, ...]:
    """Return the state of everything that a release needs.

    `scanner` and `registry` return their version and address, or raise ReleaseError.
    """
    return (
        _tried("engine", lambda: f"Docker {engine.version()}"),
        _tried("builder", lambda: " ".join(engine.build_command()[0])),
        _tried("registry", registry),
        _tried("scanner", scanner),
        _gpu(),
        _disk(),
    )


def _tried(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, True, look())
    except ReleaseError as error:
        return Finding(name, False, True, str(error))


def _gpu() -> Finding:
    if shutil.which("nvidia-smi") is None:
        return Finding(
            "gpu",
            False,
            False,
            "no nvidia-smi: GPU checks will be `not run`, and releases stay candidates",
        )
    try:
        names = shell.run(
            ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"],
            hint="check the NVIDIA driver",
        )
    except ReleaseError as error:
        return Finding("gpu", False, False, str(error))
    return Finding("gpu", True, False, ", ".join(names.split("\n")).strip(", "))


def _disk() -> Finding:
    try:
        free = shutil.disk_usage(home.kept()).free
    except ReleaseError as error:
        return Finding("disk", False, True, str(error))
    detail = f"{megabytes(free)} free at {home.home()}"
    enough = free >= NEEDED_DISK_BYTES
    return Finding(
        "disk",
        enough,
        False,
        detail if enough else f"{detail}; {megabytes(NEEDED_DISK_BYTES)} are advised",
    )


def registry_in_use(ask: Callable[[str], None]) -> str:
    """Return the address of the registry in use.

    `ask` raises ReleaseError if the registry does not answer as it should.
    """
    host = embedded.host()
    ask(host)
    return f"{host} ({'embedded' if host == embedded.HOST else 'configured'})"
