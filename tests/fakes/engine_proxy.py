"""The real engine with answers of another one: a proxy in front of it, by a socket or by TCP.

Debian has no engine that keeps its images in containerd. This proxy answers as Docker 29 does with
that store, as far as docs.docker.com and moby's API documents say: ids of images are digests of
manifests, local images have digests of repositories too, the drivers of graphs are gone, and no
version of the API below 1.44 is taken. Everything else is done by the real engine.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

ENGINE = "/var/run/docker.sock"
SPOKEN = "1.41"
ANY_PORT = ("127.0.0.1", 0)
NEWEST, OLDEST = (1, 52), (1, 44)


class _ToEngine(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(ENGINE)


class EngineAnswers:
    """Answers that are handed on as they are."""

    def is_refused(self, path: str) -> str:
        return ""

    def change_request(self, path: str, body: bytes) -> tuple[str, bytes]:
        return path, body

    def change_answer(self, path: str, answer: Any) -> Any:
        return answer


class ContainerdStore(EngineAnswers):
    """Docker 29 with the image store of containerd."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}
        """Of each manifest that was told, the configuration by which the real engine knows it."""

    def is_refused(self, path: str) -> str:
        found = re.match(r"/v([0-9]+)\.([0-9]+)/", path)
        version = tuple(map(int, found.groups())) if found else OLDEST
        if version < OLDEST:
            return "client version is too old. Minimum supported API version is 1.44"
        return "client version is too new" if version > NEWEST else ""

    def change_request(self, path: str, body: bytes) -> tuple[str, bytes]:
        path = re.sub(r"^/v[0-9.]+/", f"/v{SPOKEN}/", path)
        for told, known in self.ids.items():
            path = path.replace(told, known).replace(told.replace(":", "%3A"), known)
            body = body.replace(told.encode(), known.encode())
        return path, body

    def change_answer(self, path: str, answer: Any) -> Any:
        if path.endswith("/version"):
            return answer | {"Version": "29.0.0", "ApiVersion": "1.52", "MinAPIVersion": "1.44"}
        if path.endswith("/info"):
            store = [["driver-type", "io.containerd.snapshotter.v1"]]
            return answer | {"Driver": "overlayfs", "DriverStatus": store}
        if re.search(r"/images/[^?]*json", path):
            for image in answer if isinstance(answer, list) else [answer]:
                self._rename_image(image)
        if re.search(r"/containers/[^/?]+/json", path) and "Id" in answer:
            answer.pop("GraphDriver", None)
            answer["Image"] = self._manifest_of(answer["Image"], [])
        return answer

    def _rename_image(self, image: Any) -> None:
        if "Id" not in image:  # an error
            return
        image.pop("GraphDriver", None)
        image["Id"] = self._manifest_of(image["Id"], image.get("RepoDigests") or [])
        if not image.get("RepoDigests"):
            names = {tag.rpartition(":")[0] for tag in image.get("RepoTags") or ()}
            image["RepoDigests"] = [f"{name}@{image['Id']}" for name in sorted(names)]

    def _manifest_of(self, known: str, names: list[str]) -> str:
        """Return the digest of an image's manifest; of one that was only built, a stand-in."""
        derived = f"sha256:{hashlib.sha256(known.encode()).hexdigest()}"
        told = names[0].rpartition("@")[2] if names else derived
        self.ids[told] = known
        return told


class _Handler(BaseHTTPRequestHandler):
    answers: EngineAnswers
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "socket"

    def log_message(self, *_: object) -> None:
        pass

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if problem := self.answers.is_refused(self.path):
            self._answer(400, json.dumps({"message": problem}).encode())
            return
        path, body = self.answers.change_request(self.path, body)
        headers = {"Host": "docker", "Content-Type": self.headers.get("Content-Type") or ""}
        if account := self.headers.get("X-Registry-Auth"):
            headers["X-Registry-Auth"] = account
        engine = _ToEngine("localhost")
        with contextlib.closing(engine):
            engine.request(self.command, path, body, headers)
            found = engine.getresponse()
            stat = found.getheader("X-Docker-Container-Path-Stat")
            more = {"X-Docker-Container-Path-Stat": stat} if stat else {}
            kind = found.getheader("Content-Type") or ""
            if kind == "application/json" and found.length is not None:
                answer = self.answers.change_answer(path, json.loads(found.read()))
                self._answer(found.status, json.dumps(answer).encode(), kind, more)
            elif found.length is not None:
                self._answer(found.status, found.read(), kind, more)
            else:
                self._answer_in_parts(found, kind, more)

    do_GET = do_POST = do_DELETE = do_HEAD = _forward  # noqa: N815 - the names of the library

    def _answer(
        self, code: int, body: bytes, kind: str = "application/json", more: Any = None
    ) -> None:
        self.send_response(code)
        for name, value in {"Content-Type": kind, **(more or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def _answer_in_parts(self, found: http.client.HTTPResponse, kind: str, more: Any) -> None:
        """Hand on a stream; JSON in parts is small here, so it is read whole and changed."""
        if kind == "application/json" and not re.search(r"/images/create", self.path):
            answer = self.answers.change_answer(self.path, json.loads(found.read() or b"null"))
            self._answer(found.status, json.dumps(answer).encode(), kind, more)
            return
        self.send_response(found.status)
        for name, value in {"Content-Type": kind, **more}.items():
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while part := found.read1(1 << 16):
            self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


class _OnSocket(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class _OnTcp(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True


def _tcp_address(server: socketserver.BaseServer) -> str:
    assert isinstance(server, _OnTcp)
    return f"tcp://127.0.0.1:{server.socket.getsockname()[1]}"


@contextlib.contextmanager
def serve_engine(answers: EngineAnswers, socket_path: Path | None = None) -> Iterator[str]:
    """Yield the address (for DOCKER_HOST) of the engine with these answers; TCP without a path."""
    handler = type("Handler", (_Handler,), {"answers": answers})
    server = _OnSocket(str(socket_path), handler) if socket_path else _OnTcp(ANY_PORT, handler)
    address = f"unix://{socket_path}" if socket_path else _tcp_address(server)
    with server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield address
        finally:
            server.shutdown()
