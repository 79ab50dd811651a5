#!/usr/bin/env python3
"""One command in the world of benchmarks/growth.py: it prints its seconds and its peak memory.

.venv/bin/python benchmarks/growth_commands.py COMMAND HOST FOLDER IMAGES RELEASES TAGS
"""

from __future__ import annotations

import datetime
import json
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.growth_world import CHANNEL, SIGNER, Size, make_catalog, read_staged
from images import build, plan
from images.record import BuildRecord
from oci.registry import Registry
from publish.compare import compare_images
from publish.policy import channels, schedule
from publish.promotion import PromotionCandidate, PromotionRequest, promote_candidate
from publish.released.promotions import list_releases
from publish.released.published import PRODUCTION, Published, find_previous
from publish.released.verify import CatalogLines, verify_reference
from publish.rescan import rescan_images
from runner.verdict import Verdict
from scan import store
from scan.difference import Difference
from tests.publish.line import NOON, TODAY, Line
from tests.publish.signed import P256, findings_seal


def plan_release(line: Line, size: Size) -> None:
    """Plan the next release, as `plan` does."""
    version = line.catalog.require_version(size.next_version)
    root, out = line.folder / "images", line.folder / "out"
    plan.make_plan(line.catalog, version, line.catalog.images, out, root)


def build_release(line: Line, size: Size) -> None:
    """Plan and assemble the next release; every layer is in the registry."""
    version = line.catalog.require_version(size.next_version)
    root, out = line.folder / "images", line.folder / "out"
    planned = plan.make_plan(line.catalog, version, line.catalog.images, out, root)
    made = build.build(
        line.catalog, version, planned, line.registry, out, layer_signer=SIGNER, root=root
    )
    assert len(made) == size.images


def list_due(line: Line, _: Size) -> None:
    """List what is due, as `due` does."""
    rules, lines = channels.load(), line.catalog.lines
    needs_channel = partial(schedule.needs_channel, TODAY, rules, lines)
    out = list_releases(line.registry, line.catalog, line.trusted, needs_channel)
    records = line.catalog.repositories.records
    kept = store.read_stored(line.registry, records, findings_seal(P256), TODAY)
    assert schedule.find_due(TODAY, rules, lines, out, kept.history.judgements) is not None


def verify_newest(line: Line, _: Size) -> None:
    """Verify `latest` of the last image, as `verify` does."""
    found = verify_reference(
        line.registry,
        line.catalog.repositories,
        "latest",
        line.trusted,
        line.catalog.images,
        known=CatalogLines(line.catalog.lines, TODAY),
    )
    # the released images have only a decision and an SBOM
    assert found.verdict is Verdict.FAIL
    assert all(each.startswith("the decision was made without") for each in found.reasons)


def rescan_line(line: Line, size: Size) -> None:
    """Judge every released image, as `rescan` does."""
    assessor = replace(line.assessor, signer=lambda: P256)
    assert len(rescan_images(assessor, PRODUCTION).judgements) == size.images * size.releases


def promote_release(line: Line, size: Size) -> None:
    """Decide about the next release and move its tags, as `promote` does."""
    version = line.catalog.require_version(size.next_version)

    def compare(image: BuildRecord) -> Difference | None:
        before = find_previous(line.registry, line.catalog, version, image.image, line.trusted)
        after = Published(version, image.image, "staging", image.repository, image.digest)
        return compare_images(line.assessor, before, after) if before else None

    candidate = PromotionCandidate(
        line.catalog,
        version,
        read_staged(line.folder, line.catalog, size.next_version),
        line.production,
        line.evidence_signer,
        line.trusted,
        compare,
        datetime.datetime.combine(TODAY, NOON, datetime.UTC),
    )
    promoted = promote_candidate(candidate, PromotionRequest(channel=CHANNEL, kind="patch"))
    assert not promoted.outcome.left


COMMANDS: dict[str, Callable[[Line, Size], None]] = {
    "plan": plan_release,
    "build": build_release,
    "due": list_due,
    "verify": verify_newest,
    "rescan": rescan_line,
    "promote": promote_release,
}


def read_peak_memory() -> float:
    """Return the peak of the memory of this process, in megabytes (10^6 bytes)."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def main(name: str, host: str, folder: str, *size: str) -> None:
    """Run a command and print what it took."""
    os.environ["PYTORCH_CUDA_IMAGES_HOME"] = f"{folder}/home"
    os.environ["PYTORCH_CUDA_IMAGES_OUT"] = f"{folder}/out"
    world = Size(*map(int, size))
    line = Line(Registry(host), make_catalog(world.images), Path(folder))
    started, before = time.monotonic(), sum(os.times()[:4])
    COMMANDS[name](line, world)
    taken = time.monotonic() - started
    cpu = sum(os.times()[:4]) - before
    print(json.dumps({"seconds": taken, "cpu_seconds": cpu, "megabytes": read_peak_memory()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
