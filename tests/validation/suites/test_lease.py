"""A GPU is held by one test process at a time, and by what that process left running."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.verdict import Verdict
from tests.validation.suites_here import run_here, written
from validation.judge import judge_suite
from validation.suites import lease
from validation.suites.contract.layout import VISIBLE_GPUS

HOLDER = """
import os, sys, time
from pathlib import Path
from validation.suites.lease import take_gpu
print(take_gpu(Path(sys.argv[1]), 2, wait_s=0), os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
if sys.argv[2] == "leaves a child" and os.fork():
    os._exit(9)
time.sleep(60)
"""


def _holder(folder: Path, how: str = "stays") -> subprocess.Popen[str]:
    command = (sys.executable, "-c", HOLDER, str(folder), how)
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    )


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VISIBLE_GPUS, raising=False)
    monkeypatch.setenv(lease.OF_THE_IMAGE, "")
    monkeypatch.delenv(lease.OF_THE_IMAGE)
    monkeypatch.setattr(lease, "_held", [])


def test_processes_get_different_gpus_and_a_third_waits(tmp_path: Path) -> None:
    first, second = _holder(tmp_path), _holder(tmp_path)
    try:
        assert {_first_line(first), _first_line(second)} == {"0 0", "1 1"}
        with pytest.raises(TimeoutError, match="none of 2 GPUs became free within 0 s"):
            lease.take_gpu(tmp_path, 2, wait_s=0.3)
    finally:
        first.kill()
        second.kill()
        first.communicate()
        second.communicate()


def test_a_gpu_is_free_again_when_its_holder_is_killed(tmp_path: Path) -> None:
    holder = _holder(tmp_path)
    assert _first_line(holder) == "0 0"
    holder.kill()
    holder.communicate()
    assert lease.take_gpu(tmp_path, 2, wait_s=0) == 0
    assert os.environ[VISIBLE_GPUS] == "0"


def test_a_child_left_behind_keeps_the_gpu_busy(tmp_path: Path) -> None:
    """The replacement of a dead worker must not compute where a process of the dead one still
    does.
    """
    holder = _holder(tmp_path, "leaves a child")
    assert _first_line(holder) == "0 0"
    while holder.poll() is None:
        time.sleep(0.02)
    try:
        assert lease.take_gpu(tmp_path, 2, wait_s=0) == 1
    finally:
        os.killpg(holder.pid, 9)
        holder.communicate()


def test_what_the_image_said_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VISIBLE_GPUS, "7")
    lease.take_gpu(tmp_path, 1)
    assert (os.environ[VISIBLE_GPUS], os.environ[lease.OF_THE_IMAGE]) == ("0", "7")


SPREAD = """
import os, time, pytest

@pytest.mark.parametrize("number", range(6))
def test_a(number, figure):
    figure("gpu", int(os.environ["CUDA_VISIBLE_DEVICES"]), "")
    figure("process", os.getpid(), "")
    if number == 2:
        os.kill(os.getpid(), 9)
    time.sleep(0.3)
"""


def test_a_suite_is_spread_over_the_gpus_and_a_replaced_worker_leases_again(tmp_path: Path) -> None:
    """Six tests on three GPUs, one worker killed: a process never has two GPUs, and every test had
    one.
    """
    suite = written(tmp_path, SPREAD)
    result = judge_suite(suite, run_here(suite, tmp_path, leased_gpus=3))
    alive = [check for check in result.checks if check.verdict is Verdict.PASS]
    pairs = {tuple(figure.value for figure in check.figures) for check in alive}
    assert len(alive) == 5
    assert {gpu for gpu, _ in pairs} == {0, 1, 2}
    assert len({process for _, process in pairs}) == len(pairs)
