"""Things that this machine keeps and nothing needs any more: wheels, layers, pulled images.

A thing is freed only if this project made it, and if it can be had again: wheels from the package
index, layers from the wheels, images from the registry, which is asked for each. In a registry that
others use nothing is deleted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError
from packaging.utils import parse_wheel_filename

from images import catalog as catalogue
from images import layer_lock, plan
from images.catalog import Catalog
from images.locks import read_lock
from oci.registry import Registry
from runner import embedded, embedded_storage, engine, home, leftovers, progress
from runner.errors import ReleaseError
from runner.untrusted import clean_line

WHEEL, LAYER, IMAGE = "wheel", "layer", "image"
_LOCAL_IMAGES = (leftovers.OS_LAYER, "pytorch-cuda-debian")
"""Names in the engine of what a build imports. Each build makes them again."""


@dataclass(frozen=True)
class UnusedThing:
    """A thing that nothing needs: its name, and the bytes that its removal frees."""

    kind: str
    name: str
    bytes: int


def find_unused(
    catalog: Catalog, out: Path, root: Path = catalogue.IMAGES
) -> tuple[UnusedThing, ...]:
    """Return what nothing needs any more: not the locks under `root`, nor the records under `out`.

    Raises ConfigError if a lock cannot be read, and EnvironmentFailed if the engine fails. An
    engine that does not answer has nothing to free.
    """
    found: list[UnusedThing] = []
    if home.is_own_home():
        found += [*_unused_wheels(root), *_unused_layers(root)]
    else:
        progress.say_line(
            f"  no wheel and no layer is freed: {home.home_folder()} was not empty when it was "
            f"first used, so they may be somebody's own; if it serves nothing else, make the file "
            f"{home.OWN_MARK} in it"
        )
    if engine.is_answering():
        with engine.report_failures("the engine's list of images"):
            found += _unused_images(catalog, out)
    return tuple(found)


def free_unused(unused: Sequence[UnusedThing]) -> tuple[tuple[UnusedThing, ...], int]:
    """Remove these things; return those that are gone, and the bytes that are free now.

    An image in use stays. The bytes of images are measured in the engine.
    """
    images = any(each.kind == IMAGE for each in unused)
    before = _engine_bytes() if images else 0
    gone = tuple(each for each in unused if _remove_thing(each))
    of_images = max(0, before - _engine_bytes()) if images else 0
    return gone, of_images + sum(each.bytes for each in gone if each.kind != IMAGE)


def _engine_bytes() -> int:
    """Return the bytes of all layers in the engine."""
    with engine.report_failures("the engine's sum of its layers"):
        return int(engine.connect_engine().df().get("LayersSize") or 0)


def _unused_wheels(root: Path) -> Iterator[UnusedThing]:
    locks = [path for path in root.glob("*/*.lock") if not path.name.endswith(".layers.lock")]
    locked = {wheel.file for path in locks for wheel in read_lock(path).wheels}
    folder = home.make_home_folder("wheels")
    for path in sorted(folder.glob("*.whl")) if not folder.is_symlink() else ():
        with contextlib.suppress(ValueError):  # not a wheel's name: it is not from here
            parse_wheel_filename(path.name)
            if path.name not in locked and path.is_file() and not path.is_symlink():
                yield UnusedThing(WHEEL, path.name, path.stat().st_size)


def _unused_layers(root: Path) -> Iterator[UnusedThing]:
    if embedded.configured_registry() is not None:
        progress.say_line("  no layer is freed: the registry is not that of this machine")
        return
    locked = {
        layer.blob.digest
        for path in root.glob("*/*.layers.lock")
        for layer in layer_lock.read_layer_lock(path, path.name.removesuffix(".layers.lock"))
    }
    folder = home.make_home_folder("registry")
    if folder.is_symlink():
        return
    for digest, size in sorted(embedded_storage.find_unused_blobs(folder, locked).items()):
        yield UnusedThing(LAYER, digest, size)


def _unused_images(catalog: Catalog, out: Path) -> Iterator[UnusedThing]:
    """Yield references of this project's images that no newest release of a line needs.

    The bytes of an image are those of its layers that no other image has.
    """
    client = engine.connect_engine()
    needed, source = _needed_digests(catalog, out), _ImageSource()
    for image in client.df()["Images"] or ():
        references = [*(image.get("RepoTags") or ()), *(image.get("RepoDigests") or ())]
        if needed & {each.partition("@")[2] for each in references}:
            continue
        # a tag alone may be one that a person gave to an image of his own; the engine has a digest
        # of a repository only for an image that was pulled from it or pushed to it
        pulled = [each for each in image.get("RepoDigests") or () if _is_ours(each, catalog)]
        pulled = [each for each in pulled if _repository_of(each) not in _LOCAL_IMAGES]
        again = {*_LOCAL_IMAGES}
        if pulled and source.has_image(pulled):
            again |= {_repository_of(each) for each in pulled}
        ours = [
            each for each in references if _is_ours(each, catalog) and _repository_of(each) in again
        ]
        if not ours:
            continue
        alone = max(0, image["Size"] - max(0, image.get("SharedSize", 0)))
        is_last = set(ours) >= {each for each in references if "<none>" not in each}
        for number, reference in enumerate(sorted(ours)):
            size = alone if is_last and number == 0 else 0
            yield UnusedThing(IMAGE, clean_line(reference, 300), size)


class _ImageSource:
    """The registry in use, asked which images can be had again from it."""

    def __init__(self) -> None:
        self._registry: Registry | None = None
        self._is_silent = False

    def has_image(self, pulled: Sequence[str]) -> bool:
        """Return whether an image can be had again under one of its references with a digest.

        Otherwise a line says that it stays. A registry that fails once is not asked again.
        """
        if self._is_silent:
            return False
        shown = clean_line(min(pulled), 300)
        try:
            self._registry = self._registry or Registry(embedded.require_registry())
            for reference in pulled:
                name, _, digest = reference.partition("@")
                if self._registry.resolve_digest(name.partition("/")[2], digest):
                    return True
        except ReleaseError as error:
            self._is_silent = True
            progress.say_line(
                f"  {shown} and the other pulled images stay: it is not known whether the registry "
                f"still has them: {error.message}; {error.hint}"
            )
            return False
        progress.say_line(f"  {shown} stays: the registry does not have it any more")
        return False


def _needed_digests(catalog: Catalog, out: Path) -> frozenset[str]:
    """Return the digests of the images of each line's newest release on this machine."""
    found = set()
    for line in catalog.lines:
        for version in plan.versions_with_records(out, line)[:1]:
            for path in (out / str(version)).glob("*/build.json"):
                built = plan.read_build(out, str(version), path.parent.name)
                found |= {built.digest} if built else set()
    return frozenset(found)


def _is_ours(reference: str, catalog: Catalog) -> bool:
    """Return whether a reference names an image of this project, in the registry in use or here."""
    named = embedded.configured_registry()
    host = named.host if named else embedded.HOST
    repositories = (
        catalog.repositories.production,
        catalog.repositories.staging,
        catalog.repositories.cache,
    )
    return _repository_of(reference) in {
        *_LOCAL_IMAGES,
        *(f"{host}/{each}" for each in repositories),
    }


def _repository_of(reference: str) -> str:
    name = reference.partition("@")[0]
    return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name


def _remove_thing(unused: UnusedThing) -> bool:
    """Remove a thing; return False if it stays because it is in use."""
    if unused.kind == IMAGE:
        return _remove_image(unused.name)
    if unused.kind == WHEEL:
        (home.make_home_folder("wheels") / unused.name).unlink(missing_ok=True)
    else:
        embedded_storage.remove_blob(home.make_home_folder("registry"), unused.name)
    return True


def _remove_image(reference: str) -> bool:
    images: Any = engine.connect_engine().images
    try:
        images.remove(reference)
    except APIError as error:
        progress.say_line(f"  {reference} stays: {clean_line(str(error.explanation), 200)}")
        return False
    return True
