"""The address of a registry: what every program that gets it reads in the same way, and nothing
else.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from oci.reference import is_repository
from runner import embedded
from runner.address import RegistryAddress, parse_registry_address, plain_http_hosts
from runner.errors import ConfigError
from runner.untrusted import clean_line
from tests.fakes.refusal import refused

RIGHT = [
    "127.0.0.1:5000",
    "localhost",
    "localhost:5000",
    "registry:5000",
    "ghcr.io",
    "registry.example.com:443",
    "Registry.Example.COM",
    "1.2.3.4",
    f"{'a' * 63}.example.com:65535",
]

WRONG = {
    "": "it is empty",
    "http://127.0.0.1:5097": "begins with http://",
    "oci://ghcr.io": "begins with oci://",
    "127.0.0.1:5097/": "ends with a slash",
    "a b": "a space",
    " ghcr.io": "a space",
    "ghcr.io\n": "a space or a control character",
    "ghcr.io\x1b[31m": "control character",
    "[zz": "IPv6",
    "[::1]:5000": "IPv6",
    "::1": "IPv6",
    "fe80::1%eth0": "IPv6",
    "a..b": "empty part",
    ".example.com": "empty part",
    "example.com.": "empty part",
    f"{'a' * 64}.example.com": "63 letters",
    ".".join(["a" * 60] * 5): "characters",
    "-a.example.com": "letters, digits and hyphens",
    "--help": "letters, digits and hyphens",
    "a_b.example.com": "letters, digits and hyphens",
    "b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example": "letters, digits and hyphens",
    "ghcr.io:": "port",
    "ghcr.io:0": "port",
    "ghcr.io:080": "port",
    "ghcr.io:99999": "port",
    "ghcr.io:-1": "port",
    "ghcr.io:\N{ARABIC-INDIC DIGIT THREE}": "port",
    ":5000": "0 characters",
    "999.1.1.1": "IPv4",
    "127.1": "IPv4",
    "1.2.3.4.5:5000": "IPv4",
    "registry": "Docker Hub",
    "registry/acme": "Docker Hub",
    "ghcr.io//acme": "namespace",
    "ghcr.io/acme//images": "namespace",
    "ghcr.io/acme/": "ends with a slash",
    "ghcr.io/../acme": "namespace",
    "ghcr.io/acme/..": "namespace",
    "ghcr.io/Acme": "capital letters",
    "ghcr.io/acme:v2.6.0": "namespace",
    "ghcr.io/-acme": "namespace",
    "ghcr.io/acme?x=1": "namespace",
    "ghcr.io/%2e%2e": "namespace",
    "ghcr.io/acme\\images": "namespace",
    f"ghcr.io/{'a' * 201}": "more than 200",
    "http://ghcr.io/acme": "begins with http://",
}

NAMESPACES = {
    "ghcr.io/acme": ("ghcr.io", "acme"),
    "127.0.0.1:5097/team/project": ("127.0.0.1:5097", "team/project"),
    "europe-docker.pkg.dev/my-project/my_repo": ("europe-docker.pkg.dev", "my-project/my_repo"),
    "1.dkr.ecr.eu-central-1.amazonaws.com/a.b/c--d": (
        "1.dkr.ecr.eu-central-1.amazonaws.com",
        "a.b/c--d",
    ),
}


@pytest.mark.parametrize("text", RIGHT)
def test_an_address(text: str) -> None:
    assert parse_registry_address(text, "VARIABLE") == RegistryAddress(text)


@pytest.mark.parametrize(("text", "parts"), NAMESPACES.items())
def test_a_namespace(text: str, parts: tuple[str, str]) -> None:
    address = parse_registry_address(text, "VARIABLE")
    assert (address.host, address.namespace) == parts
    assert str(address) == text


@pytest.mark.parametrize("text", WRONG)
def test_no_address(text: str) -> None:
    with refused(ConfigError, "VARIABLE", WRONG[text], "write HOST or HOST:PORT"):
        parse_registry_address(text, "VARIABLE")


@pytest.mark.parametrize(
    "text", ["user:s3cret@ghcr.io", "https://user:s3cret@ghcr.io/acme", "s3cret@", "@s3cret"]
)
def test_a_password_is_not_repeated(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_registry_address(text, "VARIABLE")
    assert "s3cret" not in str(caught.value)
    assert "docker login" in str(caught.value)


@given(st.text() | st.from_regex(r"[a-z0-9.:/@\[\] -]*"))
@example("a" * 100_000)
@example("a." * 50_000)
def test_every_text_is_an_address_or_refused_in_one_line(text: str) -> None:
    try:
        address = parse_registry_address(text, "VARIABLE")
    except ConfigError as error:
        assert clean_line(str(error), 400) == str(error)
    else:
        assert str(address) == text
        assert text.isascii()
        assert not set(text) & set("@[] \n")
        assert not text.startswith("-")
        assert "/" not in address.host
        assert not address.namespace or is_repository(address.namespace)


def test_the_environment_names_the_registry() -> None:
    assert embedded.configured_registry({}) is None
    assert embedded.configured_registry(
        {"PYTORCH_CUDA_IMAGES_REGISTRY": "ghcr.io"}
    ) == RegistryAddress("ghcr.io")
    with refused(ConfigError, "PYTORCH_CUDA_IMAGES_REGISTRY", "empty", "unset it"):
        embedded.configured_registry({"PYTORCH_CUDA_IMAGES_REGISTRY": ""})


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("", set()),
        ("10.0.0.7:5000", {"10.0.0.7:5000"}),
        ("a.lan, b.lan:80", {"a.lan", "b.lan:80"}),
    ],
)
def test_registries_without_tls(text: str, hosts: set[str]) -> None:
    assert plain_http_hosts({"PYTORCH_CUDA_IMAGES_PLAIN_HTTP": text}) == hosts


@pytest.mark.parametrize("text", ["http://a.lan", "a.lan,,b.lan", "a.lan/acme", "*", "true"])
def test_registries_without_tls_are_named_by_their_hosts(text: str) -> None:
    with refused(ConfigError, "PYTORCH_CUDA_IMAGES_PLAIN_HTTP", "write HOST or HOST:PORT"):
        plain_http_hosts({"PYTORCH_CUDA_IMAGES_PLAIN_HTTP": text})
