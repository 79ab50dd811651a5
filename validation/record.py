"""What the validation stage hands on: out/VERSION/IMAGE/validation.json."""

from __future__ import annotations

from dataclasses import dataclass

from runner.verdict import Verdict


@dataclass(frozen=True)
class Figure:
    """One measured number of a check, in its unit: (`images_per_s`, 1.9, `images/s`)."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True)
class Check:
    """One test of a suite. `reason` says why, for every verdict but `pass`."""

    name: str
    verdict: Verdict
    reason: str
    seconds: float
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class SuiteResult:
    """One suite in one container. `last_output` is kept where the suite did not end by itself or failed."""

    suite: str
    verdict: Verdict
    reason: str
    seconds: float
    checks: tuple[Check, ...]
    last_output: str


@dataclass(frozen=True)
class Environment:
    """Where the suites ran. `gpus` are names as the driver gives them, empty without a GPU."""

    device: str
    gpus: tuple[str, ...]
    driver: str
    cpu: str
    cpus: int
    memory_bytes: int
    shm_bytes: int
    kernel: str
    engine: str


@dataclass(frozen=True)
class ValidationRecord:
    """Everything proven about one digest in one run. `key` names the suites and what they were told to expect."""

    version: str
    image: str
    digest: str
    key: str
    verdict: Verdict
    reason: str
    suites: tuple[SuiteResult, ...]
    environment: Environment
    command: str
    started_at: str
    seconds: float
