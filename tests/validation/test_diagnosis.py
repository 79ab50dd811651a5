"""Known error texts, in the words of those who write them, mean what the table says.

Unknown ones mean nothing.
"""

from __future__ import annotations

import re
import time

import pytest

from runner.verdict import Verdict
from validation.diagnosis import KNOWN, _KnownError, find_diagnosis

FAIL, INFRA = Verdict.FAIL, Verdict.INFRA

COUNT = (
    "Unexpected error from cudaGetDeviceCount(). Did you run some cuda functions before calling "
    "NumCudaDevices() that "
    "might have already set an error? "
)
DSA = "\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n"

TEXTS = (
    (
        'OCI runtime create failed: exec: "python": executable file not found in $PATH: unknown',
        FAIL,
        "no `python` on its PATH",
    ),
    # What the driver refuses. The first three were seen, with a libcuda whose cuInit returns the
    # number.
    (
        COUNT + "Error 804: forward compatibility was attempted on non supported HW",
        FAIL,
        "compat package is not usable",
    ),
    (
        "torch 0: is_available() is False and the driver says 804 (forward)",
        FAIL,
        "compat package is not usable",
    ),
    (
        COUNT + "Error 803: system has unsupported display driver / cuda driver combination",
        INFRA,
        "reboot after a driver",
    ),
    (COUNT + "Error 802: system not yet initialized", INFRA, "fabric manager"),
    (
        "Failed to initialize NVML: Driver/library version mismatch",
        INFRA,
        "reboot after a driver update",
    ),
    (
        "NVML says `RM has detected an NVML/RM version mismatch.`",
        INFRA,
        "reboot after a driver update",
    ),
    (
        "CUDA error: MPS client failed to connect to the MPS control daemon or the MPS server",
        INFRA,
        "MPS server",
    ),
    (
        "CUDA driver version is insufficient for CUDA runtime version",
        INFRA,
        "older than the CUDA family",
    ),
    (
        "The NVIDIA driver on your system is too old (found version 11040). Please update",
        INFRA,
        "older than the CUDA",
    ),
    (
        "CUDA error: the provided PTX was compiled with an unsupported toolchain.",
        None,
        "does not cover PTX",
    ),
    (
        "CUDA error: no kernel image is available for execution on the device" + DSA,
        FAIL,
        "no code for this GPU's",
    ),
    (
        'could not select device driver "" with capabilities: [[gpu]]',
        INFRA,
        "NVIDIA container toolkit",
    ),
    (
        "CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all",
        INFRA,
        "NVIDIA container toolkit",
    ),
    (
        "nvidia-container-cli: requirement error: unsatisfied condition: driver>=525",
        INFRA,
        "NVIDIA_REQUIRE_CUDA",
    ),
    (
        "nvidia-container-cli: initialization error: nvml error: driver not loaded",
        INFRA,
        "`nvidia-smi` works",
    ),
    ("Failed to initialize NVML: Unknown Error", INFRA, "systemd reloaded"),
    (
        "OSError: libcuda.so.1: cannot open shared object file: No such file or directory",
        None,
        "no driver is mounted",
    ),
    ("AssertionError: libcuda.so cannot found!", None, "no driver is mounted"),
    (
        "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU",
        None,
        "no GPU was passed",
    ),
    ("RuntimeError: No CUDA GPUs are available", None, "CUDA_VISIBLE_DEVICES hides it"),
    ("CUDA error: no CUDA-capable device is detected", None, "no GPU was passed"),
    ("CUDA error: invalid device ordinal" + DSA, None, "fewer GPUs are visible"),
    (
        COUNT + "Error 46: CUDA-capable device(s) is/are busy or unavailable",
        INFRA,
        "exclusive mode",
    ),
    ("AssertionError: Torch not compiled with CUDA enabled", FAIL, "CPU-only wheel"),
    # The GPU itself.
    ("GPU 0 was lost after 12 s: NVML says `GPU is lost`", INFRA, "the GPU failed under load"),
    (
        "NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, GPU has fallen off the bus.",
        INFRA,
        "the GPU failed under load",
    ),
    ("CUDA error: uncorrectable ECC error encountered" + DSA, INFRA, "replace it"),
    ("CUDA error: uncorrectable NVLink error detected during the execution", INFRA, "replace it"),
    ("CUDA error: the launch timed out and was terminated", INFRA, "its watchdog"),
    (
        "CUDA error: an illegal memory access was encountered" + DSA,
        None,
        "only the first error counts",
    ),
    ("Triton Error [CUDA]: misaligned address", None, "only the first error counts"),
    ("CUDA error: device-side assert triggered" + DSA, None, "a label out of range"),
    ("CUDA error: unspecified launch failure" + DSA, None, "a kernel crashed"),
    # Libraries.
    (
        "RuntimeError: cuDNN error: CUDNN_STATUS_SUBLIBRARY_VERSION_MISMATCH",
        FAIL,
        "a part of cuDNN",
    ),
    (
        "Unable to load any of {libcudnn_ops.so.9.1.0, libcudnn_ops.so.9.1, libcudnn_ops.so.9}",
        FAIL,
        "a part of cuDNN",
    ),
    ("RuntimeError: cuDNN error: CUDNN_STATUS_NOT_INITIALIZED", None, "cuDNN could not start"),
    ("RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED", None, "crashed on the GPU"),
    (
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        None,
        "too little GPU memory",
    ),
    (
        (
            "ImportError: libcusparse.so.12: undefined symbol: __nvJitLinkComplete_12_4, version "
            "libnvJitLink.so.12"
        ),
        None,
        "different versions of each other",
    ),
    (
        "libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by _C.so)",
        None,
        "different versions of each other",
    ),
    (
        "libGL.so.1: cannot open shared object file: No such file or directory",
        None,
        "missing from the image",
    ),
    ("libgomp.so.1: cannot allocate memory in static TLS block", None, "loaded too late"),
    ("RuntimeError: operator torchvision::nms does not exist", FAIL, "for another torch"),
    (
        "RuntimeError: Couldn't load custom C++ ops. This can happen if your PyTorch and",
        FAIL,
        "for another torch",
    ),
    (
        "Failed to find C compiler. Please specify via CC environment variable.",
        None,
        "needs a compiler",
    ),
    (
        "InvalidCxxCompiler: No working C++ compiler found in torch._inductor.config.cpp.cxx",
        None,
        "needs a compiler",
    ),
    # Shared memory and files.
    (
        (
            "Error while creating shared memory segment /dev/shm/nccl-a1 (size 963788), error: No "
            "space left on device"
        ),
        INFRA,
        "larger --shm-size",
    ),
    (
        "unable to write to file </torch_9_3_0>: No space left on device (28)",
        INFRA,
        "larger --shm-size",
    ),
    (
        "DataLoader worker (pid 77) is killed by signal: Bus error. It is possible that "
        "dataloader's workers are out "
        "of shared memory. Please try to raise your shared memory limit.",
        INFRA,
        "larger --shm-size",
    ),
    (
        (
            "ERROR: Unexpected bus error encountered in worker. This might be caused by "
            "insufficient "
            "shared memory (shm)."
        ),
        INFRA,
        "larger --shm-size",
    ),
    ("Fatal Python error: Bus error", None, "cut short"),
    ("RuntimeError: received 0 items of ancdata", INFRA, "ulimit -n"),
    ("OSError: [Errno 24] Too many open files: '/a'", INFRA, "ulimit -n"),
    # Ranks.
    ("NCCL WARN Cuda failure 2 'out of memory'", None, "NCCL's buffers"),
    ("ncclUnhandledCudaError: Call to CUDA function failed.", None, "CUDA failed under NCCL"),
    (
        "ncclSystemError: System call (e.g. socket, malloc) or external library call failed",
        None,
        "a call of the system",
    ),
    ("ncclRemoteError: A call failed possibly due to a network error", None, "another rank died"),
    ("[pair.cc:534] Connection closed by peer [127.0.0.1]:33711", None, "another rank died"),
    (
        "Watchdog caught collective operation timeout: WorkNCCL(SeqNum=4)",
        None,
        "wait for each other",
    ),
    (
        "[unbound_buffer.cc:81] Timed out waiting 20000ms for recv operation to complete",
        None,
        "wait for each other",
    ),
    (
        "The server socket has failed to listen (errno: 98 - Address already in use).",
        None,
        "another process listens",
    ),
    ("Cannot re-initialize CUDA in forked subprocess. To use CUDA with", None, "must be spawned"),
    # The system.
    (
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has",
        None,
        "GPU is too small",
    ),
    ("DataLoader worker (pid 77) is killed by signal: Killed. ", INFRA, "too little memory"),
    (
        "out of memory in compiles: the kernel killed a process of the container",
        INFRA,
        "too little memory",
    ),
    ("the container was killed (SIGKILL) in compiles", INFRA, "somebody ended it"),
    ("DataLoader worker (pid(s) 77, 78) exited unexpectedly", None, "a worker process died"),
    ("OSError: [Errno 12] Cannot allocate memory", INFRA, "too little memory"),
    (
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 80 bytes.",
        INFRA,
        "too little memory",
    ),
    ("MemoryError", INFRA, "too little memory"),
    ("RuntimeError: can't start new thread", None, "more threads"),
    ("libgomp: Thread creation failed: Resource temporarily unavailable", None, "more threads"),
    ("OSError: [Errno 28] No space left on device: 'out/x'", INFRA, "the disk is full"),
    (
        "<urlopen error [Errno -3] Temporary failure in name resolution>",
        None,
        "the suites have none",
    ),
    ("Fatal Python error: Illegal instruction", None, "newer CPU"),
    ("Fatal Python error: Segmentation fault", None, "compiled code crashed"),
    ("Timeout (>120.0s) from pytest-timeout.", None, "it hangs"),
    ("Timeout >120.0s", None, "it hangs"),
    (
        "hung in all_reduce: still running after 300 s; its stacks are in the last output",
        None,
        "it hangs",
    ),
    ("worker 'gw0' crashed while running 'test_device.py::test_a'", None, "the last output says"),
    ("its process died: a crash, or an exit in the middle", None, "the last output says"),
    (
        "CUDA unknown error - this may be due to an incorrectly set up environment",
        INFRA,
        "bad state",
    ),
)


@pytest.mark.parametrize(("text", "verdict", "says"), TEXTS, ids=[text[-50:] for text, *_ in TEXTS])
def test_known_text(text: str, verdict: Verdict | None, says: str) -> None:
    found = find_diagnosis(text)
    assert found is not None
    assert (found.verdict, says in found.cause) == (verdict, True), found


def test_every_entry_has_a_text() -> None:
    """One that no text reaches is dead, or hidden by one before it."""
    assert {id(find_diagnosis(text)) for text, *_ in TEXTS} == {id(known.means) for known in KNOWN}


@pytest.mark.parametrize(
    "text",
    (
        "",
        "matmul in fp32 on cuda:0 is off by 1.0e-02 of the largest value, expected at most 1.0e-05",
        "resnet50 ran at 803 images/s, expected 804 at least",
        "CUDA error: something new" + DSA,
        "GPU 999 is not there",
        "Error 1804: unheard of",
    ),
)
def test_unknown_text(text: str) -> None:
    assert find_diagnosis(text) is None


def _literal_pieces(pattern: str) -> set[str]:
    """Return the texts that `pattern` holds between its operators."""
    pieces = re.findall(r"(?:\\\W|[^\\|()\[\]{}*+?])+", pattern)
    return {piece.replace("\\", "") for piece in pieces}


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.pattern.pattern[:40])
def test_the_time_of_a_search_grows_with_the_length_of_the_text_alone(known: _KnownError) -> None:
    """An image chooses the text: here the pieces of a pattern, repeated."""
    parts = [known.pattern.pattern, *([known.behind.pattern] if known.behind else [])]
    assert not [part for part in parts if ".*" in part or ".+" in part]
    for piece in {each for part in parts for each in _literal_pieces(part)}:
        for end in ("", "1" * 1000):
            text = piece * (200_000 // len(piece)) + end
            started = time.monotonic()
            known.matches(text)
            assert time.monotonic() - started < 1, piece


def test_of_a_long_text_the_beginning_and_the_end_are_searched() -> None:
    filled = "/dev/shm" * 5_000_000  # noqa: S108 - a known text
    started = time.monotonic()
    assert find_diagnosis(filled) is None
    assert time.monotonic() - started < 1
    assert find_diagnosis("Bus error") is not None
    assert find_diagnosis(f"{filled} Bus error") == find_diagnosis("Bus error")
    assert find_diagnosis(f"Bus error {filled}") == find_diagnosis("Bus error")


def test_every_cause_is_one_line_and_no_sentence_mark() -> None:
    """It is put behind `likely cause:`."""
    causes = [known.means.cause for known in KNOWN]
    assert all(
        "\n" not in cause and not cause.endswith(".") and "; likely cause" not in cause
        for cause in causes
    )
