"""How far a release is, by the records of its stages: what a report shows and a command ends with.

Nothing is promoted from this: that is decided from signed evidence (`publish/policy/gate.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from images.record import BuildRecord
from publish.released.record import Refusal
from runner.verdict import Verdict, summary, worst
from scan.record import ScanRecord
from validation.record import ValidationRecord


@dataclass(frozen=True)
class Known:
    """What is known about one image of a release; a stage that did not run is None."""

    build: BuildRecord
    validation: ValidationRecord | None
    scan: ScanRecord | None


@dataclass(frozen=True)
class State:
    """The verdict on a release, and the one reason that keeps it from `pass`."""

    verdict: Verdict
    reason: str


def state_of(images: Sequence[Known]) -> State:
    """The worst of all images; what was not run leaves the whole inconclusive."""
    judged = [judge(known) for known in images]
    verdict = summary(verdict for verdict, _ in judged)
    reason = next((reason for found, reason in judged if found is verdict and reason), "")
    return State(verdict, reason or next((reason for _, reason in judged if reason), ""))


def with_refusal(state: State, refusal: Refusal | None) -> State:
    """The gate's word, where that of the records is no worse: it demands more than they say."""
    if refusal is None or worst((state.verdict, refusal.verdict)) is not refusal.verdict:
        return state
    return State(refusal.verdict, refusal.line)


def judge(known: Known) -> tuple[Verdict, str]:
    """The verdict on one image, and the one reason that blocks it.

    A record about other bytes counts as none.
    """
    digest = known.build.digest
    parts = [_part("validation", known.validation, digest), _part("scan", known.scan, digest)]
    found = worst(verdict for verdict, _ in parts)
    reason = next((reason for verdict, reason in parts if verdict is found), "")
    return found, f"{known.build.image}: {reason}" if reason else ""


def _part(
    stage: str, record: ValidationRecord | ScanRecord | None, digest: str
) -> tuple[Verdict, str]:
    if record is None:
        return Verdict.NOT_RUN, f"no {stage} record"
    if record.digest != digest:
        return Verdict.NOT_RUN, f"the {stage} record is about {record.digest}, not {digest}"
    return record.verdict, record.reason
