"""Which figures count as slower, and that two real commits are compared so."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import pytest

from benchmarks import compare
from benchmarks.compare import ROUNDS, Sample, compare_figure, compare_trees
from runner.home import REPOSITORY

BASE = [Sample(1.0, 2.0, 100)] * 5


def problem_of(*head: Sample) -> str:
    return compare_figure("plan", BASE, head).problem


def test_the_same_is_not_slower() -> None:
    compared = compare_figure("plan", BASE, BASE)
    assert not compared.problem
    assert compared.line == (
        "plan: CPU 1.00 -> 1.00 s (1.00), least wall 2.00 -> 2.00 s, requests 100 -> 100"
    )


@pytest.mark.parametrize(
    ("sample", "problem"),
    [
        pytest.param(Sample(1.3, 2.0, 100), "1.30 times the CPU time", id="CPU"),
        pytest.param(Sample(1.0, 3.2, 100), "1.2 s longer at the least", id="a wait"),
        pytest.param(Sample(1.0, 2.0, 106), "106 requests instead of 100", id="requests"),
    ],
)
def test_more_than_the_limits_is_slower(sample: Sample, problem: str) -> None:
    assert problem_of(*[sample] * 5) == problem


def test_two_slow_runs_of_five_are_noise() -> None:
    slow = Sample(3.0, 9.0, 100)
    assert not problem_of(*BASE[:3], slow, slow)


def test_a_loaded_machine_makes_no_change_slower() -> None:
    """Other programs make each run longer but one; they add little to the CPU time."""
    assert not problem_of(*[Sample(1.2, 9.0, 100)] * 4, Sample(1.2, 2.2, 100))


def test_a_least_run_that_is_usual_for_the_base_is_not_slower() -> None:
    """Measured with 20 other programs at work: one run of BASE was lucky, and none of HEAD."""
    base = [Sample(0.6, wall, 261) for wall in (0.51, 1.2, 1.3, 0.9, 1.1)]
    head = [Sample(0.6, wall, 261) for wall in (0.89, 1.2, 1.3, 0.9, 1.1)]
    assert not compare_figure("rescan", base, head).problem


def test_a_small_figure_needs_more_than_a_ratio() -> None:
    base, head = [Sample(0.02, 0.02, 0)] * 5, [Sample(0.05, 0.2, 0)] * 5
    assert not compare_figure("plan", base, head).problem


def test_a_faster_figure_hides_no_slower_one() -> None:
    slow = {"plan": Sample(2.0, 2.0, 1), "build": Sample(0.1, 0.1, 1)}
    fast = {"plan": Sample(0.5, 0.5, 1), "build": Sample(0.5, 0.5, 1)}
    found = [bool(each.problem) for each in compare.compare_runs([slow], [fast])]
    assert found == [False, True]


def write_small(tree: Path, cpu: str = "1.0", workload: int = 1) -> Path:
    """A checkout whose benchmark prints the figure `cpu`; it counts how often it ran."""
    (tree / compare.SMALL).parent.mkdir(parents=True)
    sample = f'{{"cpu": {cpu}, "wall": 1.0, "requests": 1}}'
    (tree / compare.SMALL).write_text(
        "from pathlib import Path\n"
        "with Path(__file__).with_name('runs').open('a') as file:\n    file.write('x')\n"
        "count = len(Path(__file__).with_name('runs').read_text())\n"
        f'print(\'{{"workload": {workload}, "figures": {{"plan": \' + str({sample})'
        ".replace(\"'\", '\"') + '}}')\n"
    )
    return tree


def count_runs(tree: Path) -> int:
    return len((tree / "benchmarks" / "runs").read_text())


def test_equal_checkouts_run_once_in_turn(tmp_path: Path) -> None:
    base, head = write_small(tmp_path / "a"), write_small(tmp_path / "b")
    assert [each.problem for each in compare_trees(base, head, rounds=2)] == [""]
    assert (count_runs(base), count_runs(head)) == (2, 2)


def test_what_seems_slower_is_measured_again(tmp_path: Path) -> None:
    base, head = write_small(tmp_path / "a"), write_small(tmp_path / "b", "2.0")
    assert [bool(each.problem) for each in compare_trees(base, head, rounds=2)] == [True]
    assert (count_runs(base), count_runs(head)) == (4, 4)


def test_what_was_slow_at_first_is_not_slower(tmp_path: Path) -> None:
    base = write_small(tmp_path / "a")
    head = write_small(tmp_path / "b", "2.0 if count < 2 else 1.0")
    assert [each.problem for each in compare_trees(base, head, rounds=2)] == [""]


def test_different_workloads_are_not_compared(tmp_path: Path) -> None:
    base, head = write_small(tmp_path / "a"), write_small(tmp_path / "b", "9.0", workload=2)
    assert compare_trees(base, head, rounds=2) == []


def test_a_benchmark_that_fails_is_named(tmp_path: Path) -> None:
    base, head = write_small(tmp_path / "a"), write_small(tmp_path / "b", "1 / 0")
    with pytest.raises(compare.BenchmarkFailed, match=r"ended with 1(.|\n)*ZeroDivisionError"):
        compare_trees(base, head, rounds=2)


@pytest.mark.parametrize("printed", ["", "a warning", "[]", '{"workload": 1}'])
def test_a_benchmark_without_figures_is_named(tmp_path: Path, printed: str) -> None:
    base, head = write_small(tmp_path / "a"), write_small(tmp_path / "b")
    (head / compare.SMALL).write_text(f"print({printed!r})\n")
    with pytest.raises(compare.BenchmarkFailed, match="printed no figures"):
        compare_trees(base, head, rounds=2)


def test_a_checkout_that_fails_is_no_slower_commit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # no folder can be made there, as on a full disk
    monkeypatch.setattr(tempfile, "TemporaryDirectory", lambda **_: nullcontext("/proc"))
    assert compare.main(["HEAD", "HEAD"]) == 3
    assert "compare: git cannot check out `HEAD`: " in capsys.readouterr().err


def test_a_commit_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main(["0" * 40, "HEAD"]) == 2
    assert "is no commit here -> name a commit of this clone" in capsys.readouterr().err


def test_each_side_runs_at_least_five_times() -> None:
    assert ROUNDS >= 5
    assert ROUNDS % 2 == 0


@pytest.mark.thorough
def test_the_small_benchmark_has_every_figure() -> None:
    done = subprocess.run(
        [sys.executable, REPOSITORY / compare.SMALL], capture_output=True, check=True, cwd="/"
    )
    found = json.loads(done.stdout)
    assert list(found["figures"]) == [
        "make layers",
        "push layers",
        "read a layer",
        "plan",
        "build",
        "due",
        "verify",
        "rescan",
        "promote",
    ]
    assert all(Sample(**figure).cpu > 0 for figure in found["figures"].values())


PLANTED = {
    "sleep": (
        "images/plan.py",
        "    every = tuple(dict",
        "    import time; time.sleep(0.1)\n    every = tuple(dict",
    ),
    "hashing twice": (
        "images/layers.py",
        "            wheelhouse.verify_wheel(wheel, path)\n",
        "            wheelhouse.verify_wheel(wheel, path)\n" * 12,
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_slowdown_is_found(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clone, (file, old, new) = tmp_path / "clone", PLANTED[name]
    subprocess.run(["git", "clone", "-q", "--shared", REPOSITORY, clone], check=True)
    git = ["git", "-C", str(clone), "-c", "user.name=test", "-c", "user.email=none"]
    text = (clone / file).read_text()
    assert old in text
    (clone / file).write_text(text.replace(old, new, 1))
    subprocess.run([*git, "commit", "-q", "-a", "-m", "planted"], check=True)
    monkeypatch.setattr(compare, "REPOSITORY", clone)
    assert compare.main(["HEAD^", "HEAD"]) == 1
    slower = [each for each in capsys.readouterr().out.splitlines() if "SLOWER" in each]
    assert slower[0].startswith("plan:" if name == "sleep" else "make layers:")
