"""Completion of the SBOMs that Trivy writes: what the image is called, suppliers, hashes.

Trivy names the image as it scanned it, in staging. Readers look for it in production, to which it
goes under the same digest. The minimum elements of the NTIA ask for the version and the supplier of
each component. Trivy knows neither of the image itself, and no supplier of Python packages: the
index distributes them. The hash of a wheel is the one that its lock demands, that of a Debian
package is of Debian's index, as the layer's signed statement has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packageurl import PackageURL
from packaging.utils import canonicalize_name

from images.locks import Wheel
from images.record import BuildRecord
from images.statement_names import read_own_name
from runner import records
from scan import trivy
from scan.documents import parse_cyclonedx, read_document

_INDEXES = {"pypi": "Python Package Index"}
"""Who distributes packages of a type of package URL that names no supplier."""
_LICENCE = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")
_SYSTEMS = {"debian": "Debian Project"}


@dataclass(frozen=True)
class ReleasedImage:
    """An image as it is released: HOST/REPOSITORY of production, and the wheels that it holds."""

    name: str
    wheels: tuple[Wheel, ...] = ()


def complete_documents(folder: Path, build: BuildRecord, released: ReleasedImage) -> None:
    """Complete the CycloneDX and the SPDX document that Trivy wrote into `folder`.

    Raises EnvironmentFailed if one has another shape than Trivy's.
    """
    cyclonedx, spdx = (read_document(folder / name) for name in (trivy.SBOM, trivy.SPDX))
    parse_cyclonedx(cyclonedx)
    hashes = {
        f"pkg:pypi/{canonicalize_name(each.name)}@{each.version}": each.sha256
        for each in released.wheels
    } | {
        f"pkg:deb/{each.name}@{each.version}": each.sha256
        for each in build.debian_packages
        if each.sha256
    }
    _complete_cyclonedx(cyclonedx, build, hashes)
    _complete_spdx(spdx, build, hashes)
    for name, document in ((trivy.SBOM, cyclonedx), (trivy.SPDX, spdx)):
        renamed = _rename_image(document, build, released.name)
        records.write_text(folder / name, json.dumps(renamed, indent=2) + "\n")


def make_image_purl(name: str, digest: str) -> str:
    """Return the package URL of the image HOST/REPOSITORY with a digest."""
    qualifiers = {"arch": "amd64", "repository_url": name}
    return PackageURL("oci", None, name.rpartition("/")[2], digest, qualifiers).to_string()


def _complete_cyclonedx(
    document: dict[str, Any], build: BuildRecord, hashes: Mapping[str, str]
) -> None:
    metadata = document.setdefault("metadata", {})
    ours = {"name": read_own_name().removeprefix("https://"), "url": [read_own_name()]}
    metadata |= {"supplier": ours, "authors": [{"name": ours["name"]}]}
    if image := metadata.get("component"):
        image |= {"version": build.version, "supplier": ours}
    for component in document.get("components", []):
        purl = component.get("purl", "")
        supplier = _SYSTEMS.get(component["name"], "") if not purl else _find_index(purl)
        component.setdefault("supplier", {"name": supplier} if supplier else ours)
        if found := hashes.get(_plain_purl(purl)):
            component["hashes"] = [{"alg": "SHA-256", "content": found}]


def _complete_spdx(document: dict[str, Any], build: BuildRecord, hashes: Mapping[str, str]) -> None:
    ours = f"Organization: {read_own_name().removeprefix('https://')}"
    if creation := document.get("creationInfo"):
        creation["creators"] = [ours, *creation.get("creators", [])]
    packages = document.get("packages", [])
    _declare_licences(document, packages)
    for package in packages:
        is_image = package.get("primaryPackagePurpose") == "CONTAINER"
        named = {
            each.get("referenceType"): each.get("referenceLocator", "")
            for each in package.get("externalRefs", [])
        }
        purl = str(named.get("purl", ""))
        if is_image:
            package["versionInfo"] = build.version
        if package.get("supplier", "NOASSERTION") == "NOASSERTION":
            known = "" if is_image else _find_index(purl) or _SYSTEMS.get(package.get("name"), "")
            package["supplier"] = f"Organization: {known}" if known else ours
        if found := hashes.get(_plain_purl(purl)):
            package["checksums"] = [{"algorithm": "SHA256", "checksumValue": found}]


def _declare_licences(document: dict[str, Any], packages: Sequence[Mapping[str, Any]]) -> None:
    """Declare the licences outside SPDX's list that packages name and Trivy does not declare.

    Without their declaration the document is not valid.
    """
    declared = document.setdefault("hasExtractedLicensingInfos", [])
    known = {each.get("licenseId") for each in declared}
    expressions = (str(each.get("licenseDeclared")) for each in packages)
    named = {name for each in expressions for name in _LICENCE.findall(each)} - known
    for name in sorted(named):
        title = name.removeprefix("LicenseRef-")
        text = f"The packages that name {title} hold its text."
        declared.append({"licenseId": name, "name": title, "extractedText": text})


def _find_index(purl: str) -> str:
    """Return the index that distributes packages of this type; empty if none is known."""
    return _INDEXES.get(purl.removeprefix("pkg:").partition("/")[0], "")


def _plain_purl(purl: str) -> str:
    """Return type, name and version of a package as a package URL without escapes.

    An epoch of Debian is part of the version, as dpkg has it. It is empty for a package URL that
    cannot be read: an image can write any.
    """
    try:
        found = PackageURL.from_string(purl)
    except ValueError:
        return ""
    if found.type == "pypi":
        return f"pkg:pypi/{canonicalize_name(found.name)}@{found.version}"
    epoch = dict(found.qualifiers).get("epoch")
    return f"pkg:{found.type}/{found.name}@{f'{epoch}:' if epoch else ''}{found.version}"


def _rename_image(part: Any, build: BuildRecord, name: str) -> Any:  # noqa: ANN401 - JSON
    """Return a part of a document with the image called HOST/REPOSITORY `name`."""
    if isinstance(part, dict):
        return {key: _rename_image(value, build, name) for key, value in part.items()}
    if isinstance(part, list):
        return [_rename_image(each, build, name) for each in part]
    if not isinstance(part, str) or f"@{build.digest}" not in part:
        return part
    own = build.repository.rpartition("/")[2]
    if part.startswith(f"pkg:oci/{own}@{build.digest}"):
        return make_image_purl(name, build.digest)
    host = name.partition("/")[0]
    return part.replace(f"{host}/{build.repository}@{build.digest}", f"{name}@{build.digest}")
