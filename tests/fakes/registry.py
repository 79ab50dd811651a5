"""A registry in this process that speaks the distribution protocol and fails where it is told to.

It is as strict as a real one in what matters here: a blob is taken only if its bytes have its
digest, a manifest only if its blobs are there, an index only if its manifests are.
tests/oci/test_registry.py holds both against the same tests.
"""

from __future__ import annotations

import io
import json
import re
import socket
import struct
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from oci.manifest import OCI_INDEX, Descriptor, sha256
from tests.fakes.guard import Guard

ALWAYS = 1_000_000
READ_BYTES = 1 << 16

T = TypeVar("T")
Answer = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""
State = tuple[dict[str, dict[str, tuple[str, bytes]]], dict[str, dict[str, bytes]]]

_CUT = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing resets the connection


@dataclass
class Fault:
    """What goes wrong with the next `times` requests whose method is `method` and whose path holds
    `path`.

    One of: `status` is answered and nothing done; the connection is cut after `cut_after` bytes of
    the request's body; the request is done and its answer lost (`mute`); `body` is served for what
    is there, cut short by `short` bytes, or with other `headers`; `digest` is stated instead of the
    true one ("" for none); a mount is answered by opening an upload (`unmounted`); something
    happens just before the request is done (`meanwhile`).
    """

    method: str
    path: str
    times: int = ALWAYS
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    mute: bool = False
    body: bytes | None = None
    short: int = 0
    digest: str | None = None
    unmounted: bool = False
    meanwhile: Callable[[], object] | None = None


class FakeRegistry:
    """Started on a free port of loopback; a context manager.

    With `lists_referrers` it has the referrers API. Lists come in pages of `page` entries. Uploads
    go on after a cut unless it `forgets` them, as Distribution 2.8 does.
    """

    def __init__(self, lists_referrers: bool = False, page: int = 1000) -> None:
        self.lists_referrers = lists_referrers
        self.page = page
        self.blobs: dict[str, dict[str, bytes]] = {}
        self.manifests: dict[str, dict[str, tuple[str, bytes]]] = {}
        self.uploads: dict[str, bytes] = {}
        self.forgets = False
        self.requests: list[str] = []
        self.faults: list[Fault] = []
        self.guard: Guard | None = None
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Bound", (_Handler,), {"registry": self})
        )
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    def __enter__(self) -> FakeRegistry:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Answer nothing any more."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def host(self) -> str:
        """`127.0.0.1:PORT`."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def fail(self, fault: Fault) -> None:
        """Let something go wrong from now on."""
        self.faults.append(fault)

    def heal(self) -> None:
        """Let nothing go wrong any more."""
        self.faults.clear()

    def put(self, repository: str, data: bytes) -> Descriptor:
        """A blob that is there from the start."""
        self.blobs.setdefault(repository, {})[sha256(data)] = data
        return Descriptor("application/octet-stream", sha256(data), len(data))

    def visible(self) -> list[str]:
        """Every `REPOSITORY:TAG` and `REPOSITORY@DIGEST` a person could name."""
        return [
            f"{repository} {name}" for repository, held in self.manifests.items() for name in held
        ]

    def count(self, method: str, path: str) -> int:
        """How many requests there were whose method is `method` and whose path holds `path`."""
        return sum(
            line.startswith(f"{method} ") and re.search(path, line) is not None
            for line in self.requests
        )

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """What a request gets that comes without a connection; ConnectionError where it is cut."""
        return _Direct(self, method, path, headers, body).answered()

    def state(self) -> State:
        """What it holds now, to be restored."""
        return _copied(self.manifests), _copied(self.blobs)

    def restore(self, state: State) -> None:
        """Hold what it held then."""
        self.manifests, self.blobs = (_copied(each) for each in state)
        self.requests.clear()
        self.uploads.clear()
        self.faults.clear()

    def seen(self, method: str, path: str) -> Fault:
        """Note a request; the fault it meets."""
        with self._lock:
            self.requests.append(f"{method} {path}")
            for fault in self.faults:
                if fault.times > 0 and fault.method == method and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return Fault(method, path)


def _copied(held: dict[str, dict[str, T]]) -> dict[str, dict[str, T]]:
    return {repository: dict(names) for repository, names in list(held.items())}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms for an acknowledgement
    registry: FakeRegistry
    fault: Fault
    path_only: str
    query: dict[str, list[str]]
    sent: bytes

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            return

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        self.path_only, self.query = parts.path, parse_qs(parts.query)
        self.fault = self.registry.seen(self.command, self.path)
        if self.fault.meanwhile:
            self.fault.meanwhile()
        if not self._receive():
            self._cut()
        elif self.path_only == "/token" and self.registry.guard and not self.fault.status:
            self._reply(
                *self.registry.guard.token(
                    self.query, self.sent, self.headers.get("Authorization", "")
                )
            )
        elif challenge := self._challenge():
            self._reply(
                401, b'{"errors":[{"code":"UNAUTHORIZED"}]}', **{"WWW-Authenticate": challenge}
            )
        elif self.fault.status:
            self._reply(
                self.fault.status,
                json.dumps({"errors": [{"code": "FAULT"}]}).encode(),
                **self.fault.headers,
            )
        else:
            self._route()

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names http.server calls

    def _challenge(self) -> str:
        if self.registry.guard is None or self.path_only == "/token":
            return ""
        realm = f"http://{self.registry.host}/token"
        return self.registry.guard.challenge(
            self.command, self.path_only, self.headers.get("Authorization", ""), realm
        )

    def _receive(self) -> bool:
        """Read the request's body; False where the fault cuts it."""
        left = int(self.headers.get("Content-Length") or 0)
        if self.fault.cut_after is not None:
            self._keep(self.rfile.read(min(left, self.fault.cut_after)))
            return False
        chunks = []
        while left and (chunk := self.rfile.read(min(left, READ_BYTES))):
            chunks.append(chunk)
            left -= len(chunk)
        self.sent = b"".join(chunks)
        return left == 0

    def _keep(self, part: bytes) -> None:
        """What came of a chunk before it was cut."""
        session = self.path_only.rpartition("/")[2]
        if self.command == "PATCH" and session in self.registry.uploads:
            self.registry.uploads[session] += part
            if self.registry.forgets:
                del self.registry.uploads[session]

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CUT)
        self.connection.close()

    def _route(self) -> None:
        if self.path_only == "/v2/":
            return self._reply(200, b"{}")
        match = re.fullmatch(
            r"/v2/(.+?)/(manifests|blobs|tags|referrers)/(uploads/)?(.*)", self.path_only
        )
        if match is None:
            return self._reply(404)
        repository, kind, uploads, name = match.groups()
        if uploads:
            return self._upload(repository, name)
        if kind in ("tags", "referrers"):
            return self._tags(repository) if kind == "tags" else self._referrers(repository, name)
        if kind == "manifests":
            return (
                self._put_manifest(repository, name)
                if self.command == "PUT"
                else self._manifest(repository, name)
            )
        return self._blob(repository, name)

    def _manifest(self, repository: str, reference: str) -> None:
        known = self.registry.manifests.get(repository, {})
        held = known.get(reference)
        if held is None:
            return self._reply(404)
        if self.command == "DELETE":
            for name in [name for name, each in known.items() if each == held]:
                del known[name]
            return self._reply(202)
        return self._content(held[1], held[0])

    def _blob(self, repository: str, digest: str) -> None:
        held = self.registry.blobs.get(repository, {}).get(digest)
        if (
            held is not None
            and self.fault.body is None
            and (part := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")))
        ):
            return self._reply(206, held[int(part[1]) : int(part[2]) + 1])
        return self._reply(404) if held is None else self._content(held, "application/octet-stream")

    def _content(self, data: bytes, media_type: str, **more: str) -> None:
        headers = {"Content-Type": media_type, **more, **self._stated(data), **self.fault.headers}
        self._reply(200, data if self.fault.body is None else self.fault.body, **headers)

    def _stated(self, data: bytes) -> dict[str, str]:
        stated = sha256(data) if self.fault.digest is None else self.fault.digest
        return {"Docker-Content-Digest": stated} if stated else {}

    def _put_manifest(self, repository: str, reference: str) -> None:
        content = json.loads(self.sent)
        if self._missing(repository, content) or (
            reference.startswith("sha256:") and reference != sha256(self.sent)
        ):
            return self._reply(400, b'{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}')
        held = self.registry.manifests.setdefault(repository, {})
        held[reference] = held[sha256(self.sent)] = (self.headers["Content-Type"], self.sent)
        if self.registry.lists_referrers and "subject" in content:
            return self._reply(
                201, b"", OCI_Subject=content["subject"]["digest"], **self._stated(self.sent)
            )
        return self._reply(201, b"", **self._stated(self.sent))

    def _missing(self, repository: str, content: dict[str, Any]) -> bool:
        """Whether a manifest names what is not there. Its subject need not be."""
        if "manifests" in content:
            return any(
                entry["digest"] not in self.registry.manifests.get(repository, {})
                for entry in content["manifests"]
            )
        blobs = self.registry.blobs.get(repository, {})
        return any(
            entry["digest"] not in blobs for entry in (content["config"], *content["layers"])
        )

    def _tags(self, repository: str) -> None:
        held = self.registry.manifests.get(repository)
        if held is None:
            return self._reply(404, b'{"errors":[{"code":"NAME_UNKNOWN"}]}')
        return self._pages(
            {"name": repository}, "tags", sorted(name for name in list(held) if ":" not in name)
        )

    def _referrers(self, repository: str, subject: str) -> None:
        if not self.registry.lists_referrers:
            return self._reply(404)
        held = {
            name: json.loads(body)
            for name, (_, body) in list(self.registry.manifests.get(repository, {}).items())
        }
        found = [
            name
            for name, body in held.items()
            if ":" in name and body.get("subject", {}).get("digest") == subject
        ]
        entries = [self._described(repository, name, held[name]) for name in sorted(found)]
        return self._pages({"schemaVersion": 2, "mediaType": OCI_INDEX}, "manifests", entries)

    def _described(self, repository: str, name: str, content: dict[str, Any]) -> dict[str, Any]:
        media_type, body = self.registry.manifests[repository][name]
        kind = content.get("artifactType") or content.get("config", {}).get("mediaType")
        extra = {"artifactType": kind, "annotations": content.get("annotations")}
        entry = {"mediaType": media_type, "digest": name, "size": len(body)}
        return entry | {key: value for key, value in extra.items() if value}

    def _pages(self, frame: dict[str, Any], name: str, entries: list[Any]) -> None:
        """The part of a list that was asked for, and where the next one is."""
        start = int(self.query.get("from", ["0"])[0])
        end = start + self.registry.page
        more = {"Link": f'<{self.path_only}?from={end}>; rel="next"'} if end < len(entries) else {}
        kind = str(frame.get("mediaType", "application/json"))
        return self._content(json.dumps({**frame, name: entries[start:end]}).encode(), kind, **more)

    def _upload(self, repository: str, session: str) -> None:
        if self.command == "POST":
            return self._open(repository)
        if session not in self.registry.uploads:
            return self._reply(404, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}')
        if self.command == "GET":
            return self._stands(204, repository, session)
        if self.command == "DELETE":
            del self.registry.uploads[session]
            return self._reply(204)
        return self._receive_upload(repository, session)

    def _receive_upload(self, repository: str, session: str) -> None:
        if self.query["_state"] != [str(len(self.registry.uploads[session]))]:
            return self._stands(416, repository, session)
        if self.command == "PATCH":
            self.registry.uploads[session] += self.sent
            return self._stands(202, repository, session)
        data = self.registry.uploads.pop(session) + self.sent
        if self.query["digest"] != [sha256(data)]:
            return self._reply(400, b'{"errors":[{"code":"DIGEST_INVALID"}]}')
        self.registry.put(repository, data)
        return self._reply(201, b"", **self._stated(data))

    def _stands(self, status: int, repository: str, session: str) -> None:
        """Answer how much of an upload is there, and where it goes on."""
        held = len(self.registry.uploads[session])
        location = f"/v2/{repository}/blobs/uploads/{session}?_state={held}"
        headers = {"Range": f"0-{max(0, held - 1)}", "Location": location, **self.fault.headers}
        return self._reply(status, b"", **headers)

    def _open(self, repository: str) -> None:
        source = self.registry.blobs.get(self.query.get("from", [""])[0], {})
        digest = self.query.get("mount", [""])[0]
        if digest in source and not self.fault.unmounted:
            self.registry.put(repository, source[digest])
            return self._reply(201, b"", **self._stated(source[digest]))
        session = uuid.uuid4().hex
        self.registry.uploads[session] = b""
        return self._stands(202, repository, session)

    def _reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        if self.fault.mute:
            return self._cut()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) - self.fault.short])
            if self.fault.short:
                self._cut()
        return None


class _Direct(_Handler):
    """The same answers without a connection, for tests of thousands of requests."""

    def __init__(
        self,
        registry: FakeRegistry,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        self.registry, self.command, self.path = registry, method, path
        self._body = io.BytesIO()
        self.headers = Message()
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.headers[name] = value
        self.rfile, self.wfile = io.BufferedReader(io.BytesIO(body)), self._body
        self._status, self._headers = 0, dict[str, str]()

    def answered(self) -> Answer:
        self._serve()
        return self._status, self._headers, self._body.getvalue()

    def send_response(self, code: int, message: str | None = None) -> None:
        self._status = code

    def send_header(self, keyword: str, value: str) -> None:
        self._headers[keyword] = value

    def end_headers(self) -> None:
        """Nothing is sent."""

    def _cut(self) -> None:
        raise ConnectionResetError
