"""A host that cannot give a fair answer is refused before anything runs, as `infra` and with the
way out.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from runner import records
from runner.verdict import Verdict
from validation.nvml import GpuAtRest, Inventory
from validation.preflight import check_host
from validation.record import Check, SuiteResult

GOOD = GpuAtRest(
    0, "GPU-0", "NVIDIA A100", (8, 0), 80 << 30, 1 << 30, False, 0, 0, 0, (), ("sw power cap",)
)
INIT = Path("/proc/1/comm").read_text().strip()
"""The program of process 1 of this machine."""
OF_GPUS = (
    "driver_floor",
    "every_gpu_answers",
    "mig",
    "throttled_at_rest",
    "gpu_memory_errors",
    "gpus_are_idle",
)

pytestmark = pytest.mark.usefixtures("home")


def _judged(*gpus: GpuAtRest, driver: str = "550.54.15", problem: str = "") -> SuiteResult:
    return check_host(Inventory(gpus, driver, problem), "525", "12.4")


def _refused(result: SuiteResult) -> Check:
    """The one check that is `infra`."""
    (found,) = [check for check in result.checks if check.verdict is Verdict.INFRA]
    assert (result.verdict, result.reason) == (Verdict.INFRA, f"{found.name}: {found.reason}")
    assert result.cause == found.cause != ""
    return found


def test_a_fit_host() -> None:
    """A GPU that is idle is told to draw less power than it could; that slows nothing."""
    result = _judged(GOOD, replace(GOOD, index=1))
    assert (result.suite, result.verdict, result.reason, result.cause) == (
        "preflight",
        Verdict.PASS,
        "",
        "",
    )
    assert tuple(check.name for check in result.checks) == (*OF_GPUS, "disk", "memory")
    figures = {figure.name: figure.value for check in result.checks for figure in check.figures}
    assert (figures["driver"], figures["driver_of_the_toolkit"]) == (550.54, 550.54)
    assert figures["free_disk"] > 0 < figures["free_memory"]


def test_without_a_gpu_the_rest_is_judged() -> None:
    result = check_host(Inventory(problem="no driver"), "525")
    verdicts = {check.name: (check.verdict, check.reason) for check in result.checks}
    assert {verdicts[name] for name in OF_GPUS} == {
        (Verdict.NOT_RUN, "the suites ran without a GPU")
    }
    assert verdicts["disk"] == verdicts["memory"] == (Verdict.PASS, "")
    assert (result.verdict, result.reason) == (
        Verdict.NOT_RUN,
        "driver_floor: the suites ran without a GPU",
    )


@pytest.mark.parametrize("driver", ("525.60.13", "525", "1000.1", "550.54.15-grid"))
def test_drivers_of_the_family(driver: str) -> None:
    """Older than the toolkit's own is allowed: that is minor-version compatibility."""
    assert _judged(GOOD, driver=driver).verdict is Verdict.PASS


@pytest.mark.parametrize("driver", ("470.57.02", "524.99", "99.9", "", "?"))
def test_a_driver_older_than_the_family(driver: str) -> None:
    found = _refused(_judged(GOOD, driver=driver))
    assert (found.name, found.reason) == (
        "driver_floor",
        f"the driver is {driver}, expected 525 or newer",
    )
    assert "update it to 525 or newer" in found.cause


def test_a_toolkit_nothing_is_known_of() -> None:
    result = check_host(Inventory((GOOD,), "550.54.15"), "525", "99.1")
    assert [figure.name for figure in result.checks[0].figures] == ["driver"]


@pytest.mark.parametrize(
    ("gpu", "name", "reason", "way_out"),
    (
        (
            replace(GOOD, mig=True),
            "mig",
            "MIG is on for GPU 0, expected it to be off",
            "nvidia-smi -mig 0",
        ),
        (
            replace(GOOD, throttled=("sw power cap", "hw slowdown", "hw thermal slowdown")),
            "throttled_at_rest",
            (
                "GPU 0 is slowed down at rest (hw slowdown, hw thermal slowdown), expected its "
                "full speed"
            ),
            "fans and power cables",
        ),
        (
            replace(GOOD, uncorrected_errors=2, repairs=("row remapping pending",)),
            "gpu_memory_errors",
            "GPU 0 has 2 uncorrected ECC errors, row remapping pending, expected none",
            "reset the GPU or reboot",
        ),
        (
            replace(GOOD, repairs=("page retirement pending",)),
            "gpu_memory_errors",
            "GPU 0 has page retirement pending, expected none",
            "reset the GPU or reboot",
        ),
        (
            replace(GOOD, processes=3, memory_used_bytes=40 << 30),
            "gpus_are_idle",
            "GPU 0 is in use (3 processes, 50% of its memory taken), expected it to be idle",
            "end it, or wait",
        ),
        (
            replace(GOOD, processes=2, process_ids=(1 << 30, 1)),
            "gpus_are_idle",
            f"GPU 0 is in use (2 processes: process {1 << 30}, process 1 ({INIT})), "
            "expected it to be idle",
            "end it, or wait",
        ),
        (
            replace(GOOD, processes=-1, utilisation_percent=80),
            "gpus_are_idle",
            "GPU 0 is in use (80 % utilised), expected it to be idle",
            "end it, or wait",
        ),
    ),
)
def test_a_gpu_that_is_not_fit(gpu: GpuAtRest, name: str, reason: str, way_out: str) -> None:
    found = _refused(_judged(gpu))
    assert (found.name, found.reason) == (name, reason)
    assert way_out in found.cause


def test_every_gpu_is_named() -> None:
    """The second is fit."""
    found = _refused(
        _judged(replace(GOOD, mig=True), replace(GOOD, index=1), replace(GOOD, index=2, mig=True))
    )
    assert (
        found.reason
        == "MIG is on for GPU 0, expected it to be off; MIG is on for GPU 2, expected it to be off"
    )


def test_utilisation_lags_and_counts_only_where_processes_are_not_told() -> None:
    assert _judged(replace(GOOD, utilisation_percent=80)).verdict is Verdict.PASS


def test_a_gpu_that_tells_nothing_is_not_refused() -> None:
    assert _judged(GpuAtRest(0, "GPU-0", "NVIDIA GeForce", (8, 6), -1)).verdict is Verdict.PASS


def test_a_gpu_that_does_not_answer() -> None:
    found = _refused(_judged(GOOD, problem="GPU 1: NVML says `GPU is lost`"))
    assert (found.name, found.reason[:30]) == (
        "every_gpu_answers",
        "GPU 1: NVML says `GPU is lost`",
    )
    assert "Xid" in found.cause


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=12_300_000))
    found = _refused(_judged(GOOD))
    assert (found.name, found.reason) == (
        "disk",
        "0.01 GB free for records, expected at least 1 GB",
    )


def test_too_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        records, "read_text", lambda _: "MemTotal: 9 kB\nMemAvailable:   2000000 kB\n"
    )
    found = _refused(_judged(GOOD))
    assert (found.name, found.reason) == (
        "memory",
        "2.05 GB of memory available, expected at least 4 GB",
    )


def test_the_first_of_several_gives_the_reason() -> None:
    result = _judged(replace(GOOD, mig=True, processes=1), driver="470.57")
    assert result.reason == "driver_floor: the driver is 470.57, expected 525 or newer"
    assert sum(check.verdict is Verdict.INFRA for check in result.checks) == 3
