"""Difference between two releases; a part that cannot be compared is never called unchanged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from runner import records
from runner.errors import ConfigError, EnvironmentFailed
from scan.difference import (
    Difference,
    LayerSize,
    PackageChange,
    PackagePresence,
    Snapshot,
    compare_snapshots,
)
from scan.record import Finding, Package, TriagedFinding, TriageStatus
from scan.versions import Step

LAYERS = (LayerSize("sha256:torch", 700), LayerSize("sha256:os", 30), LayerSize("sha256:pool", 8))
VERSIONS = {"pypi": ("3.1.5", "3.1.6"), "deb": ("3.0.22-1", "3.0.22-2")}


def python(name: str, version: str, path: str = "site-packages/METADATA") -> Package:
    return Package(
        f"pkg:pypi/{name.lower()}@{version}", "pypi", name, version, "", ("MIT",), "", path
    )


def debian(name: str, version: str, source: str = "") -> Package:
    return Package(f"pkg:deb/debian/{name}@{version}", "deb", name, version, source or name, (), "")


def judged(
    advisory: str, package: Package, fixed: str = "", standing: TriageStatus = TriageStatus.BLOCKS
) -> TriagedFinding:
    finding = Finding(
        advisory,
        package.purl,
        package.name,
        package.version,
        fixed,
        "HIGH",
        "a title",
        "2026-11-01",
    )
    return TriagedFinding(finding, standing, "", "")


def contents(
    *packages: Package,
    findings: tuple[TriagedFinding, ...] | None = (),
    layers: tuple[LayerSize, ...] = LAYERS,
) -> Snapshot:
    return Snapshot("v2.6.0", "sha256:0", packages, findings, layers)


def between(before: tuple[Package, ...], after: tuple[Package, ...]) -> Difference:
    """Of two lists of packages, judged and clean."""
    return compare_snapshots(contents(*before), contents(*after))


def only(found: Difference) -> PackageChange:
    """The one change, where nothing came or went."""
    assert (found.added, found.removed) == ((), ())
    (change,) = found.changed
    return change


def moved(found: Difference) -> list[tuple[str, str, str]]:
    return [(change.name, change.before, change.after) for change in found.changed]


def listed(presences: tuple[PackagePresence, ...]) -> list[tuple[str, str]]:
    return [(presence.package.name, presence.package.version) for presence in presences]


def ids(found: tuple[TriagedFinding, ...]) -> list[tuple[str, str]]:
    return [(each.finding.id, each.finding.package) for each in found]


def test_the_same_release_twice_differs_in_nothing() -> None:
    one = contents(python("torch", "2.6.0"), debian("libc6", "2.36-9"), findings=())
    found = compare_snapshots(one, one)
    assert (found.added, found.removed, found.changed) == ((), (), ())
    assert (
        found.layers.added,
        found.layers.removed,
        found.layers.pull_bytes,
        found.layers.growth_bytes,
    ) == (
        (),
        (),
        0,
        0,
    )


def test_both_releases_are_named_by_version_and_digest() -> None:
    after = replace(contents(python("torch", "2.6.0")), version="v2.6.1", digest="sha256:1")
    found = compare_snapshots(contents(python("torch", "2.6.0")), after)
    assert (found.before.version, found.before.digest) == ("v2.6.0", "sha256:0")
    assert (found.after.version, found.after.digest) == ("v2.6.1", "sha256:1")


def test_packages_that_came_went_and_moved() -> None:
    found = between(
        (python("torch", "2.6.0"), python("six", "1.0"), debian("tini", "0.19-1")),
        (python("torch", "2.6.0"), python("rich", "15.0"), debian("tini", "0.19-2")),
    )
    assert listed(found.added) == [("rich", "15.0")]
    assert listed(found.removed) == [("six", "1.0")]
    assert found.changed == (
        PackageChange(
            "deb",
            "tini",
            "tini",
            False,
            "0.19-1",
            "0.19-2",
            "debian revision",
            Step.DEBIAN_REVISION,
            False,
            (),
        ),
    )


@pytest.mark.parametrize("other", ["typing-extensions", "Typing.Extensions", "TYPING__extensions"])
def test_names_of_python_packages_are_normalised(other: str) -> None:
    assert between((python("typing_extensions", "4.0"),), (python(other, "4.0"),)).changed == ()
    assert (
        only(between((python("typing_extensions", "4.0"),), (python(other, "4.0.1"),))).name
        == "typing-extensions"
    )


def test_names_of_debian_packages_are_not() -> None:
    found = between((debian("python3.11", "3.11.2-6"),), (debian("python3-11", "3.11.2-6"),))
    assert (listed(found.added), listed(found.removed)) == (
        [("python3-11", "3.11.2-6")],
        [("python3.11", "3.11.2-6")],
    )


def test_one_name_in_two_ecosystems_is_two_packages() -> None:
    found = between(
        (debian("tzdata", "2026f-0"), python("tzdata", "2026.5")), (python("tzdata", "2026.6"),)
    )
    assert listed(found.removed) == [("tzdata", "2026f-0")]
    assert moved(found) == [("tzdata", "2026.5", "2026.6")]


def test_one_version_written_in_two_ways_is_no_change() -> None:
    assert between((python("rich", "15.0"),), (python("rich", "15.0.0"),)).changed == ()


def test_packages_of_one_source_are_each_listed() -> None:
    before, after = (
        tuple(debian(name, version, "glibc") for name in ("libc6", "libc-bin"))
        for version in ("2.36-9+deb12u13", "2.36-9+deb12u14")
    )
    found = between(before, after)
    assert [(change.name, change.source) for change in found.changed] == [
        ("libc-bin", "glibc"),
        ("libc6", "glibc"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        pytest.param(python("jinja2", "3.1.6"), python("jinja2", "3.1.5"), Step.PATCH, id="PyPI"),
        pytest.param(
            debian("libc6", "2.36-9+deb12u14"),
            debian("libc6", "2.36-9+deb12u3"),
            Step.DEBIAN_REVISION,
            id="deb",
        ),
    ],
)
def test_a_downgrade_is_visible(before: Package, after: Package, step: Step) -> None:
    change = only(between((before,), (after,)))
    assert (change.downgrade, change.step) == (True, step)
    assert not only(between((after,), (before,))).downgrade


@pytest.mark.parametrize(
    ("before", "after", "changed", "added", "removed"),
    [
        pytest.param("1.0 2.0", "1.0 2.0", [], [], [], id="the same two"),
        pytest.param("2.0 1.0", "1.0 2.0", [], [], [], id="in another order"),
        pytest.param("1.0 2.0", "1.0 2.1", [("2.0", "2.1")], [], [], id="one moved"),
        pytest.param(
            "1.0 2.0", "2.1 1.1", [("2.0", "2.1"), ("1.0", "1.1")], [], [], id="both moved"
        ),
        pytest.param("1.0", "1.0 2.0", [], ["2.0"], [], id="another version came"),
        pytest.param("1.0", "1.0 1.0", [], ["1.0"], [], id="a second copy came"),
        pytest.param("1.0 1.0", "1.0", [], [], ["1.0"], id="a second copy went"),
        pytest.param("1.0 1.0", "1.1 1.0", [("1.0", "1.1")], [], [], id="one of two copies moved"),
        pytest.param("1.0 2.0", "2.1", [("2.0", "2.1")], [], ["1.0"], id="one moved, one went"),
        pytest.param("3.0", "1.0 2.0", [("3.0", "2.0")], ["1.0"], [], id="both older than the one"),
        pytest.param("9.0", "10.0 9.5", [("9.0", "10.0")], ["9.5"], [], id="numbers, not letters"),
    ],
)
def test_several_versions_of_one_name_hide_nothing(
    before: str, after: str, changed: list[tuple[str, str]], added: list[str], removed: list[str]
) -> None:
    found = between(
        *(tuple(python("rich", version) for version in text.split()) for text in (before, after))
    )
    assert [(change.before, change.after) for change in found.changed] == changed
    assert [version for _, version in listed(found.added)] == added
    assert [version for _, version in listed(found.removed)] == removed


def test_a_copy_inside_a_wheel_moves_apart_from_the_package_itself() -> None:
    own, vendored = python("rich", "15.0"), python("rich", "15.0", path="")
    found = between((own, vendored), (own, python("rich", "15.1", path="")))
    assert only(found).vendored
    swapped = between((own, vendored), (python("rich", "15.1"), vendored))
    assert not only(swapped).vendored


def test_a_further_copy_says_what_it_is_beside() -> None:
    vendored, own = python("rich", "15.0", path=""), python("rich", "15.1")
    (came,) = between((vendored,), (vendored, own)).added
    assert (came.vendored, came.beside) == (False, ("15.0",))
    (went,) = between((vendored, own), (own,)).removed
    assert (went.vendored, went.beside) == (True, ("15.1",))
    (new,) = between((python("torch", "2.6.0"),), (python("torch", "2.6.0"), own)).added
    assert new.beside == ()


@pytest.mark.parametrize("side", ["before", "after"])
@pytest.mark.parametrize("what", ["packages", "layers"])
def test_an_empty_list_is_an_error_and_names_the_release(side: str, what: str) -> None:
    whole = contents(python("torch", "2.6.0"))
    named = replace(whole, version="v9.9.9")
    empty = replace(named, packages=()) if what == "packages" else replace(named, layers=())
    with pytest.raises(EnvironmentFailed, match=rf"v9\.9\.9 \(sha256:0\) lists no {what}"):
        compare_snapshots(*((empty, whole) if side == "before" else (whole, empty)))


@pytest.mark.parametrize("side", ["before", "after", "both"])
@pytest.mark.parametrize("wrong", [python("rich", "unknown"), debian("libx", "")])
def test_an_unparsable_version_is_an_error_even_where_it_did_not_change(
    side: str, wrong: Package
) -> None:
    good = contents(python("torch", "2.6.0"))
    bad = contents(python("torch", "2.6.0"), wrong)
    with pytest.raises(
        EnvironmentFailed, match=rf"v2\.6\.0: {wrong.name}: `{wrong.version}` is not a version"
    ):
        compare_snapshots(good if side == "after" else bad, good if side == "before" else bad)


def test_a_kind_of_package_that_nothing_can_compare_is_an_error() -> None:
    other = Package("pkg:golang/stdlib@v1.22", "golang", "stdlib", "v1.22", "", (), "")
    with pytest.raises(
        ConfigError, match=r"v2\.6\.0: stdlib v1\.22: no rules for versions of golang packages"
    ):
        between((other,), (other,))


@pytest.mark.parametrize(("make", "kind"), [(python, "pypi"), (debian, "deb")])
def test_a_change_that_ends_an_advisory_is_for_security(
    make: Callable[[str, str], Package], kind: str
) -> None:
    old, new = (make("libx", version) for version in VERSIONS[kind])
    findings = (judged("CVE-2026-2", old, new.version), judged("CVE-2026-1", old, new.version))
    change = only(compare_snapshots(contents(old, findings=findings), contents(new)))
    assert (change.how, change.security) == ("security", ("CVE-2026-1", "CVE-2026-2"))
    assert change.step in (Step.PATCH, Step.DEBIAN_REVISION)


def test_security_does_not_hide_how_far_a_package_moved() -> None:
    old, new = python("Jinja2", "3.1.6"), python("jinja2", "4.0")
    change = only(
        compare_snapshots(contents(old, findings=(judged("CVE-1", old, "4.0"),)), contents(new))
    )
    assert (change.how, change.step, change.security) == ("security", Step.MAJOR, ("CVE-1",))


OLD, NEW = python("urllib3", "2.1"), python("urllib3", "2.2")


@pytest.mark.parametrize(
    ("finding", "still"),
    [
        pytest.param(judged("CVE-1", OLD, "2.2"), (judged("CVE-1", NEW, "2.3"),), id="still open"),
        pytest.param(judged("CVE-1", OLD, "2.3"), (), id="fixed only later"),
        pytest.param(judged("CVE-1", OLD, "2.1"), (), id="fixed before"),
        pytest.param(judged("CVE-1", OLD, ""), (), id="no fix known"),
        pytest.param(judged("CVE-1", python("idna", "3.0"), "3.1"), (), id="another package"),
        pytest.param(judged("CVE-1", debian("urllib3", "2.1"), "2.2"), (), id="another ecosystem"),
    ],
)
def test_a_change_that_is_not_the_reason_is_not_for_security(
    finding: TriagedFinding, still: tuple[TriagedFinding, ...]
) -> None:
    change = only(
        compare_snapshots(contents(OLD, findings=(finding,)), contents(NEW, findings=still))
    )
    assert (change.how, change.security) == ("minor", ())


def test_a_downgrade_below_an_advisory_is_not_for_security() -> None:
    change = only(
        compare_snapshots(contents(NEW, findings=(judged("CVE-1", NEW, "2.3"),)), contents(OLD))
    )
    assert (change.how, change.downgrade) == ("minor", True)


@pytest.mark.parametrize(("before", "after"), [(None, ()), ((), None), (None, None)])
def test_what_was_not_assessed_is_none_and_never_empty(
    before: tuple[TriagedFinding, ...] | None, after: tuple[TriagedFinding, ...] | None
) -> None:
    found = compare_snapshots(contents(OLD, findings=before), contents(NEW, findings=after))
    assert found.advisories is None
    assert (only(found).security, only(found).how) == (None, "minor")


def test_advisories_fixed_new_open_and_withdrawn() -> None:
    idna, gone = python("idna", "3.0"), python("six", "1.0")
    before = (
        judged("CVE-1", OLD, "2.2"),
        judged("CVE-2", OLD),
        judged("CVE-3", idna),
        judged("CVE-4", gone),
        judged("CVE-5", idna),
    )
    after = (
        judged("CVE-2", NEW, standing=TriageStatus.UNFIXED),
        judged("CVE-6", NEW),
        judged("CVE-3", idna),
    )
    found = compare_snapshots(
        contents(OLD, idna, gone, findings=before), contents(NEW, idna, findings=after)
    ).advisories
    assert found is not None
    assert ids(found.fixed) == [("CVE-1", "urllib3"), ("CVE-4", "six")]
    assert ids(found.new) == [("CVE-6", "urllib3")]
    assert ids(found.open) == [("CVE-2", "urllib3"), ("CVE-3", "idna")]
    assert ids(found.withdrawn) == [("CVE-5", "idna")]
    assert found.open[0].standing is TriageStatus.UNFIXED, (
        "of the release after, as it stands there"
    )


def test_one_advisory_counts_by_package() -> None:
    before = (judged("CVE-1", OLD, "2.2"), judged("CVE-1", python("pip", "1.0")))
    after = (judged("CVE-1", python("pip", "1.0")),)
    pip = python("pip", "1.0")
    found = compare_snapshots(
        contents(OLD, pip, findings=before), contents(NEW, pip, findings=after)
    )
    assert found.advisories is not None
    assert (ids(found.advisories.fixed), ids(found.advisories.open)) == (
        [("CVE-1", "urllib3")],
        [("CVE-1", "pip")],
    )
    assert [change.security for change in found.changed] == [("CVE-1",)]


def test_an_advisory_that_one_of_two_copies_still_has_is_open() -> None:
    vendored = python("urllib3", "2.1", path="")
    before = (judged("CVE-1", OLD, "2.2"), judged("CVE-1", vendored, "2.2"))
    after = (judged("CVE-1", vendored, "2.2"),)
    found = compare_snapshots(
        contents(OLD, vendored, findings=before), contents(NEW, vendored, findings=after)
    )
    assert found.advisories is not None
    assert (ids(found.advisories.fixed), ids(found.advisories.open)) == ([], [("CVE-1", "urllib3")])
    assert only(found).how == "minor"


def test_a_finding_told_twice_counts_once() -> None:
    twice = (judged("CVE-1", OLD), judged("CVE-1", OLD))
    found = compare_snapshots(contents(OLD, findings=()), contents(OLD, findings=twice)).advisories
    assert found is not None
    assert ids(found.new) == [("CVE-1", "urllib3")]


def test_layers_and_what_has_to_be_pulled() -> None:
    torch, os, pool = LAYERS
    patched = LayerSize("sha256:os-2", 31)
    found = compare_snapshots(contents(OLD), contents(OLD, layers=(torch, patched, pool))).layers
    assert (found.added, found.removed) == ((patched,), (os,))
    assert (found.pull_bytes, found.chain_bytes) == (31, 39)
    assert (found.before_bytes, found.after_bytes, found.growth_bytes) == (738, 739, 1)


@pytest.mark.parametrize(
    ("after", "pull", "chain", "growth"),
    [
        pytest.param(LAYERS[:2], 0, 0, -8, id="one less"),
        pytest.param((*LAYERS, LayerSize("sha256:new", 5)), 5, 5, 5, id="one more on top"),
        pytest.param((LayerSize("sha256:new", 5), *LAYERS), 5, 743, 5, id="one more below"),
        pytest.param(LAYERS[::-1], 0, 738, 0, id="in another order"),
        pytest.param((*LAYERS, LAYERS[0]), 0, 700, 0, id="one twice"),
        pytest.param((*LAYERS, *[LayerSize("sha256:new", 5)] * 2), 5, 5, 5, id="a new one twice"),
        pytest.param((LayerSize("sha256:new", 5),), 5, 5, -733, id="nothing shared"),
    ],
)
def test_bytes_of_layers(after: tuple[LayerSize, ...], pull: int, chain: int, growth: int) -> None:
    found = compare_snapshots(contents(OLD), contents(OLD, layers=after)).layers
    assert (found.pull_bytes, found.chain_bytes, found.growth_bytes) == (pull, chain, growth)


def test_the_record_is_the_same_after_it_was_written_and_read() -> None:
    before = contents(OLD, python("six", "1.0"), findings=(judged("CVE-1", OLD, "2.2"),))
    for after in (contents(NEW, debian("tini", "1")), contents(NEW, findings=None)):
        found = compare_snapshots(before, after)
        assert records.from_json(Difference, records.to_json(found), "difference.json") == found
