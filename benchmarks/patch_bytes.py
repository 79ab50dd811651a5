#!/usr/bin/env python3
"""Measure how many bytes a host pulls for the Debian updates of a monthly patch.

    .venv/bin/python benchmarks/patch_bytes.py LINE

It makes the OS layer of LINE twice: from Debian's last point release without any update since, as
an earlier release may have it, and from today's packages. Then it compares the bytes of the second
layer, which a host pulls if each release has an OS layer of its own, with those of a layer of
updates. It needs a Docker engine, mmdebstrap and Debian's package mirror.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from images import catalog, debian, layer_lock, root_difference
from images.catalog import BASE, IMAGES, Line
from images.debian import NormalisedRoot
from runner import home, progress, shell
from runner.child_variables import BOOTSTRAP
from runner.errors import ConfigError
from validation import clean_machine

USAGE = "run `.venv/bin/python benchmarks/patch_bytes.py LINE`"
NO_UPDATES = """--setup-hook=sed -i -E '/-(security|updates) /d' "$1/etc/apt/sources.list" """
NAMED = 12


def make_point_release(line: Line, work: Path, target: Path) -> NormalisedRoot:
    """Make the OS layer of a line from Debian's last point release into the file `target`."""
    root, exported = work / "point.tar", work / "point-rootfs.tar"
    script = (debian.dockerfile_path().parent / debian.GUEST / "newest.sh").read_text("utf-8")
    options = [*debian.BOOTSTRAP_OPTIONS, NO_UPDATES, f"--customize-hook={script}"]
    options += debian.mirror_options()
    with progress.show_step(f"Debian {line.debian} without updates (mmdebstrap)"):
        shell.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", *options, line.debian, str(root)],
            hint="run `make setup`; the package mirror must be reachable",
            env={"SOURCE_DATE_EPOCH": str(line.epoch), "TMPDIR": str(work)},
            allowed=BOOTSTRAP,
            timeout_s=debian.BUILD_TIMEOUT_S,
        )
    with debian.imported_root(root) as name:
        given = {"BASE": name, **debian.line_arguments(line)}
        debian.build_root(debian.dockerfile_path().parent, given, exported)
    with target.open("wb") as file:
        return debian.normalise_export(exported, file, line.epoch)


def measure(name: str, line: Line, work: Path) -> None:
    """Make the layers, and print their bytes and what changed."""
    below, updates, whole = (work / f"{each}.tar.gz" for each in ("below", "updates", "whole"))
    before = make_point_release(line, work, below)
    exported, _ = debian.export_root(line, work)
    with updates.open("wb") as file:
        after = root_difference.write_difference(exported, below, file, line.epoch)
    with whole.open("wb") as file:
        full = debian.normalise_export(exported, file, line.epoch)
    old = {each.name: each.version for each in before.packages}
    new = {each.name: each.version for each in after.packages}
    changed = sorted(each for each in new if old.get(each) != new[each])
    shown = ", ".join(changed[:NAMED]) + (", ..." if len(changed) > NAMED else "")
    locked = layer_lock.read_layer_lock(layer_lock.layer_lock_path(IMAGES, BASE, name), name)
    image = sum(each.blob.size for each in locked) + full.blob.size
    progress.say_line(f"{len(changed)} of {len(new)} packages are newer: {shown}")
    for what, size in (("whole OS layer", full.blob.size), ("layer of updates", after.blob.size)):
        progress.say_line(f"{what}: {size / 1e6:.2f} MB, {size / image:.2%} of base")


def main(words: list[str]) -> int:
    """Measure a line; return the exit code."""
    return clean_machine.run_command(lambda: run(words))


def run(words: list[str]) -> None:
    """Measure the line in `words`."""
    if len(words) != 1:
        raise ConfigError("a LINE is needed", USAGE)
    clean_machine.require_line(words[0], USAGE)
    with home.scratch_folder("patch-bytes") as work, debian.explain_failures():
        measure(words[0], catalog.load_catalog().lines[words[0]], work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
