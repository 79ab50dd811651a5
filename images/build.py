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
from images.plan import UNCHANGED, Plan, PlannedImage, prefix_of, record_path
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


def build(  # noqa: PLR0913 - what to build, from what, and where to
    catalog: Catalog, version: Version, plan: Plan, registry: Registry, out: Path, *, renew: bool = False
) -> tuple[BuildRecord, ...]:
    """Build every planned image that is not in staging yet; each has its record written when it is.

    `renew` makes the OS layer from today's Debian packages, in place of the one in the cache. Raises ConfigError for a
    wheel that is not what was locked, EnvironmentFailed for engine, registry, disk, network.
    """
    registry.ping()
    stage = _Stage(catalog, version, registry, out)
    system = None if renew else stage.found(plan.images[0].system)
    standing = {planned.image: None if renew else stage.standing(planned, system) for planned in plan.images}
    if system is None and None in standing.values():  # it is made now, and all images of a release stand on one
        standing = dict.fromkeys(standing)
    missing = [planned for planned in plan.images if standing[planned.image] is None]
    for planned in plan.images:
        progress.say(f"  {planned.image}: {_why(planned, is_missing=planned in missing)}")
    made = stage.make_layers(missing, system) if missing else {}
    built = tuple(standing[planned.image] or stage.assemble(planned, made) for planned in plan.images)
    progress.say(f"  Debian's packages are of {_day_of(built[0])}")
    return built


def is_undated(catalog: Catalog, plan: Plan, registry: Registry) -> bool:
    """Whether the cache has the OS layer of a plan from no known day: then nothing can be proven of how old it is."""
    found = layer_cache.find(registry, catalog.repositories.cache, plan.images[0].system.key)
    return found is not None and not found.taken_at


def _why(planned: PlannedImage, *, is_missing: bool) -> str:
    """The plan knows only of what this machine built, not of what became of it since."""
    if not is_missing:
        return "unchanged, in staging"
    return "to be assembled again" if planned.why == UNCHANGED else planned.why


def _day_of(record: BuildRecord) -> str:
    """When its Debian packages were taken and, where that was not today, how to have newer ones."""
    taken, today = record.debian_taken_at[:10], _now()[:10]
    return taken if taken == today else f"{taken or 'no known day'}; `build {record.version} --renew` takes today's"


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

    def found(self, spec: LayerSpec) -> MadeLayer | None:
        """A layer that is in the cache."""
        return layer_cache.find(self.registry, self.cache, spec.key)

    def standing(self, planned: PlannedImage, system: MadeLayer | None) -> BuildRecord | None:
        """The record of an image that needs nothing: same content key and OS layer, and its manifest is in staging."""
        record = records.read(BuildRecord, self._path(planned))
        if record is None or record.content_key != planned.content_key or not _is_on(record, system):
            return None
        found = self.registry.digest_of(record.repository, record.digest)
        return record if found == record.digest else None

    def make_layers(self, missing: Sequence[PlannedImage], system: MadeLayer | None) -> Mapping[str, Made]:
        """Every layer of the missing images by content key: found in the cache, or made now.

        `system` is the OS layer to take; None for one that is to be made, whether or not there is one.
        """
        specs = {spec.key: spec for planned in missing for spec in planned.layers}
        found = {key: system if spec.kind == layers.OS else self.found(spec) for key, spec in specs.items()}
        made = {key: Made(layer, "reused", 0.0) for key, layer in found.items() if layer}
        to_make = [spec for key, spec in specs.items() if key not in made]
        progress.say(f"  layers: {len(made)} found in the registry, {len(to_make)} to make")
        if to_make:
            with home.scratch("build") as work:
                made.update(_Making(self, work, missing[0].system, system).make(to_make))
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


def _is_on(record: BuildRecord, system: MadeLayer | None) -> bool:
    """Whether an image stands on this OS layer, which another machine may have renewed since; None says nothing."""
    if system is None:
        return True
    held = [layer.digest for layer in record.layers if layer.kind == layers.OS]
    return held == [system.digest] and record.debian_taken_at == system.taken_at


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
