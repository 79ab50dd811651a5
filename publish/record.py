"""What the promotion stage hands on: out/VERSION/release.json."""

from __future__ import annotations

from dataclasses import dataclass

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
class ReleaseRecord:
    """A release as far as it got. `channel` is `production`, `candidate`, or empty where nothing was promoted.

    `reason` is the one that blocks production, empty where nothing does.
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
