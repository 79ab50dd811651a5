"""A registry that answers anything: every answer is taken, or is one RegistryError with exit code 3
in bounded time.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oci import deadline, diagnosis, login, transport, upload
from oci.copying import copy_contents
from oci.manifest import (
    MAX_MANIFEST_BYTES,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Manifest,
    image_manifest,
    parse_descriptor,
    parse_manifest,
    sha256,
)
from oci.referrers import attach_artifact, list_referrers
from oci.registry import Registry, RegistryError
from runner.errors import ConfigError
from runner.untrusted import Malformed
from tests.fakes.refusal import refused
from tests.fakes.registry import ALWAYS, FakeRegistry, Fault

GOOD = "sha256:" + "a" * 64
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([GOOD, OCI_MANIFEST, "x/y"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
ENTRY = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("mediaType", "digest", "size", "annotations"), JSON)
)
CONTENT = st.fixed_dictionaries(
    {},
    optional={
        "config": ENTRY | JSON,
        "layers": st.lists(ENTRY, max_size=3) | JSON,
        "manifests": st.lists(ENTRY, max_size=3) | JSON,
        **dict.fromkeys(
            ("subject", "annotations", "artifactType", "mediaType", "tags", "errors"), JSON
        ),
    },
)
ANY = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def fake(fake: FakeRegistry, without_sleep: None) -> FakeRegistry:
    """The registry, to clients that do not wait; other servers of this file need to sleep."""
    return fake


# Parsing


@ANY
@given(st.binary(max_size=200) | CONTENT.map(lambda each: json.dumps(each).encode()))
def test_any_bytes_are_a_manifest_or_malformed(body: bytes) -> None:
    try:
        found = parse_manifest(body, OCI_MANIFEST)
    except Malformed:
        return
    assert all(isinstance(blob.size, int) and blob.size >= 0 for blob in found.parse_blobs())
    assert isinstance(found.subject_digest + found.artifact_type, str)
    assert all(isinstance(text, str) for text in found.annotations.values())


@ANY
@given(ENTRY | JSON)
def test_anything_is_a_descriptor_or_malformed(entry: Any) -> None:
    try:
        found = parse_descriptor(entry)
    except Malformed:
        return
    assert (len(found.digest), found.size >= 0) == (71, True)


@pytest.mark.parametrize(
    "size", [-1, True, 1.5, "7", None, 1 << 60, 10**400], ids=lambda each: repr(each)[:12]
)
def test_a_size_that_is_none(size: object) -> None:
    with pytest.raises(Malformed, match="size in bytes"):
        parse_descriptor({"mediaType": "x/y", "digest": GOOD, "size": size})


@pytest.mark.parametrize(
    "digest", ["", "sha256:0", GOOD + "\n", GOOD.upper(), "../../v2", "sha512:" + "a" * 128, 5]
)
def test_a_digest_that_is_none(client: Registry, digest: Any) -> None:
    with pytest.raises(Malformed, match="sha256 digest"):
        parse_descriptor({"mediaType": "x/y", "digest": digest, "size": 1})
    if isinstance(digest, str):
        for ask in (client.has_blob, client.read_blob, client.list_referrers):
            with refused(RegistryError, "not a sha256 digest"):
                ask("r", digest)


@pytest.mark.parametrize("reference", ["", "a b", "../x", "x/y", "?n=1", "v1\n", "x" * 129])
def test_a_reference_that_is_none_is_not_asked_for(
    fake: FakeRegistry, client: Registry, reference: str
) -> None:
    for ask in (client.read_manifest, client.resolve_digest):
        with refused(RegistryError, "neither a digest nor a tag"):
            ask("r", reference)
    assert fake.requests == []


@pytest.mark.parametrize("repository", ["", "A", "a//b", "a/../b", "a?b", "a..b", "x" * 256])
def test_a_repository_that_is_none_is_wrong_usage(
    fake: FakeRegistry, client: Registry, repository: str
) -> None:
    with refused(ConfigError, "not the name of a repository"):
        client.list_tags(repository)
    assert fake.requests == []


def test_an_account_in_the_address_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as caught:
        Registry("somebody:secret@registry.example")
    assert "secret" not in str(caught.value)


# What is served


@ANY
@given(body=st.binary(max_size=60) | CONTENT.map(lambda each: json.dumps(each).encode()))
def test_whatever_is_served_is_used_or_named(fake: FakeRegistry, body: bytes) -> None:
    client = Registry(fake.host)
    digest = sha256(body)
    fake.manifests["r"] = dict.fromkeys(("v1", digest, "sha256-" + "a" * 64), (OCI_MANIFEST, body))
    for ask in (
        lambda: client.read_manifest("r", "v1"),
        lambda: copy_contents(client, "r", "to", digest),
        lambda: list_referrers(client, "r", GOOD),
    ):
        try:
            ask()
        except RegistryError as error:
            assert error.exit_code == 3
            assert "\n" not in error.message


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"3", b"[" * 100_000, b'{"a":1,"a":2}', b"{}"], ids=lambda b: b[:9]
)
def test_what_is_no_manifest_is_named(fake: FakeRegistry, client: Registry, body: bytes) -> None:
    fake.manifests["r"] = {"v1": (OCI_MANIFEST, body)}
    with refused(RegistryError, "r v1: does not follow the OCI specification"):
        client.read_manifest("r", "v1")
    with pytest.raises(RegistryError) as caught:
        client.read_manifest("r", "v1")
    assert "run the same command again" not in caught.value.hint


def test_a_manifest_that_is_too_large_is_not_read(fake: FakeRegistry, client: Registry) -> None:
    fake.manifests["r"] = {"v1": (OCI_MANIFEST, b" " * (MAX_MANIFEST_BYTES + 1))}
    with refused(RegistryError, "more than"):
        client.read_manifest("r", "v1")


def test_indexes_that_are_nested_without_end(fake: FakeRegistry, client: Registry) -> None:
    inner = Manifest(b'{"manifests":[]}', OCI_INDEX)
    held = fake.manifests.setdefault("r", {})
    for _ in range(9):
        held[inner.digest] = (OCI_INDEX, inner.body)
        inner = Manifest(
            json.dumps({"manifests": [inner.descriptor.as_dict()]}).encode(), OCI_INDEX
        )
    held[inner.digest] = (OCI_INDEX, inner.body)
    with refused(RegistryError, "nested deeper"):
        copy_contents(client, "r", "to", inner.digest)


HEADERS = [
    "",
    "http://[zz",
    "//[",
    "ht tp://x",
    "x" * 9000,
    "9" * 5000,
    "-1",
    "\x85",
    "javascript:1",
    "http://:99999/",
]


@pytest.mark.parametrize("said", HEADERS, ids=lambda each: each[:12])
@pytest.mark.parametrize(
    "name",
    ["Location", "Link", "Retry-After", "Docker-Content-Digest", "OCI-Chunk-Min-Length", "Range"],
)
def test_headers_that_say_anything(
    fake: FakeRegistry, client: Registry, name: str, said: str
) -> None:
    link = {"Link": f'<{said}>; rel="next"'} if name == "Link" else {name: said}
    blob = Descriptor("x/y", sha256(b"data"), 4)
    fake.put("from", b"data")
    for method in ("GET", "HEAD", "POST", "PUT"):
        fake.fail(Fault(method, "", headers=link, unmounted=method == "POST"))
    for ask in (
        lambda: client.list_tags("from"),
        lambda: client.push_bytes("r", b"data", "x/y"),
        lambda: client.ensure_blob("to", blob, "from"),
        lambda: client.put_manifest("r", "v1", image_manifest(blob, [])),
        lambda: client.resolve_digest("r", "v1"),
    ):
        try:
            ask()
        except RegistryError as error:
            assert error.exit_code == 3


@pytest.mark.parametrize("ask", ["tags", "referrers"])
def test_pages_of_rubbish_have_a_bound_together(
    fake: FakeRegistry, client: Registry, monkeypatch: pytest.MonkeyPatch, ask: str
) -> None:
    """Each is small enough, and has one entry: they are counted by their bytes too."""
    monkeypatch.setattr("oci.registry.MAX_LIST_BYTES", 1 << 20)
    body = json.dumps({"tags": ["x" * 300_000], "manifests": [3]}).encode()
    headers = {"Link": '</v2/r/tags/list?n=1>; rel="next"'}
    if ask == "referrers":
        headers = {"Link": f'</v2/r/referrers/{GOOD}>; rel="next"'}
    fake.lists_referrers = True
    fake.manifests["r"] = {}
    fake.fail(Fault("GET", ask, headers=headers, body=body))
    if ask == "tags":
        assert (client.list_tags("r"), client.has_cut_list("r")) == ((), True)
    else:
        assert client.list_referrers("r", GOOD) == []
    assert fake.count("GET", ask) == 4


def test_a_list_of_tags_that_is_too_long_is_cut_and_hides_no_sealed_evidence(
    fake: FakeRegistry, client: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """130,000 long names in one answer, as Distribution 2.8 gives it."""
    config = client.push_bytes("r", b"{}", "application/vnd.oci.empty.v1+json")
    subject = image_manifest(config, [])
    client.put_manifest("r", "v1", subject)
    made = attach_artifact(client, "r", subject.descriptor, "a/b", [("a/b", b"x")], {})
    client.list_tags("r")
    assert not client.has_cut_list("r")
    body = json.dumps({"tags": [f"{number:0128}" for number in range(130_000)]}).encode()
    assert len(body) > transport.MAX_ANSWER_BYTES
    fake.fail(Fault("GET", "tags", body=body, times=ALWAYS))
    other = Registry(fake.host)
    for _ in range(2):
        assert (other.list_tags("r"), other.has_cut_list("r")) == ((), True)
    (found,) = list_referrers(other, "r", subject.digest)
    assert found.descriptor == made
    assert capsys.readouterr().err.count("too many tags to list") == 1


def test_of_a_list_only_what_is_used_is_kept(fake: FakeRegistry, client: Registry) -> None:
    entry = {"mediaType": "x/y", "digest": GOOD, "size": 1, "artifactType": "a/b"}
    junk: list[Any] = [[[]] * 10, {}, None, {**entry, "digest": "x"}]
    listed = {**entry, "more": [[]] * 10, "annotations": {"a": "b", "c": [1]}}
    fake.lists_referrers = True
    body = json.dumps({"manifests": [*junk, listed], "tags": [*junk, "v1", "-"]}).encode()
    fake.fail(Fault("GET", "", body=body))
    fake.manifests["r"] = {}
    assert client.list_referrers("r", GOOD) == [{**entry, "annotations": {"a": "b"}}]
    assert client.list_tags("r") == ("v1",)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_that_leads_nowhere(fake: FakeRegistry, client: Registry, status: int) -> None:
    nowhere = (
        "http://[zz",
        "ftp://x/",
        "file:///etc/passwd",
        "http://x:99999/",
        "http://a..b/",
        "http://me:secret@x:0/",
    )
    for where in ("/v2/r/manifests/v1", *nowhere):
        fake.heal()
        fake.fail(Fault("GET", "", status=status, headers={"Location": where}))
        with refused(RegistryError, "sends the request on", "sends requests elsewhere") as caught:
            client.read_manifest("r", "v1")
        assert "secret" not in str(caught)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "not valid HTTP"),
        (
            b"200 OK\r\nContent-Length: 4\r\nContent-Encoding: gzip\r\n\r\nzzzz",
            "not valid HTTP",
        ),
        (b"304 Not Modified\r\n\r\n", "proxy or cache"),
        (b"101 Switching Protocols\r\n\r\n", "is not a registry"),
    ],
    ids=["two lengths", "no gzip", "304", "101"],
)
def test_what_would_be_answered_so_again_is_not_to_be_asked_again(
    server: Callable[[Callable[[socket.socket], None]], Registry], answer: bytes, words: str
) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 " + answer)
        connection.close()

    with pytest.raises(RegistryError) as caught:
        server(serve).ping()
    assert words in f"{caught.value.message} {caught.value.hint}"
    assert "run the same command again" not in caught.value.hint


# What it says of an error


@pytest.mark.parametrize(
    ("method", "status", "code", "words"),
    [
        ("PUT", 404, "NAME_UNKNOWN", "create the repository `r` in the registry"),
        ("PUT", 400, "ImageTagAlreadyExistsException", "exclude the tags that move"),
        ("PUT", 412, "configured as immutable", "exclude the tags that move"),
        (
            "PUT",
            409,
            "tag v1 already exists and cannot be overwritten",
            "exclude the tags that move",
        ),
        ("PUT", 400, "MANIFEST_BLOB_UNKNOWN", "the registry lost something"),
        ("PUT", 413, "", "raise the largest request"),
        ("PUT", 422, "", "it will refuse the same request again"),
        ("PUT", 405, "", "it will refuse the same request again"),
    ],
)
def test_a_hint_that_can_help(  # noqa: PLR0917 - a case
    fake: FakeRegistry,
    client: Registry,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    status: int,
    code: str,
    words: str,
) -> None:
    made = image_manifest(client.push_bytes("r", b"{}", "x/y"), [])
    monkeypatch.setattr("tests.fakes.registry.json.dumps", lambda *_: code)
    fake.fail(Fault(method, "manifests", status=status))
    with refused(RegistryError, words, str(status)):
        client.put_manifest("r", "v1", made)


def test_an_error_is_cleaned_and_cut(
    fake: FakeRegistry, client: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "\x1b[31m::error::x\n" + "y" * 200_000
    monkeypatch.setattr("tests.fakes.registry.json.dumps", lambda *_: said)
    fake.fail(Fault("GET", "", status=418))
    with refused(RegistryError, "418"):
        client.ping()
    with pytest.raises(RegistryError) as caught:
        client.ping()
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize("wait", ["Fri, 31 Dec 99999 23:59:59 GMT", "soon", "-1"])
def test_a_wait_that_is_none_is_not_told(fake: FakeRegistry, client: Registry, wait: str) -> None:
    fake.fail(Fault("HEAD", "", status=429, headers={"Retry-After": wait}))
    with pytest.raises(RegistryError) as caught:
        client.resolve_digest("r", "v1")
    assert caught.value.message.endswith("the registry answered 429")


def test_no_secret_of_an_address_is_shown() -> None:
    for text in (
        "https://me:secret@x.example/v2/?token=secret",
        "Failed to parse: http://me:secret@[zz",
    ):
        assert "secret" not in diagnosis.without_secrets(text)
    for address in ("https://me:secret@x.example/v2/?token=secret", "http://me:secret@[zz"):
        assert "secret" not in diagnosis.show_address(address)


# Time


@pytest.fixture
def server() -> Iterator[Callable[[Callable[[socket.socket], None]], Registry]]:
    """A registry that does with each connection what it is told."""
    opened = socket.create_server(("127.0.0.1", 0))

    def started(serve: Callable[[socket.socket], None]) -> Registry:
        def run() -> None:
            while True:
                try:
                    connection, _ = opened.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=run, daemon=True).start()
        return Registry(f"127.0.0.1:{opened.getsockname()[1]}")

    yield started
    opened.close()


def silent(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    time.sleep(30)
    connection.close()


def slow_head(connection: socket.socket) -> None:
    """A byte now and then, which renews the wait for the next."""
    connection.recv(1 << 16)
    for _ in range(300):
        try:
            connection.sendall(b"H")
        except OSError:
            return
        time.sleep(0.1)


def slow_body(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    slow_head(connection)


def endless_body(connection: socket.socket) -> None:
    """One without a length: that it was cut looks like its end."""
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    slow_head(connection)


def negative_length(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\n")
    slow_head(connection)


@pytest.mark.parametrize(
    ("serve", "ask"),
    [
        (each, ask)
        for each in (endless_body, negative_length, silent, slow_head, slow_body)
        for ask in ("manifest", "blob", "push")
        if ask != "push" or each in (silent, slow_head)  # the first request of a push has no body
    ],
)
def test_the_whole_time_is_bounded(
    server: Callable[[Callable[[socket.socket], None]], Registry],
    monkeypatch: pytest.MonkeyPatch,
    serve: Callable[[socket.socket], None],
    ask: str,
) -> None:
    for name, value in (("WHOLE_S", 1.0), ("SLOWEST_BYTES_PER_S", 1 << 40)):
        monkeypatch.setattr(transport, name, value)
    client = server(serve)
    asks: dict[str, Callable[[], object]] = {
        "manifest": lambda: client.read_manifest("r", "v1"),
        "blob": lambda: client.read_blob("r", GOOD, 1000),
        "push": lambda: client.push_bytes("r", b"data", "x/y"),
    }
    started = time.monotonic()
    with refused(RegistryError, "within 1 s"):
        asks[ask]()
    with refused(RegistryError, "not sent"):
        client.ping()
    assert time.monotonic() - started < 4


def lead_on(status: bytes) -> Callable[[socket.socket], None]:
    """An answer whose body never ends, which then leads to one whose head never ends."""

    def serve(connection: socket.socket) -> None:
        asked = connection.recv(1 << 16)
        if b"/hop" not in asked:
            port = connection.getsockname()[1]
            where = b"http://127.0.0.1:%d/v2/hop" % port
            login = b'WWW-Authenticate: Bearer realm="%s"\r\n' % where
            connection.sendall(b"HTTP/1.1 %s x\r\nLocation: %s\r\n%s\r\n" % (status, where, login))
        slow_head(connection)

    return serve


@pytest.mark.parametrize("status", [b"302", b"401"])
def test_after_the_end_of_its_time_a_request_goes_nowhere(
    server: Callable[[Callable[[socket.socket], None]], Registry],
    monkeypatch: pytest.MonkeyPatch,
    status: bytes,
) -> None:
    """Neither by a redirect nor by a login, which would be new connections that nobody cuts."""
    monkeypatch.setattr(transport, "WHOLE_S", 1.0)
    client = server(lead_on(status))
    started = time.monotonic()
    with refused(RegistryError, "within 1 s"):
        client.read_manifest("r", "v1")
    assert time.monotonic() - started < 4


def test_no_connection_is_made_or_used_after_the_end() -> None:
    with deadline.Deadline(0) as over, over.attach_to_thread():
        one, other = socket.socketpair()
        with pytest.raises(TimeoutError):
            over.note_connection(one)
        assert other.recv(1) == b"", "it was shut"
        one.close()
        other.close()


def test_a_name_with_many_addresses_has_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them takes the connection: their queues are full."""
    monkeypatch.setattr(transport, "WHOLE_S", 2.0)
    kept: list[socket.socket] = []
    first = socket.create_server(("127.0.0.2", 0), backlog=0)
    port = first.getsockname()[1]
    servers = [first, *(_full_server(f"127.0.0.{last}", port) for last in range(3, 9))]
    for each in servers:
        for _ in range(4):
            caller = socket.socket()
            caller.setblocking(False)
            caller.connect_ex(each.getsockname())
            kept.append(caller)
    real = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **named: Any) -> Any:
        if host != "store.test":
            return real(host, *args, **named)
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, each.getsockname()) for each in servers * 500]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with FakeRegistry() as fake:
        where = {"Location": f"http://store.test:{port}/x"}
        fake.fail(Fault("GET", "manifests", status=307, headers=where))
        started = time.monotonic()
        with refused(RegistryError, "within 2 s"):
            Registry(fake.host).read_manifest("r", "v1")
        assert time.monotonic() - started < 5
    for each in (*kept, *servers):
        each.close()


def test_a_name_with_many_addresses_of_ipv6_is_reached_by_ipv4(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A machine without IPv6 is told of them first all the same."""
    real, far = socket.getaddrinfo, [f"fe80::{number}" for number in range(1, 9)]

    def resolve(host: Any, port: Any, *args: Any, **named: Any) -> Any:
        if host != "store.test":
            return real(host, port, *args, **named)
        kind = (socket.SOCK_STREAM, 6, "")
        there = (socket.AF_INET, *kind, ("127.0.0.1", port))
        return [*((socket.AF_INET6, *kind, (each, port, 0, 0)) for each in far), there]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with FakeRegistry() as fake, FakeRegistry() as store:
        made = image_manifest(Registry(store.host).push_bytes("r", b"{}", "x/y"), [])
        Registry(store.host).put_manifest("r", "v1", made)
        where = f"http://store.test:{store.host.partition(':')[2]}/v2/r/manifests/v1"
        fake.fail(Fault("GET", "manifests", status=307, headers={"Location": where}))
        found = Registry(fake.host).read_manifest("r", "v1")
    assert found == made


def _full_server(host: str, port: int) -> socket.socket:
    return socket.create_server((host, port), backlog=0)


HEADS = {
    "a long challenge": [b"WWW-Authenticate: Bearer " + b"a" * 60_000],
    "many challenges": [b"WWW-Authenticate: Bearer " + b"a" * 15_000] * 100,
    "a folded type": [b'Content-Type: multipart/x;"' + b";" * 15_000, *[b" " + b";" * 15_000] * 3],
    "a long type": [b'Content-Type: multipart/x;"' + b";" * 65_000],
}


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("status", [b"401", b"404"])
def test_the_head_of_an_answer_is_bounded(
    server: Callable[[Callable[[socket.socket], None]], Registry],
    monkeypatch: pytest.MonkeyPatch,
    head: str,
    status: bytes,
) -> None:
    """Its parsers need time that no deadline can cut."""

    def serve(connection: socket.socket) -> None:
        lines = b"\r\n".join([b"HTTP/1.1 %s x" % status, b"Content-Length: 0", *HEADS[head]])
        with contextlib.suppress(OSError):
            while connection.recv(1 << 16):
                connection.sendall(lines + b"\r\n\r\n")

    client = server(serve)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    used = time.process_time()
    with refused(RegistryError, "not valid HTTP"):
        client.read_manifest("r", "v1")
    assert time.process_time() - used < 2


def test_a_challenge_is_read_in_linear_time() -> None:
    started = time.process_time()
    for text in ("a" * 16_000, 'a="' * 5_000, "a=" * 8_000):
        login._WORD.findall(text)
    assert time.process_time() - started < 0.5
    words = dict(login._WORD.findall('Bearer realm="https://x/t",service="y",scope="a:b:c"'))
    assert words == {"realm": "https://x/t", "service": "y", "scope": "a:b:c"}


def test_what_is_waited_for_is_time_of_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait that is longer than what is left of the deadline is not granted."""
    monkeypatch.setattr(transport, "WHOLE_S", 1.9)
    with FakeRegistry() as fake:
        fake.fail(Fault("GET", "", status=503, headers={"Retry-After": "1"}))
        with refused(RegistryError, "503", "asks to wait (1)"):
            Registry(fake.host).ping()
        assert fake.count("GET", "") == 2


def test_the_bound_grows_with_what_is_moved() -> None:
    assert transport.seconds_for(0) == transport.WHOLE_S <= 120
    assert transport.seconds_for(upload.CHUNK_BYTES) > 300


# Logging in


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"3",
        b"null",
        b"[" * 9999,
        b'{"token": 3}',
        b'{"token": "a\\nb"}',
        b'{"token": null}',
    ],
    ids=lambda body: body[:16].decode(),
)
def test_a_token_service_that_answers_anything(fake: FakeRegistry, body: bytes) -> None:
    realm = {
        "WWW-Authenticate": (
            f'Bearer realm="http://me:secret@{fake.host}/v2/t/manifests/token",service="s"'
        )
    }
    fake.manifests["t"] = {"token": ("application/json", body)}
    fake.fail(Fault("GET", "^/v2/$", status=401, headers=realm))
    with pytest.raises(RegistryError) as caught:
        Registry(fake.host).ping()
    assert caught.value.exit_code == 3
    assert "secret" not in str(caught.value)


def test_a_token_service_that_answers_nothing_is_named(fake: FakeRegistry) -> None:
    """The parser's own complaint about an empty text says nothing to anybody."""
    where = f"http://{fake.host}/v2/t/manifests/token"
    fake.manifests["t"] = {"token": ("application/json", b"")}
    realm = {"WWW-Authenticate": f'Bearer realm="{where}",service="s"'}
    fake.fail(Fault("HEAD", "", status=401, headers=realm))
    with refused(RegistryError, f"the token service at {where}", "not JSON", "the same again"):
        Registry(fake.host).resolve_digest("r", "v1")


@pytest.mark.parametrize(
    "realm", ["http://[zz", "", "ftp://x", "http://elsewhere.example/t", "\x00"]
)
def test_a_realm_that_is_none_gets_no_password(fake: FakeRegistry, realm: str) -> None:
    fake.fail(
        Fault("GET", "^/v2/$", status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'})
    )
    with refused(RegistryError, "401", "docker login"):
        Registry(fake.host).ping()
