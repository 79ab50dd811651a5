"""Access of an account to the repositories of a registry, asked without leaving anything there."""

from __future__ import annotations

from dataclasses import dataclass

from oci.registry import Registry
from oci.registry_error import RegistryError

_NO_DIGEST = f"sha256:{'0' * 64}"


@dataclass(frozen=True)
class RepositoryAccess:
    """Whether an account may read and write one repository, and whether it lists referrers.

    `read_problem` and `push_problem` are the registry's refusals, empty if it allows it.
    `has_referrers` says whether the registry lists referrers itself; without it they are in a list
    under a tag of their own.
    """

    repository: str
    read_problem: str
    push_problem: str
    has_referrers: bool


def examine_access(registry: Registry, repository: str) -> RepositoryAccess:
    """Return what this account may do in a repository: read, push, list referrers.

    A push is tried by an upload that is cancelled before a byte is sent.
    """
    read, push, listed = "", "", False
    try:
        registry.resolve_digest(repository, "latest")
        listed = registry.list_referrers(repository, _NO_DIGEST) is not None
    except RegistryError as error:
        read = str(error)
    try:
        registry.check_push(repository)
    except RegistryError as error:
        push = str(error)
    return RepositoryAccess(repository, read, push, listed)


def describe_access(access: RepositoryAccess) -> str:
    """Return one line for a person."""
    if problem := access.read_problem or access.push_problem:
        can = "may not read" if access.read_problem else "may read, may not push"
        return f"{access.repository}: {can}: {problem}"
    kind = "the referrers API" if access.has_referrers else "lists of referrers under tags"
    return f"{access.repository}: may read and push; {kind}"
