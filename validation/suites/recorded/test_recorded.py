"""Public functions and classes give what the locked wheels gave on a clean machine.

The calls were found by trying values (see `search`), so a function needs no test of its own here.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ..conftest import Answers, Figures
from ..contract import questions, recorded_results
from ..contract.expected import Expected
from ..declared import reports
from . import comparison


@reports("calls", "calls")
@pytest.mark.parametrize("package", sorted(recorded_results.MODULES))
def test_results(package: str, expected: Expected, tmp_path: Path, figure: Figures) -> None:
    """Each call of the record gives what it gave; a package of other images has no calls."""
    figure("calls", comparison.require_results(expected, package, tmp_path), "calls")


def test_challenge(nonce: str, answer: Answers) -> None:
    """A product of matrices that the host has drawn."""
    question = questions.draw_product(nonce, "recorded")
    left, right = (torch.tensor(each) for each in (question.left, question.right))
    product = torch.matmul(left.reshape(-1, question.inner), right.reshape(question.inner, -1))
    answer("product", product.flatten().tolist())
