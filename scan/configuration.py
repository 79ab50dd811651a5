"""What an image is configured to be and to hold, judged.

Pure: the configuration and the facts are given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import ConfigDict

from runner import records
from scan.documents import run_config_of
from scan.image_facts import Inside
from scan.record import Problem, first_of

KIND = "configuration"
_SECRET = re.compile(
    r"(?:^|_)[A-Z0-9]*(?:PASSWORD|PASSWD|TOKEN|SECRET|KEY|CREDENTIAL)S?(?:$|_)", re.IGNORECASE
)
"""Ends a word of the name: HF_TOKEN and AWS_SECRET_ACCESS_KEY, and not TOKENIZERS_PARALLELISM."""


@dataclass(frozen=True)
class Allowed:
    """What an image may have: ports it serves on, files with setuid or setgid, paths anybody may
    write (all absolute), environment variables named as a secret is and that are none, and whether
    compilers and browsers are part of it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    ports: tuple[int, ...]
    setuid: tuple[str, ...]
    writable: tuple[str, ...]
    environment: tuple[str, ...]
    compiler: bool
    browser: bool


def problems(config: dict[str, Any], inside: Inside, allowed: Allowed) -> tuple[Problem, ...]:
    """Everything in an image's OCI configuration (the whole JSON document) and its file system that
    is not allowed.
    """
    run = run_config_of(config)
    sorts = (
        _user(run.User or "", inside),
        _ports(run.ExposedPorts or {}, allowed),
        _secrets(run.Env or (), allowed),
        _accounts(inside),
        _setuid(inside, allowed),
        _writable(inside, allowed),
        _caches(inside),
        _programs("compiler", () if allowed.compiler else inside.compilers),
        _programs("browser", () if allowed.browser else inside.browsers),
    )
    return tuple(problem for sort in sorts for problem in first_of(list(sort)))


def _user(user: str, inside: Inside) -> Iterator[Problem]:
    name = user.partition(":")[0]
    if name in ("", "root", *inside.superusers) or (name.isdecimal() and int(name) == 0):
        said = f"`{user}`" if user else "not set"
        yield Problem(
            KIND,
            "User",
            f"the image runs as root: its user is {said}",
            "set a user of its own, as 1000:1000",
        )


def _ports(exposed: Iterable[str], allowed: Allowed) -> Iterator[Problem]:
    for port in sorted(exposed):
        if port.partition("/")[0] not in map(str, allowed.ports):
            said = ", ".join(map(str, allowed.ports)) or "none"
            yield _not_allowed(
                port, f"the image exposes this port; allowed: {said}", "do not expose it", "ports"
            )


def _secrets(environment: Iterable[str], allowed: Allowed) -> Iterator[Problem]:
    """The value is not repeated: it would stand in every record and report."""
    for name, _, value in (entry.partition("=") for entry in environment):
        if value and _SECRET.search(name) and name not in allowed.environment:
            what = (
                "an environment variable named as a secret has a value that everyone who pulls "
                "can read"
            )
            yield _not_allowed(
                name, what, "remove it, and revoke the secret if it is one", "environment"
            )


def _accounts(inside: Inside) -> Iterator[Problem]:
    for account, password in sorted(inside.passwords.items()):
        what = f"the account can log in: password {password}"
        yield Problem(
            KIND, account, what, f"lock it with `passwd --lock {account}` when the image is built"
        )
    for account in inside.superusers:
        if account != "root":
            yield Problem(
                KIND,
                account,
                "the account has user id 0, as root",
                "give it an id of its own, or remove it",
            )


def _setuid(inside: Inside, allowed: Allowed) -> Iterator[Problem]:
    for path in sorted(inside.setuid.keys() - set(allowed.setuid)):
        what = f"the file runs with its owner's or group's rights (mode {inside.setuid[path]})"
        yield _not_allowed(path, what, "take the bit away with `chmod a-s`", "setuid")


def _writable(inside: Inside, allowed: Allowed) -> Iterator[Problem]:
    """Only the topmost of paths in each other: what is below a folder anybody may write can be
    replaced anyway.
    """
    wrong = sorted(
        set(inside.world_writable) - set(allowed.writable), key=lambda path: path.rstrip("/") + "/"
    )
    top = ""
    for path in wrong:
        if not top or not path.startswith(top):
            top = path.rstrip("/") + "/"
            yield _not_allowed(
                path, "anybody may write here", "take the right away with `chmod o-w`", "writable"
            )


def _caches(inside: Inside) -> Iterator[Problem]:
    for path, size in sorted(inside.caches.items()):
        what = f"a package manager left {size} bytes here, which every user pulls"
        yield Problem(KIND, path, what, "remove it in the same build step that filled it")


def _programs(sort: str, paths: Iterable[str]) -> Iterator[Problem]:
    for path in sorted(paths):
        yield _not_allowed(path, f"a {sort} in an image to run programs", "do not install it", sort)


def _not_allowed(where: str, what: str, way_out: str, key: str) -> Problem:
    return Problem(
        KIND, where, what, f"{way_out}, or allow it with its reason: `{key}` in scan/policy.yaml"
    )
