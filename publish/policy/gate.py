"""Whether a digest may go where a channel leads, decided from its evidence alone, on any machine.

Pure: no registry, no record on disk, no clock. What counts is what trusted signers said about this
very digest, by the time that was signed with it. What is missing, unreadable or undated is "no";
bad evidence never raises and never hides behind other bad evidence: all reasons are given at once.

Of several statements of a type the newest counts, and of several of the same moment all do. Tests
are run on one machine at a time, so of them the newest on each set of GPUs does: each family of
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
from publish.evidence.kinds import made_on
from publish.evidence.predicates import (
    PROVENANCE,
    SBOM,
    TEST_RESULT,
    VULNERABILITIES,
    cyclonedx,
    provenance,
    read_as,
    test_result,
    vulnerability,
)
from publish.evidence.predicates.provenance import Built
from publish.evidence.predicates.test_result import Tested
from publish.evidence.predicates.vulnerability import Assessed
from publish.evidence.statement import Statement
from publish.evidence.store import Found
from publish.policy.channels import Channels, Demands, Evidence
from runner.errors import ReleaseError
from runner.verdict import Verdict, summary
from scan import sbom
from scan.record import Package, Standing
from validation.machine import DOCKER
from validation.suite import suites_of

CUDA = "cuda"
_MOST_TOLD = 3
"""Reasons why evidence is not usable.

Whoever may write to the registry can make thousands of them.
"""

_WRONG = (Verdict.FAIL, Verdict.FLAKY)
"""What counts against a digest wherever and whenever it was found."""


@dataclass(frozen=True)
class Subject:
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
class Decision:
    """`pass` where nothing refuses, else the worst of what does; `reasons` are all of it.

    `evidence` are the artifacts (digests of their manifests) that were counted.
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    evidence: tuple[str, ...]

    @property
    def allowed(self) -> bool:
        """Whether the digest may carry the channel's names."""
        return self.verdict is Verdict.PASS


@dataclass(frozen=True)
class _Reason:
    """What refuses, and how bad it is: not proven (`not run`, `inconclusive`), or proven wrong."""

    verdict: Verdict
    text: str


@dataclass(frozen=True)
class _Claim:
    """A trusted statement about this digest: when that was found, what it `says`, or the `problem`
    with reading it.
    """

    artifact: str
    made: datetime.datetime
    says: Any
    problem: str


@dataclass(frozen=True)
class _Gate:
    """What evidence is held against."""

    subject: Subject
    channels: Channels
    demands: Demands
    today: datetime.date


@dataclass(frozen=True)
class _Chosen:
    """The claims that must prove it, and what refuses beside them."""

    claims: Sequence[_Claim]
    reasons: Sequence[_Reason] = ()


@dataclass(frozen=True)
class _Sort:
    """How a type of evidence is read, which of its claims count, and what they must say."""

    title: str
    predicate_type: str
    read: Callable[[Statement], Any]
    choose: Callable[[Sequence[_Claim], _Gate], _Chosen]
    judge: Callable[[Any, _Claim, _Gate], Iterator[_Reason]]


def subject_of(catalog: Catalog, version: Version, image: str, digest: str, kind: str) -> Subject:
    """What the catalogue expects of an image. Raises ConfigError where it has no such image."""
    return Subject(
        digest=digest,
        version=version,
        image=image,
        kind=kind,
        line=catalog.lines[version.line],
        suites=tuple(suite.name for suite in suites_of(catalog.stacks_of(image))),
        packages=catalog.budget_of(image).packages,
    )


def decide(
    subject: Subject, found: Sequence[Found], channels: Channels, channel: str, today: datetime.date
) -> Decision:
    """Judge a digest for a channel as of `today` (UTC).

    Raises ConfigError for an unknown channel, and nothing else.
    """
    gate = _Gate(subject, channels, channels.demands_of(channel), today)
    reasons, counted = list(_asked(subject, channels, channel)), set[str]()
    for name, days in gate.demands.evidence.items():
        sort = _SORTS[name]
        chosen = _chosen(sort, found, gate)
        counted.update(claim.artifact for claim in chosen.claims)
        reasons += chosen.reasons
        reasons += [
            reason for claim in chosen.claims for reason in _judged(sort, claim, gate, days)
        ]
    verdict = (
        summary([Verdict.NOT_RUN, *(reason.verdict for reason in reasons)])
        if reasons
        else Verdict.PASS
    )
    texts = dict.fromkeys(f"{subject.image}: {reason.text}" for reason in reasons)
    return Decision(verdict, tuple(texts), tuple(sorted(counted)))


def _asked(subject: Subject, channels: Channels, name: str) -> Iterator[_Reason]:
    kinds = channels.channel(name).kinds
    if subject.kind not in kinds:
        yield _Reason(
            Verdict.FAIL,
            f"{name} takes {' and '.join(kinds)} releases, and this is `{subject.kind}`",
        )
    if not subject.suites:
        yield _Reason(Verdict.NOT_RUN, "no suite is required of it, so nothing can be proven")


# Which statements count


def _chosen(sort: _Sort, found: Iterable[Found], gate: _Gate) -> _Chosen:
    claims, unusable = _claims(sort, found, gate.subject.digest)
    return sort.choose(claims, gate) if claims else _Chosen((), [_absent(sort, unusable)])


def _claims(sort: _Sort, found: Iterable[Found], digest: str) -> tuple[list[_Claim], list[str]]:
    """The trusted, dated statements of a type about the digest, oldest first; and why the others
    are none.
    """
    claims: list[_Claim] = []
    unusable: set[str] = set()
    for each in found:
        if sort.predicate_type == (
            each.statement.predicate_type if each.statement else each.predicate_type
        ):
            claim = _claim(sort, each, digest)
            if isinstance(claim, str):
                unusable.add(claim)
            else:
                claims.append(claim)
    return sorted(claims, key=lambda claim: (claim.made, claim.artifact)), sorted(unusable)


def _claim(sort: _Sort, found: Found, digest: str) -> _Claim | str:
    if found.statement is None or found.problem or not found.signer:
        return found.problem or "nobody trusted signed it"
    if found.statement.subject != digest:
        return f"it is about {found.statement.subject}, not this image"
    made = _made(found.statement)
    if made is None:
        return "it does not say when that was found"
    try:
        return _Claim(found.artifact, made, sort.read(found.statement), "")
    except ReleaseError as error:
        return _Claim(found.artifact, made, None, error.message)
    # what others wrote has any shape; one that cannot be read is a "no", not a traceback
    except Exception as error:
        return _Claim(found.artifact, made, None, f"{type(error).__name__}: {str(error)[:100]}")


def _made(statement: Statement) -> datetime.datetime | None:
    """In UTC; the annotation of the artifact says it too, but nobody signed that."""
    try:
        return datetime.datetime.fromisoformat(made_on(statement)).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return None


def _absent(sort: _Sort, unusable: Sequence[str]) -> _Reason:
    if unusable:
        more = f" (and {len(unusable) - _MOST_TOLD} more)" if len(unusable) > _MOST_TOLD else ""
        return _Reason(
            Verdict.FAIL, f"no usable {sort.title}: {'; '.join(unusable[:_MOST_TOLD])}{more}"
        )
    return _Reason(Verdict.NOT_RUN, f"no {sort.title}")


def _newest(claims: Sequence[_Claim], _: _Gate) -> _Chosen:
    return _Chosen([claim for claim in claims if claim.made == claims[-1].made])


def _test_runs(claims: Sequence[_Claim], gate: _Gate) -> _Chosen:
    """For each demanded family the newest run on it, without demands the newest of all; no other
    may have failed.

    What cannot be read has no GPUs, and counts where it is the newest.
    """
    latest = _by_gpus(claims)
    newest = _newest(claims, gate).claims
    covering = {
        family: _covering(latest, gate.channels.families[family]) for family in gate.demands.gpus
    }
    missing = [_uncovered(family, latest, gate) for family, runs in covering.items() if not runs]
    proofs = [run for runs in covering.values() for run in runs] or newest
    counted = [claim for claim in claims if claim in proofs or (claim in newest and claim.problem)]
    elsewhere = [
        _failed(claim)
        for claim in latest
        if claim not in counted and claim.says and _has_failed(claim.says)
    ]
    return _Chosen(counted, [*missing, *elsewhere])


def _by_gpus(claims: Sequence[_Claim]) -> list[_Claim]:
    """The newest claims on each set of GPUs, oldest first."""
    newest = {_models(claim): claim.made for claim in claims}
    return [claim for claim in claims if newest[_models(claim)] == claim.made]


def _models(claim: _Claim) -> tuple[str, ...]:
    tested: Tested | None = claim.says
    return tuple(sorted({gpu.model for gpu in tested.gpus})) if tested else ()


def _covering(latest: Sequence[_Claim], words: Sequence[str]) -> list[_Claim]:
    """The newest runs on a GPU whose name holds one of the words."""
    runs = [claim for claim in latest if claim.says and _ran_on(claim.says, words)]
    return [claim for claim in runs if claim.made == runs[-1].made]


def _ran_on(tested: Tested, words: Sequence[str]) -> bool:
    if tested.device != CUDA:
        return False
    return any(
        gpu.count > 0 and set(re.findall(r"\w+", gpu.model)) & set(words) for gpu in tested.gpus
    )


def _uncovered(family: str, latest: Sequence[_Claim], gate: _Gate) -> _Reason:
    models = sorted({model for claim in latest for model in _models(claim)})
    where = ", ".join(models) or "no GPU"
    words = ", ".join(gate.channels.families[family])
    return _Reason(Verdict.NOT_RUN, f"tested on {where}, and a {family} GPU is demanded ({words})")


def _has_failed(tested: Tested) -> bool:
    return any(
        verdict in _WRONG
        for verdict in (tested.verdict, *(suite.verdict for suite in tested.suites))
    )


def _failed(claim: _Claim) -> _Reason:
    where = ", ".join(_models(claim)) or "no GPU"
    return _Reason(
        Verdict.FAIL, f"the tests of {claim.made:%Y-%m-%d} on {where} failed: {claim.says.reason}"
    )


# What they must say


def _judged(sort: _Sort, claim: _Claim, gate: _Gate, days: int) -> Iterator[_Reason]:
    age = (gate.today - claim.made.date()).days
    if age < 0:
        yield _Reason(Verdict.FAIL, f"{sort.title}: dated {claim.made.date()}, which is to come")
    if age > days:
        text = f"{sort.title}: {age} days old ({claim.made.date()}), {days} are allowed"
        yield _Reason(Verdict.INCONCLUSIVE, text)
    if claim.problem:
        yield _Reason(Verdict.FAIL, f"{sort.title}: cannot be read: {claim.problem}")
        return
    for reason in sort.judge(claim.says, claim, gate):
        yield _Reason(reason.verdict, f"{sort.title}: {reason.text}")


def _about(version: str, image: str, gate: _Gate) -> Iterator[_Reason]:
    """Evidence of one image under the name of another would be held against the wrong suites."""
    wanted = f"{gate.subject.version} {gate.subject.image}"
    if f"{version} {image}" != wanted:
        yield _Reason(Verdict.FAIL, f"it is about {version} {image}, not {wanted}")


def _provenance(says: tuple[Built, dict[str, str]], _: _Claim, gate: _Gate) -> Iterator[_Reason]:
    built, facts = says
    yield from _about(built.asked.version, built.asked.image, gate)
    if built.asked.line != gate.subject.version.line:
        yield _Reason(Verdict.FAIL, f"built for line {built.asked.line}")
    if built.build_type != provenance.BUILD_TYPE:
        yield _Reason(Verdict.FAIL, f"built as {built.build_type}, not {provenance.BUILD_TYPE}")
    if not built.dependencies:
        yield _Reason(Verdict.FAIL, "it names nothing that the image was made from")
    for what in ("torch", "cuda", "python"):
        says_, wanted = facts.get(what, "nothing"), getattr(gate.subject.line, what)
        if says_ != wanted:
            yield _Reason(Verdict.FAIL, f"{what} {says_}, the catalogue says {wanted}")


def _tests(tested: Tested, _: _Claim, gate: _Gate) -> Iterator[_Reason]:
    yield from _about(tested.version, tested.image, gate)
    if tested.executor != DOCKER:
        yield _Reason(Verdict.NOT_RUN, f"run by `{tested.executor}`, which is not the image")
    reasons = list(_suites(tested, gate))
    yield from reasons
    if not reasons and tested.verdict not in gate.demands.suites:
        yield _Reason(tested.verdict, f"{tested.verdict}: {tested.reason}")


def _suites(tested: Tested, gate: _Gate) -> Iterator[_Reason]:
    """Every required suite is listed, and of all that are listed none is less than the channel
    accepts.
    """
    listed = {suite.name for suite in tested.suites if suite.reason != test_result.MISSING}
    for name in gate.subject.suites:
        if name not in listed:
            yield _Reason(Verdict.NOT_RUN, f"suite {name} is missing")
    for suite in tested.suites:
        if suite.name in listed and suite.verdict not in gate.demands.suites:
            yield _Reason(suite.verdict, f"suite {suite.name}: {suite.verdict}, {suite.reason}")


def _bill(packages: tuple[Package, ...], _: _Claim, gate: _Gate) -> Iterator[_Reason]:
    if not packages:
        yield _Reason(Verdict.FAIL, "it lists no package")
    if len(packages) > gate.subject.packages:
        yield _Reason(
            Verdict.FAIL, f"{len(packages)} packages, the budget is {gate.subject.packages}"
        )


def _vulnerabilities(assessed: Assessed, claim: _Claim, gate: _Gate) -> Iterator[_Reason]:
    yield from _about(assessed.version, assessed.image, gate)
    if assessed.verdict not in gate.demands.scan:
        yield _Reason(assessed.verdict, f"{assessed.verdict}: {assessed.reason}")
    if blocking := _blocking(assessed):
        yield _Reason(Verdict.FAIL, f"blocking: {blocking}")
    for problem in assessed.problems:
        yield _Reason(Verdict.FAIL, f"{problem.kind}: {problem.where}: {problem.what}")
    if gate.demands.database_days is not None:
        yield from _database(assessed, claim, gate.demands.database_days)


def _blocking(assessed: Assessed) -> str:
    """The findings that block, by id; a count where only that is known."""
    count = (assessed.standings or {}).get(Standing.BLOCKS, 0)
    return ", ".join(assessed.blocking) or (f"{count} findings" if count else "")


def _database(assessed: Assessed, claim: _Claim, days: int) -> Iterator[_Reason]:
    """It must have judged, and have been young enough when it did."""
    if assessed.database is None or assessed.standings is None:
        yield _Reason(Verdict.INCONCLUSIVE, "no vulnerability database judged it")
        return
    try:
        updated = datetime.datetime.fromisoformat(assessed.database.updated_at).astimezone(
            datetime.UTC
        )
    except (ValueError, OverflowError):
        yield _Reason(
            Verdict.FAIL,
            f"the database is of `{assessed.database.updated_at[:40]}`, which is no moment",
        )
        return
    age = (claim.made.date() - updated.date()).days
    if age < 0:
        yield _Reason(
            Verdict.FAIL,
            f"its database of {updated.date()} is younger than the scan of {claim.made.date()}",
        )
    if age > days:
        yield _Reason(
            Verdict.INCONCLUSIVE,
            f"its database was {age} days old when it judged, {days} are allowed",
        )


def _read_provenance(statement: Statement) -> tuple[Built, dict[str, str]]:
    facts = read_as(dict[str, str], statement, "buildDefinition", "internalParameters")
    return provenance.read(statement), facts


def _read_bill(statement: Statement) -> tuple[Package, ...]:
    return sbom.packages_of(cyclonedx.read(statement))


_SORTS: dict[Evidence, _Sort] = {
    "provenance": _Sort("provenance", PROVENANCE, _read_provenance, _newest, _provenance),
    "tests": _Sort("test result", TEST_RESULT, test_result.read, _test_runs, _tests),
    "sbom": _Sort("bill of materials", SBOM, _read_bill, _newest, _bill),
    "vulnerabilities": _Sort(
        "vulnerability result", VULNERABILITIES, vulnerability.read, _newest, _vulnerabilities
    ),
}
