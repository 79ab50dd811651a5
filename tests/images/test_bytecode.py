"""Bytecode by the compiler that runs inside the image, here with this interpreter."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from images import bytecode, layers, wheelhouse
from images.layers import LayerSpec
from images.locks import Wheel
from images.wheels import Prefix
from runner import engine, pull
from runner.errors import ConfigError, EnvironmentFailed
from runner.home import REPOSITORY
from tests.fakes import proxy
from tests.fakes.refusal import refused
from tests.fakes.small_image import python_image
from tests.fakes.wheels import make_wheel

EPOCH = 1_738_108_800
PREFIX = Prefix("opt/venv", f"{sys.version_info.major}.{sys.version_info.minor}")
TAG = sys.implementation.cache_tag


def spec(*wheels: Wheel) -> LayerSpec:
    return LayerSpec("bytecode", layers.BYTECODE, "base", wheels, "key")


def compile_jobs(jobs: list[bytecode.Job], folder: Path) -> list[Path]:
    """Run the compiler as the container does."""
    folder.mkdir()
    (folder / "jobs.json").write_text(json.dumps(jobs))
    command = [sys.executable, str(bytecode.COMPILER), str(folder / "jobs.json"), str(folder)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0"}, timeout=60)
    return sorted(folder.glob("*.zip"))


def jobs_here(*wheels: Wheel) -> list[bytecode.Job]:
    """The jobs, with wheels where they are on this machine."""
    jobs = bytecode.jobs_of(spec(*wheels), PREFIX)
    here = str(wheelhouse.wheel_path(wheels[0]).parent)
    return [
        [(file.replace("/wheels", here), member, path) for file, member, path in job]
        for job in jobs
    ]


FILES: dict[str, bytes] = {
    "demo/__init__.py": b"from demo.part import NAME\n",
    "demo/part.py": b"NAME = 'as shipped'\n",
    "demo/broken.py": b"def (:\n",
    "demo/null.py": b"x = '\x00'\n",
    "demo/text.txt": b"no code",
    "single.py": b"SETS = {frozenset({'a', 'b', 'c'})}\n",
}


def test_jobs_are_the_python_files_of_a_wheel(home: Path) -> None:
    wheel = make_wheel(files=FILES)
    (job,) = bytecode.jobs_of(spec(wheel), PREFIX)
    assert {member for _, member, _ in job} == {name for name in FILES if name.endswith(".py")}
    assert {file for file, _, _ in job} == {f"/wheels/{wheel.file}"}


def test_jobs_are_of_limited_size_and_of_one_wheel_each(home: Path) -> None:
    wheels = [
        make_wheel(name, {f"{name}{n}.py": b"" for n in range(200)}) for name in ("one", "two")
    ]
    jobs = bytecode.jobs_of(spec(*wheels), PREFIX)
    most = bytecode.FILES_PER_JOB
    assert [len(job) for job in jobs] == [most, most, most, 200 - 3 * most] * 2
    assert all(len({file for file, _, _ in job}) == 1 for job in jobs)


def test_code_that_does_not_compile_is_left_out(home: Path, tmp_path: Path) -> None:
    (made,) = compile_jobs(jobs_here(make_wheel(files=FILES)), tmp_path / "made")
    with zipfile.ZipFile(made) as found:
        names = {name.rpartition("/")[2] for name in found.namelist()}
    assert names == {f"{stem}.{TAG}.pyc" for stem in ("__init__", "part", "single")}


def test_two_compilations_are_the_same_bytes(home: Path, tmp_path: Path) -> None:
    jobs = jobs_here(
        make_wheel(files=FILES), make_wheel("more", {"more.py": b"MORE = {1, 2, 'x'}\n"})
    )
    first, second = (compile_jobs(jobs, tmp_path / name) for name in ("first", "second"))
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert len(first) == 2


def test_code_is_imported_without_its_source_being_read(home: Path, tmp_path: Path) -> None:
    """The source is changed after compiling: what runs is what was compiled."""
    wheel = make_wheel(files=FILES)
    target, root = io.BytesIO(), tmp_path / "root"
    layers.compile_wheels([wheel], PREFIX, EPOCH, target)
    unpack(target, root)
    site = root / PREFIX.site_packages
    (site / "demo/part.py").write_text("NAME = 'changed'\n")
    assert imported(site) == "changed"
    target = io.BytesIO()
    layers.compile_bytecode(compile_jobs(jobs_here(wheel), tmp_path / "made"), EPOCH, target)
    unpack(target, root)
    assert imported(site) == "as shipped"


def unpack(layer: io.BytesIO, root: Path) -> None:
    layer.seek(0)
    with tarfile.open(fileobj=layer, mode="r:gz") as tar:
        tar.extractall(root, filter="data")


def imported(site: Path) -> str:
    command = [sys.executable, "-B", "-c", "import demo; print(demo.NAME)"]
    done = subprocess.run(
        command, env={"PYTHONPATH": str(site)}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_wheel_that_is_not_the_locked_one(home: Path) -> None:
    wheel = make_wheel(files={"demo.py": b"x = 1"})
    path = wheelhouse.wheel_path(wheel)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with refused(ConfigError, wheel.file, wheel.sha256[:12]):
        bytecode.jobs_of(spec(wheel), PREFIX)


def test_a_compiling_process_that_is_killed(home: Path, tmp_path: Path) -> None:
    """As the kernel does where memory runs out."""
    wheel = make_wheel(files={"slow.py": b"x = [1, 2, 3]\n" * 300_000})
    job = [[str(wheelhouse.wheel_path(wheel)), "slow.py", "/slow.py"]]
    (tmp_path / "jobs.json").write_text(json.dumps([job]))
    command = [sys.executable, str(bytecode.COMPILER), str(tmp_path / "jobs.json"), str(tmp_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as compiler:
        os.kill(child_of(compiler.pid), signal.SIGKILL)
        _, said = compiler.communicate(timeout=10)
    assert compiler.returncode != 0
    assert "ended with -9" in said


def child_of(parent: int) -> int:
    """The first process that `parent` starts."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if children := Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
            return int(children[0])
    raise AssertionError("nothing was started")


def test_the_packages_own_tests_are_left_as_source(home: Path) -> None:
    wheel = make_wheel(
        files={"demo/__init__.py": b"", "demo/tests/test_it.py": b"", "demo/testing.py": b""}
    )
    compiled = [path for job in bytecode.jobs_of(spec(wheel), PREFIX) for _, _, path in job]
    assert [path.rpartition("demo/")[2] for path in compiled] == ["__init__.py", "testing.py"]


@pytest.mark.parametrize("said", ["no space left on device", "Cannot connect to the Docker daemon"])
def test_an_engine_that_fails(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    client = tmp_path / "docker"
    client.write_text(f"#!/bin/sh\necho 'docker: {said}' >&2\nexit 125\n")
    client.chmod(0o755)
    monkeypatch.setattr(engine, "docker_program", lambda: str(client))
    monkeypatch.setattr(pull, "pull_image", lambda _: None)
    with refused(EnvironmentFailed, said):
        bytecode.compile_in_container([spec(make_wheel(files=FILES))], PREFIX, "image", tmp_path)


# In the real container

PROBE = """
import json, os, pathlib, sys
def refused(what):
    try:
        what()
    except OSError as error:
        return error.strerror
    return "allowed"
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
found = {
    "capabilities": status["CapBnd"].strip(),
    "no_new_privileges": status["NoNewPrivs"].strip(),
    "networks": sorted(os.listdir("/sys/class/net")),
    "root": refused(lambda: open("/opt/planted", "w")),
    "wheels": refused(lambda: open("/wheels/planted", "w")),
    "chown": refused(lambda: os.chown("/work/zips", 1, 1)),
}
pathlib.Path(sys.argv[2], "found.json").write_text(json.dumps(found))
"""


@pytest.mark.docker
def test_the_compiler_is_confined(
    home: Path, tmp_path: Path, base_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = tmp_path / "probe.py"
    probe.write_text(PROBE)
    monkeypatch.setattr(bytecode, "COMPILER", probe)
    bytecode.compile_in_container([], Prefix("opt/venv", "3.11"), base_image, tmp_path)
    found = json.loads((tmp_path / "zips" / "found.json").read_text())
    assert found == {
        "capabilities": "0000000000000000",
        "no_new_privileges": "1",
        "networks": ["lo"],
        "root": "Read-only file system",
        "wheels": "Read-only file system",
        "chown": "Operation not permitted",
    }


SHOWS_ENVIRONMENT = """
import json, os, pathlib, sys, time
pathlib.Path(sys.argv[2], "found.json").write_text(json.dumps(dict(os.environ)))
time.sleep(1)
"""


@pytest.mark.docker
def test_the_compiler_gets_no_proxy_of_the_host(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address of a proxy may hold a password; it is neither in the container nor in what the
    engine keeps of it.
    """
    image = python_image()
    proxy.plant(tmp_path / "docker", monkeypatch)
    probe, work = tmp_path / "probe.py", tmp_path / "work"
    probe.write_text(SHOWS_ENVIRONMENT)
    work.mkdir()
    monkeypatch.setattr(bytecode, "COMPILER", probe)
    with proxy.inspected(work) as said:
        bytecode.compile_in_container([], Prefix("usr", "3.11"), image, work)
    assert len(said) == 1
    assert proxy.PASSWORD not in said[0] + (work / "zips" / "found.json").read_text()


INTERRUPTED = """
import sys
from pathlib import Path
from images import bytecode
from images.wheels import Prefix
from runner import signals
signals.interrupt_on_signals()
bytecode.COMPILER = Path(sys.argv[2])
bytecode.compile_in_container([], Prefix("opt/venv", "3.11"), sys.argv[1], Path(sys.argv[3]))
"""


@pytest.mark.docker
def test_no_container_is_left_by_an_interrupted_run(
    home: Path, tmp_path: Path, base_image: str
) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import pathlib, time\npathlib.Path('/work/zips/ready').touch()\ntime.sleep(600)\n"
    )
    command = [sys.executable, "-c", INTERRUPTED, base_image, str(slow), str(tmp_path)]
    with subprocess.Popen(command, cwd=REPOSITORY, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "zips" / "ready").exists():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    mounted = [
        each.attrs["Mounts"]
        for each in engine.connect_engine().containers.list(all=True, ignore_removed=True)
    ]
    assert str(tmp_path) not in json.dumps(mounted)
