"""Releases to promote, clients that reach the fake registry without a connection and can be stopped
at every request, and what must be true of production at every moment.
"""

from __future__ import annotations

import copy
import io
import json
import re
import threading
import time as time_of_day
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import requests
from requests.structures import CaseInsensitiveDict

from images.catalog import Repositories
from oci import referrers
from oci.manifest import LAYER_GZIP, OCI_CONFIG, image_manifest, sha256
from oci.registry import Registry
from publish.tags import journal, lock
from publish.tags.decisions import ReadDecisions, TrustedDecision
from publish.tags.journal import list_tags_of, version_order
from publish.tags.production import Production
from publish.tags.promotion_plan import ApprovedImage, TagSet, TransactionOutcome
from publish.tags.transaction import promote_tags
from tests.fakes.registry import FakeRegistry, Fault, State
from tests.publish.signed import P256, journal_seal, marks

REPOSITORIES = Repositories(
    production="production", staging="staging", cache="cache", records="records", journal="journal"
)
IMAGES = ("base", "cv")
SAID, DECIDED = "application/vnd.example.test-result", "application/vnd.example.decision"
LISTED = "application/vnd.example.bill"
MINE = "my machine"

Tags = dict[str, str]


class Clock:
    """Time that passes when somebody waits, and a little with every look."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.meanwhile: Callable[[], object] | None = None

    def sleep(self, seconds: float) -> None:
        """Time passes; in the middle of it, once, something happens."""
        meanwhile, self.meanwhile = self.meanwhile, None
        self.now += seconds / 2
        if meanwhile:
            meanwhile()
        self.now += seconds / 2

    def monotonic(self) -> float:
        self.now += 0.0001  # so that what happens later is later
        return self.now

    time = monotonic
    strftime, gmtime = staticmethod(time_of_day.strftime), staticmethod(time_of_day.gmtime)

    @classmethod
    def rule(cls, monkeypatch: pytest.MonkeyPatch) -> Clock:
        """The lock and all waits go by a new clock."""
        clock = cls()
        monkeypatch.setattr(lock, "time", clock)
        monkeypatch.setattr(time_of_day, "sleep", clock.sleep)
        return clock


class Line(requests.Session):
    """Requests straight to the fake registry.

    Before request number N, `at[N]` happens; `faults[N]` befalls it.
    """

    def __init__(self, fake: FakeRegistry) -> None:
        super().__init__()
        self.fake = fake
        self.step = 0
        self._counting = threading.Lock()
        self.at: dict[int, Callable[[], object]] = {}
        self.faults: dict[int, Fault] = {}
        self.before: Callable[[str, str], None] = lambda method, path: None
        self.after: Callable[[str, str], None] = lambda method, path: None

    def request(  # type: ignore[override] # it takes what the other one takes
        self, method: str, url: str, *_: Any, data: Any = b"", headers: Any = None, **__: Any
    ) -> Any:
        with self._counting:  # blobs are brought side by side
            self.step += 1
            step = self.step
        parts = urlsplit(url)
        self.before(method, parts.path)
        self.at.get(step, lambda: None)()
        if step in self.faults:
            self.fake.faults.append(self.faults[step])
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        body = data if isinstance(data, bytes) else b"".join(data or ())
        try:
            status, said, content = self.fake.answer(method, path, headers or {}, body)
        except ConnectionError as error:
            raise requests.ConnectionError(str(error)) from None
        self.after(method, parts.path)
        return _response(url, status, said, b"" if method == "HEAD" else content)


def _response(
    url: str, status: int, headers: Mapping[str, str], content: bytes
) -> requests.Response:
    answer = requests.Response()
    answer.status_code, answer.url, answer.headers = status, url, CaseInsensitiveDict(headers)
    answer.raw = io.BytesIO(content)
    return answer


def direct(fake: FakeRegistry) -> Registry:
    """A client on a line of its own."""
    client = Registry(fake.host)
    client._session = Line(fake)
    return client


def line(client: Registry) -> Line:
    """The line of a direct client."""
    return cast(Line, client._session)


def at(
    client: Registry, owner: str = MINE, repositories: Repositories = REPOSITORIES
) -> Production:
    """Production as a client sees it."""
    production = repositories.production
    return Production(
        client,
        repositories,
        owner,
        marks(client, production),
        journal_seal(P256),
        read_decisions=by_tags(client, production),
    )


def by_tags(client: Registry, production: str) -> ReadDecisions:
    """A registry where every tag of a version is that of a release: nothing is signed here."""

    def read_decisions(digest: str, _: Sequence[str]) -> tuple[TrustedDecision, ...]:
        named = (re.fullmatch(OWN_TAG, tag) for tag in client.list_tags(production))
        found = {
            (match[1], match[2] or "base")
            for match in named
            if match and client.resolve_digest(production, match[0]) == digest
        }
        return tuple(
            TrustedDecision(version, image, list_tags_of(version, image), "", "")
            for version, image in sorted(found)
        )

    return read_decisions


OWN_TAG = r"(v\d+\.\d+\.\d+(?:-candidate)?)(?:-(base|cv))?"


def tag_set(
    version: str, aliases: Sequence[str] = ("v2.6", "latest"), images: Sequence[str] = IMAGES
) -> TagSet:
    """What a release of line 2.6 puts."""
    return TagSet(version, tuple(images), tuple(aliases))


def candidate(version: str, aliases: Sequence[str] = ()) -> TagSet:
    """What a candidate puts."""
    return TagSet(version, IMAGES, tuple(aliases), candidate=True)


def approved(
    client: Registry,
    version: str,
    images: Sequence[str] = IMAGES,
    repositories: Repositories = REPOSITORIES,
) -> tuple[ApprovedImage, ...]:
    """Small images of a version in staging, each with a bill of materials, a test result and a
    decision.
    """
    return tuple(_approved(client, version, image, repositories.staging) for image in images)


def _approved(client: Registry, version: str, image: str, staging: str) -> ApprovedImage:
    config = client.push_bytes(staging, f'{{"image": "{version} {image}"}}'.encode(), OCI_CONFIG)
    manifest = image_manifest(
        config, [client.push_bytes(staging, b"layer of " + image.encode(), LAYER_GZIP)]
    )
    client.put_manifest(staging, manifest.digest, manifest)
    said = [
        referrers.attach_artifact(
            client, staging, manifest.descriptor, kind, [(kind, kind.encode())], {"image": image}
        )
        for kind in (LISTED, SAID, DECIDED)
    ]
    return ApprovedImage(
        image, manifest.digest, staging, said[-1].digest, tuple(each.digest for each in said)
    )


def released(
    client: Registry, version: str, aliases: Sequence[str] = ("v2.6", "latest"), **named: Any
) -> TransactionOutcome:
    """A release, staged and promoted."""
    images = named.get("images", IMAGES)
    repositories = named.get("repositories", REPOSITORIES)
    approvals = approved(client, version, images, repositories)
    return promote_tags(
        at(client, repositories=repositories), tag_set(version, aliases, images), approvals
    )


def tags(client: Registry, repositories: Repositories = REPOSITORIES) -> Tags:
    """Every tag of production a person would use, and its digest."""
    names = [
        tag for tag in client.list_tags(repositories.production) if not tag.startswith("sha256-")
    ]
    return {tag: client.resolve_digest(repositories.production, tag) or "" for tag in names}


@dataclass
class World:
    """The fake registry between requests, and what is known of the releases that ever were."""

    fake: FakeRegistry
    versions: dict[str, str] = field(default_factory=dict)
    evidence: dict[str, set[str]] = field(default_factory=dict)
    seen: Tags = field(default_factory=dict)

    def restore(self, state: State) -> None:
        """Go back in time."""
        self.fake.restore(state)
        self.seen = self.tags()

    def know(self, version: str, approvals: Sequence[ApprovedImage]) -> None:
        """Remember what a release is, and what must be known about it wherever it is named."""
        client = direct(self.fake)
        for each in approvals:
            found = referrers.list_referrers(client, each.repository, each.digest)
            self.versions[each.digest] = version
            self.evidence[each.digest] = {referrer.descriptor.digest for referrer in found}

    def watch(self, client: Registry, may_go_back: bool = False) -> Registry:
        """The client, checked after each of its requests that puts a tag of production."""

        def check(method: str, path: str) -> None:
            if method == "PUT" and re.fullmatch(r"/v2/production/manifests/[^:]+", path):
                self.check_evidence()
                assert may_go_back or not self.gone_back(self.seen), self.gone_back(self.seen)
                self.seen = self.tags()

        line(client).after = check
        return client

    def tags(self) -> Tags:
        """As `tags`, without a request."""
        held = self.fake.manifests.get(REPOSITORIES.production, {})
        names = list(held.items())
        return {name: sha256(body) for name, (_, body) in names if not name.startswith("sha256")}

    def gone_back(self, before: Tags) -> list[str]:
        """Tags that name an older release than they did."""
        pairs = [
            (tag, self.versions[before[tag]], self.versions[now])
            for tag, now in self.tags().items()
            if tag in before
        ]
        return [
            f"{tag}: {old} -> {new}"
            for tag, old, new in pairs
            if version_order(new) < version_order(old)
        ]

    def check_evidence(self) -> None:
        """No tag of production without all its evidence, and that listed."""
        for tag, digest in self.tags().items():
            missing = self.evidence[digest] - self.listed(digest)
            assert not missing, f"{tag} names {digest} without {missing}"

    def listed(self, digest: str) -> set[str]:
        """The artifacts about a digest that a reader would find in production."""
        held = self.fake.manifests.get(REPOSITORIES.production, {})
        stem = digest.replace(":", "-")
        if self.fake.lists_referrers:
            return {
                name
                for name, (_, body) in held.items()
                if name.startswith("sha256:") and _subject(body) == digest
            }
        marked = {sha256(body) for name, (_, body) in held.items() if name.startswith(f"{stem}.")}
        index = json.loads(held[stem][1])["manifests"] if stem in held else []
        return marked | {entry["digest"] for entry in index}

    def check_journal(self, may_be_open: bool) -> None:
        """Every tag of production is where the journal says; nothing is open unless it may be."""
        kept = journal.read_journal(direct(self.fake), REPOSITORIES.journal).journal
        assert may_be_open or kept.open_transaction is None
        held = self.tags()
        for tag, digest in held.items():
            assert digest in kept.expected_digests(tag), (
                f"{tag} holds {digest}, and the journal says {kept.expected_digests(tag)}"
            )
        for transaction in kept.transactions:
            for entry in transaction.entries:
                assert transaction.is_open or entry.tag in held

    def check_settled(self, aliases: Mapping[str, str]) -> None:
        """Nothing half done: each alias names one release for all images, and the lock is free."""
        self.check_whole(aliases)
        with lock.hold_lock(direct(self.fake), REPOSITORIES.journal, "somebody else"):
            pass

    def check_whole(self, aliases: Mapping[str, str]) -> None:
        """The same, if perhaps with the lock of a dead run."""
        self.check_evidence()
        self.check_journal(may_be_open=False)
        held = self.tags()
        for stem, version in {**aliases, **{each: each for each in self.out()}}.items():
            named = {
                tag: self.versions[digest]
                for tag, digest in held.items()
                if re.fullmatch(rf"{stem}(-base|-cv)?", tag)
            }
            assert len(named) == 3, f"{stem}: {sorted(named)}"
            assert {*named.values()} == {version}, f"{stem}: {named}"

    def out(self) -> set[str]:
        """The releases whose own tags are in production."""
        return {match[0] for tag in self.tags() if (match := re.match(r"v\d+\.\d+\.\d+", tag))}


@cache
def _subject(body: bytes) -> str:
    return str(json.loads(body).get("subject", {}).get("digest", ""))


def states(world: World, run: Callable[[Registry], object]) -> list[State]:
    """What the registry held before each request of a run: what it holds when the run is killed
    there.
    """
    found: list[State] = []
    client = world.watch(direct(world.fake), may_go_back=True)
    line(client).before = lambda method, path: found.append(world.fake.state())
    run(client)
    return found


def requests_of(world: World, run: Callable[[Registry], object]) -> list[str]:
    """`METHOD PATH` of each request of a run."""
    found: list[str] = []
    client = direct(world.fake)
    line(client).before = lambda method, path: found.append(f"{method} {path}")
    run(client)
    world.seen = world.tags()
    return found


class Stopping:
    """A client that begins when it is told, and stops before its request number `step` until it is
    told to go on.
    """

    def __init__(self, fake: FakeRegistry, step: int) -> None:
        self.client = direct(fake)
        self._stopped, self._go = threading.Event(), threading.Event()
        self._thread = threading.Thread()
        line(self.client).at[step] = self._stop

    def begin(
        self, work: Callable[[Registry], object], until: threading.Event | None = None
    ) -> Callable[[], None]:
        """What starts it, and returns when it has stopped or ended, or is as far as `until`."""

        def run() -> None:
            work(self.client)
            self._stopped.set()

        def start() -> None:
            self._thread = threading.Thread(target=run, daemon=True)
            self._thread.start()
            while not (self._stopped.wait(0.01) or (until and until.is_set())):
                assert self._thread.is_alive() or self._stopped.is_set()

        return start

    def go_on(self, until: threading.Event | None = None) -> None:
        """Let it run to its end, or `until` something."""
        self._go.set()
        if until and until.wait(10):
            return
        self._thread.join(10)
        assert not self._thread.is_alive()

    def _stop(self) -> None:
        self._stopped.set()
        assert self._go.wait(10)


def expire(fake: FakeRegistry) -> None:
    """Let every claim of the lock be over."""
    fake.manifests[REPOSITORIES.journal].pop(lock.TAG, None)


def dying(client: Registry, step: int) -> Registry:
    """Another client of the same registry that is dead from its request number `step` on."""
    other = copy.copy(client)
    left = iter(range(1, step))

    def call(*args: Any, **named: Any) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return client._send_request(*args, **named)

    other._send_request = call  # type: ignore[method-assign] # a fault is injected
    return other
