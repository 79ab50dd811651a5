"""The libraries that this process has loaded, and the versions they report."""

from __future__ import annotations

import ctypes
import re
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

MAPS = Path("/proc/self/maps")

WATCHED = re.compile(
    r"lib(cudart|cublas|cublasLt|cudnn\w*|nccl|cufft|curand|cusolver|cusparse|cusparseLt|nvrtc|nvJitLink|cupti"
    r"|c10\w*|torch\w*|caffe2\w*|gomp|iomp5|omp|stdc\+\+|gcc_s|cuda)"
)
"""Libraries that keep a state: contexts, communicators, threads, type tables.

With two copies there are two states.
"""

_MANGLED = re.compile(r"([-.][0-9a-f]{8})+$")
"""The suffix that auditwheel gives to a library in a wheel: libgomp-a34b3233.so.1."""


_SHARED_OBJECT = re.compile(r"\.so(\.\d+)*$")


def is_shared_object(path: str) -> bool:
    """Return whether a file is named as a shared object: libnccl.so.2, but not sort.so_heap.h."""
    return _SHARED_OBJECT.search(path) is not None


@dataclass(frozen=True)
class CudaLibrary:
    """A CUDA library: its name for people, its file up to `.so`, and `ask` for its version.

    `package` is the name of its package, without `-cu12` or the like.
    """

    name: str
    family: str
    package: str
    ask: Callable[[ctypes.CDLL], str]

    def is_locked(self, packages: Iterable[str]) -> bool:
        """Return whether one of `packages` is the library's."""
        return any(re.fullmatch(rf"{self.package}(-cu\d+)?", name) for name in packages)

    def read_version(self, path: str) -> str:
        """Return the version that the library at `path` reports; a text if it reports none."""
        try:
            return self.ask(ctypes.CDLL(path))
        except (OSError, AttributeError) as error:
            return f"of no version ({error})"


def family_name(path: str) -> str:
    """Return the library's name without folder, version and auditwheel's suffix: `libgomp`."""
    return _MANGLED.sub("", path.rpartition("/")[2].partition(".so")[0])


def parse_maps(maps: str) -> tuple[str, ...]:
    """Return the shared objects in the text of /proc/PID/maps (proc(5)), each once."""
    fields = (line.split(maxsplit=5) for line in maps.splitlines())
    return tuple(
        sorted({each[5].strip() for each in fields if len(each) == 6 and ".so" in each[5]})
    )


def list_loaded() -> tuple[str, ...]:
    """Return the shared objects of this process."""
    return parse_maps(MAPS.read_text(encoding="utf-8"))


def find_copies(paths: Iterable[str]) -> list[str]:
    """Return the watched libraries that are there more than once, as `libnccl: PATH and PATH`."""
    found: dict[str, set[str]] = {}
    for path in paths:
        if WATCHED.fullmatch(family_name(path)):
            found.setdefault(family_name(path), set()).add(path)
    return [
        f"{name}: {' and '.join(sorted(files))}"
        for name, files in sorted(found.items())
        if len(files) > 1
    ]


def parse_outcomes(done: subprocess.CompletedProcess[str]) -> list[tuple[str, str]]:
    """Return the pairs of lines that load_each.py or cudnn_parts.py printed.

    A name without a second line ended the process.
    """
    lines = done.stdout.splitlines()
    errors = done.stderr.strip().splitlines() or [f"exit {done.returncode}"]
    if done.returncode != 0:
        lines += [*([] if len(lines) % 2 else ["the program"]), f"! {' '.join(errors[-2:])}"]
    return [*zip(lines[::2], lines[1::2], strict=False)]


def versions_agree(found: str, wanted: str) -> bool:
    """Return whether two versions are the same as far as both go.

    12.4 and 12.4.127 agree, 12.4 and 12.1 do not.
    """
    return all(
        left == right for left, right in zip(found.split("."), wanted.split("."), strict=False)
    )


def is_at_least(found: str, least: str) -> bool:
    """Return whether a version has the same major number as `least`, and is not older.

    A library of CUDA may be newer than the one that a program was compiled for, within its major
    version.
    """
    numbers, wanted = ([int(part) for part in text.split(".")] for text in (found, least))
    return numbers[0] == wanted[0] and numbers >= wanted


def format_cuda_version(number: int) -> str:
    """Return `12.4` from 1000 x major + 10 x minor (CUDA Runtime API, cudaRuntimeGetVersion)."""
    return f"{number // 1000}.{number % 1000 // 10}"


def _version_by_property(function: str) -> Callable[[ctypes.CDLL], str]:
    """Return a function that asks a library for its version by `function`.

    Most libraries have `xGetProperty(libraryPropertyType, int*)`: 0 is major, 1 minor, 2 patch
    (library_types.h).
    """
    return lambda library: ".".join(
        str(_call_and_read(getattr(library, function), part)) for part in range(3)
    )


def _nccl_version(library: ctypes.CDLL) -> str:
    """Return the version of NCCL from 10000 x major + 100 x minor + patch (NCCL_VERSION in nccl.h).

    It is written so since NCCL 2.9.
    """
    number = _call_and_read(library.ncclGetVersion)
    return f"{number // 10000}.{number // 100 % 100}.{number % 100}"


def _call_and_read(function: Callable[..., int], *arguments: int) -> int:
    """Return what a function writes where its last argument points.

    Raises OSError if it returns an error.
    """
    value = ctypes.c_int()
    status = function(*arguments, ctypes.byref(value))
    if status:
        raise OSError(f"its version function returned error {status}")
    return value.value


CUDART = CudaLibrary(
    "CUDA runtime",
    "libcudart",
    "nvidia-cuda-runtime",
    lambda library: format_cuda_version(_call_and_read(library.cudaRuntimeGetVersion)),
)
CUDNN = CudaLibrary("cuDNN", "libcudnn", "nvidia-cudnn", _version_by_property("cudnnGetProperty"))
NCCL = CudaLibrary("NCCL", "libnccl", "nvidia-nccl", _nccl_version)
LIBRARIES = (
    CUDART,
    CUDNN,
    NCCL,
    CudaLibrary("cuBLAS", "libcublas", "nvidia-cublas", _version_by_property("cublasGetProperty")),
    CudaLibrary(
        "cuBLASLt", "libcublasLt", "nvidia-cublas", _version_by_property("cublasLtGetProperty")
    ),
    CudaLibrary("cuFFT", "libcufft", "nvidia-cufft", _version_by_property("cufftGetProperty")),
    CudaLibrary("cuRAND", "libcurand", "nvidia-curand", _version_by_property("curandGetProperty")),
    CudaLibrary(
        "cuSPARSE", "libcusparse", "nvidia-cusparse", _version_by_property("cusparseGetProperty")
    ),
    CudaLibrary(
        "cuSPARSELt",
        "libcusparseLt",
        "nvidia-cusparselt",
        _version_by_property("cusparseLtGetProperty"),
    ),
)
"""The libraries that `import torch` loads, if its line has them."""
