"""Say what this machine can prove for a channel, for `doctor`, `plan` and `release`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from images.catalog import Version
from publish.policy import channels
from publish.promotion import PromotionRequest
from publish.readiness import Readiness, ReleasePlans, examine_readiness
from publish.released.published import PRODUCTION
from runner import progress
from runner.doctor import MachineFinding
from validation import nvml


def add_channel(command: ArgumentParser) -> None:
    """Add `--channel`, the channel that this machine is examined for."""
    command.add_argument(
        "--channel",
        choices=channels.load().channels,
        default="",
        help="say what this machine can prove for this channel; by default production",
    )


def examine_machine_for(arguments: Namespace, version: Version | None) -> Readiness:
    """Return what this machine can and cannot prove for the channel that a person named."""
    request = PromotionRequest(arguments.channel, arguments.kind, arguments.approve)
    database = arguments.trivy_db or arguments.db_repository or ""
    plans = ReleasePlans(version, request, database)
    known = channels.load()
    inventory = nvml.Inventory(problem="--device cpu was asked for")
    if arguments.device != "cpu":
        inventory = nvml.read_inventory()
    return examine_readiness(known, arguments.channel or PRODUCTION, plans, inventory)


def say_readiness(arguments: Namespace, version: Version | None) -> None:
    """Tell a person what this machine can prove for the channel, before any work."""
    for line in examine_machine_for(arguments, version).describe_readiness():
        progress.say_line(line)


def describe_lack_of_gpu(channel: str) -> str:
    """Return what it means for a channel, by default production, that a machine has no GPU."""
    named = channel or PRODUCTION
    if channels.load().find_demands(named).gpus:
        return f"{named} needs the signed test result of a machine that has one"
    return f"no GPU is needed for {named}"


def list_channel_findings(ready: Readiness) -> tuple[MachineFinding, ...]:
    """Return the answer for `doctor`: what the machine can prove, and each thing that is missing.

    Nothing of it is required of this machine: signed evidence of another one can add it.
    """
    return (
        MachineFinding("channel", ready.is_ready, False, ready.summary_line),
        *(MachineFinding("lacks", False, False, each) for each in ready.missing),
        *(MachineFinding("note", True, False, each) for each in ready.all_notes),
    )
