"""Any output of Trivy or of an image's own Python is assessed or refused, and its text cleaned."""

from __future__ import annotations

import base64
import json
import resource
import unicodedata
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.errors import EnvironmentFailed
from scan import assess, documents, licences, secrets
from scan.configuration import AllowedConfiguration, check_configuration
from scan.image_facts import ImageFacts, _parse_document, _RootDocument, probe_image
from scan.policy import LicencePolicy
from scan.probe_container import DOCUMENT_BYTES, NoFacts, ProbeExit
from scan.record import ScanProblem, count_problems
from scan.sbom import read_distribution, read_packages
from scan.sbom_comparison import compare_with_sbom, count_unlisted
from scan.trivy import REPORT, _read_output
from tests.fakes.small_image import planted
from tests.scan.test_image_facts import SITECUSTOMIZE, TRUTH

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
"""Any JSON value."""


def shaped(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """An object with some of these keys, each with the value it should have or with any other."""
    return st.fixed_dictionaries({}, optional={name: right | JSON for name, right in keys.items()})


TARGET = shaped(
    Target=st.text(),
    Secrets=st.lists(
        shaped(RuleID=st.text(), Title=st.text(), StartLine=st.integers()), max_size=2
    ),
    Vulnerabilities=st.lists(
        shaped(
            VulnerabilityID=st.text(),
            PkgIdentifier=shaped(PURL=st.text()),
            PkgName=st.text(),
            InstalledVersion=st.text(),
            PublishedDate=st.just("2026-01-01T00:00:00Z") | st.text(),
        ),
        max_size=2,
    ),
)
TRIVY = shaped(
    Results=st.lists(TARGET, max_size=2),
    Metadata=shaped(OS=shaped(EOSL=st.booleans()), ImageConfig=JSON),
)
COMPONENT = shaped(
    name=st.text(),
    version=st.text(),
    type=st.sampled_from(["library", "operating-system"]),
    purl=st.sampled_from(["pkg:pypi/a@1", "pkg:deb/debian/b@2?arch=amd64", "junk", "pkg:%zz/x"])
    | st.text(),
    properties=st.lists(shaped(name=st.text(), value=st.text()), max_size=2),
    licenses=st.lists(
        shaped(license=shaped(id=st.text(), name=st.text()), expression=st.text()), max_size=2
    ),
)
BILL = shaped(components=st.lists(COMPONENT, max_size=3), metadata=JSON)
POLICY = LicencePolicy(areas=("main",), allowed=("MIT",), reviewed=())


@given(TRIVY | JSON)
def test_any_report_is_read_or_refused(report: Any) -> None:
    for read in (
        secrets.find_secrets,
        assess.read_findings,
        partial(assess._end_of_life, distribution="debian 12"),
    ):
        try:
            list(read(report))
        except EnvironmentFailed as error:
            assert error.message.isprintable()


@given(BILL | JSON)
def test_any_bill_is_read_or_refused(bill: Any) -> None:
    try:
        packages = read_packages(bill)
        read_distribution(bill)
    except EnvironmentFailed as error:
        assert error.message.isprintable()
        return
    assert all(each.name.isprintable() and each.purl.isprintable() for each in packages)
    found = [*compare_with_sbom(packages, TRUTH), *licences.check_python_licences(packages, POLICY)]
    assert all(
        len(each.what) <= documents.TEXT_CHARACTERS
        for each in documents.bound_problems(tuple(found))
    )


@given(JSON)
def test_any_configuration_is_judged_or_refused(config: Any) -> None:
    allowed = AllowedConfiguration(
        ports=(), setuid=(), writable=(), environment=(), compiler=False, browser=False
    )
    for document in (
        config,
        {"config": config},
        {"config": {"User": config, "Env": config, "ExposedPorts": config}},
    ):
        try:
            check_configuration(document, TRUTH, allowed)
        except EnvironmentFailed as error:
            assert "configuration" in error.message


@given(st.text())
def test_any_licence_is_judged(licence: str) -> None:
    for text in (licence, "(" * 300, "MIT AND " * 40, "(MIT OR " * 40):
        component = {
            "name": "a",
            "version": "1",
            "purl": "pkg:pypi/a@1",
            "licenses": [{"license": {"name": text}}],
        }
        path = [{"name": "aquasecurity:trivy:FilePath", "value": "x"}]
        list(
            licences.check_python_licences(
                read_packages({"components": [{**component, "properties": path}]}), POLICY
            )
        )


@given(st.text(), st.text())
def test_any_package_url_inside_a_wheel_is_counted_or_passed_over(kind: str, name: str) -> None:
    facts = replace(TRUTH, bundled=(f"pkg:{kind}/{name}@1", f"pkg:{kind}", kind, name))
    assert all(each.isprintable() for each in count_unlisted((), facts))
    compare_with_sbom((), facts)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 100_000, "nested deeper"),
        ("[]", "not a JSON object"),
        ("5", "not a JSON object"),
        ('{"a": 1, "a": 2}', "given twice"),
        ("\x00", "not JSON"),
    ],
)
def test_a_file_that_is_no_document(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / REPORT).write_text(text)
    with pytest.raises(EnvironmentFailed, match=says):
        _read_output(tmp_path / REPORT)


def test_a_huge_document_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / REPORT).open("wb") as file:
        file.truncate(200 << 30)
    with pytest.raises(EnvironmentFailed, match="more than the allowed"):
        _read_output(tmp_path / REPORT)


def test_problems_are_recorded_clean_and_in_bounded_number() -> None:
    hostile = ScanProblem("secret", "/x\x1b[2J\n::error::x", "w" * 100_000, "way")
    (one,) = documents.bound_problems((hostile,))
    assert (one.where, len(one.what)) == ("/x : :error::x", documents.TEXT_CHARACTERS)
    many = documents.bound_problems((hostile,) * 5000)
    assert len(many) == documents.PROBLEMS + 1
    assert (many[-1].where, many[-1].what[:20]) == ("and others", "4,000 more problems,")
    counted = documents.bound_problems((*(hostile,) * 4000, replace(hostile, count=30)))
    assert (counted[-1].what[:20], count_problems(counted)) == ("3,030 more problems,", 4030)


def test_two_names_that_look_alike_stay_two() -> None:
    """Cleaning must not turn a name into one that is allowed or listed."""
    bill = {
        "components": [
            {"name": "requests\u200b", "version": "1", "purl": "pkg:pypi/requests%E2%80%8B@1"}
        ]
    }
    (package,) = read_packages(bill)
    assert package.name == r"requests\u200b"


# The image probe


def looked(document: object) -> ImageFacts | NoFacts:
    printed = json.dumps({"facts": document, "private": {}}).encode()
    try:
        return _parse_document(_RootDocument, ProbeExit(0, printed)).facts
    except NoFacts as error:
        return error


FACTS: dict[str, Any] = {
    "debian": "Package: apt\nStatus: install ok installed\nVersion: 1\n",
    "areas": {},
    "dpkg_query": None,
    "python": {"a": "1"},
    **{name: [] for name in ("bundled", "world_writable", "superusers", "compilers", "browsers")},
    **{name: {} for name in ("shared_libraries", "setuid", "passwords", "caches")},
}


def test_facts_are_understood() -> None:
    assert isinstance(looked(FACTS), ImageFacts)


@pytest.mark.parametrize(
    "changed",
    [
        {"debian": "Status: install ok installed\n"},
        {"debian": "Package: a\nStatus: install ok installed\n"},
        {"shared_libraries": {"a": -1}},
        {"caches": {"a": 1 << 70}},
        {"caches": {"a": "x"}},
        {"python": []},
        {"bundled": {"a": 1}},
        {"\x1b[2J": 1},
    ],
)
def test_facts_of_another_shape(changed: dict[str, Any]) -> None:
    found = looked(FACTS | changed)
    assert isinstance(found, NoFacts)
    assert str(found).isprintable()


@given(
    st.fixed_dictionaries(
        {}, optional={name: JSON | st.just(right) for name, right in FACTS.items()}
    )
    | JSON
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_facts_are_understood_or_a_problem(document: Any) -> None:
    for found in (
        looked(document),
        looked(FACTS | document if isinstance(document, dict) else document),
    ):
        if isinstance(found, ImageFacts):
            compare_with_sbom((), found)
            count_unlisted((), found)


@given(st.binary())
def test_any_last_words_are_shown(said: bytes) -> None:
    with pytest.raises(NoFacts) as raised:
        _parse_document(_RootDocument, ProbeExit(3, b"", said))
    shown = str(raised.value)
    assert not [each for each in shown if unicodedata.category(each) in ("Cc", "Cs")]


TALKS = {
    "endless": ("while True: os.write(1, b'x' * (1 << 20))", "was still running after 5 s"),
    "huge": (
        "for _ in range(20): os.write(1, b'[' * (1 << 20))\nos._exit(0)",
        "of JSON, more than the allowed",
    ),
    "deep": ("os.write(1, b'[' * 100000); os._exit(0)", "nested deeper than"),
    "escapes": (
        r"os.write(2, b'\x1b[2J\x1b]0;owned\x07bad\n'); os._exit(3)",
        "it printed last: bad",
    ),
    "a file of a volume": (
        "try: os.write(os.open('/data/x', os.O_CREAT | os.O_WRONLY), b'x')\n"
        "except OSError as error: os.write(2, error.strerror.encode())\nos._exit(3)",
        "it printed last: Read-only file system",
    ),
}


@pytest.mark.docker
@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("name", TALKS)
def test_a_python_that_does_something_else(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the image's Python prints is the image's problem; a volume that it declares is
    read-only.
    """
    monkeypatch.setattr("scan.image_facts.TIMEOUT_S", 5.0)
    program, says = TALKS[name]
    code = base64.b64encode(f"import os\n{program}".encode()).decode()
    site = SITECUSTOMIZE.format(f'import base64; exec(base64.b64decode("{code}"))')
    with planted(f"talks-{name.replace(' ', '-')}", "VOLUME /data", site) as reference:
        found = probe_image(reference)
    assert isinstance(found, ScanProblem)
    assert says in found.what
    assert found.what.isprintable()


def test_a_malformed_look_gets_no_hint_about_a_file_of_records() -> None:
    with pytest.raises(NoFacts, match="did not print one complete document: stdout: ") as raised:
        _parse_document(_RootDocument, ProbeExit(0, b'{"facts": 1}'))
    assert "delete the file" not in str(raised.value)


@pytest.mark.parametrize("value", ["1", "[]", "{}", '"x"'])
def test_a_document_of_many_wrong_values_takes_little_memory(value: str) -> None:
    """An error for each would take gigabytes: a kilobyte for every three bytes."""
    values = ",".join([value] * (DOCUMENT_BYTES // (len(value) + 2)))
    printed = json.dumps({"facts": FACTS | {"setuid": [0]}, "private": {}}).replace(
        "[0]", f"[{values}]"
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(NoFacts, match="more than the allowed 100,000"):
        _parse_document(_RootDocument, ProbeExit(0, printed.encode()))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2 << 20
