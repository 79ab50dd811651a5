"""Check any image with the suites and an inspection.

That may be one that a team built on ours, or one of somebody else. Nothing is signed, and nothing
is decided or promoted from the result.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from images.assembly import LABELS, STANDARD
from images.catalog import BASE, Catalog
from images.names import join_stacks
from images.version import line_of_torch
from oci.reference import is_tag
from oci.registry import Registry, RegistryError
from oci.served import is_served_whole
from runner import embedded, progress, pull
from runner.errors import ConfigError, EnvironmentFailed
from runner.nouns import count_noun
from runner.pool import worker_pool
from runner.pull import HeldImage
from runner.time_limit import time_limit
from runner.untrusted import clean_line
from runner.verdict import Verdict, summary_verdict
from scan import configuration, image_contents, image_facts, licences, release_difference
from scan.documents import bound_problems
from scan.policy import load_policy
from scan.record import ScanProblem, summarise_problems
from scan.release_difference import ReleaseDifference
from validation import run as validation
from validation.expectations import expect_image
from validation.record import ValidationRecord
from validation.suite import list_suites

SAY_WHICH = "name them, for example: --line 2.6 --stacks base,cv"
OBTAIN_S = 4 * 3600
"""The most seconds for the pull of an image, which can have many gigabytes."""
REASON_CHARACTERS = 1000
"""The longest reason of a record."""


@dataclass(frozen=True)
class Expectation:
    """The line and stacks that an image is compared with, the stacks with all that they need."""

    line: str
    stacks: tuple[str, ...]


@dataclass(frozen=True)
class CheckRecord:
    """The result of checking one image: out/checks/ID/check.json.

    `image_id` is the digest of its configuration, `digest` that of its manifest, empty if it was
    only built here. `validation` is the result of the suites, `problems` are what the
    inspection refuses. `difference` is that to the release of ours that the image was made of.
    """

    reference: str
    image_id: str
    digest: str
    line: str
    stacks: tuple[str, ...]
    verdict: Verdict
    reason: str
    validation: ValidationRecord
    problems: tuple[ScanProblem, ...]
    difference: ReleaseDifference | None = None


def find_expectation(
    catalog: Catalog, line: str, stacks: str, labels: Mapping[str, str]
) -> Expectation:
    """Return the line and stacks that a person named, else those in the labels of the image.

    A label is only a hint: it says what to compare the image with, and proves nothing. Raises
    ConfigError if neither names them, or the catalogue does not have them.
    """
    named = _split_names(stacks) if stacks else _split_names(labels.get(f"{LABELS}.stacks", ""))
    wanted = line or line_of_torch(labels.get(f"{LABELS}.torch", ""))
    if not wanted or not named:
        raise ConfigError("the image has no labels for its line and stacks", SAY_WHICH)
    if wanted not in catalog.lines:
        raise ConfigError(
            f"no line {clean_line(wanted, 40)!r} in the catalogue",
            f"lines: {', '.join(catalog.lines)}",
        )
    unknown = [clean_line(name, 40) for name in named if name not in catalog.stacks]
    if unknown:
        raise ConfigError(
            f"no stack {unknown[0]!r} in the catalogue", f"stacks: {', '.join(catalog.stacks)}"
        )
    return Expectation(wanted, catalog.stacks_of("-".join(dict.fromkeys((BASE, *named)))))


def check_image(
    catalog: Catalog, reference: str, line_and_stacks: tuple[str, str], device: str, command: str
) -> CheckRecord:
    """Run the suites in containers of an image, and inspect it.

    `line_and_stacks` are `--line` and `--stacks`, empty if they were not given; `device` is auto,
    cpu or cuda; `command` is what a person typed. Raises ConfigError if there is no such image, or
    its line and stacks are not known, EnvironmentFailed if the engine fails.
    """
    with time_limit(f"pull of {reference}", OBTAIN_S):
        image = pull.obtain_image(reference, is_served_whole)
    expected = find_expectation(catalog, *line_and_stacks, image.config.get("Labels") or {})
    progress.say_line(
        f"check {reference}: {image.id}, as line {expected.line} with {', '.join(expected.stacks)}"
    )
    longest_s = longest_check_s(expected.stacks)
    limit = count_noun(longest_s // 3600, "hour")
    progress.say_line(
        f"  this takes some minutes; if the image hangs, it is ended after {limit} at the latest"
    )
    with time_limit(f"check of {reference}", longest_s):
        judged = validation.validate_image(_make_target(catalog, expected, image, command), device)
        # much of it is text of the image, and there may be any amount of it: it is bounded
        problems, failure = tuple[ScanProblem, ...](), ""
        difference = None
        try:
            problems = bound_problems(tuple(_find_problems(catalog, expected, image)))
            difference, changed = compare_with_release(catalog, image)
            problems = bound_problems((*problems, *changed))
        except EnvironmentFailed as error:  # the result of the suites stays valid
            failure = f"the inspection failed: {error.message}"
    beside = [Verdict.FAIL] if problems else [Verdict.INFRA] if failure else []
    reasons = [judged.reason, summarise_problems(problems) if problems else "", failure]
    return CheckRecord(
        reference=reference,
        image_id=image.id,
        digest=image.digest,
        line=expected.line,
        stacks=expected.stacks,
        verdict=summary_verdict([judged.verdict, *beside]),
        reason=clean_line("; ".join(filter(None, reasons)), REASON_CHARACTERS),
        validation=judged,
        problems=problems,
        difference=difference,
    )


def compare_with_release(
    catalog: Catalog, image: HeldImage
) -> tuple[ReleaseDifference, tuple[ScanProblem, ...]]:
    """Return the difference of an image to the release that its labels name, and the faults in it.

    The label is only a hint: it says what to compare the image with. If no registry that is known
    here has this release, the difference says so. Raises EnvironmentFailed if the engine fails.
    """
    labels = image.config.get("Labels") or {}
    tag = str(labels.get(f"{STANDARD}.ref.name", ""))
    release = _find_release(catalog, tag) if is_tag(tag) else ""
    if not release:
        why = f"{clean_line(tag, 60)} is in no registry that is known here" if tag else "no label"
        return ReleaseDifference("", (f"not compared with our release: {why}",)), ()
    with progress.show_step(f"image: difference to {tag}"):
        pull.pull_image(release)
        ours = pull.obtain_image(release)
        if ours.id == image.id:
            return ReleaseDifference(release, ("it is our release",)), ()
        with worker_pool(2) as pool:
            before, after = pool.map(image_contents.read_image, (ours.id, image.id))
    lines, faults = release_difference.compare_contents(before, after)
    lines += release_difference.compare_settings(ours.config, image.config)
    return ReleaseDifference(release, lines or ("nothing differs from our release",)), faults


def _find_release(catalog: Catalog, tag: str) -> str:
    """Return the reference of a release by its own tag; empty if no registry here has it."""
    named = embedded.configured_registry()
    host = named.host if named else embedded.HOST
    if not named and not embedded.is_answering(host):
        return ""
    with contextlib.suppress(RegistryError):
        for repository in (catalog.repositories.production, catalog.repositories.staging):
            if digest := Registry(host).resolve_digest(repository, tag):
                return f"{host}/{repository}@{digest}"
    return ""


def longest_check_s(stacks: Collection[str]) -> int:
    """Return the most seconds, in whole hours, that a check may take once the image is here.

    Each suite has a limit, and one that failed is run once more. So is the inspection.
    """
    seconds = sum(suite.timeout_s for suite in list_suites(stacks)) + image_facts.TIMEOUT_S
    return 3600 * math.ceil(2 * seconds / 3600)


def record_path(out: Path, record: CheckRecord) -> Path:
    """Return the path of the record of a check: out/checks/ID/check.json."""
    return out / "checks" / record.image_id.removeprefix("sha256:")[:16] / "check.json"


def _split_names(stacks: str) -> list[str]:
    return [name.strip() for name in stacks.split(",") if name.strip()]


def _make_target(
    catalog: Catalog, expected: Expectation, image: HeldImage, command: str
) -> validation.ValidationTarget:
    """Return what the suites run in: the image by its id, so that a tag may move meanwhile."""
    return validation.ValidationTarget(
        version="",
        image="image",
        stacks=expected.stacks,
        digest=image.digest or image.id,
        reference=image.id,
        expected=replace(expect_image(catalog, expected.line, expected.stacks), derived=True),
        driver_floor=catalog.lines[expected.line].driver_floor,
        command=command,
    )


def _find_problems(
    catalog: Catalog, expected: Expectation, image: HeldImage
) -> Iterator[ScanProblem]:
    """Yield what the scan's policy refuses in the configuration and the file system."""
    with progress.show_step("image: inspection"):
        facts = image_facts.probe_image(image.id)
    if isinstance(facts, ScanProblem):
        yield facts
        return
    policy = load_policy()
    name = join_stacks(expected.stacks)
    ports, has_compiler = catalog.os_part_of(name).ports, catalog.has_compiler(name)
    allowed = policy.configuration.extend(ports, compiler=has_compiler)
    yield from configuration.check_configuration({"config": dict(image.config)}, facts, allowed)
    yield from licences.check_debian_areas(facts.areas, policy.licences)
