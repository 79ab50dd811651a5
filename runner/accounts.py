"""The accounts that `docker login` stored: in Docker's configuration, or behind its helpers.

A credential helper is a program of somebody else. It runs as every other program does, with limits
of time and output and without secrets, and its answer is checked.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import Annotated, Any

from docker import auth
from docker.credentials.errors import CredentialsNotFound
from docker.errors import DockerException
from pydantic import Field, TypeAdapter, ValidationError

from runner import docker_config, settings, shell
from runner.child_variables import ENGINES, login_variables
from runner.errors import ConfigError, EnvironmentFailed
from runner.redaction import remember_given_token, remember_secret
from runner.untrusted import Malformed, clean_line, parse_json

HELPER_S = 60
"""Seconds for the answer of a helper: it may ask a person."""
ANSWER_BYTES = 1 << 20
_NOT_FOUND = "credentials not found in native keychain"
_HINT = "check DOCKER_CONFIG (else ~/.docker/config.json), or `docker login` again"

_Text = Annotated[str, Field(strict=True, pattern=r"\A[^\x00-\x1f\x7f]*\z", max_length=1 << 16)]


@dataclass(frozen=True)
class _HelperAnswer:
    """The answer of a helper, in Docker's names. Other keys may be there."""

    Username: _Text
    Secret: _Text = field(repr=False)


def find_account(host: str) -> dict[str, str]:
    """Return what is stored for the registry `host`, in Docker's names; empty if nothing is.

    It has `username` and `password`, or `identitytoken`, in small or large letters. Raises
    ConfigError if the configuration cannot be used, and EnvironmentFailed if a helper fails.
    """
    purpose = f"no credentials for {host}: "
    document = docker_config.read_config(purpose)
    if not document:  # else docker-py would look for a file itself
        return {}
    try:
        found = _StoredAccounts.load_config(None, document).resolve_authconfig(host)
    except (DockerException, ValueError) as error:
        problem = clean_line(str(error), 200)
        raise ConfigError(
            f"{purpose}Docker's configuration cannot be used: {problem}", _HINT
        ) from None
    account = {name: value for name, value in (found or {}).items() if isinstance(value, str)}
    for name, value in account.items():
        if name.lower() in {"password", "secret"}:
            remember_secret(value, f"the login to {host}")
        elif name.lower() == "identitytoken":  # the registry chose it at `docker login`
            remember_given_token(value, f"the login to {host}")
    return account


class _StoredAccounts(auth.AuthConfig):
    """Docker's rules of which account is for which registry, with helpers that are run here."""

    def _get_store_instance(self, name: str) -> _Helper:
        return _Helper(f"docker-credential-{name}")


@dataclass(frozen=True)
class _Helper:
    """A credential helper, as docker-py asks it."""

    program: str

    def get(self, server: str) -> dict[str, str]:
        """Return the account for a server. Raises CredentialsNotFound if the helper has none."""
        if shutil.which(self.program) is None:
            raise ConfigError(
                f"Docker's configuration names `{self.program}` for {server}, which is not "
                "installed",
                _HINT,
            )
        hint = (
            f"see that `echo {server} | {self.program} get` answers; if it needs a variable that "
            f"docs/settings.md does not list, name it in {settings.HELPER_VARIABLES}"
        )
        done = shell.run_to_end(
            [self.program, "get"],
            hint=hint,
            env=login_variables(),
            timeout_s=HELPER_S,
            stdin=server.encode(),
            allowed=ENGINES,
        )
        if done.code == 0:
            return _read_answer(done.stdout, self.program, hint)
        # an answer may hold a password, also that of a helper that failed after it
        answer = "" if done.stdout.lstrip().startswith("{") else done.stdout
        output = clean_line(f"{answer} {done.stderr}", 200)
        if _NOT_FOUND in done.stdout or _NOT_FOUND in done.stderr:
            raise CredentialsNotFound(output)
        raise EnvironmentFailed(f"`{self.program}` exited {done.code}: {output}", hint)


def _read_answer(text: str, program: str, hint: str) -> dict[str, str]:
    try:
        given: Any = parse_json(text, ANSWER_BYTES)
        answer = TypeAdapter(_HelperAnswer).validate_python(given)
    except (Malformed, ValidationError):  # the answer may hold a password: it is not repeated
        raise EnvironmentFailed(
            f"`{program}` answered no object with `Username` and `Secret`", hint
        ) from None
    if not (answer.Username or answer.Secret):  # as docker-credential-pass says that it has none
        raise CredentialsNotFound("no account")
    return {"Username": answer.Username, "Secret": answer.Secret}
