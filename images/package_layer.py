"""The layer with the Debian packages that the stacks of an image add to the OS layer.

There is one for all stacks of an image together: dpkg keeps its list of packages in one file, and
the list of a second such layer would hide that of the first. It holds only what differs from the
OS layer below it, and is made the same way: BuildKit installs today's packages in an image of the
OS layer, and the exported root file system is compared with that layer.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from images import debian, root_difference
from images.catalog import IMAGES, Line
from images.debian import NormalisedRoot
from runner import progress, records

RECIPE = IMAGES / "base" / "added"
"""The folder with the Dockerfile of this layer, and the script that it runs."""

SYSTEM = "system"
"""The folder of a stack with the files that are installed together with its Debian packages."""


def system_folder(stack: str, root: Path = IMAGES) -> Path:
    """Return the folder with the files of ours that a stack adds; it need not be there."""
    return root / stack / SYSTEM


def recipe_texts(stacks: Iterable[str]) -> list[str]:
    """Return the texts of all files that make the layer of these stacks."""
    shared = [f"{path.name}\n{records.read_text(path)}" for path in _shared_scripts()]
    of_stacks = (
        f"{stack}/{text}" for stack in stacks for text in debian.texts_in(system_folder(stack))
    )
    return [*debian.texts_in(RECIPE), *shared, *of_stacks]


def _shared_scripts() -> list[Path]:
    """Return the scripts that tell of packages, as for the OS layer."""
    guest = debian.dockerfile_path().parent / debian.GUEST
    return [guest / "newest.sh", guest / "index.sh"]


def make_package_layer(  # noqa: PLR0913, PLR0917 - what is made of what, and where it goes
    line: Line,
    stacks: Iterable[str],
    packages: Iterable[str],
    below: Path,
    work: Path,
    target: Path,
) -> NormalisedRoot:
    """Make the layer of `stacks` into the file `target`. `work` is a folder for scratch.

    `below` is the OS layer, and `packages` are the names of the Debian packages. The returned
    packages are all that an image has with both layers. Raises EnvironmentFailed if the engine, the
    disk or Debian's package mirror fails.
    """
    context, exported = work / "added", work / "added.tar"
    shutil.copytree(RECIPE, context)
    for script in _shared_scripts():
        shutil.copy(script, context)
    (context / "stacks").mkdir()
    for number, stack in enumerate(stacks):
        if system_folder(stack).is_dir():
            shutil.copytree(system_folder(stack), context / "stacks" / f"{number:02}-{stack}")
    arguments = {
        **debian.line_arguments(line),
        "CUDA": line.cuda,
        "PACKAGES": " ".join(packages),
    }
    with (
        progress.show_step(f"Debian packages of {', '.join(stacks)} (BuildKit)"),
        debian.imported_root(below) as name,
    ):
        debian.build_root(context, {"BASE": name, **arguments}, exported)
    with debian.explain_failures(), target.open("wb") as file:
        made = root_difference.write_difference(exported, below, file, line.epoch)
    exported.unlink()
    shutil.rmtree(context)
    return made
