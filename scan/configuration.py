"""Problems of an image's configuration and file system.

Pure: the configuration and the facts are arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from pydantic import ConfigDict

from runner import records
from scan.documents import parse_run_config
from scan.image_facts import ImageFacts
from scan.record import ScanProblem, limit_problems

KIND = "configuration"

_PLAIN_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,31}")
_SECRET = re.compile(
    r"(?:^|_)[A-Z0-9]*(?:PASSWORD|PASSWD|TOKEN|SECRET|KEY|CREDENTIAL)S?(?:$|_)", re.IGNORECASE
)
"""Ends a word of the name: HF_TOKEN and AWS_SECRET_ACCESS_KEY, and not TOKENIZERS_PARALLELISM."""

_USER_ZERO = re.compile(r"|[+-]?0+")
"""How an engine takes user id 0, by Go's `Atoi`; no user is root too."""


@dataclass(frozen=True)
class AllowedConfiguration:
    """Configuration that an image may have.

    `ports` are those it may serve on, `setuid` files with setuid or setgid, `writable` paths that
    anybody may write to (all absolute). `environment` are variables that are named like a secret
    and hold none. `compiler` and `browser` say whether such programs may be part of it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    ports: tuple[int, ...]
    setuid: tuple[str, ...]
    writable: tuple[str, ...]
    environment: tuple[str, ...]
    compiler: bool
    browser: bool

    def extend(self, ports: Iterable[int], *, compiler: bool) -> AllowedConfiguration:
        """Return a copy that also allows what the catalogue says of an image's stacks."""
        every = tuple(sorted({*self.ports, *ports}))
        return replace(self, ports=every, compiler=self.compiler or compiler)


def check_configuration(
    config: dict[str, Any], inside: ImageFacts, allowed: AllowedConfiguration
) -> tuple[ScanProblem, ...]:
    """Return everything in an image's configuration and file system that is not allowed.

    `config` is the whole OCI configuration as JSON. Raises EnvironmentFailed if it has another
    shape than expected.
    """
    run = parse_run_config(config)
    setuid = (
        _not_allowed(
            path,
            f"the file runs with its owner's or group's rights (mode {inside.setuid[path]})",
            "take the bit away with `chmod a-s`",
            "setuid",
        )
        for path in sorted(inside.setuid.keys() - set(allowed.setuid))
    )
    caches = (
        ScanProblem(
            KIND,
            path,
            f"a package manager left {size} bytes here, which every user pulls",
            "remove it in the same build step that filled it",
        )
        for path, size in sorted(inside.caches.items())
    )
    sorts = (
        _check_user(run.User or "", inside),
        _check_ports(run.ExposedPorts or {}, allowed),
        _check_environment(run.Env or (), allowed),
        _check_accounts(inside),
        setuid,
        _check_writable(inside, allowed),
        caches,
        _check_programs("compiler", () if allowed.compiler else inside.compilers),
        _check_programs("browser", () if allowed.browser else inside.browsers),
    )
    return tuple(problem for sort in sorts for problem in limit_problems(list(sort)))


def _check_user(user: str, inside: ImageFacts) -> Iterator[ScanProblem]:
    name = user.partition(":")[0]
    if _USER_ZERO.fullmatch(name) or name in ("root", *inside.superusers):
        shown = f"`{user}`" if user else "not set"
        yield ScanProblem(
            KIND,
            "User",
            f"the image runs as root: its user is {shown}",
            "set a user of its own, for instance 1000:1000",
        )


def _check_ports(exposed: Iterable[str], allowed: AllowedConfiguration) -> Iterator[ScanProblem]:
    named = ", ".join(map(str, allowed.ports)) or "none"
    what = f"the image exposes this port; allowed: {named}"
    for port in sorted(exposed):
        if port.partition("/")[0] not in map(str, allowed.ports):
            yield _not_allowed(port, what, "do not expose it", "ports")


def _check_environment(
    environment: Iterable[str], allowed: AllowedConfiguration
) -> Iterator[ScanProblem]:
    """Yield every variable named like a secret that has a value.

    The value is not repeated: it would stand in every record and report.
    """
    what = (
        "an environment variable named like a secret has a value that everyone who pulls can read"
    )
    for name, _, value in (entry.partition("=") for entry in environment):
        if value and _SECRET.search(name) and name not in allowed.environment:
            yield _not_allowed(
                name, what, "remove it, and revoke the secret if it is one", "environment"
            )


def _check_accounts(inside: ImageFacts) -> Iterator[ScanProblem]:
    for account, password in sorted(inside.passwords.items()):
        what = f"the account can log in: password {password}"
        # an image chooses the name, and a person may paste the command
        name = account if _PLAIN_ACCOUNT.fullmatch(account) else "ACCOUNT"
        yield ScanProblem(
            KIND, account, what, f"lock it with `passwd --lock {name}` when the image is built"
        )
    for account in inside.superusers:
        if account != "root":
            yield ScanProblem(
                KIND,
                account,
                "the account has user id 0, as root",
                "give it an id of its own, or remove it",
            )


def _check_writable(inside: ImageFacts, allowed: AllowedConfiguration) -> Iterator[ScanProblem]:
    """Yield every path that anybody may write to.

    Of paths below each other only the topmost: whoever may write to a folder can replace all that
    is below it.
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


def _check_programs(sort: str, paths: Iterable[str]) -> Iterator[ScanProblem]:
    for path in sorted(paths):
        yield _not_allowed(path, f"a {sort} in an image to run programs", "do not install it", sort)


def _not_allowed(where: str, what: str, way_out: str, key: str) -> ScanProblem:
    return ScanProblem(
        KIND, where, what, f"{way_out}, or allow it with its reason: `{key}` in scan/policy.yaml"
    )
