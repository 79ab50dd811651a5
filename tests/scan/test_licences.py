"""Licences that may be shipped, and those that may not."""

from __future__ import annotations

import pytest

from scan import licences
from scan.policy import Licences, Reviewed
from tests.scan.samples import package

ALLOWED = Licences(
    ("main",), ("MIT", "BSD-3-Clause", "Apache-2.0"), (Reviewed("nvidia-*", "EULA", "read"),)
)


def problems(
    *said: str, purl: str = "pkg:pypi/a@1", path: str = "a.dist-info/METADATA"
) -> list[str]:
    return [problem.what for problem in licences.problems((package(purl, said, path),), ALLOWED)]


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
    ],
)
def test_refused(said: str) -> None:
    assert problems(said) == [f"{said} is not allowed"]


def test_every_licence_counts_and_none_is_no_licence() -> None:
    assert problems("MIT", "GPL-2.0-only") == ["GPL-2.0-only is not allowed"]
    assert problems() == ["its metadata names no licence"]


def test_debian_packages_by_their_area() -> None:
    areas = {"bash": "main", "unrar": "non-free", "firmware": "non-free-firmware"}
    found = [(problem.where, problem.what) for problem in licences.of_debian(areas, ALLOWED)]
    assert found == [
        ("firmware", "it is from Debian's non-free-firmware, which is not allowed"),
        ("unrar", "it is from Debian's non-free, which is not allowed"),
    ]


def test_what_a_person_read_is_not_read_again() -> None:
    assert problems("Other-Proprietary-License", purl="pkg:pypi/nvidia-cudnn-cu12@9.1.0.70") == []
    assert problems("Other-Proprietary-License", purl="pkg:pypi/not-nvidia@1") != []


def test_vendored_packages_are_their_packages_matter() -> None:
    assert problems(path="") == []
