"""From what a suite's container left behind to verdicts.

Pure, and suspicious: what is not proven is not a pass.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from runner import records
from runner.untrusted import Malformed, clean_line, clean_text
from runner.verdict import Verdict, worst_verdict
from validation import proof
from validation.check_list import hash_list
from validation.diagnosis import find_diagnosis
from validation.proof import SuiteChallenge
from validation.record import Check, SuiteResult
from validation.report import (
    ACCOUNT_CHARACTERS,
    MESSAGE_CHARACTERS,
    SuiteReport,
    TestPhase,
    read_report,
)
from validation.suite import Suite
from validation.suites.contract.ending import NOT_RUN

KILLED = 137
DIED = "its process died: a crash, or an exit in the middle"
STARVED = "out of memory: the kernel killed its process"
_CRASHED = re.compile(r"worker '\w+' crashed while running ")  # xdist's words
_NOISE = ("AssertionError: ", "Failed: ", "Skipped: ")


@dataclass(frozen=True)
class SuiteExecution:
    """How a container ended, in a stranger's words as far as it tells them.

    `exit_code` is None if it told none.

    `report` is what pytest-reportlog wrote, `running` the test that ran last, `output` the end of
    what was printed. `malformed` says what was found if the suite left something else than bounded
    regular files, `engine_problem` what the engine said if it failed, `host_problem` what this
    machine said if it could not read what was left. `challenge` is what the host told the suite,
    `container` the engine's id of the container if this machine shows its processes.
    """

    exit_code: int | None
    seconds: float
    report: str = ""
    running: str = ""
    output: str = ""
    out_of_memory: bool = False
    timed_out: bool = False
    engine_problem: str = ""
    malformed: str = ""
    host_problem: str = ""
    challenge: SuiteChallenge | None = None
    container: str = ""


@dataclass(frozen=True)
class SuiteFailure:
    """Something that decides a suite beyond its checks."""

    verdict: Verdict
    reason: str


def judge_suite(suite: Suite, ended: SuiteExecution) -> SuiteResult:
    """Return the suite's result; checks that ended before a container died are kept in it."""
    report, malformed = _read_suite_report(suite, ended)
    checks = tuple(_judge_checks(report.phases))
    if ended.out_of_memory:
        checks = tuple(
            replace(check, verdict=Verdict.INFRA, reason=STARVED) if check.reason == DIED else check
            for check in checks
        )
    failure = malformed or _container_failure(suite, ended)
    failure = failure or _report_failure(suite, ended, report, checks)
    checks, problem = proof.examine_report(
        suite, ended.challenge, ended.seconds, report.phases, checks
    )
    failure = failure or (SuiteFailure(Verdict.FAIL, problem) if problem else None)
    verdict = worst_verdict(
        [*(check.verdict for check in checks), *([failure.verdict] if failure else [])]
    )
    if failure:  # its cause is that of its reason, else of the last known words that were printed
        found = find_diagnosis(failure.reason) or find_diagnosis(ended.output)
        reason, cause = failure.reason, found.cause if found else ""
    else:
        first = next(check for check in checks if check.verdict is verdict)
        reason = "" if verdict is Verdict.PASS else f"{first.name}: {first.reason}"
        cause = first.cause
    shown = "" if verdict in (Verdict.PASS, Verdict.NOT_RUN) else clean_text(ended.output)
    return SuiteResult(
        suite=suite.name,
        verdict=verdict,
        reason=reason,
        cause=cause,
        seconds=round(ended.seconds, 3),
        checks=checks,
        last_output=shown,
        list_digest=hash_list(suite) if suite.listed else "",
    )


def _read_suite_report(
    suite: Suite, ended: SuiteExecution
) -> tuple[SuiteReport, SuiteFailure | None]:
    """Return the report, and a failure if the image wrote something else than a suite does.

    That comes before a failure of the engine: only the image can have written it.
    """
    if ended.malformed:
        found = clean_line(ended.malformed, MESSAGE_CHARACTERS)
        return SuiteReport(), SuiteFailure(
            Verdict.FAIL, f"what the suite wrote is refused: {found}"
        )
    try:
        return read_report(ended.report, suite.timeout_s), None
    except Malformed as error:
        return SuiteReport(), SuiteFailure(Verdict.FAIL, f"the report is malformed: {error}")


def _container_failure(suite: Suite, ended: SuiteExecution) -> SuiteFailure | None:
    where = f" in {_check_name(ended.running)}" if ended.running else ""
    if ended.engine_problem:
        return SuiteFailure(
            Verdict.INFRA, f"the engine failed{where}: {clean_line(ended.engine_problem)}"
        )
    if ended.host_problem:
        return SuiteFailure(
            Verdict.INFRA, f"this machine failed{where}: {clean_line(ended.host_problem)}"
        )
    if ended.timed_out:
        return SuiteFailure(
            Verdict.FAIL,
            f"hung{where}: still running after {suite.timeout_s} s; "
            "its stacks are in the last output",
        )
    if ended.out_of_memory:
        return SuiteFailure(
            Verdict.INFRA, f"out of memory{where}: the kernel killed a process of the container"
        )
    if ended.exit_code == KILLED:
        return SuiteFailure(Verdict.INFRA, f"the container was killed (SIGKILL){where}")
    return None


def _report_failure(
    suite: Suite, ended: SuiteExecution, report: SuiteReport, checks: tuple[Check, ...]
) -> SuiteFailure | None:
    """Return why the report does not prove what it says."""
    missing = sorted(list_tests(suite) - {check.name.partition("[")[0] for check in checks})
    last = f", last in {_check_name(ended.running)}" if ended.running else ""
    incomplete = report.exit_code is None or not report.whole
    problems = (
        (bool(report.not_collected), f"not collected: {next(iter(report.not_collected), '')}"),
        (incomplete, f"exited {ended.exit_code} with no complete report{last}"),
        (not checks, f"exited {ended.exit_code} without running a test"),
        (bool(missing), f"exited {ended.exit_code} without a result of {', '.join(missing)}"),
        (report.exit_code != ended.exit_code, f"exited {ended.exit_code} after the tests ended"),
        (
            ended.exit_code != 0
            and not any(check.verdict in (Verdict.FAIL, Verdict.INFRA) for check in checks),
            f"exited {ended.exit_code} although no check failed",
        ),
    )
    return next(
        (SuiteFailure(Verdict.FAIL, reason) for problem, reason in problems if problem), None
    )


def _judge_checks(phases: Iterable[TestPhase]) -> Iterator[Check]:
    """Return one check per test.

    Its phases (set-up, call, tear-down) are judged together, and the last must be there.
    """
    tests: dict[str, list[TestPhase]] = {}
    for phase in phases:
        tests.setdefault(phase.nodeid, []).append(phase)
    for nodeid, its in tests.items():
        judged = [_judge_phase(phase) for phase in its]
        if its[-1].when != "teardown":
            judged.append((Verdict.INCONCLUSIVE, "the test did not end", ""))
        verdict = worst_verdict(verdict for verdict, *_ in judged)
        reason, cause = next((texts for found, *texts in judged if found is verdict), ("", ""))
        seconds = round(sum(phase.seconds for phase in its), 3)
        # Every phase repeats the figures of those before it; the last has them all.
        figures = max((phase.figures for phase in its), key=len)
        check = Check(_check_name(nodeid), verdict, reason, seconds, figures, cause)
        yield check if cause else _diagnose_check(check, " ".join(phase.account for phase in its))


def _diagnose_check(check: Check, output: str) -> Check:
    """Return a failed check with its cause, if its words are known.

    The cause may be the runner's. Only the reason may say so: what else `output` holds, lines of
    source among it, tells at most the cause. An image can print such words on purpose. All it
    gains is `infra` instead of `fail`: the suite is run again, a bounded number of times
    (attempts.INFRA_RETRIES), and `infra` is never a pass, so the image is not promoted.
    """
    diagnosis = find_diagnosis(check.reason)
    found = diagnosis or find_diagnosis(output, ACCOUNT_CHARACTERS)
    if check.verdict is not Verdict.FAIL or found is None:
        return check
    return replace(
        check, cause=found.cause, verdict=(diagnosis and diagnosis.verdict) or check.verdict
    )


def _judge_phase(phase: TestPhase) -> tuple[Verdict, str, str]:
    """Return the verdict on one phase of a test, its reason, and the cause if the check told it.

    A skip counts as `not run` only if one of this repository's checks says so; an expected failure
    is a failure.
    """
    if phase.expected_failure is not None:
        return Verdict.FAIL, f"marked as expected to fail: {phase.expected_failure}", ""
    if phase.outcome == "passed":
        return Verdict.PASS, "", ""
    ending = phase.ending
    if ending and (phase.outcome == "skipped") == (ending.kind == NOT_RUN):
        return Verdict(ending.kind), ending.reason or phase.message, ending.cause
    message = phase.message
    for noise in _NOISE:
        message = message.removeprefix(noise)
    if _CRASHED.match(message):
        message = DIED
    return Verdict.FAIL, f"skipped: {message}" if phase.outcome == "skipped" else message, ""


def list_tests(suite: Suite) -> set[str]:
    """Return the tests written in the suite's file.

    Each must have a result, whatever pytest collected or deselected.
    """
    module = ast.parse(records.read_text(suite.module_path))
    names = (node.name for node in module.body if isinstance(node, ast.FunctionDef))
    return {name.removeprefix("test_") for name in names if name.startswith("test_")}


def _check_name(nodeid: str) -> str:
    return clean_line(nodeid).rpartition("::")[2].removeprefix("test_")
