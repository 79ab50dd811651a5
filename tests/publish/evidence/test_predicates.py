"""From the records of the stages to predicates and back: nothing better than it was, nothing left
out.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from packageurl import PackageURL

from images.record import DebianPackage
from oci.manifest import canonical_json
from publish.evidence.kinds import read_date
from publish.evidence.predicates import (
    DECISION,
    PROVENANCE,
    SBOM,
    TEST_RESULT,
    VULNERABILITIES,
    add_artifacts,
    add_seconds,
    cyclonedx,
    decision,
    provenance,
    test_result,
    vulnerability,
)
from publish.evidence.predicates.provenance import LOCAL_BUILDER, Builder, BuildRequest
from publish.evidence.predicates.test_result import MISSING, GpuCount
from publish.evidence.statement import OWN, Statement, from_json, to_json
from runner.errors import ConfigError, GateRefused
from runner.verdict import Verdict
from scan.record import ScanProblem, TriageStatus
from tests.fakes.refusal import refused
from tests.publish.signed import (
    BASE_IMAGE,
    BUILDER,
    DIGEST,
    DOCUMENT,
    H200,
    NAME,
    OTHER,
    STARTED,
    WHEELS,
    build_record,
    decided,
    judged,
    plain,
    scan_record,
    statements,
    suite,
    validation_record,
)
from validation.record import SuiteResult
from validation.suite import list_suites

BUILD = build_record()


def carried(about: Statement) -> Statement:
    """As a reader gets it: through bytes."""
    return from_json(to_json(about))


# Test result


def outcome(
    *suites: SuiteResult, verdict: Verdict = Verdict.PASS, stacks: tuple[str, ...] = ("base",)
) -> test_result.TestClaim:
    record = validation_record(BUILD, *suites, verdict=verdict)
    return test_result.read_test_result(carried(test_result.make_statement(record, stacks, NAME)))


def predicate(*suites: SuiteResult, verdict: Verdict = Verdict.PASS) -> dict[str, Any]:
    record = validation_record(BUILD, *suites, verdict=verdict)
    return dict(test_result.make_statement(record, BUILD.stacks, NAME).predicate)


def required(stacks: tuple[str, ...] = ("base",)) -> list[str]:
    return [each.name for each in list_suites(stacks)]


def all_but(name: str) -> list[SuiteResult]:
    return [suite(each) for each in required() if each != name]


def test_every_suite_that_passed_is_listed() -> None:
    found = predicate()
    assert (found["result"], found["passedTests"], found["failedTests"]) == (
        "PASSED",
        required(),
        [],
    )
    assert outcome().verdict is Verdict.PASS


@pytest.mark.parametrize("name", required())
def test_a_suite_that_was_left_out_is_listed_as_not_run(name: str) -> None:
    found = outcome(*all_but(name))
    listed = {each.name: each for each in found.suites}
    assert list(listed) == required()
    assert (listed[name].verdict, listed[name].reason, listed[name].required) == (
        Verdict.NOT_RUN,
        MISSING,
        True,
    )
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, f"{name}: {MISSING}")
    stated = predicate(*all_but(name))
    assert (stated["result"], stated["failedTests"]) == ("FAILED", [])
    assert name not in stated["passedTests"]


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.PASS])
def test_only_pass_is_passed(verdict: Verdict) -> None:
    suites = [*all_but("ddp"), suite("ddp", verdict, "because")]
    found = predicate(*suites)
    failed = [] if verdict is Verdict.NOT_RUN else ["ddp"]  # what did not run did not fail
    assert (found["result"], found["failedTests"]) == ("FAILED", failed)
    assert "ddp" not in found["passedTests"]
    assert outcome(*suites).verdict is not Verdict.PASS


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.PASS])
def test_the_verdict_of_the_record_counts_too(verdict: Verdict) -> None:
    assert predicate(verdict=verdict)["result"] == "FAILED"
    assert outcome(verdict=verdict).verdict is verdict


def test_a_stack_brings_its_suites() -> None:
    found = outcome(*map(suite, required()), stacks=("base", "cv"))
    assert [each.name for each in found.suites if each.verdict is not Verdict.PASS] == ["cv"]
    assert found.verdict is Verdict.INCONCLUSIVE


def test_of_two_results_of_a_suite_the_worse_counts() -> None:
    bad = suite("ddp", Verdict.FAIL, "because")
    for suites in ([*map(suite, required()), bad], [bad, *map(suite, required())]):
        found = {each.name: each for each in outcome(*suites).suites}
        assert (found["ddp"].verdict, found["ddp"].reason) == (Verdict.FAIL, "because")


def test_what_nobody_asked_for_is_listed_and_not_required() -> None:
    found = outcome(*map(suite, required()), suite("extra", Verdict.FAIL, "because"))
    assert (found.suites[-1].name, found.suites[-1].required) == ("extra", False)
    assert found.verdict is Verdict.PASS


def test_where_it_ran() -> None:
    record = validation_record(BUILD, gpus=(H200, "NVIDIA L4", H200))
    found = test_result.read_test_result(
        carried(test_result.make_statement(record, BUILD.stacks, NAME))
    )
    assert found.gpus == (GpuCount(H200, 2), GpuCount("NVIDIA L4", 1))
    assert (found.device, found.executor, found.driver) == ("cuda", "docker", "550.54")
    assert (found.started_at, found.finished_at) == (STARTED, "2026-11-20T10:01:01+00:00")


def test_suites_of_a_machine_prove_no_image() -> None:
    with refused(ConfigError, "not the digest of an image"):
        test_result.make_statement(replace(validation_record(BUILD), digest=""), BUILD.stacks, NAME)


# Vulnerabilities


def test_findings_and_their_standing() -> None:
    record = scan_record(
        BUILD, judged(TriageStatus.BLOCKS, "CVE-2026-7"), judged(TriageStatus.GRACE)
    )
    about = carried(vulnerability.make_statement(record, NAME))
    results = about.predicate["scanner"]["result"]
    assert [(each["id"], each["annotations"][0]["standing"]) for each in results] == [
        ("CVE-2026-7", "blocks"),
        ("CVE-2026-1", "in grace"),
    ]
    assert results[0]["severity"] == [{"method": "trivy", "score": "CRITICAL"}]
    found = vulnerability.read_scan_result(about)
    assert found.standings == dict.fromkeys(TriageStatus, 0) | {
        TriageStatus.BLOCKS: 1,
        TriageStatus.GRACE: 1,
    }
    assert found.blocking == ("CVE-2026-7",)


def test_the_database_and_the_scanner() -> None:
    about = carried(vulnerability.make_statement(scan_record(BUILD), NAME))
    assert about.predicate["scanner"] == {
        "uri": "pkg:github/aquasecurity/trivy@v0.76.0",
        "version": "0.76.0",
        "db": {
            "uri": "registry.example/trivy-db:2",
            "version": "sha256:" + "4" * 64,
            "lastUpdate": "2026-11-20T06:00:00+00:00",
        },
        "result": [],
    }
    assert vulnerability.read_scan_result(about).database == scan_record(BUILD).database


@pytest.mark.parametrize("lacking", ["findings", "database"])
def test_what_was_not_assessed_is_no_empty_list(lacking: str) -> None:
    record = replace(scan_record(BUILD), verdict=Verdict.INCONCLUSIVE, **{lacking: None})  # type: ignore[arg-type] # a table of fields, of any type
    about = carried(vulnerability.make_statement(record, NAME))
    assert about.predicate["scanner"].keys() == {"uri", "version"}
    found = vulnerability.read_scan_result(about)
    assert getattr(found, "standings" if lacking == "findings" else "database") is None
    assert found.verdict is Verdict.INCONCLUSIVE


def test_problems_are_carried() -> None:
    problem = ScanProblem("secret", "/srv/.ssh/id_rsa", "a private key", "remove it")
    record = replace(
        scan_record(BUILD), verdict=Verdict.FAIL, reason="a secret", problems=(problem,)
    )
    found = vulnerability.read_scan_result(carried(vulnerability.make_statement(record, NAME)))
    assert (found.verdict, found.reason, found.problems) == (Verdict.FAIL, "a secret", (problem,))


# Provenance


def dependencies(builder: Builder = BUILDER, base: str = BASE_IMAGE) -> dict[str, dict[str, Any]]:
    record = replace(BUILD, base_source=base)
    about = carried(provenance.make_statement(record, WHEELS, builder, NAME))
    listed = about.predicate["buildDefinition"]["resolvedDependencies"]
    return {each.get("name") or each["uri"]: each for each in listed}


def test_debian_packages_have_the_digests_of_their_files() -> None:
    packages = (DebianPackage("tini", "0.19", "a" * 64), DebianPackage("zlib1g", "1:1.2"))
    record = replace(BUILD, debian_packages=packages)
    about = carried(provenance.make_statement(record, WHEELS, BUILDER, NAME))
    listed = about.predicate["buildDefinition"]["resolvedDependencies"]
    assert [each for each in listed if each.get("uri", "").startswith("pkg:deb/")] == [
        {"uri": "pkg:deb/debian/tini@0.19", "digest": {"sha256": "a" * 64}},
        {"uri": "pkg:deb/debian/zlib1g@1:1.2"},
    ]


def test_what_was_asked_for_and_who_built() -> None:
    found = provenance.read_provenance(
        carried(provenance.make_statement(BUILD, WHEELS, BUILDER, NAME))
    )
    assert found.request == BuildRequest("v2.6.0", "base", "2.6")
    assert (found.build_type, found.builder) == (provenance.BUILD_TYPE, BUILDER.id)
    assert (found.dependencies, found.finished_at) == (4, STARTED)


def test_every_wheel_by_its_hash() -> None:
    found = dependencies()[WHEELS[0].file]
    assert found["digest"] == {"sha256": "c" * 64}
    purl = PackageURL.from_string(found["uri"])
    assert (purl.type, purl.name, purl.version, purl.qualifiers) == (
        "pypi",
        "torch",
        "2.6.0",
        {"file_name": WHEELS[0].file},
    )


def test_the_base_image_by_its_digest() -> None:
    found = dependencies()["base"]
    assert found["digest"] == {"sha256": "d" * 64}
    purl = PackageURL.from_string(found["uri"])
    assert (purl.type, purl.name, purl.version) == ("oci", "debian", "sha256:" + "d" * 64)
    assert purl.qualifiers == {"repository_url": "docker.io/library/debian", "tag": "12-slim"}


def test_a_bootstrapped_base_has_no_digest_and_its_packages() -> None:
    found = dependencies(base="mmdebstrap bookworm")
    assert found["base"] == {"name": "base", "uri": "pkg:generic/mmdebstrap@bookworm"}
    assert "pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1" in found


def test_layers_are_dependencies() -> None:
    found = dependencies()["torch 2.6.0"]
    assert found["digest"] == {"sha256": "e" * 64}
    assert found["annotations"] == {
        "kind": "wheel",
        "stack": "base",
        "contentKey": "1" * 64,
        "made": "reused",
    }


def test_start_and_finish() -> None:
    found = provenance.make_statement(BUILD, WHEELS, BUILDER, NAME).predicate["runDetails"][
        "metadata"
    ]
    build_id = found.pop("invocationId")
    assert found == {"startedOn": "2026-11-20T09:58:30+00:00", "finishedOn": STARTED}
    assert uuid.UUID(build_id.removeprefix("urn:uuid:"))
    again = provenance.make_statement(
        replace(BUILD, created_at="2026-11-21T10:00:00+00:00"), WHEELS, BUILDER, NAME
    )
    assert again.predicate["runDetails"]["metadata"]["invocationId"] != build_id


def test_it_is_as_old_as_its_debian_packages_however_often_it_is_assembled() -> None:
    again = replace(BUILD, created_at="2027-01-20T10:00:00+00:00")
    found = carried(provenance.make_statement(again, WHEELS, BUILDER, NAME))
    assert read_date(found) == provenance.read_provenance(found).taken_at == STARTED
    assert provenance.read_provenance(found).finished_at == again.created_at


def test_packages_of_an_unknown_day_have_no_age() -> None:
    for taken_at in ("", STARTED):
        found = carried(
            provenance.make_statement(
                replace(BUILD, debian_taken_at=taken_at), WHEELS, BUILDER, NAME
            )
        )
        assert read_date(found) == provenance.read_provenance(found).taken_at == taken_at


def test_what_was_signed_before_that_was_told_is_read_and_has_no_age() -> None:
    said = provenance.make_statement(BUILD, WHEELS, BUILDER, NAME)
    found = replace(
        said, predicate={key: each for key, each in said.predicate.items() if key != OWN}
    )
    assert (read_date(found), provenance.read_provenance(found).finished_at) == ("", STARTED)


@pytest.mark.parametrize(
    "finished_at", ["2026-11-20T09:59:59+00:00", "2026-11-20T10:00:00", "2026-11-20", "x"]
)
def test_nothing_is_built_of_packages_that_were_taken_later(finished_at: str) -> None:
    said = provenance.make_statement(BUILD, WHEELS, BUILDER, NAME)
    metadata = {"startedOn": STARTED, "finishedOn": finished_at}
    wrong = replace(
        said,
        predicate={**said.predicate, "runDetails": {"builder": {"id": "x"}, "metadata": metadata}},
    )
    with refused(GateRefused, "Debian's packages of"):
        provenance.read_provenance(wrong)


ACTIONS = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://forge.example",
    "GITHUB_REPOSITORY": "team/images",
    "GITHUB_WORKFLOW_REF": "team/images/.github/workflows/release.yml@refs/heads/main",
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_SHA": "9" * 40,
    "GITHUB_RUN_ID": "77",
    "GITHUB_RUN_ATTEMPT": "2",
}


def test_the_builder_is_the_workflow() -> None:
    builder = provenance.detect_builder(ACTIONS)
    assert (
        builder.id
        == "https://forge.example/team/images/.github/workflows/release.yml@refs/heads/main"
    )
    metadata = provenance.make_statement(BUILD, WHEELS, builder, NAME).predicate["runDetails"][
        "metadata"
    ]
    assert (
        metadata["invocationId"] == "https://forge.example/team/images/actions/runs/77/attempts/2"
    )
    assert dependencies(builder)["source"] == {
        "name": "source",
        "uri": "git+https://forge.example/team/images@refs/heads/main",
        "digest": {"gitCommit": "9" * 40},
    }


@pytest.mark.parametrize(
    "name", [name for name in ACTIONS if name not in ("GITHUB_ACTIONS", "GITHUB_RUN_ATTEMPT")]
)
@pytest.mark.parametrize(
    "value", [None, "", "a\nb", "x y", "\x1b[31m", "\N{ARABIC-INDIC DIGIT THREE}"]
)
def test_a_variable_of_the_workflow_that_is_missing_or_odd(name: str, value: str | None) -> None:
    given = {key: said for key, said in {**ACTIONS, name: value}.items() if said is not None}
    with refused(ConfigError, name, "GITHUB_ACTIONS"):
        provenance.detect_builder(given)


def test_elsewhere_the_builder_is_a_machine() -> None:
    assert provenance.detect_builder({}) == Builder(LOCAL_BUILDER)
    assert "source" not in dependencies(Builder(LOCAL_BUILDER))


@pytest.mark.parametrize("address", ["https://forge.example/team/images", ""])
def test_elsewhere_the_source_is_the_commit_that_built_it(address: str) -> None:
    record = replace(BUILD, source=address, source_commit="8" * 40)
    about = carried(provenance.make_statement(record, WHEELS, Builder(LOCAL_BUILDER), NAME))
    first = about.predicate["buildDefinition"]["resolvedDependencies"][0]
    uri = {"uri": f"git+{address}"} if address else {}
    assert first == {"name": "source", **uri, "digest": {"gitCommit": "8" * 40}}
    on_github = provenance.make_statement(
        record, WHEELS, provenance.detect_builder(ACTIONS), NAME
    ).predicate["buildDefinition"]["resolvedDependencies"][0]
    assert on_github["digest"] == {"gitCommit": "9" * 40}


DESCRIPTOR = {"uri", "digest", "name", "downloadLocation", "mediaType", "content", "annotations"}
SLSA: dict[str, Any] = {
    "buildDefinition": {
        "buildType": str,
        "externalParameters": dict,
        "internalParameters": dict,
        "resolvedDependencies": list,
    },
    "runDetails": {
        "builder": {"id": str, "builderDependencies": list, "version": dict},
        "metadata": {"invocationId": str, "startedOn": str, "finishedOn": str},
        "byproducts": list,
    },
}
"""The fields of slsa.dev/provenance/v1, and the types of their values."""
EXTENSION = re.compile(r"[A-Za-z0-9]+_[A-Za-z0-9]+")
"""SLSA: a name of a field outside the specification is VENDOR_FIELD, the others have no `_`."""


def read_strictly(held: dict[str, Any], known: dict[str, Any]) -> None:
    """Refuse what the specification of SLSA provenance does not allow."""
    for name, value in held.items():
        if EXTENSION.fullmatch(name):
            continue
        assert name in known, name
        if isinstance(known[name], dict):
            read_strictly(value, known[name])
        else:
            assert isinstance(value, known[name]), name
            for each in value if known[name] is list else ():
                assert set(each) <= DESCRIPTOR, each
                assert each.get("uri") or each.get("digest") or each.get("content"), each


@pytest.mark.parametrize("builder", [Builder(LOCAL_BUILDER), provenance.detect_builder(ACTIONS)])
def test_a_strict_reader_of_slsa_provenance_takes_ours(builder: Builder) -> None:
    record = replace(BUILD, source="https://forge.example/team/images", source_commit="8" * 40)
    about = add_artifacts(provenance.make_statement(record, WHEELS, builder, NAME), [OTHER])
    held = plain(about)["predicate"]
    read_strictly(held, SLSA)
    assert {"buildDefinition", "runDetails"} <= set(held)
    with pytest.raises(AssertionError):
        read_strictly({**held, OWN: {}}, SLSA)


@pytest.mark.parametrize("about", statements(), ids=lambda about: about.predicate_type)
def test_what_was_signed_with_the_earlier_name_of_our_field_is_read_as_before(
    about: Statement,
) -> None:
    content = plain(about)
    if about.predicate_type == PROVENANCE:
        content["predicate"][OWN] = content["predicate"].pop(f"{OWN}_details")
    assert from_json(canonical_json(content)) == carried(about)


# Bill of materials and decision


def test_the_bill_is_the_document_that_was_judged() -> None:
    about = carried(cyclonedx.make_statement(scan_record(BUILD), DOCUMENT, NAME))
    assert cyclonedx.read_sbom(about) == json.loads(DOCUMENT)
    with refused(ConfigError, "was judged", "scan v2.6.0"):
        cyclonedx.make_statement(scan_record(BUILD), DOCUMENT + b" ", NAME)
    with refused(ConfigError, "none was judged"):
        cyclonedx.make_statement(replace(scan_record(BUILD), sbom=None), DOCUMENT, NAME)


def test_an_empty_bill_is_no_bill() -> None:
    with refused(GateRefused, "components.0"):
        cyclonedx.read_sbom(Statement(DIGEST, NAME, SBOM, {"components": []}))


def test_the_decision_round_trips() -> None:
    made = replace(decided(BUILD), reasons=("too old",), verdict=Verdict.FAIL)
    assert decision.read_decision(carried(decision.make_statement(made, DIGEST, NAME))) == made


# What all have in common

TYPES = (PROVENANCE, TEST_RESULT, SBOM, VULNERABILITIES, DECISION)
READERS: tuple[Callable[[Statement], object], ...] = (
    provenance.read_provenance,
    test_result.read_test_result,
    cyclonedx.read_sbom,
    vulnerability.read_scan_result,
    decision.read_decision,
)


def test_each_is_of_its_type() -> None:
    assert tuple(each.predicate_type for each in statements()) == TYPES


@pytest.mark.parametrize("reader", READERS, ids=TYPES)
def test_a_reader_takes_its_own_type_alone(reader: Callable[[Statement], object]) -> None:
    taken = []
    for each in statements():
        try:
            reader(each)
        except GateRefused:
            continue
        taken.append(each.predicate_type)
    assert taken == [TYPES[READERS.index(reader)]]


@pytest.mark.parametrize(("kind", "reader"), list(zip(TYPES, READERS, strict=True)), ids=TYPES)
@pytest.mark.parametrize(
    "held",
    [
        {},
        {OWN: {}},
        {"configuration": [{"annotations": {"suites": [{"name": "ddp", "verdict": "splendid"}]}}]},
        {"configuration": "x", "components": "x", "buildDefinition": [], OWN: []},
    ],
    ids=["empty", "own field empty", "half", "other kinds of values"],
)
def test_what_lacks_something_is_refused(
    kind: str, reader: Callable[[Statement], object], held: dict[str, Any]
) -> None:
    with refused(GateRefused, kind):
        reader(Statement(DIGEST, NAME, kind, held))


def test_unknown_fields_are_left_alone() -> None:
    about = statements()[1]
    changed = json.loads(json.dumps(about.predicate)) | {"more": 1}
    changed["configuration"][0]["annotations"]["more"] = 1
    assert test_result.read_test_result(
        replace(about, predicate=changed)
    ) == test_result.read_test_result(about)


def test_when_it_was_found_is_in_the_statement() -> None:
    assert {each.predicate_type: read_date(each) for each in statements()} == {
        PROVENANCE: STARTED,
        TEST_RESULT: "2026-11-20T10:01:01+00:00",
        SBOM: STARTED,
        VULNERABILITIES: "2026-11-20T10:00:12+00:00",
        DECISION: STARTED,
    }


@pytest.mark.parametrize("stated", [None, "", 7, "yesterday", "2026-11-20T10:00:00", ["2026"]])
def test_no_time_is_better_than_half_a_time(stated: object) -> None:
    assert read_date(Statement(DIGEST, NAME, DECISION, {"decided_on": stated})) == ""
    assert read_date(Statement(DIGEST, NAME, DECISION, {})) == ""
    assert read_date(Statement(DIGEST, NAME, "https://example.org/other/v1", {})) == ""


def test_a_record_without_a_time_says_none() -> None:
    assert add_seconds("", 7.0) == ""
    assert (
        read_date(
            test_result.make_statement(
                replace(validation_record(BUILD), started_at=""), ("base",), NAME
            )
        )
        == ""
    )


# The layers of an image, and which of them git had locked


def with_layers(**changed: object) -> Statement:
    """Provenance of an image of an OS layer and a locked wheel."""
    build = build_record()
    wheel = replace(build.layers[0], locked=True)
    system = replace(wheel, name="Debian", kind="os", digest=OTHER, locked=False)
    build = replace(build, layers=(wheel, system), **changed)  # type: ignore[arg-type] # a table of fields, of any type
    return provenance.make_statement(build, WHEELS, BUILDER, NAME)


@pytest.mark.parametrize("commit", ["", "c" * 40])
def test_provenance_says_which_layers_were_locked_and_by_which_commit(commit: str) -> None:
    wheel, system = provenance.read_provenance(
        from_json(to_json(with_layers(lock_commit=commit)))
    ).layers
    assert (wheel.kind, wheel.locked, wheel.commit) == ("wheel", True, commit)
    assert (system.digest, system.kind, system.locked, system.commit) == (OTHER, "os", False, "")


@pytest.mark.parametrize(
    "notes", [None, [], "x", {"locked": "yes"}, {"locked": 1, "lockCommit": 7, "kind": None}]
)
def test_layers_of_strange_provenance_are_not_locked(notes: object) -> None:
    content = plain(with_layers())
    dependencies = content["predicate"]["buildDefinition"]["resolvedDependencies"]
    dependencies[-1].update({"annotations": notes, "digest": notes})
    *_, last = provenance.read_provenance(from_json(canonical_json(content))).layers
    assert not last.locked
    assert last.digest == "sha256:None"
