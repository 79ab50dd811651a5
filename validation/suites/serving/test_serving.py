"""The server demands its token, gives the right numbers, and changes models without a loss."""

from __future__ import annotations

import json
import signal
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from ..conftest import Answers
from ..contract import questions
from ..contract.expected import Expected
from ..outcome import require
from .models import (
    CLASSES,
    FEATURES,
    Constant,
    Product,
    Scores,
    Slow,
    plant_pickle,
    save_export,
    save_script,
)
from .server import InferenceServer, run_server

BIAS = [0.5, -0.25, 2.0]
ROWS = torch.linspace(-2, 2, 5 * FEATURES).reshape(5, FEATURES)
OPEN = "the server was configured without a token, or with one that everybody knows"


@pytest.fixture(scope="module")
def server(
    expected: Expected, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InferenceServer]:
    """Return the server, started with the command of the image on archives of each format."""
    folder = tmp_path_factory.mktemp("models")
    save_script(Scores(1), folder / "script.pt")
    save_export(Scores(2), folder / "export.pt2")
    save_script(Product(), folder / "product.pt")
    save_script(Constant(1), folder / "changing.pt")
    with run_server(expected.command, folder) as started:
        started.await_models("script", "export", "product", "changing")
        yield started


def describe_tensor(name: str, tensor: torch.Tensor) -> dict[str, object]:
    """Return a tensor of 32-bit floats as an input in JSON."""
    shape = list(tensor.shape)
    return {"name": name, "shape": shape, "datatype": "FP32", "data": tensor.tolist()}


def require_scores(seed: int, scores: torch.Tensor, how: str) -> None:
    """Require that scores are those of the same model, run by torch in this process."""
    right = Scores(seed)(ROWS, torch.tensor(BIAS))["scores"]
    off = float((scores.reshape(-1) - right.reshape(-1)).abs().max())
    require(
        off < 1e-4,
        f"scores {how} differ by up to {off:.2g} from the model run directly",
        "less than 0.0001",
        "tensors that are read, ordered or written wrongly",
    )


def test_token_is_asked(server: InferenceServer) -> None:
    """A stranger, or one with a wrong token, learns nothing but the health.

    The server was started with an empty SERVING_TOKEN, as a template without a value sets it.
    """
    require(len(server.token) >= 32, "the server drew no token", "a token", OPEN)
    for path, body in (("/v2/models", None), ("/v2/models/script/infer", b"{}")):
        for token in ("", "wrong", "None"):
            status, _ = server.ask(path, body, token=token)
            require(
                status == 401,
                f"{path} with the token `{token}` was answered with status {status}",
                "401",
                OPEN,
            )
    status, _ = server.ask("/v2/health/ready", token="")
    require(status == 200, f"the health gave status {status}", "200", "a health with a token")


def test_torchscript_in_json(server: InferenceServer) -> None:
    """Inputs are found by their names, and not by their places."""
    inputs = [describe_tensor("bias", torch.tensor(BIAS)), describe_tensor("rows", ROWS)]
    outputs = server.infer("script", inputs)["outputs"]
    names, shapes = [each["name"] for each in outputs], [each["shape"] for each in outputs]
    require(
        (names, shapes) == (["scores", "sums"], [[5, CLASSES], [5]]),
        f"the outputs are {names} of {shapes}",
        "scores and sums",
        "outputs that lose their names",
    )
    require_scores(1, torch.tensor(outputs[0]["data"]), "of TorchScript in JSON")


def test_export_in_raw_tensors(server: InferenceServer) -> None:
    """An exported program says its shapes, and gives raw tensors for raw tensors."""
    facts = json.loads(server.ask("/v2/models/export")[1])
    found = [(each["name"], each["datatype"], each["shape"]) for each in facts["inputs"]]
    wanted = [("rows", "FP32", [-1, FEATURES]), ("bias", "FP32", [CLASSES])]
    require(found == wanted, f"it says {found}", f"{wanted}", "metadata of another model")
    raw = {
        "rows": struct.pack(f"<{ROWS.numel()}f", *ROWS.flatten().tolist()),
        "bias": struct.pack(f"<{CLASSES}f", *BIAS),
    }
    shapes = {"rows": [5, FEATURES], "bias": [CLASSES]}
    inputs = [
        {
            "name": name,
            "shape": shapes[name],
            "datatype": "FP32",
            "parameters": {"binary_data_size": len(content)},
        }
        for name, content in raw.items()
    ]
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    body = head + b"".join(raw.values())
    status, answer = server.ask("/v2/models/export/infer", body, json_bytes=len(head))
    require(status == 200, f"status {status}: {answer[:160]!r}", "200", "no raw tensors")
    scores = struct.unpack_from(f"<{5 * CLASSES}f", answer, len(answer) - 4 * (5 * CLASSES + 5))
    require_scores(2, torch.tensor(scores), "of an exported program as raw tensors")


def test_pickles_run_nothing(server: InferenceServer) -> None:
    """A pickle in an archive that would run a program is refused, and the others are served."""
    mark, path = server.folder / "mark", server.folder / "strange.part"
    save_export(Scores(3), path)
    planted = plant_pickle(path, mark)
    path.replace(server.folder / "strange.pt2")
    server.await_models("strange")
    status, _ = server.ask("/v2/models/strange")
    require(
        planted > 0 and not mark.exists() and status == 503,
        f"of {planted} planted pickles one {'ran' if mark.exists() else 'did not run'}, and the "
        f"model has the status {status}",
        "none runs, and 503",
        "torch.load without weights_only",
    )


def test_model_is_replaced(server: InferenceServer) -> None:
    """Requests run all the time; each is answered by one version or the other, none is lost."""
    inputs = [describe_tensor("rows", torch.ones(2, 1))]

    def ask_until_new(_: int) -> list[float]:
        answers: list[float] = []
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and (not answers or answers[-1] != 2):
            answers += server.infer("changing", inputs)["outputs"][0]["data"][:1]
        return answers

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(ask_until_new, number) for number in range(4)]
        save_script(Constant(2), server.folder / "changing.pt")
        answers = [client.result() for client in clients]
    require(
        all(each == sorted(each) and each[-1] == 2 for each in answers),
        f"the last answers are {[each[-2:] for each in answers]}",
        "1, and then 2",
        "the folder is not looked at, or an old version answers again",
    )


def test_bad_requests_are_refused(server: InferenceServer) -> None:
    """Each gets a status from 400 to 499 and one line, without a word about the server's inside."""
    rows = describe_tensor("rows", ROWS)
    bodies = {
        "no JSON": b"{",
        "no inputs": b'{"inputs": []}',
        "an unknown input": json.dumps({"inputs": [{**rows, "name": "x"}]}).encode(),
        "too few values": json.dumps({"inputs": [{**rows, "data": [1.0]}]}).encode(),
        "a wrong shape": json.dumps(
            {"inputs": [describe_tensor("rows", torch.ones(2, 2)), describe_tensor("bias", ROWS)]}
        ).encode(),
        "too many bytes": b" " * 1_000_001,
    }
    for what, body in bodies.items():
        status, answer = server.ask("/v2/models/script/infer", body)
        text = answer.decode()
        require(
            400 <= status < 500 and "\n" not in text and "Traceback" not in text,
            f"{what}: status {status} and `{text[:160]}`",
            "a status from 400 to 499 and one line",
            "a request that reaches the model or the log of the server",
        )
    status, answer = server.ask("/v2/models/script/infer", bodies["too many bytes"])
    require(status == 413, f"1000001 bytes gave {status}", "413", "a limit that is not held")


def test_challenge(server: InferenceServer, nonce: str, answer: Answers) -> None:
    """A model multiplies matrices that nobody knew before."""
    drawn = questions.draw_product(nonce, "serving")
    left = torch.tensor(drawn.left).reshape(-1, drawn.inner).float()
    right = torch.tensor(drawn.right).reshape(drawn.inner, -1).float()
    inputs = [describe_tensor("left", left), describe_tensor("right", right)]
    product = server.infer("product", inputs)["outputs"][0]["data"]
    answer("product", [int(value) for value in product])


def test_stop_loses_no_request(server: InferenceServer) -> None:
    """After SIGTERM, the request that runs is answered, and then the server ends.

    It is the last check, because it ends the server of the others.
    """
    save_script(Slow(), server.folder / "slow.pt")
    server.await_models("slow")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(server.infer, "slow", [describe_tensor("rows", torch.ones(2))])
        time.sleep(0.1)
        server.process.send_signal(signal.SIGTERM)
        given = answer.result()["outputs"][0]["data"]
    code = server.process.wait(timeout=60)
    require(
        given == [1.0, 1.0] and code in (0, -signal.SIGTERM),
        f"the answer is {given}, the exit code {code}",
        "[1.0, 1.0], and 0 or -15",
        "a server that does not wait for its requests",
    )
