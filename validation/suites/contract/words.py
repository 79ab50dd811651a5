"""Words of the protocol in a report: the suites write them, and the host looks for them."""

from __future__ import annotations

EXPECTED = ", expected "
"""Between what was found and what was expected, in a reason for people."""

ANSWER = "answer: "
"""Begins the name of a property that answers a part of a challenge; the others are figures."""

CHALLENGE = "challenge"
"""The check of every suite that answers the host's question."""

GPU_LIMITS = "gpu_limits"
"""The check that measures a GPU's own speed: no workload, and so nothing that a floor is for."""

NO_GPU = "the suites ran without a GPU"
"""Why a check that needs a GPU is `not run` in a run without GPUs."""

ONE_GPU = "one-gpu-"
GLOO, NCCL = "gloo", "nccl"
ONE_GPU_GLOO, ONE_GPU_NCCL = f"{ONE_GPU}{GLOO}", f"{ONE_GPU}{NCCL}"
"""Placements of ranks: on the CPU, one on each GPU, and all on the first GPU over gloo or NCCL."""
