"""A thin client of the OCI distribution protocol (Distribution Specification 1.1).

It moves raw bytes and always verifies their digests. Requests that change nothing, or the same
however often they are sent, are repeated on connection failures, 429 and 5xx, with backoff and
`Retry-After` (oci/repeats.py); a blob continues after a cut (oci/upload.py). A tag is never put
twice: meanwhile somebody else may have put it. A failure that stays is one RegistryError with the
repository and the registry's own words. Credentials are Docker's own (oci/login.py), and so are
authorities and client certificates (oci/tls.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import Any, TypeVar
from urllib.parse import urljoin

import requests
from urllib3.exceptions import HTTPError

from oci import diagnosis, transport
from oci.api_paths import blob_path, manifest_path, require_digest, require_repository
from oci.deadline import Deadline
from oci.login import Login, uses_plain_http
from oci.manifest import (
    DOCKER_INDEX,
    DOCKER_MANIFEST,
    MAX_MANIFEST_BYTES,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    parse_manifest,
    sha256,
)
from oci.pages import find_next_page, parse_listed_entry, read_entries
from oci.reference import is_digest, is_tag
from oci.registry_error import RegistryError
from oci.repeats import repeat_request
from oci.transport import TIMEOUT_S
from oci.upload import (
    BlobSource,
    cancel_upload,
    check_digest,
    try_upload,
    upload_blob,
    upload_location,
)
from runner import progress, records
from runner.errors import ConfigError
from runner.pool import worker_pool
from runner.redaction import require_no_secret
from runner.untrusted import Malformed, parse_json

__all__ = [
    "MANIFEST_TYPES",
    "Registry",
    "RegistryError",
    "Unreadable",
    "file_sha256",
    "report_malformed",
]

MANIFEST_TYPES = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX)
LOGINS = 2
"""How often a request is sent with new credentials: another thread's token may end just now."""

WORKERS = 4
READ_BYTES = 1 << 20
PAGE_ENTRIES = 1000
PAGES = 1000
"""A list of more pages is assumed to lead back to itself."""
MAX_LIST_ENTRIES = 200_000
"""Entries. A list that has more is not read to its end."""
MAX_LIST_BYTES = 64 << 20
"""Bytes of all pages of a list together. 200,000 tags of the longest kind need half of it."""
LIST_S = 300.0
"""Seconds for all pages of a list."""
MAX_SMALL_BLOB_BYTES = 64 << 20
"""Bytes of a blob that is read into memory, if its size is not known."""
SILENCE_S = 60.0
"""Seconds without requests to a registry that did not answer within the whole time of one."""

T = TypeVar("T")
OnBytes = Callable[[int], None]


class Unreadable(RegistryError):
    """Content of the registry that is not as it should be.

    Anybody who may write there can have put it, so it is no outage.
    """


class TooLong(Unreadable):
    """An answer or a list that has more bytes or entries than are read."""


_SPOKEN_TO = dict.fromkeys(("docker.io", "index.docker.io"), "registry-1.docker.io")
"""Docker Hub's names, and the host of its API; `docker login` keeps credentials under the name."""


class Registry:
    """One registry, by `host[:port]`, over HTTPS; over plain HTTP on loopback or by a setting."""

    def __init__(self, host: str) -> None:
        if "@" in host:  # it is not shown, because it would be in every log
            raise ConfigError(
                "the registry's address contains a user name or a password",
                "write HOST or HOST:PORT, and log in with `docker login`",
            )
        self.host = host
        scheme = "http" if uses_plain_http(host) else "https"
        self._base = f"{scheme}://{_SPOKEN_TO.get(host, host)}/v2/"
        self._login = Login(host, self._base)
        self._session = transport.make_session(host, self._base)
        self._session.auth = self._login
        self._held: set[tuple[str, str]] = (
            set()
        )  # blobs seen in a repository: they stay during a run
        self._silent_until = 0.0
        self._cut: set[str] = set()
        self._kept: dict[str, tuple[str, ...]] | None = None
        self.looked: dict[tuple[str, str], Manifest | None] = {}
        """What oci/referrers.py read by repository and name: each name once in a command."""

    def ping(self) -> None:
        """Raise RegistryError if no registry answers, or if it wants other credentials."""
        self._send_request("GET", "", expect=(200,))

    def read_manifest(
        self, repository: str, reference: str, limit: int = MAX_MANIFEST_BYTES
    ) -> Manifest | None:
        """Return the manifest under a tag or digest; None if there is none.

        Its bytes are exact. They are compared with the digest that was asked for, or with the one
        that the registry states for the tag. Raises Unreadable if it is not a manifest or has more
        bytes than `limit`, and RegistryError if the registry fails.
        """
        answer = self._raw_manifest(repository, reference, limit)
        if answer is None:
            return None
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        with report_malformed(self, repository, reference):
            if media_type not in MANIFEST_TYPES:  # such as text/plain: the manifest may say better
                content = parse_json(answer.content, MAX_MANIFEST_BYTES)
                stated = content.get("mediaType") if isinstance(content, dict) else None
                media_type = stated if stated in MANIFEST_TYPES else OCI_MANIFEST
            return parse_manifest(answer.content, media_type)

    def _raw_manifest(
        self, repository: str, reference: str, limit: int = MAX_MANIFEST_BYTES
    ) -> requests.Response | None:
        path = manifest_path(repository, reference)
        answer = self._send_request("GET", path, expect=(200, 404), headers=_ACCEPT, limit=limit)
        if answer.status_code == 404:
            return None
        stated = (
            reference if is_digest(reference) else answer.headers.get("Docker-Content-Digest", "")
        )
        if is_digest(stated) and sha256(answer.content) != stated:
            raise self._other_bytes_error(repository, reference)
        return answer

    def resolve_digest(self, repository: str, reference: str) -> str | None:
        """Return the digest that a tag is on now, or None if there is no such tag.

        It is computed if the registry states none.
        """
        path = manifest_path(repository, reference)
        answer = self._send_request("HEAD", path, expect=(200, 404), headers=_ACCEPT)
        if answer.status_code == 404:
            return None
        stated = answer.headers.get("Docker-Content-Digest", "")
        if not is_digest(stated):
            found = self._raw_manifest(repository, reference)
            return sha256(found.content) if found else None
        if is_digest(reference) and stated != reference:
            raise self._other_bytes_error(repository, reference)
        return stated

    def put_manifest(
        self, repository: str, reference: str, manifest: Manifest, *, contested: bool = True
    ) -> str:
        """Put the exact bytes of a manifest under a tag or digest.

        If the tag is `contested`, the tag is read back. Returns the digest of the manifest's
        subject if the registry itself lists its referrers, else an empty text. Raises ConfigError
        if a secret of this process is in it.
        """
        require_no_secret(manifest.body, f"a manifest for {self.host}/{repository}")
        if self._kept:
            self._kept.pop(repository, None)
        path, headers = manifest_path(repository, reference), {"Content-Type": manifest.media_type}

        def put() -> requests.Response:
            return self._send_request(
                "PUT", path, expect=(201,), data=manifest.body, headers=headers
            )

        answer = repeat_request(put) if is_digest(reference) else put()
        check_digest(answer, manifest.digest)
        is_stated = "Docker-Content-Digest" in answer.headers and (
            is_digest(reference) or not contested
        )
        if not is_stated and self.resolve_digest(repository, reference) != manifest.digest:
            raise RegistryError(
                201,
                f"{self.host}/{repository}:{reference} does not hold the manifest that was put "
                "there",
            )
        return answer.headers.get("OCI-Subject", "")

    @contextlib.contextmanager
    def keep_tag_lists(self) -> Iterator[None]:
        """Ask for the tags of each repository once within the block, and after each put by us.

        For reading about many images: without the referrers API, each image needs the list. A tag
        that another client puts meanwhile is seen after the block.
        """
        before, self._kept = self._kept, {}
        try:
            yield
        finally:
            self._kept = before

    def list_tags(self, repository: str) -> tuple[str, ...]:
        """Return every tag, in the registry's order; none if there is no such repository.

        Of a list that is too long only the beginning is returned, and a line says so. Then
        `has_cut_list` is true: a tag that is not in the list may be there all the same.
        """
        if self._kept and repository in self._kept:
            return self._kept[repository]
        path = f"{require_repository(repository)}/tags/list?n={PAGE_ENTRIES}"
        found: list[str] = []
        try:
            self._read_pages(
                path,
                "tags",
                lambda entry: entry if isinstance(entry, str) and is_tag(entry) else None,
                found,
            )
        except TooLong:
            if repository not in self._cut:
                progress.say_line(
                    f"  {self.host}/{repository} has too many tags to list: tags are looked up by "
                    "the names that are known; remove the tags that nobody needs"
                )
            self._cut.add(repository)
        if self._kept is not None:
            self._kept[repository] = tuple(found)
        return tuple(found)

    def has_cut_list(self, repository: str) -> bool:
        """Return whether `list_tags` did not return all tags of a repository."""
        return repository in self._cut

    def list_referrers(self, repository: str, digest: str) -> list[Any] | None:
        """Return the descriptors of the manifests whose subject is `digest`.

        They have type and annotations. Returns None if the registry does not list referrers. A list
        that is too long is cut, and a line says so: what a trusted key signed names its evidence.
        """
        path = f"{require_repository(repository)}/referrers/{require_digest(digest)}"
        found: list[Any] = []
        try:
            return found if self._read_pages(path, "manifests", parse_listed_entry, found) else None
        except TooLong as error:
            progress.say_line(f"  {error.message}; the rest of the list is not read")
            return found

    def has_blob(self, repository: str, digest: str, size: int | None = None) -> bool:
        """Return whether the repository holds the blob.

        Raises RegistryError if it is known to have another `size` there.
        """
        blob = (repository, digest)
        if blob in self._held:
            return True
        answer = self._send_request("HEAD", blob_path(repository, digest), expect=(200, 404))
        if answer.status_code == 404:
            return False
        stated = answer.headers.get("Content-Length", "")
        if size is not None and stated.isdecimal() and int(stated) != size:
            what = (
                f"{self.host}/{repository}@{digest} has {stated} bytes in the registry, not {size}"
            )
            raise RegistryError(
                200,
                what,
                "delete this blob from the registry's storage, then run the same command again",
            )
        self._held.add(blob)
        return True

    def read_blob(self, repository: str, digest: str, size: int | None = None) -> bytes:
        """Return all bytes of a small blob. Its digest is verified.

        If its size is known, no more is read.
        """
        path, what = blob_path(repository, digest), f"{self.host}/{repository}@{digest}"
        limit = MAX_SMALL_BLOB_BYTES if size is None else size
        data = bytearray()
        for chunk in self._stream_blob(path, limit):
            data += chunk
            if len(data) > limit:
                its = "the allowed" if size is None else "its"
                raise Unreadable(200, f"{what}: more than {its} {limit} bytes were served")
        if sha256(bytes(data)) != digest:
            raise RegistryError(200, f"{what}: other bytes were served")
        return bytes(data)

    def iter_blob(self, repository: str, blob: Descriptor) -> Iterator[bytes]:
        """Yield the bytes of a blob of any size in pieces.

        Raises Unreadable after the last piece if they are not those of its digest, and
        RegistryError if the registry fails.
        """
        what = f"{self.host}/{repository}@{blob.digest}"
        read, size = hashlib.sha256(), 0
        for chunk in self._stream_blob(blob_path(repository, blob.digest), blob.size):
            read.update(chunk)
            size += len(chunk)
            if size > blob.size:
                raise Unreadable(200, f"{what}: more than its {blob.size} bytes were served")
            yield chunk
        if f"sha256:{read.hexdigest()}" != blob.digest:
            raise Unreadable(200, f"{what}: other bytes were served")

    def mount_blob(self, repository: str, digest: str, source: str) -> bool:
        """Make a blob of `source` part of `repository` without moving bytes.

        Returns False if the bytes must be moved.
        """
        if (repository, digest) in self._held:
            return True
        uploads = f"{require_repository(repository)}/blobs/uploads/"
        path = f"{uploads}?mount={require_digest(digest)}&from={require_repository(source)}"
        answer = self._send_request("POST", path, expect=(201, 202))
        if answer.status_code == 201:
            check_digest(answer, digest)
            self._held.add((repository, digest))
            return True
        with contextlib.suppress(RegistryError):
            cancel_upload(self._send_request, repository, upload_location(answer))
        return self.has_blob(repository, digest)

    def ensure_blob(self, repository: str, blob: Descriptor, source: str) -> None:
        """Make a blob of `source` part of `repository`.

        It is mounted if possible, else copied through this machine.
        """
        self._mount_or_copy(repository, blob, source, Event())

    def ensure_blobs(
        self, repository: str, blobs: Sequence[Descriptor], source: str, workers: int = WORKERS
    ) -> None:
        """Do `ensure_blob` for many blobs, `workers` at a time.

        The first error is raised when the others have stopped.
        """
        stopped, errors = Event(), list[Exception]()

        def ensure(blob: Descriptor) -> None:
            try:
                self._mount_or_copy(repository, blob, source, stopped)
            except Exception as error:  # raised below: the first of them
                errors.append(error)
                stopped.set()

        with worker_pool(workers) as pool:
            try:
                list(pool.map(ensure, {blob.digest: blob for blob in blobs}.values()))
            finally:
                stopped.set()
        if errors:
            raise errors[0]

    def check_push(self, repository: str) -> None:
        """Raise RegistryError if this account may not push to a repository. Nothing is pushed."""
        try_upload(self._send_request, require_repository(repository))

    def push_bytes(self, repository: str, data: bytes, media_type: str) -> Descriptor:
        """Upload a small blob. Raises ConfigError if a secret of this process is in it."""
        require_no_secret(data, f"a blob for {self.host}/{repository}")
        descriptor = Descriptor(media_type, sha256(data), len(data))
        self._push_source(
            repository,
            BlobSource(descriptor.digest, len(data), lambda start, end: [data[start:end]]),
        )
        return descriptor

    def push_file(self, repository: str, path: Path, digest: str, on_bytes: OnBytes) -> None:
        """Upload a file whose digest is known, and report the bytes that were sent."""
        self._push_source(
            repository, BlobSource(digest, path.stat().st_size, _ReportingReader(path, on_bytes))
        )

    def _push_source(self, repository: str, source: BlobSource) -> None:
        if not self.has_blob(require_repository(repository), source.digest):
            upload_blob(self._send_request, repository, source)

    def _mount_or_copy(
        self, repository: str, blob: Descriptor, source: str, stopped: Event
    ) -> None:
        if stopped.is_set() or self.mount_blob(repository, blob.digest, source):
            return

        def read(start: int, end: int) -> Iterator[bytes]:
            part = "" if (start, end) == (0, blob.size) else f"bytes={start}-{end - 1}"
            for chunk in self._stream_blob(blob_path(source, blob.digest), end - start, part):
                if stopped.is_set():
                    raise RegistryError(
                        200, f"{self.host}/{source}@{blob.digest}: another blob could not be copied"
                    )
                yield chunk

        upload_blob(self._send_request, repository, BlobSource(blob.digest, blob.size, read))

    def _stream_blob(self, path: str, size: int, part: str = "") -> Iterator[bytes]:
        """Yield the bytes of a blob, or of the part that a `Range` names; at most `size`."""
        headers, expect = ({"Range": part}, (200, 206)) if part else ({}, (200,))
        what = self._request_name("GET", path)
        with Deadline(transport.seconds_for(size)) as whole:
            with self._send_request(
                "GET", path, expect=expect, headers=headers, stream=True, whole=whole
            ) as answer:
                if part and answer.status_code == 200:
                    raise RegistryError(
                        416, f"{what}: the registry served the whole blob, not the part"
                    )
                try:
                    yield from answer.iter_content(READ_BYTES)
                except (requests.RequestException, HTTPError, ValueError, OSError) as error:
                    raise self._unanswered_error(what, error, whole) from None
            if (
                whole.is_over
            ):  # a connection that is shut may look like the end of a body without a length
                raise self._unanswered_error(what, TimeoutError(), whole)

    def _read_pages(
        self, path: str, name: str, parsed: Callable[[Any], T | None], found: list[T]
    ) -> bool:
        """Add the entries under `name` of all pages of a list to `found`.

        `parsed` returns what is kept of an entry, or None to leave it out. Returns False if there
        is no such list, and raises TooLong after the entries of the pages before.
        """
        count = size = 0
        whole = Deadline(LIST_S)
        for _ in range(PAGES):
            answer = self._send_request("GET", path, expect=(200,) if count else (200, 404))
            if answer.status_code == 404:
                return False
            entries = read_entries(answer, name)
            count, size = count + len(entries), size + len(answer.content)
            if count > MAX_LIST_ENTRIES or size > MAX_LIST_BYTES or whole.is_over:
                problem = f"more than {count:,} {name} or {size:,} bytes"
                raise TooLong(200, f"{diagnosis.show_address(answer.url)}: {problem}", _CLEAN_UP)
            found += [kept for entry in entries if (kept := parsed(entry)) is not None]
            following = find_next_page(answer)
            if not following:
                return True
            path = following
            if not path.startswith(self._base):
                where = diagnosis.show_address(path)
                raise RegistryError(
                    200,
                    (
                        f"{diagnosis.show_address(answer.url)}: the list continues elsewhere, at "
                        f"{where}"
                    ),
                )
        problem = f"the list does not end after {PAGES} pages"
        raise TooLong(200, f"{diagnosis.show_address(answer.url)}: {problem}", _CLEAN_UP)

    def _send_request(
        self,
        method: str,
        path: str,
        *,
        expect: tuple[int, ...],
        limit: int = transport.MAX_ANSWER_BYTES,
        whole: Deadline | None = None,
        **named: Any,  # noqa: ANN401 - handed on as they are
    ) -> requests.Response:
        """Return the answer to a request, with its body read up to `limit` bytes.

        With `stream` the body is not read. Raises RegistryError for an unexpected status, and if
        the request takes longer than `whole`, a deadline that was entered already. For a stream,
        `whole` is the time of its body; the first byte must come in the usual time.
        """
        what = self._request_name(method, path)
        if time.monotonic() < self._silent_until:
            raise RegistryError(
                0, f"{what}: not sent, because the registry did not answer the request before"
            )
        is_stream = bool(named.get("stream"))
        entered = (
            contextlib.nullcontext(whole)
            if whole and not is_stream
            else Deadline(transport.WHOLE_S)
        )
        with entered as bound, bound.attach_to_thread():
            try:
                answer = self._send_with_login(method, urljoin(self._base, path), **named)
                passed = answer.status_code in expect
                if whole and is_stream:
                    whole.note_connection(bound.noted_connection)
                if not (passed and is_stream):
                    fits = transport.read_body(
                        answer, limit if passed else transport.MAX_ERROR_BYTES
                    )
            except (requests.RequestException, HTTPError, ValueError, OSError) as error:
                raise self._unanswered_error(what, error, bound) from None
            if (
                bound.is_over
            ):  # a connection that is shut looks like the end of a body without a length
                raise self._unanswered_error(what, TimeoutError(), bound)
        if not passed:
            raise diagnosis.unexpected_answer_error(what, answer)
        if not is_stream and not fits:
            raise TooLong(200, f"{what}: more than {limit} bytes were served")
        return answer

    def _send_with_login(self, method: str, address: str, **named: Any) -> requests.Response:  # noqa: ANN401 - handed on as they are
        """Return the answer to a request.

        It is sent again with the credentials that the registry asks for.
        """
        named = {"timeout": TIMEOUT_S, **named, "stream": True}
        for _ in range(LOGINS):
            answer = self._session.request(method, address, **named)
            if answer.status_code != 401:
                return answer
            transport.read_body(answer, transport.MAX_ERROR_BYTES)
            if not self._login.answer_challenge(answer):
                return answer
        return self._session.request(method, address, **named)

    def _unanswered_error(self, what: str, error: Exception, bound: Deadline) -> RegistryError:
        """Return the error of a request that got no answer.

        If all its time was used, the registry is not asked again for SILENCE_S.
        """
        if bound.is_over:
            self._silent_until = time.monotonic() + SILENCE_S
        return diagnosis.no_answer_error(what, self.host, error, bound)

    def _request_name(self, method: str, path: str) -> str:
        """Return a request as messages show it: below the API's address, and without a query."""
        shown = diagnosis.show_address(path) if "://" in path else path.partition("?")[0]
        return f"{method} {shown.removeprefix(self._base) or '/v2/'} on {self.host}"

    def _other_bytes_error(self, repository: str, reference: str) -> RegistryError:
        return RegistryError(200, f"{self.host}/{repository} {reference}: other bytes were served")


_ACCEPT = {"Accept": ", ".join(MANIFEST_TYPES)}


class _ReportingReader:
    """Reads parts of a file, and reports bytes that are read for the first time."""

    def __init__(self, path: Path, on_bytes: OnBytes) -> None:
        self._path, self._on_bytes, self._reported = path, on_bytes, 0

    def __call__(self, start: int, end: int) -> Iterator[bytes]:
        with records.open_binary(self._path) as file:
            file.seek(start)
            while chunk := file.read(min(READ_BYTES, end - start)):
                yield chunk
                start += len(chunk)
                self._on_bytes(max(0, start - self._reported))
                self._reported = max(start, self._reported)


@contextlib.contextmanager
def report_malformed(registry: Registry, repository: str, reference: str) -> Iterator[None]:
    """Turn Malformed into Unreadable that names the artifact."""
    try:
        yield
    except Malformed as error:
        where = f"{registry.host}/{repository} {reference}"
        raise Unreadable(200, f"{where}: does not follow the OCI specification: {error}") from None


_CLEAN_UP = "remove in the registry what nobody needs there, then run the same command again"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits.

    Raises OSError, and EnvironmentFailed if it is no regular file.
    """
    with records.open_binary(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
