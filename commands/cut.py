"""Cutting a release: all stages in order, or one by itself."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import replace

from commands.arguments import a_program, add_promotion, add_release, release
from commands.command import EXIT_OF_VERDICT, Command, print_record
from commands.prepare import run_plan
from publish.pipeline import STAGES, Release, stages_until
from publish.released.record import ReleaseRecord
from publish.state import Known
from report import difference_page, render
from report.model import ImageRecords
from runner import home, progress
from runner.errors import EXIT_OK, ConfigError, ReleaseError
from runner.verdict import Verdict, summary
from validation.executors import EXECUTORS

LOCAL = "add `--executor local`, or remove --python"
LOCAL_PYTHON = "/usr/bin/python3"


def run_release(asked: Namespace) -> int:
    """`release`: every stage in order, up to `--until`."""
    if asked.dry_run:
        return run_plan(asked)
    with home.only_run():
        return _run_stages(release(asked), stages_until(asked.until), asked)


def _add_until(command: ArgumentParser) -> None:
    command.add_argument("--until", choices=STAGES, help="the last stage to run")
    command.set_defaults(format="table")  # of the plan that --dry-run shows


def run_build(asked: Namespace) -> int:
    """`build`: make the layers that are missing, and assemble the images in staging."""
    return _run_stage(asked)


def run_validate(asked: Namespace) -> int:
    """`validate`: run the suites in containers of the digests that were built."""
    if asked.executor == "local":
        return _validate_here(asked)
    if asked.python:
        raise ConfigError(
            "--python is for the local executor, and the suites would run in containers", LOCAL
        )
    return _run_stage(asked)


def run_scan(asked: Namespace) -> int:
    """`scan`: list every package of the digests that were built, and judge it by the policy."""
    return _run_stage(asked)


def run_promote(asked: Namespace) -> int:
    """`promote`: decide from the evidence on the digests, and put the tags that the decision
    allows.
    """
    return _run_stage(asked)


def run_report(asked: Namespace) -> int:
    """`report`: write the HTML and Markdown reports; the exit code is that of the release."""
    return _run_stage(asked)


def _run_stage(asked: Namespace) -> int:
    """One stage by itself, from the records of the one before."""
    with home.only_run():
        return _run_stages(release(asked), [asked.command], asked)


def _add_renew(command: ArgumentParser) -> None:
    command.add_argument(
        "--renew", action="store_true", help="from today's Debian packages; not once it is released"
    )


def _add_executor(command: ArgumentParser) -> None:
    command.add_argument(
        "--executor",
        choices=EXECUTORS,
        default="docker",
        help="`local` runs the suites in --python and judges no image",
    )
    command.add_argument(
        "--python",
        type=a_program,
        help=f"the interpreter of the local executor (default: {LOCAL_PYTHON})",
    )


def _validate_here(asked: Namespace) -> int:
    """No engine, registry or image takes part, and no release record is written."""
    python = asked.python or LOCAL_PYTHON
    with home.only_run():
        judged = release(asked).validate_here(python)
    if asked.json:
        print_record(judged)
    for record in judged:
        progress.say(
            f"{record.image} in {python}: "
            f"{record.verdict}{f', {record.reason}' if record.reason else ''}"
        )
    return EXIT_OF_VERDICT[summary(record.verdict for record in judged)]


def _run_stages(cut: Release, stages: Sequence[str], asked: Namespace) -> int:
    record = [_run(cut, stage) for stage in stages][-1]
    if asked.json:
        print_record(record)
    if stages[-1] == "build":
        return EXIT_OK
    verdict = _verdict_of(cut, stages[-1], record)
    reason = (
        record.reason if verdict is not Verdict.PASS else ""
    )  # a stage may pass where the release does not
    progress.say(f"{record.version}: {verdict}{f', {reason}' if reason else ''}")
    return EXIT_OF_VERDICT[verdict]


def _run(cut: Release, stage: str) -> ReleaseRecord:
    """The release as it is after a stage."""
    if stage == "promote":
        return cut.promote()
    if stage == "report":
        _write_report(cut)
    else:
        getattr(cut, stage)()
    return cut.release_record()


def _verdict_of(cut: Release, stage: str, record: ReleaseRecord) -> Verdict:
    """The verdict a stage by itself ends with; the release's own from promotion on."""
    if stage not in ("validate", "scan"):
        return record.verdict
    parts = [known.validation if stage == "validate" else known.scan for known in cut.known()]
    return summary(part.verdict if part else Verdict.NOT_RUN for part in parts)


def _write_report(cut: Release) -> None:
    known = [_records(cut, each) for each in cut.known()]
    for each in known:
        if each.difference:
            difference_page.write(cut.release_path.parent / each.image, each.difference)
    for path in render.write(cut.release_path.parent, cut.release_record(), known):
        progress.say(f"report: {path}")


def _records(cut: Release, known: Known) -> ImageRecords:
    """What is known of an image.

    A report is of whatever there is: a difference that cannot be made is no end to it.
    """
    found = ImageRecords(known.build.image, known.build, known.validation, known.scan)
    try:
        return replace(found, difference=cut.difference(known.build))
    except ReleaseError as error:
        return replace(found, incomparable=error.message)


COMMANDS = (
    Command("release", run_release, (add_release, _add_until, add_promotion), longest_s=24 * 3600),
)

STAGE_COMMANDS = (
    Command("build", run_build, (add_release, _add_renew), longest_s=4 * 3600),
    Command("validate", run_validate, (add_release, _add_executor), longest_s=13 * 3600),
    Command("scan", run_scan, (add_release,), longest_s=4 * 3600),
    Command("promote", run_promote, (add_release, add_promotion), longest_s=2 * 3600),
    Command("report", run_report, (add_release,), longest_s=2 * 3600),
)
