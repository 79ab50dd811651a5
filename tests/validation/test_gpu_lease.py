"""Two runs of one machine never have the same GPU: real processes, and locks of the real kernel.

The GPUs are those of a fake NVML. Their places are folders of this test, or real ones of /sys.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner import machine_lock
from runner.errors import EnvironmentFailed
from runner.home import REPOSITORY
from tests.fakes.nvml import FakeGpu, FakeNvml
from tests.fakes.refusal import refused
from validation import gpu_lease
from validation.gpu_lease import lease_gpus
from validation.nvml import GpuAtRest, read_inventory

HOLDS = """
import os, sys
from pathlib import Path
from runner import machine_lock
from validation import gpu_lease
from validation.nvml import GpuAtRest
machine_lock.POLL_S = 0.02
gpu_lease.DEVICES = gpu_lease.WITHOUT_ADDRESS = Path(sys.argv[1])
gpus = [GpuAtRest(0, "", "x", (8, 0), 1, address=name) for name in sys.argv[2:]]
with gpu_lease.lease_gpus(gpus):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("0000:17:00.0", "0000:18:00.0"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(gpu_lease, "DEVICES", tmp_path)
    monkeypatch.setattr(gpu_lease, "WITHOUT_ADDRESS", tmp_path)
    monkeypatch.setattr(machine_lock, "POLL_S", 0.02)
    return tmp_path


def _gpu(bus: int) -> GpuAtRest:
    return GpuAtRest(bus - 0x17, "", "NVIDIA L4", (8, 9), 1, address=f"0000:{bus:x}:00.0")


@contextmanager
def _other_run(devices: Path, *addresses: str) -> Iterator[subprocess.Popen[str]]:
    """Yield another process, of another checkout and shared folder, that has leased GPUs."""
    command = [sys.executable, "-c", HOLDS, str(devices), *addresses]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    other = subprocess.Popen(command, cwd=REPOSITORY, text=True, **pipes)  # type: ignore[call-overload] # the pipes are given as a table
    try:
        assert other.stdout.readline() == "held\n"
        yield other
    finally:
        other.kill()
        other.communicate()


def test_a_leased_gpu_is_waited_for_and_its_holder_named(
    devices: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with _other_run(devices, "0000:17:00.0") as other:
        with lease_gpus([_gpu(0x18)]):
            pass
        words = ("GPU 0 (NVIDIA L4) is still leased by", f"process {other.pid} (python", "end it")
        with refused(EnvironmentFailed, *words), lease_gpus([_gpu(0x17), _gpu(0x18)], 0.1):
            raise AssertionError("two runs have one GPU")
    said = capsys.readouterr().err
    assert said.count("waiting for GPU 0 (NVIDIA L4): it is leased by process") == 1


def test_the_lease_of_a_killed_run_is_free_at_once(devices: Path) -> None:
    with _other_run(devices, "0000:17:00.0") as other:
        other.kill()
        other.wait()
        with lease_gpus([_gpu(0x17)], 0.0):
            pass


def test_a_program_that_a_run_started_does_not_keep_its_lease() -> None:
    with lease_gpus([_gpu(0x17)]):
        left = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        with lease_gpus([_gpu(0x17)], 0.0):
            pass
    finally:
        left.kill()
        left.wait()


def test_a_run_that_waits_gets_the_gpu_when_the_other_one_ends(devices: Path) -> None:
    with _other_run(devices, "0000:17:00.0", "0000:18:00.0") as other:
        waits = subprocess.Popen(
            [sys.executable, "-c", HOLDS, str(devices), "0000:18:00.0"],
            cwd=REPOSITORY,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert waits.stderr is not None
        assert f"process {other.pid}" in waits.stderr.readline()
        other.communicate("")
        assert waits.communicate("", timeout=20)[0] == "held\n"


def test_gpus_without_an_address_share_one_lease(devices: Path) -> None:
    without = GpuAtRest(0, "", "x", (8, 0), 1)
    with (
        lease_gpus([without]),
        refused(EnvironmentFailed, "still leased"),
        lease_gpus([without], 0.0),
    ):
        raise AssertionError("two runs have one GPU")


def test_no_gpu_needs_no_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_lease, "WITHOUT_ADDRESS", Path("/nowhere"))
    with lease_gpus([]):
        pass
    with refused(EnvironmentFailed, "cannot be leased", "/sys"), lease_gpus([_gpu(0x99)], 0.0):
        pass


def test_the_address_is_the_name_of_the_folder_in_sys(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeNvml(FakeGpu(address=(0, 0x17, 0)), FakeGpu(address=(0x10000, 0xFE, 0x1F))).install(
        monkeypatch
    )
    found = [gpu.address for gpu in read_inventory().gpus]
    assert found == ["0000:17:00.0", "10000:fe:1f.0"]


def test_a_folder_of_the_kernel_can_be_leased_by_any_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody but the kernel can make, replace or remove it."""
    device = next(iter(sorted(Path("/sys/bus/pci/devices").glob("*"))), Path("/sys/bus"))
    monkeypatch.setattr(gpu_lease, "DEVICES", device.parent)
    gpu = GpuAtRest(0, "", "x", (8, 0), 1, address=device.name)
    with lease_gpus([gpu]):
        other = os.fork()
        if not other:  # as another user, if this one may become one
            if os.geteuid() == 0:
                os.setuid(65534)
            try:
                with lease_gpus([gpu], 0.0):
                    os._exit(1)
            except EnvironmentFailed as error:
                os._exit(0 if f"process {os.getppid()} (" in str(error) else 2)
        assert os.waitpid(other, 0)[1] == 0
    assert not os.access(device.parent, os.W_OK) or os.geteuid() == 0


def test_two_runs_that_lease_the_same_gpus_never_block_each_other(devices: Path) -> None:
    """Each takes them in one order, whatever order the driver lists them in."""
    began = time.monotonic()
    with lease_gpus([_gpu(0x18), _gpu(0x17)]):
        pass
    with _other_run(devices, "0000:18:00.0", "0000:17:00.0"):
        pass
    assert time.monotonic() - began < 10
