"""The fixtures of every suite: what the tag asserts, and where measured figures go."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Generator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from .contract.ending import ENDING, CheckEnding
from .contract.expected import Expected, read_expected
from .contract.layout import LEASED_GPUS, NONCE, ROOT, RUNNING
from .contract.words import ANSWER
from .declared import MARKS
from .entrypoint import dump_stacks_on_quit
from .lease import take_gpu

Figures = Callable[[str, float, str], None]
Answers = Callable[[str, list[Any]], None]
FAILED = pytest.StashKey[bool]()
CUDA_IS_BROKEN = 99
HARNESS_MAY_SHADOW = ("packaging", "pygments")


@pytest.fixture(scope="session")
def expected() -> Expected:
    """Return what the tag asserts."""
    return read_expected(_staged_root() / "expected.json")


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figures:
    """Return a function that attaches a number: `figure("images_per_s", 4.3, "images/s")`.

    NaN and infinity are left out: JSON has neither. The reason of the check tells of them.
    """

    def attach_figure(name: str, value: float, unit: str) -> None:
        if math.isfinite(value):
            record_property(name, [value, unit])

    return attach_figure


@pytest.fixture(scope="session")
def nonce() -> str:
    """Return what the host drew for this run.

    The questions of the challenges follow from it (`contract/questions.py`).
    """
    return (_staged_root() / NONCE).read_text(encoding="ascii")


@pytest.fixture
def answer(record_property: Callable[[str, object], None]) -> Answers:
    """Return a function that answers a part of a challenge: `answer("matmul cpu", [3, -1])`.

    The host computes the same and compares.
    """
    return lambda part, values: record_property(f"{ANSWER}{part}", values)


def pytest_configure(config: pytest.Config) -> None:
    """Prepare a worker: stacks for the watchdog, a GPU of its own, the image's own packages."""
    for line in MARKS.values():
        config.addinivalue_line("markers", line)
    if not hasattr(config, "workerinput"):
        return
    dump_stacks_on_quit()
    leased = int(os.environ[LEASED_GPUS])
    if leased:
        take_gpu(_staged_root() / "out" / "leases", leased)
    # A worker starts with the harness first on its path, and gets the path of its parent later. The
    # packages that pytest imported until then are forgotten, so that a suite imports the image's.
    for name in HARNESS_MAY_SHADOW:
        for module in [module for module in sys.modules if module.partition(".")[0] == name]:
            del sys.modules[module]


def pytest_runtest_logstart(nodeid: str) -> None:
    """Write the name of the test that is about to run.

    If the container is killed, the report has no line of that test yet.
    """
    (_staged_root() / "out" / RUNNING).write_text(nodeid, encoding="utf-8")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember that a test failed, and put the fields of its end into the report."""
    report = yield
    ending = getattr(call.excinfo.value, ENDING, None) if call.excinfo else None
    if isinstance(ending, CheckEnding):
        setattr(report, ENDING, asdict(ending))
    item.stash[FAILED] = report.failed or item.stash.get(FAILED, False)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """End the worker after a failed test that broke CUDA; the next test gets another worker.

    After some CUDA errors every later call of the process fails.
    """
    done = yield
    if item.stash.get(FAILED, False) and _cuda_is_broken():
        os._exit(CUDA_IS_BROKEN)
    return done


def _cuda_is_broken() -> bool:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return False
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return True
    return False


def _staged_root() -> Path:
    return Path(os.environ[ROOT])
