"""Copies of artifacts about an image, from one repository to another."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

from oci.copying import copy_contents
from oci.manifest import EMPTY_CONFIG, sha256
from oci.referrers import MAX_BYTES, SERVED, put_artifacts
from oci.registry import WORKERS, Registry, RegistryError
from runner.pool import worker_pool
from runner.untrusted import Malformed


class UnfitArtifacts(RegistryError):
    """Artifacts that cannot be copied because of their content: a repeated request does not help.

    `problems` has the reason for each, by its digest. Leave them out, or use others instead.
    """

    def __init__(self, where: str, problems: Mapping[str, str]) -> None:
        digest, problem = min(problems.items())
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(200, f"{where}@{digest} {problem}{more}")
        self.problems = dict(problems)


def copy_artifacts(
    registry: Registry, source: str, target: str, subject: str, artifacts: Collection[str]
) -> None:
    """Copy `artifacts` (digests of manifests about `subject`) from `source` to `target`.

    The manifests keep their bytes, and nothing else is copied. The manifest of `subject` need not
    be in `target` yet. Raises UnfitArtifacts, before anything is copied, if some are missing,
    malformed, too large or about another subject. Raises RegistryError if the registry fails; then
    call again.
    """
    digests = sorted(set(artifacts))
    with worker_pool(WORKERS) as pool:
        results = list(pool.map(partial(_copy_problem, registry, source, subject), digests))
        problems = {digest: text for digest, text in zip(digests, results, strict=True) if text}
        if problems:
            raise UnfitArtifacts(f"{registry.host}/{source}", problems)
        manifests = list(pool.map(partial(copy_contents, registry, source, target), digests))
    put_artifacts(registry, target, subject, manifests)


def _copy_problem(registry: Registry, repository: str, subject: str, digest: str) -> str:
    """Return why an artifact cannot be copied, or an empty text.

    Raises RegistryError if the registry fails.
    """
    try:
        manifest = registry.read_manifest(repository, digest)
    except RegistryError as error:
        if error.status not in SERVED:
            raise
        return f"cannot be read: {error.message}"
    if manifest is None:
        return "is referred to, but is not there"
    if manifest.subject_digest != subject:
        return f"is not about {subject}"
    try:
        children, blobs = manifest.parse_children(), manifest.parse_blobs()
    except Malformed as error:
        return f"does not follow the OCI specification: {error}"
    size = sum(each.size for each in (*children, *blobs))
    if size > MAX_BYTES:
        return f"has {size} bytes, more than {MAX_BYTES}"
    is_empty = blobs[:1] and blobs[0].digest == _EMPTY_DIGEST
    return "has a configuration of a wrong size" if is_empty and blobs[0].size != 2 else ""


_EMPTY_DIGEST = sha256(EMPTY_CONFIG)
