"""The list of paths that no package owns, each with its reason (scan/owners.yaml)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from images.catalog import IMAGES
from images.debian import GUEST, dockerfile_path
from images.package_layer import system_folder
from oci.layer_reader import EntryKind, LayerContents, LayerEntry
from runner import records, yaml_files

OWNERS = Path(__file__).resolve().parent / "owners.yaml"
LIST = "scan/owners.yaml"
_MODES = {"file": "0644", "folder": "0755", "link": "0777"}
_KINDS = {"file": EntryKind.FILE, "folder": EntryKind.FOLDER, "link": EntryKind.LINK}

_Text = Annotated[str, Field(min_length=1)]
_Mode = Annotated[str, Field(pattern=r"^[0-7]{4}$")]
_Owner = Annotated[str, Field(pattern=r"^\d+:\d+$")]


@dataclass(frozen=True)
class ListedPath:
    """A path that no package owns, and how it must be; the head of owners.yaml explains it.

    With `owned`, the target of the link, or each path that the file names, must have an owner too.
    `stack` is the stack that brings the path; empty if every image may have it. `stack_lines` are
    the lines that a stack adds to `lines`.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    path: _Text
    why: _Text
    kind: Literal["file", "folder", "link"] = "file"
    mode: _Mode | None = None
    owner: _Owner = "0:0"
    guest: str | None = None
    same_as: str | None = None
    lines: tuple[str, ...] | None = None
    lines_of: str | None = None
    target: str | None = None
    owned: bool = False
    required: bool = False
    stack: str = ""
    stack_lines: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def guest_path(self) -> Path:
        """The file of ours with its contents, if `guest` names one."""
        folder = system_folder(self.stack) if self.stack else dockerfile_path().parent / GUEST
        return folder / (self.guest or "")

    def add_lines(self, stacks: Collection[str]) -> ListedPath:
        """Return the entry with the lines that `stacks` add."""
        more = [line for stack in stacks for line in self.stack_lines.get(stack, ())]
        return replace(self, lines=(*(self.lines or ()), *more)) if more else self

    def find_fault(self, entry: LayerEntry, path: str, contents: LayerContents, python: str) -> str:
        """Return what of an entry is not as listed, as a sentence; empty if nothing is."""
        if entry.kind is not _KINDS[self.kind]:
            return f"it is a {entry.kind}, not a {_KINDS[self.kind]}"
        if fault := describe_rights(entry, self.mode or _MODES[self.kind], self.owner):
            return fault
        if self.target is not None:
            is_right = re.fullmatch(self._fill_python(self.target, python), entry.target)
            return "" if is_right else f"the link leads to `{entry.target}`"
        if self.lines is not None or self.lines_of is not None:
            return self._find_wrong_line(contents, path, python)
        return self._find_other_contents(entry, contents, python)

    def _find_other_contents(self, entry: LayerEntry, contents: LayerContents, python: str) -> str:
        if self.guest is not None:
            made = records.read_text(self.guest_path).replace("@PYTHON@", python).encode()
            if entry.sha256 != hashlib.sha256(made).hexdigest():
                shown = self.guest_path.relative_to(IMAGES.parent)
                return f"its contents are not those of {shown}"
        if self.same_as is not None:
            same = contents.entries.get(self.same_as.replace("{python}", python))
            if same is None or same.sha256 != entry.sha256:
                return f"its contents are not those of /{self.same_as}"
        return ""

    def _find_wrong_line(self, contents: LayerContents, path: str, python: str) -> str:
        text = contents.texts.get(path)
        if text is None:
            return "it is too large to be read"
        allowed = [re.compile(self._fill_python(each, python)) for each in self.lines or ()]
        source = self._fill_python(self.lines_of or "", python)
        known = {
            line
            for other, held in contents.texts.items()
            if source and _matches(source, other)
            for line in held.splitlines()
        }
        for number, line in enumerate(text.splitlines(), start=1):
            shown = line.decode(errors="replace")
            if line not in known and not any(each.fullmatch(shown) for each in allowed):
                return f"line {number} is not one of those that are listed"
        return ""

    @staticmethod
    def _fill_python(pattern: str, python: str) -> str:
        return pattern.replace("{python}", re.escape(python))


@dataclass(frozen=True)
class ListedMode:
    """Mode and owner of a path of a Debian package, which `stack` brings if it is not empty."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    path: _Text
    mode: _Mode
    owner: _Owner
    why: _Text
    stack: str = ""


@dataclass(frozen=True)
class ReasonedPath:
    """Paths and a reason."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    path: _Text
    why: _Text


@dataclass(frozen=True)
class Owners:
    """The whole of owners.yaml."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    paths: tuple[ListedPath, ...]
    modes: tuple[ListedMode, ...]
    left_out: tuple[ReasonedPath, ...]
    effects: tuple[ReasonedPath, ...]

    def select_stacks(self, stacks: Collection[str]) -> Owners:
        """Return the list for an image: what is tied to no stack, or to one of `stacks`."""
        return replace(
            self,
            paths=tuple(
                each.add_lines(stacks) for each in self.paths if each.stack in ("", *stacks)
            ),
            modes=tuple(each for each in self.modes if each.stack in ("", *stacks)),
        )

    def find_listed(self, path: str, python: str) -> ListedPath | None:
        """Return the first entry for a path; None if there is none."""
        return next(
            (
                each
                for each in self.paths
                if _matches(each.path.replace("{python}", re.escape(python)), path)
            ),
            None,
        )

    def find_mode(self, path: str) -> ListedMode | None:
        """Return the mode and owner of a path of a Debian package; None if it has the usual."""
        return next((each for each in self.modes if _matches(each.path, path)), None)

    def is_left_out(self, path: str) -> bool:
        """Return whether no image has this path of a Debian package."""
        return any(_matches(each.path, path) for each in self.left_out)

    def describe_effect(self, path: str) -> str:
        """Return what somebody gains who adds this path; empty if that is not known."""
        return next((each.why for each in self.effects if _matches(each.path, path)), "")


def load_owners(path: Path = OWNERS) -> Owners:
    """Return the list. Raises ConfigError, with file and line, if it is not valid."""
    return yaml_files.load_yaml(Owners, path)


def describe_rights(entry: LayerEntry, mode: str, owner: str) -> str:
    """Return how mode, owner and capabilities of an entry differ; empty if they do not."""
    faults = []
    if entry.kind is not EntryKind.LINK and entry.mode != int(mode, 8):
        faults.append(f"its mode is {entry.mode:04o}, not {mode}")
    if (found := f"{entry.uid}:{entry.gid}") != owner:
        faults.append(f"its owner is {found}, not {owner}")
    return "; ".join([*faults, *describe_attributes(entry.attributes)])


def describe_attributes(attributes: Iterable[str]) -> list[str]:
    """Return a phrase for each extended attribute, of which no file of an image has one."""
    return [
        "it has file capabilities"
        if name == "security.capability"
        else f"it has the extended attribute `{name}`"
        for name in attributes
    ]


@cache
def _compile_pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _matches(pattern: str, path: str) -> bool:
    return _compile_pattern(pattern).fullmatch(path) is not None
