"""The inference server as the image starts it, and a client of it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http import client
from pathlib import Path
from typing import Any
from urllib import error, request

from ..outcome import require

PORT = 8000
START_S, ANSWER_S = 90, 60
"""Limits for hangs: a server that is ready, and an answer."""

EMPTY = {"SERVING_TOKEN": "", "SERVING_MAX_MEGABYTES": "1"}
"""A template without a value sets an empty token. It must not open the server to everybody."""

JSON_LENGTH = "Inference-Header-Content-Length"


@dataclass(frozen=True)
class InferenceServer:
    """A server on this machine, its process, and the folder of its models."""

    process: subprocess.Popen[bytes]
    folder: Path
    token: str

    def ask(
        self,
        path: str,
        body: bytes | None = None,
        *,
        token: str | None = None,
        json_bytes: int | None = None,
    ) -> tuple[int, bytes]:
        """Return the status and the body of an answer; `token` takes the place of the right one."""
        headers = {"Authorization": f"Bearer {self.token if token is None else token}"}
        if json_bytes is not None:
            headers[JSON_LENGTH] = str(json_bytes)
        query = request.Request(f"http://127.0.0.1:{PORT}{path}", data=body, headers=headers)
        direct = request.build_opener(request.ProxyHandler({}))
        try:
            with direct.open(query, timeout=ANSWER_S) as answer:
                return answer.status, answer.read()
        except error.HTTPError as refused:
            return refused.code, refused.read()
        except (OSError, client.HTTPException) as lost:
            return 0, f"no answer, {lost}".encode()

    def infer(self, model: str, inputs: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return the answer of a model; the check fails if it is not one of status 200."""
        body = json.dumps({"inputs": inputs}).encode()
        status, answer = self.ask(f"/v2/models/{model}/infer", body)
        require(
            status == 200,
            f"model {model} was answered with status {status}: {answer[:160].decode()}",
            "200",
            "a server that does not load or run the archives of this torch",
        )
        answered: dict[str, Any] = json.loads(answer)
        return answered

    def await_models(self, *names: str) -> None:
        """Wait until the server has looked at these archives."""
        deadline = time.monotonic() + START_S
        seen: set[str] = set()
        while time.monotonic() < deadline and not seen >= set(names):
            found = json.loads(self.ask("/v2/models")[1])
            seen = {*found["unusable"], *(each["name"] for each in found["models"])}
            time.sleep(0.1)


@contextlib.contextmanager
def run_server(command: Sequence[str], folder: Path) -> Iterator[InferenceServer]:
    """Run the image's own command on the models of a folder, until the block ends."""
    log = folder / "output.txt"
    settings = {**os.environ, **EMPTY, "SERVING_MODELS": str(folder)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=settings, start_new_session=True
        )
    try:
        _await_start(process, log)
        shown = re.search("token of this start is ([0-9a-f]+)", log.read_text(encoding="utf-8"))
        yield InferenceServer(process, folder, shown[1] if shown else "")
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _await_start(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with (
            contextlib.suppress(OSError),
            request.urlopen(f"http://127.0.0.1:{PORT}/v2/health/ready", timeout=5),
        ):
            return
        time.sleep(0.2)
    last = " ".join(log.read_text(encoding="utf-8", errors="replace").split())[-300:]
    require(False, f"the server did not start: {last}", "a server", "a package of it is missing")
