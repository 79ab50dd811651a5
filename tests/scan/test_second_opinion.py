"""What another source of advisories says is listed, whatever it answers, and it decides nothing."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import pytest

from runner import settings
from scan import second_opinion
from scan.record import Finding
from scan.second_opinion import AssessedImage, SecondOpinion, ask_opinion, configured_service
from tests.fakes.osv import FakeOsv, advisory, serving
from tests.scan.samples import package

TORCH = advisory(
    "PYSEC-2026-2286",
    "torch",
    ["2.6.0"],
    "2.10.0",
    aliases=["CVE-2026-24747", "GHSA-63cw-57p8-fm3p"],
    summary="memory corruption in the unpickler",
)
JINJA2 = advisory("GHSA-cpwx-vrp4-4pq7", "jinja2", ["3.1.4"], "3.1.6", aliases=["CVE-2025-27516"])
PACKAGES = (
    package("pkg:pypi/torch@2.6.0+cu124"),
    package("pkg:pypi/Jinja2@3.1.4"),
    package("pkg:deb/debian/openssl@3.0.1"),
    package("pkg:pypi/odd@not.a.version!"),
)


def found(id_: str, name: str) -> Finding:
    return Finding(id_, f"pkg:pypi/{name}@1", name, "1", "", "HIGH", "", "")


def image(*findings: Finding, name: str = "v2.6.0 base") -> AssessedImage:
    return AssessedImage(name, PACKAGES, findings)


def opinion(osv: FakeOsv, *images: AssessedImage) -> SecondOpinion:
    with serving(osv) as address:
        return ask_opinion(address, images or (image(),))


def test_what_only_it_knows_is_listed_with_fix_and_images() -> None:
    said = opinion(FakeOsv([TORCH]), image(), image(name="v2.6.0 cv"))
    assert said.problem == ""
    assert said.packages == 2
    assert [str(each) for each in said.advisories] == [
        "CVE-2026-24747 (GHSA-63cw-57p8-fm3p, PYSEC-2026-2286) in torch 2.6.0, fixed in 2.10.0; in "
        "v2.6.0 base, v2.6.0 cv: memory corruption in the unpickler"
    ]
    assert len(said.lines) == 1
    assert "only it knows CVE-2026-24747" in said.lines[0]


@pytest.mark.parametrize("known", ["CVE-2026-24747", "GHSA-63cw-57p8-fm3p", "PYSEC-2026-2286"])
def test_what_trivy_reports_by_any_of_its_names_is_not_listed(known: str) -> None:
    said = opinion(FakeOsv([TORCH]), image(found(known, "torch")))
    assert said.advisories == ()
    assert said.lines[0].endswith("on 2 Python packages: nothing more is known")


def test_a_finding_of_another_package_hides_nothing() -> None:
    said = opinion(FakeOsv([TORCH]), image(found("CVE-2026-24747", "torchvision")))
    assert len(said.advisories) == 1


def test_an_advisory_of_two_databases_is_listed_once() -> None:
    other = advisory("GHSA-63cw-57p8-fm3p", "torch", ["2.6.0"], aliases=["CVE-2026-24747"])
    assert [each.id for each in opinion(FakeOsv([TORCH, other])).advisories] == ["CVE-2026-24747"]


def test_what_was_withdrawn_is_not_listed() -> None:
    assert opinion(FakeOsv([{**TORCH, "withdrawn": "2026-02-01T00:00:00Z"}])).advisories == ()


def test_only_names_and_public_versions_of_python_packages_are_sent() -> None:
    osv = FakeOsv([JINJA2])
    opinion(osv)
    assert osv.sent[0] == {
        "queries": [
            {"package": {"name": "jinja2", "ecosystem": "PyPI"}, "version": "3.1.4"},
            {"package": {"name": "torch", "ecosystem": "PyPI"}, "version": "2.6.0"},
        ]
    }
    assert osv.asked == ["/v1/querybatch", "/v1/vulns/GHSA-cpwx-vrp4-4pq7"]


HOSTILE = {
    "no JSON": b"<html>",
    "another shape": b'{"results": 5}',
    "too few results": b'{"results": [{}]}',
    "a path as an id": json.dumps({"results": [{"vulns": [{"id": "../../admin?x"}]}, {}]}).encode(),
    "a million values": b'{"results": [' + b"{}," * 1_000_000 + b"{}]}",
    "deep": b'{"results": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "long": b" " * (second_opinion.MAX_ANSWER_BYTES + 1),
    "empty": b"",
}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE)
def test_an_answer_that_cannot_be_used_is_one_line(answer: bytes) -> None:
    osv = FakeOsv(answer=answer)
    said = opinion(osv)
    assert said.advisories == ()
    assert "it gave none" in said.problem
    assert len(said.lines) == 1
    assert said.lines[0].endswith("; this stops nothing")
    assert "\n" not in said.lines[0]
    assert osv.asked == ["/v1/querybatch"]


@pytest.mark.parametrize("status", [204, 301, 404, 418])
def test_a_status_that_is_no_answer_is_one_line(status: int) -> None:
    osv = FakeOsv(answer=b"", status=status, location="http://127.0.0.1:1/elsewhere")
    said = opinion(osv)
    assert f"was {status}" in said.problem
    assert len(osv.asked) == 1


@pytest.mark.long
def test_a_service_that_is_not_there_is_one_line() -> None:
    said = ask_opinion("http://127.0.0.1:1", (image(),))
    assert "it gave none" in said.problem
    assert "refused" in said.problem
    assert len(said.lines) == 1


def test_what_it_writes_is_cleaned() -> None:
    bad = {
        **TORCH,
        "summary": "\x1b[31mred\u202e\n::error::x",
        "aliases": ["CVE-1\x1b[0m", "CVE-2026-1"],
    }
    said = opinion(FakeOsv([bad]))
    assert said.advisories[0].id == "CVE-2026-1"
    assert said.advisories[0].aliases == ("PYSEC-2026-2286",)
    assert said.advisories[0].title == "red"


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org",
        "https://user:s3cret@example.org",
        "ftp://h",
        "--help",
        "https://h/?q=1",
    ],
)
def test_an_address_that_is_not_safe_is_not_asked_and_not_repeated(address: str) -> None:
    said = ask_opinion(address, (image(),))
    assert "not asked" in said.problem
    assert "s3cret" not in str(said)


def test_it_can_be_switched_off() -> None:
    said = ask_opinion("off", (image(),))
    assert said.lines == (
        "second opinion of another source on 2 Python packages: not asked, because "
        "PYTORCH_CUDA_IMAGES_OSV is `off`; this stops nothing",
    )


def test_the_environment_names_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    assert configured_service() == second_opinion.PUBLIC
    monkeypatch.setenv(settings.OSV, "https://osv.example.org")
    assert configured_service() == "https://osv.example.org"


def test_many_advisories_are_counted_and_those_not_looked_up_are_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(second_opinion, "MAX_LOOKED_UP", 25)
    many = [advisory(f"PYSEC-2026-{number}", "torch", ["2.6.0"]) for number in range(30)]
    said = opinion(FakeOsv(many))
    assert len(said.advisories) == 25
    assert said.problem == "not looked up: 5 of its advisories"
    assert any("5 more, in the record" in line for line in said.lines)
    assert len(said.lines) == second_opinion.MAX_NAMED + 2


@dataclass
class RenamingOsv(FakeOsv):
    """It answers with an advisory of another name than the one that was asked for."""

    name: str = ""

    def reply(self, path: str, body: bytes) -> tuple[int, bytes]:
        status, said = super().reply(path, body)
        if path.startswith("/v1/vulns/"):
            said = json.dumps({**json.loads(said), "id": self.name}).encode()
        return status, said


def test_an_advisory_has_the_name_that_was_asked_for() -> None:
    osv = RenamingOsv([{**TORCH, "aliases": []}], name="\x1b[31m\n::error::x" + "A" * 100_000)
    said = opinion(osv)
    assert [each.id for each in said.advisories] == ["PYSEC-2026-2286"]
    assert len(said.lines[0]) < 300


@pytest.mark.parametrize("fixed", ["9" + ".1" * 1_000_000, "9" * 5000])
def test_a_version_that_nobody_has_is_no_fix(fixed: str) -> None:
    said = opinion(
        FakeOsv([{**TORCH, "affected": advisory("x", "torch", ["2.6.0"], fixed)["affected"]}])
    )
    assert [each.fixed_version for each in said.advisories] == [""]
    assert said.problem == ""


@pytest.mark.long
def test_the_time_for_its_answers_is_in_proportion_to_their_size() -> None:
    """Each package once read each advisory again."""
    packages = tuple(package(f"pkg:pypi/p{number}@1.0") for number in range(100))
    affected = [advisory("x", f"p{number}", ["1.0"])["affected"][0] for number in range(100)]
    other = {"package": {"name": "P" * 10, "ecosystem": "PyPI"}}
    many = [
        {"id": f"PYSEC-2026-{number}", "affected": [*affected, *[other] * 12_000]}
        for number in range(10)
    ]
    with serving(FakeOsv(many)) as address:
        started = time.process_time()
        said = ask_opinion(address, (AssessedImage("v2.6.0 base", packages, ()),))
    assert len(said.advisories) == 1000
    assert time.process_time() - started < 10


def test_no_more_is_listed_than_a_record_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_opinion, "MAX_LISTED", 1)
    said = opinion(FakeOsv([TORCH, JINJA2]))
    assert len(said.advisories) == 1
    assert "more than 1 advisories" in said.problem


@pytest.mark.parametrize("address", ["https://[zz", "https://]", "https://["])
def test_half_an_address_is_one_line(address: str) -> None:
    said = ask_opinion(address, (image(),))
    assert "not asked" in said.problem
