"""Comparison of versions, in the special cases of PEP 440 and of Debian's version numbers."""

from __future__ import annotations

import ast
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import ConfigError, EnvironmentFailed
from scan import versions
from scan.versions import Step

_PYPI = (
    "0.9 1.0.dev1 1.0a1 1.0b2 1.0rc1 1.0 1.0+cu118 1.0+cu124 1.0.post1.dev1 1.0.post1 1.0.1 1.10 "
    "2024.10.1 "
    "2024.10.2 1!0.1"
)
_DEB = (
    "0~git20230101-1 1.0~rc1-1 1.0~rc1-2 1.0-1~deb12u1 1.0-1 1.0-1+b1 1.0-1+deb12u3 "
    "1.0-1+deb12u10 1.0-1.1 1.0-2 "
    "1.0a-1 1.0+dfsg1-1 1.0.1-1 1.10-1 3.134 20250419~deb12u1 20250419~deb12u2 20250419 1:0.1-1 "
    "1:0.2-1 2:0.1-1"
)
ASCENDING = {"pypi": _PYPI.split(), "deb": _DEB.split()}
PAIRS = [(kind, *pair) for kind, ordered in ASCENDING.items() for pair in combinations(ordered, 2)]


@pytest.mark.parametrize(("kind", "old", "new"), PAIRS)
def test_every_pair_has_one_order_and_only_the_way_back_is_a_downgrade(
    kind: str, old: str, new: str
) -> None:
    assert versions.compare_versions(kind, old, new) < 0 < versions.compare_versions(kind, new, old)
    there, back = versions.measure_change(kind, old, new), versions.measure_change(kind, new, old)
    assert (there.downgrade, back.downgrade) == (False, True)
    assert versions.reaches_fix(kind, old, new, new)
    assert not versions.reaches_fix(kind, new, old, new)
    assert not versions.reaches_fix(kind, old, new, old)


@pytest.mark.parametrize("kind", ASCENDING)
def test_versions_sort_the_newest_first(kind: str) -> None:
    assert sorted(sorted(ASCENDING[kind]), key=versions.newest_first(kind)) == ASCENDING[kind][::-1]


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        pytest.param("2.6.0", "2.6.1", Step.PATCH, id="third number"),
        pytest.param("9.1.0.70", "9.1.0.71", Step.PATCH, id="fourth number"),
        pytest.param("2.6.1", "2.7.0", Step.MINOR, id="second number"),
        pytest.param("0.21.0", "0.22.0", Step.MINOR, id="below 1.0"),
        pytest.param("1.9.9", "2.0.0", Step.MAJOR, id="first number"),
        pytest.param("1.0", "1.0.1", Step.PATCH, id="a number more"),
        pytest.param("1", "1.1", Step.MINOR, id="a number more, the second"),
        pytest.param("1.2.0", "1.1", Step.MINOR, id="a number less"),
        pytest.param("1.9", "1.10", Step.MINOR, id="numbers, not letters"),
        pytest.param("2024.10.1", "2024.10.2", Step.PATCH, id="calendar, same month"),
        pytest.param("2024.10.1", "2024.11.1", Step.MINOR, id="calendar, next month"),
        pytest.param("2024.10.1", "2025.1.1", Step.MAJOR, id="calendar, next year"),
        pytest.param("2024.1", "1!2024.1", Step.MAJOR, id="epoch alone"),
        pytest.param("2024.1", "1!2024.1.1", Step.MAJOR, id="epoch before anything"),
        pytest.param("0!1.0.0", "1.0.1", Step.PATCH, id="epoch 0 is none"),
        pytest.param("1.0", "1.0.post1", Step.PATCH, id="post-release"),
        pytest.param("1.0.post1", "1.0.post2", Step.PATCH, id="next post-release"),
        pytest.param(
            "1.0.post1.dev1", "1.0.post1", Step.PATCH, id="out of a post-release's development"
        ),
        pytest.param("1.0rc1", "1.0", Step.MAJOR, id="out of a candidate of a major release"),
        pytest.param(
            "1.1.0rc1", "1.1.0rc2", Step.MINOR, id="between candidates of a minor release"
        ),
        pytest.param("1.1.1.dev3", "1.1.1", Step.PATCH, id="out of the development of a patch"),
        pytest.param("1.1.1", "1.1.2rc1", Step.PATCH, id="into a candidate of the next patch"),
        pytest.param("2.0", "2.0rc1", Step.MAJOR, id="back into a candidate"),
        pytest.param("1.0.dev1", "1.0.post1", Step.MAJOR, id="development to post-release"),
        pytest.param("0.0rc1", "0.0", Step.MAJOR, id="nothing but zeros"),
        pytest.param("2.6.0+cu124", "2.6.0+cu126", Step.LOCAL_VERSION, id="another local version"),
        pytest.param("2.6.0", "2.6.0+cu124", Step.LOCAL_VERSION, id="into a local version"),
        pytest.param("2.6+cu124", "2.6.0", Step.LOCAL_VERSION, id="out of one, written shorter"),
        pytest.param("2.6.0+cu124", "2.6.1+cu124", Step.PATCH, id="same local version"),
        pytest.param("2.6.0+cu124", "2.7.0+cu126", Step.MINOR, id="the release counts first"),
    ],
)
def test_steps_of_python_packages(before: str, after: str, step: Step) -> None:
    assert versions.measure_change("pypi", before, after).step is step


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        pytest.param(
            "2.36-9+deb12u13", "2.36-9+deb12u14", Step.DEBIAN_REVISION, id="stable update"
        ),
        pytest.param("5.2.15-2+b7", "5.2.15-2+b13", Step.DEBIAN_REVISION, id="built again"),
        pytest.param("1:2.38.1-5", "1:2.38.1-6", Step.DEBIAN_REVISION, id="revision, same epoch"),
        pytest.param(
            "12.4+deb12u15", "12.4+deb12u16", Step.DEBIAN_REVISION, id="native package's update"
        ),
        pytest.param(
            "20250419~deb12u1",
            "20250419~deb12u2",
            Step.DEBIAN_REVISION,
            id="native, brought to stable",
        ),
        pytest.param(
            "12.4", "12.4+deb12u1", Step.DEBIAN_REVISION, id="native package's first update"
        ),
        pytest.param("3.23", "3.23+nmu1", Step.DEBIAN_REVISION, id="somebody else's upload"),
        pytest.param("2.0", "2.0+b1", Step.DEBIAN_REVISION, id="native, built again"),
        pytest.param("5.3.28+dfsg1-1", "5.3.28+dfsg2-1", Step.DEBIAN_REVISION, id="packed again"),
        pytest.param(
            "1:1.2.13.dfsg-1", "1:1.2.13-1", Step.DEBIAN_REVISION, id="no longer packed again"
        ),
        pytest.param("0:1.0-1", "1.0-2", Step.DEBIAN_REVISION, id="epoch 0 is none"),
        pytest.param("3.0.22-1~deb12u2", "3.0.23-1~deb12u1", Step.PATCH, id="third number"),
        pytest.param("2026f-0+deb12u1", "2026g-0+deb12u1", Step.PATCH, id="a letter"),
        pytest.param(
            "1.1.1n-0+deb11u5", "1.1.1w-0+deb11u1", Step.PATCH, id="a letter after numbers"
        ),
        pytest.param("252.39-1~deb12u2", "252.40-1~deb12u1", Step.MINOR, id="second number"),
        pytest.param("3.134", "3.135", Step.MINOR, id="native"),
        pytest.param("5.36.0-7", "6.0.0-1", Step.MAJOR, id="first number"),
        pytest.param("20250419~deb12u1", "20260101~deb12u1", Step.MAJOR, id="a date"),
        pytest.param("1:2.3-1", "2:2.3-1", Step.MAJOR, id="epoch alone"),
        pytest.param("2.3-1", "1:2.3-2", Step.MAJOR, id="first epoch"),
        pytest.param("1.0~rc1-1", "1.0-1", Step.MAJOR, id="out of a candidate"),
        pytest.param("1.1~rc1-1", "1.1~rc2-1", Step.MINOR, id="between candidates"),
        pytest.param("5.6.1-1", "5.6.1+really5.4.5-1", Step.MINOR, id="really"),
        pytest.param(
            "5.6.1+really5.4.5-1",
            "5.6.1+really5.4.5-2",
            Step.DEBIAN_REVISION,
            id="really, the revision",
        ),
    ],
)
def test_steps_of_debian_packages(before: str, after: str, step: Step) -> None:
    assert versions.measure_change("deb", before, after).step is step


@pytest.mark.parametrize(
    ("kind", "before", "after", "downgrade"),
    [
        pytest.param(
            "deb", "5.6.1-1", "5.6.1+really5.4.5-1", True, id="really older, though it sorts higher"
        ),
        pytest.param("deb", "5.6.1+really5.4.5-1", "5.6.2-1", False, id="out of it again"),
        pytest.param("deb", "20200101-1", "1:1.0-1", False, id="a new epoch starts anew"),
        pytest.param("deb", "1:1.0-1", "20200101-1", True, id="an epoch lost"),
        pytest.param("deb", "1.0-1", "1.0-1~bpo12+1", True, id="backport"),
        pytest.param("pypi", "2024.1", "1!1.0", False, id="a new epoch of PyPI"),
        pytest.param("pypi", "2.6.0+cu126", "2.6.0+cu124", True, id="local version"),
    ],
)
def test_downgrades(kind: str, before: str, after: str, downgrade: bool) -> None:
    assert versions.measure_change(kind, before, after).downgrade is downgrade


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("pypi", "1.0", "1.0.0"),
        ("pypi", "1.0-1", "1.0.post1"),
        ("pypi", "v1.0RC1", "1.0rc1"),
        ("deb", "1.0", "0:1.0-0"),
    ],
)
def test_one_version_written_in_two_ways(kind: str, one: str, other: str) -> None:
    assert versions.compare_versions(kind, one, other) == 0


@pytest.mark.parametrize(
    ("fixed", "expected"),
    [
        pytest.param("2.2.2", True, id="installed now"),
        pytest.param("2.1.5", True, id="passed"),
        pytest.param("1.26.19, 2.2.2", True, id="one of two lines"),
        pytest.param("1.26.19,3.0", False, id="neither line"),
        pytest.param("2.1", False, id="had it before"),
        pytest.param("", False, id="no fix known"),
        pytest.param("see the advisory, 2.2.2", True, id="what cannot be read is passed over"),
        pytest.param("soon", False, id="what cannot be read proves nothing"),
    ],
)
def test_a_fix_is_reached_only_by_passing_it(fixed: str, expected: bool) -> None:
    assert versions.reaches_fix("pypi", "2.1", fixed, "2.2.2") is expected


@pytest.mark.parametrize(
    ("kind", "version"),
    [
        ("pypi", ""),
        ("pypi", "unknown"),
        ("pypi", "1.0-final-build"),
        ("pypi", "1.0+"),
        ("deb", ""),
        ("deb", "unknown"),
        ("deb", "v1.0"),
        ("deb", "1.0\n"),
        ("deb", "a:1.0"),
        ("deb", "1.0_1"),
    ],
)
def test_what_is_no_version_is_named(kind: str, version: str) -> None:
    with pytest.raises(EnvironmentFailed) as raised:
        versions.require_version(kind, "libx", version)
    shown = version.replace("\n", "\\n")
    assert raised.value.message == f"libx: `{shown}` is not a version of a {kind} package"


@pytest.mark.parametrize(
    ("kind", "version"), [(kind, one) for kind, ordered in ASCENDING.items() for one in ordered]
)
def test_what_is_a_version_passes(kind: str, version: str) -> None:
    versions.require_version(kind, "libx", version)


def test_a_kind_without_rules_is_an_error_with_a_way_out() -> None:
    with pytest.raises(
        ConfigError, match=r"stdlib v1\.22: no rules for versions of golang packages"
    ):
        versions.require_version("golang", "stdlib", "v1.22")


HOSTILE = (
    *("", " ", "rubbish", "latest", "1..2", "1.2.3-£", "²", "v", "1!", "1e5", "1.0\n", "\ud800"),
    *("9" * 5000, "1." * 5000 + "1", "1+" + "a" * 5000, "9" * 5000 + ":1", "1:" + "9" * 5000),
    *("9:arc:", "1:2:a", "0:1:2:~"),
)
"""Texts in the place of a version, as an image or a database may have them."""


def use_every_rule(kind: str, one: str, other: str) -> None:
    for text in (one, other):
        try:
            versions.require_version(kind, "name", text)
        except EnvironmentFailed as refusal:
            assert len(refusal.message) < 400
            return
    versions.compare_versions(kind, one, other)
    if versions.compare_versions(kind, one, other):
        versions.measure_change(kind, one, other)


@pytest.mark.parametrize("kind", ASCENDING)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_that_is_no_version_is_refused_or_used(kind: str, text: str) -> None:
    good = ASCENDING[kind][5]
    for one, other in ((text, good), (good, text), (text, text)):
        use_every_rule(kind, one, other)
    versions.reaches_fix(kind, good, f"{text}, {good}", good)


@given(st.sampled_from(sorted(ASCENDING)), st.text(max_size=300), st.from_regex(r"[0-9a-z.+~:!-]+"))
def test_no_text_ends_the_rules_in_an_error(kind: str, one: str, other: str) -> None:
    use_every_rule(kind, one, other)
    use_every_rule(kind, other, one)
    versions.reaches_fix(kind, ASCENDING[kind][0], f"{one},{other}", ASCENDING[kind][1])


def test_one_module_alone_reads_versions_of_others() -> None:
    """`Version(TEXT)` raises for most texts, so a scan asks for one that does not."""
    found = {
        path.name
        for path in Path(versions.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"Version", "NativeVersion"}
    }
    assert found == {"versions.py"}
