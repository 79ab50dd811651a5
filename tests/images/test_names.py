"""Names of images and of their tags: spelled and parsed in one module."""

from __future__ import annotations

import pytest

from images.names import (
    OwnTag,
    candidate_stem,
    image_tag,
    image_tags,
    is_candidate,
    join_stacks,
    leading_version,
    parse_own_tag,
    parse_stem,
    plain_version,
    split_image,
)
from images.version import Version, line_numbers, line_of_torch, number_of

V260 = Version("2.6", 0)


@pytest.mark.parametrize(
    ("stem", "image", "tags"),
    [
        ("v2.6.0", "base", ("v2.6.0", "v2.6.0-base")),
        ("v2.6.0", "cv", ("v2.6.0-cv",)),
        ("latest", "cv-nlp", ("latest-cv-nlp",)),
        ("v2.6.0-candidate", "base", ("v2.6.0-candidate", "v2.6.0-candidate-base")),
    ],
)
def test_tags_of_an_image(stem: str, image: str, tags: tuple[str, ...]) -> None:
    assert image_tags(stem, image) == tags
    assert image_tag(stem, image) == tags[0]


@pytest.mark.parametrize(
    ("tag", "parts"),
    [
        ("v2.6.0", OwnTag(V260, "base", is_candidate=False)),
        ("v2.6.0-base", OwnTag(V260, "base", is_candidate=False)),
        ("v2.6.0-cv-nlp", OwnTag(V260, "cv-nlp", is_candidate=False)),
        ("v2.6.0-candidate", OwnTag(V260, "base", is_candidate=True)),
        ("v2.6.0-candidate-cv", OwnTag(V260, "cv", is_candidate=True)),
        ("v2.6", None),
        ("latest-cv", None),
        ("v2.6.0_cv", None),
        ("v02.6.0", None),
        ("", None),
    ],
)
def test_the_parts_of_a_tag(tag: str, parts: OwnTag | None) -> None:
    assert parse_own_tag(tag) == parts


@pytest.mark.parametrize(
    ("stem", "version"),
    [
        ("v2.6.0", V260),
        ("v2.6.0-candidate", V260),
        ("v2.6", None),
        ("v2.6.0-cv", None),
        ("latest", None),
        ("", None),
    ],
)
def test_the_version_of_a_stem(stem: str, version: Version | None) -> None:
    assert parse_stem(stem) == version


def test_stems_of_candidates() -> None:
    assert candidate_stem("v2.6.0") == "v2.6.0-candidate"
    assert is_candidate("v2.6.0-candidate")
    assert not is_candidate("v2.6.0")
    assert plain_version("v2.6.0-candidate") == plain_version("v2.6.0") == "v2.6.0"


@pytest.mark.parametrize(
    ("tag", "version"),
    [("v2.6.0-x_y", "v2.6.0"), ("v2.6.10", "v2.6.10"), ("v2.6.0.1", ""), ("v2.6", ""), ("x", "")],
)
def test_the_version_a_tag_begins_with(tag: str, version: str) -> None:
    assert leading_version(tag) == version


def test_names_of_images() -> None:
    assert split_image("cv-nlp") == ["cv", "nlp"]
    assert join_stacks(["base", "cv", "nlp"]) == "cv-nlp"
    assert join_stacks(["base"]) == join_stacks([]) == "base"


def test_lines() -> None:
    assert line_numbers("2.10") > line_numbers("2.9")
    assert (line_of_torch("2.6.0"), line_of_torch("")) == ("2.6", "")
    assert (number_of("v2.6.3"), V260.line_alias) == ("2.6.3", "v2.6")
