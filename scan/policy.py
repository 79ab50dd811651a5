"""The policy (scan/policy.yaml) and its exceptions (scan/exceptions.yaml)."""

from __future__ import annotations

import datetime
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from packageurl import PackageURL
from packaging.utils import canonicalize_name
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass as checked

from images.compatibility import is_platform
from runner import records, yaml_files
from runner.moments import Days, add_days
from scan.configuration import AllowedConfiguration
from scan.record import UNKNOWN, Finding

FOLDER = Path(__file__).resolve().parent
POLICY = FOLDER / "policy.yaml"
EXCEPTIONS = FOLDER / "exceptions.yaml"

Severity = Literal["critical", "high", "medium", "low", "unknown"]
Text = Annotated[str, Field(min_length=1)]
AdvisoryId = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]*-[A-Za-z0-9-]+$")]
NOT_AFFECTED = "not_affected"
MAX_LINE_EXCEPTION_DAYS = 180
"""Days from its review to its last one; then a person reviews it again, or the line ends."""
Justification = Literal[
    "component_not_present",
    "vulnerable_code_not_present",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "inline_mitigations_already_exist",
]
"""OpenVEX 0.2.0, section "Status Justifications"."""


def _require_one_version(purl: str) -> str:
    """Return a package URL; raise ValueError if it covers more than one version of one package."""
    parsed = PackageURL.from_string(purl)
    if not parsed.version or "*" in purl:
        raise ValueError(
            f"`{purl}` is too broad: name one package with its version, as pkg:pypi/jinja2@3.1.4"
        )
    return purl


def is_same_package(one: str, other: str) -> bool:
    """Return whether two package URLs name the same package and version."""
    return split_purl(one) == split_purl(other)


def split_purl(purl: str) -> tuple[str, str | None, str, str | None]:
    """Return type, namespace, name (PEP 503 for PyPI) and version of a package URL.

    Its qualifiers, such as `arch`, are left out. Raises ValueError if it is not a package URL.
    """
    parsed = PackageURL.from_string(purl)
    name = canonicalize_name(parsed.name) if parsed.type == "pypi" else parsed.name
    return parsed.type, parsed.namespace, name, parsed.version


@dataclass(frozen=True)
class GraceOverride:
    """Other days of grace for the images of `line` that hold `stack`."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    line: str
    stack: str
    grace_days: dict[Severity, Days]


@dataclass(frozen=True)
class ReviewedLicence:
    """The licence of a package as a person read it; `package` may end in `*`."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    package: Text
    licence: Text
    why: Text


@dataclass(frozen=True)
class LicencePolicy:
    """Licences that may be shipped.

    `areas` are those of Debian's archive, `allowed` SPDX identifiers of Python packages, and
    `reviewed` packages whose licence a person has read.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    areas: tuple[str, ...]
    allowed: tuple[str, ...]
    reviewed: tuple[ReviewedLicence, ...]


@dataclass(frozen=True)
class Policy:
    """The whole of policy.yaml; days are calendar days."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    database_days: Days
    canary_grace_days: Days
    grace_days: dict[Severity, Days]
    unknown_counts_as: Literal["critical", "high", "medium", "low", "nothing"]
    overrides: tuple[GraceOverride, ...]
    exception_days: Days
    licences: LicencePolicy
    configuration: AllowedConfiguration

    def grace_for(self, line: str, stacks: Collection[str]) -> dict[str, int]:
        """Return the days of grace by severity for an image; a missing severity never blocks.

        Unknown severity has the days of the one that it counts as, unless it has its own.
        """
        days: dict[str, int] = {
            str(severity): number for severity, number in self.grace_days.items()
        }
        for override in self.overrides:
            if override.line == line and override.stack in stacks:
                days.update(
                    {str(severity): number for severity, number in override.grace_days.items()}
                )
        if self.unknown_counts_as in days:
            days.setdefault(UNKNOWN, days[self.unknown_counts_as])
        return days


@checked(frozen=True, config=records.STRICT)
class PolicyException:
    """One finding that may stand until `expires`, in the images of `line` that hold `stack`."""

    id: AdvisoryId
    package: Annotated[str, AfterValidator(_require_one_version)]
    line: str
    stack: str
    status: Literal["affected", "not_affected"]
    reason: Text
    owner: Text
    expires: datetime.date
    justification: Justification | None = None

    @model_validator(mode="after")
    def _require_justification(self) -> PolicyException:
        if (self.status == NOT_AFFECTED) != (self.justification is not None):
            raise ValueError(
                "`justification` is required with `status: not_affected`, and not allowed otherwise"
            )
        return self

    @property
    def explanation(self) -> str:
        """Its reason and owner, for people."""
        return f"{self.reason} ({self.owner})"

    def applies_to(self, line: str, stacks: Collection[str]) -> bool:
        """Return whether it was written for an image of this line and these stacks."""
        return self.line == line and self.stack in stacks

    def covers_finding(self, finding: Finding) -> bool:
        """Return whether it is about this advisory in this version of the package."""
        return self.id == finding.id and is_same_package(self.package, finding.purl)


@checked(frozen=True, config=records.STRICT)
class LineException:
    """An advisory that no release of `line` can fix, and that may stand until `expires`.

    `package` is one that the line fixes, such as torch. `mitigation` says what users do instead.
    `granted` is the day of the review; it lasts at most MAX_LINE_EXCEPTION_DAYS days from then on.
    """

    id: AdvisoryId
    package: Annotated[str, AfterValidator(_require_one_version)]
    line: str
    reason: Text
    mitigation: Text
    owner: Text
    granted: datetime.date
    expires: datetime.date

    @model_validator(mode="after")
    def _check_contents(self) -> LineException:
        kind, _, name, _ = split_purl(self.package)
        if kind != "pypi" or not is_platform(name):
            raise ValueError(
                f"`{name}` is not fixed by the line: write the exception under `exceptions`"
            )
        days = (self.expires - self.granted).days
        if not 0 <= days <= MAX_LINE_EXCEPTION_DAYS:
            last = add_days(self.granted, MAX_LINE_EXCEPTION_DAYS)
            raise ValueError(
                f"granted on {self.granted}, it must expire between that day and {last} "
                f"({MAX_LINE_EXCEPTION_DAYS} days later), not on {self.expires}"
            )
        return self

    def covers_finding(self, finding: Finding) -> bool:
        """Return whether it is about this advisory in this version of the package.

        Builds of one version (`2.6.0+cu124`) are the same version.
        """
        named, found = split_purl(self.package), split_purl(finding.purl)
        version = (found[3] or "").partition("+")[0]
        return self.id == finding.id and named == (*found[:3], version)

    @property
    def explanation(self) -> str:
        """Its reason, mitigation and owner, for people."""
        return f"{self.reason}; mitigation: {self.mitigation} ({self.owner})"

    def is_in_force(self, day: datetime.date) -> bool:
        """Return whether it counts on a day (UTC): both days of its time belong to it."""
        return self.granted <= day <= self.expires


@checked(frozen=True, config=records.STRICT)
class Exceptions:
    """The whole of exceptions.yaml."""

    exceptions: tuple[PolicyException, ...]
    line_exceptions: tuple[LineException, ...] = ()

    @model_validator(mode="after")
    def _refuse_twice(self) -> Exceptions:
        seen = set()
        for each in self.line_exceptions:
            key = (each.line, each.id, split_purl(each.package))
            if key in seen:
                raise ValueError(f"{each.id} of line {each.line} has two `line_exceptions`")
            seen.add(key)
        return self


def load_policy(path: Path = POLICY) -> Policy:
    """Return the policy. Raises ConfigError, with file and line, if it is not valid."""
    return yaml_files.load_yaml(Policy, path)


def load_exceptions(path: Path = EXCEPTIONS) -> tuple[PolicyException, ...]:
    """Return the exceptions. Raises ConfigError, with file and line, if one is not valid."""
    return yaml_files.load_yaml(Exceptions, path).exceptions


def load_line_exceptions(path: Path = EXCEPTIONS) -> tuple[LineException, ...]:
    """Return the line exceptions. Raises ConfigError, with file and line, if one is wrong."""
    return yaml_files.load_yaml(Exceptions, path).line_exceptions
