"""Facts about a build of torch: of its metadata, and of a file of its wheel that is never run."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable

from packaging.requirements import Requirement

from images import zip_reader
from images.compatibility import TorchBuild
from runner.errors import ConfigError

PYTHON_LIBRARY = "torch/lib/libtorch_python.so"
"""The library that holds what `torch._C._cuda_getArchFlags()` returns. It has about 30 MB."""
MAX_LIBRARY_BYTES = 128 << 20

_FLAGS = re.compile(
    rb"(?:sm_[0-9]{2,3}[a-z]?|compute_[0-9]{2,3}[a-z]?)(?: (?:sm|compute)_[0-9]{2,3}[a-z]?)*\0"
)
_RUNTIME = re.compile(r"cuda-toolkit|nvidia-cuda-runtime(?:-cu[0-9]{2})?")


def read_cuda(requires: Iterable[Requirement]) -> str:
    """Return the CUDA that a wheel of torch is for, `13.2`; empty if its metadata names none."""
    pins = {_read_pin(each) for each in requires if _RUNTIME.fullmatch(each.name)}
    minors = {".".join(pin.split(".")[:2]) for pin in pins if pin}
    return minors.pop() if len(minors) == 1 else ""


def read_build(requires: Iterable[Requirement], architectures: tuple[str, ...]) -> TorchBuild:
    """Return a build with the cuDNN and NCCL that the metadata of its wheel pins."""
    pins = {each.name: _read_pin(each) for each in requires}
    found = {
        library: next(
            (
                pin
                for name, pin in pins.items()
                if re.fullmatch(rf"nvidia-{library}-cu[0-9]{{2}}", name)
            ),
            None,
        )
        for library in ("cudnn", "nccl")
    }
    return TorchBuild(found["cudnn"] or None, found["nccl"] or None, architectures)


def read_architectures(wheel: zipfile.ZipFile) -> tuple[str, ...]:
    """Return the GPU architectures that torch names for itself (`sm_90`), in its order.

    Raises ConfigError if they are not in the wheel, or not where they are expected.
    """
    hint = "read torch._C._cuda_getArchFlags() in a container, and write it into the facts"
    try:
        entry = wheel.getinfo(PYTHON_LIBRARY)
    except KeyError:
        raise ConfigError(f"{wheel.filename} has no {PYTHON_LIBRARY}", hint) from None
    if entry.file_size > MAX_LIBRARY_BYTES:
        raise ConfigError(f"{PYTHON_LIBRARY} of {wheel.filename} is too large", hint)
    found = set(_FLAGS.findall(zip_reader.read_member(wheel, entry, MAX_LIBRARY_BYTES)))
    if len(found) != 1:
        raise ConfigError(f"{PYTHON_LIBRARY} names {len(found)} lists of architectures", hint)
    return tuple(found.pop().rstrip(b"\0").decode("ascii").split())


def _read_pin(requirement: Requirement) -> str:
    """Return the version that a requirement pins; empty if it pins none."""
    only = list(requirement.specifier)
    return only[0].version.removesuffix(".*") if len(only) == 1 and only[0].operator == "==" else ""
