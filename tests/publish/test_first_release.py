"""The first releases of a team with one GPU, from an empty registry to a rollback, as one story.

The registry is real: it wants an account, speaks TLS, and everything is below a namespace. Every
step is a command. No GPU is needed: the images are small, and what their builds, tests and scans
found is signed as the stages would sign it on a machine with one NVIDIA L4.
"""

from __future__ import annotations

import datetime
import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from commands import arguments
from commands.parser import parse
from images import catalog as catalogue
from images.names import image_tag
from oci.registry import Registry
from publish import pipeline
from publish.evidence import attest, keys
from publish.tags import lock
from runner import home, progress, records, settings
from runner.errors import ReleaseError
from tests.fakes import trivy_db
from tests.fakes.cyclonedx import sbom
from tests.publish import channel_table, test_readiness
from tests.publish.channel_table import L4
from tests.publish.line import TODAY, Line
from tests.publish.secured import secured
from validation import floor, nvml

NAMESPACE = "acme/images"
IMAGES = ("base", "cv")
FIRST, PATCH = "v2.11.0", "v2.11.1"
PAGE = home.REPOSITORY / "docs" / "first-release.md"
NEXT = f"./release.py release {PATCH} --channel monthly"
MONTHLY = ("v2.11", "v2.11-monthly", "2026.11", "latest")
QUARTERLY = ("v2.11-quarterly", "2026q4")
CAN_PROVE = "1 x NVIDIA L4; can prove one-gpu-gloo, one-gpu-nccl"
PROVEN = "gradient sync proven with NCCL on one NVIDIA L4 over sockets"
UNPROVEN = "transport between GPUs: not tested"


@dataclass(frozen=True)
class Team:
    """A maintainer at a terminal: what is typed, and what the registry then holds."""

    host: str
    folder: Path
    capsys: pytest.CaptureFixture[str]
    typed: list[str] = field(default_factory=list)
    """The commands that were typed, as docs/first-release.md writes them."""

    def type_command(self, *words: str, expect: int = 0) -> str:
        """Run one command as `release.py` does; return all that it says, in one line."""
        asked = parse(words)
        named = shlex.join(words).replace(str(self.folder), "~")
        self.typed.append(f"./release.py {re.sub(' --trivy-db [^ ]+', '', named)}")
        try:
            code = asked.run(asked)
        except ReleaseError as error:
            progress.say_line(f"error: {error}")
            code = error.exit_code
        shown = self.capsys.readouterr()
        said = " ".join((shown.err + shown.out).split())
        assert code == expect, (words, said)
        return said

    def list_tags(self) -> dict[str, str]:
        """Return the digest of each tag of the image base in production."""
        registry, repository = Registry(self.host), f"{NAMESPACE}/pytorch-cuda"
        names = [
            each
            for each in registry.list_tags(repository)
            if not each.startswith("sha256-") and not each.endswith(IMAGES)
        ]
        return {each: registry.resolve_digest(repository, each) or "" for each in names}

    def work_on_gpu(self, version: str, jinja2: str) -> None:
        """Leave in staging what `build`, `validate` and `scan` leave there, on one L4."""
        registry, catalog = Registry(self.host), arguments.load_catalog()
        staging = catalog.repositories.staging
        line = Line(
            registry, catalog, self.folder, attest.load_signer(), attest.load_trusted_if_any()
        )
        for image in IMAGES:
            build = line.prepare(
                version, gpus=None, jinja2=jinja2, image=image, software=list_software()
            )
            record = channel_table.make_record(build, L4)
            suites = (*record.suites, channel_table.measure_speed(L4))
            record = replace(record, version=version, suites=suites)
            line.evidence_signer.attest_tests(build, record)
            manifest = registry.read_manifest(staging, build.digest)
            assert manifest is not None
            registry.put_manifest(staging, image_tag(version, image), manifest)


def list_software() -> dict[str, Any]:
    """An SBOM of torch 2.11.0, and of a libssl3 without known advisories."""
    text = json.dumps(sbom())
    for old, new in (("2.6.0", "2.11.0"), ("cu124", "cu130"), ("3.0.11", "3.0.99")):
        text = text.replace(old, new)
    software: dict[str, Any] = json.loads(text)
    return software


@pytest.fixture
def team(
    tmp_path: Path,
    home: Path,
    free_port: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Team]:
    """On the day of the evidence, with a registry that nobody has ever pushed to."""
    folder = tmp_path / "registry"
    folder.mkdir()
    shipped = replace(catalogue.load_catalog(), images=IMAGES)
    monkeypatch.setattr(catalogue, "load_catalog", lambda: shipped)
    monkeypatch.setattr(pipeline, "_today", lambda: TODAY)
    monkeypatch.setattr(lock, "_wait_until", lambda *_: None)
    monkeypatch.setattr(floor, "FOLDER", tmp_path / "expectations")
    monkeypatch.setattr(nvml, "read_inventory", lambda: test_readiness.L4)
    with secured(folder, free_port()) as host:
        monkeypatch.setenv(settings.REGISTRY, f"{host}/{NAMESPACE}")
        monkeypatch.setenv(settings.DOCKER_CONFIG, str(folder))
        monkeypatch.setenv(settings.REQUESTS_CA_BUNDLE, str(folder / "certificate.pem"))
        yield Team(host, tmp_path, capsys)


@pytest.fixture
def database(tmp_path: Path) -> str:
    """A vulnerability database of that day, which knows of nothing in these images."""
    known = (
        trivy_db.PipAdvisory("CVE-2026-1", "unrelated", ("< 1",), ("1",)),
        trivy_db.DebianAdvisory("CVE-2026-2", "unrelated", "1"),
    )
    day = datetime.datetime.combine(TODAY, datetime.time(), datetime.UTC)
    trivy_db.write(tmp_path / "db", known, updated_at=day, canaries=True)
    return str(tmp_path / "db")


@pytest.mark.docker
@pytest.mark.slow
def test_from_an_empty_registry_to_production_a_patch_and_back(
    team: Team, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    team.type_command("keys", str(team.folder / "keys"))
    monkeypatch.setenv(keys.SIGNING_KEY, str(team.folder / "keys/release.key"))
    monkeypatch.setenv(keys.TRUSTED_KEYS, str(team.folder / "keys/release.pub"))
    ask_what_is_missing(team)
    team.work_on_gpu(FIRST, "3.1.4")
    release_the_first(team)
    read_what_is_proven(team)
    commit_a_baseline(team)
    team.work_on_gpu(PATCH, "3.1.5")
    release_a_patch(team, database)
    roll_it_back(team, database)
    needs_gpu = {f"./release.py release {FIRST}", NEXT}
    assert set(list_commands()) - set(team.typed) == needs_gpu


def list_commands() -> list[str]:
    """Return every command of docs/first-release.md that a person types."""
    page = records.read_text(PAGE)
    blocks = re.findall(r"^```\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    lines = "\n".join(blocks).splitlines()
    return [line for line in lines if line.startswith("./release.py ")]


def test_every_command_of_the_page_is_one() -> None:
    commands = list_commands()
    assert len(commands) > 10
    for command in commands:
        parse(shlex.split(command)[1:])


def ask_what_is_missing(team: Team) -> None:
    """Before any work: what this machine can prove, and what the registry lacks."""
    said = team.type_command("doctor", "--channel", "production")
    assert f"channel production: {CAN_PROVE}; nothing is missing" in said
    assert "floor: provisional" in said
    assert f"registry {team.host}/{NAMESPACE} (configured)" in said
    assert f"production {NAMESPACE}/pytorch-cuda: may read and push" in said
    said = team.type_command("plan", FIRST, "--channel", "production")
    assert said.startswith(
        f"production: {CAN_PROVE}; 1 thing is missing missing: approval: a major"
    )
    said = team.type_command("verify", FIRST, expect=2)
    assert f"{team.host}/{NAMESPACE}/pytorch-cuda has no {FIRST}" in said
    said = team.type_command("promote", FIRST, "--channel", "production", expect=2)
    assert f"{FIRST} base was not built -> run `./release.py build {FIRST}`" in said
    assert team.list_tags() == {}


def release_the_first(team: Team) -> None:
    """Without a person it is a candidate; with one, production is on the release."""
    needs = "a major release needs the approval of a person (`--approve`)"
    said = team.type_command("promote", FIRST, expect=4)
    assert said.endswith(f"{FIRST}: inconclusive, not for production: base, cv: {needs}")
    candidates = {f"{FIRST}-candidate", "v2.11-candidate"}
    assert set(team.list_tags()) == candidates
    asked = ("promote", FIRST, "--channel", "production")
    said = team.type_command(*asked, expect=1)
    assert needs in said
    assert "nothing was changed" in said
    said = team.type_command(*asked, "--approve", "--dry-run")
    assert f"{NAMESPACE}/pytorch-cuda:{FIRST} would be created" in said
    assert set(team.list_tags()) == candidates
    said = team.type_command(*asked, "--approve")
    assert f"proof: {PROVEN}" in said
    assert said.endswith(f"{FIRST}: pass")
    tags = team.list_tags()
    assert set(tags) - candidates == {FIRST, *MONTHLY, *QUARTERLY}
    assert len(set(tags.values())) == 1


def read_what_is_proven(team: Team) -> None:
    """Whoever pulls it reads what was tested and what was not."""
    said = team.type_command("verify", FIRST)
    assert "14 of 15 suites pass, on 1 x NVIDIA L4; `ddp` is complete only with 2 GPUs" in said
    assert f"proof: {PROVEN}; {UNPROVEN}" in said
    assert "floor of NVIDIA L4: provisional" in said
    assert "decision: pass for production as a major release" in said
    assert said.endswith("verdict: pass")
    public = str(team.folder / "keys/release.pub")
    assert team.type_command("verify", FIRST, "--key", public).endswith("verdict: pass")
    said = team.type_command("notes", FIRST)
    assert "**Promoted to production.**" in said
    assert "inconclusive" not in said
    assert f"{PROVEN}; {UNPROVEN}" in said
    assert f"docker pull {team.host}/{NAMESPACE}/pytorch-cuda@sha256:" in said
    team.type_command("report", FIRST)
    first = records.read_text(home.out_folder() / FIRST / "report.md").splitlines()[0]
    assert "every image passed every gate" in first


def commit_a_baseline(team: Team) -> None:
    """From the first release on, the floor of this GPU is measured."""
    said = team.type_command("baseline", FIRST)
    assert f"wrote {floor.FOLDER}/2.11/nvidia-l4.yaml" in said
    assert "review and commit both files" in said
    assert "floor: measured" in team.type_command("doctor", "--channel", "production")


def release_a_patch(team: Team, database: str) -> None:
    """It moves the monthly aliases, and no quarterly one."""
    before = team.list_tags()
    said = team.type_command("plan", PATCH, "--channel", "monthly")
    assert said.startswith(f"monthly: {CAN_PROVE}; nothing is missing")
    asked = ("--channel", "monthly", "--trivy-db", database)
    assert team.type_command("promote", PATCH, *asked).endswith(f"{PATCH}: pass")
    tags = team.list_tags()
    moved = {name for name in tags if tags[name] != before.get(name)}
    assert moved == {PATCH, *MONTHLY}
    assert len({tags[name] for name in moved}) == 1
    said = team.type_command("notes", PATCH, "--trivy-db", database)
    assert "**Promoted to monthly.**" in said
    assert f"Changes since {FIRST}" in said
    assert "| `jinja2` (Python) | `3.1.4` | `3.1.5` | patch | all |" in said
    said = team.type_command("verify", "v2.11")
    assert f"provenance: {PATCH} base" in said
    assert f"proof: {PROVEN}; {UNPROVEN}" in said


def roll_it_back(team: Team, database: str) -> None:
    """One command puts every alias back; the patch stays under its own tag, and is proven."""
    before = team.list_tags()
    team.type_command("rollback", "v2.11", "--trivy-db", database)
    tags = team.list_tags()
    assert tags == {**before, **dict.fromkeys(MONTHLY, before[FIRST])}
    assert tags[PATCH] != tags[FIRST]
    said = team.type_command("verify", "v2.11")
    assert f"provenance: {FIRST} base" in said
    assert said.endswith("verdict: pass")
    assert team.type_command("verify", PATCH).endswith("verdict: pass")
