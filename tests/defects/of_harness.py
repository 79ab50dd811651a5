"""Defects of the run itself: suites that do not report what they should, whatever the image is
worth.
"""

from __future__ import annotations

import contextlib
import threading
import time

import requests
from docker.errors import DockerException

from runner import containers, engine, owner
from runner.verdict import Verdict
from tests.defects.defect import Defect, patched, with_file
from validation.executors.interface import Setup
from validation.harness import ROOT
from validation.proof import NOT_MADE
from validation.suite import SUITES, Suite
from validation.suites.contract.layout import NONCE, PACKAGE_FOLDER

SUITE = "device"
MODULE = f"{ROOT}/{PACKAGE_FOLDER}/{SUITE}/test_{SUITE}.py"
KILL_AFTER_S = 1.0
WAIT_S = 60.0


def killed_from_outside(clean: Setup) -> Setup:
    """Another process of the host kills the container a second after its start."""
    threading.Thread(target=_kill, args=(clean.reference,), daemon=True).start()
    return clean


def _kill(reference: str) -> None:
    mine: dict[str, str | list[str] | bool] = {
        "ancestor": reference,
        "label": f"{containers.OWNER}={owner.current_owner()}",
    }
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(DockerException, requests.RequestException):
            for container in engine.connect_engine().containers.list(filters=mine):
                time.sleep(KILL_AFTER_S)
                container.kill("SIGKILL")
                return
        time.sleep(0.1)


def _answers_of_an_earlier_run(suite: Suite) -> Defect:
    """The suite itself answers, and answers the question of another run."""
    return Defect(
        f"{suite.name} answers the challenge of an earlier run",
        suite.name,
        (("challenge", "the answer to `"), ("", f"{NOT_MADE}: challenge: the answer to `")),
        with_file("earlier_run/nonce", f"{ROOT}/{NONCE}"),
        representative=suite is SUITES[0],
    )


DEFECTS = (
    Defect(
        "a test file that is never collected",
        SUITE,
        (("", "without running a test"),),
        with_file("never_collected/checks.py", MODULE),
        representative=True,
    ),
    Defect(
        "a suite of which checks are left out",
        SUITE,
        (("", "exited 0 without a result of "),),
        with_file("left_out/checks.py", MODULE),
    ),
    Defect(
        "a forged report in which every check passed",
        SUITE,
        (
            ("", f"{NOT_MADE}: challenge: no answers to `matmul cpu`"),
            ("challenge", "no answers to `matmul cpu`"),
        ),
        patched("forges_report"),
        representative=True,
    ),
    *(_answers_of_an_earlier_run(suite) for suite in SUITES if not suite.on_host),
    Defect(
        "a suite that exits 0 without running",
        SUITE,
        (("", "exited 0 with no complete report"),),
        patched("exits_0"),
        representative=True,
    ),
    Defect(
        "a truncated result file",
        SUITE,
        (("", "no complete report"),),
        patched("truncates_results"),
    ),
    Defect(
        "a killed container",
        SUITE,
        (("", "the container was killed (SIGKILL)"),),
        killed_from_outside,
        Verdict.INFRA,
        representative=True,
    ),
    Defect(
        "checks that cannot be imported",
        SUITE,
        (("", "not collected: ModuleNotFoundError: No module named 'nowhere'"),),
        with_file("not_importable/checks.py", MODULE),
    ),
)
