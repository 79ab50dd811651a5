"""The gate believes nothing but signed evidence about this very digest, and all of it must be
good.
"""

from __future__ import annotations

import copy
import datetime
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from images import catalog
from images.locks import Wheel
from images.record import BuildRecord, DebianPackage
from oci.manifest import OCI_MANIFEST, Descriptor
from oci.registry import Registry
from publish.evidence import store as evidence
from publish.evidence.kinds import read_date
from publish.evidence.predicates import SBOM, provenance, test_result, vulnerability
from publish.evidence.statement import OWN, Statement
from publish.evidence.store import FoundEvidence
from publish.policy import channels, gate
from publish.policy.channels import Channels
from publish.policy.gate import GateDecision, PromotionSubject, decide_promotion
from runner.errors import ConfigError
from runner.reason_cause import ReasonCause
from runner.verdict import Verdict
from scan.record import Database, ScanProblem, ScanRecord, TriagedFinding, TriageStatus
from tests.fakes.cyclonedx import sbom
from tests.fakes.registry import FakeRegistry
from tests.publish.signed import trust
from tests.publish.stage_records import built, ddp_checks, list_digest, scanned, validated
from tests.scan.samples import finding
from validation.check_list import load_checks
from validation.record import Check, SuiteResult, ValidationRecord
from validation.suite import SUITES, list_suites

TODAY = datetime.date(2026, 11, 21)
DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
NOON = "2026-11-21T12:00:00+00:00"
H200, A100 = "NVIDIA H200", "NVIDIA A100-SXM4-80GB"
STACKS = ("base", "cv")
BUILDER = provenance.Builder(provenance.LOCAL_BUILDER)
EVERY = ("provenance", "test result", "SBOM", "vulnerability result")


@pytest.fixture(scope="module")
def subject() -> PromotionSubject:
    known = catalog.load_catalog()
    return gate.make_subject(known, known.require_version("v2.6.0"), "cv", DIGEST, "patch")


def at(days: int) -> str:
    """Noon, days ago."""
    return (datetime.datetime.fromisoformat(NOON) - datetime.timedelta(days=days)).isoformat()


def build(days: int = 0) -> BuildRecord:
    """Of packages that were taken some days ago, and assembled again today."""
    made = replace(
        built("cv", DIGEST), debian_taken_at=at(days), created_at=at(min(days, 0)), stacks=STACKS
    )
    return replace(made, debian_packages=(DebianPackage("libc6", "2.36-9"),))


def validation(
    days: int = 0,
    gpus: Sequence[str] = (H200,),
    verdict: Verdict = Verdict.PASS,
    suites: Sequence[tuple[str, Verdict]] = (),
) -> ValidationRecord:
    """A run of every suite, all of which passed but those in `suites`."""
    record = validated(build(), verdict, "" if verdict is Verdict.PASS else "because")
    verdicts = dict.fromkeys((suite.name for suite in list_suites(STACKS)), Verdict.PASS) | dict(
        suites
    )
    results = tuple(
        SuiteResult(
            name,
            each,
            "" if each is Verdict.PASS else "because",
            1.0,
            ddp_checks() if name == "ddp" else (),
            "",
            list_digest=list_digest(name),
        )
        for name, each in verdicts.items()
    )
    where = replace(record.environment, gpus=tuple(gpus), device="cuda" if gpus else "cpu")
    return replace(record, suites=results, environment=where, started_at=at(days), key="f" * 64)


def scan(days: int = 0, database_days: int = 0, verdict: Verdict = Verdict.PASS) -> ScanRecord:
    record = scanned(build(), verdict, "" if verdict is Verdict.PASS else "because")
    database = Database("db", "d" * 64, at(days + database_days))
    return replace(record, started_at=at(days), database=database, scanner="trivy 0.76.0")


def of_build(record: BuildRecord) -> Statement:
    wheel = Wheel("torch", "2.6.0", "c" * 64, "torch-2.6.0-cp311-cp311-linux_x86_64.whl", 1)
    return provenance.make_statement(record, [wheel], BUILDER, "repository")


def of_tests(record: ValidationRecord) -> Statement:
    return test_result.make_statement(record, STACKS, "repository")


def of_scan(record: ScanRecord) -> Statement:
    return vulnerability.make_statement(record, "repository")


def of_bill(days: int = 0) -> Statement:
    return Statement(DIGEST, "repository", SBOM, {**sbom(), "metadata": {"timestamp": at(days)}})


def whole() -> dict[str, Statement]:
    """All that production demands, of today."""
    return {
        "provenance": of_build(build()),
        "test result": of_tests(validation()),
        "SBOM": of_bill(),
        "vulnerability result": of_scan(scan()),
    }


def found(statement: Statement, artifact: str = "") -> FoundEvidence:
    """As `read_evidence` returns a statement that a trusted key signed."""
    named = artifact or f"sha256:{statement.predicate_type}{read_date(statement)}"
    return FoundEvidence(
        named, statement.predicate_type, statement, "k" * 64, read_date(statement), ""
    )


def judged(
    subject: PromotionSubject,
    shipped: Channels,
    statements: Sequence[Statement],
    channel: str = "monthly",
) -> GateDecision:
    return decide_promotion(subject, [found(each) for each in statements], shipped, channel, TODAY)


def with_(**changed: Statement) -> list[Statement]:
    """The whole evidence with some of it changed; names with `_` for a space."""
    return list(
        (whole() | {name.replace("_", " "): each for name, each in changed.items()}).values()
    )


CHANNELS = ("candidate", "monthly", "quarterly", "production")
RELEASING = CHANNELS[1:]
NO_GPU_OF_A_FAMILY = "no tests on a GPU of a supported family (Volta, Turing, Ampere, "


@pytest.mark.parametrize("channel", CHANNELS)
def test_whole_evidence_passes(subject: PromotionSubject, shipped: Channels, channel: str) -> None:
    decision = judged(subject, shipped, with_(), channel)
    assert (decision.verdict, decision.reason_lines, decision.is_allowed) == (
        Verdict.PASS,
        (),
        True,
    )
    assert len(decision.evidence) == 4


@pytest.mark.parametrize("channel", CHANNELS)
def test_nothing_is_nothing_and_all_of_it_is_said_at_once(
    subject: PromotionSubject, shipped: Channels, channel: str
) -> None:
    decision = judged(subject, shipped, [], channel)
    assert (decision.verdict, decision.is_allowed) == (Verdict.INCONCLUSIVE, False)
    assert decision.reason_lines == tuple(f"cv: {each}: missing" for each in EVERY)


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("missing", EVERY)
def test_each_type_is_needed(
    subject: PromotionSubject, shipped: Channels, channel: str, missing: str
) -> None:
    rest = [each for name, each in whole().items() if name != missing]
    assert judged(subject, shipped, rest, channel).reason_lines == (f"cv: {missing}: missing",)


UNUSABLE: list[tuple[dict[str, Any], str]] = [
    ({"problem": "wrong key", "statement": None, "signer": ""}, "wrong key"),
    ({"problem": "wrong key"}, "wrong key"),
    ({"signer": ""}, "no trusted key signed it"),
]


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("spoilt", EVERY)
def test_what_is_not_signed_is_not_there(
    subject: PromotionSubject, shipped: Channels, channel: str, spoilt: str
) -> None:
    for changes, said in UNUSABLE:
        rest = [found(each) for name, each in whole().items() if name != spoilt]
        given = [*rest, replace(found(whole()[spoilt]), **changes)]
        decision = decide_promotion(subject, given, shipped, channel, TODAY)
        assert (decision.verdict, decision.reason_lines) == (
            Verdict.FAIL,
            (f"cv: {spoilt}: not usable: {said}",),
        )


def test_what_is_not_signed_does_not_stand_in_the_way_either(
    subject: PromotionSubject, shipped: Channels
) -> None:
    junk = [replace(found(each), statement=None, problem="wrong key") for each in whole().values()]
    good = [found(each) for each in whole().values()]
    assert decide_promotion(subject, [*junk, *good, *junk], shipped, "monthly", TODAY).is_allowed


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("name", EVERY)
def test_evidence_about_another_digest_is_none(
    subject: PromotionSubject, shipped: Channels, channel: str, name: str
) -> None:
    statements = whole() | {name: replace(whole()[name], subject=OTHER)}
    decision = judged(subject, shipped, list(statements.values()), channel)
    assert decision.reason_lines == (
        f"cv: {name}: not usable: it is about {OTHER}, not this image",
    )
    assert not judged(replace(subject, digest=OTHER), shipped, with_(), channel).is_allowed


@pytest.mark.parametrize("changed", [{"image": "base"}, {"version": "v2.6.1"}])
@pytest.mark.parametrize("channel", CHANNELS)
def test_evidence_of_one_image_is_none_for_another_with_the_same_digest(
    shipped: Channels, channel: str, changed: dict[str, str]
) -> None:
    """A `base` needs fewer suites than `cv`, so its name is bound too."""
    known = catalog.load_catalog()
    image, version = changed.get("image", "cv"), changed.get("version", "v2.6.0")
    asked = gate.make_subject(known, known.require_version(version), image, DIGEST, "patch")
    decision = judged(asked, shipped, with_(), channel)
    wrong = f"it is about v2.6.0 cv, not {version} {image}"
    expected = ["provenance", "test result", "vulnerability result"]
    assert decision.reason_lines == tuple(f"{image}: {each}: {wrong}" for each in expected)
    assert decision.verdict is Verdict.FAIL


# The list of checks

LISTS_CHANGED = (
    "cv: test result: the list of checks of ddp changed since these tests ran, and may ask for "
    "more now; run `./release.py validate v2.6.0` again"
)


@pytest.mark.parametrize("channel", CHANNELS)
def test_tests_that_were_held_against_another_list_prove_nothing(
    subject: PromotionSubject, shipped: Channels, channel: str
) -> None:
    today = replace(subject, suites={**subject.suites, "ddp": "0" * 64})
    decision = judged(today, shipped, with_(), channel)
    assert decision.reason_lines == (LISTS_CHANGED,)
    assert decision.verdict is Verdict.INCONCLUSIVE
    # a suite that the image no longer needs asks for nothing
    fewer = {name: held for name, held in subject.suites.items() if name != "cv"}
    assert judged(replace(subject, suites=fewer), shipped, with_(), channel).is_allowed


@pytest.mark.parametrize("channel", CHANNELS)
def test_tests_that_do_not_name_their_list_prove_nothing(
    subject: PromotionSubject, shipped: Channels, channel: str
) -> None:
    record = validation()
    older = replace(record, suites=tuple(replace(each, list_digest="") for each in record.suites))
    decision = judged(
        subject, shipped, list((whole() | {"test result": of_tests(older)}).values()), channel
    )
    assert decision.reason_lines == (
        "cv: test result: it does not say against which lists of checks the suites were held; "
        "run `./release.py validate v2.6.0` again, with this version of the program",
    )
    assert decision.verdict is Verdict.INCONCLUSIVE


def test_a_run_against_the_lists_of_today_replaces_one_against_others(
    subject: PromotionSubject, shipped: Channels
) -> None:
    record = validation(days=2, gpus=(A100,))
    older = replace(
        record, suites=tuple(replace(each, list_digest="0" * 64) for each in record.suites)
    )
    rest = [each for name, each in whole().items() if name != "test result"]
    assert not judged(subject, shipped, [*rest, of_tests(older)], "candidate").is_allowed
    both = [*rest, of_tests(older), of_tests(validation(gpus=(A100,)))]
    assert judged(subject, shipped, both, "candidate").is_allowed


# Age

AGED: dict[str, Callable[[int], Statement]] = {
    "provenance": lambda days: of_build(build(days)),
    "test result": lambda days: of_tests(validation(days)),
    "SBOM": of_bill,
    "vulnerability result": lambda days: of_scan(scan(days)),
}


@pytest.mark.parametrize("channel", ["candidate", "production"])
@pytest.mark.parametrize(("name", "key"), [*zip(EVERY, channels.EVIDENCE, strict=True)])
def test_age(
    subject: PromotionSubject, shipped: Channels, channel: str, name: str, key: channels.Evidence
) -> None:
    limit = shipped.find_demands(channel).evidence[key]
    for days in (0, 1, limit - 1, limit):
        assert judged(
            subject, shipped, list((whole() | {name: AGED[name](days)}).values()), channel
        ).is_allowed, days
    for days in (limit + 1, limit + 2, 10_000):
        decision = judged(
            subject, shipped, list((whole() | {name: AGED[name](days)}).values()), channel
        )
        (reason,) = decision.reason_lines
        assert reason.startswith(f"cv: {name}: {days:,} days old"), days
        assert reason.endswith(f"the limit is {limit} days")
        assert decision.verdict is Verdict.INCONCLUSIVE
    decision = judged(subject, shipped, list((whole() | {name: AGED[name](-1)}).values()), channel)
    assert decision.verdict is Verdict.FAIL
    assert any("is in the future" in reason for reason in decision.reason_lines)


def test_an_annotation_makes_nothing_younger(subject: PromotionSubject, shipped: Channels) -> None:
    """`created` is not signed: only what the statement says of itself counts."""
    old = [replace(found(of_scan(scan(40))), created=NOON), *(found(each) for each in with_()[:3])]
    assert not decide_promotion(subject, old, shipped, "monthly", TODAY).is_allowed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-21",
        "2026-11-21T12:00:00",
        "0001-01-01T00:00:00+14:00",
        3,
        None,
        [],
        {},
    ],
)
@pytest.mark.parametrize("name", EVERY)
def test_what_has_no_date_counts_for_nothing(
    subject: PromotionSubject, shipped: Channels, name: str, text: Any
) -> None:
    path = {
        "provenance": (OWN, "debian_taken_at"),
        "test result": ("configuration", 0, "annotations", "finished_at"),
        "SBOM": ("metadata", "timestamp"),
        "vulnerability result": ("metadata", "scanFinishedOn"),
    }[name]
    undated = edited(whole()[name], path, text)
    decision = judged(subject, shipped, list((whole() | {name: undated}).values()))
    assert decision.reason_lines == (f"cv: {name}: not usable: it has no valid date",)


# Of several the newest counts

WORSE: dict[str, Callable[[int], Statement]] = {
    "provenance": lambda days: edited(
        of_build(build(days)), ("buildDefinition", "externalParameters", "line"), "2.9"
    ),
    "test result": lambda days: of_tests(validation(days, suites=[("ddp", Verdict.FAIL)])),
    "SBOM": lambda days: edited(of_bill(days), ("components", 1, "purl"), "no purl"),
    "vulnerability result": lambda days: of_scan(scan(days, verdict=Verdict.FAIL)),
}


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("channel", CHANNELS)
def test_the_newest_counts(
    subject: PromotionSubject, shipped: Channels, name: str, channel: str
) -> None:
    rest = [each for key, each in whole().items() if key != name]
    for bad, good in ((2, 1), (1, 0)):
        for both in ([WORSE[name](bad), AGED[name](good)], [AGED[name](good), WORSE[name](bad)]):
            assert judged(subject, shipped, [*rest, *both], channel).is_allowed
    for good, bad in ((2, 1), (1, 0), (1, 1)):
        for both in ([WORSE[name](bad), AGED[name](good)], [AGED[name](good), WORSE[name](bad)]):
            decision = judged(subject, shipped, [*rest, *both], channel)
            assert decision.verdict is Verdict.FAIL, "of the same moment both count"


def test_the_same_statement_twice_is_said_once(
    subject: PromotionSubject, shipped: Channels
) -> None:
    twice = [
        found(each, artifact)
        for each in with_(test_result=of_tests(validation(40)))
        for artifact in "ab"
    ]
    assert len(decide_promotion(subject, twice, shipped, "monthly", TODAY).reason_lines) == 1


# Provenance


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("externalParameters", "line"), "2.9", "built for line 2.9"),
        (("externalParameters", "image"), "cv-nlp", "it is about v2.6.0 cv-nlp"),
        (("externalParameters", "version"), "v2.6.00", "it is about v2.6.00 cv"),
        (
            ("buildType",),
            "https://example.org/build",
            "its build type is https://example.org/build",
        ),
        (("resolvedDependencies",), [], "lists nothing that the image was made from"),
        (("resolvedDependencies",), 3, "cannot be read"),
        (("internalParameters", "torch"), "2.9.1", "torch 2.9.1; the catalogue has 2.6.0"),
        (("internalParameters", "cuda"), "12.8", "cuda 12.8; the catalogue has 12.4"),
        (("internalParameters", "python"), "3.12", "python 3.12; the catalogue has 3.11"),
        (("internalParameters",), {}, "torch without a version; the catalogue has 2.6.0"),
        (("internalParameters",), "", "cannot be read"),
    ],
)
def test_provenance(
    subject: PromotionSubject, shipped: Channels, path: tuple[str, ...], value: Any, said: str
) -> None:
    for channel in CHANNELS:
        wrong = edited(of_build(build()), ("buildDefinition", *path), value)
        decision = judged(subject, shipped, with_(provenance=wrong), channel)
        assert decision.verdict is Verdict.FAIL
        assert said in decision.reason_lines[0]


# Tests


@pytest.mark.parametrize("suite", [suite.name for suite in list_suites(STACKS)])
@pytest.mark.parametrize("channel", CHANNELS)
def test_a_suite_that_is_not_listed_refuses(
    subject: PromotionSubject, shipped: Channels, suite: str, channel: str
) -> None:
    record = validation()
    without = replace(record, suites=tuple(each for each in record.suites if each.suite != suite))
    cut = of_tests(record)
    own = [
        each
        for each in cut.predicate["configuration"][0]["annotations"]["suites"]
        if each["name"] != suite
    ]
    removed = edited(cut, ("configuration", 0, "annotations", "suites"), own)
    for about in (of_tests(without), removed):
        decision = judged(subject, shipped, with_(test_result=about), channel)
        assert f"cv: test result: suite {suite} is missing" in decision.reason_lines
        assert not decision.is_allowed


def test_an_empty_list_of_suites_refuses(subject: PromotionSubject, shipped: Channels) -> None:
    empty = edited(of_tests(validation()), ("configuration", 0, "annotations", "suites"), [])
    assert len(judged(subject, shipped, with_(test_result=empty), "candidate").reason_lines) == len(
        subject.suites
    )


def test_calling_a_suite_optional_changes_nothing(
    subject: PromotionSubject, shipped: Channels
) -> None:
    about = of_tests(validation(suites=[("cv", Verdict.NOT_RUN)]))
    place = ("configuration", 0, "annotations", "suites")
    optional = [
        {**each, "required": False}
        for each in about.predicate["configuration"][0]["annotations"]["suites"]
    ]
    assert not judged(
        subject, shipped, with_(test_result=edited(about, place, optional))
    ).is_allowed


def test_an_image_without_suites_proves_nothing(
    subject: PromotionSubject, shipped: Channels
) -> None:
    decision = judged(replace(subject, suites={}), shipped, with_())
    assert decision.reason_lines == (
        "cv: the catalogue has no suite for this image, so nothing can be proven",
    )


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.PASS])
@pytest.mark.parametrize("suite", ["ddp", "cv", "floor", "preflight", "regression"])
@pytest.mark.parametrize("channel", CHANNELS)
def test_verdicts_of_suites_and_gates(
    subject: PromotionSubject, shipped: Channels, channel: str, suite: str, verdict: Verdict
) -> None:
    about = of_tests(validation(suites=[(suite, verdict)]))
    decision = judged(subject, shipped, with_(test_result=about), channel)
    if channel == "candidate" and verdict in (Verdict.NOT_RUN, Verdict.INCONCLUSIVE):
        assert decision.is_allowed
        return
    assert decision.reason_lines == (f"cv: test result: suite {suite}: {verdict}, because",)
    assert decision.verdict is (Verdict.INCONCLUSIVE if verdict is Verdict.NOT_RUN else verdict)


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.PASS])
def test_the_verdict_on_the_whole_counts_too(
    subject: PromotionSubject, shipped: Channels, verdict: Verdict
) -> None:
    about = of_tests(validation(verdict=verdict))
    assert not judged(subject, shipped, with_(test_result=about)).is_allowed
    taken = verdict in (Verdict.NOT_RUN, Verdict.INCONCLUSIVE)
    assert judged(subject, shipped, with_(test_result=about), "candidate").is_allowed is taken


def test_every_suite_that_falls_short_is_named(
    subject: PromotionSubject, shipped: Channels
) -> None:
    about = of_tests(
        validation(suites=[("ddp", Verdict.FAIL), ("cv", Verdict.FLAKY), ("device", Verdict.INFRA)])
    )
    decision = judged(subject, shipped, with_(test_result=about))
    assert [reason.split()[4].rstrip(":") for reason in decision.reason_lines] == [
        "device",
        "ddp",
        "cv",
    ]


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_run_outside_the_image_proves_nothing(
    subject: PromotionSubject, shipped: Channels, channel: str
) -> None:
    local = edited(of_tests(validation()), ("configuration", 0, "annotations", "executor"), "local")
    decision = judged(subject, shipped, with_(test_result=local), channel)
    assert decision.reason_lines == (
        "cv: test result: the tests ran with the executor `local`, not in the image",
    )


@pytest.mark.parametrize(
    ("gpus", "covered"),
    [
        ([H200], True),
        (["NVIDIA H100 80GB HBM3"], True),
        (["NVIDIA GH200 480GB"], True),
        ([H200, A100], True),
        ([H200, H200], True),
        ([A100], True),
        (["NVIDIA A10"], True),
        (["Tesla T4"], True),
        (["NVIDIA GeForce RTX 4090"], True),
        (["NVIDIA RTX PRO 6000 Blackwell Server Edition"], True),
        ([], False),
        (["NVIDIA H2000"], False),
        (["H20O"], False),
        ([""], False),
        (["nvidia h200"], False),
    ],
)
@pytest.mark.parametrize("channel", CHANNELS)
def test_gpus(
    subject: PromotionSubject, shipped: Channels, channel: str, gpus: list[str], covered: bool
) -> None:
    decision = judged(subject, shipped, with_(test_result=of_tests(validation(gpus=gpus))), channel)
    assert decision.is_allowed is (covered or channel == "candidate")
    if not decision.is_allowed:
        (reason,) = decision.reason_lines
        assert NO_GPU_OF_A_FAMILY in reason
        assert decision.verdict is Verdict.INCONCLUSIVE


def test_a_gpu_that_was_there_and_not_used_is_not_covered(
    subject: PromotionSubject, shipped: Channels
) -> None:
    for path, value in ((("device",), "cpu"), (("gpus", 0, "count"), 0)):
        idle = edited(of_tests(validation()), ("configuration", 0, "annotations", *path), value)
        assert not judged(subject, shipped, with_(test_result=idle)).is_allowed


def test_without_a_gpu_production_says_what_was_not_run_too(
    subject: PromotionSubject, shipped: Channels
) -> None:
    decision = judged(subject, shipped, with_(test_result=without_gpu()), "production")
    (reason,) = decision.reasons
    assert str(reason).startswith(f"cv: {NO_GPU_OF_A_FAMILY}")
    assert str(reason).endswith("; 2 suites are not complete: device, floor")
    assert (reason.cause, reason.verdict) == (ReasonCause.NO_GPU, Verdict.NOT_RUN)
    assert judged(subject, shipped, with_(test_result=without_gpu()), "candidate").is_allowed


def without_gpu() -> Statement:
    """A run without a GPU, of which `device` and the floor lack nothing but that."""
    record = validation(gpus=[], suites=[("device", Verdict.NOT_RUN), ("floor", Verdict.NOT_RUN)])
    name = next(
        name
        for name, each in load_checks(next(s for s in SUITES if s.name == "device")).items()
        if each.gpus
    )
    checks = (Check(name, Verdict.NOT_RUN, "any text", 0.0, ()),)
    suites = tuple(
        replace(each, checks=checks) if each.suite == "device" else each for each in record.suites
    )
    return of_tests(replace(record, suites=suites))


@pytest.mark.parametrize(
    ("field", "value"), [("verdict", "fail"), ("cause", ""), ("cause", "of a later version")]
)
def test_a_suite_is_not_hidden_by_the_reason_of_others(
    subject: PromotionSubject, shipped: Channels, field: str, value: str
) -> None:
    """It failed, or the statement is of a version without this cause."""
    suites = without_gpu().predicate["configuration"][0]["annotations"]["suites"]
    index = [each["name"] for each in suites].index("device")
    path = ("configuration", 0, "annotations", "suites", index, field)
    decision = judged(
        subject, shipped, with_(test_result=edited(without_gpu(), path, value)), "production"
    )
    first, second = decision.reason_lines
    assert first.endswith("; 1 suite is not complete: floor")
    assert second.startswith("cv: test result: suite device: ")


@pytest.fixture(scope="module")
def two_families(shipped: Channels) -> Channels:
    demands = replace(shipped.demands["proven"], gpus=("Hopper", "Ampere"))
    return replace(shipped, demands={**shipped.demands, "proven": demands})


@pytest.mark.parametrize(
    ("runs", "reasons"),
    [
        pytest.param([(0, [H200, A100], "pass")], [], id="both in one"),
        pytest.param([(1, [H200], "pass"), (0, [A100], "pass")], [], id="one after the other"),
        pytest.param([(0, [H200], "pass")], ["no tests on an Ampere GPU"], id="one lacking"),
        pytest.param(
            [(0, [], "not run")],
            ["Hopper GPU", "Ampere GPU", "suite ddp: not run"],
            id="both lacking",
        ),
        pytest.param(
            [(1, [H200], "pass"), (0, [A100], "fail")], ["suite ddp: fail"], id="one failed"
        ),
        pytest.param(
            [(1, [H200], "not run"), (0, [A100], "pass")], ["suite ddp: not run"], id="one not run"
        ),
        pytest.param([(31, [H200], "pass"), (0, [A100], "pass")], ["31 days old"], id="one stale"),
        pytest.param(
            [(2, [A100], "fail"), (1, [H200], "pass"), (0, [A100], "pass")], [], id="failed before"
        ),
        pytest.param(
            [(1, [H200], "pass"), (0, [A100], "pass"), (0, [], "not run")], [], id="and none at all"
        ),
        pytest.param(
            [(5, ["NVIDIA H100"], "not run"), (1, [H200], "pass"), (0, [A100], "pass")],
            [],
            id="another of a family before",
        ),
        pytest.param(
            [(0, [H200, A100], "pass"), (0, [], "infra")], [], id="a runner was broken elsewhere"
        ),
        pytest.param(
            [(0, [H200, A100], "pass"), (9, [], "fail")],
            ["without a GPU failed"],
            id="failed elsewhere",
        ),
        pytest.param(
            [(0, [H200, A100], "pass"), (99, ["NVIDIA L4"], "flaky")],
            ["NVIDIA L4 failed"],
            id="failed long ago",
        ),
    ],
)
def test_several_machines(
    subject: PromotionSubject,
    two_families: Channels,
    runs: list[tuple[int, list[str], str]],
    reasons: list[str],
) -> None:
    statements = [
        of_tests(validation(days, gpus, suites=[("ddp", Verdict(end))])) for days, gpus, end in runs
    ]
    rest = [each for name, each in whole().items() if name != "test result"]
    for order in (statements, statements[::-1]):
        decision = judged(subject, two_families, [*order, *rest])
        assert len(decision.reason_lines) == len(reasons)
        assert all(
            part in reason for part, reason in zip(reasons, decision.reason_lines, strict=True)
        )


def test_a_newer_run_that_cannot_be_read_is_not_passed_over(
    subject: PromotionSubject, shipped: Channels
) -> None:
    unreadable = edited(
        of_tests(validation(0)), ("configuration", 0, "annotations", "suites"), "all of them"
    )
    decision = judged(subject, shipped, [*with_(test_result=of_tests(validation(1))), unreadable])
    (reason,) = decision.reason_lines
    assert "test result: cannot be read" in reason


# Bill of materials, vulnerabilities


def test_budget_and_bill_of_materials(subject: PromotionSubject, shipped: Channels) -> None:
    listed = 4
    assert judged(replace(subject, packages=listed), shipped, with_()).is_allowed
    over = judged(replace(subject, packages=listed - 1), shipped, with_())
    assert over.reason_lines == ("cv: SBOM: 4 packages; the budget is 3",)
    empty = edited(
        of_bill(),
        ("components",),
        [{"type": "operating-system", "name": "debian", "version": "12"}],
    )
    (reason,) = judged(subject, shipped, with_(SBOM=empty), "candidate").reason_lines
    assert reason == "cv: SBOM: it lists no packages"


@pytest.mark.parametrize("verdict", [each for each in Verdict if each is not Verdict.PASS])
@pytest.mark.parametrize("channel", CHANNELS)
def test_verdicts_of_scans(
    subject: PromotionSubject, shipped: Channels, channel: str, verdict: Verdict
) -> None:
    decision = judged(
        subject, shipped, with_(vulnerability_result=of_scan(scan(verdict=verdict))), channel
    )
    assert decision.is_allowed is (channel == "candidate" and verdict is Verdict.INCONCLUSIVE)


def test_what_blocks_is_named_whatever_the_verdict_says(
    subject: PromotionSubject, shipped: Channels
) -> None:
    blocks = replace(scan(), findings=(TriagedFinding(finding(), TriageStatus.BLOCKS, "", ""),))
    over = replace(scan(), problems=(ScanProblem("budget", "cv", "7 layers, the budget is 6", ""),))
    for channel in CHANNELS:
        (reason,) = judged(
            subject, shipped, with_(vulnerability_result=of_scan(blocks)), channel
        ).reason_lines
        assert reason == "cv: vulnerability result: blocked by CVE-2026-1"
        (reason,) = judged(
            subject, shipped, with_(vulnerability_result=of_scan(over)), channel
        ).reason_lines
        assert reason == "cv: vulnerability result: budget: cv: 7 layers, the budget is 6"


def test_hiding_the_names_of_what_blocks_does_not_hide_that_it_does(
    subject: PromotionSubject, shipped: Channels
) -> None:
    blocks = of_scan(
        replace(scan(), findings=(TriagedFinding(finding(), TriageStatus.BLOCKS, "", ""),))
    )
    nameless = edited(blocks, (OWN, "blocking"), [])
    (reason,) = judged(subject, shipped, with_(vulnerability_result=nameless)).reason_lines
    assert reason == "cv: vulnerability result: blocked by 1 finding"


@pytest.mark.parametrize(
    "standing", [each for each in TriageStatus if each is not TriageStatus.BLOCKS]
)
def test_what_does_not_block_passes(
    subject: PromotionSubject, shipped: Channels, standing: TriageStatus
) -> None:
    record = replace(scan(), findings=(TriagedFinding(finding(), standing, "", ""),))
    assert judged(subject, shipped, with_(vulnerability_result=of_scan(record))).is_allowed


@pytest.mark.parametrize("channel", RELEASING)
def test_the_database_as_it_was_when_it_judged(
    subject: PromotionSubject, shipped: Channels, channel: str
) -> None:
    limit = shipped.find_demands(channel).database_days
    assert limit
    for days in (0, limit):
        for scanned_before in (0, 3):
            about = of_scan(scan(scanned_before, days))
            assert judged(subject, shipped, with_(vulnerability_result=about), channel).is_allowed
    for days, said in (
        (limit + 1, f"{limit + 1} days old at the time of the scan"),
        (-1, "after the scan of"),
    ):
        decision = judged(
            subject, shipped, with_(vulnerability_result=of_scan(scan(0, days))), channel
        )
        (reason,) = decision.reason_lines
        assert said in reason
    assert judged(
        subject, shipped, with_(vulnerability_result=of_scan(scan(0, 99))), "candidate"
    ).is_allowed


@pytest.mark.parametrize(
    "gone", [{"database": None}, {"findings": None}, {"database": None, "findings": None}]
)
@pytest.mark.parametrize("channel", RELEASING)
def test_a_scan_without_a_database_is_no_scan(
    subject: PromotionSubject, shipped: Channels, channel: str, gone: dict[str, Any]
) -> None:
    about = of_scan(replace(scan(), **gone))
    decision = judged(subject, shipped, with_(vulnerability_result=about), channel)
    assert decision.reason_lines == (
        "cv: vulnerability result: vulnerabilities not assessed: the scan had no vulnerability "
        "database",
    )
    assert decision.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("text", ["", "yesterday", "9999-12-31T23:59:59-14:00"])
def test_a_database_of_no_known_day_refuses(
    subject: PromotionSubject, shipped: Channels, text: str
) -> None:
    about = edited(of_scan(scan()), (OWN, "database", "updated_at"), text)
    assert not judged(subject, shipped, with_(vulnerability_result=about)).is_allowed


# Kinds


@pytest.mark.parametrize(
    ("channel", "kinds"),
    [
        ("candidate", {"patch", "feature", "major"}),
        ("monthly", {"patch"}),
        ("quarterly", {"patch", "feature"}),
        ("production", {"patch", "feature", "major"}),
    ],
)
def test_kinds_of_channels(
    subject: PromotionSubject, shipped: Channels, channel: str, kinds: set[str]
) -> None:
    for kind in ("patch", "feature", "major", "hotfix", ""):
        decision = judged(replace(subject, kind=kind), shipped, with_(), channel)
        assert decision.is_allowed is (kind in kinds)
        assert decision.is_allowed or f"this one is `{kind}`" in decision.reason_lines[0]


def test_an_unknown_channel_is_a_person_s_error(
    subject: PromotionSubject, shipped: Channels
) -> None:
    with pytest.raises(ConfigError, match="unknown channel"):
        judged(subject, shipped, with_(), "weekly")


def test_a_channel_that_accepts_no_verdict_accepts_nothing(
    subject: PromotionSubject, shipped: Channels
) -> None:
    demands = replace(shipped.demands["built"], suites=())
    strange = replace(shipped, demands={**shipped.demands, "built": demands})
    assert not judged(subject, strange, with_(), "candidate").is_allowed


def test_reasons_of_all_parts_come_together(subject: PromotionSubject, shipped: Channels) -> None:
    statements = with_(
        test_result=of_tests(validation(40, gpus=[A100], suites=[("ddp", Verdict.FAIL)])),
        vulnerability_result=of_scan(scan(10, 20, Verdict.FAIL)),
    )
    decision = judged(
        replace(subject, kind="major", packages=1), shipped, [*statements[1:]], "monthly"
    )
    said = " | ".join(decision.reason_lines)
    for part in (
        "accepts patch",
        "provenance: missing",
        "40 days",
        "ddp",
        "budget",
        "10 days",
        "20 days",
        "because",
    ):
        assert part in said, part
    assert decision.verdict is Verdict.FAIL


# Everything in a statement, taken away and turned into something else


def edited(statement: Statement, path: Sequence[str | int], value: Any) -> Statement:
    """The statement with one place in its predicate changed."""
    predicate = copy.deepcopy(dict(statement.predicate))
    place: Any = predicate
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return replace(statement, predicate=predicate)


def places(value: Any, here: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every path in a predicate."""
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    for key, inner in items:
        yield (*here, key)
        yield from places(inner, (*here, key))


def without(statement: Statement, path: tuple[str | int, ...]) -> Statement:
    """The statement with one place in its predicate taken away."""
    cut = replace(statement, predicate=copy.deepcopy(dict(statement.predicate)))
    place: Any = cut.predicate
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return cut


STRANGE: tuple[Any, ...] = (None, "", "x", -1, 10**30, True, [], [[]], {}, {"x": 1}, "9" * 5000)

DECIDES: dict[str, tuple[tuple[str | int, ...], ...]] = {
    "provenance": (
        *(
            ("buildDefinition", each)
            for each in ("externalParameters", "buildType", "resolvedDependencies")
        ),
        *(("buildDefinition", "internalParameters", each) for each in ("torch", "cuda", "python")),
        ("runDetails", "builder"),
        ("runDetails", "metadata", "finishedOn"),
        (OWN,),
    ),
    "test result": (("configuration", 0, "annotations"),),
    "SBOM": (("components", 1, "purl"), ("metadata",)),
    "vulnerability result": ((OWN,), ("metadata", "scanFinishedOn")),
}
"""What a decision is made from.

Of lists and counts one entry may go, where the rest still decides.
"""

ADDED = {"needs_gpus", "family", "floor", "cause", "jobs"}
"""Fields that statements of older versions lack. Without them, less is accepted, or the same."""

SPARE = {"resolvedDependencies", "components", "gpus", "standings", "origins"}


def alone(shipped: Channels, name: str) -> Channels:
    """Channels that ask for one type of evidence; the loader would refuse them."""
    key: channels.Evidence = channels.EVIDENCE[EVERY.index(name)]
    demands = shipped.demands["proven"]
    one = replace(demands, evidence={key: demands.evidence[key]})
    return replace(shipped, demands={**shipped.demands, "proven": one})


@pytest.mark.parametrize("name", EVERY)
def test_whatever_is_taken_from_what_decides_is_missed(
    subject: PromotionSubject, shipped: Channels, name: str
) -> None:
    statement, demanding = whole()[name], alone(shipped, name)
    assert judged(subject, demanding, [statement]).is_allowed
    decide = [
        path
        for path in places(statement.predicate)
        if any(path[: len(to)] == to for to in DECIDES[name])
    ]
    tried = [path for path in decide if not SPARE & set(path[:-1]) and path[-1] not in ADDED]
    assert tried
    for path in tried:
        assert not judged(subject, demanding, [without(statement, path)]).is_allowed, path


@pytest.mark.parametrize("name", EVERY)
def test_no_shape_of_evidence_raises(
    subject: PromotionSubject, shipped: Channels, name: str
) -> None:
    statement, demanding = whole()[name], alone(shipped, name)
    for path in places(statement.predicate):
        for value in STRANGE:
            decision = judged(subject, demanding, [edited(statement, path, value)])
            assert decision.is_allowed is not bool(decision.reason_lines)
    for predicate in ({}, {"x": 1}):
        assert not judged(subject, demanding, [replace(statement, predicate=predicate)]).is_allowed


# From a registry, signed


def test_what_is_signed_and_stored_is_judged_the_same_and_another_key_is_not_believed(
    subject: PromotionSubject, shipped: Channels
) -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    about = Descriptor(OCI_MANIFEST, DIGEST, 2)
    with FakeRegistry() as fake:
        registry = Registry(fake.host)
        evidence.publish_statements(registry, "repository", about, list(whole().values()), key)
        for signer, allowed in ((key, True), (other, False)):
            read = evidence.read_evidence(registry, "repository", DIGEST, trust(signer))
            decision = decide_promotion(subject, read, shipped, "production", TODAY)
            assert decision.is_allowed is allowed
            assert allowed or all("not usable" in reason for reason in decision.reason_lines)
            assert not allowed or decision.evidence == tuple(sorted(each.artifact for each in read))
