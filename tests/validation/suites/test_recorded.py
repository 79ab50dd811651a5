"""What is recorded of the packages of each line, and how a result is compared with it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from images import catalog
from runner.errors import ConfigError, GateRefused
from validation import clean_machine, mutations, recording
from validation.suites.contract import recorded_results
from validation.suites.contract.recorded_results import Record
from validation.suites.recorded import comparison, settle
from validation.suites.recorded.comparison import ChangedResult

LINES = sorted(catalog.load_catalog().lines)
RECORDED = {"f": {"$x": "float32[4,_3]; 1.5 3", "$x,dim=1": "float32[4]; 2 2.5"}, "g": {"": "1;"}}
DISTRIBUTIONS = {"PIL": "pillow", "cv2": "opencv-python-headless"}
SIZES = st.floats(0, 1e6)


@pytest.mark.parametrize("line", LINES)
def test_each_line_has_results_of_its_locked_packages(line: str) -> None:
    """A lock that changed needs new results: the suite would refuse every image of the line."""
    wheels = clean_machine.list_wheels(line, recording.STACKS)
    locked = {
        package: wheels[name].version
        for package in recorded_results.MODULES
        if (name := DISTRIBUTIONS.get(package, package).replace("_", "-")) in wheels
    }
    records = {package: recorded_results.read_record(line, package) for package in locked}
    assert {package: each and each.version for package, each in records.items()} == locked


@pytest.mark.parametrize("line", LINES)
def test_each_line_has_many_results(line: str) -> None:
    files = recorded_results.FOLDER.joinpath(line).glob("*.json")
    results = [json.loads(path.read_text(encoding="utf-8"))["results"] for path in files]
    assert sum(len(each) for package in results for each in package.values()) > 5000


@given(st.floats(-1e6, 1e6), SIZES)
def test_rounding_is_no_difference(total: float, size: float) -> None:
    size = max(size, abs(total))
    first, second = (f"float32[9]; {each:.6g} {size:.6g}" for each in (total, total + size * 1e-5))
    assert recorded_results.is_same(first, second)


@given(st.floats(-1e6, 1e6), st.floats(0.1, 1e6))
def test_another_value_is_a_difference(total: float, size: float) -> None:
    size = max(size, abs(total))
    other = total + size * 1e-3
    assert not recorded_results.is_same(f"f; {total:.5g} {size:.5g}", f"f; {other:.5g} {size:.5g}")


@pytest.mark.parametrize(
    ("got", "wanted"),
    [
        ("1;", "2;"),
        ("float32[4]; 1 1", "float64[4]; 1 1"),
        ("float32[4]; 1 1", "float32[4];"),
        ("1;|float32[4]; 1 1", "1;"),
        ("1;|float32[4]; 1 1", "1;|float32[4]; 1.01 1.01"),
        ("", "1;"),
        ("!ValueError", "1;"),
    ],
)
def test_what_differs(got: str, wanted: str) -> None:
    assert not recorded_results.is_same(got, wanted)
    assert recorded_results.is_same(got, got)


def test_the_most_changed_function_comes_first() -> None:
    got = {"f": {**RECORDED["f"], "$x": "float32[4,_3]; 1.6 3"}, "g": {"": "2;"}}
    found = comparison.find_differences(got, RECORDED)
    assert found == [
        ChangedResult("g", "", "2;", "1;"),
        ChangedResult("f", "$x", "float32[4,_3]; 1.6 3", "float32[4,_3]; 1.5 3"),
    ]
    assert comparison.describe_differences(found, 3) == (
        "2 of 3 recorded calls give something else: g() gives 2;, recorded is 1;; "
        "f($x) gives float32[4,_3]; 1.6 3, recorded is float32[4,_3]; 1.5 3"
    )


def test_a_program_comes_after_single_functions() -> None:
    recorded = {"scenarios.train": {"": "1;"}, "f": {"1": "1;", "2": "2;"}}
    found = comparison.find_differences({"f": {"1": "1;", "2": "3;"}}, recorded)
    assert [each.path for each in found] == ["f", "scenarios.train"]


def test_a_function_that_is_gone_is_named() -> None:
    found = comparison.find_differences({"f": RECORDED["f"], "g": {}}, RECORDED)
    assert [str(each) for each in found] == ["g() gives nothing, recorded is 1;"]


def test_what_needs_another_package_is_not_compared() -> None:
    lacking = {"g": {"": "?no_such_package.module"}}
    found = comparison.find_differences(lacking, {"g": {"": "1;"}})
    assert not found
    broken = comparison.find_differences({"g": {"": "?json.module"}}, {"g": {"": "1;"}})
    assert len(broken) == 1  # it is installed, and cannot be imported


def test_a_method_is_shown_as_it_is_called() -> None:
    shown = str(ChangedResult("torch.nn.Linear", "3,2:forward:$x", "1;", "2;"))
    assert shown == "torch.nn.Linear(3,2).forward($x) gives 1;, recorded is 2;"


def test_many_functions_are_counted() -> None:
    found = [ChangedResult(f"f{number}", "", "1;", "2;") for number in range(12)]
    assert comparison.describe_differences(found, 40).endswith("f2, f3, f4, f5, f6, f7 and 4 more")


def test_a_process_that_died_tells_where(tmp_path: Path) -> None:
    report = tmp_path / "report"
    assert recorded_results.read_report(report) == ({}, "the first one")
    report.write_text('["f", {}]\n["f", {"$x": "1;"}]\n["g", {}]\n')
    assert recorded_results.read_report(report) == ({"f": {"$x": "1;"}, "g": {}}, "g")


@pytest.mark.parametrize("text", [b"", b"[]", b'{"packages": {"torch": {"version": 2}}}', b"\xff"])
def test_an_image_that_tells_no_results_is_refused(text: bytes) -> None:
    with pytest.raises(GateRefused, match="wrote no results"):
        recording.read_results(text, "IMAGE")


def test_results_are_kept_as_they_are_told(tmp_path: Path) -> None:
    record = Record("2.6.0", RECORDED)
    told = {"packages": {"torch": {"version": "2.6.0", "results": RECORDED}}}
    assert recording.read_results(json.dumps(told).encode(), "IMAGE").packages == {"torch": record}
    assert Record(**json.loads(recorded_results.render_record(record))) == record


def test_a_new_record_tells_what_changed() -> None:
    """So a bad release of a library is seen before its results are the recorded ones."""
    after = {"f": {**RECORDED["f"], "$x": "float32[4,_3]; 1.6 3"}, "new": {"": "1;"}}
    changed = recorded_results.list_changed(RECORDED, after)
    assert changed == ["f($x)"]
    assert recording.describe_changed("1.2", changed) == (
        "  1 call gave something else with 1.2, read why: f($x)"
    )
    assert recording.describe_changed("1.2", changed * 10).endswith("f($x) and 2 more")


def test_what_is_only_rounded_otherwise_stays_as_it_was_written() -> None:
    before = {"torch.sum": {"$x": "<f4[2]; 1.0 2.0", "$y": "<f4[2]; 1.0 2.0", "$gone": "1;"}}
    after = {"torch.sum": {"$x": "<f4[2]; 1.000001 2.0", "$y": "<f4[2]; 1.1 2.0", "$new": "2;"}}
    kept = recorded_results.keep_known(before, after)
    assert kept == {"torch.sum": {"$x": "<f4[2]; 1.0 2.0", "$y": "<f4[2]; 1.1 2.0", "$new": "2;"}}


def test_modules_that_other_images_lack_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {"pandas": ["pandas"], "scipy": ["scipy"], "gym": ["Gym_nasium"], "os": ["system"]}
    modules |= {"torch": ["torch"], "pytz": ["pytz"]}
    monkeypatch.setattr(settle, "packages_distributions", lambda: modules)
    rl = ["torch", "pandas", "gym-nasium", "pytz"]
    stacks = {"base": ["torch"], "cv": ["torch", "scipy"], "rl": rl, "jupyter": ["torch", "pandas"]}
    assert settle.list_hidden("pandas", stacks) == ["scipy", "gym", "pytz"]
    assert settle.list_hidden("gym", stacks) == ["scipy"]
    assert settle.list_hidden("torch", stacks) == ["pandas", "scipy", "gym", "pytz"]


def test_a_result_is_kept_if_only_a_value_of_the_call_is_hidden() -> None:
    first = {"torch.sum": {"$x": "1;", "$frame": "2;", "$y": "3;", "$odd": "?pandas"}}
    hidden = {"torch.sum": {"$x": "1;", "$frame": "?pandas", "$y": "!ValueError", "$odd": "1;"}}
    assert settle.keep_same(first, [hidden]) == {"torch.sum": {"$x": "1;", "$frame": "2;"}}


def test_a_refusal_is_a_result_unless_the_call_makes_no_sense() -> None:
    given = {"1": "2;", "2": "!ValueError", "3": "!TypeError", "4": "!IndexError", "5": "?scipy"}
    assert settle.keep_given(given) == {"1": "2;", "2": "!ValueError", "5": "?scipy"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["2.6", "IMAGE", "torch"], "a number or `options`"),
        (["2.6", "IMAGE", "torch", "many"], "a number or `options`"),
        (["9.9", "IMAGE", "torch", "3"], "there is no line 9.9"),
        (["2.6", "IMAGE", "numby", "3"], "there is no recorded package numby"),
    ],
)
def test_changes_are_tried_of_a_known_package(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mutations.main(words) == ConfigError.exit_code
    assert says in capsys.readouterr().err


def test_an_image_shows_no_control_characters_as_changes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"place": "a.py:1", "function": "f", "change": "\x1b[2Jgone", "call": ""}]
    rows.append({**rows[0], "call": "f()"})
    answer = json.dumps({"changes": rows}).encode()
    monkeypatch.setattr(clean_machine, "run_work", lambda *_: answer)
    assert mutations.main(["2.6", "IMAGE", "torch", "2"]) == 0
    assert "not noticed: a.py:1, f: gone" in (shown := capsys.readouterr().err)
    assert "torch: 1 of 2 changes are noticed" in shown
    assert "\x1b" not in shown


def test_an_image_that_tells_no_changes_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(clean_machine, "run_work", lambda *_: b'{"changes": [1]}')
    assert mutations.main(["2.6", "IMAGE", "torch", "2"]) == GateRefused.exit_code
    assert "IMAGE wrote no changes" in capsys.readouterr().err
