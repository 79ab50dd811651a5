"""Passwords that Trivy's own rules do not know: each is found, in any layer, and never shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from oci.manifest import LAYER_GZIP, OCI_CONFIG, image_manifest, sha256
from oci.registry import Registry
from scan import trivy
from scan.secrets import CONFIGURATION, find_secrets
from tests.fakes.assembled_image import TarFile, write_layer
from tests.fakes.registry import FakeRegistry

PASSWORD = "hunter2" + "swordfish"
REPOSITORY = "with-secrets"
URL = f"https://me:{PASSWORD}@registry.example.org/simple"

FILES = {
    "url-password": ("opt/app/settings.ini", f"database = postgres://me:{PASSWORD}@db:5432/x\n"),
    "netrc-password": ("root/.netrc", f"machine example.org\nlogin me\npassword {PASSWORD}\n"),
    "url-token": ("root/.git-credentials", f"https://{PASSWORD}@example.org\n"),
    "docker-login": ("root/.docker/config.json", f'{{"auths": {{"x": {{"auth": "{PASSWORD}"}}}}}}'),
    "pypirc-password": ("home/mluser/.pypirc", f"[pypi]\nusername = me\npassword = {PASSWORD}\n"),
    "npmrc-token": ("root/.npmrc", f"//npm.example.org/:_authToken={PASSWORD}\n"),
    "aws-credentials": ("root/.aws/credentials", f"[x]\naws_session_token = {PASSWORD}\n"),
    "kube-config": ("root/.kube/config", f"users:\n- name: me\n  user:\n    token: {PASSWORD}\n"),
    "pgpass-password": ("root/.pgpass", f"db:5432:x:me:{PASSWORD}\n"),
    "hugging-face-token": ("root/.cache/huggingface/token", f"hf_{PASSWORD}\n"),
    "kaggle-key": ("root/.kaggle/kaggle.json", f'{{"username": "me", "key": "{PASSWORD}"}}'),
    "github-login": ("root/.config/gh/hosts.yml", f"github.com:\n    oauth_token: {PASSWORD}\n"),
}
ANYWHERE = {
    "pip.conf": ("etc/pip.conf", f"[global]\nindex-url = {URL}\n"),
    "pip.conf of the environment": ("opt/venv/pip.conf", f"[global]\nextra-index-url={URL}\n"),
    "a folder of tests": ("opt/app/tests/settings.ini", f"url = {URL}\n"),
    "a text for people": ("opt/app/README.md", f"Use {URL}\n"),
    ".git-credentials": ("home/mluser/.git-credentials", f"{URL}\n"),
    ".condarc": ("root/.condarc", f"channels: [{URL}]\n"),
}
HARMLESS = {
    "etc/pip.conf": "[global]\nindex-url = https://example.org/simple\ntimeout = 60\n",
    "root/.netrc": "machine example.org\nlogin me\n",
    "root/.npmrc": "//npm.example.org/:_authToken=${NPM_TOKEN}\n",
    "root/.docker/config.json": '{"credsStore": "desktop", "auths": {"x": {}}}',
    "root/.kube/config": "users:\n- name: me\n  user:\n    tokenFile: /run/token\n",
    "opt/app/README.md": "Set the URL: https://user:password@host/ or https://me:<token>@host/.\n",
    "opt/app/a.py": "url = f'https://{user}:{password}@{host}'\nb = 'http://[::1]:80@x'\n",
    "opt/app/b.py": "see https://example.org:8443/a@b and mailto:a@example.org\n",
}


def layer_of(files: Mapping[str, str]) -> bytes:
    return write_layer({path: TarFile(text.encode()) for path, text in files.items()})


def found_in(
    fake: FakeRegistry,
    folder: Path,
    *layers: Mapping[str, str],
    locked: Sequence[str] = (),
    **config: Any,
) -> dict[str, str]:
    """The rule of each secret of an image with these layers, by file."""
    registry = Registry(fake.host)
    data = [layer_of(each) for each in layers]
    root = {"type": "layers", "diff_ids": [sha256(each) for each in data]}
    document = {"architecture": "amd64", "os": "linux", "rootfs": root, **config}
    described = registry.push_bytes(REPOSITORY, json.dumps(document).encode(), OCI_CONFIG)
    pushed = [registry.push_bytes(REPOSITORY, each, LAYER_GZIP) for each in data]
    manifest = image_manifest(described, pushed)
    registry.put_manifest(REPOSITORY, manifest.digest, manifest)
    reference = f"{fake.host}/{REPOSITORY}@{manifest.digest}"
    analysis = trivy.analyse_image(reference, folder, folder / "cache")
    assert PASSWORD not in "".join(path.read_text() for path in folder.glob("*.json"))
    problems = list(find_secrets(analysis.report, locked))
    assert PASSWORD not in repr(problems)
    return {each.where.rpartition(":")[0].lstrip("/"): each.what for each in problems}


def test_every_rule_finds_its_secret_and_does_not_show_it(
    fake: FakeRegistry, tmp_path: Path, home: Path
) -> None:
    found = found_in(fake, tmp_path, dict(FILES.values()))
    assert {rule: path for rule, (path, _) in FILES.items() if f"({rule})" not in found[path]} == {}


def test_a_password_in_a_url_is_found_in_any_file(
    fake: FakeRegistry, tmp_path: Path, home: Path
) -> None:
    found = found_in(fake, tmp_path, dict(ANYWHERE.values()))
    assert set(found) == {path for path, _ in ANYWHERE.values()}


def test_a_secret_that_a_later_layer_removes_is_found(
    fake: FakeRegistry, tmp_path: Path, home: Path
) -> None:
    path, text = FILES["netrc-password"]
    found = found_in(fake, tmp_path, {path: text}, {"root/.wh..netrc": ""})
    assert "(netrc-password)" in found[path]


def test_a_layer_of_locked_wheels_does_not_count(
    fake: FakeRegistry, tmp_path: Path, home: Path
) -> None:
    """What is in a published wheel, everybody can read; the same file in another layer counts."""
    path, text = "opt/venv/lib/python3.11/site-packages/a.py", f"see {URL}\n"
    assert path in found_in(fake, tmp_path, {path: text})
    locked = [sha256(layer_of({path: text}))]
    assert not found_in(fake, tmp_path, {path: text}, locked=locked)
    above = {path: f"{text}{text}"}
    assert path in found_in(fake, tmp_path, {path: text}, above, locked=locked)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param({"config": {"Env": [f"HTTPS_PROXY={URL}"]}}, id="environment"),
        pytest.param({"config": {"Labels": {"source": URL}}}, id="label"),
        pytest.param({"config": {"Cmd": ["pip", "install", f"--index-url={URL}"]}}, id="command"),
        pytest.param({"history": [{"created_by": f"RUN pip install -i {URL} x"}]}, id="history"),
    ],
)
def test_a_password_in_the_configuration_is_found(
    fake: FakeRegistry, tmp_path: Path, home: Path, config: dict[str, Any]
) -> None:
    found = found_in(fake, tmp_path, {"etc/a": "a"}, **config)
    assert "(url-password)" in found[CONFIGURATION]


def test_harmless_files_raise_no_alarm(fake: FakeRegistry, tmp_path: Path, home: Path) -> None:
    assert not found_in(fake, tmp_path, HARMLESS)


def test_a_layer_that_was_analysed_by_other_rules_is_analysed_again(
    fake: FakeRegistry, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, text = FILES["netrc-password"]
    none = tmp_path / "none.yaml"
    none.write_text("rules: []\n")
    with monkeypatch.context() as patched:
        patched.setattr(trivy, "SECRET_RULES", none)
        assert not found_in(fake, tmp_path, {path: text})
    assert found_in(fake, tmp_path, {path: text})
