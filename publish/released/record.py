"""What the promotion stage hands on: out/VERSION/release.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from runner.verdict import Verdict


@dataclass(frozen=True)
class Promotion:
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
class Refusal:
    """What kept a release out of production when that was asked for: the gate's verdict, and all
    its reasons, of which there is at least one.
    """

    verdict: Verdict
    reasons: Annotated[tuple[str, ...], Field(min_length=1)]

    @property
    def line(self) -> str:
        """The first reason, and how many more there are."""
        first, *more = self.reasons
        return f"not for production: {first}{f' (and {len(more)} more)' if more else ''}"


@dataclass(frozen=True)
class ReleaseRecord:
    """A release as far as it got.

    `channel` is the one it was promoted through, empty where nothing was promoted.

    `reason` is the one that blocks production, empty where nothing does; `refusal` is None where
    the gate did not refuse. `finished_at` (ISO 8601) is the moment of the promotion where there was
    one, else that of the last stage.
    """

    version: str
    images: tuple[str, ...]
    verdict: Verdict
    reason: str
    channel: str
    registry: str
    promotions: tuple[Promotion, ...]
    stages: tuple[StageTime, ...]
    command: str
    finished_at: str
    refusal: Refusal | None = None
