"""The part of a report about a validation: its checks, figures, reasons and environment."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from report import units
from report.escape import one_line
from report.model import (
    Bar,
    CheckView,
    Fact,
    Mark,
    ModelComparison,
    StageView,
    SuiteView,
    Throughput,
)
from report.stages import NOT_REACHED, format_percent, limit_verdict
from runner.nouns import count_noun
from runner.verdict import WORST_FIRST, Verdict
from validation.nvml import NOT_TOLD
from validation.record import Check, Environment, GpuSample, SuiteResult, ValidationRecord


def validation_stage(record: ValidationRecord | None) -> StageView:
    """Return the result of the validation, with its checks counted."""
    if record is None:
        return NOT_REACHED
    verdict = limit_verdict(record.verdict, map(suite_verdict, record.suites))
    line = count_verdicts([check.verdict for suite in record.suites for check in suite.checks])
    return StageView(
        Mark(verdict), f"{line}, {units.format_duration(record.seconds)}", one_line(record.reason)
    )


def suite_verdict(suite: SuiteResult) -> Verdict:
    """Return the verdict of a suite; `pass` only if all its checks passed."""
    return limit_verdict(suite.verdict, (check.verdict for check in suite.checks))


def suite_view(suite: SuiteResult) -> SuiteView:
    """Return a suite with its checks from worst to best, and otherwise in the order they ran."""
    ranked = sorted(suite.checks, key=lambda check: WORST_FIRST.index(check.verdict))
    return SuiteView(
        name=suite.suite,
        mark=Mark(suite_verdict(suite)),
        reason="" if any(check.reason == suite.reason for check in suite.checks) else suite.reason,
        duration=units.format_duration(suite.seconds),
        counts=count_verdicts([check.verdict for check in suite.checks]),
        cause="" if any(check.cause == suite.cause for check in suite.checks) else suite.cause,
        attempts=f"{count_noun(suite.attempts, 'attempt')}" if suite.attempts > 1 else "",
        gpus=gpu_lines(suite.samples),
        checks=tuple(map(_view_check, ranked)),
        last_output=suite.last_output,
    )


def _view_check(check: Check) -> CheckView:
    figures = []
    for one in check.figures:
        if not is_rate(one.unit):
            # a count has no decimals, and no unit `times`
            is_whole = one.value.is_integer()
            number = f"{one.value:,.0f}" if is_whole else units.format_number(one.value)
            unit = "" if is_whole and one.unit == "times" else one.unit
            figures.append(f"{one.name} {number} {unit}".rstrip())
    return CheckView(
        name=check.name,
        mark=Mark(check.verdict),
        reason=check.reason,
        cause=check.cause,
        duration=units.format_duration(check.seconds),
        figures=tuple(figures),
    )


def gpu_lines(samples: Iterable[GpuSample]) -> tuple[str, ...]:
    """Return one line for each GPU, with the values that NVML reported."""
    by_gpu: dict[int, list[GpuSample]] = {}
    for sample in samples:
        by_gpu.setdefault(sample.gpu, []).append(sample)
    return tuple(_gpu_line(gpu, seen) for gpu, seen in sorted(by_gpu.items()))


def _gpu_line(gpu: int, seen: Sequence[GpuSample]) -> str:
    clocks, degrees, watts = (
        [value for value in values if value != NOT_TOLD]
        for values in zip(
            *((one.sm_clock_mhz, one.temperature_c, one.power_w) for one in seen), strict=True
        )
    )
    reasons = Counter(reason for sample in seen for reason in sample.throttled)
    throttled = ", ".join(f"{reason} in {count}" for reason, count in sorted(reasons.items()))
    parts = (
        f"{statistics.median(clocks):.0f} MHz (median)" if clocks else "",
        f"at most {max(degrees)} °C" if degrees else "",
        f"at most {max(watts):.0f} W" if watts else "",
        count_noun(len(seen), "reading"),
        f"throttled: {throttled}" if throttled else "never throttled",
    )
    return f"GPU {gpu}: {', '.join(part for part in parts if part)}"


def count_verdicts(verdicts: Sequence[Verdict]) -> str:
    """Return `2 not run, 9 pass`, worst first."""
    found = Counter(verdicts)
    return (
        ", ".join(f"{found[verdict]} {verdict}" for verdict in WORST_FIRST if found[verdict])
        or "no checks"
    )


def is_rate(unit: str) -> bool:
    """Return whether a figure in `unit` is throughput."""
    return unit.endswith("/s")


def throughput_rates(suites: Iterable[SuiteResult]) -> tuple[Throughput, ...]:
    """Return every rate that the suites measured, in the order they ran."""
    checks = (check for suite in suites for check in suite.checks)
    return tuple(
        Throughput(check.name, one.name, units.format_number(one.value), one.unit)
        for check in checks
        for one in check.figures
        if is_rate(one.unit)
    )


def compare_models(records: Sequence[ValidationRecord]) -> tuple[ModelComparison, ...]:
    """Return each rate that was measured on several devices, with a bar for each device."""
    found: dict[tuple[str, str, str], dict[str, float]] = {}
    for record in records:
        device = measured_on(record.environment)
        for check in (check for suite in record.suites for check in suite.checks):
            for one in filter(lambda each: is_rate(each.unit), check.figures):
                found.setdefault((check.name, one.name, one.unit), {})[device] = one.value
    return tuple(
        ModelComparison(*named, draw_bars(values, units.format_number))
        for named, values in found.items()
        if len(values) > 1
    )


def draw_bars(values: Mapping[str, float], describe: Callable[[float], str]) -> tuple[Bar, ...]:
    """Return a bar for each value, as long as its share of the largest."""
    longest = max(values.values(), default=0.0)
    return tuple(
        Bar(label, describe(value), format_percent(units.percent_of(value, longest)))
        for label, value in values.items()
    )


def measured_on(environment: Environment) -> str:
    """Return the device on which the figures were measured."""
    return (
        f"the CPU: {_describe_cpu(environment)}"
        if ran_on_cpu(environment)
        else _describe_gpus(environment)
    )


def environment_facts(environment: Environment) -> tuple[Fact, ...]:
    """Return facts about the machine on which the validation ran."""
    return (
        Fact("Executor", environment.executor),
        Fact("Device", environment.device),
        Fact("GPUs", _describe_gpus(environment) or "none: GPU checks were not run"),
        Fact("Driver", environment.driver or "none"),
        Fact("CPU", _describe_cpu(environment)),
        Fact("Memory", units.format_memory(environment.memory_bytes)),
        Fact("Shared memory", units.format_memory(environment.shm_bytes)),
        Fact("Kernel", environment.kernel),
        Fact("Engine", environment.engine),
    )


def _describe_gpus(environment: Environment) -> str:
    counts = Counter(environment.gpus).items()
    return ", ".join(f"{count} × {name}" for name, count in counts)


def _describe_cpu(environment: Environment) -> str:
    return f"{environment.cpu}, {count_noun(environment.cpus, 'CPU')}"


def ran_on_cpu(environment: Environment) -> bool:
    """Return whether the validation ran without a GPU."""
    return environment.device == "cpu" or not environment.gpus
