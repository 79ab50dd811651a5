"""The snippets of docs/using.md and its examples, run by the programs that they are for."""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import confluent_kafka
import pytest

from runner import containers, engine, pull, records
from runner.home import REPOSITORY
from tests.clients.containers import await_log, docker, logs_of
from tests.using.snippets import EXAMPLES, IMAGE, Snippet, snippets_of

TOPIC, MESSAGES, KILLS = "events", 4000, 3
CLIENT = Path(confluent_kafka.__file__).resolve().parent
SAME = """
import sys, torch
first, second = (torch.load(path, weights_only=True) for path in sys.argv[1:])
assert first["next_offset"] == second["next_offset"], (first["next_offset"], second["next_offset"])
assert torch.equal(first["random"], second["random"])
for name, tensor in first["model"].items():
    assert torch.equal(tensor, second["model"][name]), name
for index, state in first["optimizer"]["state"].items():
    for name, tensor in state.items():
        assert torch.equal(tensor, second["optimizer"]["state"][index][name]), name
"""


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("snippet", snippets_of("docker"), ids=str)
def test_command_trains(snippet: Snippet, base_image: str, workspace: Path) -> None:
    """On a machine without a GPU, as the page says: without `--gpus`, and with a number."""
    pull.pull_image(base_image)
    text = snippet.text.replace(IMAGE, base_image)
    if not engine.gpu_request():
        text = text.replace("--gpus all ", "").replace("=gpu", "=2")
    text = text.replace("docker run", f"{shlex.quote(engine.docker_program())} run")
    done = subprocess.run(
        ["bash", "-c", text], cwd=workspace, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "loss" in done.stdout
    assert (workspace / "checkpoint.pt").stat().st_size > 0


NOT_THERE = (
    (
        "base",
        "import torch, torchaudio as a; a.save('/tmp/a.wav', torch.zeros(1, 8000), 8000)",
        "Couldn't find appropriate backend",
    ),
    (
        "base",
        "import wave, torchaudio as a; w = wave.open('/tmp/a.wav', 'wb'); w.setnchannels(1); "
        "w.setsampwidth(2); w.setframerate(8000); w.close(); a.load('/tmp/a.wav')",
        "Couldn't find appropriate backend",
    ),
    ("base", "import torch.utils.tensorboard", "No module named 'tensorboard'"),
    (
        "rl",
        "import gymnasium as g; e = g.make('CartPole-v1', render_mode='rgb_array'); e.reset(); "
        "e.render()",
        "pygame is not installed",
    ),
)


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize(("stack", "code", "says"), NOT_THERE)
def test_what_is_not_there_says_so(
    image_with: Callable[[str], str], stack: str, code: str, says: str
) -> None:
    """As the page says, which names what to install."""
    command = [engine.docker_program(), "run", "--rm", image_with(stack), "python", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert says in done.stderr
    assert f"`{says}`" in records.read_text(REPOSITORY / "docs" / "running.md")


@pytest.fixture
def producer() -> Iterator[tuple[confluent_kafka.Producer, str]]:
    """Yield a producer and the address of the test cluster of librdkafka, which speaks Kafka."""
    made = confluent_kafka.Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "none"})
    broker = next(iter(made.list_topics(timeout=30).brokers.values()))
    yield made, f"{broker.host}:{broker.port}"
    made.purge()


@contextlib.contextmanager
def learning(image: str, workspace: Path, servers: str, checkpoint: str) -> Iterator[str]:
    """Yield the name of a container that learns; it is removed afterwards."""
    name = containers.new_name("client")
    client = [f"--volume={each}:/client/{each.name}:ro" for each in (CLIENT, *_libraries())]
    learn = ["python", "online_learning.py", "--servers", servers, "--topic", TOPIC]
    options = ["--network=host", "--shm-size=1g", "--env=PYTHONPATH=/client", "--user=12345"]
    docker(
        *("run", "--detach", "--name", name, *options, *client, f"--volume={workspace}:/workspace"),
        *(image, *learn, "--checkpoint", checkpoint, "--until", str(MESSAGES), "--every", "3"),
    )
    try:
        yield name
    finally:
        docker("rm", "--force", "--volumes", name)


def _libraries() -> list[Path]:
    return [each for each in CLIENT.parent.glob("confluent_kafka.libs") if each.is_dir()]


def send(producer: confluent_kafka.Producer, first: int, last: int) -> None:
    """Send the messages from `first` on, before `last`; every hundredth is no sample."""
    for number in range(first, last):
        inputs = [(number * 37 + each * 11) % 101 / 101 for each in range(4)]
        text = json.dumps({"x": inputs, "y": sum(inputs)}) if number % 100 else "not JSON"
        producer.produce(TOPIC, value=text.encode(), partition=0)
    assert producer.flush(30) == 0


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.thorough
def test_learning_continues_exactly_after_a_kill(
    base_image: str, workspace: Path, producer: tuple[confluent_kafka.Producer, str]
) -> None:
    pull.pull_image(base_image)
    sender, servers = producer
    part = MESSAGES // (KILLS + 1)
    seen = []
    for number in range(KILLS + 1):
        send(sender, number * part, (number + 1) * part)
        with learning(base_image, workspace, servers, "killed.pt") as name:
            seen.append(int(await_log(name, r"from offset (\d+)")))
            if number == KILLS:
                assert docker("wait", name).strip() == "0", logs_of(name)
            else:
                await_log(name, r"learned up to offset (\d+)")
                time.sleep(0.03 * number)
                docker("kill", "--signal=KILL", name)
    assert seen == sorted(set(seen)), "each start continues later than the one before"
    with learning(base_image, workspace, servers, "whole.pt") as name:
        assert docker("wait", name).strip() == "0", logs_of(name)
        assert "offset 100 is not a sample" in logs_of(name)
    mounted = f"--volume={workspace}:/workspace"
    docker("run", "--rm", mounted, base_image, "python", "-c", SAME, "killed.pt", "whole.pt")


def require_program(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"NOT RUN: {name} is not here: apt-get install {package}")
    return found


@pytest.mark.slow
@pytest.mark.thorough
def test_prometheus_takes_its_configuration_and_every_panel(tmp_path: Path) -> None:
    promtool = require_program("promtool", "prometheus")
    (snippet,) = snippets_of("prometheus")
    config, rules = tmp_path / "prometheus.yml", tmp_path / "rules.yml"
    config.write_text(snippet.text)
    panels = json.loads(records.read_text(EXAMPLES / "dashboard.json"))["panels"]
    expressions = [one["expr"] for panel in panels for one in panel["targets"]]
    written = [{"record": f"panel:{n}", "expr": each} for n, each in enumerate(expressions)]
    rules.write_text(json.dumps({"groups": [{"name": "panels", "rules": written}]}))
    for command in (["config", str(config)], ["rules", str(rules)]):
        done = subprocess.run(
            [promtool, "check", *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.thorough
def test_compose_takes_its_file(tmp_path: Path) -> None:
    compose = require_program("docker-compose", "docker-compose")
    (snippet,) = snippets_of("compose")
    (tmp_path / "compose.yaml").write_text(snippet.text)
    done = subprocess.run(
        [compose, "config", "--quiet"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
