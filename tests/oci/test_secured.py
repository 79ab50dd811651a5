"""A real registry with accounts and TLS, and all that is done with one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oci import tls, upload
from oci.access import describe_access, examine_access
from oci.manifest import EMPTY_CONFIG, LAYER_GZIP, OCI_CONFIG, image_manifest, sha256
from oci.registry import Registry
from runner import embedded
from runner.errors import EnvironmentFailed
from tests.fakes.refusal import refused
from tests.publish.secured import ADDRESS, log_in, secured

pytestmark = pytest.mark.docker

DATA = bytes(range(251)) * 1000


@pytest.fixture(scope="module")
def started(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
) -> Iterator[tuple[str, Path]]:
    """A host, and the certificate to trust."""
    folder = tmp_path_factory.mktemp("secured")
    with secured(folder, free_port()) as host:
        yield host, folder / "certificate.pem"


@pytest.fixture
def host(started: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Of a registry that Docker, and nobody else, knows and has an account at."""
    name, certificate = started
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / name).mkdir()
    (tmp_path / name / "ca.crt").write_bytes(certificate.read_bytes())
    monkeypatch.setattr(tls, "CERTIFICATES", (tmp_path,))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    log_in(tmp_path, name)
    return name


def use(host: str, path: Path, repository: str) -> None:
    """A little of everything: small and big blobs, manifests, lists, many mounts, copies in
    chunks.
    """
    path.write_bytes(DATA)
    client = Registry(host)
    client.ping()
    client.push_file(repository, path, sha256(DATA), lambda _: None)
    small = [client.push_bytes(repository, bytes([number]), LAYER_GZIP) for number in range(8)]
    config = client.push_bytes(repository, EMPTY_CONFIG, OCI_CONFIG)
    manifest = image_manifest(config, small)
    for reference in (manifest.digest, "v1"):
        client.put_manifest(repository, reference, manifest)
        assert client.read_manifest(repository, reference) == manifest
    assert client.list_tags(repository) == ("v1",)
    client.ensure_blobs(f"{repository}/mounted", manifest.parse_blobs(), repository)
    client.put_manifest(f"{repository}/mounted", "v1", manifest)
    assert client.read_blob(repository, sha256(DATA)) == DATA


def test_everything(host: str, tmp_path: Path) -> None:
    use(host, tmp_path / "layer", "whole")


def test_everything_in_chunks(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "CHUNK_BYTES", 50_000)
    monkeypatch.setattr(Registry, "mount_blob", lambda *_: False)
    use(host, tmp_path / "layer", "chunks")


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_an_authority_named_by_a_variable(
    host: str, started: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setattr(tls, "CERTIFICATES", ())
    monkeypatch.setenv(variable, str(started[1]))
    Registry(host).ping()


def test_an_authority_nobody_knows(host: str, tmp_path: Path) -> None:
    (tmp_path / host / "ca.crt").unlink()
    with refused(
        EnvironmentFailed, host, "self-signed", f"{tmp_path / host}/ca.crt", "REQUESTS_CA_BUNDLE"
    ):
        Registry(host).ping()


def test_without_the_right_account(host: str, tmp_path: Path) -> None:
    log_in(tmp_path, host, password="wrong")
    with refused(EnvironmentFailed, host, "401", "docker login"):
        Registry(host).ping()
    (tmp_path / "config.json").unlink()
    with refused(EnvironmentFailed, host, "401", "docker login"):
        Registry(host).push_bytes("r", DATA, LAYER_GZIP)


def test_the_access_of_an_account_is_asked_and_nothing_is_left(host: str, tmp_path: Path) -> None:
    access = examine_access(Registry(host), "acme/images/pytorch-cuda")
    assert (access.read_problem, access.push_problem) == ("", "")
    assert Registry(host).resolve_digest("acme/images/pytorch-cuda", "latest") is None
    log_in(tmp_path, host, password="wrong")
    access = examine_access(Registry(host), "acme/images/pytorch-cuda")
    assert "401" in access.read_problem and "401" in access.push_problem
    assert "may not read" in describe_access(access)


def test_a_registry_without_tls_needs_the_setting(
    tmp_path: Path, free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    host = f"{ADDRESS}:{free_port()}"
    embedded.start_registry(host, tmp_path)
    try:
        with pytest.raises(EnvironmentFailed):
            Registry(host).ping()
        monkeypatch.setenv("PYTORCH_CUDA_IMAGES_PLAIN_HTTP", f"other.lan,{host}")
        Registry(host).ping()
        use(host, tmp_path / "blob", "acme/images/demo")
    finally:
        embedded.stop_registry(tmp_path)
