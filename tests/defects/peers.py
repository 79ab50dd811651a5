"""The tests that other projects have for such images, and how they are run on one of ours.

Nothing of theirs is here: a checkout of each at its commit is needed, see docs/peers.md. A test
counts if it fails on the broken image, twice, and not on the clean one.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runner import engine, shell
from runner.child_variables import ENGINES, GIT
from runner.errors import ConfigError
from validation.suites.contract.expected import Expected

TEST_S = 900
"""Seconds for one run of all tests of a peer, of which no test takes longer than some minutes."""

OWNER = f"pytorch-cuda-peers-{os.getpid()}"
"""Of the name that an image gets for tests that take a name: two runs do not take each other's."""

NOTEBOOK = "pytorch-notebook"

_PYTEST_LINE = re.compile(r"^(?:FAILED|ERROR) (?:\S*/)?(test_\S.*?)(?: - .*)?$")
_UNITTEST_LINE = re.compile(r"^(?:FAIL|ERROR): (test_\w+)")
_SCRIPT_LINE = re.compile(r"^FAIL: (.*)$")

STACKS_TESTS = (
    "docker-stacks-foundation/test_package_managers.py",
    "docker-stacks-foundation/test_rosetta_junk.py",
    "docker-stacks-foundation/test_user_options.py::test_secure_path",
    "docker-stacks-foundation/test_user_options.py::test_container_not_delete_bind_mount",
)
JUPYTER_TESTS = (
    "base-notebook/test_kernelspecs.py",
    "base-notebook/test_notebook.py",
    "minimal-notebook/test_nbconvert.py",
    "scipy-notebook/test_matplotlib.py",
)
AWS_SCRIPTS = ("check_filesystem.sh", "check_credentials.sh", "check_anaconda.sh")


@dataclass(frozen=True)
class Subject:
    """An image as a peer gets it: what the engine runs, its main stack, and what it must hold."""

    image: str
    stack: str
    expected: Expected


RunTests = Callable[[Path, Subject], frozenset[str]]
"""From a checkout and an image to the tests that fail there."""


@dataclass(frozen=True)
class Peer:
    """Tests of another project: `repository` is also the name of the folder of its checkout."""

    name: str
    owner: str
    repository: str
    commit: str
    run: RunTests

    @property
    def url(self) -> str:
        """What `git clone` takes."""
        return f"https://github.com/{self.owner}/{self.repository}"


def require_checkout(peer: Peer, folder: Path) -> Path:
    """Return the checkout of the peer in `folder`. Raises ConfigError if it has another commit."""
    checkout = folder / peer.repository
    found = shell.run_to_end(
        ["git", "-C", checkout, "rev-parse", "HEAD"], hint="install git", allowed=GIT
    ).stdout.strip()
    if found != peer.commit:
        raise ConfigError(
            f"{checkout} is not a checkout of {peer.url} at {peer.commit}",
            f"run `git clone {peer.url} {checkout} && git -C {checkout} checkout {peer.commit}`",
        )
    return checkout


def run_smoke_test(checkout: Path, subject: Subject) -> frozenset[str]:
    """PyTorch's smoke test as its release runs it for a build without a GPU."""
    settings = (
        "MATRIX_GPU_ARCH_TYPE=cpu",
        "MATRIX_CHANNEL=release",
        f"MATRIX_STABLE_VERSION={subject.expected.torch}",
    )
    words = [f"--volume={checkout}/test/smoke_test:/smoke_test:ro", "--network=none"]
    words += [f"--env={setting}" for setting in settings]
    script = ["python", "/smoke_test/smoke_test.py", "--package=torchonly"]
    compiles = "enabled" if subject.expected.compiler else "disabled"
    return _run_inside(
        subject, words, [*script, f"--torch-compile-check={compiles}"], _SCRIPT_LINE, "smoke_test"
    )


def run_stacks_tests(checkout: Path, subject: Subject) -> frozenset[str]:
    """docker-stacks' tests, which take the name of an image, and the unit of its PyTorch image."""
    name = f"quay.io/{OWNER}/{NOTEBOOK}"
    tests = (*STACKS_TESTS, *(JUPYTER_TESTS if subject.stack == "jupyter" else ()))
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-rfE", "--tb=no", "--color=no"]
    command += ["-p", "no:cacheprovider", "-o", "log_cli=0", "-c", f"{checkout}/tests/pytest.ini"]
    command += ["--registry", "quay.io", "--owner", OWNER, "--image", NOTEBOOK]
    images = engine.connect_engine().images
    images.get(subject.image).tag(name)
    try:
        done = shell.run_to_end(
            [*command, *(f"{checkout}/tests/by_image/{test}" for test in tests)],
            hint="see the output",
            env={"PYTHONPATH": str(checkout)},
            allowed=ENGINES,
            timeout_s=TEST_S,
        )
    finally:
        images.remove(name, force=True, noprune=True)
    units = f"{checkout}/tests/by_image/{NOTEBOOK}/units"
    unit = ["python", "/units/unit_pytorch.py"]
    return _failures(done, _PYTEST_LINE, "pytest") | _run_inside(
        subject, [f"--volume={units}:/units:ro"], unit, _SCRIPT_LINE, "unit_pytorch"
    )


def run_sanity_tests(checkout: Path, subject: Subject) -> frozenset[str]:
    """AWS's sanity tests, with what its pipeline gives for a PyTorch image with CUDA."""
    scripts = "/workdir/test/sanity/scripts"
    words = [f"--volume={checkout}:/workdir:ro", "--workdir=/workdir"]
    words += ["--env=EXPECTED_FRAMEWORK=pytorch_runtime", "--env=EXPECTED_DEVICE=gpu"]
    expected = subject.expected
    base = ["check_base_image.sh", expected.python, expected.cuda]
    failed: frozenset[str] = frozenset()
    for script, *arguments in (*((each,) for each in AWS_SCRIPTS), base):
        failed |= _run_inside(
            subject,
            [*words, "--entrypoint=bash"],
            [f"{scripts}/{script}", *arguments],
            _SCRIPT_LINE,
            script,
        )
    training = "test_sanity_training.py"
    return failed | _run_inside(
        subject,
        [*words, "--entrypoint=python3"],
        [f"{scripts}/{training}"],
        _UNITTEST_LINE,
        training,
    )


def _run_inside(
    subject: Subject, options: list[str], command: list[str], line: re.Pattern[str], script: str
) -> frozenset[str]:
    run = [engine.docker_program(), "run", "--rm", *options, subject.image, *command]
    done = shell.run_to_end(run, hint="see the output", timeout_s=TEST_S, allowed=ENGINES)
    return _failures(done, line, script)


def _failures(done: shell.CompletedProgram, line: re.Pattern[str], script: str) -> frozenset[str]:
    """The tests that the output names, or the last line of a program that ended without any."""
    text = f"{done.stdout}\n{done.stderr}"
    found = [line.match(each) for each in text.splitlines()]
    named = frozenset(match[1] for match in found if match)
    if done.code and not named:
        last = next((each for each in reversed(text.splitlines()) if each.strip()), "no output")
        return frozenset({f"{script}: {last.strip()}"})
    return named


PEERS = (
    Peer(
        "PyTorch's smoke test",
        "pytorch",
        "builder",
        "45ee80f76ef55b59271856bba5306e6dc88263e8",
        run_smoke_test,
    ),
    Peer(
        "docker-stacks",
        "jupyter",
        "docker-stacks",
        "8209386950497966c8a9aa446b9a84a5dd78eab5",
        run_stacks_tests,
    ),
    Peer(
        "AWS sanity",
        "aws",
        "deep-learning-containers",
        "e0ecedea6a1c56d6b5914f9cfb2fec5c548e67e0",
        run_sanity_tests,
    ),
)
