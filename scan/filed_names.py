"""Other names under which advisory sources file a package.

GitHub filed an advisory of `torch` under `pytorch`, and a scanner that compares names then never
finds it. So Trivy is asked about such a package under each of its names, and what it finds is
given the name that the package has in the image.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from packageurl import PackageURL
from packaging.utils import canonicalize_name
from pydantic import AfterValidator

from runner import home
from scan.documents import parse_cyclonedx, read_document
from scan.policy import split_purl


def _require_normal_name(name: str) -> str:
    """Return a name; raise ValueError if it is not as PEP 503 normalises it: none would match."""
    if name != canonicalize_name(name):
        raise ValueError(f"write `{canonicalize_name(name)}`")
    return name


_Name = Annotated[str, AfterValidator(_require_normal_name)]
FiledNames = Mapping[_Name, tuple[_Name, ...]]
"""Other names of packages of PyPI, by their own name; both as PEP 503 normalises them."""


@dataclass(frozen=True)
class ExtendedSbom:
    """An SBOM with packages under other names; `own` has their own package URLs."""

    document: Path
    own: Mapping[tuple[str, str | None, str, str | None], str]

    def own_purl(self, purl: str) -> str:
        """Return the package URL that a package has in the image."""
        return self.own.get(split_purl(purl), purl)


@contextmanager
def add_names(document: Path, filed_as: FiledNames) -> Iterator[ExtendedSbom]:
    """Make a copy of a CycloneDX document that has each package under its other names too.

    It is there within the context. Raises EnvironmentFailed if the document cannot be read.
    """
    parsed = read_document(document)
    bill = parse_cyclonedx(parsed)
    added, own = list[dict[str, Any]](), {}
    for component, raw in zip(bill.components, parsed.get("components", ()), strict=True):
        if not component.purl.startswith("pkg:pypi/"):
            continue
        whole = PackageURL.from_string(component.purl)
        for name in filed_as.get(canonicalize_name(whole.name), ()):
            other = PackageURL("pypi", None, name, whole.version).to_string()
            added.append({**raw, "name": name, "purl": other, "bom-ref": other})
            own[split_purl(other)] = component.purl
    with home.scratch_folder("extended") as folder:
        target = folder / document.name
        target.write_text(
            json.dumps({**parsed, "components": [*parsed.get("components", ()), *added]})
        )
        yield ExtendedSbom(target, own)
