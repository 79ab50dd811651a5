"""A CycloneDX bill of materials as packages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from packageurl import PackageURL

from runner.errors import EnvironmentFailed
from scan.record import Package

_PROPERTY = "aquasecurity:trivy:"


def packages_of(document: dict[str, Any]) -> tuple[Package, ...]:
    """Every component with a package URL, by purl. Raises EnvironmentFailed where one cannot be read."""
    components = (component for component in document.get("components", ()) if component.get("purl"))
    return tuple(sorted(map(_package, components), key=lambda package: package.purl))


def distribution_of(document: dict[str, Any]) -> str:
    """`debian 12.15`: the distribution the image says it is; empty where it says none."""
    found = (each for each in document.get("components", ()) if each.get("type") == "operating-system")
    return next((f"{each['name']} {each['version']}" for each in found), "")


def _package(component: dict[str, Any]) -> Package:
    try:
        purl = PackageURL.from_string(component["purl"])
        properties = {each["name"].removeprefix(_PROPERTY): each["value"] for each in component.get("properties", ())}
        return Package(
            purl=component["purl"],
            type=purl.type,
            name=component["name"],
            version=component["version"],
            source=properties.get("SrcName", ""),
            licences=tuple(_licences(component)),
            layer=properties.get("LayerDigest", ""),
            path=properties.get("FilePath", ""),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise EnvironmentFailed(
            f"the bill of materials has a component that cannot be read: {component.get('purl')} ({error})",
            "delete it and run the scan again",
        ) from None


def _licences(component: dict[str, Any]) -> Iterator[str]:
    """SPDX identifiers, expressions, or names where the licence has no identifier."""
    for entry in component.get("licenses", ()):
        licence = entry.get("license", {})
        yield entry.get("expression") or licence.get("id") or licence.get("name") or ""
