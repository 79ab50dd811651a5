"""The embedded registry: a real one, started and stopped here, its data kept."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oci.registry import Registry
from runner import embedded
from runner.errors import EnvironmentFailed
from tests.fakes.refusal import refused


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    embedded.stop_registry(tmp_path)


def stopped(host: str) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and embedded.is_answering(host):
        time.sleep(0.05)
    return not embedded.is_answering(host)


@pytest.mark.docker
def test_what_is_pushed_is_there_after_a_restart(
    folder: Path, free_port: Callable[[], int]
) -> None:
    host = f"127.0.0.1:{free_port()}"
    assert not embedded.is_answering(host)
    embedded.start_registry(host, folder)
    blob = Registry(host).push_bytes("kept", b"kept", "x/y")
    embedded.stop_registry(folder)
    assert stopped(host)
    embedded.start_registry(host, folder)
    assert Registry(host).read_blob("kept", blob.digest) == b"kept"


@pytest.mark.docker
def test_a_port_that_is_taken(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        with refused(EnvironmentFailed, host, "address already in use", "registry.log"):
            embedded.start_registry(host, folder)


def test_no_registry_program(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with refused(
        EnvironmentFailed, "docker-registry", "make setup", "PYTORCH_CUDA_IMAGES_REGISTRY"
    ):
        embedded.start_registry("127.0.0.1:1", folder)


def test_a_configured_registry_is_used_and_nothing_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_REGISTRY", "r.example:5000")
    monkeypatch.setattr(
        embedded, "start_registry", lambda *_: pytest.fail("a registry was started")
    )
    assert embedded.require_registry() == "r.example:5000"


def test_one_that_answers_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTORCH_CUDA_IMAGES_REGISTRY", raising=False)
    monkeypatch.setattr(embedded, "is_answering", lambda _: True)
    monkeypatch.setattr(
        embedded, "start_registry", lambda *_: pytest.fail("a registry was started")
    )
    assert embedded.require_registry() == embedded.HOST


def test_stopping_what_was_never_started(tmp_path: Path) -> None:
    embedded.stop_registry(tmp_path)


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        pytest.param(["{folder}/config.yml"], True, id="this registry"),
        pytest.param(["{folder}/elsewhere/config.yml"], False, id="a registry with other data"),
        pytest.param([], False, id="something else"),
    ],
)
def test_only_the_registry_itself_is_stopped(tmp_path: Path, words: list[str], ends: bool) -> None:
    command = ["docker-registry", "-c", "import time; print(flush=True); time.sleep(30)", "serve"]
    command += [word.format(folder=tmp_path) for word in words]
    with subprocess.Popen(command, executable=sys.executable, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (tmp_path / "registry.pid").write_text(str(process.pid))
        embedded.stop_registry(tmp_path)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5 if ends else 0.2)
        ended = process.poll()
        process.kill()
    assert ended == (-signal.SIGTERM if ends else None)


@pytest.mark.parametrize("number", ["", "x", "-1", "0", "99999999999999999999"])
def test_a_number_of_no_process(tmp_path: Path, number: str) -> None:
    (tmp_path / "registry.pid").write_text(number)
    embedded.stop_registry(tmp_path)


@pytest.mark.parametrize("name", ["start.lock", "registry.log"])
@pytest.mark.parametrize("kind", ["link", "fifo"])
def test_a_file_of_the_registry_that_is_not_ours(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    monkeypatch.delenv("PYTORCH_CUDA_IMAGES_REGISTRY", raising=False)
    monkeypatch.setattr(embedded, "is_answering", lambda _: False)
    (tmp_path / "precious").write_text("as it was")
    path = home / "registry" / name
    path.parent.mkdir()
    path.symlink_to(tmp_path / "precious") if kind == "link" else os.mkfifo(path)
    with refused(EnvironmentFailed, "not a regular file", f"delete {path}"):
        embedded.require_registry()
    assert (tmp_path / "precious").read_text() == "as it was"


def test_a_lock_that_another_process_keeps(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTORCH_CUDA_IMAGES_REGISTRY", raising=False)
    monkeypatch.setattr(embedded, "START_TIMEOUT_S", 0.1)
    path = home / "registry" / "start.lock"
    path.parent.mkdir()
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with refused(EnvironmentFailed, f"another process holds {path}"):
            embedded.require_registry()


def test_a_link_at_the_place_of_the_configuration_is_replaced(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    (tmp_path / "precious").write_text("as it was")
    (tmp_path / "config.yml").symlink_to(tmp_path / "precious")
    embedded.start_registry(f"127.0.0.1:{free_port()}", tmp_path)
    embedded.stop_registry(tmp_path)
    assert (tmp_path / "precious").read_text() == "as it was"


def test_a_registry_whose_number_cannot_be_kept_is_ended(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    (tmp_path / "registry.pid").mkdir()
    host = f"127.0.0.1:{free_port()}"
    with refused(EnvironmentFailed, "registry.pid"):
        embedded.start_registry(host, tmp_path)
    assert not embedded.is_answering(host)
    embedded.stop_registry(tmp_path)
