#!/usr/bin/env python3
"""Print the versions, architectures and GPUs of this Python's PyTorch, as JSON."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import re
import sys
from typing import Any

import torch
import torchvision

SHOWN = re.compile(r"torch.*|triton|nvidia-.*|cuda-.*|numpy|transformers|tokenizers|pytest.*")
"""Packages that the suites run on."""


def read_facts() -> dict[str, Any]:
    """Return the facts. Versions are as their projects write them."""
    packages = {
        each.metadata["Name"].lower(): each.version for each in importlib.metadata.distributions()
    }
    gpus = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    devices = [torch.cuda.get_device_properties(index) for index in gpus]
    return {
        "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
        "platform": platform.platform(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "torchaudio": packages.get("torchaudio", ""),
        "cuda": torch.version.cuda,
        "cudnn": _find_version(packages, "nvidia-cudnn"),
        "nccl": _find_version(packages, "nvidia-nccl"),
        "architectures": torch._C._cuda_getArchFlags().split(),
        "gpus": [
            {
                "name": each.name,
                "capability": f"{each.major}.{each.minor}",
                "memory_bytes": each.total_memory,
                "multiprocessors": each.multi_processor_count,
            }
            for each in devices
        ],
        "packages": {name: packages[name] for name in sorted(packages) if SHOWN.fullmatch(name)},
    }


def _find_version(packages: dict[str, str], begins: str) -> str:
    return next((version for name, version in packages.items() if name.startswith(begins)), "")


if __name__ == "__main__":
    print(json.dumps(read_facts()))
