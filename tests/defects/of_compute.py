"""Defects that the compute suite must catch."""

from __future__ import annotations

from tests.defects.defect import Defect, patched, told, with_environment, with_layer

DEFECTS = (
    Defect(
        "AMP that never casts",
        "compute",
        (
            ("amp_converges[bfloat16]", "the layers gave float32, expected bfloat16"),
            ("amp_converges[float16]", "the layers gave float32, expected float16"),
            ("grad_scaler", "autocast that does not compute in fp16"),
        ),
        patched("autocast_idle"),
    ),
    Defect(
        "AMP that never scales",
        "compute",
        (("grad_scaler", "came through an fp16 layer as 0.0e+00, expected 6.4e-08"),),
        patched("scaler_idle"),
    ),
    Defect(
        "a scaler that steps along infinite gradients",
        "compute",
        (
            (
                "grad_scaler",
                "after an infinite gradient the loss scale is 32768 and the weight -inf",
            ),
        ),
        patched("scaler_blind"),
    ),
    Defect(
        "bfloat16 that diverges",
        "compute",
        (("amp_converges[bfloat16]", "bfloat16 kernels that compute wrongly"),),
        patched("bfloat16_diverges"),
    ),
    Defect(
        "a compiler missing",
        "compute",
        (
            (
                "compiler_is_what_the_tag_says",
                "no C or C++ compiler on PATH, expected a C compiler",
            ),
            ("inductor", "No working C++ compiler found"),
        ),
        told(compiler=True),
        representative=True,
    ),
    Defect(
        "a compiler that should not be there",
        "compute",
        (("compiler_is_what_the_tag_says", "/usr/bin/gcc-12 on PATH, expected no compiler"),),
        with_layer(
            "RUN printf '#!/bin/sh\\nexit 1\\n' > /usr/bin/gcc-12 && chmod 755 /usr/bin/gcc-12"
        ),
    ),
    Defect(
        "torch.compile switched off",
        "compute",
        (
            ("dynamo_agrees_with_eager", "Dynamo captured 0 operations"),
            ("inductor", "inductor gave a result of 0 operations"),
        ),
        with_environment(TORCHDYNAMO_DISABLE="1"),
    ),
    Defect(
        "torch.compile that hides its failures",
        "compute",
        (("inductor", "falls back to eager without a word"),),
        with_environment(TORCHDYNAMO_SUPPRESS_ERRORS="1"),
    ),
    Defect(
        "convolution gradients as imprecise as TF32",
        "compute",
        (
            ("convolution", "conv2d on cpu: off by 1.0e-03"),
            ("challenge", "the answer to `conv2d` has"),
        ),
        patched("convolution_off"),
    ),
    Defect(
        "attention without its mask",
        "compute",
        (("attention", "MATH attention in float32, causal on cpu: off by"),),
        patched("attention_sees_ahead"),
    ),
    Defect(
        "singular values off by 1e-4",
        "compute",
        (("svd", "the singular values of a matrix on cpu: off by 1.0e-04"),),
        patched("svd_off"),
    ),
    Defect(
        "a conjugated Fourier transform",
        "compute",
        (("fft", "rfft of 1024 values"),),
        patched("fft_off"),
    ),
    Defect(
        "scattered sums that lose addends",
        "compute",
        (("sort_scan_and_scatter", "scatter_add on cpu differ from NumPy's"),),
        patched("scatter_loses"),
    ),
    Defect(
        "a checkpoint without the optimizer's state",
        "compute",
        (
            (
                "checkpoint_resumes",
                "loaded from its checkpoint: 2 parts differ, the first is `optimizer.state`",
            ),
        ),
        patched("optimizer_state_lost"),
    ),
    Defect(
        "a GPU's checkpoint that lands on the CPU",
        "compute",
        (("checkpoint_of_another_device", "loading weights of a GPU without one gave no error"),),
        patched("everything_to_the_cpu"),
    ),
    Defect(
        "a checkpoint that runs programs",
        "compute",
        (("damaged_checkpoints_are_refused", "a file that runs a program was loaded"),),
        patched("load_runs_programs"),
    ),
    Defect(
        "a checkpoint cut short and accepted",
        "compute",
        (
            (
                "damaged_checkpoints_are_refused",
                "two thirds of a checkpoint loaded without an error",
            ),
        ),
        patched("damage_swallowed"),
    ),
    Defect(
        "TorchScript that drops buffers",
        "compute",
        (("torchscript_in_a_fresh_process", "an export that drops buffers"),),
        patched("torchscript_loses_buffers"),
    ),
    Defect(
        "small numbers that are taken for zero",
        "compute",
        (("floating_point", "torch takes 1e-40 of float32 for 0"),),
        patched("small_numbers_flushed"),
    ),
    Defect(
        "a compiled function that misses another number",
        "compute",
        (
            (
                "compiled_functions_notice_changes",
                "after a change of a value of the kind float in a global variable it gives",
            ),
        ),
        patched("floats_unguarded"),
    ),
    Defect(
        "a checkpoint that runs programs unless told otherwise",
        "compute",
        (("damaged_checkpoints_are_refused", "torch.load() ran the program in a checkpoint"),),
        patched("load_trusts_all"),
    ),
)
