"""A JupyterLab server as the image starts it, and the kernels that it runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib import error, request

import websocket

from ..outcome import require

PORT = 8888
START_S, ANSWER_S = 90, 60
"""Limits for hangs: a server that is ready, and a cell that has ended."""

EMPTY = {"JUPYTER_TOKEN": ""}
"""What a template without a value sets. It must not open the server to everybody."""


@dataclass(frozen=True)
class LabServer:
    """A server on this machine; `token` is the one that it drew at its start."""

    token: str

    def ask(
        self, path: str, *, token: str = "", method: str = "GET", body: object = None
    ) -> tuple[int, bytes]:
        """Return the status and the body of an answer; without `token`, as a stranger asks."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {token}"} if token else {}
        question = request.Request(
            f"http://127.0.0.1:{PORT}{path}", data=data, headers=headers, method=method
        )
        direct = request.build_opener(request.ProxyHandler({}))
        try:
            with direct.open(question, timeout=ANSWER_S) as answer:
                return answer.status, answer.read()
        except error.HTTPError as refused:
            return refused.code, refused.read()

    @contextlib.contextmanager
    def start_kernel(self) -> Iterator[websocket.WebSocket]:
        """Start a kernel, and yield the connection that a browser would have to it."""
        status, answer = self.ask("/api/kernels", token=self.token, method="POST", body={})
        require(
            status == 201,
            f"a new kernel was answered with status {status}",
            "201",
            "ipykernel or its kernel specification is missing",
        )
        kernel = json.loads(answer)["id"]
        address = f"ws://127.0.0.1:{PORT}/api/kernels/{kernel}/channels"
        headers = [f"Authorization: token {self.token}"]
        socket = websocket.create_connection(address, timeout=ANSWER_S, header=headers)
        try:
            yield socket
        finally:
            socket.close()
            self.ask(f"/api/kernels/{kernel}", token=self.token, method="DELETE")


@contextlib.contextmanager
def run_lab(command: Sequence[str], folder: Path) -> Iterator[LabServer]:
    """Run the server with the image's own command until the block ends.

    `folder` is for its output and what it writes about itself.
    """
    settings = {**os.environ, **EMPTY, "JUPYTER_RUNTIME_DIR": str(folder)}
    log = folder / "output.txt"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=settings, start_new_session=True
        )
    try:
        yield LabServer(_await_token(server, folder, log))
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _await_token(server: subprocess.Popen[bytes], folder: Path, log: Path) -> str:
    """Return the token of a server that answers."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.poll() is None:
        for path in folder.glob("jpserver-*.json"):
            with contextlib.suppress(ValueError, OSError):
                token = str(json.loads(path.read_text(encoding="utf-8"))["token"])
                if LabServer("").ask("/api")[0] == 200:
                    return token
        time.sleep(0.2)
    last = " ".join(log.read_text(encoding="utf-8", errors="replace").split())[-300:]
    require(False, f"JupyterLab did not start: {last}", "a server", "a package of it is missing")
    raise AssertionError  # `require` has ended the check


def run_cell(socket: websocket.WebSocket, code: str) -> list[dict[str, Any]]:
    """Run a cell, and return the content of every output, in order; an error is an output."""
    number = uuid.uuid4().hex
    execute_request = {
        "header": {
            "msg_id": number,
            "msg_type": "execute_request",
            "session": uuid.uuid4().hex,
            "username": "",
            "version": "5.3",
        },
        "parent_header": {},
        "metadata": {},
        "content": {"code": code, "silent": False, "store_history": False},
        "channel": "shell",
    }
    socket.send(json.dumps(execute_request))
    outputs: list[dict[str, Any]] = []
    while True:
        message = json.loads(socket.recv())
        if message["parent_header"].get("msg_id") != number:
            continue
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "status" and content["execution_state"] == "idle":
            return outputs
        if kind in ("stream", "display_data", "execute_result", "error"):
            outputs.append(content)


def read_printed(outputs: Sequence[dict[str, Any]]) -> str:
    """Return what a cell printed, and the name and the text of an error that ended it."""
    parts = [
        output.get("text") or f"{output.get('ename', '')}: {output.get('evalue', '')}"
        for output in outputs
        if "text" in output or "ename" in output
    ]
    return "".join(parts).strip()
