"""Commands on a cluster: the job on a node, the jobs of a plan, and the arguments of both sides."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from functools import partial

from commands.arguments import add_device, open_release
from commands.command import EXIT_OF_VERDICT, Command, print_record
from publish.cluster_jobs import plan_jobs
from publish.cluster_node import NodeWork, describe_suites, run_on_node
from publish.cluster_results import find_standing_result
from publish.cluster_run import ClusterRequest
from publish.pipeline import ReleaseRun
from runner import home, progress
from runner.errors import ConfigError
from runner.settings import split_names
from runner.untrusted import clean_line
from validation.cluster import load_cluster

SLURM = "slurm"
_WORK = (
    ("--digest", r"sha256:[0-9a-f]{64}", "sha256:...", "its digest"),
    ("--suites", r"[a-z]+(?:,[a-z]+){0,100}", "a,b", "the suites, with commas between"),
    (
        "--job",
        r"[A-Za-z0-9._-]{1,200}/[0-9]{1,10}",
        "NAME/NUMBER",
        "the job of Slurm, as NAME/NUMBER",
    ),
    ("--node", r"[A-Za-z0-9._-]{1,100}", "a name of a node", "the name of this node"),
)
"""(option, form, example of the form, help) of what a job is to do."""
_PLACE = (
    ("--rank", "[01]", "0 or 1", "0", "of a job of two nodes: the number of this one"),
    (
        "--leader",
        "[A-Za-z0-9.:_-]{1,253}",
        "an address",
        "",
        "of a job of two nodes: the address of the first one",
    ),
)
"""(option, form, example of the form, default, help) of a node among those of a job."""
DAY_S = 24 * 3600


def add_cluster(command: ArgumentParser) -> None:
    """Add `--on` and `--models`: the cluster that the suites run on."""
    command.add_argument(
        "--on",
        choices=(SLURM,),
        default="",
        help="run the suites as jobs of a cluster; by default on this machine",
    )
    command.add_argument(
        "--models",
        metavar="NAMES",
        help="models of the cluster file, for example l4,h100; by default all of them",
    )


def add_interruption(command: ArgumentParser) -> None:
    """Add `--if-interrupted`: what happens to the jobs at Ctrl-C."""
    command.add_argument(
        "--if-interrupted",
        choices=("ask", "keep", "cancel"),
        default="ask",
        help="what Ctrl-C does with the jobs of --on; by default it asks, and without a terminal "
        "it keeps them",
    )


def read_cluster_request(arguments: Namespace) -> ClusterRequest | None:
    """Return what the arguments ask of a cluster; None if the suites run on this machine.

    Raises ConfigError if an option would have no effect.
    """
    if not arguments.on:
        if arguments.models is None and arguments.if_interrupted == "ask":
            return None
        raise ConfigError(
            "--models and --if-interrupted are for a cluster", "add `--on slurm`, or remove them"
        )
    if arguments.device != "auto":
        raise ConfigError(
            "--on slurm uses the devices of the cluster file",
            "remove --device; choose models with --models",
        )
    return ClusterRequest(arguments.models, arguments.if_interrupted)


def show_jobs(arguments: Namespace) -> None:
    """Print the jobs of a release, the longest first, with hours of GPUs, as a table.

    Raises ConfigError if no version was named, or a form that this table does not have.
    """
    if arguments.json or arguments.format != "table":
        raise ConfigError("the plan of --on slurm is a table only", "remove --json and --format")
    if not arguments.version:
        raise ConfigError(
            "a plan of jobs needs a version", "name one: ./release.py plan v2.6.0 --on slurm"
        )
    run, cluster = open_release(arguments), load_cluster()
    models = cluster.choose_models(arguments.models)
    try:
        found = run.record_store.read_builds()
        builds = {each.image: each for each in found}
        jobs = plan_jobs(run, cluster, models, builds)
    except ConfigError as error:
        progress.say_line(f"{error.message}: the plan is that of all suites")
        images = [planned.image for planned in run.plan.images]
        jobs = plan_jobs(run, cluster, models, dict.fromkeys(images))
    rows, hours = [], 0.0
    for job in jobs:
        standing = find_standing_result(run, job, ()) if job.build else None
        hours += 0.0 if standing else job.gpu_hours
        state = f"no: {standing.record.verdict}" if standing else "yes"
        estimate = job.estimate_s
        unknown = f"not known, at most {job.model.minutes} min"
        minutes = unknown if estimate is None else f"{estimate / 60:.1f} min"
        rows.append((job.title, minutes, f"{job.gpu_hours:.2f}", state))
    heads = ("job", "time", "GPU hours", "run?")
    progress.print_rich_table(f"jobs of {run.version}", heads, rows)
    progress.print_answer(f"to run: {hours:.2f} GPU hours")


def run_job(arguments: Namespace) -> int:
    """`run-job`: run suites of an image on a node of a cluster; a job of Slurm calls it."""
    arguments.images = arguments.image
    work = NodeWork(
        arguments.image,
        arguments.digest,
        split_names(arguments.suites),
        arguments.device,
        arguments.job,
        arguments.node,
        int(arguments.rank),
        arguments.leader,
    )
    with home.share_home():
        run: ReleaseRun = open_release(arguments)
        record = run_on_node(run, work)
    if arguments.json:
        print_record(record)
    progress.say_line(f"{record.image}: {record.verdict}, {describe_suites(record)}")
    return EXIT_OF_VERDICT[record.verdict]


def parse_form(form: str, example: str, text: str) -> str:
    """Return `text` if it has the form, a regular expression. Raises ArgumentTypeError if not."""
    if not re.fullmatch(form, text):
        raise ArgumentTypeError(f"`{clean_line(text, 60)}` is not of the form {example}")
    return text


def _add_work(command: ArgumentParser) -> None:
    command.add_argument("version", help="for example v2.6.0")
    command.add_argument("--image", required=True, help="the image, for example cv")
    for option, form, example, words in _WORK:
        command.add_argument(
            option, required=True, type=partial(parse_form, form, example), help=words
        )
    for option, form, example, default, words in _PLACE:
        command.add_argument(
            option, default=default, type=partial(parse_form, form, example), help=words
        )
    add_device(command)


COMMANDS = (Command("run-job", run_job, (_add_work,), longest_s=14 * DAY_S),)
