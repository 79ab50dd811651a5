"""Upload of a blob: a small one in one piece, a large one in chunks that continue after a cut.

Distribution 2.8 ends an upload that was cut inside a chunk when it is asked
(distribution/distribution, pull request 3755), and appends whatever comes, whatever range it says.
So bytes are sent again only from the offset that the registry states. If it states none, the upload
begins again.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import requests

from oci.deadline import Deadline
from oci.diagnosis import show_address
from oci.registry_error import RegistryError
from oci.repeats import ATTEMPTS, pause_before_repeat
from oci.transport import TIMEOUT_S, seconds_for
from runner.untrusted import clean_line

CHUNK_BYTES = 64 << 20
"""The bytes of one request, which are sent again after a cut.

Some proxies refuse requests of more than 100 MB.
"""

MAX_END_S, END_BYTES_PER_S = 300.0, 20 << 20
"""The longest wait for the end of an upload: some registries copy or hash all of it then."""

CUTS = 10
"""How often an upload continues after a cut before it begins again."""

_COUNT = re.compile(r"\d{1,12}", re.ASCII)
_NOT_IN_CHUNKS = (400, 404, 405, 411, 413, 416, 501)
"""Statuses of registries that do not accept chunks (of this size), or that lost some."""


class Call(Protocol):
    """A function that sends a request to the registry, repeated if that is safe.

    Raises RegistryError for an unexpected status.
    """

    def __call__(
        self,
        method: str,
        path: str,
        *,
        expect: tuple[int, ...],
        whole: Deadline | None = None,
        **named: Any,  # noqa: ANN401 - handed on as they are
    ) -> requests.Response:
        """Return the answer.

        `whole` is the deadline that it must keep, if it is not the usual one.
        """
        ...


@dataclass(frozen=True)
class BlobSource:
    """A blob to upload, `size` in bytes.

    `read` returns the bytes from one offset up to another. It may be called more than once.
    """

    digest: str
    size: int
    read: Callable[[int, int], Iterable[bytes]]


def upload_blob(call: Call, repository: str, source: BlobSource) -> None:
    """Make a blob part of a repository.

    Raises RegistryError; what is left of the upload is not visible.
    """
    whole = source.size <= CHUNK_BYTES
    for attempt in range(1, ATTEMPTS + 1):
        error = _UploadSession(call, repository, source).send_or_cancel(whole)
        if error is None:
            return
        refuses_chunks = not whole and error.status in _NOT_IN_CHUNKS
        if attempt == ATTEMPTS or not (error.may_pass or refuses_chunks):
            raise error
        pause_before_repeat(error, attempt)
        if (
            call("HEAD", f"{repository}/blobs/{source.digest}", expect=(200, 404)).status_code
            == 200
        ):
            return  # the registry has it, and only the answer was lost
        whole = whole or refuses_chunks


def try_upload(call: Call, repository: str) -> None:
    """Begin an upload and cancel it: nothing is left in the repository.

    Raises RegistryError if the registry does not let this account push.
    """
    opened = call("POST", f"{repository}/blobs/uploads/", expect=(202,))
    cancel_upload(call, repository, upload_location(opened))


def check_digest(answer: requests.Response, digest: str) -> None:
    """Raise RegistryError if the registry states another digest than was put."""
    stated = answer.headers.get("Docker-Content-Digest", digest)
    if stated != digest:
        took = clean_line(stated, 100)
        raise RegistryError(
            answer.status_code,
            f"{show_address(answer.url)}: {digest} was put, and the registry took {took}",
        )


def upload_location(answer: requests.Response) -> str:
    """Return the address to continue an upload at; empty if the registry states none."""
    location = answer.headers.get("Location", "")
    try:
        address = urljoin(answer.url, location) if location else ""
        scheme = urlsplit(address).scheme
    except ValueError:
        scheme = "none"
    if location and scheme not in ("http", "https"):
        raise RegistryError(
            answer.status_code,
            f"{show_address(answer.url)}: the `Location` header is not an address",
        )
    return address


def cancel_upload(call: Call, repository: str, address: str) -> None:
    """Ask the registry to forget an upload of a repository.

    It may refuse: registries remove unfinished uploads. Nothing else is deleted, whatever address
    the registry gave (`oci/transport.py` checks all of it), and no redirect is followed.
    """
    path = urlsplit(address).path.rpartition("/")[0]
    if path == f"/v2/{repository}/blobs/uploads":
        with contextlib.suppress(RegistryError):
            call("DELETE", address, expect=(202, 204), allow_redirects=False)


class _UploadSession:
    """One upload: its next address (`_address`) and how many bytes the registry has (`_held`)."""

    def __init__(self, call: Call, repository: str, source: BlobSource) -> None:
        self._call = call
        self._repository = repository
        self._source = source
        self._held = 0
        opened = call("POST", f"{repository}/blobs/uploads/", expect=(202,))
        self._address = upload_location(opened)
        if not self._address:
            raise RegistryError(
                202, f"{show_address(opened.url)}: the registry opened an upload without an address"
            )
        least = opened.headers.get("OCI-Chunk-Min-Length", "")
        self._chunk = max(CHUNK_BYTES, int(least) if _COUNT.fullmatch(least) else 0)

    def send_or_cancel(self, whole: bool) -> RegistryError | None:
        """Send all of the blob, and return the error if that fails.

        After an error the registry is asked to forget the upload.
        """
        digest = self._source.digest
        try:
            if not whole:
                self._send_chunks()
            target = f"{self._address}{'&' if '?' in self._address else '?'}digest={digest}"
            check_digest(self._send_part("PUT", target, self._source.size, 201), digest)
        except RegistryError as error:
            cancel_upload(self._call, self._repository, self._address)
            return error
        return None

    def _send_chunks(self) -> None:
        cuts = 0
        while self._held < self._source.size:
            end = min(self._held + self._chunk, self._source.size)
            try:
                self._send_chunk(end)
            except RegistryError as error:
                cuts += 1
                if cuts > CUTS or not (error.may_pass or error.status == 416):
                    raise
                pause_before_repeat(error, cuts)
                self._resume_after(error, end)

    def _send_chunk(self, end: int) -> None:
        start = self._held
        answer = self._send_part(
            "PATCH", self._address, end, 202, {"Content-Range": f"{start}-{end - 1}"}
        )
        self._note_progress(answer, end, _held_bytes(answer) or end)
        if self._held <= start:
            raise RegistryError(
                416,
                f"{show_address(answer.url)}: bytes from {start} to {end} were sent, and the "
                "registry did not keep them",
            )

    def _resume_after(self, error: RegistryError, end: int) -> None:
        """Continue from the offset that the registry states.

        Raises `error` if the registry states none.
        """
        try:
            answer = self._call("GET", self._address, expect=(204,))
        except RegistryError:
            raise error from None
        held = _held_bytes(answer)
        if held is None:
            raise error
        self._note_progress(answer, end, held)

    def _note_progress(self, answer: requests.Response, end: int, held: int) -> None:
        if held > end:
            raise RegistryError(
                404,
                (
                    f"{show_address(answer.url)}: {end} bytes were sent, and the registry says it "
                    f"has {held}"
                ),
            )
        self._address, self._held = upload_location(answer) or self._address, held

    def _send_part(
        self, method: str, target: str, end: int, status: int, more: dict[str, str] | None = None
    ) -> requests.Response:
        headers = {"Content-Type": "application/octet-stream", **(more or {})}
        body = _Part(self._source, self._held, end)
        moved = (
            self._source.size if status == 201 else len(body)
        )  # at the end it may read all bytes again
        wait_s = min(MAX_END_S, TIMEOUT_S[1] + moved / END_BYTES_PER_S)
        named = {"data": body or b"", "headers": headers, "timeout": (TIMEOUT_S[0], wait_s)}
        with Deadline(seconds_for(moved)) as whole:
            return self._call(method, target, expect=(status,), whole=whole, **named)


class _Part:
    """A part of a source as a request body of known length, which may be sent more than once."""

    def __init__(self, source: BlobSource, start: int, end: int) -> None:
        self._source, self._start, self._end = source, start, end

    def __len__(self) -> int:
        return self._end - self._start

    def __iter__(self) -> Iterator[bytes]:
        left = len(self)
        for chunk in self._source.read(self._start, self._end):
            left -= len(chunk)
            yield chunk
        if left:  # else the registry would wait for the rest
            raise RegistryError(
                200,
                f"{self._source.digest} does not have {self._source.size} bytes in its source",
            )


def _held_bytes(answer: requests.Response) -> int | None:
    """Return how many bytes the registry says it has, or None if it does not say.

    Registries say `0-0` both for no byte and for one.
    """
    match = re.fullmatch(r"(?:bytes=)?0-(\d{1,16})", answer.headers.get("Range", ""))
    return int(match[1]) + 1 if match and int(match[1]) > 0 else None
