"""A job on a node of a cluster: some suites of one image, run, signed and attached.

The node has the digest from the machine that waits, all else from the registry and from its own
settings. It signs with its own key.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace

from images.record import BuildRecord
from publish.evidence import attest
from publish.evidence.job_results import list_job_results
from publish.pipeline import ReleaseRun
from runner import engine, progress, slurm
from runner.errors import ConfigError, EnvironmentFailed, ReleaseError
from runner.verdict import Verdict
from validation import run as validation
from validation.record import ValidationRecord
from validation.suite import list_suites

FAILED = "failed: "
"""How the comment of a job begins that ended without a result."""
OTHERS = ("podman", "apptainer", "enroot")
"""Programs that run containers too, and that suites do not run in (docs/engines.md)."""


@dataclass(frozen=True)
class NodeWork:
    """The work of one job. `device` is cpu or cuda, `job` NAME/NUMBER, `node` the node's name."""

    image: str
    digest: str
    suites: tuple[str, ...]
    device: str
    job: str
    node: str

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
        with progress.follow_steps(lambda title: slurm.mark_job(work.number, title)):
            return _judge_image(run, work)
    except ReleaseError as error:
        slurm.mark_job(work.number, f"{FAILED}{error.message}")
        raise


def _judge_image(run: ReleaseRun, work: NodeWork) -> ValidationRecord:
    slurm.mark_job(work.number, f"{work.image}: looks for the image")
    build = _read_build(run, work)
    target = run.make_validation_target(
        work.image, work.digest, build.image_reference(run.registry.host)
    )
    known = tuple(suite.name for suite in list_suites(target.stacks))
    if unknown := [name for name in work.suites if name not in known]:
        raise ConfigError(
            f"`{unknown[0]}` is no suite of {work.image}",
            "bring the checkout of this node to the commit of the machine that waits",
        )
    trusted, name = run.signing_context.trusted, work.job.partition("/")[0]
    for found in list_job_results(run.registry, build, trusted, name):
        if found.job == work.job:
            progress.say_line(f"  {work.job} has its result already: {found.record.verdict}")
            return found.record
    require_executor()
    found_now = validation.validate_image(replace(target, only=work.suites), work.device)
    suites = tuple(replace(each, node=work.node) for each in found_now.suites)
    record = replace(found_now, suites=suites, jobs=(work.job,))
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
