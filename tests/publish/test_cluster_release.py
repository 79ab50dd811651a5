"""A release's validation on a real Slurm of two nodes, by the commands that people type.

The image is Debian with its own Python, so its suites fail: on the nodes as on this machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from images import catalog
from oci.registry import Registry
from publish.evidence import store as evidence
from publish.evidence.predicates import TEST_PART, TEST_RESULT
from runner import engine
from tests.fakes.slurm import NODES, missing_programs
from tests.fakes.small_image import python_image
from tests.publish.cluster_site import VERSION, Site, started_site
from tests.publish.signed import build_record
from validation.suite import list_suites

pytestmark = [pytest.mark.docker, pytest.mark.thorough, pytest.mark.long]


@pytest.fixture
def site(registry_host: str, mounted_harness: Path, tmp_path: Path) -> Iterator[Site]:
    if lacking := missing_programs():
        pytest.skip(f"NOT RUN (slurm): {lacking}")
    staging = catalog.load_catalog().repositories.staging
    reference = f"{registry_host}/{staging}:{VERSION}"
    client = engine.connect_engine()
    client.images.get(python_image()).tag(reference)
    client.images.push(reference)
    client.images.remove(reference)
    digest = Registry(registry_host).resolve_digest(staging, VERSION)
    assert digest is not None
    build = replace(build_record(digest), version=VERSION, repository=staging)
    groups = "groups: {slow: [ddp, throughput, workloads]}\n"
    with started_site(tmp_path, registry_host, build, mounted_harness, groups) as started:
        yield started
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
