"""NVML as a driver would answer, for machines without one: the calls of `validation/nvml.py` and no
more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

GIB = 1 << 30


@dataclass
class FakeGpu:
    """One GPU, at rest unless told otherwise; `handle` is its index.

    `lost_after` is how many times it can be looked up before it is gone, `refuses` the calls it
    does not support.
    """

    name: str = "NVIDIA A100-SXM4-80GB"
    capability: tuple[int, int] = (8, 0)
    memory_bytes: int = 80 * GIB
    memory_used_bytes: int = GIB // 2
    utilisation: int = 0
    processes: int = 0
    process_ids: tuple[int, ...] = ()
    mig: bool = False
    reasons: int = pynvml.nvmlClocksThrottleReasonGpuIdle
    uncorrected: int = 0
    pages_pending: bool = False
    rows: tuple[int, int, int, int] = (0, 0, 0, 0)
    lost_after: int | None = None
    lost_as: int = pynvml.NVML_ERROR_GPU_IS_LOST
    refuses: Collection[str] = ()
    looked_up: int = 0
    address: tuple[int, int, int] = (0, 0xFE, 0)
    """Domain, bus and device; no real device has it."""


class FakeNvml:
    """The library: GPUs, the driver's version, and the error it starts with, if any."""

    def __init__(
        self, *gpus: FakeGpu, driver: str = "550.54.15", init_error: int = pynvml.NVML_SUCCESS
    ) -> None:
        self.gpus = gpus
        self.driver = driver
        self.init_error = init_error
        self.sessions = 0

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put every call in the place of pynvml's."""
        for name in (name for name in dir(self) if name.startswith("nvml")):
            monkeypatch.setattr(pynvml, name, self._supported(name))

    def _supported(self, name: str) -> Any:
        call = getattr(self, name)

        def answer(*arguments: Any) -> Any:
            if (
                name.startswith("nvmlDeviceGet")
                and name != "nvmlDeviceGetCount"
                and name in self._gpu(*arguments).refuses
            ):
                raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
            return call(*arguments)

        return answer

    def _gpu(self, handle: int, *_: Any) -> FakeGpu:
        return self.gpus[handle]

    def nvmlInit(self) -> None:
        self.sessions += 1
        if self.init_error != pynvml.NVML_SUCCESS:
            raise pynvml.NVMLError(self.init_error)

    def nvmlShutdown(self) -> None:
        self.sessions -= 1

    def nvmlSystemGetDriverVersion(self) -> str:
        return self.driver

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        gpu = self.gpus[index]
        gpu.looked_up += 1
        if gpu.lost_after is not None and gpu.looked_up > gpu.lost_after:
            raise pynvml.NVMLError(gpu.lost_as)
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:
        return self.gpus[handle].name

    def nvmlDeviceGetUUID(self, handle: int) -> str:
        return f"GPU-{handle}"

    def nvmlDeviceGetPciInfo(self, handle: int) -> SimpleNamespace:
        domain, bus, device = self.gpus[handle].address
        return SimpleNamespace(domain=domain, bus=bus, device=device)

    def nvmlDeviceGetCudaComputeCapability(self, handle: int) -> tuple[int, int]:
        return self.gpus[handle].capability

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        gpu = self.gpus[handle]
        return SimpleNamespace(total=gpu.memory_bytes, used=gpu.memory_used_bytes)

    def nvmlDeviceGetMigMode(self, handle: int) -> list[int]:
        return [int(self.gpus[handle].mig), int(self.gpus[handle].mig)]

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(gpu=self.gpus[handle].utilisation, memory=0)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(pid=pid, usedGpuMemory=0)
            for pid in self.gpus[handle].process_ids or range(self.gpus[handle].processes)
        ]

    def nvmlDeviceGetTotalEccErrors(self, handle: int, kind: int, counter: int) -> int:
        assert (kind, counter) == (
            pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
            pynvml.NVML_VOLATILE_ECC,
        )
        return self.gpus[handle].uncorrected

    def nvmlDeviceGetRetiredPagesPendingStatus(self, handle: int) -> int:
        return int(self.gpus[handle].pages_pending)

    def nvmlDeviceGetRemappedRows(self, handle: int) -> tuple[int, int, int, int]:
        return self.gpus[handle].rows

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: int) -> int:
        return self.gpus[handle].reasons

    def nvmlDeviceGetClockInfo(self, handle: int, which: int) -> int:
        assert handle < len(self.gpus)
        return {pynvml.NVML_CLOCK_SM: 1410, pynvml.NVML_CLOCK_MEM: 1593}[which]

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        assert handle < len(self.gpus)
        return 61_500

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        assert (handle < len(self.gpus), sensor) == (True, pynvml.NVML_TEMPERATURE_GPU)
        return 34
