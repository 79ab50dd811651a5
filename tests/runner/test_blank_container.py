"""Whether the engine can start containers at all, tried with a real one."""

from __future__ import annotations

from typing import Any

import pytest
from docker.errors import APIError

from runner import engine
from runner.blank_container import is_fault_of_the_image, starts_blank

SETTINGS: dict[str, Any] = {"entrypoint": ["python"], "command": ["x"], "network_mode": "none"}


@pytest.mark.docker
def test_an_engine_that_works_and_settings_that_it_cannot_fulfil() -> None:
    client = engine.client()
    assert starts_blank(client, SETTINGS)
    assert not starts_blank(client, {**SETTINGS, "cpuset_cpus": "4000"})
    assert not starts_blank(client, {**SETTINGS, "runtime": "none-such"})
    assert not client.containers.list(all=True, filters={"name": "pytorch-cuda-images-blank-"})


@pytest.mark.docker
def test_whose_fault_a_refused_start_is() -> None:
    client = engine.client()
    assert is_fault_of_the_image(client, APIError("the working directory is invalid"), SETTINGS)
    full = APIError("write /data/x: no space left on device")
    assert not is_fault_of_the_image(client, full, SETTINGS)
