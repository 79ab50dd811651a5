"""Keys and tokens of the machine that releases are in nothing it writes, whatever an image under
test does.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from images import catalog
from oci.registry import Registry
from publish.evidence.attest import EvidenceSigner, load_signer
from publish.evidence.store import read_evidence
from report import render
from runner import engine, home, pull, records, shell
from runner.child_variables import ENGINES
from runner.verdict import Verdict
from tests.fakes.small_image import PLANTED
from tests.publish.signed import P256, build_record, trust
from tests.publish.stage_records import staged
from tests.report.samples import proven
from tests.validation import hostile
from tests.validation.suites_here import asserted
from validation import run
from validation.metrics import render_openmetrics
from validation.record import ValidationRecord
from validation.suite import SUITES

pytestmark = [pytest.mark.docker, pytest.mark.slow]

INSTALLED = "validation.harness.install_harness"
SITE = "/opt/venv/lib/python3.11/site-packages"
TOKENS = (
    "PYTORCH_CUDA_IMAGES_WEBHOOK_SECRET",
    "GITHUB_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "HF_TOKEN",
    "REGISTRY_PASSWORD",
)
PRINTS = """
for each in ("/proc/self/environ", "/proc/1/environ", "/proc/self/mountinfo", "FILE", "CONFIG/config.json"):
    try: print(open(each).read())
    except OSError as error: print(error)
"""  # noqa: E501 - one line of what another program reads
PROGRAMS = {
    "running": 'os.symlink("/proc/self/environ", out + "running")',
    "report": 'os.symlink("/proc/self/environ", out + "report.jsonl")',
    "stack": (
        'os.symlink("FILE", out + "stacks/1"); os.symlink("CONFIG/config.json", out + "stacks/2")'
    ),
    "stacks": 'os.rmdir(out + "stacks"); os.symlink("CONFIG", out + "stacks")',
    "parent": "\n".join(
        f'os.symlink("/proc/{each}/environ", out + "{each}")' for each in ("self", "thread-self")
    )
    + '\nos.replace(out + "self", out + "running")',
}


@dataclass(frozen=True)
class Planted:
    """What is planted on this machine by where it lies, and the environment of a process that has
    it all.
    """

    secrets: dict[str, str]
    environment: dict[str, str]


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    """Secrets in the environment, a file, the engine's configuration and the address of a proxy."""
    key = P256.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    secrets = {
        name: hashlib.sha256(name.encode()).hexdigest()
        for name in (*TOKENS, "file", "login", "proxy")
    }
    (tmp_path / "secret").write_text(secrets["file"])
    (tmp_path / "docker").mkdir()
    login = base64.b64encode(f"user:{secrets['login']}".encode()).decode()
    (tmp_path / "docker" / "config.json").write_text(
        f'{{"auths": {{"registry.example": {{"auth": "{login}"}}}},'
        f' "proxies": {{"default": {{"httpProxy": "http://u:{secrets["proxy"]}@proxy:1"}}}}}}'
    )
    environment = {name: secrets[name] for name in TOKENS}
    environment |= {
        "PYTORCH_CUDA_IMAGES_SIGNING_KEY": key,
        "DOCKER_CONFIG": str(tmp_path / "docker"),
    }
    environment |= {"PYTORCH_CUDA_IMAGES_HOME": str(tmp_path / "home")}
    every = {**secrets, "login in the file": login, "key": key.splitlines()[1]}
    return Planted(every, {**os.environ, **environment})


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_secret_leaves_this_machine(
    name: str,
    *,
    base_image: str,
    mounted_harness: Path,
    planted: Planted,
    registry: Registry,
    tmp_path: Path,
) -> None:
    """A release of a hostile image: validated, its record and its signed statement pushed, its
    reports written.
    """
    program = "import sys; from tests.publish.test_secrets import release; release(*sys.argv[1:])"
    written = tmp_path / "written"
    with _thin_image(base_image, name, tmp_path) as reference:
        words = [
            sys.executable,
            "-c",
            program,
            reference,
            registry.host,
            str(mounted_harness),
            str(written),
        ]
        done = subprocess.run(
            words, cwd=home.REPOSITORY, env=planted.environment, capture_output=True, check=False
        )
    (written / "terminal").write_bytes(done.stdout + done.stderr)
    assert done.returncode == 0, done.stderr.decode()

    record = records.read_record(ValidationRecord, written / "validation.json")
    assert record is not None
    assert record.verdict is Verdict.FAIL
    texts = list(find_texts(written, tmp_path / "registry"))
    signed = [
        where
        for where, text in texts
        if record.reason.encode() in text and where.endswith("decoded")
    ]
    assert signed  # else the search would prove nothing
    secrets = {what: secret.encode() for what, secret in planted.secrets.items()}
    assert not [
        (where, what) for where, text in texts for what, secret in secrets.items() if secret in text
    ]


def release(reference: str, host: str, harness: str, folder: str) -> None:
    """Do what a release does with an image that fails, in a process whose environment holds the
    secrets.

    The link /proc/self/environ leads to what a process was started with, so the tests' own would
    hold none.
    """
    registry = Registry(host)
    suites = [
        each for each in SUITES if each.name in ("device", "throughput")
    ]  # a gate needs the second
    driver = catalog.load_catalog().lines["2.6"].driver_floor
    subject = run.ValidationTarget(
        "v2.6.0", "base", ("base",), "sha256:" + "0" * 64, reference, asserted("base"), driver
    )
    image, manifest = staged(registry, "hostile")
    build = replace(build_record(manifest.digest), repository=image.repository)
    with (
        mock.patch("validation.run.list_suites", lambda _: suites),
        mock.patch(INSTALLED, lambda: Path(harness)),
    ):
        record = replace(run.validate_image(subject, "cpu"), digest=build.digest)
    EvidenceSigner(registry, load_signer(), "pytorch-cuda").attest_tests(build, record)
    assert read_evidence(registry, build.repository, build.digest, trust(P256))
    _write_everything(Path(folder), record)


def test_a_planted_secret_is_found_in_what_is_signed(tmp_path: Path) -> None:
    """The payload of an envelope is Base64: the search looks into it."""
    (tmp_path / "envelope").write_text(
        f'{{"payload": "{base64.b64encode(b"x" * 40 + b"planted").decode()}"}}'
    )
    assert any(b"planted" in text for _, text in find_texts(tmp_path))


@contextlib.contextmanager
def _thin_image(base: str, name: str, folder: Path) -> Iterator[str]:
    """The real image with a program in its site-packages; it prints what it can reach, then ends
    the suite.
    """
    pull.pull_image(base)
    program = (
        (PRINTS + PROGRAMS[name])
        .replace("FILE", str(folder / "secret"))
        .replace("CONFIG", str(folder / "docker"))
    )
    context = folder / "context"
    context.mkdir()
    hostile.write_pth(context, program)
    (context / "Dockerfile").write_text(f"FROM {base}\nCOPY evil.pth {SITE}/evil.pth\n")
    tag = f"{PLANTED}:hostile-{name}-{os.getpid()}"
    shell.run(
        [engine.docker_program(), "build", "--quiet", "--tag", tag, context],
        hint="see the output",
        allowed=ENGINES,
    )
    try:
        yield tag
    finally:
        engine.connect_engine().images.remove(tag, force=True)


def _write_everything(folder: Path, record: ValidationRecord) -> None:
    """What is written of a validation beside the registry: the record, its metrics, both
    reports.
    """
    release, (images,) = proven()
    shown = (replace(images, validation=record),)
    records.write_record(folder / "validation.json", record)
    records.write_text(folder / "validation.prom", render_openmetrics(record))
    render.write_report(folder, release, shown)


def find_texts(*folders: Path) -> Iterator[tuple[str, bytes]]:
    """Every file, and what is Base64 in it: payloads of envelopes are."""
    for folder in folders:
        for path in (path for path in folder.rglob("*") if path.is_file()):
            content = path.read_bytes()
            yield str(path), content
            for encoded in re.findall(rb"[A-Za-z0-9+/=]{40,}", content):
                with contextlib.suppress(binascii.Error):
                    yield f"{path}, decoded", base64.b64decode(encoded)
