"""The state of a release by the records of its stages: a report shows it, a command ends with it.

Nothing is promoted from this: that is decided from signed evidence (`publish/policy/gate.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from images.record import BuildRecord
from publish.released.record import GateRefusal
from runner.reason_cause import ReasonCause
from runner.verdict import Verdict, summary_verdict, worst_verdict
from scan.record import ScanRecord
from validation.levels import find_blocking_suite, lacks_gpu, lacks_only_gpus
from validation.record import ValidationRecord


@dataclass(frozen=True)
class StageRecords:
    """The records of one image of a release; that of a stage that did not run is None."""

    build: BuildRecord
    validation: ValidationRecord | None
    scan: ScanRecord | None


@dataclass(frozen=True)
class ReleaseState:
    """The verdict on a release or an image, and the one reason why it is not `pass`."""

    verdict: Verdict
    reason: str
    cause: ReasonCause = ReasonCause.UNKNOWN


def judge_release(images: Sequence[StageRecords], *, is_released: bool = False) -> ReleaseState:
    """Return the worst state of all images; inconclusive if a stage of one was not run.

    If a release `is_released`, the gate took the levels of proof that its channel demands.
    """
    judged = [judge_image(known, is_released=is_released) for known in images]
    verdict = summary_verdict(each.verdict for each in judged)
    reasons = [each for each in judged if each.reason]
    worst = [each for each in reasons if each.verdict is verdict]
    first = next(iter(worst or reasons), ReleaseState(verdict, ""))
    return replace(first, verdict=verdict)


def apply_refusal(state: ReleaseState, refusal: GateRefusal | None) -> ReleaseState:
    """Return the state by the gate, if that of the records is no worse: the gate demands more."""
    if refusal is None or worst_verdict((state.verdict, refusal.verdict)) is not refusal.verdict:
        return state
    return ReleaseState(refusal.verdict, refusal.summary_line, refusal.cause)


def judge_image(known: StageRecords, *, is_released: bool = False) -> ReleaseState:
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
        parts[0] = ReleaseState(Verdict.PASS, "")
    verdict = worst_verdict(each.verdict for each in parts)
    first = next(each for each in parts if each.verdict is verdict)
    return replace(first, reason=f"{known.build.image}: {first.reason}" if first.reason else "")


def _stage_verdict(
    stage: str, record: ValidationRecord | ScanRecord | None, digest: str
) -> ReleaseState:
    if record is None:
        return ReleaseState(Verdict.NOT_RUN, f"no {stage} record")
    if record.digest != digest:
        text = f"the {stage} record is about {record.digest}, not about {digest}"
        return ReleaseState(Verdict.NOT_RUN, text)
    cause = ReasonCause.UNKNOWN
    if isinstance(record, ValidationRecord):
        first = find_blocking_suite(record.suites)
        if first and lacks_gpu(first, len(record.environment.gpus)):
            cause = ReasonCause.NO_GPU
    return ReleaseState(record.verdict, record.reason, cause)
