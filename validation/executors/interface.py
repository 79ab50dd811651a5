"""The interface of executors, and the setup of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from validation.judge import SuiteExecution
from validation.machine import Machine
from validation.suite import Suite
from validation.suites.contract.expected import Expected
from validation.suites.contract.node_place import NodePlace


@dataclass(frozen=True)
class Setup:
    """Settings of every suite's container of one image.

    `reference` is what is run: HOST/REPOSITORY@DIGEST, or an interpreter of this machine.
    `harness` is the folder of `harness.install_harness()`. `memory_bytes` limits the container
    (None: the machine is the limit); `mounts` are further (host folder, path inside), read-only;
    `environment` comes on top of the image's. `place` is that of this node, for a suite of several.
    """

    reference: str
    harness: Path
    expected: Expected
    shm_bytes: int = 1 << 30
    memory_bytes: int | None = None
    environment: tuple[tuple[str, str], ...] = ()
    mounts: tuple[tuple[Path, str], ...] = ()
    place: NodePlace | None = None


class Executor(Protocol):
    """A place to run suites in. What a suite ran in is gone when `run_suite` returns.

    `PROVES_IMAGE` says whether a run there proves something about an image, and not only about a
    machine.
    """

    PROVES_IMAGE: bool

    def run_suite(self, suite: Suite, setup: Setup) -> SuiteExecution:
        """Run `suite`. One that fails, hangs or vanishes is a result, not an error.

        Raises EnvironmentFailed if this machine cannot even prepare the run (disk full, home not
        writable).
        """

    def remove_leftovers(self) -> None:
        """Remove what killed runs left behind: it may still compute on a GPU.

        Raises EnvironmentFailed if the engine does not answer.
        """

    def prepare_run(self, setup: Setup) -> None:
        """Fetch what is needed.

        Raises EnvironmentFailed, and ImageCannotBeUnpacked if the image itself is at fault.
        """

    def gpu_problem(self) -> str:
        """Return why the GPUs of this machine cannot be used there, or an empty text."""

    def describe_machine(self) -> Machine:
        """Return the machine that the suites run on. Raises EnvironmentFailed."""
