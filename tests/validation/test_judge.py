"""Real pytest runs, whole and damaged, and the verdict each must get."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from runner.verdict import Verdict
from tests.validation.suites_here import run_here, written
from validation.judge import SuiteExecution, judge_suite
from validation.record import Figure, SuiteResult
from validation.suite import Suite
from validation.suites.contract.layout import PACKAGE

PASSES = "def test_good() -> None:\n    pass\n"

NOT_A_PASS = {
    "foreign skip": (
        "import pytest\ndef test_a():\n    pytest.skip('later')\n",
        "a: skipped: later",
    ),
    "skip mark": (
        "import pytest\n@pytest.mark.skip(reason='later')\ndef test_a(): pass\n",
        "a: skipped: later",
    ),
    "missing package": (
        "import pytest\npytest.importorskip('nowhere')\n" + PASSES,
        "could not import 'nowhere'",
    ),
    "expected failure": (
        "import pytest\n@pytest.mark.xfail(reason='known')\ndef test_a(): assert False\n",
        "known",
    ),
    "unexpected pass": (
        "import pytest\n@pytest.mark.xfail(reason='known')\ndef test_a(): pass\n",
        "known",
    ),
    "no parameters": (
        "import pytest\n@pytest.mark.parametrize('x', [])\ndef test_a(x): pass\n",
        "empty parameter set",
    ),
    "broken set-up": (
        "import pytest\n@pytest.fixture\ndef x(): 1 / 0\ndef test_a(x): pass\n",
        "division by zero",
    ),
    "broken tear-down": (
        "import pytest\n@pytest.fixture\ndef x():\n    yield\n    1 / 0\ndef test_a(x): pass\n",
        "zero",
    ),
    "import error": ("import nowhere\n" + PASSES, "No module named 'nowhere'"),
    "nothing collected": ("", "exited 5 without running a test"),
    "exits 0": ("import os\ndef test_a():\n    os._exit(0)\n", "a: its process died"),
    "exits 0 at once": ("import os\nos._exit(0)\n", "without running a test"),
    "crash": (
        "import os, signal\ndef test_a():\n    os.kill(os.getpid(), signal.SIGSEGV)\n",
        "a: its process died",
    ),
    "crash at the end": (
        "import atexit, os\natexit.register(os._exit, 139)\n" + PASSES,
        "exited 139 after the tests ended",
    ),
    "deselected": (
        PASSES + "def test_b(): pass\ntest_b.__test__ = False\n",
        "exited 0 without a result of b",
    ),
}


@pytest.mark.slow
def test_a_test_process_that_ends_slowly_keeps_what_it_proved(tmp_path: Path) -> None:
    """Xdist kills one after 10 s, which would look like a container that somebody killed."""
    result = _judged(tmp_path, f"import atexit, time\natexit.register(time.sleep, 12)\n{PASSES}")
    assert result.verdict is Verdict.PASS, result


def _judged(folder: Path, text: str, **environment: str) -> SuiteResult:
    suite = written(folder, text)
    return judge_suite(suite, run_here(suite, folder, environment=environment))


@pytest.mark.parametrize("case", NOT_A_PASS)
def test_never_a_pass(case: str, tmp_path: Path) -> None:
    text, says = NOT_A_PASS[case]
    result = _judged(tmp_path, text)
    assert result.verdict is Verdict.FAIL, result
    assert says in result.reason
    assert result.last_output


def test_pass_with_figures(tmp_path: Path) -> None:
    result = _judged(tmp_path, "def test_good(figure):\n    figure('rate', 2.5, 'images/s')\n")
    assert (result.verdict, result.reason, result.last_output) == (Verdict.PASS, "", "")
    assert [(check.name, check.verdict) for check in result.checks] == [("good", Verdict.PASS)]
    assert result.checks[0].figures == (Figure("rate", 2.5, "images/s"),)


def test_failure_gives_its_message(tmp_path: Path) -> None:
    result = _judged(tmp_path, "def test_a():\n    assert 1 == 2, 'found 1, expected 2'\n" + PASSES)
    assert (result.verdict, result.reason) == (Verdict.FAIL, "a: found 1, expected 2")
    assert [check.verdict for check in result.checks] == [Verdict.FAIL, Verdict.PASS]


def test_not_run_in_our_own_words(tmp_path: Path) -> None:
    text = f"from {PACKAGE}.outcome import not_run\ndef test_a():\n    not_run('no GPU')\n"
    result = _judged(tmp_path, text + PASSES)
    assert (result.verdict, result.reason) == (Verdict.NOT_RUN, "a: no GPU")


def test_infra_in_our_own_words(tmp_path: Path) -> None:
    imports = f"from {PACKAGE}.outcome import report_infra\n"
    text = imports + "def test_a():\n    report_infra('disk full')\n"
    result = _judged(tmp_path, text)
    assert (result.verdict, result.reason) == (Verdict.INFRA, "a: disk full")


def test_slow_test_fails_and_the_next_one_runs(tmp_path: Path) -> None:
    text = "import time\ndef test_hangs():\n    time.sleep(60)\n" + PASSES
    suite = written(tmp_path, text, test_timeout_s=1)
    result = judge_suite(suite, run_here(suite, tmp_path))
    assert result.verdict is Verdict.FAIL
    assert "Timeout" in result.reason
    assert [check.verdict for check in result.checks] == [Verdict.FAIL, Verdict.PASS]


def test_a_crash_costs_only_its_own_test(tmp_path: Path) -> None:
    text = "import os, signal\ndef test_a():\n    os.kill(os.getpid(), signal.SIGSEGV)\n" + PASSES
    result = _judged(tmp_path, text)
    assert [(check.name, check.verdict) for check in result.checks] == [
        ("a", Verdict.FAIL),
        ("good", Verdict.PASS),
    ]


BROKEN_CUDA = """
import os, sys, types

class Cuda:
    broken = False
    def is_initialized(self): return True
    def synchronize(self):
        if self.broken: raise RuntimeError("CUDA error: an illegal memory access was encountered")

sys.modules["torch"] = types.SimpleNamespace(cuda=Cuda())

def test_a():
    sys.modules["torch"].cuda.broken = True
    assert False, "found"

def test_b():
    sys.modules["torch"].cuda.synchronize()

def test_c():
    assert False, "no error of CUDA"

def test_d():
    open(os.environ["VALIDATION_ROOT"] + "/out/pid", "a").write(f"{os.getpid()} ")
"""


def test_a_broken_cuda_context_ends_its_worker_and_not_the_run(tmp_path: Path) -> None:
    """After test_a no call of its process would work; test_b gets another, and keeps it after an
    ordinary failure.
    """
    result = _judged(tmp_path, BROKEN_CUDA)
    found = {check.name: check for check in result.checks}
    assert {name: check.verdict for name, check in found.items()} == {
        "a": Verdict.FAIL,
        "b": Verdict.PASS,
        "c": Verdict.FAIL,
        "d": Verdict.PASS,
    }
    assert found["a"].reason == "found"


def test_the_image_s_own_package_is_imported_where_the_harness_has_it_too(tmp_path: Path) -> None:
    """A worker of xdist starts with the harness first on its path."""
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "packaging.py").write_text("OWNER = 'image'\n")
    text = "import packaging\ndef test_a():\n    assert packaging.OWNER == 'image'\n"
    assert _judged(tmp_path, text, PYTHONPATH=str(tmp_path / "image")).verdict is Verdict.PASS


def test_settings_of_the_image_are_ignored(tmp_path: Path) -> None:
    text = "def test_a():\n    assert False, 'seen'\n" + PASSES
    result = _judged(tmp_path, text, PYTEST_ADDOPTS="-k good", PYTEST_PLUGINS="nowhere")
    assert (result.verdict, result.reason) == (Verdict.FAIL, "a: seen")


def test_found_expected_and_cause_are_told_apart(tmp_path: Path) -> None:
    text = (
        f"from {PACKAGE}.outcome import require\ndef test_a():\n    require(False, '1', "
        "'2', 'a wrong sum')\n"
    )
    (check,) = _judged(tmp_path, text).checks
    assert (check.reason, check.cause) == ("1, expected 2", "a wrong sum")


def test_known_words_get_their_cause_and_may_be_the_runner_s(tmp_path: Path) -> None:
    text = (
        "def test_a():\n    raise RuntimeError('no kernel image is available for execution on the "
        "device')\n"
        "def test_b():\n    raise OSError(28, 'No space left on device')\n"
    )
    image, runner = _judged(tmp_path, text).checks
    assert (image.verdict, image.cause) == (
        Verdict.FAIL,
        "the build has no code for this GPU's architecture",
    )
    assert (runner.verdict, runner.reason) == (
        Verdict.INFRA,
        "OSError: [Errno 28] No space left on device",
    )
    assert runner.cause


def test_a_suite_that_says_nothing_gets_the_cause_of_its_last_words(tmp_path: Path) -> None:
    text = (
        "import sys\nsys.stderr.write('ImportError: undefined symbol: _ZN3c104impl\\n')\nraise "
        "SystemExit(1)\n"
    )
    result = _judged(tmp_path, text)
    assert result.verdict is Verdict.FAIL
    assert result.cause


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Suite, SuiteExecution]:
    folder = tmp_path_factory.mktemp("passed")
    suite = written(folder, PASSES)
    return suite, run_here(suite, folder)


def test_a_report_cut_anywhere_is_never_a_pass(passed: tuple[Suite, SuiteExecution]) -> None:
    suite, ended = passed
    assert judge_suite(suite, ended).verdict is Verdict.PASS
    whole = ended.report.index('"SessionFinish"')  # warnings of pytest itself may follow
    for length in range(whole):
        result = judge_suite(suite, replace(ended, report=ended.report[:length]))
        assert result.verdict is Verdict.FAIL, length


ENDINGS = [
    (
        {"engine_problem": "gone", "exit_code": None},
        Verdict.INFRA,
        "the engine failed in good: gone",
    ),
    ({"out_of_memory": True, "exit_code": 137}, Verdict.INFRA, "out of memory in good"),
    ({"exit_code": 137}, Verdict.INFRA, "the container was killed (SIGKILL) in good"),
    (
        {"timed_out": True, "exit_code": None},
        Verdict.FAIL,
        "hung in good: still running after 60 s",
    ),
]


@pytest.mark.parametrize(("how", "verdict", "says"), ENDINGS)
def test_what_the_engine_saw_counts(
    passed: tuple[Suite, SuiteExecution], how: dict[str, object], verdict: Verdict, says: str
) -> None:
    """The checks that had ended are kept, and none of these is a pass, whatever the report says."""
    suite, ended = passed
    result = judge_suite(suite, replace(ended, **how))  # type: ignore[arg-type] # a table of fields, of any type
    assert result.verdict is verdict
    assert result.reason.startswith(says)
    assert [check.name for check in result.checks] == ["good"]


def test_a_failed_check_outranks_a_kill(tmp_path: Path) -> None:
    suite = written(tmp_path, "def test_a():\n    assert False, 'found'\n")
    ended = replace(run_here(suite, tmp_path), exit_code=137)
    assert judge_suite(suite, ended).verdict is Verdict.FAIL
