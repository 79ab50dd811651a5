"""Each snippet of docs/using.md is checked, each check can fail, and the dashboard shows metrics
that the harness writes.
"""

from __future__ import annotations

import json
import re

import pytest

from runner import records
from runner.verdict import Verdict
from tests.using.checks import CHECKS
from tests.using.snippets import EXAMPLES, PAGE, Snippet, read_snippets, snippets_of
from validation.metrics import PREFIX, render_openmetrics
from validation.record import Check, Environment, Figure, GpuSample, SuiteResult, ValidationRecord

SNIPPETS = list(read_snippets(records.read_text(PAGE)))


def find_unchecked(text: str) -> list[Snippet]:
    return [each for each in read_snippets(text) if each.check not in CHECKS]


@pytest.mark.parametrize("snippet", SNIPPETS, ids=str)
def test_snippet_is_right(snippet: Snippet) -> None:
    CHECKS[snippet.check](snippet.text)


def test_no_snippet_is_without_a_check() -> None:
    assert not find_unchecked(records.read_text(PAGE))
    assert {each.check for each in SNIPPETS} == set(CHECKS)


@pytest.mark.parametrize(
    "text", ["```bash\nls\n```\n", "```\nls\n```\n", "```bash other\nls\n```\n", "a\n\n    ls\n"]
)
def test_planted_snippet_without_a_check_is_found(text: str) -> None:
    assert len(find_unchecked(text)) == 1


PLANTED = [
    ("docker", " --shm-size=8g", ""),
    ("docker", "docker run", "docker start"),
    ("shell", "pip install", "$( pip install"),
    ("slurm", "set -euo pipefail", "set -euo pipefail\n#SBATCH --exclusive"),
    ("slurm", '"$SLURM_SUBMIT_DIR:/workspace"', "$SLURM_SUBMIT_DIR:/workspace"),
    ("compose", "read_only: true", "readonly: true"),
    ("compose", "shm_size: 8gb", "tty: true"),
    ("compose", "count: all", "count: [1]"),
    ("kubernetes", "restartPolicy: Never", "restartPolicies: Never"),
    ("kubernetes", "medium: Memory, ", ""),
    ("kubernetes", "backoffLimit: 3", "backoffLimit: three"),
    ("kubernetes", "runAsNonRoot: true", "runAsNonRoot: true\n        runAsUser: 1000"),
    ("kubernetes", "nvidia.com/gpu: 1", "cpu: 1"),
    ("airflow", '"name": "base"', '"name": "train"'),
    ("airflow", '"emptyDir": {}', '"emptydir": {}'),
    ("airflow", "import KubernetesPodOperator", "import KubernetesPodOperators"),
    ("actions", "runs-on: [self-hosted, gpu]", "runs-on: [self-hosted, tpu]"),
    ("actions", " --shm-size=8g", ""),
    ("prometheus", "pytorch_cuda_images_.+", "pytorch_.*images"),
]


@pytest.mark.parametrize(("check", "right", "wrong"), PLANTED)
def test_planted_fault_is_found(check: str, right: str, wrong: str) -> None:
    text = next(each.text for each in snippets_of(check) if right in each.text)
    with pytest.raises(Exception):  # noqa: B017 - each check has its own way to refuse
        CHECKS[check](text.replace(right, wrong))


def test_every_example_is_named() -> None:
    page = records.read_text(PAGE)
    assert not [each for each in EXAMPLES.iterdir() if f"(examples/{each.name})" not in page]


# The dashboard


def written_metrics() -> dict[str, set[str]]:
    """Return the labels of each metric that the harness writes for a record with everything."""
    sample = GpuSample(0.0, 0, 1410, 1593, 300.0, 60, 90, 4096, ("sw power cap",))
    check = Check("trains", Verdict.PASS, "", 1.0, (Figure("resnet50", 812.5, "images/s"),))
    suite = SuiteResult("throughput", Verdict.PASS, "", 1.0, (check,), "", samples=(sample,))
    where = Environment("docker", "cuda", ("A100",), "550.54.15", "", 2, 0, 0, "", "")
    record = ValidationRecord(
        "v2.6.0", "cv", "", "", Verdict.PASS, "", (suite,), where, "", "", 1.0
    )
    found: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(\w+)\{(.*)\} ", render_openmetrics(record), re.MULTILINE):
        found.setdefault(name, set()).update(re.findall(r"(\w+)=", labels))
    return found


def dashboard() -> list[tuple[str, str]]:
    """Return the expression and the legend of each panel."""
    panels = json.loads(records.read_text(EXAMPLES / "dashboard.json"))["panels"]
    return [(each["expr"], each["legendFormat"]) for one in panels for each in one["targets"]]


def find_unknown(expression: str, legend: str) -> set[str]:
    """Return the metrics and labels of a panel that the harness does not write."""
    written = written_metrics()
    (metric,) = re.findall(rf"{PREFIX}_\w+", expression)
    labels = set(re.findall(r'(\w+)(?:=|!=|=~|!~)"', expression))
    labels |= set(re.findall(r"\{\{(\w+)\}\}", legend))
    return ({metric} - set(written)) | (labels - written.get(metric, set()))


@pytest.mark.parametrize(("expression", "legend"), dashboard())
def test_dashboard_shows_what_the_harness_writes(expression: str, legend: str) -> None:
    assert not find_unknown(expression, legend)


def test_dashboard_shows_every_metric_but_one() -> None:
    shown = {
        name for expression, _ in dashboard() for name in re.findall(rf"{PREFIX}_\w+", expression)
    }
    assert set(written_metrics()) - shown == {f"{PREFIX}_gpu_memory_clock_hertz"}


@pytest.mark.parametrize(
    ("expression", "legend"),
    [(f"{PREFIX}_gpu_fan_ratio", ""), (f'{PREFIX}_gpu_power_watts{{host="a"}}', "")],
)
def test_planted_panel_is_found(expression: str, legend: str) -> None:
    assert find_unknown(expression, legend)
