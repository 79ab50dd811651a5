"""The embedded registry: a real `distribution` registry on loopback that keeps its data.

It is used if no registry is configured. It is a daemon of its own and outlives the command that
started it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

import requests
import yaml

from runner import child_programs, child_variables, home, progress, settings
from runner.address import RegistryAddress, parse_registry_address
from runner.errors import EnvironmentFailed
from runner.records import write_text
from runner.untrusted import Malformed, clean_line, read_file

HOST = "127.0.0.1:5005"
START_TIMEOUT_S = 15
LOG_END_BYTES = 1 << 16


def configured_registry(environ: Mapping[str, str] = os.environ) -> RegistryAddress | None:
    """Return the registry that the environment names, or None if it names none.

    Raises ConfigError if that is not an address.
    """
    given = environ.get(settings.REGISTRY)
    return None if given is None else parse_registry_address(given, settings.REGISTRY)


def require_registry() -> str:
    """Return HOST or HOST:PORT of the configured registry, else of the embedded one.

    The embedded one is started if it does not answer.
    """
    if named := configured_registry():
        return named.host
    folder = home.make_home_folder("registry")
    with home.open_file(folder / "start.lock") as lock:
        _await_lock(lock, folder / "start.lock")  # two runs at once start one registry
        if not is_answering(HOST):
            start_registry(HOST, folder)
    return HOST


def is_answering(host: str) -> bool:
    """Return whether a registry answers at a loopback address."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # neither a proxy nor `~/.netrc` is for loopback
            return session.get(f"http://{host}/v2/", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def start_registry(host: str, folder: Path) -> int:
    """Start a registry on `host` with its data in `folder`, and return its process id.

    Returns when the registry answers. Raises EnvironmentFailed if it does not.
    """
    binary = shutil.which("docker-registry")
    if binary is None:
        hint = f"run `make setup`, or set {settings.REGISTRY} to a registry you have"
        raise EnvironmentFailed(
            "no registry is configured and `docker-registry` is not installed", hint
        )
    storage = {"filesystem": {"rootdirectory": str(folder / "data")}, "delete": {"enabled": True}}
    configuration = {
        "version": "0.1",
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": storage,
        "http": {"addr": host},
    }
    write_text(folder / "config.yml", yaml.safe_dump(configuration))
    progress.say_line(f"  starting the embedded registry on {host}", detail=True)
    with home.open_file(folder / "registry.log") as log:
        # its list has none of the variables that replace parts of its file
        process = child_programs.start_program(
            [binary, "serve", str(folder / "config.yml")],
            allowed=child_variables.SYSTEM,
            extra={},
            stdout=log,
            stderr=log,
            is_leader=True,
        )
    try:
        write_text(folder / "registry.pid", str(process.pid))
        _await_start(process, host, folder / "registry.log")
    except BaseException:
        process.terminate()  # else nothing would end it
        process.wait()
        raise
    return process.pid


def stop_registry(folder: Path) -> None:
    """Stop the registry that keeps its data in `folder`.

    Another process that has its number now is left alone.
    """
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError, Malformed):
        process = int(read_file(folder, "registry.pid", 20))
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        if str(folder / "config.yml").encode() in words:
            os.kill(process, signal.SIGTERM)


def _await_lock(lock: TextIO, path: Path) -> None:
    """Lock a file. Raises EnvironmentFailed if another process does not let go of it."""
    deadline = time.monotonic() + 2 * START_TIMEOUT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        else:
            return
    raise EnvironmentFailed(
        f"another process holds {path} and starts no registry",
        f"find it with `fuser -v {path}` and end it, then run the same command again",
    )


def _await_start(process: subprocess.Popen[bytes], host: str, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if is_answering(host):
            return
        time.sleep(0.05)
    with log.open("rb") as file:
        file.seek(-min(LOG_END_BYTES, log.stat().st_size), os.SEEK_END)
        lines = file.read(LOG_END_BYTES).decode(errors="replace").strip().splitlines()
    problem = clean_line(lines[-1], 300) if lines else "it wrote nothing into its log"
    raise EnvironmentFailed(
        f"the embedded registry did not start on {host}: {problem}", f"read {log}"
    )
