"""Check Docker's configuration file before it is used here, by the docker client or the scanner.

They trust it: a FIFO would hang them, and a value of another type would end them with an error that
names no file.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from docker.utils.config import find_config_file
from pydantic import Field, TypeAdapter, ValidationError

from runner.errors import ConfigError
from runner.untrusted import Malformed, clean_line, parse_json, read_own_file

CONFIG_BYTES = 1 << 20
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
        return _require_valid(read_own_file(path, CONFIG_BYTES))
    except OSError as error:
        problem = error.strerror or type(error).__name__
    except Malformed as error:
        problem = str(error)
    except ValidationError as error:
        problem = _describe_place(error)
    raise ConfigError(f"{purpose}Docker's configuration {path} cannot be used: {problem}", HINT)


def _describe_place(error: ValidationError) -> str:
    place = error.errors()[0]["loc"]
    if place[:1] == ("HttpHeaders",) and place[-1] == "[key]":
        return "a name in `HttpHeaders` is not the name of a header"  # it may be a whole header
    where = clean_line(".".join(map(str, place)), 100)
    return f"{f'`{where}`' if where else 'the document'} has a wrong type or form"


def _require_valid(data: bytes) -> dict[str, Any]:
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
