"""The provisional floor: a real GPU passes, and what is broken is caught by its own figures."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import ConfigError
from runner.verdict import Verdict
from tests.publish.channel_table import A100, H100, L4, T4, StandIn, measure_speed
from tests.validation.test_levels import recorded
from validation import floor
from validation.floor import (
    FloorSource,
    find_floor_kind,
    judge_floor,
    line_folder,
    load_expectations,
)
from validation.provisional import judge_provisionally, load_bounds
from validation.rates import rates_by_check
from validation.record import Check, Figure, SuiteResult
from validation.suites.contract.words import GPU_LIMITS

H200 = "NVIDIA H200"
SOURCE = FloorSource("v2.11.0", f"sha256:{'1' * 64}", "580", datetime.date(2026, 11, 27), "command")


def measured() -> SuiteResult:
    """The throughput of a real run on one H200."""
    return next(suite for suite in recorded().suites if suite.suite == "throughput")


def scaled(
    suite: SuiteResult, factor: float, which: Callable[[str, Figure], bool] = lambda *_: True
) -> SuiteResult:
    """The suite with the rates and limits for which `which` is true multiplied."""

    def change(check: Check) -> Check:
        figures = tuple(
            replace(each, value=each.value * factor)
            if each.unit.endswith("/s") and which(check.name, each)
            else each
            for each in check.figures
        )
        return replace(check, figures=figures)

    return replace(suite, checks=tuple(map(change, suite.checks)))


def failing(suite: SuiteResult, model: str = H200) -> dict[str, str]:
    """The checks that fail, with their reasons."""
    judged = judge_provisionally(suite, model)
    assert judged
    return {name: each.reason for name, each in judged.items() if each.verdict is Verdict.FAIL}


def with_amp_as_fp32(suite: SuiteResult) -> SuiteResult:
    rates = {check.name: check for check in suite.checks}
    return replace(
        suite,
        checks=tuple(
            replace(rates[check.name.replace("-amp]", "-fp32]")], name=check.name)
            for check in suite.checks
        ),
    )


def test_a_real_gpu_is_above_its_provisional_floor() -> None:
    result = judge_floor(measured(), [H200], SOURCE, line_folder("2.11"))
    assert (result.verdict, [check.verdict for check in result.checks]) == (
        Verdict.PASS,
        [Verdict.PASS] * 9,
    )
    assert result.reason == "provisional: no release of this line was measured on NVIDIA H200"
    record = recorded()
    kept = [suite for suite in record.suites if suite.suite != floor.NAME]
    assert find_floor_kind(replace(record, suites=(*kept, result))) == floor.PROVISIONAL
    assert find_floor_kind(replace(record, suites=tuple(kept))) == ""


@pytest.mark.parametrize("machine", [T4, L4, A100, H100], ids=lambda each: each.peaks)
def test_stand_ins_that_reach_what_is_published_pass(machine: StandIn) -> None:
    assert not failing(measure_speed(machine), machine.model)


def test_work_on_the_cpu_fails_everything() -> None:
    """docs/validation.md: a CPU reaches some images per second."""
    slow = scaled(measured(), 0.001, lambda name, _: name != GPU_LIMITS)
    rates = {check.name for check in slow.checks} - {GPU_LIMITS, "challenge"}
    # inference is compared with training too, so that both being slow hides nothing
    assert set(failing(slow)) == rates


def test_float32_where_amp_was_asked_for() -> None:
    found = failing(with_amp_as_fp32(measured()))
    assert {"training[bert_base-amp]", "inference[bert_base-amp]"} <= set(found)
    fast = scaled(measured(), 6.0, lambda name, _: name == "training[bert_base-fp32]")
    found = failing(with_amp_as_fp32(fast))
    assert "1.1 times the rate of training[bert_base-fp32]" in found["training[bert_base-amp]"]


def test_no_tensor_cores() -> None:
    limits = {each.name: each.value for each in measured().checks[-2].figures}
    assert measured().checks[-2].name == GPU_LIMITS
    without = scaled(
        measured(), limits["fp32"] / limits["fp16"], lambda _, each: each.name == "fp16"
    )
    for model in (H200, "NVIDIA of the future"):
        assert "tensor cores are not used" in failing(without, model)[GPU_LIMITS]


@pytest.mark.parametrize("factor", [0.1, 0.2])
def test_a_known_gpu_throttled_to_a_fraction(factor: float) -> None:
    found = failing(scaled(measured(), factor))
    assert "% of the model's" in found[GPU_LIMITS]
    assert failing(scaled(measured(), factor), "NVIDIA of the future") == {}, (
        "docs/proof.md says so: all figures of an unknown model fall together"
    )


def test_without_the_speed_of_the_gpu_there_is_no_provisional_floor() -> None:
    changes: tuple[Callable[[Check], Check], ...] = (
        lambda check: replace(check, verdict=Verdict.INFRA),
        lambda check: replace(check, figures=check.figures[:2]),
    )
    for change in changes:
        checks = tuple(
            change(check) if check.name == GPU_LIMITS else check for check in measured().checks
        )
        suite = replace(measured(), checks=checks)
        assert judge_provisionally(suite, H200) == {}
        result = judge_floor(suite, [H200], SOURCE, line_folder("2.11"))
        assert result.verdict is Verdict.INCONCLUSIVE


def test_a_part_that_was_measured_keeps_its_floor(tmp_path: Path) -> None:
    folder = tmp_path / "2.11"
    folder.mkdir()
    entry = judge_floor(measured(), [H200], SOURCE, folder).last_output
    (folder / floor.floor_file(H200)).write_text(entry)
    known = load_expectations(H200, folder)
    first = next(iter(known.floors))
    assert judge_floor(measured(), [H200], SOURCE, folder).reason == ""
    one = f"gpu: {H200}\ntolerance: 0.12\nsource: x\nfloors: {{}}\n"
    (folder / floor.floor_file(H200)).write_text(one)
    assert judge_floor(measured(), [H200], SOURCE, folder).reason.startswith("provisional")
    assert first in known.floors


def test_a_file_of_another_line_or_of_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "2.6"
    folder.mkdir()
    entry = judge_floor(measured(), [H200], SOURCE, folder).last_output
    (folder / floor.floor_file(H200)).write_text(entry)
    with pytest.raises(ConfigError, match=r"was measured on v2\.11\.0, which is not of line 2\.6"):
        load_expectations(H200, folder)
    monkeypatch.setattr(floor, "FOLDER", tmp_path)
    (tmp_path / floor.floor_file(H200)).write_text(entry)
    with pytest.raises(ConfigError, match="belongs to no line"):
        judge_floor(measured(), [H200], SOURCE, tmp_path / "2.11")


# The data


def test_every_figure_has_a_source_and_a_gpu_and_every_check_a_bound() -> None:
    bounds = load_bounds()
    names = {check.name for check in measured().checks} - {GPU_LIMITS, "challenge"}
    assert set(bounds.limits) == set(bounds.published) == names
    assert set(bounds.amp) <= names
    for known in bounds.gpus.values():
        assert known.source in bounds.sources
    for check, figures in bounds.published.items():
        for each in figures:
            assert (each.gpu in bounds.gpus, each.source in bounds.sources) == (True, True), check
        assert all(
            any(limit in bounds.gpus[each.gpu].limits for each in figures)
            for limit in bounds.limits[check]
        )


def test_our_own_figures_are_those_of_the_record() -> None:
    bounds, record = load_bounds(), {check.name: check for check in measured().checks}
    ours = {
        check: each.per_s
        for check, figures in bounds.published.items()
        for each in figures
        if each.source == "ours"
    }
    rates = rates_by_check(measured())
    assert ours == {name: round(rates[name], 2) for name in ours}
    limits = {each.name: each.value for each in record[GPU_LIMITS].figures}
    known = bounds.gpus["H200"].limits
    assert known == {name: pytest.approx(limits[name], rel=0.001) for name in known}


def test_a_page_tells_the_bounds_of_the_real_gpu() -> None:
    page = (floor.FOLDER.parent.parent / "docs" / "proof.md").read_text(encoding="utf-8")
    judged = judge_provisionally(measured(), H200)
    for name in load_bounds().limits:
        if name.startswith("training"):
            rate, least = judged[name].figures
            assert f"| {rate.value:,.1f} {rate.unit} | {least.value:,.1f} |" in page, name
