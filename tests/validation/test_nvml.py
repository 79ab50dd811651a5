"""What the host sees of its GPUs: all of them, what they do not tell, and one that is lost on the
way.
"""

from __future__ import annotations

import threading
import time
from itertools import pairwise

import pynvml
import pytest

from tests.fakes.nvml import GIB, FakeGpu, FakeNvml
from validation import nvml
from validation.nvml import NOT_TOLD, GpuAtRest, Inventory, Sampler, read_inventory

A100 = FakeGpu()
HOT = pynvml.nvmlClocksThrottleReasonHwThermalSlowdown | pynvml.nvmlClocksThrottleReasonSwPowerCap
CALLS_THAT_MAY_BE_REFUSED = (
    "nvmlDeviceGetCudaComputeCapability",
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetMigMode",
    "nvmlDeviceGetUtilizationRates",
    "nvmlDeviceGetComputeRunningProcesses",
    "nvmlDeviceGetTotalEccErrors",
    "nvmlDeviceGetRetiredPagesPendingStatus",
    "nvmlDeviceGetRemappedRows",
    "nvmlDeviceGetCurrentClocksThrottleReasons",
    "nvmlDeviceGetClockInfo",
    "nvmlDeviceGetPowerUsage",
    "nvmlDeviceGetTemperature",
    "nvmlDeviceGetPciInfo",
)


def _gpus(*fakes: FakeGpu) -> tuple[GpuAtRest, ...]:
    return tuple(GpuAtRest(index, "", fake.name, (8, 0), 0) for index, fake in enumerate(fakes))


def _until(sampler: Sampler, readings: int) -> None:
    """Wait for that many readings, or for a problem."""
    deadline = time.monotonic() + 10
    while (
        len(sampler.all_samples) < readings and not sampler.lost_gpu and time.monotonic() < deadline
    ):
        time.sleep(0.005)


def test_a_machine_without_a_driver() -> None:
    """Asked for real: `pynvml` finds no library here, or a driver answers."""
    found = read_inventory()
    assert found.gpus or found.problem


def test_no_library_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(init_error=pynvml.NVML_ERROR_LIBRARY_NOT_FOUND).install(monkeypatch)
    assert read_inventory() == Inventory(
        problem="no NVIDIA driver was found: libnvidia-ml.so.1 is missing"
    )


def test_no_gpu_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml().install(monkeypatch)
    assert read_inventory() == Inventory((), "550.54.15", "NVML lists no GPU")


def test_every_gpu_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeNvml(
        A100,
        FakeGpu("NVIDIA T4", (7, 5), 16 * GIB, mig=True, processes=2, uncorrected=3, reasons=HOT),
    )
    fake.install(monkeypatch)
    found = read_inventory()
    assert (found.driver, found.problem, fake.sessions) == ("550.54.15", "", 0)
    assert found.gpus[0] == GpuAtRest(
        0,
        "GPU-0",
        "NVIDIA A100-SXM4-80GB",
        (8, 0),
        80 * GIB,
        GIB // 2,
        False,
        0,
        0,
        0,
        (),
        (),
        (),
        "0000:fe:00.0",
    )
    second = found.gpus[1]
    assert (second.compute_capability, second.mig, second.processes) == ((7, 5), True, 2)
    assert second.process_ids == (0, 1)
    assert (second.uncorrected_errors, second.throttled) == (
        3,
        ("sw power cap", "hw thermal slowdown"),
    )


@pytest.mark.parametrize(
    ("fake", "repairs"),
    (
        (FakeGpu(pages_pending=True), ("page retirement pending",)),
        (FakeGpu(rows=(4, 1, 1, 0)), ("row remapping pending",)),
        (FakeGpu(rows=(4, 1, 0, 1)), ("row remapping failed",)),
        (FakeGpu(rows=(4, 1, 0, 0)), ()),  # done: nothing is left to repair
    ),
)
def test_memory_that_waits_for_repair(
    fake: FakeGpu, repairs: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeNvml(fake).install(monkeypatch)
    assert read_inventory().gpus[0].repairs == repairs


def test_a_gpu_that_tells_little(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(FakeGpu(refuses=CALLS_THAT_MAY_BE_REFUSED)).install(monkeypatch)
    assert read_inventory().gpus == (
        GpuAtRest(0, "GPU-0", "NVIDIA A100-SXM4-80GB", (0, 0), NOT_TOLD),
    )
    with Sampler(read_inventory().gpus) as sampler:
        _until(sampler, 1)
    sample = sampler.all_samples[0]
    numbers = (sample.sm_clock_mhz, sample.memory_clock_mhz, sample.power_w, sample.temperature_c)
    assert {*numbers, sample.utilisation_percent, sample.memory_used_mb} == {NOT_TOLD}
    assert (sample.throttled, sampler.lost_gpu) == ((), "")


@pytest.mark.parametrize("error", (pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_UNKNOWN))
def test_a_gpu_that_does_not_answer_is_named(error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(A100, FakeGpu(lost_after=0, lost_as=error)).install(monkeypatch)
    found = read_inventory()
    assert [gpu.index for gpu in found.gpus] == [0]
    assert found.problem.startswith("GPU 1: NVML says `")


def test_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeNvml(A100, FakeGpu(reasons=HOT, utilisation=97))
    fake.install(monkeypatch)
    with Sampler(_gpus(*fake.gpus), interval_s=0.01) as sampler:
        _until(sampler, 4)
    first, second = sampler.all_samples[:2]
    assert (first.gpu, first.sm_clock_mhz, first.memory_clock_mhz, first.power_w) == (
        0,
        1410,
        1593,
        61.5,
    )
    assert (first.temperature_c, first.memory_used_mb, first.throttled) == (34, 536, ())
    assert (second.gpu, second.utilisation_percent) == (1, 97)
    assert second.throttled == ("sw power cap", "hw thermal slowdown")
    assert sampler.all_samples[2].at_s > first.at_s
    assert (sampler.lost_gpu, fake.sessions) == ("", 0)


def test_a_long_suite_has_no_more_readings_than_a_record_may_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every second moment is forgotten, for all GPUs, and all of the suite is still covered."""
    fake = FakeNvml(*[FakeGpu() for _ in range(3)])
    fake.install(monkeypatch)
    monkeypatch.setattr(nvml, "MAX_SAMPLES", 30)
    with Sampler(_gpus(*fake.gpus), interval_s=0.005) as sampler:
        deadline = time.monotonic() + 10
        while fake.gpus[0].looked_up < 80 and time.monotonic() < deadline:
            assert len(sampler.all_samples) <= 33
            time.sleep(0.005)
    samples = sampler.all_samples
    assert 12 <= len(samples) <= 30
    moments = [each.at_s for each in samples if each.gpu == 0]
    assert all([each.at_s for each in samples if each.gpu == gpu] == moments for gpu in (1, 2))
    steps = [later - earlier for earlier, later in pairwise(moments)]
    assert moments[0] < min(steps) < max(steps) < moments[-1] / 3


def test_once_a_second_and_a_prompt_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite shorter than a second has one reading, and is not kept waiting for the next."""
    FakeNvml(A100).install(monkeypatch)
    started = time.monotonic()
    with Sampler(_gpus(A100)) as sampler:
        _until(sampler, 1)
    assert time.monotonic() - started < 0.9
    assert len(sampler.all_samples) == 1


def test_a_lost_gpu_is_told_and_the_other_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeNvml(FakeGpu(lost_after=2), FakeGpu())
    fake.install(monkeypatch)
    with Sampler(_gpus(*fake.gpus), interval_s=0.01) as sampler:
        _until(sampler, 99)  # it ends at the problem
        lost_at = len(sampler.all_samples)
        deadline = time.monotonic() + 10
        while len(sampler.all_samples) < lost_at + 3 and time.monotonic() < deadline:
            time.sleep(0.005)
    assert sampler.lost_gpu == "GPU 0 was lost after 0 s: NVML says `GPU is lost`"
    assert [sample.gpu for sample in sampler.all_samples].count(0) == 2
    assert [sample.gpu for sample in sampler.all_samples].count(1) >= 3


def test_a_gpu_lost_between_two_values(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(A100).install(monkeypatch)

    def lost(*_: object) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetTemperature", lost)
    with Sampler(_gpus(A100)) as sampler:
        _until(sampler, 1)
    assert (sampler.all_samples, sampler.lost_gpu[:14]) == ((), "GPU 0 was lost")


def test_a_driver_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(A100, init_error=pynvml.NVML_ERROR_DRIVER_NOT_LOADED).install(monkeypatch)
    with Sampler(_gpus(A100)) as sampler:
        _until(sampler, 1)
    assert sampler.lost_gpu == "the driver stopped answering: NVML says `Driver Not Loaded`"


def test_a_driver_that_hangs_does_not_hang_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(A100).install(monkeypatch)
    released = threading.Event()
    monkeypatch.setattr(pynvml, "nvmlDeviceGetPowerUsage", lambda _: released.wait(60) and 0)
    monkeypatch.setattr("validation.nvml._JOIN_S", 0.05)
    with Sampler(_gpus(A100)) as sampler:
        pass
    released.set()
    assert sampler.lost_gpu == "the driver stopped answering: a reading has not come back"


def test_nothing_is_started_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeNvml()
    fake.install(monkeypatch)
    threads = threading.active_count()
    with Sampler(()) as sampler:
        assert (threading.active_count(), fake.sessions) == (threads, 0)
    assert (sampler.all_samples, sampler.lost_gpu) == ((), "")
