"""Known libraries that may be missing."""

from __future__ import annotations

import pytest

from validation.suites.libraries import known_needs
from validation.suites.libraries.shared_objects import MissingLibrary


@pytest.mark.parametrize(
    ("path", "needed", "allowed"),
    [
        ("/s/torch/lib/libcaffe2_nvrtc.so", "libcuda.so.1", True),
        ("/s/torch/lib/libtorch_cuda.so", "libcudart.so.12", False),
        ("/s/torchaudio/lib/libtorchaudio_sox.so", "libsox.so", True),
        ("/s/torchaudio/lib/libtorchaudio_sox.so", "libtorch.so", False),
        ("/s/torchaudio/lib/libtorchaudio.so", "libsox.so", False),
        ("/s/torio/lib/libtorio_ffmpeg4.so", "libavutil.so.56", True),
        ("/s/torio/lib/libtorio_ffmpeg4.so", "libc10.so", False),
        ("/s/torchaudio/lib/_torchaudio.so", "libtorchaudio.so", False),  # there is none beside it
        ("/s/nvidia/cu13/lib/libcufile_rdma.so.1", "libibverbs.so.1", True),
        ("/s/nvidia/cu13/lib/libcufile_rdma.so.1", "libcudart.so.13", False),
        ("/s/nvidia/nvshmem/lib/nvshmem_bootstrap_mpi.so.3", "libmpi.so.40", True),
        ("/s/nvidia/nvshmem/lib/libnvshmem_host.so.3", "libmpi.so.40", False),
        ("/s/nvidia/cu13/lib/libcusolverMg.so.12", "libcublas.so.13", False),  # none beside it
    ],
)
def test_needs_that_may_be_missing(path: str, needed: str, allowed: bool) -> None:
    assert (
        known_needs.may_be_missing(MissingLibrary(path, needed), "/s", with_driver=False) is allowed
    )


def test_the_driver_is_needed_where_a_gpu_is() -> None:
    missing = MissingLibrary("/s/torch/lib/libcaffe2_nvrtc.so", "libcuda.so.1")
    assert not known_needs.may_be_missing(missing, "/s", with_driver=True)
