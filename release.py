#!/usr/bin/env python3
"""Cut releases of the PyTorch-CUDA images: build, validate, scan, promote, report.

Exit codes: 0 done, 1 a gate refused, 2 wrong usage or configuration, 3 the environment failed, 4 inconclusive,
130 interrupted. docs/releasing.md explains every command.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_VENV = Path(__file__).resolve().parent / ".venv"
if Path(sys.prefix).resolve() != _VENV.resolve():
    if not (_VENV / "bin" / "python").exists():
        print("the harness is not set up -> run `make setup`", file=sys.stderr)
        sys.exit(3)
    os.execv(_VENV / "bin" / "python", [str(_VENV / "bin" / "python"), *sys.argv])

import argparse
import datetime
import json
import shlex
import signal
from collections.abc import Callable, Sequence

from rich.table import Table

from images import catalog as catalogue
from images import plan as planning
from images import resolve
from images.catalog import Catalog, Version
from oci.registry import Registry
from publish import webhook
from publish.compare import compare
from publish.evidence import attest, keys
from publish.evidence.verify import verify
from publish.out import released
from publish.pipeline import STAGES, Options, Release, stages_until, todays_judges
from publish.promotion import Asked
from publish.published import CANDIDATE, PRODUCTION
from publish.record import ReleaseRecord
from publish.rescan import rescan, target_judge
from publish.rules import cadence, channels, kinds
from publish.state import Known
from publish.tags import lock
from publish.tags.rollback import rollback, yank
from publish.tags.transaction import Outcome, Production
from report import difference_page, feed, notes, render
from report.feed import Place
from report.model import ImageRecords
from report.notes import ImageNotes, Notes
from runner import doctor, embedded, home, progress, records
from runner.errors import EXIT_INCONCLUSIVE, EXIT_INTERRUPTED, EXIT_OK, EnvironmentFailed, GateRefused, ReleaseError
from runner.verdict import Verdict, summary
from scan import store, trivy
from validation.executors import EXECUTORS

EXIT_OF_VERDICT = {
    Verdict.PASS: EXIT_OK,
    Verdict.FAIL: GateRefused.exit_code,
    Verdict.FLAKY: GateRefused.exit_code,
    Verdict.INFRA: EnvironmentFailed.exit_code,
    Verdict.INCONCLUSIVE: EXIT_INCONCLUSIVE,
    Verdict.NOT_RUN: EXIT_INCONCLUSIVE,
}


FEED_TITLE = "PyTorch-CUDA images"
HOME_PAGE = "https://github.com/pytorch-cuda-images/pytorch-cuda-images"


def main(arguments: Sequence[str]) -> int:
    """Run one command; every error a person can cause ends here, as one line and an exit code."""
    asked = _parser().parse_args(arguments)
    progress.set_verbose(asked.verbose)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        run: Callable[[argparse.Namespace], int] = asked.run
        return run(asked)
    except ReleaseError as error:
        progress.say(f"error: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        progress.say("interrupted -> run the same command again, it continues where it stopped")
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # whoever read our output has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except OSError as error:
        progress.say(f"error: {error.filename or 'input/output'}: {error.strerror} -> check disk space and permissions")
        return EnvironmentFailed.exit_code


def run_doctor(asked: argparse.Namespace) -> int:
    """`doctor`: what this machine can do."""
    findings = doctor.examine(trivy.version, doctor.default_registry)
    for found in findings:
        sign = "ok" if found.ok else "missing" if found.required else "limited"
        progress.say(f"{sign:8} {found.name:9} {found.detail}")
    if asked.json:
        _print(findings)
    return EXIT_OK if all(found.ok or not found.required for found in findings) else EnvironmentFailed.exit_code


def run_plan(asked: argparse.Namespace) -> int:
    """`plan`: what would be built and why, without engine or network."""
    catalog = catalogue.load()
    form = "json" if asked.json else asked.format
    for version in _versions(catalog, asked.version):
        plan = planning.make(catalog, version, catalog.image_names(asked.images), home.out())
        if form == "github":
            print(json.dumps(plan.github_matrix()))
        elif form == "json":
            _print(plan)
        else:
            progress.table(_plan_table(plan))
    return EXIT_OK


def run_lock(asked: argparse.Namespace) -> int:
    """`lock`: resolve a line again and write its locks."""
    catalog = catalogue.load()
    for line in [asked.line] if asked.line else catalog.lines:
        catalog.version(f"v{line}.0")
        resolve.refresh(catalog, line)
    return EXIT_OK


def run_rescan(asked: argparse.Namespace) -> int:
    """`rescan`: judge every published image from its stored bill of materials against today's database."""
    catalog, registry = catalogue.load(), Registry(embedded.host())
    judged = rescan(registry, catalog, todays_judges(catalog, registry, _options(asked)), asked.channel)
    if asked.json:
        _print(judged)
    for due in judged.due:
        progress.say(f"line {due.line} needs {due.next}: {'; '.join(due.reasons)}")
    if not judged.judgements:
        progress.say(f"no image of a supported line is in {asked.channel}")
    if judged.due:
        return GateRefused.exit_code
    return EXIT_OF_VERDICT[summary(judgement.verdict for judgement in judged.judgements)]


def run_verify(asked: argparse.Namespace) -> int:
    """`verify`: what is proven about a reference, by whom, from the registry alone."""
    catalog, registry = catalogue.load(), Registry(embedded.host())
    found = verify(registry, catalog.repositories, asked.reference, attest.trusted(asked.key, asked.identity))
    if asked.json:
        _print(found)
    else:
        print(
            "\n".join((*found.lines, *(f"against it: {each}" for each in found.reasons), f"verdict: {found.verdict}"))
        )
    return EXIT_OF_VERDICT[found.verdict]


def run_rollback(asked: argparse.Namespace) -> int:
    """`rollback`: take an alias, and all the aliases its release moved, back to the release before."""
    catalog, registry = catalogue.load(), Registry(embedded.host())
    judge = target_judge(registry, catalog, todays_judges(catalog, registry, _options(asked)))
    with home.only_run():
        return _show_outcome(rollback(_production(catalog, registry), asked.alias, judge, asked.to), asked)


def run_yank(asked: argparse.Namespace) -> int:
    """`yank`: mark a release that nobody should use; nothing is deleted."""
    catalog, registry = catalogue.load(), Registry(embedded.host())
    with home.only_run():
        return _show_outcome(yank(_production(catalog, registry), asked.version, asked.reason), asked)


def _production(catalog: Catalog, registry: Registry) -> Production:
    return Production(registry, catalog.repositories, lock.owner())


def _show_outcome(outcome: Outcome, asked: argparse.Namespace) -> int:
    if asked.json:
        _print(outcome)
    for entry in outcome.entries:
        progress.say(f"  {entry.tag}: {entry.old or 'nothing'} -> {entry.new}")
    for left in outcome.left:
        progress.say(f"  {left}")
    return EXIT_OK


def run_due(asked: argparse.Namespace) -> int:
    """`due`: what should be released today, and why."""
    catalog, registry = catalogue.load(), Registry(embedded.host())
    out = released(registry, catalog, attest.trusted(asked.key, asked.identity))
    judgements = store.read_history(registry, catalog.repositories.records).judgements
    found = cadence.due(asked.date, channels.load(), catalog.lines, out, judgements)
    if asked.json:
        print(json.dumps([records.plain(each) for each in found], indent=2))
    for each in found:
        progress.say(str(each))
    if not found:
        progress.say(f"nothing is due on {asked.date}")
    return EXIT_OK


def run_notes(asked: argparse.Namespace) -> int:
    """`notes`: release notes as Markdown, beside the report and on stdout; the feed of all releases; the webhook."""
    hook = webhook.hook()
    release = _release(asked)
    images = tuple(_image_notes(release, known) for known in release.known())
    record, line = release.release_record(), release.catalog.lines[release.version.line]
    path = notes.write(release.release_path.parent, Notes(record, line, images))
    feed.write(release.out, Place(FEED_TITLE, asked.home, f"{asked.home}/releases.atom"), _released_notes(release.out))
    print(path.read_text(encoding="utf-8"), end="")
    if hook:
        address = f"{asked.home}/releases/tag/{record.version}"
        progress.say(webhook.announce(hook, webhook.message(record, address), dry_run=asked.dry_run).line)
    return EXIT_OK


def _image_notes(release: Release, known: Known) -> ImageNotes:
    images = ImageRecords(known.build.image, known.build, known.validation, known.scan)
    return ImageNotes(images, release.bill(known.build), release.difference(known.build))


def _released_notes(out: Path) -> list[feed.Release]:
    """Every release whose notes are under `out`."""
    found = ((records.read(ReleaseRecord, path.with_name("release.json")), path) for path in out.glob("v*/notes.md"))
    return [feed.Release(record, path.read_text(encoding="utf-8")) for record, path in found if record]


def run_keys(asked: argparse.Namespace) -> int:
    """`keys`: make a pair of keys to sign evidence with."""
    for path in keys.generate(Path(asked.folder), asked.name):
        progress.say(f"wrote {path}")
    return EXIT_OK


def run_diff(asked: argparse.Namespace) -> int:
    """`diff`: what changed between two releases: packages, advisories, layers and bytes to pull."""
    catalog, registry = catalogue.load(), Registry(embedded.host())
    versions = catalog.version(asked.before), catalog.version(asked.after)
    judges = todays_judges(catalog, registry, _options(asked))
    images = catalog.image_names(asked.images)
    found = {image: compare(registry, catalog, image, versions, judges) for image in images}
    if asked.json:
        print(json.dumps({image: records.plain(difference) for image, difference in found.items()}, indent=2))
    else:
        print("\n".join(map(difference_page.markdown, found.values())), end="")
    return EXIT_OK


def run_release(asked: argparse.Namespace) -> int:
    """`release`: every stage in order, up to `--until`."""
    if asked.dry_run:
        return run_plan(asked)
    with home.only_run():
        release = _release(asked)
        return _run_stages(release, stages_until(asked.until), asked)


def run_stage(asked: argparse.Namespace) -> int:
    """One stage by itself, from the records of the one before."""
    if asked.stage == "validate" and asked.executor == "local":
        return _validate_here(asked)
    with home.only_run():
        return _run_stages(_release(asked), [asked.stage], asked)


def _validate_here(asked: argparse.Namespace) -> int:
    """No engine, registry or image takes part, and no release record is written."""
    with home.only_run():
        judged = _release(asked).validate_here(asked.python)
    if asked.json:
        _print(judged)
    for record in judged:
        progress.say(
            f"{record.image} in {asked.python}: {record.verdict}{f', {record.reason}' if record.reason else ''}"
        )
    return EXIT_OF_VERDICT[summary(record.verdict for record in judged)]


def _run_stages(release: Release, stages: Sequence[str], asked: argparse.Namespace) -> int:
    for stage in stages:
        if stage == "report":
            _write_report(release)
        else:
            getattr(release, stage)()
    record = release.release_record()
    if asked.json:
        _print(record)
    if stages[-1] == "build":
        return EXIT_OK
    verdict = _verdict_of(release, stages[-1])
    progress.say(f"{record.version}: {verdict}{f', {record.reason}' if record.reason else ''}")
    return EXIT_OF_VERDICT[verdict]


def _verdict_of(release: Release, stage: str) -> Verdict:
    """The verdict a stage by itself ends with; the release's own from promotion on."""
    if stage not in ("validate", "scan"):
        return release.state().verdict
    parts = [known.validation if stage == "validate" else known.scan for known in release.known()]
    return summary(part.verdict if part else Verdict.NOT_RUN for part in parts)


def _write_report(release: Release) -> None:
    known = [
        ImageRecords(each.build.image, each.build, each.validation, each.scan, release.difference(each.build))
        for each in release.known()
    ]
    for each in known:
        if each.difference:
            difference_page.write(release.release_path.parent / each.image, each.difference)
    for path in render.write(release.release_path.parent, release.release_record(), known):
        progress.say(f"report: {path}")


def _options(asked: argparse.Namespace) -> Options:
    promotion = Asked(asked.channel, asked.kind, asked.approve, asked.dry_run)
    return Options(asked.device, asked.trivy_db, asked.db_repository, promotion)


def _release(asked: argparse.Namespace) -> Release:
    catalog = catalogue.load()
    version = catalog.version(asked.version)
    plan = planning.make(catalog, version, catalog.image_names(asked.images), home.out())
    command = shlex.join(["./release.py", *sys.argv[1:]])
    return Release(catalog, version, plan, Registry(embedded.host()), home.out(), _options(asked), command)


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


def _print(record: object) -> None:
    print(records.to_json(record), end="")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="release.py", description=(__doc__ or "").splitlines()[0])
    parser.set_defaults(verbose=False, json=False, device="auto", channel="", kind="", approve=False, dry_run=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add(commands, "doctor", run_doctor)
    planned = _add(commands, "plan", run_plan)
    planned.add_argument("version", nargs="?", help="as v2.6.0; the newest of every line by default")
    planned.add_argument("--images", help="as cv,nlp; the catalogue's by default")
    planned.add_argument("--format", choices=("table", "json", "github"), default="table")
    lock = _add(commands, "lock", run_lock)
    lock.add_argument("line", nargs="?", help="as 2.6; every line by default")
    release = _add_version(_add(commands, "release", run_release))
    release.add_argument("--until", choices=STAGES, help="the last stage to run")
    _add_promotion(release)
    release.set_defaults(format="table")
    rescanned = _add_database(_add(commands, "rescan", run_rescan))
    rescanned.add_argument("--channel", choices=(PRODUCTION, CANDIDATE), default=PRODUCTION)
    compared = _add_database(_add(commands, "diff", run_diff))
    compared.add_argument("before", help="as v2.6.0")
    compared.add_argument("after", help="as v2.6.1")
    compared.add_argument("--images", help="as cv,nlp; the catalogue's by default")
    _add_publishing(commands)
    for stage in STAGES:
        command = _add_version(_add(commands, stage, run_stage))
        command.set_defaults(stage=stage)
        if stage == "promote":
            _add_promotion(command)
        if stage == "validate":
            command.add_argument(
                "--executor", choices=EXECUTORS, default="docker", help="`local`: no container, no image"
            )
            command.add_argument("--python", default="/usr/bin/python3", help="the interpreter of the local executor")
    return parser


def _add_publishing(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    verified = _add_keys(_add(commands, "verify", run_verify))
    verified.add_argument("reference", help="as v2.6.0-cv, pytorch-cuda:v2.6.0-cv or pytorch-cuda@sha256:...")
    back = _add_database(_add(commands, "rollback", run_rollback))
    back.add_argument("alias", help="as v2.6; all the aliases its release moved go with it")
    back.add_argument("--to", default="", help="the version to go back to; the one before by default")
    yanked = _add(commands, "yank", run_yank)
    yanked.add_argument("version", help="as v2.6.1")
    yanked.add_argument("--reason", required=True, help="for everybody who asks")
    due = _add_keys(_add(commands, "due", run_due))
    today = datetime.datetime.now(datetime.UTC).date()
    due.add_argument("--date", type=datetime.date.fromisoformat, default=today, help="as 2026-12-15; today by default")
    noted = _add_version(_add(commands, "notes", run_notes))
    noted.add_argument("--home", default=HOME_PAGE, help="where releases are read about; links lead there")
    noted.add_argument("--dry-run", action="store_true", help="do not call the webhook")
    made = _add(commands, "keys", run_keys)
    made.add_argument("folder", help="where NAME.key and NAME.pub are written")
    made.add_argument("--name", default="release")


def _add_keys(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument("--key", action="append", default=[], help="a public key to trust; the configured by default")
    command.add_argument(
        "--identity", action="append", default=[], help="ISSUER=IDENTITY to trust, certified by Sigstore"
    )
    return command


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, run: Callable[[argparse.Namespace], int]
) -> argparse.ArgumentParser:
    description = (run.__doc__ or "").strip()
    command = commands.add_parser(name, help=description.partition(": ")[2] or description, description=description)
    command.add_argument("--json", action="store_true", help="one JSON document on stdout")
    command.add_argument("--verbose", action="store_true", help="show external commands and details")
    command.set_defaults(run=run)
    return command


def _add_promotion(command: argparse.ArgumentParser) -> None:
    named = channels.load().channels
    command.add_argument("--channel", choices=named, default="", help="production where proven, else candidate")
    command.add_argument("--kind", choices=kinds.KINDS, default="", help="patch; major for the first of a line")
    command.add_argument("--approve", action="store_true", help="a person's word for a major release")
    command.add_argument("--dry-run", action="store_true", help="show what would be done, change nothing")


def _add_version(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument("version", help="as v2.6.0")
    command.add_argument("--images", help="as cv,nlp; the catalogue's by default")
    command.add_argument("--device", choices=("auto", "cuda", "cpu"), default="auto")
    return _add_database(command)


def _add_database(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    command.add_argument("--trivy-db", help="a folder with trivy.db and metadata.json; downloaded by default")
    command.add_argument("--db-repository", help="an OCI mirror of the vulnerability database")
    return command


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
