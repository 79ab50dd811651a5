"""GPUs that torch can use, and GPUs on which compiled code runs. Importing this needs no torch."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection

from . import driver
from .contract.cuda_errors import CAUSES, NOT_PASSED, OF_THE_RUNNER
from .contract.expected import Expected
from .contract.words import NO_GPU
from .outcome import not_run, report_infra, require

_ERROR = re.compile(
    r"Error (\d+): ([^(]*[^( ])"
)  # as torch writes what cudaGetDeviceCount returned
_ARCHITECTURE = re.compile(r"(sm|compute)_(\d+)(\d)([af]?)")


def require_gpus(expected: Expected, count: int = 1, else_reason: str = NO_GPU) -> None:
    """End the check as `not run` if the run was planned with fewer than `count` GPUs.

    A run on `cpu` has none.
    """
    if expected.device != "cuda":
        not_run(NO_GPU)
    if expected.gpu_count < count:
        not_run(else_reason)


def require_every_gpu(expected: Expected) -> None:
    """Do as `require_gpus`, then fail the check unless torch can use every planned GPU."""
    require_gpus(expected)
    count, state = count_usable_gpus()
    if count != expected.gpu_count:
        fail_with_cause(f"torch sees {count} GPUs, {state}", str(expected.gpu_count), state)


def count_usable_gpus() -> tuple[int, str]:
    """Return how many GPUs torch can use, and the result of is_available().

    If that is False, the text has the driver's error.
    """
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of what it raises below
        if torch.cuda.is_available():
            return torch.cuda.device_count(), "is_available() is True"
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return 0, f"is_available() is False and the driver says {driver_message(str(error))}"
    return 0, "is_available() is False though CUDA could be initialised"


def driver_message(text: str) -> str:
    """Return CUDA's number and message from an error of torch.

    For instance `804 (forward compatibility was ...)`. Without a number in it, return the first
    sentence of the error.
    """
    found = _ERROR.search(text)
    return f"{found[1]} ({found[2]})" if found else f"`{text.partition('. ')[0].splitlines()[0]}`"


def fail_with_cause(found: str, expected: str, message: str) -> None:
    """Fail the check with the cause of the CUDA error in `message`.

    The check ends as `infra` if the error is the machine's.
    """
    number = next((number for number in CAUSES if f"says {number} " in message), 0)
    if number in OF_THE_RUNNER and not driver.libraries_of_the_image():
        report_infra(f"{found}, expected {expected}", CAUSES[number])
    require(False, found, expected, CAUSES.get(number, NOT_PASSED))


def runs_on(capability: tuple[int, int], architectures: Collection[str]) -> bool:
    """Return whether code compiled for `architectures` (`sm_80`, `compute_90`) runs on a GPU.

    `capability` is the compute capability of the GPU. Machine code (sm) runs on its own minor
    version and later ones of its major version. With `a` it runs on nothing else; `f` is as no
    letter. PTX (compute) is compiled at load time for anything later. Source: NVIDIA, "CUDA C++
    Programming Guide", the sections on binary and PTX compatibility.
    """
    return any(_code_runs_on(capability, architecture) for architecture in architectures)


def _code_runs_on(capability: tuple[int, int], architecture: str) -> bool:
    match = _ARCHITECTURE.fullmatch(architecture)
    if match is None:
        return False
    made_for = (int(match[2]), int(match[3]))
    if match[4] == "a":
        return capability == made_for
    return capability >= made_for and (match[1] == "compute" or capability[0] == made_for[0])


def capability_of(architecture: str) -> tuple[int, int]:
    """Return the compute capability of an architecture: `sm_86` is (8, 6).

    Raises ValueError if the name is not one.
    """
    match = _ARCHITECTURE.fullmatch(architecture)
    if match is None:
        raise ValueError(f"`{architecture}` is not an architecture such as sm_86")
    return int(match[2]), int(match[3])
