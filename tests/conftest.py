"""What tests share: a home of their own, a real registry, the real images, and markers that never
skip in silence.
"""

from __future__ import annotations

import shutil
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from runner import embedded, engine, home
from runner.errors import ReleaseError
from tests.real_images import reference_of
from validation import harness

NOT_RUN = "NOT RUN"


@pytest.fixture(name="home")
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shared folder and an `out/` of this test alone."""
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_OUT", str(tmp_path / "out"))
    return home.kept()


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A port of loopback on which nothing listens."""

    def found() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return found


@pytest.fixture(scope="session")
def registry_host(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[str]:
    """A real distribution registry of these tests alone."""
    folder = tmp_path_factory.mktemp("registry")
    host = f"127.0.0.1:{free_port()}"
    embedded.start(host, folder)
    yield host
    embedded.stop(folder)


@pytest.fixture(scope="session")
def base_image() -> str:
    """`HOST/REPOSITORY@DIGEST` of the real base image."""
    return reference_of("base")


@pytest.fixture(scope="session")
def cv_image() -> str:
    """As `base_image`, of the cv stack."""
    return reference_of("cv")


@pytest.fixture(scope="session")
def nlp_image() -> str:
    """As `base_image`, of the nlp stack."""
    return reference_of("nlp")


@pytest.fixture(scope="session")
def rl_image() -> str:
    """As `base_image`, of the rl stack."""
    return reference_of("rl")


@pytest.fixture(scope="session")
def mounted_harness() -> Path:
    """Pytest and its plugins, as every container gets them."""
    return harness.installed()


@pytest.fixture
def image_with(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """The real image that carries a stack, pulled by digest."""

    def pulled(stack: str) -> str:
        reference = str(request.getfixturevalue(f"{stack}_image"))
        engine.pull(reference)
        return reference

    return pulled


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-defect",
        action="store_true",
        help="plant every defect, not the representative ones",
    )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run or nobody asked for, before any fixture is made."""
    if item.get_closest_marker("every_defect") and not item.config.getoption("--every-defect"):
        pytest.skip(f"{NOT_RUN} (every_defect): `make defects` plants every defect")
    for marker, missing in (("docker", _without_engine), ("gpu", _without_gpu)):
        if item.get_closest_marker(marker) and (reason := missing()):
            pytest.skip(f"{NOT_RUN} ({marker}): {reason}")


@cache
def _without_engine() -> str:
    """Why tests of engine and registry cannot run here; empty where they can."""
    if shutil.which("docker-registry") is None:
        return "the program `docker-registry` is not installed"
    try:
        engine.client()
    except ReleaseError as error:
        return error.message
    return ""


@cache
def _without_gpu() -> str:
    """Why GPU tests cannot run here; empty where they can."""
    return "" if engine.gpu_request() else "no NVIDIA GPU"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Count what was not run, and say why: a run without it is not a full run."""
    texts = (str(report.longrepr) for report in terminalreporter.stats.get("skipped", []))
    reasons = Counter(
        text[text.index(NOT_RUN) :].rstrip("'\")") for text in texts if NOT_RUN in text
    )
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{count} tests {reason}", yellow=True, bold=True)
