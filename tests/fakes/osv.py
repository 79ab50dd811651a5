"""A service on loopback with the API of OSV, as far as this project asks it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class FakeOsv:
    """It knows `advisories` (as OSV writes them) of packages in the versions that they list.

    With `answer` it says that to every request, with `status`. `asked` are the requests' paths, and
    `sent` all their bodies.
    """

    advisories: Sequence[Mapping[str, Any]] = ()
    answer: bytes | None = None
    status: int = 200
    location: str = ""
    asked: list[str] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)

    def reply(self, path: str, body: bytes) -> tuple[int, bytes]:
        self.asked.append(path)
        self.sent.append(json.loads(body) if body else None)
        if self.answer is not None:
            return self.status, self.answer
        if path == "/v1/querybatch":
            queries = json.loads(body)["queries"]
            return 200, json.dumps({"results": [self._match(each) for each in queries]}).encode()
        named = {f"/v1/vulns/{each['id']}": each for each in self.advisories}
        return (200, json.dumps(named[path]).encode()) if path in named else (404, b"{}")

    def _match(self, query: Mapping[str, Any]) -> dict[str, Any]:
        found = [
            {"id": each["id"], "modified": "2026-01-01T00:00:00Z"}
            for each in self.advisories
            for affected in each["affected"]
            if affected["package"] == query["package"] and query["version"] in affected["versions"]
        ]
        return {"vulns": found} if found else {}


def advisory(
    id_: str, package: str, versions: Sequence[str], fixed: str = "", **more: Any
) -> dict[str, Any]:
    """An advisory of OSV."""
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    affected = {
        "package": {"name": package, "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
        "versions": list(versions),
    }
    return {"id": id_, "affected": [affected], **more}


@contextlib.contextmanager
def serving(osv: FakeOsv) -> Iterator[str]:
    """The address of the service while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status, body = osv.reply(self.path, self.rfile.read(length))
            self.send_response(status)
            if osv.location:
                self.send_header("Location", osv.location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
