"""The validation stage: checks of the host, every suite, the gates on throughput, one record."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from runner import engine, freshness, progress, records
from runner.engine import ImageCannotBeUnpacked
from runner.errors import EnvironmentFailed
from runner.verdict import WORST_FIRST, Verdict, summary
from validation import floor, gpu_work, harness, regression
from validation.attempts import attempt
from validation.executors import EXECUTORS, Executor, Setup
from validation.judge import judge
from validation.machine import DOCKER, Gpus, choose_gpus, environment
from validation.nvml import Sampler
from validation.preflight import preflight
from validation.record import SuiteResult, ValidationRecord
from validation.suite import SUITES, SUITES_FOLDER, Suite, suites_of
from validation.suites.contract.expected import Expected
from validation.suites.contract.words import NO_GPU

LOST = "the GPU, its power or its slot: look at the kernel's log for an Xid"
THROUGHPUT = next(suite for suite in SUITES if suite.name == "throughput")


@dataclass(frozen=True)
class Subject:
    """An image to judge, and the facts that its tag asserts.

    `reference` is HOST/REPOSITORY@DIGEST, or an interpreter of this machine, which has no
    `digest`. `previous` is the reference of the release before in the same line, empty if there
    is none. `command` is what a person types to judge it again, if that is not `validate`.
    """

    version: str
    image: str
    stacks: tuple[str, ...]
    digest: str
    reference: str
    expected: Expected
    driver_floor: str
    previous: str = ""
    command: str = ""


def validate(subject: Subject, device: str, executor: str = DOCKER) -> ValidationRecord:
    """Judge `subject` by the suites of its stacks.

    `device` is `auto`, `cpu` or `cuda`, `executor` a name of EXECUTORS. Raises
    EnvironmentFailed if nothing can be judged: no engine, no such digest, `cuda` without a GPU.
    """
    started, started_at = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    runs_in = EXECUTORS[executor]
    gpus = choose_gpus(device, runs_in.gpu_problem)
    planned = _planned(subject.expected, len(gpus.names))
    setup = Setup(subject.reference, harness.installed(), planned)
    results = _results(subject, setup, gpus, runs_in)
    return ValidationRecord(
        version=subject.version,
        image=subject.image,
        digest=subject.digest,
        key=_key(subject, planned),
        verdict=summary(result.verdict for result in results),
        reason=blocking_reason(results),
        suites=results,
        environment=environment(gpus, setup.shm_bytes, runs_in.describe_machine()),
        command=_command(subject, planned.device),
        started_at=started_at,
        seconds=round(time.monotonic() - started, 3),
    )


def stands(before: ValidationRecord, subject: Subject, device: str) -> bool:
    """Return whether an earlier record can be used in place of a new run.

    It must have the same digest, suites, harness and devices. A record that did not pass is
    never used, and neither is one that is too old: signed again it would keep its date, and a
    channel that limits the age of tests would refuse it whatever is run.
    """
    if before.digest != subject.digest or before.verdict not in (
        Verdict.PASS,
        Verdict.INCONCLUSIVE,
    ):
        return False
    if not freshness.stands(before.started_at):
        return False
    gpus = choose_gpus(device, EXECUTORS[DOCKER].gpu_problem)
    planned = _planned(subject.expected, len(gpus.names))
    return before.key == _key(subject, planned) and before.environment.gpus == gpus.names


def blocking_reason(results: Iterable[SuiteResult]) -> str:
    """Return the first reason among the worst of the suites; empty if all passed."""
    found = sorted(results, key=lambda result: WORST_FIRST.index(result.verdict))
    blocking = [result for result in found if result.verdict is not Verdict.PASS]
    return f"{blocking[0].suite}: {blocking[0].reason}" if blocking else ""


def _results(
    subject: Subject, setup: Setup, gpus: Gpus, executor: Executor
) -> tuple[SuiteResult, ...]:
    """Check the host, then run the suites; none is started if the host is not fit."""
    before = preflight(gpus.inventory, subject.driver_floor, subject.expected.cuda)
    _say(before)
    suites = suites_of(subject.stacks)
    if before.verdict is Verdict.INFRA:
        return before, *(_not_started(suite, before.reason) for suite in suites)
    if failed := _prepare(executor, setup):
        return before, *(
            replace(_not_started(suite, failed.reason), verdict=failed.verdict) for suite in suites
        )
    results = tuple(_run(suite, setup, gpus, executor, subject.image) for suite in suites)
    gates = _gates(subject, setup, gpus, executor, results)
    for gate in gates:
        _say(gate)
    return before, *results, *gates


@dataclass(frozen=True)
class _NotPrepared:
    """Reason why no suite of an image can be started.

    The verdict is `fail` if the image is at fault. Suites of other images may start.
    """

    verdict: Verdict
    reason: str


def _prepare(executor: Executor, setup: Setup) -> _NotPrepared | None:
    """Fetch the image; None if that went well.

    Raises EnvironmentFailed if the engine does not answer at all.
    """
    try:
        executor.prepare(setup)
    except ImageCannotBeUnpacked as error:
        return _NotPrepared(Verdict.FAIL, error.message)
    except EnvironmentFailed as error:
        if not executor.PROVES_IMAGE or not engine.answers():
            raise
        return _NotPrepared(Verdict.INFRA, error.message)
    return None


def _not_started(suite: Suite, reason: str) -> SuiteResult:
    return SuiteResult(suite.name, Verdict.NOT_RUN, f"not started: {reason}", 0.0, (), "")


def _run(suite: Suite, setup: Setup, gpus: Gpus, executor: Executor, image: str) -> SuiteResult:
    if suite.of_the_image and not executor.PROVES_IMAGE:
        return _not_started(suite, "there is no image whose contents it could judge")
    with progress.step(f"{image}: {suite.name}"):
        result = attempt(lambda: _watched(suite, setup, gpus, executor))
    _say(result)
    return result


def _watched(suite: Suite, setup: Setup, gpus: Gpus, executor: Executor) -> SuiteResult:
    """Run one attempt while NVML is read.

    A failure after its GPU was lost is not the image's fault.
    """
    with Sampler(gpus.inventory.gpus) as sampler:
        ended = executor.run(suite, setup)
    result = replace(judge(suite, ended), samples=sampler.samples)
    result = gpu_work.held_against(
        result, suite, ended.container, gpus.inventory.gpus, sampler.work
    )
    if sampler.problem:
        return replace(result, verdict=Verdict.INFRA, reason=sampler.problem, cause=LOST)
    return result


def _gates(
    subject: Subject, setup: Setup, gpus: Gpus, executor: Executor, results: Iterable[SuiteResult]
) -> tuple[SuiteResult, ...]:
    """Return the gates on throughput.

    Without a previous release there is nothing to compare with, and no such gate.
    """
    measured = next(result for result in results if result.suite == THROUGHPUT.name)
    command = _command(subject, setup.expected.device)
    released = (
        subject.digest if subject.version else ""
    )  # only a release of ours is a measure for others
    source = floor.Source(subject.version, released, gpus.driver, datetime.now(UTC).date(), command)
    gates = (floor.floor(measured, gpus.names, source),)
    if not subject.previous:
        return gates
    if not gpus.names:
        nothing = SuiteResult(
            regression.NAME, Verdict.NOT_RUN, f"{NO_GPU}: a CPU's figures are no gate", 0.0, (), ""
        )
        return *gates, nothing
    previous = replace(setup, reference=subject.previous)
    executor.prepare(previous)
    run = regression.in_containers(THROUGHPUT, previous, setup, executor.run)
    with (
        progress.step(f"{subject.image}: against the previous release"),
        Sampler(gpus.inventory.gpus) as sampler,
    ):
        compared = regression.compare(run)
    return *gates, replace(compared, samples=sampler.samples)


def _planned(expected: Expected, gpus: int) -> Expected:
    return replace(expected, device="cuda" if gpus else "cpu", gpu_count=gpus)


def _key(subject: Subject, planned: Expected) -> str:
    """Return a hash of all inputs: the suites' files, the harness' lock, and the expectations."""
    files = sorted(
        path
        for folder in (SUITES_FOLDER, floor.FOLDER)
        for path in folder.rglob("*")
        if path.suffix in (".py", ".yaml")
    )
    asked = [
        subject.driver_floor,
        subject.previous,
        *(suite.name for suite in suites_of(subject.stacks)),
    ]
    parts = [
        *(path.read_bytes() for path in files),
        harness.LOCK.read_bytes(),
        records.to_json(planned).encode(),
    ]
    return hashlib.sha256(b"\0".join([*parts, *(name.encode() for name in asked)])).hexdigest()


def _command(subject: Subject, device: str) -> str:
    if subject.command:
        return subject.command
    command = f"./release.py validate {subject.version} --images {subject.image} --device {device}"
    return command if subject.digest else f"{command} --executor local --python {subject.reference}"


def _say(result: SuiteResult) -> None:
    passed = sum(check.verdict is Verdict.PASS for check in result.checks)
    reason = f", {result.reason}" if result.reason else ""
    cause = f" ({result.cause})" if result.cause else ""
    progress.say(
        f"    {result.suite}: {result.verdict}, {passed} of {len(result.checks)} checks "
        f"passed{reason}{cause}"
    )
    if result.suite == floor.NAME and result.last_output:
        progress.say("to be reviewed and committed as validation/expectations/...:")
        progress.say_block(result.last_output)
