"""Making of the layers of Debian packages: the OS layer, its updates, and packages of stacks.

No lock can know them, because Debian publishes newer packages. So each is pushed together with a
signed statement that names its digest and packages.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from images import assembly, debian, package_layer, root_difference, system_layer
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

    def make_updates(self, spec: LayerSpec, base: HeldSystemLayer) -> MadeSystemLayer:
        """Make what differs today from the OS layer `base` as a layer, push it, and sign.

        The image is made of the same files as with an OS layer of today. Raises RegistryError and
        EnvironmentFailed.
        """
        started, taken_at = time.monotonic(), format_now()
        exported, source = debian.export_root(self.line, self.work)
        below, target = self._fetch_root([base]), self.work / "updates.tar.gz"
        with debian.explain_failures(), target.open("wb") as file:
            made = root_difference.write_difference(exported, below, file, self.line.epoch)
        exported.unlink()
        below.unlink()
        digest = base.layer.blob.digest
        layer = SystemLayer(
            spec.key, made.blob, source, made.packages, taken_at, made.newest, below=digest
        )
        return self._keep_layer(layer, target, started)

    def make_package_layer(
        self, spec: LayerSpec, system: Sequence[HeldSystemLayer]
    ) -> MadeSystemLayer:
        """Make a layer of Debian packages on top of the layers `system`, push it, and sign.

        They are the OS layer and, if the release has one, its layer of updates. The packages are
        dated as in `make_system_layer`. Raises RegistryError and EnvironmentFailed.
        """
        started, taken_at = time.monotonic(), format_now()
        below, target = self._fetch_root(system), self.work / "debian.tar.gz"
        directly_below = system[-1].layer
        stacks = split_image(spec.stack)
        made = package_layer.make_package_layer(
            self.line, stacks, spec.packages, below, self.work, target
        )
        below.unlink()
        source, digest = directly_below.source, directly_below.blob.digest
        # Debian may serve newer packages today than those of the layers below.
        known = {(each.name, each.version): each.sha256 for each in directly_below.packages}
        packages = tuple(
            replace(each, sha256=each.sha256 or known.get((each.name, each.version), ""))
            for each in made.packages
        )
        layer = SystemLayer(
            spec.key, made.blob, source, packages, taken_at, made.newest, below=digest
        )
        return self._keep_layer(layer, target, started)

    def _fetch_root(self, system: Sequence[HeldSystemLayer]) -> Path:
        """Download layers, and return a file with the root file system that they make."""
        files = []
        for number, each in enumerate(system):
            blob, file = each.layer.blob, self.work / f"below{number}.tar.gz"
            whole = self.registry.read_blob(each.held.repository, blob.digest, blob.size)
            with debian.explain_failures():
                file.write_bytes(whole)
            files.append(file)
        if not files[1:]:
            return files[0]
        merged = self.work / "below.tar"
        with debian.explain_failures():
            root_difference.write_merged(files[0], files[1], merged)
        for file in files:
            file.unlink()
        return merged

    def _keep_layer(self, layer: SystemLayer, file: Path, started: float) -> MadeSystemLayer:
        """Push a layer and its statement, and delete its file."""
        self.registry.push_file(self.cache, file, layer.blob.digest, lambda _: None)
        file.unlink()
        system_layer.keep_system_layer(self.registry, self.cache, layer, self.layer_signer)
        held = HeldSystemLayer(layer, HeldLayer(layer.blob, self.cache))
        return MadeSystemLayer(held, "built", round(time.monotonic() - started, 2))


def push_system_image(
    line: Line,
    specs: Sequence[LayerSpec],
    system: Sequence[HeldSystemLayer],
    registry: Registry,
    cache: str,
) -> str:
    """Push an image of the OS layer and its updates alone; return its reference for the engine."""
    held = [each.held for each in system]
    config = assembly.system_configuration(line, specs, [each.blob for each in held])
    manifest = assembly.assemble_image(registry, cache, config, held)
    return f"{registry.host}/{cache}@{manifest.digest}"
