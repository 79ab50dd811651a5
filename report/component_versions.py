"""The versions of the components by which people choose a release, from an SBOM."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from packaging.utils import canonicalize_name

from images.catalog import Line
from report.model import Fact
from scan import sbom

# The components by which people choose a release, each with the package that has its version. Up to
# CUDA 12, the names of CUDA's packages carry its major version.
_COMPONENTS = (
    ("PyTorch", "pypi", re.compile("torch")),
    ("CUDA", "pypi", re.compile(r"nvidia-cuda-runtime(-cu\d+)?")),
    ("cuDNN", "pypi", re.compile(r"nvidia-cudnn-cu\d+")),
    ("NCCL", "pypi", re.compile(r"nvidia-nccl-cu\d+")),
    ("TorchVision", "pypi", re.compile("torchvision")),
    ("TorchAudio", "pypi", re.compile("torchaudio")),
    ("Python", "deb", re.compile(r"python3\.\d+")),
)
_DEBIAN = "Debian"
LABELS = (*(label for label, _, _ in _COMPONENTS), _DEBIAN)
_UNKNOWN = "not known"


def list_component_versions(cyclonedx: Mapping[str, Any] | None, line: Line) -> list[Fact]:
    """Return the version of each component by the SBOM.

    A package that a wheel carries inside itself does not count, because it is not imported.
    """
    document = dict(cyclonedx or {})
    versions: dict[str, set[str]] = {label: set() for label, _, _ in _COMPONENTS}
    for package in sbom.read_packages(document):
        is_python = package.type == "pypi"
        name = canonicalize_name(package.name) if is_python else package.name
        for label, kind, pattern in _COMPONENTS:
            if package.type == kind and pattern.fullmatch(name) and (package.path or not is_python):
                versions[label].add(package.version)
    facts = [Fact(label, ", ".join(sorted(found)) or _UNKNOWN) for label, found in versions.items()]
    debian = sbom.read_distribution(document).removeprefix("debian ")
    return [*facts, Fact(_DEBIAN, f"{debian} {line.debian}" if debian else _UNKNOWN)]
