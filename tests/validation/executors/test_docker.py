"""Real containers that hang, die, vanish and lie."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner import engine, home
from runner.containers import OWNER
from runner.verdict import Verdict
from tests.validation.suites_here import EXPECTED, written
from validation.executors import docker
from validation.executors.interface import Setup
from validation.judge import judge_suite
from validation.record import SuiteResult
from validation.suites.contract.layout import PACKAGE

pytestmark = pytest.mark.docker

SITE = "/usr/lib/python3/dist-packages"
GOOD = "def test_good() -> None:\n    pass\n"


@pytest.fixture
def setup(
    tiny_image: str, mounted_harness: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Setup]:
    """What the containers are given.

    A home of this test's own, to tell them from those of tests running beside it; none may be left
    behind, nor its folder.
    """
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_HOME", str(tmp_path))
    yield Setup(tiny_image, mounted_harness, EXPECTED, shm_bytes=96 << 20)
    assert _ours() == []
    assert list((tmp_path / "validation" / "runs").iterdir()) == []


def _ours() -> list[Any]:
    found = engine.connect_engine().containers.list(
        all=True, filters={"label": OWNER}, ignore_removed=True
    )
    here = str(home.home_folder())
    return [
        each
        for each in found
        if any(mount["Source"].startswith(here) for mount in each.attrs["Mounts"])
    ]


def _run(folder: Path, setup: Setup, text: str, timeout_s: int = 60) -> SuiteResult:
    suite = written(folder, text, timeout_s=timeout_s)
    return judge_suite(suite, docker.run_suite(suite, setup))


def test_what_the_container_is_given(setup: Setup, tmp_path: Path) -> None:
    """Asserted from inside: user, shared memory, no network, read-only mounts, and the harness last
    on the path.
    """
    text = """
        import os, sys, socket, multiprocessing, pytest

        def test_user():
            assert os.getuid() == 1000

        def test_shared_memory():
            stat = os.statvfs("/dev/shm")
            assert stat.f_blocks * stat.f_frsize == 96 << 20

        def test_no_network():
            assert [name for _, name in socket.if_nameindex()] == ["lo"]

        def test_mounts():
            for path in ("/harness", "/harness/code", "/harness/packages"):
                with pytest.raises(OSError):
                    open(path + "/x", "w")
            open("/harness/out/x", "w").close()

        def test_path():
            assert sys.path[-2:] == ["/harness/packages", "/harness/code"]
            assert not any("harness" in entry for entry in sys.path[:-2])

        def test_spawned_workers_have_the_same_path():
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                assert pool.apply(eval, ("__import__('sys').path",)) == sys.path

        def test_expected(expected):
            assert expected.torch == "2.6.0" and expected.stacks == ("base",)
    """
    result = _run(tmp_path, setup, textwrap.dedent(text))
    assert result.verdict is Verdict.PASS, result
    assert len(result.checks) == 7


def test_a_package_of_the_image_named_as_one_of_the_host(setup: Setup, tmp_path: Path) -> None:
    """A package `validation` of an image neither shadows the suites nor is shadowed by them."""
    package = tmp_path / "planted_package" / "validation"
    (package / "suites").mkdir(parents=True)
    (package / "__init__.py").write_text('OWNER = "the image"\n')
    (package / "suites" / "__init__.py").write_text("raise RuntimeError('of the image')\n")
    text = f"""
        import validation
        from {PACKAGE}.outcome import require

        def test_imports():
            require(validation.OWNER == "the image", validation.__file__, "the image's", "shadowed")
    """
    mounted = replace(setup, mounts=((package, f"{SITE}/validation"),))
    result = _run(tmp_path, mounted, textwrap.dedent(text))
    assert result.verdict is Verdict.PASS, result


def test_every_run_is_given_a_nonce_of_its_own(setup: Setup, tmp_path: Path) -> None:
    """The host keeps what it gave, and which container it was, to hold the answers and the GPUs'
    processes against.
    """
    suite = written(tmp_path, "def test_told(nonce, answer):\n    answer('nonce', [nonce])\n")
    first, again = docker.run_suite(suite, setup), docker.run_suite(suite, setup)
    for ended in (first, again):
        assert ended.challenge is not None
        assert f'"{ended.challenge.nonce}"' in ended.report
        assert ended.challenge.expected == EXPECTED
        assert len(ended.container) == 64
    assert first.challenge != again.challenge
    assert first.container != again.container


def test_hang_that_pytest_cannot_end(setup: Setup, tmp_path: Path) -> None:
    """With the alarm blocked only the host's watchdog is left; the stacks say where, and what was
    proven is kept.
    """
    text = (
        "import signal, time\ndef test_stuck():\n    signal.pthread_sigmask(signal.SIG_BLOCK, "
        "{signal.SIGALRM})\n"
    )
    result = _run(tmp_path, setup, GOOD + text + "    time.sleep(600)\n", timeout_s=6)
    assert result.verdict is Verdict.FAIL
    assert (
        result.reason == "hung in stuck: still running after 6 s; its stacks are in the last output"
    )
    assert "in test_stuck" in result.last_output
    assert [
        (check.name, check.verdict) for check in result.checks if check.verdict is Verdict.PASS
    ] == [("good", Verdict.PASS)]
    assert result.seconds < 20


def test_container_killed_from_outside(setup: Setup, tmp_path: Path) -> None:
    killer = threading.Thread(target=_once_started, args=(lambda found: found.kill("SIGKILL"),))
    killer.start()
    result = _run(tmp_path, setup, GOOD + "import time\ndef test_b():\n    time.sleep(60)\n")
    killer.join()
    assert (result.verdict, result.reason) == (
        Verdict.INFRA,
        "the container was killed (SIGKILL) in b",
    )
    assert result.checks[0].verdict is Verdict.PASS


def test_container_that_vanishes(setup: Setup, tmp_path: Path) -> None:
    killer = threading.Thread(target=_once_started, args=(lambda found: found.remove(force=True),))
    killer.start()
    result = _run(tmp_path, setup, GOOD + "import time\ndef test_b():\n    time.sleep(60)\n")
    killer.join()
    assert result.verdict is Verdict.INFRA
    assert result.reason.startswith("the engine failed in b: ")


def test_out_of_memory(setup: Setup, tmp_path: Path) -> None:
    limited = Setup(setup.reference, setup.harness, EXPECTED, memory_bytes=96 << 20)
    text = GOOD + "def test_greedy():\n    kept = [bytearray(8 << 20) for _ in range(100)]\n"
    result = _run(tmp_path, limited, text)
    assert (result.verdict, result.reason[:23]) == (Verdict.INFRA, "out of memory in greedy")
    assert result.checks[0].verdict is Verdict.PASS


def test_exit_0_without_results(setup: Setup, tmp_path: Path) -> None:
    result = _run(tmp_path, setup, "import os\nprint('bye', flush=True)\nos._exit(0)\n" + GOOD)
    assert (result.verdict, result.reason) == (Verdict.FAIL, "exited 5 without running a test")


def test_results_truncated_from_inside(setup: Setup, tmp_path: Path) -> None:
    text = (
        "import atexit, os\n@atexit.register\ndef cut():\n    path = '/harness/out/report.jsonl'\n"
        "    os.truncate(path, os.path.getsize(path) - 9)\n"
    )
    result = _run(tmp_path, setup, text + GOOD)
    assert result.verdict is Verdict.FAIL
    assert "the report is malformed" in result.reason


def test_image_without_python_is_the_images_fault(setup: Setup, tmp_path: Path) -> None:
    without = Setup(setup.reference, setup.harness, EXPECTED, environment=(("PATH", "/nowhere"),))
    result = _run(tmp_path, without, GOOD)
    assert result.verdict is Verdict.FAIL
    assert "exited 127" in result.reason
    assert "python" in result.last_output


def test_unknown_image_is_not_the_images_fault(setup: Setup, tmp_path: Path) -> None:
    unknown = Setup(f"nowhere/image@sha256:{'0' * 64}", setup.harness, EXPECTED)
    assert _run(tmp_path, unknown, GOOD).verdict is Verdict.INFRA


PROGRAM = """
import sys
from pathlib import Path
from tests.validation.suites_here import EXPECTED, written
from validation.executors import docker
from validation.executors.interface import Setup
suite = written(Path(sys.argv[1]), "import time\\ndef test_a():\\n    time.sleep(60)\\n")
docker.run_suite(suite, Setup(sys.argv[2], Path(sys.argv[3]), EXPECTED))
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopped_host(how: signal.Signals, setup: Setup, tmp_path: Path) -> None:
    """Ctrl-C leaves nothing; of a host that was killed the next start removes the container and the
    folder.
    """
    command = (sys.executable, "-c", PROGRAM, str(tmp_path), setup.reference, str(setup.harness))
    host = subprocess.Popen(
        command, cwd=home.REPOSITORY, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    _once_started(lambda _: host.send_signal(how))
    host.wait()
    assert len(_ours()) == (1 if how is signal.SIGKILL else 0)
    docker.remove_leftovers()
    assert _ours() == []


def test_containers_of_a_run_at_work_are_left_alone(setup: Setup, tmp_path: Path) -> None:
    other = threading.Thread(target=_once_started, args=(lambda _: docker.remove_leftovers(),))
    other.start()
    result = _run(tmp_path, setup, "import time\ndef test_a():\n    time.sleep(2)\n")
    other.join()
    assert result.verdict is Verdict.PASS


def _once_started(act: Any) -> None:
    """`act` on our container, a second after it has started."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        running = [found for found in _ours() if found.status == "running"]
        if running:
            time.sleep(1)
            act(running[0])
            return
        time.sleep(0.1)
    raise AssertionError("no container started")
