"""Package indexes of one's own: what pip is configured for serves uv too, by real programs."""

from __future__ import annotations

import base64
import http.server
import os
import ssl
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from images import indexes, resolve, wheelhouse
from images.catalog import Catalog
from runner import settings
from runner.errors import ConfigError, EnvironmentFailed
from tests.fakes.authority import Authority
from tests.fakes.index import write_wheel
from tests.fakes.own_catalog import load_own_catalog
from tests.fakes.refusal import check, refused

LINE, PASSWORD = "2.6", "planted-index-pass"
WHEELS = ("torch-2.6.0", "torchvision-0.21.0", "torchaudio-2.6.0", "seeing-1.0")


class SimpleIndex(http.server.SimpleHTTPRequestHandler):
    """The simple API over a folder of wheels, for one account; keeps what was asked and by whom."""

    asked: tuple[list[str], ...] = ()

    def __init__(self, asked: list[str], folder: Path, *given: Any) -> None:
        self._asked, self._folder = asked, folder
        super().__init__(*given, directory=str(folder))

    def do_GET(self) -> None:
        program = self.headers.get("User-Agent", "").partition("/")[0]
        wanted = f"Basic {base64.b64encode(f'user:{PASSWORD}'.encode()).decode()}"
        if self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
            self.end_headers()
            return
        self._asked.append(f"{program} {self.path}")
        if not self.path.startswith("/simple/"):
            super().do_GET()
            return
        name = self.path.removeprefix("/simple/").strip("/")
        files = [path.name for path in self._folder.glob("*.whl") if path.name.startswith(name)]
        body = "".join(f'<a href="/{file}">{file}</a><br>' for file in files).encode()
        self.send_response(200 if files else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.send_error(405)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    for name in WHEELS:
        write_wheel(folder, name, [])
    return folder


@pytest.fixture(params=["http", "https"])
def private(
    request: pytest.FixtureRequest,
    home: Path,
    wheels: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[str, list[str]]]:
    """A server of the test's own: its address with the account, and what it was asked."""
    plain(monkeypatch, tmp_path)
    asked: list[str] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleIndex, asked, wheels))
    if request.param == "https":
        authority = Authority(tmp_path)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue("index", "127.0.0.1"))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        monkeypatch.setenv("PIP_CERT", str(authority.certificate))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"{request.param}://user:{PASSWORD}@127.0.0.1:{server.server_port}/simple", asked
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def forget_accounts() -> Iterator[None]:
    before = dict(settings._held)
    yield
    settings._held.clear()
    settings._held.update(before)


def plain(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """No setting of this machine counts."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    trust = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    for name in (*trust, "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.setenv("UV_CACHE_DIR", str(folder / "cache"))


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    catalog = load_own_catalog()
    for stack in catalog.stacks:
        text = "torch=={torch}\ntorchvision\ntorchaudio\n" if stack == "base" else "seeing\n"
        (tmp_path / "images" / stack).mkdir(parents=True)
        (tmp_path / "images" / stack / "requirements.in").write_text(text)
    monkeypatch.setattr(resolve, "IMAGES", tmp_path / "images")
    return catalog


@pytest.mark.parametrize("how", ["file", "variable"])
def test_an_index_of_pip_serves_both_programs(
    private: tuple[str, list[str]],
    images: Catalog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    """With an account, and (for HTTPS) an authority that only pip was told of."""
    address, asked = private
    if how == "file":
        (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {address}\n")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    else:
        monkeypatch.setenv("PIP_INDEX_URL", address)
    locks = resolve.resolve_line(images, LINE)
    assert [wheel.name for wheel in locks["base"]] == ["torch", "torchaudio", "torchvision"]
    programs = {line.partition(" ")[0] for line in asked}
    assert programs == {"uv", "pip"}
    for path in wheelhouse.wheel_path(locks["base"][0]).parent.iterdir():
        path.unlink()
    wheelhouse.fetch_wheels(locks["base"], "3.11")


def test_an_account_in_the_file_of_pip_is_not_shown(
    private: tuple[str, list[str]], images: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, _ = private
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {address}/nothing\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    with pytest.raises(EnvironmentFailed) as caught:
        resolve.resolve_line(images, LINE)
    check(caught.value, EnvironmentFailed, "UV_DEFAULT_INDEX", "pip config list")
    assert PASSWORD not in str(caught.value)


OTHER = [
    pytest.param({"UV_DEFAULT_INDEX": "https://u:secret-word@uv.example/simple"}, id="default"),
    pytest.param({"UV_INDEX_URL": "https://uv.example/simple"}, id="the old name"),
    pytest.param({"UV_INDEX": "corp=https://uv.example/simple"}, id="one more"),
    pytest.param({"UV_FIND_LINKS": "/uv.example/simple"}, id="a folder"),
]


@pytest.mark.parametrize("of_pip", ["https://p:secret-word@pip.example/simple", ""])
@pytest.mark.parametrize("of_uv", OTHER)
def test_two_programs_with_different_indexes_are_refused(  # noqa: PLR0917 - fixtures
    home: Path,
    images: Catalog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    of_uv: Mapping[str, str],
    of_pip: str,
) -> None:
    plain(monkeypatch, tmp_path)
    for name, value in {"PIP_INDEX_URL": of_pip, **of_uv}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        resolve.resolve_line(images, LINE)
    shown = "https://pip.example/simple" if of_pip else "the public index"
    check(
        caught.value, ConfigError, shown, "uv.example/simple", "PIP_INDEX_URL", "UV_DEFAULT_INDEX"
    )
    assert "secret-word" not in str(caught.value)


def test_a_file_of_uv_counts_too(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain(monkeypatch, tmp_path)
    (tmp_path / "config" / "uv").mkdir(parents=True)
    file = tmp_path / "config" / "uv" / "uv.toml"
    file.write_text('[[index]]\nname = "corp"\nurl = "https://uv.example/simple"\ndefault = true\n')
    with refused(
        ConfigError, "pip is configured for the public index", "https://uv.example/simple"
    ):
        indexes.settings_of_uv()
    monkeypatch.setenv("PIP_INDEX_URL", "https://other:account@uv.example/simple/")
    assert "UV_DEFAULT_INDEX" not in indexes.settings_of_uv().variables


def test_the_settings_of_pip_in_the_words_of_uv(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain(monkeypatch, tmp_path)
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://one.example/simple\nno-index = true\n"
        "extra-index-url =\n    https://two.example/simple\n    https://three.example/simple\n"
        "trusted-host = two.example\nproxy = http://proxy.example:3128\ncert = /etc/ca.pem\n"
        "[download]\nindex-url = https://download.example/simple\n"
        "[install]\nindex-url = https://install.example/simple\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    found = indexes.settings_of_uv()
    assert found.options == ("--no-index",)
    assert dict(found.variables) == {
        "UV_DEFAULT_INDEX": "https://download.example/simple",
        "UV_INDEX": "https://two.example/simple https://three.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_INSECURE_HOST": "two.example",
        "SSL_CERT_FILE": "/etc/ca.pem",
        **dict.fromkeys(
            ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"),
            "http://proxy.example:3128",
        ),
    }


@pytest.mark.parametrize("text", ["pip = 5", "index-url = 5", "x = " + "[" * 50_000, "\xff", "["])
def test_a_configuration_of_uv_that_means_nothing_names_no_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """The uv program says what is wrong with it."""
    file = tmp_path / "uv.toml"
    file.write_text(text, encoding="latin-1")
    monkeypatch.setenv("UV_CONFIG_FILE", str(file))
    assert indexes._read_uv_file(file).get("pip", 5) == 5
    assert "5" not in indexes._addresses_of_uv()


def test_a_configuration_of_uv_that_is_no_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "uv.toml")
    monkeypatch.setenv("UV_CONFIG_FILE", str(tmp_path / "uv.toml"))
    with refused(ConfigError, "a named pipe", "uv reads this file"):
        indexes.settings_of_uv()
