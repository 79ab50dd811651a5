"""The image holds what its tag asserts, and its packages behave as installed ones."""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version

import torch
import torchaudio
import torchvision

from validation.suites import installed
from validation.suites.expected import Expected

USER = 1000


def test_pytorch(expected: Expected) -> None:
    for module in (torch, torchvision, torchaudio):
        name = module.__name__
        asserted = getattr(expected, name)
        found, _, build = module.__version__.partition("+")
        assert found == asserted, f"{name} {found} is imported, the tag says {asserted}"
        assert version(name) == asserted, f"{name} {version(name)} is installed, the tag says {asserted}"
        wanted = "cu" + expected.cuda.replace(".", "")
        assert build == wanted, f"{name} is the build `{build or 'without a name'}`, the tag says CUDA: {wanted}"


def test_torchvision_fits_torch() -> None:
    """A torchvision of another torch imports and lacks its compiled operators."""
    boxes = torch.tensor([[0.0, 0.0, 9.0, 9.0], [0.0, 0.0, 9.0, 8.0], [20.0, 20.0, 29.0, 29.0]])
    kept = torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist()
    assert kept == [0, 2], f"torchvision.ops.nms kept boxes {kept}, expected [0, 2]"


def test_cuda_libraries(expected: Expected) -> None:
    """What the library that torch loaded says of itself, against the tag."""
    number = torch.backends.cudnn.version()
    cudnn = f"{number // 10000}.{number // 100 % 100}.{number % 100}"
    assert expected.cudnn.startswith(f"{cudnn}."), f"torch loaded cuDNN {cudnn}, the tag says {expected.cudnn}"
    nccl = ".".join(str(part) for part in torch.cuda.nccl.version())
    assert nccl == expected.nccl, f"torch uses NCCL {nccl}, the tag says {expected.nccl}"
    assert torch.version.cuda == expected.cuda, f"torch uses CUDA {torch.version.cuda}, the tag says {expected.cuda}"


def test_python(expected: Expected) -> None:
    found = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert found == expected.python, f"Python {found} runs, the tag says {expected.python}"


def test_pip_check() -> None:
    done = installed.run(sys.executable, "-m", "pip", "check")
    assert done.returncode == 0, f"pip check: {installed.problem(done)}"


def test_pip_list(expected: Expected) -> None:
    done = installed.run(sys.executable, "-m", "pip", "list", "--format=json", "--disable-pip-version-check")
    assert done.returncode == 0, f"pip list: {installed.problem(done)}"
    listed = {package["name"]: package["version"] for package in json.loads(done.stdout)}
    assert listed.get("torch") == expected.torch, (
        f"pip lists torch {listed.get('torch')}, the tag says {expected.torch}"
    )


def test_console_scripts() -> None:
    """Every declared command can start; torchrun, which every image has, does."""
    names = [entry.name for entry in installed.console_scripts()]
    assert "torchrun" in names, f"torchrun is not among the {len(names)} declared commands"
    broken = [problem for problem in map(installed.script_problem, names) if problem]
    assert not broken, f"{len(broken)} of {len(names)} console scripts cannot start: {broken[0]}"
    done = installed.run("torchrun", "--help")
    assert done.returncode == 0, f"torchrun --help: {installed.problem(done)}"
    assert "--nproc" in done.stdout, f"torchrun --help does not name --nproc: {installed.problem(done)}"


def test_unprivileged_user() -> None:
    assert os.getuid() == USER, f"the image runs as uid {os.getuid()}, its user is mluser ({USER})"
