"""The result of the tests: in-toto `test-result/v0.1`.

The specification has passed, warned and failed. Only `pass` is passed here, and `result` is PASSED
only if all of it passed, so a reader who knows only the specification is never told too good a
result. What did not run did not fail: a suite that is `not run` is in no list. The exact verdicts,
the GPUs and the executor are in the annotations of the one `configuration`, whose digest is the key
of the suites and of what they were told to expect.

They also have the levels of proof and the kind of the floor, which are derived from the checks that
ran and passed, and the digest of each list of checks. A statement from before these were written
has none of them: it proves no level, and the gate does not know what it was held against.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from publish.evidence.predicates import (
    TEST_RESULT,
    EvidenceKind,
    add_seconds,
    read_value,
    require_type,
)
from publish.evidence.statement import Statement
from runner import records
from runner.nouns import count_noun
from runner.reason_cause import ReasonCause
from runner.verdict import Verdict, summary_verdict, worst_verdict
from validation.floor import find_floor_kind
from validation.levels import count_needed_gpus, find_proven_levels, lacks_gpu
from validation.record import SuiteResult, ValidationRecord
from validation.suite import list_suites

PASSED, FAILED = "PASSED", "FAILED"
MISSING = "the record has no such suite"


@dataclass(frozen=True)
class SuiteVerdict:
    """How one suite ended; `reason` for every verdict but `pass`.

    `required` by the stacks of the image. `needs_gpus` is how many GPUs the suite needs to be
    complete, if it lacks nothing else; otherwise 0. `list_digest` is the SHA-256 (hex) of the list
    of checks that it was held against, and `cause` is NO_GPU if it lacks only a GPU; statements of
    older versions do not have them.
    """

    name: str
    verdict: Verdict
    reason: str
    required: bool
    needs_gpus: int = 0
    list_digest: str = ""
    cause: ReasonCause = ReasonCause.UNKNOWN


@dataclass(frozen=True)
class GpuCount:
    """GPUs of one model, as the driver names it, and their family; empty if it is not known."""

    model: str
    count: int
    family: str = ""


@dataclass(frozen=True)
class TestClaim:
    """A test run of one digest. `verdict` is never better than that of any required suite.

    Times are ISO 8601. `levels` are the levels of proof (validation/levels.py), and `floor` says
    what the throughput was compared with: `measured`, `provisional`, or nothing. `jobs` are the
    jobs of a cluster that ran the suites, as NAME/NUMBER.
    """

    version: str
    image: str
    verdict: Verdict
    reason: str
    suites: tuple[SuiteVerdict, ...]
    gpus: tuple[GpuCount, ...]
    device: str
    executor: str
    driver: str
    engine: str
    started_at: str
    finished_at: str
    levels: tuple[str, ...] = ()
    floor: str = ""
    jobs: tuple[str, ...] = ()


def make_statement(record: ValidationRecord, stacks: Collection[str], name: str) -> Statement:
    """Return the record as a statement, with every suite that images of `stacks` must pass."""
    tested = make_claim(record, stacks)
    passed = [suite.name for suite in tested.suites if suite.verdict is Verdict.PASS]
    failed = [
        suite.name
        for suite in tested.suites
        if suite.verdict not in (Verdict.PASS, Verdict.NOT_RUN)
    ]
    suites = {
        "name": "suites",
        "digest": {"sha256": record.key},
        "annotations": records.to_plain(tested),
    }
    predicate = {
        "result": PASSED if tested.verdict is Verdict.PASS else FAILED,
        "configuration": [suites],
        "passedTests": passed,
        "failedTests": failed,
    }
    return Statement(record.digest, name, TEST_RESULT, predicate)


def read_test_result(statement: Statement) -> TestClaim:
    """Return the test run. Raises GateRefused if the statement has another type or shape."""
    require_type(statement, TEST_RESULT)
    return read_value(TestClaim, statement, "configuration", 0, "annotations")


def make_claim(record: ValidationRecord, stacks: Collection[str]) -> TestClaim:
    """Return the record compared with what the stacks require."""
    suites = tuple(_list_suites(record, [suite.name for suite in list_suites(stacks)]))
    lacking = [suite for suite in suites if suite.required and suite.verdict is not Verdict.PASS]
    verdict = summary_verdict(suite.verdict for suite in lacking) if lacking else Verdict.PASS
    first = f"{lacking[0].name}: {lacking[0].reason}" if lacking else ""
    where = record.environment
    return TestClaim(
        version=record.version,
        image=record.image,
        verdict=worst_verdict((record.verdict, verdict)),
        reason=record.reason or first,
        suites=suites,
        gpus=count_gpus(where.gpus, where.families),
        device=where.device,
        executor=where.executor,
        driver=where.driver,
        engine=where.engine,
        started_at=record.started_at,
        finished_at=add_seconds(record.started_at, record.seconds),
        levels=find_proven_levels(record),
        floor=find_floor_kind(record),
        jobs=record.jobs,
    )


def count_gpus(models: Sequence[str], families: Sequence[str]) -> tuple[GpuCount, ...]:
    """Return the GPUs of a machine by model. A record of an older version has no families."""
    named = zip_longest(models, families[: len(models)], fillvalue="")
    counts = sorted(Counter(named).items())
    return tuple(GpuCount(model, count, family) for (model, family), count in counts)


def _list_suites(record: ValidationRecord, required: Collection[str]) -> Iterable[SuiteVerdict]:
    """Yield one entry for each suite: the required ones in their order, then the others.

    Of two results of a suite the worse counts.
    """
    results: dict[str, SuiteResult] = {}
    for result in record.suites:
        before = results.setdefault(result.suite, result)
        if worst_verdict((before.verdict, result.verdict)) is not before.verdict:
            results[result.suite] = result
    for name in dict.fromkeys((*required, *results)):
        if name in results:
            found, gpus = results[name], len(record.environment.gpus)
            yield SuiteVerdict(
                name,
                found.verdict,
                found.reason,
                name in required,
                count_needed_gpus(found, gpus),
                found.list_digest,
                ReasonCause.NO_GPU if lacks_gpu(found, gpus) else ReasonCause.UNKNOWN,
            )
        else:
            yield SuiteVerdict(name, Verdict.NOT_RUN, MISSING, required=True)


def summarize_statement(statement: Statement) -> str:
    """Return the verdict, how many suites pass, on which GPUs, and which suites need more GPUs."""
    tested = read_test_result(statement)
    where = ", ".join(f"{gpu.count} x {gpu.model}" for gpu in tested.gpus) or ""
    place = f"on {where}" if where else f"on the {tested.device.upper()}, without a GPU"
    passed = sum(suite.verdict is Verdict.PASS for suite in tested.suites)
    lacking = [
        f"; `{suite.name}` is complete only with {count_noun(suite.needs_gpus, 'GPU')}"
        for suite in tested.suites
        if suite.needs_gpus
    ]
    ran = f"{tested.verdict}, {passed} of {count_noun(len(tested.suites), 'suite')} pass, {place}"
    return ran + "".join(lacking)


KIND = EvidenceKind(
    "test result",
    TEST_RESULT,
    ("configuration", 0, "annotations", "finished_at"),
    read_test_result,
    summarize_statement,
    is_required=True,
)
