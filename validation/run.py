"""The validation stage: every suite of an image on its digest, one record."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

from images.record import BuildRecord
from runner import progress, records
from runner.verdict import Verdict, summary
from validation import harness
from validation.executors import docker
from validation.executors.interface import Setup
from validation.judge import judge
from validation.machine import choose_gpus, environment
from validation.record import SuiteResult, ValidationRecord
from validation.suite import SUITES_FOLDER, Suite, suites_of
from validation.suites.expected import Expected


def validate(build: BuildRecord, expected: Expected, device: str, registry: str) -> ValidationRecord:
    """Judge the digest that `build` pushed to `registry` by the suites of its stacks.

    `device` is `auto`, `cpu` or `cuda`. Raises EnvironmentFailed where nothing can be judged: no engine, no such
    digest, `cuda` without a GPU.
    """
    started, started_at = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    gpus = choose_gpus(device)
    planned = _planned(expected, len(gpus.names))
    setup = _prepare(build.reference(registry), planned)
    where = environment(gpus, setup.shm_bytes)
    results = tuple(_run(suite, setup, build.image) for suite in suites_of(build.stacks))
    verdict = summary(result.verdict for result in results)
    return ValidationRecord(
        version=build.version,
        image=build.image,
        digest=build.digest,
        key=_key(build, planned),
        verdict=verdict,
        reason=blocking_reason(results),
        suites=results,
        environment=where,
        command=f"./release.py validate {build.version} --images {build.image} --device {setup.expected.device}",
        started_at=started_at,
        seconds=round(time.monotonic() - started, 3),
    )


def stands(before: ValidationRecord, build: BuildRecord, expected: Expected, device: str) -> bool:
    """Whether an earlier record still says what a run now would be asked: same digest, suites, harness and devices.

    What failed or was disturbed is judged again.
    """
    if before.digest != build.digest or before.verdict in (Verdict.FAIL, Verdict.INFRA):
        return False
    gpus = choose_gpus(device)
    return before.key == _key(build, _planned(expected, len(gpus.names))) and before.environment.gpus == gpus.names


def _key(build: BuildRecord, planned: Expected) -> str:
    """What was asked of the image, as one hash: every file of the suites, the harness' lock, what they were told."""
    files = [path for path in sorted(SUITES_FOLDER.glob("*.py")) if path.is_file()]
    asked = [suite.name for suite in suites_of(build.stacks)]
    parts = [*(path.read_bytes() for path in files), harness.LOCK.read_bytes(), records.to_json(planned).encode()]
    return hashlib.sha256(b"\0".join([*parts, *(name.encode() for name in asked)])).hexdigest()


def blocking_reason(results: Iterable[SuiteResult]) -> str:
    """The first reason among the worst of the suites; empty where all passed."""
    order = (Verdict.FAIL, Verdict.INFRA, Verdict.INCONCLUSIVE, Verdict.NOT_RUN)
    found = [result for verdict in order for result in results if result.verdict is verdict]
    return f"{found[0].suite}: {found[0].reason}" if found else ""


def _planned(expected: Expected, gpus: int) -> Expected:
    return replace(expected, device="cuda" if gpus else "cpu", gpu_count=gpus)


def _prepare(reference: str, expected: Expected) -> Setup:
    setup = Setup(reference, harness.installed(), expected)
    docker.prepare(setup)
    return setup


def _run(suite: Suite, setup: Setup, image: str) -> SuiteResult:
    with progress.step(f"{image}: {suite.name}"):
        result = judge(suite, docker.run(suite, setup))
    passed = sum(check.verdict is Verdict.PASS for check in result.checks)
    reason = f", {result.reason}" if result.reason else ""
    progress.say(f"    {result.verdict}, {passed} of {len(result.checks)} checks passed{reason}")
    return result
