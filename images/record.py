"""The record of the build stage: out/VERSION/IMAGE/build.json."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class BuiltLayer:
    """One layer of an image.

    `size` is in compressed bytes, `diff_id` is the digest of the uncompressed tar.

    `kind` is `os`, `updates` (what a patch changes of the OS layer of an earlier release), `debian`
    (packages of stacks, on top of these), `wheel` (one big wheel), `pool` (the small wheels of a
    stack), `bytecode` or `files` (files of the stack itself).
    `made` is its origin in this run: `built`, or `reused` from the registry. `locked` says whether
    its digest is in the layer lock, as that of every Python layer is.
    """

    name: str
    kind: str
    stack: str
    key: str
    digest: str
    diff_id: str
    size: int
    made: str
    seconds: float
    locked: bool = False


@dataclass(frozen=True)
class DebianPackage:
    """A package of the OS layer, or of the layer of Debian packages on top of it.

    `sha256` is the hash of its file in Debian's index; empty if Debian served another version when
    the layer was made, or if it was made before this was recorded.
    """

    name: str
    version: str
    sha256: str = field(default="", compare=False)


@dataclass(frozen=True)
class BuildRecord:
    """An image as it was pushed to staging.

    `digest` is that of the manifest; all later stages name the image by it.

    `created_at` is the time of assembly, which may be long after its layers were made.
    `debian_taken_at` is the time when `debian_packages` were taken from Debian, and so the age of
    the image for advisories; empty if the OS layer was made before this was recorded. Both are ISO
    8601. `lock_commit` is the git commit that holds the layer lock; empty if the lock was
    changed and not committed, or is in no checkout. `source` is the address of the git repository
    that built the image, and `source_commit` its commit. The first is empty if the checkout names
    no address that others can reach, both are if a file of it was changed.
    """

    version: str
    image: str
    stacks: tuple[str, ...]
    repository: str
    digest: str
    media_type: str
    content_key: str
    layers: tuple[BuiltLayer, ...]
    torch: str
    cuda: str
    python: str
    base_source: str
    debian_packages: tuple[DebianPackage, ...]
    created_at: str
    seconds: float
    debian_taken_at: str = ""
    lock_commit: str = ""
    source: str = ""
    source_commit: str = ""

    def image_reference(self, registry: str) -> str:
        """Return `HOST/REPOSITORY@sha256:...`, for an engine or a scanner."""
        return f"{registry}/{self.repository}@{self.digest}"

    @property
    def total_size(self) -> int:
        """Compressed bytes of all layers."""
        return sum(layer.size for layer in self.layers)
