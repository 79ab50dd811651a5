"""Questions to the package indexes that uv is configured to use: versions, wheels, requirements.

uv answers which versions there are. What a wheel requires is read from the metadata that an index
serves beside it. Nothing is downloaded as a whole, built or run. All answers are text of others.
"""

from __future__ import annotations

import contextlib
import datetime
import io
import re
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import requests
from packaging.metadata import parse_email
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename
from packaging.version import Version

from images import indexes, wheelhouse, zip_reader
from images.indexes import IndexPlaces
from images.locks import Wheel
from images.resolve import HINT, uv_command
from oci import transport
from oci.deadline import Deadline
from oci.reach import Misdirected
from runner import home, progress, records, settings, shell
from runner.child_variables import RESOLVERS, secrets_for
from runner.errors import ConfigError, EnvironmentFailed, ReleaseError
from runner.pool import worker_pool
from runner.untrusted import clean_line

RESOLVE_S = 600
"""Seconds for one question to uv, which reads the index over the network."""
METADATA_S, METADATA_BYTES = 30, 1 << 20
"""Limits of the metadata of one wheel. That of torch 2.13.0 has 38,460 bytes, as its index says."""
MAX_REQUIREMENTS = 1000
"""Requirements of a wheel that are read."""
READERS = 8
"""Wheels whose metadata is read at once."""
MAX_MINORS = 60
"""Minor versions of torch that are listed; from 2.0 to 2.15 there are 16."""

_NO_SOLUTION = "No solution found"
UNREADABLE = (*zip_reader.UNREADABLE, KeyError, ReleaseError)
"""What goes wrong in a wheel of others, or in an index that does not serve it."""

_NEED = re.compile(rb"(?:Requires-Dist|Requires-Python):.{1,2000}$", re.IGNORECASE)
"""What is read of the metadata of a wheel. The longest line of the wheels of line 2.6, of all
stacks, has 256 bytes (`Requires-Dist` in their METADATA)."""
_FILE_NAME = re.compile(r"[A-Za-z0-9_.+!-]{1,300}\.whl")


class NoVersion(ConfigError):
    """The index was asked, and has no versions that fit together."""


@dataclass(frozen=True)
class OfferedWheel:
    """A wheel that an index offers. `size` is in bytes; 0 if the index does not say it.

    `is_at_index`: its address is at the place of an index that a person configured. Another address
    is only followed to a public host.
    """

    name: str
    version: str
    file: str
    address: str
    sha256: str
    size: int
    day: datetime.date | None
    is_at_index: bool = False

    @property
    def place(self) -> str:
        """The folder or the host that offers the wheel, without account and password."""
        parts = urlsplit(self.address)
        folder = unquote(parts.path).rpartition("/")[0]
        return clean_line(folder if parts.scheme == "file" else parts.netloc.rpartition("@")[2])

    @property
    def minor(self) -> str:
        """The minor version, without epoch: `2.6` of `2.6.0+cu126`."""
        return ".".join(map(str, Version(self.version).release[:2]))


@dataclass(frozen=True)
class WheelNeeds:
    """The requirements of a wheel, and of Python, as its metadata states them."""

    requires: tuple[Requirement, ...]
    python: str


def resolve_offers(
    python: str,
    requirements: Sequence[str],
    constraints: Sequence[str] = (),
    *,
    alone: bool = False,
) -> dict[str, OfferedWheel]:
    """Return the newest wheels that meet `requirements` and `constraints` together, by name.

    With `alone` each package is looked at by itself, without what it requires. Raises NoVersion
    if nothing fits, and EnvironmentFailed if the index cannot be read.
    """
    uv = indexes.settings_of_uv()
    with home.scratch_folder("index") as work:
        wanted, allowed = work / "wanted.in", work / "allowed.txt"
        wanted.write_text("".join(f"{each}\n" for each in requirements))
        allowed.write_text("".join(f"{each}\n" for each in constraints))
        options = ["--format", "pylock.toml", *(["--no-deps"] if alone else [])]
        done = shell.run_to_end(
            uv_command(python, *options, *uv.options, "--constraint", allowed, wanted),
            hint=HINT,
            env=uv.variables,
            timeout_s=RESOLVE_S,
            allowed=RESOLVERS,
        )
    if done.code:
        problem = clean_line(done.stderr, 400)
        if _NO_SOLUTION in done.stderr:
            raise NoVersion(f"no versions fit together: {problem}", HINT)
        raise EnvironmentFailed(f"the package index cannot be read: {problem}", HINT)
    return _read_pylock(done.stdout, python, uv.places)


def list_minors(python: str, oldest: str) -> list[OfferedWheel]:
    """Return the newest torch of each minor version, newest first, down to the minor `oldest`."""
    found: list[OfferedWheel] = []
    end = tuple(map(int, oldest.split(".")))
    bound = ""
    while len(found) < MAX_MINORS:
        try:
            newest = resolve_offers(python, [f"torch{bound}"], alone=True)["torch"]
        except NoVersion:
            if not found:
                raise
            break
        if Version(newest.version).release[:2] < end:
            break
        found.append(newest)
        bound = f"<{newest.minor}"
    return found


def read_needs(wheels: Iterable[OfferedWheel]) -> dict[str, WheelNeeds]:
    """Return what each wheel requires, by the name of its file.

    A wheel is left out if the index does not serve its metadata, or serves none that can be read.
    """
    by_file = {wheel.file: wheel for wheel in wheels}
    with worker_pool(READERS) as pool:
        read = {file: pool.submit(_read_metadata, wheel) for file, wheel in by_file.items()}
        texts = {file: each.result() for file, each in read.items()}
    return {file: parse_needs(text) for file, text in texts.items() if text is not None}


def parse_needs(metadata: bytes) -> WheelNeeds:
    """Return the requirements in the METADATA of a wheel, without those that cannot be read."""
    # these lines alone: the parser needs the square of the time for many fields of other names
    lines = [line for line in metadata.splitlines() if _NEED.match(line)]
    raw, _ = parse_email(b"\n".join(lines[: MAX_REQUIREMENTS + 1]))
    found = []
    for text in raw.get("requires_dist", [])[:MAX_REQUIREMENTS]:
        # more digits, or deeper brackets, than Python reads; digits are read when it is used
        with contextlib.suppress(ValueError, RecursionError):
            requirement = Requirement(text)
            requirement.specifier.contains("1")
            found.append(requirement)
    return WheelNeeds(tuple(found), raw.get("requires_python", ""))


def lock_offers(offers: Mapping[str, OfferedWheel]) -> dict[str, Wheel]:
    """Return the offered wheels as a lock has them. Raises EnvironmentFailed without a size."""
    found = {}
    for name, offer in offers.items():
        size = offer.size or _ask_size(offer)
        if not size:
            problem = f"the index does not say how many bytes {offer.file} has"
            raise EnvironmentFailed(problem, "use an index that serves sizes (PEP 700)")
        found[name] = Wheel(name, offer.version, offer.sha256, offer.file, size)
    return found


@contextlib.contextmanager
def open_wheel(wheel: OfferedWheel) -> Iterator[zipfile.ZipFile]:
    """Open a wheel where it lies, to read a few of its files.

    The bytes come by range requests and are not compared with the hash: the lock's step does that.
    Raises OSError or BadZipFile if the index does not answer such requests.
    """
    with (
        records.open_binary(local)
        if (local := _local_path(wheel))
        else _RemoteFile(wheel, wheel.size or _ask_size(wheel)) as file,
        zipfile.ZipFile(file) as opened,
    ):
        yield opened


def _read_pylock(text: str, python: str, named: IndexPlaces) -> dict[str, OfferedWheel]:
    try:
        packages = tomllib.loads(text).get("packages", [])
        offers, places = [], _rank_tags(python)
        for package in packages:
            wheels = [_read_wheel(wheel, named) for wheel in package["wheels"]]
            found = [
                (places[tag], offer) for offer, tags in wheels for tag in tags if tag in places
            ]
            # the wheel that pip would take, so that every lock has the same one
            offers.append(min(found, key=lambda ranked: ranked[0])[1])
    except (
        *(ValueError, KeyError, TypeError, IndexError, AttributeError),
        *(ArithmeticError, RecursionError),
    ) as error:
        problem = f"uv's answer cannot be read: {type(error).__name__}: {clean_line(str(error))}"
        raise EnvironmentFailed(problem, HINT) from None
    return {offer.name: offer for offer in offers}


@cache
def _rank_tags(python: str) -> dict[Tag, int]:
    """Return the tags of wheels for Python `python`, with their place in pip's order."""
    version = tuple(map(int, python.split(".")))
    name = f"cp{python.replace('.', '')}"
    tags = [
        *cpython_tags(version, platforms=wheelhouse.PLATFORMS),
        *compatible_tags(version, name, [*wheelhouse.PLATFORMS, "any"]),
    ]
    return {tag: place for place, tag in reversed([*enumerate(tags)])}


def _read_wheel(
    wheel: Mapping[str, Any], named: IndexPlaces
) -> tuple[OfferedWheel, frozenset[Tag]]:
    address = str(wheel["url"]) if "url" in wheel else Path(wheel["path"]).absolute().as_uri()
    file = wheel.get("name") or unquote(urlsplit(address).path.rpartition("/")[2])
    sha256 = wheel["hashes"]["sha256"]
    if not _FILE_NAME.fullmatch(file) or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError(f"a wheel with the name {file!r:.80}")
    name, version, _, tags = parse_wheel_filename(file)
    moment = wheel.get("upload-time")
    day = moment.date() if isinstance(moment, datetime.datetime) else None
    size = max(0, int(wheel.get("size", 0)))
    is_named = named.holds_address(address)
    offer = OfferedWheel(name, str(version), file, address, sha256, size, day, is_named)
    return offer, tags


@cache
def _read_metadata(wheel: OfferedWheel) -> bytes | None:
    """Return the METADATA of a wheel; None if it cannot be had."""
    folder = "-".join(wheel.file.split("-")[:2])
    with contextlib.suppress(*UNREADABLE):
        beside = None
        if not _local_path(wheel):  # PEP 658; not every index serves it for every wheel
            beside = _ask_index(wheel, METADATA_BYTES, end=".metadata")
        if beside is not None:
            return beside
        with open_wheel(wheel) as opened:
            held = opened.getinfo(f"{folder}.dist-info/METADATA")
            return zip_reader.read_member(opened, held, METADATA_BYTES)
    return None


def _ask_index(wheel: OfferedWheel, limit: int, *, part: str = "", end: str = "") -> bytes | None:
    """Return what an index serves for a wheel; None if it is not there or has too many bytes.

    `part` is a range of bytes, `end` is added to the address. A redirect is not followed: uv has
    read the index without one. Raises Misdirected if the address may not be asked.
    """
    headers = {"Accept-Encoding": "identity"} | ({"Range": part} if part else {})
    with Deadline(METADATA_S) as bound, bound.attach_to_thread(), _report_refusal(wheel):
        answer = _session_of(wheel).get(
            f"{wheel.address}{end}",
            headers=headers,
            stream=True,
            timeout=transport.TIMEOUT_S,
            allow_redirects=False,
        )
        with answer:
            is_right = answer.status_code == (206 if part else 200)
            return answer.content if is_right and transport.read_body(answer, limit) else None


def _ask_size(wheel: OfferedWheel) -> int:
    """Return the size of a wheel, which the index's page does not say; 0 if it cannot be had."""
    try:
        if local := _local_path(wheel):
            return local.stat().st_size
        with Deadline(METADATA_S) as bound, bound.attach_to_thread(), _report_refusal(wheel):
            answer = _session_of(wheel).head(
                wheel.address, timeout=transport.TIMEOUT_S, allow_redirects=False
            )
        length = answer.headers.get("Content-Length", "") if answer.status_code == 200 else ""
    except (OSError, ValueError):
        return 0
    return int(length) if re.fullmatch(r"[0-9]{1,12}", length) else 0


def _session_of(wheel: OfferedWheel) -> requests.Session:
    """Return connections to the host of a wheel. Raises Misdirected if it may not be asked."""
    parts = urlsplit(wheel.address)
    if wheel.is_at_index:
        return _open_session(parts.scheme, parts.netloc)
    if parts.scheme != "https":
        raise Misdirected(f"{parts.scheme} is not https")
    return _open_public_session(parts.netloc)


@contextlib.contextmanager
def _report_refusal(wheel: OfferedWheel) -> Iterator[None]:
    """Say in a line, once for each host, that an address is not asked."""
    try:
        yield
    except Misdirected:
        _say_refusal(wheel.place)
        raise


@cache
def _say_refusal(place: str) -> None:
    progress.say_line(
        f"  the index names {place} for its wheels, which is not asked: it is no index of pip's "
        f"settings, and no public host with https; if it may be asked, add it to extra-index-url"
    )


@cache
def _open_public_session(host: str) -> requests.Session:
    return transport.make_public_session(host)


@cache
def _open_session(scheme: str, host: str) -> requests.Session:
    """Return connections to an index, with the account that uv's or pip's settings name for it.

    A page of the index may name an address without TLS; then the account is not sent.
    """
    made = transport.make_session(host, f"{scheme}://{host}/")
    for value in secrets_for(settings.INDEXES).values():
        for word in value.split():
            parts = urlsplit(word.partition("=")[2] if "=http" in word else word)
            is_same = (parts.scheme, parts.netloc.rpartition("@")[2]) == (scheme, host)
            if parts.username is not None and is_same:
                made.auth = (unquote(parts.username), unquote(parts.password or ""))
    return made


def _local_path(wheel: OfferedWheel) -> Path | None:
    """Return the path of a wheel in a folder of this machine; None if it is elsewhere.

    Raises Misdirected if it is in no folder of pip's settings: a page from elsewhere may name it.
    """
    parts = urlsplit(wheel.address)
    if parts.scheme != "file":
        return None
    with _report_refusal(wheel):
        if not wheel.is_at_index:
            raise Misdirected("it is in no folder of an index")
    return Path(unquote(parts.path))


class _RemoteFile(io.RawIOBase):
    """A file of an index that is read by range requests, a block at a time.

    The first block is the end: a wheel has its table of contents there, and often its metadata.
    """

    BLOCK, LAST_BLOCK = 2 << 20, 256 << 10
    MAX_READ_BYTES, MAX_BYTES = 32 << 20, 256 << 20

    def __init__(self, wheel: OfferedWheel, size: int) -> None:
        super().__init__()
        self._wheel, self._size, self._at = wheel, size, 0
        self._start, self._block = 0, b""
        self._asked = 0

    def __enter__(self) -> Self:
        return self

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position, and return it."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes, fewer at the end; all that are left without a size.

        Raises OSError for more than MAX_READ_BYTES: a table of contents may claim any size.
        """
        size = self._size - self._at if size < 0 else size
        if size > self.MAX_READ_BYTES:
            raise OSError("too many bytes at once")
        found = bytearray()
        while len(found) < size and (piece := super().read(size - len(found))):
            found += piece
        return bytes(found)

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any writable buffer, as RawIOBase has it
        """Read the next bytes into `buffer`. Raises OSError if the index does not serve them."""
        if not self._start <= self._at < self._start + len(self._block):
            if self._at >= self._size:
                return 0
            self._read_block()
        piece = self._block[self._at - self._start :][: len(buffer)]
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _read_block(self) -> None:
        """Read the block that holds the position. Raises OSError if the index serves none."""
        tail = self._size - self.LAST_BLOCK
        start = max(0, min(self._at, tail)) if self._at >= tail else self._at
        length = min(self.BLOCK, self._size - start)
        self._asked += length
        if self._asked > self.MAX_BYTES:
            raise OSError("too many bytes of one wheel")
        found = _ask_index(self._wheel, length, part=f"bytes={start}-{start + length - 1}")
        if found is None or len(found) != length:
            raise OSError("the index serves no ranges of bytes")
        self._start, self._block = start, found
