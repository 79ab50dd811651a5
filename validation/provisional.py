"""The provisional floor: the speed of a GPU that was never measured, judged within one run.

The throughput suite measures how fast the GPU copies memory and multiplies matrices (`gpu_limits`).
Published figures of other GPUs say what ResNet-50 and BERT-base reach for each GB/s and TFLOP/s.
Half of the lowest of these is the bound. It catches what is broken: work on the CPU, no tensor
cores, float32 where AMP was asked for, a clock at a fraction. It does not catch what is slow.

The figures and their sources are in provisional.yaml; no person writes a bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from runner import records, yaml_files
from runner.verdict import Verdict
from validation.rates import rate_per_second, rates_by_check
from validation.record import Check, Figure, SuiteResult
from validation.suites.contract.words import EXPECTED, GPU_LIMITS

DATA = Path(__file__).resolve().parent / "provisional.yaml"
PROVISIONAL_FLOOR = "provisional floor"
"""The name of the figure that a check of the provisional floor was compared with."""

UNITS = {"copy": "GB/s", "fp16": "TFLOP/s", "fp32": "TFLOP/s", "tf32": "TFLOP/s"}

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Fraction = Annotated[float, Field(gt=0, lt=1)]


@dataclass(frozen=True)
class KnownGpu:
    """The limits of a GPU model, as its maker says or as measured, in the units of UNITS.

    `names` are those that the driver gives it; empty for a model whose name is not known.
    `measured` says that `limits` are results of `gpu_limits`, not of a datasheet.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    names: tuple[str, ...]
    limits: dict[str, _Positive]
    source: str
    measured: bool = False


@dataclass(frozen=True)
class PublishedFigure:
    """The published throughput of one GPU (a name of `gpus`) in one check."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    gpu: str
    per_s: _Positive
    source: str


@dataclass(frozen=True)
class ProvisionalBounds:
    """The content of provisional.yaml.

    `share` is the part of the lowest published figure that must be reached. `limits` name, for each
    check, the limits that bound it. `peaks` are the parts of a known model's limits that a run must
    reach. `tensor_cores` is the least ratio of fp16 to fp32 products, `amp` the least ratio of a
    workload with AMP to the same in float32.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    share: _Fraction
    tensor_cores: _Positive
    peaks: dict[str, _Fraction]
    amp: dict[str, _Positive]
    sources: dict[str, str]
    gpus: dict[str, KnownGpu]
    limits: dict[str, tuple[str, ...]]
    published: dict[str, tuple[PublishedFigure, ...]]

    def find_known(self, model: str) -> KnownGpu | None:
        """Return what is known of a GPU model by its name in the driver, or None."""
        return next((each for each in self.gpus.values() if model in each.names), None)


@dataclass(frozen=True)
class _Bound:
    """The least rate of a check, and its source, in words."""

    least: float
    why: str


@cache
def load_bounds(path: Path = DATA) -> ProvisionalBounds:
    """Return the bounds. Raises ConfigError with file and line if the file is wrong."""
    return yaml_files.load_yaml(ProvisionalBounds, path)


def judge_provisionally(throughput: SuiteResult, model: str) -> dict[str, Check]:
    """Return a check for each rate that was measured, by name, and one for the GPU itself.

    Nothing is returned if the suite did not measure the GPU's own speed: then there is nothing to
    compare with.
    """
    measured = next((check for check in throughput.checks if check.name == GPU_LIMITS), None)
    limits = {figure.name: figure.value for figure in measured.figures} if measured else {}
    if measured is None or measured.verdict is not Verdict.PASS or not {*UNITS} <= set(limits):
        return {}
    bounds, rates = load_bounds(), rates_by_check(throughput)
    judged = {
        check.name: _judge_rate(check.name, rate, _list_bounds(check.name, limits, rates, bounds))
        for check in throughput.checks
        if (rate := rate_per_second(check))
    }
    # the GPU's own speed: tensor cores, and the limits of a known model
    figures = tuple(Figure(name, limits[name], unit) for name, unit in UNITS.items())
    slow = next(_find_slow_limits(limits, bounds.find_known(model), bounds), "")
    cause = "a library of the image that uses no tensor cores, or a GPU that is throttled or shared"
    verdict = Verdict.FAIL if slow else Verdict.PASS
    own = Check(GPU_LIMITS, verdict, slow, 0.0, figures, cause if slow else "")
    return {GPU_LIMITS: own, **judged}


def compute_ratio(bounds: ProvisionalBounds, check: str, limit: str) -> float:
    """Return the least published rate of a check for each unit of a limit.

    A GPU of which the limit is not known does not count.
    """
    return min(
        figure.per_s / bounds.gpus[figure.gpu].limits[limit]
        for figure in bounds.published[check]
        if limit in bounds.gpus[figure.gpu].limits
    )


def _list_bounds(
    name: str, limits: Mapping[str, float], rates: Mapping[str, float], bounds: ProvisionalBounds
) -> Iterator[_Bound]:
    """Yield every bound of a check: by the GPU's own speed, and by other checks of the run."""
    for limit in bounds.limits.get(name, ()):
        least = bounds.share * compute_ratio(bounds, name, limit) * limits[limit]
        yield _Bound(least, f"{limits[limit]:.0f} {UNITS[limit]} ({limit}) of this GPU")
    plain = name.replace("-amp]", "-fp32]")
    if name in bounds.amp and plain in rates:
        yield _Bound(
            bounds.amp[name] * rates[plain], f"{bounds.amp[name]:g} times the rate of {plain}"
        )
    training = name.replace("inference[", "training[")
    if training != name and training in rates:  # a step of training holds the same forward pass
        yield _Bound(rates[training], f"the rate of {training}")


def _judge_rate(name: str, rate: Figure, every: Iterable[_Bound]) -> Check:
    """Return the verdict on one rate by the highest of its bounds; inconclusive if it has none."""
    highest = max(every, key=lambda bound: bound.least, default=None)
    if highest is None:
        reason = f"{rate.value:.1f} {rate.unit} with nothing to compare"
        return Check(name, Verdict.INCONCLUSIVE, reason, 0.0, (rate,))
    figures = (rate, Figure(PROVISIONAL_FLOOR, highest.least, rate.unit))
    if rate.value >= highest.least:
        return Check(name, Verdict.PASS, "", 0.0, figures)
    reason = (
        f"{rate.value:.1f} {rate.unit}{EXPECTED}at least {highest.least:.1f}: the provisional "
        f"floor by {highest.why}"
    )
    cause = (
        "work on the CPU, no tensor cores, float32 where AMP was asked for, or a library that is "
        "missing in the image"
    )
    return Check(name, Verdict.FAIL, reason, 0.0, figures, cause)


def _find_slow_limits(
    limits: Mapping[str, float], known: KnownGpu | None, bounds: ProvisionalBounds
) -> Iterator[str]:
    least = bounds.tensor_cores * limits["fp32"]
    if limits["fp16"] < least:
        yield (
            f"products in fp16 reach {limits['fp16']:.1f} TFLOP/s{EXPECTED}at least {least:.1f}, "
            f"which is {bounds.tensor_cores:g} times those in fp32: tensor cores are not used"
        )
    for name, part in bounds.peaks.items():
        peak = known.limits.get(name) if known else None
        if peak and limits[name] < part * peak:
            yield (
                f"{name} reaches {limits[name]:.1f} {UNITS[name]}{EXPECTED}at least "
                f"{part * peak:.1f}, which is {100 * part:.0f} % of the model's {peak:.0f}"
            )
