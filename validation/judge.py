"""From what a suite's container left behind to verdicts. Pure, and suspicious: what is not proven is not a pass."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from runner.verdict import Verdict, worst
from validation import witness
from validation.diagnosis import diagnose
from validation.record import Check, Figure, SuiteResult
from validation.suite import Suite
from validation.suites.outcome import ANSWER, CAUSE, INFRA, NOT_RUN
from validation.witness import Asked

KILLED = 137
DIED = "its process died: a crash, or an exit in the middle"
_CRASHED = re.compile(r"worker '\w+' crashed while running ")  # xdist's words
_NOISE = ("AssertionError: ", "Failed: ", "Skipped: ")


@dataclass(frozen=True)
class Ended:
    """How a container ended. `exit_code` is None where it never told one.

    `report` is what pytest-reportlog wrote, `running` the test that ran last, `output` the end of what was printed;
    `engine_problem` is what the engine said, where it was the engine that failed. `asked` is what the host told
    the suite, `container` the engine's id of the container.
    """

    exit_code: int | None
    seconds: float
    report: str = ""
    running: str = ""
    output: str = ""
    out_of_memory: bool = False
    timed_out: bool = False
    engine_problem: str = ""
    asked: Asked | None = None
    container: str = ""


@dataclass(frozen=True)
class _Blow:
    """Something that decides a suite beyond its checks."""

    verdict: Verdict
    reason: str


def judge(suite: Suite, ended: Ended) -> SuiteResult:
    """The suite's result. What was proven before a container died is kept in its checks."""
    lines, whole = _parse(ended.report)
    checks = tuple(_spared(check) if ended.out_of_memory else check for check in _checks(lines))
    blow = _of_the_container(suite, ended) or _of_the_report(suite, ended, lines, whole, checks)
    checks, doubt = witness.examine(suite, ended.asked, ended.seconds, lines, checks)
    blow = blow or (_Blow(Verdict.FAIL, doubt) if doubt else None)
    verdict = worst([*(check.verdict for check in checks), *([blow.verdict] if blow else [])])
    reason = blow.reason if blow else _first_reason(verdict, checks)
    shown = "" if verdict in (Verdict.PASS, Verdict.NOT_RUN) else ended.output
    return SuiteResult(
        suite=suite.name,
        verdict=verdict,
        reason=reason,
        cause=_cause_of(blow, ended) if blow else next((one.cause for one in checks if one.verdict is verdict), ""),
        seconds=round(ended.seconds, 3),
        checks=checks,
        last_output=shown,
    )


def _cause_of(blow: _Blow, ended: Ended) -> str:
    """What the reason itself means, else the last known words that were printed."""
    found = diagnose(blow.reason) or diagnose(ended.output)
    return found.cause if found else ""


def _of_the_container(suite: Suite, ended: Ended) -> _Blow | None:
    where = f" in {_name(ended.running)}" if ended.running else ""
    if ended.engine_problem:
        return _Blow(Verdict.INFRA, f"the engine failed{where}: {ended.engine_problem}")
    if ended.timed_out:
        return _Blow(
            Verdict.FAIL, f"hung{where}: still running after {suite.timeout_s} s, the last output has the stacks"
        )
    if ended.out_of_memory:
        return _Blow(Verdict.INFRA, f"out of memory{where}: the kernel killed a process of the container")
    if ended.exit_code == KILLED:
        return _Blow(Verdict.INFRA, f"the container was killed (SIGKILL){where}")
    return None


def _of_the_report(
    suite: Suite, ended: Ended, lines: list[dict[str, Any]], whole: bool, checks: tuple[Check, ...]
) -> _Blow | None:
    """Why the report does not prove what it says."""
    finish = next((line for line in lines if line.get("$report_type") == "SessionFinish"), None)
    not_collected = next(_collection_problems(lines), None)
    missing = sorted(_tests_in(suite) - {check.name.partition("[")[0] for check in checks})
    doubts = (
        (not_collected is not None, f"not collected: {not_collected}"),
        (finish is None or not whole, f"exited {ended.exit_code} with no complete report{_last(ended)}"),
        (not checks, f"exited {ended.exit_code} without running a test"),
        (bool(missing), f"exited {ended.exit_code} without a result of {', '.join(missing)}"),
        ((finish or {}).get("exitstatus") != ended.exit_code, f"tests ended, then exit code {ended.exit_code}"),
        (ended.exit_code != 0 and not _explains(checks), f"exited {ended.exit_code} though no check failed"),
    )
    return next((_Blow(Verdict.FAIL, reason) for doubt, reason in doubts if doubt), None)


def _parse(report: str) -> tuple[list[dict[str, Any]], bool]:
    """The report's lines, up to the first that is not JSON; False where there is such a one."""
    lines: list[dict[str, Any]] = []
    for text in report.rstrip("\n").split("\n") if report else ():
        try:
            lines.append(dict(json.loads(text)))
        except (ValueError, TypeError):
            return lines, False
    return lines, report.endswith("\n")


def _checks(lines: Iterable[dict[str, Any]]) -> Iterator[Check]:
    """One check per test; its phases (set-up, call, tear-down) are judged together, and the last must be there."""
    tests: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        if line.get("$report_type") == "TestReport":
            tests.setdefault(line["nodeid"], []).append(line)
    for nodeid, phases in tests.items():
        judged = [_judge_phase(phase) for phase in phases]
        verdict = worst(verdict for verdict, _ in judged)
        if phases[-1]["when"] != "teardown":
            verdict, judged = worst([verdict, Verdict.INCONCLUSIVE]), [*judged, (Verdict.INCONCLUSIVE, "did not end")]
        reason = next((reason for found, reason in judged if found is verdict), "")
        seconds = round(sum(phase["duration"] for phase in phases), 3)
        reason, _, cause = reason.partition(CAUSE)
        check = Check(_name(nodeid), verdict, reason, seconds, tuple(_figures(phases)), cause)
        yield check if cause else _diagnosed(check, " ".join(str(phase.get("longrepr")) for phase in phases))


def _diagnosed(check: Check, said: str) -> Check:
    """A failure in words that are known from elsewhere gets its cause, and may turn out to be the runner's.

    Only the reason may say so: what else `said` holds, lines of source among it, tells at most the cause.
    """
    told = diagnose(check.reason)
    found = told or diagnose(said)
    if check.verdict is not Verdict.FAIL or found is None:
        return check
    return replace(check, cause=found.cause, verdict=(told and told.verdict) or check.verdict)


def _spared(check: Check) -> Check:
    """A check whose process the kernel ended for want of memory was not refused by what it checks."""
    if check.reason != DIED:
        return check
    return replace(check, verdict=Verdict.INFRA, reason="out of memory: the kernel killed its process")


def _judge_phase(phase: dict[str, Any]) -> tuple[Verdict, str]:
    """A skip counts as `not run` only in this repository's own words; an expected failure is a failure."""
    said = _message(phase.get("longrepr"))
    if "wasxfail" in phase:
        return Verdict.FAIL, f"marked as expected to fail: {phase['wasxfail']}"
    if phase["outcome"] == "passed":
        return Verdict.PASS, ""
    if phase["outcome"] == "skipped" and said.startswith(NOT_RUN):
        return Verdict.NOT_RUN, said.removeprefix(NOT_RUN)
    if phase["outcome"] == "skipped":
        return Verdict.FAIL, f"skipped: {said}"
    if said.startswith(INFRA):
        return Verdict.INFRA, said.removeprefix(INFRA)
    return Verdict.FAIL, said


def _message(longrepr: Any) -> str:  # noqa: ANN401 - text, a list or a dict, as pytest has it
    """The one line of a failure that says what happened."""
    if isinstance(longrepr, dict):
        longrepr = longrepr.get("reprcrash", {}).get("message") or longrepr
    elif isinstance(longrepr, list):
        longrepr = longrepr[-1]
    said = next((line.strip() for line in str(longrepr or "").splitlines() if line.strip()), "no message")
    for noise in _NOISE:
        said = said.removeprefix(noise)
    return DIED if _CRASHED.match(said) else said


def _figures(phases: Iterable[dict[str, Any]]) -> Iterator[Figure]:
    """Every phase repeats the properties of those before it; the last has them all."""
    properties = [phase.get("user_properties", []) for phase in phases]
    for name, measured in max(properties, key=len, default=[]):
        if name.startswith(ANSWER):
            continue
        value, unit = measured
        if math.isfinite(value):  # JSON has no other numbers; the check's reason tells of these
            yield Figure(name, float(value), unit)


def _collection_problems(lines: Iterable[dict[str, Any]]) -> Iterator[str]:
    for line in lines:
        if line.get("$report_type") == "CollectReport" and line["outcome"] != "passed":
            yield _collection_message(line.get("longrepr"))


def _collection_message(longrepr: Any) -> str:  # noqa: ANN401
    """Of an import error pytest keeps the whole traceback as text; its last line names the cause."""
    lines = [line for line in str(longrepr).splitlines() if line.startswith("E ")]
    return lines[-1].removeprefix("E ").strip() if lines else _message(longrepr)


def _tests_in(suite: Suite) -> set[str]:
    """The tests written in the suite's file: each must have a result, whatever pytest collected or deselected."""
    module = ast.parse(suite.path.read_text(encoding="utf-8"))
    names = (node.name for node in module.body if isinstance(node, ast.FunctionDef))
    return {name.removeprefix("test_") for name in names if name.startswith("test_")}


def _explains(checks: Iterable[Check]) -> bool:
    return any(check.verdict in (Verdict.FAIL, Verdict.INFRA) for check in checks)


def _first_reason(verdict: Verdict, checks: Iterable[Check]) -> str:
    if verdict is Verdict.PASS:
        return ""
    return next(f"{check.name}: {check.reason}" for check in checks if check.verdict is verdict)


def _last(ended: Ended) -> str:
    return f", last in {_name(ended.running)}" if ended.running else ""


def _name(nodeid: str) -> str:
    return nodeid.rpartition("::")[2].removeprefix("test_")
