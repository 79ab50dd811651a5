"""The facts that the tag asserts about an image, as the host passes them to its suites.

It is read inside the image, so it needs the standard library only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Expected:
    """The facts that the tag asserts. Versions are written as their projects write them.

    For instance `cuda` is 12.4 and `cudnn` is 9.1.0.70; `torchaudio` is empty if the line has none.
    `device` is `cpu` or `cuda`. `packages` are
    all locked Python packages as (normalised name, version), sorted. `compiler` says whether the
    image ships a C and C++ compiler. `epoch` is the time of every file of the image, in seconds
    since 1970. `architectures` are those that torch was built for (`sm_90`), as torch names them.
    `without_code` are the libraries, with an architecture each, that lack code for it in the wheels
    themselves. `derived` says that the image was built on top of one of ours, and may hold further
    packages. `command` is what the image runs by default, and `environment` the variables that its
    configuration sets, as (name, value).
    """

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
    packages: tuple[tuple[str, str], ...]
    compiler: bool
    epoch: int
    architectures: tuple[str, ...]
    derived: bool = False
    without_code: tuple[tuple[str, str], ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


def read_expected(path: Path) -> Expected:
    """Return the facts that the host wrote in a file for this run."""
    fields = json.loads(path.read_text(encoding="utf-8"))
    pairs = {
        name: tuple((first, second) for first, second in fields[name])
        for name in ("packages", "without_code", "environment")
    }
    lists = {name: tuple(fields[name]) for name in ("stacks", "architectures", "command")}
    return Expected(**{**fields, **lists, **pairs})
