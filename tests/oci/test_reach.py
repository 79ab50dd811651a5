"""Where a registry may send this machine's requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from oci.manifest import image_manifest, sha256
from oci.reach import Misdirected, Reach, reach_of
from oci.registry import Registry, RegistryError
from tests.fakes.refusal import refused
from tests.fakes.registry import FakeRegistry, Fault

PUBLIC, PRIVATE, LOOPBACK, LINK_LOCAL = (
    ("93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"),
    (
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"),
        *("64:ff9b::a00:1", "64:ff9b:1::5db8:d70e", "2002:a00:1::", "::ffff:0:10.0.0.1"),
    ),
    (
        *("127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::ffff:127.0.0.1"),  # noqa: S104 - not bound to
        *("64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::", "::7f00:1"),
        *("::ffff:0:127.0.0.1", "2001:0:7f00:1::"),
    ),
    (
        *("169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"),
        *("192.0.0.192", "168.63.129.16", "::ffff:168.63.129.16", "2002:a83f:8110::"),
    ),
)


@pytest.fixture
def other() -> Iterator[FakeRegistry]:
    with FakeRegistry() as started:
        yield started


@pytest.fixture
def public(fake: FakeRegistry) -> Registry:
    """A client of a registry that was also seen at an address on the internet."""
    reach_of(f"http://{fake.host}/v2/").note_peer(PUBLIC[0])
    return Registry(fake.host)


@pytest.mark.parametrize(
    ("own", "allowed", "refused_"),
    [
        (None, PUBLIC, PRIVATE + LOOPBACK + LINK_LOCAL),
        (PUBLIC[0], PUBLIC, PRIVATE + LOOPBACK + LINK_LOCAL),
        (PRIVATE[0], PUBLIC + PRIVATE, LOOPBACK + LINK_LOCAL),
        (LOOPBACK[0], PUBLIC + PRIVATE + LOOPBACK, LINK_LOCAL),
    ],
)
def test_only_a_network_as_public_as_its_own(
    own: str | None, allowed: tuple[str, ...], refused_: tuple[str, ...]
) -> None:
    reach = Reach()
    if own:
        reach.note_peer(own)
    for peer in allowed:
        reach.require_reachable(peer)
    for peer in refused_:
        with pytest.raises(Misdirected):
            reach.require_reachable(peer)


def test_of_several_addresses_the_most_public_one_counts() -> None:
    reach = Reach()
    for peer in (LOOPBACK[0], PUBLIC[0], PRIVATE[0]):
        reach.note_peer(peer)
    with pytest.raises(Misdirected):
        reach.require_reachable(PRIVATE[0])


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_redirect_to_this_machine_is_not_followed(
    fake: FakeRegistry, other: FakeRegistry, public: Registry, method: str
) -> None:
    fake.fail(Fault(method, "", status=307, headers={"Location": f"http://{other.host}/v2/"}))
    ask: dict[str, Callable[[], object]] = {
        "GET": lambda: public.read_manifest("r", "v1"),
        "HEAD": lambda: public.resolve_digest("r", "v1"),
        "POST": lambda: public.mount_blob("r", sha256(b""), "from"),
    }
    with refused(RegistryError, "sends the request on to 127.0.0.1", "on this machine"):
        ask[method]()
    assert not other.requests


def test_an_upload_does_not_go_to_this_machine(
    fake: FakeRegistry, other: FakeRegistry, public: Registry
) -> None:
    location = {"Location": f"http://{other.host}/containers/x?force=1"}
    fake.fail(Fault("POST", "uploads", headers=location))
    with refused(RegistryError, "on this machine"):
        public.push_bytes("r", b"data", "x/y")
    assert not other.requests


def test_nothing_is_deleted_outside_the_registry(fake: FakeRegistry, other: FakeRegistry) -> None:
    """Neither after an upload that failed, nor in place of a mount, nor by a redirect."""
    client = Registry(fake.host)
    location = {"Location": f"http://{other.host}/containers/x?force=1"}
    fake.fail(Fault("POST", "uploads", headers=location, unmounted=True))
    with pytest.raises(RegistryError):
        client.push_bytes("r", b"data", "x/y")
    client.mount_blob("to", sha256(b"x"), "from")
    fake.heal()
    fake.fail(Fault("DELETE", "", status=307, headers=location))
    fake.fail(Fault("POST", "", unmounted=True))
    client.mount_blob("to", sha256(b"x"), "from")
    assert fake.count("DELETE", "") == 1
    assert other.count("PUT", "") > 0, "the control: an upload may go on elsewhere"
    assert other.count("DELETE", "") == 0


@pytest.mark.parametrize(
    "path",
    [
        *("/v2/%2e%2e/admin/x", "/v2/%2E./admin/x", "/v2/.%2e/admin/x", "/v2/../admin/x"),
        *("/v2/r/..%2fadmin", "/v2/..%5cadmin/x", "/v2/%252e%252e/admin/x", "/admin/x"),
        *("/v2/..;/admin/x", "/v2/%2e%2e;/x", "/v2/..%3b/x", "/v2/to/blobs/uploads/..;/x"),
        *("/v2/to/manifests/v2.6.0", "/v2/other/blobs/uploads/1", "/v2/to/blobs/uploads/.."),
        *("/v2/to/../r/blobs/uploads/1", "/v2/to//blobs/uploads/1", "/v2/to/blobs/uploads/1/2"),
    ],
)
def test_nothing_is_deleted_outside_the_api_of_the_registry(fake: FakeRegistry, path: str) -> None:
    client = Registry(fake.host)
    fake.fail(Fault("POST", "", unmounted=True, headers={"Location": path}))
    client.mount_blob("to", sha256(b"x"), "from")
    assert fake.count("DELETE", "") == 0
    fake.heal()
    fake.fail(Fault("POST", "", unmounted=True))
    fake.fail(Fault("DELETE", "", status=307, headers={"Location": path}))
    client.mount_blob("to", sha256(b"x"), "from")
    assert fake.count("DELETE", "") == 1, "the control: an upload of the registry is ended"


def test_a_store_of_blobs_elsewhere_is_asked(fake: FakeRegistry, other: FakeRegistry) -> None:
    data = b"data"
    other.put("r", data)
    where = f"http://{other.host}/v2/r/blobs/{sha256(data)}"
    fake.fail(Fault("GET", "blobs", status=307, headers={"Location": where}))
    assert Registry(fake.host).read_blob("r", sha256(data)) == data


def test_the_registry_itself_is_always_asked(fake: FakeRegistry, public: Registry) -> None:
    config = public.push_bytes("r", b"{}", "x/y")
    public.put_manifest("r", "v1", image_manifest(config, []))
    assert public.list_tags("r") == ("v1",)
