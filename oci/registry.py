"""A thin client of the OCI distribution protocol (Distribution Specification 1.1): raw bytes, digests always checked.

Requests that change nothing, or the same however often they are sent, are repeated on connection failures, 429 and 5xx,
with backoff and `Retry-After` (oci/transport.py); a blob goes on after a cut (oci/upload.py). A tag is never put twice:
meanwhile it may be somebody else's. What stays wrong is one RegistryError with the repository and the registry's own
words. Credentials are Docker's own (oci/login.py), and so are authorities and client certificates (oci/tls.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urljoin

import requests

from oci import transport
from oci.login import LOOPBACK, Login
from oci.manifest import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest, sha256
from oci.transport import TIMEOUT_S, RegistryError, repeated
from oci.upload import Source, check_digest, location, upload

__all__ = ["MANIFEST_TYPES", "Registry", "RegistryError", "file_sha256"]

MANIFEST_TYPES = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX)
LOGINS = 2
"""How often a request is answered with other credentials: another thread's token may end just now."""

WORKERS = 4
READ_BYTES = 1 << 20
PAGE_ENTRIES = 1000
PAGES = 1000
"""A list of more pages is taken for one that leads back to itself."""

OnBytes = Callable[[int], None]

_SPOKEN_TO = dict.fromkeys(("docker.io", "index.docker.io"), "registry-1.docker.io")
"""Docker Hub's names, and where its API is; credentials are kept under the name (`docker login`)."""


class Registry:
    """One registry, by `host[:port]`; loopback is spoken to in plain HTTP, everything else in HTTPS."""

    def __init__(self, host: str) -> None:
        self.host = host
        scheme = "http" if host.partition(":")[0] in LOOPBACK else "https"
        self._base = f"{scheme}://{_SPOKEN_TO.get(host, host)}/v2/"
        self._login = Login(host, self._base)
        self._session = transport.session(host, self._base)
        self._session.auth = self._login
        self._held: set[tuple[str, str]] = set()  # blobs that were seen in a repository: they do not go within a run
        self._listless: set[str] = set()

    def ping(self) -> None:
        """Raises RegistryError where no registry answers, or it wants credentials it was not given."""
        self._call("GET", "", expect=(200,))

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """The manifest under a tag or digest, raw; None where there is none.

        Its bytes are held against the digest asked for, or the one that the registry states of the tag.
        """
        answer = self._call("GET", f"{repository}/manifests/{reference}", expect=(200, 404), headers=_ACCEPT)
        if answer.status_code == 404:
            return None
        found = Manifest(answer.content, _media_type(answer))
        stated = reference if _is_digest(reference) else answer.headers.get("Docker-Content-Digest", "")
        if _is_digest(stated) and found.digest != stated:
            raise self._other_bytes(repository, reference)
        return found

    def digest_of(self, repository: str, reference: str) -> str | None:
        """The digest a tag is on now; None where the tag is not there. Computed where the registry states none."""
        answer = self._call("HEAD", f"{repository}/manifests/{reference}", expect=(200, 404), headers=_ACCEPT)
        if answer.status_code == 404:
            return None
        stated = answer.headers.get("Docker-Content-Digest", "")
        if not _is_digest(stated):
            found = self.manifest(repository, reference)
            return found.digest if found else None
        if _is_digest(reference) and stated != reference:
            raise self._other_bytes(repository, reference)
        return stated

    def put_manifest(self, repository: str, reference: str, manifest: Manifest, *, contested: bool = True) -> str:
        """Put raw manifest bytes under a tag or digest. What a `contested` tag holds then is read back.

        Returns the digest of the manifest's subject where the registry lists its referrers itself, else "".
        """
        path, headers = f"{repository}/manifests/{reference}", {"Content-Type": manifest.media_type}

        def put() -> requests.Response:
            return self._call("PUT", path, expect=(201,), data=manifest.body, headers=headers)

        answer = repeated(put) if _is_digest(reference) else put()
        check_digest(answer, manifest.digest)
        is_stated = "Docker-Content-Digest" in answer.headers and (_is_digest(reference) or not contested)
        if not is_stated and self.digest_of(repository, reference) != manifest.digest:
            raise RegistryError(201, f"{self.host}/{repository}:{reference} does not hold what was put there")
        return answer.headers.get("OCI-Subject", "")

    def tags(self, repository: str) -> tuple[str, ...]:
        """Every tag, in the registry's order; none where there is no such repository."""
        pages = self._pages(f"{repository}/tags/list?n={PAGE_ENTRIES}", "tags")
        return tuple(str(tag) for tag in pages or ())

    def referrers(self, repository: str, digest: str) -> list[Any] | None:
        """The descriptors of the manifests whose subject is `digest`; None where the registry does not list them."""
        found = self._pages(f"{repository}/referrers/{digest}", "manifests")
        if found is None:
            self._listless.add(repository)
        return found

    def lists_referrers(self, repository: str) -> bool:
        """Whether the registry was seen to list the referrers of what is in a repository, or was not asked yet."""
        return repository not in self._listless

    def has_blob(self, repository: str, digest: str, size: int | None = None) -> bool:
        """Whether the repository holds the blob. Raises RegistryError if it is known to have another `size` there."""
        blob = (repository, digest)
        if blob in self._held:
            return True
        answer = self._call("HEAD", f"{repository}/blobs/{digest}", expect=(200, 404))
        if answer.status_code == 404:
            return False
        stated = answer.headers.get("Content-Length", "")
        if size is not None and stated.isdecimal() and int(stated) != size:
            what = f"{self.host}/{repository}@{digest} has {stated} bytes in the registry, not {size}"
            raise RegistryError(
                200, what, "delete this blob from the registry's storage, then run the same command again"
            )
        self._held.add(blob)
        return True

    def blob(self, repository: str, digest: str, size: int | None = None) -> bytes:
        """A small blob whole; its digest is checked. Where its size in bytes is known, no more than that is read."""
        path, what = f"{repository}/blobs/{digest}", f"{self.host}/{repository}@{digest}"
        data = bytearray()
        for chunk in self._streamed(path):
            data += chunk
            if size is not None and len(data) > size:
                raise RegistryError(200, f"{what}: more than its {size} bytes were served")
        if sha256(bytes(data)) != digest:
            raise RegistryError(200, f"{what}: other bytes were served")
        return bytes(data)

    def mount(self, repository: str, digest: str, source: str) -> bool:
        """Make a blob of `source` part of `repository` without moving it; False where it would have to be moved."""
        if (repository, digest) in self._held:
            return True
        path = f"{repository}/blobs/uploads/?mount={digest}&from={source}"
        answer = self._call("POST", path, expect=(201, 202))
        if answer.status_code == 201:
            check_digest(answer, digest)
            self._held.add((repository, digest))
            return True
        with contextlib.suppress(RegistryError):  # a courtesy: registries clear away what was never finished
            self._call("DELETE", location(answer), expect=(202, 204))
        return self.has_blob(repository, digest)

    def ensure_blob(self, repository: str, blob: Descriptor, source: str) -> None:
        """Make a blob of `source` part of `repository`: mounted, or copied through here where it cannot be."""
        self._ensure(repository, blob, source, Event())

    def ensure_blobs(self, repository: str, blobs: Sequence[Descriptor], source: str, workers: int = WORKERS) -> None:
        """`ensure_blob` of many, `workers` at a time. The first error is raised when the others have stopped."""
        stopped, errors = Event(), list[Exception]()

        def ensure(blob: Descriptor) -> None:
            try:
                self._ensure(repository, blob, source, stopped)
            except Exception as error:  # raised below: the first of them
                errors.append(error)
                stopped.set()

        with ThreadPoolExecutor(workers) as pool:
            try:
                list(pool.map(ensure, {blob.digest: blob for blob in blobs}.values()))
            finally:
                stopped.set()
        if errors:
            raise errors[0]

    def push_bytes(self, repository: str, data: bytes, media_type: str) -> Descriptor:
        """Upload a small blob."""
        descriptor = Descriptor(media_type, sha256(data), len(data))
        self._push(repository, Source(descriptor.digest, len(data), lambda start, end: [data[start:end]]))
        return descriptor

    def push_file(self, repository: str, path: Path, digest: str, on_bytes: OnBytes) -> None:
        """Upload a file whose digest is known, reporting bytes as they go."""
        self._push(repository, Source(digest, path.stat().st_size, _Reported(path, on_bytes)))

    def _push(self, repository: str, source: Source) -> None:
        if not self.has_blob(repository, source.digest):
            upload(self._call, repository, source)

    def _ensure(self, repository: str, blob: Descriptor, source: str, stopped: Event) -> None:
        if stopped.is_set() or self.mount(repository, blob.digest, source):
            return

        def read(start: int, end: int) -> Iterator[bytes]:
            part = "" if (start, end) == (0, blob.size) else f"bytes={start}-{end - 1}"
            for chunk in self._streamed(f"{source}/blobs/{blob.digest}", part):
                if stopped.is_set():
                    raise RegistryError(200, f"{self.host}/{source}@{blob.digest}: another blob could not be copied")
                yield chunk

        upload(self._call, repository, Source(blob.digest, blob.size, read))

    def _streamed(self, path: str, part: str = "") -> Iterator[bytes]:
        """A blob, or the part of it that a `Range` names."""
        headers, expect = ({"Range": part}, (200, 206)) if part else ({}, (200,))
        with self._call("GET", path, expect=expect, headers=headers, stream=True) as answer:
            if part and answer.status_code == 200:
                raise RegistryError(416, f"GET {path} on {self.host}: the whole was served for a part")
            try:
                yield from answer.iter_content(READ_BYTES)
            except requests.RequestException as error:
                raise transport.no_answer(f"GET {path} on {self.host}", self.host, error) from None

    def _pages(self, path: str, name: str) -> list[Any] | None:
        """The entries under `name` of all pages of a list; None where there is no such list."""
        found: list[Any] = []
        for _ in range(PAGES):
            answer = self._call("GET", path, expect=(200,) if found else (200, 404))
            if answer.status_code == 404:
                return None
            found += _entries(answer, name)
            if "next" not in answer.links:
                return found
            path = urljoin(answer.url, answer.links["next"]["url"])
            if not path.startswith(self._base):
                raise RegistryError(200, f"{answer.url}: the list goes on somewhere else, at {path[:100]}")
        raise RegistryError(200, f"{answer.url}: the list does not end after {PAGES} pages")

    def _call(self, method: str, path: str, *, expect: tuple[int, ...], **named: object) -> requests.Response:
        what = f"{method} {path.removeprefix(self._base).partition('?')[0] or '/v2/'} on {self.host}"
        try:
            answer = self._answered(method, urljoin(self._base, path), **named)
        except requests.RequestException as error:
            raise transport.no_answer(what, self.host, error) from None
        if answer.status_code not in expect:
            raise transport.not_expected(what, answer)
        return answer

    def _answered(self, method: str, address: str, **named: Any) -> requests.Response:  # noqa: ANN401 - handed on as they are
        """The answer to a request, which is sent again with what the registry asks for."""
        for _ in range(LOGINS):
            answer = self._session.request(method, address, timeout=TIMEOUT_S, **named)
            if answer.status_code != 401 or not self._login.answers(answer):
                return answer
        return self._session.request(method, address, timeout=TIMEOUT_S, **named)

    def _other_bytes(self, repository: str, reference: str) -> RegistryError:
        return RegistryError(200, f"{self.host}/{repository} {reference}: other bytes were served")


_ACCEPT = {"Accept": ", ".join(MANIFEST_TYPES)}


class _Reported:
    """Reads parts of a file; what is read for the first time is reported."""

    def __init__(self, path: Path, on_bytes: OnBytes) -> None:
        self._path, self._on_bytes, self._reported = path, on_bytes, 0

    def __call__(self, start: int, end: int) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            file.seek(start)
            while chunk := file.read(min(READ_BYTES, end - start)):
                yield chunk
                start += len(chunk)
                self._on_bytes(max(0, start - self._reported))
                self._reported = max(start, self._reported)


def _entries(answer: requests.Response, name: str) -> list[Any]:
    """One page of a list; Distribution writes an empty one as null."""
    try:
        found = answer.json()[name]
    except (ValueError, KeyError, TypeError):
        found = ""
    if not isinstance(found, list | None):
        raise RegistryError(answer.status_code, f"{answer.url}: not as the specification has it (no list of {name})")
    return found or []


def _is_digest(name: str) -> bool:
    return re.fullmatch(r"sha256:[0-9a-f]{64}", name) is not None


def _media_type(answer: requests.Response) -> str:
    """What a manifest is served as; what it says of itself where that is no type of manifest (`text/plain`)."""
    served = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    if served.startswith("application/vnd."):
        return served
    try:
        return str(json.loads(answer.content)["mediaType"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return OCI_MANIFEST


def file_sha256(path: Path) -> str:
    """The hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
