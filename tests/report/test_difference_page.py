"""The difference as release notes: what it says, that it says it in few words, and that foreign
text stays text.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from report import difference_page
from report.difference_page import LIMIT, render_difference
from report.difference_view import difference_view, summarize_difference
from runner import records
from scan.difference import Difference, LayerSize, Snapshot, compare_snapshots
from scan.record import Finding, Package, TriagedFinding, TriageStatus
from tests.report import samples

MEGA = 1_000_000


def package(kind: str, name: str, version: str, source: str = "", path: str = "x") -> Package:
    return Package(f"pkg:{kind}/{name}@{version}", kind, name, version, source, (), "", path)


def judged(advisory: str, about: Package, fixed: str, severity: str = "HIGH") -> TriagedFinding:
    finding = Finding(
        advisory, about.purl, about.name, about.version, fixed, severity, samples.HOSTILE, ""
    )
    return TriagedFinding(finding, TriageStatus.BLOCKS, "", "")


def layer(name: str, megabytes: int) -> LayerSize:
    return LayerSize(samples.digest(name), megabytes * MEGA)


JINJA, SSL, CRYPTO = (
    package("pypi", "Jinja2", "3.1.5"),
    package("deb", "libssl3", "3.0-1", "openssl"),
    package("deb", "openssl", "3.0-1", "openssl"),
)
NUMPY = package("pypi", "numpy", "2.0")
BEFORE = Snapshot(
    "v2.6.0",
    samples.digest("before"),
    (JINJA, SSL, CRYPTO, NUMPY),
    (judged("CVE-2026-1", JINJA, "3.1.6"), judged("CVE-2026-2", NUMPY, "")),
    (layer("torch", 700), layer("os", 30), layer("pool", 8)),
)
AFTER = Snapshot(
    "v2.6.1",
    samples.digest("after"),
    (
        package("pypi", "Jinja2", "3.1.6"),
        replace(SSL, version="3.0-2"),
        replace(CRYPTO, version="3.0-2"),
        package("pypi", "numpy", "1.9"),
        package("pypi", "rich", "15.0", path=""),
    ),
    (judged("CVE-2026-2", NUMPY, ""), judged("CVE-2026-3", NUMPY, "2.1", "CRITICAL")),
    (layer("torch", 700), layer("os, patched", 31), layer("pool", 8)),
)


def lines(text: str) -> list[str]:
    return text.splitlines()


def titles(text: str) -> list[str]:
    return [line.removeprefix("### ") for line in lines(text) if line.startswith("### ")]


def test_the_first_line_has_the_counts_and_the_megabytes() -> None:
    assert lines(render_difference(compare_snapshots(BEFORE, AFTER)))[0] == (
        "**v2.6.0 → v2.6.1**: 4 packages changed (1 for security, 1 downgraded), 1 added; "
        "advisories: 1 fixed, 1 new, 1 still open; 31.0 MB to pull of 739 MB (+1.00 MB)."
    )


def test_an_engine_that_pulls_more_is_told() -> None:
    said = (
        "An engine without a content store pulls 39.0 MB, because it pulls every layer above the "
        "first one that differs."
    )
    assert said in lines(render_difference(compare_snapshots(BEFORE, AFTER)))
    on_top = replace(BEFORE, layers=(*BEFORE.layers, layer("more", 5)))
    assert "content store" not in render_difference(compare_snapshots(BEFORE, on_top))


def test_nothing_changed_is_one_line() -> None:
    same = replace(BEFORE, findings=())
    assert render_difference(compare_snapshots(same, same)) == (
        "**v2.6.0 → v2.6.0**: no package changed; no advisories before or after; 0 B to pull of "
        "738 MB (no growth).\n"
    )


def test_a_smaller_image_has_a_minus() -> None:
    smaller = replace(BEFORE, layers=BEFORE.layers[:2])
    assert summarize_difference(compare_snapshots(BEFORE, smaller)).endswith(
        "; 0 B to pull of 730 MB (-8.00 MB)."
    )


def test_only_tables_that_are_not_empty() -> None:
    text = render_difference(compare_snapshots(BEFORE, AFTER))
    assert titles(text) == [
        "Changed packages",
        "Added packages",
        "Advisories fixed",
        "New advisories",
        "Layers",
    ]
    assert "<details><summary>Advisories still open</summary>" in lines(text)
    assert "\n\n\n" not in text


def test_changes_that_need_a_look_come_first_and_those_of_one_source_together() -> None:
    table = [
        line
        for line in lines(render_difference(compare_snapshots(BEFORE, AFTER)))
        if line.startswith("| `")
    ][:3]
    assert table == [
        "| `numpy` (Python) | `2.0` | `1.9` | **downgrade**, major |",
        "| `jinja2` (Python) | `3.1.5` | `3.1.6` | security, patch: CVE-2026-1 |",
        "| `libssl3` `openssl` (Debian) | `3.0-1` | `3.0-2` | debian revision |",
    ]


def test_what_moves_apart_is_not_put_together() -> None:
    after = replace(
        AFTER,
        packages=(JINJA, replace(SSL, version="3.0-2"), replace(CRYPTO, version="3.0-3"), NUMPY),
    )
    rows = difference_view(compare_snapshots(BEFORE, after)).changed
    assert [(row.packages, row.after) for row in rows] == [
        (("libssl3",), "3.0-2"),
        (("openssl",), "3.0-3"),
    ]


def test_a_further_copy_is_told_from_a_new_package() -> None:
    own, vendored = package("pypi", "rich", "15.1"), package("pypi", "rich", "15.0", path="")
    had = replace(BEFORE, packages=(JINJA, vendored))
    text = render_difference(
        compare_snapshots(had, replace(BEFORE, packages=(JINJA, vendored, own)))
    )
    assert "| `rich` | `15.1` beside `15.0` | Python |" in lines(text)
    assert "| `rich` | `15.0` | vendored |" in lines(
        render_difference(compare_snapshots(BEFORE, AFTER))
    )


@pytest.mark.parametrize("side", ["before", "after"])
def test_not_assessed_is_said_and_never_looks_like_none(side: str) -> None:
    before, after = (replace(each, findings=None) if name == side else each for name, each in SIDES)
    text = render_difference(compare_snapshots(before, after))
    assert "; advisories not assessed; " in lines(text)[0]
    assert "> **Advisories: not assessed.**" in text
    assert not [title for title in titles(text) if "dvisories" in title]


SIDES = (("before", BEFORE), ("after", AFTER))


def test_a_withdrawn_advisory_is_not_called_fixed() -> None:
    text = render_difference(
        compare_snapshots(BEFORE, replace(BEFORE, version="v2.6.1", findings=()))
    )
    assert "advisories: 2 withdrawn;" in lines(text)[0]
    assert "Advisories fixed" not in titles(text)


def test_one_advisory_on_packages_of_one_source_is_one_row() -> None:
    both = (judged("CVE-7", SSL, "3.0-2"), judged("CVE-7", CRYPTO, "3.0-2"))
    text = render_difference(
        compare_snapshots(replace(BEFORE, findings=both), replace(AFTER, findings=()))
    )
    assert "| CVE-7 | high | `libssl3` `openssl` | `3.0-1` | `3.0-2` |" in lines(text)
    assert "advisories: 1 fixed;" in lines(text)[0]


def test_foreign_text_stays_text() -> None:
    hostile = package("deb", samples.HOSTILE, "1-1")
    after = replace(AFTER, version="<b>|", packages=(*AFTER.packages, hostile))
    text = render_difference(compare_snapshots(BEFORE, after))
    assert "<script>" not in text
    assert "<b>" not in text
    (row,) = [line for line in lines(text) if "alert(1)" in line]
    assert row.count("|") == 4, "three cells, the pipe inside the name is escaped"
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(("letters", "shown"), [(10, 1000), (200, 200), (295, 200)])
def test_a_table_that_is_too_long_is_cut_and_says_so(letters: int, shown: int) -> None:
    many = tuple(package("deb", f"{'x' * letters}{number}", "1.0-1") for number in range(2000))
    text = render_difference(compare_snapshots(BEFORE, replace(AFTER, packages=many)))
    assert len(text) <= LIMIT
    assert f"… and {2000 - shown} more, in `difference.json`." in lines(text)


def test_the_files_hold_the_same_difference(tmp_path: Path) -> None:
    found = compare_snapshots(BEFORE, AFTER)
    data, summary = difference_page.write_difference(tmp_path, found)
    assert (data.name, summary.name) == ("difference.json", "difference.md")
    assert records.read_record(Difference, data) == found
    assert summary.read_text() == render_difference(found)
