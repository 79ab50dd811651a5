"""Torch computes, compiles and writes correctly.

Mixed precision, kernels, torch.compile, checkpoints, TorchScript.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch

from .. import checkpoints, fresh_process, numerics
from ..conftest import Answers, Figures
from ..contract import questions
from ..contract.expected import Expected
from ..declared import may_not_run, reports
from ..outcome import not_run, require
from . import (
    attention_backends,
    compiling,
    floating_point,
    loss_scaling,
    mixed_precision,
    noticing,
    scripted,
)

NAMES_COMPILER = re.compile(r"\bC(\+\+)? compiler\b")
WRONG_KERNEL = "a wrong kernel, or one of less precision than it is asked for"
NO_BFLOAT16 = "this GPU has no bfloat16"


@reports("{precision} apart from fp32", "of the targets' deviation")
@pytest.mark.parametrize(
    "precision", [pytest.param("bfloat16", marks=may_not_run(NO_BFLOAT16, "cuda")), "float16"]
)
def test_amp_converges(precision: str, expected: Expected, figure: Figures) -> None:
    """Under autocast the loss ends where it ends in fp32, as far as rounding allows.

    The layers must really compute in the lower precision.
    """
    dtype = getattr(torch, precision)
    if (
        expected.device == "cuda"
        and dtype is torch.bfloat16
        and not torch.cuda.is_bf16_supported(including_emulation=False)
    ):
        not_run(NO_BFLOAT16)
    reference, got = (
        mixed_precision.train_network(expected.device, each) for each in (torch.float32, dtype)
    )
    names = sorted(str(activation).removeprefix("torch.") for activation in got.activations)
    require(
        got.activations == {dtype},
        f"under autocast to {precision} the layers gave {', '.join(names) or 'nothing'}",
        precision,
        "autocast that does not cast: mixed precision which is none",
    )
    first, in_fp32 = reference.residuals[0], reference.final_residual
    apart, limit = abs(got.final_residual - in_fp32), mixed_precision.allowed_distance(dtype)
    figure(f"{precision} apart from fp32", apart, "of the targets' deviation")
    require(
        in_fp32 < first / 4,
        f"in fp32 the error went from {first:.3f} to {in_fp32:.3f}",
        "a quarter of it or less",
        "gradients or an optimizer that do not work in fp32 either",
    )
    require(
        apart <= limit,
        f"the error ended at {got.final_residual:.4f} in {precision} and at {in_fp32:.4f} in fp32",
        f"at most {limit:.4f} apart, which rounding explains",
        f"{precision} kernels that compute wrongly, or gradients that are lost on the way",
    )


def test_grad_scaler(expected: Expected) -> None:
    """A gradient that fp16 cannot hold survives if it is scaled.

    An overflow costs one step and half the scale.
    """
    device, true = expected.device, loss_scaling.TINY * loss_scaling.INPUTS
    bare, scaled = (
        loss_scaling.compute_tiny_gradient(device, scaled=flag) for flag in (False, True)
    )
    require(
        bare == 0,
        f"a gradient of {loss_scaling.TINY} came through an fp16 layer unscaled as {bare:.1e}",
        "0: fp16 cannot hold it",
        "autocast that does not compute in fp16",
    )
    require(
        abs(scaled / true - 1) < 2**-9,
        f"a gradient of {true:.1e} came through an fp16 layer as {scaled:.1e}",
        f"{true:.1e}",
        "a GradScaler that does not scale: small gradients are lost in fp16",
    )
    _check_scale(loss_scaling.ScaledWeight(device))


def _check_scale(training: loss_scaling.ScaledWeight) -> None:
    scale, weight = training.scale_and_weight
    overflowed = training.take_step(float("inf"))
    require(
        overflowed == (scale / 2, weight),
        (
            f"after an infinite gradient the loss scale is {overflowed[0]:g} and the weight "
            f"{overflowed[1]:g}"
        ),
        f"{scale / 2:g} and {weight:g}: half the scale, and no step",
        "a GradScaler that steps along infinite gradients, or does not see them",
    )
    training.take_step(0.25)
    grown = training.take_step(0.25)
    require(
        grown == (scale, weight - 0.5),
        f"after two more steps the loss scale is {grown[0]:g} and the weight {grown[1]:g}",
        f"{scale:g} and {weight - 0.5:g}",
        "a GradScaler that never grows its scale, or gradients that are not divided by it",
    )


def test_compiler_is_what_the_tag_says(expected: Expected) -> None:
    """A runtime image ships no compiler, which would make it larger and easier to attack."""
    found = compiling.find_compilers()
    shown = ", ".join(sorted(found.values())) or "no C or C++ compiler"
    if not expected.compiler:
        require(
            not found,
            f"{shown} on PATH",
            "no compiler: the tag ships none",
            "a build tool left in the image",
        )
        return
    for kind, names in (("C", r"(cc|gcc|clang)(-\d+)?"), ("C++", r"(c|g|clang)\+\+(-\d+)?")):
        require(
            any(re.fullmatch(names, name) for name in found),
            f"{shown} on PATH",
            f"a {kind} compiler: the tag ships one",
            "a compiler that was not installed, or is not on PATH",
        )


@reports("aot_eager_error", "relative")
def test_dynamo_agrees_with_eager(expected: Expected, figure: Figures) -> None:
    """Captured graphs, with AOTAutograd's own backward, give eager's outputs and gradients.

    No compiler is needed.
    """
    _check_compiled(compiling.compare_compiled(expected.device, "aot_eager"), "aot_eager", figure)


@reports("inductor_error", "relative", required=False)
def test_inductor(expected: Expected, figure: Figures) -> None:
    """With a compiler, inductor agrees with eager; without one, it reports that.

    It must neither hang nor compute something else.
    """
    try:
        compared = compiling.compare_compiled(expected.device, "inductor")
    except Exception as error:  # of what kind is the backend's own choice
        lines = str(error).splitlines()
        message = next(
            (line for line in lines if NAMES_COMPILER.search(line)),
            (*lines, type(error).__name__)[0],
        )
        require(
            not expected.compiler,
            f"inductor failed: {message}",
            "code that runs",
            "a compiler that does not work",
        )
        named = NAMES_COMPILER.search(message)
        require(
            named,
            f"inductor said `{message}`",
            "words on the missing compiler",
            "another fault on the way there",
        )
        return
    require(
        expected.compiler,
        f"inductor gave a result of {compared.operations} operations",
        "an error that names the missing compiler",
        (
            "torch.compile that falls back to eager without a word, or a compiler that the tag "
            "does not know of"
        ),
    )
    _check_compiled(compared, "inductor", figure)


def _check_compiled(compared: compiling.CompiledComparison, backend: str, figure: Figures) -> None:
    require(
        compared.operations >= compiling.OPERATIONS,
        f"Dynamo captured {compared.operations} operations for {backend}",
        f"at least {compiling.OPERATIONS}",
        "torch.compile that is switched off, or falls back to eager without a word",
    )
    figure(f"{backend}_error", compared.error, "relative")
    require(
        compared.error <= compiling.LIMIT,
        f"outputs or gradients by {backend} are off from eager's by {compared.error:.1e}",
        f"at most {compiling.LIMIT:.0e}",
        "a graph that is not what the code says, or a wrong decomposition",
    )


def test_compiled_functions_notice_changes() -> None:
    """Called after a change of what it depends on, a compiled function gives what eager gives."""
    faults = [*noticing.find_unnoticed_changes()]
    require(
        not faults,
        f"{faults[0]} ({len(faults)} of such)" if faults else "",
        "what eager gives",
        "guards of Dynamo that do not look at a value: code for another one runs again",
    )


@reports("conv2d_error", "relative")
def test_convolution(expected: Expected, figure: Figures) -> None:
    _check_errors(
        numerics.strided_convolution_errors(expected.device), expected, "conv2d_error", figure
    )


@reports("svd_error", "relative")
def test_svd(expected: Expected, figure: Figures) -> None:
    _check_errors(numerics.svd_errors(expected.device), expected, "svd_error", figure)


@reports("fft_error", "relative")
def test_fft(expected: Expected, figure: Figures) -> None:
    _check_errors(numerics.fft_errors(expected.device), expected, "fft_error", figure)


def _check_errors(
    errors: Iterable[numerics.Deviation], expected: Expected, name: str, figure: Figures
) -> None:
    """Report the largest error as a figure; each must be within what fp32 rounds."""
    found = list(errors)
    figure(name, max(error for _, error, _ in found), "relative")
    for what, error, limit in found:
        require(
            error <= limit,
            f"{what} on {expected.device}: off by {error:.1e} of the largest value",
            f"at most {limit:.0e}",
            WRONG_KERNEL,
        )


def test_floating_point() -> None:
    """Numbers are rounded as IEEE 754 says, in each thread; no import has changed the processor."""
    changed = floating_point.describe_changes()
    require(
        not changed,
        changed,
        "rounding to nearest, and small numbers that are kept",
        "set_flush_denormal, or a library built with fast mathematics",
    )


@reports("attention_backends", "backends")
def test_attention(expected: Expected, figure: Figures) -> None:
    """Every backend for this device, with and without the causal mask."""
    cases = list(attention_backends.iter_cases(expected.device))
    figure("attention_backends", len({case.backend.name for case in cases}), "backends")
    for case in cases:
        error, limit = (
            attention_backends.measure_error(case, expected.device),
            attention_backends.LIMITS[case.dtype],
        )
        require(
            error <= limit,
            f"{case} on {expected.device}: off by {error:.1e} of the largest value",
            f"at most {limit:.1e}",
            WRONG_KERNEL,
        )


def test_sort_scan_and_scatter(expected: Expected) -> None:
    """Whole numbers leave no room for rounding: the answers are exact."""
    wrong = list(numerics.find_inexact_operations(expected.device))
    require(
        not wrong,
        f"{', '.join(wrong)} on {expected.device} differ from NumPy's",
        "the same whole numbers",
        "a kernel that loses or repeats elements",
    )


def test_checkpoint_resumes(expected: Expected, tmp_path: Path) -> None:
    """Six steps at once end with the same bits as three steps, a checkpoint, and three more.

    The checkpoint is loaded by another training. cuBLAS promises the same bits on the same GPU as
    long as one stream is used, which is so here.
    """
    whole, first, second = (
        checkpoints.ResumableTraining(expected.device, seed) for seed in (0, 0, 1)
    )
    torch.manual_seed(2)
    whole.run_steps(6)
    torch.manual_seed(2)
    first.run_steps(3)
    torch.save(first.capture_state(), tmp_path / "checkpoint.pt")
    torch.manual_seed(3)
    _require_different(second, first)
    second.restore_state(
        torch.load(tmp_path / "checkpoint.pt", weights_only=True, map_location=expected.device)
    )
    _require_same(second, first, "a training loaded from its checkpoint")
    second.run_steps(3)
    _require_same(second, whole, "a training that was resumed and one that was not")


def _require_different(
    one: checkpoints.ResumableTraining, other: checkpoints.ResumableTraining
) -> None:
    """Fail the check if two trainings have the same weights.

    Otherwise it could not be seen that a checkpoint was loaded.
    """
    same = not any(
        name.startswith("model")
        for name in checkpoints.find_differences(one.capture_state(), other.capture_state())
    )
    require(
        not same,
        "two trainings of different seeds have the same weights",
        "different ones",
        "a seed without effect",
    )


def _require_same(
    one: checkpoints.ResumableTraining, other: checkpoints.ResumableTraining, which: str
) -> None:
    differ = list(checkpoints.find_differences(one.capture_state(), other.capture_state()))
    require(
        not differ,
        f"{which}: {len(differ)} parts differ, the first is `{next(iter(differ), '')}`",
        "every bit the same",
        "a checkpoint that loses a part of what the next step depends on",
    )


def test_checkpoint_of_another_device(tmp_path: Path) -> None:
    """Weights saved on a GPU load on the CPU bit by bit if the CPU is asked for.

    Otherwise a machine without a GPU must raise an error.
    """
    path, saved = tmp_path / "checkpoint.pt", {"weights": torch.arange(1000.0), "steps": 3}
    checkpoints.save_as_from_gpu(saved, path)
    loaded = torch.load(path, weights_only=True, map_location="cpu")
    require(
        loaded["weights"].device.type == "cpu"
        and not list(checkpoints.find_differences(saved, loaded)),
        f"weights saved on a GPU and asked for on the CPU came to {loaded['weights'].device}",
        "the same weights on the CPU",
        "a map_location that is not followed",
    )
    if not torch.cuda.is_available():
        message = _load_error(path)
        require(
            "CUDA" in message,
            f"loading weights of a GPU without one gave {message or 'no error'}",
            "an error that names CUDA",
            "weights that are put somewhere else without a word",
        )


def test_damaged_checkpoints_are_refused(tmp_path: Path) -> None:
    """A file that was cut, as by a full disk, and one that would run a program when it is read."""
    whole, cut, hostile = (tmp_path / name for name in ("whole.pt", "cut.pt", "hostile.pt"))
    torch.save(checkpoints.ResumableTraining("cpu", seed=0).capture_state(), whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    torch.save(checkpoints.HostilePickle(tmp_path / "trace"), hostile)
    require(
        not _load_error(whole),
        f"a whole checkpoint was refused: {_load_error(whole)}",
        "its contents",
        "a broken reader",
    )
    require(
        _load_error(cut),
        "two thirds of a checkpoint loaded without an error",
        "an error",
        "a reader that fills gaps",
    )
    message = _load_error(hostile)
    require(
        message and not (tmp_path / "trace").exists(),
        (
            "a file that runs a program was "
            f"{f'refused ({message}), and its program ran' if message else 'loaded'}"
        ),
        "a refusal, and no program run",
        "a torch.load that does not keep to weights_only=True",
    )
    ran = [*checkpoints.find_run_programs(tmp_path)]
    require(
        not ran,
        f"{ran[0]} ({len(ran)} of such)" if ran else "",
        "a refusal, unless somebody allows what runs programs",
        "a default of torch or NumPy that unpickles anything",
    )


def _load_error(path: Path) -> str:
    """Return the error of `torch.load` for a file; empty if it loads."""
    try:
        torch.load(path, weights_only=True)
    except (RuntimeError, EOFError, OSError, pickle.UnpicklingError) as error:
        return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    return ""


def test_torchscript_in_a_fresh_process(expected: Expected, tmp_path: Path) -> None:
    """Scripted and traced networks give eager's outputs in a process without their class."""
    wanted = scripted.export_networks(tmp_path, expected.device)
    inputs = (scripted.draw_examples().to(expected.device),)
    got = fresh_process.compute_scores(tmp_path, expected.device, tuple(wanted), inputs)
    for name, outputs in wanted.items():
        error = fresh_process.relative_difference(got[name], outputs)
        require(
            error <= fresh_process.LIMIT,
            f"the outputs of {name} in a fresh process are off by {error:.1e}",
            f"at most {fresh_process.LIMIT:.0e}",
            "an export that drops buffers, weights or a branch",
        )


def test_challenge(nonce: str, expected: Expected, answer: Answers) -> None:
    """A convolution, a stable sort and a running sum of integers."""
    question, device = questions.draw_kernels(nonce), expected.device
    images = torch.tensor(question.images, dtype=torch.float32, device=device).reshape(
        questions.IMAGES
    )
    kernels = torch.tensor(question.kernels, dtype=torch.float32, device=device).reshape(
        questions.KERNELS
    )
    answer("conv2d", torch.nn.functional.conv2d(images, kernels).flatten().tolist())
    values = torch.tensor(question.values, device=device)
    answer("sort", torch.sort(values, stable=True).indices.tolist())
    answer("cumsum", torch.cumsum(values, dim=0).tolist())
