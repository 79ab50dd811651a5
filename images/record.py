"""What the build stage hands on: out/VERSION/IMAGE/build.json."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BuiltLayer:
    """One layer of an image.

    `size` is compressed bytes, `diff_id` the digest of the uncompressed tar.

    `kind` is `os`, `wheel` (one big wheel), `pool` (the small wheels of a stack) or `bytecode`;
    `made` says where it came from in this run: `built`, or `reused` from the registry. `locked`:
    its digest is that in the lock of layers, as is that of every Python layer.
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
    """A package of the OS layer."""

    name: str
    version: str


@dataclass(frozen=True)
class BuildRecord:
    """An image as it was pushed to staging.

    `digest` is the manifest's; everything later names the image by it.

    `created_at` is when it was assembled, which may be long after its layers were made.
    `debian_taken_at` is when `debian_packages` were taken from Debian, and so how old the image is
    to a reader of advisories; empty where the OS layer was made before that was kept. Both are ISO
    8601. `lock_commit` is the git commit that holds the lock of layers; empty if the lock was
    changed and not committed, or is in no checkout.
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

    def reference(self, registry: str) -> str:
        """`HOST/REPOSITORY@sha256:...`, what an engine or a scanner is given."""
        return f"{registry}/{self.repository}@{self.digest}"

    @property
    def size(self) -> int:
        """Compressed bytes of all layers."""
        return sum(layer.size for layer in self.layers)
