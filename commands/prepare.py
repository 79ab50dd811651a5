"""Commands before a release: doctor, plan and lock; and the check of any image."""

from __future__ import annotations

import datetime
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import chain

from commands.arguments import (
    add_database,
    add_device,
    add_images,
    load_catalog,
    make_argument,
    make_options,
    open_registry,
    parse_image_reference,
    require_line,
    typed_command,
)
from commands.cluster import add_cluster, read_cluster_request, show_jobs
from commands.command import EXIT_OF_VERDICT, Command, print_record
from commands.readiness import (
    add_channel,
    describe_lack_of_gpu,
    examine_machine_for,
    list_channel_findings,
    say_readiness,
)
from images import indexes
from images import plan as planning
from images import prune as pruning
from images.catalog import Catalog, Version
from images.support import describe_support
from oci.access import describe_access, examine_access
from oci.registry import Registry
from publish import check as checking
from publish.evidence import attest
from publish.pipeline import load_assessment_context
from publish.policy import release_kinds
from publish.refresh import describe_changes, refresh_layers, refresh_locks
from runner import doctor, embedded, home, progress, records
from runner.errors import EXIT_OK, EnvironmentFailed
from runner.nouns import count_noun
from scan import trivy
from scan.record import count_problems

OPTIONAL_VERSION = make_argument(
    "version",
    nargs="?",
    help="for example v2.6.0; by default the newest of every line",
)
FORMAT = make_argument(
    "--format",
    choices=("table", "json", "github"),
    default="table",
    help="by default table; github is a matrix of jobs for GitHub Actions",
)

PROBLEMS_SHOWN = 50
"""Problems of an image that `check` shows on the terminal, one a line."""


def run_doctor(arguments: Namespace) -> int:
    """`doctor`: show what this machine can do, and what it lacks."""
    findings: list[doctor.MachineFinding] = []
    for each in chain(
        list_channel_findings(examine_machine_for(arguments, None)), _examine_all(arguments)
    ):
        findings.append(each)
        if not arguments.json:  # at once: the next look may wait
            sign = "ok" if each.ok else "missing" if each.required else "limited"
            progress.print_answer(f"{sign:8} {each.name:10} {' '.join(each.detail.split())}")
    if arguments.json:
        print_record(tuple(findings))
    return (
        EXIT_OK
        if all(found.ok or not found.required for found in findings)
        else EnvironmentFailed.exit_code
    )


def _examine_all(arguments: Namespace) -> Iterator[doctor.MachineFinding]:
    """Yield the state of the machine, and what this account may do in each repository.

    Only who promotes may push to production and to the journal, so that is not required.
    """
    answers = False
    for each in doctor.examine_machine(
        trivy.scanner_version,
        lambda: doctor.registry_in_use(lambda host: Registry(host).ping()),
        describe_lack_of_gpu(arguments.channel),
    ):
        answers |= each.name == "registry" and each.ok
        yield each
    if not answers:
        return
    catalog, registry = open_registry()
    for name, repository in asdict(catalog.repositories).items():
        access = examine_access(registry, repository)
        is_ok = not (access.read_problem or access.push_problem)
        is_required = name not in ("production", "journal") or bool(access.read_problem)
        yield doctor.MachineFinding(name, is_ok, is_required, describe_access(access))


def run_plan(arguments: Namespace) -> int:
    """`plan`: show what would be built, and why; needs no engine and no network without `--on`."""
    if read_cluster_request(arguments):
        show_jobs(arguments)
        return EXIT_OK
    catalog = load_catalog()
    if arguments.channel or arguments.command == "release":
        version = catalog.require_version(arguments.version) if arguments.version else None
        say_readiness(arguments, version)
    form, images = (
        "json" if arguments.json else arguments.format,
        catalog.image_names(arguments.images),
    )
    versions = _planned_versions(catalog, arguments.version)
    plans, errors = planning.make_plans(catalog, versions, images, home.out_folder())
    support = {name: line.support for name, line in catalog.lines.items()}
    today = datetime.datetime.now(datetime.UTC).date()
    plans = [replace(each, support=describe_support(support[each.line], today)) for each in plans]
    if plans:
        _print_plans(plans, form, arguments.version)
    for line, error in errors.items():
        if len(versions) > 1:
            progress.say_line(f"line {line} has no plan: {error.message}")
    for error in errors.values():
        raise error
    return EXIT_OK


def _print_plans(plans: Sequence[planning.ReleasePlan], form: str, version: str | None) -> None:
    """Print the plans as `form` says: table, json or github."""
    if form == "github":
        include = [each for plan in plans for each in plan.github_matrix()["include"]]
        progress.print_json({"include": include}, indent=None)
    elif form == "json":
        print_record(plans if version is None else plans[0])
    else:
        for plan in plans:
            _show_plan(plan)


def _planned_versions(catalog: Catalog, given: str | None) -> list[Version]:
    """Return the given version, else of every line the newest that has records, else its first."""
    if given is not None:
        return [catalog.require_version(given)]
    known = {
        line: planning.versions_with_records(home.out_folder(), line) for line in catalog.lines
    }
    return [versions[0] if versions else Version(line, 0) for line, versions in known.items()]


def _show_plan(plan: planning.ReleasePlan) -> None:
    rows = [
        (
            each.image,
            each.tag,
            str(len(each.layers)),
            progress.format_megabytes(each.estimated_size),
            "no, unchanged" if each.why == planning.UNCHANGED else f"yes: {each.why}",
        )
        for each in plan.images
    ]
    progress.print_rich_table(
        f"plan {plan.version}", ("image", "tag", "layers", "size", "build?"), rows
    )
    progress.print_answer(f"line {plan.line}: {plan.support}")


def run_lock(arguments: Namespace) -> int:
    """`lock`: update the locks of a line to the newest versions that its next release may have.

    The changes are shown. With `--layers` only the layer lock is written again; the versions of
    the wheels stay the same.
    """
    catalog = load_catalog()
    lines = list(catalog.lines) if arguments.line is None else [arguments.line]
    for line in lines:
        require_line(catalog, line)
    with home.share_home():
        if arguments.layers:
            return _lock_layers(catalog, lines, arguments)
        return _lock_wheels(catalog, lines, arguments)


def _lock_layers(catalog: Catalog, lines: Sequence[str], arguments: Namespace) -> int:
    changed = {line: refresh_layers(catalog, line) for line in lines}
    if arguments.json:
        plain = {line: {"layers": layers} for line, layers in changed.items()}
        progress.print_json(plain)
    for line, layers in changed.items():
        result = f"layers with a new lock: {', '.join(layers)}" if layers else "no layer changed"
        progress.say_line(f"line {line}: {result}")
    return EXIT_OK


def _lock_wheels(catalog: Catalog, lines: Sequence[str], arguments: Namespace) -> int:
    indexes.settings_of_uv()  # stops before anything is judged if pip and uv do not go together
    context = load_assessment_context(
        catalog,
        Registry(embedded.require_registry()),
        make_options(arguments),
        attest.load_trusted_if_any(),
    )
    changed = {line: refresh_locks(catalog, line, arguments.kind, context) for line in lines}
    if arguments.json:
        plain = {line: records.to_plain(each) if each else None for line, each in changed.items()}
        progress.print_json(plain)
    for line, difference in changed.items():
        changes = describe_changes(difference) if difference else ["locked for the first time"]
        progress.say_line(f"line {line}: {'; '.join(changes)}")
    return EXIT_OK


def _add_line(command: ArgumentParser) -> None:
    command.add_argument("line", nargs="?", help="for example 2.6; by default every line")
    command.add_argument(
        "--kind",
        choices=release_kinds.KINDS,
        default=release_kinds.PATCH,
        help="the kind of the next release, which limits the changes; by default patch",
    )
    command.add_argument(
        "--layers",
        action="store_true",
        help="only write the layer lock again; the wheel locks stay as they are",
    )


def run_check(arguments: Namespace) -> int:
    """`check`: run the suites on any image and inspect it; nothing is signed or promoted."""
    command = typed_command(arguments)
    with home.only_run():
        found = checking.check_image(
            load_catalog(),
            arguments.image,
            (arguments.line, arguments.stacks),
            arguments.device,
            command,
        )
        path = checking.record_path(home.out_folder(), found)
        records.write_record(path, found)
    if arguments.json:
        print_record(found)
    for problem in found.problems[:PROBLEMS_SHOWN]:
        progress.say_line(
            f"    {problem.kind}: {problem.where}: {problem.what} -> {problem.way_out}"
        )
    for line in found.difference.lines if found.difference else ():
        progress.say_line(f"    {line}")
    if more := count_problems(found.problems[PROBLEMS_SHOWN:]):
        progress.say_line(f"    and {count_noun(more, 'more problem')}: the record has them")
    progress.say_line(f"record: {path}")
    progress.say_line(
        f"{found.reference}: {found.verdict}{f', {found.reason}' if found.reason else ''}"
    )
    return EXIT_OF_VERDICT[found.verdict]


def _add_check(command: ArgumentParser) -> None:
    command.add_argument(
        "image",
        metavar="REF",
        type=parse_image_reference,
        help="an image in a registry, or a local image of the engine",
    )
    command.add_argument(
        "--line", default="", help="for example 2.6; by default the line in the image's labels"
    )
    command.add_argument(
        "--stacks",
        default="",
        help="for example base,cv; by default the stacks in the image's labels",
    )
    add_device(command)


def run_prune(arguments: Namespace) -> int:
    """`prune`: delete wheels, layers and pulled images that nothing needs any more.

    Deletes wheels that no lock of this checkout names, layers of the embedded registry that no
    image and no lock names, and images of this project that the engine can get again.
    """
    catalog = load_catalog()
    with home.share_home() if arguments.dry_run else home.claim_home():
        unused = pruning.find_unused(catalog, home.out_folder())
        for each in unused:
            size = progress.format_megabytes(each.bytes)
            progress.say_line(f"  {each.kind} {each.name}: {size}")
        total = sum(each.bytes for each in unused)
        freed = unused
        if not arguments.dry_run:
            freed, total = pruning.free_unused(unused)
    if arguments.json:
        print_record(freed)
    size = f"{total:,} bytes ({progress.format_megabytes(total)})"
    # the layers that only these images share are counted when they are gone
    result = f"at least {size} would be freed" if arguments.dry_run else f"{size} are free"
    progress.say_line(f"{count_noun(len(freed), 'thing')}: {result}")
    return EXIT_OK


def _add_dry_run(command: ArgumentParser) -> None:
    command.add_argument(
        "--dry-run", action="store_true", help="only show what would be deleted, and its bytes"
    )


COMMANDS = (
    Command("doctor", run_doctor, (add_channel,)),
    Command("plan", run_plan, (OPTIONAL_VERSION, add_images, FORMAT, add_channel, add_cluster)),
    Command("lock", run_lock, (add_database, _add_line), longest_s=6 * 3600),
    Command("prune", run_prune, (_add_dry_run,)),
    Command("check", run_check, (_add_check,), longest_s=6 * 3600),
)
