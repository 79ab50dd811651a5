"""The documents that Trivy writes about an image, as far as they are read here.

Trivy is pinned, and much of what it writes is text of the image: names, versions, paths, licences.
The documents are read with a bound on their size, checked for their shape, and their text is
cleaned before it enters a record.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, Strict, TypeAdapter, ValidationError

from runner.errors import EnvironmentFailed
from runner.untrusted import Malformed, clean_line, parse_json, read_file
from scan.record import Problem, number_of

DOCUMENT_BYTES = 128 << 20
"""The report on an image has some 700 KB."""
PROBLEMS = 1000
"""Problems of one image that are named one by one; the rest is counted."""
TEXT_CHARACTERS = 500
HINT = "look at what the image holds, then run the scan again"

T = TypeVar("T")
_Text = Annotated[str, Strict()]


@dataclass(frozen=True)
class Secret:
    """A key or token that Trivy found, without what was matched."""

    RuleID: _Text
    Title: _Text
    StartLine: Annotated[int, Strict()]


@dataclass(frozen=True)
class Identifier:
    """How Trivy names a package in full."""

    PURL: _Text


@dataclass(frozen=True)
class Vulnerability:
    """An advisory that concerns a package."""

    VulnerabilityID: _Text
    PkgIdentifier: Identifier
    PkgName: _Text
    InstalledVersion: _Text
    FixedVersion: _Text = ""
    Severity: _Text = "UNKNOWN"
    Title: _Text = ""
    PublishedDate: _Text = ""


@dataclass(frozen=True)
class Target:
    """One place that Trivy looked at: a file, or the packages of one sort."""

    Target: _Text = ""
    Secrets: list[Secret] | None = None
    Vulnerabilities: list[Vulnerability] | None = None


@dataclass(frozen=True)
class Distribution:
    """The distribution; `EOSL` says that it is past its end of life."""

    EOSL: bool = False


@dataclass(frozen=True)
class Metadata:
    """What Trivy says of the image as a whole."""

    OS: Distribution | None = None
    ImageConfig: dict[str, Any] | None = None


@dataclass(frozen=True)
class RunConfig:
    """The part of an image's configuration that says how it is run."""

    User: _Text | None = None
    ExposedPorts: dict[str, Any] | None = None
    Env: list[_Text] | None = None


@dataclass(frozen=True)
class ImageConfig:
    """An image's OCI configuration."""

    config: RunConfig | None = None


@dataclass(frozen=True)
class Report:
    """Trivy's own report."""

    ArtifactName: _Text = ""
    Metadata: Metadata = field(default_factory=Metadata)
    Results: list[Target] | None = None


@dataclass(frozen=True)
class Property:
    """A name and a value of a CycloneDX component."""

    name: _Text
    value: _Text = ""


@dataclass(frozen=True)
class Licence:
    """A licence of CycloneDX: an SPDX identifier, or a name if it has none."""

    id: _Text = ""
    name: _Text = ""


@dataclass(frozen=True)
class LicenceChoice:
    """A licence, or an SPDX expression."""

    license: Licence = field(default_factory=Licence)
    expression: _Text = ""


@dataclass(frozen=True)
class Component:
    """A component of a CycloneDX document; packages are those with a package URL."""

    name: _Text
    version: _Text = ""
    type: _Text = ""
    purl: _Text = ""
    properties: list[Property] = field(default_factory=list)
    licenses: list[LicenceChoice] = field(default_factory=list)


@dataclass(frozen=True)
class Subject:
    """What a CycloneDX document is about."""

    properties: list[Property] = field(default_factory=list)


@dataclass(frozen=True)
class BillMetadata:
    """What a CycloneDX document says about itself; `component` is the image."""

    timestamp: _Text = ""
    component: Subject | None = None


@dataclass(frozen=True)
class Bill:
    """A CycloneDX document."""

    components: Annotated[list[Component], Field(max_length=100_000)] = field(default_factory=list)
    metadata: BillMetadata = field(default_factory=BillMetadata)


_REPORT, _BILL, _CONFIG = TypeAdapter(Report), TypeAdapter(Bill), TypeAdapter(ImageConfig)


def read_document(path: Path) -> dict[str, Any]:
    """Return a document as JSON.

    Raise EnvironmentFailed if it is larger than DOCUMENT_BYTES, or no JSON object.

    Raises FileNotFoundError if there is no such file.
    """
    try:
        found = parse_json(read_file(path.parent, path.name, DOCUMENT_BYTES), DOCUMENT_BYTES)
    except Malformed as error:
        raise EnvironmentFailed(f"{path} cannot be used: {error}", HINT) from None
    if not isinstance(found, dict):
        raise EnvironmentFailed(f"{path} cannot be used: it is not a JSON object", HINT)
    return found


def report_of(document: object) -> Report:
    """Return Trivy's own report of a JSON value.

    Raise EnvironmentFailed if it has another shape.
    """
    return _checked(_REPORT, document, "trivy's report")


def bill_of(document: object) -> Bill:
    """Return the CycloneDX document of a JSON value.

    Raise EnvironmentFailed if it has another shape.
    """
    return _checked(_BILL, document, "the bill of materials")


def run_config_of(document: object) -> RunConfig:
    """Return how an image is run, of its OCI configuration.

    Raise EnvironmentFailed if that has another shape.
    """
    return _checked(_CONFIG, document, "the image's configuration").config or RunConfig()


def _checked(adapter: TypeAdapter[T], document: object, what: str) -> T:
    try:
        return adapter.validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        problem = clean_line(f"{what} has another shape than expected: `{place}`: {first['msg']}")
        raise EnvironmentFailed(problem, HINT) from None


def recorded(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Return problems as a record takes them: their text cleaned and cut, and a bounded number of
    them.
    """
    kept = tuple(_cleaned(problem) for problem in problems[:PROBLEMS])
    if len(problems) <= PROBLEMS:
        return kept
    count = number_of(problems[PROBLEMS:])
    more = f"{count:,} more problems, as {kept[-1].where}"
    return (
        *kept,
        replace(kept[-1], where="and others", what=clean_line(more, TEXT_CHARACTERS), count=count),
    )


def _cleaned(problem: Problem) -> Problem:
    where, what, way_out = (
        clean_line(text, TEXT_CHARACTERS) for text in (problem.where, problem.what, problem.way_out)
    )
    return Problem(problem.kind, where, what, way_out, problem.count)
