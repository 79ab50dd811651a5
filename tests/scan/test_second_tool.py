"""A second tool lists the same packages in a real image."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from packageurl import PackageURL
from packaging.utils import canonicalize_name

from oci.manifest import OCI_CONFIG, canonical_json, image_manifest
from oci.registry import Registry
from runner import home, shell
from runner.child_variables import ENGINES
from scan import trivy
from scan.sbom import read_packages

SYFT = Path(sys.executable).parent / "syft"
CATALOGERS = "dpkg-db-cataloger,python-installed-package-cataloger"
TIMEOUT_S = 600
LARGE_BYTES = 100_000_000


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(False, id="without the large layers"),
        pytest.param(True, id="the whole image", marks=pytest.mark.every_defect),
    ],
)
def test_syft_lists_the_same_packages(
    whole: bool, base_image: str, registry_host: str, tmp_path: Path
) -> None:
    """Except what pip carries inside it: syft reads only installed metadata, Trivy also the SBOM
    that pip ships.

    Syft downloads and unpacks every layer, so only `--every-defect` shows it the 3 GB of the large
    ones. Their packages are compared with the image's own Python in test_image_facts.py.
    """
    reference = base_image if whole else _without_large_layers(base_image, registry_host)
    trivy.analyse_image(reference, tmp_path)
    ours = read_packages(json.loads((tmp_path / trivy.SBOM).read_text()))
    installed = {_named(package.purl) for package in ours if package.path or package.type == "deb"}
    assert len(installed) > 100
    assert installed == _by_syft(reference, tmp_path)


def _without_large_layers(reference: str, target_host: str) -> str:
    """Push an image of the layers of `reference` below LARGE_BYTES; return its reference."""
    host, _, rest = reference.partition("/")
    repository, _, digest = rest.partition("@")
    source, target = Registry(host), Registry(target_host)
    manifest = source.read_manifest(repository, digest)
    assert manifest is not None
    described, *layers = manifest.parse_blobs()
    config = json.loads(source.read_blob(repository, described.digest))
    pairs = zip(layers, config["rootfs"]["diff_ids"], strict=True)
    kept = [(layer, diff_id) for layer, diff_id in pairs if layer.size < LARGE_BYTES]
    assert 2 < len(kept) < len(layers)
    pushed = [
        target.push_bytes(
            repository, source.read_blob(repository, layer.digest, layer.size), layer.media_type
        )
        for layer, _ in kept
    ]
    config["rootfs"]["diff_ids"] = [diff_id for _, diff_id in kept]
    config.pop("history", None)
    small = image_manifest(
        target.push_bytes(repository, canonical_json(config), OCI_CONFIG), pushed
    )
    target.put_manifest(repository, small.digest, small)
    return f"{target_host}/{repository}@{small.digest}"


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
    scratch = {"TMPDIR": str(home.make_home_folder("work"))}
    shell.run(
        [*command, "--output", f"cyclonedx-json={target}"],
        hint="`make setup` installs syft",
        env=settings | scratch,
        timeout_s=TIMEOUT_S,
        allowed=ENGINES,
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
