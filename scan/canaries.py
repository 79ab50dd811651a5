"""Canaries: known advisories that a vulnerability database must find.

A database may be of today and still lack the advisories of a package, because its source moved or
its feed broke. Then no findings prove nothing. So Trivy is asked about packages whose advisories
are known (scan/canaries.yaml), in the same way as about an image.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar

from packageurl import PackageURL
from pydantic import AfterValidator, ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass as checked

from runner import home, records, yaml_files
from runner.moments import add_days, parse_moment
from runner.nouns import count_noun
from scan import documents, filed_names, trivy
from scan.filed_names import FiledNames
from scan.policy import FOLDER, Text, split_purl
from scan.trivy import VulnerabilityDatabase
from scan.versions import compare_versions

CANARIES = FOLDER / "canaries.yaml"
_PROPERTY = "aquasecurity:trivy:"


def _require_known_type(purl: str) -> str:
    """Return a package URL of one version; raise ValueError if it is not one of a canary."""
    parsed = PackageURL.from_string(purl)
    if parsed.type not in ("pypi", "deb") or not parsed.version:
        raise ValueError(f"`{purl}` is not pkg:pypi/NAME@VERSION or pkg:deb/debian/NAME@VERSION")
    if parsed.type == "deb" and not str(parsed.qualifiers.get("distro", "")).startswith("debian-"):
        raise ValueError(f"`{purl}` does not name its release, as ?distro=debian-12")
    return purl


@checked(frozen=True, config=records.STRICT)
class Canary:
    """An advisory that is known to concern a version of a package.

    `package` is a package URL. `published` is the day of the advisory, `source` its address.
    """

    id: Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]*-[A-Za-z0-9-]+$")]
    package: Annotated[str, AfterValidator(_require_known_type)]
    fixed: Text
    published: datetime.date
    source: Annotated[str, Field(pattern=r"^https://[!-~]+$")]

    @model_validator(mode="after")
    def _require_later_fix(self) -> Canary:
        parsed = PackageURL.from_string(self.package)
        if compare_versions(parsed.type, str(parsed.version), self.fixed) >= 0:
            raise ValueError(f"`{self.package}` has the fix of {self.fixed}")
        return self

    @property
    def distribution(self) -> str:
        """The distribution as `debian 12`; empty for a package of PyPI."""
        parsed = PackageURL.from_string(self.package)
        return str(parsed.qualifiers.get("distro", "")).replace("-", " ", 1)

    def __str__(self) -> str:
        """Return it for a message: advisory, package, version, day."""
        parsed = PackageURL.from_string(self.package)
        return f"{self.id} in {parsed.name} {parsed.version} (published on {self.published})"


@dataclass(frozen=True)
class Canaries:
    """The whole of canaries.yaml; `filed_as` are other names of packages, by their own name."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    filed_as: FiledNames
    canaries: Annotated[tuple[Canary, ...], Field(min_length=1)]


def load_canaries(path: Path = CANARIES) -> Canaries:
    """Return the canaries. Raises ConfigError, with file and line, if one is not valid."""
    return yaml_files.load_yaml(Canaries, path)


def find_missed(
    database: VulnerabilityDatabase, known: Canaries, distribution: str, grace_days: int
) -> tuple[Canary, ...]:
    """Return the canaries that a database should know and does not find, in their order.

    It need not know those that were published less than `grace_days` before its own day, nor those
    of another distribution than the image's (`debian 12.15`). Raises EnvironmentFailed if Trivy
    fails.
    """
    last = add_days(parse_moment(database.record.updated_at).date(), -grace_days)
    release = distribution.partition(".")[0]
    missed = _find_silent(database, known.canaries, tuple(known.filed_as.items()))
    due = (each for each in known.canaries if each in missed and each.published <= last)
    return tuple(each for each in due if each.distribution in ("", release))


def explain_missed(missed: Sequence[Canary], updated_at: str) -> str:
    """Return in one line what a database misses, and what to do; empty if it misses nothing."""
    if not missed:
        return ""
    others = len(missed) - 1
    more = f" and {count_noun(others, 'other known advisory', 'other known advisories')}"
    return (
        f"the database of {updated_at[:10]} does not know {missed[0]}{more if others else ''} "
        f"of scan/{CANARIES.name}, so it cannot prove that there are no findings: use another one "
        "(--db-repository, --trivy-db)"
    )


@cache
def _find_silent(
    database: VulnerabilityDatabase,
    canaries: tuple[Canary, ...],
    filed_as: tuple[tuple[str, tuple[str, ...]], ...],
) -> frozenset[Canary]:
    """Return the canaries that Trivy does not find; it is asked once for each database."""
    releases = sorted({each.distribution for each in canaries} - {""}) or [""]
    found = frozenset().union(
        *(
            _find_canaries(
                database,
                [each for each in canaries if each.distribution in ("", release)],
                dict(filed_as),
                release,
            )
            for release in releases
        )
    )
    return frozenset(canaries) - found


def _find_canaries(
    database: VulnerabilityDatabase, canaries: Sequence[Canary], filed_as: FiledNames, release: str
) -> frozenset[Canary]:
    """Return the canaries of a release of a distribution, and of PyPI, that Trivy finds."""
    with home.scratch_folder("canaries") as folder:
        document = folder / "canaries.cdx.json"
        document.write_text(json.dumps(make_sbom(canaries, release)))
        with filed_names.add_names(document, filed_as) as named:
            result = trivy.find_vulnerabilities(named.document, database, folder / "found.json")
    found = {
        (each.VulnerabilityID, split_purl(named.own_purl(each.PkgIdentifier.PURL)))
        for target in documents.parse_report(result).Results or ()
        for each in target.Vulnerabilities or ()
    }
    return frozenset(each for each in canaries if (each.id, split_purl(each.package)) in found)


def make_sbom(canaries: Iterable[Canary], distribution: str) -> dict[str, Any]:
    """Return a CycloneDX document that holds the packages of canaries, as Trivy would write it."""
    purls = dict.fromkeys(each.package for each in canaries)
    name, _, version = distribution.partition(" ")
    system = _make_component("operating-system", name, version, "", Class="os-pkgs", Type=name)
    parts = [_package_component(PackageURL.from_string(purl), purl) for purl in purls]
    depends = [each["bom-ref"] for each in parts if each["bom-ref"].startswith("pkg:deb/")]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "components": [*([system] if distribution else []), *parts],
        "dependencies": [{"ref": name, "dependsOn": depends}] if distribution else [],
    }


def _package_component(parsed: PackageURL, purl: str) -> dict[str, Any]:
    version = str(parsed.version)
    if parsed.type == "pypi":
        more = {"PkgType": "python-pkg", "FilePath": f"{parsed.name}-{version}"}
        return _make_component("library", parsed.name, version, purl, **more)
    upstream, _, revision = version.rpartition("-")
    source = {"SrcName": parsed.name, "SrcVersion": upstream, "SrcRelease": revision}
    return _make_component("library", parsed.name, version, purl, PkgType="debian", **source)


def _make_component(
    kind: str, name: str, version: str, purl: str, **properties: str
) -> dict[str, Any]:
    entries = [{"name": f"{_PROPERTY}{key}", "value": value} for key, value in properties.items()]
    whole = {"type": kind, "name": name, "version": version, "properties": entries}
    return {**whole, "bom-ref": purl or name, **({"purl": purl} if purl else {})}
