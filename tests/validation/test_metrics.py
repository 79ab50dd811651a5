"""Metrics are read back by both of Prometheus' own parsers: OpenMetrics, and the text format
node_exporter reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from runner.verdict import Verdict
from validation.metrics import render_openmetrics
from validation.record import Check, Environment, Figure, GpuSample, SuiteResult, ValidationRecord

DIGEST = "sha256:" + "1" * 64
OF_IMAGE = {"version": "v2.6.0", "image": "cv", "digest": DIGEST}
Parse = Callable[[str], Iterable[Any]]


def _sample(at_s: float, gpu: int = 0, power_w: float = 300.0, *throttled: str) -> GpuSample:
    return GpuSample(at_s, gpu, 1410, 1593, power_w, 60 + int(at_s), 90, 4096, throttled)


def _record(*samples: GpuSample, name: str = "trains") -> ValidationRecord:
    check = Check(name, Verdict.PASS, "", 1.0, (Figure("resnet50 fp32", 812.5, "images/s"),))
    suite = SuiteResult("throughput", Verdict.INFRA, "hot", 12.5, (check,), "", samples=samples)
    where = Environment("docker", "cuda", ("A100",), "550.54.15", "", 2, 0, 0, "", "")
    return ValidationRecord(
        "v2.6.0", "cv", DIGEST, "", Verdict.INFRA, "", (suite,), where, "", "", 13.0
    )


@pytest.fixture(params=[openmetrics_parser, parser], ids=["openmetrics", "text"])
def parse(request: pytest.FixtureRequest) -> Parse:
    found: Parse = request.param.text_string_to_metric_families
    return found


def _values(text: str, parse: Parse) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every series, without the labels of the image, which all must have."""
    found = {}
    for family in parse(text):
        assert family.type == "gauge"
        for sample in family.samples:
            assert OF_IMAGE.items() <= sample.labels.items()
            assert sample.timestamp is None
            labels = frozenset(sample.labels.items() - OF_IMAGE.items())
            found[sample.name.removeprefix("pytorch_cuda_images_"), labels] = sample.value
    return found


def _key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


def test_verdicts_seconds_and_figures(parse: Parse) -> None:
    found = _values(render_openmetrics(_record()), parse)
    assert found[_key("validation_verdict", verdict="infra")] == 1
    assert found[_key("validation_verdict", verdict="pass")] == 0
    assert sum(value for (name, _), value in found.items() if name == "suite_verdict") == 1
    assert found[_key("check_verdict", suite="throughput", check="trains", verdict="pass")] == 1
    assert found[_key("suite_duration_seconds", suite="throughput")] == 12.5
    figure = {
        "suite": "throughput",
        "check": "trains",
        "figure": "resnet50 fp32",
        "unit": "images/s",
    }
    assert found[_key("check_figure", **figure)] == 812.5
    assert not any(name.startswith("gpu") for name, _ in found)


def test_gpus_in_base_units(parse: Parse) -> None:
    hot = "hw thermal slowdown"
    samples = (
        _sample(0.0),
        _sample(1.0, 0, 400.0, hot),
        _sample(2.5, 0, 500.0),
        _sample(0.0, 1, -1),
    )
    found = _values(render_openmetrics(_record(*samples)), parse)

    def of(name: str, gpu: int = 0, **labels: str) -> float | None:
        return found.get(_key(name, suite="throughput", gpu=str(gpu), **labels))

    assert of("gpu_power_watts", statistic="mean") == 400.0
    assert of("gpu_power_watts", statistic="max") == 500.0
    assert of("gpu_temperature_celsius", statistic="max") == 62
    assert of("gpu_sm_clock_hertz", statistic="max") == 1.41e9
    assert of("gpu_memory_clock_hertz", statistic="mean") == 1.593e9
    assert of("gpu_utilisation_ratio", statistic="mean") == pytest.approx(0.9)
    assert of("gpu_memory_used_bytes", statistic="max") == 4.096e9
    assert of("gpu_throttled_seconds", reason=hot) == 1.5
    assert of("gpu_throttled_seconds", reason="any") == 1.5
    assert of("gpu_throttled_seconds", 1, reason="any") == 0
    assert of("gpu_power_watts", 1, statistic="mean") is None  # that GPU tells no power
    assert of("gpu_temperature_celsius", 1, statistic="mean") == 60


def test_throttled_to_the_end(parse: Parse) -> None:
    """The last reading stands for as long as the others did."""
    found = _values(
        render_openmetrics(_record(_sample(0.0), _sample(2.0, 0, 1.0, "sw power cap"))), parse
    )
    key = _key("gpu_throttled_seconds", suite="throughput", gpu="0", reason="sw power cap")
    assert found[key] == 2.0


def test_names_of_checks_are_escaped(parse: Parse) -> None:
    found = _values(render_openmetrics(_record(name='a["\\n"]\n')), parse)
    assert found[_key("check_verdict", suite="throughput", check='a["\\n"]\n', verdict="pass")] == 1


def test_it_ends_as_openmetrics_must() -> None:
    assert render_openmetrics(_record()).endswith("# EOF\n")
