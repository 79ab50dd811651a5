"""Check Docker's configuration file before it is used here, by the docker client or the scanner.

They trust it: a FIFO would hang them, and a value of another type would end them with an error that
names no file. The same is true of the file of a Docker context. If the context does not exist,
docker-py would silently use another engine than the docker client.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from docker.utils.config import find_config_file
from pydantic import Field, TypeAdapter, ValidationError

from runner import settings
from runner.errors import ConfigError
from runner.redaction import show_value
from runner.untrusted import Malformed, clean_line, parse_json, read_own_file

T = TypeVar("T")

CONFIG_BYTES = 1 << 20
CONTEXT_HINT = "run `docker context use default`, or set DOCKER_HOST to the engine's address"
HINT = "correct it, move it away and `docker login` again, or name another folder in DOCKER_CONFIG"

_Text = Annotated[str, Field(strict=True, pattern=r"\A[^\x00-\x1f\x7f]*\z", max_length=1 << 16)]
_Helper = Annotated[
    str, Field(strict=True, pattern=r"\A(?:[A-Za-z0-9][A-Za-z0-9._-]*)?\z", max_length=200)
]
_HeaderName = Annotated[
    str, Field(strict=True, pattern=r"\A[A-Za-z0-9!#$%&'*+.^_`|~-]+\z", max_length=200)
]
_HeaderValue = Annotated[
    str, Field(strict=True, pattern=r"\A(?:[!-~](?:[ -~\t]*[!-~])?)?\z", max_length=1 << 16)
]
_OF_CLIENT = ("connection", "content-length", "host", "transfer-encoding")
"""Headers that say where a request goes and where it ends."""


@dataclass(frozen=True)
class _Account:
    auth: _Text | None = None
    username: _Text | None = None
    password: _Text | None = None
    identitytoken: _Text | None = None


@dataclass(frozen=True)
class _Config:
    """The parts of the configuration that are used here. Other keys may be there."""

    auths: dict[_Text, _Account] | None = None
    credsStore: _Helper | None = None  # noqa: N815 - Docker's name
    credHelpers: dict[_Text, _Helper] | None = None  # noqa: N815 - Docker's name
    HttpHeaders: dict[_HeaderName, _HeaderValue] | None = None
    proxies: dict[_Text, dict[_Text, _Text]] | None = field(default=None)
    currentContext: _Text | None = None  # noqa: N815 - Docker's name


@dataclass(frozen=True)
class _Endpoint:
    Host: _Text | None = None


@dataclass(frozen=True)
class _Context:
    """The parts of the file of a context that docker-py uses."""

    Name: _Text
    Metadata: dict[_Text, Any]
    Endpoints: dict[_Text, _Endpoint]


def check_config(purpose: str = "") -> None:
    """Raise ConfigError if Docker's configuration is not what its readers expect."""
    read_config(purpose)


def read_config(purpose: str = "") -> dict[str, Any]:
    """Return Docker's configuration, empty if there is none.

    Raises ConfigError if it is not what its readers expect. The error names the file, and begins
    with `purpose`.
    """
    found = find_config_file()  # it may be ~/.dockercfg too, in which each key is a registry
    if not found:
        return {}
    path = Path(str(found))
    try:
        return _read_checked(path, _parse_config)
    except Malformed as error:
        problem = f"{purpose}Docker's configuration {path} cannot be used: {error}"
        raise ConfigError(problem, HINT) from None


def read_context_address() -> str:
    """Return the engine's address that the current Docker context gives; empty if it gives none.

    Raises ConfigError if Docker's configuration cannot be used, if the context does not exist, or
    if its file cannot be used.
    """
    found = find_config_file()
    path = Path(str(found or ""))
    name, source = os.environ.get(settings.DOCKER_CONTEXT, ""), settings.DOCKER_CONTEXT
    if not name:
        name = read_config().get("currentContext") or ""
        source = f"`currentContext` of Docker's configuration {path}"
    if name in ("", "default"):
        return ""
    identifier = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    folder = path.parent if found else Path(os.environ.get(settings.DOCKER_CONFIG) or "~/.docker")
    file = folder.expanduser() / "contexts" / "meta" / identifier / "meta.json"
    context = f"{source} names the context `{show_value(name)}`"
    if not file.exists():
        raise ConfigError(f"{context}, which does not exist", CONTEXT_HINT)
    try:
        checked = _read_checked(
            file,
            lambda data: TypeAdapter(_Context).validate_python(parse_json(data, CONFIG_BYTES)),
        )
        endpoint = checked.Endpoints.get("docker")
    except Malformed as error:
        problem = f"{context}; its file {file} cannot be used: {error}"
        raise ConfigError(problem, CONTEXT_HINT) from None
    address = (endpoint.Host if endpoint else None) or ""
    if not found and address.startswith("tcp://"):  # docker-py would not find the context
        raise ConfigError(
            f"{context}; without a file {folder}/config.json its certificates are not found",
            f"run `docker context use {show_value(name)}`, which writes that file",
        )
    return address


def _read_checked(path: Path, parse: Callable[[bytes], T]) -> T:
    """Return what `parse` makes of a file. Raises Malformed with no value of it in the text."""
    try:
        return parse(read_own_file(path, CONFIG_BYTES))
    except OSError as error:
        raise Malformed(error.strerror or type(error).__name__) from None
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        if place[:1] == ("HttpHeaders",) and place[-1] == "[key]":  # it may be a whole header
            raise Malformed("a name in `HttpHeaders` is not the name of a header") from None
        where = clean_line(".".join(map(str, place)), 100)
        named = f"`{where}`" if where else "the document"
        raise Malformed(f"{named} has a wrong type or form") from None


def _parse_config(data: bytes) -> dict[str, Any]:
    document: dict[str, Any] = parse_json(data, CONFIG_BYTES) if data.strip() else {}
    config = TypeAdapter(_Config).validate_python(document)
    for name in config.HttpHeaders or {}:
        if name.lower() in _OF_CLIENT:
            raise Malformed(f"`HttpHeaders.{name}` is a header that the client itself sets")
    accounts = config.auths or {}
    if not (config.auths or config.credsStore or config.credHelpers):
        # docker-py then takes each key for a registry, and all values for accounts if they can be
        objects = {name: value for name, value in document.items() if isinstance(value, dict)}
        accounts = TypeAdapter(dict[_Text, _Account]).validate_python(objects)
    for account in accounts.values():
        if not account.auth:
            continue
        try:
            login = base64.b64decode(account.auth.encode("ascii")).decode()
        except ValueError:
            login = ""
        if ":" not in login:
            raise Malformed("an `auth` is not the base64 of USER:PASSWORD")
    return document
