"""The predicates of evidence: one module each, from a stage's record to a Statement and back.

A module has `statement(...)`, which a stage calls, `read(statement)`, which a reader calls that
decides, and `KIND`, which describes it; publish/evidence/kinds.py lists all of them. A decision is
made from a dataclass, not from JSON. `read` refuses the predicates of other producers if they lack
what is decided from. Fields of our own are in `pytorchCudaImages`, in provenance in
`pytorchCudaImages_details` as SLSA asks (slsa.dev/spec/v1.1/provenance, "Extension fields"), or are
annotations.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from oci.reference import is_digest
from publish.evidence.statement import OWN, Statement
from publish.evidence.strict_json import NOT_USABLE
from runner.errors import ConfigError, GateRefused
from runner.moments import parse_moment
from runner.records import adapter_of
from runner.untrusted import clean_line

PROVENANCE = "https://slsa.dev/provenance/v1"
TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
TEST_PART = "https://github.com/pytorch-cuda-images/test-part/v1"
SBOM = "https://cyclonedx.org/bom"
VULNERABILITIES = "https://in-toto.io/attestation/vulns/v0.2"
OPENVEX = "https://openvex.dev/ns/v0.2.0"
DECISION = "https://github.com/pytorch-cuda-images/decision/v1"
OS_LAYER = "https://github.com/pytorch-cuda-images/os-layer/v1"
YANK = "https://github.com/pytorch-cuda-images/yank/v1"
FINDINGS = "https://github.com/pytorch-cuda-images/findings/v1"
JOURNAL = "https://github.com/pytorch-cuda-images/journal/v1"
LOCK = "https://github.com/pytorch-cuda-images/lock/v1"

T = TypeVar("T")


@dataclass(frozen=True)
class EvidenceKind:
    """A type of signed statement.

    `title` names it in messages. `date` is the place in the predicate of the moment (ISO 8601) that
    the statement is of. `read` returns what the statement says, and `summary` tells it in one line;
    both raise GateRefused if it is of another type or shape. What `decides` counts only if somebody
    signed it who may decide. A release `is_required` to have one.
    """

    title: str
    predicate_type: str
    date: tuple[str | int, ...]
    read: Callable[[Statement], Any]
    summary: Callable[[Statement], str]
    decides: bool = False
    is_required: bool = False


_ARTIFACTS = "artifacts"
_MAX_ARTIFACTS = 16


def add_artifacts(statement: Statement, artifacts: Sequence[str]) -> Statement:
    """Return the statement with the digests of artifacts that it vouches for too."""
    if not artifacts:
        return statement
    own = statement.predicate.get(OWN, {})
    return replace(
        statement, predicate={**statement.predicate, OWN: {**own, _ARTIFACTS: list(artifacts)}}
    )


def list_artifacts(statement: Statement) -> tuple[str, ...]:
    """Return the digests of the artifacts that a statement vouches for."""
    own = statement.predicate.get(OWN)
    named = own.get(_ARTIFACTS) if isinstance(own, Mapping) else None
    return tuple(filter(is_digest, named[:_MAX_ARTIFACTS])) if isinstance(named, list) else ()


def add_seconds(started_at: str, seconds: float) -> str:
    """Return the moment (ISO 8601) that is `seconds` later; empty if the moment is empty.

    Raises ConfigError if there is no such moment.
    """
    if not started_at:
        return ""
    try:
        moment = parse_moment(started_at) + datetime.timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        problem = f"no moment is {seconds:.6g} s after {clean_line(started_at, 60)!r}"
        raise ConfigError(problem, "delete the record and run the stage again") from None
    return moment.isoformat(timespec="seconds")


def value_at(statement: Statement, *path: str | int) -> Any:  # noqa: ANN401 - JSON
    """Return the value at a path of a predicate. Raises GateRefused if there is none."""
    found: Any = statement.predicate
    for step in path:
        places: Collection[object] = range(len(found)) if isinstance(found, list) else ()
        if step not in (found if isinstance(found, Mapping) else places):
            place = ".".join(map(str, path))
            raise GateRefused(f"{statement.predicate_type} without `{place}`", NOT_USABLE)
        found = found[step]
    return found


def read_value(kind: type[T], statement: Statement, *path: str | int) -> T:
    """Return the value at a path of a predicate, as a dataclass.

    Unknown fields are ignored. Raises GateRefused.
    """
    try:
        return adapter_of(kind).validate_python(value_at(statement, *path))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, (*path, *first["loc"])))
        raise GateRefused(
            f"{statement.predicate_type}, `{place}`: {first['msg'][:100]}", NOT_USABLE
        ) from None


def require_type(statement: Statement, predicate_type: str) -> None:
    """Raise GateRefused if a statement is of another type."""
    if statement.predicate_type != predicate_type:
        raise GateRefused(
            f"{statement.predicate_type!r:.100}, and {predicate_type} is expected", NOT_USABLE
        )
