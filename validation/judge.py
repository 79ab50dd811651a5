"""From what a suite's container left behind to verdicts.

Pure, and suspicious: what is not proven is not a pass.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from runner.untrusted import Malformed, clean, clean_line
from runner.verdict import Verdict, worst
from validation import witness
from validation.diagnosis import diagnose
from validation.record import Check, SuiteResult
from validation.report import MESSAGE_CHARACTERS, Phase, Report, read_report
from validation.suite import Suite
from validation.suites.contract.words import CAUSE, INFRA, NOT_RUN
from validation.witness import Asked

KILLED = 137
DIED = "its process died: a crash, or an exit in the middle"
_CRASHED = re.compile(r"worker '\w+' crashed while running ")  # xdist's words
_NOISE = ("AssertionError: ", "Failed: ", "Skipped: ")


@dataclass(frozen=True)
class Ended:
    """How a container ended, in a stranger's words as far as it tells them.

    `exit_code` is None if it told none.

    `report` is what pytest-reportlog wrote, `running` the test that ran last, `output` the end of
    what was printed. `malformed` says what was found if the suite left something else than bounded
    regular files, `engine_problem` what the engine said if it failed, `host_problem` what this
    machine said if it could not read what was left. `asked` is what the host told the suite,
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
    asked: Asked | None = None
    container: str = ""


@dataclass(frozen=True)
class _Blow:
    """Something that decides a suite beyond its checks."""

    verdict: Verdict
    reason: str


def judge(suite: Suite, ended: Ended) -> SuiteResult:
    """Return the suite's result; checks that ended before a container died are kept in it."""
    report, malformed = _read(suite, ended)
    checks = tuple(
        _spared(check) if ended.out_of_memory else check for check in _checks(report.phases)
    )
    blow = (
        malformed or _of_the_container(suite, ended) or _of_the_report(suite, ended, report, checks)
    )
    checks, doubt = witness.examine(suite, ended.asked, ended.seconds, report.phases, checks)
    blow = blow or (_Blow(Verdict.FAIL, doubt) if doubt else None)
    verdict = worst([*(check.verdict for check in checks), *([blow.verdict] if blow else [])])
    reason = blow.reason if blow else _first_reason(verdict, checks)
    shown = "" if verdict in (Verdict.PASS, Verdict.NOT_RUN) else clean(ended.output)
    return SuiteResult(
        suite=suite.name,
        verdict=verdict,
        reason=reason,
        cause=_cause_of(blow, ended)
        if blow
        else next((one.cause for one in checks if one.verdict is verdict), ""),
        seconds=round(ended.seconds, 3),
        checks=checks,
        last_output=shown,
    )


def _read(suite: Suite, ended: Ended) -> tuple[Report, _Blow | None]:
    """Return the report, and a failure if the image wrote something else than a suite does.

    That comes before a failure of the engine: only the image can have written it.
    """
    if ended.malformed:
        found = clean_line(ended.malformed, MESSAGE_CHARACTERS)
        return Report(), _Blow(Verdict.FAIL, f"what the suite wrote is refused: {found}")
    try:
        return read_report(ended.report, suite.timeout_s), None
    except Malformed as error:
        return Report(), _Blow(
            Verdict.FAIL, f"no complete report: the report is malformed: {error}"
        )


def _cause_of(blow: _Blow, ended: Ended) -> str:
    """Return the known cause of the reason, else of the last known words that were printed."""
    found = diagnose(blow.reason) or diagnose(ended.output)
    return found.cause if found else ""


def _of_the_container(suite: Suite, ended: Ended) -> _Blow | None:
    where = f" in {_name(ended.running)}" if ended.running else ""
    if ended.engine_problem:
        return _Blow(Verdict.INFRA, f"the engine failed{where}: {clean_line(ended.engine_problem)}")
    if ended.host_problem:
        return _Blow(Verdict.INFRA, f"this machine failed{where}: {clean_line(ended.host_problem)}")
    if ended.timed_out:
        return _Blow(
            Verdict.FAIL,
            f"hung{where}: still running after {suite.timeout_s} s, the last output has the stacks",
        )
    if ended.out_of_memory:
        return _Blow(
            Verdict.INFRA, f"out of memory{where}: the kernel killed a process of the container"
        )
    if ended.exit_code == KILLED:
        return _Blow(Verdict.INFRA, f"the container was killed (SIGKILL){where}")
    return None


def _of_the_report(
    suite: Suite, ended: Ended, report: Report, checks: tuple[Check, ...]
) -> _Blow | None:
    """Return why the report does not prove what it says."""
    missing = sorted(_tests_in(suite) - {check.name.partition("[")[0] for check in checks})
    incomplete = report.exit_code is None or not report.whole
    doubts = (
        (bool(report.not_collected), f"not collected: {next(iter(report.not_collected), '')}"),
        (incomplete, f"exited {ended.exit_code} with no complete report{_last(ended)}"),
        (not checks, f"exited {ended.exit_code} without running a test"),
        (bool(missing), f"exited {ended.exit_code} without a result of {', '.join(missing)}"),
        (report.exit_code != ended.exit_code, f"tests ended, then exit code {ended.exit_code}"),
        (
            ended.exit_code != 0
            and not any(check.verdict in (Verdict.FAIL, Verdict.INFRA) for check in checks),
            f"exited {ended.exit_code} though no check failed",
        ),
    )
    return next((_Blow(Verdict.FAIL, reason) for doubt, reason in doubts if doubt), None)


def _checks(phases: Iterable[Phase]) -> Iterator[Check]:
    """Return one check per test.

    Its phases (set-up, call, tear-down) are judged together, and the last must be there.
    """
    tests: dict[str, list[Phase]] = {}
    for phase in phases:
        tests.setdefault(phase.nodeid, []).append(phase)
    for nodeid, its in tests.items():
        judged = [_judge_phase(phase) for phase in its]
        verdict = worst(verdict for verdict, _ in judged)
        if its[-1].when != "teardown":
            verdict, judged = (
                worst([verdict, Verdict.INCONCLUSIVE]),
                [*judged, (Verdict.INCONCLUSIVE, "did not end")],
            )
        reason = next((reason for found, reason in judged if found is verdict), "")
        seconds = round(sum(phase.seconds for phase in its), 3)
        reason, _, cause = reason.partition(CAUSE)
        # Every phase repeats the figures of those before it; the last has them all.
        figures = max((phase.figures for phase in its), key=len)
        check = Check(_name(nodeid), verdict, reason, seconds, figures, cause)
        yield check if cause else _diagnosed(check, " ".join(phase.account for phase in its))


def _diagnosed(check: Check, said: str) -> Check:
    """Return a failed check with its cause, if its words are known.

    The cause may be the runner's. Only the reason may say so: what else `said` holds, lines of
    source among it, tells at most the cause. An image can print such words on purpose. All it
    gains is `infra` instead of `fail`: the suite is run again, a bounded number of times
    (attempts.INFRA_RETRIES), and `infra` is never a pass, so the image is not promoted.
    """
    told = diagnose(check.reason)
    found = told or diagnose(said)
    if check.verdict is not Verdict.FAIL or found is None:
        return check
    return replace(check, cause=found.cause, verdict=(told and told.verdict) or check.verdict)


def _spared(check: Check) -> Check:
    """Return a check as not failed if the kernel ended its process for lack of memory."""
    if check.reason != DIED:
        return check
    return replace(
        check, verdict=Verdict.INFRA, reason="out of memory: the kernel killed its process"
    )


def _judge_phase(phase: Phase) -> tuple[Verdict, str]:
    """Judge one phase of a test.

    A skip counts as `not run` only in this repository's own words; an expected failure is a
    failure.
    """
    said = phase.message
    for noise in _NOISE:
        said = said.removeprefix(noise)
    if _CRASHED.match(said):
        said = DIED
    if phase.expected_failure is not None:
        return Verdict.FAIL, f"marked as expected to fail: {phase.expected_failure}"
    if phase.outcome == "passed":
        return Verdict.PASS, ""
    if phase.outcome == "skipped" and said.startswith(NOT_RUN):
        return Verdict.NOT_RUN, said.removeprefix(NOT_RUN)
    if phase.outcome == "skipped":
        return Verdict.FAIL, f"skipped: {said}"
    if said.startswith(INFRA):
        return Verdict.INFRA, said.removeprefix(INFRA)
    return Verdict.FAIL, said


def _tests_in(suite: Suite) -> set[str]:
    """Return the tests written in the suite's file.

    Each must have a result, whatever pytest collected or deselected.
    """
    module = ast.parse(suite.path.read_text(encoding="utf-8"))
    names = (node.name for node in module.body if isinstance(node, ast.FunctionDef))
    return {name.removeprefix("test_") for name in names if name.startswith("test_")}


def _first_reason(verdict: Verdict, checks: Iterable[Check]) -> str:
    if verdict is Verdict.PASS:
        return ""
    return next(f"{check.name}: {check.reason}" for check in checks if check.verdict is verdict)


def _last(ended: Ended) -> str:
    return f", last in {_name(ended.running)}" if ended.running else ""


def _name(nodeid: str) -> str:
    return clean_line(nodeid).rpartition("::")[2].removeprefix("test_")
