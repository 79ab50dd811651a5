"""Names of the files, folders and environment variables that the host and the suites share."""

from __future__ import annotations

PACKAGE = "pytorch_cuda_images_suites"
"""The name of this payload inside an image.

No image has a package of that name. A package `validation` of an image cannot shadow the payload,
and the payload does not shadow it.
"""

PACKAGE_FOLDER = f"code/{PACKAGE}"
"""The folder of the payload, below the root of the staged folder."""

REPORT = "report.jsonl"
RUNNING = "running"
NONCE = "nonce"
STACKS = "stacks"

ROOT = "VALIDATION_ROOT"
"""The environment variable that holds the root of the staged folder."""

LEASED_GPUS = "VALIDATION_LEASED_GPUS"
"""The environment variable that holds the number of GPUs that the workers lease, one each."""

VISIBLE_GPUS = "CUDA_VISIBLE_DEVICES"
"""The environment variable by which CUDA and a lease choose GPUs."""
