"""Writing the lock of layers: every Python layer of a line is made, only to learn its bytes, and
nothing is pushed.

Bytecode is compiled by the Python that an image will ship, so this needs a Docker engine: the OS
layer is made of today's Debian packages, and imported into the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from images import debian, wheelhouse, workers
from images.catalog import Catalog, Line
from images.layer_lock import LockedLayer
from images.layers import LayerSpec
from images.locks import Wheel
from images.plan import prefix_of, python_specs
from images.resolve import LayerLocks
from images.workers import Recipe
from oci.tarball import Blob
from runner import engine, home, progress

Interpreter = Callable[[Line, Path], str]
"""Returns an image, as the engine knows it, whose Python compiles the bytecode; the folder is for
scratch.
"""


def system_image(line: Line, work: Path) -> str:
    """Make the OS layer of a line, and import it into the engine."""
    target = work / "os.tar.gz"
    debian.make(line, work, target)
    name, tag = "pytorch-cuda-os", line.debian
    with engine.failures("the engine's import of the OS layer"), target.open("rb") as file:
        engine.client().api.import_image_from_data(file, name, tag)
    target.unlink()
    return f"{name}:{tag}"


def make(
    catalog: Catalog,
    name: str,
    wheels: Mapping[str, Sequence[Wheel]],
    interpreter: Interpreter = system_image,
) -> LayerLocks:
    """Return what the lock of layers of line `name` must say for these wheels of its stacks.

    Raises ConfigError for a wheel that is not the locked one, EnvironmentFailed for engine, disk or
    network.
    """
    line = catalog.lines[name]
    by_stack = {stack: python_specs(line, stack, held) for stack, held in wheels.items()}
    specs = {spec.key: spec for of_stack in by_stack.values() for spec in of_stack}
    wheelhouse.fetch(
        list({wheel.file: wheel for spec in specs.values() for wheel in spec.wheels}.values()),
        line.python,
    )
    progress.say(f"  {len(specs)} layers of line {name} are made to lock their digests")
    with home.scratch("lock") as work:
        recipe = Recipe(name, prefix_of(line), line.epoch, work)
        made = workers.make_python(recipe, list(specs.values()), lambda: interpreter(line, work))
    return {
        stack: tuple(_locked(spec, made) for spec in of_stack)
        for stack, of_stack in by_stack.items()
    }


def changes(before: LayerLocks, after: LayerLocks) -> list[str]:
    """Return the names of the layers that are locked otherwise than before."""
    known = {layer for layers in before.values() for layer in layers}
    return [layer.name for layers in after.values() for layer in layers if layer not in known]


def _locked(spec: LayerSpec, made: Mapping[str, tuple[Blob, float]]) -> LockedLayer:
    blob, _ = made[spec.key]
    return LockedLayer(spec.name, spec.kind, spec.key, blob)
