"""Image probe: a program that prints the facts of the image it runs in as one JSON document.

It is run by the image's own Python, and uses only the standard library. It does not judge. No
password leaves the image: only whether an account has one.

First it runs as root, which without capabilities is a user as any other: it cannot look into a
folder that is private to somebody else. If that holds for the folder of Python, it runs as the
image's own user. Private folders are named with their owners (`private`). The program runs once
more as each owner, with the paths to look into as its arguments.
"""

from __future__ import annotations

import email.parser
import importlib.metadata
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

STATUS = "/var/lib/dpkg/status"
QUERY = "--showformat=Package: ${Package}\nStatus: ${Status}\nVersion: ${Version}\n\n"
SKIPPED = ("/proc", "/sys", "/dev")

CACHES = re.compile(
    r"/var/cache/apt/archives(?=/.+\.deb$)|/var/cache/apt(?=/\w+\.bin$)|/var/lib/apt/lists(?=/)|/var/cache/(?:dnf|yum)(?=/)"
    r"|.*/\.cache/(?:pip|uv|pypoetry|pipenv|yarn|ms-playwright)(?=/)|.*/\.npm(?=/)|.*/\.?conda/pkgs(?=/)"
    r"|(?:/var)?/tmp/pip-[^/]+(?=/)"
)
COMPILERS = re.compile(
    r"(?:[\w-]+-linux-gnu\w*-)?(?:gcc|g\+\+|cc|c\+\+|cc1|cc1plus|clang|clang\+\+|nvcc|ld|ld\.bfd|ld\.gold|as|make|gmake)(?:-[\d.]+)?"
)
BROWSERS = re.compile(
    r"(?:chromium|chromium-browser|chrome|google-chrome|firefox|firefox-esr|headless_shell|chrome-headless-shell)"
    r"(?:-(?:stable|beta|bin))?"
)
BILLS = (".cdx.json", ".cyclonedx.json")
METADATA = re.compile(r".*\.(?:dist-info/METADATA|egg-info/PKG-INFO|egg/EGG-INFO/PKG-INFO)")
LIBRARY = re.compile(r"[^/]+\.so(?:\.[^/]+)?")
NO_PASSWORD, PASSWORD = "none needed", "set"

Found = tuple[str, os.stat_result]


def collect_facts(root: str, path: list[str], private: dict[str, str]) -> dict[str, object]:
    """Return all facts of the file system at `root`, whose Python has `path` as its sys.path.

    Paths that cannot be read are added to `private`, with their owners.
    """
    return {
        **describe_files(root, ["/"], path, private),
        "debian": read_text(root + STATUS),
        "areas": archive_areas(read_text(root + STATUS)),
        "dpkg_query": query_dpkg(root),
        "python": python_packages(path),
        "passwords": open_accounts(
            read_text(f"{root}/etc/passwd"), read_private(root, "/etc/shadow", private)
        ),
        "superusers": list_superusers(read_text(f"{root}/etc/passwd")),
    }


def describe_files(
    root: str, paths: list[str], path: list[str], private: dict[str, str]
) -> dict[str, object]:
    """Return the facts of all files below `paths` (inside `root`); as `collect_facts`."""
    files = [found for each in paths for found in walk_files(root, each, private)]
    return describe_found(files, bundled_packages(root, files, path, private))


def describe_found(files: list[Found], bundled: Iterable[str]) -> dict[str, object]:
    """Return the facts of files with these packages inside others; as `collect_facts`."""
    return {
        "bundled": sorted(bundled),
        "shared_libraries": shared_libraries(files),
        "setuid": {
            name: f"{stat.S_IMODE(found.st_mode):04o}" for name, found in files if is_setuid(found)
        },
        "world_writable": [name for name, found in files if is_world_writable(found)],
        "caches": measure_caches(files),
        "compilers": find_programs(files, COMPILERS),
        "browsers": find_programs(files, BROWSERS),
    }


def walk_files(root: str, start: str, private: dict[str, str]) -> Iterator[Found]:
    """Yield `start` and everything below it by its path inside the image, in a fixed order.

    Files that the engine puts there are left out. Folders that cannot be looked into are added to
    `private`.
    """
    try:
        found = os.lstat(root + start)
    except PermissionError:  # it is in a private folder of somebody else
        private[show_path(start)] = "unknown"
        return
    yield show_path(start), found
    folders = [(start, found)] if stat.S_ISDIR(found.st_mode) else []
    while folders:
        folder, found = folders.pop()
        try:
            entries = list_folder(root + folder)
        except PermissionError:
            private[show_path(folder)] = owner_of(found)
            continue
        for each, found in entries:
            inside = each.removeprefix(root)
            if inside in SKIPPED or inside == os.path.dirname(__file__):  # noqa: PTH120 - as sys.path has it
                continue
            yield show_path(inside), found
            if stat.S_ISDIR(found.st_mode):
                folders.append((inside, found))


def list_folder(folder: str) -> list[Found]:
    """Return everything in a folder by its path. Raises PermissionError if it is private."""
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
        return [(each.path, each.stat(follow_symlinks=False)) for each in found]


def show_path(path: str) -> str:
    """Return a path as the document can hold it: a path need not be UTF-8."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def owner_of(found: os.stat_result) -> str:
    """Return the owner as `UID:GID`."""
    return f"{found.st_uid}:{found.st_gid}"


def read_text(path: str) -> str:
    """Return a text file; an empty text if there is none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""


def read_private(root: str, path: str, private: dict[str, str]) -> str:
    """Return a text file; an empty text if it is private, and then it is added to `private`."""
    try:
        return read_text(root + path)
    except PermissionError:
        private[path] = owner_of(os.lstat(root + path))
        return ""


def archive_areas(status: str) -> dict[str, str]:
    """Return the archive area of each package in dpkg's status file.

    It is `non-free` for the section `non-free/libs`, and `main` for `libs`.
    """
    found: dict[str, str] = {}
    name = ""
    for line in status.splitlines():
        if line.startswith("Package: "):
            name = line.removeprefix("Package: ")
        elif line.startswith("Section: "):
            found[name] = line.removeprefix("Section: ").rpartition("/")[0] or "main"
    return found


def query_dpkg(root: str) -> str | None:
    """Return the output of dpkg-query in the form of dpkg's status file; None if it is missing."""
    program = shutil.which("dpkg-query")
    if program is None:
        return None
    command = [program, f"--admindir={root}/var/lib/dpkg", "--show", QUERY]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.decode(
        errors="replace"
    )


def python_packages(path: list[str]) -> dict[str, str]:
    """Return the version of each distribution on `path`, by name.

    Of two with the same name the first one counts, as it does for an import.
    """
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions(path=path):
        name = (
            distribution.metadata["Name"] or f"without a name: {getattr(distribution, '_path', '')}"
        )
        found.setdefault(name, distribution.metadata["Version"] or "")
    return found


def bundled_packages(
    root: str, files: list[Found], path: list[str], private: dict[str, str]
) -> Iterator[str]:
    """Yield the package URLs of packages inside others, by SBOMs and metadata in their folders.

    Files that cannot be read are added to `private`.
    """
    for name, found in files:
        if not stat.S_ISREG(found.st_mode):
            continue
        try:
            if name.endswith(BILLS):
                yield from purls_of_bill(read_text(root + name))
            elif METADATA.fullmatch(name) and is_inside_package(root + name, path):
                fields = email.parser.Parser().parsestr(read_text(root + name), headersonly=True)
                yield f"pkg:pypi/{fields['Name']}@{fields['Version']}" if fields["Name"] else name
        except PermissionError:
            private[name] = owner_of(found)


def purls_of_bill(text: str) -> Iterator[str]:
    """Yield the package URLs in an SBOM; nothing if the text is none."""
    try:
        components = json.loads(text).get("components", [])
    except (ValueError, AttributeError, RecursionError):  # not JSON, not an SBOM, or not to be read
        return
    for each in components if isinstance(components, list) else ():
        purl = each.get("purl") if isinstance(each, dict) else None
        if purl and isinstance(purl, str):
            yield purl


def is_inside_package(metadata: str, path: list[str]) -> bool:
    """Return whether metadata is of a package inside another.

    Directly in a folder of sys.path a package is installed, deeper it is inside another.
    """
    folder = str(Path(metadata).parent.parent)
    return folder not in path and any(folder.startswith(f"{each}/") for each in path)


def shared_libraries(files: list[Found]) -> dict[str, int]:
    """Return the number of shared libraries in the `NAME.libs` folders of wheels, by NAME."""
    counted: dict[str, int] = {}
    for path, found in files:
        name = find_wheel_of(path)
        if name and stat.S_ISREG(found.st_mode):
            counted[name] = counted.get(name, 0) + 1
    return counted


def find_wheel_of(path: str) -> str:
    """Return the NAME of the innermost `NAME.libs` folder of a shared library; empty if none.

    No search goes back: the whole path would be read again for every folder in it.
    """
    *folders, file = path.split("/")
    inner = [at for at, folder in enumerate(folders) if folder[:-5] and folder.endswith(".libs")]
    above = folders[: inner[-1]] if inner and LIBRARY.fullmatch(file) else []
    is_of_wheel = "site-packages" in above or "dist-packages" in above
    return folders[inner[-1]].removesuffix(".libs") if is_of_wheel else ""


def is_setuid(found: os.stat_result) -> bool:
    """Return whether it is a file that runs with the rights of its owner or group.

    On a folder the bit only passes on the group.
    """
    return stat.S_ISREG(found.st_mode) and bool(found.st_mode & (stat.S_ISUID | stat.S_ISGID))


def is_world_writable(found: os.stat_result) -> bool:
    """Return whether anybody may change it. Links and folders with the sticky bit do not count."""
    kept = stat.S_ISLNK(found.st_mode) or (
        stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX
    )
    return not kept and bool(found.st_mode & stat.S_IWOTH)


def open_accounts(passwd: str, shadow: str) -> dict[str, str]:
    """Return the accounts that can log in with a password, or without one.

    A field that begins with `!` or `*` matches no password.
    """
    entries = {
        line.split(":")[0]: line.split(":")[1] for line in shadow.splitlines() if ":" in line
    }
    for line in passwd.splitlines():
        account, field = [*line.split(":"), "x"][:2]
        if field != "x":  # the field in passwd counts, and shadow does not
            entries[account] = field
    open_to = {
        account: field for account, field in entries.items() if not field.startswith(("!", "*"))
    }
    return {
        account: PASSWORD if field else NO_PASSWORD for account, field in open_to.items() if account
    }


def list_superusers(passwd: str) -> list[str]:
    """Return the accounts with user id 0."""
    fields = (line.split(":") for line in passwd.splitlines())
    return [entry[0] for entry in fields if len(entry) > 2 and entry[2] == "0"]


def measure_caches(files: list[Found]) -> dict[str, int]:
    """Return the number of bytes in each cache of a package manager; empty ones are left out."""
    counted: dict[str, int] = {}
    for name, found in files:
        inside = CACHES.match(name)
        if inside and stat.S_ISREG(found.st_mode) and found.st_size:
            counted[inside[0]] = counted.get(inside[0], 0) + found.st_size
    return counted


def find_programs(files: list[Found], names: re.Pattern[str]) -> list[str]:
    """Return the paths of programs with such a name; links to them are not counted."""
    runs = (
        (name, found.st_mode)
        for name, found in files
        if stat.S_ISREG(found.st_mode) and found.st_mode & 0o111
    )
    return [name for name, _ in runs if names.fullmatch(name.rpartition("/")[2])]


if __name__ == "__main__":
    import_path = [each for each in sys.path if each != str(Path(__file__).parent)]
    unread: dict[str, str] = {}
    facts = (
        describe_files("", sys.argv[1:], import_path, unread)
        if sys.argv[1:]
        else collect_facts("", import_path, unread)
    )
    print(json.dumps({"facts": facts, "private": unread}))
