"""A thin client of the OCI distribution protocol (Distribution Specification 1.1): raw bytes, digests always checked.

Safe requests are repeated on connection failures, 429 and 5xx, with backoff and `Retry-After`; an upload or a copy that
breaks is started again as a whole. What stays wrong is one RegistryError with the repository and the registry's own
words. Credentials are Docker's own (oci/login.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import urljoin

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import MaxRetryError, ResponseError
from urllib3.util.retry import Retry

from oci.login import LOOPBACK, Login
from oci.manifest import DOCKER_INDEX, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Descriptor, Manifest, sha256
from runner import progress
from runner.errors import EnvironmentFailed

MANIFEST_TYPES = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX)
UPLOAD_ATTEMPTS = 3
TIMEOUT_S = (10, 300)
LONGEST_WAIT_S = 60
"""A `Retry-After` above this is not waited for: a person can decide better what to do meanwhile."""

CHUNK_BYTES = 1 << 20
PAGE_ENTRIES = 1000
PAGES = 1000
"""A list of more pages is taken for one that leads back to itself."""

OnBytes = Callable[[int], None]


class RegistryError(EnvironmentFailed):
    """The registry refused, failed, or returned other bytes than asked for. `status` is HTTP's, 0 without an answer."""

    hints: ClassVar[dict[int, str]] = {
        0: "check that the registry runs (`./release.py doctor`), then run the same command again",
        401: "log in: `docker login` for the registry, with an account that may do this",
        403: "ask for an account that may do this",
        429: "wait as long as the registry asks for, then run the same command again",
        507: "free space on the registry",
    }

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message, self.hints.get(status, "nothing half-done is visible: run the same command again"))
        self.status = status


class Registry:
    """One registry, by `host[:port]`; loopback is spoken to in plain HTTP, everything else in HTTPS."""

    def __init__(self, host: str) -> None:
        self.host = host
        scheme = "http" if host.partition(":")[0] in LOOPBACK else "https"
        self._base = f"{scheme}://{host}/v2/"
        self._login = Login(host, self._base)
        self._session = requests.Session()
        self._session.auth = self._login
        retry = _ShortWaits(
            total=4,
            backoff_factor=0.5,
            status_forcelist=(429, 500, 502, 503, 504),
            allowed_methods=("GET", "HEAD"),
            raise_on_status=False,
        )
        self._session.mount(self._base, HTTPAdapter(max_retries=retry))

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
        found = Manifest(answer.content, answer.headers.get("Content-Type", OCI_MANIFEST))
        stated = reference if reference.startswith("sha256:") else answer.headers.get("Docker-Content-Digest", "")
        if stated.startswith("sha256:") and found.digest != stated:
            raise RegistryError(answer.status_code, f"{self.host}/{repository} {reference}: other bytes were served")
        return found

    def digest_of(self, repository: str, reference: str) -> str | None:
        """The digest a tag is on now; None where the tag is not there."""
        answer = self._call("HEAD", f"{repository}/manifests/{reference}", expect=(200, 404), headers=_ACCEPT)
        if answer.status_code == 404:
            return None
        stated = answer.headers.get("Docker-Content-Digest", "")
        if stated:
            return stated
        found = self.manifest(repository, reference)
        return found.digest if found else None

    def put_manifest(self, repository: str, reference: str, manifest: Manifest) -> str:
        """Put raw manifest bytes under a tag or digest, and read the digest back.

        Returns the digest of the manifest's subject where the registry lists its referrers itself, else "".
        """
        path, headers = f"{repository}/manifests/{reference}", {"Content-Type": manifest.media_type}
        answer = self._call("PUT", path, expect=(201,), data=manifest.body, headers=headers)
        if self.digest_of(repository, reference) != manifest.digest:
            raise RegistryError(201, f"{self.host}/{repository}:{reference} does not hold what was put there")
        return answer.headers.get("OCI-Subject", "")

    def tags(self, repository: str) -> tuple[str, ...]:
        """Every tag, in the registry's order; none where there is no such repository."""
        pages = self._pages(f"{repository}/tags/list?n={PAGE_ENTRIES}", "tags")
        return tuple(str(tag) for tag in pages or ())

    def referrers(self, repository: str, digest: str) -> list[Any] | None:
        """The descriptors of the manifests whose subject is `digest`; None where the registry does not list them."""
        return self._pages(f"{repository}/referrers/{digest}", "manifests")

    def has_blob(self, repository: str, digest: str) -> bool:
        """Whether the repository holds the blob."""
        return self._call("HEAD", f"{repository}/blobs/{digest}", expect=(200, 404)).status_code == 200

    def blob(self, repository: str, digest: str, size: int | None = None) -> bytes:
        """A small blob whole; its digest is checked. Where its size in bytes is known, no more than that is read."""
        path, what = f"{repository}/blobs/{digest}", f"{self.host}/{repository}@{digest}"
        with self._call("GET", path, expect=(200,), stream=True) as answer:
            data = bytearray()
            for chunk in _chunks(answer, f"GET {path} on {self.host}"):
                data += chunk
                if size is not None and len(data) > size:
                    raise RegistryError(200, f"{what}: more than its {size} bytes were served")
        if sha256(bytes(data)) != digest:
            raise RegistryError(200, f"{what}: other bytes were served")
        return bytes(data)

    def mount(self, repository: str, digest: str, source: str) -> bool:
        """Make a blob of `source` part of `repository` without moving it; False where the registry would not."""
        if self.has_blob(repository, digest):
            return True
        path = f"{repository}/blobs/uploads/?mount={digest}&from={source}"
        answer = self._call("POST", path, expect=(201, 202))
        if answer.status_code == 201:
            return True
        with contextlib.suppress(RegistryError):  # a courtesy: registries clear away what was never finished
            self._call("DELETE", self._location(answer), expect=(202, 204))
        return False

    def ensure_blob(self, repository: str, blob: Descriptor, source: str) -> None:
        """Make a blob of `source` part of `repository`: mounted, or copied through here where it cannot be."""
        if self.mount(repository, blob.digest, source):
            return
        path = f"{source}/blobs/{blob.digest}"
        self._push(
            repository, blob.digest, lambda: _Stream(self._call("GET", path, expect=(200,), stream=True), blob.size)
        )

    def push_bytes(self, repository: str, data: bytes, media_type: str) -> Descriptor:
        """Upload a small blob."""
        descriptor = Descriptor(media_type, sha256(data), len(data))
        self._push(repository, descriptor.digest, lambda: data)
        return descriptor

    def push_file(self, repository: str, path: Path, digest: str, on_bytes: OnBytes) -> None:
        """Upload a file whose digest is known, reporting bytes as they go."""
        self._push(repository, digest, lambda: _Upload(path, on_bytes))

    def _push(self, repository: str, digest: str, body: Callable[[], Any]) -> None:
        if self.has_blob(repository, digest):
            return
        for attempt in range(1, UPLOAD_ATTEMPTS + 1):
            try:
                self._upload(repository, digest, body())
                break
            except RegistryError as error:
                if attempt == UPLOAD_ATTEMPTS or 400 <= error.status < 500:
                    raise
                time.sleep(0.5 * 2**attempt)

    def _upload(self, repository: str, digest: str, body: Any) -> None:  # noqa: ANN401 - whatever requests sends
        opened = self._call("POST", f"{repository}/blobs/uploads/", expect=(202,))
        location = self._location(opened)
        target = f"{location}{'&' if '?' in location else '?'}digest={digest}"
        self._call("PUT", target, expect=(201,), data=body, headers={"Content-Type": "application/octet-stream"})

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

    def _location(self, answer: requests.Response) -> str:
        return urljoin(answer.url, answer.headers.get("Location", ""))

    def _call(self, method: str, path: str, *, expect: tuple[int, ...], **kwargs: Any) -> requests.Response:  # noqa: ANN401
        what = f"{method} {path.removeprefix(self._base).partition('?')[0] or '/v2/'} on {self.host}"
        try:
            answer = self._session.request(method, urljoin(self._base, path), timeout=TIMEOUT_S, **kwargs)
            if answer.status_code == 401 and self._login.answers(answer):
                answer = self._session.request(method, urljoin(self._base, path), timeout=TIMEOUT_S, **kwargs)
        except requests.RequestException as error:
            raise RegistryError(0, f"{what}: {_cause(error)}") from None
        if answer.status_code not in expect:
            said = " ".join(answer.text.split())[:200]
            if wait := answer.headers.get("Retry-After"):
                said += f" and asks to wait ({wait})"
            raise RegistryError(answer.status_code, f"{what}: the registry answered {answer.status_code} {said}")
        return answer


_ACCEPT = {"Accept": ", ".join(MANIFEST_TYPES)}


class _ShortWaits(Retry):
    """Waits as long as a registry asks for, and says so; gives up with its answer where that is too long."""

    def increment(self, *args: Any, **named: Any) -> Self:  # noqa: ANN401 - handed on as they are
        """One repeat less. Raises MaxRetryError where none is left."""
        response = named.get("response")
        if response is not None and (self.get_retry_after(response) or 0) > LONGEST_WAIT_S:
            raise MaxRetryError(named["_pool"], "", ResponseError("asked to wait too long"))
        return super().increment(*args, **named)

    def sleep_for_retry(self, response: BaseHTTPResponse) -> bool:
        """Whether `response` said how long to wait; then that was waited."""
        if wait := self.get_retry_after(response):
            progress.say(f"  the registry asks to wait {wait:.0f} s")
        return super().sleep_for_retry(response)


class _Upload:
    """A file as a request body of known length that reports what was read of it."""

    def __init__(self, path: Path, on_bytes: OnBytes) -> None:
        self._path = path
        self._on_bytes = on_bytes

    def __len__(self) -> int:
        return self._path.stat().st_size

    def __iter__(self) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk
                self._on_bytes(len(chunk))


class _Stream:
    """A blob on its way from one repository to another."""

    def __init__(self, answer: requests.Response, size: int) -> None:
        self._answer = answer
        self._size = size

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        with self._answer:
            yield from self._answer.iter_content(CHUNK_BYTES)


def _chunks(answer: requests.Response, what: str) -> Iterator[bytes]:
    try:
        yield from answer.iter_content(CHUNK_BYTES)
    except requests.RequestException as error:
        raise RegistryError(0, f"{what}: {_cause(error)}") from None


def _entries(answer: requests.Response, name: str) -> list[Any]:
    """One page of a list; Distribution writes an empty one as null."""
    try:
        found = answer.json()[name]
    except (ValueError, KeyError, TypeError):
        found = ""
    if not isinstance(found, list | None):
        raise RegistryError(answer.status_code, f"{answer.url}: not as the specification has it (no list of {name})")
    return found or []


def file_sha256(path: Path) -> str:
    """The hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cause(error: Exception) -> str:
    """The innermost words of a nested network error."""
    while error.__cause__ is not None or error.__context__ is not None:
        inner = error.__cause__ or error.__context__
        if not isinstance(inner, Exception):
            break
        error = inner
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
