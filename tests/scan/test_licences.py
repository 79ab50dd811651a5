"""Licences that may be shipped, and those that may not."""

from __future__ import annotations

import pytest

from scan import licences
from scan.policy import LicencePolicy, ReviewedLicence
from scan.record import MAX_SHOWN, count_problems
from tests.scan.samples import package

ALLOWED = LicencePolicy(
    ("main",), ("MIT", "BSD-3-Clause", "Apache-2.0"), (ReviewedLicence("nvidia-*", "EULA", "read"),)
)


def problems(
    *said: str, purl: str = "pkg:pypi/a@1", path: str = "a.dist-info/METADATA"
) -> list[str]:
    return [
        problem.what
        for problem in licences.check_python_licences((package(purl, said, path),), ALLOWED)
    ]


@pytest.mark.parametrize(
    "said",
    [
        "MIT",
        "MIT AND BSD-3-Clause",
        "MIT OR GPL-3.0-only",
        "GPL-3.0-only OR (MIT AND Apache-2.0)",
        "(MIT)",
    ],
)
def test_allowed(said: str) -> None:
    assert problems(said) == []


@pytest.mark.parametrize(
    "said",
    [
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "AGPL-3.0-or-later",
        "Proprietary",
        "see the file",
        "MIT AND",
        "mit?",
        "()",  # the library raises IndexError
        "( OR é -apache 2 -or-later",  # AssertionError
    ],
)
def test_refused(said: str) -> None:
    assert problems(said) == [f"{said} is not allowed"]


def test_every_licence_counts_and_none_is_no_licence() -> None:
    assert problems("MIT", "GPL-2.0-only") == ["GPL-2.0-only is not allowed"]
    assert problems() == ["its metadata names no licence"]


def test_debian_packages_by_their_area() -> None:
    areas = {"bash": "main", "unrar": "non-free", "firmware": "non-free-firmware"}
    found = [
        (problem.where, problem.what) for problem in licences.check_debian_areas(areas, ALLOWED)
    ]
    assert found == [
        ("firmware", "it is from Debian's non-free-firmware, which is not allowed"),
        ("unrar", "it is from Debian's non-free, which is not allowed"),
    ]


def test_of_very_many_licences_the_rest_is_counted() -> None:
    """An image can claim any number of packages, of any area and licence."""
    areas = {f"p{number:05}": "non-free" for number in range(40_000)}
    packages = tuple(package(f"pkg:pypi/p{number}@1", ("X",), "x") for number in range(5_000))
    for found, many in (
        (licences.check_debian_areas(areas, ALLOWED), 40_000),
        (licences.check_python_licences(packages, ALLOWED), 5_000),
    ):
        assert len(found) == MAX_SHOWN + 1
        assert count_problems(found) == many
        assert found[-1].where == "and others"


def test_what_a_person_read_is_not_read_again() -> None:
    assert problems("Other-Proprietary-License", purl="pkg:pypi/nvidia-cudnn-cu12@9.1.0.70") == []
    assert problems("Other-Proprietary-License", purl="pkg:pypi/not-nvidia@1") != []


def test_vendored_packages_are_their_packages_matter() -> None:
    assert problems(path="") == []
