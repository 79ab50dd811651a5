"""What a lock may be refreshed to is what a release of that kind may carry: both are asked, and
agree.
"""

from __future__ import annotations

import pytest
from packaging.requirements import Requirement

from images import catalog
from publish.policy.ranges import version_constraint
from publish.policy.release_kinds import FEATURE, MAJOR, PATCH, contents_problems
from scan.difference import LayerSize, Snapshot, compare_snapshots
from scan.record import Finding, Package, TriagedFinding, TriageStatus

LINE = catalog.load_catalog().lines["2.6"]
STEPS = {
    "jinja2 3.1.6": [
        "3.1.6",
        "3.1.6.post1",
        "3.1.7",
        "3.1.20",
        "3.2",
        "3.2.1",
        "4.0",
        "3.1.5",
        "1!3.1.6",
    ],
    "pip 26.3": ["26.3", "26.3.1", "26.4", "27.0"],
    "click 8": ["8.0.1", "8.1", "9"],
    "old 1!2.3.4": ["1!2.3.5", "1!2.4", "1!3.0"],
    "stubs 2.1.0+cpu": ["2.1.1", "2.2.0"],
    "regex 2026.11.15": ["2026.11.15", "2026.11.16", "2026.12.1", "2027.1.1"],
    "certifi 2026.10.23": ["2026.10.24", "2027.1.1", "2026.9.1"],
    "torch 2.6.0": ["2.6.0", "2.6.1"],
    "nvidia-nccl-cu12 2.21.5": ["2.21.5", "2.21.6"],
}


def package(name: str, version: str) -> Package:
    return Package(f"pkg:pypi/{name}@{version}", "pypi", name, version, "", (), "", "METADATA")


def allowed(name: str, before: str, after: str, kind: str, fixed: str = "") -> bool:
    """Whether a release of the kind may carry the move; `fixed` ends an advisory on the version
    before.
    """
    about = package(name, before)
    finding = Finding("CVE-2026-1", about.purl, name, before, fixed, "HIGH", "", "2026-11-01")
    findings = (TriagedFinding(finding, TriageStatus.BLOCKS, "", ""),) if fixed else ()
    layers = (LayerSize("a", 1),)
    one, other = (
        Snapshot("", "", (about,), findings, layers),
        Snapshot("", "", (package(name, after),), (), layers),
    )
    return not contents_problems(compare_snapshots(one, other), kind, LINE)


@pytest.mark.parametrize("kind", [PATCH, FEATURE])
@pytest.mark.parametrize(
    ("locked", "to"), [(locked, to) for locked, every in STEPS.items() for to in every]
)
def test_a_range_holds_what_the_kind_lets_through(locked: str, to: str, kind: str) -> None:
    name, version = locked.split()
    range_ = Requirement(version_constraint(name, version, kind)).specifier
    assert range_.contains(to, prereleases=False) == allowed(name, version, to, kind)


@pytest.mark.parametrize(
    ("locked", "fixed", "holds", "not_"),
    [
        pytest.param(
            "jinja2 3.1.6", "3.1.9", ["3.1.9", "3.1.10"], "3.2", id="within the range anyway"
        ),
        pytest.param(
            "jinja2 3.1.6", "3.3.1", ["3.1.7", "3.3.1", "3.3.2"], "3.4", id="a minor step further"
        ),
        pytest.param("jinja2 3.1.6", "4.0.2", ["4.0.2"], "4.1", id="a major step further"),
        pytest.param("regex 2026.11.15", "2026.12.3", ["2026.12.3"], "2027.1.1", id="a later date"),
    ],
)
def test_an_advisory_widens_the_range_to_its_fix(
    locked: str, fixed: str, holds: list[str], not_: str
) -> None:
    name, version = locked.split()
    range_ = Requirement(version_constraint(name, version, PATCH, [fixed])).specifier
    assert all(range_.contains(to) for to in holds)
    assert not range_.contains(not_)
    assert allowed(name, version, fixed, PATCH, fixed)


def test_no_advisory_moves_what_a_tag_promises() -> None:
    assert version_constraint("torch", "2.6.0", PATCH, ["2.8.0"]) == "torch==2.6.0"


def test_a_major_is_not_held_back() -> None:
    assert version_constraint("jinja2", "3.1.6", MAJOR) == ""
