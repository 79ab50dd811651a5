"""Runs the checks of a suite of the host, and writes their report as pytest would.

So the judge, the list of checks and the challenge are those of every suite.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from types import ModuleType
from typing import Any

from runner.containers import ImageCannotStart
from runner.untrusted import Malformed
from validation.host_suites.check_run import CheckRefused, CheckRun
from validation.host_suites.start import test_start
from validation.host_suites.starts import MachineFailed, StartRefused
from validation.judge import SuiteExecution
from validation.suite import Suite
from validation.suites.contract.ending import ENDING, FAIL, CheckEnding

MODULES: Mapping[str, ModuleType] = {"start": test_start}

Check = Callable[[CheckRun], None]


class EngineFailed(Exception):
    """The engine does not start containers, whatever their image. The message is the engine's."""


def run_checks(
    suite: Suite, run: CheckRun, is_fault_of_image: Callable[[], bool]
) -> SuiteExecution:
    """Run every check of `suite` in the order of its module, until the suite's time is over.

    `is_fault_of_image` says who is at fault if the engine refuses to start a container.
    """
    started, lines = time.monotonic(), list[dict[str, Any]]()
    ended = SuiteExecution(exit_code=None, seconds=0.0)
    checks = {
        name: check for name, check in vars(MODULES[suite.name]).items() if name.startswith("test_")
    }
    try:
        for name, check in checks.items():
            if time.monotonic() - started > suite.timeout_s:
                ended = replace(ended, timed_out=True, running=f"::{name}")
                break
            lines += _report_check(f"{suite.module_file}::{name}", check, run, is_fault_of_image)
        else:
            code = int(any(line["outcome"] == "failed" for line in lines))
            lines.append({"$report_type": "SessionFinish", "exitstatus": code})
            ended = replace(ended, exit_code=code)
    except Malformed as error:
        ended = replace(ended, malformed=str(error))
    except MachineFailed as error:
        ended = replace(ended, host_problem=str(error))
    except EngineFailed as error:
        ended = replace(ended, engine_problem=str(error))
    report = "".join(f"{json.dumps(line)}\n" for line in lines)
    return replace(ended, seconds=time.monotonic() - started, report=report)


def _report_check(
    nodeid: str, check: Check, run: CheckRun, is_fault_of_image: Callable[[], bool]
) -> list[dict[str, Any]]:
    """Return the lines of one check: its call, and the end that says that it was the last."""
    run, started, ending = replace(run, properties=[]), time.monotonic(), None
    try:
        check(run)
    except CheckRefused as refused:
        ending = refused.ending
    except (ImageCannotStart, StartRefused) as refused:
        if isinstance(refused, StartRefused) and not is_fault_of_image():
            raise EngineFailed(str(refused)) from None
        found = f"the image cannot be started: {refused}"
        ending = CheckEnding(FAIL, found, "a container", "its configuration or its files")
    line = {
        "$report_type": "TestReport",
        "nodeid": nodeid,
        "duration": time.monotonic() - started,
        "longrepr": str(ending) if ending else None,
        "user_properties": run.properties,
    }
    outcome = "failed" if ending else "passed"
    passed = {"when": "teardown", "outcome": "passed", "duration": 0.0, "longrepr": None}
    fields = {ENDING: asdict(ending)} if ending else {}
    return [{**line, **fields, "when": "call", "outcome": outcome}, {**line, **passed}]
