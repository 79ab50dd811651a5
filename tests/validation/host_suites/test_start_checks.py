"""The checks of `start` judge whatever a container prints, and however it ends."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.validation.suites_here import EXPECTED
from validation.host_suites.check_run import CheckRefused, CheckRun
from validation.host_suites.checking import MODULES
from validation.host_suites.start.test_start import MAX_INTEGER
from validation.host_suites.starts import StartEnd, Starts

NUMBERS = st.integers(-(1 << 70), 1 << 70) | st.floats()
LINES = (
    st.text(max_size=20)
    | st.lists(NUMBERS, max_size=4).map(json.dumps)
    | st.lists(st.floats().map(str) | st.sampled_from(["9" * 5000, "1_0", "٣"])).map(" ".join)
    | st.sampled_from(
        [
            "[" * 5000,
            f"[{10**400}, 1]",
            f"[{10**4000}, 1]",
            f"[{'9' * 5000}, 1]",
            '{"a": 1, "a": 2}',
            "[true, 1]",
            "[1e400]",
            "3.0",
            "null",
        ]
    )
)
ENDS = st.builds(StartEnd, st.just(0), LINES.map(lambda line: (line,))) | st.builds(
    StartEnd, st.none() | st.integers(0, 255), st.lists(LINES, max_size=2).map(tuple), st.text()
)
CHECKS = [(name, check) for name, check in vars(MODULES["start"]).items() if name[:5] == "test_"]


@dataclass
class AnyImage:
    """Stands in for the containers of an image, which do what an example says."""

    data: st.DataObject
    started: float = 0.0

    def run(self, *_: str, **__: object) -> StartEnd:
        return self.data.draw(ENDS)

    @contextlib.contextmanager
    def start(self, *_: str, **__: object) -> Iterator[AnyImage]:
        yield self

    def wait_line(self, *_: object) -> float | None:
        return self.data.draw(st.none() | st.floats(0, 500))

    def wait_end(self, *_: object) -> StartEnd:
        return self.data.draw(ENDS)

    def send_signal(self, _: str) -> None:
        pass


@pytest.mark.parametrize(("name", "check"), CHECKS, ids=[name for name, _ in CHECKS])
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_output_stops_a_check(
    name: str, check: Callable[[CheckRun], None], data: st.DataObject
) -> None:
    run = CheckRun(cast("Starts", AnyImage(data)), EXPECTED, "nonce", ("/data",))
    with contextlib.suppress(CheckRefused):
        check(run)
    for _, row in run.properties:
        for value in row:
            if isinstance(value, int | float):
                assert math.isfinite(value)
                assert abs(value) <= MAX_INTEGER
