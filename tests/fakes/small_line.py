"""A line as the shipped one, of small wheels: a whole build in seconds. Also a program, to be killed at any point."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from images import build, catalog, locks, plan
from images.catalog import Catalog
from images.layer_cache import find, keep
from images.plan import Plan
from images.record import BuildRecord
from oci.manifest import LAYER_GZIP
from oci.registry import Registry
from tests.fakes.wheels import Member, make_wheel

VERSION = "v2.6.0"
IMAGES = ("base", "cv")
MODULES = 40


def write_locks(root: Path) -> None:
    """Wheels of both stacks in the wheelhouse, one of them large enough for a layer of its own, and their locks."""
    asserted = {"torch": "2.6.0", "torchvision": "0.21.0", "torchaudio": "2.6.0"}
    base = [make_wheel(name, _modules(name), version=version) for name, version in asserted.items()]
    base.append(make_wheel("nvidia_cuda_runtime_cu12", _modules("cudart"), version="12.4.127"))
    base.append(make_wheel("big", {"big/data.bin": Member(bytes(range(256)) * 100_000, method=0)}))
    for stack, wheels in (("base", base), ("cv", [make_wheel("seeing", _modules("seeing"))])):
        (root / stack).mkdir(parents=True)
        named = [replace(wheel, name=wheel.name.replace("_", "-")) for wheel in wheels]
        locks.write_lock(root / stack / "2.6.lock", stack, named)


def planned(root: Path, out: Path) -> tuple[Catalog, Plan]:
    """The plan of both images."""
    shipped = catalog.load()
    return shipped, plan.make(shipped, shipped.version(VERSION), IMAGES, out, root)


def build_it(host: str, root: Path, out: Path, *, renew: bool = False) -> tuple[BuildRecord, ...]:
    """Build and push both images."""
    shipped, made = planned(root, out)
    return build.build(shipped, shipped.version(VERSION), made, Registry(host), out, renew=renew)


def give_system(source: Registry, target: Registry) -> None:
    """Copy the OS layer from one registry's cache to another's, so that not every test bootstraps Debian."""
    shipped = catalog.load()
    cache = shipped.repositories.cache
    key = plan.make(shipped, shipped.version(VERSION), ["base"], Path("nowhere")).images[0].system.key
    layer = find(source, cache, key)
    assert layer is not None
    target.push_bytes(cache, source.blob(cache, layer.digest), LAYER_GZIP)
    keep(target, cache, key, layer)


def _modules(name: str) -> dict[str, bytes | Member]:
    bodies = {f"{name}/__init__.py": b""}
    bodies.update({f"{name}/m{number}.py": b"def f(x):\n    return x + 1\n" * 200 for number in range(MODULES)})
    return dict(bodies)


if __name__ == "__main__":
    build_it(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
