"""A client with plain HTTP: models give the right numbers, and change while requests run."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from runner import pull
from tests.clients.containers import await_health, await_log, docker, logs_of, port_of, running

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.thorough]

DRAWN = r"token of this start is ([0-9a-f]{48})"
GIVEN = "chosen-by-a-person"
ARCHIVES = """
import json, os, sys, torch
class Model(torch.nn.Module):
    def __init__(self, factor: float, turns: int = 0):
        super().__init__()
        self.layer = torch.nn.Linear(8, 4)
        self.factor, self.turns = factor, turns
    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        for _ in range(self.turns):
            torch.tanh(torch.ones(512, 512) @ torch.ones(512, 512))
        return torch.relu(self.layer(rows)) * self.factor
def put(model, name):
    torch.jit.save(torch.jit.script(model), f"/new/{name}.part")
    os.rename(f"/new/{name}.part", f"/new/{name}.pt")
torch.manual_seed(0)
model = Model(1.0)
if sys.argv[1:] == ["second"]:
    model.factor = -1.0
    put(model, "next")
else:
    put(model, "small")
    rows = torch.export.Dim("rows", min=1, max=1000)
    program = torch.export.export(model, (torch.ones(2, 8),), dynamic_shapes=({0: rows},))
    torch.export.save(program, "/new/exported.pt2")
    put(Model(1.0, 2000), "slow")
    given = torch.linspace(-1, 1, 24).reshape(3, 8)
    print(json.dumps([given.tolist(), model(given).tolist()]))
"""


@dataclass(frozen=True)
class Served:
    """A container that serves, the folder of its models, and what torch itself computes."""

    name: str
    address: str
    token: str
    folder: Path
    given: list[list[float]]
    right: list[list[float]]

    def infer(self, model: str, **body: Any) -> requests.Response:
        """Ask for the given rows, or send what `body` says."""
        url = f"{self.address}/v2/models/{model}/infer"
        headers = {"Authorization": f"Bearer {self.token}"}
        content = body or {"json": {"inputs": [describe_rows(self.given)]}}
        return requests.post(url, headers=headers, timeout=60, **content)


def describe_rows(rows: list[list[float]]) -> dict[str, Any]:
    """Return rows as the only input of the models of this file."""
    return {"name": "rows", "shape": [len(rows), 8], "datatype": "FP32", "data": rows}


def make_archives(image: str, folder: Path, *words: str) -> str:
    """Make archives with the image's own torch, and return what the program printed."""
    program = folder / "archives.py"  # TorchScript reads the source of a model
    program.write_text(ARCHIVES)
    return docker(
        "run", "--rm", f"--volume={folder}:/new", image, "python", f"/new/{program.name}", *words
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the models; the image's user may write it."""
    made = tmp_path_factory.mktemp("models")
    made.chmod(0o777)
    return made


@pytest.fixture(scope="module")
def made(serving_image: str, folder: Path) -> tuple[str, list[Any]]:
    """Return the image, and rows with the outputs that torch computes for them."""
    pull.pull_image(serving_image)
    return serving_image, json.loads(make_archives(serving_image, folder))


@pytest.fixture
def served(made: tuple[str, list[Any]], folder: Path) -> Iterator[Served]:
    """Return a container that is healthy, as a careful user runs it: read-only, any user."""
    image, (given, right) = made
    options = ["--publish=127.0.0.1::8000", "--health-interval=1s", "--read-only", "--tmpfs=/tmp"]
    options += [f"--volume={folder}:/models:ro", "--user=12345:0", "--env=SERVING_MAX_MEGABYTES=1"]
    options += ["--env=SERVING_BATCH=32"]
    with running(image, options) as name:
        await_health(name)
        address = f"http://127.0.0.1:{port_of(name, 8000)}"
        yield Served(name, address, await_log(name, DRAWN), folder, given, right)


@pytest.mark.parametrize("model", ["small", "exported"])
def test_numbers_are_those_of_the_model_itself(served: Served, model: str) -> None:
    in_json = served.infer(model).json()["outputs"][0]
    assert in_json["shape"] == [3, 4]
    assert np.allclose(np.array(in_json["data"]).reshape(3, 4), served.right, atol=1e-6)
    raw = np.array(served.given, "<f4").tobytes()
    head = {**describe_rows(served.given), "parameters": {"binary_data_size": len(raw)}}
    del head["data"]
    text = json.dumps({"inputs": [head], "parameters": {"binary_data_output": True}}).encode()
    headers = {
        "Authorization": f"Bearer {served.token}",
        "Inference-Header-Content-Length": str(len(text)),
    }
    answer = requests.post(
        f"{served.address}/v2/models/{model}/infer", data=text + raw, headers=headers, timeout=60
    )
    start = int(answer.headers["Inference-Header-Content-Length"])
    scores = np.frombuffer(answer.content[start:], "<f4").reshape(3, 4)
    assert np.allclose(scores, served.right, atol=1e-6)


def test_each_request_of_a_batch_gets_its_own_numbers(served: Served) -> None:
    """Requests that wait at the same time share a run of the model; a bad one fails alone."""

    def ask_scaled(factor: int) -> bool:
        rows = (np.array(served.given[:1]) * factor).tolist()
        if factor % 10 == 0:
            bad = {**describe_rows(rows), "shape": [1, 2, 4]}
            return served.infer("small", json={"inputs": [bad]}).status_code == 422
        found = served.infer("small", json={"inputs": [describe_rows(rows)]}).json()
        alone = served.infer("exported", json={"inputs": [describe_rows(rows)]}).json()
        together, apart = (each["outputs"][0]["data"] for each in (found, alone))
        return bool(np.allclose(together, apart, atol=1e-5))

    with ThreadPoolExecutor(50) as pool:
        assert all(pool.map(ask_scaled, range(1, 101)))


def test_stranger_is_refused(served: Served) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": served.token}):
        for path in ("/v2", "/v2/models", "/v2/models/small", "/v2/models/small/infer"):
            ask = requests.post if path.endswith("infer") else requests.get
            answer = ask(f"{served.address}{path}", headers=headers, timeout=60)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert requests.get(f"{served.address}/v2/health/live", timeout=60).status_code == 200


def test_model_is_replaced_under_load(served: Served, made: tuple[str, list[Any]]) -> None:
    """50 requests run while the archive is replaced: each is answered by one of the versions."""
    small = served.folder / "small.pt"
    make_archives(made[0], served.folder, "second")
    first = small.read_bytes()

    def ask_again(_: int) -> list[tuple[int, str]]:
        answers = [served.infer("small") for _ in range(20)]
        return [(each.status_code, each.json().get("model_version", "")) for each in answers]

    before = served.infer("small").json()["model_version"]
    with ThreadPoolExecutor(50) as pool:
        clients = [pool.submit(ask_again, number) for number in range(50)]
        (served.folder / "next.pt").replace(small)
        answers = [each for client in clients for each in client.result()]
    assert len(answers) == 1000
    assert {status for status, _ in answers} == {200}
    versions = {version for _, version in answers}
    await_log(served.name, r"model small is served, version (?!" + before + r")(\w+)")
    after = served.infer("small").json()
    assert versions <= {before, after["model_version"]}
    negated = np.array(after["outputs"][0]["data"]).reshape(3, 4)
    assert np.allclose(negated, -np.array(served.right), atol=1e-6)
    back = served.folder / "back.part"
    back.write_bytes(first)
    back.replace(small)


def test_bad_and_large_requests(served: Served) -> None:
    inputs = json.dumps({"inputs": [describe_rows([[1.0] * 8])]})
    bodies = [b"", b"{", b"[" * 200_000, b"\xff", inputs.replace("FP32", "FP31").encode()]
    bodies += [inputs.replace("1, 8", "1, 9").encode(), inputs.replace("1.0", "NaN").encode()]
    answers = [served.infer("small", data=body) for body in bodies]
    answers.append(served.infer("small", data=b" " * 1_000_001))
    answers.append(served.infer("nowhere"))
    assert [each.status_code for each in answers] == [*[400] * len(bodies), 413, 404]
    for each in answers:
        assert list(each.json()) == ["error"]
        assert "\n" not in each.text
        assert "Traceback" not in each.text
        assert "/usr/" not in each.text
    with socket.create_connection(("127.0.0.1", port_of(served.name, 8000)), timeout=10) as raw:
        raw.sendall(b"\x00nonsense\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400")
    assert served.infer("small").ok
    assert "Traceback" not in logs_of(served.name)


def talk(served: Served, sent: bytes) -> bytes:
    """Send bytes, and return all that is answered until the server closes the connection."""
    got = b""
    with socket.create_connection(("127.0.0.1", port_of(served.name, 8000)), timeout=45) as raw:
        raw.sendall(sent)
        while part := raw.recv(1 << 16):
            got += part
    return got


@pytest.mark.parametrize("sent", [b"", b"GET /v2/health/live HTTP/1.1\r\nX: "])
def test_connection_that_brings_no_request_is_closed(served: Served, sent: bytes) -> None:
    """Somebody without a token could hold every connection of the server for ever."""
    assert talk(served, sent) == b""


def test_two_lengths_are_refused(served: Served) -> None:
    """A proxy that believes the other one would take the rest for the next request."""
    lengths = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    first = f"POST /v2/models/small/infer HTTP/1.1\r\nHost: h\r\n{lengths}"
    answered = talk(served, f"{first}GET /v2 HTTP/1.1\r\nHost: h\r\n\r\n".encode())
    assert answered.startswith(b"HTTP/1.1 400")
    assert answered.count(b"HTTP/1.1 ") == 1


def test_no_request_is_led_to_the_host_that_it_names(served: Served) -> None:
    answer = requests.get(
        f"{served.address}/v2/", headers={"Host": "h.example"}, timeout=60, allow_redirects=False
    )
    assert answer.status_code == 404


def test_stop_answers_the_requests_that_run(served: Served) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(served.infer, "slow") for _ in range(2)]
        while served.infer("small").elapsed.total_seconds() < 0.2:  # until the slow ones run
            pass
        docker("stop", "--time=60", served.name)
        assert [answer.result().status_code for answer in answers] == [200, 200]
    assert docker("inspect", "--format={{.State.ExitCode}}", served.name).strip() in ("0", "143")


def test_own_token_is_not_printed(made: tuple[str, list[Any]], tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(f"{GIVEN}\n")
    file.chmod(0o644)
    tmp_path.chmod(0o755)
    options = [f"--volume={tmp_path}:/models:ro", "--env=SERVING_TOKEN_FILE=/models/token"]
    options += ["--publish=127.0.0.1::8000", "--health-interval=1s", "--env=SERVING_TOKEN="]
    with running(made[0], options) as name:
        await_health(name)
        address = f"http://127.0.0.1:{port_of(name, 8000)}/v2/models"
        answer = requests.get(address, headers={"Authorization": f"Bearer {GIVEN}"}, timeout=60)
        assert answer.json() == {"models": [], "unusable": {}}
        assert GIVEN not in logs_of(name)
