"""Packages of an SBOM (CycloneDX)."""

from __future__ import annotations

from packageurl import PackageURL

from runner.errors import EnvironmentFailed
from runner.untrusted import clean_line, printable
from scan.documents import Component, bill_of
from scan.record import Package

_PROPERTY = "aquasecurity:trivy:"


def packages_of(document: object) -> tuple[Package, ...]:
    """Return every component with a package URL, sorted by it.

    Raises EnvironmentFailed if the document or one of its package URLs cannot be read.
    """
    components = (component for component in bill_of(document).components if component.purl)
    return tuple(sorted(map(_package, components), key=lambda package: package.purl))


def distribution_of(document: object) -> str:
    """Return the distribution that the image names, as `debian 12.15`; empty if it names none."""
    found = (each for each in bill_of(document).components if each.type == "operating-system")
    return next((clean_line(f"{each.name} {each.version}") for each in found), "")


def _package(component: Component) -> Package:
    """Return a component as a package, with hidden characters of its text as escapes.

    Names are compared: two different ones must not become equal.
    """
    licences = (
        each.expression or each.license.id or each.license.name for each in component.licenses
    )
    properties = {each.name.removeprefix(_PROPERTY): each.value for each in component.properties}
    return Package(
        purl=printable(component.purl, 1000),
        type=printable(_type(component), 50),
        name=printable(component.name),
        version=printable(component.version),
        source=printable(properties.get("SrcName", "")),
        licences=tuple(printable(each) for each in licences),
        layer=printable(properties.get("LayerDigest", "")),
        path=printable(properties.get("FilePath", ""), 1000),
    )


def _type(component: Component) -> str:
    try:
        return str(PackageURL.from_string(component.purl).type)
    except ValueError as error:
        raise EnvironmentFailed(
            clean_line(f"the SBOM has a component that cannot be read: {component.purl} ({error})"),
            "delete it and run the scan again",
        ) from None
