"""What is proven about a reference, for a stranger who knows whom to trust: from the registry alone, in ten lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from images.catalog import Repositories
from oci.registry import Registry
from publish.evidence import attest
from publish.evidence import store as evidence
from publish.evidence.predicates import (
    DECISION,
    PROVENANCE,
    SBOM,
    TEST_RESULT,
    VULNERABILITIES,
    bill,
    decision,
    provenance,
    test_result,
    vulnerability,
)
from publish.evidence.predicates.decision import Decided
from publish.evidence.statement import Statement
from publish.evidence.store import Found
from publish.evidence.trust import Trusted
from publish.published import CANDIDATE
from publish.tags import journal
from runner.errors import ConfigError, GateRefused
from runner.verdict import Verdict
from scan import sbom

_REFERENCE = re.compile(r"(?:(?P<repository>[a-z0-9][a-z0-9._/-]*)[:@])?(?P<named>sha256:[0-9a-f]{64}|[\w.-]+)")

_KEY_ID = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Verified:
    """`verdict` is `pass` where a trusted decision lets the digest carry this reference in a channel that releases,
    `inconclusive` where it is a candidate, else `fail`; `lines` say what is known, `reasons` what speaks against it.
    """

    reference: str
    digest: str
    verdict: Verdict
    lines: tuple[str, ...]
    reasons: tuple[str, ...]


def verify(registry: Registry, repositories: Repositories, reference: str, trusted: Trusted) -> Verified:
    """Read the evidence on what `reference` names: a tag or digest of the production repository, or REPOSITORY:TAG.

    Raises ConfigError where it names nothing, RegistryError where the registry fails.
    """
    repository, named = _parsed(reference, registry.host, repositories.production)
    digest = registry.digest_of(repository, named)
    if digest is None:
        raise ConfigError(f"{registry.host}/{repository} has no {named}", "see `./release.py rescan` for what is out")
    found = evidence.read(registry, repository, digest, trusted)
    kept = journal.read(registry, repositories.journal).journal
    decided = _decision(found, named)
    reasons = tuple(_against(found, decided, named, kept.yanked(digest=digest)))
    lines = (f"{repository}:{named}" if named != digest else f"{repository}@{digest}", f"digest: {digest}")
    return Verified(reference, digest, _verdict(decided, reasons), (*lines, *_lines(found, decided)), reasons)


def _parsed(reference: str, host: str, production: str) -> tuple[str, str]:
    match = _REFERENCE.fullmatch(reference.removeprefix(f"{host}/"))
    if match is None:
        raise ConfigError(f"`{reference}` is no reference", "write v2.6.0-cv, pytorch-cuda:v2.6.0-cv or @sha256:...")
    return match["repository"] or production, match["named"]


def _decision(found: Sequence[Found], named: str) -> Decided | None:
    """The newest trusted decision that lets the digest carry this name; for a digest the newest of all."""
    known = [read for each in found if (read := _read(each))]
    allowed = [each for each in known if named.startswith("sha256:") or named in each.tags]
    return max(allowed, key=lambda each: (each.decided_on, each.channel != CANDIDATE), default=None)


def _read(found: Found) -> Decided | None:
    if found.statement is None or found.problem or found.predicate_type != DECISION:
        return None
    try:
        return decision.read(found.statement)
    except GateRefused:
        return None


def _against(found: Sequence[Found], decided: Decided | None, named: str, yanked: str) -> Iterator[str]:
    if yanked:
        yield yanked
    if decided is None:
        yield f"no trusted decision lets this digest carry {named}"
    else:
        yield from decided.reasons
        missing = set(decided.evidence) - {each.artifact for each in found if not each.problem}
        if missing:
            yield f"{len(missing)} of the {len(decided.evidence)} statements it was decided from are gone or changed"
    if decided is None:
        yield from (f"{each.predicate_type or 'an artifact'}: {each.problem}" for each in found if each.problem)


def _verdict(decided: Decided | None, reasons: Sequence[str]) -> Verdict:
    if reasons or decided is None:
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE if decided.channel == CANDIDATE else Verdict.PASS


def _lines(found: Sequence[Found], decided: Decided | None) -> Iterator[str]:
    for title, kind, tell in _TOLD:
        statement = attest.usable(found, kind)
        try:
            yield f"{title}: {tell(statement) if statement else 'no trusted statement'}"
        except GateRefused as error:
            yield f"{title}: not readable ({error.message})"
    if decided:
        yield f"decision: {decided.verdict} for {decided.channel} as a {decided.kind} release, on {decided.decided_on}"
    signers = sorted({_short(each.signer) for each in found if each.statement and not each.problem})
    yield f"signed by: {', '.join(signers) or 'nobody trusted'}"


def _short(signer: str) -> str:
    """A key by the start of its id; an identity whole, for in its end may be all the difference."""
    return signer[:16] if _KEY_ID.fullmatch(signer) else signer


def _provenance(statement: Statement) -> str:
    built = provenance.read(statement)
    return f"{built.asked.version} {built.asked.image}, built {built.finished_at} by {built.builder}"


def _tests(statement: Statement) -> str:
    tested = test_result.read(statement)
    where = ", ".join(f"{gpu.count} x {gpu.model}" for gpu in tested.gpus) or f"no GPU ({tested.device})"
    passed = sum(suite.verdict is Verdict.PASS for suite in tested.suites)
    return f"{tested.verdict}, {passed} of {len(tested.suites)} suites pass, on {where}"


def _bill(statement: Statement) -> str:
    return f"{len(sbom.packages_of(bill.read(statement)))} packages"


def _known(statement: Statement) -> str:
    assessed = vulnerability.read(statement)
    database = f"database of {assessed.database.updated_at[:10]}" if assessed.database else "no database"
    return f"{assessed.verdict}, {database}"


_TOLD = (
    ("provenance", PROVENANCE, _provenance),
    ("tests", TEST_RESULT, _tests),
    ("bill of materials", SBOM, _bill),
    ("vulnerabilities", VULNERABILITIES, _known),
)
