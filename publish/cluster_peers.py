"""The nodes of one job that run a suite together: their port, and their results as one.

Each node signs and attaches what it found. The first one waits for the others, and attaches what
all of them found together: only that is the result of the job.
"""

from __future__ import annotations

import socket
import time

from images.record import BuildRecord
from publish.evidence.job_results import count_unusable, list_job_results
from publish.pipeline import ReleaseRun
from runner.errors import EnvironmentFailed
from validation.node_results import join_nodes
from validation.record import ValidationRecord
from validation.run import ValidationTarget
from validation.suites.contract.node_place import NODES, PORTS, NodePlace

FIRST_PORT, PLACES = 20_000, 5_000
"""Ports below those that Linux gives to clients (32,768)."""
PART_S = 180.0
"""How long the first node waits for the result of another. Their checks end together."""
POLL_S = 3.0


def name_result(job: str, rank: int) -> str:
    """Return the job that the result of a node names: NAME/NUMBER of the first, NAME.1/NUMBER."""
    name, _, number = job.partition("/")
    return f"{name}.{rank}/{number}" if rank else job


def choose_port(number: int) -> int:
    """Return the first port of a job, by its number: two jobs in a row have different ones."""
    return FIRST_PORT + PORTS * (number % PLACES)


def require_free_ports(place: NodePlace) -> None:
    """Raise EnvironmentFailed if a port of the job is taken on the first node, which this one is.

    Sent again, the job has another number, and so other ports.
    """
    for port in range(place.port, place.port + PORTS) if place.rank == 0 else ():
        try:
            socket.create_server(("", port)).close()
        except OSError as error:
            raise EnvironmentFailed(
                f"port {port} of this node cannot be used: {error.strerror}",
                "the job gets another one if it is sent again",
            ) from None


def join_others(
    run: ReleaseRun, build: BuildRecord, subject: ValidationTarget, own: ValidationRecord
) -> ValidationRecord:
    """Return the record of all nodes: that of this one, the first, and those of the others.

    A node without a result in time is `infra`.
    """
    (job,) = own.jobs
    deadline = time.monotonic() + PART_S
    others, lacking = list[ValidationRecord](), ""
    for rank in range(1, NODES):
        wanted = name_result(job, rank)
        found = _find_record(run, build, wanted)
        while found is None and time.monotonic() < deadline:
            time.sleep(POLL_S)
            found = _find_record(run, build, wanted)
        if found is None:
            lacking = f"the other node left no result within {PART_S:.0f} s after this one"
            if count_unusable(run.registry, build, run.signing_context.trusted):
                lacking += "; one is there that no key signed which this node trusts"
        else:
            others.append(found)
    return join_nodes(subject, own, others, lacking)


def _find_record(run: ReleaseRun, build: BuildRecord, job: str) -> ValidationRecord | None:
    trusted, name = run.signing_context.trusted, job.partition("/")[0]
    results = list_job_results(run.registry, build, trusted, name)
    found = [each.record for each in results if each.job == job]
    return found[-1] if found else None
