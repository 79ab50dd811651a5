"""The packages of an SBOM, compared with those that the image probe found in the image."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator

from packageurl import PackageURL
from packaging.utils import canonicalize_name

from runner.nouns import count_noun
from scan.image_facts import KIND, ImageFacts
from scan.record import Package, ScanProblem

BUILD_AGAIN = "find what changed it since it was built, and build the image again"
KINDS = 50
"""Maximum number of types of package URL that are counted apart. Some dozens are in use."""
_KIND = re.compile(r"[a-z][a-z0-9.+-]{0,40}")
TRUTH = {"deb": "dpkg", "pypi": "Python"}


def compare_with_sbom(packages: tuple[Package, ...], inside: ImageFacts) -> tuple[ScanProblem, ...]:
    """Return every package for which SBOM and image differ, and types of which one has none.

    The SBOM may also list packages that the image names as parts of others.
    """
    found = [*_compare_dpkg(inside)]
    for kind, truth in (("deb", inside.debian), ("pypi", inside.python)):
        listed = [
            (_package_name(package), package.version)
            for package in packages
            if package.type == kind
        ]
        if not listed or not truth:
            found.append(_missing_type(kind, len(listed), len(truth)))
        else:
            found.extend(_compare_packages(kind, listed, truth, inside))
    return tuple(found)


def count_unlisted(packages: tuple[Package, ...], inside: ImageFacts) -> dict[str, int]:
    """Return the number of packages inside others that the SBOM does not list, by type (`rpm`).

    No vulnerability of theirs can be found, so they are shown beside the findings.
    """
    listed = {(package.type, _package_name(package), package.version) for package in packages}
    carried = {(purl.type, *_purl_key(purl)) for purl in _parse_bundled(inside)}
    counted = Counter(
        kind if _KIND.fullmatch(kind) else "unknown" for kind, _, _ in carried - listed
    )
    return dict(sorted(counted.most_common(KINDS)))


def _compare_dpkg(inside: ImageFacts) -> Iterator[ScanProblem]:
    """Yield differences between dpkg's status file, which Trivy reads, and the output of dpkg."""
    if inside.dpkg_query is None:
        return
    for name in sorted(inside.debian.keys() | inside.dpkg_query.keys()):
        file, program = (has.get(name, "absent") for has in (inside.debian, inside.dpkg_query))
        if file != program:
            yield ScanProblem(
                KIND, name, f"{file} in dpkg's status file, {program} by dpkg-query", BUILD_AGAIN
            )


def _missing_type(kind: str, listed: int, there: int) -> ScanProblem:
    what = (
        f"the SBOM lists {count_noun(listed, 'package')} of this type, {TRUTH[kind]} in the image "
        f"lists {there}; "
        "every image has some"
    )
    way_out = (
        "find what removed the packages' metadata from the image, or why Trivy did not read it"
    )
    return ScanProblem(KIND, kind, what, way_out)


def _compare_packages(
    kind: str,
    listed: Iterable[tuple[str, str]],
    truth: dict[str, str],
    inside: ImageFacts,
) -> Iterator[ScanProblem]:
    there = set(truth.items())
    missing = dict(there - set(listed))
    carried = {_purl_key(purl) for purl in _parse_bundled(inside) if purl.type == kind}
    excess = sorted(set(listed) - there - carried)
    for name, version in excess:
        real = missing.pop(name, None)
        actual = f"which {TRUTH[kind]} does not list" if real is None else f"{TRUTH[kind]} {real}"
        yield ScanProblem(KIND, name, f"the SBOM lists {version}, {actual}", BUILD_AGAIN)
    for name, version in sorted(missing.items()):
        what = f"{TRUTH[kind]} has {version} installed, the SBOM does not list it"
        way_out = "run the scan again; if it stays, Trivy does not find the package's metadata"
        yield ScanProblem(KIND, name, what, way_out)


def _parse_bundled(inside: ImageFacts) -> Iterator[PackageURL]:
    """Yield the package URLs inside packages; texts that are none are left out."""
    for purl in inside.bundled:
        with contextlib.suppress(ValueError):
            yield PackageURL.from_string(purl)


def _purl_key(purl: PackageURL) -> tuple[str, str]:
    return canonicalize_name(purl.name) if purl.type == "pypi" else purl.name, purl.version or ""


def _package_name(package: Package) -> str:
    return canonicalize_name(package.name) if package.type == "pypi" else package.name
