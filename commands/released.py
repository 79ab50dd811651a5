"""Commands for released images: judge, compare, verify and withdraw them, and write notes."""

from __future__ import annotations

import datetime
from argparse import ArgumentParser, Namespace
from collections.abc import Set
from dataclasses import replace
from functools import partial
from pathlib import Path

from commands.arguments import (
    add_database,
    add_images,
    add_keys,
    add_release,
    make_argument,
    make_options,
    open_registry,
    open_release,
    parse_address,
    parse_day,
    parse_folder,
    parse_image_reference,
    parse_line,
)
from commands.command import EXIT_OF_VERDICT, Command, print_record
from images.catalog import Catalog
from images.support import describe_support
from oci.registry import Registry
from publish import webhook
from publish.compare import compare_versions
from publish.evidence import attest, documents, keys
from publish.image_assessor import ImageAssessor
from publish.notifier import Notifier
from publish.pipeline import ReleaseRun, load_assessment_context
from publish.policy import channels, schedule
from publish.released.promotions import list_releases
from publish.released.published import CANDIDATE, PRODUCTION
from publish.released.record import ReleaseRecord
from publish.released.verify import CatalogLines, verify_reference
from publish.rescan import make_target_check, rescan_images
from publish.signing_context import open_production
from publish.state import StageRecords
from publish.tags.promotion_plan import TransactionOutcome
from publish.tags.rollback import roll_back, yank_version
from report import difference_page, feed, notes
from report.feed import FeedPlace
from report.model import ImageRecords
from report.notes import ImageNotes, Notes
from runner import home, progress, records
from runner.errors import EXIT_INCONCLUSIVE, EXIT_OK, ConfigError, EnvironmentFailed
from runner.untrusted import Malformed, clean_line, read_file
from runner.verdict import Verdict
from scan import second_opinion, store

FEED_TITLE = "PyTorch-CUDA images"
HOME_PAGE = "https://github.com/pytorch-cuda-images/pytorch-cuda-images"

CHANNEL = make_argument(
    "--channel",
    choices=(PRODUCTION, CANDIDATE),
    default=PRODUCTION,
    help="judge releases or candidates; by default production",
)
BEFORE = make_argument("before", help="the older version, for example v2.6.0")
AFTER = make_argument("after", help="the newer version, for example v2.6.1")
REFERENCE = make_argument(
    "reference",
    type=parse_image_reference,
    help="for example v2.6.0-cv, pytorch-cuda:v2.6.0-cv or pytorch-cuda@sha256:...",
)
ALIAS = make_argument(
    "alias", help="for example v2.6; all aliases that its release moved are moved back too"
)
TO = make_argument(
    "--to",
    default="",
    metavar="VERSION",
    help="the version to go back to; by default the previous one",
)
YANKED = make_argument("version", help="for example v2.6.1")
REASON = make_argument(
    "--reason",
    required=True,
    type=parse_line,
    metavar="TEXT",
    help="why, in one line; everybody who verifies the release sees it",
)
DATE = make_argument(
    "--date", type=parse_day, help="the day to look at, for example 2026-12-15; by default today"
)
FOLDER = make_argument("folder", type=parse_folder, help="the folder for NAME.key and NAME.pub")
NAME = make_argument("--name", default="release", help="the name of both files; by default release")


def run_rescan(arguments: Namespace) -> int:
    """`rescan`: judge every released image with today's vulnerability database; pulls no image."""
    catalog, registry = open_registry()
    assessor, service = (
        _make_assessor(catalog, registry, arguments),
        second_opinion.configured_service(),
    )
    judged = rescan_images(assessor, arguments.channel, service)
    if arguments.json:
        print_record(judged)
    for old in judged.outdated_judgements:
        progress.say_line(
            f"{old.version} {old.image} is refused; a newer release replaces it: {old.reason}"
        )
    for line in judged.second_opinion.lines if judged.second_opinion else ():
        progress.say_line(line)
    for due in judged.due:
        progress.say_line(f"line {due.line} needs the release {due.next}: {'; '.join(due.reasons)}")
    for unfixable in judged.unfixable:
        progress.say_line(unfixable.text)
    if not judged.judgements:
        progress.say_line(f"the channel {arguments.channel} has no image of a supported line")
    return EXIT_OF_VERDICT[judged.verdict]


def run_diff(arguments: Namespace) -> int:
    """`diff`: show what changed between two releases: packages, advisories, layers, bytes."""
    catalog, registry = open_registry()
    versions = catalog.require_version(arguments.before), catalog.require_version(arguments.after)
    assessor = _make_assessor(catalog, registry, arguments)
    found = {
        image: compare_versions(assessor, image, versions)
        for image in catalog.image_names(arguments.images)
    }
    if arguments.json:
        plain = {image: records.to_plain(difference) for image, difference in found.items()}
        progress.print_json(plain)
    else:
        progress.print_answer("\n".join(map(difference_page.render_difference, found.values())))
    return EXIT_OK


def run_verify(arguments: Namespace) -> int:
    """`verify`: show what is proven about an image, and by whom, from the registry alone."""
    catalog, registry = open_registry()
    found = verify_reference(
        registry,
        catalog.repositories,
        arguments.reference,
        attest.load_trusted(arguments.key, arguments.identity),
        catalog.images,
        known=CatalogLines(catalog.lines, datetime.datetime.now(datetime.UTC).date()),
    )
    if arguments.json:
        print_record(found)
    else:
        explained = ""
        if found.verdict is Verdict.INCONCLUSIVE:
            explained = (
                ": the evidence is trusted, but see the reason above"
                if found.reasons
                else ": the evidence is trusted, but this is a candidate, not a release"
            )
        lines = (
            *found.lines,
            *(f"reason against it: {each}" for each in found.reasons),
            f"verdict: {found.verdict}{explained}",
        )
        progress.print_answer("\n".join(" ".join(line.splitlines()) for line in lines))
    return EXIT_OF_VERDICT[found.verdict]


def run_rollback(arguments: Namespace) -> int:
    """`rollback`: move an alias, and all that moved with it, back to the previous release."""
    catalog, registry = open_registry()
    check_target = make_target_check(_make_assessor(catalog, registry, arguments))
    with home.only_run():
        return _show_outcome(
            roll_back(
                open_production(
                    registry, catalog, attest.load_trusted(), f"rollback of {arguments.alias}"
                ),
                arguments.alias,
                check_target,
                arguments.to,
            ),
            arguments,
        )


def run_yank(arguments: Namespace) -> int:
    """`yank`: mark a release that nobody should use; this deletes nothing."""
    catalog, registry = open_registry()
    with home.only_run():
        return _show_outcome(
            yank_version(
                open_production(
                    registry, catalog, attest.load_trusted(), f"yank of {arguments.version}"
                ),
                arguments.version,
                arguments.reason,
            ),
            arguments,
        )


def _make_assessor(catalog: Catalog, registry: Registry, arguments: Namespace) -> ImageAssessor:
    trusted = attest.load_trusted()
    context = load_assessment_context(catalog, registry, make_options(arguments), trusted)
    return ImageAssessor(registry, catalog, trusted, context)


def _show_outcome(outcome: TransactionOutcome, arguments: Namespace) -> int:
    if arguments.json:
        print_record(outcome)
    for entry in outcome.entries:
        progress.say_line(f"  {entry.tag}: {entry.old or 'nothing'} -> {entry.new}")
    for left in outcome.left:
        progress.say_line(f"  {left}")
    for missing in outcome.unreached:
        progress.say_line(f"  {missing}")
    return EXIT_INCONCLUSIVE if outcome.unreached else EXIT_OK


def run_due(arguments: Namespace) -> int:
    """`due`: show which releases are due, and why.

    Some facts may be unknown: which images the scan refuses, or the channel of a release that a
    calendar waits for. Then what is known is shown, and the exit code is 4, or 3 if the registry
    could not be asked.
    """
    catalog, registry = open_registry()
    trusted = attest.load_trusted(arguments.key, arguments.identity)
    today = datetime.datetime.now(datetime.UTC).date()
    day, rules = arguments.date or today, channels.load()
    needs_channel = partial(schedule.needs_channel, day, rules, catalog.lines)
    out = list_releases(registry, catalog, trusted, needs_channel)
    seal = documents.make_findings_seal(attest.load_signer, trusted)
    kept = store.read_stored(registry, catalog.repositories.records, seal, today)
    found = schedule.find_due(day, rules, catalog.lines, out, kept.history.judgements)
    if arguments.json:
        progress.print_json([records.to_plain(each) for each in found])
    else:
        lines = [" ".join(str(each).split()) for each in found] or [f"nothing is due on {day}"]
        progress.print_answer("\n".join(lines))
        _show_lines(catalog, {each.version.line for each in out}, day)
    unknown = [each for each in out if not each.channel and needs_channel(each)]
    for each in unknown:
        progress.say_line(
            f"  line {each.version.line}: the channel of {each.version} is not known, so the "
            "calendar may show a release as due although it is out"
        )
    if kept.problem and out:
        where = f"{registry.host}/{catalog.repositories.records}:{store.TAG}"
        progress.say_line(
            f"  it is not known which images the scan refuses, and so what is due: {where}: "
            f"{clean_line(kept.problem)}: run `./release.py rescan`"
        )
    if any(each.outage for each in unknown):
        return EnvironmentFailed.exit_code
    return EXIT_INCONCLUSIVE if unknown or (kept.problem and out) else EXIT_OK


def _show_lines(catalog: Catalog, released: Set[str], day: datetime.date) -> None:
    """Print how each released line is supported, and beside the answer which have no release."""
    for name, line in catalog.lines.items():
        if name in released:
            progress.print_answer(f"line {name}: {describe_support(line.support, day)}")
    missing = [
        name
        for name, line in catalog.lines.items()
        if name not in released and not line.has_ended(day)
    ]
    if missing:
        progress.say_line(f"  no release yet, so nothing can be due: {', '.join(missing)}")


def run_notes(arguments: Namespace) -> int:
    """`notes`: write the release notes and the feed of releases, and notify the webhook.

    The notes are Markdown, beside the report and on stdout.
    """
    hook = webhook.read_webhook()
    notifiers: tuple[Notifier, ...] = (hook,) if hook else ()
    release = open_release(arguments)
    images = tuple(_image_notes(release, known) for known in release.record_store.read_known())
    record, line = release.record_store.read_release(), release.catalog.lines[release.version.line]
    path = notes.write_notes(release.record_store.release_path.parent, Notes(record, line, images))
    text = _read_notes(path)
    place = FeedPlace(
        FEED_TITLE, arguments.home, f"{arguments.home}/releases/latest/download/{feed.FILE}"
    )
    here = [*_released_notes(release.out), feed.FeedRelease(record, text)]
    feed.write_feed(
        release.out, place, here, feed.read_feeds(arguments.feeds) if arguments.feeds else ()
    )
    progress.print_answer(text)
    address = f"{arguments.home}/releases/tag/{record.version}"
    for notifier in notifiers:
        progress.say_line(notifier.notify(record, address, dry_run=arguments.dry_run).line)
    return EXIT_OK


def _add_telling(command: ArgumentParser) -> None:
    command.add_argument(
        "--home",
        type=parse_address,
        default=HOME_PAGE,
        help="the address of the project's page, for the links in notes and feed",
    )
    command.add_argument(
        "--feeds",
        type=parse_folder,
        help="a folder with the published feeds, VERSION.atom; the new feed keeps their entries",
    )
    command.add_argument("--dry-run", action="store_true", help="do not call the webhook")


def _image_notes(release: ReleaseRun, known: StageRecords) -> ImageNotes:
    """Return the records of an image for the notes.

    Notes are published: if this machine fails, none are written. If an SBOM is missing, they say
    so.
    """
    images = ImageRecords(
        known.build.image,
        known.build,
        known.validation,
        known.scan,
        proof=release.read_proof(known.build),
    )
    found = ImageNotes(images, release.read_sbom(known.build), None)
    try:
        return replace(found, difference=release.find_difference(known.build))
    except ConfigError as error:
        return replace(found, incomparable=error.message)


def _released_notes(out: Path) -> list[feed.FeedRelease]:
    """Return every release whose notes are under `out`."""
    found = (
        (records.read_record(ReleaseRecord, path.with_name("release.json")), path)
        for path in sorted(out.glob("v*/notes.md"))
    )
    return [feed.FeedRelease(record, _read_notes(path)) for record, path in found if record]


def _read_notes(path: Path) -> str:
    """Return notes that were written before: a regular file of bounded size, no link.

    Raises ConfigError, or OSError if it cannot be read.
    """
    try:
        return read_file(path.parent, path.name, records.TEXT_BYTES).decode()
    except (Malformed, UnicodeDecodeError) as error:
        problem = "not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise ConfigError(
            f"{path}: {problem}", "delete it, then run `notes` for that version again"
        ) from None


def run_keys(arguments: Namespace) -> int:
    """`keys`: make a pair of keys to sign evidence."""
    paths = keys.generate_pair(arguments.folder, arguments.name)
    if arguments.json:
        progress.print_json([str(path) for path in paths])
    for path in paths:
        progress.say_line(f"wrote {path}")
    return EXIT_OK


COMMANDS = (
    Command("rescan", run_rescan, (add_database, CHANNEL), longest_s=3 * 3600),
    Command("diff", run_diff, (add_database, BEFORE, AFTER, add_images)),
    Command("verify", run_verify, (add_keys, REFERENCE)),
    Command("rollback", run_rollback, (add_database, ALIAS, TO)),
    Command("yank", run_yank, (YANKED, REASON)),
    Command("due", run_due, (add_keys, DATE)),
    Command("notes", run_notes, (add_release, add_database, _add_telling), has_json=False),
    Command("keys", run_keys, (FOLDER, NAME)),
)
