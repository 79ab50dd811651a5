"""The floor: what a GPU model was once measured to do, less what hosts with it differ by.

Catches broken, not slow.

One file per line and GPU model, `expectations/LINE/GPU.yaml`, named as the driver names the GPU, in
lower case. Another line has other libraries, and so another speed. A GPU that was never measured
gets a provisional floor from its own speed (validation/provisional.py). If that was not measured,
it is `inconclusive`.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

import yaml
from pydantic import ConfigDict, Field

from images.version import is_line, parse_version
from runner import records, yaml_files
from runner.errors import ConfigError
from runner.verdict import Verdict, worst_verdict
from validation.provisional import PROVISIONAL_FLOOR, judge_provisionally
from validation.rates import batch_size, rate_per_second
from validation.record import Check, Figure, SuiteResult, ValidationRecord
from validation.suites.contract.words import CHALLENGE, EXPECTED, GPU_LIMITS

FOLDER = Path(__file__).resolve().parent / "expectations"
NAME = "floor"
MEASURED, PROVISIONAL = "measured", "provisional"
FLOOR_KINDS = (MEASURED, PROVISIONAL)
"""What the throughput was compared with: a committed measurement, or the GPU's own speed."""

_FLOOR = "floor"
"""The name of the figure that a check of a measured floor was compared with."""

TOLERANCE = 0.12
TOLERANCE_SOURCE = (
    "public figures of ResNet-50 and BERT differ by 4 to 11 % between hosts with "
    "the same GPU, by up to 1 % on one host"
)

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class FloorSource:
    """The run that measured a floor, with the command that repeats it.

    What was not an image has no digest, and no entry is made from it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    release: str
    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    driver: str
    date: datetime.date
    command: str


@dataclass(frozen=True)
class Floor:
    """The measured median of one check, in `unit` (images/s, sequences/s) at `batch` a step."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    per_s: _Positive
    unit: str
    batch: Annotated[int, Field(gt=0)]
    measured: FloorSource


@dataclass(frozen=True)
class Expectations:
    """One file.

    `floors` are by check of the throughput suite: `training[resnet50-amp]`, mode, workload,
    precision.

    Found is compared with `per_s` less the fraction `tolerance`, whose `source` says why it is
    that.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    gpu: str
    tolerance: Annotated[float, Field(gt=0, lt=0.5)]
    source: str
    floors: dict[str, Floor]


def floor_file(gpu: str) -> str:
    """Return the file of a GPU model: `NVIDIA H200` is in nvidia-h200.yaml."""
    return re.sub(r"[^a-z0-9]+", "-", gpu.lower()).strip("-") + ".yaml"


def load_expectations(gpu: str, folder: Path = FOLDER) -> Expectations:
    """Return the expectations of a GPU model, without floors if it was never measured.

    Raises ConfigError.
    """
    path = folder / floor_file(gpu)
    _require_lines(folder)
    if not path.exists():
        return Expectations(gpu, TOLERANCE, TOLERANCE_SOURCE, {})
    found = yaml_files.load_yaml(Expectations, path)
    if found.gpu != gpu:
        line = yaml_files.line_of(records.read_text(path), "gpu")
        raise ConfigError(
            f"{path}:{line}: `gpu` is {found.gpu}, but the driver calls it {gpu}",
            f"write `gpu: {gpu}` there",
        )
    for name, floor in found.floors.items():
        version = parse_version(floor.measured.release)
        if is_line(folder.name) and (version is None or version.line != folder.name):
            raise ConfigError(
                f"{path}: {name} was measured on {floor.measured.release}, which is not of line "
                f"{folder.name}",
                "run `./release.py baseline VERSION` with a release of this line",
            )
    return found


def _require_lines(folder: Path) -> None:
    """Raise ConfigError if the folder of all lines holds a file, which would judge none."""
    parent = folder.parent if is_line(folder.name) else folder
    stray = sorted(parent.glob("*.yaml")) if parent == FOLDER else []
    if stray:
        raise ConfigError(
            f"{stray[0]} belongs to no line of PyTorch",
            f"move it to the folder of its line, for example {FOLDER.name}/2.6/{stray[0].name}",
        )


def line_folder(line: str) -> Path:
    """Return the folder of the expectations of a line."""
    return FOLDER / line


def find_floor_kind(record: ValidationRecord) -> str:
    """Return what a record was compared with: MEASURED, PROVISIONAL, or nothing (empty).

    If only a part was compared with a measurement, the whole is provisional.
    """
    names = {
        figure.name
        for suite in record.suites
        if suite.suite == NAME
        for check in suite.checks
        for figure in check.figures
    }
    if PROVISIONAL_FLOOR in names:
        return PROVISIONAL
    return MEASURED if _FLOOR in names else ""


def judge_floor(
    throughput: SuiteResult, gpus: Sequence[str], source: FloorSource, folder: Path = FOLDER
) -> SuiteResult:
    """Judge what the throughput suite measured on the first of `gpus`.

    `gpus` are names as the driver gives them. Raises ConfigError if the file of this GPU is
    wrong.
    """
    empty = SuiteResult(NAME, Verdict.NOT_RUN, "", 0.0, (), "")
    if not gpus:
        return replace(
            empty, reason="the lowest throughput (floor) exists only for GPUs, and there was no GPU"
        )
    if len(set(gpus)) > 1:  # torch and the driver number the GPUs of such a machine differently
        models = ", ".join(sorted(set(gpus)))
        return replace(
            empty,
            verdict=Verdict.INCONCLUSIVE,
            reason=f"this machine has several GPU models ({models}){EXPECTED}one",
        )
    return _judge_suite(throughput, load_expectations(gpus[0], folder), source)


def _judge_suite(throughput: SuiteResult, known: Expectations, source: FloorSource) -> SuiteResult:
    measured = {
        check.name: check
        for check in throughput.checks
        if check.name not in (CHALLENGE, GPU_LIMITS)
    }
    checks = tuple(
        _check_floor(name, measured.get(name), known) for name in sorted({*measured, *known.floors})
    )
    unmeasured = {check.name for check in checks if check.verdict is Verdict.INCONCLUSIVE}
    if unmeasured and (own := judge_provisionally(throughput, known.gpu)):
        kept = tuple(check for check in checks if check.name not in unmeasured)
        checks = (*kept, *(own[name] for name in (GPU_LIMITS, *sorted(unmeasured))))
    verdict = worst_verdict(check.verdict for check in checks)
    first = next((check for check in checks if check.verdict is verdict is not Verdict.PASS), None)
    nothing = "" if checks else "the throughput suite measured nothing"
    if verdict is Verdict.PASS and unmeasured:
        nothing = f"provisional: no release of this line was measured on {known.gpu}"
    return SuiteResult(
        suite=NAME,
        verdict=verdict,
        reason=f"{first.name}: {first.reason}" if first else nothing,
        cause=first.cause if first else "",
        seconds=0.0,
        checks=checks,
        last_output=render_entry(throughput, known, source) if source.digest and unmeasured else "",
    )


def _check_floor(name: str, measured: Check | None, known: Expectations) -> Check:
    rate = rate_per_second(measured) if measured else None
    if measured is None or rate is None:
        return Check(
            name, Verdict.NOT_RUN, "the throughput suite measured nothing to compare", 0.0, ()
        )
    expected = known.floors.get(name)
    if expected is None or (expected.batch, expected.unit) != (batch_size(measured), rate.unit):
        return _unmeasured_check(name, rate, known.gpu)
    return _compare_rate(name, rate, expected, known)


def _unmeasured_check(name: str, rate: Figure, gpu: str) -> Check:
    reason = (
        f"{rate.value:.1f} {rate.unit} with nothing to compare{EXPECTED}an entry in "
        f"expectations/LINE/{floor_file(gpu)}"
    )
    cause = (
        f"this work was never measured on {gpu}: run `./release.py baseline VERSION`, and commit "
        "the file that it writes"
    )
    return Check(name, Verdict.INCONCLUSIVE, reason, 0.0, (rate,), cause)


def _compare_rate(name: str, rate: Figure, expected: Floor, known: Expectations) -> Check:
    least = (1 - known.tolerance) * expected.per_s
    figures = (rate, Figure(_FLOOR, least, rate.unit))
    if rate.value >= least:
        return Check(name, Verdict.PASS, "", 0.0, figures)
    reason = (
        f"{rate.value:.1f} {rate.unit}{EXPECTED}at least {least:.1f}, which is "
        f"{expected.measured.release}'s {expected.per_s:.1f} less {100 * known.tolerance:.0f} %"
    )
    cause = (
        "a slow path: a library or kernel that is missing in the image, or a GPU that is "
        "throttled or shared"
    )
    return Check(name, Verdict.FAIL, reason, 0.0, figures, cause)


def render_entry(throughput: SuiteResult, known: Expectations, source: FloorSource) -> str:
    """Return the file to commit, as YAML: the known floors and those measured first now."""
    measured = {
        check.name: (rate, batch_size(check))
        for check in throughput.checks
        if (rate := rate_per_second(check))
    }
    found = {
        name: Floor(round(rate.value, 2), rate.unit, batch, source)
        for name, (rate, batch) in measured.items()
        if batch
    }
    kept = {
        name: one
        for name, one in known.floors.items()
        if name not in found or (one.batch, one.unit) == (found[name].batch, found[name].unit)
    }
    whole = records.to_plain(replace(known, floors={**found, **kept}))
    return yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=120)
