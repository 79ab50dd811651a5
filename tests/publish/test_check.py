"""`check`: what an image is held against, what is looked at, and how it ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from commands.parser import parse
from images import catalog
from images.assembly import LABELS, STANDARD
from publish import check
from publish.check import CheckRecord, Expectation, find_expectation
from runner import pull, records, shell
from runner.errors import ConfigError, EnvironmentFailed
from runner.pull import HeldImage
from runner.time_limit import TimeLimitExceeded
from runner.verdict import Verdict
from scan.image_facts import ImageFacts
from scan.record import ScanProblem
from scan.release_difference import ReleaseDifference
from tests.fakes import small_image
from tests.fakes.registry import FakeRegistry
from validation import run as validation
from validation.record import Environment, SuiteResult, ValidationRecord
from validation.suite import SUITES

CATALOG = catalog.load_catalog()
OURS = {f"{LABELS}.torch": "2.6.0", f"{LABELS}.stacks": "base,cv"}
ID = f"sha256:{'7' * 64}"
PROBLEM = ScanProblem(
    "configuration", "User", "the image runs as root: its user is not set", "set a user of its own"
)


@pytest.mark.parametrize(
    ("line", "stacks", "labels", "found"),
    [
        ("", "", OURS, ("2.6", ("base", "cv"))),
        ("", "rl", OURS, ("2.6", ("base", "rl"))),
        ("2.6", "base", {}, ("2.6", ("base",))),
        ("2.6", " nlp , cv ,", {}, ("2.6", ("base", "cv", "nlp"))),
    ],
)
def test_what_an_image_is_held_against(
    line: str, stacks: str, labels: dict[str, str], found: tuple[str, tuple[str, ...]]
) -> None:
    assert find_expectation(CATALOG, line, stacks, labels) == Expectation(*found)


@pytest.mark.parametrize(
    ("line", "stacks", "labels", "said"),
    [
        ("", "", {}, "no labels"),
        ("2.6", "", {}, "no labels"),
        ("2.7", "base", {}, "no line '2.7'"),
        ("2.6", "base,zz", {}, "no stack 'zz'"),
        ("", "", {**OURS, f"{LABELS}.torch": "9.9.9"}, "no line '9.9'"),
        ("", "", {**OURS, f"{LABELS}.stacks": "\x1b[31m::error::x"}, "no stack ': :error::x'"),
    ],
)
def test_what_nobody_can_hold_it_against(
    line: str, stacks: str, labels: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        find_expectation(CATALOG, line, stacks, labels)
    assert "\x1b" not in str(error.value)


def judged(verdict: Verdict) -> ValidationRecord:
    suite = SuiteResult("device", verdict, "" if verdict is Verdict.PASS else "why", 1.0, (), "")
    where = Environment("docker", "cpu", (), "", "", 2, 0, 0, "", "")
    reason = "" if verdict is Verdict.PASS else "device: why"
    return ValidationRecord(
        "", "image", ID, "", verdict, reason, (suite,), where, "", "2026-11-27T00:00:00+00:00", 1.0
    )


@pytest.mark.parametrize(
    ("verdict", "problems", "code", "whole"),
    [
        (Verdict.PASS, (), 0, Verdict.PASS),
        (Verdict.PASS, (PROBLEM,), 1, Verdict.FAIL),
        (Verdict.NOT_RUN, (), 4, Verdict.INCONCLUSIVE),
        (Verdict.INCONCLUSIVE, (PROBLEM,), 1, Verdict.FAIL),
        (Verdict.INFRA, (), 3, Verdict.INFRA),
        (Verdict.FAIL, (), 1, Verdict.FAIL),
    ],
)
def test_the_exit_code_is_by_the_verdict(  # noqa: PLR0917 - a row of the table, and pytest's fixtures
    verdict: Verdict,
    problems: tuple[ScanProblem, ...],
    code: int,
    whole: Verdict,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    held = HeldImage(ID, "", {"Labels": OURS})
    asked_for: list[validation.ValidationTarget] = []

    def validate(target: validation.ValidationTarget, _: str) -> ValidationRecord:
        asked_for.append(target)
        return judged(verdict)

    monkeypatch.setattr(pull, "obtain_image", lambda *_: held)
    monkeypatch.setattr(validation, "validate_image", validate)
    monkeypatch.setattr(check, "_find_problems", lambda *_: iter(problems))
    asked = parse(["check", "team/image:1", "--json"])
    assert asked.run(asked) == code
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert (found["verdict"], found["image_id"], found["stacks"]) == (whole, ID, ["base", "cv"])
    assert (asked_for[0].reference, asked_for[0].expected.derived) == (ID, True), (
        "checked by id; may hold more packages"
    )
    assert asked_for[0].command == "./release.py check team/image:1 --json"
    assert all(problem.what in said.err for problem in problems)
    (path,) = (home.parent / "out" / "checks").glob("*/check.json")
    assert records.read_record(CheckRecord, path) == records.from_json(
        CheckRecord, said.out, "stdout"
    )


def test_a_look_that_fails_leaves_what_the_suites_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise EnvironmentFailed("the engine went away")

    monkeypatch.setattr(pull, "obtain_image", lambda *_: HeldImage(ID, "", {"Labels": OURS}))
    monkeypatch.setattr(validation, "validate_image", lambda *_: judged(Verdict.PASS))
    monkeypatch.setattr("scan.image_facts.probe_image", fail)
    found = check.check_image(CATALOG, "team/image:1", ("", ""), "cpu", "")
    assert (found.verdict, found.reason) == (
        Verdict.INFRA,
        "the inspection failed: the engine went away",
    )
    assert found.validation == judged(Verdict.PASS)


def test_what_an_image_says_is_cleaned_and_bounded(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An image can name any number of packages, as long as it likes, with escapes in them."""
    hostile = "\x1b[31m\n::error::" + "x" * 5000
    areas = {f"{hostile}{number}": hostile for number in range(20_000)}
    monkeypatch.setattr(pull, "obtain_image", lambda *_: HeldImage(ID, "", {"Labels": OURS}))
    monkeypatch.setattr(validation, "validate_image", lambda *_: judged(Verdict.PASS))
    facts = ImageFacts((), {}, {}, (), {}, (), (), {}, areas, None, {}, {}, ())
    monkeypatch.setattr("scan.image_facts.probe_image", lambda _: facts)
    asked = parse(["check", "team/image:1"])
    assert asked.run(asked) == 1
    (path,) = (home.parent / "out" / "checks").glob("*/check.json")
    found = records.read_record(CheckRecord, path)
    assert found is not None
    assert sum(problem.count for problem in found.problems) > 20_000
    assert len(found.problems) <= 1001
    assert path.stat().st_size < 3 << 20
    assert "\\u001b" not in path.read_text()
    assert len(found.reason) <= 1000
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert len(said.splitlines()) < 60
    assert "20,000 more problems" in said


@pytest.mark.long
def test_a_check_says_how_long_it_may_take_and_is_ended_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check.longest_check_s(("base", "cv", "nlp", "rl")) == 7 * 3600
    monkeypatch.setattr(pull, "obtain_image", lambda *_: HeldImage(ID, "", {"Labels": OURS}))
    monkeypatch.setattr(validation, "validate_image", lambda *_: threading.Event().wait(20))
    monkeypatch.setattr(check, "longest_check_s", lambda _: 1)
    try:
        with pytest.raises(TimeLimitExceeded, match="check of team/image:1 did not end"):
            check.check_image(CATALOG, "team/image:1", ("", ""), "cpu", "")
    finally:
        shell.allow_all()
    assert "if the image hangs, it is ended after" in capsys.readouterr().err


@pytest.mark.long
def test_a_pull_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull, "obtain_image", lambda *_: threading.Event().wait(20))
    monkeypatch.setattr(check, "OBTAIN_S", 1)
    try:
        with pytest.raises(TimeLimitExceeded, match="pull of team/image:1 did not end"):
            check.check_image(CATALOG, "team/image:1", ("", ""), "cpu", "")
    finally:
        shell.allow_all()


RELEASE = ReleaseDifference("host/r@sha256:1", ("+35 Python packages: a 1, b 2",))


def test_a_difference_is_shown_and_only_its_faults_count(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = ScanProblem("contents", "/torch/nn.py", "it is not the file of torch", "install again")
    monkeypatch.setattr(pull, "obtain_image", lambda *_: HeldImage(ID, "", {"Labels": OURS}))
    monkeypatch.setattr(validation, "validate_image", lambda *_: judged(Verdict.PASS))
    monkeypatch.setattr(check, "_find_problems", lambda *_: iter(()))
    asked = parse(["check", "team/image:1"])
    for faults, code in (((), 0), ((fault,), 1)):
        monkeypatch.setattr(
            check, "compare_with_release", lambda *_, found=faults: (RELEASE, found)
        )
        assert asked.run(asked) == code
        said = capsys.readouterr().err
        assert RELEASE.lines[0] in said
        assert ("it is not the file of torch" in said) is bool(faults)


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (OURS, "not compared with our release: no label"),
        ({**OURS, f"{STANDARD}.ref.name": "v2.6.0"}, "v2.6.0 is in no registry that is known here"),
        ({**OURS, f"{STANDARD}.ref.name": "\x1b[31m"}, "is in no registry"),
    ],
)
def test_an_image_of_no_release_is_not_compared(
    labels: dict[str, str], says: str, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTORCH_CUDA_IMAGES_REGISTRY", fake.host)
    found, faults = check.compare_with_release(CATALOG, HeldImage(ID, "", {"Labels": labels}))
    assert (found.release, faults) == ("", ())
    assert says in found.lines[0]
    assert "\x1b" not in found.lines[0]


@pytest.fixture
def foreign_image() -> Iterator[str]:
    """An image of somebody else: Debian with Python, no torch, run as root, a setuid file in it."""
    with small_image.planted(
        "check", "RUN cp /bin/true /bin/grab && chmod 4755 /bin/grab", user="0:0"
    ) as tag:
        yield tag


@pytest.mark.docker
def test_an_image_of_somebody_else(
    foreign_image: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every suite gives a verdict about it, the look names what it holds, and nothing but the
    record is written.
    """
    first = [suite for suite in SUITES if suite.name in ("device", "environment")]
    monkeypatch.setattr(validation, "list_suites", lambda _: (*first, validation.THROUGHPUT))
    found = check.check_image(CATALOG, foreign_image, ("2.6", "base"), "cpu", "./release.py check")
    assert found.verdict is Verdict.FAIL
    verdicts = {suite.suite: suite.verdict for suite in found.validation.suites}
    assert verdicts["device"] is verdicts["environment"] is verdicts["throughput"] is Verdict.FAIL
    assert {problem.where for problem in found.problems} >= {"User", "/usr/bin/grab"}
    assert found.digest == ""
    assert not (home.parent / "out" / "v2.6.0").exists()


@pytest.mark.docker
@pytest.mark.parametrize(
    "reference",
    ["UPPER/case:1", "x@sha256:1", "--help", "a b", "x" * 600, "", "sha256:" + "0" * 64],
)
def test_what_names_no_image(reference: str) -> None:
    with pytest.raises(ConfigError) as error:
        pull.obtain_image(reference)
    assert len(str(error.value)) < 1000


@pytest.mark.docker
def test_an_image_that_the_registry_does_not_have(registry_host: str) -> None:
    with pytest.raises(ConfigError, match="there is no image"):
        pull.obtain_image(f"{registry_host}/nothing:1")


@pytest.mark.docker
def test_a_registry_that_does_not_answer(free_port: Callable[[], int]) -> None:
    with pytest.raises(EnvironmentFailed, match="connection refused"):
        pull.obtain_image(f"127.0.0.1:{free_port()}/nothing:1")


@pytest.mark.docker
def test_a_derived_image_may_hold_more_packages(
    base_image: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package more is accepted; one less is refused by its name, and nothing else is."""
    pull.pull_image(base_image)
    same = ReleaseDifference("", ()), ()  # it reads both images, and has tests of its own
    monkeypatch.setattr(check, "compare_with_release", lambda *_: same)
    only = [suite for suite in SUITES if suite.name == "libraries"]
    monkeypatch.setattr(validation, "list_suites", lambda _: (*only, validation.THROUGHPUT))
    monkeypatch.setattr(validation, "_attempt_suite", _only_libraries(validation._attempt_suite))
    site = "/opt/venv/lib/python3.11/site-packages"
    added = (
        f"mkdir {site}/ours-1.dist-info && cd {site}/ours-1.dist-info && printf 'Name: "
        "ours\\nVersion: 1\\n' >METADATA"
    )
    added += " && printf 'ours-1.dist-info/METADATA,,\\nours-1.dist-info/RECORD,,\\n' >RECORD"
    removed = f" && rm -r {site}/jinja2-*.dist-info"
    with small_image.planted(
        "derived", f"RUN {added}{removed}", user="1000", base=base_image
    ) as tag:
        found = check.check_image(CATALOG, tag, ("", ""), "cpu", "")
    judged = {each.name: each for suite in found.validation.suites for each in suite.checks}
    refused = judged["packages_match_the_lock"]
    assert refused.verdict is Verdict.FAIL
    assert "packages differ: jinja2 3.1.6 is missing, expected" in refused.reason
    failed = {name for name, each in judged.items() if each.verdict is Verdict.FAIL}
    assert failed == {"packages_match_the_lock", "pip_check"}


def _only_libraries(run: object) -> object:
    """The stage needs a result of the throughput suite; it takes half a minute and says nothing
    here.
    """

    def ran(suite: object, *rest: object) -> SuiteResult:
        if suite is validation.THROUGHPUT:
            return replace(SuiteResult("throughput", Verdict.NOT_RUN, "", 0.0, (), ""))
        return run(suite, *rest)  # type: ignore[operator,no-any-return] # it is the function that was there

    return ran
