"""Whose fault a refused start is, tried with the real engine."""

from __future__ import annotations

from typing import Any

import pytest
from docker.types import LogConfig

from runner import containers, engine, leftovers, owner, start_check
from runner.start_check import is_fault_of_image
from tests.fakes import small_image

OPTIONS: dict[str, Any] = {"entrypoint": ["python"], "command": ["x"]}


@pytest.mark.docker
@pytest.mark.parametrize(
    "impossible", [{"mem_limit": 1}, {"log_config": LogConfig(type="none-such")}]
)
def test_options_that_this_machine_cannot_fulfil_are_no_fault_of_the_image(
    impossible: dict[str, Any],
) -> None:
    client = engine.connect_engine()
    with small_image.configured("start", {"WorkingDir": "relative"}) as reference:
        assert not is_fault_of_image(client, reference, {**OPTIONS, **impossible}, [])
        assert is_fault_of_image(client, reference, OPTIONS, [])
    mine: dict[str, Any] = {
        "name": "-start-",
        "label": f"{containers.OWNER}={owner.current_owner()}",
    }
    assert not client.containers.list(all=True, filters=mine)


@pytest.mark.docker
def test_what_a_killed_run_left_is_removed() -> None:
    """What a run at work made stays."""
    client, alive = engine.connect_engine(60), owner.current_owner()
    dead = f"{alive.rpartition('_')[0]}_1"
    archive, repository = start_check._build_archive(), start_check.REPOSITORY
    for each in (alive, dead):
        client.api.import_image_from_data(archive, repository=repository, tag=each)
    made = [
        client.containers.create(
            f"{repository}:{each}",
            ["/exit"],
            name=containers.new_name(start_check.PURPOSE),
            labels={containers.OWNER: each},
        )
        for each in (alive, dead)
    ]
    try:
        leftovers.remove_leftovers(client)
        left = containers.list_containers(client)
        assert made[0].id in {each.id for each in left}
        assert made[1].id not in {each.id for each in left}
        tags = {tag for each in client.images.list(repository) for tag in each.tags}
        assert f"{repository}:{alive}" in tags
        assert f"{repository}:{dead}" not in tags
    finally:
        made[0].remove(force=True)
        client.images.remove(f"{repository}:{alive}", force=True)
