"""The build stage: make missing layers, push them, assemble the images, and record their digests.

A Python layer is found in the registry by its locked digest, and a layer made of wheels must have
its locked digest. The OS layer is found only if a trusted signer has signed a statement about it.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from images import (
    assembly,
    debian,
    layer_lock,
    layer_store,
    layers,
    ownership,
    space,
    system_layer,
    wheelhouse,
    workers,
)
from images import catalog as catalogue
from images.catalog import Catalog, Line, Version
from images.layer_store import HeldLayer
from images.layers import LayerSpec
from images.plan import UNCHANGED, PlannedImage, ReleasePlan, prefix_of, record_path
from images.record import BuildRecord, BuiltLayer
from images.system_layer import SystemLayer, SystemLayerSigner
from images.workers import Recipe
from oci.registry import Registry
from runner import checkout, home, progress, records
from runner.checkout import Checkout
from runner.pool import worker_pool


@dataclass(frozen=True)
class HeldSystemLayer:
    """The OS layer of a release, and the repository that holds it."""

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
    """The OS layer, with the same facts as in `Made`."""

    system: HeldSystemLayer
    how: str
    seconds: float


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

    `renew` makes the OS layer from today's Debian packages, in place of the one in the cache.
    `layer_signer` signs a new OS layer, and verifies the signature of one in the cache. `root` is
    the folder of the locks.

    Raises ConfigError if a wheel or a layer is not the locked one, and EnvironmentFailed if the
    engine, the registry, the disk or the network fails.
    """
    registry.ping()
    stage = _Stage(catalog, version, registry, out, layer_signer, root)
    system = None if renew else stage.find_system(plan.images[0].system_spec)
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
    taken, today = built[0].debian_taken_at[:10], _current_time()[:10]
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

    def find_system(self, spec: LayerSpec) -> HeldSystemLayer | None:
        """Return the OS layer if the registry has it, with a statement of a trusted signer."""
        layer = system_layer.find_system_layer(
            self.registry, self.cache_repository, spec.key, self.layer_signer
        )
        if layer is None:
            return None
        held = layer_store.find_layer(self.registry, self.catalog.repositories, layer.blob)
        return HeldSystemLayer(layer, held) if held else None

    def find_complete(
        self, planned: PlannedImage, system: HeldSystemLayer | None
    ) -> BuildRecord | None:
        """Return the record of an image that is complete in staging; None if it must be assembled.

        It must have the same content key, the same OS layer (if `system` is known: another machine
        may have renewed it), and its manifest and every blob in staging.
        """
        record = records.read_record(BuildRecord, self._record_path(planned))
        if record is None or record.content_key != planned.content_key:
            return None
        if system is not None:
            held = [layer.digest for layer in record.layers if layer.kind == layers.OS]
            taken_at = system.layer.taken_at
            if held != [system.layer.blob.digest] or record.debian_taken_at != taken_at:
                return None
        manifest = self.registry.read_manifest(record.repository, record.digest)
        if manifest is None:
            return None
        blobs = manifest.parse_blobs()
        return record if layer_store.has_all(self.registry, record.repository, blobs) else None

    def make_missing(
        self, missing: Sequence[PlannedImage], system: HeldSystemLayer | None
    ) -> dict[str, BuildRecord]:
        """Make the layers that the missing images lack, and assemble these images.

        `system` is the OS layer; None if it must be made.
        """
        made, made_system = self._make_layers(missing, system)
        stacks = dict.fromkeys(stack for planned in missing for stack in planned.stacks)
        locks = [
            layer_lock.layer_lock_path(self.root, stack, self.version.line) for stack in stacks
        ]
        commit = checkout.commit_of(locks)
        return {
            planned.image: self._assemble_image(planned, made, made_system, commit)
            for planned in missing
        }

    def _make_layers(
        self, missing: Sequence[PlannedImage], system: HeldSystemLayer | None
    ) -> tuple[Mapping[str, MadeLayer], MadeSystemLayer]:
        """Return the Python layers by content key, and the OS layer.

        Each is found in the registry or made now.
        """
        specs = {
            spec.key: spec
            for planned in missing
            for spec in planned.layers
            if spec.kind != layers.OS
        }
        blobs = [spec.locked for spec in specs.values() if spec.locked]
        found = layer_store.find_layers(self.registry, self.catalog.repositories, blobs)
        held = {key: found.get(spec.locked) for key, spec in specs.items() if spec.locked}
        made = {key: MadeLayer(each, "reused", 0.0) for key, each in held.items() if each}
        to_make = [spec for key, spec in specs.items() if key not in made]
        here, lacking = len(made) + (system is not None), len(to_make) + (system is None)
        progress.say_line(f"  layers: {here} found in the registry, {lacking} to make")
        if system is not None and not to_make:
            return made, MadeSystemLayer(system, "reused", 0.0)
        space.require_space("the build", space.bytes_of_build(to_make))
        with home.scratch_folder("build") as work:
            maker = _LayerMaker(self, work, missing[0].system_spec, system)
            new, made_system = maker.make_layers(to_make, list(specs.values()))
        return {**made, **new}, made_system

    def _assemble_image(
        self,
        planned: PlannedImage,
        python: Mapping[str, MadeLayer],
        system: MadeSystemLayer,
        commit: str,
    ) -> BuildRecord:
        """Assemble and push one image, and write its record."""
        started = time.monotonic()
        made = {
            **python,
            planned.system_spec.key: MadeLayer(system.system.held, system.how, system.seconds),
        }
        of_image = [made[spec.key].held for spec in planned.layers]
        title = self.catalog.title_of(planned.image)
        blobs = [held.blob for held in of_image]
        part = self.catalog.os_part_of(planned.image)
        origin = assembly.ImageOrigin(
            self.catalog.project,
            system.system.layer.source,
            system.system.layer.newest,
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
        record = self._make_record(
            planned, made, system.system.layer, manifest.digest, seconds, commit
        )
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
            created_at=_current_time(),
            seconds=round(seconds, 2),
            debian_taken_at=system.taken_at,
            lock_commit=commit,
            source=self.source.address,
            source_commit=self.source.commit,
        )

    def _made_from(self, planned: PlannedImage) -> list[Path]:
        """Return the files in git that an image is made from: its locks, and the OS layer's."""
        locks = [
            layer_lock.layer_lock_path(self.root, stack, self.version.line)
            for stack in planned.stacks
        ]
        return [*locks, debian.dockerfile_path(), debian.dockerfile_path().parent / debian.GUEST]

    def _record_path(self, planned: PlannedImage) -> Path:
        return record_path(self.out, str(self.version), planned.image, "build")


@dataclass(frozen=True)
class _LayerMaker:
    """Making of layers: wheels on all cores, the OS layer beside them, then bytecode."""

    stage: _Stage
    work: Path
    system: LayerSpec
    found_system: HeldSystemLayer | None

    def make_layers(
        self, specs: Sequence[LayerSpec], whole: Sequence[LayerSpec]
    ) -> tuple[dict[str, MadeLayer], MadeSystemLayer]:
        """Make the layers `specs` of images that consist of the layers `whole`.

        Nothing is made before all wheels are here and no two of them have one path. Wheels that are
        not here belong to layers that the registry has: `lock` has compared them with all others.
        """
        line, registry, cache = (
            self.stage.catalog_line,
            self.stage.registry,
            self.stage.cache_repository,
        )
        recipe = Recipe(
            self.stage.version.line, prefix_of(line), line.epoch, self.work, registry.host, cache
        )
        wheels = {wheel.file: wheel for spec in specs for wheel in spec.wheels}
        wheelhouse.fetch_wheels(list(wheels.values()), line.python)
        every = {wheel.file: wheel for spec in whole for wheel in spec.wheels}
        here = [wheel for wheel in every.values() if wheelhouse.has_wheel(wheel)]
        ownership.check_owners(here, recipe.prefix)
        with worker_pool(1) as beside:
            system = beside.submit(self._make_system)
            made = workers.make_python(
                recipe,
                specs,
                lambda: push_system_image(
                    line, self.system, system.result().system, registry, cache
                ),
            )
            python = {
                key: MadeLayer(HeldLayer(blob, cache), "built", seconds)
                for key, (blob, seconds) in made.items()
            }
            return python, system.result()

    def _make_system(self) -> MadeSystemLayer:
        if self.found_system is not None:
            return MadeSystemLayer(self.found_system, "reused", 0.0)
        stage = self.stage
        return make_system_layer(
            stage.catalog_line,
            self.system,
            stage.registry,
            stage.cache_repository,
            self.work,
            stage.layer_signer,
        )


def make_system_layer(  # noqa: PLR0913, PLR0917 - what is made, where it goes, and who signs it
    line: Line,
    spec: LayerSpec,
    registry: Registry,
    cache: str,
    work: Path,
    layer_signer: SystemLayerSigner,
) -> MadeSystemLayer:
    """Make the OS layer of a line, push it to the cache repository, and sign a statement about it.

    The packages are dated at the start: Debian may publish newer ones while they are installed.
    """
    started, taken_at = time.monotonic(), _current_time()
    target = work / "os.tar.gz"
    made = debian.make_os_layer(line, work, target)
    registry.push_file(cache, target, made.blob.digest, lambda _: None)
    target.unlink()
    layer = SystemLayer(spec.key, made.blob, made.source, made.packages, taken_at, made.newest)
    system_layer.keep_system_layer(registry, cache, layer, layer_signer)
    return MadeSystemLayer(
        HeldSystemLayer(layer, HeldLayer(made.blob, cache)),
        "built",
        round(time.monotonic() - started, 2),
    )


def push_system_image(
    line: Line, spec: LayerSpec, system: HeldSystemLayer, registry: Registry, cache: str
) -> str:
    """Push an image of the OS layer alone, and return its reference for the engine."""
    config = assembly.system_configuration(line, spec, system.held.blob)
    manifest = assembly.assemble_image(registry, cache, config, [system.held])
    return f"{registry.host}/{cache}@{manifest.digest}"


def _current_time() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


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
