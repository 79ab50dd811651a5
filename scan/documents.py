"""Shapes of the documents that Trivy writes about an image, with the parts that are used here.

Trivy is pinned, but much of what it writes is text of the image: names, versions, paths, licences.
The documents are read up to a maximum size, their shape is checked, and their text is cleaned
before it enters a record.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import Field, Strict, TypeAdapter, ValidationError

from runner.errors import EnvironmentFailed
from runner.nouns import count_noun
from runner.untrusted import Malformed, clean_line, parse_json, read_file
from scan.record import ScanProblem, count_problems

DOCUMENT_BYTES = 128 << 20
DOCUMENT_VALUES = 8_000_000
"""The report on an image has some 700 KB."""
PROBLEMS = 1000
"""Maximum number of problems of one image that are named one by one; the rest is counted."""
TEXT_CHARACTERS = 500
HINT = "inspect the contents of the image, then run the scan again"

T = TypeVar("T")
_Text = Annotated[str, Strict()]


@dataclass(frozen=True)
class SecretLayer:
    """The layer that a secret is in; `Digest` is empty for the image's configuration."""

    Digest: _Text = ""


@dataclass(frozen=True)
class Secret:
    """A key or token that Trivy found, without the matched text."""

    RuleID: _Text
    Title: _Text
    StartLine: Annotated[int, Strict()]
    Layer: SecretLayer = field(default_factory=SecretLayer)


@dataclass(frozen=True)
class Identifier:
    """The package URL of a package."""

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
class TrivyTarget:
    """One part of a report: a file, or the packages of one type."""

    Target: _Text = ""
    Secrets: list[Secret] | None = None
    Vulnerabilities: list[Vulnerability] | None = None


@dataclass(frozen=True)
class Distribution:
    """The distribution; `EOSL` says that it is past its end of life."""

    EOSL: bool = False


@dataclass(frozen=True)
class TrivyMetadata:
    """Facts about the image as a whole."""

    OS: Distribution | None = None
    ImageConfig: dict[str, Any] | None = None


@dataclass(frozen=True)
class RunConfig:
    """The part of an image's configuration that says how a container of it is run."""

    User: _Text | None = None
    ExposedPorts: dict[str, Any] | None = None
    Env: list[_Text] | None = None


@dataclass(frozen=True)
class ImageConfig:
    """An image's OCI configuration."""

    config: RunConfig | None = None


@dataclass(frozen=True)
class TrivyReport:
    """Trivy's own report."""

    ArtifactName: _Text = ""
    Metadata: TrivyMetadata = field(default_factory=TrivyMetadata)
    Results: list[TrivyTarget] | None = None


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
class CycloneDxSubject:
    """The subject of a CycloneDX document."""

    properties: list[Property] = field(default_factory=list)


@dataclass(frozen=True)
class CycloneDxMetadata:
    """Metadata of a CycloneDX document; `component` is the image."""

    timestamp: _Text = ""
    component: CycloneDxSubject | None = None


@dataclass(frozen=True)
class CycloneDxDocument:
    """A CycloneDX document."""

    components: Annotated[list[Component], Field(max_length=100_000)] = field(default_factory=list)
    metadata: CycloneDxMetadata = field(default_factory=CycloneDxMetadata)


_REPORT, _BILL, _CONFIG = (
    TypeAdapter(TrivyReport),
    TypeAdapter(CycloneDxDocument),
    TypeAdapter(ImageConfig),
)


def read_document(path: Path) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises EnvironmentFailed if the file has more than DOCUMENT_BYTES or holds no JSON object, and
    FileNotFoundError if there is no such file.
    """
    try:
        data = read_file(path.parent, path.name, DOCUMENT_BYTES)
        found = parse_json(data, DOCUMENT_BYTES, DOCUMENT_VALUES)
    except Malformed as error:
        raise EnvironmentFailed(f"{path} cannot be used: {error}", HINT) from None
    if not isinstance(found, dict):
        raise EnvironmentFailed(f"{path} cannot be used: it is not a JSON object", HINT)
    return found


def parse_report(document: object) -> TrivyReport:
    """Return a JSON value as Trivy's own report.

    Raises EnvironmentFailed if it has another shape.
    """
    return _validate_shape(_REPORT, document, "trivy's report")


def parse_cyclonedx(document: object) -> CycloneDxDocument:
    """Return a JSON value as a CycloneDX document.

    Raises EnvironmentFailed if it has another shape.
    """
    return _validate_shape(_BILL, document, "the SBOM")


def parse_run_config(document: object) -> RunConfig:
    """Return how a container is run, from an image's OCI configuration.

    Raises EnvironmentFailed if the configuration has another shape.
    """
    return _validate_shape(_CONFIG, document, "the image's configuration").config or RunConfig()


def _validate_shape(adapter: TypeAdapter[T], document: object, what: str) -> T:
    try:
        return adapter.validate_python(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "document"
        problem = clean_line(f"{what} has another shape than expected: `{place}`: {first['msg']}")
        raise EnvironmentFailed(problem, HINT) from None


def bound_problems(problems: tuple[ScanProblem, ...]) -> tuple[ScanProblem, ...]:
    """Return problems for a record: at most PROBLEMS, and one that counts the rest.

    Their text is cleaned, and cut to TEXT_CHARACTERS.
    """
    kept = tuple(
        replace(
            problem,
            where=clean_line(problem.where, TEXT_CHARACTERS),
            what=clean_line(problem.what, TEXT_CHARACTERS),
            way_out=clean_line(problem.way_out, TEXT_CHARACTERS),
        )
        for problem in problems[:PROBLEMS]
    )
    if len(problems) <= PROBLEMS:
        return kept
    count = count_problems(problems[PROBLEMS:])
    more = f"{count_noun(count, 'more problem')}, as {kept[-1].where}"
    return (
        *kept,
        replace(kept[-1], where="and others", what=clean_line(more, TEXT_CHARACTERS), count=count),
    )
