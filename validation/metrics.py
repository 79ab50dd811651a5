"""Results of a validation for Prometheus, as OpenMetrics text.

node_exporter's textfile collector reads it too. It knows the older text format only and refuses
timestamps, so there are gauges and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.openmetrics.exposition import generate_latest

from runner.verdict import Verdict
from validation.nvml import NOT_TOLD
from validation.record import GpuSample, SuiteResult, ValidationRecord

PREFIX = "pytorch_cuda_images"
IMAGE = ("version", "image", "digest")
MEGA = 1e6


def render_openmetrics(record: ValidationRecord) -> str:
    """Return gauges in base units: verdicts, seconds, figures, and GPU readings.

    A verdict has 1 for the one that holds and 0 for the others.
    """
    metrics = _Metrics((record.version, record.image, record.digest))
    metrics.add_verdict("validation_verdict", "Verdict of the image", {}, record.verdict)
    for suite in record.suites:
        _add_suite(metrics, suite)
        by_gpu: dict[int, list[GpuSample]] = {}
        for sample in suite.samples:
            by_gpu.setdefault(sample.gpu, []).append(sample)
        for gpu, readings in sorted(by_gpu.items()):
            _add_gpu(metrics, {"suite": suite.suite, "gpu": str(gpu)}, readings)
    return metrics.render_text()


class _Metrics:
    """A registry of one record: every series carries the image's labels."""

    def __init__(self, image: tuple[str, ...]) -> None:
        self._image = dict(zip(IMAGE, image, strict=True))
        self._registry = CollectorRegistry()
        self._gauges: dict[str, Gauge] = {}

    def add_sample(self, name: str, about: str, labels: dict[str, str], value: float) -> None:
        if name not in self._gauges:
            names = (*IMAGE, *labels)
            self._gauges[name] = Gauge(f"{PREFIX}_{name}", about, names, registry=self._registry)
        self._gauges[name].labels(**self._image, **labels).set(value)

    def add_verdict(self, name: str, about: str, labels: dict[str, str], verdict: Verdict) -> None:
        for each in Verdict:
            self.add_sample(name, about, {**labels, "verdict": each}, float(each is verdict))

    def render_text(self) -> str:
        return str(generate_latest(self._registry).decode())  # type: ignore[no-untyped-call] # the client of Prometheus has no types


def _add_suite(metrics: _Metrics, suite: SuiteResult) -> None:
    of_suite = {"suite": suite.suite}
    metrics.add_verdict("suite_verdict", "Verdict of a suite", of_suite, suite.verdict)
    metrics.add_sample("suite_duration_seconds", "How long a suite took", of_suite, suite.seconds)
    for check in suite.checks:
        of_check = {**of_suite, "check": check.name}
        metrics.add_verdict("check_verdict", "Verdict of a check", of_check, check.verdict)
        for figure in check.figures:
            labels = {**of_check, "figure": figure.name, "unit": figure.unit}
            metrics.add_sample(
                "check_figure", "A number that a check measured, in its unit", labels, figure.value
            )


@dataclass(frozen=True)
class _Reading:
    """A value of GpuSample that is shown, `scale` base units each."""

    name: str
    about: str
    value: Callable[[GpuSample], float]
    scale: float = 1.0


_READINGS = (
    _Reading(
        "gpu_temperature_celsius", "Temperature of a GPU", lambda sample: sample.temperature_c
    ),
    _Reading("gpu_power_watts", "Power a GPU drew", lambda sample: sample.power_w),
    _Reading(
        "gpu_sm_clock_hertz",
        "Clock of a GPU's processors",
        lambda sample: sample.sm_clock_mhz,
        MEGA,
    ),
    _Reading(
        "gpu_memory_clock_hertz",
        "Clock of a GPU's memory",
        lambda sample: sample.memory_clock_mhz,
        MEGA,
    ),
    _Reading(
        "gpu_utilisation_ratio",
        "Share of time it computed",
        lambda sample: sample.utilisation_percent,
        0.01,
    ),
    _Reading(
        "gpu_memory_used_bytes",
        "Memory of a GPU in use",
        lambda sample: sample.memory_used_mb,
        MEGA,
    ),
)


def _add_gpu(metrics: _Metrics, labels: dict[str, str], samples: list[GpuSample]) -> None:
    """Add the largest and the mean of what the GPU told; a value it never told has no series."""
    for reading in _READINGS:
        values = [
            reading.value(sample) * reading.scale
            for sample in samples
            if reading.value(sample) != NOT_TOLD
        ]
        for statistic, of in (("max", max), ("mean", fmean)):
            if values:
                metrics.add_sample(
                    reading.name, reading.about, {**labels, "statistic": statistic}, of(values)
                )
    for reason, seconds in _throttled_seconds(samples):
        about = "How long a GPU was slowed down during a suite"
        metrics.add_sample("gpu_throttled_seconds", about, {**labels, "reason": reason}, seconds)


def _throttled_seconds(samples: list[GpuSample]) -> Iterator[tuple[str, float]]:
    """Return throttled seconds by reason, and by `any`.

    Each reading stands for the time until the next; the last for as much as the mean.
    """
    times = [sample.at_s for sample in samples]
    spans = [later - earlier for earlier, later in pairwise(times)]
    spans.append(fmean(spans) if spans else 1.0)
    reasons = sorted({reason for sample in samples for reason in sample.throttled})
    for reason in reasons:
        yield (
            reason,
            sum(
                span
                for span, sample in zip(spans, samples, strict=True)
                if reason in sample.throttled
            ),
        )
    yield "any", sum(span for span, sample in zip(spans, samples, strict=True) if sample.throttled)
