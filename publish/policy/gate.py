"""Decide from the evidence on a digest whether it may be released through a channel.

The decision depends on the arguments only: not on the registry, on records on disk, or on the
clock. A statement counts only if it is about this digest and a trusted key signed it. Its date is
the one that is signed in it. Missing, unreadable or undated evidence blocks promotion. Bad evidence
never raises an error. All reasons are returned together, so no reason hides another.

If there are several statements of one type, only the newest counts; if the newest have the same
date, all of these count. Test results are different, because each run of the tests is on one
machine: the newest run on each set of GPUs counts. The GPUs and the levels of proof that the
channel demands each need a run whose verdicts the channel accepts (publish/policy/proof.py), and
several runs add up. A failure in any of these runs blocks promotion.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from publish.evidence.predicates.test_result import TestClaim
from publish.evidence.predicates.vulnerability import ScanClaim
from publish.evidence.statement import Statement
from publish.evidence.store import FoundEvidence
from publish.policy import proof
from publish.policy.channels import Channels, Demands, Evidence, list_alternatives
from publish.policy.line_support import find_advisory_problems, find_support_problem
from publish.policy.reason import Problem, Reason, merge_suites
from runner.errors import ReleaseError
from runner.moments import parse_moment
from runner.nouns import count_noun
from runner.reason_cause import ReasonCause
from runner.verdict import Verdict, summary_verdict
from scan import sbom
from scan.line_fixes import find_outside_fix
from scan.record import Package, TriagedFinding, TriageStatus
from validation.check_list import hash_list
from validation.suite import list_suites

_MAX_SHOWN_PROBLEMS = 3
"""How many problems with unusable evidence are shown; the others are counted.

An account that may write to the registry can cause thousands of them.
"""

_FAILURES = (Verdict.FAIL, Verdict.FLAKY)
"""Verdicts that block promotion, on whatever machine the tests ran."""


@dataclass(frozen=True)
class PromotionSubject:
    """A digest, and the release that it would be; `kind` is patch, feature or major.

    The catalogue says the rest: the line, the suites that the image must pass, each with the digest
    of its list of checks, and how many packages it may have. `lines` are all lines, of which one
    may be newer.
    """

    digest: str
    version: Version
    image: str
    kind: str
    line: Line
    suites: Mapping[str, str]
    packages: int
    lines: Mapping[str, Line]


@dataclass(frozen=True)
class GateDecision:
    """The decision on one digest.

    `verdict` is `pass` if there is no reason against it, otherwise the worst verdict of the
    reasons. `evidence` are the artifacts that counted, by the digests of their manifests. `proof`
    says in words what the test runs that counted prove and what they do not.
    """

    verdict: Verdict
    reasons: tuple[Reason, ...]
    evidence: tuple[str, ...]
    proof: str = ""

    @property
    def is_allowed(self) -> bool:
        """Whether the digest may carry the tags of the channel."""
        return self.verdict is Verdict.PASS

    @property
    def reason_lines(self) -> tuple[str, ...]:
        """The reasons as lines for people, each once."""
        return tuple(dict.fromkeys(map(str, self.reasons)))


@dataclass(frozen=True)
class _TrustedStatement:
    """A trusted statement about this digest.

    `signed_at` is its date. `contents` is what was read from it; if it cannot be read, `problem`
    says why.
    """

    artifact: str
    signed_at: datetime.datetime
    contents: Any
    problem: str


@dataclass(frozen=True)
class _GateContext:
    """The image, the channel and the day that evidence is compared with."""

    subject: PromotionSubject
    channels: Channels
    demands: Demands
    today: datetime.date

    def make_reason(self, evidence: str, problem: Problem) -> Reason:
        """Return a problem as a reason about the image of this gate."""
        return Reason(self.subject.image, evidence, *problem)


@dataclass(frozen=True)
class _Selection:
    """The statements that are judged, and the reasons that were found while they were selected."""

    statements: Sequence[_TrustedStatement]
    reasons: Sequence[Reason] = ()


@dataclass(frozen=True)
class _EvidenceRule:
    """The functions for one type of evidence, which read, select and judge its statements."""

    title: str
    predicate_type: str
    read: Callable[[Statement], Any]
    select: Callable[[Sequence[_TrustedStatement], _GateContext], _Selection]
    judge: Callable[[Any, _TrustedStatement, _GateContext], Iterator[Problem]]


def make_subject(
    catalog: Catalog, version: Version, image: str, digest: str, kind: str
) -> PromotionSubject:
    """Return a digest with what the catalogue expects of its image.

    Raises ConfigError if the catalogue has no such image.
    """
    return PromotionSubject(
        digest=digest,
        version=version,
        image=image,
        kind=kind,
        line=catalog.lines[version.line],
        suites={suite.name: hash_list(suite) for suite in list_suites(catalog.stacks_of(image))},
        packages=catalog.budget_of(version.line, image).packages,
        lines=catalog.lines,
    )


def decide_promotion(
    subject: PromotionSubject,
    found: Sequence[FoundEvidence],
    channels: Channels,
    channel: str,
    today: datetime.date,
) -> GateDecision:
    """Return whether a digest may be released through a channel on the day `today` (UTC).

    Raises ConfigError for an unknown channel, and no other error.
    """
    gate = _GateContext(subject, channels, channels.find_demands(channel), today)
    reasons = [gate.make_reason("", each) for each in _check_request(gate, channel)]
    counted = set[str]()
    runs: list[TestClaim] = []
    for name, days in gate.demands.evidence.items():
        rule = _RULES[name]
        selection = _select_statements(rule, found, gate)
        counted.update(statement.artifact for statement in selection.statements)
        reasons += selection.reasons
        if rule.predicate_type == TEST_RESULT:
            runs += [each.contents for each in selection.statements if each.contents]
        for statement in selection.statements:
            problems = _judge_statement(rule, statement, gate, days)
            reasons += [gate.make_reason(rule.title, each) for each in problems]
    verdict = Verdict.PASS
    if reasons:
        verdict = summary_verdict([Verdict.NOT_RUN, *(reason.verdict for reason in reasons)])
    proven = proof.describe_runs(runs)
    return GateDecision(verdict, merge_suites(reasons), tuple(sorted(counted)), proven)


def _check_request(gate: _GateContext, channel: str) -> Iterator[Problem]:
    """Yield why the channel does not accept this release kind or image, whatever is proven."""
    kinds, kind = gate.channels.find_channel(channel).kinds, gate.subject.kind
    if kind not in kinds:
        accepted = " and ".join(kinds)
        yield Problem(
            Verdict.FAIL,
            f"the channel {channel} accepts {accepted} releases; this one is `{kind}`",
        )
    line = gate.subject.version.line
    if problem := find_support_problem(line, gate.subject.line, gate.today):
        yield Problem(Verdict.FAIL, problem)
    if not gate.subject.suites:
        yield Problem(
            Verdict.NOT_RUN, "the catalogue has no suite for this image, so nothing can be proven"
        )


# The statements that count.


def _select_statements(
    rule: _EvidenceRule, found: Iterable[FoundEvidence], gate: _GateContext
) -> _Selection:
    """Return the statements of a type that count; if none does, the reason why."""
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
        return rule.select(
            sorted(statements, key=lambda each: (each.signed_at, each.artifact)), gate
        )
    missing = Problem(Verdict.NOT_RUN, "missing")
    if problems:
        more = len(problems) - _MAX_SHOWN_PROBLEMS
        shown = "; ".join(sorted(problems)[:_MAX_SHOWN_PROBLEMS])
        others = f" (and {more} more)" if more > 0 else ""
        missing = Problem(Verdict.FAIL, f"not usable: {shown}{others}")
    return _Selection((), [gate.make_reason(rule.title, missing)])


def _read_statement(
    rule: _EvidenceRule, found: FoundEvidence, digest: str
) -> _TrustedStatement | str:
    """Return a statement that counts, or a text that says why it does not count.

    A trusted statement that cannot be read counts: it blocks promotion. Its contents can have any
    form, so every error of reading them is caught.
    """
    if found.statement is None or found.problem or not found.signer:
        return found.problem or "no trusted key signed it"
    if found.statement.subject != digest:
        return f"it is about {found.statement.subject}, not this image"
    signed_at = _read_date(read_date(found.statement))
    if signed_at is None:
        return "it has no valid date"
    try:
        return _TrustedStatement(found.artifact, signed_at, rule.read(found.statement), "")
    except ReleaseError as error:
        return _TrustedStatement(found.artifact, signed_at, None, error.message)
    except Exception as error:
        problem = f"{type(error).__name__}: {str(error)[:100]}"
        return _TrustedStatement(found.artifact, signed_at, None, problem)


def _read_date(text: str) -> datetime.datetime | None:
    """Return an ISO 8601 date and time in UTC, or None if the text is something else."""
    try:
        return parse_moment(text)
    except ValueError:
        return None


def _select_newest(statements: Sequence[_TrustedStatement], _: _GateContext) -> _Selection:
    """Select the statements with the newest date. `statements` are in the order of their dates."""
    return _Selection([each for each in statements if each.signed_at == statements[-1].signed_at])


def _select_test_runs(statements: Sequence[_TrustedStatement], gate: _GateContext) -> _Selection:
    """Select the runs that prove what the channel demands: its GPUs, and its levels of proof.

    The newest run of each machine (its GPUs and their number) counts. For each demand, a run
    without a problem is taken if there is one, otherwise the newest. If nothing is demanded or
    proven, the newest run of all is selected. The other runs give a reason if they failed. A run
    that cannot be read has no known GPUs; it is selected if it is the newest.
    """
    newest_dates = {proof.list_machine(each.contents): each.signed_at for each in statements}
    latest = [
        each
        for each in statements
        if newest_dates[proof.list_machine(each.contents)] == each.signed_at
    ]
    newest = _select_newest(statements, gate).statements
    proofs, reasons = _find_proofs(latest, gate)
    counted = [
        each
        for each in statements
        if each in (proofs or newest) or (each in newest and each.problem)
    ]
    rest = [each for each in latest if each not in counted]
    return _Selection(counted, [*reasons, *_list_failed_runs(rest, gate)])


def _find_proofs(
    latest: Sequence[_TrustedStatement], gate: _GateContext
) -> tuple[list[_TrustedStatement], list[Reason]]:
    """Return the runs that prove what the channel demands, and a reason for what none proves."""
    families, demands = gate.channels.families, gate.demands
    places = dict.fromkeys(
        proof.describe_gpus(proof.list_machine(each.contents)) for each in latest
    )
    proofs: list[_TrustedStatement] = []
    reasons: list[Reason] = []
    missing: list[Reason] = []
    readable = [each for each in latest if each.contents]
    for entry in demands.gpus:
        wanted = list_alternatives(entry)
        runs = [each for each in readable if proof.used_gpu(each.contents, wanted, families)]
        proofs += _choose_runs(runs, gate)
        if not runs:
            text = f"no tests on {proof.describe_wanted(wanted, families)}"
            text = f"{text}; the tests ran {', and '.join(places)}"
            has_gpu = any(proof.list_machine(each.contents) for each in latest)
            cause = ReasonCause.UNKNOWN if has_gpu else ReasonCause.NO_GPU
            reasons.append(gate.make_reason("", Problem(Verdict.NOT_RUN, text, cause)))
    for level in demands.levels:
        runs = [
            each for each in readable if proof.proves_level(each.contents, level, demands, families)
        ]
        if not runs:
            explained = bool(reasons) or any(
                proof.explains_missing_level(each.contents, level) for each in proofs
            )
            text = proof.describe_missing_level(level, tuple(places))
            missing += [] if explained else [gate.make_reason("", Problem(Verdict.NOT_RUN, text))]
        elif not any(each in proofs for each in runs):
            proofs += _choose_runs(runs, gate)
    return proofs, [*reasons, *missing]


def _choose_runs(runs: Sequence[_TrustedStatement], gate: _GateContext) -> list[_TrustedStatement]:
    """Return the newest runs without a problem; if all have one, the newest."""
    rule, days = _RULES["tests"], gate.demands.evidence.get("tests", 0)
    sound = [run for run in runs if not any(_judge_statement(rule, run, gate, days))]
    best = sound or runs
    return [run for run in best if run.signed_at == best[-1].signed_at]


def _list_failed_runs(runs: Iterable[_TrustedStatement], gate: _GateContext) -> Iterator[Reason]:
    """Yield a reason for each run that failed, although it proves nothing that is demanded."""
    for each in runs:
        tested: TestClaim | None = each.contents
        if tested is None:
            continue
        verdicts = (tested.verdict, *(suite.verdict for suite in tested.suites))
        if any(verdict in _FAILURES for verdict in verdicts):
            gpus = proof.describe_gpus(proof.list_machine(tested))
            text = f"the tests of {each.signed_at:%Y-%m-%d} {gpus} failed"
            yield gate.make_reason("", Problem(Verdict.FAIL, f"{text}: {tested.reason}"))


# What the statements must say.


def _judge_statement(
    rule: _EvidenceRule, statement: _TrustedStatement, gate: _GateContext, days: int
) -> Iterator[Problem]:
    """Yield what is wrong with a statement: its age, or its contents."""
    signed_on = statement.signed_at.date()
    age = (gate.today - signed_on).days
    if age < 0:
        yield Problem(Verdict.FAIL, f"its date, {signed_on}, is in the future")
    if age > days:
        limit = f"the limit is {count_noun(days, 'day')}"
        old = f"{count_noun(age, 'day')} old (of {signed_on})"
        yield Problem(Verdict.INCONCLUSIVE, f"{old}; {limit}")
    if statement.problem:
        yield Problem(Verdict.FAIL, f"cannot be read: {statement.problem}")
        return
    yield from rule.judge(statement.contents, statement, gate)


def _require_name(version: str, image: str, gate: _GateContext) -> Iterator[Problem]:
    """Yield a problem if evidence names another version or image."""
    wanted = f"{gate.subject.version} {gate.subject.image}"
    if f"{version} {image}" != wanted:
        yield Problem(Verdict.FAIL, f"it is about {version} {image}, not {wanted}")


def _judge_provenance(
    contents: tuple[BuildClaim, dict[str, str]], _: _TrustedStatement, gate: _GateContext
) -> Iterator[Problem]:
    """Yield how the provenance differs from the catalogue."""
    built, facts = contents
    yield from _require_name(built.request.version, built.request.image, gate)
    line = gate.subject.version.line
    if built.request.line != line:
        yield Problem(Verdict.FAIL, f"built for line {built.request.line}, not {line}")
    if built.build_type != provenance.BUILD_TYPE:
        yield Problem(
            Verdict.FAIL, f"its build type is {built.build_type}, not {provenance.BUILD_TYPE}"
        )
    if not built.dependencies:
        yield Problem(Verdict.FAIL, "it lists nothing that the image was made from")
    for name in ("torch", "cuda", "python"):
        found, wanted = facts.get(name, "without a version"), getattr(gate.subject.line, name)
        if found != wanted:
            yield Problem(Verdict.FAIL, f"{name} {found}; the catalogue has {wanted}")


def _judge_tests(tested: TestClaim, _: _TrustedStatement, gate: _GateContext) -> Iterator[Problem]:
    """Yield what is wrong with a run of the tests for this channel."""
    yield from _require_name(tested.version, tested.image, gate)
    yield from proof.find_run_problems(tested, gate.subject.suites, gate.demands)


def _judge_sbom(
    packages: tuple[Package, ...], _: _TrustedStatement, gate: _GateContext
) -> Iterator[Problem]:
    """Yield a problem if the SBOM lists no packages, or more than the budget allows."""
    if not packages:
        yield Problem(Verdict.FAIL, "it lists no packages")
    if len(packages) > gate.subject.packages:
        yield Problem(
            Verdict.FAIL,
            f"{count_noun(len(packages), 'package')}; the budget is {gate.subject.packages}",
        )


def _judge_vulnerabilities(
    contents: tuple[ScanClaim, tuple[TriagedFinding, ...]],
    statement: _TrustedStatement,
    gate: _GateContext,
) -> Iterator[Problem]:
    """Yield what is wrong with a scan.

    The verdict of the scan itself is a problem only if no other problem explains it. Advisories
    that no release of the line can fix are one if the channel demands a scan that passed.
    """
    assessed, findings = contents
    yield from _require_name(assessed.version, assessed.image, gate)
    outside = [each for each in findings if each.standing is TriageStatus.BLOCKS]
    outside = [each for each in outside if find_outside_fix(each.finding)]
    blocking = list(_judge_findings(assessed, [each.finding.id for each in outside]))
    if gate.demands.scan == (Verdict.PASS,):
        line, lines = gate.subject.version.line, gate.subject.lines
        problems = find_advisory_problems(lines, line, findings, gate.today)
        blocking += problems
    days = gate.demands.database_days
    database = [] if days is None else list(_judge_database(assessed, statement, days))
    explained = [problem.verdict for problem in (*blocking, *database)]
    explained += [Verdict.FAIL] if outside else []
    if assessed.verdict not in gate.demands.scan and assessed.verdict not in explained:
        yield Problem(assessed.verdict, f"{assessed.verdict}: {assessed.reason}")
    yield from blocking
    yield from database


def _judge_findings(assessed: ScanClaim, outside: Sequence[str] = ()) -> Iterator[Problem]:
    """Yield the findings and problems that block, even if the verdict of the scan is `pass`.

    `outside` are the ids of blocking findings that no release of the line can fix.
    """
    count = (assessed.standings or {}).get(TriageStatus.BLOCKS, 0) - len(outside)
    blocking = list((Counter(assessed.blocking) - Counter(outside)).elements())
    if blocking:
        yield Problem(Verdict.FAIL, f"blocked by {', '.join(blocking)}")
    elif count > 0:
        yield Problem(Verdict.FAIL, f"blocked by {count_noun(count, 'finding')}")
    for problem in assessed.problems:
        yield Problem(Verdict.FAIL, f"{problem.kind}: {problem.where}: {problem.what}")


def _judge_database(
    assessed: ScanClaim, statement: _TrustedStatement, days: int
) -> Iterator[Problem]:
    """Yield a problem if the scan had no vulnerability database, or one that was too old."""
    if assessed.database is None or assessed.standings is None:
        reason = assessed.reason if assessed.verdict is Verdict.INCONCLUSIVE else ""
        missing = "vulnerabilities not assessed: the scan had no vulnerability database"
        yield Problem(Verdict.INCONCLUSIVE, reason or missing, ReasonCause.NO_DATABASE)
        return
    updated = _read_date(assessed.database.updated_at)
    if updated is None:
        text = assessed.database.updated_at[:40]
        yield Problem(
            Verdict.FAIL, f"the date of its vulnerability database, `{text}`, is not a date"
        )
        return
    scanned = statement.signed_at.date()
    age = (scanned - updated.date()).days
    if age < 0:
        yield Problem(
            Verdict.FAIL,
            f"its vulnerability database is from {updated.date()}, after the scan of {scanned}",
        )
    if age > days:
        text = (
            f"its vulnerability database was {count_noun(age, 'day')} old at the time of the scan"
        )
        yield Problem(Verdict.INCONCLUSIVE, f"{text}; the limit is {count_noun(days, 'day')}")


_RULES: dict[Evidence, _EvidenceRule] = {
    "provenance": _EvidenceRule(
        "provenance",
        PROVENANCE,
        lambda statement: (
            provenance.read_provenance(statement),
            read_value(dict[str, str], statement, "buildDefinition", "internalParameters"),
        ),
        _select_newest,
        _judge_provenance,
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
        lambda statement: (
            vulnerability.read_scan_result(statement),
            vulnerability.read_findings(statement),
        ),
        _select_newest,
        _judge_vulnerabilities,
    ),
}
