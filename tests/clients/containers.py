"""Containers of real images, as users start them: with a published port or none."""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator, Sequence

from runner import containers, engine

WAIT_S = 120


def docker(*words: str) -> str:
    """Run Docker's client, and return what it printed."""
    done = subprocess.run(
        [engine.docker_program(), *words], capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, f"docker {words[0]}: {done.stderr}"
    return done.stdout


@contextlib.contextmanager
def running(image: str, options: Sequence[str] = (), command: Sequence[str] = ()) -> Iterator[str]:
    """Yield the name of a container that runs in the background; it is removed afterwards."""
    name = containers.new_name("client")
    docker("run", "--detach", "--name", name, "--shm-size=1g", *options, image, *command)
    try:
        yield name
    finally:
        docker("rm", "--force", "--volumes", name)


def port_of(name: str, port: int) -> int:
    """Return the port of this machine that leads to a port of the container."""
    return int(docker("port", name, f"{port}/tcp").splitlines()[0].rpartition(":")[2])


def logs_of(name: str) -> str:
    """Return what the container has printed, stderr too."""
    done = subprocess.run(
        [engine.docker_program(), "logs", name], capture_output=True, text=True, check=True
    )
    return done.stdout + done.stderr


def await_health(name: str) -> None:
    """Wait until the health check of the image passes."""
    deadline = time.monotonic() + WAIT_S
    state = ""
    while time.monotonic() < deadline and state != "healthy":
        state = docker("inspect", "--format={{.State.Health.Status}}", name).strip()
        assert docker("inspect", "--format={{.State.Running}}", name).strip() == "true", logs_of(
            name
        )
        time.sleep(0.3)
    assert state == "healthy", logs_of(name)


def await_log(name: str, pattern: str) -> str:
    """Return the first group of a pattern as soon as the container has printed it."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if found := re.search(pattern, logs_of(name)):
            return found[1]
        time.sleep(0.3)
    raise AssertionError(f"{pattern} was not printed: {logs_of(name)}")
