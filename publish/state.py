"""The state of a release by the records of its stages: a report shows it, a command ends with it.

Nothing is promoted from this: that is decided from signed evidence (`publish/policy/gate.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from images.record import BuildRecord
from publish.released.record import GateRefusal
from runner.verdict import Verdict, summary_verdict, worst_verdict
from scan.record import ScanRecord
from validation.levels import lacks_only_gpus
from validation.record import ValidationRecord


@dataclass(frozen=True)
class StageRecords:
    """The records of one image of a release; that of a stage that did not run is None."""

    build: BuildRecord
    validation: ValidationRecord | None
    scan: ScanRecord | None


@dataclass(frozen=True)
class ReleaseState:
    """The verdict on a release, and the one reason why it is not `pass`."""

    verdict: Verdict
    reason: str


def judge_release(images: Sequence[StageRecords], *, is_released: bool = False) -> ReleaseState:
    """Return the worst state of all images; inconclusive if a stage of one was not run.

    If a release `is_released`, the gate took the levels of proof that its channel demands.
    """
    judged = [judge_image(known, is_released=is_released) for known in images]
    verdict = summary_verdict(verdict for verdict, _ in judged)
    reason = next((reason for found, reason in judged if found is verdict and reason), "")
    return ReleaseState(verdict, reason or next((reason for _, reason in judged if reason), ""))


def apply_refusal(state: ReleaseState, refusal: GateRefusal | None) -> ReleaseState:
    """Return the state by the gate, if that of the records is no worse: the gate demands more."""
    if refusal is None or worst_verdict((state.verdict, refusal.verdict)) is not refusal.verdict:
        return state
    return ReleaseState(refusal.verdict, refusal.summary_line)


def judge_image(known: StageRecords, *, is_released: bool = False) -> tuple[Verdict, str]:
    """Return the verdict on one image, and the one reason that blocks it.

    A record about another digest does not count. Of an image that `is_released`, checks that need
    more GPUs than the run had are no reason: the gate decided that, and the report names them.
    """
    digest = known.build.digest
    parts = [
        _stage_verdict("validation", known.validation, digest),
        _stage_verdict("scan", known.scan, digest),
    ]
    tested = known.validation
    if is_released and tested and tested.digest == digest and lacks_only_gpus(tested):
        parts[0] = (Verdict.PASS, "")
    found = worst_verdict(verdict for verdict, _ in parts)
    reason = next((reason for verdict, reason in parts if verdict is found), "")
    return found, f"{known.build.image}: {reason}" if reason else ""


def _stage_verdict(
    stage: str, record: ValidationRecord | ScanRecord | None, digest: str
) -> tuple[Verdict, str]:
    if record is None:
        return Verdict.NOT_RUN, f"no {stage} record"
    if record.digest != digest:
        return Verdict.NOT_RUN, f"the {stage} record is about {record.digest}, not about {digest}"
    return record.verdict, record.reason
