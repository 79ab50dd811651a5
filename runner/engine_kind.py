"""Which engines do the work: what an engine says of itself, and why it does not suit."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from docker.constants import DEFAULT_DOCKER_API_VERSION
from docker.utils import version_gte, version_lt
from pydantic import Field, TypeAdapter

from runner.errors import EnvironmentFailed
from runner.untrusted import clean_line

OTHER_ENGINE = "point DOCKER_HOST or the Docker context at a Docker engine, or unset both"
LIMITS_HINT = (
    "rootless Docker needs cgroup v2 and the controllers cpu, memory and pids delegated to its "
    "user, or use the engine of the system"
)
LOOPBACK_HINT = (
    "set PYTORCH_CUDA_IMAGES_REGISTRY to a registry that other machines reach too, or use the "
    "engine of the system"
)
EngineObject: TypeAlias = Any
"""A client, container or image of docker-py, which has no types."""
CONTAINERD_STORE = "io.containerd.snapshotter.v1"
"""The type of driver that an engine names if containerd keeps its images."""


_ApiVersion = Annotated[str, Field(pattern=r"^[0-9]{1,3}\.[0-9]{1,4}$")]


@dataclass(frozen=True)
class _EnginePart:
    Name: str = ""
    Version: str = ""


@dataclass(frozen=True)
class _VersionAnswer:
    """The parts of an engine's answer about its version that are read here."""

    ApiVersion: _ApiVersion
    MinAPIVersion: _ApiVersion | Literal[""] | None = None
    Components: list[_EnginePart] | None = None


class EngineUnsuited(EnvironmentFailed):
    """An engine answers, and cannot do what this project needs."""


def choose_api_version(answer: object) -> str:
    """Return the version of the API to speak: the newest that the engine and docker-py know.

    A newer one has answers of other forms. `answer` is the engine's about its version. Raises
    EngineUnsuited if there is no such version, and for Podman, which has this API too. Raises
    ValueError if it is not the answer of an engine: another service may listen there.
    """
    version = TypeAdapter(_VersionAnswer).validate_python(answer)
    for each in version.Components or ():
        if "podman" in each.Name.lower():
            raise EngineUnsuited(
                f"the engine is Podman {clean_line(each.Version, 30)}, which cannot "
                "build with BuildKit nor look up images in a registry for its clients",
                OTHER_ENGINE,
            )
    newest, oldest = version.ApiVersion, version.MinAPIVersion or "1.24"
    if version_lt(DEFAULT_DOCKER_API_VERSION, oldest):
        raise EngineUnsuited(
            f"the engine takes API {oldest} or newer, and this program speaks "
            f"{DEFAULT_DOCKER_API_VERSION}",
            "update this checkout, or use an older engine",
        )
    is_newer = version_gte(newest, DEFAULT_DOCKER_API_VERSION)
    return DEFAULT_DOCKER_API_VERSION if is_newer else newest


def require_limits(info: Mapping[str, Any]) -> None:
    """Raise EngineUnsuited if the engine says that containers of images have no limits.

    An image could then take all memory of the machine, or start processes without end. `info` is
    the engine's answer about itself.
    """
    limits = {"MemoryLimit": "memory", "PidsLimit": "number of processes"}
    missing = [what for key, what in limits.items() if info.get(key) is False]
    if missing:
        kind = "rootless Docker engine" if is_rootless(info) else "Docker engine"
        raise EngineUnsuited(
            f"the {kind} cannot limit the {' and the '.join(missing)} of a container", LIMITS_HINT
        )


def is_rootless(info: Mapping[str, Any]) -> bool:
    """Return whether the engine runs without root, and so in a network of its own."""
    return any("name=rootless" in str(each) for each in info.get("SecurityOptions") or ())


def require_reachable(info: Mapping[str, Any], registry: str) -> None:
    """Raise EngineUnsuited if the engine cannot reach a registry (`HOST[:PORT]`) on loopback."""
    host = registry.rpartition(":")[0] or registry
    try:
        is_loopback = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if is_loopback and is_rootless(info):
        raise EngineUnsuited(
            f"the rootless Docker engine has a network of its own, from which it cannot reach "
            f"{clean_line(registry, 100)}",
            LOOPBACK_HINT,
        )


def describe_engine(version: str, info: Mapping[str, Any]) -> str:
    """Return an engine in words: version, whether it is rootless, and who keeps its images."""
    kinds = [
        *(["rootless"] if is_rootless(info) else []),
        *(["containerd image store"] if keeps_images_in_containerd(info) else []),
    ]
    return " ".join((f"Docker {version}", *([f"({', '.join(kinds)})"] if kinds else [])))


def keeps_images_in_containerd(info: Mapping[str, Any]) -> bool:
    """Return whether containerd keeps the images: their ids are then digests of manifests."""
    return ["driver-type", CONTAINERD_STORE] in (info.get("DriverStatus") or ())
