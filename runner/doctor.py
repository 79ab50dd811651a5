"""The state of this machine: each thing that a release needs, and how to get what is missing."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from runner import embedded, engine, home, shell, start_check
from runner.errors import ReleaseError
from runner.progress import format_megabytes

NEEDED_DISK_BYTES = 25_000_000_000
"""3.1 GB of wheels and 3.5 GB of registry (`du -sh` of the home after `make demo`), 6.2 GB of base
in the engine (`docker system df` with base pulled), what the stacks add, two layers at a time while
building, the next release.
"""

DRIVER_TIMEOUT_S = 30.0
"""Seconds for the list of GPUs. Without the persistence daemon it takes up to 10."""


@dataclass(frozen=True)
class MachineFinding:
    """The state of one thing. Without a `required` one no release can be cut."""

    name: str
    ok: bool
    required: bool
    detail: str


def examine_machine(
    scanner: Callable[[], str], registry: Callable[[], str], without_gpu: str
) -> Iterator[MachineFinding]:
    """Yield the state of each thing that a release needs, as soon as it is known.

    `scanner` and `registry` return their version and address, or raise ReleaseError. `without_gpu`
    says what follows for the channel if this machine has no GPU.
    """
    yield _try_look("engine", engine_in_use)
    yield _try_look("builder", lambda: " ".join(engine.build_command()[0]))
    yield _try_look("registry", registry)
    yield _try_look("scanner", scanner)
    yield _find_gpus(without_gpu)
    yield _find_disk()


def _try_look(name: str, look: Callable[[], str]) -> MachineFinding:
    try:
        return MachineFinding(name, True, True, look())
    except ReleaseError as error:
        return MachineFinding(name, False, True, str(error))


def _find_gpus(without_gpu: str) -> MachineFinding:
    if shutil.which("nvidia-smi") is None:
        return MachineFinding(
            "gpu",
            False,
            False,
            f"no nvidia-smi: GPU checks will be `not run` on this machine; {without_gpu}",
        )
    try:
        names = shell.run(
            ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"],
            hint="check the NVIDIA driver",
            timeout_s=DRIVER_TIMEOUT_S,
        )
    except ReleaseError as error:
        return MachineFinding("gpu", False, False, str(error))
    return MachineFinding("gpu", True, False, ", ".join(names.split("\n")).strip(", "))


def _find_disk() -> MachineFinding:
    try:
        free = shutil.disk_usage(home.make_home_folder()).free
    except ReleaseError as error:
        return MachineFinding("disk", False, True, str(error))
    detail = f"{format_megabytes(free)} free at {home.home_folder()}"
    enough = free >= NEEDED_DISK_BYTES
    return MachineFinding(
        "disk",
        enough,
        False,
        detail if enough else f"{detail}; {format_megabytes(NEEDED_DISK_BYTES)} are advised",
    )


def registry_in_use(ask: Callable[[str], None]) -> str:
    """Return the address of the registry in use.

    `ask` raises ReleaseError if the registry does not answer as it should.
    """
    named, host = embedded.configured_registry(), embedded.require_registry()
    ask(host)
    if engine.is_answering():
        engine.require_reachable(host)
    return f"{named} (configured)" if named else f"{host} (embedded)"


def engine_in_use() -> str:
    """Return the engine in words. Raises ReleaseError if it cannot work for this machine."""
    description = engine.describe_engine()
    start_check.require_own_machine()
    return description
