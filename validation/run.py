"""The validation stage: checks of the host, every suite, the gates on throughput, one record."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from images.version import line_of_torch
from runner import engine, freshness, progress, records
from runner.errors import EnvironmentFailed
from runner.nouns import count_noun
from runner.pull import ImageCannotBeUnpacked
from runner.verdict import Verdict, summary_verdict
from validation import floor, gpu_work, harness, provisional, regression
from validation.attempts import run_attempts
from validation.check_list import hash_list
from validation.executors import EXECUTORS, Executor, Setup
from validation.gpu_lease import lease_gpus
from validation.judge import judge_suite
from validation.levels import find_blocking_suite
from validation.machine import DOCKER, Gpus, choose_gpus, describe_environment
from validation.nvml import Sampler
from validation.preflight import check_host
from validation.record import SuiteResult, ValidationRecord
from validation.suite import (
    HOST_SUITES_FOLDER,
    MULTINODE,
    SUITES,
    SUITES_FOLDER,
    Suite,
    list_suites,
)
from validation.suites.contract.expected import Expected
from validation.suites.contract.node_place import NodePlace
from validation.suites.contract.words import NO_GPU

LOST = "the GPU, its power supply or its slot failed: look for an Xid in the kernel's log"
THROUGHPUT = next(suite for suite in SUITES if suite.name == "throughput")


@dataclass(frozen=True)
class ValidationTarget:
    """An image to judge, and the facts that its tag asserts.

    `reference` is HOST/REPOSITORY@DIGEST, or an interpreter of this machine, which has no
    `digest`. `previous` is the reference of the previous release in the same line, empty if there
    is none. `command` is what a person types to judge it again, if that is not `validate`. Only the
    suites named in `only` are run, or all of one machine if it is empty. `place` is that of this
    node if a suite of several nodes runs.
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
    only: tuple[str, ...] = ()
    place: NodePlace | None = None

    @property
    def suites(self) -> tuple[Suite, ...]:
        """The suites to run, in their order."""
        if MULTINODE.name in self.only:
            return (MULTINODE,)
        every = list_suites(self.stacks)
        return tuple(suite for suite in every if not self.only or suite.name in self.only)


def validate_image(
    subject: ValidationTarget, device: str, executor: str = DOCKER
) -> ValidationRecord:
    """Judge `subject` by the suites of its stacks.

    `device` is `auto`, `cpu` or `cuda`, `executor` a name of EXECUTORS. Raises
    EnvironmentFailed if nothing can be judged: no engine, no such digest, `cuda` without a GPU.
    """
    runs_in = EXECUTORS[executor]
    with _leased_gpus(device, runs_in) as gpus:
        started, started_at = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
        planned = plan_gpus(subject.expected, len(gpus.names))
        setup = Setup(subject.reference, harness.install_harness(), planned, place=subject.place)
        results = _run_suites(subject, setup, gpus, runs_in)
    return ValidationRecord(
        version=subject.version,
        image=subject.image,
        digest=subject.digest,
        key=hash_inputs(subject, planned),
        verdict=summary_verdict(result.verdict for result in results),
        reason=blocking_reason(results),
        suites=results,
        environment=describe_environment(gpus, setup.shm_bytes, runs_in.describe_machine()),
        command=_rerun_command(subject, planned.device),
        started_at=started_at,
        seconds=round(time.monotonic() - started, 3),
    )


@contextlib.contextmanager
def _leased_gpus(device: str, runs_in: Executor) -> Iterator[Gpus]:
    """Yield the GPUs to use, which no other run of this machine has, nor anything of a killed one.

    Raises as `choose_gpus`, and EnvironmentFailed if another run does not end.
    """
    chosen = choose_gpus(device, runs_in.gpu_problem)
    with lease_gpus(chosen.inventory.gpus):
        runs_in.remove_leftovers()
        # they are read again: another run may have computed on them until now
        yield choose_gpus(device, runs_in.gpu_problem) if chosen.names else chosen


def is_still_valid(before: ValidationRecord, subject: ValidationTarget, device: str) -> bool:
    """Return whether an earlier record can be used in place of a new run.

    It must have the same digest, suites, harness and devices. A record that did not pass is
    never used, and neither is one that is too old: signed again it would keep its date, and a
    channel that limits the age of tests would refuse it whatever is run.
    """
    if not stands_elsewhere(before, subject):
        return False
    return choose_gpus(device, EXECUTORS[DOCKER].gpu_problem).names == before.environment.gpus


def stands_elsewhere(before: ValidationRecord, subject: ValidationTarget) -> bool:
    """Return whether the record of another machine can be used in place of a new run there.

    As `is_still_valid`, with the GPUs that the record names.
    """
    return _has_passed(before, subject) and has_same_inputs(before, subject)


def has_same_inputs(before: ValidationRecord, subject: ValidationTarget) -> bool:
    """Return whether a record is of this digest, and of today's suites on the GPUs it names."""
    return before.digest == subject.digest and before.key == hash_inputs(
        subject, plan_gpus(subject.expected, len(before.environment.gpus))
    )


def _has_passed(before: ValidationRecord, subject: ValidationTarget) -> bool:
    """Return whether a record has nothing but passes, is recent, and of today's lists of checks."""
    if before.verdict not in (Verdict.PASS, Verdict.INCONCLUSIVE):
        return False
    # the record of an older version does not say which lists of checks it was held against
    held = {each.suite: each.list_digest for each in before.suites}
    listed = [suite for suite in subject.suites if suite.listed]
    return freshness.is_fresh(before.started_at) and all(
        held.get(suite.name) == hash_list(suite) for suite in listed
    )


def blocking_reason(results: Iterable[SuiteResult]) -> str:
    """Return the first reason among the worst of the suites; empty if all passed."""
    first = find_blocking_suite(results)
    return f"{first.suite}: {first.reason}" if first else ""


def _run_suites(
    subject: ValidationTarget, setup: Setup, gpus: Gpus, executor: Executor
) -> tuple[SuiteResult, ...]:
    """Check the host, then run the suites; none is started if the host is not fit."""
    before = check_host(gpus.inventory, subject.driver_floor, subject.expected.cuda)
    _print_result(before)
    suites = subject.suites
    if before.verdict is Verdict.INFRA:
        return before, *(_not_started(suite, before.reason) for suite in suites)
    if failed := _prepare_image(executor, setup):
        return before, *(
            replace(_not_started(suite, failed.reason), verdict=failed.verdict) for suite in suites
        )
    results = tuple(_attempt_suite(suite, setup, gpus, executor, subject.image) for suite in suites)
    if THROUGHPUT not in suites:
        return before, *results
    gates = _throughput_gates(subject, setup, gpus, executor, results)
    for gate in gates:
        _print_result(gate)
    return before, *results, *gates


@dataclass(frozen=True)
class _NotPrepared:
    """Reason why no suite of an image can be started.

    The verdict is `fail` if the image is at fault. Suites of other images may start.
    """

    verdict: Verdict
    reason: str


def _prepare_image(executor: Executor, setup: Setup) -> _NotPrepared | None:
    """Fetch the image; None if that went well.

    Raises EnvironmentFailed if the engine does not answer at all.
    """
    try:
        executor.prepare_run(setup)
    except ImageCannotBeUnpacked as error:
        return _NotPrepared(Verdict.FAIL, error.message)
    except EnvironmentFailed as error:
        if not executor.PROVES_IMAGE or not engine.is_answering():
            raise
        return _NotPrepared(Verdict.INFRA, error.message)
    return None


def _not_started(suite: Suite, reason: str) -> SuiteResult:
    return SuiteResult(suite.name, Verdict.NOT_RUN, f"not started: {reason}", 0.0, (), "")


def _attempt_suite(
    suite: Suite, setup: Setup, gpus: Gpus, executor: Executor, image: str
) -> SuiteResult:
    if suite.of_the_image and not executor.PROVES_IMAGE:
        return _not_started(suite, "there is no image whose contents it could judge")
    with progress.show_step(f"{image}: {suite.name}"):
        if suite.nodes > 1:  # another attempt here would find nobody on the other nodes
            result = _run_sampled(suite, setup, gpus, executor)
        else:
            result = run_attempts(lambda: _run_sampled(suite, setup, gpus, executor))
    _print_result(result)
    return result


def _run_sampled(suite: Suite, setup: Setup, gpus: Gpus, executor: Executor) -> SuiteResult:
    """Run one attempt while NVML is read.

    A failure after its GPU was lost is not the image's fault.
    """
    with Sampler(gpus.inventory.gpus) as sampler:
        ended = executor.run_suite(suite, setup)
    result = replace(judge_suite(suite, ended), samples=sampler.all_samples)
    result = gpu_work.check_gpu_work(
        result, suite, ended.container, gpus.inventory.gpus, sampler.work
    )
    if sampler.lost_gpu:
        return replace(result, verdict=Verdict.INFRA, reason=sampler.lost_gpu, cause=LOST)
    return result


def _throughput_gates(
    subject: ValidationTarget,
    setup: Setup,
    gpus: Gpus,
    executor: Executor,
    results: Iterable[SuiteResult],
) -> tuple[SuiteResult, ...]:
    """Return the gates on throughput.

    Without a previous release there is nothing to compare with, and no such gate.
    """
    measured = next(result for result in results if result.suite == THROUGHPUT.name)
    command = _rerun_command(subject, setup.expected.device)
    released = (
        subject.digest if subject.version else ""
    )  # only a release of ours is a measure for others
    source = floor.FloorSource(
        subject.version, released, gpus.driver, datetime.now(UTC).date(), command
    )
    folder = floor.line_folder(line_of_torch(subject.expected.torch))
    gates = (floor.judge_floor(measured, gpus.names, source, folder),)
    if not subject.previous:
        return gates
    if not gpus.names:
        nothing = SuiteResult(
            regression.NAME, Verdict.NOT_RUN, f"{NO_GPU}: a CPU is not compared", 0.0, (), ""
        )
        return *gates, nothing
    previous = replace(setup, reference=subject.previous)
    executor.prepare_run(previous)
    run = regression.container_runner(THROUGHPUT, previous, setup, executor.run_suite)
    with (
        progress.show_step(f"{subject.image}: against the previous release"),
        Sampler(gpus.inventory.gpus) as sampler,
    ):
        compared = regression.compare_releases(run)
    return *gates, replace(compared, samples=sampler.all_samples)


def plan_gpus(expected: Expected, gpus: int) -> Expected:
    """Return what suites are told to expect on a machine with so many GPUs."""
    return replace(expected, device="cuda" if gpus else "cpu", gpu_count=gpus)


def hash_inputs(subject: ValidationTarget, planned: Expected) -> str:
    """Return a hash of all inputs: the suites' files, the harness' lock, and the expectations."""
    files = sorted(
        path
        for folder in (SUITES_FOLDER, HOST_SUITES_FOLDER, floor.FOLDER)
        for path in folder.rglob("*")
        if path.suffix in (".py", ".yaml", ".json")
    )
    files.append(provisional.DATA)
    settings = [
        subject.driver_floor,
        subject.previous,
        *(suite.name for suite in list_suites(subject.stacks)),
    ]
    parts = [
        *(records.read_bytes(path) for path in files),
        records.read_bytes(harness.LOCK),
        records.to_json(planned).encode(),
    ]
    return hashlib.sha256(b"\0".join([*parts, *(name.encode() for name in settings)])).hexdigest()


def _rerun_command(subject: ValidationTarget, device: str) -> str:
    if subject.command:
        return subject.command
    command = f"./release.py validate {subject.version} --images {subject.image} --device {device}"
    return command if subject.digest else f"{command} --executor local --python {subject.reference}"


def _print_result(result: SuiteResult) -> None:
    passed = sum(check.verdict is Verdict.PASS for check in result.checks)
    reason = f", {result.reason}" if result.reason else ""
    cause = f" ({result.cause})" if result.cause else ""
    checks = count_noun(len(result.checks), "check")
    progress.say_line(
        f"    {result.suite}: {result.verdict}, {passed} of {checks} passed{reason}{cause}"
    )
    if result.suite == floor.NAME and result.last_output:
        progress.say_line(
            "    for a measured floor run `./release.py baseline VERSION`, and commit the file"
        )
