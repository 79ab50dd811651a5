"""The common parts of all containers of images under test: names, volumes, a watch on the disk.

An image can choose its labels, its volumes and its user. It cannot choose the name of a container.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import posixpath
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import requests
from docker.errors import APIError, DockerException, NotFound
from docker.types import Mount

from runner import owner, progress
from runner.engine_kind import EngineObject
from runner.nouns import count_noun
from runner.untrusted import clean_line

PREFIX = "pytorch-cuda-images"
OWNER = f"{PREFIX}.owner"
"""Label of containers and volumes with the process that made them (`owner.current_owner`).

It counts only if the name is one of ours: an image can carry any label.
"""
VOLUME_BYTES = 64 << 20
MAX_VOLUMES = 50
"""Volumes that an image may declare; the engine needs about 10 ms for each."""
MAX_VOLUME_DEPTH = 16
MAX_PATH_DEPTH = 64
"""Folders on the way to a file that the engine is asked for."""
MAX_NAME_BYTES, MAX_PATH_BYTES = 255, 3500
"""Of a file. Linux takes 4,095 for a path, of which the engine needs some for its own folder."""
MAX_VOLUME_FOLDERS = 200
"""Folders on the way to the volumes of an image. The engine is asked once about each of them."""
ENGINE_FOLDERS = ("/proc", "/sys", "/dev")
"""Where the engine mounts file systems of its own. It relies on what is in them."""

REMOVAL_S = 60
"""How long the engine may take to remove a container that a killed run left behind."""

ACCOUNT_FILES = ("/etc/passwd", "/etc/group")
ACCOUNT_FILE_BYTES = 1 << 20
"""The engine and runc read both files line by line whenever they start a container. They have a
few kilobytes.
"""
CONFINEMENT: Mapping[str, Any] = {
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
    "network_mode": "none",
    "ipc_mode": "private",
    "use_config_proxy": False,  # the address of a proxy may hold a password
    "healthcheck": {"test": ["NONE"]},
}
"""Options of every container that runs bytes of an image.

With a capability, root in it may be root of the host: with CAP_DAC_READ_SEARCH alone, a program
opens every file of the host's disk by its handle.
"""
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
CONFINED = (
    *("--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none"),
    *(f"--env={name}=" for each in _PROXIES for name in (each, each.upper())),
)
"""The same for `docker run`, which has no option that leaves out the proxies of Docker's
configuration: a variable that is given counts before them.
"""
_OPTIONS = frozenset(
    (
        *("name", "labels", "command", "entrypoint", "user", "environment", "device_requests"),
        *("read_only", "mounts", "tmpfs", "shm_size", "ulimits", "pids_limit"),
        *("mem_limit", "memswap_limit", "oom_score_adj", "log_config"),
    )
)
"""Options that a container may have beside CONFINEMENT: none gives it a right on the host."""

_NAME = re.compile(rf"{PREFIX}-[a-z]+-[0-9a-f]{{16,32}}")
"""The names of `new_name`. Nothing else is removed: it may be somebody's."""

_GO_TYPE_BITS = 0x8F28_0000
"""All bits of a Go `FileMode` that say that a file is not a regular one."""
_GO_FOLDER = 1 << 31
_GO_LINK = 1 << 27


class ImageCannotStart(Exception):
    """The image's own configuration does not let a container start.

    The message gives the reason.
    """


def new_name(purpose: str) -> str:
    """Return a name for a container that shows that it belongs to this project."""
    return f"{PREFIX}-{purpose}-{secrets.token_hex(8)}"


def create_confined(
    client: EngineObject,
    reference: str,
    options: Mapping[str, Any],
    *,
    on_host_network: bool = False,
) -> EngineObject:
    """Create a container of an image with CONFINEMENT, and with `options` of docker-py's `create`.

    No other function creates one; the compiler of bytecode gets the same as options of `docker run`
    (CONFINED). So no container has a capability. Its label OWNER names this process. Raises
    ValueError for an option that is not known to give no right.

    Only a suite of several nodes is `on_host_network`: its image reaches what this machine reaches.
    """
    if unknown := sorted(options.keys() - _OPTIONS):
        raise ValueError(f"containers of images get no option {unknown}")
    labels = {**options.get("labels", {}), OWNER: owner.current_owner()}
    confined = {**CONFINEMENT, **({"network_mode": "host"} if on_host_network else {})}
    return client.containers.create(reference, **{**options, "labels": labels}, **confined)


@dataclass(frozen=True)
class LeftContainer:
    """A container as the engine lists it. Only `name` cannot be chosen by an image."""

    id: str
    name: str
    labels: Mapping[str, str]


def list_containers(client: EngineObject) -> list[LeftContainer]:
    """Return the containers that have a name of `new_name`, running or not.

    The engine is asked for its list alone: it answers that even if one container is stuck.
    """
    listed = client.api.containers(all=True, filters={"name": f"{PREFIX}-"})
    found = (
        LeftContainer(
            str(each["Id"]),
            next(iter(each.get("Names") or ()), "").removeprefix("/"),
            each.get("Labels") or {},
        )
        for each in listed
    )
    return [each for each in found if _NAME.fullmatch(each.name)]


def remove_left(client: EngineObject, left: LeftContainer) -> bool:
    """Remove a container with its volumes; return False and say so if the engine does not.

    `client` should wait no longer than REMOVAL_S for an answer: a stuck container gives none.
    """
    try:
        mounts = client.api.inspect_container(left.id).get("Mounts") or ()
        client.api.remove_container(left.id, force=True, v=True)
        _remove_named(client, (str(mount.get("Name", "")) for mount in mounts))
    except NotFound:  # it was removed meanwhile
        return True
    except (DockerException, requests.RequestException):
        progress.say_line(
            f"  the engine does not remove the container {left.name}: it is left there"
        )
        return False
    return True


def require_plain_accounts(container: EngineObject) -> None:
    """Raise ImageCannotStart unless /etc/passwd and /etc/group are small regular files, or absent.

    Call it between creating and starting a container of an image that may be hostile. The engine
    opens both while it holds the container's lock: a named pipe there would block the container,
    and calls of the engine that list it, for ever. So nothing may be mounted at either, or at
    `/etc`: the image could make a pipe there later. Nor may a mount follow a link of the image,
    which may lead elsewhere once the engine's own file systems are mounted. Raises DockerException
    or requests.RequestException if the engine fails.
    """
    _require_real_folders(container, _mount_targets(container.attrs))
    for path in ("/etc", *ACCOUNT_FILES):
        found = _stat_in(container, path)
        if found is None:
            continue
        if found.mode & _GO_TYPE_BITS != (_GO_FOLDER if path == "/etc" else 0):
            kind = "a folder" if path == "/etc" else "a regular file"
            raise ImageCannotStart(f"its `{path}` is not {kind}")
        if path != "/etc" and found.size > ACCOUNT_FILE_BYTES:
            raise ImageCannotStart(
                f"its `{path}` has {found.size:,} bytes, more than the allowed "
                f"{ACCOUNT_FILE_BYTES:,}"
            )


@dataclass(frozen=True)
class _FoundFile:
    """A file of a container; `mode` is a Go `FileMode`."""

    mode: int
    size: int


def _mount_targets(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return every path where something is mounted into a container, by us or by its image."""
    host = attributes.get("HostConfig") or {}
    declared = (attributes.get("Config") or {}).get("Volumes") or ()
    mounted = (str(mount.get("Target", "")) for mount in host.get("Mounts") or ())
    found = (*declared, *(host.get("Tmpfs") or ()), *mounted)
    return tuple(dict.fromkeys(_plain_path(path) for path in found))


def _require_real_folders(container: EngineObject, targets: Iterable[str]) -> None:
    """Raise ImageCannotStart if something is mounted at account files, or through a link."""
    seen: dict[str, bool] = {}
    for target in targets:
        if _covers_accounts(target):
            raise ImageCannotStart(f"nothing may be mounted at its `{_cut_path(target)}`")
        for step in _steps_to(target):
            if step not in seen:
                found = _stat_in(container, step)
                if found is not None and found.mode & _GO_LINK:
                    raise ImageCannotStart(
                        f"its `{_cut_path(step)}` is a symbolic link, and nothing may be mounted "
                        "through one"
                    )
                seen[step] = found is not None and bool(found.mode & _GO_FOLDER)
            if not seen[step]:
                break


def is_real_path(container: EngineObject, path: str) -> bool:
    """Return whether a container that was not started has a file or folder at `path`.

    No part of it may be a link. Raises DockerException or requests.RequestException if the engine
    fails.
    """
    steps = _steps_to(path)
    if "\0" in path or path != _plain_path(path) or len(steps) > MAX_PATH_DEPTH:
        return False
    longest = max(len(os.fsencode(name)) for name in path.split("/"))
    if longest > MAX_NAME_BYTES or len(os.fsencode(path)) > MAX_PATH_BYTES:
        return False  # the engine would call it an error of its own
    found = (_stat_in(container, step) for step in steps)
    return all(each is not None and not each.mode & _GO_LINK for each in found)


def _steps_to(path: str) -> list[str]:
    """Return the paths of all folders on the way to `path`, and itself: `/a`, `/a/b`."""
    names = path.strip("/").split("/")
    return ["/" + "/".join(names[:number]) for number in range(1, len(names) + 1)]


def _cut_path(path: str) -> str:
    return clean_line(path, 80)


def _covers_accounts(path: str) -> bool:
    """Return whether a mount at `path` can change what is at /etc/passwd or /etc/group."""
    return path in ("/", "/etc") or any(
        path == file or path.startswith(f"{file}/") for file in ACCOUNT_FILES
    )


def _plain_path(path: str) -> str:
    return f"/{posixpath.normpath(path).lstrip('/')}"


def _stat_in(container: EngineObject, path: str) -> _FoundFile | None:
    """Return what a container that was not started holds at `path`.

    No link is followed at its end. docker-py has only a call that fetches the file too. For that
    one the engine itself opens /etc/group of the container, and waits for ever if it is a named
    pipe.
    """
    api = container.client.api
    address = f"{api.base_url}/v{api.api_version}/containers/{container.id}/archive"
    answer = api.head(address, params={"path": path}, timeout=api.timeout)
    if answer.status_code == requests.codes.not_found:
        return None
    header = answer.headers.get("X-Docker-Container-Path-Stat", "")
    if answer.status_code != requests.codes.ok or not header:
        shown = [f"`{_cut_path(target)}`" for target in _mount_targets(container.attrs)]
        mounted = ", ".join((*shown[:3], "others") if len(shown) > 3 else shown)
        raise APIError(
            f"the engine answers {answer.status_code} without a reason when it mounts {mounted} to "
            f"look at `{path}`: see that the image has folders, or nothing, at these paths"
        )
    found = json.loads(base64.b64decode(header))
    return _FoundFile(int(found["mode"]), int(found["size"]))


def volumes_in_memory(config: Mapping[str, Any], taken: Iterable[str], ours: str) -> list[Mount]:
    """Return a mount in memory for each volume that an image declares.

    Without it, the volume would be a folder on the host's disk. `taken` are paths where something
    else is mounted, `ours` is the folder of the harness, where an image may have no volume. Raises
    ImageCannotStart for a path that no volume can have.
    """
    paths = (path for path in _volume_paths(config, ours) if path not in taken)
    return [
        Mount(path, None, type="tmpfs", tmpfs_size=VOLUME_BYTES, tmpfs_mode=0o1777)
        for path in paths
    ]


def volumes_read_only(config: Mapping[str, Any], ours: str) -> list[Mount]:
    """Return a read-only mount for each volume that an image declares, with the image's content.

    The engine makes them under names of this project, with the label OWNER. `remove_volumes`
    removes them, and `remove_left_volumes` those of runs that were killed. Raises ImageCannotStart
    for a path that no volume can have, and for more than MAX_VOLUMES.
    """
    labels = {OWNER: owner.current_owner()}
    return [
        Mount(path, new_name("volume"), type="volume", read_only=True, labels=labels)
        for path in _volume_paths(config, ours)
    ]


def remove_volumes(container: EngineObject) -> None:
    """Remove the volumes of `volumes_read_only`, after the container that had them."""
    _remove_named(
        container.client,
        (str(mount.get("Name", "")) for mount in container.attrs.get("Mounts") or ()),
    )


def remove_mounted(client: EngineObject, mounts: Iterable[Mount]) -> None:
    """Remove the volumes of `mounts`, after every container that had them."""
    _remove_named(client, (str(mount["Source"]) for mount in mounts))


@contextlib.contextmanager
def without_volumes_of_a_failure(client: EngineObject, mounts: Iterable[Mount]) -> Iterator[None]:
    """Remove the volumes of `mounts` if their container cannot be made: the engine leaves them."""
    try:
        yield
    except BaseException:  # also if the engine does not answer, or a person stops this run
        remove_mounted(client, mounts)
        raise


def remove_left_volumes(client: EngineObject) -> None:
    """Remove the volumes of `volumes_read_only` that killed runs left."""
    listed = client.api.volumes({"name": f"{PREFIX}-volume-", "label": OWNER})
    for each in listed.get("Volumes") or ():
        if not owner.is_alive((each.get("Labels") or {}).get(OWNER, "")):
            _remove_named(client, [str(each.get("Name", ""))])


def _remove_named(client: EngineObject, names: Iterable[str]) -> None:
    """Remove volumes with names of ours. Another run finds those that the engine keeps."""
    for name in names:
        if name.startswith(f"{PREFIX}-volume-"):
            with contextlib.suppress(DockerException, requests.RequestException):
                client.api.remove_volume(name, force=True)


def _volume_paths(config: Mapping[str, Any], ours: str) -> Iterator[str]:
    declared = config.get("Volumes") or ()
    if len(declared) > MAX_VOLUMES:
        raise ImageCannotStart(
            f"it declares {count_noun(len(declared), 'volume')}; at most {MAX_VOLUMES} are allowed"
        )
    plain = dict.fromkeys(_require_plain_volume(path, ours) for path in declared)
    steps = {step for path in plain for step in _steps_to(path)}
    if len(steps) > MAX_VOLUME_FOLDERS:
        raise ImageCannotStart(
            f"its volumes are in {count_noun(len(steps), 'folder')}, more than the allowed "
            f"{MAX_VOLUME_FOLDERS}"
        )
    for path in plain:
        # its content would be copied once for each of them
        if outer := plain.keys() & set(_steps_to(path)[:-1]):
            raise ImageCannotStart(
                f"it declares the volume `{_cut_path(path)}` inside its volume "
                f"`{_cut_path(min(outer))}`"
            )
        yield path


def _require_plain_volume(path: str, ours: str) -> str:
    """Return the path of a declared volume, normalised; raise ImageCannotStart for a bad one."""
    plain = _plain_path(path)
    if not path.startswith("/") or plain == "/" or "\0" in path:
        raise ImageCannotStart("it declares a volume that is not a folder below `/`")
    if plain.count("/") > MAX_VOLUME_DEPTH:
        raise ImageCannotStart(
            f"it declares a volume in more than {MAX_VOLUME_DEPTH} folders: `{_cut_path(plain)}`"
        )
    if _covers_accounts(plain) or any(
        plain == folder or plain.startswith(f"{folder}/") for folder in ENGINE_FOLDERS
    ):
        raise ImageCannotStart(f"it declares a volume at `{_cut_path(plain)}`, where none may be")
    if plain == ours or plain.startswith(f"{ours}/"):
        raise ImageCannotStart(f"it declares a volume in `{ours}`, where the harness is mounted")
    return plain
