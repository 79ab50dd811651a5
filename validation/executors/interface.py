"""What it takes to run a suite somewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from validation.judge import Ended
from validation.suite import Suite
from validation.suites.contract.expected import Expected


@dataclass(frozen=True)
class Setup:
    """What every suite's container of one image is given.

    `reference` is what is run: HOST/REPOSITORY@DIGEST, or an interpreter of this machine. `harness`
    is the folder of `harness.installed()`. `memory_bytes` limits the container (None: the machine
    is the limit); `mounts` are further (host folder, path inside), read-only; `environment` comes
    on top of the image's.
    """

    reference: str
    harness: Path
    expected: Expected
    shm_bytes: int = 1 << 30
    memory_bytes: int | None = None
    environment: tuple[tuple[str, str], ...] = ()
    mounts: tuple[tuple[Path, str], ...] = ()


class Executor(Protocol):
    """Runs one suite and watches it. What it ran in is gone when it returns."""

    def run(self, suite: Suite, setup: Setup) -> Ended:
        """Run `suite`. One that fails, hangs or vanishes is a result, not an error.

        Raises EnvironmentFailed where this machine cannot even prepare the run (disk full, home not
        writable).
        """

    def prepare(self, setup: Setup) -> None:
        """Fetch what is needed and remove what killed runs left behind.

        Raises EnvironmentFailed.
        """
