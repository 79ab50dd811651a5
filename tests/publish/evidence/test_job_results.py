"""Which later tests take away what the pass of a job is worth."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import replace

import pytest

from publish.evidence.job_results import has_failed_since
from runner.verdict import Verdict
from tests.publish.line import Line
from tests.publish.signed import suite, validation_record


@pytest.mark.parametrize("verdict", [Verdict.FAIL, Verdict.INFRA])
@pytest.mark.parametrize(
    ("jobs", "counts"),
    [
        pytest.param((), True, id="without a job"),
        pytest.param(("base-cpu-2/8",), True, id="another job"),
        pytest.param(("base-cpu-1/7", "base-cpu-2/8"), False, id="another part of the same test"),
    ],
)
def test_a_later_failure_counts_unless_it_is_of_another_part(
    line: Line, jobs: Sequence[str], counts: bool, verdict: Verdict
) -> None:
    build = line.prepare("v2.6.0", gpus=None)
    now = datetime.datetime.now(datetime.UTC)
    passed = replace(
        validation_record(build, suite("device"), gpus=()),
        started_at=now.isoformat(timespec="seconds"),
        jobs=("base-cpu-1/7",),
    )
    failed = replace(
        validation_record(build, suite("ddp", verdict), verdict=verdict, gpus=()),
        started_at=(now + datetime.timedelta(minutes=5)).isoformat(timespec="seconds"),
        jobs=tuple(jobs),
    )
    line.evidence_signer.attest_tests(build, failed)
    assert has_failed_since(line.registry, build, line.trusted, passed) is counts
