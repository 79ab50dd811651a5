"""What a tag asserts, from the catalogue and the lock of the base stack."""

from __future__ import annotations

from images.catalog import Line
from images.locks import Lock
from runner.errors import ConfigError
from validation.suites.expected import Expected


def expected_of(line: Line, base_lock: Lock, stacks: tuple[str, ...]) -> Expected:
    """What an image of `line` with `stacks` must hold; planned without GPUs until `validate` has found some.

    Raises ConfigError where the lock has no cuDNN or NCCL for the line's CUDA.
    """
    return Expected(
        torch=line.torch,
        torchvision=line.torchvision,
        torchaudio=line.torchaudio,
        cuda=line.cuda,
        python=line.python,
        cudnn=_locked(base_lock, "nvidia-cudnn", line.cuda),
        nccl=_locked(base_lock, "nvidia-nccl", line.cuda),
        device="cpu",
        gpu_count=0,
        stacks=stacks,
    )


def _locked(lock: Lock, library: str, cuda: str) -> str:
    name = f"{library}-cu{cuda.partition('.')[0]}"
    for wheel in lock.wheels:
        if wheel.name == name:
            return wheel.version
    raise ConfigError(f"{lock.path} holds no {name}", "run `./release.py lock` to write it again")
