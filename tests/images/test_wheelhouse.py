"""The wheelhouse, filled by the real pip from a folder or a server of the test's own."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from images import wheelhouse
from images.locks import Wheel
from runner import home as homes
from runner import progress
from runner.errors import ConfigError, EnvironmentFailed
from tests.fakes.refusal import check, refused
from tests.fakes.wheels import make_wheel
from validation import harness

PYTHON = "3.11"


@pytest.fixture
def index(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is all pip knows of."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def kept() -> set[str]:
    return {path.name for path in homes.make_home_folder("wheels").iterdir()}


def nothing_is_left() -> bool:
    return not list(homes.make_home_folder("work").iterdir())


def test_what_is_locked_is_fetched(index: Path) -> None:
    wheels = [make_wheel("one", folder=index), make_wheel("two", version="2.0", folder=index)]
    make_wheel("one", version="9.0", folder=index)
    wheelhouse.fetch_wheels(wheels, PYTHON)
    assert kept() == {wheel.file for wheel in wheels}
    assert all(
        wheelhouse.wheel_path(wheel).read_bytes() == (index / wheel.file).read_bytes()
        for wheel in wheels
    )
    assert nothing_is_left()


def test_big_wheels_are_fetched_by_themselves(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = [make_wheel(name, folder=index) for name in ("one", "two")]
    monkeypatch.setattr(wheelhouse, "BIG_BYTES", 1)
    wheelhouse.fetch_wheels(wheels, PYTHON)
    assert kept() == {wheel.file for wheel in wheels}


def test_what_is_here_is_not_fetched_again(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = make_wheel(folder=index)
    wheelhouse.fetch_wheels([wheel], PYTHON)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("pip was run"))
    wheelhouse.fetch_wheels([wheel], PYTHON)


def test_part_of_a_wheel_is_fetched_again(index: Path) -> None:
    wheel = make_wheel(folder=index)
    wheelhouse.wheel_path(wheel).write_bytes((index / wheel.file).read_bytes()[:-1])
    wheelhouse.fetch_wheels([wheel], PYTHON)
    wheelhouse.verify_wheel(wheel, wheelhouse.wheel_path(wheel))


@pytest.mark.parametrize("address", ["http://u:S3c/ret@h/simple", "http://u:S3cret@[x/simple"])
def test_an_exception_of_pip_is_named_and_not_repeated(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """The real pip: its own text holds a part of the password."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", address)
    wheel = make_wheel(folder=tmp_path)
    with pytest.raises(EnvironmentFailed) as caught:
        wheelhouse.fetch_wheels([wheel], PYTHON)
    check(caught.value, EnvironmentFailed, "pip itself failed (ValueError)", "index")
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"{wheel.lock_line()}\n")
    with pytest.raises(EnvironmentFailed) as told:
        harness.install_harness(lock)
    check(told.value, EnvironmentFailed, "pip itself failed (ValueError)", str(lock))
    assert not any("S3c" in str(each.value) for each in (caught, told))


def test_other_bytes_than_were_locked_are_not_kept(index: Path) -> None:
    wheel = dataclasses.replace(make_wheel(folder=index), sha256="0" * 64)
    with refused(EnvironmentFailed, wheel.file, "DO NOT MATCH", "then run again"):
        wheelhouse.fetch_wheels([wheel], PYTHON)
    assert not kept()
    assert nothing_is_left()


def test_other_bytes_than_were_locked_are_found_on_disk(index: Path) -> None:
    """Of the right size, so that only its hash tells."""
    wheel = make_wheel(folder=index)
    path = wheelhouse.wheel_path(wheel)
    path.write_bytes(bytes(wheel.size))
    with refused(ConfigError, str(path), wheel.sha256[:12], "delete the file"):
        wheelhouse.verify_wheel(wheel, path)


def test_a_wheel_for_another_python(index: Path) -> None:
    made = make_wheel(folder=index)
    wheel = dataclasses.replace(made, file=made.file.replace("py3-none-any", "cp39-cp39-win32"))
    (index / made.file).rename(index / wheel.file)
    with refused(EnvironmentFailed, wheel.file, "demo==1.0"):
        wheelhouse.fetch_wheels([wheel], PYTHON)


def test_no_index(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_FIND_LINKS")
    with refused(EnvironmentFailed, "demo-1.0", "No matching distribution", "pip config list"):
        wheelhouse.fetch_wheels(
            [Wheel("demo", "1.0", "0" * 64, "demo-1.0-py3-none-any.whl", 1)], PYTHON
        )


def test_an_index_that_does_not_answer(
    index: Path, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = make_wheel(folder=index)
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{free_port()}/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with refused(EnvironmentFailed, wheel.file, "network"):
        wheelhouse.fetch_wheels([wheel], PYTHON)
    assert not kept()


# Killed on the way


class Stalling(ThreadingHTTPServer):
    """Serves a folder; the last byte of a wheel only once `go_on` is set."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self.half_way, self.go_on = threading.Event(), threading.Event()


class _Handler(BaseHTTPRequestHandler):
    server: Stalling

    def do_GET(self) -> None:
        wheel = self.server.folder / self.path.lstrip("/")
        body = wheel.read_bytes() if wheel.is_file() else self._links()
        self.send_response(200)
        self.send_header("Content-Type", "application/zip" if wheel.is_file() else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:-1])
        if wheel.is_file():
            self.server.half_way.set()
            self.server.go_on.wait()
        self.wfile.write(body[-1:])

    def _links(self) -> bytes:
        return "".join(
            f'<a href="{path.name}">{path.name}</a>' for path in self.server.folder.iterdir()
        ).encode()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stalling(index: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stalling]:
    with Stalling(index) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        monkeypatch.setenv("PIP_FIND_LINKS", f"http://127.0.0.1:{server.server_port}/")
        yield server
        server.go_on.set()
        server.shutdown()


def test_a_killed_download_shows_nothing_and_the_next_converges(
    index: Path, stalling: Stalling
) -> None:
    wheel = make_wheel(folder=index)
    code = (
        "from images import wheelhouse\nfrom images.locks import "
        f"Wheel\nwheelhouse.fetch_wheels([{wheel!r}], '{PYTHON}')"
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=homes.REPOSITORY,
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    assert stalling.half_way.wait(20)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not kept()
    assert not nothing_is_left(), "nothing was under way when it was killed"
    stalling.go_on.set()
    wheelhouse.fetch_wheels([wheel], PYTHON)
    assert kept() == {wheel.file}
    assert nothing_is_left()


def test_bytes_are_counted_while_they_land(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stop(threading.Event):
        """Three looks, each after the file has grown or shrunk."""

        def __init__(self) -> None:
            super().__init__()
            self.sizes = [10, 4, 30]

        def wait(self, timeout: float | None = None) -> bool:
            if not self.sizes:
                return True
            (tmp_path / "a.whl").write_bytes(bytes(self.sizes.pop(0)))
            return False

    meter = progress.Meter("download", 30)
    wheelhouse._watch_download(tmp_path, meter, Stop())
    assert meter.done == 30


def test_a_pip_of_the_working_folder_is_not_run(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "pip.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path / "foreign")
    wheel = make_wheel(folder=index)
    wheelhouse.fetch_wheels([wheel], PYTHON)
    assert kept() == {wheel.file}
    assert not (tmp_path / "ran").exists()
