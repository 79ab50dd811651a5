"""The comparison with other projects' tests: the sample, the images, what counts, the table."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from argparse import ArgumentTypeError
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.peers import find_failures, parse_image
from runner import engine, shell
from runner.child_variables import ENGINES
from runner.errors import ConfigError
from tests.defects import of_harness
from tests.defects.defect import Defect, both, told, with_environment, with_file, with_shm
from tests.defects.every import DEFECTS
from tests.defects.peer_table import (
    BEGIN,
    CELL,
    CLEAN,
    END,
    OURS,
    PAGE,
    Results,
    write_page,
    write_tables,
)
from tests.defects.peers import (
    PEERS,
    Subject,
    require_checkout,
    run_sanity_tests,
    run_smoke_test,
    run_stacks_tests,
)
from tests.defects.sampled import build_image, draw_sample, is_of_the_image, remove_image
from tests.fakes import small_image
from tests.validation.suites_here import EXPECTED
from validation.executors.interface import Setup

OF_IMAGES = tuple(each for each in DEFECTS if is_of_the_image(each))

SMOKE = "import sys; print('torch: 2.6.0'); sys.exit({code})"
TRAINING = """
import unittest
class TestPath(unittest.TestCase):
    def test_path_efa(self):
        {body}
unittest.main()
"""
STACKS = """
import pytest
def test_in(request):
    assert request.config.getoption("--image") == "pytorch-notebook"
@pytest.mark.parametrize("manager", ["apt", "a - b"])
def test_package_manager(manager):
    assert {body}
"""
CONFTEST = """
def pytest_addoption(parser):
    for name in ("--registry", "--owner", "--image"):
        parser.addoption(name, required=True)
"""


@pytest.mark.parametrize("given", ["base", "base=", "nothing=x"])
def test_an_image_that_no_defect_is_planted_in_is_refused(given: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not NAME=REFERENCE with one of base, "):
        parse_image(given)
    assert parse_image("base=host/name@sha256:a=b") == ("base", "host/name@sha256:a=b")


def test_a_sample_has_one_of_each_suite_before_a_second_of_any() -> None:
    suites = {each.suite for each in OF_IMAGES}
    sample = draw_sample(OF_IMAGES, len(suites) + 3, seed=1)
    counted = Counter(each.suite for each in sample)
    assert set(counted) == suites
    assert sorted(counted.values())[-3:] == [2, 2, 2]


def test_a_sample_can_be_drawn_again() -> None:
    one = draw_sample(OF_IMAGES, 30, seed=15)
    assert one == draw_sample(OF_IMAGES, 30, seed=15)
    assert one != draw_sample(OF_IMAGES, 30, seed=16)
    assert len(set(one)) == 30


def test_a_sample_has_no_more_than_there_are() -> None:
    assert set(draw_sample(OF_IMAGES, 10_000, seed=1)) == set(OF_IMAGES)
    assert draw_sample((), 3, seed=1) == ()


def test_only_properties_of_images_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is anything built to find out, nor is anything killed."""
    monkeypatch.setattr(shell, "run", lambda *_, **__: pytest.fail("a program was started"))
    environment = next(each for each in OF_IMAGES if each.suite == "environment")
    plants = {
        with_environment(A="1"): True,
        with_file("broken_script/torchrun", "/opt/venv/bin/torchrun"): True,
        told(gpu_count=2): False,
        with_shm(1 << 20): False,
        both(with_environment(A="1"), with_shm(1 << 20)): False,
        lambda clean: clean: False,
    }
    for plant, expected in plants.items():
        assert is_of_the_image(replace(environment, plant=plant)) is expected
    assert not any(map(is_of_the_image, of_harness.DEFECTS))
    assert len(OF_IMAGES) >= 100


@pytest.mark.docker
def test_what_is_mounted_and_set_is_in_the_image(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inner.py").write_text("inner = 1\n")
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    planted = Setup(
        small_image.python_image(),
        tmp_path,
        EXPECTED,
        environment=(("PLANTED", 'a "quoted" $HOME'),),
        mounts=((tmp_path / "folder", "/planted"), (script, "/usr/bin/planted")),
    )
    tag = build_image(planted)
    shown = 'echo "$PLANTED" && cat /planted/inner.py && test -x /usr/bin/planted'
    try:
        output = shell.run(
            [engine.docker_program(), "run", "--rm", "--entrypoint=sh", tag, "-c", shown],
            hint="",
            allowed=ENGINES,
        )
    finally:
        remove_image(tag)
    assert output == 'a "quoted" $HOME\ninner = 1\n'


@pytest.fixture
def run_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Subject:
    """Instead of an engine: a program that starts what it is given, at the paths of the host."""
    program = tmp_path / "docker"
    program.write_text(
        f"#!{sys.executable}\n"
        "import os, sys\n"
        "words = sys.argv[2:]\n"
        "volumes = [w[9:].split(':')[:2] for w in words if w.startswith('--volume=')]\n"
        "entry = [w[13:] for w in words if w.startswith('--entrypoint=')]\n"
        "command = entry + words[words.index('image') + 1:]\n"
        "for host, inside in volumes:\n"
        "    command = [w.replace(inside + '/', host + '/') for w in command]\n"
        "os.execvp(command[0], command)\n"
    )
    program.chmod(0o755)
    monkeypatch.setattr(engine, "docker_program", lambda: str(program))
    monkeypatch.setattr(engine, "connect_engine", _NoEngine)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return Subject("image", "base", EXPECTED)


class _NoEngine:
    """Takes a tag and its removal."""

    images = property(lambda self: self)

    def get(self, _: str) -> _NoEngine:
        return self

    def tag(self, _: str) -> None:
        """Nothing is tagged."""

    def remove(self, *_: object, **__: object) -> None:
        """Nothing is removed."""


def _write_files(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(("code", "failed"), [(0, set()), (1, {"smoke_test: torch: 2.6.0"})])
def test_the_smoke_test_is_one_test(
    run_on_this_machine: Subject, tmp_path: Path, code: int, failed: set[str]
) -> None:
    _write_files(tmp_path, **{"test/smoke_test/smoke_test.py": SMOKE.format(code=code)})
    assert run_smoke_test(tmp_path, run_on_this_machine) == failed


@pytest.mark.parametrize(
    ("script", "body", "failed"),
    [
        ("echo 'PASS: one'", "pass", set()),
        ("echo 'FAIL: a .git folder'; exit 1", "pass", {"a .git folder"}),
        ("exit 0", "self.fail()", {"test_path_efa"}),
        ("echo last words; exit 3", "pass", {"check_credentials.sh: last words"}),
    ],
)
def test_each_line_of_a_sanity_script_is_a_test(
    run_on_this_machine: Subject, tmp_path: Path, script: str, body: str, failed: set[str]
) -> None:
    folder = "test/sanity/scripts"
    others = ("check_filesystem", "check_anaconda", "check_base_image")
    texts = {f"{folder}/{name}.sh": "exit 0" for name in others}
    texts[f"{folder}/check_credentials.sh"] = script
    texts[f"{folder}/test_sanity_training.py"] = TRAINING.format(body=body)
    _write_files(tmp_path, **texts)
    assert run_sanity_tests(tmp_path, run_on_this_machine) == failed


@pytest.mark.parametrize(
    ("body", "unit"), [("True", ""), ("manager == 'apt'", ""), ("True", "1/0")]
)
def test_each_failed_test_of_docker_stacks_is_named(
    run_on_this_machine: Subject, tmp_path: Path, body: str, unit: str
) -> None:
    one = "def test_it():\n    pass\n"
    user = (
        "def test_secure_path():\n    pass\ndef test_container_not_delete_bind_mount():\n    pass\n"
    )
    folder = "tests/by_image/docker-stacks-foundation"
    _write_files(
        tmp_path,
        **{
            "tests/pytest.ini": "[pytest]\n",
            "tests/conftest.py": CONFTEST,
            f"{folder}/test_package_managers.py": STACKS.format(body=body),
            f"{folder}/test_rosetta_junk.py": one,
            f"{folder}/test_user_options.py": user,
            "tests/by_image/pytorch-notebook/units/unit_pytorch.py": unit,
        },
    )
    found = run_stacks_tests(tmp_path, run_on_this_machine)
    expected = set() if body == "True" else {"test_package_managers.py::test_package_manager[a"}
    expected |= {"unit_pytorch: ZeroDivisionError: division by zero"} if unit else set()
    assert {each.partition(" - ")[0] for each in found} == expected


@pytest.mark.parametrize(
    ("runs", "failed"),
    [
        ([("broken", {"known"})], []),
        (
            [("broken", {"known", "b", "a"}), ("clean", {"known"}), ("broken", {"a", "b"})],
            ["a", "b"],
        ),
        ([("broken", {"slow"}), ("clean", {"slow"})], []),
        ([("broken", {"a", "once"}), ("clean", set()), ("broken", {"a", "other"})], ["a"]),
    ],
)
def test_what_fails_once_or_on_the_clean_image_does_not_count(
    runs: list[tuple[str, set[str]]], failed: list[str]
) -> None:
    """Neither is a peer run again when nothing new failed."""
    left = iter(runs)

    def take_run(_: Path, subject: Subject) -> frozenset[str]:
        image, tests = next(left)
        assert subject.image == image
        return frozenset(tests)

    peer = replace(PEERS[0], run=take_run)
    broken, clean = (Subject(name, "base", EXPECTED) for name in ("broken", "clean"))
    assert find_failures(peer, Path(), broken, clean, ["known"]) == failed
    assert not list(left)


def test_a_checkout_of_another_commit_is_refused(tmp_path: Path) -> None:
    """With the commands that make the right one; a folder without a checkout too."""
    peer = PEERS[0]
    with pytest.raises(ConfigError) as missing:
        require_checkout(peer, tmp_path)
    assert f"git clone {peer.url} {tmp_path / peer.repository}" in str(missing.value.hint)
    checkout = tmp_path / peer.repository
    who = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    for words in (("init", "-q"), (*who, "commit", "-q", "--allow-empty", "-m", "first")):
        subprocess.run(["git", "-c", "safe.directory=*", *words], cwd=_made(checkout), check=True)
    with pytest.raises(ConfigError, match=peer.commit):
        require_checkout(peer, tmp_path)
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=checkout, text=True).strip()
    assert require_checkout(replace(peer, commit=head), tmp_path) == checkout


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def _results(sample: tuple[Defect, ...]) -> Results:
    quiet: dict[str, list[str]] = {"theirs": [], OURS: ["matmul"]}
    first = {"theirs": ["a | b " + 200 * "x"], OURS: [], "problem": ["`matmul` is pass"]}
    rows = {each.name: dict(quiet) for each in sample}
    clean = {f"{CLEAN}base": {"theirs": ["one", "two"], f"{OURS}device": [], f"{OURS}ddp": ["x"]}}
    return {**clean, **rows, sample[0].name: first}


def test_the_table_says_who_catches_what() -> None:
    sample = draw_sample(OF_IMAGES, 4, seed=2)
    text = write_tables(sample, ("theirs",), _results(sample))
    assert text.startswith("4 of the 4 broken images were tested, caught by: theirs 1, ours 3.\n")
    row = next(line for line in text.splitlines() if f"| {sample[0].name} |" in line)
    assert row.count(" | ") == 3
    assert "a \\| b xxx" in row
    assert len(row) < len(sample[0].name) + CELL + 40
    assert f"| {sample[1].suite} | {sample[1].name} | - | matmul |" in text
    assert f"- {sample[0].name}: `matmul` is pass" in text
    assert "| base | 2 | 1 of 2 suites |" in text


def test_a_run_that_was_cut_off_has_the_rows_it_made() -> None:
    sample = draw_sample(OF_IMAGES, 4, seed=2)
    results = _results(sample)
    del results[sample[3].name]
    assert write_tables(sample, ("theirs",), results).startswith("3 of the 4 broken images ")


def test_only_the_result_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}old\n{END}after\n")
    for _ in range(2):
        write_page("new", page)
        assert page.read_text() == f"before\n{BEGIN}new\n{END}after\n"


def test_the_page_has_each_peer_and_known_defects() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for peer in PEERS:
        assert peer.url in text
        assert peer.commit in text
    result = text.partition(BEGIN)[2].partition(END)[0]
    counted = re.search(r"(\d+) of the \d+ broken images", result)
    suites = {each.suite for each in DEFECTS}
    cells = [
        line.removeprefix("| ").split(" | ") for line in result.split("| clean")[0].splitlines()
    ]
    rows = [row for row in cells if row[0] in suites]
    assert counted
    assert len(rows) == int(counted[1]) > 0
    assert {row[1] for row in rows} <= {each.name for each in DEFECTS}
