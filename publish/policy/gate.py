"""Decide from its evidence alone whether a digest may be released through a channel.

Pure: no registry, no record on disk, no clock. Only statements that trusted signers made about
this very digest count, by the time that was signed with them. Missing, unreadable or undated
evidence blocks promotion. Bad evidence raises no error and hides no other bad evidence: all reasons
are given at once.

Of several statements of a type the newest counts, and of several of the same moment all do. Tests
are run on one machine at a time, so of them the newest on each set of GPUs counts: each family of
GPUs that a channel demands must be covered by one that the channel accepts whole, and one that
failed anywhere refuses.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from images.catalog import Catalog, Line, Version
from publish.evidence.kinds import read_date
from publish.evidence.predicates import (
    PROVENANCE,
    SBOM,
    TEST_RESULT,
    VULNERABILITIES,
    cyclonedx,
    provenance,
    read_value,
    test_result,
    vulnerability,
)
from publish.evidence.predicates.provenance import BuildClaim
from publish.evidence.predicates.test_result import SuiteVerdict, TestClaim
from publish.evidence.predicates.vulnerability import ScanClaim
from publish.evidence.statement import Statement
from publish.evidence.store import FoundEvidence
from publish.policy.channels import Channels, Demands, Evidence
from publish.policy.reason import Reason
from runner.errors import ReleaseError
from runner.moments import parse_moment
from runner.verdict import Verdict, summary_verdict
from scan import sbom
from scan.record import Package, TriageStatus
from validation.machine import DOCKER
from validation.suite import list_suites
from validation.suites.contract.words import NO_GPU

CUDA = "cuda"
NOT_ASSESSED = "not assessed"
"""So begins a reason about a scan that had no vulnerability database."""

_SHOWN_PROBLEMS = 3
"""Problems with unusable evidence that are named; the others are counted.

Whoever may write to the registry can make thousands of them.
"""

_FAILURES = (Verdict.FAIL, Verdict.FLAKY)
"""Verdicts that count against a digest on any machine and at any time."""


@dataclass(frozen=True)
class PromotionSubject:
    """A digest, and what it is to be released as: `kind` is patch, feature or major.

    The rest is the catalogue's: the line, the suites the image must pass, and the most packages it
    may hold.
    """

    digest: str
    version: Version
    image: str
    kind: str
    line: Line
    suites: tuple[str, ...]
    packages: int


@dataclass(frozen=True)
class GateDecision:
    """`pass` if nothing refuses, else the worst of the reasons.

    `evidence` are the artifacts (digests of their manifests) that were counted.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...]
    evidence: tuple[str, ...]

    @property
    def is_allowed(self) -> bool:
        """Whether the digest may carry the channel's names."""
        return self.verdict is Verdict.PASS

    @property
    def reason_lines(self) -> tuple[str, ...]:
        """The reasons as lines for people, each once."""
        return tuple(dict.fromkeys(map(str, self.reasons)))


_Judgement = tuple[Verdict, str]
"""What is wrong with one piece of evidence; it becomes a Reason of its image and kind."""


@dataclass(frozen=True)
class _TrustedStatement:
    """A trusted statement about this digest: its contents, or the `problem` with reading them."""

    artifact: str
    made: datetime.datetime
    contents: Any
    problem: str


@dataclass(frozen=True)
class _GateContext:
    """The image, the channel and the day that evidence is compared with."""

    subject: PromotionSubject
    channels: Channels
    demands: Demands
    today: datetime.date

    def make_reason(self, evidence: str, judgement: _Judgement) -> Reason:
        """Return a reason about the image of this gate."""
        return Reason(self.subject.image, evidence, *judgement)


@dataclass(frozen=True)
class _Selection:
    """The statements that must prove it, and what refuses beside them."""

    statements: Sequence[_TrustedStatement]
    reasons: Sequence[Reason] = ()


@dataclass(frozen=True)
class _EvidenceRule:
    """How a type of evidence is read, which of its statements count, and what they must say."""

    title: str
    predicate_type: str
    read: Callable[[Statement], Any]
    select: Callable[[Sequence[_TrustedStatement], _GateContext], _Selection]
    judge: Callable[[Any, _TrustedStatement, _GateContext], Iterator[_Judgement]]


def make_subject(
    catalog: Catalog, version: Version, image: str, digest: str, kind: str
) -> PromotionSubject:
    """Return what the catalogue expects of an image.

    Raises ConfigError if it has no such image.
    """
    return PromotionSubject(
        digest=digest,
        version=version,
        image=image,
        kind=kind,
        line=catalog.lines[version.line],
        suites=tuple(suite.name for suite in list_suites(catalog.stacks_of(image))),
        packages=catalog.budget_of(image).packages,
    )


def decide_promotion(
    subject: PromotionSubject,
    found: Sequence[FoundEvidence],
    channels: Channels,
    channel: str,
    today: datetime.date,
) -> GateDecision:
    """Judge a digest for a channel as of `today` (UTC).

    Raises ConfigError for an unknown channel, and nothing else.
    """
    gate = _GateContext(subject, channels, channels.find_demands(channel), today)
    reasons = [gate.make_reason("", each) for each in _judge_request(gate, channel)]
    counted = set[str]()
    for name, days in gate.demands.evidence.items():
        rule = _RULES[name]
        selection = _select_statements(rule, found, gate)
        counted.update(statement.artifact for statement in selection.statements)
        reasons += selection.reasons
        for statement in selection.statements:
            judgements = _judge_statement(rule, statement, gate, days)
            reasons += [gate.make_reason(rule.title, each) for each in judgements]
    verdict = Verdict.PASS
    if reasons:
        verdict = summary_verdict([Verdict.NOT_RUN, *(reason.verdict for reason in reasons)])
    return GateDecision(verdict, tuple(dict.fromkeys(reasons)), tuple(sorted(counted)))


def _judge_request(gate: _GateContext, channel: str) -> Iterator[_Judgement]:
    kinds, kind = gate.channels.find_channel(channel).kinds, gate.subject.kind
    if kind not in kinds:
        accepted = " and ".join(kinds)
        yield (
            Verdict.FAIL,
            f"the channel {channel} accepts {accepted} releases; this one is `{kind}`",
        )
    if not gate.subject.suites:
        yield Verdict.NOT_RUN, "the catalogue has no suite for this image, so nothing can be proven"


# Which statements count


def _select_statements(
    rule: _EvidenceRule, found: Iterable[FoundEvidence], gate: _GateContext
) -> _Selection:
    """Return the statements of a type that count; without any, the reason why there is none."""
    statements: list[_TrustedStatement] = []
    problems: set[str] = set()
    for each in found:
        predicate = each.statement.predicate_type if each.statement else each.predicate_type
        if predicate == rule.predicate_type:
            read = _read_statement(rule, each, gate.subject.digest)
            if isinstance(read, str):
                problems.add(read)
            else:
                statements.append(read)
    if statements:
        return rule.select(sorted(statements, key=lambda each: (each.made, each.artifact)), gate)
    missing: _Judgement = Verdict.NOT_RUN, "missing"
    if problems:
        more = len(problems) - _SHOWN_PROBLEMS
        shown = "; ".join(sorted(problems)[:_SHOWN_PROBLEMS])
        missing = Verdict.FAIL, f"not usable: {shown}{f' (and {more} more)' if more > 0 else ''}"
    return _Selection((), [gate.make_reason(rule.title, missing)])


def _read_statement(
    rule: _EvidenceRule, found: FoundEvidence, digest: str
) -> _TrustedStatement | str:
    """Return a statement that counts, or why it does not.

    One that cannot be read counts: it is a reason to refuse. What others wrote has any shape.
    """
    if found.statement is None or found.problem or not found.signer:
        return found.problem or "no trusted key signed it"
    if found.statement.subject != digest:
        return f"it is about {found.statement.subject}, not this image"
    made = _read_date(read_date(found.statement))
    if made is None:
        return "it has no valid date"
    try:
        return _TrustedStatement(found.artifact, made, rule.read(found.statement), "")
    except ReleaseError as error:
        return _TrustedStatement(found.artifact, made, None, error.message)
    except Exception as error:
        problem = f"{type(error).__name__}: {str(error)[:100]}"
        return _TrustedStatement(found.artifact, made, None, problem)


def _read_date(text: str) -> datetime.datetime | None:
    """Return an ISO 8601 time in UTC, None if the text is none."""
    try:
        return parse_moment(text)
    except ValueError:
        return None


def _select_newest(statements: Sequence[_TrustedStatement], _: _GateContext) -> _Selection:
    return _Selection([each for each in statements if each.made == statements[-1].made])


def _select_test_runs(statements: Sequence[_TrustedStatement], gate: _GateContext) -> _Selection:
    """Select for each demanded family the newest run on it, without demands the newest of all.

    No other run may have failed. One that cannot be read has no GPUs, and counts if it is the
    newest.
    """
    made = {_models_of(each): each.made for each in statements}
    latest = [each for each in statements if made[_models_of(each)] == each.made]
    newest = _select_newest(statements, gate).statements
    proofs: list[_TrustedStatement] = []
    reasons = []
    for family in gate.demands.gpus:
        words = gate.channels.families[family]
        runs = [each for each in latest if each.contents and _ran_on(each.contents, words)]
        proofs += [each for each in runs if each.made == runs[-1].made]
        if not runs:
            models = sorted({model for each in latest for model in _models_of(each)})
            article = "an" if family[0] in "AEIOU" else "a"
            untested = f"no tests on {article} {family} GPU ({', '.join(words)})"
            text = f"{untested}; the tests ran {_describe_gpus(models)}"
            reasons.append(gate.make_reason("", (Verdict.NOT_RUN, text)))
    counted = [
        each
        for each in statements
        if each in (proofs or newest) or (each in newest and each.problem)
    ]
    for each in latest:
        tested: TestClaim | None = each.contents
        if each in counted or tested is None:
            continue
        verdicts = (tested.verdict, *(suite.verdict for suite in tested.suites))
        if any(verdict in _FAILURES for verdict in verdicts):
            text = f"the tests of {each.made:%Y-%m-%d} {_describe_gpus(_models_of(each))} failed"
            reasons.append(gate.make_reason("", (Verdict.FAIL, f"{text}: {tested.reason}")))
    return _Selection(counted, reasons)


def _models_of(statement: _TrustedStatement) -> tuple[str, ...]:
    tested: TestClaim | None = statement.contents
    return tuple(sorted({gpu.model for gpu in tested.gpus})) if tested else ()


def _ran_on(tested: TestClaim, words: Sequence[str]) -> bool:
    """Whether the tests used a GPU whose name holds one of the words."""
    if tested.device != CUDA:
        return False
    return any(
        gpu.count > 0 and set(re.findall(r"\w+", gpu.model)) & set(words) for gpu in tested.gpus
    )


def _describe_gpus(models: Sequence[str]) -> str:
    return f"on {', '.join(models)}" if models else "without a GPU"


# What they must say


def _judge_statement(
    rule: _EvidenceRule, statement: _TrustedStatement, gate: _GateContext, days: int
) -> Iterator[_Judgement]:
    made = statement.made.date()
    age = (gate.today - made).days
    if age < 0:
        yield Verdict.FAIL, f"its date, {made}, is in the future"
    if age > days:
        yield Verdict.INCONCLUSIVE, f"{age} days old (of {made}); the limit is {days} days"
    if statement.problem:
        yield Verdict.FAIL, f"cannot be read: {statement.problem}"
        return
    yield from rule.judge(statement.contents, statement, gate)


def _require_name(version: str, image: str, gate: _GateContext) -> Iterator[_Judgement]:
    """Require the right name: evidence of another image is about other suites."""
    wanted = f"{gate.subject.version} {gate.subject.image}"
    if f"{version} {image}" != wanted:
        yield Verdict.FAIL, f"it is about {version} {image}, not {wanted}"


def _judge_provenance(
    contents: tuple[BuildClaim, dict[str, str]], _: _TrustedStatement, gate: _GateContext
) -> Iterator[_Judgement]:
    built, facts = contents
    yield from _require_name(built.asked.version, built.asked.image, gate)
    line = gate.subject.version.line
    if built.asked.line != line:
        yield Verdict.FAIL, f"built for line {built.asked.line}, not {line}"
    if built.build_type != provenance.BUILD_TYPE:
        yield Verdict.FAIL, f"its build type is {built.build_type}, not {provenance.BUILD_TYPE}"
    if not built.dependencies:
        yield Verdict.FAIL, "it lists nothing that the image was made from"
    for name in ("torch", "cuda", "python"):
        found, wanted = facts.get(name, "of no version"), getattr(gate.subject.line, name)
        if found != wanted:
            yield Verdict.FAIL, f"{name} {found}; the catalogue has {wanted}"


def _judge_tests(
    tested: TestClaim, _: _TrustedStatement, gate: _GateContext
) -> Iterator[_Judgement]:
    """Require every suite of the image, each with a verdict that the channel accepts."""
    yield from _require_name(tested.version, tested.image, gate)
    if tested.executor != DOCKER:
        problem = f"the tests ran with the executor `{tested.executor}`, not in the image"
        yield Verdict.NOT_RUN, problem
    accepted, explained = gate.demands.suites, False
    listed = {suite.name for suite in tested.suites if suite.reason != test_result.MISSING}
    for name in gate.subject.suites:
        if name not in listed:
            yield Verdict.NOT_RUN, f"suite {name} is missing"
            explained = True
    for suite in tested.suites:
        if suite.name in listed and suite.verdict not in accepted:
            yield suite.verdict, f"suite {suite.name}: {_describe_suite(suite)}"
            explained = True
    if not explained and tested.verdict not in accepted:
        yield tested.verdict, f"{tested.verdict}: {tested.reason}"


def _describe_suite(suite: SuiteVerdict) -> str:
    """Return how a suite ended, with the reason of its first check."""
    first = suite.reason.removesuffix(NO_GPU)
    if suite.verdict is not Verdict.NOT_RUN or first == suite.reason:
        return f"{suite.verdict}, {suite.reason}"
    which = f" (the first: {first.removesuffix(': ')})" if first else ""
    return f"checks were not run{which}: there was no GPU"


def _judge_sbom(
    packages: tuple[Package, ...], _: _TrustedStatement, gate: _GateContext
) -> Iterator[_Judgement]:
    if not packages:
        yield Verdict.FAIL, "it lists no packages"
    if len(packages) > gate.subject.packages:
        yield Verdict.FAIL, f"{len(packages)} packages; the budget is {gate.subject.packages}"


def _judge_vulnerabilities(
    assessed: ScanClaim, statement: _TrustedStatement, gate: _GateContext
) -> Iterator[_Judgement]:
    """Judge a scan. The verdict of the scan itself is a reason only if nothing else says why."""
    yield from _require_name(assessed.version, assessed.image, gate)
    blocking = list(_judge_findings(assessed))
    days = gate.demands.database_days
    database = [] if days is None else list(_judge_database(assessed, statement, days))
    explained = [verdict for verdict, _ in (*blocking, *database)]
    if assessed.verdict not in gate.demands.scan and assessed.verdict not in explained:
        yield assessed.verdict, f"{assessed.verdict}: {assessed.reason}"
    yield from blocking
    yield from database


def _judge_findings(assessed: ScanClaim) -> Iterator[_Judgement]:
    """Name what blocks, also if the verdict of the scan says otherwise."""
    count = (assessed.standings or {}).get(TriageStatus.BLOCKS, 0)
    if assessed.blocking:
        yield Verdict.FAIL, f"blocked by {', '.join(assessed.blocking)}"
    elif count:
        yield Verdict.FAIL, f"blocked by {count} {'finding' if count == 1 else 'findings'}"
    for problem in assessed.problems:
        yield Verdict.FAIL, f"{problem.kind}: {problem.where}: {problem.what}"


def _judge_database(
    assessed: ScanClaim, statement: _TrustedStatement, days: int
) -> Iterator[_Judgement]:
    """Require a vulnerability database that was young enough at the time of the scan."""
    if assessed.database is None or assessed.standings is None:
        told = assessed.reason if assessed.verdict is Verdict.INCONCLUSIVE else ""
        why = told.removeprefix(f"vulnerabilities {NOT_ASSESSED}: ")
        why = why.removesuffix(", and none was given with --trivy-db")
        yield (
            Verdict.INCONCLUSIVE,
            f"{NOT_ASSESSED}: {why or 'the scan had no vulnerability database'}",
        )
        return
    updated = _read_date(assessed.database.updated_at)
    if updated is None:
        text = assessed.database.updated_at[:40]
        yield Verdict.FAIL, f"the date of its vulnerability database, `{text}`, is not a date"
        return
    scanned = statement.made.date()
    age = (scanned - updated.date()).days
    if age < 0:
        yield (
            Verdict.FAIL,
            f"its vulnerability database is of {updated.date()}, after the scan of {scanned}",
        )
    if age > days:
        text = f"its vulnerability database was {age} days old at the time of the scan"
        yield Verdict.INCONCLUSIVE, f"{text}; the limit is {days} days"


def _read_provenance(statement: Statement) -> tuple[BuildClaim, dict[str, str]]:
    facts = read_value(dict[str, str], statement, "buildDefinition", "internalParameters")
    return provenance.read_provenance(statement), facts


_RULES: dict[Evidence, _EvidenceRule] = {
    "provenance": _EvidenceRule(
        "provenance", PROVENANCE, _read_provenance, _select_newest, _judge_provenance
    ),
    "tests": _EvidenceRule(
        "test result", TEST_RESULT, test_result.read_test_result, _select_test_runs, _judge_tests
    ),
    "sbom": _EvidenceRule(
        "SBOM",
        SBOM,
        lambda statement: sbom.read_packages(cyclonedx.read_sbom(statement)),
        _select_newest,
        _judge_sbom,
    ),
    "vulnerabilities": _EvidenceRule(
        "vulnerability result",
        VULNERABILITIES,
        vulnerability.read_scan_result,
        _select_newest,
        _judge_vulnerabilities,
    ),
}
