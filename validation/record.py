"""Records of the validation stage: out/VERSION/IMAGE/validation.json."""

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
    """One test of a suite.

    `reason` says for every verdict but `pass` what was found and what was expected, `cause` the
    likely cause in one sentence if one is known.
    """

    name: str
    verdict: Verdict
    reason: str
    seconds: float
    figures: tuple[Figure, ...]
    cause: str = ""


@dataclass(frozen=True)
class GpuSample:
    """One reading of one GPU by NVML, `at_s` seconds after its suite began.

    `throttled` names the reasons, if any.
    """

    at_s: float
    gpu: int
    sm_clock_mhz: int
    memory_clock_mhz: int
    power_w: float
    temperature_c: int
    utilisation_percent: int
    memory_used_mb: int
    throttled: tuple[str, ...]


@dataclass(frozen=True)
class SuiteResult:
    """One suite in one container, or on the host; run `attempts` times, the last of which counts.

    `last_output` is kept if the suite did not end by itself or failed. `samples` are once a
    second, less often in a suite with more than 2,000 of them, and empty without a GPU.
    `list_digest` is the SHA-256 (hex) of the list of checks that it was held against; empty if it
    has none, and in records of older versions. `node` is the name of the node of a cluster; empty
    if no job of a cluster ran it.
    """

    suite: str
    verdict: Verdict
    reason: str
    seconds: float
    checks: tuple[Check, ...]
    last_output: str
    cause: str = ""
    attempts: int = 1
    samples: tuple[GpuSample, ...] = ()
    list_digest: str = ""
    node: str = ""


@dataclass(frozen=True)
class Environment:
    """The machine of the suites. `gpus` are names as the driver gives them, empty without a GPU.

    `executor` is `docker` (containers of the digest) or `local` (this machine's own Python,
    which proves no image). `families` has the family of each GPU, by its compute capability.
    """

    executor: str
    device: str
    gpus: tuple[str, ...]
    driver: str
    cpu: str
    cpus: int
    memory_bytes: int
    shm_bytes: int
    kernel: str
    engine: str
    families: tuple[str, ...] = ()


@dataclass(frozen=True)
class ValidationRecord:
    """Everything proven about one digest in one run.

    `key` names the suites and what they were told to expect. `jobs` are the jobs of a cluster that
    ran the suites, as NAME/NUMBER; empty if none did.
    """

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
    jobs: tuple[str, ...] = ()
