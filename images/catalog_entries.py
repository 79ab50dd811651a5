"""The entries of the catalogue, each by itself: a line, a stack, the project, its repositories."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field, fields
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from images.field_types import (
    Address,
    Count,
    Cuda,
    DebianName,
    Driver,
    Licenses,
    Package,
    PinnedImage,
    Port,
    Python,
    Release,
    Repository,
    Sentence,
    Suite,
    Title,
    Word,
)
from images.support import LineSupport, SupportPhase, SupportStatus, find_phase
from runner import records

_FIRST_SECOND, _LAST_SECOND = 315532800, 4102444799
"""1980, when the dates of zip files begin, and the end of 2099, in seconds since 1970."""


@dataclass(frozen=True)
class Repositories:
    """The names of repositories, without the registry's host.

    Only accounts that promote may write to `production` and `journal`.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    production: Repository
    staging: Repository
    cache: Repository
    records: Repository
    journal: Repository

    def below_namespace(self, namespace: str) -> Repositories:
        """Return the repositories below a namespace of the registry; empty: as they are."""
        if not namespace:
            return self
        return Repositories(
            **{each.name: f"{namespace}/{getattr(self, each.name)}" for each in fields(self)}
        )


@dataclass(frozen=True)
class Project:
    """The facts of the project in the labels of every image; an empty value makes no label.

    `source`, `url` and `documentation` are addresses, `licenses` is an SPDX expression.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    source: Address = ""
    url: Address = ""
    documentation: Address = ""
    licenses: Licenses = ""


@dataclass(frozen=True)
class Budget:
    """The limits of an image: compressed megabytes (10^6 bytes), packages in its SBOM, layers."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    megabytes: Count
    packages: Count
    layers: Count

    def __add__(self, other: Budget) -> Budget:
        return Budget(
            self.megabytes + other.megabytes,
            self.packages + other.packages,
            self.layers + other.layers,
        )


@dataclass(frozen=True)
class Line:
    """The facts that all images of one PyTorch line share; a line may have no torchaudio.

    `epoch` is the time of every file, in seconds since 1970. `os_patch` is the number of the
    release whose OS layer all later ones keep: each of these adds a layer of updates. Without it
    each release has an OS layer of its own. `driver_floor` is the oldest NVIDIA driver that the
    line supports. `support` says how it is supported from which day on. `budgets`
    replace those of the stacks of the same name in this line. `left_out` names, for a package, glob
    patterns of the files of its wheel that are not installed.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    torch: Release
    torchvision: Release
    torchaudio: Release | None
    cuda: Cuda
    python: Python
    debian: Suite
    base_image: PinnedImage
    epoch: Annotated[int, Field(ge=_FIRST_SECOND, le=_LAST_SECOND)]
    driver_floor: Driver
    support: LineSupport
    budgets: dict[str, Budget] = field(default_factory=dict)
    left_out: dict[Package, tuple[Word, ...]] = field(default_factory=dict)
    os_patch: Annotated[int, Field(ge=0)] | None = None

    def find_support(self, day: datetime.date) -> SupportPhase:
        """Return how the line is supported on a day (UTC)."""
        return find_phase(self.support, day)

    def has_ended(self, day: datetime.date) -> bool:
        """Return whether the line is no longer supported on a day (UTC)."""
        return self.find_support(day).status is SupportStatus.ENDED


@dataclass(frozen=True)
class OsPart:
    """How the images of a stack run: TCP ports, command, and health check (a command, too).

    An empty value keeps the default: no port, `bash`, no health check. `packages` are the Debian
    packages that the stack adds to the OS layer, each with the reason. `{python}` in a name stands
    for the line's Python.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    ports: tuple[Port, ...] = ()
    command: tuple[Word, ...] = ()
    health_check: tuple[Sentence, ...] = ()
    packages: dict[DebianName, Sentence] = field(default_factory=dict)


@dataclass(frozen=True)
class Stack:
    """A set of packages, and the stacks it needs.

    `budget` is what it may add to the budget of an image. `compiler` says whether it ships a C and
    C++ compiler. `os` is how its images run.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    title: Title
    needs: tuple[str, ...]
    budget: Budget
    compiler: bool = False
    os: OsPart = field(default_factory=OsPart)
