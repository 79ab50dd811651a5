"""The record of the promotion stage: out/VERSION/release.json."""

from __future__ import annotations

from dataclasses import dataclass

from runner.nouns import count_noun
from runner.reason_cause import ReasonCause
from runner.verdict import Verdict

NOT_FOR_PRODUCTION = "not for production"
"""How the reason of a refused release begins."""


@dataclass(frozen=True)
class PromotedTag:
    """One tag that was put, and the digest read back from it."""

    image: str
    repository: str
    tag: str
    digest: str


@dataclass(frozen=True)
class StageTime:
    """Wall time of one stage over all images."""

    stage: str
    seconds: float


@dataclass(frozen=True)
class GateRefusal:
    """The gate's verdict on a release that was refused, with at least one reason.

    `cause` is the cause of the first reason; records of older versions do not have it.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    cause: ReasonCause = ReasonCause.UNKNOWN

    def __post_init__(self) -> None:
        if not self.reasons:
            raise ValueError("a refusal must have reasons")

    @property
    def summary_line(self) -> str:
        """The first reason, and how many more there are."""
        first, *more = self.reasons
        others = f" (and {count_noun(len(more), 'more reason')})" if more else ""
        return f"{NOT_FOR_PRODUCTION}: {first}{others}"


@dataclass(frozen=True)
class ReleaseRecord:
    """A release, with the results of the stages that were run.

    `channel` is the channel that it was promoted through; empty if it was not promoted. `reason`
    says what keeps it out of production; empty if nothing does. `cause` is the cause of that
    reason. `refusal` is None if the gate did not refuse. `finished_at` (ISO 8601) is the moment of
    the promotion; without one, the end of the last stage.
    """

    version: str
    images: tuple[str, ...]
    verdict: Verdict
    reason: str
    channel: str
    registry: str
    promotions: tuple[PromotedTag, ...]
    stages: tuple[StageTime, ...]
    command: str
    finished_at: str
    refusal: GateRefusal | None = None
    cause: ReasonCause = ReasonCause.UNKNOWN
