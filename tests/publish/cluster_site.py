"""A registry with a build in staging, and a real Slurm whose two nodes have keys of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from images import catalog
from images.record import BuildRecord
from oci.registry import Registry
from publish.evidence import keys
from publish.evidence.attest import EvidenceSigner
from publish.evidence.keys import load_signing_key, load_trusted_keys
from publish.evidence.trust import Trusted
from runner import records, settings
from runner.home import REPOSITORY
from tests.fakes.slurm import NODES, started_slurm
from tests.publish.signed import WHEELS
from validation.record import ValidationRecord

VERSION = "v2.6.0"


@dataclass(frozen=True)
class Site:
    """The folder of all, the registry, the digest of the build, and whom everybody trusts."""

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
            timeout=1800,
            check=False,
        )

    def read_record(self, out: str) -> ValidationRecord:
        path = self.folder / out / VERSION / "base" / "validation.json"
        found = records.read_record(ValidationRecord, path)
        assert found is not None
        return found


@contextlib.contextmanager
def started_site(
    folder: Path, host: str, build: BuildRecord, harness: Path, cluster: str
) -> Iterator[Site]:
    """A site about a build that is in staging there; `cluster` is added to the cluster file."""
    names = ("waits", *NODES)
    for name in names:
        keys.generate_pair(folder, name)
        home = folder / ("home" if name == "waits" else f"home-{name}") / "harness"
        shutil.copytree(harness, home / harness.name)
    trusted = folder / "trusted.pem"
    trusted.write_text("".join((folder / f"{name}.pub").read_text() for name in names))
    registry, key = Registry(host), load_signing_key(str(folder / "waits.key"))
    production = catalog.load_catalog().repositories.production
    EvidenceSigner(registry, key, production).attest_build(build, WHEELS)
    (folder / "node.env").write_text(
        f"{settings.HOME}={folder}/home-$SLURMD_NODENAME\n"
        f"{settings.OUT}={folder}/out-$SLURMD_NODENAME\n"
        f"{settings.REGISTRY}={host}\n"
        f"{settings.TRUSTED_KEYS}={trusted}\n"
        f"{settings.SIGNING_KEY}={folder}/$SLURMD_NODENAME.key\n"
    )
    (folder / "cluster.yaml").write_text(
        "models: {cpu: {device: cpu, minutes: 30}}\n"
        f"node_settings: {folder}/node.env\nlog_folder: {folder}\n{cluster}"
    )
    known = Trusted(load_trusted_keys([str(trusted)]))
    with started_slurm(folder / "slurm"):
        yield Site(folder, host, build.digest, build.repository, known)
