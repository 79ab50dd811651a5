"""The record of a release."""

from __future__ import annotations

import json

import pytest

from publish.released.record import GateRefusal, ReleaseRecord
from runner import records
from runner.errors import ConfigError
from runner.verdict import Verdict
from tests.report.samples import release


def test_a_refusal_without_a_reason_is_not_read() -> None:
    record = json.loads(records.to_json(release()))
    record["refusal"] = {"verdict": "fail", "reasons": ["no GPU", "no scan"]}
    read = records.from_json(ReleaseRecord, json.dumps(record), "release.json")
    assert read.refusal == GateRefusal(Verdict.FAIL, ("no GPU", "no scan"))
    assert read.refusal.summary_line == "not for production: no GPU (and 1 more reason)"
    record["refusal"]["reasons"] = []
    with pytest.raises(ConfigError, match=r"release\.json.*reasons"):
        records.from_json(ReleaseRecord, json.dumps(record), "release.json")
