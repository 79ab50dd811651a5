"""Layers made in processes of their own, while disk, registry, processes and people fail them."""

from __future__ import annotations

import contextlib
import io
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from images import layers, wheelhouse
from images.layers import LayerSpec
from images.locks import Wheel
from images.wheels import Prefix
from images.workers import LayerWorkers, Recipe
from oci.registry import Registry
from runner import settings
from runner.errors import ConfigError, EnvironmentFailed
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry, Fault
from tests.fakes.wheels import make_wheel

EPOCH = 1_738_108_800
PREFIX = Prefix("opt/venv", "3.11")
CACHE = "cache"
NOISE = random.Random(1).randbytes(3_000_000)  # noqa: S311 - the same every time

Start = Callable[..., LayerWorkers]


@pytest.fixture
def work(home: Path) -> Path:
    folder = home / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def start(fake: FakeRegistry, work: Path) -> Start:
    return lambda folder=work: LayerWorkers(
        Recipe("2.6", PREFIX, EPOCH, folder, fake.host, CACHE), 1
    )


def spec(wheel: Wheel, kind: str = layers.POOL) -> LayerSpec:
    return LayerSpec(f"layer of {wheel.name}", kind, "base", (wheel,), wheel.sha256)


def unreadable() -> Wheel:
    """A wheel whose reader waits for ever: a pipe nobody writes to."""
    wheel = make_wheel("stuck")
    wheelhouse.wheel_path(wheel).unlink()
    os.mkfifo(wheelhouse.wheel_path(wheel))
    return wheel


def processes(workers: LayerWorkers) -> list[int]:
    return list(workers._pool._processes)


def alive(process: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False


def gone(pids: list[int], within_s: float = 3) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline and any(alive(pid) for pid in pids):
        time.sleep(0.05)
    return not any(alive(pid) for pid in pids)


def test_layers_are_made_and_pushed(start: Start, fake: FakeRegistry, work: Path) -> None:
    specs = [spec(make_wheel(name, {f"{name}.bin": NOISE})) for name in ("one", "two")]
    with start() as workers:
        for one in specs:
            workers.submit_layer(one)
        results = workers.wait_for_layers()
    for one in specs:
        made, seconds = results[one.key]
        expected = layers.compile_wheels(one.wheels, PREFIX, EPOCH, io.BytesIO())
        assert made == expected
        assert Registry(fake.host).has_blob(CACHE, made.digest, made.size)
        assert seconds > 0
    assert not list(work.iterdir())


def test_a_layer_that_is_not_the_locked_one_is_not_pushed(
    start: Start, fake: FakeRegistry, work: Path
) -> None:
    one = spec(make_wheel())
    made = layers.compile_wheels(one.wheels, PREFIX, EPOCH, io.BytesIO())
    other = replace(made, digest="sha256:" + "0" * 64)
    words = ("layer of demo", other.digest, made.digest, "lock --layers 2.6")
    with refused(ConfigError, *words), start() as workers:
        workers.submit_layer(replace(one, locked=other))
        workers.wait_for_layers()
    assert not fake.blobs
    assert not list(work.iterdir())
    with start() as workers:
        workers.submit_layer(replace(one, locked=made))
        assert workers.wait_for_layers()[one.key][0] == made


def test_each_locked_figure_is_compared(start: Start, fake: FakeRegistry) -> None:
    one = spec(make_wheel())
    made = layers.compile_wheels(one.wheels, PREFIX, EPOCH, io.BytesIO())
    for other in (
        replace(made, diff_id="sha256:" + "0" * 64),
        replace(made, size=1),
        replace(made, uncompressed=1),
    ):
        refuses(start, replace(one, locked=other))
    assert not fake.blobs


def refuses(start: Start, one: LayerSpec) -> None:
    with refused(ConfigError, "lock --layers"), start() as workers:
        workers.submit_layer(one)
        workers.wait_for_layers()


def test_without_a_registry_layers_are_only_made(work: Path) -> None:
    one = spec(make_wheel())
    with LayerWorkers(Recipe("2.6", PREFIX, EPOCH, work), 1) as workers:
        workers.submit_layer(one)
        made, _ = workers.wait_for_layers()[one.key]
    assert made == layers.compile_wheels(one.wheels, PREFIX, EPOCH, io.BytesIO())
    assert not list(work.iterdir())


def test_a_wheel_that_is_not_the_locked_one(start: Start, fake: FakeRegistry, work: Path) -> None:
    wheel = make_wheel()
    wheelhouse.wheel_path(wheel).write_bytes(b"other")
    with refused(ConfigError, wheel.file, "the lock says"), start() as workers:
        workers.submit_layer(spec(wheel))
        workers.wait_for_layers()
    assert not fake.visible()
    assert not list(work.iterdir())


# A full disk


@contextlib.contextmanager
def full_disk(folder: Path) -> Iterator[str]:
    """A file system of 1 MB where this user may mount one, else a limit on the size of files; what
    it is called.
    """
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.getuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0:
        try:
            yield "No space left"
        finally:
            subprocess.run(["umount", str(folder)], check=True)
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        yield "File too large"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk(start: Start, fake: FakeRegistry, work: Path) -> None:
    one = spec(make_wheel(files={"noise.bin": NOISE}))
    with full_disk(work / "full") as words:
        with (
            refused(EnvironmentFailed, "layer of demo", words, "free space"),
            start(work / "full") as workers,
        ):
            workers.submit_layer(one)
            workers.wait_for_layers()
        assert not list((work / "full").iterdir()), "part of a layer was left behind"
    assert not fake.visible()
    with start() as workers:
        workers.submit_layer(one)
        assert workers.wait_for_layers()


# A registry that fails in the middle


@pytest.mark.parametrize("status", [401, 500])
def test_a_registry_that_fails_in_the_middle_of_a_push(
    start: Start, fake: FakeRegistry, work: Path, status: int
) -> None:
    first, second = (spec(make_wheel(name, {f"{name}.bin": NOISE})) for name in ("one", "two"))
    with start() as workers:
        workers.submit_layer(first)
        workers.wait_for_layers()
    fake.fail(Fault("PUT", "blobs/uploads", status=status))
    with refused(EnvironmentFailed, str(status), fake.host), start() as workers:
        workers.submit_layer(second)
        workers.wait_for_layers()
    assert len(fake.blobs[CACHE]) == 1
    assert not list(work.iterdir())
    fake.heal()
    with start() as workers:
        workers.submit_layer(second)
        assert workers.wait_for_layers()


# Processes that are killed


def test_a_killed_process_is_the_machines_fault(start: Start) -> None:
    with refused(EnvironmentFailed, "was killed", "memory"), start() as workers:
        workers.submit_layer(spec(unreadable()))
        pids = processes(workers)
        os.kill(pids[0], signal.SIGKILL)
        workers.wait_for_layers()
    assert gone(pids)


def test_a_process_killed_before_the_last_layer_is_handed_over(start: Start) -> None:
    with refused(EnvironmentFailed, "was killed"), start() as workers:
        workers.submit_layer(spec(make_wheel("stuck")))
        workers.wait_for_layers()
        os.kill(processes(workers)[0], signal.SIGKILL)
        time.sleep(0.5)
        workers.submit_layer(spec(make_wheel("late")))
        workers.wait_for_layers()


def test_ctrl_c_leaves_no_process_behind(start: Start) -> None:
    with pytest.raises(KeyboardInterrupt), start() as workers:
        workers.submit_layer(spec(unreadable()))
        pids = processes(workers)
        assert pids
        raise KeyboardInterrupt
    assert gone(pids)


SCRIPT = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started us deaf to it
from pathlib import Path
from images import workers as layer_workers
from images.wheels import Prefix
from images.workers import Recipe, LayerWorkers
def flood():
    while True:
        layer_workers._amounts.send(("layers", 1))
if __name__ == "__main__":
    recipe = Recipe("2.6", Prefix("opt/venv", "3.11"), 1, Path(sys.argv[2]), sys.argv[1], "cache")
    with LayerWorkers(recipe, 1) as workers:
        workers._pool.submit(time.sleep, 0).result()
        print(*workers._pool._processes, flush=True)
        {then}
"""


def run_script(fake: FakeRegistry, work: Path, then: str) -> subprocess.Popen[str]:
    script = work / "script.py"
    script.write_text(SCRIPT.format(then=then))
    return subprocess.Popen(
        [sys.executable, str(script), fake.host, str(work)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
def test_a_run_that_is_ended_takes_its_processes_with_it(
    fake: FakeRegistry, work: Path, sent: signal.Signals
) -> None:
    run = run_script(fake, work, "time.sleep(60)")
    assert run.stdout is not None
    pids = [int(word) for word in run.stdout.readline().split()]
    assert pids
    try:
        os.killpg(run.pid, sent) if sent == signal.SIGINT else run.kill()
        assert run.wait(10) != 0
        assert gone(pids)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)


def test_a_process_killed_while_it_reports_does_not_stop_the_run(
    fake: FakeRegistry, work: Path
) -> None:
    """Whatever it held, no other process waits for it."""
    killed = (
        "workers._pool.submit(flood); time.sleep(0.5); [os.kill(pid, 9) for pid in "
        "workers._pool._processes]"
    )
    run = run_script(fake, work, killed)
    try:
        assert run.wait(10) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def test_no_process_imports_a_module_of_the_working_folder(fake: FakeRegistry, work: Path) -> None:
    """Neither the workers nor the helper process of multiprocessing."""
    foreign = work / "foreign"
    foreign.mkdir()
    for name in ("multiprocessing", "signal", "socket"):
        (foreign / f"{name}.py").write_text(f"open({str(work / 'ran')!r}, 'w')\n")
    script = work / "script.py"
    script.write_text(SCRIPT.format(then="pass"))
    done = subprocess.run(
        [sys.executable, str(script), fake.host, str(work)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=foreign,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert not (work / "ran").exists()
    assert done.returncode == 0, done.stderr


def test_a_worker_has_the_logins_and_no_other_secret(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = {"AWS_SECRET_ACCESS_KEY": "login", "GH_TOKEN": "planted"}
    monkeypatch.setattr(settings, "ENVIRON", {**os.environ, **held})
    with start() as workers:
        found = workers._pool.submit(read_secrets).result()
    assert found == ["login", ""]


def read_secrets() -> list[str]:
    return [settings.ENVIRON.get(name, "") for name in ("AWS_SECRET_ACCESS_KEY", "GH_TOKEN")]
