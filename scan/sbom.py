"""Packages of an SBOM (CycloneDX)."""

from __future__ import annotations

from packageurl import PackageURL

from runner.errors import EnvironmentFailed
from runner.untrusted import clean_line, escape_unprintable
from scan.documents import Component, parse_cyclonedx
from scan.record import Package

_PROPERTY = "aquasecurity:trivy:"


def read_packages(document: object) -> tuple[Package, ...]:
    """Return every component with a package URL, sorted by it.

    Raises EnvironmentFailed if the document or one of its package URLs cannot be read.
    """
    components = (component for component in parse_cyclonedx(document).components if component.purl)
    return tuple(sorted(map(_parse_component, components), key=lambda package: package.purl))


def read_distribution(document: object) -> str:
    """Return the distribution that the image names, as `debian 12.15`; empty if it names none."""
    found = (
        each for each in parse_cyclonedx(document).components if each.type == "operating-system"
    )
    return next((clean_line(f"{each.name} {each.version}") for each in found), "")


def _parse_component(component: Component) -> Package:
    """Return a component as a package, with hidden characters of its text as escapes.

    Names are compared: two different ones must not become equal.
    """
    licences = (
        each.expression or each.license.id or each.license.name for each in component.licenses
    )
    properties = {each.name.removeprefix(_PROPERTY): each.value for each in component.properties}
    return Package(
        purl=escape_unprintable(component.purl, 1000),
        type=escape_unprintable(_package_type(component), 50),
        name=escape_unprintable(component.name),
        version=escape_unprintable(component.version),
        source=escape_unprintable(properties.get("SrcName", "")),
        licences=tuple(escape_unprintable(each) for each in licences),
        layer=escape_unprintable(properties.get("LayerDigest", "")),
        path=escape_unprintable(properties.get("FilePath", ""), 1000),
    )


def _package_type(component: Component) -> str:
    try:
        return str(PackageURL.from_string(component.purl).type)
    except ValueError as error:
        raise EnvironmentFailed(
            clean_line(f"the SBOM has a component that cannot be read: {component.purl} ({error})"),
            "delete it and run the scan again",
        ) from None
