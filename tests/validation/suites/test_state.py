"""The pristine state: what is kept, what it is compared with, and how a difference is told."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from images import catalog
from runner.errors import ConfigError
from tests.fakes.refusal import refused
from tests.validation.suites_here import EXPECTED
from validation import pristine
from validation.pristine import TakenState
from validation.suites.contract import pristine_state
from validation.suites.contract.pristine_state import FRESH, IMPORTED, WAYS, StackState, State
from validation.suites.state import differences, of_torch, rendering, test_state

CUDNN: State = {"torch.backends.cudnn": {"enabled": True, "benchmark": False}}
STATES: dict[str, State] = {way: {**CUDNN, "way": {"name": way}} for way in WAYS}
TAKEN = TakenState(STATES, ())


@pytest.fixture(name="kept")
def kept_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, StackState]:
    """What is kept of a line with base, and with a stack that changes something."""
    ways: dict[str, State] = {
        way: {**state, "stack": {"it": 1}} for way, state in TAKEN.ways.items()
    }
    ways[IMPORTED] = {**ways[FRESH], "torch": {"is_grad_enabled": False}}
    stack = TakenState(ways, ("cv2",))
    found = {"base": pristine.keep_base(TAKEN), "cv": pristine.keep_stack(TAKEN, stack)}
    monkeypatch.setattr(differences, "FOLDER", tmp_path)
    (tmp_path / "2.6.json").write_text(pristine_state.render_kept(found), encoding="utf-8")
    return found


def test_only_changes_are_kept(kept: dict[str, StackState], tmp_path: Path) -> None:
    assert kept["base"].ways["spawned_worker"] == {"way": {"name": "spawned_worker"}}
    assert kept["cv"].ways[FRESH] == {"stack": {"it": 1}}
    assert kept["cv"].ways[IMPORTED] == {"torch": {"is_grad_enabled": False}}
    assert pristine_state.read_kept(tmp_path, "2.6") == kept


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        json.dumps({"ways": {}, "imports": []}),
        json.dumps({"ways": {way: {"g": 5} for way in WAYS}, "imports": []}),
        json.dumps({"ways": {way: {"g": {"n": [1]}} for way in WAYS}, "imports": []}),
        json.dumps({"ways": {way: {"g": {"n": None}} for way in WAYS}, "imports": []}),
        json.dumps({"ways": {way: {} for way in (*WAYS, "more")}, "imports": []}),
        json.dumps({"ways": {way: {} for way in WAYS}, "imports": [1]}),
        json.dumps({"ways": {way: {} for way in WAYS}, "imports": [], "more": 1}),
        '{"ways": {"fresh": {"g": {"n": NaN}}}, "imports": []}',
        "[" * 9000,
    ],
)
def test_what_is_no_state_is_refused(text: str) -> None:
    with refused(ConfigError, "its state"):
        pristine.read_state(text.encode())


def test_a_state_of_an_image_is_read_and_kept_without_odd_characters() -> None:
    told = {"ways": {way: {"g": {"n": "a\u202eb\u2028"}} for way in WAYS}, "imports": ["cv2"]}
    taken = pristine.read_state(json.dumps(told).encode())
    kept = pristine_state.render_kept({"base": pristine.keep_base(taken)})
    assert taken.imports == ("cv2",)
    assert kept.isascii()
    assert "\\u202e" in kept


@pytest.mark.parametrize("way", WAYS)
def test_a_state_is_put_together_again(way: str, kept: dict[str, StackState]) -> None:
    state = pristine_state.expect_state(kept, "2.6", ("base", "cv"), way)
    assert state == {**CUDNN, "way": {"name": way}, "stack": {"it": 1}}


def test_a_stack_that_is_imported(kept: dict[str, StackState]) -> None:
    state = pristine_state.expect_state(kept, "2.6", ("base", "cv"), FRESH, "cv")
    assert state["torch"] == {"is_grad_enabled": False}


def test_changes_lead_from_one_state_to_the_other() -> None:
    before: pristine_state.State = {"a": {"x": 1, "y": 2}, "b": {"z": 3}}
    after: pristine_state.State = {"a": {"x": True}, "c": {"z": 3}}
    changes = pristine_state.find_changes(before, after)
    assert changes == {"a": {"x": True, "y": None}, "b": {"z": None}, "c": {"z": 3}}
    assert pristine_state.apply_changes(before, changes) == after


@pytest.mark.parametrize(
    ("torch", "stacks", "says"),
    [
        ("2.99.0", ("base",), "no pristine state of base in line 2.99 is kept"),
        ("2.6.0", ("base", "nlp"), "no pristine state of nlp in line 2.6 is kept"),
    ],
)
@pytest.mark.usefixtures("kept")
def test_a_line_without_a_file_does_not_pass(
    torch: str, stacks: tuple[str, ...], says: str
) -> None:
    expected = replace(EXPECTED, torch=torch, stacks=stacks)
    with pytest.raises(pytest.fail.Exception, match=f"{says}.*{pristine_state.COMMAND} LINE"):
        test_state.require_pristine(expected, FRESH)


def test_kept_files_are_of_lines_and_complete() -> None:
    shipped = catalog.load_catalog()
    files = sorted(pristine.KEPT.glob("*.json"))
    assert {path.stem for path in files} <= shipped.lines.keys()
    for path in files:
        kept = pristine_state.read_kept(pristine.KEPT, path.stem)
        assert kept["base"].ways.keys() == {*WAYS}
        assert kept.keys() <= shipped.stacks.keys()
        text = path.read_text(encoding="utf-8")
        assert text == pristine_state.render_kept(kept), f"run {pristine_state.COMMAND} again"
        assert text.count("\n") < 3000


def planted(group: str, name: str, value: pristine_state.Value) -> pristine_state.State:
    """What the image must have, with one value more or another one."""
    state = differences.expect_state(EXPECTED, FRESH)
    return pristine_state.apply_changes(state, {group: {name: value}})


@pytest.mark.usefixtures("kept")
def test_a_difference_is_told_by_its_name() -> None:
    found = differences.find_differences(
        planted("torch.backends.cudnn", "enabled", False), EXPECTED, FRESH
    )
    wanted = differences.expect_state(EXPECTED, FRESH)
    assert differences.describe_differences(found, wanted) == (
        "torch.backends.cudnn.enabled is False",
        "True",
    )
    assert differences.find_cause(found).startswith("a file of the image sets it")


@pytest.mark.usefixtures("kept")
def test_the_variables_of_the_image_are_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {name for name, _ in EXPECTED.environment}
    assert names >= {"PATH", "LANG", "NVIDIA_REQUIRE_CUDA"}
    for name in names:
        assert name in differences.expect_state(EXPECTED, FRESH)["os.environ"]
    found = differences.find_differences(
        planted("os.environ", "CUDA_LAUNCH_BLOCKING", "1"), EXPECTED, FRESH
    )
    assert found == {"os.environ": {"CUDA_LAUNCH_BLOCKING": "1"}}
    assert "CUDA_LAUNCH_BLOCKING" in differences.find_cause(found)
    monkeypatch.setenv("VALIDATION_ROOT", "/harness")
    assert "VALIDATION_ROOT" not in differences.list_variables()


@pytest.mark.usefixtures("kept")
def test_a_derived_image_may_have_variables_of_its_own() -> None:
    derived = replace(EXPECTED, derived=True)
    state = planted("os.environ", "APP_MODE", "1")
    assert not differences.find_differences(state, derived, FRESH)
    state = planted("torch.backends.cudnn", "enabled", False)
    assert differences.find_differences(state, derived, FRESH)


@pytest.mark.parametrize(
    ("value", "name", "shown"),
    [
        (True, "x", True),
        (None, "x", "None"),
        (float("inf"), "x", "inf"),
        (
            len(os.sched_getaffinity(0)) * 64 + 1,
            "num_threads",
            len(os.sched_getaffinity(0)) * 64 + 1,
        ),
        (len(os.sched_getaffinity(0)), "num_threads", rendering.ALL_CPUS),
        (len(os.sched_getaffinity(0)), "x", len(os.sched_getaffinity(0))),
        (f"{sys.prefix}/bin/python", "x", "{prefix}/bin/python"),
        ({"b": 1, "a": [2, "c"]}, "x", "{'a': [2, 'c'], 'b': 1}"),
        ({3, 1, 2}, "x", "{1, 2, 3}"),
        (json.dumps, "x", "json.dumps"),
        (json, "x", "json"),
        (object(), "x", "builtins.object"),
    ],
)
def test_values_are_the_same_on_every_machine(
    value: object, name: str, shown: rendering.Value
) -> None:
    assert rendering.render_value(value, name) == shown


def test_long_values_are_shortened() -> None:
    one, other = ("x" * 500 + end for end in "ab")
    shown = rendering.render_value(one)
    assert rendering.is_shortened(shown)
    assert len(str(shown)) <= rendering.MAX_CHARACTERS
    assert shown != rendering.render_value(other)


@pytest.mark.parametrize(
    ("name", "reads"),
    [
        ("get_num_threads", True),
        ("_cuda_isInBadFork", True),
        ("_len_torch_dispatch_stack", True),
        ("flash_sdp_enabled", True),
        ("preferred_linalg_library", True),
        ("set_num_threads", False),
        ("_set_vmap_fallback_enabled", False),
        ("clear_autocast_cache", False),
        ("island", False),
    ],
)
def test_names_that_say_that_they_read(name: str, reads: bool) -> None:
    assert of_torch.says_that_it_reads(name) is reads
