"""What the tag asserts about an image, as its suites are told. Standard library only: it is read inside the image."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Expected:
    """Versions as their projects write them (`cuda` 12.4, `cudnn` 9.1.0.70); `device` is `cpu` or `cuda`."""

    torch: str
    torchvision: str
    torchaudio: str
    cuda: str
    python: str
    cudnn: str
    nccl: str
    device: str
    gpu_count: int
    stacks: tuple[str, ...]


def read_expected(path: Path) -> Expected:
    """The file the host wrote for this run."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    return Expected(**{**fields, "stacks": tuple(fields["stacks"])})
