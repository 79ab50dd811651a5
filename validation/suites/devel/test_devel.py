"""torch.compile generates code that runs; extensions in C++ and CUDA are built and loaded."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils import cpp_extension

from ..conftest import Answers
from ..contract import questions
from ..contract.expected import Expected
from ..outcome import require

CPP = """
torch::Tensor multiply(torch::Tensor left, torch::Tensor right) {
  return torch::mm(left, right);
}
"""
# The kernel includes no header of torch, which takes nvcc minutes to read.
KERNEL = """
#include <cuda_runtime.h>
__global__ void add_one(float* values, int count) {
  int place = blockIdx.x * blockDim.x + threadIdx.x;
  if (place < count) values[place] += 1;
}
int add_one_to(float* values, int count) {
  add_one<<<(count + 255) / 256, 256>>>(values, count);
  return static_cast<int>(cudaGetLastError());
}
int runtime_version() {
  int version = 0;
  cudaRuntimeGetVersion(&version);
  return version;
}
"""
BINDING = """
#include <torch/extension.h>
int add_one_to(float* values, int count);
int runtime_version();
int64_t add(torch::Tensor values) {
  return add_one_to(values.data_ptr<float>(), static_cast<int>(values.numel()));
}
int64_t version() { return runtime_version(); }
"""
OLDEST = "7.5"
"""The architecture to compile for on a machine without a GPU: the oldest of CUDA 13."""

NO_COMPILER = "g++, the headers of Python or ninja are missing, or do not go with this torch"


@pytest.fixture(autouse=True)
def own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Build everything anew: a cache of an earlier run would hide a compiler that fails."""
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path / "extensions"))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))
    monkeypatch.setenv("MAX_JOBS", "2")
    yield
    torch._dynamo.reset()


def build_extension(name: str, sources: dict[str, Any], cause: str) -> Any:
    """Return the loaded extension; the check fails with the last words of a compiler."""
    try:
        return cpp_extension.load_inline(name, **sources)
    except (RuntimeError, OSError, ImportError) as error:
        last = " ".join(str(error).split())[-300:]
        require(False, f"the extension was not built: {last}", "a module", cause)
    raise AssertionError  # `require` has ended the check


def test_compiled_function_agrees(expected: Expected) -> None:
    """The default backend of torch.compile generates code that computes the same as eager."""

    def scale(values: torch.Tensor) -> torch.Tensor:
        return (values * 2 + 1).relu().cumsum(-1).sum(-1)

    torch.manual_seed(0)
    values = torch.randn(64, 256, device=expected.device)
    try:
        found = torch.compile(scale, fullgraph=True)(values)
    except Exception as error:  # of what kind is the backend's own choice
        require(
            False,
            f"torch.compile failed: {' '.join(str(error).split())[:300]}",
            "code that runs",
            NO_COMPILER,
        )
    off = float((found - scale(values)).abs().max() / scale(values).abs().max())
    require(off < 1e-5, f"it is off by {off:.1e}", "at most 1e-05", "code that computes wrongly")
    made = list(Path(os.environ["TORCHINDUCTOR_CACHE_DIR"]).rglob("*.so"))
    require(
        made or expected.device == "cuda",
        "no compiled code was written",
        "a shared object",
        "torch.compile that falls back to eager without a word",
    )


def test_cpp_extension() -> None:
    """An extension in C++ is built, loaded, and multiplies matrices."""
    left, right = torch.randn(4, 5), torch.randn(5, 3)
    built = build_extension(
        "multiplying", {"cpp_sources": CPP, "functions": ["multiply"]}, NO_COMPILER
    )
    found = built.multiply(left, right)
    require(
        torch.allclose(found, left @ right),
        "the extension multiplies wrongly",
        "what torch computes",
        "a compiler of another ABI than torch's",
    )


def test_cuda_extension(expected: Expected, monkeypatch: pytest.MonkeyPatch) -> None:
    """With CUDA 13, an extension with a kernel is built and loaded, and runs if there is a GPU.

    NVIDIA's wheels for CUDA 12 have no nvcc. Then no half of a toolkit may stand in the image.
    """
    if "nvidia-cuda-nvcc" not in dict(expected.packages):
        found = [
            path
            for path in ("/usr/local/cuda", shutil.which("nvcc"))
            if path and Path(path).exists()
        ]
        require(not found, f"the image has {found}", "no toolkit", "a toolkit that has no nvcc")
        return
    if expected.device != "cuda":
        monkeypatch.setenv("TORCH_CUDA_ARCH_LIST", OLDEST)
    sources = {"cpp_sources": BINDING, "cuda_sources": KERNEL, "functions": ["add", "version"]}
    options = {"no_implicit_headers": True, "with_cuda": True}
    built = build_extension("adding", {**sources, **options}, "nvcc, or a part of it, is missing")
    major, minor = divmod(built.version(), 1000)
    require(
        f"{major}.{minor // 10}" == expected.cuda,
        f"the extension has the runtime of CUDA {major}.{minor // 10}",
        expected.cuda,
        "another toolkit than the one that torch uses",
    )
    if expected.device == "cuda":
        values = torch.zeros(1000, device="cuda")
        code, total = built.add(values), float(values.sum())
        require(
            (code, total) == (0, 1000),
            f"the kernel gave {total} ({code})",
            "1000",
            "another architecture",
        )


def test_challenge(nonce: str, answer: Answers) -> None:
    """Compiled code multiplies matrices that nobody knew before."""
    factors = questions.draw_product(nonce, "devel")
    left = torch.tensor(factors.left, dtype=torch.float32).reshape(-1, factors.inner)
    right = torch.tensor(factors.right, dtype=torch.float32).reshape(factors.inner, -1)
    multiplied = torch.compile(lambda a, b: (a[:, :, None] * b[None]).sum(1))(left, right)
    answer("product", [int(each) for each in multiplied.flatten().tolist()])
