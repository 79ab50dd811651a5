"""Writing of the layer lock: every Python layer of a line is made, and nothing is pushed.

Bytecode is compiled by the Python that an image will ship. This needs a Docker engine: the OS layer
is made from today's Debian packages, and imported into the engine.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from images import debian, ownership, space, torch_wheel, wheelhouse, workers
from images.catalog import Catalog, Line
from images.compatibility import COMPATIBILITY, load_compatibility
from images.layer_lock import LockedLayer
from images.locks import Wheel
from images.plan import prefix_of, python_specs
from images.resolve import LayerLocks
from images.workers import Recipe
from runner import home, leftovers, progress, records
from runner.errors import ConfigError
from runner.nouns import count_noun

Interpreter = Callable[[Line, Path], str]
"""A function of a line and a folder for scratch. It returns the engine's name of an image whose
Python compiles the bytecode.
"""


def system_image(line: Line, work: Path) -> str:
    """Make the OS layer of a line, import it into the engine, and return its name there."""
    target = work / "os.tar.gz"
    debian.make_os_layer(line, work, target)
    name = f"{leftovers.OS_LAYER}:{line.debian}"
    debian.import_root(target, name)
    target.unlink()
    return name


def make_locked_layers(
    catalog: Catalog,
    name: str,
    wheels: Mapping[str, Sequence[Wheel]],
    interpreter: Interpreter = system_image,
) -> LayerLocks:
    """Return the locked layers of line `name` for these wheels of its stacks.

    Raises ConfigError if a wheel is not the locked one or if two wheels have one path, and
    EnvironmentFailed if the engine, the disk or the network fails.
    """
    line = catalog.lines[name]
    by_stack = {stack: python_specs(line, stack, held) for stack, held in wheels.items()}
    specs = {spec.key: spec for of_stack in by_stack.values() for spec in of_stack}
    every = {wheel.file: wheel for spec in specs.values() for wheel in spec.wheels}
    needed = space.bytes_of_wheels(every.values()) + space.OS_LAYER_BYTES
    space.require_space(f"the lock of line {name}", needed)
    wheelhouse.fetch_wheels(list(every.values()), line.python)
    _check_architectures(line, wheels)
    ownership.check_owners(every.values(), prefix_of(line))
    progress.say_line(
        f"  line {name}: making {count_noun(len(specs), 'layer')} to lock the digests"
    )
    with home.scratch_folder("lock") as work:
        recipe = Recipe(name, prefix_of(line), line.epoch, work)
        made = workers.make_python(recipe, list(specs.values()), lambda: interpreter(line, work))
    return {
        stack: tuple(
            LockedLayer(spec.name, spec.kind, spec.key, made[spec.key][0]) for spec in of_stack
        )
        for stack, of_stack in by_stack.items()
    }


def _check_architectures(line: Line, wheels: Mapping[str, Sequence[Wheel]]) -> None:
    """Require that torch's wheel is for the architectures that compatibility.yaml says."""
    locked = {wheel.name: wheel for held in wheels.values() for wheel in held}
    if "torch" not in locked:
        return
    path = wheelhouse.wheel_path(locked["torch"])
    try:
        with records.open_binary(path) as file, zipfile.ZipFile(file) as wheel:
            found = torch_wheel.read_architectures(wheel)
    except (
        ConfigError
    ) as error:  # another torch may keep them elsewhere: the suite `device` asks it
        progress.say_line(f"  architectures are not compared: {error.message}")
        return
    known = load_compatibility().find_build(line.torch, line.cuda).architectures
    if found != known:
        hint = f"write architectures: [{', '.join(found)}] for torch {line.torch}, CUDA {line.cuda}"
        problem = f"{path.name} is for {' '.join(found)}, {COMPATIBILITY} says {' '.join(known)}"
        raise ConfigError(problem, hint)


def changed_layers(before: LayerLocks, after: LayerLocks) -> list[str]:
    """Return the names of the layers whose lock entry changed."""
    known = {layer for layers in before.values() for layer in layers}
    return [layer.name for layers in after.values() for layer in layers if layer not in known]
