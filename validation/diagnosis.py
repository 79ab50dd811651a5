"""Known error texts, each with its likely cause and whose fault it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runner.verdict import Verdict
from validation.suites.contract.cuda_errors import CAUSES, NOT_PASSED

SEARCHED_CHARACTERS = 24_000
"""More than is kept of what a suite prints, and of what it tells of one failure."""
STICKY = "every later CUDA call of that process fails too, so only the first error counts"


@dataclass(frozen=True)
class Diagnosis:
    """Meaning of a known error text.

    `verdict` is what it makes of a failure; None leaves the verdict as it is.
    """

    verdict: Verdict | None
    cause: str


def find_diagnosis(text: str, max_characters: int = SEARCHED_CHARACTERS) -> Diagnosis | None:
    """Return the meaning of the first entry of the table that `text` matches, None if none does.

    Of a text with more than `max_characters` characters, the beginning and the end are searched.
    """
    half = max_characters // 2
    searched = text if len(text) <= max_characters else f"{text[:half]}\n{text[-half:]}"
    return next((known.means for known in KNOWN if known.matches(searched)), None)


@dataclass(frozen=True)
class _KnownError:
    """A known error: a pattern, or a pattern and another one behind it in the same line.

    An image chooses the text. So no pattern may have an open end such as `.*`: each place where it
    begins would be tried up to the end of the line.
    """

    pattern: re.Pattern[str]
    means: Diagnosis
    behind: re.Pattern[str] | None = None

    def matches(self, text: str) -> bool:
        """Return whether `text` has this error. The time grows with the length of `text` alone."""
        if self.behind is None:
            return bool(self.pattern.search(text))
        return any(
            (found := self.pattern.search(line)) and self.behind.search(line, found.end())
            for line in text.splitlines()
        )


def _known_errors(
    pattern: str, cause: str, verdict: Verdict | None = None, *, behind: str = ""
) -> _KnownError:
    means = Diagnosis(verdict, cause)
    return _KnownError(re.compile(pattern), means, re.compile(behind) if behind else None)


_FAIL, _INFRA = Verdict.FAIL, Verdict.INFRA

_DRIVER = (
    # CUDA Runtime API, cudaErrorCompatNotSupportedOnDevice. A compat package that is loaded came
    # with the image.
    _known_errors(
        r"forward compatibility was attempted on non supported HW|(?:[Ee]rror|says) 804\b",
        CAUSES[804],
        _FAIL,
    ),
    # cudaErrorSystemDriverMismatch.
    _known_errors(
        r"unsupported display driver / cuda driver combination|(?:[Ee]rror|says) 803\b",
        CAUSES[803],
        _INFRA,
    ),
    # NVML_ERROR_LIB_RM_VERSION_MISMATCH, in the words of nvidia-smi and of NVML.
    _known_errors(r"Driver/library version mismatch|NVML/RM version mismatch", CAUSES[803], _INFRA),
    # cudaErrorSystemNotReady.
    _known_errors(r"system not yet initialized|(?:[Ee]rror|says) 802\b", CAUSES[802], _INFRA),
    # cudaErrorMpsConnectionFailed.
    _known_errors(
        r"MPS client failed to connect",
        (
            "CUDA_MPS_PIPE_DIRECTORY names an MPS server that does not answer: start it, or unset "
            "the variable"
        ),
        _INFRA,
    ),
    # cudaErrorInsufficientDriver, and torch's words for it.
    _known_errors(
        r"driver version is insufficient for CUDA runtime|NVIDIA driver on your system is too old",
        "the driver is older than the CUDA family of the image needs: update it",
        _INFRA,
    ),
    # cudaErrorUnsupportedPtxVersion.
    _known_errors(
        r"PTX was compiled with an unsupported toolchain",
        (
            "the driver is older than the compiler of this PTX, and minor-version compatibility "
            "does not cover PTX"
        ),
    ),
    # cudaErrorNoKernelImageForDevice.
    _known_errors(
        r"no kernel image is available for execution",
        "the build has no code for this GPU's architecture",
        _FAIL,
    ),
    # NVIDIA container toolkit and Docker, when they start a container.
    _known_errors(
        r"could not select device driver|unresolvable CDI devices",
        "the engine cannot hand GPUs to containers: install the NVIDIA container toolkit",
        _INFRA,
    ),
    _known_errors(
        r"nvidia-container-cli: requirement error",
        "NVIDIA_REQUIRE_CUDA of the image asks for a newer driver than this machine has: update it",
        _INFRA,
    ),
    _known_errors(
        r"nvidia-container-cli: (initialization error|mount error|device error)",
        (
            "the NVIDIA container toolkit cannot use the driver: see that `nvidia-smi` works on "
            "the host"
        ),
        _INFRA,
    ),
    # A container whose device permissions were reset; a known issue of the container toolkit.
    _known_errors(
        r"Failed to initialize NVML: Unknown Error",
        "the container lost its GPUs when systemd reloaded its units: restart it, and use CDI",
        _INFRA,
    ),
    _known_errors(
        r"libcuda\.so(\.1)?: cannot open shared object|libcuda\.so cannot found",
        (
            "no driver is mounted into the container: no GPU was passed to it, or without the "
            "capability `compute`"
        ),
    ),
    # torch and cudaErrorNoDevice.
    _known_errors(r"Found no NVIDIA driver on your system|No CUDA GPUs are available", NOT_PASSED),
    _known_errors(r"no CUDA-capable device is detected", NOT_PASSED),
    _known_errors(
        r"invalid device ordinal",
        "fewer GPUs are visible than were planned: CUDA_VISIBLE_DEVICES hides some",
    ),
    # cudaErrorDevicesUnavailable.
    _known_errors(
        r"CUDA-capable device\(s\) is/are busy or unavailable",
        "the GPU is in exclusive mode and another process has it, or its MIG slice is gone",
        _INFRA,
    ),
    # Docker, when it starts a container whose first program is not there.
    _known_errors(
        r'exec: "python": executable file not found',
        "the image has no `python` on its PATH",
        _FAIL,
    ),
    _known_errors(
        r"Torch not compiled with CUDA enabled",
        "a CPU-only wheel of torch was installed",
        _FAIL,
    ),
)

_HARDWARE = (
    # NVIDIA's Xid catalogue, as the kernel logs them: 79 is "GPU has fallen off the bus".
    _known_errors(
        r"GPU is lost|fallen off the bus|GPU requires restart|Xid \(PCI:",
        (
            "the GPU failed under load (heat, power, a broken card or slot): see the kernel's log, "
            "then reset it or reboot"
        ),
        _INFRA,
    ),
    # cudaErrorECCUncorrectable, cudaErrorNvlinkUncorrectable.
    _known_errors(
        r"uncorrectable (ECC|NVLink) error",
        (
            "the GPU's memory or its links are failing: reset it or reboot, and replace it where "
            "the errors come back"
        ),
        _INFRA,
    ),
    # cudaErrorLaunchTimeout.
    _known_errors(
        r"the launch timed out and was terminated",
        "the GPU also drives a display, and its watchdog ends kernels that take long",
        _INFRA,
    ),
    # cudaErrorIllegalAddress and its like: CUDA's documentation calls them errors that leave the
    # process inconsistent.
    _known_errors(
        r"an illegal memory access was encountered|misaligned address"
        r"|an illegal instruction was encountered",
        f"a kernel read or wrote outside its memory; {STICKY}",
    ),
    _known_errors(
        r"device-side assert triggered",
        f"a kernel was given an index or a label out of range; {STICKY}",
    ),
    _known_errors(
        r"unspecified launch failure|hardware stack error",
        f"a kernel crashed on the GPU, by a bad address most often; {STICKY}",
    ),
)

_LIBRARIES = (
    _known_errors(
        r"CUDNN_STATUS_SUBLIBRARY|Unable to load any of \{libcudnn|Could not load library libcudnn",
        "a part of cuDNN is missing, or of another version than the others",
        _FAIL,
    ),
    _known_errors(
        r"CUDNN_STATUS_NOT_INITIALIZED",
        (
            "cuDNN could not start: too little GPU memory, or a cuDNN of another version than "
            "torch was built with"
        ),
    ),
    _known_errors(
        r"CUDNN_STATUS_EXECUTION_FAILED|CUBLAS_STATUS_EXECUTION_FAILED",
        f"a kernel of cuDNN or cuBLAS crashed on the GPU; {STICKY}",
    ),
    _known_errors(
        r"CUBLAS_STATUS_ALLOC_FAILED|CUBLAS_STATUS_NOT_INITIALIZED",
        (
            "cuBLAS had too little GPU memory for its workspace, or an earlier error broke CUDA "
            "for the process"
        ),
    ),
    # ld.so.
    _known_errors(
        r"undefined symbol|version `[\w.]+' not found",
        (
            "two libraries were built for different versions of each other (ABI), or the loader "
            "found another copy first"
        ),
    ),
    _known_errors(
        r"cannot open shared object file",
        "a shared library is missing from the image, or the loader is not told where it is",
    ),
    _known_errors(
        r"cannot allocate memory in static TLS block",
        (
            "a library with thread-local storage was loaded too late: it must be imported before "
            "torch, or preloaded"
        ),
    ),
    # torchvision's own operators, where its C++ part does not load.
    _known_errors(
        r"operator torchvision::\w+ does not exist|Couldn't load custom C\+\+ ops",
        "torchvision was built for another torch",
        _FAIL,
    ),
    # Triton and torch.compile.
    _known_errors(
        r"Failed to find C compiler|No working C\+\+ compiler found|Cannot find a working triton",
        "torch.compile needs a compiler, and the image ships none",
    ),
)

_SHM_TOO_SMALL = (
    "shared memory (/dev/shm) is too small: start the container with a larger --shm-size"
)
_SHARED_MEMORY = (
    # NCCL's shm transport; torch's sharing by files; what torch and its DataLoader say of a
    # worker's SIGBUS.
    _known_errors(
        r"/dev/shm|shared memory segment|to file </torch_"  # noqa: S108 - a known text
        r"|shm_open|posix_fallocate",
        _SHM_TOO_SMALL,
        _INFRA,
        behind=r"No space left on device",
    ),
    _known_errors(
        r"insufficient shared memory \(shm\)|out of shared memory", _SHM_TOO_SMALL, _INFRA
    ),
    _known_errors(
        r"[Bb]us error",
        (
            "memory that is mapped from a file had nothing behind it: /dev/shm is full, or a "
            "library was cut short"
        ),
    ),
    _known_errors(
        r"Too many open files|received 0 items of ancdata",
        "the limit of open files is too low for the tensors that are shared: raise `ulimit -n`",
        _INFRA,
    ),
)

_DISTRIBUTED = (
    # NCCL 2.21, ncclGetErrorString and ncclGetLastError; a CUDA error inside says more.
    _known_errors(
        r"Cuda failure",
        (
            "the GPU had too little memory for NCCL's buffers: another process holds it, or the "
            "check fills it"
        ),
        behind=r"out of memory",
    ),
    _known_errors(
        r"ncclUnhandledCudaError|unhandled cuda error|Cuda failure",
        (
            "CUDA failed under NCCL: the driver is too old for it, or an earlier error broke CUDA "
            "for the process"
        ),
    ),
    _known_errors(
        r"ncclSystemError|unhandled system error",
        (
            "a call of the system failed under NCCL: /dev/shm, a socket or a GPU link that the "
            "container may not use"
        ),
    ),
    _known_errors(
        r"ncclRemoteError|remote process exited|Connection closed by peer|Connection reset by peer",
        "another rank died: its own error says why",
    ),
    _known_errors(
        r"Watchdog caught collective operation timeout"
        r"|Timed out waiting \d+ms for (recv|send) operation",
        "ranks wait for each other: one left out a collective operation, or died",
    ),
    _known_errors(
        r"Address already in use|EADDRINUSE",
        "another process listens on that port: one that an earlier test left behind, most often",
    ),
    _known_errors(
        r"Cannot re-initialize CUDA in forked subprocess",
        "CUDA was used before the process forked: workers must be spawned",
    ),
)

_SYSTEM = (
    # torch.OutOfMemoryError.
    _known_errors(
        r"CUDA out of memory|CUDA error: out of memory",
        "the GPU is too small for the check, or another process holds its memory",
    ),
    # DataLoader's words for a worker that got SIGKILL, which is the kernel's for want of memory;
    # and the judge's.
    _known_errors(
        r"is killed by signal: Killed|the kernel killed",
        "the machine or the container has too little memory for what runs in it",
        _INFRA,
    ),
    _known_errors(
        r"container was killed \(SIGKILL\)",
        "somebody ended it, or the machine ran out of memory: see the kernel's log",
        _INFRA,
    ),
    _known_errors(
        r"DataLoader worker \(pid\(s\) [\d, ]+\) exited unexpectedly",
        "a worker process died: a crash of compiled code, or an exit in the data set",
    ),
    _known_errors(
        r"Cannot allocate memory|can't allocate memory|\bMemoryError\b",
        "the machine or the container has too little memory",
        _INFRA,
    ),
    _known_errors(
        r"can't start new thread|Thread creation failed: Resource temporarily unavailable",
        "more threads or processes were started than the container may have",
    ),
    _known_errors(
        r"No space left on device|Disk quota exceeded", "the disk is full: free space", _INFRA
    ),
    _known_errors(
        r"Temporary failure in name resolution|Network is unreachable",
        (
            "something is fetched from the network, and the suites have none: it is missing from "
            "the image"
        ),
    ),
    _known_errors(
        r"Illegal instruction",
        "the image was compiled for a newer CPU than this one",
    ),
    _known_errors(
        r"Segmentation fault", "compiled code crashed: two libraries that do not fit, most often"
    ),
    # pytest-timeout and pytest-xdist, and the judge's words for the watchdog and for a worker's
    # crash.
    _known_errors(
        r"Timeout \(?>\d|still running after \d",
        "it hangs: a lock, a collective operation or a worker that nobody ends",
    ),
    _known_errors(
        r"worker '\w+' crashed while running|its process died",
        (
            "compiled code crashed, or the kernel ended the process for want of memory: the last "
            "output says which"
        ),
    ),
    # cudaErrorUnknown, last: it says nothing, and comes beside what does.
    _known_errors(
        r"CUDA unknown error|CUDA error: unknown error|[Ee]rror 999\b",
        (
            "the driver is in a bad state, often after suspend or without nvidia-uvm loaded: "
            "reload it or reboot"
        ),
        _INFRA,
    ),
)

KNOWN = (*_DRIVER, *_HARDWARE, *_LIBRARIES, *_SHARED_MEMORY, *_DISTRIBUTED, *_SYSTEM)
"""In this order: what names its cause before what only says that something failed."""
