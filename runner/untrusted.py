"""Read untrusted text: from an image under test, an account of the registry, or the network.

Three rules hold for all of it. A file is opened only if it is a regular file of bounded size, and
no link is followed. Text is parsed with a bound on its length and depth. Text is shown only after
control characters are removed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any

from runner.nouns import count_noun

MAX_DEPTH = 64
"""Levels of nested JSON. The deepest document that this project writes or reads has 12."""
SCHEMA_VALUES = 100_000
"""Values and keys of a text for a schema, if no trusted key signed it.

A schema makes an error of about 2 KB for each wrong value.
"""

MAX_VALUES = 2_000_000
"""Values and keys of a JSON text.

The samples of many GPUs and a report of Trivy have some hundred thousand.
"""

CUT = "…"
"""Stands where the rest of a text is left out."""

_ANSI = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?", re.DOTALL
)
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\uffff\U000e0000-\U000e007f]"
)
"""Control characters, and characters that hide text or change its direction."""
_WORKFLOW_COMMAND = re.compile(r"^([^\S\n]*):(?=:)|(#)(?=#\[)", re.MULTILINE)
"""Commands for GitHub Actions: `::error::...` at the start of a line, `##[error]...` anywhere."""


class Malformed(Exception):
    """Content that is not what it should be. The message says what was found."""


def read_file(folder: Path, name: str, limit: int) -> bytes:
    """Return the bytes of the file `name` below `folder`, at most `limit`.

    `name` may have folders in it. No link below `folder` is followed, and nothing but a regular
    file is opened. Raises FileNotFoundError if there is no such file, and Malformed if it is
    something else or has more bytes than `limit`.
    """
    descriptor = _open_path(folder, name)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise Malformed(f"`{name}` is {_kind_of(found.st_mode)}, not a regular file")
        if found.st_size > limit:
            raise Malformed(
                f"`{name}` has {found.st_size:,} bytes, more than the allowed {limit:,}"
            )
        return _read_regular(descriptor, limit, name)
    finally:
        os.close(descriptor)


def read_own_file(path: Path, limit: int) -> bytes:
    """Return the bytes of a file that a user of this machine named.

    Links are followed, but the target must be a regular file. Raises OSError if it cannot be read,
    and Malformed if it is something else or has more bytes than `limit`.
    """
    try:
        found = path.resolve()
    except RuntimeError:  # links that lead back to themselves
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from None
    if not found.name:
        raise Malformed(f"`{found}` is a folder, not a regular file")
    return read_file(found.parent, found.name, limit)


def open_regular(path: Path) -> BufferedReader:
    """Open a file of any size for reading, which is read in parts.

    Links are followed, but the target must be a regular file: a FIFO is not waited for, and a
    device is not touched. Raises OSError, and Malformed if it is something else.
    """
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise Malformed(f"`{path}` is {_kind_of(mode)}, not a regular file")
        return _open_again(descriptor, path)
    finally:
        os.close(descriptor)


def open_own_file(path: Path) -> int:
    """Return a descriptor to read a file of this project and to append to it.

    The file is made if it is missing. No link is followed, and a FIFO is not waited for. Raises
    OSError, and Malformed if it is not a regular file.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o644)
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENXIO):
            raise
        raise Malformed(
            f"`{path}` is {_kind_of(path.lstat().st_mode)}, not a regular file"
        ) from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise Malformed(f"`{path}` is {_kind_of(mode)}, not a regular file")
    return descriptor


def list_names(folder: Path, name: str, limit: int) -> list[str]:
    """Return the names in the folder `name` below `folder`, sorted.

    Raises FileNotFoundError if there is no such folder, and Malformed if it is something else or
    has more than `limit` entries.
    """
    descriptor = _open_path(folder, name)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISDIR(found.st_mode):
            raise Malformed(f"`{name}` is {_kind_of(found.st_mode)}, not a folder")
        names: list[str] = []
        with os.scandir(f"/proc/self/fd/{descriptor}") as entries:
            for entry in entries:
                if len(names) == limit:
                    allowed = count_noun(limit, "entry", "entries")
                    raise Malformed(f"`{name}` has more than the allowed {allowed}")
                names.append(entry.name)
        return sorted(names)
    finally:
        os.close(descriptor)


def require_small(folder: Path, name: str, size: int, entries: int, shown: str = "") -> None:
    """Raise Malformed if the folder `name` below `folder` holds too many bytes or entries.

    The limits are `size` bytes on disk and `entries` files and folders. `shown` is its name in
    messages. No link is followed. Files may change meanwhile: they are counted or left out.
    """
    shown = shown or f"`{name}`"
    left_bytes, left_entries = size, entries
    folders = [name]
    while folders:
        inner = folders.pop()
        for path, found in _list_entries(folder, inner):
            left_bytes -= found.st_blocks * 512
            left_entries -= 1
            if left_bytes < 0:
                raise Malformed(f"{shown} holds more than the allowed {size:,} bytes")
            if left_entries < 0:
                raise Malformed(
                    f"{shown} holds more than the allowed {count_noun(entries, 'file')} and folders"
                )
            if path.count("/") - name.count("/") > MAX_DEPTH:
                raise Malformed(
                    f"{shown} has folders that are nested deeper than {MAX_DEPTH} levels"
                )
            if stat.S_ISDIR(found.st_mode):
                folders.append(path)


def parse_json(data: bytes | str, limit: int, max_values: int = MAX_VALUES) -> Any:  # noqa: ANN401 - JSON values have no narrower type
    """Return the value of a JSON text in UTF-8.

    Raises Malformed if it has more than `limit` bytes or `max_values` values and keys, is no JSON,
    is nested deeper than MAX_DEPTH, has a key twice in one object (two readers would see different
    things), or holds a number or character that JSON cannot hold.
    """
    if len(data) > limit:
        raise Malformed(f"{len(data):,} bytes of JSON, more than the allowed {limit:,}")
    # without reading it: a value or key, but for the whole text, follows one of these
    signs: tuple[Any, ...] = (
        (b",", b":", b"[", b"{") if isinstance(data, bytes) else (",", ":", "[", "{")
    )
    if sum(map(data.count, signs)) > max(max_values, MAX_VALUES):  # before each takes its memory
        raise Malformed(f"JSON of more than the allowed {count_noun(max_values, 'value')}")
    try:
        text = data.decode() if isinstance(data, bytes) else data
        found = json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_constant=_finite_number,
            parse_float=_finite_number,
        )
        count = count_values(found)
    except RecursionError:
        raise Malformed(f"JSON that is nested deeper than {MAX_DEPTH} levels") from None
    except ValueError as error:
        raise Malformed(f"not JSON: {clean_line(str(error), 150)}") from None
    if count > max_values:
        raise Malformed(
            f"JSON of {count_noun(count, 'value')}, more than the allowed {max_values:,}"
        )
    return found


def clean_text(text: str) -> str:
    """Return `text` without terminal escapes, control and invisible characters.

    Newlines and tabs stay. A line that GitHub Actions would read as a command gets a space that
    prevents it.
    """
    if not (text.isascii() and text.isprintable()):
        text = _ANSI.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
        text = _INVISIBLE.sub("", text).encode("utf-8", "replace").decode()
        text = "".join(each for each in text if each.isprintable() or each.isspace())
    return _WORKFLOW_COMMAND.sub(lambda found: f"{found[0]} ", text)


def clean_line(text: str, limit: int = 300) -> str:
    """Return `text` cleaned and on one line; one that is cut has `limit` characters with CUT."""
    line = " ".join(clean_text(text[: 4 * limit]).split())
    is_whole = len(line) <= limit and len(text) <= 4 * limit
    return line if is_whole else line[: limit - 1].rstrip() + CUT


def escape_unprintable(text: str, limit: int = 300) -> str:
    r"""Return `text` with every invisible character written as an escape (`\x1b`).

    It is cut to `limit` characters. This is for names and paths that are compared: two different
    texts stay different, which `clean_text` does not promise.
    """
    shown = "".join(
        each.encode("unicode_escape").decode()
        if not each.isprintable() or _INVISIBLE.match(each)
        else each
        for each in text[:limit]
    )
    return shown if len(text) <= limit and len(shown) <= limit else shown[: limit - 1] + CUT


def _list_entries(folder: Path, name: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the entries of a folder, each with its path below `folder`.

    Yields nothing if the folder is gone or was replaced.
    """
    try:
        descriptor = _open_path(folder, name)
    except (FileNotFoundError, Malformed):
        return
    try:
        with os.scandir(f"/proc/self/fd/{descriptor}") as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    yield f"{name}/{entry.name}", entry.stat(follow_symlinks=False)
    except NotADirectoryError:
        return
    finally:
        os.close(descriptor)


def _open_path(folder: Path, name: str) -> int:
    """Return a descriptor (O_PATH) of what is at `name`.

    Nothing is read, and no device or FIFO is touched.
    """
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    for part in Path(name).parts:
        above = descriptor
        try:
            descriptor = os.open(part, os.O_PATH | os.O_NOFOLLOW, dir_fd=above)
        except NotADirectoryError:
            raise Malformed(f"a part of the path `{name}` is not a folder") from None
        finally:
            os.close(above)
    return descriptor


def _read_regular(descriptor: int, limit: int, name: str) -> bytes:
    """Return the content of the file that an O_PATH descriptor refers to.

    The link below /proc leads to that very file, wherever it is now.
    """
    with _open_again(descriptor, Path(name)) as file:
        data = bytearray()
        while chunk := file.read(min(1 << 20, limit + 1 - len(data))):
            data += chunk
    if len(data) > limit:
        raise Malformed(f"`{name}` grew beyond the allowed {limit:,} bytes")
    return bytes(data)


def _open_again(descriptor: int, path: Path) -> BufferedReader:
    """Return the regular file of an O_PATH descriptor, open for reading; errors name `path`."""
    try:
        return os.fdopen(os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_CLOEXEC), "rb")
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), str(path)) from None


def _kind_of(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "a symbolic link",
        stat.S_IFIFO: "a named pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFBLK: "a device",
        stat.S_IFCHR: "a device",
        stat.S_IFDIR: "a folder",
        stat.S_IFREG: "a regular file",
    }
    return kinds.get(stat.S_IFMT(mode), "of an unknown kind")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the key {name!r:.60} is given twice")
        found[name] = value
    return found


def _finite_number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        is_number = text[-1:].isdigit()  # else it is NaN or Infinity
        raise ValueError(
            f"the number {text:.40} is too large" if is_number else f"{text} is not a JSON value"
        )
    return value


def count_values(value: object) -> int:
    """Return the number of values and keys of a JSON value.

    Raises RecursionError if it is nested too deeply, and ValueError if it holds text that is not
    Unicode. A lone surrogate is not: no file can hold it.
    """
    level: list[object] = [value]
    count = 0
    for _ in range(MAX_DEPTH):
        count += len(level)
        level = [inner for each in level for inner in _inner_values(each)]
        if not level:
            return count
    raise RecursionError


def _inner_values(value: object) -> Iterator[object]:
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, dict):
        yield from value
        yield from value.values()
    elif isinstance(value, list):
        yield from value
