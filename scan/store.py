"""What scans leave in the registry: bills of materials as referrers of the digest, and the history of findings.

A bill of materials is found by other tools where it is: its artifact type is the media type of its format.
"""

from __future__ import annotations

from pathlib import Path

from oci import referrers
from oci.manifest import EMPTY_CONFIG, OCI_EMPTY, Manifest, image_manifest
from oci.registry import Registry, RegistryError
from runner import records
from runner.errors import EnvironmentFailed
from scan.history import History
from scan.record import Sbom

CYCLONEDX, SPDX = "application/vnd.cyclonedx+json", "application/spdx+json"
HISTORY = "application/vnd.pytorch-cuda-images.findings+json"
TAG = "findings"
ATTEMPTS = 5


def keep_sbom(registry: Registry, repository: str, digest: str, sbom: Sbom, folder: Path) -> None:
    """Attach both documents to a digest, for other tools, unless it has them: what it holds never changes."""
    subject = registry.manifest(repository, digest)
    if subject is None:
        raise EnvironmentFailed(f"{registry.host}/{repository}@{digest} is not there", "run the build stage again")
    for kind, name in ((CYCLONEDX, sbom.file), (SPDX, sbom.spdx)):
        if not referrers.referrers(registry, repository, digest, kind):
            document = (folder / name).read_bytes()
            referrers.attach(registry, repository, subject.descriptor, kind, [(kind, document)], {})


def read_history(registry: Registry, repository: str) -> History:
    """The history of findings; an empty one where none was written yet."""
    manifest = registry.manifest(repository, TAG)
    if manifest is None:
        return History({})
    layer = manifest.blobs()[-1]
    return records.from_json(History, registry.blob(repository, layer.digest, layer.size), f"{repository}:{TAG}")


def keep_history(registry: Registry, repository: str, history: History) -> None:
    """Put the history, merged with what another scanner wrote meanwhile. Raises RegistryError.

    No registry compares and swaps a tag: what is read back tells whether another writer came between, and then both are
    merged again. One that comes after the reading merges us itself.
    """
    for _ in range(ATTEMPTS):
        merged = history.merged(read_history(registry, repository))
        registry.put_manifest(repository, TAG, _manifest(registry, repository, merged))
        if read_history(registry, repository).merged(history) == merged:
            return
    raise RegistryError(409, f"{registry.host}/{repository}:{TAG}: other scanners write it again and again")


def _manifest(registry: Registry, repository: str, history: History) -> Manifest:
    config = registry.push_bytes(repository, EMPTY_CONFIG, OCI_EMPTY)
    layer = registry.push_bytes(repository, records.to_json(history).encode(), HISTORY)
    return image_manifest(config, [layer], artifact_type=HISTORY)
