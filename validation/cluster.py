"""The cluster that jobs are sent to: `cluster.yaml`, read strictly.

Every value becomes a word of a command or of a job's script, so each has one form.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from runner import records, settings, yaml_files
from runner.errors import ConfigError
from runner.untrusted import clean_line
from validation.suite import SUITES, Suite

CLUSTER = Path(__file__).resolve().parent / "cluster.yaml"

Word = Annotated[str, Field(pattern=r"^(?:[A-Za-z0-9_][A-Za-z0-9_.@-]*)?$", max_length=100)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=30)]
Expression = Annotated[str, Field(pattern=r"^[A-Za-z0-9_:.,*&|()\[\]=-]*$", max_length=200)]
"""Features and resources as Slurm writes them: `h100&nvlink`, `gpu:h100:2`."""
NodePath = Annotated[str, Field(pattern=r"^(?:/[A-Za-z0-9_.%+/-]*)?$", max_length=500)]
"""An absolute path, or nothing."""
Model = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._()/-]*$|^$", max_length=100)]


@dataclass(frozen=True)
class GpuModel:
    """Nodes with one GPU model, and how Slurm finds them.

    A job ends after `minutes`. `gpu` is the name that the driver gives the GPU; empty if any will
    do. `partition` is used in place of that of the cluster.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    device: Literal["cpu", "cuda"]
    minutes: Annotated[int, Field(ge=1, le=14 * 24 * 60)]
    gpu: Model = ""
    constraint: Expression = ""
    gres: Expression = ""
    partition: Word = ""

    @property
    def gpu_count(self) -> int:
        """The number of GPUs that `gres` asks for: of `gpu:l4:2` it is 2; 1 if it names none."""
        counts = re.findall(r"gpu(?::[^:,(]+)?:(\d+)(?=[,(]|$)", self.gres)
        return sum(map(int, counts)) or int(self.device == "cuda")


@dataclass(frozen=True)
class Cluster:
    """The contents of cluster.yaml. Empty texts stand for the cluster's own defaults.

    `checkout`, `node_settings` and `log_folder` are paths on the nodes. A job is sent again at most
    `retries` times. The suites of a group are one job. `multinode` asks for the suite of two nodes:
    on all models, on those named, or not at all.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    models: Annotated[Mapping[Name, GpuModel], Field(min_length=1, max_length=50)]
    partition: Word = ""
    account: Word = ""
    checkout: NodePath = ""
    node_settings: NodePath = ""
    log_folder: NodePath = ""
    retries: Annotated[int, Field(ge=0, le=5)] = 2
    groups: Mapping[Name, tuple[str, ...]] = Field(default_factory=dict)
    multinode: bool | tuple[Name, ...] = False

    def choose_models(self, names: str | None) -> tuple[str, ...]:
        """Return the models in a text with commas between them; all of the file if it is None.

        Raises ConfigError.
        """
        if names is None:
            return tuple(self.models)
        chosen = tuple(dict.fromkeys(settings.split_names(names)))
        if unknown := [name for name in chosen if name not in self.models]:
            raise ConfigError(
                f"unknown GPU model `{clean_line(unknown[0], 60)}`",
                f"models of {find_cluster_file()}: {', '.join(self.models)}",
            )
        if not chosen:
            raise ConfigError("--models names no model", f"models: {', '.join(self.models)}")
        return chosen

    def runs_multinode(self, model: str) -> bool:
        """Return whether the suite of two nodes is asked for on a model."""
        return self.multinode if isinstance(self.multinode, bool) else model in self.multinode

    def split_suites(self, suites: Collection[Suite]) -> tuple[tuple[str, ...], ...]:
        """Return the suites of an image in groups, each of which is a job."""
        wanted = [suite.name for suite in suites]
        grouped = {name for names in self.groups.values() for name in names}
        groups = [*self.groups.values(), [name for name in wanted if name not in grouped]]
        split = (tuple(name for name in wanted if name in names) for names in groups)
        return tuple(names for names in split if names)


def load_cluster(path: Path | None = None) -> Cluster:
    """Return the cluster of a file, by default the configured one. Raises ConfigError."""
    path = path or find_cluster_file()
    found = yaml_files.load_yaml(Cluster, path)
    known = {suite.name for suite in SUITES}
    seen: set[str] = set()
    for name, suites in found.groups.items():
        for suite in suites:
            if suite not in known or suite in seen:
                problem = "is in two groups" if suite in known else "is no suite"
                shown = clean_line(suite, 60)
                raise ConfigError(
                    f"{path}: `{shown}` in the group {name} {problem}",
                    f"name each of these once at most: {', '.join(sorted(known))}",
                )
            seen.add(suite)
    named = () if isinstance(found.multinode, bool) else found.multinode
    if unknown := [name for name in named if name not in found.models]:
        raise ConfigError(
            f"{path}: `{unknown[0]}` in `multinode` is no model",
            f"name some of {', '.join(found.models)}, or write true",
        )
    return found


def find_cluster_file() -> Path:
    """Return the path of the configured file, else that of the checkout's own."""
    given = settings.ENVIRON.get(settings.CLUSTER)
    return Path(given).absolute() if given else CLUSTER
