"""Containers as a user starts them, of an image that does what it should not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from runner import engine
from runner.containers import OWNER
from runner.owner import current_owner
from runner.untrusted import Malformed
from validation.host_suites.starts import LINES, MachineFailed, StartRefused, Starts

pytestmark = pytest.mark.docker


@pytest.fixture
def starts(tiny_image: str) -> Iterator[Starts]:
    """None is left behind."""
    yield Starts(engine.connect_engine(), tiny_image, {}, lambda _: None)
    mine: dict[str, Any] = {
        "label": f"{OWNER}={current_owner()}",
        "name": "pytorch-cuda-images-start-",
    }
    assert engine.connect_engine().containers.list(all=True, filters=mine) == []


def test_code_and_lines(starts: Starts) -> None:
    ended = starts.run("sh", "-c", "echo out; echo err >&2; exit 7")
    assert (ended.code, ended.printed) == (7, ("out",))
    assert str(ended) in ("ended with 7 and said `err`", "ended with 7 and said `out`")


def test_a_line_is_there_before_the_end(starts: Starts) -> None:
    with starts.start("sh", "-c", "echo now; sleep 60") as started:
        moment = started.wait_line("now")
        assert moment is not None
        assert moment > started.started
        assert started.wait_end(0.0).code is None


def test_lines_are_found_in_any_order(starts: Starts) -> None:
    with starts.start("sh", "-c", "echo first; echo second; sleep 60") as started:
        assert started.wait_line("second")
        assert started.wait_line("first", 0.0)


def test_a_line_that_never_comes(starts: Starts) -> None:
    with starts.start("true") as started:
        assert started.wait_line("never") is None
    with starts.start("sleep", "60") as started:
        assert started.wait_line("never", 1.0) is None


def test_a_signal(starts: Starts) -> None:
    with starts.start(
        "sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.1; done"
    ) as on:
        assert on.wait_line("ready")
        on.send_signal("SIGTERM")
        assert on.wait_end().code == 5


def test_endless_lines_are_cut(starts: Starts) -> None:
    ended = starts.run("timeout", "3", "yes")
    assert (ended.code, set(ended.printed)) == (124, {"y"})
    assert len(ended.printed) <= LINES


def test_an_endless_line_is_refused(starts: Starts) -> None:
    with pytest.raises(Malformed, match="more than the allowed 65,536 bytes"):
        starts.run("sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x")


def test_a_missing_program_is_refused_by_the_engine(starts: Starts) -> None:
    with pytest.raises(StartRefused, match="not found"):
        starts.run("there-is-no-such-command")


def test_what_it_writes_is_watched(tiny_image: str) -> None:
    def watch(_: object) -> None:
        raise Malformed("too much")

    starts = Starts(engine.connect_engine(), tiny_image, {}, watch)
    with pytest.raises(Malformed, match="too much"):
        starts.run("sleep", "60")


def test_memory_is_the_machines(tiny_image: str) -> None:
    limits = {"mem_limit": 32 << 20, "memswap_limit": 32 << 20}
    starts = Starts(engine.connect_engine(), tiny_image, limits, lambda _: None)
    with pytest.raises(MachineFailed, match="want of memory"):
        starts.run("python", "-c", "kept = [bytearray(8 << 20) for _ in range(100)]")
