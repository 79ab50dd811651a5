"""One suite in one container of the image under test: started, watched, always removed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from docker.errors import APIError, DockerException
from docker.types import LogConfig, Mount

from runner import engine, progress
from runner.errors import EnvironmentFailed
from validation.executors import staging
from validation.executors.interface import Setup
from validation.judge import Ended
from validation.suite import Suite
from validation.suites.enter import REPORT, RUNNING
from validation.witness import ask

ROOT = "/harness"
LABEL = "pytorch-cuda-images.validation"
"""Holds the owner, so that a later run can tell the containers of a killed one from those of one at work."""

POLL_S = 0.2
STACKS_S = 2.0
NOT_FOUND = 127
PROCESSES = 16384
"""Threads count too. Eight GPUs need some thousands; a fork bomb must not take the machine with it."""
QUIT_ALL = "import os, signal; os.kill(-1, signal.SIGQUIT)"


def run(suite: Suite, setup: Setup) -> Ended:
    """As `Executor.run`, in a container of its own."""
    started, asked = time.monotonic(), ask(setup.expected)
    with staging.staged(suite, setup, asked) as folder:
        ended = _run_container(suite, setup, folder)
        return Ended(
            exit_code=ended.exit_code,
            seconds=time.monotonic() - started,
            report=staging.text(folder / "out" / REPORT),
            running=staging.text(folder / "out" / RUNNING),
            output=staging.tail(ended.output + staging.stacks(folder)),
            out_of_memory=ended.out_of_memory,
            timed_out=ended.timed_out,
            engine_problem=ended.engine_problem,
            asked=asked,
            container=ended.container,
        )


def prepare(setup: Setup) -> None:
    """Pull the image; remove containers and folders of runs that were killed."""
    engine.pull(setup.reference)
    left = remove_leftovers()
    if left:
        progress.say(f"  removed {left} containers of a run that was killed")


def remove_leftovers() -> int:
    """Remove containers and folders of runs that were killed; returns how many containers there were."""
    staging.remove_leftovers()
    try:
        found = engine.client().containers.list(all=True, filters={"label": LABEL}, ignore_removed=True)
        dead = [container for container in found if not staging.is_alive(container.labels[LABEL])]
        for container in dead:
            _remove(container)
    except (DockerException, requests.RequestException) as error:
        raise EnvironmentFailed(
            f"the engine cannot list containers: {_short(error)}", "see `./release.py doctor`"
        ) from None
    return len(dead)


def _run_container(suite: Suite, setup: Setup, folder: Path) -> _Death:
    try:
        with _container(suite, setup, folder) as container:
            return _watch(container, suite.timeout_s)
    except (DockerException, requests.RequestException) as error:
        if _image_has_no_python(error):
            return _Death(NOT_FOUND, output=_short(error))
        return _Death(None, engine_problem=_short(error))


@dataclass(frozen=True)
class _Death:
    """What the engine alone can say of how a container ended."""

    exit_code: int | None
    output: str = ""
    out_of_memory: bool = False
    timed_out: bool = False
    engine_problem: str = ""
    container: str = ""


def _watch(container: Any, timeout_s: float) -> _Death:  # noqa: ANN401 - docker-py has no types
    """Wait for the end; after `timeout_s` ask for the stacks of all threads, then kill."""
    container.start()
    in_time = _ends_within(container, timeout_s)
    if not in_time:
        _collect_stacks(container)
    state = container.attrs["State"]
    return _Death(
        exit_code=state["ExitCode"] if in_time else None,
        output=_log(container),
        out_of_memory=bool(state["OOMKilled"]),
        timed_out=not in_time,
        container=str(container.id),
    )


def _ends_within(container: Any, seconds: float) -> bool:  # noqa: ANN401
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        container.reload()
        if container.status in ("exited", "dead"):
            return True
        time.sleep(POLL_S)
    return False


def _collect_stacks(container: Any) -> None:  # noqa: ANN401
    """Every Python of a suite answers SIGQUIT with the stacks of its threads."""
    with contextlib.suppress(APIError):  # it may have ended this very moment
        container.kill("SIGQUIT")
        container.exec_run(["python", "-I", "-S", "-c", QUIT_ALL], detach=True)  # as quick as can be
        time.sleep(STACKS_S)
        container.kill("SIGKILL")
    container.reload()


@contextlib.contextmanager
def _container(suite: Suite, setup: Setup, folder: Path) -> Iterator[Any]:
    """A container, created and not started; removed whatever happens, Ctrl-C included."""
    container = engine.client().containers.create(
        setup.reference,
        ["python", *staging.arguments(ROOT, suite, setup)],
        labels={LABEL: staging.owner()},
        network_mode="none",
        shm_size=setup.shm_bytes,
        mem_limit=setup.memory_bytes,
        memswap_limit=setup.memory_bytes,
        pids_limit=PROCESSES,
        mounts=_mounts(setup, folder),
        environment={"PYTHONDONTWRITEBYTECODE": "1", **dict(setup.environment)},
        device_requests=_device_requests(setup),
        log_config=LogConfig(type=LogConfig.types.JSON, config={"max-size": "10m"}),
    )
    try:
        yield container
    finally:
        with contextlib.suppress(DockerException, requests.RequestException):  # the next start finds what is left
            _remove(container)


def _device_requests(setup: Setup) -> list[Any]:
    request = engine.gpu_request() if setup.expected.device == "cuda" else None
    return [request] if request else []


def _mounts(setup: Setup, folder: Path) -> list[Mount]:
    """The run's folder and the harness read-only; inside, only `out` can be written."""
    read_only = ((folder, ROOT), (setup.harness, f"{ROOT}/packages"), *setup.mounts)
    mounts = [Mount(inside, str(host), type="bind", read_only=True) for host, inside in read_only]
    return [*mounts, Mount(f"{ROOT}/out", str(folder / "out"), type="bind")]


def _remove(container: Any) -> None:  # noqa: ANN401
    with contextlib.suppress(APIError):  # already gone, or being removed
        container.remove(force=True, v=True)
        progress.say(f"removed container {container.short_id}", detail=True)


def _log(container: Any) -> str:  # noqa: ANN401
    return str(container.logs(tail=staging.LOG_LINES).decode(errors="replace"))


def _image_has_no_python(error: Exception) -> bool:
    """The engine reports a missing program as its own failure, and it is the image's."""
    return "executable file not found" in str(error)


def _short(error: Exception) -> str:
    text = getattr(error, "explanation", None) or str(error)
    return str(text).strip().splitlines()[0][:300] if str(text).strip() else type(error).__name__
