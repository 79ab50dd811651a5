"""Facts of files that nobody may read who can run the image's Python, from the engine.

The engine hands them over as a tar archive of a container that was never started. Nothing of the
image runs for it, and nothing is unpacked: names, modes and sizes are in the archive's headers.
"""

from __future__ import annotations

import contextlib
import email.parser
import io
import os
import stat
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from docker.errors import APIError, NotFound

from runner import containers
from runner.engine_kind import EngineObject
from runner.untrusted import Malformed
from scan import image_probe

ARCHIVE_BYTES = 2 << 30
"""Maximum size of all files of one private folder. Homes with settings alone have kilobytes."""
TEXT_BYTES = 4 << 20
"""Maximum size of a text that is read in it: an SBOM or the metadata of a package."""
MAX_FILES = 200_000
MAX_CHARACTERS = 64 << 20
"""Of all names of files and packages of one private folder. They are held until the end."""
PASSWD, SHADOW = "/etc/passwd", "/etc/shadow"
_INCOMPLETE = "the engine's archive of a folder is not complete: {}"
_KINDS = {
    tarfile.DIRTYPE: stat.S_IFDIR,
    tarfile.SYMTYPE: stat.S_IFLNK,
    tarfile.FIFOTYPE: stat.S_IFIFO,
    tarfile.CHRTYPE: stat.S_IFCHR,
    tarfile.BLKTYPE: stat.S_IFBLK,
}


def describe_private(container: EngineObject, path: str, deadline: float) -> dict[str, object]:
    """Return the facts of all that is at `path` in a container, as `image_probe.describe_files`.

    The container was created and not started, and its account files were checked. Raises Malformed
    if the path is not a real one, or holds more than is looked through before `deadline`. Raises
    APIError if the engine fails.
    """
    files, bundled, characters = list[image_probe.Found](), set[str](), 0
    folder = path.rpartition("/")[0]
    for entry, archive in _list_entries(container, path, deadline):
        name = image_probe.show_path(f"{folder}/{entry.name.strip('/')}")
        mode = stat.S_IMODE(entry.mode) | _KINDS.get(entry.type, stat.S_IFREG)
        facts = (mode, 0, 0, 1, entry.uid, entry.gid, entry.size, 0, 0, 0)
        files.append((name, os.stat_result(facts)))
        added = set(_find_bundled(name, entry, archive)) - bundled
        bundled |= added
        characters += sum(map(len, (name, *added)))
        if len(files) > MAX_FILES:
            raise Malformed(f"more than {MAX_FILES:,} files")
        if characters > MAX_CHARACTERS:
            raise Malformed(f"names of more than {MAX_CHARACTERS:,} characters")
    return image_probe.describe_found(files, bundled)


def read_passwords(container: EngineObject, deadline: float) -> dict[str, str]:
    """Return the accounts with a password, or that need none; raises as `describe_private`."""
    texts = {PASSWD: "", SHADOW: ""}
    for path in texts:
        for entry, archive in _list_entries(container, path, deadline):
            texts[path] = _read_text(entry, archive)
    return image_probe.open_accounts(texts[PASSWD], texts[SHADOW])


def _list_entries(
    container: EngineObject,
    path: str,
    deadline: float,
) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    if not containers.is_real_path(container, path):
        raise Malformed("there is no such file, or a link on the way to it")
    try:
        chunks, _ = container.get_archive(path)
    except NotFound:
        raise Malformed("there is no such file") from None
    with contextlib.closing(chunks):
        try:
            with tarfile.open(fileobj=_BoundedStream(chunks, deadline), mode="r|") as archive:
                for entry in archive:
                    yield entry, archive
        except tarfile.TarError as error:
            raise APIError(_INCOMPLETE.format(error)) from None


@dataclass
class _BoundedStream(io.RawIOBase):
    """The chunks of an archive as a file. Reading raises Malformed after its bounds."""

    chunks: Iterator[bytes]
    deadline: float
    _held: bytearray = field(default_factory=bytearray)
    _count: int = 0

    def read(self, size: int = -1) -> bytes:
        while len(self._held) < size and (chunk := next(self.chunks, b"")):
            self._held += chunk
            self._count += len(chunk)
            if self._count > ARCHIVE_BYTES:
                raise Malformed(f"more than {ARCHIVE_BYTES:,} bytes")
            if time.monotonic() > self.deadline:
                raise Malformed("more than can be looked through in time")
        found = bytes(self._held[:size])
        del self._held[:size]
        return found


def _find_bundled(name: str, entry: tarfile.TarInfo, archive: tarfile.TarFile) -> Iterator[str]:
    """Yield the package URLs of packages in a private folder.

    It may be outside of Python's path there, so each counts as a package inside another.
    """
    if not entry.isreg():
        return
    if name.endswith(image_probe.BILLS):
        yield from image_probe.purls_of_bill(_read_text(entry, archive))
    elif image_probe.METADATA.fullmatch(name):
        text = _read_text(entry, archive)
        fields = email.parser.Parser().parsestr(text, headersonly=True)
        yield f"pkg:pypi/{fields['Name']}@{fields['Version']}" if fields["Name"] else name


def _read_text(entry: tarfile.TarInfo, archive: tarfile.TarFile) -> str:
    """Return a text of the archive; raises as `describe_private`, and for all but a file."""
    if not entry.isreg():
        raise Malformed("it is not a regular file")
    if entry.size > TEXT_BYTES:
        raise Malformed(f"a text of more than {TEXT_BYTES:,} bytes")
    try:
        content = archive.extractfile(entry)
        return content.read().decode(errors="replace") if content else ""
    except tarfile.TarError as error:
        raise APIError(_INCOMPLETE.format(error)) from None
