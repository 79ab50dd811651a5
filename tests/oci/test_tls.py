"""Whom the client trusts and as whom it shows itself, against a server that speaks TLS."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from oci import tls
from oci.registry import Registry
from runner.errors import ConfigError, EnvironmentFailed
from tests.fakes.authority import Authority
from tests.fakes.refusal import refused

HOST = "127.0.0.2"
"""Loopback, and not one of the two addresses that are spoken to in plain HTTP."""
VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR")

Start = Callable[..., str]


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture(autouse=True)
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's folder of certificates; nobody's variables."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "certs.d"
    monkeypatch.setattr(tls, "CERTIFICATES", (folder,))
    return folder


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every wait, in seconds, none of them waited."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a server that shows a certificate, or none, and may want one of a client's authority;
    returns its host.
    """
    started: list[ThreadingHTTPServer] = []

    def begin(shown: tuple[Path, Path] | None, wants: Path | None = None) -> str:
        server = ThreadingHTTPServer((HOST, 0), _Answers)
        if shown:
            server.socket = _context(shown, wants).wrap_socket(server.socket, server_side=True)
        started.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"{HOST}:{server.server_address[1]}"

    yield begin
    for server in started:
        server.shutdown()
        server.server_close()


def _context(shown: tuple[Path, Path], wants: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*shown)
    if wants:
        context.load_verify_locations(wants)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def given_to_docker(docker: Path, host: str, *files: tuple[Path, str]) -> None:
    """Put files where Docker looks for those of a registry."""
    folder = docker / host
    folder.mkdir(parents=True, exist_ok=True)
    for path, name in files:
        (folder / name).write_bytes(path.read_bytes())


@pytest.mark.parametrize("variable", VARIABLES[:3])
def test_an_authority_named_by_a_variable(
    start: Start, authority: Authority, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    host = start(authority.issue("registry"))
    monkeypatch.setenv(variable, str(authority.certificate))
    Registry(host).ping()


def test_an_authority_that_docker_knows(start: Start, authority: Authority, docker: Path) -> None:
    host = start(authority.issue("registry"))
    given_to_docker(docker, host, (authority.certificate, "ca.crt"))
    Registry(host).ping()


def test_docker_and_a_variable_together(
    start: Start, tmp_path: Path, docker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One authority by each: neither replaces the other."""
    known, named = Authority(tmp_path, "known"), Authority(tmp_path, "named")
    first, second = start(known.issue("first")), start(named.issue("second"))
    for host in (first, second):
        given_to_docker(docker, host, (known.certificate, "ca.crt"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(named.certificate))
    Registry(first).ping()
    Registry(second).ping()


def test_the_authorities_of_the_machine(
    start: Start, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are trusted unless others are named instead."""
    host = start(authority.issue("registry"))
    monkeypatch.setattr(
        ssl.SSLContext,
        "load_default_certs",
        lambda context, *_: context.load_verify_locations(authority.certificate),
    )
    Registry(host).ping()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(Authority(tmp_path, "another").certificate))
    with refused(EnvironmentFailed, host, "unable to get local issuer"):
        Registry(host).ping()


def test_what_docker_knows_of_one_registry_holds_for_that_one(
    start: Start, authority: Authority, docker: Path
) -> None:
    host, other = start(authority.issue("registry")), start(authority.issue("other"))
    given_to_docker(docker, host, (authority.certificate, "ca.crt"))
    with refused(EnvironmentFailed, other, "unable to get local issuer"):
        Registry(other).ping()


def _no_certificates(path: Path) -> None:
    path.write_text("rubbish")


def _link_to_nothing(path: Path) -> None:
    path.symlink_to("/dev/null")


def _folder_with_a_pipe(path: Path) -> None:
    path.mkdir()
    os.mkfifo(path / "a.pem")


USELESS = [os.mkfifo, _no_certificates, _link_to_nothing, _folder_with_a_pipe]


@pytest.mark.parametrize("make", USELESS)
@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_that_names_no_certificates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, make: Callable[[Path], None]
) -> None:
    """OpenSSL would wait for a pipe; its other errors name neither the variable nor the file."""
    make(tmp_path / "named")
    monkeypatch.setenv(variable, str(tmp_path / "named"))
    with refused(ConfigError, variable, str(tmp_path / "named"), "certificates in PEM"):
        Registry(HOST).ping()


def test_both_variables_of_openssl_are_checked(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _folder_with_a_pipe(tmp_path / "folder")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "folder"))
    with refused(ConfigError, "SSL_CERT_DIR", "a.pem"):
        Registry(HOST).ping()


@pytest.mark.parametrize("name", ["a.crt", "client.cert", "client.key"])
def test_a_pipe_among_the_files_of_docker(docker: Path, authority: Authority, name: str) -> None:
    certificate, key = authority.issue("client")
    given_to_docker(docker, HOST, (certificate, "client.cert"), (key, "client.key"))
    (docker / HOST / name).unlink(missing_ok=True)
    os.mkfifo(docker / HOST / name)
    with refused(ConfigError, str(docker / HOST), "not a regular file"):
        Registry(HOST).ping()


def test_an_unknown_authority(start: Start, authority: Authority, docker: Path) -> None:
    host = start(authority.issue("registry"))
    with refused(
        EnvironmentFailed,
        host,
        "unable to get local issuer",
        f"{docker / host}/ca.crt",
        "REQUESTS_CA_BUNDLE",
    ):
        Registry(host).ping()


def test_an_untrusted_certificate_is_asked_for_once(
    start: Start, authority: Authority, waits: list[float]
) -> None:
    with refused(EnvironmentFailed, "no secure connection"):
        Registry(start(authority.issue("registry"))).ping()
    assert waits == []


@pytest.mark.parametrize(
    ("certified", "words"),
    [
        pytest.param((HOST, -1), ("expired", "renew", "clock"), id="expired"),
        pytest.param(
            ("127.0.0.3", 1),
            ("127.0.0.2", "use the host name that is in its certificate"),
            id="of another host",
        ),
    ],
)
def test_a_certificate_that_does_not_hold(
    start: Start,
    authority: Authority,
    docker: Path,
    certified: tuple[str, int],
    words: tuple[str, ...],
) -> None:
    host = start(authority.issue("registry", *certified))
    given_to_docker(docker, host, (authority.certificate, "ca.crt"))
    with refused(EnvironmentFailed, host, *words):
        Registry(host).ping()


def test_a_registry_without_tls(start: Start) -> None:
    host = start(None)
    with refused(EnvironmentFailed, host, "put TLS before", "127.0.0.1"):
        Registry(host).ping()


@pytest.mark.usefixtures("waits")
def test_a_client_certificate(
    start: Start, authority: Authority, docker: Path, tmp_path: Path
) -> None:
    clients = Authority(tmp_path, "of clients")
    host = start(authority.issue("registry"), clients.certificate)
    given_to_docker(docker, host, (authority.certificate, "ca.crt"))
    with refused(EnvironmentFailed, host, "client.cert", "client.key", str(docker / host)):
        Registry(host).ping()
    certificate, key = clients.issue("client")
    given_to_docker(docker, host, (certificate, "client.cert"), (key, "client.key"))
    Registry(host).ping()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        pytest.param({"ca.crt": "not a certificate"}, ("ca.crt",), id="no certificate"),
        pytest.param({"client.cert": "CERTIFICATE"}, ("client.cert", "client.key"), id="no key"),
        pytest.param(
            {"client.cert": "CERTIFICATE", "client.key": "none"},
            ("client.cert", "client.key"),
            id="bad key",
        ),
    ],
)
def test_files_of_docker_that_cannot_be_used(
    authority: Authority, docker: Path, files: dict[str, str], words: tuple[str, ...]
) -> None:
    certificate = authority.issue("client")[0].read_text()
    folder = docker / "registry.example"
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text.replace("CERTIFICATE", certificate))
    with refused(ConfigError, str(folder), *words):
        Registry("registry.example")


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_that_names_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "nothing.pem"))
    with refused(ConfigError, variable, "nothing.pem"):
        Registry("registry.example")


def test_plain_http_needs_no_authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nothing.pem"))
    Registry("127.0.0.1:5000")
