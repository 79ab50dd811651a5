"""One suite in one container of the image under test: started, watched, always removed."""

from __future__ import annotations

import contextlib
import posixpath
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException
from docker.types import LogConfig, Mount, Ulimit

from oci.served import is_served_whole
from runner import containers, engine, free_space, leftovers, progress, pull, start_check
from runner.containers import ImageCannotStart
from runner.engine_kind import EngineObject
from runner.errors import EnvironmentFailed
from runner.nouns import count_noun
from runner.untrusted import Malformed, clean_line
from validation import control_groups
from validation.executors import root_usage, staging
from validation.executors.interface import Setup
from validation.harness import ROOT
from validation.host_suites.check_run import CheckRun
from validation.host_suites.checking import run_checks
from validation.host_suites.starts import MachineFailed, StartRefused, Starts
from validation.judge import SuiteExecution
from validation.machine import DOCKER, Machine
from validation.proof import SuiteChallenge, make_challenge
from validation.suite import Suite
from validation.suites.contract.node_place import PLACE, write_place

PROVES_IMAGE = True

PURPOSE = "suite"

POLL_S = 0.2
STACKS_S = 2.0
PAUSES, MAX_PAUSE_S = 9, 5.0
"""Between two looks at what a container writes: so many times as long as a look takes, so that it
leaves the cores to the container, and at most so long, since a disk is soon full."""

ANSWER_S = 300
"""How long the engine may take for one answer.

It takes seconds, and some minutes on a machine that is overloaded.
"""
NOT_FOUND = 127
PROCESSES = 16384
"""Threads count too.

Eight GPUs need some thousands; a fork bomb must not take the machine with it.
"""

TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 - in the container
TEMPORARY_BYTES = 4 << 30
"""Memory, as /dev/shm is.

Checkpoints and compiled programs of the suites have some hundred megabytes.
"""
CACHES = (
    ("XDG_CACHE_HOME", "/tmp/cache"),  # noqa: S108 - a memory of the container
    ("TRITON_CACHE_DIR", "/tmp/triton"),  # noqa: S108 - in the container
    ("CUDA_CACHE_PATH", "/tmp/cuda"),  # noqa: S108 - in the container
)
"""Where libraries keep what they compile, if the home cannot be written.

The image's own places are judged by the suite that writes the root.
"""
FILE_BYTES = 8 << 30
"""No suite writes a larger file; one of an image must not fill the disk before its size is looked
at.
"""
OPEN_FILES = 16384
"""Of one process. The tensors that DataLoader workers share are open files, some thousands at most.

An engine cannot give more than it has itself, and every service manager gives it more than this.
"""
LIMITS = (("fsize", FILE_BYTES), ("core", 0), ("nofile", OPEN_FILES))
ROOT_BYTES = 2 << 30
ROOT_ENTRIES = 20_000
"""What a container may write beside its image, if its root can be written: bytes, files and
folders.
"""
LOG_SIZE, LOG_FILES = "5m", 2
LOG_BYTES = 4 << 20

LIMITED = {
    "ulimits": [Ulimit(name=name, soft=limit, hard=limit) for name, limit in LIMITS],
    # if this machine has no memory left, the image ends before the harness and the engine
    "oom_score_adj": 500,
    "pids_limit": PROCESSES,
    "log_config": LogConfig(
        type=LogConfig.types.JSON, config={"max-size": LOG_SIZE, "max-file": str(LOG_FILES)}
    ),
}
"""Options of the container of every suite and image."""


def run_suite(suite: Suite, setup: Setup) -> SuiteExecution:
    """As `Executor.run_suite`, in a container of its own."""
    started, challenge = time.monotonic(), make_challenge(setup.expected)
    if suite.on_host:
        return replace(_check_starts(suite, setup, challenge), challenge=challenge)
    with staging.stage_run(suite, setup, challenge) as folder:
        ended = _run_container(suite, setup, folder)
        written = staging.read_output(folder)
        return SuiteExecution(
            exit_code=ended.exit_code,
            seconds=time.monotonic() - started,
            report=written.report,
            running=written.running,
            output=staging.cut_tail(ended.output + written.stacks),
            out_of_memory=ended.out_of_memory,
            timed_out=ended.timed_out,
            engine_problem=ended.engine_problem,
            challenge=challenge,
            container=ended.container,
            malformed=ended.malformed or written.malformed,
            host_problem=ended.host_problem or written.host_problem,
        )


def prepare_run(setup: Setup) -> None:
    """Pull the image, after a look whether the engine can run suites on this machine."""
    start_check.require_own_machine()
    pull.pull_image(setup.reference, is_served_whole)


def gpu_problem() -> str:
    """As `Executor.gpu_problem`. Raises EnvironmentFailed if no engine answers."""
    return "" if engine.gpu_request() else "the engine cannot hand GPUs to containers"


def describe_machine() -> Machine:
    """As `Executor.describe_machine`; CPUs, memory and kernel are those of the engine's machine."""
    info = engine.connect_engine().info()
    return Machine(
        DOCKER, info["NCPU"], info["MemTotal"], info["KernelVersion"], engine.engine_version()
    )


def remove_leftovers() -> None:
    """As `Executor.remove_leftovers`: containers, and folders of this user."""
    staging.remove_leftovers()
    try:
        left = leftovers.remove_leftovers(engine.connect_engine(containers.REMOVAL_S))
    except (DockerException, requests.RequestException) as error:
        raise EnvironmentFailed(
            f"the engine cannot list containers: {_shorten_error(error)}",
            "run `./release.py doctor` to find out why",
        ) from None
    if left:
        progress.say_line(f"  removed {count_noun(left, 'container')} of a run that was killed")


def _engine_client() -> docker.DockerClient:
    return engine.connect_engine(ANSWER_S)


def _quick_client() -> docker.DockerClient:
    """Return a client for calls about a container that may be stuck."""
    return engine.connect_engine(containers.REMOVAL_S)


_NO_ANSWER = (APIError, requests.RequestException)
"""A container ended this very moment, or it is stuck."""


@dataclass(frozen=True)
class Bounds:
    """How many seconds a container may work, and what it may write to its root.

    `root_bytes` and `root_entries` are 0 if the root is read-only: it fills no disk.
    """

    seconds: float
    root_bytes: int = 0
    root_entries: int = 0


def _run_container(suite: Suite, setup: Setup, folder: Path) -> ContainerExit:
    written = (ROOT_BYTES, ROOT_ENTRIES) if suite.writes_root else ()
    return run_bounded(
        setup.reference,
        _container_options(suite, setup, folder),
        folder,
        Bounds(suite.timeout_s, *written),
        on_host_network=suite.nodes > 1,
    )


def run_bounded(
    reference: str,
    options: Mapping[str, Any],
    folder: Path,
    bounds: Bounds,
    *,
    on_host_network: bool = False,
) -> ContainerExit:
    """Run a container that shares `folder` of `staging` with the host, and remove it.

    `options` are those of `create_confined`; LIMITED should be in them.
    """
    try:
        config = _engine_client().images.get(reference).attrs.get("Config") or {}
        targets = (str(mount["Target"]) for mount in options["mounts"])
        mounted = (*options.get("tmpfs", ()), *targets)
        volumes = containers.volumes_in_memory(config, mounted, ROOT)
        try:
            with _started_container(reference, options, volumes, on_host_network) as container:
                return _watch_container(container, bounds, folder)
        except StartRefused as error:
            if start_check.is_fault_of_image(_engine_client(), reference, options, volumes):
                raise ImageCannotStart(str(error)) from None
            return ContainerExit(None, engine_problem=str(error))
    except ImageCannotStart as error:
        return ContainerExit(NOT_FOUND, output=f"the image cannot be started: {error}")
    except (DockerException, requests.RequestException) as error:
        return ContainerExit(None, engine_problem=_shorten_error(error))


def _check_starts(suite: Suite, setup: Setup, challenge: SuiteChallenge) -> SuiteExecution:
    """Make a suite of the host: its containers have the limits of every other suite's."""
    client, options = _engine_client(), _start_options(setup)
    disks, contents = free_space.disks_of(client), list[Mount]()

    def watch(container: EngineObject) -> None:
        if problem := root_usage.describe_excess(container, ROOT_BYTES, ROOT_ENTRIES):
            raise Malformed(problem)
        if problem := free_space.find_full_disk(disks):
            raise MachineFailed(problem)

    try:
        image = client.images.get(setup.reference).attrs
        volumes = containers.volumes_in_memory(image.get("Config") or {}, (), ROOT)
        contents = containers.volumes_read_only(image.get("Config") or {}, ROOT)
        # the engine copies into each volume what the image has at its path; a file may have many
        copied = int(image.get("Size") or 0) * len(contents)
        if problem := free_space.find_full_disk(disks, copied):
            return SuiteExecution(None, 0.0, host_problem=problem)
        with_volumes = {**options, "mounts": [*volumes, *options["mounts"]]}
        run = CheckRun(
            Starts(client, setup.reference, with_volumes, watch),
            setup.expected,
            challenge.nonce,
            tuple(str(mount["Target"]) for mount in contents),
            (*contents, *options["mounts"]),
        )
        return run_checks(
            suite,
            run,
            lambda: start_check.is_fault_of_image(client, setup.reference, options, volumes),
        )
    except ImageCannotStart as error:
        return SuiteExecution(NOT_FOUND, 0.0, output=f"the image cannot be started: {error}")
    except (DockerException, requests.RequestException) as error:
        return SuiteExecution(None, 0.0, engine_problem=_shorten_error(error))
    finally:
        containers.remove_mounted(client, contents)


def _start_options(setup: Setup) -> dict[str, Any]:
    """Return what a container is created with that starts as a user starts it."""
    request = engine.gpu_request() if setup.expected.device == "cuda" else None
    return {
        **LIMITED,
        "shm_size": setup.shm_bytes,
        "mem_limit": setup.memory_bytes,
        "memswap_limit": setup.memory_bytes,
        "mounts": [
            Mount(inside, str(host), type="bind", read_only=True) for host, inside in setup.mounts
        ],
        "environment": dict(setup.environment),
        "device_requests": [request] if request else [],
    }


@dataclass(frozen=True)
class ContainerExit:
    """End of a container, as the engine and the host saw it.

    `malformed` and `host_problem` are as in `judge.SuiteExecution`.
    """

    exit_code: int | None
    output: str = ""
    out_of_memory: bool = False
    timed_out: bool = False
    engine_problem: str = ""
    container: str = ""
    malformed: str = ""
    host_problem: str = ""


def _watch_container(container: EngineObject, bounds: Bounds, folder: Path) -> ContainerExit:
    """Wait for the end. When the time is over, ask for all threads' stacks, then kill.

    Kill what writes too much.
    """
    shown = _visible_container_id(container)
    ended = _wait_for_end(container, bounds, folder)
    if ended.timed_out:
        # Ask for the stacks of the suite's threads; its first process hands the signal on to the
        # others. No program is ever run in the container by the engine: for that it opens the
        # container's /etc/passwd, which may be a named pipe by now.
        with contextlib.suppress(*_NO_ANSWER):
            _quick_client().api.kill(container.id, "SIGQUIT")
            time.sleep(STACKS_S)
        _kill_container(container)
    elif ended.malformed or ended.host_problem:
        _kill_container(container)
    state = container.attrs["State"]
    log = bytearray()
    for chunk in container.logs(stream=True, follow=False, tail=staging.LOG_LINES):
        log += chunk
        del log[:-LOG_BYTES]  # a line may have any length
    return ContainerExit(
        exit_code=None
        if ended.timed_out or ended.malformed or ended.host_problem
        else state["ExitCode"],
        output=log.decode(errors="replace"),
        out_of_memory=bool(state["OOMKilled"]),
        timed_out=ended.timed_out,
        malformed=ended.malformed,
        host_problem=ended.host_problem,
        container=shown,
    )


def _visible_container_id(container: EngineObject) -> str:
    """Return its id, empty if its processes have other numbers here than for the engine."""
    container.reload()
    identity = str(container.id)
    return (
        identity
        if identity in control_groups.read_control_group(container.attrs["State"]["Pid"])
        else ""
    )


def _wait_for_end(container: EngineObject, bounds: Bounds, folder: Path) -> ContainerExit:
    """Return when the container has ended, or why it must be ended."""
    deadline = time.monotonic() + bounds.seconds
    next_look, allowed = 0.0, (bounds.root_bytes, bounds.root_entries)
    disks = free_space.disks_of(container.client, folder)
    while (now := time.monotonic()) < deadline:
        container.reload()
        if container.status in ("exited", "dead"):
            return ContainerExit(None)
        if now >= next_look:
            problem = staging.describe_excess(folder)
            if bounds.root_bytes:
                problem = problem or root_usage.describe_excess(container, *allowed)
            if problem:
                return ContainerExit(None, malformed=problem)
            if problem := free_space.find_full_disk(disks):
                return ContainerExit(None, host_problem=problem)
            # A root with many files takes long to read, and the container needs the cores.
            took = time.monotonic() - now
            next_look = now + took + max(staging.MEASURE_EVERY_S, min(PAUSES * took, MAX_PAUSE_S))
        time.sleep(POLL_S)
    return ContainerExit(None, timed_out=True)


def _kill_container(container: EngineObject) -> None:
    with contextlib.suppress(*_NO_ANSWER):
        _quick_client().api.kill(container.id, "SIGKILL")
    container.reload()


@contextlib.contextmanager
def _started_container(
    reference: str, options: Mapping[str, Any], volumes: list[Mount], on_host_network: bool
) -> Iterator[Any]:
    """Start a container; remove it whatever happens, Ctrl-C included.

    Raises StartRefused if the engine answers that it cannot create or start it.
    """
    with contextlib.ExitStack() as stack:
        try:
            with_volumes = {**options, "mounts": [*volumes, *options["mounts"]]}
            container = containers.create_confined(
                _engine_client(), reference, with_volumes, on_host_network=on_host_network
            )
            stack.callback(_remove_container, container)
            containers.require_plain_accounts(container)
            container.start()
        except APIError as error:
            raise StartRefused(_shorten_error(error)) from None
        yield container


def _container_options(suite: Suite, setup: Setup, folder: Path) -> dict[str, Any]:
    """Return what a suite's container is created with, whatever its image.

    It may use what a program of an ordinary user needs, and nothing that tells it of the host: no
    capability, no network, no login or proxy of the host's Docker configuration, memory in place of
    the host's disk. A suite of several nodes has the network of its node, and all else as the
    others.
    """
    request = engine.gpu_request() if setup.expected.device == "cuda" else None
    caches = {} if suite.writes_root else dict(CACHES)
    placed = {PLACE: write_place(setup.place)} if setup.place else {}
    further = ((setup.harness, "packages"), *setup.mounts)
    return {
        **LIMITED,
        "name": containers.new_name(PURPOSE),
        "command": ["python", *staging.python_arguments(ROOT, suite, setup)],
        **({"user": suite.user} if suite.user else {}),
        "read_only": not suite.writes_root,
        "tmpfs": {}
        if suite.writes_root
        else dict.fromkeys(TEMPORARY, f"exec,size={TEMPORARY_BYTES},mode=1777"),
        "shm_size": setup.shm_bytes,
        "mem_limit": setup.memory_bytes,
        "memswap_limit": setup.memory_bytes,
        "mounts": share_folder(folder, *further),
        # on top of the image's own; nothing of this process is handed on
        "environment": {
            "PYTHONDONTWRITEBYTECODE": "1",
            **caches,
            **placed,
            **dict(setup.environment),
        },
        "device_requests": [request] if request else [],
    }


def share_folder(folder: Path, *further: tuple[Path, str]) -> list[Mount]:
    """Return the mounts of a folder of `staging` at ROOT; only OUT in it can be written.

    `further` are folders of the host, with their paths in the container: below ROOT, or absolute.
    """
    read_only = ((folder, ""), *further)
    return [
        *(
            Mount(posixpath.join(ROOT, inside).rstrip("/"), str(host), type="bind", read_only=True)
            for host, inside in read_only
        ),
        Mount(f"{ROOT}/{staging.OUT}", str(folder / staging.OUT), type="bind"),
    ]


def _remove_container(container: EngineObject) -> None:
    # the next start finds what is left
    with contextlib.suppress(DockerException, requests.RequestException):
        _quick_client().api.remove_container(container.id, force=True, v=True)
        progress.say_line(f"removed container {container.short_id}", detail=True)


def _shorten_error(error: Exception) -> str:
    """Return the engine's message, cleaned.

    An image may have put words into it: the name of its user, of its entry point.
    """
    text = str(getattr(error, "explanation", None) or error).strip()
    return clean_line(text) or type(error).__name__
