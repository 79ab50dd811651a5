"""A release kind is a contract, and what is not known to keep it breaks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import pytest

from images import catalog
from images.catalog import Line
from publish.policy.release_kinds import (
    FEATURE,
    GONE,
    MAJOR,
    NEW,
    PATCH,
    image_problem,
    kind_notes,
    kind_problems,
)
from scan.difference import Difference, LayerSize, PackageChange, Snapshot, compare_snapshots
from scan.record import Finding, Package, TriagedFinding, TriageStatus
from scan.versions import Step

LAYERS = (LayerSize("sha256:0", 1),)
KINDS = (PATCH, FEATURE, MAJOR)
STILL = Package("pkg:pypi/idna@3.20", "pypi", "idna", "3.20", "", (), "", "METADATA")


@pytest.fixture(scope="module")
def line() -> Line:
    return catalog.load_catalog().lines["2.6"]


def package(text: str) -> Package:
    """`jinja2 3.1.6`; `deb:tini 1-1`; `inside:rich 15.0` for a wheel's own copy; `deb:libc6=glibc
    1` with a source.
    """
    name, version = text.split()
    kind, _, named = name.rpartition(":")
    named, _, source = named.partition("=")
    if kind == "deb":
        return Package(
            f"pkg:deb/debian/{named}@{version}", "deb", named, version, source or named, (), ""
        )
    path = "" if kind == "inside" else "METADATA"
    return Package(f"pkg:pypi/{named}@{version}", "pypi", named, version, "", (), "", path)


def snapshot(
    texts: Sequence[str], version: str, findings: tuple[TriagedFinding, ...] | None = ()
) -> Snapshot:
    return Snapshot(
        version, "sha256:0", (STILL, *(package(text) for text in texts)), findings, LAYERS
    )


def advisory(text: str, fixed: str) -> TriagedFinding:
    about = package(text)
    known = Finding(
        "CVE-2026-1", about.purl, about.name, about.version, fixed, "HIGH", "", "2026-11-01"
    )
    return TriagedFinding(known, TriageStatus.BLOCKS, "", "")


def between(before: Sequence[str], after: Sequence[str]) -> Difference:
    return compare_snapshots(snapshot(before, "v2.6.0"), snapshot(after, "v2.6.1"))


def moved(text: str, *, security: bool = False) -> Difference:
    """`jinja2 3.1.6 3.1.7`, ending an advisory where `security`."""
    name, before, after = text.split()
    old, new = f"{name} {before}", f"{name} {after}"
    findings = (advisory(old, after),) if security else ()
    return compare_snapshots(snapshot([old], "v2.6.0", findings), snapshot([new], "v2.6.1"))


def unassessed(text: str) -> Difference:
    name, before, after = text.split()
    return compare_snapshots(
        snapshot([f"{name} {before}"], "v2.6.0", None),
        snapshot([f"{name} {after}"], "v2.6.1", None),
    )


ALWAYS = [
    pytest.param("jinja2 3.1.6 3.1.7", id="patch level"),
    pytest.param("jinja2 3.1.6 3.1.6.1", id="below patch level"),
    pytest.param("jinja2 3.1.6 3.1.6.post1", id="post-release"),
    pytest.param("jinja2 3.1.6 3.1.6+local", id="another build"),
    pytest.param("pip 26.3 26.3.1", id="patch level that was not written"),
    pytest.param("certifi 2026.10.23 2026.11.1", id="data, another month"),
    pytest.param("certifi 2026.10.23 2027.1.2", id="data, another year"),
    pytest.param("tzdata 2026.5 2026.6", id="data, two numbers"),
    pytest.param("deb:libc6=glibc 2.36-9+deb12u14 2.36-9+deb12u15", id="Debian revision"),
    pytest.param("deb:tini 0.19.0-1+b3 0.19.0-1+b4", id="Debian rebuild"),
    pytest.param("deb:apt 2.6.1 2.6.2", id="native package in a point release"),
    pytest.param(
        "deb:openssl 3.0.20-1~deb12u1 3.0.22-1~deb12u2", id="upstream's patch in a stable update"
    ),
    pytest.param(
        "deb:libsystemd0=systemd 252.6-1 252.39-1~deb12u2", id="upstream's minor in a stable update"
    ),
    pytest.param("deb:ca-certificates 20230311 20250419~deb12u2", id="date in a stable update"),
    pytest.param("deb:tzdata 2025b-0+deb12u2 2026f-0+deb12u1", id="year in a stable update"),
    pytest.param("deb:base-files 12.4+deb12u14 12.4+deb12u15", id="a point release"),
    pytest.param("deb:python3.11 3.11.2-6+deb12u8 3.11.2-6+deb12u9", id="Python's Debian revision"),
    pytest.param("deb:python3.11 3.11.2-6 3.11.4-1", id="Python's patch level"),
]
IN_A_FEATURE = [
    pytest.param("jinja2 3.1.6 3.2.0", "minor version changed", id="minor"),
    pytest.param("fsspec 2026.9.0 2026.10.0", "date", id="a date, another month"),
    pytest.param("fsspec 2026.9.0 2026.9.1", "date", id="a date, whatever the last number is"),
    pytest.param("regex 2026.11.15 2027.1.1", "date", id="a date, another year"),
]
ONLY_FOR_SECURITY = [
    pytest.param("jinja2 3.1.6 4.0", "major version changed", "major versions", id="major"),
    pytest.param(
        "jinja2 0.9 2026.1.1",
        "major version changed",
        "major versions",
        id="from a number to a date",
    ),
    pytest.param("jinja2 3.1.6 1!3.1.6", "major version changed", "major versions", id="epoch"),
    pytest.param(
        "deb:curl 7.88.1-10 7.90.0-1", "not marked", "not marked", id="Debian, minor without a mark"
    ),
    pytest.param(
        "deb:curl 7.88.1-10 8.0.0-1", "not marked", "not marked", id="Debian, major without a mark"
    ),
    pytest.param("deb:curl 7.88.1-10 1:7.88.1-10", "not marked", "not marked", id="Debian, epoch"),
]
NEVER = [
    pytest.param("jinja2 3.1.6 3.1.5", "the new version is older", id="downgrade"),
    pytest.param("certifi 2026.10.23 2026.9.1", "the new version is older", id="downgrade of data"),
    pytest.param(
        "deb:libc6=glibc 2.36-9+deb12u14 2.36-9+deb12u13",
        "the new version is older",
        id="Debian downgrade",
    ),
    pytest.param(
        "deb:xz 5.6.1-1 5.6.1+really5.4.5-1",
        "the new version is older",
        id="Debian downgrade by another name",
    ),
    pytest.param(
        "deb:curl 7.88.1-10 7.88.1-10~bpo12+1",
        "the new version is older",
        id="backport that sorts before",
    ),
    pytest.param("deb:curl 7.88.1-10 7.88.1-11~bpo12+1", "backport", id="backport of a revision"),
    pytest.param("deb:curl 7.88.1-10 8.0.0-1~bpo12+1", "backport", id="backport"),
    pytest.param(
        "deb:libc6=glibc 2.36-9 2.41-12~deb13u1", "Debian 13", id="an update of another Debian"
    ),
    pytest.param(
        "deb:libc6=glibc 2.36-9+deb12u1 2.36-9+deb13u1",
        "Debian 13",
        id="a revision of another Debian",
    ),
    pytest.param(
        "deb:python3=python3-defaults 3.11.2-1 3.12.0-1",
        "another version of Python",
        id="Python minor",
    ),
    pytest.param(
        "deb:libpython3-stdlib=python3-defaults 3.11.2-1 3.12.0-1~deb12u1",
        "another version of Python",
        id="its library",
    ),
]
PLATFORM = [
    pytest.param("torch 2.6.0 2.6.1", id="torch"),
    pytest.param("torch 2.6.0 2.6.0+cu126", id="torch for another CUDA"),
    pytest.param("torchvision 0.21.0 0.21.1", id="torchvision"),
    pytest.param("torchaudio 2.6.0 2.6.1", id="torchaudio"),
    pytest.param("triton 3.2.0 3.2.1", id="triton"),
    pytest.param("nvidia-cudnn-cu12 9.1.0.70 9.1.0.71", id="cuDNN"),
    pytest.param("nvidia-nccl-cu12 2.21.5 2.21.6", id="NCCL"),
    pytest.param("nvidia-cuda-runtime-cu12 12.4.127 12.4.128", id="CUDA"),
    pytest.param("nvidia-cublas 12.4.5.8 12.4.5.9", id="CUDA without its version"),
    pytest.param("cuda-bindings 12.9.1 12.9.2", id="bindings"),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ALWAYS)
def test_what_every_kind_may(line: Line, kind: str, text: str) -> None:
    assert kind_problems(moved(text), kind, line, approved=True) == ()
    assert kind_problems(unassessed(text), kind, line, approved=True) == ()


@pytest.mark.parametrize(("text", "said"), IN_A_FEATURE)
def test_what_waits_for_a_feature_release(line: Line, text: str, said: str) -> None:
    (problem,) = kind_problems(moved(text), PATCH, line)
    assert said in problem
    assert problem.endswith("and it fixes no advisory; pin the previous version")
    assert kind_problems(moved(text), FEATURE, line) == ()


@pytest.mark.parametrize(("text", "in_a_patch", "in_a_feature"), ONLY_FOR_SECURITY)
def test_what_waits_for_a_person(line: Line, text: str, in_a_patch: str, in_a_feature: str) -> None:
    for kind, said in ((PATCH, in_a_patch), (FEATURE, in_a_feature)):
        (problem,) = kind_problems(moved(text), kind, line)
        assert said in problem
    assert kind_problems(moved(text), MAJOR, line, approved=True) == ()


@pytest.mark.parametrize("kind", [PATCH, FEATURE])
@pytest.mark.parametrize("text", [case.values[0] for case in (*IN_A_FEATURE, *ONLY_FOR_SECURITY)])
def test_an_advisory_opens_the_way_and_is_named(line: Line, kind: str, text: str) -> None:
    known = moved(text, security=True)
    assert known.changed[0].security == ("CVE-2026-1",)
    assert kind_problems(known, kind, line) == ()
    notes = kind_notes(known, kind, line)
    assert all("CVE-2026-1" in note for note in notes)
    assert len(notes) == (
        not (kind == FEATURE and text in [case.values[0] for case in IN_A_FEATURE])
    )


@pytest.mark.parametrize("text", [case.values[0] for case in (*IN_A_FEATURE, *ONLY_FOR_SECURITY)])
def test_an_advisory_that_nobody_could_look_up_opens_nothing(line: Line, text: str) -> None:
    (problem,) = kind_problems(unassessed(text), PATCH, line)
    assert "without a vulnerability database" in problem


@pytest.mark.parametrize("kind", [PATCH, FEATURE])
@pytest.mark.parametrize(("text", "said"), NEVER)
def test_what_no_advisory_opens(line: Line, kind: str, text: str, said: str) -> None:
    planted = moved(text)
    named = tuple(replace(change, security=("CVE-2026-1",)) for change in planted.changed)
    for found in (planted, replace(planted, changed=named)):
        (problem,) = kind_problems(found, kind, line)
        assert said in problem


@pytest.mark.parametrize("text", PLATFORM)
def test_a_patch_leaves_the_platform_alone(line: Line, text: str) -> None:
    for found in (moved(text), moved(text, security=True), unassessed(text)):
        (problem,) = kind_problems(found, PATCH, line)
        assert "must not change PyTorch, CUDA, cuDNN or NCCL" in problem
        assert kind_problems(found, FEATURE, line) == ()


@pytest.mark.parametrize("after", ["2.7.0", "2.60.0", "3.0.0", "2.7.0+cu124", "2.60"])
def test_a_feature_does_not_leave_the_line(line: Line, after: str) -> None:
    for security in (False, True):
        (problem,) = kind_problems(moved(f"torch 2.6.0 {after}", security=security), FEATURE, line)
        assert "it is not in line 2.6; only a major release may change the line" in problem


def test_a_feature_may_move_cuda_within_its_major_version(line: Line) -> None:
    assert kind_problems(moved("nvidia-cudnn-cu12 9.1.0.70 9.5.1.17"), FEATURE, line) == ()
    assert len(kind_problems(moved("nvidia-cudnn-cu12 9.1.0.70 10.0.0"), FEATURE, line)) == 1


@pytest.mark.parametrize("name", ["six", "deb:curl", "nvidia-nccl-cu12", "torch"])
def test_coming_and_going(line: Line, name: str) -> None:
    came, went = between([], [f"{name} 1.0"]), between([f"{name} 1.0"], [])
    for found in (came, went):
        (problem,) = kind_problems(found, PATCH, line)
        assert "a patch release neither adds nor removes packages" in problem
        assert kind_problems(found, MAJOR, line, approved=True) == ()
    assert kind_problems(came, FEATURE, line) == ()
    assert kind_notes(came, FEATURE, line)
    (problem,) = kind_problems(went, FEATURE, line)
    assert "a feature release only adds" in problem


def test_another_python_is_a_package_that_came_and_one_that_went(line: Line) -> None:
    found = between(["deb:python3.11 3.11.2-6"], ["deb:python3.12 3.12.1-1"])
    assert len(kind_problems(found, PATCH, line)) == 2
    assert len(kind_problems(found, FEATURE, line)) == 1


def test_a_second_copy_comes(line: Line) -> None:
    assert len(kind_problems(between(["rich 15.0"], ["rich 15.0", "rich 15.1"]), PATCH, line)) == 1
    assert (
        len(kind_problems(between(["rich 15.0"], ["rich 15.0", "inside:rich 15.0"]), PATCH, line))
        == 1
    )


# What wheels carry inside

INSIDE = [
    "inside:rich 15.0 16.0",
    "inside:certifi 2026.1.1 2027.1.1",
    "inside:requests 2.34.2 2.35.0",
]


@pytest.mark.parametrize("text", INSIDE)
@pytest.mark.parametrize("kind", [PATCH, FEATURE])
def test_what_is_inside_a_wheel_moves_with_it_and_never_alone(
    line: Line, kind: str, text: str
) -> None:
    name, before, after = text.split()
    carried = between([f"{name} {before}", "pip 26.3"], [f"{name} {after}", "pip 26.3.1"])
    assert kind_problems(carried, kind, line) == ()
    (problem,) = kind_problems(moved(text), kind, line)
    assert "no Python package that could contain it changed" in problem
    by_debian = between([f"{name} {before}", "deb:tini 1-1"], [f"{name} {after}", "deb:tini 1-2"])
    assert len(kind_problems(by_debian, kind, line)) == 1


@pytest.mark.parametrize("kind", [PATCH, FEATURE])
def test_what_comes_and_goes_inside_a_wheel(line: Line, kind: str) -> None:
    for before, after in ((["inside:six 1.0"], []), ([], ["inside:six 1.0"])):
        assert (
            kind_problems(between([*before, "pip 26.3"], [*after, "pip 26.3.1"]), kind, line) == ()
        )
        assert len(kind_problems(between(before, after), kind, line)) == 1


@pytest.mark.parametrize("kind", [PATCH, FEATURE])
def test_older_is_older_inside_a_wheel_too(line: Line, kind: str) -> None:
    found = between(["inside:rich 15.1", "pip 26.3"], ["inside:rich 15.0", "pip 26.3.1"])
    (problem,) = kind_problems(found, kind, line)
    assert problem == "rich 15.1 -> 15.0: the new version is older"


def test_a_carrier_that_may_not_move_is_still_refused(line: Line) -> None:
    found = between(["inside:rich 15.0", "pip 26.3"], ["inside:rich 15.1", "pip 26.4"])
    (problem,) = kind_problems(found, PATCH, line)
    assert problem.startswith("pip 26.3 -> 26.4: ")


# The pair, the kind, the first release


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("v2.6.0", "v2.6.1", ""),
        ("v2.6.0", "v2.6.7", ""),
        ("v2.6.9", "v2.6.10", ""),
        ("v2.6.1", "v2.6.1", "not a newer release"),
        ("v2.6.2", "v2.6.1", "not a newer release"),
        ("v2.6.10", "v2.6.9", "not a newer release"),
        ("v2.5.9", "v2.6.0", "not both releases of line 2.6"),
        ("v2.9.0", "v2.9.1", "not both releases of line 2.6"),
        ("v2.60.0", "v2.60.1", "not both releases of line 2.6"),
        ("", "v2.6.1", "not both releases of line 2.6"),
        ("v2.6.0", "latest", "not both releases of line 2.6"),
        ("v2.6.0", "v2.6.1-cv", "not both releases of line 2.6"),
    ],
)
def test_the_difference_is_between_two_releases_of_the_line(
    line: Line, kind: str, before: str, after: str, said: str
) -> None:
    found = compare_snapshots(snapshot([], before), snapshot([], after))
    problems = kind_problems(found, kind, line, approved=True)
    assert (said in problems[0]) if said else problems == ()


@pytest.mark.parametrize(
    "found", [None, compare_snapshots(snapshot([], "v2.6.0"), snapshot([], "v2.6.1"))]
)
def test_a_major_needs_approval_whatever_it_changes(line: Line, found: Difference | None) -> None:
    (problem,) = kind_problems(found, MAJOR, line)
    assert "approval of a person" in problem
    assert kind_problems(found, MAJOR, line, approved=True) == ()


def test_approval_is_for_majors_alone(line: Line) -> None:
    for kind in (PATCH, FEATURE):
        assert len(kind_problems(moved("torch 2.6.0 2.7.0"), kind, line, approved=True)) == 1


def test_an_approved_major_says_what_a_feature_release_could_not_have_done(line: Line) -> None:
    found = between(["torch 2.6.0", "six 1.0"], ["torch 2.7.0"])
    assert kind_problems(found, MAJOR, line, approved=True) == ()
    assert len(kind_notes(found, MAJOR, line, approved=True)) == 2


@pytest.mark.parametrize("kind", [PATCH, FEATURE])
def test_the_first_of_a_line_is_a_major_one(line: Line, kind: str) -> None:
    """Nothing compared it with anything: a person's word stands for that."""
    assert kind_problems(None, kind, line) == (
        "this is the first release of line 2.6; it must be a major one",
    )
    assert kind_problems(None, MAJOR, line) == (
        "a major release needs the approval of a person (`--approve`)",
    )
    assert kind_problems(None, MAJOR, line, approved=True) == ()
    assert kind_notes(None, MAJOR, line, approved=True) == (
        "this is the first release of line 2.6",
    )


@pytest.mark.parametrize(
    ("word", "kind", "words"),
    [
        (NEW, PATCH, "neither adds nor removes"),
        (GONE, PATCH, "neither adds nor removes"),
        (NEW, FEATURE, ""),
        (GONE, FEATURE, "only adds"),
        (NEW, MAJOR, ""),
        (GONE, MAJOR, ""),
    ],
)
def test_images_come_and_go_as_packages_do(word: str, kind: str, words: str) -> None:
    problem = image_problem(word, kind)
    assert words in problem
    assert bool(problem) == bool(words)


@pytest.mark.parametrize("kind", ["", "hotfix", "Patch", "production"])
def test_an_unknown_kind_refuses(line: Line, kind: str) -> None:
    for found in (None, moved("jinja2 3.1.6 3.1.7")):
        (problem,) = kind_problems(found, kind, line, approved=True)
        assert problem == f"`{kind}` is not a release kind; use patch, feature or major"


@pytest.mark.parametrize("kind", [PATCH, FEATURE])
def test_a_type_of_package_that_is_not_known_refuses(line: Line, kind: str) -> None:
    known = moved("jinja2 3.1.6 3.1.7")
    other = replace(known, changed=(replace(known.changed[0], type="golang"),))
    (problem,) = kind_problems(other, kind, line)
    assert problem == "jinja2 3.1.6 -> 3.1.7: there is no rule for packages of the type golang"


def test_a_debian_that_is_not_known_has_no_updates(line: Line) -> None:
    forky = replace(line, debian="forky")
    assert len(kind_problems(moved("deb:libc6=glibc 2.41-1 2.41-1+deb14u1"), PATCH, forky)) == 1
    assert (
        kind_problems(
            moved("deb:libc6=glibc 2.41-1 2.41-1+deb13u1"), PATCH, replace(line, debian="trixie")
        )
        == ()
    )


def test_all_problems_come_together_and_each_names_its_package(line: Line) -> None:
    before = ["torch 2.6.0", "six 1.0", "jinja2 3.1.6", "deb:curl 7.88.1-10", "idna 3.0"]
    after = ["torch 2.6.1", "rich 1.0", "jinja2 3.2.0", "deb:curl 7.88.1-9", "idna 3.0.1"]
    problems = kind_problems(between(before, after), PATCH, line)
    assert len(problems) == 5
    for name in ("torch 2.6.0 -> 2.6.1", "six 1.0", "jinja2 3.1.6", "curl 7.88.1-10", "rich 1.0"):
        assert sum(problem.startswith(name) for problem in problems) == 1


def every_change() -> list[PackageChange]:
    """Every combination of what a change can be."""
    return [
        PackageChange(
            kind, name, name, vendored, "3.1.5", after, step.value, step, downgrade, security
        )
        for kind, name, vendored, after, step, downgrade, security in product(
            ("pypi", "deb", "golang"),
            ("torch", "nvidia-nccl-cu12", "python3.11", "jinja2", "certifi"),
            (False, True),
            ("2.6.1", "2026.1", "3.2-1~deb12u1", "3.2-1~bpo12+1"),
            Step,
            (False, True),
            (None, (), ("CVE-2026-1",)),
        )
    ]


def test_the_kinds_are_ordered_and_a_downgrade_is_in_none(line: Line) -> None:
    """What a patch may, a feature may; what an approved major may is everything."""
    empty = compare_snapshots(snapshot([], "v2.6.0"), snapshot([], "v2.6.1"))
    allowed = dict.fromkeys(KINDS, 0)
    for change in every_change():
        found = replace(empty, changed=(change,))
        fine = {kind: not kind_problems(found, kind, line, approved=True) for kind in KINDS}
        assert fine[MAJOR] >= fine[FEATURE] >= fine[PATCH], change
        assert fine[MAJOR]
        assert not (fine[FEATURE] and (change.downgrade or change.type == "golang")), change
        if fine[PATCH] and change.step in (Step.MAJOR, Step.MINOR):
            assert change.security or "deb12u" in change.after, change
        for kind in KINDS:
            allowed[kind] += fine[kind]
    assert 0 < allowed[PATCH] < allowed[FEATURE] < allowed[MAJOR]
