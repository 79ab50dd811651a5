"""The build stage: make missing layers, push them, assemble the images, and record their digests.

A Python layer is found in the registry by its locked digest, and a layer made of wheels must have
its locked digest. The OS layer is found only if a trusted signer has signed a statement about it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from images import (
    assembly,
    debian,
    layer_lock,
    layer_store,
    layers,
    ownership,
    package_layer,
    space,
    system_layer,
    wheelhouse,
    workers,
)
from images import catalog as catalogue
from images.catalog import Catalog, Line, Version
from images.debian_layers import (
    DebianLayers,
    HeldSystemLayer,
    MadeLayer,
    MadeSystemLayer,
    push_system_image,
)
from images.layer_store import HeldLayer
from images.layers import LayerSpec
from images.names import split_image
from images.plan import UNCHANGED, PlannedImage, ReleasePlan, prefix_of, record_path
from images.record import BuildRecord, BuiltLayer
from images.system_layer import SystemLayer, SystemLayerSigner
from images.workers import Recipe
from oci.registry import Registry
from runner import checkout, home, progress, records
from runner.checkout import Checkout
from runner.moments import format_now
from runner.pool import worker_pool


@dataclass(frozen=True)
class FoundSystem:
    """The layers of Debian in the registry: the OS layer, and those on top of it by content key."""

    base: HeldSystemLayer
    added: Mapping[str, HeldSystemLayer]

    def list_layers(self, planned: PlannedImage) -> list[HeldSystemLayer | None]:
        """Return the layers of an image from below; None for each that the registry lacks."""
        return [self.base, *(self.added.get(spec.key) for spec in _upper_specs([planned]))]

    def find_top(self, planned: PlannedImage) -> HeldSystemLayer | None:
        """Return the layer with the packages of the OS: that of updates, if there is one."""
        spec = planned.update_spec
        return self.added.get(spec.key) if spec else self.base


def build(  # noqa: PLR0913 - what to build, from what, and where to
    catalog: Catalog,
    version: Version,
    plan: ReleasePlan,
    registry: Registry,
    out: Path,
    *,
    layer_signer: SystemLayerSigner,
    renew: bool = False,
    root: Path = catalogue.IMAGES,
) -> tuple[BuildRecord, ...]:
    """Build every planned image that is not in staging yet, and write its record.

    `renew` makes the OS layer from today's Debian packages, in place of the one in the cache; or
    the layer of updates, if the OS layer is that of an earlier release.
    `layer_signer` signs a new OS layer, and verifies the signature of one in the cache. `root` is
    the folder of the locks.

    Raises ConfigError if a wheel or a layer is not the locked one, and EnvironmentFailed if the
    engine, the registry, the disk or the network fails.
    """
    registry.ping()
    stage = _Stage(catalog, version, registry, out, layer_signer, root)
    system = stage.find_system(plan.images, renew=renew)
    standing = {
        planned.image: None if renew else stage.find_complete(planned, system)
        for planned in plan.images
    }
    if system is None and None in standing.values():
        # The OS layer is made now, and all images of a release share it.
        standing = dict.fromkeys(standing)
    missing = [planned for planned in plan.images if standing[planned.image] is None]
    for planned in plan.images:
        # The plan knows only what this machine built, not what staging has now.
        why = "to be assembled again" if planned.why == UNCHANGED else planned.why
        progress.say_line(
            f"  {planned.image}: {why if planned in missing else 'unchanged, in staging'}"
        )
    new = stage.make_missing(missing, system) if missing else {}
    built = tuple(standing[planned.image] or new[planned.image] for planned in plan.images)
    taken, today = built[0].debian_taken_at[:10], format_now()[:10]
    newer = "" if taken == today else f"; `build {version} --renew` takes today's"
    progress.say_line(f"  the Debian packages are of {taken or 'an unknown day'}{newer}")
    return built


@dataclass(frozen=True)
class _Stage:
    """The build of one version: its sources and its destination."""

    catalog: Catalog
    version: Version
    registry: Registry
    out: Path
    layer_signer: SystemLayerSigner
    root: Path

    @property
    def catalog_line(self) -> Line:
        return self.catalog.lines[self.version.line]

    @property
    def cache_repository(self) -> str:
        return self.catalog.repositories.cache

    @cached_property
    def source(self) -> Checkout:
        return checkout.describe_checkout(self.root)

    def find_system(
        self, images: Sequence[PlannedImage], *, renew: bool = False
    ) -> FoundSystem | None:
        """Return the OS layer and the layers on top of it that the registry has.

        Each has a statement of a trusted signer. None if there is no OS layer. Of what is to be
        made again, `renew`, nothing counts: that is all but the OS layer of an earlier release.
        """
        if renew and images[0].update_spec is None:
            return None
        base = self._find_system_layer(images[0].system_spec)
        if base is None or renew:
            return FoundSystem(base, {}) if base else None
        added: dict[str, HeldSystemLayer] = {}
        below: HeldSystemLayer | None = base
        for spec in _upper_specs(images):
            held = self._find_system_layer(spec, below.layer.blob.digest) if below else None
            if held:
                added[spec.key] = held
            if spec.kind == layers.UPDATES:
                below = held
        return FoundSystem(base, added)

    def _find_system_layer(self, spec: LayerSpec, below: str = "") -> HeldSystemLayer | None:
        layer = system_layer.find_system_layer(
            self.registry, self.cache_repository, spec.key, self.layer_signer, below
        )
        if layer is None:
            return None
        held = layer_store.find_layer(self.registry, self.catalog.repositories, layer.blob)
        return HeldSystemLayer(layer, held) if held else None

    def find_complete(
        self, planned: PlannedImage, system: FoundSystem | None
    ) -> BuildRecord | None:
        """Return the record of an image that is complete in staging; None if it must be assembled.

        It must have the same content key, the same layers of Debian packages (if `system` is known:
        another machine may have renewed them), and its manifest and every blob in staging.
        """
        record = records.read_record(BuildRecord, self._record_path(planned))
        if record is None or record.content_key != planned.content_key:
            return None
        if system is not None:
            held = [layer.digest for layer in record.layers if layer.kind in layers.OF_DEBIAN]
            known, top = system.list_layers(planned), system.find_top(planned)
            if held != [each.layer.blob.digest if each else "" for each in known]:
                return None
            if top is None or record.debian_taken_at != top.layer.taken_at:
                return None
        manifest = self.registry.read_manifest(record.repository, record.digest)
        if manifest is None:
            return None
        blobs = manifest.parse_blobs()
        return record if layer_store.has_all(self.registry, record.repository, blobs) else None

    def make_missing(
        self, missing: Sequence[PlannedImage], system: FoundSystem | None
    ) -> dict[str, BuildRecord]:
        """Make the layers that the missing images lack, and assemble these images.

        `system` is what the registry has of Debian; None if the OS layer must be made.
        """
        made, of_debian = self._make_layers(missing, system)
        stacks = dict.fromkeys(stack for planned in missing for stack in planned.stacks)
        locks = [
            layer_lock.layer_lock_path(self.root, stack, self.version.line) for stack in stacks
        ]
        commit = checkout.commit_of(locks)
        return {
            planned.image: self._assemble_image(planned, made, of_debian, commit)
            for planned in missing
        }

    def _make_layers(
        self, missing: Sequence[PlannedImage], system: FoundSystem | None
    ) -> tuple[Mapping[str, MadeLayer], Mapping[str, MadeSystemLayer]]:
        """Return the Python layers and the layers of Debian packages, both by content key.

        Each is found in the registry or made now.
        """
        specs = {
            spec.key: spec
            for planned in missing
            for spec in planned.layers
            if spec.kind not in layers.OF_DEBIAN
        }
        blobs = [spec.locked for spec in specs.values() if spec.locked]
        found = layer_store.find_layers(self.registry, self.catalog.repositories, blobs)
        held = {key: found.get(spec.locked) for key, spec in specs.items() if spec.locked}
        made = {key: MadeLayer(each, "reused", 0.0) for key, each in held.items() if each}
        to_make = [spec for key, spec in specs.items() if key not in made]
        wanted = [missing[0].system_spec, *_upper_specs(missing)]
        present = {} if system is None else {wanted[0].key: system.base, **system.added}
        of_debian = [spec.key for spec in wanted if spec.key in present]
        here = len(made) + len(of_debian)
        lacking = len(to_make) + len(wanted) - len(of_debian)
        progress.say_line(f"  layers: {here} found in the registry, {lacking} to make")
        if not lacking:
            return made, {key: MadeSystemLayer(present[key], "reused", 0.0) for key in of_debian}
        space.require_space("the build", space.bytes_of_build([*to_make, *wanted[1:]]))
        with home.scratch_folder("build") as work:
            maker = _LayerMaker(self, work, wanted, present)
            new, systems = maker.make_layers(to_make, list(specs.values()))
        return {**made, **new}, systems

    def _assemble_image(
        self,
        planned: PlannedImage,
        python: Mapping[str, MadeLayer],
        of_debian: Mapping[str, MadeSystemLayer],
        commit: str,
    ) -> BuildRecord:
        """Assemble and push one image, and write its record."""
        started = time.monotonic()
        made = {**python, **{key: each.made for key, each in of_debian.items()}}
        system = of_debian[planned.system_spec.key].system.layer
        for spec in _upper_specs([planned]):
            # What it lists is all that the image has. The image is as old as its oldest packages.
            above = of_debian[spec.key].system.layer
            newest = max(system.newest, above.newest)
            system = replace(system, packages=above.packages, newest=newest)
            if spec.kind == layers.UPDATES:
                system = above
        of_image = [made[spec.key].held for spec in planned.layers]
        title = self.catalog.title_of(planned.image)
        blobs = [held.blob for held in of_image]
        part = self.catalog.os_part_of(planned.image)
        origin = assembly.ImageOrigin(
            self.catalog.project,
            system.source,
            system.newest,
            checkout.last_change_of(self._made_from(planned)),
        )
        config = assembly.image_configuration(
            planned, title, str(self.version), self.catalog_line, blobs, part, origin
        )
        manifest = assembly.assemble_image(
            self.registry, self.catalog.repositories.staging, config, of_image
        )
        seconds = (
            time.monotonic() - started + sum(made[spec.key].seconds for spec in planned.layers)
        )
        record = self._make_record(planned, made, system, manifest.digest, seconds, commit)
        records.write_record(self._record_path(planned), record)
        progress.say_line(
            f"  {planned.image}: {record.repository}@{record.digest} "
            f"({progress.format_megabytes(record.total_size)})"
        )
        return record

    def _make_record(  # noqa: PLR0913, PLR0917 - what is known only now
        self,
        planned: PlannedImage,
        made: Mapping[str, MadeLayer],
        system: SystemLayer,
        digest: str,
        seconds: float,
        commit: str,
    ) -> BuildRecord:
        return BuildRecord(
            version=str(self.version),
            image=planned.image,
            stacks=planned.stacks,
            repository=self.catalog.repositories.staging,
            digest=digest,
            media_type=assembly.MEDIA_TYPE,
            content_key=planned.content_key,
            layers=tuple(_record_layer(spec, made[spec.key]) for spec in planned.layers),
            torch=self.catalog_line.torch,
            cuda=self.catalog_line.cuda,
            python=self.catalog_line.python,
            base_source=system.source,
            debian_packages=system.packages,
            created_at=format_now(),
            seconds=round(seconds, 2),
            debian_taken_at=system.taken_at,
            lock_commit=commit,
            source=self.source.address,
            source_commit=self.source.commit,
        )

    def _made_from(self, planned: PlannedImage) -> list[Path]:
        """Return the files in git that an image is made from: its locks, and those of Debian."""
        locks = [
            layer_lock.layer_lock_path(self.root, stack, self.version.line)
            for stack in planned.stacks
        ]
        system = [debian.dockerfile_path(), debian.dockerfile_path().parent / debian.GUEST]
        for spec in filter(None, [planned.package_spec]):
            system.append(package_layer.RECIPE)
            system += [package_layer.system_folder(stack) for stack in split_image(spec.stack)]
        return [*locks, *(path for path in system if path.exists())]

    def _record_path(self, planned: PlannedImage) -> Path:
        return record_path(self.out, str(self.version), planned.image, "build")


@dataclass(frozen=True)
class _LayerMaker:
    """Making of layers: wheels on all cores, those of Debian beside them, then bytecode.

    `of_debian` are the OS layer and the layers on top of it, `found` those that the registry has.
    """

    stage: _Stage
    work: Path
    of_debian: Sequence[LayerSpec]
    found: Mapping[str, HeldSystemLayer]

    def make_layers(
        self, specs: Sequence[LayerSpec], whole: Sequence[LayerSpec]
    ) -> tuple[dict[str, MadeLayer], dict[str, MadeSystemLayer]]:
        """Make the layers `specs` of images that consist of the layers `whole`.

        Nothing is made before all wheels are here and no two of them have one path. Wheels that are
        not here belong to layers that the registry has: `lock` has compared them with all others.
        """
        stage, line = self.stage, self.stage.catalog_line
        registry, cache = stage.registry, stage.cache_repository
        system = [spec for spec in self.of_debian if spec.kind != layers.DEBIAN]
        recipe = Recipe(
            stage.version.line, prefix_of(line), line.epoch, self.work, registry.host, cache
        )
        wheels = {wheel.file: wheel for spec in specs for wheel in spec.wheels}
        wheelhouse.fetch_wheels(list(wheels.values()), line.python)
        every = {wheel.file: wheel for spec in whole for wheel in spec.wheels}
        here = [wheel for wheel in every.values() if wheelhouse.has_wheel(wheel)]
        ownership.check_owners(here, recipe.prefix)
        debian_layers = DebianLayers(line, registry, cache, self.work, stage.layer_signer)
        with worker_pool(1) as beside:
            # Each is made on those below it, one after the other.
            of_debian: dict[str, Future[MadeSystemLayer]] = {}
            for spec in self.of_debian:
                below = [of_debian[each.key] for each in system if each.key in of_debian]
                of_debian[spec.key] = beside.submit(self._take_or_make, debian_layers, spec, below)
            made = workers.make_python(
                recipe,
                specs,
                lambda: push_system_image(
                    line,
                    system,
                    [of_debian[each.key].result().system for each in system],
                    registry,
                    cache,
                ),
            )
            python = {
                key: MadeLayer(HeldLayer(blob, cache), "built", seconds)
                for key, (blob, seconds) in made.items()
            }
            return python, {key: each.result() for key, each in of_debian.items()}

    def _take_or_make(
        self,
        debian_layers: DebianLayers,
        spec: LayerSpec,
        below: Sequence[Future[MadeSystemLayer]],
    ) -> MadeSystemLayer:
        held = self.found.get(spec.key)
        if held:
            return MadeSystemLayer(held, "reused", 0.0)
        system = [each.result().system for each in below]
        if spec.kind == layers.OS:
            return debian_layers.make_system_layer(spec)
        if spec.kind == layers.UPDATES:
            return debian_layers.make_updates(spec, system[0])
        return debian_layers.make_package_layer(spec, system)


def _upper_specs(images: Sequence[PlannedImage]) -> tuple[LayerSpec, ...]:
    """Return the layers on top of the OS layer, each once: updates, then packages of stacks."""
    updates = (planned.update_spec for planned in images)
    packages = (planned.package_spec for planned in images)
    return tuple(dict.fromkeys(spec for spec in (*updates, *packages) if spec))


def _record_layer(spec: LayerSpec, made: MadeLayer) -> BuiltLayer:
    blob = made.held.blob
    return BuiltLayer(
        name=spec.name,
        kind=spec.kind,
        stack=spec.stack,
        key=spec.key,
        digest=blob.digest,
        diff_id=blob.diff_id,
        size=blob.size,
        made=made.how,
        seconds=made.seconds,
        locked=spec.locked is not None,
    )
