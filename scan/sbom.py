"""A CycloneDX bill of materials as packages."""

from __future__ import annotations

from collections.abc import Iterator

from packageurl import PackageURL

from runner.errors import EnvironmentFailed
from runner.untrusted import clean_line, printable
from scan.documents import Component, bill_of
from scan.record import Package

_PROPERTY = "aquasecurity:trivy:"


def packages_of(document: object) -> tuple[Package, ...]:
    """Every component with a package URL, by purl.

    Raises EnvironmentFailed where one cannot be read.
    """
    components = (component for component in bill_of(document).components if component.purl)
    return tuple(sorted(map(_package, components), key=lambda package: package.purl))


def distribution_of(document: object) -> str:
    """`debian 12.15`: the distribution the image says it is; empty where it says none."""
    found = (each for each in bill_of(document).components if each.type == "operating-system")
    return next((clean_line(f"{each.name} {each.version}") for each in found), "")


def _package(component: Component) -> Package:
    """Text of the image, with hidden characters as escapes: names are compared, and two must not
    become one.
    """
    properties = {each.name.removeprefix(_PROPERTY): each.value for each in component.properties}
    return Package(
        purl=printable(component.purl, 1000),
        type=printable(_type(component), 50),
        name=printable(component.name),
        version=printable(component.version),
        source=printable(properties.get("SrcName", "")),
        licences=tuple(printable(each) for each in _licences(component)),
        layer=printable(properties.get("LayerDigest", "")),
        path=printable(properties.get("FilePath", ""), 1000),
    )


def _type(component: Component) -> str:
    try:
        return str(PackageURL.from_string(component.purl).type)
    except ValueError as error:
        raise EnvironmentFailed(
            clean_line(
                f"the bill of materials has a component that cannot be read: {component.purl} "
                f"({error})"
            ),
            "delete it and run the scan again",
        ) from None


def _licences(component: Component) -> Iterator[str]:
    """SPDX identifiers, expressions, or names where the licence has no identifier."""
    for entry in component.licenses:
        yield entry.expression or entry.license.id or entry.license.name
