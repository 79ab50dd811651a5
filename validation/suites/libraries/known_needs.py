"""Known exceptions of the shared objects that packages carry, and why they are right.

None of them is a general rule. Each entry names files by a shell pattern of their path below
site-packages, so that it covers nothing else.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from .shared_objects import MissingLibrary

DRIVER = ("libcuda.so.1", "libnvidia-ml.so.1")
"""The driver's libraries come from the host, when a GPU is passed to the container."""

_FFMPEG = (
    "libavutil.so.*",
    "libavcodec.so.*",
    "libavformat.so.*",
    "libavdevice.so.*",
    "libavfilter.so.*",
)
OPTIONAL = (
    (
        "torchaudio/lib/libtorchaudio_sox.so",
        ("libsox.so",),
        "torchaudio loads its SoX backend only where SoX is there",
    ),
    (
        "torio/lib/*torio_ffmpeg[456].so",
        _FFMPEG,
        "torio tries FFmpeg 6, 5 and 4, and does without where none is there",
    ),
    (
        "nvidia/*/lib/libcufile_rdma.so.*",
        ("libibverbs.so.*", "libmlx5.so.*", "librdmacm.so.*"),
        "cuFile loads it for storage over RDMA, where the host's RDMA libraries are installed",
    ),
    (
        "nvidia/nvshmem/lib/nvshmem_*.so.*",
        (
            "libfabric.so.*",
            "libibverbs.so.*",
            "libmlx5.so.*",
            "libmpi.so.*",
            "liboshmem.so.*",
            "libpmix.so.*",
            "libucp.so.*",
            "libucs.so.*",
        ),
        "NVSHMEM loads the transport and the bootstrap that its settings name",
    ),
    (
        "torch/lib/libgfortran.so.*",
        ("libquadmath.so.*",),
        "the wheel of torch 2.15 brings it, and nothing in it needs it",
    ),
    (
        "triton/plugins/*.so*",
        ("libtriton.so",),
        "Triton loads a plugin only when a setting names one, after itself",
    ),
)
"""(files, libraries, reason): backends for programs that the image does not ship."""

LOADED_FIRST = (
    ("nvidia/cu*/lib/libcufile_rdma.so.*", "libcufile.so.*"),
    ("nvidia/cu*/lib/libcusolverMg.so.*", "libcublas.so.*"),
    ("nvidia/cu*/lib/libcusolverMg.so.*", "libcublasLt.so.*"),
    ("nvidia/cu*/lib/libcusolverMg.so.*", "libcusparse.so.*"),
    ("nvidia/cu*/lib/libcusolverMg.so.*", "libnvJitLink.so.*"),
    ("torchaudio/lib/_torchaudio.so", "libtorchaudio.so"),
    ("torchaudio/lib/_torchaudio_sox.so", "libtorchaudio_sox.so"),
    ("torchaudio/lib/pybind11_prefixctc.so", "libctc_prefix_decoder.so"),
    ("torio/lib/_torio_ffmpeg4.so", "libtorio_ffmpeg4.so"),
    ("torio/lib/_torio_ffmpeg5.so", "libtorio_ffmpeg5.so"),
    ("torio/lib/_torio_ffmpeg6.so", "libtorio_ffmpeg6.so"),
)
"""(module, library beside it): who loads the module has loaded the library by its path before.

For torchaudio and torio see `_load_lib` of their `_extension`. cuFile itself loads its RDMA part,
and torch loads the libraries beside libcusolverMg when it is imported.
"""

WITHOUT_LIBRARY = ("nvidia-cuda-cccl", "nvidia-cuda-crt", "nvidia-cuda-nvcc")
"""NVIDIA's packages of headers and programs alone."""

IMPORT_TORCH_FIRST = ("torchaudio",)
"""Packages that import torch and name no requirement of it; torchaudio does since 2.11."""

GCC = Path("/usr/lib/gcc")
"""The folder of a compiler in Debian: for each machine and version one."""

OWN_THREADS = "GNU OpenMP may be there more than once, each with the threads of its own callers"

PRIVATE_COPIES = (
    (
        "torchvision.libs/libcudart.*",
        "auditwheel put it beside nvJPEG, which torchvision alone uses",
    ),
    ("triton/backends/nvidia/lib/cupti*/libcupti.so*", "only Triton's profiler loads it"),
    (
        "simsimd.libs/libgomp-*",
        OWN_THREADS,
    ),
    (
        "scikit_learn.libs/libgomp-*",
        OWN_THREADS,
    ),
)
"""(files, reason): second copies that do no harm."""


def may_be_missing(missing: MissingLibrary, site_packages: str, with_driver: bool) -> bool:
    """Return whether a library that is not found is known as one that the image need not hold."""
    if missing.needed in DRIVER:
        return not with_driver
    name = missing.path.removeprefix(f"{site_packages}/")
    optional = (
        needed
        for files, libraries, _ in OPTIONAL
        if fnmatchcase(name, files)
        for needed in libraries
    )
    if any(fnmatchcase(missing.needed, needed) for needed in optional):
        return True
    beside = Path(missing.path).with_name(missing.needed)
    known = any(
        fnmatchcase(name, module) and fnmatchcase(missing.needed, library)
        for module, library in LOADED_FIRST
    )
    return known and beside.is_file()


def is_private(path: str, site_packages: str) -> bool:
    """Return whether a file is known as a second copy of a library that does no harm."""
    name = path.removeprefix(f"{site_packages}/")
    return any(fnmatchcase(name, files) for files, _ in PRIVATE_COPIES) or is_of_compiler(path)


def is_of_compiler(path: str) -> bool:
    """Return whether a file is GCC's own OpenMP, with which it links what is compiled here.

    An image with a compiler has it beside torch's. A library that was only put into the system's
    folder is no such file: no link of a compiler leads to it.
    """
    return any(link.resolve() == Path(path).resolve() for link in GCC.glob("*/*/libgomp.so"))
