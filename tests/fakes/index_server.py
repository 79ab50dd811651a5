"""A package index over HTTP on loopback: pages, wheels, ranges of bytes, a password, and faults."""

from __future__ import annotations

import base64
import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ACCOUNT = "reader:p@ss"


@dataclass
class IndexServer:
    """What it serves and does wrong; `asked` are the paths of requests, with their ranges.

    `beside` is served as the metadata of every wheel, `statuses` replaces answers by path, `files`
    is the address at which its pages say that the wheels are.
    """

    folder: Path
    host: str = ""
    has_ranges: bool = True
    needs_login: bool = False
    beside: bytes | None = None
    files: str = "/files"
    statuses: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Its address with the account, as uv's settings have it."""
        account = ACCOUNT.replace("@", "%40", 1) + "@" if self.needs_login else ""
        return f"http://{account}{self.host}/simple"


class _Handler(BaseHTTPRequestHandler):
    """Answers for the index that its server holds."""

    served: IndexServer

    def do_GET(self) -> None:
        part = self.headers.get("Range", "")
        self.served.asked.append(f"{self.path} {part}".strip())
        right = "Basic " + base64.b64encode(ACCOUNT.encode()).decode()
        if self.served.needs_login and self.headers.get("Authorization") != right:
            self.answer(401, b"")
        elif self.path in self.served.statuses:
            self.answer(self.served.statuses[self.path], b"", Location="http://127.0.0.1:9/")
        elif self.path.startswith("/simple/"):
            self.answer(200, self.page(), **{"Content-Type": "text/html"})
        elif self.path.endswith(".metadata"):
            self.answer(404 if self.served.beside is None else 200, self.served.beside or b"")
        else:
            self.wheel(part)

    do_HEAD = do_GET  # noqa: N815 - the library's name

    def page(self) -> bytes:
        name = self.path.split("/")[2].replace("-", "_")
        files = [
            path.name
            for path in sorted(self.served.folder.glob("*.whl"))
            if path.name.lower().startswith(f"{name}-")
        ]
        return "".join(
            f'<a href="{self.served.files}/{file}">{file}</a>' for file in files
        ).encode()

    def wheel(self, part: str) -> None:
        data = (self.served.folder / self.path.rpartition("/")[2]).read_bytes()
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", part)
        if not (wanted and self.served.has_ranges):
            self.answer(200, data)
            return
        start, end = int(wanted[1]), int(wanted[2]) + 1
        whole = f"bytes {start}-{end - 1}/{len(data)}"
        self.answer(206, data[start:end], **{"Content-Range": whole})

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Accept-Ranges", "bytes" if self.served.has_ranges else "none")
        self.send_header("Content-Length", str(len(body)))
        if status == 401:
            self.send_header("WWW-Authenticate", "Basic realm=index")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serve_index(folder: Path) -> Iterator[IndexServer]:
    """Serve the wheels of a folder during the block."""
    served = IndexServer(folder)
    handler = type("Handler", (_Handler,), {"served": served})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    served.host = f"127.0.0.1:{server.server_port}"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
