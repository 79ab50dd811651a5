"""Removal of what killed runs left in the engine: containers, volumes, images of a process.

Each has a name of this project and the process that made it. That of a process that runs is never
touched: it may be one of another checkout, shared folder or user.
"""

from __future__ import annotations

import contextlib

from docker.errors import DockerException

from runner import containers, owner, start_check
from runner.engine_kind import EngineObject

OS_LAYER = "pytorch-cuda-os"
"""Repository in the engine of OS layers; where only one process needs one, the tag says which."""


def remove_leftovers(client: EngineObject) -> int:
    """Remove what killed runs left, whatever they did; return how many containers were removed.

    `client` should wait no longer than `containers.REMOVAL_S`. Raises DockerException or
    requests.RequestException if the engine fails.
    """
    removed = sum(
        containers.remove_left(client, left)
        for left in containers.list_containers(client)
        if not owner.is_alive(left.labels.get(containers.OWNER, ""))
    )
    containers.remove_left_volumes(client)
    made = (start_check.REPOSITORY, OS_LAYER)
    for image in (each for name in made for each in client.api.images(name=name)):
        for name in image.get("RepoTags") or ():
            if not owner.is_alive(name.rpartition(":")[2]):
                with contextlib.suppress(DockerException):  # another run removes it
                    client.api.remove_image(name, force=True)
    return removed
