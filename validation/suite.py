"""Which suites there are, and which of them an image is judged by."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from validation.suites.contract.node_place import NODES

SUITES_FOLDER = Path(__file__).resolve().parent / "suites"
HOST_SUITES_FOLDER = SUITES_FOLDER.with_name("host_suites")


@dataclass(frozen=True)
class Suite:
    """A folder with one pytest module and its helpers, run in one container.

    Its tests are spread over the GPUs, one each, unless it runs `alone`.

    `writes_root` marks what must be able to write anywhere in the image; for all others its root is
    read-only, and only /tmp, /var/tmp and /dev/shm can be written.

    `on_host` marks what the host makes itself, of containers that hold nothing of the harness
    (`validation/host_suites/`).

    `user` is the user of its container, as `UID:GID`; empty: that of the image.

    `of_the_image` marks what judges an image's own contents, and so means nothing in a machine's
    own Python. `works_on` says on which of the planned GPUs the host must see work: `every` one, or
    at least `one`; empty: it does not look. `listed`: the suite has a list of its checks
    (`checks.yaml` beside its module) and answers a challenge. Every shipped suite has; only suites
    that tests plant say no.

    Without a GPU its checks are spread over so many `processes`.

    With more `nodes` than one, a container on each of so many nodes of a cluster runs it together,
    with the network of its node; no machine runs it by itself.

    Both limits are for hangs, not for slowness. A test that takes longer than `test_timeout_s`
    fails and the next one runs. The host ends the whole container after `timeout_s`, for what hangs
    so hard that pytest cannot end it.
    """

    name: str
    stack: str
    test_timeout_s: int
    timeout_s: int
    alone: bool = False
    of_the_image: bool = False
    works_on: str = ""
    listed: bool = True
    writes_root: bool = False
    user: str = ""
    on_host: bool = False
    processes: int = 1
    nodes: int = 1
    folder: Path = SUITES_FOLDER

    @property
    def module_file(self) -> str:
        """The module, below the folder of the suites; the same path is in the container."""
        return f"{self.name}/test_{self.name}.py"

    @property
    def module_path(self) -> Path:
        """The module in this repository."""
        return self.folder / self.module_file

    def count_processes(self, gpus: int) -> int:
        """Return over how many test processes its checks are spread on so many GPUs."""
        return max(self.processes, 0 if self.alone else gpus)

    @property
    def list_path(self) -> Path:
        """The list of its checks, their figures and needs, which `validation.listing` writes."""
        return self.module_path.with_name("checks.yaml")


SUITES = (
    Suite("device", "base", test_timeout_s=120, timeout_s=300, alone=True, works_on="every"),
    Suite("libraries", "base", test_timeout_s=120, timeout_s=300, of_the_image=True),
    # It proves that the image's own user can write its home, its caches and the working directory.
    Suite(
        "environment",
        "base",
        test_timeout_s=120,
        timeout_s=300,
        of_the_image=True,
        writes_root=True,
    ),
    # Kubernetes and OpenShift run an image under a uid that it does not know, in the group of root.
    Suite(
        "guest",
        "base",
        test_timeout_s=120,
        timeout_s=300,
        of_the_image=True,
        writes_root=True,
        user="12345:0",
    ),
    Suite(
        "start",
        "base",
        test_timeout_s=600,
        timeout_s=1800,
        alone=True,
        of_the_image=True,
        on_host=True,
        folder=HOST_SUITES_FOLDER,
    ),
    # Libraries choose other places if the home cannot be written.
    Suite(
        "state",
        "base",
        test_timeout_s=120,
        timeout_s=600,
        of_the_image=True,
        writes_root=True,
        processes=2,
    ),
    Suite("dataloader", "base", test_timeout_s=120, timeout_s=300),
    Suite("ddp", "base", test_timeout_s=120, timeout_s=600, alone=True, works_on="one"),
    Suite("compute", "base", test_timeout_s=120, timeout_s=600, processes=2),
    # Its times are ratios, and other processes would only make them worse.
    Suite("cost", "base", test_timeout_s=400, timeout_s=1200, alone=True),
    Suite("references", "base", test_timeout_s=300, timeout_s=900, processes=2),
    # What other libraries give depends on those in the image, as the locks name them.
    Suite(
        "recorded",
        "base",
        test_timeout_s=300,
        timeout_s=900,
        of_the_image=True,
        processes=2,
    ),
    Suite("workloads", "base", test_timeout_s=120, timeout_s=600, alone=True, works_on="one"),
    Suite("throughput", "base", test_timeout_s=300, timeout_s=1800, alone=True, works_on="one"),
    Suite("cv", "cv", test_timeout_s=120, timeout_s=300),
    Suite("nlp", "nlp", test_timeout_s=120, timeout_s=300),
    Suite("rl", "rl", test_timeout_s=120, timeout_s=300),
    Suite("cli", "cli", test_timeout_s=120, timeout_s=600),
    # Users save notebooks in the working folder.
    Suite("jupyter", "jupyter", test_timeout_s=120, timeout_s=300, alone=True, writes_root=True),
    Suite("serving", "serving", test_timeout_s=120, timeout_s=300, alone=True),
    # A compiler that reads the headers of torch takes a minute on a busy machine.
    Suite("devel", "devel", test_timeout_s=400, timeout_s=1200),
    # The server keeps its keys in a folder of the image.
    Suite("ssh", "ssh", test_timeout_s=120, timeout_s=300, alone=True, writes_root=True),
)

"""The suites of one machine."""

# The first check waits for the other node, which may still pull the image.
MULTINODE = Suite(
    "multinode",
    "base",
    test_timeout_s=1200,
    timeout_s=3000,
    alone=True,
    works_on="one",
    nodes=NODES,
)
"""Run only by a job of a cluster on as many nodes, if the cluster file asks for it."""
EVERY_SUITE = (*SUITES, MULTINODE)


def list_suites(stacks: Collection[str]) -> tuple[Suite, ...]:
    """Return the suites of an image with these stacks, in the order they are run.

    They are its own and those of every stack below. MULTINODE is none of them.
    """
    return tuple(suite for suite in SUITES if suite.stack in stacks)
