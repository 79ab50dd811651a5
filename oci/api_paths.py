"""Paths of the OCI distribution protocol, from names that were checked."""

from __future__ import annotations

from oci.reference import is_digest, is_repository, is_tag
from oci.registry_error import RegistryError
from runner.errors import ConfigError
from runner.untrusted import clean_line


def manifest_path(repository: str, reference: str) -> str:
    """Return the path of a manifest.

    Raises ConfigError if `repository` is not the name of one, and RegistryError if `reference` is
    neither a digest nor a tag.
    """
    if not (is_digest(reference) or is_tag(reference)):
        raise RegistryError(200, f"{clean_line(reference, 80)!r} is neither a digest nor a tag")
    return f"{require_repository(repository)}/manifests/{reference}"


def blob_path(repository: str, digest: str) -> str:
    """Return the path of a blob. Raises ConfigError and RegistryError as `manifest_path` does."""
    return f"{require_repository(repository)}/blobs/{require_digest(digest)}"


def require_repository(repository: str) -> str:
    """Return the name of a repository. Raises ConfigError if it is none."""
    if not is_repository(repository):
        raise ConfigError(
            f"{clean_line(repository, 80)!r} is not the name of a repository",
            "use lowercase letters, digits and single `.`, `_` or `-` between them; `/` parts it",
        )
    return repository


def require_digest(text: str) -> str:
    """Return a SHA-256 digest. Raises RegistryError if it is none."""
    if not is_digest(text):
        raise RegistryError(200, f"{clean_line(text, 80)!r} is not a sha256 digest")
    return text
