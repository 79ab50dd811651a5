#!/usr/bin/env python3
"""Run the tests of other projects, and ours, on the same broken images: who catches what.

    .venv/bin/python benchmarks/peers.py FOLDER RESULTS --image base=REFERENCE --image cv=REFERENCE

FOLDER has the checkouts of docs/peers.md, each at its commit. The defects are a sample, drawn by
`--seed`, of the planted ones that are properties of an image; those of images that are not given
are left out. Each result is kept in the file RESULTS, so that a run that was cut off goes on. At
the end the table of docs/peers.md is written. Run it on a machine that does nothing else: some
tests of the peers, and some of ours, have limits of time.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from runner import progress
from runner.errors import ReleaseError
from runner.untrusted import clean_line
from runner.verdict import Verdict
from tests.defects.defect import Defect, image_of, missed
from tests.defects.every import DEFECTS
from tests.defects.peer_table import CLEAN, OURS, Results, write_page, write_tables
from tests.defects.peers import PEERS, Peer, Subject, require_checkout
from tests.defects.sampled import build_image, draw_sample, is_of_the_image, remove_image
from tests.validation.suites_here import asserted
from validation import harness
from validation.executors import docker
from validation.executors.interface import Setup
from validation.judge import judge_suite
from validation.record import SuiteResult
from validation.suite import SUITES, Suite


def judge_image(reference: str, suite: Suite, image: str) -> SuiteResult:
    """Run our suite; once more if the machine was at fault, as a validation does."""
    setup = Setup(reference, harness.install_harness(), asserted(image))
    result = judge_suite(suite, docker.run_suite(suite, setup))
    if result.verdict is Verdict.INFRA:
        result = judge_suite(suite, docker.run_suite(suite, setup))
    return result


def find_failures(
    peer: Peer, checkout: Path, broken: Subject, clean: Subject, known: Collection[str]
) -> list[str]:
    """Return the tests that fail on the broken image twice, and between that not on the clean one.

    So a test that was too slow for its own limit on a loaded machine is not counted. `known` are
    those that fail on the clean image anyway.
    """
    failed = peer.run(checkout, broken).difference(known)
    if failed:
        failed -= peer.run(checkout, clean)
    if failed:
        failed &= peer.run(checkout, broken)
    return sorted(failed)


def run_on_clean(
    checkouts: Mapping[Peer, Path],
    references: Mapping[str, str],
    results: Results,
    keep: Callable[[], None],
) -> None:
    """Note which tests of the peers fail on the clean images."""
    for image, reference in references.items():
        row = results.setdefault(f"{CLEAN}{image}", {})
        for peer, checkout in checkouts.items():
            if peer.name not in row:
                failed = peer.run(checkout, Subject(reference, image, asserted(image)))
                row[peer.name] = sorted(failed)
                keep()


def run_suites_on_clean(
    sample: Sequence[Defect],
    references: Mapping[str, str],
    results: Results,
    keep: Callable[[], None],
) -> None:
    """Note what our suites of the sample say of the clean images."""
    used = {(defect.suite, image_of(defect)) for defect in sample}
    for suite in SUITES:
        for image in sorted(image for name, image in used if name == suite.name):
            row = results[f"{CLEAN}{image}"]
            if f"{OURS}{suite.name}" in row:
                continue
            result = judge_image(references[image], suite, image)
            clean = result.verdict in (Verdict.PASS, Verdict.NOT_RUN)
            row[f"{OURS}{suite.name}"] = [] if clean else [f"{result.verdict}: {result.reason}"]
            keep()


def run_on_defect(
    defect: Defect, checkouts: Mapping[Peer, Path], reference: str, results: Results
) -> None:
    """Note which tests fail on the broken image, twice, and not on the clean one."""
    image, expected = image_of(defect), asserted(image_of(defect))
    planted = defect.plant(Setup(reference, Path(), expected))
    tag = build_image(planted)
    row: dict[str, list[str]] = {}
    try:
        for peer, checkout in checkouts.items():
            broken, clean = (Subject(each, image, expected) for each in (tag, reference))
            known = results[f"{CLEAN}{image}"][peer.name]
            row[peer.name] = find_failures(peer, checkout, broken, clean, known)
        suite = next(suite for suite in SUITES if suite.name == defect.suite)
        result = judge_image(tag, suite, image)
        # As for the peers, it does not matter here what else fails: the suite itself may.
        problem = missed(replace(defect, caught=(*defect.caught, ("", ""))), result)
        row[OURS] = [] if problem else [name or "the suite" for name, _ in defect.caught]
        if problem:
            row["problem"] = [problem]
    finally:
        remove_image(tag)
        if planted.reference != reference:
            remove_image(planted.reference)
    results[defect.name] = row


def parse_image(text: str) -> tuple[str, str]:
    """Return the name and the reference in NAME=REFERENCE. Raises ArgumentTypeError."""
    name, _, reference = text.partition("=")
    names = sorted({image_of(each) for each in DEFECTS})
    if name not in names or not reference:
        raise argparse.ArgumentTypeError(
            f"`{clean_line(text, 100)}` is not NAME=REFERENCE with one of {', '.join(names)}"
        )
    return name, reference


def main() -> int:
    """Run what has no result yet, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("results", type=Path, metavar="RESULTS")
    parser.add_argument(
        "--image", action="append", required=True, type=parse_image, metavar="NAME=REFERENCE"
    )
    parser.add_argument("--count", type=int, default=30, metavar="N")
    parser.add_argument("--seed", type=int, default=15, metavar="N")
    given = parser.parse_args()
    references = dict(given.image)
    checkouts = {peer: require_checkout(peer, given.folder) for peer in PEERS}
    ours = [each for each in DEFECTS if image_of(each) in references and is_of_the_image(each)]
    sample = draw_sample(ours, given.count, given.seed)
    known = given.results.exists()
    results: Results = json.loads(given.results.read_text("utf-8")) if known else {}

    def keep() -> None:
        given.results.write_text(json.dumps(results, indent=1), encoding="utf-8")

    run_on_clean(checkouts, references, results, keep)
    for number, defect in enumerate(sample, 1):
        if defect.name not in results:
            progress.say_line(f"{number} of {len(sample)}: {defect.suite}: {defect.name}")
            run_on_defect(defect, checkouts, references[image_of(defect)], results)
            progress.say_line(f"  {results[defect.name]}")
            keep()
    run_suites_on_clean(sample, references, results, keep)
    text = write_tables(sample, tuple(peer.name for peer in PEERS), results)
    made = f"{datetime.datetime.now(tz=datetime.UTC):%Y-%m-%d}, {os.cpu_count()} cores"
    write_page(f"{made}. {text}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ReleaseError as error:
        progress.say_line(f"error: {error}")
        sys.exit(error.exit_code)
