"""The snippet for Airflow, read by the real Airflow: its operator makes the pod of the page.

The two packages have 280 MB, so they are installed only here, in an environment of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.using.checks import check_object
from tests.using.snippets import IMAGE, snippets_of

PACKAGES = ("apache-airflow==3.3.2", "apache-airflow-providers-cncf-kubernetes==10.25.0")
MAKE_POD = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from kubernetes.client import ApiClient
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
(dag,) = bag.dags.values()
(task,) = dag.tasks
pod = task.build_pod_request_obj(None)
print(json.dumps(ApiClient().sanitize_for_serialization(pod)))
"""
NO_CLUSTER = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "none", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "none", "user": {}}],
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "current-context": "none",
}


@pytest.mark.slow
@pytest.mark.thorough
def test_airflow_makes_the_pod(tmp_path: Path) -> None:
    (snippet,) = snippets_of("airflow")
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "train.py").write_text(snippet.text)
    (tmp_path / "cluster.json").write_text(json.dumps(NO_CLUSTER))
    environment = [word for package in PACKAGES for word in ("--with", package)]
    done = subprocess.run(
        ["uv", "run", "--no-project", *environment, "python", "-c", MAKE_POD, tmp_path / "dags"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AIRFLOW_HOME": str(tmp_path / "home"),
            "KUBECONFIG": str(tmp_path / "cluster.json"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pod: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    (container,) = pod["spec"]["containers"]
    assert (container["name"], container["image"]) == ("base", IMAGE)
    assert container["args"] == ["python", "train.py", "--steps", "200"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod["metadata"]["namespace"] == "training"
    check_object(pod)
