"""A delivery of samples is judged: right, twice, never, out of order."""

from __future__ import annotations

import pytest

from validation.suites.dataloader import delivery


def test_what_is_right_has_no_problem() -> None:
    assert delivery.find_problem([0, 1, 2], 3) == ("", "")


@pytest.mark.parametrize(
    ("got", "says", "cause"),
    [
        ([0, 1, 1], "samples 1 came more than once, 2 never", "twice"),
        ([0, 1, 1, 2], "samples 1 came more than once, none never", "twice"),
        ([0, 1], "samples 2 of 3 never came", "drops"),
        ([], "samples 0, 1, 2 of 3 never came", "ends early"),
        ([0, 2, 1], "sample 2 came where sample 1 belongs", "not in order"),
    ],
)
def test_problem(got: list[int], says: str, cause: str) -> None:
    found, likely = delivery.find_problem(got, 3)
    assert found == says
    assert cause in likely


def test_a_long_list_is_cut() -> None:
    assert delivery.find_problem([], 100)[0] == "samples 0, 1, 2, 3 ... of 100 never came"


def test_a_sample_too_many() -> None:
    assert delivery.find_problem([0, 1, 2, 3], 3)[0] == "samples 3 came, of 3"
