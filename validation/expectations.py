"""Facts that an image with a tag must have, from the catalogue and the locks of its stacks."""

from __future__ import annotations

from images.assembly import environment_variables
from images.catalog import BASE, Catalog
from images.compatibility import load_compatibility
from images.line_locks import locks_of
from images.locks import Lock
from images.names import join_stacks
from runner.errors import ConfigError
from validation.suites.contract.expected import Expected


def expect_image(catalog: Catalog, line: str, stacks: tuple[str, ...]) -> Expected:
    """Return what an image of `line` with `stacks` must hold.

    It is planned without GPUs until `validate` has found some. Raises ConfigError if the lock
    has no cuDNN or NCCL for the line's CUDA.
    """
    means, locks = catalog.lines[line], locks_of(catalog, line, stacks)
    build = load_compatibility().find_build(means.torch, means.cuda)
    return Expected(
        torch=means.torch,
        torchvision=means.torchvision,
        torchaudio=means.torchaudio or "",
        cuda=means.cuda,
        python=means.python,
        cudnn=_locked_packages(locks[BASE], "nvidia-cudnn", means.cuda),
        nccl=_locked_packages(locks[BASE], "nvidia-nccl", means.cuda),
        device="cpu",
        gpu_count=0,
        stacks=stacks,
        packages=tuple(
            sorted(
                {(wheel.name, wheel.version) for lock in locks.values() for wheel in lock.wheels}
            )
        ),
        compiler=any(catalog.stacks[stack].compiler for stack in stacks),
        epoch=means.epoch,
        architectures=build.architectures,
        without_code=build.missing_code,
        command=catalog.os_part_of(join_stacks(stacks)).command,
        environment=tuple(
            (name, value)
            for name, _, value in (each.partition("=") for each in environment_variables(means))
        ),
    )


def _locked_packages(lock: Lock, library: str, cuda: str) -> str:
    name = f"{library}-cu{cuda.partition('.')[0]}"
    for wheel in lock.wheels:
        if wheel.name == name:
            return wheel.version
    raise ConfigError(
        f"{lock.path} has no package {name}", "run `./release.py lock` to write it again"
    )
