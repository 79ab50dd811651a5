"""GPUs of the host through NVML: an inventory, and readings once a second while a suite runs.

In between it looks several times a second at who computes on them: a short suite must not be
missed.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import pynvml

from validation import control_groups
from validation.record import GpuSample

NOT_TOLD = -1
"""Stands for a value that a GPU or its driver does not give: some tell no power, and MIG no
utilisation.
"""

SLOWED = ("hw slowdown", "sw thermal slowdown", "hw thermal slowdown", "hw power brake slowdown")
"""Reasons that make a GPU slower than it should be: heat, or too little power.

The others are settings and limits.
"""

_REASONS = {
    pynvml.nvmlClocksThrottleReasonApplicationsClocksSetting: "applications clocks setting",
    pynvml.nvmlClocksThrottleReasonSwPowerCap: "sw power cap",
    pynvml.nvmlClocksThrottleReasonHwSlowdown: "hw slowdown",
    pynvml.nvmlClocksThrottleReasonSyncBoost: "sync boost",
    pynvml.nvmlClocksThrottleReasonSwThermalSlowdown: "sw thermal slowdown",
    pynvml.nvmlClocksThrottleReasonHwThermalSlowdown: "hw thermal slowdown",
    pynvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown: "hw power brake slowdown",
    pynvml.nvmlClocksThrottleReasonDisplayClockSetting: "display clock setting",
}
"""All but idleness, which is no fault."""

MAX_SAMPLES = 1_000
"""Readings of one suite, of all GPUs together, that enter a record.

A record of all suites must stay small enough to be read again.
"""

_GONE = (pynvml.NVMLError_GpuIsLost, pynvml.NVMLError_ResetRequired)
_JOIN_S = 5.0
_LOOK_S = 0.25

T = TypeVar("T")


@dataclass(frozen=True)
class GpuAtRest:
    """One GPU at rest, as the driver tells it; NOT_TOLD for a value that it does not tell.

    `uncorrected_errors` are of its memory since the driver was loaded, `repairs` what it says
    must be done about such errors. `throttled` are names as in GpuSample, `processes` those
    that compute on it, `process_ids` their numbers on the host. `address` is that on the PCI bus
    (`0000:17:00.0`).
    """

    index: int
    uuid: str
    name: str
    compute_capability: tuple[int, int]
    memory_bytes: int
    memory_used_bytes: int = NOT_TOLD
    mig: bool = False
    utilisation_percent: int = NOT_TOLD
    processes: int = NOT_TOLD
    uncorrected_errors: int = NOT_TOLD
    repairs: tuple[str, ...] = ()
    throttled: tuple[str, ...] = ()
    process_ids: tuple[int, ...] = ()
    address: str = ""


@dataclass(frozen=True)
class Inventory:
    """Every GPU of this machine and the driver's version.

    `problem`: why there are none, or which did not answer.
    """

    gpus: tuple[GpuAtRest, ...] = ()
    driver: str = ""
    problem: str = ""


def read_inventory() -> Inventory:
    """Return the GPUs and the driver of this machine; none is an answer, not an error."""
    try:
        with _nvml_session():
            return _read_gpus()
    except pynvml.NVMLError as error:
        if error.value == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND:
            return Inventory(problem="no NVIDIA driver was found: libnvidia-ml.so.1 is missing")
        return Inventory(problem=f"NVML says `{error}`")


@dataclass
class GpuActivity:
    """Activity of one GPU while a suite ran, as the driver showed it.

    `owners` are the control groups (the text of /proc/PID/cgroup) of every process that
    computed on it, empty for one that this machine does not show. Memory and utilisation are
    the highest readings, NOT_TOLD if there is none.
    """

    owners: set[str] = field(default_factory=set)
    memory_used_bytes: int = NOT_TOLD
    utilisation_percent: int = NOT_TOLD


class Sampler:
    """Reader of `gpus`: at once and then every `interval_s` seconds, while its `with` block runs.

    `all_samples` are in the order they were read, `work` is what was seen of each GPU. Whenever
    there are more than MAX_SAMPLES, every second reading is forgotten, and it reads half as often.
    A lost GPU is read no more; `lost_gpu` names it. Without GPUs nothing is started.
    """

    def __init__(self, gpus: Iterable[GpuAtRest], interval_s: float = 1.0) -> None:
        self._waiting = {gpu.index for gpu in gpus}
        self._interval_s = interval_s
        self._samples: list[GpuSample] = []
        self.work = {index: GpuActivity() for index in self._waiting}
        self._problems: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample_until_stopped, name="nvml", daemon=True)

    def __enter__(self) -> Self:
        if self._waiting:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_S)
        if self._thread.is_alive():  # a driver that hangs must not hang the run too
            self._problems.append("the driver stopped answering: a reading has not come back")

    @property
    def all_samples(self) -> tuple[GpuSample, ...]:
        """All readings so far."""
        return tuple(self._samples)

    @property
    def lost_gpu(self) -> str:
        """Text such as `GPU 0 was lost`; empty if all GPUs were read."""
        return "; ".join(self._problems)

    def _sample_until_stopped(self) -> None:
        started, due_s = time.monotonic(), 0.0
        try:
            with _nvml_session():
                while self._waiting:
                    at_s = time.monotonic() - started
                    self._read_all(at_s, keep=at_s >= due_s)
                    due_s += self._interval_s if at_s >= due_s else 0
                    self._thin_out()
                    if self._ended.wait(min(_LOOK_S, self._interval_s)):
                        return
        except pynvml.NVMLError as error:
            self._problems.append(f"the driver stopped answering: NVML says `{error}`")

    def _thin_out(self) -> None:
        """If there are too many readings, keep every second moment, and read half as often."""
        if len(self._samples) > MAX_SAMPLES:
            moments = dict.fromkeys(sample.at_s for sample in self._samples)
            kept = set(list(moments)[::2])
            self._samples[:] = [each for each in self._samples if each.at_s in kept]
            self._interval_s *= 2

    def _read_all(self, at_s: float, *, keep: bool) -> None:
        for index in sorted(self._waiting):
            try:
                handle = pynvml.nvmlDeviceGetHandleByIndex(index)
                work = self.work[index]
                memory = _ask_driver(None, pynvml.nvmlDeviceGetMemoryInfo, handle)
                used = memory.used if memory else NOT_TOLD
                work.memory_used_bytes = max(work.memory_used_bytes, used)
                work.utilisation_percent = max(work.utilisation_percent, _read_utilisation(handle))
                processes: list[Any] = _ask_driver(
                    [], pynvml.nvmlDeviceGetComputeRunningProcesses, handle
                )
                work.owners.update(
                    control_groups.read_control_group(each.pid) for each in processes
                )
                if keep:
                    self._samples.append(_read_sample(handle, index, at_s))
            except pynvml.NVMLError as error:
                self._waiting.discard(index)
                self._problems.append(
                    f"GPU {index} was lost after {at_s:.0f} s: NVML says `{error}`"
                )


@contextlib.contextmanager
def _nvml_session() -> Iterator[None]:
    """Open a session of NVML. Raises NVMLError if no driver answers."""
    pynvml.nvmlInit()
    try:
        yield
    finally:
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def _read_gpus() -> Inventory:
    gpus, problems = [], []
    for index in range(pynvml.nvmlDeviceGetCount()):
        try:
            gpus.append(_read_gpu(index))
        except pynvml.NVMLError as error:
            problems.append(f"GPU {index}: NVML says `{error}`")
    driver = str(pynvml.nvmlSystemGetDriverVersion())
    return Inventory(
        tuple(gpus), driver, "; ".join(problems) if gpus or problems else "NVML lists no GPU"
    )


def _read_gpu(index: int) -> GpuAtRest:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = _ask_driver(None, pynvml.nvmlDeviceGetMemoryInfo, handle)
    processes: list[Any] | None = _ask_driver(
        None, pynvml.nvmlDeviceGetComputeRunningProcesses, handle
    )
    bus = _ask_driver(None, pynvml.nvmlDeviceGetPciInfo, handle)
    uncorrected = (pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC)
    return GpuAtRest(
        index=index,
        uuid=str(pynvml.nvmlDeviceGetUUID(handle)),
        name=str(pynvml.nvmlDeviceGetName(handle)),
        compute_capability=_ask_driver((0, 0), pynvml.nvmlDeviceGetCudaComputeCapability, handle),
        memory_bytes=memory.total if memory else NOT_TOLD,
        memory_used_bytes=memory.used if memory else NOT_TOLD,
        mig=_ask_driver((0, 0), pynvml.nvmlDeviceGetMigMode, handle)[0]
        == pynvml.NVML_DEVICE_MIG_ENABLE,
        utilisation_percent=_read_utilisation(handle),
        processes=NOT_TOLD if processes is None else len(processes),
        uncorrected_errors=_ask_driver(
            NOT_TOLD, pynvml.nvmlDeviceGetTotalEccErrors, handle, *uncorrected
        ),
        repairs=tuple(_read_repairs(handle)),
        throttled=_read_throttle_reasons(handle),
        process_ids=tuple(each.pid for each in processes or ()),
        address=f"{bus.domain:04x}:{bus.bus:02x}:{bus.device:02x}.0" if bus else "",
    )


def _read_repairs(handle: Any) -> Iterator[str]:  # noqa: ANN401 - pynvml has no types
    """Return pending repairs: of pages before Ampere, of rows since."""
    if (
        _ask_driver(0, pynvml.nvmlDeviceGetRetiredPagesPendingStatus, handle)
        == pynvml.NVML_FEATURE_ENABLED
    ):
        yield "page retirement pending"
    _, _, pending, failed = _ask_driver((0, 0, 0, 0), pynvml.nvmlDeviceGetRemappedRows, handle)
    if pending:
        yield "row remapping pending"
    if failed:
        yield "row remapping failed"


def _read_sample(handle: Any, index: int, at_s: float) -> GpuSample:  # noqa: ANN401 - the handles of NVML have no types
    """Return one reading, with NOT_TOLD for what cannot be read.

    Raises NVMLError if the GPU is gone.
    """
    power = _ask_driver(NOT_TOLD, pynvml.nvmlDeviceGetPowerUsage, handle)
    memory = _ask_driver(None, pynvml.nvmlDeviceGetMemoryInfo, handle)
    return GpuSample(
        at_s=round(at_s, 3),
        gpu=index,
        sm_clock_mhz=_ask_driver(
            NOT_TOLD, pynvml.nvmlDeviceGetClockInfo, handle, pynvml.NVML_CLOCK_SM
        ),
        memory_clock_mhz=_ask_driver(
            NOT_TOLD, pynvml.nvmlDeviceGetClockInfo, handle, pynvml.NVML_CLOCK_MEM
        ),
        power_w=NOT_TOLD if power == NOT_TOLD else power / 1000,
        temperature_c=_ask_driver(
            NOT_TOLD, pynvml.nvmlDeviceGetTemperature, handle, pynvml.NVML_TEMPERATURE_GPU
        ),
        utilisation_percent=_read_utilisation(handle),
        memory_used_mb=memory.used // 10**6 if memory else NOT_TOLD,
        throttled=_read_throttle_reasons(handle),
    )


def _read_utilisation(handle: Any) -> int:  # noqa: ANN401 - the handles of NVML have no types
    rates = _ask_driver(None, pynvml.nvmlDeviceGetUtilizationRates, handle)
    return int(rates.gpu) if rates else NOT_TOLD


def _read_throttle_reasons(handle: Any) -> tuple[str, ...]:  # noqa: ANN401 - the handles of NVML have no types
    """Return the reasons of throttling.

    The old name of the call is used, which the oldest drivers have; the new one came with 535.
    """
    bits = _ask_driver(0, pynvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle)
    return tuple(name for bit, name in _REASONS.items() if bits & bit)


def _ask_driver(otherwise: T, call: Callable[..., Any], *arguments: object) -> T:
    """Return the answer of `call`, NOT_TOLD if it has none. Raises NVMLError if the GPU is gone."""
    try:
        return call(*arguments)  # type: ignore[no-any-return] # the calls of NVML have no types
    except _GONE:
        raise
    except pynvml.NVMLError:
        return otherwise
