"""The files of the embedded registry: which blobs nothing names, and their removal.

`distribution` keeps a blob under its digest, and a link to it in each repository that has it. Its
own garbage collection knows no layer lock, and would remove every layer that no image has yet.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from pathlib import Path

from runner.untrusted import Malformed, read_file

_MAX_MANIFEST_BYTES = 8 << 20
_DIGEST = re.compile(rb"sha256:([0-9a-f]{64})")
_HEX = re.compile("[0-9a-f]{64}")


def find_unused_blobs(folder: Path, kept: Collection[str]) -> dict[str, int]:
    """Return the blobs that no manifest of any repository names, with their sizes in bytes.

    `folder` is that of the embedded registry. `kept` are digests that are needed all the same.
    Nothing is unused if a manifest cannot be read, because it may name anything. What lies behind a
    link is somebody else's.
    """
    own = folder.resolve()
    blobs = {
        path.parent.name: path.stat().st_size
        for path in _storage(folder).glob("blobs/sha256/??/*/data")
        if _HEX.fullmatch(path.parent.name) and path.resolve() == own / path.relative_to(folder)
    }
    used = {digest.removeprefix("sha256:") for digest in kept}
    named = _storage(folder).glob("repositories/**/_manifests/revisions/sha256/*")
    for manifest in (path.name for path in named if _HEX.fullmatch(path.name)):
        used.add(manifest)
        if manifest in blobs:
            try:
                text = read_file(_blob_folder(folder, manifest), "data", _MAX_MANIFEST_BYTES)
            except Malformed:
                return {}
            used |= {match.decode() for match in _DIGEST.findall(text)}
    return {f"sha256:{name}": size for name, size in blobs.items() if name not in used}


def remove_blob(folder: Path, digest: str) -> None:
    """Remove a blob of the embedded registry, with the links to it."""
    name = digest.removeprefix("sha256:")
    for link in _storage(folder).glob(f"repositories/**/_layers/sha256/{name}"):
        shutil.rmtree(link)
    shutil.rmtree(_blob_folder(folder, name))


def _blob_folder(folder: Path, name: str) -> Path:
    return _storage(folder) / "blobs" / "sha256" / name[:2] / name


def _storage(folder: Path) -> Path:
    return folder / "data" / "docker" / "registry" / "v2"
