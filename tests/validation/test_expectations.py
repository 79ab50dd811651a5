"""The floor: what is compared with what, what an unmeasured GPU leaves behind, and files that are
wrong.
"""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from runner.errors import ConfigError
from runner.verdict import Verdict
from validation.floor import (
    FOLDER,
    FloorSource,
    floor_file,
    judge_floor,
    line_folder,
    load_expectations,
    render_entry,
)
from validation.record import Check, Figure, SuiteResult

GPU = "NVIDIA H999 80GB"
SOURCE = FloorSource(
    "v2.6.1",
    f"sha256:{'1' * 64}",
    "570.86.15",
    datetime.date(2026, 11, 21),
    "./release.py validate",
)
AMP = "training[resnet50-amp]"


def measured(name: str, per_s: float, batch: int = 128, verdict: Verdict = Verdict.PASS) -> Check:
    figures = (
        Figure("images_per_s", per_s, "images/s"),
        Figure("spread", 0.1, "%"),
        Figure("batch", batch, "images"),
    )
    return Check(name, verdict, "", 1.0, figures)


def suite(*checks: Check) -> SuiteResult:
    return SuiteResult("throughput", Verdict.PASS, "", 1.0, checks, "")


def committed(folder: Path, *checks: Check) -> Path:
    """The folder with the entry that a run printed."""
    printed = judge_floor(suite(*checks), [GPU], SOURCE, folder).last_output
    (folder / floor_file(GPU)).write_text(printed, encoding="utf-8")
    return folder


def test_every_committed_file_loads_and_is_named_after_its_gpu() -> None:
    """Files are by line and GPU, each with the record of the run that measured it."""
    for path in FOLDER.rglob("*.yaml"):
        gpu = yaml.safe_load(path.read_text(encoding="utf-8"))["gpu"]
        assert path.parent == line_folder(path.parent.name)
        assert path.name == floor_file(gpu)
        assert load_expectations(gpu, path.parent).floors
        assert path.with_suffix(".json").exists()
    assert {path.suffix for path in FOLDER.rglob("*") if path.is_file()} <= {
        ".yaml",
        ".json",
        ".md",
    }


def test_an_unmeasured_gpu_is_inconclusive_and_prints_its_entry(tmp_path: Path) -> None:
    result = judge_floor(suite(measured(AMP, 3000.126)), [GPU], SOURCE, tmp_path)
    assert (result.suite, result.verdict) == ("floor", Verdict.INCONCLUSIVE)
    assert result.reason == (
        f"{AMP}: 3000.1 images/s with nothing to compare, expected an entry in "
        "expectations/LINE/nvidia-h999-80gb.yaml"
    )
    assert "never measured on NVIDIA H999 80GB" in result.cause
    loaded = load_expectations(GPU, committed(tmp_path, measured(AMP, 3000.126)))
    assert (loaded.gpu, loaded.tolerance) == (GPU, 0.12)
    assert loaded.floors[AMP].per_s == 3000.13
    assert loaded.floors[AMP].measured == SOURCE


@pytest.mark.parametrize(
    ("per_s", "verdict"), [(2640.1, Verdict.PASS), (2639.9, Verdict.FAIL), (4000.0, Verdict.PASS)]
)
def test_the_floor_is_what_was_measured_less_the_tolerance(
    tmp_path: Path, per_s: float, verdict: Verdict
) -> None:
    result = judge_floor(
        suite(measured(AMP, per_s)), [GPU], SOURCE, committed(tmp_path, measured(AMP, 3000))
    )
    assert (result.verdict, result.last_output) == (verdict, "")


def test_below_the_floor_says_what_was_found_and_expected(tmp_path: Path) -> None:
    result = judge_floor(
        suite(measured(AMP, 1000)), [GPU] * 8, SOURCE, committed(tmp_path, measured(AMP, 3000))
    )
    assert result.reason == (
        f"{AMP}: 1000.0 images/s, expected at least 2640.0, which is v2.6.1's 3000.0 less 12 %"
    )
    assert result.cause


def test_an_entry_for_the_rest_keeps_what_is_known(tmp_path: Path) -> None:
    folder = committed(tmp_path, measured(AMP, 3000))
    new = suite(measured(AMP, 3500), measured("inference[resnet50-amp]", 9000))
    result = judge_floor(new, [GPU], replace(SOURCE, release="v2.6.2"), folder)
    assert {check.name: check.verdict for check in result.checks} == {
        AMP: Verdict.PASS,
        "inference[resnet50-amp]": Verdict.INCONCLUSIVE,
    }
    (folder / floor_file(GPU)).write_text(result.last_output, encoding="utf-8")
    floors = load_expectations(GPU, folder).floors
    assert {name: (one.per_s, one.measured.release) for name, one in floors.items()} == {
        AMP: (3000, "v2.6.1"),
        "inference[resnet50-amp]": (9000, "v2.6.2"),
    }


def test_another_batch_is_other_work(tmp_path: Path) -> None:
    folder = committed(tmp_path, measured(AMP, 3000, batch=128))
    result = judge_floor(suite(measured(AMP, 1000, batch=64)), [GPU], SOURCE, folder)
    assert result.verdict is Verdict.INCONCLUSIVE
    (folder / floor_file(GPU)).write_text(result.last_output, encoding="utf-8")
    assert (
        load_expectations(GPU, folder).floors[AMP].batch,
        load_expectations(GPU, folder).floors[AMP].per_s,
    ) == (64, 1000)


def test_what_was_not_measured_is_not_judged(tmp_path: Path) -> None:
    """Neither a check that failed though it has a figure, nor one that is gone though it has a
    floor.
    """
    folder = committed(tmp_path, measured(AMP, 3000), measured("gone", 1))
    result = judge_floor(suite(measured(AMP, 9000, verdict=Verdict.FAIL)), [GPU], SOURCE, folder)
    assert {check.name: check.verdict for check in result.checks} == {
        AMP: Verdict.NOT_RUN,
        "gone": Verdict.NOT_RUN,
    }
    assert result.verdict is Verdict.NOT_RUN
    assert judge_floor(suite(), [GPU], SOURCE, tmp_path / "none").verdict is Verdict.NOT_RUN


def test_the_challenge_measures_nothing_and_needs_no_entry(tmp_path: Path) -> None:
    answered = Check("challenge", Verdict.PASS, "", 0.1, ())
    result = judge_floor(
        suite(measured(AMP, 3000), answered),
        [GPU],
        SOURCE,
        committed(tmp_path, measured(AMP, 3000), answered),
    )
    assert (result.verdict, [check.name for check in result.checks]) == (Verdict.PASS, [AMP])


def test_the_gpus_own_speed_needs_no_entry(tmp_path: Path) -> None:
    speed = Check("gpu_limits", Verdict.PASS, "", 1.0, (Figure("copy", 4098.0, "GB/s"),))
    known = measured("training[resnet50-amp]", 100.0)
    folder = committed(tmp_path, known)
    result = judge_floor(suite(known, speed), [GPU], SOURCE, folder)
    assert [check.name for check in result.checks] == [known.name]
    assert result.verdict is Verdict.PASS


def test_without_a_gpu_there_is_no_floor(tmp_path: Path) -> None:
    result = judge_floor(suite(measured(AMP, 1)), [], SOURCE, tmp_path)
    assert result.verdict is Verdict.NOT_RUN
    assert "there was no GPU" in result.reason


def test_which_of_several_models_was_measured_is_not_known(tmp_path: Path) -> None:
    result = judge_floor(
        suite(measured(AMP, 1)),
        [GPU, "NVIDIA A100"],
        SOURCE,
        committed(tmp_path, measured(AMP, 3000)),
    )
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "several GPU models (NVIDIA A100, NVIDIA H999 80GB), expected one" in result.reason


def test_no_entry_is_made_from_what_is_no_image(tmp_path: Path) -> None:
    result = judge_floor(suite(measured(AMP, 3000)), [GPU], replace(SOURCE, digest=""), tmp_path)
    assert (result.verdict, result.last_output) == (Verdict.INCONCLUSIVE, "")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("tolerance:", "tolerence:", "unknown key `tolerence`"),
        ("tolerance: 0.12", "tolerance: 1.2", "`tolerance`: Input should be less than 0.5"),
        ("per_s: 3000", "per_s: -3000", "per_s`: Input should be greater than 0"),
        ("per_s: 3000.0", "per_s: .inf", "per_s`: Input should be a finite number"),
        ("sha256:1", "sha256:x", "digest`: String should match"),
        (
            "batch: 128",
            "batch: 128\n    colour: red",
            "unknown key `floors.training[resnet50-amp].colour`",
        ),
        ("v2.6.1", "v2.6.1\n      release: v2.6.2", "given twice"),
        (
            "gpu: NVIDIA H999 80GB",
            "gpu: NVIDIA H999",
            "`gpu` is NVIDIA H999, but the driver calls it NVIDIA H999 80GB",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    path = committed(tmp_path, measured(AMP, 3000)) / floor_file(GPU)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_expectations(GPU, tmp_path)
    assert says in refused.value.message
    assert refused.value.message.startswith(f"{path}:")


def test_the_entry_is_yaml_with_no_more_than_the_file_holds() -> None:
    text = render_entry(suite(measured(AMP, 3000)), load_expectations(GPU, Path("none")), SOURCE)
    assert yaml.safe_load(text)["floors"][AMP]["measured"]["date"] == "2026-11-21"
    assert text.splitlines()[0] == f"gpu: {GPU}"
