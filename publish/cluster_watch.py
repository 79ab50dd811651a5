"""Jobs in Slurm while they wait and run: sent, found again, shown, and sent again after a fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from publish.cluster_jobs import ClusterJob, make_options, make_script
from publish.cluster_results import LOST, CollectedResult
from runner import progress, slurm
from runner.nouns import count_noun
from runner.slurm import ControllerUnreachable, JobRefused, SlurmJob
from validation.cluster import Cluster

BAD_NODE = 3
"""So many jobs in a row that end with a fault of the machine, and their node is avoided."""

_SAME_EVERYWHERE = frozenset({"CANCELLED", "TIMEOUT", "DEADLINE", "OUT_OF_MEMORY", "REVOKED"})
"""Ends that another node would not change, or that somebody wanted."""
_OF_NO_NODE = frozenset({"PREEMPTED", LOST})


@dataclass
class _Watched:
    """A job by its numbers in Slurm. `number` is None while it must be sent.

    `is_listed` is false until Slurm listed its jobs after this one was sent.
    """

    number: int | None = None
    earlier: set[int] = field(default_factory=set)
    sent: int = 0
    avoided: set[str] = field(default_factory=set)
    shown: str = ""
    problem: str = ""
    is_listed: bool = True


class JobWatch:
    """All jobs of a run by their names, and the nodes that no job of the run is sent to."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._watched: dict[str, _Watched] = {}
        self._faults: Counter[str] = Counter()
        self._avoided: set[str] = set()

    def begin(self, job: ClusterJob, known: Sequence[SlurmJob]) -> None:
        """Watch a job: the one of its name that waits or runs, else one that is sent later."""
        live = [each.number for each in known if not each.has_ended]
        ended = {each.number for each in known if each.has_ended}
        self._watched[job.name] = _Watched(live[-1] if live else None, ended, sent=len(live[-1:]))
        if live:
            progress.say_line(f"  {job.title}: job {live[-1]} of an earlier run is found again")

    def send_if_needed(self, job: ClusterJob, known: Sequence[SlurmJob]) -> str:
        """Send a job that must be sent; return why no node may take it, else an empty text.

        Raises JobRefused if Slurm takes no job of this kind at all.
        """
        watched = self._watched[job.name]
        if watched.number is not None:
            return ""
        # an answer to `sbatch` can be lost although the job was sent
        lost = [e.number for e in known if e.name == job.name and e.number not in watched.earlier]
        avoided = watched.avoided | self._avoided
        try:
            options = make_options(job, self._cluster, avoided)
            number = (
                lost[-1] if lost else slurm.submit_job(options, make_script(job, self._cluster))
            )
        except ControllerUnreachable as error:
            text = f"not sent yet: {error.message}"
            progress.say_line(f"  {job.title}: {text}", detail=text == watched.shown)
            watched.shown = text
            return ""
        except JobRefused as error:
            if not avoided:
                raise
            nodes = ", ".join(sorted(avoided))
            first = f"{watched.problem}; " if watched.problem else ""
            return f"{first}no node is left but those that are avoided ({nodes}): {error.message}"
        watched.number, watched.sent, watched.is_listed = number, watched.sent + 1, False
        progress.say_line(f"  {job.title}: job {number} sent")
        return ""

    def find_end(self, job: ClusterJob, known: Sequence[SlurmJob]) -> SlurmJob | None:
        """Return a job that has ended; None if it waits or runs, which is shown.

        Raises JobRefused if it will never start.
        """
        watched = self._watched[job.name]
        if watched.number is None:
            return None
        if not watched.is_listed:  # it was sent after Slurm listed the jobs in `known`
            watched.is_listed = True
            return None
        listed = next((each for each in known if each.number == watched.number), None)
        found = listed or slurm.find_accounted_job(watched.number)
        if found is None:
            return SlurmJob(watched.number, LOST, "", job.name)
        if found.has_ended:
            return found
        if found.state == "PENDING" and found.reason in slurm.NEVER:
            slurm.cancel_jobs([found.number])
            raise JobRefused(
                f"Slurm will never start job {found.number} ({job.title}): {found.reason}",
                "compare the cluster file with `scontrol show partition`",
            )
        text = self._describe_progress(job, found)
        if text != watched.shown:
            progress.say_line(f"  {job.title}: job {found.number} {text}")
            watched.shown = text
        return None

    def may_retry(self, job: ClusterJob, ended: SlurmJob, found: CollectedResult) -> bool:
        """Return whether a job is sent again after it ended, and remember the node's fault."""
        # of several nodes nobody knows which one is at fault
        is_known = bool(ended.node) and job.nodes == 1
        is_node = is_known and ended.state not in _OF_NO_NODE | _SAME_EVERYWHERE
        if not found.problem:
            self._faults[ended.node] = 0
            return False
        if is_node:
            self._count_fault(ended.node, found.problem)
        watched = self._watched[job.name]
        if ended.state in _SAME_EVERYWHERE or watched.sent > self._cluster.retries:
            return False
        watched.earlier.add(ended.number)
        watched.number, watched.shown, watched.problem = None, "", found.problem
        watched.avoided |= {ended.node} if is_node else set()
        return True

    def _count_fault(self, node: str, problem: str) -> None:
        """Avoid a node on which several jobs in a row ended with a fault of the machine."""
        self._faults[node] += 1
        if self._faults[node] < BAD_NODE or node in self._avoided:
            return
        self._avoided.add(node)
        count = count_noun(BAD_NODE, "job")
        progress.say_line(f"  node {node} is avoided: {count} in a row ended there: {problem}")
        # jobs that wait are sent again: only then Slurm says at once whether another node is left
        for name, each in self._watched.items():
            if each.number is not None and slurm.cancel_waiting_job(each.number, name):
                each.earlier.add(each.number)
                each.number, each.sent, each.problem = None, each.sent - 1, problem

    def _describe_progress(self, job: ClusterJob, found: SlurmJob) -> str:
        if found.state == "RUNNING":
            return f"runs on {found.node}: {found.comment or 'starts'}"
        if found.state != "PENDING":
            return f"{found.state.lower()} on {found.node}" if found.node else found.state.lower()
        try:
            queue = slurm.list_queue(job.model.partition or self._cluster.partition)
        except ControllerUnreachable:
            queue = ()
        place = (
            f", {queue.index(found.number) + 1} of {len(queue)}" if found.number in queue else ""
        )
        return f"waits ({found.reason}){place}"
