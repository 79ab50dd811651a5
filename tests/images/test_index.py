"""Questions to an index, by the real uv: in a folder, and over HTTP with a password and faults."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import os
import socket
import subprocess
import time
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from images import index, indexes, resolve, wheelhouse
from images.index import NoVersion, OfferedWheel
from images.indexes import IndexPlaces
from oci.reach import Misdirected
from runner.errors import EnvironmentFailed
from tests.fakes.index import make_index, write_wheel
from tests.fakes.index_server import IndexServer, serve_index
from tests.fakes.refusal import refused

WHEELS = {
    "torch-2.6.0": ["below<2"],
    "torch-2.6.1": ["below<2", "fast; extra == 'fast'"],
    "torch-2.9.1": [],
    "torch-2.15.0": [],
    "torch-2.16.0rc1": [],
    "below-1.0": [],
    "below-2.0": [],
}


NO_PLACES = IndexPlaces(frozenset(), frozenset())


@pytest.fixture
def folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return make_index(tmp_path, WHEELS, monkeypatch)


@pytest.fixture
def server(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IndexServer]:
    """The same wheels over HTTP, to people with the password alone."""
    for name in ("UV_OFFLINE", "UV_FIND_LINKS", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
        monkeypatch.delenv(name)
    with serve_index(folder) as served:
        served.needs_login = True
        monkeypatch.setenv("PIP_INDEX_URL", served.address)
        index._open_session.cache_clear()
        index._read_metadata.cache_clear()
        index._say_refusal.cache_clear()
        yield served


def test_the_newest_that_fit_together_and_each_alone(folder: Path) -> None:
    found = index.resolve_offers("3.11", ["torch<2.7", "below"])
    assert {each.name: each.version for each in found.values()} == {
        "torch": "2.6.1",
        "below": "1.0",
    }
    alone = index.resolve_offers("3.11", ["torch", "below"], alone=True)
    assert {each.name: each.version for each in alone.values()} == {
        "torch": "2.15.0",
        "below": "2.0",
    }


def test_minor_versions_of_torch_are_listed_without_release_candidates(folder: Path) -> None:
    found = [each.version for each in index.list_minors("3.11", "2.6")]
    assert found == ["2.15.0", "2.9.1", "2.6.1"]
    assert [each.version for each in index.list_minors("3.11", "2.9")] == ["2.15.0", "2.9.1"]


def test_minor_versions_are_listed_whatever_an_index_serves(folder: Path) -> None:
    """An epoch, a build of somebody, and numbers that are no line."""
    for name in ("torch-1!2.17.0", "torch-2.15.0+cu126", "torch-12345.6.7"):
        write_wheel(folder, name, [])
    found = [(each.version, each.minor) for each in index.list_minors("3.11", "2.6")]
    assert found[0] == ("1!2.17.0", "2.17")
    assert ("2.9.1", "2.9") in found


def test_no_alpha_version_is_taken_that_nobody_asked_for(folder: Path) -> None:
    """Only an alpha goes with the newest `partner`, which uv chooses first."""
    wheels = {
        "early-1.0": ["partner<2"],
        "early-1.1a1": ["partner"],
        "early-1.1": ["partner", "below>5"],
        "partner-1.0": [],
        "partner-2.0": [],
    }
    for name, needs in wheels.items():
        write_wheel(folder, name, needs)
    found = index.resolve_offers("3.11", ["partner", "early"])
    assert (found["early"].version, found["partner"].version) == ("1.0", "1.0")
    assert index.resolve_offers("3.11", ["early==1.1a1"])["early"].version == "1.1a1"


def test_what_does_not_fit_is_not_what_cannot_be_reached(
    server: IndexServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with refused(NoVersion, "torch==9"):
        index.resolve_offers("3.11", ["torch==9"])
    monkeypatch.setenv("PIP_INDEX_URL", "http://u:secret@127.0.0.1:9/simple")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with refused(EnvironmentFailed, "the package index cannot be read") as _, hidden("secret"):
        index.resolve_offers("3.11", ["torch"])


@contextlib.contextmanager
def hidden(secret: str) -> Iterator[None]:
    """The block ends in an error that does not show the secret."""
    try:
        yield
    except Exception as error:
        assert secret not in str(error)
        raise


def test_no_python_is_downloaded_to_resolve_for_another_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_OFFLINE")
    monkeypatch.setenv("UV_PYTHON_INSTALL_MIRROR", "http://127.0.0.1:9/no-python")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    assert index.resolve_offers("3.14", ["below"], alone=True)["below"].version == "2.0"
    assert "--no-python-downloads" in resolve.uv_command("3.14")


def test_needs_are_read_from_a_folder_and_by_ranges_with_the_password(
    folder: Path, server: IndexServer
) -> None:
    offers = index.resolve_offers("3.11", ["torch<2.7"], alone=True)
    found = index.read_needs(offers.values())["torch-2.6.1-py3-none-any.whl"]
    assert [str(each) for each in found.requires] == ["below<2", 'fast; extra == "fast"']
    assert any("bytes=" in asked for asked in server.asked)
    locked = index.lock_offers(offers)["torch"]
    assert locked.size == (folder / locked.file).stat().st_size


def test_metadata_beside_a_wheel_is_taken_first(server: IndexServer) -> None:
    server.beside = b"Metadata-Version: 2.1\nName: torch\nVersion: 2.6.1\nRequires-Dist: beside>1\n"
    offers = index.resolve_offers("3.11", ["torch<2.7"], alone=True)
    found = index.read_needs(offers.values())["torch-2.6.1-py3-none-any.whl"]
    assert [str(each) for each in found.requires] == ["beside>1"]


@pytest.mark.parametrize(
    "fault", ["redirect", "huge", "no ranges", "no wheel", "not a zip", "huge table"]
)
def test_an_index_that_serves_no_metadata_leaves_the_needs_unknown(
    server: IndexServer, folder: Path, fault: str
) -> None:
    offers = index.resolve_offers("3.11", ["torch<2.7"], alone=True)
    file = "/files/torch-2.6.1-py3-none-any.whl"
    if fault == "huge":
        server.beside = b"x" * (index.METADATA_BYTES + 1)
        server.has_ranges = False
    elif fault == "redirect":
        server.statuses = {f"{file}.metadata": 302, file: 302}
    elif fault == "no ranges":
        server.has_ranges = False
    elif fault == "no wheel":
        server.statuses = {file: 404}
    else:
        path = folder / file.rpartition("/")[2]
        data = path.read_bytes()
        table = data[:-10] + b"\xf0\xff\xff\xff" + data[-6:]  # 4 GB of contents, it says
        path.write_bytes(table if fault == "huge table" else os.urandom(len(data)))
    assert index.read_needs(offers.values()) == {}


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("http://team:hunter2@127.0.0.1:81/simple/torch-2.6.0.whl", "127.0.0.1:81"),
        ("file:///opt/our%20wheels/torch-2.6.0.whl", "/opt/our wheels"),
    ],
)
def test_the_place_of_a_wheel_is_shown_without_the_password(address: str, place: str) -> None:
    wheel = index.OfferedWheel("torch", "2.6.0", "torch-2.6.0.whl", address, "", 0, None)
    assert wheel.place == place


def test_a_large_wheel_is_read_in_parts(server: IndexServer, folder: Path) -> None:
    """The end first: its table of contents is there."""
    with zipfile.ZipFile(folder / "below-2.0-py3-none-any.whl", "a") as wheel:
        wheel.writestr("large.bin", os.urandom(6 << 20))
        wheel.writestr("small.txt", "read me")
    offer = index.resolve_offers("3.11", ["below"], alone=True)["below"]
    server.asked.clear()
    sized = dataclasses.replace(offer, size=(folder / offer.file).stat().st_size)
    with index.open_wheel(sized) as opened:
        assert opened.read("small.txt") == b"read me"
    assert len(server.asked) == 1
    with index.open_wheel(sized) as opened:
        assert len(opened.read("large.bin")) == 6 << 20


def test_of_two_wheels_of_a_version_the_one_is_taken_that_pip_takes(
    folder: Path, home: Path
) -> None:
    """Else lines that lock one version would have two layers of it."""
    plain = (folder / "below-2.0-py3-none-any.whl").read_bytes()
    for tags in ("manylinux2014_x86_64.manylinux_2_17_x86_64", "manylinux_2_28_x86_64"):
        (folder / f"below-2.0-cp37-abi3-{tags}.whl").write_bytes(plain + tags.encode())
    offer = index.resolve_offers("3.11", ["below"], alone=True)["below"]
    wanted = home / "wanted.txt"
    hashes = " ".join(
        f"--hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in folder.glob("below-2.0-*")
    )
    wanted.write_text(f"below==2.0 {hashes}\n")
    command = [*wheelhouse.pip_download_command("3.11"), "-r", str(wanted), "-d", str(home)]
    subprocess.run(command, check=True)
    assert [path.name for path in home.glob("*.whl")] == [offer.file]
    assert "manylinux_2_28" in offer.file


@pytest.mark.parametrize(
    "wheel",
    [
        f"url = 'https://x/evil;rm.whl', hashes = {{ sha256 = '{'a' * 64}' }}",
        f"url = 'https://x/a-1-py3-none-any.whl', hashes = {{ sha256 = '{'z' * 64}' }}",
        "url = 'https://x/a-1-py3-none-any.whl', hashes = { md5 = 'a' }",
        "hashes = {}",
    ],
)
def test_an_answer_with_another_thing_than_a_wheel_is_refused(wheel: str) -> None:
    with refused(EnvironmentFailed, "uv's answer cannot be read"):
        index._read_pylock(f"packages = [{{ wheels = [{{ {wheel} }}] }}]", "3.11", NO_PLACES)


def zip_bytes(data: bytes, method: int, *changes: tuple[int, int, int]) -> bytes:
    """A wheel of torch whose metadata is `data`; each change is of local, of central header."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as wheel:
        wheel.writestr("torch-2.6.1.dist-info/METADATA", data)
    found = bytearray(made.getvalue())
    central = found.rindex(b"PK\x01\x02")
    for local, of_central, value in changes:
        found[local] = found[central + of_central] = value
    return bytes(found)


BOMB = b"Requires-Dist: below\n" + b" " * (40 << 20)
HOSTILE_ZIPS = {
    "encrypted": zip_bytes(b"x", zipfile.ZIP_DEFLATED, (6, 8, 1)),
    "an unknown method": zip_bytes(b"x", zipfile.ZIP_DEFLATED, (8, 10, 99)),
    "LZMA of rubbish": zip_bytes(b"x" * 99, zipfile.ZIP_DEFLATED, (8, 10, zipfile.ZIP_LZMA)),
    "a bomb in BZIP2": zip_bytes(BOMB, zipfile.ZIP_BZIP2),
    "a bomb in LZMA": zip_bytes(BOMB, zipfile.ZIP_LZMA),
    "a bomb in DEFLATE": zip_bytes(BOMB, zipfile.ZIP_DEFLATED),
}


@pytest.mark.parametrize("data", HOSTILE_ZIPS.values(), ids=HOSTILE_ZIPS)
def test_a_wheel_that_python_cannot_read_leaves_the_needs_unknown(
    tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "torch-2.6.1-py3-none-any.whl"
    path.write_bytes(data)
    offer = OfferedWheel("torch", "2.6.1", path.name, path.as_uri(), "", len(data), None, True)
    tracemalloc.start()
    try:
        assert index.read_needs([offer]) == {}
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_the_time_for_metadata_is_in_proportion_to_its_size() -> None:
    fields = b"".join(b"x%d:\n" % number for number in range(100_000))
    long = b"Requires-Dist: below" + b",".join([b">=1"] * 100_000) + b"\n"
    started = time.monotonic()
    found = index.parse_needs(fields + long + b"Requires-Dist: below<2\r\nRequires-Python: >3\n")
    assert time.monotonic() - started < 5
    assert [str(each) for each in found.requires] == ["below<2"]
    assert found.python == ">3"


def test_an_account_is_sent_to_the_scheme_of_its_index_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:S3cret@index.example.com/simple")
    index._open_session.cache_clear()
    assert index._open_session("https", "index.example.com").auth == ("me", "S3cret")
    assert index._open_session("http", "index.example.com").auth is None
    index._open_session.cache_clear()


@pytest.mark.parametrize(
    "text",
    [
        f"""packages = [{{ wheels = [{{ url = 'https://x/a-1-py3-none-any.whl', size = inf,
        hashes = {{ sha256 = '{"a" * 64}' }} }}] }}]""",
        f"x = {'[' * 50_000}",
    ],
    ids=["an endless size", "deep"],
)
def test_an_answer_that_python_cannot_hold_is_refused(text: str) -> None:
    with refused(EnvironmentFailed, "uv's answer cannot be read"):
        index._read_pylock(text.replace("\n", " "), "3.11", NO_PLACES)


@pytest.mark.parametrize("address", ["https://[zz/a.whl", "file:///nowhere/a.whl", "ftp://x/a.whl"])
def test_a_wheel_whose_size_cannot_be_had_is_refused(address: str) -> None:
    offer = OfferedWheel("a", "1", "a-1-py3-none-any.whl", address, "0" * 64, 0, None)
    with refused(EnvironmentFailed, "does not say how many bytes"):
        index.lock_offers({"a": offer})


def test_another_host_that_a_page_names_is_asked_only_if_a_person_named_it_too(
    server: IndexServer,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A service of this machine, as a page of an index may name one."""
    with serve_index(folder) as other:
        server.files = f"http://{other.host}/files"
        offers = index.resolve_offers("3.11", ["torch<2.7"], alone=True)
        other.asked.clear()
        assert index.read_needs(offers.values()) == {}
        with refused(EnvironmentFailed, "does not say how many bytes"):
            index.lock_offers(offers)
        assert other.asked == []
        said = capsys.readouterr().err
        assert said.count(f"the index names {other.host} for its wheels, which is not asked") == 1
        assert "add it to extra-index-url" in said
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"http://{other.host}/simple")
        offers = index.resolve_offers("3.11", ["torch<2.7"], alone=True)
        assert [*index.read_needs(offers.values())] == ["torch-2.6.1-py3-none-any.whl"]
        assert other.asked


@pytest.mark.parametrize(
    "address",
    [
        *("http://127.0.0.1:2375/a.whl", "https://127.0.0.1/a.whl", "https://127.1/a.whl"),
        *("https://2130706433/a.whl", "https://0x7f.0.0.1/a.whl", "https://localhost/a.whl"),
        *("https://169.254.169.254/a.whl", "https://10.0.0.1/a.whl", "https://[::1]/a.whl"),
        *("https://[::ffff:127.0.0.1]/a.whl", "https://[64:ff9b::7f00:1]/a.whl", "https://nas/a"),
        *("https://metadata.google.internal/a.whl", "https://me:pw@192.168.0.1/a.whl"),
        *("https://10.0.0.1\\@files.index.example/a.whl", "https://169.254.169.%32%35%34/a.whl"),
        *("https://metadata.google.internal%2e/a", "https://metadata.google\u3002internal/a"),
        *("https://169.254.169.\uff12\uff15\uff14/a", "https://localhost.localdomain/a.whl"),
        *("http://files.index.example/a.whl", "ftp://files.index.example/a.whl"),
    ],
)
def test_no_address_of_a_page_leads_into_this_network(address: str) -> None:
    offer = OfferedWheel("a", "1", "a-1-py3-none-any.whl", address, "0" * 64, 9, None)
    with pytest.raises(Misdirected):
        index._ask_index(offer, 100)
    assert index._ask_size(offer) == 0
    assert index.read_needs([offer]) == {}


def test_an_account_for_every_host_goes_to_no_host_of_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = tmp_path / "accounts"
    accounts.write_text("default login me password S3cret\n")
    accounts.chmod(0o600)
    monkeypatch.setenv("NETRC", str(accounts))
    address = "https://files.index.example/a-1-py3-none-any.whl"
    offer = OfferedWheel("a", "1", "a-1-py3-none-any.whl", address, "0" * 64, 9, None)
    asked = index._session_of(offer).prepare_request(requests.Request("GET", address))
    assert "Authorization" not in asked.headers


def test_a_public_name_leads_to_a_public_address_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the name resolves to at the moment of the request."""
    address = "https://files.index.example/packages/a-1-py3-none-any.whl"
    offer = OfferedWheel("a", "1", "a-1-py3-none-any.whl", address, "0" * 64, 9, None)
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = listener.getsockname()
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", here)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with pytest.raises(Misdirected, match="on this machine itself"):
            index._ask_index(offer, 100)


def test_a_page_names_no_file_of_this_machine(server: IndexServer, tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir()
    write_wheel(private, "torch-2.6.1", ["secret"])
    path = private / "torch-2.6.1-py3-none-any.whl"
    places = indexes.settings_of_uv().places
    assert not places.holds_address(path.as_uri())
    offer = OfferedWheel("torch", "2.6.1", path.name, path.as_uri(), "0" * 64, 0, None)
    assert index.read_needs([offer]) == {}
    assert index._ask_size(offer) == 0


@pytest.mark.parametrize(
    ("named", "address", "is_held"),
    [
        ("https://index.example/simple", "https://INDEX.example:443/files/a.whl", True),
        ("https://me:pw@index.example/simple", "https://index.example/a.whl", True),
        ("https://index.example/simple", "http://index.example/a.whl", False),
        ("https://index.example/simple", "https://index.example:8443/a.whl", False),
        ("https://index.example/simple", "https://files.index.example/a.whl", False),
        ("http://10.0.0.1:8080/simple", "http://10.0.0.1:8080/a.whl", True),
        ("http://10.0.0.1:8080/simple", "http://10.0.0.1:2375/a.whl", False),
        ("http://10.0.0.1/simple", "http://evil.example\\@10.0.0.1/a.whl", False),
        ("http://10.0.0.1/simple", "http://[zz/a.whl", False),
        ("/srv/wheels", "file:///srv/wheels/a.whl", True),
        ("file:///srv/wheels/", "file:///srv/wheels/deep/a.whl", True),
        ("/srv/wheels", "file:///srv/wheels/../other/a.whl", False),
        ("/srv/wheels", "file:///srv/wheels-of-another/a.whl", False),
        ("file:///srv/mirror/simple", "file:///srv/mirror/packages/a.whl", True),
        ("https://index.example/simple", "file:///srv/wheels/a.whl", False),
    ],
)
def test_what_is_at_the_place_of_an_index(named: str, address: str, is_held: bool) -> None:
    assert indexes._find_places([named]).holds_address(address) is is_held
