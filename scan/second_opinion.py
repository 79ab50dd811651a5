"""A second opinion on Python packages: the advisories of a service with the API of OSV.

Trivy reads one source of advisories for Python packages. OSV has that one and others, such as the
Python Packaging Authority's. What only OSV knows is listed for people. It decides nothing: it can
refuse nothing and let nothing pass. If the service does not answer, one line says so.

The service gets the names and versions of packages, and nothing else. What it answers is untrusted.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import requests
from packaging.utils import canonicalize_name
from packaging.version import Version
from pydantic import Field, Strict, TypeAdapter, ValidationError
from urllib3.exceptions import HTTPError

from oci import diagnosis, transport
from oci.deadline import Deadline
from oci.login import LOOPBACK, FixedHeader
from runner import settings
from runner.errors import ReleaseError
from runner.nouns import count_noun
from runner.untrusted import SCHEMA_VALUES, Malformed, clean_line, parse_json
from scan.record import Finding, Package
from scan.versions import read_python_version

PUBLIC = "https://api.osv.dev"
OFF = "off"
WHOLE_S = 90.0
"""Seconds for all requests together."""
BATCH = 500
"""Packages of one request; OSV takes 1000."""
MAX_ANSWER_BYTES = 8 << 20
MAX_LOOKED_UP = 300
"""Advisories whose details are asked for, one request each."""
MAX_LISTED = 3000
"""Advisories of packages in a record."""
MAX_RANGES = 2000
"""Packages of an advisory, and events of all its ranges about one of them, that are read."""
MAX_FIXES = 100
"""Versions with a fix of one package in one advisory."""
MAX_NAMED = 20
"""Advisories that are named in lines for a person; the record has all."""

_ID = re.compile(r"[A-Za-z][A-Za-z0-9]{1,15}-[A-Za-z0-9-]{1,40}")
_ADDRESS = re.compile(r"https?://[A-Za-z0-9._:\[\]-]{1,253}(?:/[A-Za-z0-9._~/-]{0,500})?")

_Text = Annotated[str, Strict()]
T = TypeVar("T")
_Fixes = Mapping[str, Set[Version]]
PackageVersion = tuple[str, str]
"""Name (PEP 503) and public version of a Python package."""


@dataclass(frozen=True)
class OtherAdvisory:
    """An advisory that Trivy did not report for a package.

    `id` is its CVE if it has one, `aliases` are its other ids; `fixed_version` is empty if none is
    known. `images` are those that hold the package, as `v2.6.0 cv`.
    """

    id: str
    aliases: tuple[str, ...]
    package: str
    version: str
    fixed_version: str
    title: str
    images: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it in one line."""
        names = f" ({', '.join(self.aliases)})" if self.aliases else ""
        fix = f"fixed in {self.fixed_version}" if self.fixed_version else "no fix is known"
        where = f"; in {', '.join(self.images)}" if self.images else ""
        title = f": {self.title}" if self.title else ""
        return f"{self.id}{names} in {self.package} {self.version}, {fix}{where}{title}"


@dataclass(frozen=True)
class SecondOpinion:
    """The answer of a second source of advisories about `packages` Python packages.

    `source` is its address. `problem` is why it said nothing, or not all; empty if it said all.
    """

    source: str
    packages: int
    advisories: tuple[OtherAdvisory, ...] = ()
    problem: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """Lines for a person: each advisory that only it knows, or that there is none."""
        about = f"{count_noun(self.packages, 'Python package')}"
        head = f"second opinion of {self.source or 'another source'} on {about}"
        none = () if self.advisories or self.problem else (f"{head}: nothing more is known",)
        named = tuple(f"{head}: only it knows {each}" for each in self.advisories[:MAX_NAMED])
        more = len(self.advisories) - MAX_NAMED
        rest = (f"{head}: {more:,} more, in the record",) if more > 0 else ()
        missing = (f"{head}: {self.problem}; this stops nothing",) if self.problem else ()
        return (*none, *named, *rest, *missing)


@dataclass(frozen=True)
class AssessedImage:
    """The packages of an image, and what Trivy found; `name` is shown, as `v2.6.0 cv`."""

    name: str
    packages: Sequence[Package]
    findings: Sequence[Finding]


def configured_service() -> str:
    """Return the address of the service in the environment, OSV's own if it names none."""
    return settings.ENVIRON.get(settings.OSV, "") or PUBLIC


def ask_opinion(address: str, images: Sequence[AssessedImage]) -> SecondOpinion:
    """Return what the service at `address` knows of Python packages and Trivy does not report.

    Raises nothing: what goes wrong is in the result. `OFF` as the address asks nothing.
    """
    held = _collect_packages(images)
    if address == OFF:
        return SecondOpinion("", len(held), problem=f"not asked, because {settings.OSV} is `{OFF}`")
    parts = None
    with contextlib.suppress(ValueError):  # such as `[` without its end
        parts = urlsplit(address) if _ADDRESS.fullmatch(address) else None
    if not parts or (parts.scheme != "https" and parts.hostname not in LOOPBACK):
        # the address is not shown: it may hold a password
        problem = (
            f"not asked, because {settings.OSV} is not https://HOST without a user or password"
        )
        return SecondOpinion("", len(held), problem=problem)
    client, whole = _OsvClient(address.rstrip("/") + "/"), Deadline(WHOLE_S)
    try:
        with whole, whole.attach_to_thread():
            known: set[tuple[str, str]] = {
                (canonicalize_name(each.package), each.id)
                for image in images
                for each in image.findings
            }
            advisories, left = _find_advisories(client, held, known)
    except (requests.RequestException, HTTPError, ValueError, OSError) as error:
        failed = diagnosis.no_answer_error("it gave none", client.host, error, whole).message
        return SecondOpinion(address, len(held), problem=clean_line(failed))
    except (ReleaseError, Malformed) as error:
        failed = error.message if isinstance(error, ReleaseError) else str(error)
        return SecondOpinion(address, len(held), problem=clean_line(f"it gave none: {failed}"))
    named = tuple(replace(each, images=held[each.package, each.version]) for each in advisories)
    return SecondOpinion(address, len(held), named, left)


def _collect_packages(images: Iterable[AssessedImage]) -> dict[PackageVersion, tuple[str, ...]]:
    """Return the images that hold each Python package."""
    held: dict[PackageVersion, list[str]] = {}
    for image in images:
        found: dict[PackageVersion, None] = {}
        for each in (each for each in image.packages if each.type == "pypi"):
            if version := read_python_version(each.version):  # as an index has it, without `+cu124`
                found[canonicalize_name(each.name), version.public] = None
        for key in found:
            held.setdefault(key, []).append(image.name)
    return {key: tuple(names) for key, names in sorted(held.items())}


# The API of OSV: google.github.io/osv.dev/api. Only the parts that are used here have a shape.


@dataclass(frozen=True)
class _OsvId:
    id: _Text


@dataclass(frozen=True)
class _OsvMatches:
    vulns: list[_OsvId] = field(default_factory=list)
    next_page_token: _Text = ""


@dataclass(frozen=True)
class _OsvBatch:
    results: list[_OsvMatches]


@dataclass(frozen=True)
class _OsvPackage:
    name: _Text = ""
    ecosystem: _Text = ""


@dataclass(frozen=True)
class _OsvRange:
    events: list[dict[_Text, _Text]] = field(default_factory=list)
    type: _Text = ""


@dataclass(frozen=True)
class _OsvAffected:
    package: _OsvPackage = field(default_factory=_OsvPackage)
    ranges: list[_OsvRange] = field(default_factory=list)


@dataclass(frozen=True)
class _OsvAdvisory:
    id: _Text
    aliases: Annotated[list[_Text], Field(max_length=100)] = field(default_factory=list)
    summary: _Text = ""
    details: _Text = ""
    withdrawn: _Text | None = None
    affected: list[_OsvAffected] = field(default_factory=list)


_BATCH, _ADVISORY = TypeAdapter(_OsvBatch), TypeAdapter(_OsvAdvisory)


class _OsvClient:
    """Requests to a service with the API of OSV. It follows no redirect."""

    def __init__(self, base: str) -> None:
        self.host = urlsplit(base).netloc
        self._base = base
        self._session: requests.Session | None = None

    def find_ids(self, keys: Sequence[PackageVersion]) -> _OsvBatch:
        """Return the ids of the advisories about each package, in their order."""
        queries = [
            {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
            for name, version in keys
        ]
        found = self._ask(_BATCH, "POST", "v1/querybatch", json.dumps({"queries": queries}))
        if len(found.results) != len(keys):
            packages = count_noun(len(keys), "package")
            raise Malformed(f"{count_noun(len(found.results), 'result')} came for {packages}")
        return found

    def read_advisory(self, id_: str) -> _OsvAdvisory:
        """Return an advisory."""
        return self._ask(_ADVISORY, "GET", f"v1/vulns/{id_}")

    def _ask(self, shape: TypeAdapter[T], method: str, path: str, body: str | None = None) -> T:
        """Return the answer to a request. Raises Malformed if it cannot be used."""
        if self._session is None:
            self._session = transport.make_session(self.host, self._base)
        answer = self._session.request(
            method,
            self._base + path,
            data=body,
            headers={"Content-Type": "application/json"},
            auth=FixedHeader(""),  # none of `~/.netrc`
            timeout=transport.TIMEOUT_S,
            allow_redirects=False,
            stream=True,
        )
        fits = transport.read_body(answer, MAX_ANSWER_BYTES)
        if answer.status_code != 200:
            raise Malformed(f"the answer to {method} /{path} was {answer.status_code}")
        if not fits:
            raise Malformed(
                f"the answer to {method} /{path} has more than {MAX_ANSWER_BYTES} bytes"
            )
        try:
            read: Any = parse_json(answer.content, MAX_ANSWER_BYTES, SCHEMA_VALUES)
            return shape.validate_python(read)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise Malformed(f"{method} /{path}: `{where}`: {first['msg']}") from None


def _find_advisories(
    client: _OsvClient, held: Iterable[PackageVersion], known: set[tuple[str, str]]
) -> tuple[tuple[OtherAdvisory, ...], str]:
    """Return the advisories that are not `known`, and what was left out, empty if nothing was."""
    matched, left = _match_packages(client, tuple(held))
    unknown = {
        key: [each for each in ids if (key[0], each) not in known] for key, ids in matched.items()
    }
    wanted = list(dict.fromkeys(each for ids in unknown.values() for each in ids))
    details = {each: client.read_advisory(each) for each in wanted[:MAX_LOOKED_UP]}
    if len(wanted) > MAX_LOOKED_UP:
        left = f"not looked up: {len(wanted) - MAX_LOOKED_UP:,} of its advisories"
    fixes = {id_: _list_fixes(advisory) for id_, advisory in details.items()}
    found = (_describe_unknown(key, ids, details, fixes, known) for key, ids in unknown.items())
    listed = tuple(itertools.islice(itertools.chain.from_iterable(found), MAX_LISTED + 1))
    if len(listed) > MAX_LISTED:
        left = f"it has more than {MAX_LISTED:,} advisories, and the others are left out"
    return listed[:MAX_LISTED], left


def _match_packages(
    client: _OsvClient, keys: Sequence[PackageVersion]
) -> tuple[dict[PackageVersion, list[str]], str]:
    """Return the ids about each package, and what was left out. Raises Malformed for no id."""
    matched, left = dict[PackageVersion, list[str]](), ""
    for start in range(0, len(keys), BATCH):
        part = keys[start : start + BATCH]
        for key, match in zip(part, client.find_ids(part).results, strict=True):
            matched[key] = [each.id for each in match.vulns]
            if match.next_page_token:
                left = f"it has more advisories about {key[0]} {key[1]} than one answer holds"
    if wrong := [each for ids in matched.values() for each in ids if not _ID.fullmatch(each)]:
        raise Malformed(f"`{clean_line(wrong[0], 60)}` is not the id of an advisory")
    return matched, left


def _describe_unknown(
    key: PackageVersion,
    ids: Iterable[str],
    details: Mapping[str, _OsvAdvisory],
    fixes: Mapping[str, _Fixes],
    known: set[tuple[str, str]],
) -> Iterator[OtherAdvisory]:
    """Yield the advisories about a package that have no name which Trivy reports, each once."""
    seen = set[str]()
    for id_ in (each for each in ids if each in details):
        advisory = details[id_]
        every = {id_, *advisory.aliases}
        is_known = any((key[0], each) in known for each in every)
        if advisory.withdrawn is None and not is_known and not every & seen:
            yield _describe_advisory(key, id_, advisory, fixes[id_].get(key[0], ()))
        seen |= every


def _describe_advisory(
    key: PackageVersion, id_: str, advisory: _OsvAdvisory, fixes: Iterable[Version]
) -> OtherAdvisory:
    """Return an advisory about a package; `id_` is the one that was asked for, and checked."""
    name, version = key
    names = sorted({id_, *(each for each in advisory.aliases if _ID.fullmatch(each))})
    first = next((each for each in names if each.startswith("CVE-")), id_)
    installed = read_python_version(version)
    above = [each for each in fixes if installed is not None and each > installed]
    return OtherAdvisory(
        id=first,
        aliases=tuple(each for each in names if each != first),
        package=name,
        version=version,
        fixed_version=str(min(above)) if above else "",
        title=clean_line((advisory.summary or advisory.details).partition("\n")[0], 120),
    )


def _list_fixes(advisory: _OsvAdvisory) -> _Fixes:
    """Return the versions with a fix, by the package; read once, as many packages may ask."""
    found: dict[str, set[Version]] = {}
    for affected in advisory.affected[:MAX_RANGES]:
        if affected.package.ecosystem != "PyPI":
            continue
        fixes = found.setdefault(canonicalize_name(affected.package.name), set())
        events = (event for one in affected.ranges for event in one.events)
        for each in itertools.islice(events, MAX_RANGES):
            # not one of a range by commits
            fixed = read_python_version(each.get("fixed", ""))
            if fixed is not None and len(fixes) < MAX_FIXES:
                fixes.add(fixed)
    return found
