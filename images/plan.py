"""The plan: which images a release has, of which layers, and why each is built.

Planning needs no engine and no network, and takes less than a second. Earlier builds are read from
the records under out/. A layer that another machine made is known to the registry only: the build
finds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from images import catalog as catalogue
from images import guest_files, layer_lock, layers, line_locks, package_layer
from images.catalog import Catalog, Line, OsPart, Project, Version
from images.debian import BOOTSTRAP_OPTIONS, recipe_texts
from images.layers import LayerSpec
from images.locks import Wheel
from images.names import image_tag, join_stacks
from images.record import BuildRecord
from images.version import parse_version
from images.wheels import Prefix
from runner import records
from runner.errors import ConfigError
from runner.untrusted import clean_line

VENV = "opt/venv"
SETTINGS = ("PYTHONUNBUFFERED=1",)
"""Variables of every image that change how programs run; an image without them is made again.

What a program prints is in the log at once, and not with its next 8 KB.
"""

NEW, UNCHANGED = "new", "unchanged"
_OF_DEBIAN = {
    layers.OS: "operating system",
    layers.UPDATES: "updates of Debian",
    layers.DEBIAN: "Debian packages",
}
_CHANGED = {**_OF_DEBIAN, layers.FILES: "files of {}"}
"""The words for what of a stack changed, by kind of layer; else its requirements."""


@dataclass(frozen=True)
class PlannedImage:
    """An image that is to be built.

    `why` is `new`, `unchanged`, or `changed: ...` with what changed. `estimated_size` is in
    compressed bytes: those of the locked layers, and of the OS layer if it was built before.
    """

    image: str
    tag: str
    stacks: tuple[str, ...]
    layers: tuple[LayerSpec, ...]
    content_key: str
    why: str
    estimated_size: int

    @property
    def system_spec(self) -> LayerSpec:
        """Its OS layer."""
        return next(spec for spec in self.layers if spec.kind == layers.OS)

    @property
    def package_spec(self) -> LayerSpec | None:
        """Its layer of the Debian packages of its stacks; None if they need none."""
        return next((spec for spec in self.layers if spec.kind == layers.DEBIAN), None)

    @property
    def update_spec(self) -> LayerSpec | None:
        """Its layer of updates; None if its release has an OS layer of its own."""
        return next((spec for spec in self.layers if spec.kind == layers.UPDATES), None)


@dataclass(frozen=True)
class ReleasePlan:
    """All images of one release, in the order they are built.

    `support` says how the line is supported on the day of the command `plan`; empty elsewhere.
    """

    version: str
    line: str
    images: tuple[PlannedImage, ...]
    support: str = ""

    def github_matrix(self) -> dict[str, list[dict[str, str]]]:
        """Return the plan as the `strategy.matrix` of a GitHub workflow."""
        return {
            "include": [
                {"version": self.version, "image": planned.image} for planned in self.images
            ]
        }


def make_plan(
    catalog: Catalog,
    version: Version,
    names: Sequence[str],
    out: Path,
    root: Path = catalogue.IMAGES,
) -> ReleasePlan:
    """Plan the images `names` of a release from the locks under `root`.

    Raises ConfigError if a lock is missing or wrong, or if the layer lock does not belong to
    the wheel lock.
    """
    every = tuple(dict.fromkeys(stack for name in names for stack in catalog.stacks_of(name)))
    locks = line_locks.locks_of(catalog, version.line, every, root)
    above = {}
    for stack, lock in locks.items():
        path = layer_lock.layer_lock_path(root, stack, version.line)
        unlocked = python_specs(catalog.lines[version.line], stack, lock.wheels, root)
        locked = layer_lock.read_layer_lock(path, version.line)
        above[stack] = layers.with_locks(unlocked, locked, path, version.line)
    planner = _Planner(catalog, version, above, out)
    return ReleasePlan(
        str(version), version.line, tuple(planner.plan_image(name) for name in names)
    )


def make_plans(
    catalog: Catalog,
    versions: Sequence[Version],
    names: Sequence[str],
    out: Path,
    root: Path = catalogue.IMAGES,
) -> tuple[list[ReleasePlan], dict[str, ConfigError]]:
    """Plan a release of several lines; return the plans, and the error of each line without one.

    A line whose locks are missing or wrong does not stop the others.
    """
    plans: list[ReleasePlan] = []
    errors: dict[str, ConfigError] = {}
    for version in versions:
        try:
            plans.append(make_plan(catalog, version, names, out, root))
        except ConfigError as error:
            errors[version.line] = error
    return plans, errors


def prefix_of(line: Line) -> Prefix:
    """Return the virtual environment of a line's images."""
    left_out = [(name, pattern) for name, held in line.left_out.items() for pattern in held]
    return Prefix(VENV, line.python, tuple(left_out))


def python_specs(
    line: Line, stack: str, wheels: Sequence[Wheel], root: Path = catalogue.IMAGES
) -> tuple[LayerSpec, ...]:
    """Return the Python layers of a stack, and the layer of its own files if it has some.

    They depend on its locked wheels, these files (`root` has them) and the line alone.
    """
    specs = layers.specs_of_stack(stack, wheels, prefix_of(line), line.epoch)
    files = guest_files.read_guest_files(root, stack)
    return (*specs, layers.spec_of_files(stack, files, line.epoch)) if files else specs


def record_path(out: Path, version: str, image: str, stage: str) -> Path:
    """Return out/VERSION/IMAGE/STAGE.json."""
    return out / version / image / f"{stage}.json"


def read_build(out: Path, version: str, image: str) -> BuildRecord | None:
    """Return the record of a built image, or None if there is none.

    Raises ConfigError if the record is that of another image or version.
    """
    path = record_path(out, version, image, "build")
    found = records.read_record(BuildRecord, path)
    if found is not None and (found.version, found.image) != (version, image):
        about = clean_line(f"{found.version} {found.image}", 100)
        problem = f"{path}: the record of {about}, not of {version} {image}"
        raise ConfigError(problem, "delete the file and run the stage again")
    return found


def previous_build(out: Path, version: Version, image: str) -> BuildRecord | None:
    """Return the record of this release's image, otherwise of the line's newest earlier release.

    None if there is none.
    """
    earlier = (
        each for each in versions_with_records(out, version.line) if each.patch < version.patch
    )
    for each in (version, *earlier):
        found = read_build(out, str(each), image)
        if found is not None:
            return found
    return None


def versions_with_records(out: Path, line: str) -> list[Version]:
    """Return the versions of a line that have a folder under `out`, newest first."""
    named = (parse_version(path.name) for path in out.glob(f"{Version(line, 0).line_alias}.*"))
    return sorted(
        (each for each in named if each and each.line == line), key=lambda each: -each.patch
    )


@dataclass(frozen=True)
class _Planner:
    """Planning of the images of one version, whose Python layers are given by stack."""

    catalog: Catalog
    version: Version
    of_stack: Mapping[str, Sequence[LayerSpec]]
    out: Path

    @property
    def catalog_line(self) -> Line:
        return self.catalog.lines[self.version.line]

    def plan_image(self, name: str) -> PlannedImage:
        stacks = self.catalog.stacks_of(name)
        # A big wheel that two stacks have is one layer.
        above = {spec.key: spec for stack in stacks[1:] for spec in self.of_stack[stack]}
        # Debian's layers change every month. An engine without a content store downloads all layers
        # above a changed one again. So the OS layer is above the gigabytes of base, and only what
        # a stack adds is above the OS layer.
        system = self._plan_system()
        of_debian = [*system, *self._plan_packages(system[-1], stacks)]
        specs = (*self.of_stack[stacks[0]], *of_debian, *above.values())
        line = self.catalog_line  # what of it is in the image's configuration
        facts: list[object] = [line.torch, line.cuda, line.python, line.driver_floor, line.epoch]
        facts = [self.catalog.title_of(name), *facts, SETTINGS]
        part = self.catalog.os_part_of(name)
        if self.catalog.project != Project():
            facts.append(asdict(self.catalog.project))
        # What a stack takes from Debian is in the key of that layer.
        run = replace(part, packages={})
        if run != OsPart():  # so that the keys of all other images stay as they are
            facts.append({key: held for key, held in asdict(run).items() if key != "packages"})
        made_of = [(spec.key, spec.locked.digest if spec.locked else "") for spec in specs]
        key = layers.content_key("image", str(self.version), name, made_of, facts)
        before = previous_build(self.out, self.version, name)
        tag = image_tag(str(self.version), name)
        why = _explain_change(before, key, specs, self.version)
        # The size of an OS layer that was never built is not known.
        known = {layer.key: layer.size for layer in before.layers} if before else {}
        sizes = [spec.locked.size if spec.locked else known.get(spec.key, 0) for spec in specs]
        return PlannedImage(name, tag, stacks, specs, key, why, sum(sizes))

    def _plan_system(self) -> list[LayerSpec]:
        """Return the OS layer of the release, or that of an earlier one and a layer of updates.

        Debian's packages are resolved once per release. Its first build takes what is current.
        Every later run, on any machine, finds that layer again by this key, until `build --renew`
        puts a newer one in its place.
        """
        line, version = self.catalog_line, self.version
        patch = version.patch if line.os_patch is None else min(version.patch, line.os_patch)
        owner = replace(version, patch=patch)
        name, stack = f"Debian {line.debian}", catalogue.BASE
        made_from = [
            *recipe_texts(),
            BOOTSTRAP_OPTIONS,
            line.base_image,
            line.debian,
            line.python,
            line.epoch,
        ]
        key = layers.content_key(layers.OS, str(owner), *made_from)
        system = [LayerSpec(name, layers.OS, stack, (), key)]
        if owner != version:
            above = layers.content_key(layers.UPDATES, str(version), key)
            system.append(LayerSpec(f"{name} since {owner}", layers.UPDATES, stack, (), above))
        return system

    def _plan_packages(self, system: LayerSpec, stacks: Sequence[str]) -> Iterator[LayerSpec]:
        """Yield the layer of the Debian packages and files of ours that `stacks` add, if any.

        One layer has those of all stacks together: dpkg's list of packages is one file.
        """
        line = self.catalog_line
        parts = {stack: self.catalog.stacks[stack].os.packages for stack in stacks[1:]}
        adding = [
            stack
            for stack, held in parts.items()
            if held or package_layer.system_folder(stack).is_dir()
        ]
        if not adding:
            return
        named = {name for stack in adding for name in parts[stack]}
        packages = tuple(sorted(name.replace("{python}", line.python) for name in named))
        recipe = package_layer.recipe_texts(adding)
        key = layers.content_key(layers.DEBIAN, system.key, packages, line.cuda, recipe)
        stack = join_stacks(adding)
        name = f"Debian packages of {stack}"
        yield LayerSpec(name, layers.DEBIAN, stack, (), key, packages=packages)


def _explain_change(
    before: BuildRecord | None, key: str, specs: Sequence[LayerSpec], version: Version
) -> str:
    if before is None:
        return NEW
    if before.content_key == key:
        return UNCHANGED
    known = {layer.key: layer.digest for layer in before.layers}
    reasons = [
        _CHANGED.get(spec.kind, "requirements of {}").format(spec.stack)
        for spec in specs
        if spec.key not in known and spec.kind != layers.BYTECODE
    ]
    if any(
        spec.locked and known.get(spec.key, spec.locked.digest) != spec.locked.digest
        for spec in specs
    ):
        reasons.append("layer lock")
    if before.version != str(version):
        reasons = [
            f"release after {before.version}",
            *(reason for reason in reasons if reason not in _OF_DEBIAN.values()),
        ]
    return f"changed: {', '.join(dict.fromkeys(reasons)) or 'catalogue'}"
