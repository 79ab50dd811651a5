"""Whose fault a refused start is, tried with the real engine."""

from __future__ import annotations

from typing import Any

import pytest

from runner import engine
from runner.start_check import is_fault_of_image
from tests.fakes import small_image

OPTIONS: dict[str, Any] = {"entrypoint": ["python"], "command": ["x"], "network_mode": "none"}


@pytest.mark.docker
@pytest.mark.parametrize("impossible", [{"cpuset_cpus": "4000"}, {"runtime": "none-such"}])
def test_options_that_this_machine_cannot_fulfil_are_no_fault_of_the_image(
    impossible: dict[str, str],
) -> None:
    client = engine.connect_engine()
    with small_image.configured("start", {"WorkingDir": "relative"}) as reference:
        assert not is_fault_of_image(client, reference, {**OPTIONS, **impossible}, [])
        assert is_fault_of_image(client, reference, OPTIONS, [])
    assert not client.containers.list(all=True, filters={"name": "pytorch-cuda-images-start-"})
