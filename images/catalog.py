"""The catalogue: which lines, stacks and images there are.

It is loaded strictly, and checked against itself and `compatibility.yaml`. The locks of a line are
checked when something of that line is planned. Every error names file, line and the way out, before
anything is built.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from functools import reduce
from operator import add
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from images.catalog_entries import Budget, Line, OsPart, Project, Repositories, Stack
from images.compatibility import COMPATIBILITY, load_compatibility
from images.field_types import WebName
from images.line_checks import CatalogFile, check_line_name, check_system, check_torch
from images.names import BASE, join_stacks, split_image
from images.support import find_wrong_phase
from images.version import Version, parse_version
from runner import records, yaml_files
from runner.errors import ConfigError
from runner.nouns import count_noun
from runner.untrusted import clean_line

__all__ = [
    "BASE",
    "CATALOG",
    "IMAGES",
    "Budget",
    "Catalog",
    "Line",
    "OsPart",
    "Project",
    "Repositories",
    "Stack",
    "Version",
]

IMAGES = Path(__file__).resolve().parent
CATALOG = IMAGES / "catalog.yaml"
_MAX_IMAGES = 100
_MAX_NAME_CHARACTERS = 60
"""In characters, of an image. A tag has at most 128, and begins with the version."""


@dataclass(frozen=True)
class Catalog:
    """The contents of catalog.yaml.

    `growth_percent` is the most that an image may grow from one release to the next. `statements`
    is the name below which predicate types and builders are (images/statement_names.py).
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    repositories: Repositories
    lines: dict[str, Line]
    stacks: dict[str, Stack]
    growth_percent: Annotated[float, Field(ge=0, le=1000)]
    images: tuple[str, ...]
    statements: WebName = "https://github.com/pytorch-cuda-images"
    project: Project = field(default_factory=Project)

    def require_version(self, text: str) -> Version:
        """Return the version that `text` is (`v2.6.3`).

        Raises ConfigError if it is no version, or if its line is not in the catalogue.
        """
        version = parse_version(text)
        if version is None:
            raise ConfigError(f"`{clean_line(text, 80)}` is not a version", "write it as v2.6.0")
        if version.line not in self.lines:
            raise ConfigError(
                f"no line {version.line} in {CATALOG.name}", f"lines: {', '.join(self.lines)}"
            )
        return version

    def stacks_of(self, image: str) -> tuple[str, ...]:
        """Return the stacks of an image: of `cv-nlp` they are base, cv, nlp.

        Each comes after those it needs, otherwise in the order of the catalogue. Raises ConfigError
        if the name is unknown.
        """
        wanted = {stack for name in self._split_name(image) for stack in self._with_parents(name)}
        waiting = [stack for stack in self.stacks if stack in wanted]
        ordered: list[str] = []
        while waiting:
            ready = next(
                stack for stack in waiting if set(self.stacks[stack].needs) <= set(ordered)
            )
            waiting.remove(ready)
            ordered.append(ready)
        return tuple(ordered)

    def budget_of(self, line: str, image: str) -> Budget:
        """Return the budget of an image of `line`: the sum of the budgets of its stacks."""
        own = self.lines[line].budgets
        parts = (own.get(stack, self.stacks[stack].budget) for stack in self.stacks_of(image))
        return reduce(add, parts)

    def os_part_of(self, image: str) -> OsPart:
        """Return how an image runs.

        It has the ports and packages of all its stacks, and the last command and health check.
        """
        parts = [self.stacks[stack].os for stack in self.stacks_of(image)]
        return OsPart(
            ports=tuple(sorted({port for part in parts for port in part.ports})),
            command=next((part.command for part in reversed(parts) if part.command), ()),
            health_check=next(
                (part.health_check for part in reversed(parts) if part.health_check), ()
            ),
            packages={name: why for part in parts for name, why in part.packages.items()},
        )

    def has_compiler(self, image: str) -> bool:
        """Return whether one of the image's stacks ships a compiler."""
        return any(self.stacks[stack].compiler for stack in self.stacks_of(image))

    def title_of(self, image: str) -> str:
        """Return the titles of an image's stacks; that of `base` only if there are no others."""
        added = [stack for stack in self.stacks_of(image) if stack != BASE] or [BASE]
        return "; ".join(self.stacks[stack].title for stack in added)

    def _split_name(self, image: str) -> list[str]:
        names = split_image(image)
        if not set(names) <= set(self.stacks):
            hint = f"combine these with `-`: {', '.join(self.stacks)}"
            raise ConfigError(f"unknown image `{clean_line(image, 80)}`", hint)
        if len(set(names)) != len(names):
            raise ConfigError(
                f"image `{clean_line(image, 80)}` names a stack twice", "name each stack once"
            )
        return names

    def _with_parents(self, stack: str, below: tuple[str, ...] = ()) -> list[str]:
        if stack in below:
            raise ConfigError(f"stacks need each other in a circle: {' -> '.join((*below, stack))}")
        parents = [
            name
            for parent in self.stacks[stack].needs
            for name in self._with_parents(parent, (*below, stack))
        ]
        return [*parents, stack]

    def image_names(self, names_text: str | None) -> tuple[str, ...]:
        """Return the images of `--images` (separated by commas), each once, in canonical form.

        None stands for all images of the catalogue. Raises ConfigError for an unknown name.
        """
        names = (
            self.images
            if names_text is None
            else tuple(part.strip() for part in names_text.split(","))
        )
        if not any(names):
            raise ConfigError("--images names no image", f"images: {', '.join(self.images)}")
        if not all(names) or len(names) > _MAX_IMAGES:
            problem = (
                f"has {count_noun(len(names), 'name')}"
                if all(names)
                else "has an empty name: two commas in a row, or a comma at an end"
            )
            raise ConfigError(
                f"--images {problem}",
                f"write 1 to {_MAX_IMAGES} names, separated by commas: cv,nlp",
            )
        named = [self._split_name(name) for name in names]
        canonical = (join_stacks(each for each in self.stacks if each in some) for some in named)
        return tuple(dict.fromkeys(canonical))


def load_catalog(path: Path = CATALOG, facts: Path = COMPATIBILITY) -> Catalog:
    """Return the catalogue, checked against `facts`. Reads no lock. Raises ConfigError."""
    catalog = yaml_files.load_yaml(Catalog, path)
    check = CatalogFile(path, records.read_text(path))
    _check_repositories(catalog.repositories, check)
    _check_stacks(catalog, check)
    _check_images(catalog, check)
    known = load_compatibility(facts)
    for name, line in catalog.lines.items():
        check_line_name(name, line, check)
        if wrong := find_wrong_phase(line.support):
            index, message, hint = wrong
            raise check.error_at(("lines", name, "support", index), f"line {name}: {message}", hint)
        if unknown := [stack for stack in line.budgets if stack not in catalog.stacks]:
            shown = clean_line(unknown[0], 60)
            message = f"line {name} has a budget for unknown stack `{shown}`"
            hint = f"stacks: {', '.join(catalog.stacks)}"
            raise check.error_at(("lines", name, "budgets", unknown[0]), message, hint)
        check_torch(name, line, known, check)
        check_system(name, line, known, check)
    return catalog


def _check_repositories(repositories: Repositories, check: CatalogFile) -> None:
    """Require that all repositories differ: their rights to write differ too."""
    named: dict[str, str] = {}
    for key in fields(repositories):
        name = getattr(repositories, key.name)
        first = named.setdefault(name, key.name)
        if first != key.name:
            message = f"`{key.name}` and `{first}` are one repository, {name}"
            raise check.error_at(("repositories", key.name), message, "give each a name of its own")


def _check_stacks(catalog: Catalog, check: CatalogFile) -> None:
    for name, stack in catalog.stacks.items():
        if not re.fullmatch(r"[a-z][a-z0-9]{0,19}", name):
            hint = "use 1 to 20 lower-case letters and digits"
            raise check.error_at(("stacks", name), f"stack name `{clean_line(name, 60)}`", hint)
        for parent in stack.needs:
            if parent not in catalog.stacks:
                hint = f"stacks: {', '.join(catalog.stacks)}"
                raise check.error_at(
                    ("stacks", name, "needs"),
                    f"stack `{name}` needs unknown stack `{parent}`",
                    hint,
                )
    if catalog.stacks.get(BASE) and catalog.stacks[BASE].os.packages:
        hint = f"install them in images/{BASE}/Dockerfile, which makes the OS layer"
        at = ("stacks", BASE, "os", "packages")
        raise check.error_at(at, f"`{BASE}` adds packages to the OS layer", hint)
    for name in catalog.stacks:
        try:
            lowest = catalog.stacks_of(name)[0]
        except ConfigError as error:
            raise check.error_at(
                ("stacks", name, "needs"), error.message, "remove one `needs` of the circle"
            ) from None
        if lowest != BASE:
            raise check.error_at(
                ("stacks", name), f"stack `{name}` does not need `{BASE}`", f"write needs: [{BASE}]"
            )


def _check_images(catalog: Catalog, check: CatalogFile) -> None:
    for index, image in enumerate(catalog.images):
        if len(image) > _MAX_NAME_CHARACTERS:
            raise check.error_at(
                ("images", index),
                f"image name of {count_noun(len(image), 'character')}",
                "name fewer stacks",
            )
        try:
            catalog.stacks_of(image)
        except ConfigError as error:
            raise check.error_at(("images", index), error.message, error.hint) from None
