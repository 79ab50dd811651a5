"""How an image was built: SLSA provenance v1 (slsa.dev/provenance/v1).

External parameters are those that a person types: version, image, and the line it belongs to.
Resolved dependencies are all that went in: the git commit of this repository, the base image,
Debian's packages, every locked wheel by SHA-256, and the layers in order (a layer found in the
registry was made in an earlier run). A layer whose digest was locked says so, and which git commit
holds that lock. Start and end are those of the run that assembled the image. A field of ours,
`debian_taken_at`, gives the age: all but Debian's packages is locked, and as good as new.
`builder.id` is the workflow on GitHub Actions, as its own provenance names it, else a machine of
ours, which a verifier should trust less. The invocation is the run there, else a UUID of this build
on this machine. dpkg keeps no digest of a Debian package: the digest of the OS layer stands for all
of them.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packageurl import PackageURL

from images.locks import Wheel
from images.record import BuildRecord
from images.statement_names import read_name, write_name
from images.version import line_of_torch, number_of
from oci.manifest import LAYER_GZIP
from publish.evidence.predicates import (
    PROVENANCE,
    EvidenceKind,
    add_seconds,
    read_value,
    require_type,
)
from publish.evidence.statement import OWN, Statement
from publish.evidence.strict_json import NOT_USABLE
from runner import settings
from runner.errors import ConfigError, GateRefused
from runner.moments import parse_moment
from runner.redaction import show_value

BUILD_TYPE = "https://github.com/pytorch-cuda-images/build/v1"
LOCAL_BUILDER = "https://github.com/pytorch-cuda-images/builder/local"
"""Names in the code; images/statement_names.py says how they are written."""

Descriptor = dict[str, Any]
"""An in-toto ResourceDescriptor."""


@dataclass(frozen=True)
class Builder:
    """The builder: `id` is a URI, `invocation` the run, and `source` is `git+URI@REF` at `commit`.

    A field is empty if it is unknown.
    """

    id: str
    invocation: str = ""
    source: str = ""
    commit: str = ""


@dataclass(frozen=True)
class BuildRequest:
    """The external parameters."""

    version: str
    image: str
    line: str


@dataclass(frozen=True)
class ProvenanceLayer:
    """A layer of the image, by its digest; `locked` if that is in the layer lock.

    `commit` is the git commit that holds the lock; empty if it is not known.
    """

    digest: str
    kind: str
    locked: bool
    commit: str


@dataclass(frozen=True)
class BuildClaim:
    """The part of provenance that decisions need. Times are ISO 8601.

    `taken_at` is that of Debian's packages; empty if it is not told, as it was not at first.
    `layers` are in the order of the manifest.
    """

    request: BuildRequest
    build_type: str
    builder: str
    dependencies: int
    taken_at: str
    finished_at: str
    layers: tuple[ProvenanceLayer, ...] = ()


_VARIABLES = {
    settings.GITHUB_SERVER_URL: r"https?://[A-Za-z0-9.-]+(?::[0-9]+)?",
    settings.GITHUB_REPOSITORY: r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+",
    settings.GITHUB_WORKFLOW_REF: r"[!-~]{1,500}",
    settings.GITHUB_REF: r"[!-~]{1,500}",
    settings.GITHUB_SHA: r"[0-9a-f]{40}|[0-9a-f]{64}",
    settings.GITHUB_RUN_ID: r"[0-9]{1,20}",
    settings.GITHUB_RUN_ATTEMPT: r"[0-9]{1,6}",
}
"""What GitHub's runners set, each with its form: these become parts of addresses in signed
statements.
"""


def detect_builder(environ: Mapping[str, str]) -> Builder:
    """Return the builder by GitHub Actions' default variables; elsewhere a local one.

    Raises ConfigError if a variable is missing or odd: a statement about another builder would be
    signed.
    """
    if environ.get(settings.GITHUB_ACTIONS) != "true":
        return Builder(LOCAL_BUILDER)
    given = {settings.GITHUB_RUN_ATTEMPT: "1", **environ}
    variables = {name: _read_variable(given, name, form) for name, form in _VARIABLES.items()}
    server, repository = (
        variables[settings.GITHUB_SERVER_URL],
        variables[settings.GITHUB_REPOSITORY],
    )
    run, attempt = variables[settings.GITHUB_RUN_ID], variables[settings.GITHUB_RUN_ATTEMPT]
    return Builder(
        id=f"{server}/{variables[settings.GITHUB_WORKFLOW_REF]}",
        invocation=f"{server}/{repository}/actions/runs/{run}/attempts/{attempt}",
        source=f"git+{server}/{repository}@{variables[settings.GITHUB_REF]}",
        commit=variables[settings.GITHUB_SHA],
    )


def _read_variable(environ: Mapping[str, str], name: str, form: str) -> str:
    value = environ.get(name, "")
    if not re.fullmatch(form, value):
        problem = (
            f"{name} is {f'`{show_value(value)}`' if value else 'not set'}, and "
            "GITHUB_ACTIONS is true"
        )
        raise ConfigError(
            problem, "unset GITHUB_ACTIONS outside of GitHub Actions, or set what a runner sets"
        )
    return value


def make_statement(
    build: BuildRecord, wheels: Sequence[Wheel], builder: Builder, name: str
) -> Statement:
    """Return the record as a statement; `wheels` are those of the locks of its stacks.

    The record adds up the work of all layers: the start is the earliest that can have been.
    """
    predicate = {
        "buildDefinition": {
            "buildType": write_name(BUILD_TYPE),
            "externalParameters": {
                "version": build.version,
                "image": build.image,
                "line": line_of_torch(number_of(build.version)),
            },
            # the line by the catalogue, and the key of everything the image is made from
            "internalParameters": {
                "torch": build.torch,
                "cuda": build.cuda,
                "python": build.python,
                "contentKey": build.content_key,
            },
            "resolvedDependencies": list(_list_dependencies(build, wheels, builder)),
        },
        "runDetails": {
            "builder": {"id": write_name(builder.id)},
            "metadata": _describe_run(build, builder),
        },
        OWN: {"debian_taken_at": build.debian_taken_at},
    }
    return Statement(build.digest, name, PROVENANCE, predicate)


def read_provenance(statement: Statement) -> BuildClaim:
    """Return what was built, and by whom.

    Raises GateRefused if the statement has another type or shape.
    """
    require_type(statement, PROVENANCE)
    definition = "buildDefinition"
    dependencies = read_value(list[Descriptor], statement, definition, "resolvedDependencies")
    built = BuildClaim(
        request=read_value(BuildRequest, statement, definition, "externalParameters"),
        build_type=read_name(read_value(str, statement, definition, "buildType")),
        builder=read_name(read_value(str, statement, "runDetails", "builder", "id")),
        dependencies=len(dependencies),
        taken_at=read_value(str, statement, OWN, "debian_taken_at")
        if OWN in statement.predicate
        else "",
        finished_at=read_value(str, statement, "runDetails", "metadata", "finishedOn"),
        layers=tuple(
            _parse_layer(each) for each in dependencies if each.get("mediaType") == LAYER_GZIP
        ),
    )
    _require_order(built)
    return built


def _parse_layer(dependency: Descriptor) -> ProvenanceLayer:
    """Return a layer among the dependencies.

    If it is not written as ours are, it has no digest, or is not locked.
    """
    digest, notes = dependency.get("digest"), dependency.get("annotations")
    value = digest.get("sha256") if isinstance(digest, dict) else None
    fields = notes if isinstance(notes, dict) else {}
    locked, commit = fields.get("locked") is True, fields.get("lockCommit")
    return ProvenanceLayer(
        f"sha256:{value}",
        str(fields.get("kind", "")),
        locked,
        commit if isinstance(commit, str) else "",
    )


def _require_order(built: BuildClaim) -> None:
    """Raise GateRefused if Debian's packages were taken after the build."""
    try:
        taken, finished = (
            parse_moment(each, zoned=True) for each in (built.taken_at, built.finished_at)
        )
        is_in_order = taken <= finished
    except ValueError:
        is_in_order = False
    if built.taken_at and not is_in_order:
        dates = f"Debian's packages of {built.taken_at!r:.40}, built {built.finished_at!r:.40}"
        raise GateRefused(f"{PROVENANCE}: {dates}", NOT_USABLE)


def _describe_run(build: BuildRecord, builder: Builder) -> dict[str, str]:
    started = add_seconds(build.created_at, -build.seconds)
    build_id = uuid.uuid5(uuid.NAMESPACE_URL, f"{build.digest} {build.created_at}")
    found = {
        "invocationId": builder.invocation or build_id.urn,
        "startedOn": started,
        "finishedOn": build.created_at,
    }
    return {name: value for name, value in found.items() if value}


def _list_dependencies(
    build: BuildRecord, wheels: Iterable[Wheel], builder: Builder
) -> Iterator[Descriptor]:
    source = builder.source or (f"git+{build.source}" if build.source else "")
    if commit := builder.commit or build.source_commit:
        address: Descriptor = {"uri": source} if source else {}
        yield {"name": "source", **address, "digest": {"gitCommit": commit}}
    if build.base_source:
        yield _describe_base(build.base_source)
    for package in build.debian_packages:
        uri = PackageURL("deb", "debian", package.name, package.version).to_string()
        yield {"uri": uri, **({"digest": {"sha256": package.sha256}} if package.sha256 else {})}
    for wheel in wheels:
        uri = PackageURL(
            "pypi", None, wheel.name, wheel.version, {"file_name": wheel.file}
        ).to_string()
        yield {"name": wheel.file, "uri": uri, "digest": {"sha256": wheel.sha256}}
    for layer in build.layers:
        notes: Descriptor = {
            "kind": layer.kind,
            "stack": layer.stack,
            "contentKey": layer.key,
            "made": layer.made,
        }
        if layer.locked:
            notes |= {
                "locked": True,
                **({"lockCommit": build.lock_commit} if build.lock_commit else {}),
            }
        yield {
            "name": layer.name,
            "digest": _split_digest(layer.digest),
            "mediaType": LAYER_GZIP,
            "annotations": notes,
        }


def _describe_base(source: str) -> Descriptor:
    """Return the slim base by digest; `mmdebstrap SUITE` has none, only Debian's packages."""
    reference, _, digest = source.partition("@")
    if not digest:
        tool, _, suite = source.partition(" ")
        return {"name": "base", "uri": PackageURL("generic", None, tool, suite).to_string()}
    repository, _, tag = reference.rpartition(":")
    qualifiers = {"repository_url": repository, "tag": tag}
    uri = PackageURL("oci", None, repository.rpartition("/")[2], digest, qualifiers).to_string()
    return {"name": "base", "uri": uri, "digest": _split_digest(digest)}


def _split_digest(digest: str) -> dict[str, str]:
    algorithm, _, value = digest.partition(":")
    return {algorithm: value}


def summarize_statement(statement: Statement) -> str:
    """Return what was built, when and by whom, in one line."""
    built = read_provenance(statement)
    is_local = built.builder == LOCAL_BUILDER
    builder = "this kind of machine: local" if is_local else built.builder
    return f"{built.request.version} {built.request.image}, built {built.finished_at} by {builder}"


def summarize_layers(statement: Statement) -> str:
    """Return how many layers are locked, and by which commits, in one line."""
    layers = read_provenance(statement).layers
    locked = [layer for layer in layers if layer.locked]
    commits = ", ".join(dict.fromkeys(layer.commit for layer in locked if layer.commit))
    by = f" ({commits})" if commits else " (of no known commit)" if locked else ""
    others = ", ".join(dict.fromkeys(layer.kind for layer in layers if not layer.locked))
    return (
        f"{len(locked)} of {len(layers)} match the digests committed in "
        f"git{by}{f'; not compared: {others}' if others else ''}"
    )


KIND = EvidenceKind(
    "provenance",
    PROVENANCE,
    # not its end: what is assembled again of the same layers is no younger
    (OWN, "debian_taken_at"),
    read_provenance,
    summarize_statement,
    is_required=True,
)
