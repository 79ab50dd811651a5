"""Fixtures and markers of all tests: a home folder, a real registry, the real images.

Tests that this machine cannot run are counted with their reason.
"""

from __future__ import annotations

import shutil
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from runner import embedded, engine, home, pull, secret_values
from runner import settings as run_settings
from runner.errors import ReleaseError
from tests.real_images import reference_of
from validation import harness

NOT_RUN = "NOT RUN"

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")  # a slow machine is no failure
# Below nohup, and in the background of a script, the programs of the tests would ignore these.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

LONG_FILES = frozenset(
    {
        "images/test_build.py",
        "images/test_index.py",
        "images/test_indexes.py",
        "images/test_new_line.py",
        "images/test_resolve.py",
        "images/test_space.py",
        "images/test_wheelhouse.py",
        "images/test_wheels.py",
        "images/test_wheels_as_pip.py",
        "images/test_workers.py",
        "oci/test_hostile.py",
        "oci/test_referrers.py",
        "publish/evidence/test_ecosystem.py",
        "publish/evidence/test_keyless_signing.py",
        "publish/evidence/test_scanners.py",
        "publish/released/test_trusted_journal.py",
        "publish/tags/test_rollback.py",
        "publish/tags/test_transaction.py",
        "publish/test_channel_table.py",
        "publish/test_check.py",
        "publish/test_cluster_release.py",
        "publish/test_cluster_run.py",
        "publish/test_first_release.py",
        "publish/test_forgery.py",
        "publish/test_large_texts.py",
        "publish/test_line_support.py",
        "publish/test_outdated.py",
        "publish/test_pipeline.py",
        "publish/test_planted_secrets.py",
        "publish/test_promotion.py",
        "publish/test_refresh.py",
        "publish/test_rescan.py",
        "publish/test_strangers.py",
        "report/test_notes.py",
        "report/test_render.py",
        "report/test_substitution.py",
        "runner/test_accounts.py",
        "runner/test_engines.py",
        "runner/test_progress.py",
        "runner/test_pull.py",
        "runner/test_shell.py",
        "runner/test_signals.py",
        "runner/test_slurm.py",
        "scan/test_assess.py",
        "scan/test_canaries.py",
        "scan/test_database.py",
        "scan/test_line_fixes.py",
        "scan/test_pinned_database.py",
        "scan/test_run.py",
        "scan/test_sbom_completion.py",
        "scan/test_secret_rules.py",
        "scan/test_store.py",
        "test_conftest.py",
        "test_fixtures.py",
        "test_release.py",
        "test_workflows.py",
        "validation/executors/test_local.py",
        "validation/suites/test_lease.py",
        "validation/test_judge.py",
        "validation/test_nvml.py",
        "validation/test_proof.py",
    }
)
"""Files of tests that start programs or try every moment of a run; `make unit` leaves them out."""


@pytest.fixture(autouse=True)
def forget_secrets() -> Iterator[None]:
    """Let no test see what another one held or learned: they share a process, and runs do not."""
    kept = tuple((held, dict(held)) for held in (run_settings._held, secret_values._learned))
    yield
    for held, before in kept:
        held.clear()
        held.update(before)


@pytest.fixture(name="home")
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a shared folder of this test alone; `out/` is its own too."""
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_OUT", str(tmp_path / "out"))
    return home.make_home_folder()


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Return a function that finds a loopback port on which nothing listens."""

    def found() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return found


@pytest.fixture(scope="session")
def registry_host(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[str]:
    """Start a real registry for these tests alone and return its address."""
    folder = tmp_path_factory.mktemp("registry")
    host = f"127.0.0.1:{free_port()}"
    embedded.start_registry(host, folder)
    yield host
    embedded.stop_registry(folder)


@pytest.fixture(scope="session")
def base_image() -> str:
    """Return `HOST/REPOSITORY@DIGEST` of the real base image."""
    return reference_of("base")


@pytest.fixture(scope="session")
def cv_image() -> str:
    """Return the same of the cv stack."""
    return reference_of("cv")


@pytest.fixture(scope="session")
def nlp_image() -> str:
    """Return the same of the nlp stack."""
    return reference_of("nlp")


@pytest.fixture(scope="session")
def rl_image() -> str:
    """Return the same of the rl stack."""
    return reference_of("rl")


@pytest.fixture(scope="session")
def cli_image() -> str:
    """Return the same of the cli stack."""
    return reference_of("cli")


@pytest.fixture(scope="session")
def jupyter_image() -> str:
    """Return the same of the jupyter stack."""
    return reference_of("jupyter")


@pytest.fixture(scope="session")
def serving_image() -> str:
    """Return the same of the serving stack."""
    return reference_of("serving")


@pytest.fixture(scope="session")
def devel_image() -> str:
    """Return the same of the devel stack."""
    return reference_of("devel")


@pytest.fixture(scope="session")
def ssh_image() -> str:
    """Return the same of the ssh stack."""
    return reference_of("ssh")


@pytest.fixture(scope="session")
def mounted_harness() -> Path:
    """Return the folder of pytest and its plugins that every container gets."""
    return harness.install_harness()


@pytest.fixture
def image_with(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Return a function that pulls the real image of a stack by digest."""

    def pulled(stack: str) -> str:
        reference = str(request.getfixturevalue(f"{stack}_image"))
        pull.pull_image(reference)
        return reference

    return pulled


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-defect",
        action="store_true",
        help="plant every defect, not the representative ones",
    )
    parser.addoption(
        "--thorough", action="store_true", help="run the tests that take a minute or more each too"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even read LONG_FILES if the command leaves out what is `long`: it takes seconds."""
    return (_is_long(collection_path) and "not long" in config.option.markexpr) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of LONG_FILES as `long`."""
    for item in items:
        if _is_long(item.path):
            item.add_marker(pytest.mark.long)


def _is_long(path: Path) -> bool:
    folder = Path(__file__).parent
    return path.is_relative_to(folder) and path.relative_to(folder).as_posix() in LONG_FILES


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests that cannot run here, or were not requested, before any fixture is made."""
    if item.get_closest_marker("every_defect") and not item.config.getoption("--every-defect"):
        pytest.skip(f"{NOT_RUN} (every_defect): `make defects` plants every defect")
    if item.get_closest_marker("thorough") and not item.config.getoption("--thorough"):
        pytest.skip(f"{NOT_RUN} (thorough): `make thorough` runs it")
    for marker, missing in (("docker", _without_engine), ("gpu", _without_gpu)):
        if item.get_closest_marker(marker) and (reason := missing()):
            pytest.skip(f"{NOT_RUN} ({marker}): {reason}")


@cache
def _without_engine() -> str:
    """Return why tests of engine and registry cannot run here; empty if they can."""
    if shutil.which("docker-registry") is None:
        return "the program `docker-registry` is not installed"
    try:
        engine.connect_engine()
    except ReleaseError as error:
        return error.message
    return ""


@cache
def _without_gpu() -> str:
    """Return why GPU tests cannot run here; empty if they can."""
    return "" if engine.gpu_request() else "no NVIDIA GPU"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many tests were not run for each reason."""
    texts = (str(report.longrepr) for report in terminalreporter.stats.get("skipped", []))
    reasons = Counter(
        text[text.index(NOT_RUN) :].rstrip("'\")") for text in texts if NOT_RUN in text
    )
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{count} tests {reason}", yellow=True, bold=True)
