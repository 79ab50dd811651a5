"""A different secret is planted in every place that can hold one, and is in nothing that leaves.

Commands, also failing ones, run against a real registry; then all that they wrote, pushed and
posted is searched. A program repeats every secret in a reason, as libraries do in their messages.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from oci.registry import Registry
from publish.evidence.attest import EvidenceSigner, load_signer
from publish.evidence.store import read_evidence
from publish.tags import journal, lock
from publish.tags.journal import Journal
from publish.webhook import post_message, read_webhook
from report import render
from runner import home, progress, records, settings, shell
from runner.errors import ReleaseError
from runner.verdict import Verdict
from tests.publish.signed import P256, journal_seal, trust
from tests.publish.stage_records import staged
from tests.publish.test_secrets import find_texts
from tests.report.samples import proven
from validation.metrics import render_openmetrics

pytestmark = pytest.mark.long


def secret(where: str) -> str:
    return f"S3-{hashlib.sha256(where.encode()).hexdigest()[:20]}"


BARE = (
    settings.WEBHOOK_SECRET,
    settings.SIGNING_PASSPHRASE,
    "UV_INDEX_OURS_USERNAME",
    "UV_INDEX_OURS_PASSWORD",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AZURE_CLIENT_SECRET",
    "TRIVY_PASSWORD",
    "TRIVY_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "SIGSTORE_ID_TOKEN",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "CI_JOB_TOKEN",
    "DOCKER_AUTH_CONFIG",
    "UV_PUBLISH_PASSWORD",
    "COSIGN_PASSWORD",
    "HF_TOKEN",
    "REGISTRY_PASSWORD",
    "BUILDKITE_AGENT_ACCESS_TOKEN",
    "SYSTEM_ACCESSTOKEN",
)
UNLISTED = ("A_NAME_THAT_NO_LIST_HAS", "DB_PASS", "BUILD_USER", "DATABASE_URL")
"""Of other programs: no program gets them, so nobody has to look for their values."""
ADDRESSES = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "UV_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "UV_FIND_LINKS",
    "HTTPS_PROXY",
)
NO_NETWORK = {"UV_HTTP_RETRIES": "0", "PIP_RETRIES": "0", "NO_PROXY": "127.0.0.1"}


@dataclass(frozen=True)
class Planted:
    """The environment with all secrets, and where each of them is, by its value."""

    environment: dict[str, str]
    secrets: dict[str, str]


@pytest.fixture
def told() -> Iterator[list[bytes]]:
    """What a receiver of announcements got; the first is its address."""
    got: list[bytes] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        got.append(b"127.0.0.1:%d" % server.server_port)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield got
        server.shutdown()


@pytest.fixture
def planted(tmp_path: Path, told: list[bytes]) -> Planted:
    user = tmp_path / "user"
    secrets = {secret(where): where for where in (*BARE, *FILES)}
    for name in (*ADDRESSES, settings.WEBHOOK):
        secrets |= {secret(f"{name} {part}"): name for part in ("password", "path", "query")}
    for name, text in FILES.items():
        (user / name).parent.mkdir(parents=True, exist_ok=True)
        (user / name).write_text(text(secret(name)))
    key = P256.private_bytes(
        Encoding.PEM,
        PrivateFormat.PKCS8,
        BestAvailableEncryption(secret(settings.SIGNING_PASSPHRASE).encode()),
    ).decode()
    secrets |= dict.fromkeys(key.splitlines()[1:-1], settings.SIGNING_KEY)
    environment = {name: secret(name) for name in BARE}
    for name in ADDRESSES:
        password, path, query = (secret(f"{name} {part}") for part in ("password", "path", "query"))
        host = "" if name == "HTTPS_PROXY" else f"/{path}/simple?key={query}"
        environment[name] = f"http://user:{password}@127.0.0.1:9{host}"
    environment |= {
        settings.WEBHOOK: f"http://{told[0].decode()}/T0/B0/{secret(f'{settings.WEBHOOK} path')}",
        settings.SIGNING_KEY: key,
        "HOME": str(user),
        "DOCKER_CONFIG": str(user / ".docker"),
        "PYTORCH_CUDA_IMAGES_HOME": str(tmp_path / "home"),
        "PYTORCH_CUDA_IMAGES_OUT": str(tmp_path / "out"),
    }
    given = "\n".join([*environment.values(), *map(secret, FILES)])
    in_use = {value: where for value, where in secrets.items() if value in given}
    return Planted({**os.environ, **environment, **NO_NETWORK}, in_use)


def docker_config(value: str) -> str:
    login = base64.b64encode(f"user:{value}".encode()).decode()
    return json.dumps({"auths": {"registry.example": {"auth": login}}})


FILES: Mapping[str, Callable[[str], str]] = {
    ".netrc": lambda value: f"machine 127.0.0.1 login user password {value}\n",
    ".config/pip/pip.conf": lambda value: f"[global]\nproxy = http://u:{value}@127.0.0.1:9\n",
    ".config/uv/uv.toml": lambda value: f'[[index]]\nurl = "http://127.0.0.1:9/{value}/simple"\n',
    ".docker/config.json": docker_config,
}


def test_every_kind_of_secret_is_planted() -> None:
    names = {*BARE, *ADDRESSES, settings.WEBHOOK, settings.SIGNING_KEY}
    assert {each.name for each in settings.SETTINGS if each.secret} <= names
    for each in settings.FOREIGN_SECRETS:
        assert any(settings.is_one_of(name, (each,)) for name in names), each.pattern


COMMANDS = (
    ("doctor",),
    ("verify", "v2.6.0-cv", "--verbose"),
    ("plan", "v2.6.0", "--json"),
    ("lock", "2.6", "--verbose"),
    ("scan", "v2.6.0", "--verbose"),
    ("yank", "v2.6.0", "--reason", "TYPED"),
    ("plan", "TYPED"),
)


def test_no_planted_secret_leaves(
    planted: Planted, registry: Registry, told: list[bytes], tmp_path: Path
) -> None:
    environment = planted.environment | {settings.REGISTRY: registry.host}
    every = " ".join(planted.secrets)
    environment |= {name: f"amqp://u:{secret(name)}@{secret(name)}/x" for name in UNLISTED}
    sought = planted.secrets | {secret(name): name for name in UNLISTED}
    written = tmp_path / "written"
    written.mkdir()
    repeat = "import sys; from tests.publish.test_planted_secrets import repeat_all; "
    repeat += "repeat_all(*sys.argv[1:])"
    started = [[sys.executable, "-c", repeat, registry.host, str(written), every]]
    for words in COMMANDS:
        typed = [secret("GH_TOKEN") if word == "TYPED" else word for word in words]
        started.append([sys.executable, str(home.REPOSITORY / "release.py"), *typed])
    for number, command in enumerate(started):
        done = subprocess.run(
            command, cwd=home.REPOSITORY, env=environment, capture_output=True, check=False
        )
        (written / f"terminal-{number}").write_bytes(done.stdout + done.stderr)
        assert done.returncode in {0, 1, 2, 3, 4}
        assert b"Traceback" not in done.stderr
        assert number or done.returncode == 0, done.stderr.decode()[-2000:]
    for number, body in enumerate(told):
        (written / f"told-{number}").write_bytes(body)
        assert number == 0 or json.loads(body)["event"] == "release"
    texts = list(find_texts(written, tmp_path / "registry", tmp_path / "out", tmp_path / "home"))
    assert len(told) == 2
    found = [
        (where, source)
        for where, text in texts
        for value, source in sought.items()
        if value.encode() in text
    ]
    assert not found
    assert any(b"as was said: ***" in text for where, text in texts if where.endswith("decoded"))
    _require_whole(tmp_path / "registry", written)


def _require_whole(*folders: Path) -> None:
    """JSON is JSON, and each blob has the digest that it is stored under."""
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        if path.suffix == ".json":
            json.loads(path.read_bytes())
        if path.name == "data":
            assert path.parent.name == hashlib.sha256(path.read_bytes()).hexdigest()


def repeat_all(host: str, folder: str, every: str) -> None:
    """Do what a release does, with every secret in its reasons, and prove that signatures hold."""
    reason = f"as was said: {every}"
    registry = Registry(host)
    release, (images,) = proven()
    image, manifest = staged(registry, "base")
    build = replace(image, digest=manifest.digest)
    assert images.validation is not None
    record = replace(images.validation, digest=manifest.digest, verdict=Verdict.FAIL, reason=reason)
    EvidenceSigner(registry, load_signer(), "pytorch-cuda").attest_tests(build, record)
    assert read_evidence(registry, build.repository, build.digest, trust(P256))
    seal = journal_seal(P256)
    with lock.hold_lock(registry, "journal", "a test", seal) as claim:
        journal.write_journal(registry, "journal", Journal(), None, claim, seal)
    records.write_record(Path(folder) / "validation.json", record)
    records.write_text(Path(folder) / "validation.prom", render_openmetrics(record))
    shown = replace(release, reason=reason)
    render.write_report(Path(folder), shown, (replace(images, validation=record),))
    webhook = read_webhook()
    assert webhook is not None
    post_message(webhook, {"event": "release", "text": reason})
    with contextlib.suppress(ReleaseError):
        registry.push_bytes("x", reason.encode(), "text/plain")
    progress.set_verbose(True)
    try:
        shell.run(["sh", "-c", 'echo "$0" >&2; env >&2; exit 1', every], hint=every)
    except ReleaseError as error:
        progress.say_line(str(error))
        progress.print_answer(str(error))
        progress.print_json({"said": str(error), every: 1})
        progress.print_rich_table(every, [every], [[str(error)]])
