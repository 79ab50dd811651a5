"""What is recorded of the packages of each line, and how a result is compared with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from images import catalog
from runner.errors import EXIT_INTERRUPTED, ConfigError, GateRefused
from tests.fakes.refusal import refused
from validation import clean_machine, mutations, pristine, recording
from validation.suites.contract import recorded_results
from validation.suites.contract.recorded_results import Record
from validation.suites.recorded import apart, comparison, settle, starting
from validation.suites.recorded.comparison import ChangedResult

LINES = sorted(catalog.load_catalog().lines)
RECORDED = {"f": {"$x": "float32[4,_3]; 1.5 3", "$x,dim=1": "float32[4]; 2 2.5"}, "g": {"": "1;"}}
VERSIONS = {"torch": "2.6.0"}
SIZES = st.floats(0, 1e6)


@pytest.mark.parametrize("line", LINES)
def test_each_line_has_results_of_its_locked_packages(line: str) -> None:
    """A lock that changed needs new results: the suite would refuse every image of the line."""
    wheels = clean_machine.list_wheels(line, recording.STACKS)
    locked = {
        package: wheels[name].version
        for package in recorded_results.MODULES
        if (name := recorded_results.find_distribution(package)) in wheels
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
        ("f; a b", "f; 1 2"),
        ("f; a b", "f; a c"),
        ("f; 1 inf", "f; 1 2"),
        ("f; nan 2", "f; 1 2"),
        ("f; inf inf", "f; -inf inf"),
        ("a b c d", "a b c e"),
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
    report.write_text('["f", {}]\n["f", {"$x": "1;"}]\n["g", {}]\n["g", {"1": ')
    assert recorded_results.read_report(report) == ({"f": {"$x": "1;"}, "g": {}}, "g")


@pytest.mark.parametrize(
    "text", ["", "[]", "<<<<<<< HEAD", '{"version": "1", "results": {"f": 1}}']
)
def test_a_damaged_record_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(recorded_results, "FOLDER", tmp_path)
    file = recorded_results.find_file("2.6", "torch")
    file.parent.mkdir()
    file.write_text(text)
    for read in (recorded_results.list_calls, lambda: recorded_results.read_record("2.6", "torch")):
        with (
            refused(ConfigError, str(file), "restore the file from git"),
            recording.explain_damage(),
        ):
            read()


@pytest.mark.parametrize("text", [b"", b"[]", b'{"packages": {"torch": {"version": 2}}}', b"\xff"])
def test_an_image_that_tells_no_results_is_refused(text: bytes) -> None:
    with pytest.raises(GateRefused, match="wrote no results"):
        recording.read_results(text, "IMAGE", VERSIONS)


@pytest.mark.parametrize(
    "packages",
    [
        {},
        {"numpy": "2.6.0"},
        {"torch": "2.6.1"},
        {**VERSIONS, "numpy": "1"},
        {"../../torch": "2.6.0"},
    ],
)
def test_results_of_other_packages_are_refused(packages: dict[str, str]) -> None:
    """Their names are names of files."""
    told = {name: {"version": each, "results": {}} for name, each in packages.items()}
    with pytest.raises(GateRefused, match=r"and not of torch 2\.6\.0"):
        recording.read_results(json.dumps({"packages": told}).encode(), "IMAGE", VERSIONS)


def test_a_line_is_asked_for_the_packages_that_it_has() -> None:
    wheels = clean_machine.list_wheels("2.15", recording.STACKS)
    assert "torchaudio" not in recording.choose_packages("2.15", [], wheels)
    assert recording.choose_packages("2.15", ["numpy"], wheels) == ["numpy"]
    with refused(ConfigError, "line 2.15 has no torchaudio"):
        recording.choose_packages("2.15", ["numpy", "torchaudio"], wheels)
    with refused(ConfigError, "there are no recorded packages numby"):
        recording.choose_packages("2.15", ["numby"], wheels)


def test_results_are_kept_as_they_are_told(tmp_path: Path) -> None:
    record = Record("2.6.0", RECORDED)
    told = {"packages": {"torch": {"version": "2.6.0", "results": RECORDED}}}
    read = recording.read_results(json.dumps(told).encode(), "IMAGE", VERSIONS)
    assert read.packages == {"torch": record}
    assert Record(**json.loads(recorded_results.render_record(record))) == record


def test_a_new_record_tells_what_changed() -> None:
    """So a bad release of a library is seen before its results are the recorded ones."""
    after = {"f": {**RECORDED["f"], "$x": "float32[4,_3]; 1.6 3"}, "new": {"": "1;"}}
    changed = recorded_results.list_changed(RECORDED, after)
    assert changed == ["f($x)"]
    assert recording.describe_calls(changed, "are gone") == "  1 call are gone, read why: f($x)"
    assert recording.describe_calls(changed * 10, "are gone").endswith("f($x) and 2 more")


def test_a_call_that_works_no_more_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A defect of a new version may make it useless, and then it is not in the record."""
    monkeypatch.setattr(recorded_results, "FOLDER", tmp_path)
    after = {"f": {"$x": RECORDED["f"]["$x"]}, "new": {"": "1;"}}
    answer = {"packages": {"torch": {"version": "2.6.0", "results": after}}}
    file = recorded_results.find_file("2.6", "torch")
    file.parent.mkdir()
    file.write_text(recorded_results.render_record(Record("2.6.0", RECORDED)))
    monkeypatch.setattr(clean_machine, "run_work", lambda *_: json.dumps(answer).encode())
    assert recording.main(["2.6", "IMAGE", "torch"]) == 0
    shown = capsys.readouterr().err
    assert "2 calls cannot be recorded any more, read why: f($x,dim=1), g()" in shown
    assert "something else" not in shown
    assert recorded_results.read_record("2.6", "torch") == Record("2.6.0", after)


def test_what_is_only_rounded_otherwise_stays_as_it_was_written() -> None:
    before = {"torch.sum": {"$x": "<f4[2]; 1.0 2.0", "$y": "<f4[2]; 1.0 2.0", "$gone": "1;"}}
    after = {"torch.sum": {"$x": "<f4[2]; 1.000001 2.0", "$y": "<f4[2]; 1.1 2.0", "$new": "2;"}}
    kept = recorded_results.keep_known(before, after)["torch.sum"]
    assert kept == {"$x": "<f4[2]; 1.0 2.0", "$y": "<f4[2]; 1.1 2.0", "$new": "2;"}
    turned = {"torch.sum": {text: after["torch.sum"][text] for text in ("$new", "$y", "$x")}}
    assert [*recorded_results.keep_known(before, turned)["torch.sum"]] == [*kept], "the old order"


def test_what_is_near_the_limit_is_written_anew() -> None:
    """Else the next machine would have only the rest of what is allowed."""
    before, after = {"f": {"": "f; 1.00000 1.00000"}}, {"f": {"": "f; 1.00004 1.00004"}}
    assert recorded_results.is_same(before["f"][""], after["f"][""])
    assert recorded_results.keep_known(before, after) == after


def test_modules_that_other_images_lack_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = {"pandas": ["pandas"], "scipy": ["scipy"], "gym": ["Gym_nasium"], "os": ["system"]}
    modules |= {"torch": ["torch"], "pytz": ["pytz"]}
    monkeypatch.setattr(settle, "packages_distributions", lambda: modules)
    rl = ["torch", "pandas", "gym-nasium", "pytz"]
    stacks = {"base": ["torch"], "cv": ["torch", "scipy"], "rl": rl, "jupyter": ["torch", "pandas"]}
    hidden = settle.list_hidden("pandas", stacks)
    assert hidden.modules == ("scipy", "gym", "pytz")
    assert hidden.distributions == ("gym-nasium", "pytz", "scipy")
    assert settle.list_hidden("gym", stacks).modules == ("scipy",)
    assert settle.list_hidden("torch", stacks).modules == ("pandas", "scipy", "gym", "pytz")
    names = {
        place: settle.list_variables(place, hidden).keys() & starting.hide((), ())
        for place in range(len(settle.CONDITIONS))
    }
    assert {place for place, found in names.items() if found} == {settle.ALONE}


ASKED = """
import importlib.metadata as metadata, importlib.util, json
found = [importlib.util.find_spec(name) is not None for name in ("yaml", "jinja2")]
for name in ("PyYAML", "Jinja2"):
    try:
        found.append(metadata.version(name) != "")
    except metadata.PackageNotFoundError:
        found.append(False)
listed = {each.metadata["Name"].lower() for each in metadata.distributions()}
print(json.dumps([*found, "pyyaml" in listed, "jinja2" in listed]))
"""


@pytest.mark.parametrize("is_hidden", [True, False])
def test_a_hidden_package_is_found_in_no_way(tmp_path: Path, is_hidden: bool) -> None:
    (tmp_path / "asked.py").write_text(ASKED)
    variables = starting.hide(["yaml"], ["pyyaml"]) if is_hidden else {}
    command = [sys.executable, "-c", starting.PROGRAM, str(tmp_path), "asked"]
    told = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    assert json.loads(told.stdout) == [
        not is_hidden,
        True,
        not is_hidden,
        True,
        not is_hidden,
        True,
    ]


def test_a_result_is_kept_if_only_a_value_of_the_call_is_hidden() -> None:
    first = {"torch.sum": {"$x": "1;", "$frame": "2;", "$y": "3;", "$odd": "?pandas"}}
    hidden = {"torch.sum": {"$x": "1;", "$frame": "?pandas", "$y": "!ValueError", "$odd": "1;"}}
    kept = settle.keep_same(first, [hidden], may_lack=True)
    assert kept == {"torch.sum": {"$x": "1;", "$frame": "2;"}}
    assert settle.keep_same(first, [hidden]) == {"torch.sum": {"$x": "1;"}}, "nothing is hidden"


def test_one_condition_moves_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What tells a path or a line of the harness gives something else there."""
    started: list[Path] = []

    def play(words: list[str], _: dict[str, str]) -> None:
        started.append(Path(words[2]))
        Path(words[-1]).write_text('["", {}]\n')

    monkeypatch.setattr(settle, "play_apart", play)
    (tmp_path / "calls.json").write_text("{}")
    for place in range(2):
        settle.play_with(tmp_path / "calls.json", tmp_path, place, settle.Hidden())
    usual, moved = (each / str(starting.__package__).replace(".", "/") for each in started)
    texts = [(each / "starting.py").read_text() for each in (usual, moved)]
    assert usual != moved
    assert texts[1] == f"{starting.SHIFT}{texts[0]}"


def test_a_process_without_a_report_ends_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settle, "play_apart", lambda *_: None)
    (tmp_path / "calls.json").write_text('{"f": ["1"]}')
    with pytest.raises(SystemExit, match="without a report"):
        settle.play_with(tmp_path / "calls.json", tmp_path, 0, settle.Hidden())


def test_work_apart_ends_with_what_it_started() -> None:
    def write(writer: int) -> None:
        os.write(writer, b"begun")
        subprocess.Popen(["sleep", "60"], pass_fds=[writer])

    start = time.monotonic()
    assert apart.read_apart(write, 1.5) == b"begun"
    assert time.monotonic() - start < 20
    assert apart.read_apart(lambda _: os.abort(), 20) == b""


def test_a_refusal_is_a_result_unless_the_call_makes_no_sense() -> None:
    given = {"1": "2;", "2": "!ValueError", "3": "!TypeError", "4": "!IndexError", "5": "?scipy"}
    assert settle.keep_given(given) == {"1": "2;", "2": "!ValueError", "5": "?scipy"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["2.6", "IMAGE", "torch"], "a PACKAGE and a COUNT are needed"),
        (["2.6", "IMAGE", "torch", "many"], "not from 1 to 9999 or `options`"),
        (["2.6", "IMAGE", "torch", "0"], "not from 1 to 9999 or `options`"),
        (["2.6", "IMAGE", "torch", "9" * 5000], "not from 1 to 9999 or `options`"),
        (["2.15", "IMAGE", "torchaudio", "3"], "line 2.15 has no torchaudio"),
        (["9.9", "IMAGE", "torch", "3"], "there is no line 9.9 in images/catalog.yaml, only 2.6"),
        (["2.6", "IMAGE", "numby", "3"], "there are no recorded packages numby"),
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
    answer = json.dumps({"changes": rows, "untried": 1}).encode()
    monkeypatch.setattr(clean_machine, "run_work", lambda *_: answer)
    assert mutations.main(["2.6", "IMAGE", "torch", "2"]) == 0
    assert "not noticed: a.py:1, f: gone" in (shown := capsys.readouterr().err)
    assert "torch: noticed 1 of 2 changes" in shown
    assert "not tried: 1 more change; " in shown
    assert "\x1b" not in shown


def test_an_image_that_tells_no_changes_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for answer, says in (
        (b'{"changes": [1]}', "IMAGE wrote no changes"),
        (b'{"changes": [], "untried": 3}', "IMAGE tried no change"),
    ):
        monkeypatch.setattr(clean_machine, "run_work", lambda *_, text=answer: text)
        assert mutations.main(["2.6", "IMAGE", "torch", "2"]) == GateRefused.exit_code
        assert says in capsys.readouterr().err


def test_an_interrupted_command_ends_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(clean_machine, "run_work", interrupt)
    for main, words in (
        (mutations.main, ["2.6", "IMAGE", "torch", "2"]),
        (recording.main, ["2.6", "IMAGE"]),
        (pristine.main, ["2.6", "base=IMAGE"]),
    ):
        assert main(words) == EXIT_INTERRUPTED
        assert (
            capsys.readouterr()
            .err.splitlines()[-1]
            .startswith("interrupted -> run the same command again")
        )
