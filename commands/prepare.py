"""Before a release: is this machine ready, what would be built, and from which locks."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from rich.table import Table

from commands.arguments import add_database, add_images, options
from commands.command import Command, print_record
from images import catalog as catalogue
from images import plan as planning
from images.catalog import Catalog, Version
from oci.registry import Registry
from publish.evidence import attest
from publish.pipeline import todays_judges
from publish.refresh import changes, refresh
from publish.rules import kinds
from runner import doctor, embedded, home, progress, records
from runner.errors import EXIT_OK, EnvironmentFailed
from scan import trivy


def run_doctor(asked: Namespace) -> int:
    """`doctor`: what this machine can do."""
    findings = doctor.examine(trivy.version, doctor.default_registry)
    for found in findings:
        sign = "ok" if found.ok else "missing" if found.required else "limited"
        progress.say(f"{sign:8} {found.name:9} {found.detail}")
    if asked.json:
        print_record(findings)
    return EXIT_OK if all(found.ok or not found.required for found in findings) else EnvironmentFailed.exit_code


def run_plan(asked: Namespace) -> int:
    """`plan`: what would be built and why, without engine or network."""
    catalog = catalogue.load()
    form, images = "json" if asked.json else asked.format, catalog.image_names(asked.images)
    plans = [planning.make(catalog, version, images, home.out()) for version in _versions(catalog, asked.version)]
    if form == "github":
        print(json.dumps({"include": [each for plan in plans for each in plan.github_matrix()["include"]]}))
    elif form == "json":
        print_record(plans[0] if asked.version else plans)
    else:
        for plan in plans:
            progress.table(_plan_table(plan))
    return EXIT_OK


def _add_version(command: ArgumentParser) -> None:
    command.add_argument("version", nargs="?", help="as v2.6.0; the newest of every line by default")


def _add_format(command: ArgumentParser) -> None:
    command.add_argument("--format", choices=("table", "json", "github"), default="table")


def _versions(catalog: Catalog, given: str | None) -> list[Version]:
    """The version asked for, else the newest with records of every line, else its first."""
    if given:
        return [catalog.version(given)]
    return [_newest(line) for line in catalog.lines]


def _newest(line: str) -> Version:
    known = (path.name.rpartition(".")[2] for path in home.out().glob(f"v{line}.*"))
    return Version(line, max((int(patch) for patch in known if patch.isdigit()), default=0))


def _plan_table(plan: planning.Plan) -> Table:
    table = Table("image", "tag", "layers", "size", "why", title=f"plan {plan.version}")
    for planned in plan.images:
        size = progress.megabytes(planned.estimated_size)
        table.add_row(planned.image, planned.tag, str(len(planned.layers)), size, planned.why)
    return table


def run_lock(asked: Namespace) -> int:
    """`lock`: take a line's locks as far forward as the next release of a kind may carry, and say what moved."""
    catalog = catalogue.load()
    lines = [asked.line] if asked.line else list(catalog.lines)
    for line in lines:
        catalog.version(f"v{line}.0")
    judges = todays_judges(catalog, Registry(embedded.host()), options(asked), attest.trusted_if_anybody())
    changed = {line: refresh(catalog, line, asked.kind, judges) for line in lines}
    if asked.json:
        print(json.dumps({line: records.plain(each) if each else None for line, each in changed.items()}, indent=2))
    for line, difference in changed.items():
        progress.say(f"line {line}: {'; '.join(changes(difference)) if difference else 'locked for the first time'}")
    return EXIT_OK


def _add_line(command: ArgumentParser) -> None:
    command.add_argument("line", nargs="?", help="as 2.6; every line by default")
    command.add_argument(
        "--kind", choices=kinds.KINDS, default=kinds.PATCH, help="of the next release; patch by default"
    )


COMMANDS = (
    Command("doctor", run_doctor),
    Command("plan", run_plan, (_add_version, add_images, _add_format)),
    Command("lock", run_lock, (add_database, _add_line)),
)
