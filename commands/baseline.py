"""The command that makes a measured floor of what a release reached on a GPU."""

from __future__ import annotations

from argparse import Namespace

from commands.arguments import add_images, make_argument, open_release
from commands.command import Command
from images.catalog import BASE
from publish.state import StageRecords
from runner import progress, records
from runner.errors import EXIT_OK, ConfigError
from validation import baseline, floor

VERSION = make_argument("version", help="for example v2.6.0, validated on the GPU to measure")


def run_baseline(arguments: Namespace) -> int:
    """`baseline`: write what a release reached on its GPU as the measured floor, to be committed.

    The file is `validation/expectations/LINE/GPU.yaml`, and the record of the run is beside it.
    Floors that are known already are replaced: look at the difference before you commit it.
    """
    release = open_release(arguments)
    found = _choose_record(release.record_store.read_known(), arguments.version)
    written = baseline.write_baseline(found, floor.line_folder(release.version.line))
    if arguments.json:
        progress.print_json(records.to_json([str(path) for path in written]))
    for path in written:
        progress.say_line(f"wrote {path}")
    progress.say_line(
        "review and commit both files; from then on, runs on this GPU are compared with them"
    )
    return EXIT_OK


def _choose_record(known: tuple[StageRecords, ...], version: str) -> baseline.MeasuredRun:
    """Return the run of base, else of the first image that was measured on a GPU.

    The work is the same in every image. Raises ConfigError if none was measured.
    """
    ordered = sorted(known, key=lambda each: each.build.image != BASE)
    reasons: dict[str, list[str]] = {}
    for each in ordered:
        if each.validation is not None and each.validation.digest == each.build.digest:
            measured = baseline.find_measured(each.validation)
            if isinstance(measured, baseline.MeasuredRun):
                return measured
            reasons.setdefault(measured, []).append(each.build.image)
    problems = "; ".join(f"{', '.join(images)}: {reason}" for reason, images in reasons.items())
    raise ConfigError(
        f"{version} was not measured on a GPU: {problems or 'it was not validated'}",
        f"run `./release.py validate {version} --device cuda` on the GPU to measure",
    )


COMMANDS = (Command("baseline", run_baseline, (VERSION, add_images)),)
