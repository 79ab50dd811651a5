"""cluster.yaml: strict, and its groups split the suites of an image without a rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner import settings
from runner.errors import ConfigError
from tests.fakes.refusal import refused
from validation.cluster import GpuModel, load_cluster
from validation.suite import list_suites

CPU = "models: {cpu: {device: cpu, minutes: 5}}\n"
SUITES = list_suites(("base", "cv"))


def written(folder: Path, text: str) -> Path:
    path = folder / "cluster.yaml"
    path.write_text(text)
    return path


def test_the_shipped_file_asks_for_the_cpu_alone() -> None:
    found = load_cluster()
    assert found.choose_models(None) == ("cpu",)
    assert found.split_suites(SUITES) == (tuple(suite.name for suite in SUITES),)


def test_every_suite_is_in_one_group(tmp_path: Path) -> None:
    text = f"{CPU}groups: {{slow: [throughput, nlp], ddp: [ddp, device]}}\n"
    split = load_cluster(written(tmp_path, text)).split_suites(SUITES)
    assert split[:2] == (("throughput",), ("device", "ddp"))
    assert sorted(name for group in split for name in group) == sorted(each.name for each in SUITES)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("models: {}\n", "models", id="no model"),
        pytest.param(f"{CPU}partitions: x\n", "partitions", id="an unknown key"),
        pytest.param(f"{CPU}partition: --uid=0\n", "partition", id="an option"),
        pytest.param(f'{CPU}account: "a b"\n', "account", id="two words"),
        pytest.param(f"{CPU}checkout: there\n", "checkout", id="a relative path"),
        pytest.param(f"{CPU}node_settings: /a;reboot\n", "node_settings", id="a command"),
        pytest.param("models: {cpu: {device: tpu, minutes: 5}}\n", "device", id="a device"),
        pytest.param("models: {cpu: {device: cpu, minutes: 0}}\n", "minutes", id="no time"),
        pytest.param("models: {L4: {device: cpu, minutes: 1}}\n", "models", id="a name"),
        pytest.param(f"{CPU}groups: {{a: [dpp]}}\n", "`dpp` in the group a is no suite", id="dpp"),
        pytest.param(f"{CPU}groups: {{a: [multinode]}}\n", "is no suite", id="two nodes"),
        pytest.param(f"{CPU}multinode: [l4]\n", "`l4` in `multinode` is no model", id="no model"),
        pytest.param(f"{CPU}multinode: sometimes\n", "multinode", id="a word"),
        pytest.param(
            f"{CPU}groups: {{a: [ddp], b: [ddp]}}\n", "in the group b is in two groups", id="twice"
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_name(tmp_path: Path, text: str, words: str) -> None:
    with refused(ConfigError, "cluster.yaml", words):
        load_cluster(written(tmp_path, text))


def test_the_variable_names_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "models: {l4: {device: cuda, minutes: 5, gres: 'gpu:l4:2'}}\n"
    monkeypatch.setenv(settings.CLUSTER, str(written(tmp_path, text)))
    found = load_cluster()
    assert found.choose_models("l4,l4") == ("l4",)
    with refused(ConfigError, "unknown GPU model `h100`", "models of ", "cluster.yaml: l4"):
        found.choose_models("l4,h100")


@pytest.mark.parametrize(
    ("text", "models"),
    [("", []), ("false", []), ("true", ["cpu", "l4"]), ("[l4]", ["l4"]), ("[]", [])],
)
def test_the_suite_of_two_nodes_is_asked_for(tmp_path: Path, text: str, models: list[str]) -> None:
    both = "models: {cpu: {device: cpu, minutes: 5}, l4: {device: cuda, minutes: 5}}\n"
    asked = f"multinode: {text}\n" if text else ""
    found = load_cluster(written(tmp_path, f"{both}{asked}"))
    assert [name for name in found.models if found.runs_multinode(name)] == models


@pytest.mark.parametrize(
    ("gres", "count"),
    [
        ("", 1),
        ("gpu", 1),
        ("gpu:4", 4),
        ("gpu:h100:2", 2),
        ("gpu:1080:2(S:0)", 2),
        ("gpu:a:1,gpu:b:2", 3),
        pytest.param("gpu:3g.40gb", 1, id="a part of a GPU"),
        pytest.param("gpu:3g.40gb:2", 2, id="two parts of GPUs"),
    ],
)
def test_the_gpus_of_a_job_are_counted(gres: str, count: int) -> None:
    assert GpuModel("cuda", 1, gres=gres).gpu_count == count
