"""A second tool lists the same packages in a real image."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from runner import home, shell
from scan import trivy
from scan.sbom import packages_of

SYFT = Path(sys.executable).parent / "syft"
CATALOGERS = "dpkg-db-cataloger,python-installed-package-cataloger"
TIMEOUT_S = 600


@pytest.mark.docker
@pytest.mark.slow
def test_syft_lists_the_same_packages(base_image: str, tmp_path: Path) -> None:
    """But for what pip carries inside it: syft reads installed metadata only, Trivy the bill that
    pip ships as well.
    """
    trivy.analyse(base_image, tmp_path)
    ours = packages_of(json.loads((tmp_path / trivy.SBOM).read_text()))
    installed = {_named(package.purl) for package in ours if package.path or package.type == "deb"}
    assert len(installed) > 100
    assert installed == _by_syft(base_image, tmp_path)


def _by_syft(reference: str, folder: Path) -> set[tuple[str, str, str]]:
    target = folder / "syft.json"
    command: list[str | Path] = [
        SYFT,
        "scan",
        f"registry:{reference}",
        "--override-default-catalogers",
        CATALOGERS,
    ]
    settings = {"SYFT_REGISTRY_INSECURE_USE_HTTP": "true", "SYFT_CHECK_FOR_APP_UPDATE": "false"}
    scratch = {"TMPDIR": str(home.kept("work"))}
    shell.run(
        [*command, "--output", f"cyclonedx-json={target}"],
        hint="`make setup` installs syft",
        env=settings | scratch,
        timeout_s=TIMEOUT_S,
    )
    listed = json.loads(target.read_text())["components"]
    return {_named(each["purl"]) for each in listed if each.get("purl")}


def _named(purl: str) -> tuple[str, str, str]:
    """Type, normalised name and version; of Debian's versions without the epoch, which syft and
    Trivy place apart.
    """
    parsed = PackageURL.from_string(purl)
    name = canonicalize_name(parsed.name) if parsed.type == "pypi" else parsed.name
    return parsed.type, name, (parsed.version or "").rpartition(":")[2]
