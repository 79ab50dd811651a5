"""Every check of every suite is shown a defect on a real image, and must refuse it for the right reason.

A defect is a folder under planted/ whose sitecustomize.py changes every Python of the container, or a tag that asserts
something else, or a container with less than it should have.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from runner import engine
from runner.verdict import Verdict
from tests.validation.suites_here import EXPECTED
from validation import container
from validation.container import Setup
from validation.judge import judge
from validation.suite import SUITES

PLANTED = Path(__file__).resolve().parent / "planted"
BY_NAME = {suite.name: suite for suite in SUITES}
LYING = replace(EXPECTED, torch="2.5.1", python="3.10", cudnn="9.2.0.1", nccl="2.20.5")


@dataclass(frozen=True)
class Control:
    """A defect, the suite it is shown to, and for each check that must refuse it some words of the reason.

    `defect` is a folder under planted/, or one of the named ones in `_with_defect`.
    """

    defect: str
    suite: str
    refused: tuple[tuple[str, str], ...]
    verdict: Verdict = Verdict.FAIL


TRAININGS = tuple(f"training[{how}-{model}]" for how in ("fp32", "amp") for model in ("resnet50", "bert_base"))
IDLE = "parameter tensors did not change"
CONTROLS = (
    Control("cpu_only_torch", "device", (("torch_is_a_cuda_build", "built for CUDA None"),)),
    Control("matmul_off", "device", (("kernels_on_the_cpu", "matmul on cpu is off by"),)),
    Control("convolution_off", "device", (("kernels_on_the_cpu", "conv2d on cpu is off by 1"),)),
    Control(
        "no GPU passed",
        "device",
        (("every_gpu_is_detected", "torch sees 0 GPUs, the machine has 2"), ("kernels_on_every_gpu", "NVIDIA")),
    ),
    Control(
        "the tag lies",
        "versions",
        (
            ("pytorch", "torch 2.6.0 is imported, the tag says 2.5.1"),
            ("cuda_libraries", "cuDNN 9.1.0, the tag says 9.2.0.1"),
            ("python", "Python 3.11 runs, the tag says 3.10"),
            ("pip_list", "pip lists torch 2.6.0, the tag says 2.5.1"),
        ),
    ),
    Control(
        "wrong_torchvision",
        "versions",
        (("pytorch", "torchvision 0.17.0 is imported"), ("torchvision_fits_torch", "nms kept boxes [0, 1, 2]")),
    ),
    Control(
        "stale_metadata",
        "versions",
        (("pytorch", "torch 2.5.0 is installed"), ("pip_check", "but you have torch 2.5.0"), ("pip_list", "2.5.0")),
    ),
    Control("broken_script", "versions", (("console_scripts", "begins with `#!/nowhere/python`"),)),
    Control("user_is_root", "versions", (("unprivileged_user", "the image runs as uid 0"),)),
    Control("sample_repeated", "dataloader", (("batches_through_shared_memory", "batch 3 is not samples 6 to 7"),)),
    Control("samples_dropped", "dataloader", (("batches_through_shared_memory", "22 samples were delivered, of 24"),)),
    Control("no_shared_memory", "dataloader", (("batches_through_shared_memory", "MB of batches were in shared"),)),
    Control("worker_error_swallowed", "dataloader", (("worker_exception_surfaces", "the training loop saw no error"),)),
    Control(
        "small shm",
        "dataloader",
        (("batches_through_shared_memory", "shm is too small: 17 MB free"),),
        Verdict.INFRA,
    ),
    Control("ddp_sums", "ddp", (("gloo_gradients", "2.000 times as long"),)),
    Control("ddp_does_not_sync", "ddp", (("gloo_gradients", "gradients of rank 0 of 2 are off by"),)),
    Control("rank_hangs", "ddp", (("gloo_gradients", "a rank"),)),
    Control("rank_dies", "ddp", (("gloo_gradients", "a rank"),)),
    Control("no GPU passed", "ddp", (("nccl_gradients", "a rank failed"),)),
    Control("optimizer_idle", "throughput", tuple((training, IDLE) for training in TRAININGS[:2])),
    Control(
        "no GPU passed",
        "throughput",
        tuple((training, "NVIDIA") for training in TRAININGS),
    ),
    Control("normalize_idle", "cv", (("pipeline_values", "from the same steps in NumPy"),)),
    Control("jpeg_channels_swapped", "cv", (("jpeg_round_trip", "grey levels on average"),)),
    Control("optimizer_idle", "cv", (("augmented_resnet_trains", IDLE),)),
    Control("tokenizer_lossy", "nlp", (("tokenizer_round_trip", "came back from the tokenizer"),)),
    Control("optimizer_idle", "nlp", (("bert_learns", IDLE),)),
    Control("weak_cart", "rl", (("environment_dynamics", "one step from rest gave"),)),
    Control("optimizer_idle", "rl", (("ppo_trains", IDLE),)),
)


def test_every_check_has_a_control() -> None:
    """A check that nothing was ever seen to fail proves nothing."""
    shown = {(control.suite, check.partition("[")[0]) for control in CONTROLS for check, _ in control.refused}
    assert shown == {(suite.name, test) for suite in SUITES for test in _tests(suite.path)}


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: f"{control.suite}-{control.defect.replace(' ', '_')}")
def test_defect_is_caught(
    control: Control,
    image_with: Callable[[str], str],
    mounted_harness: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "gpu_request", lambda: None)
    suite = BY_NAME[control.suite]
    clean = Setup(image_with(suite.stack), mounted_harness, EXPECTED)
    result = judge(suite, container.run(suite, _with_defect(control.defect, clean)))
    found = {check.name: check for check in result.checks}
    assert result.verdict is control.verdict, result
    for name, says in control.refused:
        assert found[name].verdict is control.verdict, found[name]
        assert says in found[name].reason
    unshown = set(found) - {name for name, _ in control.refused}
    assert all(found[name].verdict in (Verdict.PASS, Verdict.NOT_RUN) for name in unshown), result


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_clean_image(suite: Any, image_with: Callable[[str], str], mounted_harness: Path) -> None:
    """No false alarm: on a CPU every check passes, or says that it needs a GPU."""
    setup = Setup(image_with(suite.stack), mounted_harness, EXPECTED)
    result = judge(suite, container.run(suite, setup))
    assert result.verdict in (Verdict.PASS, Verdict.NOT_RUN), result
    assert {check.reason for check in result.checks} <= {"", "the suites ran without a GPU"}


def _with_defect(defect: str, clean: Setup) -> Setup:
    if defect == "the tag lies":
        return replace(clean, expected=LYING)
    if defect == "no GPU passed":
        return replace(clean, expected=replace(EXPECTED, device="cuda", gpu_count=2))
    if defect == "small shm":
        return replace(clean, shm_bytes=16 << 20)
    if defect == "broken_script":
        return replace(clean, mounts=((PLANTED / defect / "torchrun", "/opt/venv/bin/torchrun"),))
    return replace(clean, environment=(("PYTHONPATH", "/planted"),), mounts=((PLANTED / defect, "/planted"),))


def _tests(path: Path) -> list[str]:
    nodes = ast.parse(path.read_text(encoding="utf-8")).body
    names = [node.name for node in nodes if isinstance(node, ast.FunctionDef)]
    return [name.removeprefix("test_") for name in names if name.startswith("test_")]
