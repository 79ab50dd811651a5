"""The libraries that the dynamic loader would find for a shared object, from the files alone.

The order is that of ld.so(8): RPATH of the object and of its loaders (if it has no RUNPATH),
LD_LIBRARY_PATH, RUNPATH, the cache of ldconfig, the system's folders. Nothing is run or loaded, so
no GPU and no driver is needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile

SYSTEM_FOLDERS = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib")
"""The folders that Debian's loader searches last, on amd64."""

MOUNTS = Path("/proc/self/mountinfo")
_MAGIC = b"\x7fELF"
_LOADABLE = ("ET_DYN", "ET_EXEC")
_TAGS = {"DT_NEEDED": "needed", "DT_SONAME": "soname", "DT_RPATH": "rpath", "DT_RUNPATH": "runpath"}
_DAMAGE = (ELFError, OSError, ValueError, KeyError, TypeError, AttributeError, AssertionError)
"""The errors that reading a cut file may raise."""

_NEVER_LOADED = (".py", ".pyc", ".pyi", ".h", ".hpp", ".cuh", ".txt", ".json")


class DamagedObjectError(Exception):
    """A file begins as a shared object and is not a whole one."""


@dataclass(frozen=True)
class SharedObject:
    """The dynamic section of one file.

    `path` is where it was found, which is what $ORIGIN means; `file` is the same with all links
    followed. `machine` distinguishes files of other architectures.
    """

    path: str
    file: str
    machine: str
    soname: str = ""
    needed: tuple[str, ...] = ()
    rpath: tuple[str, ...] = ()
    runpath: tuple[str, ...] = ()

    @property
    def inherited_folders(self) -> tuple[str, ...]:
        """The folders that are searched for this object and for what it loads.

        A RUNPATH makes RPATH void.
        """
        return () if self.runpath else self.rpath


@dataclass(frozen=True)
class MissingLibrary:
    """The object at `path` needs the library `needed`, which is nowhere to be found."""

    path: str
    needed: str


@dataclass(frozen=True)
class DynamicLoader:
    """The search places that are the same for every object.

    `library_path` is LD_LIBRARY_PATH, `cache` maps sonames to paths as ldconfig does.
    """

    library_path: tuple[str, ...] = ()
    cache: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    system: tuple[str, ...] = SYSTEM_FOLDERS
    _read: dict[str, SharedObject | None] = field(default_factory=dict)

    def read_cached(self, path: str) -> SharedObject | None:
        """Read an object as `read_object` does, every file once.

        Return None if there is no such file.
        """
        if path not in self._read:
            try:
                is_file = Path(path).is_file()
            except OSError:  # a RUNPATH into a folder that only root may enter, for ld.so too
                is_file = False
            self._read[path] = read_object(path) if is_file else None
        return self._read[path]

    def find_library(
        self, name: str, wanted_by: SharedObject, inherited: Iterable[str] = ()
    ) -> SharedObject | None:
        """Return the file for `name`, which `wanted_by` needs.

        `inherited` are the folders of the objects that loaded it.
        """
        folders = [*self.library_path, *wanted_by.runpath]
        if not wanted_by.runpath:
            folders = [*wanted_by.rpath, *inherited, *folders]
        in_folders, in_system = (
            [f"{folder}/{name}" for folder in each] for each in (folders, self.system)
        )
        paths = [*in_folders, *self.cache.get(name, ()), *in_system]
        found = map(self.read_cached, [name] if "/" in name else paths)
        return next((each for each in found if each and each.machine == wanted_by.machine), None)

    def resolve_loading(
        self, start: SharedObject, present: Collection[str] = ()
    ) -> tuple[list[SharedObject], list[MissingLibrary]]:
        """Return what loading `start` brings, itself first, and what is missing.

        `present` are the names that were loaded before.
        """
        names, loaded, missing = {*present}, {start.file: start}, list[MissingLibrary]()
        waiting = [(start, start.inherited_folders)]
        for wanted_by, inherited in waiting:
            for name in wanted_by.needed:
                if name in names:
                    continue
                names.add(name)
                found = self.find_library(name, wanted_by, inherited)
                if found is None:
                    missing.append(MissingLibrary(wanted_by.path, name))
                elif found.file not in loaded:
                    names.add(found.soname)
                    loaded[found.file] = found
                    waiting.append((found, (*found.inherited_folders, *inherited)))
        return [*loaded.values()], missing


def find_missing(
    loader: DynamicLoader,
    objects: Collection[SharedObject],
    present: Callable[[SharedObject], Collection[str]],
) -> list[MissingLibrary]:
    """Return what is missing when each of `objects` is loaded.

    `present` returns what is loaded before an object. A library that others of the objects load is
    judged in their company, because it may be found by their RPATH.
    """
    brought = {each.file: loader.resolve_loading(each, present(each)) for each in objects}
    carried = {other.file for loaded, _ in brought.values() for other in loaded[1:]}
    first = [file for file in brought if file not in carried]
    seen = {other.file for file in first for other in brought[file][0]}
    in_circles = [file for file in brought if file not in seen]
    return list(dict.fromkeys(each for file in (*first, *in_circles) for each in brought[file][1]))


def current_loader() -> DynamicLoader:
    """Return the loader of a program that is started now.

    Raises OSError if ldconfig cannot be run.
    """
    listed = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    library_path = os.environ.get("LD_LIBRARY_PATH", "")
    return DynamicLoader(
        tuple(folder or "." for folder in library_path.split(":")) if library_path else (),
        parse_ldconfig(listed),
    )


def parse_ldconfig(listed: str) -> dict[str, tuple[str, ...]]:
    """Return sonames to paths, from what `ldconfig -p` prints."""
    found: dict[str, tuple[str, ...]] = {}
    for line in listed.splitlines():
        left, arrow, path = line.partition(" => ")
        if arrow:
            name = left.split()[0]
            found[name] = (*found.get(name, ()), path.strip())
    return found


def find_objects(folder: str, left_out: Collection[str] = ()) -> Iterator[str]:
    """Yield every file below `folder` that begins as a shared object.

    Links are left out, and everything below the paths `left_out`.
    """
    for where, folders, files in os.walk(folder):
        here = where.rstrip("/")
        folders[:] = [name for name in folders if f"{here}/{name}" not in left_out]
        for path in (f"{here}/{name}" for name in files if not name.endswith(_NEVER_LOADED)):
            if path in left_out:
                continue
            try:
                with Path(path).open("rb", buffering=0) as file:
                    is_object = file.read(4) == _MAGIC and not Path(path).is_symlink()
            except OSError:  # this user may not read it, nor load it then
                continue
            if is_object:
                yield path


def folders_of_the_image() -> tuple[tuple[str, ...], frozenset[str]]:
    """Return where to look for the image's files, and what is mounted below.

    The harness, the driver and /proc are mounted. If the root is not made of layers, this is no
    container, and only Python's own folders are judged.
    """
    mounts = [line.split() for line in MOUNTS.read_text(encoding="utf-8").splitlines()]
    below = frozenset(fields[4] for fields in mounts if fields[4] != "/")
    layered = any(
        fields[4] == "/" and "overlay" in fields[fields.index("-") + 1] for fields in mounts
    )
    return (("/",) if layered else (sys.prefix, sysconfig.get_path("platstdlib")), below)


def read_object(path: str) -> SharedObject | None:
    """Return what the file says; None if it is no program or library.

    Raises DamagedObjectError if it is cut.
    """
    try:
        with Path(path).open("rb") as file:
            if file.read(4) != _MAGIC:
                return None
            elf = ELFFile(file)
            return _parse_elf(path, elf) if elf.header["e_type"] in _LOADABLE else None
    except _DAMAGE as error:
        raise DamagedObjectError(f"{path} is not a whole shared object: {error}") from None


def _parse_elf(path: str, elf: ELFFile) -> SharedObject:
    segments = list(elf.iter_segments())
    end = max((each["p_offset"] + each["p_filesz"] for each in segments), default=0)
    if end > (size := Path(path).stat().st_size):
        raise DamagedObjectError(f"{path} has {size} bytes of {end}")
    found: dict[str, list[str]] = {name: [] for name in _TAGS}
    dynamic = (each for each in segments if isinstance(each, DynamicSegment))
    for tag in (tag for segment in dynamic for tag in segment.iter_tags()):
        if tag.entry.d_tag in found:
            found[tag.entry.d_tag].append(getattr(tag, _TAGS[tag.entry.d_tag]))
    return SharedObject(
        path=path,
        file=os.path.realpath(path),
        machine=str(elf.header["e_machine"]),
        soname="".join(found["DT_SONAME"]),
        needed=tuple(found["DT_NEEDED"]),
        rpath=_expand_folders(path, found["DT_RPATH"]),
        runpath=_expand_folders(path, found["DT_RUNPATH"]),
    )


def _expand_folders(path: str, lists: Iterable[str]) -> tuple[str, ...]:
    """Return the folders of RPATH or RUNPATH entries."""
    origin = path.rpartition("/")[0]
    named = (folder for each in lists for folder in each.split(":") if folder)
    return tuple(folder.replace("${ORIGIN}", origin).replace("$ORIGIN", origin) for folder in named)
