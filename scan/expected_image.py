"""The image as the catalogue and the locks say it must be, compared with the one in a registry.

Every layer is one of the lock, or one of Debian packages of the build; the configuration is derived
by the code that assembles images. A layer that is locked is not read: its digest says all. The
layers of Debian packages are read, and so is every layer if one is there that the image was not
assembled from.
"""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from images import assembly, layers
from images.assembly import STANDARD, ImageOrigin
from images.catalog import Catalog, Line
from images.plan import PlannedImage
from images.record import BuildRecord
from oci.copying import require_manifest
from oci.layer_reader import LayerContents, read_layer
from oci.manifest import Descriptor, Manifest, canonical_json, image_manifest, sha256
from oci.registry import Registry, report_malformed
from oci.tarball import Blob
from runner.moments import parse_moment
from runner.nouns import count_noun
from runner.pool import worker_pool
from runner.untrusted import Malformed, clean_line, parse_json
from scan import layer_changes, system_files
from scan.expected_configuration import WAY_OUT, compare_configurations
from scan.layer_changes import ChangeKind, NamedLayer, PathChange
from scan.owners import LIST, load_owners
from scan.record import ComparedContents, ScanProblem, limit_problems

KIND = "contents"
CONFIGURATION_BYTES = 4 << 20
WORKERS = 2
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class ExpectedLayer:
    """A layer that an image is assembled from; `name` is the one in the image's history."""

    name: str
    kind: str
    digest: str
    diff_id: str


@dataclass(frozen=True)
class ExpectedImage:
    """An image by the catalogue and the locks, and by its Debian packages in the build's record."""

    catalog: Catalog
    planned: PlannedImage
    build: BuildRecord

    @property
    def layers(self) -> tuple[ExpectedLayer, ...]:
        """Its layers, from below."""
        recorded = {
            each.kind: (each.digest, each.diff_id)
            for each in self.build.layers
            if each.kind in layers.OF_DEBIAN
        }
        digests = {
            spec.key: (spec.locked.digest, spec.locked.diff_id)
            for spec in self.planned.layers
            if spec.locked
        }
        return tuple(
            ExpectedLayer(
                f"{spec.kind}: {spec.name}",
                spec.kind,
                *digests.get(spec.key, recorded.get(spec.kind, ("", ""))),
            )
            for spec in self.planned.layers
        )

    @property
    def locked_digests(self) -> frozenset[str]:
        """The digests of its layers that are made of locked wheels alone."""
        return frozenset(spec.locked.digest for spec in self.planned.layers if spec.locked)

    @property
    def line(self) -> Line:
        """Its line in the catalogue."""
        return self.catalog.lines[self.catalog.require_version(self.build.version).line]

    def derive_configuration(self, found: Mapping[str, Any]) -> dict[str, object]:
        """Return the configuration that assembly gives this image, with the origin in `found`."""
        name = self.planned.image
        blobs = [Blob(each.digest, each.diff_id, 0, 0) for each in self.layers]
        return assembly.image_configuration(
            self.planned,
            self.catalog.title_of(name),
            self.build.version,
            self.line,
            blobs,
            self.catalog.os_part_of(name),
            self.read_origin(found),
        )

    def read_origin(self, found: Mapping[str, Any]) -> ImageOrigin:
        """Return the origin of an image with the configuration `found`.

        Two facts of it are not in the catalogue: when the newest Debian package was made, and the
        commit of its inputs. They are taken from the labels, if they can be right.
        """
        run = found.get("config")
        labels = run.get("Labels") if isinstance(run, dict) else None
        read = labels if isinstance(labels, dict) else {}
        newest, revision = 0, read.get(f"{STANDARD}.revision")
        with contextlib.suppress(ValueError):
            made = parse_moment(read.get(f"{STANDARD}.created"))
            if self.line.epoch <= made.timestamp() and made <= datetime.datetime.now(datetime.UTC):
                newest = int(made.timestamp())
        is_commit = isinstance(revision, str) and _COMMIT.fullmatch(revision)
        commit = str(revision) if is_commit else ""
        return ImageOrigin(self.catalog.project, self.build.base_source, newest, commit)


def compare_image(
    registry: Registry, expected: ExpectedImage
) -> tuple[ComparedContents, tuple[ScanProblem, ...]]:
    """Compare an image in a registry with what it was assembled from.

    Returns how much was compared, and a problem for each layer, path and field of the configuration
    that is not as expected. Raises RegistryError if the registry fails.
    """
    repository, digest = expected.build.repository, expected.build.digest
    manifest = require_manifest(registry, repository, digest)
    with report_malformed(registry, repository, digest):
        if manifest.is_index:
            raise Malformed("it is an index, and not the manifest of an image")
        described, *blobs = manifest.parse_blobs()
        data = registry.read_blob(repository, described.digest, described.size)
        config = parse_json(data, CONFIGURATION_BYTES)
        if not isinstance(config, dict):
            raise Malformed("its configuration is not a JSON object")
    comparison = _Comparison(registry, repository, expected, tuple(blobs))
    found = [
        limit_problems(list(sort))
        for sort in (
            comparison.check_list(config),
            comparison.check_paths(),
            comparison.check_system(),
            comparison.check_configuration(config),
        )
    ]
    if not any(found):
        found.append(list(_check_bytes(expected, config, manifest)))
    known = sum(blob.digest in comparison.names for blob in blobs)
    read = [comparison.read_contents(blob) for blob in comparison.to_read]
    paths = sum(len(each.entries) for each in read if isinstance(each, LayerContents))
    counted = ComparedContents(known, len(blobs) - known, len(read), paths)
    return counted, tuple(problem for sort in found for problem in sort)


@dataclass(frozen=True)
class _Comparison:
    registry: Registry
    repository: str
    expected: ExpectedImage
    blobs: tuple[Descriptor, ...]

    @cached_property
    def names(self) -> dict[str, str]:
        """The names of the layers that the image is assembled from, by digest."""
        return {layer.digest: layer.name for layer in self.expected.layers if layer.digest}

    @property
    def to_read(self) -> tuple[Descriptor, ...]:
        """The layers whose contents are compared: Debian's packages, or all if one is unknown."""
        if any(blob.digest not in self.names for blob in self.blobs):
            return self.blobs
        return tuple(blob for blob in self.blobs if blob.digest in self.debian_digests)

    @property
    def debian_digests(self) -> frozenset[str]:
        """The digests of the OS layer, of its updates, and of the packages on top of it."""
        every = self.expected.layers
        return frozenset(each.digest for each in every if each.kind in layers.OF_DEBIAN)

    def read_contents(self, blob: Descriptor) -> LayerContents | str:
        """Return the contents of a layer; a text if they cannot be read: the reason."""
        return _read_contents(self.registry.host, self.repository, blob)

    def name_layer(self, number: int) -> str:
        """Return a layer as messages name it, by its place from below, which begins at 0."""
        digest = self.blobs[number].digest
        shown = f"layer {number + 1} ({digest.removeprefix('sha256:'):.12})"
        return f"{shown}, `{self.names[digest]}`" if digest in self.names else shown

    def check_list(self, config: Mapping[str, Any]) -> Iterator[ScanProblem]:
        """Yield what is wrong with the list of layers: unknown ones, missing ones, their order."""
        digests = [blob.digest for blob in self.blobs]
        for number, digest in enumerate(digests):
            if digest not in self.names:
                what = (
                    "the image was not assembled from it: it is in no lock, and not a layer of "
                    "Debian packages of the build"
                )
                yield _make_problem(self.name_layer(number), what)
        for layer in self.expected.layers:
            if layer.digest not in digests:
                of = "the build" if layer.kind in layers.OF_DEBIAN else "the lock"
                named = f"({layer.digest:.19})" if layer.digest else "(its record names none)"
                yield _make_problem(layer.name, f"the layer of {of} is missing {named}")
        wanted = [layer.digest for layer in self.expected.layers]
        known = [digest for digest in digests if digest in self.names]
        if known != wanted and set(known) == set(wanted):
            what = "they are in another order, or given twice: a later one hides paths of others"
            yield _make_problem("the layers", what)
        elif digests == wanted:
            yield from _check_diff_ids(self.expected, config)

    def check_configuration(self, config: Mapping[str, Any]) -> Iterator[ScanProblem]:
        """Yield every field of the configuration that is not as the catalogue says."""
        yield from compare_configurations(self.expected.derive_configuration(config), config)
        if self.expected.build.source_commit and not self.expected.read_origin(config).revision:
            what = "it is missing, or is no commit; the build was made from a commit"
            yield ScanProblem("configuration", f"Labels {STANDARD}.revision", what, WAY_OUT)

    def check_paths(self) -> Iterator[ScanProblem]:
        """Yield the paths that layers change which the image was not assembled from."""
        if len(self.to_read) != len(self.blobs) or not self.blobs:
            return
        with worker_pool(WORKERS) as pool:
            every = list(pool.map(self.read_contents, self.blobs))
        named: list[NamedLayer] = []
        for number, (blob, contents) in enumerate(zip(self.blobs, every, strict=True)):
            name = self.name_layer(number)
            if isinstance(contents, str):
                yield _make_problem(name, f"its paths cannot be compared: {contents}")
            else:
                named.append(NamedLayer(name, contents, blob.digest in self.names))
        owners = load_owners()
        for change in layer_changes.find_changes(named):
            effect = owners.describe_effect(change.path) if change.path else ""
            yield _make_problem(f"/{change.path}", describe_change(change, effect))

    def check_system(self) -> Iterator[ScanProblem]:
        """Yield the paths of Debian's layers that no package and no entry of the list owns.

        The packages of an image are those of all its layers of Debian packages together.
        """
        found = [each for each in self.blobs if each.digest in self.debian_digests]
        if {blob.digest for blob in found} != self.debian_digests:
            return  # one is missing, which refuses the image by itself
        names = [self.name_layer(self.blobs.index(blob)) for blob in found]
        read = [self.read_contents(blob) for blob in found]
        for name, contents in zip(names, read, strict=True):
            if isinstance(contents, str):
                yield _make_problem(name, f"its paths cannot be compared: {contents}")
        held = [contents for contents in read if isinstance(contents, LayerContents)]
        if len(held) != len(read):
            return
        owners, expected = load_owners(), self.expected
        for fault in system_files.check_system_layers(
            held,
            expected.build.debian_packages,
            owners,
            expected.line.python,
            expected.planned.stacks,
            updates=int(expected.planned.update_spec is not None),
        ):
            name = " with ".join(names) if fault.layer is None else names[fault.layer]
            effect = owners.describe_effect(fault.path)
            what = "; ".join(filter(None, (f"{name}: {fault.what}", effect)))
            yield ScanProblem(KIND, f"/{fault.path}", what, _SYSTEM_WAY_OUT)


_SYSTEM_WAY_OUT = (
    "correct images/base/Dockerfile, or images/base/added and images/STACK/system, which make the "
    f"layer of more packages; if the path is wanted, write it with its reason into {LIST}"
)


def describe_change(change: PathChange, effect: str) -> str:
    """Return a change of a layer as a sentence: what, by which layer, whose path, with what effect.

    `effect` is what such a path does; empty if that is not known.
    """
    if change.kind is ChangeKind.ADDED:
        below = f" with {count_noun(change.paths - 1, 'path')} below it" if change.paths > 1 else ""
        parts = [f"{change.layer} adds it{below}, and no package owns it", change.what]
    else:
        parts = [f"{change.layer} changes it", f"it belongs to {change.owner}", change.what]
        if change.kind is ChangeKind.REMOVED:
            parts = [f"{change.layer} removes it", f"it belongs to {change.owner}"]
            parts += [count_noun(change.paths, "path")] if change.paths > 1 else []
    return "; ".join(filter(None, (*parts, effect)))


@lru_cache(maxsize=128)
def _read_contents(host: str, repository: str, blob: Descriptor) -> LayerContents | str:
    """Return the contents of a layer; a text if they cannot be read: the reason.

    The images of a release share their layers, and a digest never changes.
    """
    try:
        return read_layer(Registry(host), repository, blob, layer_changes.wants_text)
    except Malformed as error:
        return clean_line(str(error))


def _check_bytes(
    expected: ExpectedImage, config: Mapping[str, Any], manifest: Manifest
) -> Iterator[ScanProblem]:
    """Yield a problem if an image without any other one has not the bytes that assembly makes.

    Its manifest may have other annotations, or its configuration fields without a value.
    """
    wanted = expected.derive_configuration(config)
    made = canonical_json(wanted)
    described, *blobs = manifest.parse_blobs()
    if sha256(made) != described.digest:
        what = "it has other bytes than assembly makes: it was written by another program"
        yield ScanProblem("configuration", "configuration", what, WAY_OUT)
    elif image_manifest(described, blobs, assembly.manifest_annotations(wanted)) != manifest:
        what = "it has other annotations or fields than assembly makes"
        yield ScanProblem("configuration", "manifest", what, WAY_OUT)


def _check_diff_ids(expected: ExpectedImage, config: Mapping[str, Any]) -> Iterator[ScanProblem]:
    """Yield a problem if the configuration names other layers, or tells another history."""
    wanted = expected.derive_configuration(config)
    for field, what in (
        ("rootfs", "the configuration names other layers than the manifest"),
        ("history", "the history is not that of its layers"),
    ):
        if config.get(field) != wanted[field]:
            yield ScanProblem("configuration", field, what, WAY_OUT)


def _make_problem(where: str, what: str) -> ScanProblem:
    return ScanProblem(KIND, where, what, WAY_OUT)
