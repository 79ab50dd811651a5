"""Facts about PyTorch's builds, CUDA's toolkits and Debian's releases, from `compatibility.yaml`.

Every line of the catalogue is checked against them when the catalogue is loaded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from images.field_types import Architecture, Cuda, Driver, Python, Release, Suite
from runner import records, yaml_files

COMPATIBILITY = Path(__file__).resolve().parent / "compatibility.yaml"

PYTORCH = ("torch", "torchvision", "torchaudio")
"""The packages of a line whose minor version the line fixes."""

_PINNED = re.compile(r"triton|pytorch-triton|(?:nvidia|cuda)-.+")
"""Packages that torch requires in one exact version: Triton, CUDA, cuDNN and NCCL."""


def is_platform(name: str) -> bool:
    """Return whether a Python package is one that a tag promises: PyTorch, CUDA, cuDNN, NCCL.

    `name` is normalised (PEP 503).
    """
    return name in PYTORCH or bool(_PINNED.fullmatch(name))


@dataclass(frozen=True)
class TorchBuild:
    """A build of torch for one CUDA. An empty value is not known.

    `without_code` names libraries of the wheel that lack code for some of its architectures.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    cudnn: Release | None = None
    nccl: Release | None = None
    architectures: tuple[Architecture, ...] = ()
    without_code: dict[str, tuple[Architecture, ...]] = field(default_factory=dict)

    @property
    def unknown_facts(self) -> tuple[str, ...]:
        """The names of the facts that are not known."""
        needed = ("cudnn", "nccl", "architectures")
        return tuple(name for name in needed if not getattr(self, name))

    @property
    def missing_code(self) -> tuple[tuple[str, str], ...]:
        """Each library of `without_code` with one architecture that it lacks."""
        return tuple(
            (library, name) for library, names in self.without_code.items() for name in names
        )


@dataclass(frozen=True)
class TorchRelease:
    """A release of torch: what goes with it, and its builds by CUDA.

    `torchaudio` is None if no release of it goes with this torch.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    torchvision: Release
    torchaudio: Release | None
    python: tuple[Python, ...]
    builds: dict[Cuda, TorchBuild]


@dataclass(frozen=True)
class CudaToolkit:
    """A CUDA toolkit: the driver it came with, and the oldest branch that its family runs on."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    driver: Driver
    oldest_driver: Driver


@dataclass(frozen=True)
class DebianRelease:
    """A release of Debian: its number, and the Python that it has."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    release: Annotated[int, Field(ge=1, le=99)]
    python: Python


def local_version(cuda: str) -> str:
    """Return the end of the version of a build for a CUDA: `+cu126` for 12.6."""
    return f"+cu{cuda.replace('.', '')}"


@dataclass(frozen=True)
class Compatibility:
    """The contents of compatibility.yaml."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    torch: dict[Release, TorchRelease]
    toolkits: dict[Cuda, CudaToolkit]
    debian: dict[Suite, DebianRelease]

    def find_build(self, torch: str, cuda: str) -> TorchBuild:
        """Return what is known of a build of torch; an empty one if nothing is."""
        release = self.torch.get(torch)
        return release.builds.get(cuda, TorchBuild()) if release else TorchBuild()

    def index_version(self, torch: str, package_version: str, cuda: str) -> str:
        """Return the version that an index has of a package of torch, in its build for a CUDA.

        The first build of a torch is the one that every index has, by its plain version. The others
        have a local version: `2.6.0+cu126`.
        """
        release = self.torch.get(torch)
        is_first = release is None or next(iter(release.builds), cuda) == cuda
        return package_version if is_first else f"{package_version}{local_version(cuda)}"

    def toolkit_driver(self, cuda: str) -> str:
        """Return the driver that a CUDA toolkit came with; empty if that is not known."""
        toolkit = self.toolkits.get(cuda)
        return toolkit.driver if toolkit else ""

    def debian_number(self, suite: str) -> int | None:
        """Return the number of a Debian release (12 for bookworm); None if that is not known."""
        debian = self.debian.get(suite)
        return debian.release if debian else None


@cache
def load_compatibility(path: Path = COMPATIBILITY) -> Compatibility:
    """Return the facts. Raises ConfigError if the file is wrong or missing."""
    return yaml_files.load_yaml(Compatibility, path)
