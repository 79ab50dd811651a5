"""The record of the promotion stage: out/VERSION/release.json."""

from __future__ import annotations

from dataclasses import dataclass

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
    """The gate's verdict on a release that was refused, with at least one reason."""

    verdict: Verdict
    reasons: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.reasons:
            raise ValueError("a refusal must have reasons")

    @property
    def summary_line(self) -> str:
        """The first reason, and how many more there are."""
        first, *more = self.reasons
        noun = "reason" if len(more) == 1 else "reasons"
        others = f" (and {len(more)} more {noun})" if more else ""
        return f"{NOT_FOR_PRODUCTION}: {first}{others}"


@dataclass(frozen=True)
class ReleaseRecord:
    """A release, with the results of the stages that were run.

    `channel` is the channel that it was promoted through; empty if it was not promoted. `reason`
    says what keeps it out of production; empty if nothing does. `refusal` is None if the gate did
    not refuse. `finished_at` (ISO 8601) is the moment of the promotion; without one, the end of the
    last stage.
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
