"""The suite of two nodes on a real Slurm of two nodes, in the real base image.

Each job is that of `validate --on slurm`. The other suites of the image are not run: they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from images import catalog
from images import plan as planning
from images.record import BuildRecord
from oci.manifest import Manifest
from oci.registry import Registry
from publish.cluster_jobs import plan_jobs
from publish.evidence import store as evidence
from publish.evidence.attest import EvidenceSigner
from publish.evidence.keys import load_signing_key
from publish.evidence.predicates import TEST_PART, TEST_RESULT, list_artifacts, test_result
from publish.pipeline import ReleaseRun, StageOptions
from runner import embedded, engine
from runner.moments import format_now
from runner.verdict import Verdict
from tests.fakes.planted_node import make_checkout
from tests.fakes.slurm import NODES, missing_programs
from tests.publish.cluster_site import VERSION, Site, started_site
from tests.publish.signed import suite, validation_record
from tests.real_images import record_of
from validation.cluster import load_cluster
from validation.node_results import OTHER_NODE
from validation.record import SuiteResult, ValidationRecord
from validation.run import hash_inputs, plan_gpus

pytestmark = [pytest.mark.docker, pytest.mark.thorough, pytest.mark.long]
StartSite = Callable[[dict[str, str]], Site]


@pytest.fixture(scope="module")
def copied_base(registry_host: str, tmp_path_factory: pytest.TempPathFactory) -> BuildRecord:
    """Return the real base image in staging of the tests' own registry."""
    build = record_of("base")
    source, target = Registry(embedded.require_registry()), Registry(registry_host)
    found = source.read_manifest(build.repository, build.digest)
    assert isinstance(found, Manifest)
    file = tmp_path_factory.mktemp("blobs") / "blob"
    for blob in found.parse_blobs():
        with file.open("wb") as written:
            written.writelines(source.iter_blob(build.repository, blob))
        target.push_file(build.repository, file, blob.digest, lambda _: None)
    file.unlink()
    target.put_manifest(build.repository, VERSION, found)
    return build


@pytest.fixture
def start(
    copied_base: BuildRecord, registry_host: str, mounted_harness: Path, tmp_path: Path
) -> Iterator[StartSite]:
    """Return a function that starts two nodes, with the fault of each by its name."""
    if lacking := missing_programs():
        pytest.skip(f"NOT RUN (slurm): {lacking}")
    with ExitStack() as stack:

        def start_site(faults: dict[str, str]) -> Site:
            checkout = make_checkout(tmp_path / "nodes", faults, part_s=60)
            more = f"multinode: [cpu]\nretries: 0\ncheckout: {checkout}\n"
            return stack.enter_context(
                started_site(tmp_path, registry_host, copied_base, mounted_harness, more)
            )

        yield start_site
    engine.connect_engine().images.remove(copied_base.image_reference(registry_host))


def validate(site: Site) -> tuple[ValidationRecord, SuiteResult]:
    """Validate base, whose suites of one machine stand; return the whole and that of two nodes."""
    _let_others_stand(site)
    site.type_command("out", "validate", "--images", "base", "--on", "slurm")
    record = site.read_record("out")
    logs = "".join(path.read_text() for path in site.folder.glob("ptci-*.log"))
    found = next((each for each in record.suites if each.suite == "multinode"), None)
    assert found is not None, logs
    print(logs, found)
    return record, found


def _let_others_stand(site: Site) -> None:
    """Sign a pass of the job of all other suites, so that it is not run."""
    shipped = catalog.load_catalog()
    number, registry = shipped.require_version(VERSION), Registry(site.host)
    plan = planning.make_plan(shipped, number, ["base"], site.folder / "out")
    run = ReleaseRun(shipped, number, plan, registry, site.folder / "out", StageOptions(), "x")
    build = replace(record_of("base"), version=VERSION)
    whole, _ = sorted(
        plan_jobs(run, load_cluster(site.folder / "cluster.yaml"), ["cpu"], {"base": build}),
        key=lambda job: job.nodes,
    )
    expected = plan_gpus(whole.subject.expected, 0)
    record = replace(
        validation_record(build, *map(suite, whole.subject.only), gpus=()),
        key=hash_inputs(whole.subject, expected),
        jobs=(f"{whole.name}/1",),
        started_at=format_now(),
    )
    key = load_signing_key(str(site.folder / "n1.key"))
    EvidenceSigner(registry, key, shipped.repositories.production).attest_tests(build, record)


def test_two_nodes_pass_and_both_sign(start: StartSite) -> None:
    site = start({})
    record, found = validate(site)
    assert found.verdict is Verdict.NOT_RUN, found  # what needs a GPU
    assert {each.verdict for each in found.checks} == {Verdict.PASS, Verdict.NOT_RUN}
    assert found.node == ", ".join(NODES)
    assert record.verdict is Verdict.INCONCLUSIVE, record.reason
    registry = Registry(site.host)
    statements = evidence.read_evidence(registry, site.staging, site.digest, site.trusted)
    parts = [each for each in statements if each.predicate_type == TEST_PART]
    assert not any(each.problem for each in statements)
    assert len({each.signer for each in parts}) == 2, "each node has a key of its own"
    whole = [each.statement for each in statements if each.predicate_type == TEST_RESULT][-1]
    assert whole is not None
    assert len({each.artifact for each in parts} & {*list_artifacts(whole)}) == 1, "the joined one"
    claim = test_result.read_test_result(whole)
    assert {each.name: each.verdict for each in claim.suites}["multinode"] is Verdict.NOT_RUN
    assert "multi-node" not in claim.levels, "there is no GPU"


def test_gradients_summed_on_one_node_fail_the_whole(start: StartSite) -> None:
    record, found = validate(start({"n2": "sums"}))
    assert (record.verdict, found.verdict) == (Verdict.FAIL, Verdict.FAIL)
    checks = {each.name: each for each in found.checks}
    assert checks["gradients[gloo]"].verdict is Verdict.FAIL
    assert checks["gradients[gloo]"].reason.startswith("n1: gradients of rank 0 of 2 in step 1 off")


def test_a_node_that_dies_is_no_failure_of_the_image(start: StartSite) -> None:
    record, found = validate(start({"n2": "dies"}))
    assert (record.verdict, found.verdict) == (Verdict.INFRA, Verdict.INFRA)
    checks = {each.name: each for each in found.checks}
    assert checks["gradients[gloo]"].verdict is Verdict.PASS
    assert checks["challenge"].verdict is Verdict.INFRA
    assert "node 1 did not come" in checks["challenge"].reason
    (lacking,) = [each for each in record.suites if each.suite == OTHER_NODE]
    assert "left no result" in lacking.reason
