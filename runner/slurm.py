"""Slurm's commands: jobs are sent, listed, marked and cancelled. Nothing is kept here.

What Slurm prints has words of administrators and of jobs in it, so it is cleaned. A line that has
not the form that was asked for is about a job of somebody else, and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from runner import child_programs, progress, shell
from runner.child_variables import SLURM
from runner.errors import ConfigError, EnvironmentFailed, ProgramTooSlow
from runner.untrusted import clean_line

HINT = "see that `sinfo` answers on this machine (docs/cluster.md)"
ANSWER_S = 60.0
"""Seconds for one answer of Slurm. Its commands themselves give up after less."""
COMMENT_CHARACTERS = 200

ENDED = frozenset({
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY",
    "PREEMPTED", "REVOKED", "TIMEOUT",
})  # fmt: skip
"""The states of a job that has ended. In any other state, also one of a newer Slurm, it may run."""
NEVER = frozenset({
    "AccountNotAllowed", "BadConstraints", "InvalidAccount", "InvalidQOS", "PartitionConfig",
    "PartitionTimeLimit", "QOSNotAllowed",
})  # fmt: skip
"""The reasons of Slurm for a waiting job that will never start as it is."""

_UNREACHABLE = re.compile(
    "Unable to contact slurm controller|Socket timed out|Connection (?:refused|reset)|Zero Bytes"
    "|Communication connection failure|Unable to connect|Transport endpoint|Insane message length"
    "|controller is not|try again|Resource temporarily unavailable",
    re.IGNORECASE,
)
_FORMAT = "%i|%T|%N|%j|%r|%k"
_LINE = re.compile(r"([0-9]{1,10})\|([A-Z_]{2,40})\|([^|]*)\|([^|]*)\|([^|]*)\|(.*)")
_ACCOUNTED = re.compile(r"([0-9]{1,10})\|([A-Z_]{2,40})[^|]*\|([^|]*)\|(.*)")
_NUMBER = re.compile(r"([0-9]{1,10})(?:;[^\n]*)?\n?")
_NO_COMMENT = "(null)"
_NO_NODE = "None assigned"
"""The node of a job that got none, as Slurm's accounting writes it."""


class ControllerUnreachable(EnvironmentFailed):
    """Slurm's controller does not answer. It may later, and jobs go on meanwhile."""


class JobRefused(ConfigError):
    """Slurm does not take a job: no such partition, account, feature or resource."""


@dataclass(frozen=True)
class SlurmJob:
    """One job as Slurm lists it. `reason` is why it waits, `comment` what the job writes itself.

    `node` is empty until it has one.
    """

    number: int
    state: str
    node: str
    name: str
    reason: str = ""
    comment: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether it will not run any more."""
        return self.state in ENDED


def submit_job(options: Sequence[str], script: str) -> int:
    """Send a job, and return its number.

    Raises JobRefused with Slurm's own words, and ControllerUnreachable: then the job may be there
    all the same.
    """
    done = _run_slurm(["sbatch", "--parsable", *options], script.encode())
    found = _NUMBER.fullmatch(done.stdout)
    if done.code == 0 and found:
        return int(found[1])
    problem = _describe_problem(done)
    if done.code == 0 or _UNREACHABLE.search(problem):
        raise ControllerUnreachable(f"sbatch: {problem}", HINT)
    raise JobRefused(
        f"Slurm refuses the job: {problem}",
        "compare the cluster file with `sinfo -o '%P %f %G %l'` and `sacctmgr show assoc`",
    )


def list_jobs() -> tuple[SlurmJob, ...]:
    """Return the jobs of this user that Slurm knows, ended ones too, the oldest first.

    Raises ControllerUnreachable.
    """
    text = _query(["squeue", "--noheader", "--me", "--states=all", f"--format={_FORMAT}"])
    found = (_LINE.fullmatch(line.rstrip()) for line in text.splitlines())
    return tuple(sorted((_make_job(each) for each in found if each), key=lambda job: job.number))


def list_queue(partition: str = "") -> tuple[int, ...]:
    """Return the numbers of the waiting jobs of all users, the one that is next first.

    Raises ControllerUnreachable.
    """
    limits = [f"--partition={partition}"] if partition else []
    command = ["squeue", "--noheader", "--states=PENDING", "--sort=-p,i", "--format=%i", *limits]
    return tuple(int(each) for each in _query(command).split() if each.isascii() and each.isdigit())


def find_accounted_job(number: int) -> SlurmJob | None:
    """Return a job that Slurm's accounting knows; None if it has none or keeps none."""
    columns = "--format=JobIDRaw,State,NodeList,JobName"
    words = ["sacct", "--noheader", "--parsable2", "--allocations", f"--jobs={number}", columns]
    text = child_programs.run_quietly(words, ANSWER_S, SLURM) or ""
    for found in filter(None, map(_ACCOUNTED.fullmatch, text.splitlines())):
        if int(found[1]) == number:
            node = "" if found[3] == _NO_NODE else clean_line(found[3], 100)
            return SlurmJob(number, found[2], node, clean_line(found[4], 200))
    return None


def list_live_jobs(names: Collection[str]) -> tuple[int, ...]:
    """Return the numbers of the jobs of these names that wait or run, as far as Slurm answers.

    It works also while a run is interrupted.
    """
    words = ("squeue", "--noheader", "--me", f"--name={','.join(names)}", "--format=%i")
    text = child_programs.run_quietly(words, ANSWER_S, SLURM) if names else ""
    return tuple(int(each) for each in (text or "").split() if each.isascii() and each.isdigit())


def cancel_jobs(numbers: Collection[int]) -> bool:
    """Cancel jobs, also while a run is interrupted; return whether Slurm took it."""
    return not numbers or _run_quietly("scancel", *map(str, numbers))


def mark_job(number: int, text: str) -> bool:
    """Write a text into the comment of a job, which `list_jobs` shows, if Slurm answers.

    Every user of the cluster can read it, so it has no secret.
    """
    comment = clean_line(progress.make_safe(text), COMMENT_CHARACTERS)
    return _run_quietly("scontrol", "update", f"JobId={number}", f"Comment={comment}")


def cancel_waiting_job(number: int, name: str) -> bool:
    """Cancel a job only if it waits; return whether it waited, and neither waits nor runs now."""
    try:
        is_waiting = number in list_queue()
    except ControllerUnreachable:
        return False
    is_answered = is_waiting and _run_quietly("scancel", "--state=PENDING", str(number))
    return is_answered and number not in list_live_jobs([name])


def _make_job(found: re.Match[str]) -> SlurmJob:
    number, state, node, name, reason, comment = found.groups()
    return SlurmJob(
        int(number),
        state,
        clean_line(node, 100),
        clean_line(name, 200),
        clean_line(reason, 100),
        "" if comment == _NO_COMMENT else clean_line(comment, COMMENT_CHARACTERS),
    )


def _query(command: Sequence[str]) -> str:
    done = _run_slurm(command)
    if done.code != 0:
        raise ControllerUnreachable(f"{command[0]}: {_describe_problem(done)}", HINT)
    return done.stdout


def _run_slurm(command: Sequence[str], stdin: bytes | None = None) -> shell.CompletedProgram:
    try:
        return shell.run_to_end(command, hint=HINT, timeout_s=ANSWER_S, stdin=stdin, allowed=SLURM)
    except ProgramTooSlow as error:
        raise ControllerUnreachable(error.message, HINT) from None


def _run_quietly(*words: str) -> bool:
    return child_programs.run_quietly(words, ANSWER_S, SLURM) is not None


def _describe_problem(done: shell.CompletedProgram) -> str:
    """Return the last line that a command of Slurm wrote to stderr, without its own name."""
    lines = [clean_line(line) for line in done.stderr.splitlines() if line.strip()]
    last = lines[-1] if lines else f"exit code {done.code} without a word"
    return re.sub(r"^(?:\w+: )?(?:error: )?(?:Batch job submission failed: )?", "", last)
