"""A new line: its facts, its entry in the catalogue and its locks, written as a change to review.

Versions, CUDA, cuDNN, NCCL and architectures are read from what the index serves of torch's wheel.
What a machine cannot know is taken over from another line and named, so that a person confirms it.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from packaging.version import Version

from images import catalog as catalogue
from images import index, line_locks, resolve, torch_wheel, yaml_edit
from images.catalog import Catalog, Line
from images.compatibility import COMPATIBILITY, TorchBuild, TorchRelease, load_compatibility
from images.index import NoVersion, OfferedWheel, WheelNeeds
from images.locks import write_lock
from images.resolve import Locks
from images.version import is_line
from runner import home, progress, records, yaml_files
from runner.errors import ConfigError, EnvironmentFailed
from runner.untrusted import clean_line

_PYTHONS = tuple(f"3.{minor}" for minor in range(9, 20))
"""The Pythons that a wheel of torch is looked for."""

_FROM_WHEEL = (
    *("torch", "torchvision", "torchaudio", "cuda", "epoch", "driver_floor", "support"),
    "os_patch",
)
"""The keys of a line that are not taken over from another line."""
_PLAIN = ("python", "debian", "base_image")
"""The keys that are checked against the facts when the catalogue is loaded."""


@dataclass(frozen=True)
class NewLine:
    """The result of `line new`: the files, what a person must confirm, and the next commands."""

    line: str
    torch: str
    cuda: str
    files: tuple[str, ...]
    to_confirm: tuple[str, ...]
    next_steps: tuple[str, ...]


@dataclass(frozen=True)
class _UpstreamFacts:
    """The facts of a release of torch in the index; `doubts` are those that it does not say."""

    torch: OfferedWheel
    cuda: str
    release: TorchRelease
    doubts: tuple[str, ...]


def write_line(catalog: Catalog, name: str, source: str) -> NewLine:
    """Write the facts, the entry and the locks of line `name`, with the rest as in line `source`.

    The catalogue is written last: a line is there only when it is complete. Raises ConfigError if
    the line is there, if the index has no such torch, or if its CUDA is not known, and
    EnvironmentFailed if the index cannot be read.
    """
    _require_new(catalog, name, source)
    facts = _read_facts(catalog.lines[source], source, name)
    texts = {
        COMPATIBILITY: _add_facts(facts),
        catalogue.CATALOG: _add_entry(facts, name, source),
    }
    with home.scratch_folder("line") as work:
        for path, text in texts.items():
            (work / path.name).write_text(text, encoding="utf-8")
        drafts = (work / catalogue.CATALOG.name, work / COMPATIBILITY.name)
        made = catalogue.load_catalog(*drafts)
        with progress.show_step(f"the packages of line {name}"):
            locks = _resolve_locks(made, made.lines[name])
        for stack, wheels in locks.items():
            write_lock(work / stack / f"{name}.lock", stack, wheels)
        line_locks.locks_of(made, name, tuple(made.stacks), work, drafts[1])
    resolve.write_locks(name, locks)
    for path, text in texts.items():
        records.write_text(path, text)
    load_compatibility.cache_clear()  # it has the facts of before
    return _describe_line(facts, name, source, locks)


def _require_new(catalog: Catalog, name: str, source: str) -> None:
    known = f"lines: {', '.join(catalog.lines)}"
    if not is_line(name):
        problem = f"`{clean_line(name, 60)}` is not the name of a line"
        raise ConfigError(problem, "write the minor version of torch, for example 2.16")
    if name in catalog.lines:
        hint = f"refresh its locks with `./release.py lock {name}`"
        raise ConfigError(f"line {name} is in the catalogue already", hint)
    if source not in catalog.lines:
        raise ConfigError(f"there is no line `{clean_line(source, 60)}` to begin from", known)


def _read_facts(line: Line, source: str, name: str) -> _UpstreamFacts:
    """Return what the index says about the newest torch of line `name`."""
    try:
        torch = index.resolve_offers(line.python, [f"torch=={name}.*"], alone=True)["torch"]
    except NoVersion as error:
        problem = f"the index has no torch {name} with a wheel for Python {line.python} on Linux"
        raise ConfigError(f"{problem}: {error.message}", "see `./release.py outdated`") from None
    if Version(torch.version).local:
        problem = f"{torch.place} offers torch {torch.version}, a build that is not upstream's own"
        hint = "run the command without it (see `pip config list`): pip prefers a version with `+`"
        raise ConfigError(problem, hint)
    needs = _require_needs(torch)
    cuda = torch_wheel.read_cuda(needs.requires)
    build = torch_wheel.read_build(needs.requires, ())
    if not cuda or not build.cudnn or not build.nccl:
        problem = f"{torch.file} does not say which CUDA, cuDNN and NCCL it is for"
        raise ConfigError(problem, "use an index with PyTorch's wheels for CUDA")
    if cuda not in load_compatibility(COMPATIBILITY).toolkits:
        hint = f"add its drivers there, under toolkits, {cuda}, from NVIDIA's release notes"
        raise ConfigError(
            f"{COMPATIBILITY} lacks the drivers of CUDA {cuda}, which torch {torch.version} is for",
            hint,
        )
    architectures, doubts = _find_architectures(torch, line, source)
    vision, audio = _find_companions(line, torch)
    pythons = tuple(_find_pythons(torch))
    release = TorchRelease(
        vision, audio, pythons, {cuda: replace(build, architectures=architectures)}
    )
    return _UpstreamFacts(torch, cuda, release, doubts)


def _require_needs(wheel: OfferedWheel) -> WheelNeeds:
    found = index.read_needs([wheel]).get(wheel.file)
    if found is None:
        hint = "use an index that serves the metadata of wheels (PEP 658) or ranges of bytes"
        raise EnvironmentFailed(f"the metadata of {wheel.file} cannot be read", hint)
    return found


def _find_architectures(
    torch: OfferedWheel, line: Line, source: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the architectures in torch's wheel, and a doubt if they are only those of a line."""
    with contextlib.suppress(*index.UNREADABLE), index.open_wheel(torch) as wheel:
        return torch_wheel.read_architectures(wheel), ()
    known = load_compatibility(COMPATIBILITY).find_build(line.torch, line.cuda).architectures
    doubt = (
        f"architectures {' '.join(known)}: taken over from line {source}, because the wheel of"
        " torch cannot be read in parts; the layer lock refuses wrong ones"
    )
    return known, (doubt,)


def _find_companions(line: Line, torch: OfferedWheel) -> tuple[str, str | None]:
    """Return the TorchVision that pins this torch, and the TorchAudio with its number, if any."""
    pin = f"torch=={torch.version}"
    vision = index.resolve_offers(line.python, ["torchvision"], [pin])["torchvision"]
    requires = _require_needs(vision).requires
    pins = [str(each.specifier) for each in requires if each.name == "torch"]
    if f"=={torch.version}" not in pins:
        problem = f"no torchvision on the index pins torch {torch.version}"
        raise ConfigError(problem, "wait for it: upstream releases both together")
    try:
        wanted = f"torchaudio=={torch.version}"
        audio = index.resolve_offers(line.python, [wanted], alone=True)["torchaudio"]
    except NoVersion:
        return vision.version, None
    return vision.version, audio.version


def _find_pythons(torch: OfferedWheel) -> Iterator[str]:
    """Yield the Pythons that this torch has a wheel for: one after the other, without a gap."""
    found = False
    for python in _PYTHONS:
        try:
            index.resolve_offers(python, [f"torch=={torch.version}"], alone=True)
        except NoVersion:
            if found:
                return
            continue
        found = True
        yield python


def _add_facts(facts: _UpstreamFacts) -> str:
    """Return compatibility.yaml with the release of torch; as it is if it has the release."""
    text, version = records.read_text(COMPATIBILITY), facts.torch.version
    known = load_compatibility(COMPATIBILITY).torch.get(version)
    build = facts.release.builds[facts.cuda]
    if known is None:
        entry = _format_release(version, facts.cuda, facts.release, build)
        return yaml_edit.insert_entry(text, "torch", version, entry)
    held = known.builds.get(facts.cuda, TorchBuild())
    if (held.cudnn, held.nccl, held.architectures) != (
        build.cudnn,
        build.nccl,
        build.architectures,
    ):
        line = yaml_files.line_of(text, "torch", version, "builds", facts.cuda)
        right = f"architectures [{', '.join(build.architectures)}]"
        hint = f"write cudnn {build.cudnn}, nccl {build.nccl}, {right}"
        problem = f"the wheel of torch {version} says something else about CUDA {facts.cuda}"
        raise ConfigError(f"{COMPATIBILITY}:{line}: {problem}", hint)
    return text


def _format_release(
    version: str, cuda: str, release: TorchRelease, build: TorchBuild
) -> Sequence[str]:
    pythons = ", ".join(f'"{python}"' for python in release.python)
    return (
        f'  "{version}":',
        f'    torchvision: "{release.torchvision}"',
        f"    torchaudio: {_format_version(release.torchaudio)}",
        f"    python: [{pythons}]",
        "    builds:",
        f'      "{cuda}":',
        f'        cudnn: "{build.cudnn}"',
        f'        nccl: "{build.nccl}"',
        f"        architectures: [{', '.join(build.architectures)}]",
    )


def _format_version(version: str | None) -> str:
    return f'"{version}"' if version else "null"


def _add_entry(facts: _UpstreamFacts, name: str, source: str) -> str:
    """Return catalog.yaml with the entry of the line, its keys in the order of line `source`."""
    text = records.read_text(catalogue.CATALOG)
    own = _own_values(facts)
    entry = [f'  "{name}":']
    for key, value in yaml_edit.read_entry(text, "lines", source).items():
        taken = "" if key in _PLAIN or "\n" in value else f" # as line {source}"
        written = own.get(key, value + taken)
        space = "" if written.startswith("\n") else " "
        entry += f"    {key}:{space}{written}".split("\n")
    return yaml_edit.insert_entry(text, "lines", name, entry)


def _own_values(facts: _UpstreamFacts) -> dict[str, str]:
    """Return the values of the line that follow from torch, as they are written."""
    torch, day = facts.torch, facts.torch.day
    toolkit = load_compatibility(COMPATIBILITY).toolkits[facts.cuda]
    values = {
        "torch": _format_version(torch.version),
        "torchvision": _format_version(facts.release.torchvision),
        "torchaudio": _format_version(facts.release.torchaudio),
        "cuda": f'"{facts.cuda}"',
        "driver_floor": f'"{toolkit.oldest_driver}"',
        "os_patch": "0",
        "support": f"\n      - {{status: active, since: {_first_day(facts)},"
        f' why: "torch {torch.version} was released"}}',
    }
    if day is not None:
        moment = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
        comment = f" # the day of torch {torch.version}'s wheel, {day.isoformat()}"
        values["epoch"] = f"{int(moment.timestamp())}{comment}"
    return values


def _first_day(facts: _UpstreamFacts) -> datetime.date:
    """Return the day from which the line is supported: that of torch's wheel, else today."""
    return facts.torch.day or datetime.datetime.now(datetime.UTC).date()


def _resolve_locks(catalog: Catalog, line: Line) -> Locks:
    """Return the wheels of each stack, of one resolution; nothing is downloaded."""
    wanted = {
        stack: resolve.read_requirements(line, stack).splitlines() for stack in catalog.stacks
    }
    whole = index.resolve_offers(line.python, [each for rows in wanted.values() for each in rows])
    pins = [f"{each.name}=={each.version}" for each in whole.values()]
    names = {
        stack: index.resolve_offers(
            line.python, [each for part in catalog.stacks_of(stack) for each in wanted[part]], pins
        ).keys()
        for stack in catalog.stacks
    }
    return resolve.divide_by_stack(catalog, index.lock_offers(whole), names)


def _describe_line(facts: _UpstreamFacts, name: str, source: str, locks: Locks) -> NewLine:
    size = sum(wheel.size for held in locks.values() for wheel in held)
    files = [f"images/{stack}/{name}.lock" for stack in locks]
    files += ["images/compatibility.yaml", "images/catalog.yaml"]
    return NewLine(
        name,
        facts.torch.version,
        facts.cuda,
        tuple(files),
        tuple(_list_doubts(facts, source)),
        (
            f"./release.py lock {name} --layers (downloads what is missing of"
            f" {progress.format_megabytes(size)} of wheels, and needs a Docker engine)",
            f"./release.py plan v{name}.0",
            "docs/adding-a-line.md has the steps after that",
        ),
    )


def _list_doubts(facts: _UpstreamFacts, source: str) -> Iterator[str]:
    """Yield what no wheel says, so that a person must confirm it."""
    yield from facts.doubts
    entry = yaml_edit.read_entry(records.read_text(catalogue.CATALOG), "lines", source)
    day_known = ("epoch",) if facts.torch.day else ()
    for key, value in entry.items():
        if key not in {*_FROM_WHEEL, *_PLAIN} - ({"epoch"} - set(day_known)):
            yield f"{key}: {' '.join(value.split())}: taken over from line {source}"
    yield (
        f"support: active since {_first_day(facts)}: add `security` and `ended` with their days,"
        " and why"
    )
    if facts.release.torchaudio is None:
        yield f"torchaudio: null: the index has none with the number {facts.torch.version}"
    floor = load_compatibility(COMPATIBILITY).toolkits[facts.cuda].oldest_driver
    yield f"driver_floor: {floor}: the oldest driver of CUDA {facts.cuda}'s family"
    yield (
        "without_code: no library: run the suite `device` on the image; it names libraries that"
        " lack code for an architecture, and compatibility.yaml takes them"
    )
