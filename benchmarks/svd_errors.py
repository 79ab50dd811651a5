#!/usr/bin/env python3
"""Print how far the singular vectors of random fp32 matrices are from orthogonal, as JSON.

    python3 benchmarks/svd_errors.py cuda

For each method and shape: the least, the median and the largest difference of U'U from the identity
over 30 matrices. The limit of the check `svd` comes from it.
"""

from __future__ import annotations

import json
import statistics
import sys

import torch

SHAPES = ((96, 64), (16, 12, 8))
MATRICES = 30
METHODS = {"cuda": (None, "gesvdj", "gesvd", "gesvda"), "cpu": (None,)}


def measure_orthogonality(device: str, method: str | None, shape: tuple[int, ...]) -> list[float]:
    """Return the least, the median and the largest error of MATRICES matrices."""
    errors = []
    for seed in range(MATRICES):
        matrix = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(device)
        left = torch.linalg.svd(matrix, full_matrices=False, driver=method)[0].double().cpu()
        identity = torch.eye(shape[-1], dtype=torch.float64)
        errors.append(float((left.mT @ left - identity).abs().max()))
    return [min(errors), statistics.median(errors), max(errors)]


def main(device: str) -> None:
    """Measure on `device`."""
    found = {
        f"{method or 'default'} {'x'.join(map(str, shape))}": measure_orthogonality(
            device, method, shape
        )
        for method in METHODS[device]
        for shape in SHAPES
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
