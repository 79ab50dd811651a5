"""The lists of checks are complete, and are what pytest collects in the real images."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from docker.errors import NotFound
from docker.models.containers import ContainerCollection

from runner import containers, engine, records
from runner.errors import ConfigError, EnvironmentFailed, GateRefused
from tests.fakes import proxy, small_image
from tests.fakes.refusal import refused
from tests.validation.suites_here import written
from validation import check_list, harness, listing
from validation.answers import compute_answers
from validation.judge import list_tests
from validation.record import Figure
from validation.suite import EVERY_SUITE, HOST_SUITES_FOLDER, SUITES_FOLDER, Suite
from validation.suites.contract.layout import PACKAGE_FOLDER
from validation.suites.contract.words import CHALLENGE

BY_NAME = pytest.mark.parametrize("suite", EVERY_SUITE, ids=lambda suite: suite.name)
COLLECTED = [suite for suite in EVERY_SUITE if not suite.on_host]
UNITS = check_list.ABOVE_ZERO | check_list.MAY_BE_ZERO | check_list.AT_MOST_ONE


def test_every_shipped_suite_has_a_list() -> None:
    """Without one a report would not be held against anything.

    Only a suite that a test plants says so.
    """
    assert all(suite.listed for suite in EVERY_SUITE)
    assert {suite.list_path for suite in EVERY_SUITE} == {
        path
        for folder in (SUITES_FOLDER, HOST_SUITES_FOLDER)
        for path in folder.rglob("checks.yaml")
    }
    assert Suite("new", "base", 1, 2).listed


def test_a_list_that_is_gone_stops_the_run(tmp_path: object) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*checks\.yaml"):
        check_list.load_checks(Suite("nowhere", "base", 1, 2))


@BY_NAME
def test_a_list_has_the_tests_of_its_module(suite: Suite) -> None:
    names = [
        node.name
        for node in ast.parse(suite.module_path.read_text()).body
        if isinstance(node, ast.FunctionDef)
    ]
    tests = {name.removeprefix("test_") for name in names if name.startswith("test_")}
    assert {name.partition("[")[0] for name in check_list.load_checks(suite)} == tests


@BY_NAME
def test_every_suite_answers_a_challenge_wherever_it_runs(suite: Suite) -> None:
    challenge = check_list.load_checks(suite)[CHALLENGE]
    assert challenge == check_list.ListedCheck()
    with pytest.raises(KeyError):
        compute_answers("another", "", None)  # type: ignore[arg-type] # nothing is read of it


@BY_NAME
def test_every_unit_has_a_least_value(suite: Suite) -> None:
    figures = [
        figure for check in check_list.load_checks(suite).values() for figure in check.figures
    ]
    assert {figure.unit for figure in figures} <= UNITS
    assert {figure.device for figure in figures} <= {"", "cpu", "cuda"}


def test_units_have_one_rule() -> None:
    assert not check_list.ABOVE_ZERO & check_list.MAY_BE_ZERO
    assert not check_list.AT_MOST_ONE & (check_list.ABOVE_ZERO | check_list.MAY_BE_ZERO)


@pytest.mark.parametrize(
    ("unit", "value", "possible"),
    [
        ("images/s", 0.0, False),
        ("images/s", 0.1, True),
        ("relative", 0.0, True),
        ("relative", -1e-9, False),
        ("relative", float("inf"), False),
        ("area under the curve", 1.01, False),
        ("area under the curve", 0.97, True),
        ("MB", -3.0, False),
        ("images/s", 5e-324, False),
        ("images/s", 1e308, False),
        ("TFLOP/s", 1e308, False),
        ("relative", 1e308, False),
    ],
)
def test_possible_values(unit: str, value: float, possible: bool) -> None:
    assert check_list.is_possible(Figure("x", value, unit)) is possible


@pytest.mark.parametrize("words", [[], ["base"], ["base="], ["none=image"], ["--help"]])
def test_the_command_says_how_it_is_used(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert listing.main(words) == ConfigError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert "STACK=IMAGE" in line
    assert listing.USAGE in line


SHOWS_ENVIRONMENT = """
import json, os, time
time.sleep(1)
said = {"reason": json.dumps(dict(os.environ)), "device": "cpu"}
print(json.dumps({"x::test_environment": {"may_not_run": [said]}}))
"""
NAME = f"pytorch-cuda-images-listing-{os.getpid()}"
IGNORES_SIGNALS = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(600)
"""


@pytest.mark.docker
def test_a_collecting_container_gets_no_proxy_of_the_host(
    tiny_image: str, mounted_harness: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lay_out(folder: Path, *given: Any) -> None:
        laid_out(folder, *given)
        (folder / PACKAGE_FOLDER / "collect.py").write_text(SHOWS_ENVIRONMENT)

    laid_out = harness.lay_out
    monkeypatch.setattr(harness, "lay_out", lay_out)
    proxy.plant(tmp_path / "docker", monkeypatch)
    with proxy.inspected(mounted_harness) as said:
        collected = listing.collect_checks(EVERY_SUITE[0], tiny_image)
    assert proxy.PASSWORD not in "".join(said) + str(collected)
    assert any("collect.py" in each for each in said)
    assert "PATH" in collected["environment"]["may_not_run"][0]["reason"]


PRINTED = {
    "no JSON": "{oops",
    "a list": "[1]",
    "wrong types": '{"x::test_a": {"gpus": "many"}}',
    "a check that is a list": '{"x::test_a": []}',
    "an unknown key": '{"x::test_a": {"extra": 1}}',
    "an escape": '{"x::test_a\\u001b[31m": {}}',
    "much": '"' + "x" * (2 << 20) + '"',
}


@pytest.mark.parametrize("case", PRINTED)
def test_a_list_of_another_shape_is_the_image_s_fault(case: str) -> None:
    with refused(GateRefused, "team/image did not print a list of checks"):
        listing._parse_checks(PRINTED[case].encode(), "team/image")


@pytest.mark.docker
def test_a_collecting_container_that_does_not_end_is_removed(
    tiny_image: str, mounted_harness: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lay_out(folder: Path, *given: Any) -> None:
        laid_out(folder, *given)
        (folder / PACKAGE_FOLDER / "collect.py").write_text(IGNORES_SIGNALS)

    laid_out = harness.lay_out
    monkeypatch.setattr(harness, "lay_out", lay_out)
    monkeypatch.setattr(containers, "new_name", lambda _: NAME)
    with refused(EnvironmentFailed, "collecting the checks of"):
        listing.collect_checks(replace(EVERY_SUITE[0], timeout_s=5), tiny_image)
    with pytest.raises(NotFound):
        engine.connect_engine().containers.get(NAME)


@pytest.mark.docker
@pytest.mark.usefixtures("mounted_harness")
@pytest.mark.parametrize("instruction", ["USER nosuch", "RUN touch /harness", "VOLUME /etc"])
def test_an_image_that_cannot_start_is_refused(instruction: str) -> None:
    user = "nosuch" if instruction.startswith("USER") else "1000"
    name = f"listing-{len(instruction)}"
    with (
        small_image.planted(name, instruction, user=user) as reference,
        refused(GateRefused, f"{reference} cannot be started: "),
    ):
        listing.collect_checks(EVERY_SUITE[0], reference)


@pytest.mark.docker
@pytest.mark.usefixtures("mounted_harness")
def test_a_volume_of_the_image_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def created(*given: Any, **named: Any) -> Any:
        container = create(*given, **named)
        made.extend(container.attrs["Mounts"])
        return container

    made: list[Any] = []
    create = ContainerCollection.create
    monkeypatch.setattr(ContainerCollection, "create", created)
    with (
        small_image.planted("listing-volume", "VOLUME /data") as reference,
        pytest.raises(GateRefused),
    ):
        listing.collect_checks(EVERY_SUITE[0], reference)
    assert made
    assert not [each for each in made if each["Type"] == "volume"]


def test_no_list_is_written_if_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the last suite lists nothing, and the others what they should."""
    suites = [suite for suite in COLLECTED if suite.stack == "base"]
    whole: dict[str, dict[str, Any]] = {
        each.name: {name: {} for name in list_tests(each)} for each in suites
    }
    wrote = list[Any]()
    monkeypatch.setattr(records, "write_text", lambda *given: wrote.append(given))
    monkeypatch.setattr(listing, "collect_checks", lambda suite, _: whole[suite.name])
    assert listing.main(["base=image"]) == 0
    assert len(wrote) == len(suites)
    wrote.clear()
    whole[suites[-1].name] = {}
    assert listing.main(["base=image"]) == GateRefused.exit_code
    assert wrote == []


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.parametrize(
    "suite",
    [
        pytest.param(
            suite,
            id=suite.name,
            marks=() if suite.name in ("device", "rl") else pytest.mark.thorough,
        )
        for suite in COLLECTED
    ],
)
def test_a_list_is_what_pytest_collects_in_the_image(
    suite: Suite, image_with: Callable[[str], str]
) -> None:
    collected = listing.collect_checks(suite, image_with(suite.stack))
    assert listing.render_list(collected) == suite.list_path.read_text(), (
        f"run `{listing.COMMAND}` and commit what it wrote"
    )
    assert CHALLENGE in collected


def test_a_planted_suite_has_no_list(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert not written(tmp_path_factory.mktemp("suite"), "").listed


@BY_NAME
def test_the_digest_of_a_list_is_that_of_what_it_asks_for(suite: Suite, tmp_path: Path) -> None:
    def hash_text(text: str) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir()))) / suite.name
        folder.mkdir(parents=True)
        (folder / "checks.yaml").write_text(text)
        return check_list.hash_list(replace(suite, folder=folder.parent))

    text = suite.list_path.read_text()
    assert hash_text(f"# a comment\n{text}\n") == check_list.hash_list(suite)
    assert hash_text(f"{text}  one_more: {{}}\n") != check_list.hash_list(suite)
    assert hash_text(f"{text}  one_more: {{gpus: 1}}\n") != hash_text(f"{text}  one_more: {{}}\n")


@pytest.mark.parametrize("name", ["emulation", "instructions", "bfloat16"])
def test_no_secret_of_a_machine_changes_what_a_list_asks(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests run where fewer secrets are known than where a release is decided."""
    suite = next(suite for suite in EVERY_SUITE if suite.name == "throughput")
    before = check_list.hash_list(suite)
    monkeypatch.setenv("A_PASSWORD", name)
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_SIGNING_PASSPHRASE", name)
    assert check_list.hash_list(suite) == before
