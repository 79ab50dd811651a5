"""A release's validation on a real Slurm of two nodes, by the commands that people type.

The image is Debian with its own Python, so its suites fail: on the nodes as on this machine.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from images import catalog
from oci.registry import Registry
from publish.evidence import keys
from publish.evidence import store as evidence
from publish.evidence.attest import EvidenceSigner
from publish.evidence.keys import load_signing_key, load_trusted_keys
from publish.evidence.predicates import TEST_PART, TEST_RESULT
from publish.evidence.trust import Trusted
from runner import engine, records, settings
from runner.home import REPOSITORY
from tests.fakes.slurm import NODES, SlurmCluster, missing_programs, started_slurm
from tests.fakes.small_image import python_image
from tests.publish.signed import WHEELS, build_record
from validation.record import ValidationRecord
from validation.suite import list_suites

pytestmark = [pytest.mark.docker, pytest.mark.thorough, pytest.mark.long]
VERSION = "v2.6.0"


@dataclass(frozen=True)
class Site:
    """A registry with a build in staging, two nodes with keys of their own, and who waits."""

    folder: Path
    host: str
    digest: str
    staging: str
    trusted: Trusted

    def type_command(self, out: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Type a command of the release on the machine that waits, with a folder of records."""
        own = {
            settings.HOME: str(self.folder / "home"),
            settings.OUT: str(self.folder / out),
            settings.REGISTRY: self.host,
            settings.CLUSTER: str(self.folder / "cluster.yaml"),
            settings.TRUSTED_KEYS: str(self.folder / "trusted.pem"),
            settings.SIGNING_KEY: str(self.folder / "waits.key"),
            "SLURM_CONF": str(self.folder / "slurm" / "slurm.conf"),
        }
        return subprocess.run(
            [sys.executable, str(REPOSITORY / "release.py"), words[0], VERSION, *words[1:]],
            capture_output=True,
            text=True,
            env={**os.environ, **own},
            timeout=900,
            check=False,
        )

    def read_record(self, out: str) -> ValidationRecord:
        path = self.folder / out / VERSION / "base" / "validation.json"
        found = records.read_record(ValidationRecord, path)
        assert found is not None
        return found


@pytest.fixture
def site(
    registry_host: str, mounted_harness: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    if lacking := missing_programs():
        pytest.skip(f"NOT RUN (slurm): {lacking}")
    shipped = catalog.load_catalog()
    staging = shipped.repositories.staging
    reference = f"{registry_host}/{staging}:{VERSION}"
    client = engine.connect_engine()
    client.images.get(python_image()).tag(reference)
    client.images.push(reference)
    client.images.remove(reference)
    registry = Registry(registry_host)
    digest = registry.resolve_digest(staging, VERSION)
    assert digest is not None
    names = ("waits", *NODES)
    for name in names:
        keys.generate_pair(tmp_path, name)
        home = tmp_path / ("home" if name == "waits" else f"home-{name}") / "harness"
        shutil.copytree(mounted_harness, home / mounted_harness.name)
    trusted = tmp_path / "trusted.pem"
    trusted.write_text("".join((tmp_path / f"{name}.pub").read_text() for name in names))
    build = replace(build_record(digest), version=VERSION, repository=staging)
    key = load_signing_key(str(tmp_path / "waits.key"))
    EvidenceSigner(registry, key, shipped.repositories.production).attest_build(build, WHEELS)
    (tmp_path / "node.env").write_text(
        f"{settings.HOME}={tmp_path}/home-$SLURMD_NODENAME\n"
        f"{settings.OUT}={tmp_path}/out-$SLURMD_NODENAME\n"
        f"{settings.REGISTRY}={registry_host}\n"
        f"{settings.TRUSTED_KEYS}={trusted}\n"
        f"{settings.SIGNING_KEY}={tmp_path}/$SLURMD_NODENAME.key\n"
    )
    (tmp_path / "cluster.yaml").write_text(
        "models: {cpu: {device: cpu, minutes: 30}}\n"
        f"node_settings: {tmp_path}/node.env\nlog_folder: {tmp_path}\n"
        "groups: {slow: [ddp, throughput, workloads]}\n"
    )
    known = Trusted(load_trusted_keys([str(trusted)]))
    with started_slurm(tmp_path / "slurm") as cluster:
        assert isinstance(cluster, SlurmCluster)
        yield Site(tmp_path, registry_host, digest, staging, known)
    client.images.remove(f"{registry_host}/{staging}@{digest}")


def test_the_verdicts_of_the_nodes_are_those_of_this_machine(site: Site) -> None:
    planned = site.type_command("out", "plan", "--images", "base", "--on", "slurm")
    assert planned.returncode == 0, planned.stderr
    assert "not known, at most 30 min" in planned.stdout
    there = site.type_command("out", "validate", "--images", "base", "--on", "slurm")
    logs = "".join(path.read_text() for path in site.folder.glob("ptci-*.log"))
    assert there.returncode == 1, there.stderr + logs
    here = site.type_command("local", "validate", "--images", "base", "--device", "cpu")
    assert here.returncode == 1, here.stderr
    on_nodes, local = site.read_record("out"), site.read_record("local")
    assert {each.suite: each.verdict for each in on_nodes.suites} == {
        each.suite: each.verdict for each in local.suites
    }
    assert (on_nodes.verdict, on_nodes.key) == (local.verdict, local.key)
    ran = {each.suite: each.node for each in on_nodes.suites}
    assert {*NODES} >= {ran[suite.name] for suite in list_suites(("base",))} - {""}
    found = evidence.read_evidence(Registry(site.host), site.staging, site.digest, site.trusted)
    signers = {each.signer for each in found if each.predicate_type == TEST_PART}
    assert signers and not any(each.problem for each in found)
    assert [each for each in found if each.predicate_type == TEST_RESULT]
    # a plan knows now how long these suites take
    again = site.type_command("out", "plan", "--images", "base", "--on", "slurm")
    assert "not known" not in again.stdout
