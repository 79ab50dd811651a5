"""The vulnerability database: the reader against the writer of the tests, and both against
Trivy.
"""

from __future__ import annotations

import json
import random
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from runner import shell
from runner.errors import ConfigError
from scan import database
from scan.database import HINT
from tests.fakes.cyclonedx import sbom
from tests.fakes.trivy_db import (
    DEBIAN_SOURCE,
    PAGE_BYTES,
    PIP,
    DebianAdvisory,
    PipAdvisory,
    Tree,
    Vulnerability,
    bolt,
    write,
)

OPENSSL = DebianAdvisory("CVE-2026-1", "openssl", "3.0.13-1~deb12u1")
JINJA2 = PipAdvisory("CVE-2026-2", "jinja2", ("< 3.1.5",), ("3.1.5",))
TRIVY = Path(sys.executable).parent / "trivy"
EOL_EXIT = 42

SHAPES: dict[str, Tree] = {
    "nothing": {},
    "an empty bucket": {"a": {}},
    "inline buckets": {"a": {"k": b"v", "empty": b""}, "b": {"k": b"w"}},
    "a bucket of buckets": {"a": {"b": {"c": {"k": b"v"}}}},
    "hundreds of keys": {"a": {f"key {number}": b"%d" % number * 9 for number in range(700)}},
    "hundreds of buckets": {
        "a": {f"package {number}": {f"id {number}": b"v"} for number in range(700)}
    },
    "values over several pages": {
        "a": {f"k{number}": bytes([number]) * number * 3000 for number in range(9)}
    },
    "keys that are not ASCII": {"ä": {"ö": b"v", "z": b"w", "\N{SNOWMAN}": b"x"}},
}


def made(folder: Path, tree: Tree) -> Path:
    path = folder / "trivy.db"
    path.write_bytes(bolt(tree))
    return path


def content(file: database.BoltFile, *path: str) -> dict[str, Any]:
    """All that is in a bucket, as the tree it was written from."""
    found = {name: file.get_value(*path, name) for name in file.list_names(*path)}
    return {
        name: content(file, *path, name) if value is None else value
        for name, value in found.items()
    }


@pytest.mark.parametrize("shape", SHAPES)
def test_what_was_written_is_read(shape: str, tmp_path: Path) -> None:
    with database.open_database(made(tmp_path, SHAPES[shape])) as file:
        assert content(file) == SHAPES[shape]


def test_names_come_in_order(tmp_path: Path) -> None:
    tree = SHAPES["hundreds of keys"]
    with database.open_database(made(tmp_path, tree)) as file:
        assert list(file.list_names("a")) == sorted(tree["a"])


def test_a_tree_of_three_levels(tmp_path: Path) -> None:
    keys = [f"CVE-2026-{number:05}" for number in range(20_000)]
    with database.open_database(made(tmp_path, {"a": {key: key.encode() for key in keys}})) as file:
        assert list(file.list_names("a")) == keys
        assert all(file.get_value("a", key) == key.encode() for key in keys[::97])


@pytest.mark.parametrize(
    "path", [("b",), ("a", "key"), ("a", "key 1000"), ("a", " "), ("a", "~"), ("a", "key 1", "x")]
)
def test_what_is_not_there(path: tuple[str, ...], tmp_path: Path) -> None:
    with database.open_database(made(tmp_path, SHAPES["hundreds of keys"])) as file:
        assert not file.has_key(*path)
        assert file.get_value(*path) is None
        assert list(file.list_names(*path)) == []


def test_a_bucket_is_there_and_has_no_value(tmp_path: Path) -> None:
    with database.open_database(made(tmp_path, SHAPES["inline buckets"])) as file:
        assert file.has_key("a")
        assert file.get_value("a") is None
        assert file.get_value("a", "empty") == b""


@pytest.mark.parametrize(
    ("data", "value"),
    [(b"", 0xCBF29CE484222325), (b"a", 0xAF63DC4C8601EC8C), (b"foobar", 0x85944171F73967E8)],
)
def test_the_checksum_is_fnv1a(data: bytes, value: int) -> None:
    assert database.fnv1a(data) == value


WHOLE = bolt(SHAPES["hundreds of keys"])


def meta(raw: bytes, page: int, **changes: int) -> bytes:
    """The file with other fields in the meta page `page`, its checksum right again unless it is
    changed too.
    """
    names = (
        "magic",
        "version",
        "page_size",
        "flags",
        "root",
        "sequence",
        "freelist",
        "pages",
        "transaction",
    )
    at = page * PAGE_BYTES + 16
    fields = dict(zip(names, struct.unpack_from("<4I5Q", raw, at), strict=True))
    fields.update({name: value for name, value in changes.items() if name != "checksum"})
    said = struct.pack("<4I5Q", *fields.values())
    checksum = changes.get("checksum", database.fnv1a(said))
    return raw[:at] + said + struct.pack("<Q", checksum) + raw[at + 64 :]


def both(raw: bytes, **changes: int) -> bytes:
    return meta(meta(raw, 0, **changes), 1, **changes)


FOREIGN = {
    "empty": (b"", "is empty"),
    "a few bytes": (b"SQLite", "is not a vulnerability database"),
    "another format": (b"SQLite format 3\0" * 4096, "is not a vulnerability database"),
    "zeros": (bytes(4 * PAGE_BYTES), "is not a vulnerability database"),
    "another version": (both(WHOLE, version=3), "is not a vulnerability database"),
    "wrong checksums": (both(WHOLE, checksum=1), "is not a vulnerability database"),
    "cut in the meta page": (WHOLE[:50], "is not a vulnerability database"),
    "the meta pages alone": (WHOLE[: 2 * PAGE_BYTES], "is truncated"),
    "without its last byte": (WHOLE[:-1], "is truncated"),
    "root out of the file": (
        both(WHOLE, root=10**12),
        "is damaged: page 1000000000000 is not there",
    ),
    "root on the free list": (
        both(WHOLE, root=2),
        "is damaged: at byte 8192 there is no page of a tree",
    ),
}


@pytest.mark.parametrize("defect", FOREIGN)
def test_a_file_that_is_no_whole_database_is_refused(defect: str, tmp_path: Path) -> None:
    raw, message = FOREIGN[defect]
    path = tmp_path / "trivy.db"
    path.write_bytes(raw)
    with pytest.raises(ConfigError, match=message) as refusal:
        database.knows_advisory(path, "CVE-2026-1")
    assert str(path) in refusal.value.message
    assert refusal.value.hint == HINT


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere: No such file"):
        database.find_sources(tmp_path / "nowhere", "debian 12.15")


@pytest.mark.parametrize("good", [0, 1])
@pytest.mark.parametrize("other", [{"checksum": 1}, {"transaction": 6, "root": 10**12}])
def test_the_later_whole_meta_page_counts(good: int, other: dict[str, int], tmp_path: Path) -> None:
    path = tmp_path / "trivy.db"
    path.write_bytes(meta(meta(WHOLE, good, transaction=7), 1 - good, **other))
    with database.open_database(path) as file:
        assert list(file.list_names()) == ["a"]


def test_what_looks_like_a_meta_page_further_on_is_none(tmp_path: Path) -> None:
    """Bytes left behind, or a value, where a file of larger pages would have its second one."""
    path = tmp_path / "trivy.db"
    path.write_bytes(
        WHOLE.ljust(64 * 1024, b"\0") + meta(WHOLE, 0, transaction=7, root=10**12)[:PAGE_BYTES]
    )
    with database.open_database(path) as file:
        assert list(file.list_names()) == ["a"]


def test_pages_that_lead_in_a_circle(tmp_path: Path) -> None:
    """The root becomes a branch whose one child is itself."""
    with database.open_database(made(tmp_path, SHAPES["hundreds of keys"])) as file:
        root = file.root
    branch = struct.pack("<QHHI", root, 1, 1, 0) + struct.pack("<IIQ", 16, 1, root) + b"a"
    path = tmp_path / "circle.db"
    path.write_bytes(
        WHOLE[: root * PAGE_BYTES]
        + branch.ljust(PAGE_BYTES, b"\0")
        + WHOLE[(root + 1) * PAGE_BYTES :]
    )
    with database.open_database(path) as file:
        for reading in (lambda: file.has_key("a"), lambda: list(file.list_names())):
            with pytest.raises(ConfigError, match="form a cycle"):
                reading()


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_file_is_read_or_refused_and_nothing_else(seed: int, tmp_path: Path) -> None:
    """One byte in each page's header and first entries is another: no traceback, no endless
    loop.
    """
    chance, raw = random.Random(seed), bytearray(WHOLE)  # noqa: S311 - which bytes is no secret
    for page in range(2, len(raw) // PAGE_BYTES):
        raw[page * PAGE_BYTES + chance.randrange(64)] = chance.randrange(256)
    path = tmp_path / "trivy.db"
    path.write_bytes(raw)
    with database.open_database(path) as file:
        for reading in (
            lambda: list(file.list_names("a")),
            lambda: file.get_value("a", "key 1"),
            lambda: file.has_key("a", "~"),
        ):
            with suppress(ConfigError):
                reading()


ASSESSED = {
    "both": (
        "debian 12.15",
        {"deb": "Debian Security Tracker", "pypi": "GitHub Security Advisory Pip"},
    ),
    "a version without a point": (
        "debian 12",
        {"deb": "Debian Security Tracker", "pypi": "GitHub Security Advisory Pip"},
    ),
    "a release nobody wrote of": ("debian 11.11", {"pypi": "GitHub Security Advisory Pip"}),
    "a release that begins alike": ("debian 1", {"pypi": "GitHub Security Advisory Pip"}),
    "another distribution": ("wolfi 12.15", {"pypi": "GitHub Security Advisory Pip"}),
    "none": ("", {"pypi": "GitHub Security Advisory Pip"}),
}


@pytest.mark.parametrize("case", ASSESSED)
def test_who_can_judge(case: str, tmp_path: Path) -> None:
    distribution, sources = ASSESSED[case]
    assert database.find_sources(write(tmp_path, [OPENSSL, JINJA2]), distribution) == sources


@pytest.mark.parametrize(
    ("advisories", "kinds"),
    [([OPENSSL], {"deb"}), ([JINJA2], {"pypi"}), ([], set()), ([OPENSSL, JINJA2], {"deb", "pypi"})],
)
def test_a_missing_bucket_is_no_source(
    advisories: list[DebianAdvisory | PipAdvisory], kinds: set[str], tmp_path: Path
) -> None:
    assert set(database.find_sources(write(tmp_path, advisories), "debian 12.15")) == kinds


def test_an_empty_bucket_is_no_source(tmp_path: Path) -> None:
    assert database.find_sources(made(tmp_path, {"debian 12": {}, PIP: {}}), "debian 12.15") == {}


def test_a_source_without_a_name_goes_by_its_bucket_and_all_of_pip_count(tmp_path: Path) -> None:
    tree: Tree = {
        "debian 12": {"bash": {"CVE-2026-1": b"{}"}},
        PIP: {"jinja2": {"CVE-2026-2": b"{}"}},
        "pip::Open Source Vulnerability": {"jinja2": {"CVE-2026-2": b"{}"}},
        "data-source": {"pip::Open Source Vulnerability": b'{"ID": "osv", "Name": "OSV"}'},
    }
    assert database.find_sources(made(tmp_path, tree), "debian 12.15") == {
        "deb": "debian 12",
        "pypi": f"{PIP}, OSV",
    }


@pytest.mark.parametrize("said", [b"{", b"[]", b"\xff"])
def test_a_source_that_cannot_be_read_is_damage(said: bytes, tmp_path: Path) -> None:
    path = made(
        tmp_path, {"debian 12": {"bash": {"CVE-2026-1": b"{}"}}, "data-source": {"debian 12": said}}
    )
    with pytest.raises(ConfigError, match="the source of `debian 12` cannot be read"):
        database.find_sources(path, "debian 12.15")


@pytest.mark.parametrize(
    ("name", "known"), [("CVE-2026-1", True), ("CVE-2026-2", True), ("CVE-2026-3", False)]
)
def test_which_advisories_are_known(name: str, known: bool, tmp_path: Path) -> None:
    assert database.knows_advisory(write(tmp_path, [OPENSSL, JINJA2]), name) is known


def judged(
    folder: Path, distribution: str = "12.15", codes: tuple[int, ...] = (0,)
) -> dict[str, Any]:
    """What Trivy says of openssl, bash, jinja2 and torch with the database in `folder`/db."""
    (folder / "sbom.json").write_text(json.dumps(sbom(distribution)))
    command: list[str | Path] = [TRIVY, "sbom", "--quiet", "--scanners", "vuln", "--format", "json"]
    command += [
        "--cache-dir",
        folder,
        "--skip-db-update",
        "--skip-java-db-update",
        "--skip-vex-repo-update",
    ]
    command += [
        "--exit-on-eol",
        str(EOL_EXIT),
        "--output",
        folder / "out.json",
        folder / "sbom.json",
    ]
    shell.run(command, hint="make setup", timeout_s=60, ok_codes=codes)
    answer: dict[str, Any] = json.loads((folder / "out.json").read_text())
    return answer


def findings(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    results = answer.get("Results", [])
    return {
        found["VulnerabilityID"]: found
        for each in results
        for found in each.get("Vulnerabilities", [])
    }


FOUND: dict[str, tuple[DebianAdvisory | PipAdvisory, tuple[str | None, str] | None]] = {
    "fixed in Debian": (OPENSSL, ("3.0.13-1~deb12u1", "fixed")),
    "fixed before this version": (
        DebianAdvisory("CVE-2026-1", "openssl", "3.0.11-1~deb12u2"),
        None,
    ),
    "unfixed in Debian": (DebianAdvisory("CVE-2026-1", "bash"), (None, "affected")),
    "never to be fixed": (
        DebianAdvisory("CVE-2026-1", "bash", status="will_not_fix"),
        (None, "will_not_fix"),
    ),
    "put off": (
        DebianAdvisory("CVE-2026-1", "bash", status="fix_deferred"),
        (None, "fix_deferred"),
    ),
    "of another package": (DebianAdvisory("CVE-2026-1", "zsh"), None),
    "by the binary package's name": (DebianAdvisory("CVE-2026-1", "libssl3"), None),
    "of another release": (DebianAdvisory("CVE-2026-1", "bash", release="13"), None),
    "fixed on PyPI": (JINJA2, ("3.1.5", "fixed")),
    "fixed in two lines": (
        PipAdvisory("CVE-2026-1", "jinja2", ("< 2.9", ">= 3, < 3.1.5"), ("2.9", "3.1.5")),
        ("2.9, 3.1.5", "fixed"),
    ),
    "unfixed on PyPI": (PipAdvisory("CVE-2026-1", "jinja2", (">= 2",)), (None, "affected")),
    "another range": (PipAdvisory("CVE-2026-1", "jinja2", ("< 3.1.4",), ("3.1.4",)), None),
    "a local version": (
        PipAdvisory("CVE-2026-1", "torch", ("<= 2.6.0",), ("2.7.0",)),
        ("2.7.0", "fixed"),
    ),
}


@pytest.mark.parametrize("case", FOUND)
def test_trivy_finds_what_was_planted(case: str, tmp_path: Path) -> None:
    advisory, expected = FOUND[case]
    write(tmp_path / "db", [advisory])
    found = {
        (each.get("FixedVersion"), each["Status"]) for each in findings(judged(tmp_path)).values()
    }
    assert found == ({expected} if expected else set())


def test_trivy_reports_the_fields_that_findings_are_made_of(tmp_path: Path) -> None:
    write(
        tmp_path / "db",
        [OPENSSL],
        [Vulnerability("CVE-2026-1", "overflow", "CRITICAL", published="2026-05-04T00:00:00Z")],
    )
    found = findings(judged(tmp_path))["CVE-2026-1"]
    assert (
        found["PkgIdentifier"]["PURL"]
        == "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12.15"
    )
    said = {
        name: found[name]
        for name in ("PkgName", "InstalledVersion", "Severity", "Title", "PublishedDate")
    }
    assert list(said.values()) == [
        "libssl3",
        "3.0.11-1~deb12u2",
        "CRITICAL",
        "overflow",
        "2026-05-04T00:00:00Z",
    ]
    assert found["DataSource"] == DEBIAN_SOURCE


SEVERITIES: dict[str, tuple[DebianAdvisory | PipAdvisory, list[Vulnerability], str]] = {
    "the source's own": (
        JINJA2,
        [Vulnerability("CVE-2026-2", vendors={"ghsa": "LOW", "nvd": "CRITICAL"})],
        "LOW",
    ),
    "else NVD's": (
        JINJA2,
        [Vulnerability("CVE-2026-2", vendors={"debian": "LOW", "nvd": "CRITICAL"})],
        "CRITICAL",
    ),
    "else the general one": (JINJA2, [Vulnerability("CVE-2026-2", severity="MEDIUM")], "MEDIUM"),
    "Debian's for the package": (
        DebianAdvisory("CVE-2026-2", "bash", severity="LOW"),
        [Vulnerability("CVE-2026-2", vendors={"debian": "HIGH"})],
        "LOW",
    ),
    "nobody's": (JINJA2, [], "UNKNOWN"),
}


@pytest.mark.parametrize("case", SEVERITIES)
def test_whose_severity_trivy_takes(case: str, tmp_path: Path) -> None:
    advisory, vulnerabilities, severity = SEVERITIES[case]
    write(tmp_path / "db", [advisory], vulnerabilities)
    assert findings(judged(tmp_path))["CVE-2026-2"]["Severity"] == severity


def test_trivy_finds_all_of_hundreds(tmp_path: Path) -> None:
    planted: list[DebianAdvisory | PipAdvisory] = [
        DebianAdvisory(f"CVE-2026-{n}", "bash") for n in range(600)
    ]
    planted += [PipAdvisory(f"CVE-2025-{n}", "jinja2", ("< 4",)) for n in range(600)]
    noise = [DebianAdvisory(f"CVE-2024-{n}", f"package{n}") for n in range(900)]
    path = write(tmp_path / "db", [*planted, *noise])
    assert set(findings(judged(tmp_path))) == {advisory.id for advisory in planted}
    assert all(database.knows_advisory(path, advisory.id) for advisory in noise[::50])


@pytest.mark.parametrize(("advisories", "left"), [([OPENSSL], "deb"), ([JINJA2], "pypi")])
def test_trivy_is_silent_of_a_bucket_that_is_missing_and_the_reader_is_not(
    advisories: list[DebianAdvisory | PipAdvisory], left: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "db", advisories)
    assert set(findings(judged(tmp_path))) == {advisories[0].id}
    assert set(database.find_sources(path, "debian 12.15")) == {left}


@pytest.mark.parametrize(
    ("distribution", "code", "ended"),
    [("10.13", EOL_EXIT, True), ("12.15", 0, None), ("99", 0, None)],
)
def test_an_ended_distribution_is_told_with_its_findings(
    distribution: str, code: int, ended: bool | None, tmp_path: Path
) -> None:
    """Of a release it has never heard of Trivy says nothing: that the database has no bucket for it
    must tell.
    """
    write(tmp_path / "db", [JINJA2])
    answer = judged(tmp_path, distribution, codes=(code,))
    assert answer["Metadata"]["OS"].get("EOSL") is ended
    assert set(findings(answer)) == {JINJA2.id}
