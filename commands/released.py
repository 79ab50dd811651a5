"""Once releases are out: judge, compare and verify them, take them back, say what is due, tell of
them.
"""

from __future__ import annotations

import datetime
import json
from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path

from commands.arguments import (
    a_day,
    a_line,
    a_reference,
    add_database,
    add_images,
    add_keys,
    add_release,
    an_address,
    options,
    release,
)
from commands.command import EXIT_OF_VERDICT, Command, print_record
from images import catalog as catalogue
from images.catalog import Catalog
from oci.registry import Registry
from publish import webhook
from publish.compare import compare
from publish.evidence import attest, documents, keys
from publish.image_assessor import Bench
from publish.pipeline import Release, todays_judges
from publish.policy import channels, schedule
from publish.released import decision_check
from publish.released.promotions import released
from publish.released.published import CANDIDATE, PRODUCTION
from publish.released.record import ReleaseRecord
from publish.released.verify import verify
from publish.released.yank_statements import SignedMarks
from publish.rescan import rescan, target_judge
from publish.state import Known
from publish.tags import lock
from publish.tags.rollback import rollback, yank
from publish.tags.transaction import Outcome, Production
from report import difference_page, feed, notes
from report.feed import Place
from report.model import ImageRecords
from report.notes import ImageNotes, Notes
from runner import embedded, home, progress, records
from runner.errors import EXIT_OK, ConfigError
from scan import store

FEED_TITLE = "PyTorch-CUDA images"
HOME_PAGE = "https://github.com/pytorch-cuda-images/pytorch-cuda-images"


def run_rescan(asked: Namespace) -> int:
    """`rescan`: judge every published image from its stored bill of materials against today's
    database.
    """
    catalog, registry = catalogue.load(), Registry(embedded.host())
    judged = rescan(_bench(catalog, registry, asked), asked.channel)
    if asked.json:
        print_record(judged)
    for old in judged.outdated:
        progress.say(
            f"{old.version} {old.image} is refused, and nobody need be on it: {old.reason}"
        )
    for due in judged.due:
        progress.say(f"line {due.line} needs {due.next}: {'; '.join(due.reasons)}")
    if not judged.judgements:
        progress.say(f"no image of a supported line is in {asked.channel}")
    return EXIT_OF_VERDICT[judged.verdict]


def _add_channel(command: ArgumentParser) -> None:
    command.add_argument("--channel", choices=(PRODUCTION, CANDIDATE), default=PRODUCTION)


def run_diff(asked: Namespace) -> int:
    """`diff`: what changed between two releases: packages, advisories, layers and bytes to pull."""
    catalog, registry = catalogue.load(), Registry(embedded.host())
    versions = catalog.version(asked.before), catalog.version(asked.after)
    bench = _bench(catalog, registry, asked)
    found = {image: compare(bench, image, versions) for image in catalog.image_names(asked.images)}
    if asked.json:
        plain = {image: records.plain(difference) for image, difference in found.items()}
        progress.answer_json(json.dumps(plain, indent=2))
    else:
        progress.answer("\n".join(map(difference_page.markdown, found.values())))
    return EXIT_OK


def _add_versions(command: ArgumentParser) -> None:
    command.add_argument("before", help="as v2.6.0")
    command.add_argument("after", help="as v2.6.1")


def run_verify(asked: Namespace) -> int:
    """`verify`: what is proven about a reference, by whom, from the registry alone."""
    catalog, registry = catalogue.load(), Registry(embedded.host())
    found = verify(
        registry, catalog.repositories, asked.reference, attest.trusted(asked.key, asked.identity)
    )
    if asked.json:
        print_record(found)
    else:
        lines = (
            *found.lines,
            *(f"against it: {each}" for each in found.reasons),
            f"verdict: {found.verdict}",
        )
        progress.answer("\n".join(" ".join(line.splitlines()) for line in lines))
    return EXIT_OF_VERDICT[found.verdict]


def _add_reference(command: ArgumentParser) -> None:
    command.add_argument(
        "reference",
        type=a_reference,
        help="as v2.6.0-cv, pytorch-cuda:v2.6.0-cv or pytorch-cuda@sha256:...",
    )


def run_rollback(asked: Namespace) -> int:
    """`rollback`: take an alias, and all the aliases its release moved, back to the release
    before.
    """
    catalog, registry = catalogue.load(), Registry(embedded.host())
    judge = target_judge(_bench(catalog, registry, asked))
    with home.only_run():
        return _show_outcome(
            rollback(
                _production(catalog, registry, f"rollback of {asked.alias}"),
                asked.alias,
                judge,
                asked.to,
            ),
            asked,
        )


def _add_alias(command: ArgumentParser) -> None:
    command.add_argument("alias", help="as v2.6; all the aliases its release moved go with it")
    command.add_argument(
        "--to", default="", help="the version to go back to; the one before by default"
    )


def run_yank(asked: Namespace) -> int:
    """`yank`: mark a release that nobody should use; nothing is deleted."""
    catalog, registry = catalogue.load(), Registry(embedded.host())
    with home.only_run():
        return _show_outcome(
            yank(
                _production(catalog, registry, f"yank of {asked.version}"),
                asked.version,
                asked.reason,
            ),
            asked,
        )


def _add_yanked(command: ArgumentParser) -> None:
    command.add_argument("version", help="as v2.6.1")
    command.add_argument("--reason", required=True, type=a_line, help="for everybody who asks")


def _bench(catalog: Catalog, registry: Registry, asked: Namespace) -> Bench:
    trusted = attest.trusted()
    return Bench(
        registry, catalog, trusted, todays_judges(catalog, registry, options(asked), trusted)
    )


def _production(catalog: Catalog, registry: Registry, purpose: str) -> Production:
    trusted, places = attest.trusted(), catalog.repositories
    marks = SignedMarks(registry, places.production, trusted, attest.signer)
    journal = documents.of_journal(attest.signer, trusted)
    doubt, allowed = (
        decision_check.doubt(registry, places, trusted),
        decision_check.allowed(registry, places, trusted),
    )
    claim = documents.of_lock(attest.signer, trusted)
    owner = lock.owner(purpose)
    return Production(registry, places, owner, marks, journal, doubt, allowed, claim)


def _show_outcome(outcome: Outcome, asked: Namespace) -> int:
    if asked.json:
        print_record(outcome)
    for entry in outcome.entries:
        progress.say(f"  {entry.tag}: {entry.old or 'nothing'} -> {entry.new}")
    for left in outcome.left:
        progress.say(f"  {left}")
    return EXIT_OK


def run_due(asked: Namespace) -> int:
    """`due`: what should be released today, and why."""
    catalog, registry = catalogue.load(), Registry(embedded.host())
    trusted = attest.trusted(asked.key, asked.identity)
    out, today = released(registry, catalog, trusted), datetime.datetime.now(datetime.UTC).date()
    seal = documents.of_findings(attest.signer, trusted)
    judgements = store.read_history(registry, catalog.repositories.records, seal, today).judgements
    found = schedule.due(asked.date, channels.load(), catalog.lines, out, judgements)
    if asked.json:
        progress.answer_json(json.dumps([records.plain(each) for each in found], indent=2))
    for each in found:
        progress.say(str(each))
    if not found:
        progress.say(f"nothing is due on {asked.date}")
    return EXIT_OK


def _add_date(command: ArgumentParser) -> None:
    today = datetime.datetime.now(datetime.UTC).date()
    command.add_argument(
        "--date", type=a_day, default=today, help="as 2026-12-15; today by default"
    )


def run_notes(asked: Namespace) -> int:
    """`notes`: release notes as Markdown, beside the report and on stdout; the feed of releases;
    the webhook.
    """
    hook = webhook.hook()
    told = release(asked)
    images = tuple(_image_notes(told, known) for known in told.known())
    record, line = told.release_record(), told.catalog.lines[told.version.line]
    path = notes.write(told.release_path.parent, Notes(record, line, images))
    text = path.read_text(encoding="utf-8")
    place = Place(FEED_TITLE, asked.home, f"{asked.home}/releases/latest/download/{feed.FILE}")
    here = [*_released_notes(told.out), feed.Release(record, text)]
    feed.write(told.out, place, here, feed.published(asked.feeds) if asked.feeds else ())
    progress.answer(text)
    if hook:
        address = f"{asked.home}/releases/tag/{record.version}"
        progress.say(
            webhook.announce(hook, webhook.message(record, address), dry_run=asked.dry_run).line
        )
    return EXIT_OK


def _add_telling(command: ArgumentParser) -> None:
    command.add_argument(
        "--home",
        type=an_address,
        default=HOME_PAGE,
        help="where releases are read about; links lead there",
    )
    command.add_argument(
        "--feeds",
        type=Path,
        help="a folder of VERSION.atom, published before; their entries are kept",
    )
    command.add_argument("--dry-run", action="store_true", help="do not call the webhook")


def _image_notes(told: Release, known: Known) -> ImageNotes:
    """Notes are published: where the runner fails there are none, and where a bill is missing they
    say so.
    """
    images = ImageRecords(known.build.image, known.build, known.validation, known.scan)
    found = ImageNotes(images, told.bill(known.build), None)
    try:
        return replace(found, difference=told.difference(known.build))
    except ConfigError as error:
        return replace(found, incomparable=error.message)


def _released_notes(out: Path) -> list[feed.Release]:
    """Every release whose notes are under `out`."""
    found = (
        (records.read(ReleaseRecord, path.with_name("release.json")), path)
        for path in out.glob("v*/notes.md")
    )
    return [
        feed.Release(record, path.read_text(encoding="utf-8")) for record, path in found if record
    ]


def run_keys(asked: Namespace) -> int:
    """`keys`: make a pair of keys to sign evidence with."""
    for path in keys.generate(Path(asked.folder), asked.name):
        progress.say(f"wrote {path}")
    return EXIT_OK


def _add_pair(command: ArgumentParser) -> None:
    command.add_argument("folder", help="where NAME.key and NAME.pub are written")
    command.add_argument("--name", default="release")


COMMANDS = (
    Command("rescan", run_rescan, (add_database, _add_channel), longest_s=3 * 3600),
    Command("diff", run_diff, (add_database, _add_versions, add_images)),
    Command("verify", run_verify, (add_keys, _add_reference)),
    Command("rollback", run_rollback, (add_database, _add_alias)),
    Command("yank", run_yank, (_add_yanked,)),
    Command("due", run_due, (add_keys, _add_date)),
    Command("notes", run_notes, (add_release, _add_telling)),
    Command("keys", run_keys, (_add_pair,)),
)
