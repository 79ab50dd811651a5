"""The build stage: make what is missing, push it, assemble the images, and record their digests.

A Python layer is found in the registry by its locked digest, and what is made of wheels must be
what is locked. The OS layer is found only if somebody trusted signed what it is.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from images import (
    assembly,
    debian,
    layer_lock,
    layer_store,
    layers,
    system_layer,
    wheelhouse,
    workers,
)
from images import catalog as catalogue
from images.catalog import Catalog, Line, Version
from images.layer_store import Held
from images.layers import LayerSpec
from images.plan import UNCHANGED, Plan, PlannedImage, prefix_of, record_path
from images.record import BuildRecord, BuiltLayer
from images.system_layer import SystemLayer, Vouch
from images.workers import Recipe
from oci.registry import Registry
from runner import checkout, home, progress, records


@dataclass(frozen=True)
class System:
    """The OS layer of a release, and where it is."""

    layer: SystemLayer
    held: Held


@dataclass(frozen=True)
class Made:
    """A layer that is in the registry, and how it came there in this run."""

    held: Held
    how: str
    seconds: float


@dataclass(frozen=True)
class MadeSystem:
    """The OS layer, as `Made` is of any."""

    system: System
    how: str
    seconds: float


def build(  # noqa: PLR0913 - what to build, from what, and where to
    catalog: Catalog,
    version: Version,
    plan: Plan,
    registry: Registry,
    out: Path,
    *,
    vouch: Vouch,
    renew: bool = False,
    root: Path = catalogue.IMAGES,
) -> tuple[BuildRecord, ...]:
    """Build every planned image that is not in staging yet; each has its record written when it is.

    `renew` makes the OS layer from today's Debian packages, in place of the one in the cache.
    `vouch` signs an OS layer that is made, and says which of those in the cache to believe. `root`
    is where the locks of the plan are.

    Raises ConfigError for a wheel or a layer that is not what was locked, EnvironmentFailed for
    engine, registry, disk, network.
    """
    registry.ping()
    stage = _Stage(catalog, version, registry, out, vouch, root)
    system = None if renew else stage.find_system(plan.images[0].system)
    standing = {
        planned.image: None if renew else stage.standing(planned, system) for planned in plan.images
    }
    if (
        system is None and None in standing.values()
    ):  # it is made now, and all images of a release stand on one
        standing = dict.fromkeys(standing)
    missing = [planned for planned in plan.images if standing[planned.image] is None]
    for planned in plan.images:
        progress.say(f"  {planned.image}: {_why(planned, is_missing=planned in missing)}")
    new = stage.make(missing, system) if missing else {}
    built = tuple(standing[planned.image] or new[planned.image] for planned in plan.images)
    progress.say(f"  Debian's packages are of {_day_of(built[0])}")
    return built


def _why(planned: PlannedImage, *, is_missing: bool) -> str:
    """The plan knows only of what this machine built, not of what became of it since."""
    if not is_missing:
        return "unchanged, in staging"
    return "to be assembled again" if planned.why == UNCHANGED else planned.why


def _day_of(record: BuildRecord) -> str:
    """When its Debian packages were taken and, where that was not today, how to have newer ones."""
    taken, today = record.debian_taken_at[:10], _now()[:10]
    return (
        taken
        if taken == today
        else f"{taken or 'no known day'}; `build {record.version} --renew` takes today's"
    )


@dataclass(frozen=True)
class _Stage:
    catalog: Catalog
    version: Version
    registry: Registry
    out: Path
    vouch: Vouch
    root: Path

    @property
    def line(self) -> Line:
        return self.catalog.lines[self.version.line]

    @property
    def cache(self) -> str:
        return self.catalog.repositories.cache

    def find_system(self, spec: LayerSpec) -> System | None:
        """Return the OS layer that somebody trusted signed, if the registry has it."""
        layer = system_layer.find(self.registry, self.cache, spec.key, self.vouch)
        held = (
            layer_store.find(self.registry, self.catalog.repositories, layer.blob)
            if layer
            else None
        )
        return System(layer, held) if layer and held else None

    def standing(self, planned: PlannedImage, system: System | None) -> BuildRecord | None:
        """Return the record of an image that needs nothing: same content key and OS layer, and all
        of it in staging.
        """
        record = records.read(BuildRecord, self._path(planned))
        if (
            record is None
            or record.content_key != planned.content_key
            or not _is_on(record, system)
        ):
            return None
        return record if self._is_whole(record) else None

    def _is_whole(self, record: BuildRecord) -> bool:
        """Whether staging has the manifest of an image and every blob that it names."""
        manifest = self.registry.manifest(record.repository, record.digest)
        return manifest is not None and layer_store.has_all(
            self.registry, record.repository, manifest.blobs()
        )

    def make(
        self, missing: Sequence[PlannedImage], system: System | None
    ) -> dict[str, BuildRecord]:
        """Make what the missing images lack, and assemble them.

        `system` is the OS layer; None if it is to be made.
        """
        made, made_system = self._make_layers(missing, system)
        commit = checkout.commit_of(self._locks(missing))
        return {
            planned.image: self._assemble(planned, made, made_system, commit) for planned in missing
        }

    def _make_layers(
        self, missing: Sequence[PlannedImage], system: System | None
    ) -> tuple[Mapping[str, Made], MadeSystem]:
        """Return the Python layers by content key, and the OS layer: found in the registry, or made
        now.
        """
        specs = {
            spec.key: spec
            for planned in missing
            for spec in planned.layers
            if spec.kind != layers.OS
        }
        blobs = [spec.locked for spec in specs.values() if spec.locked]
        found = layer_store.find_all(self.registry, self.catalog.repositories, blobs)
        held = {key: found.get(spec.locked) for key, spec in specs.items() if spec.locked}
        made = {key: Made(each, "reused", 0.0) for key, each in held.items() if each}
        to_make = [spec for key, spec in specs.items() if key not in made]
        here, lacking = len(made) + (system is not None), len(to_make) + (system is None)
        progress.say(f"  layers: {here} found in the registry, {lacking} to make")
        if system is not None and not to_make:
            return made, MadeSystem(system, "reused", 0.0)
        with home.scratch("build") as work:
            new, made_system = _Making(self, work, missing[0].system, system).make(to_make)
        return {**made, **new}, made_system

    def _assemble(
        self, planned: PlannedImage, python: Mapping[str, Made], system: MadeSystem, commit: str
    ) -> BuildRecord:
        """Assemble and push one image, and write its record."""
        started = time.monotonic()
        made = {**python, planned.system.key: Made(system.system.held, system.how, system.seconds)}
        of_image = [made[spec.key].held for spec in planned.layers]
        title = self.catalog.title_of(planned.image)
        blobs = [held.blob for held in of_image]
        config = assembly.configuration(planned, title, str(self.version), self.line, blobs)
        manifest = assembly.assemble(
            self.registry, self.catalog.repositories.staging, config, of_image
        )
        seconds = (
            time.monotonic() - started + sum(made[spec.key].seconds for spec in planned.layers)
        )
        record = self._record(planned, made, system.system.layer, manifest.digest, seconds, commit)
        records.write(self._path(planned), record)
        progress.say(
            f"  {planned.image}: {record.repository}@{record.digest} "
            f"({progress.megabytes(record.size)})"
        )
        return record

    def _record(  # noqa: PLR0913, PLR0917 - what is known only now
        self,
        planned: PlannedImage,
        made: Mapping[str, Made],
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
            layers=tuple(_built(spec, made[spec.key]) for spec in planned.layers),
            torch=self.line.torch,
            cuda=self.line.cuda,
            python=self.line.python,
            base_source=system.source,
            debian_packages=system.packages,
            created_at=_now(),
            seconds=round(seconds, 2),
            debian_taken_at=system.taken_at,
            lock_commit=commit,
        )

    def _locks(self, images: Sequence[PlannedImage]) -> list[Path]:
        stacks = dict.fromkeys(stack for planned in images for stack in planned.stacks)
        return [layer_lock.path_of(self.root, stack, self.version.line) for stack in stacks]

    def _path(self, planned: PlannedImage) -> Path:
        return record_path(self.out, str(self.version), planned.image, "build")


@dataclass(frozen=True)
class _Making:
    """Making layers: wheels on all cores, the OS layer beside them, bytecode when that is there."""

    stage: _Stage
    work: Path
    system: LayerSpec
    found_system: System | None

    def make(self, specs: Sequence[LayerSpec]) -> tuple[dict[str, Made], MadeSystem]:
        line, registry, cache = self.stage.line, self.stage.registry, self.stage.cache
        recipe = Recipe(
            self.stage.version.line, prefix_of(line), line.epoch, self.work, registry.host, cache
        )
        with ThreadPoolExecutor(1) as beside:
            system = beside.submit(self._system)
            wheels = {wheel.file: wheel for spec in specs for wheel in spec.wheels}
            wheelhouse.fetch(list(wheels.values()), line.python)
            made = workers.make_python(
                recipe,
                specs,
                lambda: system_image(line, self.system, system.result().system, registry, cache),
            )
            python = {
                key: Made(Held(blob, cache), "built", seconds)
                for key, (blob, seconds) in made.items()
            }
            return python, system.result()

    def _system(self) -> MadeSystem:
        if self.found_system is not None:
            return MadeSystem(self.found_system, "reused", 0.0)
        stage = self.stage
        return make_system(
            stage.line, self.system, stage.registry, stage.cache, self.work, stage.vouch
        )


def make_system(  # noqa: PLR0913, PLR0917 - what is made, where it goes, and who signs it
    line: Line, spec: LayerSpec, registry: Registry, cache: str, work: Path, vouch: Vouch
) -> MadeSystem:
    """Make the OS layer of a line, push it to the cache repository, and sign what it is.

    Its packages are as old as the start: what Debian brings out while they are installed is not
    among them.
    """
    started, taken_at = time.monotonic(), _now()
    target = work / "os.tar.gz"
    made = debian.make(line, work, target)
    registry.push_file(cache, target, made.blob.digest, lambda _: None)
    target.unlink()
    layer = SystemLayer(spec.key, made.blob, made.source, made.packages, taken_at)
    system_layer.keep(registry, cache, layer, vouch)
    return MadeSystem(
        System(layer, Held(made.blob, cache)), "built", round(time.monotonic() - started, 2)
    )


def system_image(
    line: Line, spec: LayerSpec, system: System, registry: Registry, cache: str
) -> str:
    """The reference of an image of the OS layer alone, for the engine to run."""
    config = assembly.system_configuration(line, spec, system.held.blob)
    manifest = assembly.assemble(registry, cache, config, [system.held])
    return f"{registry.host}/{cache}@{manifest.digest}"


def _is_on(record: BuildRecord, system: System | None) -> bool:
    """Whether an image stands on this OS layer, which another machine may have renewed since; None
    says nothing.
    """
    if system is None:
        return True
    held = [layer.digest for layer in record.layers if layer.kind == layers.OS]
    return held == [system.layer.blob.digest] and record.debian_taken_at == system.layer.taken_at


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _built(spec: LayerSpec, made: Made) -> BuiltLayer:
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
