"""Commands that cut a release: all stages in order, or one by itself."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import replace

from commands.arguments import (
    add_database,
    add_device,
    add_promotion,
    add_release,
    load_catalog,
    make_argument,
    open_release,
    parse_program,
)
from commands.cluster import add_cluster, add_interruption, read_cluster_request
from commands.command import EXIT_OF_VERDICT, Command, print_record
from commands.prepare import run_plan
from commands.readiness import say_readiness
from images import space
from publish.cluster_run import ClusterRequest, validate_on_cluster
from publish.pipeline import STAGES, ReleaseRun, list_stages
from publish.released.record import ReleaseRecord
from report import difference_page, render
from report.model import ImageRecords
from report.sarif import SourceLine
from runner import home, progress
from runner.errors import EXIT_OK, ConfigError, ReleaseError
from runner.verdict import Verdict, summary_verdict
from validation.executors import EXECUTORS

LOCAL = "add `--executor local`, or remove `--python`"
LOCAL_PYTHON = "/usr/bin/python3"

UNTIL = make_argument("--until", choices=STAGES, help="the last stage to run")
RENEW = make_argument(
    "--renew",
    action="store_true",
    help="take today's Debian packages; ignored if the version is released",
)


def run_release(arguments: Namespace) -> int:
    """`release`: run every stage in order, up to `--until`."""
    if arguments.dry_run:
        return run_plan(arguments)
    read_cluster_request(arguments)  # a wrong option is told before any work
    version = load_catalog().require_version(arguments.version)
    say_readiness(arguments, version)
    with home.only_run():
        return _run_stages(open_release(arguments), list_stages(arguments.until), arguments)


def run_build(arguments: Namespace) -> int:
    """`build`: make the missing layers, and assemble the images in staging."""
    return _run_stage(arguments)


def run_validate(arguments: Namespace) -> int:
    """`validate`: run the suites in containers of the built images."""
    request = read_cluster_request(arguments)
    if arguments.executor == "local":
        if request is not None:
            raise ConfigError("--on slurm runs the suites in containers", "remove --executor")
        return _validate_locally(arguments)
    if arguments.python:
        raise ConfigError(
            "--python is for the local executor, but the suites run in containers", LOCAL
        )
    return _run_stage(arguments)


def run_scan(arguments: Namespace) -> int:
    """`scan`: list every package of the built images, and judge them by the policy."""
    return _run_stage(arguments)


def run_promote(arguments: Namespace) -> int:
    """`promote`: decide from the signed evidence, and set the tags that the decision allows."""
    return _run_stage(arguments)


def run_report(arguments: Namespace) -> int:
    """`report`: write the HTML and Markdown reports; the exit code is that of the verdict."""
    return _run_stage(arguments)


def _run_stage(arguments: Namespace) -> int:
    """Run one stage by itself, from the records of the one before."""
    with home.only_run():
        return _run_stages(open_release(arguments), [arguments.command], arguments)


def _add_executor(command: ArgumentParser) -> None:
    command.add_argument(
        "--executor",
        choices=EXECUTORS,
        default="docker",
        help="by default docker; `local` uses the Python of --python, and judges no image",
    )
    command.add_argument(
        "--python",
        type=parse_program,
        help=f"the Python of the local executor; by default {LOCAL_PYTHON}",
    )


def _validate_locally(arguments: Namespace) -> int:
    """Run the suites in a Python of this machine.

    No engine, registry or image is used, and no release record is written.
    """
    python = arguments.python or LOCAL_PYTHON
    with home.only_run():
        judged = open_release(arguments).validate_locally(python)
    if arguments.json:
        print_record(judged)
    for record in judged:
        progress.say_line(
            f"{record.image} in {python}: "
            f"{record.verdict}{f', {record.reason}' if record.reason else ''}"
        )
    return EXIT_OF_VERDICT[summary_verdict(record.verdict for record in judged)]


def _run_stages(cut: ReleaseRun, stages: Sequence[str], arguments: Namespace) -> int:
    request = read_cluster_request(arguments) if "validate" in stages else None
    if "validate" in stages and request is None:
        size = progress.format_megabytes(space.bytes_in_engine(cut.plan))
        progress.say_line(f"  the engine will need up to {size} to run the suites in the images")
    record = [_run_named_stage(cut, stage, request) for stage in stages][-1]
    if arguments.json:
        print_record(record)
    if stages[-1] == "build":
        return EXIT_OK
    verdict = record.verdict
    if stages[-1] in ("validate", "scan"):  # by itself, such a stage ends with its own verdict
        known = cut.record_store.read_known()
        parts = [each.validation if stages[-1] == "validate" else each.scan for each in known]
        verdict = summary_verdict(part.verdict if part else Verdict.NOT_RUN for part in parts)
    # a stage may pass though the release does not
    reason = record.reason if verdict is not Verdict.PASS else ""
    progress.say_line(f"{record.version}: {verdict}{f', {reason}' if reason else ''}")
    return EXIT_OF_VERDICT[verdict]


def _run_named_stage(cut: ReleaseRun, stage: str, request: ClusterRequest | None) -> ReleaseRecord:
    """Run a stage, and return the release as it is after it."""
    if stage == "validate" and request is not None:
        validate_on_cluster(cut, request)
        return cut.record_store.read_release()
    if stage == "promote":
        return cut.run_promote()
    if stage == "report":
        known = []
        for read in cut.record_store.read_known():
            image = ImageRecords(
                *(read.build.image, read.build, read.validation, read.scan),
                by_model=cut.record_store.read_validations_by_model(read.build),
            )
            try:
                image = replace(image, proof=cut.read_proof(read.build))
                known.append(replace(image, difference=cut.find_difference(read.build)))
            except ReleaseError as error:  # a report shows whatever there is
                known.append(replace(image, incomparable=error.message))
        folder = cut.record_store.release_path.parent
        for each in known:
            if each.difference:
                difference_page.write_difference(folder / each.image, each.difference)
        release, line = cut.record_store.read_release(), cut.catalog.lines[cut.version.line]
        for path in render.write_report(folder, release, known, line, _list_places(cut)):
            progress.say_line(f"report: {path}")
    else:
        stages: dict[str, Callable[[], object]] = {
            "build": cut.run_build,
            "validate": cut.run_validate,
            "scan": cut.run_scan,
        }
        stages[stage]()
    return cut.record_store.read_release()


def _list_places(cut: ReleaseRun) -> dict[str, SourceLine]:
    """Return the line of the lock that holds each wheel, by `NAME@VERSION`."""
    return {
        f"{wheel.name}@{wheel.version}": SourceLine(
            f"images/{layer.stack}/{cut.version.line}.lock", wheel.line
        )
        for planned in cut.plan.images
        for layer in planned.layers
        for wheel in layer.wheels
    }


COMMANDS = (
    Command(
        "release",
        run_release,
        (
            add_release,
            add_device,
            add_cluster,
            add_interruption,
            add_database,
            UNTIL,
            add_promotion,
        ),
        longest_s=24 * 3600,
    ),
)

STAGE_COMMANDS = (
    Command("build", run_build, (add_release, RENEW), longest_s=4 * 3600),
    Command(
        "validate",
        run_validate,
        (add_release, add_device, _add_executor, add_cluster, add_interruption),
        longest_s=13 * 3600,
    ),
    Command("scan", run_scan, (add_release, add_database), longest_s=4 * 3600),
    Command("promote", run_promote, (add_release, add_database, add_promotion), longest_s=2 * 3600),
    Command("report", run_report, (add_release, add_database), longest_s=2 * 3600),
)
