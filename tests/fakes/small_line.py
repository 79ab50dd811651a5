"""A line as the shipped one, of small wheels: a whole build in seconds.

Also a program, to be killed at any point.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from images import build, catalog, layer_lock, lock_layers, locks, plan, system_layer
from images.catalog import Catalog
from images.debian_layers import HeldSystemLayer, push_system_image
from images.layer_store import HeldLayer
from images.layers import LayerSpec
from images.locks import Wheel
from images.plan import ReleasePlan
from images.record import BuildRecord
from oci.manifest import LAYER_GZIP
from oci.registry import Registry
from publish.evidence.os_layer_signer import OsLayerSigner
from tests.fakes.wheels import Member, make_wheel
from tests.publish.signed import P256, trust
from tests.real_images import real_vouch

VERSION = "v2.6.0"
LINE = "2.6"
IMAGES = ("base", "cv")
MODULES = 40
OURS = OsLayerSigner(P256, trust(P256))


def write_locks(root: Path, interpreter: str) -> None:
    """Wheels of both stacks in the wheelhouse, one of them large enough for a layer of its own, and
    their locks.

    `interpreter` is an image whose Python compiles the bytecode.
    """
    asserted = {"torch": "2.6.0", "torchvision": "0.21.0", "torchaudio": "2.6.0"}
    base = [make_wheel(name, _modules(name), version=version) for name, version in asserted.items()]
    base.append(make_wheel("nvidia_cuda_runtime_cu12", _modules("cudart"), version="12.4.127"))
    base.append(make_wheel("big", {"big/data.bin": Member(bytes(range(256)) * 100_000, method=0)}))
    wheels = {"base": base, "cv": [make_wheel("seeing", _modules("seeing"))]}
    named = {
        stack: [replace(each, name=each.name.replace("_", "-")) for each in of]
        for stack, of in wheels.items()
    }
    for stack, held in named.items():
        (root / stack).mkdir(parents=True)
        locks.write_lock(root / stack / f"{LINE}.lock", stack, held)
    write_layer_locks(
        root,
        {stack: sorted(held, key=lambda wheel: wheel.name) for stack, held in named.items()},
        interpreter,
    )


def write_layer_locks(root: Path, wheels: Mapping[str, Sequence[Wheel]], interpreter: str) -> None:
    """Make the layers and lock them, as `lock --layers` does."""
    made = lock_layers.make_locked_layers(
        catalog.load_catalog(), LINE, wheels, lambda *_: interpreter
    )
    for stack, held in made.items():
        layer_lock.write_layer_lock(layer_lock.layer_lock_path(root, stack, LINE), stack, held)


def planned(root: Path, out: Path) -> tuple[Catalog, ReleasePlan]:
    """The plan of both images."""
    shipped = catalog.load_catalog()
    return shipped, plan.make_plan(shipped, shipped.require_version(VERSION), IMAGES, out, root)


def build_it(
    host: str, root: Path, out: Path, *, renew: bool = False, layer_signer: OsLayerSigner = OURS
) -> tuple[BuildRecord, ...]:
    """Build and push both images."""
    shipped, made = planned(root, out)
    version = shipped.require_version(VERSION)
    return build.build(
        shipped,
        version,
        made,
        Registry(host),
        out,
        layer_signer=layer_signer,
        renew=renew,
        root=root,
    )


def give_system(source: Registry, target: Registry, layer_signer: OsLayerSigner = OURS) -> str:
    """Copy the OS layer from one registry's cache to another's, so that not every test bootstraps
    Debian.

    It is signed anew: whose keys the source trusts need not be whose a test does. Returns the image
    of it alone.
    """
    shipped, spec = catalog.load_catalog(), system_spec()
    cache = shipped.repositories.cache
    layer = system_layer.find_system_layer(source, cache, spec.key, real_vouch())
    assert layer is not None
    target.push_bytes(cache, source.read_blob(cache, layer.blob.digest), LAYER_GZIP)
    system_layer.keep_system_layer(target, cache, layer, layer_signer)
    system = HeldSystemLayer(layer, HeldLayer(layer.blob, cache))
    return push_system_image(shipped.lines[LINE], [spec], [system], target, cache)


def system_spec() -> LayerSpec:
    """The OS layer of the line."""
    shipped = catalog.load_catalog()
    return (
        plan.make_plan(shipped, shipped.require_version(VERSION), ["base"], Path("nowhere"))
        .images[0]
        .system_spec
    )


def _modules(name: str) -> dict[str, bytes | Member]:
    bodies = {f"{name}/__init__.py": b""}
    bodies.update(
        {
            f"{name}/m{number}.py": b"def f(x):\n    return x + 1\n" * 200
            for number in range(MODULES)
        }
    )
    return dict(bodies)


if __name__ == "__main__":
    build_it(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
