"""Making of the layers of Debian packages: the OS layer, and those on top of it.

No lock can know them, because Debian publishes newer packages. So each is pushed together with a
signed statement that names its digest and packages.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from images import assembly, debian, package_layer, system_layer
from images.catalog import Line
from images.layer_store import HeldLayer
from images.layers import LayerSpec
from images.names import split_image
from images.system_layer import SystemLayer, SystemLayerSigner
from oci.registry import Registry
from runner.moments import format_now


@dataclass(frozen=True)
class HeldSystemLayer:
    """The OS layer of a release or a layer on top of it, and the repository that holds it."""

    layer: SystemLayer
    held: HeldLayer


@dataclass(frozen=True)
class MadeLayer:
    """A layer that is in the registry.

    `how` is `built` or `reused`. `seconds` is the time that this run took to make it.
    """

    held: HeldLayer
    how: str
    seconds: float


@dataclass(frozen=True)
class MadeSystemLayer:
    """A layer of Debian packages, with the same facts as in `MadeLayer`."""

    system: HeldSystemLayer
    how: str
    seconds: float

    @property
    def made(self) -> MadeLayer:
        """The same as any layer."""
        return MadeLayer(self.system.held, self.how, self.seconds)


@dataclass(frozen=True)
class DebianLayers:
    """Making of the layers of Debian packages of a line.

    They are pushed to the repository `cache`. `work` is a folder for scratch.
    """

    line: Line
    registry: Registry
    cache: str
    work: Path
    layer_signer: SystemLayerSigner

    def make_system_layer(self, spec: LayerSpec) -> MadeSystemLayer:
        """Make the OS layer, push it, and sign a statement about it.

        The packages are dated at the start: Debian may publish newer ones while they are installed.
        Raises RegistryError and EnvironmentFailed.
        """
        started, taken_at = time.monotonic(), format_now()
        target = self.work / "os.tar.gz"
        made = debian.make_os_layer(self.line, self.work, target)
        layer = SystemLayer(spec.key, made.blob, made.source, made.packages, taken_at, made.newest)
        return self._keep_layer(layer, target, started)

    def make_package_layer(self, spec: LayerSpec, base: HeldSystemLayer) -> MadeSystemLayer:
        """Make a layer of Debian packages on top of the OS layer `base`, push it, and sign.

        Its packages are dated as in `make_system_layer`. Raises RegistryError and
        EnvironmentFailed.
        """
        started, taken_at = time.monotonic(), format_now()
        below, target = self.work / "below.tar.gz", self.work / "debian.tar.gz"
        blob = base.layer.blob
        whole = self.registry.read_blob(base.held.repository, blob.digest, blob.size)
        with debian.explain_failures():
            below.write_bytes(whole)
        stacks = split_image(spec.stack)
        made = package_layer.make_package_layer(
            self.line, stacks, spec.packages, below, self.work, target
        )
        below.unlink()
        source, digest = base.layer.source, blob.digest
        # Debian may serve newer packages today than those of the OS layer.
        known = {(each.name, each.version): each.sha256 for each in base.layer.packages}
        packages = tuple(
            replace(each, sha256=each.sha256 or known.get((each.name, each.version), ""))
            for each in made.packages
        )
        layer = SystemLayer(
            spec.key, made.blob, source, packages, taken_at, made.newest, below=digest
        )
        return self._keep_layer(layer, target, started)

    def _keep_layer(self, layer: SystemLayer, file: Path, started: float) -> MadeSystemLayer:
        """Push a layer and its statement, and delete its file."""
        self.registry.push_file(self.cache, file, layer.blob.digest, lambda _: None)
        file.unlink()
        system_layer.keep_system_layer(self.registry, self.cache, layer, self.layer_signer)
        held = HeldSystemLayer(layer, HeldLayer(layer.blob, self.cache))
        return MadeSystemLayer(held, "built", round(time.monotonic() - started, 2))


def push_system_image(
    line: Line, spec: LayerSpec, system: HeldSystemLayer, registry: Registry, cache: str
) -> str:
    """Push an image of the OS layer alone, and return its reference for the engine."""
    config = assembly.system_configuration(line, spec, system.held.blob)
    manifest = assembly.assemble_image(registry, cache, config, [system.held])
    return f"{registry.host}/{cache}@{manifest.digest}"
