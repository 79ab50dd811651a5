"""A container of an image that holds nothing: whether the engine can start containers at all.

The engine has many words for an image whose configuration or files let nothing start, and a list of
them stays incomplete. So the same container is tried without the image: if that works, the image is
at fault.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import tarfile
from collections.abc import Mapping
from typing import Any

import requests
from docker.errors import DockerException

from runner.containers import new_name, require_plain_accounts

PURPOSE = "blank"

_MACHINE = re.compile(
    r"no space left on device|disk quota exceeded|cannot allocate memory|too many open files"
    r"|resource temporarily unavailable|input/output error|deadline exceeded",
    re.IGNORECASE,
)
"""How the kernel says that the machine lacks something."""

_NO_PROGRAM = re.compile(r"executable file.*not found|no such file or directory")
"""How a runtime that came as far as starting a program says that there is none."""


def is_fault_of_the_image(
    client: Any,  # noqa: ANN401 - docker-py has no types
    error: DockerException,
    settings: Mapping[str, Any],
) -> bool:
    """Return whether the image is why the engine could not create or start a container of it.

    `settings` are those of the container, as `containers.create` takes them, without what comes
    from the image. Raises DockerException or requests.RequestException if the engine goes away.
    """
    return _MACHINE.search(str(error)) is None and starts_blank(client, settings)


def starts_blank(client: Any, settings: Mapping[str, Any]) -> bool:  # noqa: ANN401
    """Return whether the engine comes as far as starting a program in an empty container.

    Nothing runs in it: there is no program. The image and the container are removed.
    """
    image = _import_empty(client)
    try:
        return _fails_for_its_program(client, image, settings)
    finally:
        with contextlib.suppress(DockerException, requests.RequestException):
            client.api.remove_image(image, force=True)


def _fails_for_its_program(client: Any, image: str, settings: Mapping[str, Any]) -> bool:  # noqa: ANN401
    container = None
    try:
        container = client.containers.create(image, **{**settings, "name": new_name(PURPOSE)})
        require_plain_accounts(container)
        container.start()
    except DockerException as error:
        return container is not None and _NO_PROGRAM.search(str(error)) is not None
    finally:
        if container is not None:
            with contextlib.suppress(DockerException, requests.RequestException):
                container.remove(force=True, v=True)
    return True


def _import_empty(client: Any) -> str:  # noqa: ANN401
    """Return the id of a new image without files."""
    data = io.BytesIO()
    tarfile.open(fileobj=data, mode="w").close()
    told = client.api.import_image_from_data(data.getvalue())
    return str(json.loads(told.strip().splitlines()[-1])["status"])
