"""What each kind of snippet is checked with, without starting a container."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.using import schemas
from tests.using.snippets import IMAGE

BIN = Path(sys.executable).parent


def check_docker(text: str) -> None:
    """Require a `docker run` of the image, with shared memory and all GPUs."""
    words = shlex.split(text)
    assert words[:2] == ["docker", "run"], words[:2]
    assert IMAGE in words
    assert "--shm-size=8g" in words
    assert words[words.index("--gpus") + 1] == "all"


def check_shell(text: str) -> None:
    """Require a script that bash can parse and shellcheck does not complain of."""
    for command in (["bash", "-n"], [str(BIN / "shellcheck"), "--shell=bash", "-"]):
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def check_slurm(text: str) -> None:
    """Require a good script whose options of sbatch stand where sbatch reads them."""
    check_shell(text)
    lines = text.splitlines()
    assert lines[0].startswith("#!"), "sbatch refuses a script without an interpreter"
    options = [number for number, line in enumerate(lines) if line.startswith("#SBATCH --")]
    assert options == list(range(1, len(options) + 1)), "sbatch ignores options after a command"
    assert any("--gpus-per-node=" in lines[number] for number in options)
    assert "--nv" in text


def check_compose(text: str) -> None:
    """Require a file of the Compose specification, with shared memory and GPUs."""
    found = yaml.safe_load(text)
    schemas.compose_check()(found)
    for service in found["services"].values():
        assert service["shm_size"]
        devices = service["deploy"]["resources"]["reservations"]["devices"]
        assert any("gpu" in device["capabilities"] for device in devices)
        assert not service.get("read_only") or "/tmp" in service["tmpfs"]  # noqa: S108 - a name


def check_kubernetes(text: str) -> None:
    """Require objects that Kubernetes' own schema takes, and pods that are good guests."""
    for found in yaml.safe_load_all(text):
        check_object(found)


def check_object(found: Mapping[str, Any]) -> None:
    """Require one object to agree with the schema of its kind; of its pod see `check_pod`."""
    schemas.kubernetes_check(found["apiVersion"], found["kind"])(found)
    if found["kind"] in ("Job", "Deployment"):
        check_pod(found["spec"]["template"]["spec"])
    elif found["kind"] == "Pod":
        check_pod(found["spec"])


def check_pod(spec: Mapping[str, Any]) -> None:
    """Require GPUs, shared memory, any user, and memory or a volume wherever it writes."""
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert "runAsUser" not in spec["securityContext"], "OpenShift chooses the user"
    for container in spec["containers"]:
        mounted = {each["mountPath"]: volumes[each["name"]] for each in container["volumeMounts"]}
        assert int(container["resources"]["limits"]["nvidia.com/gpu"]) >= 1
        assert mounted["/dev/shm"]["emptyDir"]["medium"] == "Memory"  # noqa: S108 - a name
        assert {"/tmp", "/workspace"} <= set(mounted)  # noqa: S108 - a name
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True


def check_airflow(text: str) -> None:
    """Run the DAG with Airflow's names noted down, and check the pod that it asks for.

    The names of the operator's arguments are those of apache-airflow-providers-cncf-kubernetes.
    """
    asked: list[dict[str, Any]] = []

    class Dag:
        def __init__(self, name: str, **_: Any) -> None:
            assert name

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    def note_operator(
        *, task_id: str, namespace: str, pod_template_dict: Any, get_logs: bool
    ) -> None:
        asked.append(pod_template_dict)

    modules: dict[str, dict[str, Any]] = {
        "airflow.sdk": {"DAG": Dag},
        "airflow.providers.cncf.kubernetes.operators.pod": {"KubernetesPodOperator": note_operator},
    }
    lines = text.splitlines(keepends=True)
    given: dict[str, Any] = {}
    for name, values in modules.items():
        (line,) = [each for each in lines if each.startswith(f"from {name} import ")]
        assert line.rpartition(" ")[2].strip() in values
        given |= values
    rest = "".join(each for each in lines if not each.startswith("from airflow"))
    exec(compile(rest, "dag.py", "exec"), given)  # noqa: S102 - a snippet of our own page
    (pod,) = asked
    check_object(pod)
    assert [each["name"] for each in pod["spec"]["containers"]] == ["base"], (
        "Airflow wants that name"
    )


def check_actions(text: str) -> None:
    """Require a workflow that actionlint does not complain of, with shared memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.yml"
        path.write_text(text)
        config = Path(folder) / "actionlint.yaml"
        config.write_text("self-hosted-runner: {labels: [gpu]}\n")
        command = [str(BIN / "actionlint"), "-config-file", str(config), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for job in yaml.safe_load(text)["jobs"].values():
        assert "--shm-size=" in job["container"]["options"]


def check_prometheus(text: str) -> None:
    """Require a job that keeps the metrics that the harness writes; promtool knows the rest."""
    (job,) = yaml.safe_load(text)["scrape_configs"]
    (kept,) = [each["regex"] for each in job["metric_relabel_configs"] if each["action"] == "keep"]
    assert re.fullmatch(kept, "pytorch_cuda_images_validation_verdict")
    assert not re.fullmatch(kept, "node_load1")


CHECKS: dict[str, Callable[[str], None]] = {
    "docker": check_docker,
    "shell": check_shell,
    "slurm": check_slurm,
    "compose": check_compose,
    "kubernetes": check_kubernetes,
    "airflow": check_airflow,
    "actions": check_actions,
    "prometheus": check_prometheus,
}
"""The check of a snippet, by the second word of its fence."""
