"""A job on a node of a cluster: some suites of one image, run, signed and attached.

The node has the digest from the machine that waits, all else from the registry and from its own
settings. It signs with its own key.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace

from images.record import BuildRecord
from publish.cluster_peers import choose_port, join_others, name_result, require_free_ports
from publish.evidence import attest
from publish.evidence.job_results import list_job_results
from publish.pipeline import ReleaseRun
from runner import engine, progress, slurm
from runner.errors import ConfigError, EnvironmentFailed, ReleaseError
from runner.verdict import Verdict
from validation import run as validation
from validation.record import ValidationRecord
from validation.suite import MULTINODE, list_suites
from validation.suites.contract.node_place import NodePlace

FAILED = "failed: "
"""How the comment of a job begins that ended without a result."""
OTHERS = ("podman", "apptainer", "enroot")
"""Programs that run containers too, and that suites do not run in (docs/engines.md)."""


@dataclass(frozen=True)
class NodeWork:
    """The work of one job. `device` is cpu or cuda, `job` NAME/NUMBER, `node` the node's name.

    In a job of several nodes, `rank` is the number of this one and `leader` the address of the
    first; otherwise `leader` is empty.
    """

    image: str
    digest: str
    suites: tuple[str, ...]
    device: str
    job: str
    node: str
    rank: int = 0
    leader: str = ""

    @property
    def place(self) -> NodePlace | None:
        """The place of this node among those of the job; None if it has one node."""
        port = choose_port(self.number)
        return NodePlace(self.rank, self.leader, port) if self.leader else None

    @property
    def number(self) -> int:
        """The number of the job in Slurm; 0 if it has none."""
        digits = self.job.rpartition("/")[2]
        return int(digits) if digits.isascii() and digits.isdigit() else 0


def run_on_node(run: ReleaseRun, work: NodeWork) -> ValidationRecord:
    """Run the suites of a job, and attach what was found; once, though the job is started again.

    The job's comment in Slurm has the suite that runs, or why there is no result.
    """
    try:
        # of several nodes, the first one tells
        with progress.follow_steps(
            lambda title: slurm.mark_job(work.number, title) if work.rank == 0 else None
        ):
            return _judge_image(run, work)
    except ReleaseError as error:
        slurm.mark_job(work.number, f"{FAILED}{error.message}")
        raise


def _judge_image(run: ReleaseRun, work: NodeWork) -> ValidationRecord:
    if work.rank == 0:
        slurm.mark_job(work.number, f"{work.image}: looks for the image")
    build = _read_build(run, work)
    target = run.make_validation_target(
        work.image, work.digest, build.image_reference(run.registry.host)
    )
    known = tuple(suite.name for suite in list_suites(target.stacks))
    allowed = (MULTINODE.name,) if work.place else known
    if unknown := [name for name in work.suites if name not in allowed]:
        raise ConfigError(
            f"`{unknown[0]}` is no suite of {work.image}",
            "bring the checkout of this node to the commit of the machine that waits",
        )
    job = name_result(work.job, work.rank)
    trusted, name = run.signing_context.trusted, job.partition("/")[0]
    for found in list_job_results(run.registry, build, trusted, name):
        if found.job == job:
            progress.say_line(f"  {job} has its result already: {found.record.verdict}")
            return found.record
    require_executor()
    if work.place:
        require_free_ports(work.place)
    subject = replace(target, only=work.suites, place=work.place)
    found_now = validation.validate_image(subject, work.device)
    suites = tuple(replace(each, node=work.node) for each in found_now.suites)
    record = replace(found_now, suites=suites, jobs=(job,))
    if work.place and work.rank == 0:
        record = join_others(run, build, subject, record)
    signer = run.signing_context.evidence_signer
    if set(work.suites) == set(known):
        signer.attest_tests(build, record)
    else:
        signer.attest_part(build, record)
    return record


def _read_build(run: ReleaseRun, work: NodeWork) -> BuildRecord:
    """Return the signed record of the build of the digest; nothing else says what it is."""
    staging, trusted = run.catalog.repositories.staging, run.signing_context.trusted
    build = attest.read_signed_record(
        run.registry, staging, work.digest, "build", BuildRecord, trusted
    )
    if build is None or (build.version, build.image) != (str(run.version), work.image):
        raise ConfigError(
            f"no key that this node trusts signed {run.version} {work.image} as {work.digest}",
            "add the public key of the machine that built it to the settings of the node",
        )
    return build


def require_executor() -> None:
    """Raise EnvironmentFailed if no engine of this node runs suites; it names what was tried."""
    try:
        engine.connect_engine()
    except ReleaseError as error:
        there = [name for name in OTHERS if shutil.which(name)]
        others = f"{' and '.join(there)}: installed, not supported" if there else "nothing else"
        raise EnvironmentFailed(
            f"no engine of this node runs suites (Docker: {error.message}; {others})",
            "install Docker on the node (docs/engines.md)",
        ) from None


def describe_suites(record: ValidationRecord) -> str:
    """Return how many suites of a record passed, in words."""
    passed = sum(each.verdict is Verdict.PASS for each in record.suites)
    return f"{passed} of {len(record.suites)} pass"
