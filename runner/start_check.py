"""Whose fault it is that the engine refuses to start a container: the image's, or the machine's.

An image can be configured, and can hold files, in more ways than the engine's messages name. So no
message is read: an image of our own is started in the same way.
"""

from __future__ import annotations

import contextlib
import io
import json
import struct
import tarfile
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from docker.errors import APIError, DockerException
from docker.types import Mount

from runner import containers, engine, home, owner
from runner.containers import ImageCannotStart
from runner.engine_kind import EngineObject, EngineUnsuited
from runner.untrusted import clean_line

PURPOSE = "start"
REPOSITORY = f"{containers.PREFIX}-{PURPOSE}"
"""Repository of our own image; its tag is the process that made it."""
PROGRAM = "/exit"
SEE_HINT = (
    "run this program on the machine of the engine, as a user whose folders the engine can enter; "
    "`docker context use default`, or unset DOCKER_HOST, for the engine of this machine"
)
_LOADED_AT = 0x400000
_CODE = bytes.fromhex("31ff b83c000000 0f05")
"""`exit(0)` for Linux on x86-64: xor edi, edi; mov eax, 60; syscall."""


def is_fault_of_image(
    client: EngineObject,
    reference: str,
    options: Mapping[str, Any],
    volumes: list[Any],
) -> bool:
    """Return whether an image that was refused once is refused again, and an image of ours is not.

    `options` are those of `create_confined` that do not depend on the image, `volumes` the mounts
    that it declares. No GPUs are asked for: what gives them to a container needs programs of
    the image, and may fail for reasons of the machine. Raises DockerException or
    requests.RequestException if the engine fails.
    """
    plain = {**options, "device_requests": []}
    with _own_image(client) as own:
        # the image's own command would not be found in it
        if not _is_started(client, own, {**plain, "command": [PROGRAM], "entrypoint": None}):
            return False
    with_volumes = {**plain, "mounts": [*volumes, *plain.get("mounts", ())]}
    return not _is_started(client, reference, with_volumes)


@cache
def require_own_machine() -> None:
    """Raise EngineUnsuited if the engine does not see the folders of this machine.

    It runs on another one, as with a forwarded socket, or outside of the container of this program.
    Raises EnvironmentFailed if the engine fails.
    """
    client = engine.connect_engine(containers.REMOVAL_S)
    with (
        engine.report_failures("trying to share a folder with the engine"),
        home.scratch_folder("shared") as folder,
        _own_image(client) as own,
    ):
        mounts = [Mount("/shared", str(folder), type="bind", read_only=True)]
        named = {"name": containers.new_name(PURPOSE), "command": [PROGRAM], "mounts": mounts}
        try:
            container = containers.create_confined(client, own, named)
        except APIError as error:
            problem = clean_line(str(error.explanation or error), 200)
            raise EngineUnsuited(
                f"the Docker engine does not see the folders of this machine: {problem}", SEE_HINT
            ) from None
        container.remove(force=True)


def _is_started(client: EngineObject, reference: str, options: Mapping[str, Any]) -> bool:
    container = None
    try:
        named = {**options, "name": containers.new_name(PURPOSE)}
        with containers.without_volumes_of_a_failure(client, options.get("mounts", ())):
            container = containers.create_confined(client, reference, named)
        containers.require_plain_accounts(container)
        container.start()
    except (APIError, ImageCannotStart):
        return False
    finally:
        if container is not None:
            with contextlib.suppress(APIError):
                container.remove(force=True, v=True)
                containers.remove_volumes(container)
    return True


@contextlib.contextmanager
def _own_image(client: EngineObject) -> Iterator[str]:
    """An image that holds one program, which ends at once."""
    answer = client.api.import_image_from_data(
        _build_archive(), repository=REPOSITORY, tag=owner.current_owner()
    )
    image = str(json.loads(answer.strip().splitlines()[-1])["status"])
    try:
        yield image
    finally:
        with contextlib.suppress(DockerException):
            client.images.remove(image, force=True)


def _build_archive() -> bytes:
    """Return a tar archive that holds the program alone."""
    program, written = _build_program(), io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        entry = tarfile.TarInfo(PROGRAM.removeprefix("/"))
        entry.size, entry.mode = len(program), 0o755
        archive.addfile(entry, io.BytesIO(program))
    return written.getvalue()


def _build_program() -> bytes:
    """Return a static ELF executable: its header, one segment that is loaded, and the code."""
    size = 64 + 56 + len(_CODE)
    kind, machine, start = 2, 62, _LOADED_AT + 64 + 56
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        *(b"\x7fELF\x02\x01\x01", kind, machine, 1, start, 64, 0, 0, 64, 56, 1, 0, 0, 0),
    )
    is_read_and_run = 5
    segment = struct.pack(
        "<IIQQQQQQ", 1, is_read_and_run, 0, _LOADED_AT, _LOADED_AT, size, size, 0x1000
    )
    return header + segment + _CODE
