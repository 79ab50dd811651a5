"""A registry with a line of any number of images and releases, for benchmarks/growth.py.

Images are a few bytes, and statements, decisions, SBOMs and the journal are real and signed. The
registry is the one of the tests: it has no disk and no network, so it adds little to the time, and
it counts its requests. Released images have what the commands read of them: a decision, an SBOM,
their tags and their part of the journal.
"""

from __future__ import annotations

import datetime
import itertools
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic_core import to_json

from images import catalog, layer_lock, locks, plan, system_layer
from images.catalog import Catalog, Stack
from images.layer_lock import LockedLayer
from images.locks import Wheel
from images.names import BASE, image_tags, join_stacks
from images.record import BuildRecord, BuiltLayer, DebianPackage
from images.system_layer import SystemLayer
from oci import document
from oci.manifest import LAYER_GZIP, OCI_CONFIG, Manifest, image_manifest, sha256
from oci.registry import Registry
from oci.tarball import Blob
from publish.evidence import store
from publish.evidence.os_layer_signer import OsLayerSigner
from publish.evidence.predicates import cyclonedx, decision
from publish.evidence.predicates.decision import DecisionClaim
from publish.tags import journal
from publish.tags.journal import Journal, JournalEntry, Transaction
from runner import records
from runner.verdict import Verdict
from scan.record import Sbom
from tests.fakes.cyclonedx import sbom
from tests.fakes.registry import FakeRegistry
from tests.publish.line import TODAY, Line
from tests.publish.moving import direct
from tests.publish.signed import P256, build_record, journal_seal, scan_record, trust

LINE = "2.6"
CHANNEL = "monthly"
STACKS = ("one", "two", "three", "four", "five", "six", "seven")
"""Names of stacks that add a few small wheels to base: 128 images."""
DEBIAN_PACKAGES = tuple(DebianPackage(f"package{number}", "1.0") for number in range(110))
SIGNER = OsLayerSigner(P256, trust(P256))


@dataclass(frozen=True)
class Size:
    """The size of a world: images of each release, releases in the journal, and other tags.

    The other tags are in production, and belong to no release.
    """

    images: int
    releases: int
    tags: int = 0

    @property
    def next_version(self) -> str:
        """The version that is planned, built and promoted."""
        return f"v{LINE}.{self.releases}"


def make_catalog(images: int) -> Catalog:
    """Return the shipped catalogue with so many images of base and seven small stacks."""
    shipped = catalog.load_catalog()
    small = replace(shipped.stacks[BASE], title="A small stack", needs=(BASE,))
    stacks: dict[str, Stack] = {BASE: shipped.stacks[BASE], **dict.fromkeys(STACKS, small)}
    names = (
        join_stacks(held)
        for count in range(len(STACKS) + 1)
        for held in itertools.combinations(STACKS, count)
    )
    return replace(shipped, stacks=stacks, images=tuple(itertools.islice(names, images)))


def fill_world(fake: FakeRegistry, size: Size, folder: Path) -> None:
    """Fill a registry with the releases of a world, and `folder` with what a checkout has."""
    line = Line(direct(fake), make_catalog(size.images), folder)
    write_locks(fake, line, size)
    write_journal(line, size)
    write_earlier_builds(line, size)
    names = [f"experiment-{number}" for number in range(size.tags)]
    if names:
        held = fake.manifests[line.catalog.repositories.production]
        held.update(dict.fromkeys(names, held["latest"]))
    for image in line.catalog.images:
        build = line.prepare(size.next_version, image=image)
        path = plan.record_path(folder / "staged", size.next_version, image, "build")
        records.write_record(path, build)


def write_locks(fake: FakeRegistry, line: Line, size: Size) -> None:
    """Lock wheels and layers of every stack in a git checkout; the cache has all the layers."""
    root, of_line = line.folder / "images", line.catalog.lines[LINE]
    pinned = {
        "torch": of_line.torch,
        "torchvision": of_line.torchvision,
        "torchaudio": str(of_line.torchaudio),
        "nvidia-cuda-runtime-cu12": "12.4.127",
    }
    cache = line.catalog.repositories.cache
    for stack in line.catalog.stacks:
        (root / stack).mkdir(parents=True)
        wheels = [_name_wheel(f"{stack}{number}", "1.0") for number in range(8)]
        if stack == BASE:
            wheels += [_name_wheel(name, version) for name, version in pinned.items()]
        locks.write_lock(root / stack / f"{LINE}.lock", stack, wheels)
        held = locks.read_lock(root / stack / f"{LINE}.lock").wheels
        layers = [
            LockedLayer(spec.name, spec.kind, spec.key, _put_layer(fake, cache, spec.key))
            for spec in plan.python_specs(of_line, stack, held, root)
        ]
        layer_lock.write_layer_lock(layer_lock.layer_lock_path(root, stack, LINE), stack, layers)
    version = line.catalog.require_version(size.next_version)
    planned = plan.make_plan(line.catalog, version, [BASE], line.folder / "none", root)
    taken = datetime.datetime.combine(TODAY, datetime.time(), datetime.UTC).isoformat()
    below = ""
    for spec in filter(None, (planned.images[0].system_spec, planned.images[0].update_spec)):
        blob, source = _put_layer(fake, cache, spec.key), "mmdebstrap bookworm"
        layer = SystemLayer(spec.key, blob, source, DEBIAN_PACKAGES, taken, 1, below)
        system_layer.keep_system_layer(line.registry, cache, layer, SIGNER)
        below = blob.digest
    git = ["git", "-C", str(root), "-c", "user.name=benchmark", "-c", "user.email=none"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "locks"]):
        subprocess.run([*git, *words], check=True)


def _name_wheel(name: str, version: str) -> Wheel:
    """Return a wheel of 30 MB, which gets a layer of its own, for base; else of 1 MB."""
    size = 30_000_000 if name.startswith(BASE) else 1_000_000
    file = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    return Wheel(name, version, sha256(name.encode())[7:], file, size)


def _put_layer(fake: FakeRegistry, repository: str, key: str) -> Blob:
    blob = fake.put(repository, f"layer {key}".encode())
    return Blob(blob.digest, blob.digest, blob.size, blob.size)


def write_journal(line: Line, size: Size) -> None:
    """Put the images, statements and tags of all releases, and the signed journal about them."""
    made: list[Transaction] = []
    current: dict[str, str] = {}
    for number in range(size.releases):
        version = f"v{LINE}.{number}"
        day = TODAY - datetime.timedelta(days=size.releases - number)
        entries = []
        for image in line.catalog.images:
            for entry in _release_image(line, version, image, day):
                entries.append(replace(entry, old=current.get(entry.tag, "")))
                current[entry.tag] = entry.new
        started = f"{day}T12:00:00Z"
        made.append(Transaction("promotion", version, "a benchmark", started, tuple(entries)))
    places = line.catalog.repositories
    body = to_json(Journal(tuple(made)))
    pushed = document.push_document(
        line.registry, places.journal, journal.KIND, body, journal_seal(P256)
    )
    line.registry.put_manifest(places.journal, journal.TAG, pushed)


def _release_image(
    line: Line, version: str, image: str, day: datetime.date
) -> Iterator[JournalEntry]:
    """Put an image with its decision and SBOM, and yield an entry for each of its tags."""
    production = line.catalog.repositories.production
    manifest = _push_image(line.registry, production, f"{image} {version}")
    aliases = [f"v{LINE}", *_dated_aliases(day), "latest"]
    tags = [tag for stem in (version, *aliases) for tag in image_tags(stem, image)]
    claim = DecisionClaim(
        version=version,
        image=image,
        channel=CHANNEL,
        kind="patch",
        verdict=Verdict.PASS,
        reasons=(),
        tags=tuple(tags),
        evidence=(),
        policy="5" * 64,
        decided_on=f"{day}T12:00:00+00:00",
    )
    bill = json.dumps({**sbom(), "metadata": {"timestamp": f"{day}T12:00:00+00:00"}}).encode()
    scanned = scan_record(build_record(manifest.digest, image))
    named = Sbom("sbom.cdx.json", sha256(bill).removeprefix("sha256:"), "sbom.spdx.json", {})
    listed = cyclonedx.make_statement(replace(scanned, sbom=named), bill, production)
    decided = decision.make_statement(claim, manifest.digest, production)
    subject = manifest.descriptor
    pushed = store.publish_statements(line.registry, production, subject, [decided, listed], P256)
    for stem in (version, *aliases):
        for tag in image_tags(stem, image):
            line.registry.put_manifest(production, tag, manifest, contested=False)
            alias = "" if stem == version else stem
            yield JournalEntry(tag, image, alias, "", manifest.digest, pushed[0].digest, "done")


def _dated_aliases(day: datetime.date) -> list[str]:
    """Return the aliases of the channel that name no line: `2026.11`."""
    return [day.strftime("%Y.%m"), f"v{LINE}-{CHANNEL}"]


def _push_image(registry: Registry, repository: str, content: str) -> Manifest:
    config = registry.push_bytes(repository, json.dumps({"image": content}).encode(), OCI_CONFIG)
    layer = registry.push_bytes(repository, f"layer of {content}".encode(), LAYER_GZIP)
    manifest = image_manifest(config, [layer])
    registry.put_manifest(repository, manifest.digest, manifest)
    return manifest


def write_earlier_builds(line: Line, size: Size) -> None:
    """Write the build record of every released image, as the machine that built it keeps it."""
    layers = tuple(
        BuiltLayer(f"layer {number}", "wheel", BASE, "1" * 64, "sha256:" + "e" * 64, "", 7, "", 0.0)
        for number in range(20)
    )
    for image in line.catalog.images:
        record = replace(
            build_record(image=image),
            stacks=line.catalog.stacks_of(image),
            layers=layers,
            debian_packages=DEBIAN_PACKAGES,
        )
        for number in range(size.releases):
            version = f"v{LINE}.{number}"
            path = plan.record_path(line.folder / "out", version, image, "build")
            path.parent.mkdir(parents=True)
            path.write_text(records.to_json(replace(record, version=version)))


def read_staged(folder: Path, line: Catalog, version: str) -> tuple[BuildRecord, ...]:
    """Return the builds that are in staging with all their evidence."""
    found = [plan.read_build(folder / "staged", version, image) for image in line.images]
    return tuple(each for each in found if each)
