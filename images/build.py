"""The build stage: make what is missing, push it, assemble the images, and record their digests."""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from images import assembly, bytecode, debian, layer_cache, layers, wheelhouse
from images.catalog import Catalog, Line, Version
from images.layer_cache import MadeLayer
from images.layers import LayerSpec
from images.plan import Plan, PlannedImage, prefix_of, record_path
from images.record import BuildRecord, BuiltLayer
from images.workers import Workers
from oci.registry import Registry
from runner import home, progress, records


@dataclass(frozen=True)
class Made:
    """A layer that is in the cache repository, and how it came there in this run."""

    layer: MadeLayer
    how: str
    seconds: float


def build(catalog: Catalog, version: Version, plan: Plan, registry: Registry, out: Path) -> tuple[BuildRecord, ...]:
    """Build every planned image that is not in staging yet; each has its record written when it is.

    Raises ConfigError for a wheel that is not what was locked, EnvironmentFailed for engine, registry, disk, network.
    """
    registry.ping()
    stage = _Stage(catalog, version, registry, out)
    standing = {planned.image: stage.standing(planned) for planned in plan.images}
    missing = [planned for planned in plan.images if standing[planned.image] is None]
    for planned in plan.images:
        progress.say(
            f"  {planned.image}: {planned.why if standing[planned.image] is None else 'unchanged, in staging'}"
        )
    made = stage.make_layers(missing) if missing else {}
    return tuple(standing[planned.image] or stage.assemble(planned, made) for planned in plan.images)


@dataclass(frozen=True)
class _Stage:
    catalog: Catalog
    version: Version
    registry: Registry
    out: Path

    @property
    def line(self) -> Line:
        return self.catalog.lines[self.version.line]

    @property
    def cache(self) -> str:
        return self.catalog.repositories.cache

    def standing(self, planned: PlannedImage) -> BuildRecord | None:
        """The record of an image that needs nothing: same content key, and its manifest is in staging."""
        record = records.read(BuildRecord, self._path(planned))
        if record is None or record.content_key != planned.content_key:
            return None
        found = self.registry.digest_of(record.repository, record.digest)
        return record if found == record.digest else None

    def make_layers(self, missing: Sequence[PlannedImage]) -> Mapping[str, Made]:
        """Every layer of the missing images by content key: found in the cache, or made now."""
        specs = {spec.key: spec for planned in missing for spec in planned.layers}
        found = {key: layer_cache.find(self.registry, self.cache, key) for key in specs}
        made = {key: Made(layer, "reused", 0.0) for key, layer in found.items() if layer}
        to_make = [spec for key, spec in specs.items() if key not in made]
        progress.say(f"  layers: {len(made)} found in the registry, {len(to_make)} to make")
        if to_make:
            system = missing[0].system
            with home.scratch("build") as work:
                made.update(_Making(self, work, system, found[system.key]).make(to_make))
        return made

    def assemble(self, planned: PlannedImage, made: Mapping[str, Made]) -> BuildRecord:
        """Assemble and push one image, and write its record."""
        started = time.monotonic()
        of_image = [made[spec.key].layer for spec in planned.layers]
        title = self.catalog.title_of(planned.image)
        config = assembly.configuration(planned, title, str(self.version), self.line, of_image)
        staging = self.catalog.repositories.staging
        manifest = assembly.assemble(self.registry, (self.cache, staging), config, of_image)
        seconds = time.monotonic() - started + sum(made[spec.key].seconds for spec in planned.layers)
        record = self._record(planned, made, manifest.digest, seconds)
        records.write(self._path(planned), record)
        progress.say(f"  {planned.image}: {record.repository}@{record.digest} ({progress.megabytes(record.size)})")
        return record

    def _record(self, planned: PlannedImage, made: Mapping[str, Made], digest: str, seconds: float) -> BuildRecord:
        system = made[planned.system.key].layer
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
        )

    def _path(self, planned: PlannedImage) -> Path:
        return record_path(self.out, str(self.version), planned.image, "build")


@dataclass(frozen=True)
class _Making:
    """Making layers: wheels on all cores, the OS layer beside them, bytecode when that is there."""

    stage: _Stage
    work: Path
    system: LayerSpec
    found_system: MadeLayer | None

    def make(self, specs: Sequence[LayerSpec]) -> dict[str, Made]:
        copies = [spec for spec in specs if spec.kind in (layers.WHEEL, layers.POOL)]
        compiled = [spec for spec in specs if spec.kind == layers.BYTECODE]
        with ThreadPoolExecutor(1) as beside:
            system = beside.submit(self._system)
            wheels = {wheel.file: wheel for spec in specs for wheel in spec.wheels}
            wheelhouse.fetch(list(wheels.values()), self.stage.line.python)
            return self._make_python(copies, compiled, system)

    def _make_python(
        self, copies: Sequence[LayerSpec], compiled: Sequence[LayerSpec], system: Future[Made]
    ) -> dict[str, Made]:
        line, prefix = self.stage.line, prefix_of(self.stage.line)
        total = sum(spec.wheel_bytes for spec in copies)
        with Workers(self.stage.registry.host, self.stage.cache, prefix, line.epoch, self.work, total) as workers:
            for spec in sorted(copies, key=lambda spec: -spec.wheel_bytes):
                workers.submit(spec)
            if compiled:
                runs_in = system_image(line, self.system, system.result().layer, self.stage.registry, self.stage.cache)
                zips = bytecode.compile_in_container(compiled, prefix, runs_in, self.work)
                for spec in compiled:
                    workers.submit(spec, zips[spec.key])
            made = {key: Made(layer, "built", seconds) for key, (layer, seconds) in workers.results().items()}
        return {**made, self.system.key: system.result()}

    def _system(self) -> Made:
        if self.found_system is not None:
            return Made(self.found_system, "reused", 0.0)
        return make_system(self.stage.line, self.system, self.stage.registry, self.stage.cache, self.work)


def make_system(line: Line, spec: LayerSpec, registry: Registry, cache: str, work: Path) -> Made:
    """Make the OS layer of a line and push it to the cache repository.

    Its packages are as old as the start: what Debian brings out while they are installed is not among them.
    """
    started, taken_at = time.monotonic(), _now()
    target = work / "os.tar.gz"
    made = debian.make(line, work, target)
    registry.push_file(cache, target, made.blob.digest, lambda _: None)
    target.unlink()
    layer = MadeLayer(made.blob.digest, made.blob.diff_id, made.blob.size, made.source, made.packages, taken_at)
    layer_cache.keep(registry, cache, spec.key, layer)
    return Made(layer, "built", round(time.monotonic() - started, 2))


def system_image(line: Line, spec: LayerSpec, layer: MadeLayer, registry: Registry, cache: str) -> str:
    """The reference of an image of the OS layer alone, for the engine to run."""
    config = assembly.system_configuration(line, spec, layer)
    manifest = assembly.assemble(registry, (cache, cache), config, [layer])
    return f"{registry.host}/{cache}@{manifest.digest}"


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _built(spec: LayerSpec, made: Made) -> BuiltLayer:
    layer = made.layer
    return BuiltLayer(
        name=spec.name,
        kind=spec.kind,
        stack=spec.stack,
        key=spec.key,
        digest=layer.digest,
        diff_id=layer.diff_id,
        size=layer.size,
        made=made.how,
        seconds=made.seconds,
    )
