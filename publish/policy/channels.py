"""channels.yaml: where a release may go, what must be proven for it, which tags it gets, and when
it is due.

What a release needs is never less than everything: the file is refused where a channel that
releases takes anything but `pass`, names no GPU, or asks for no database, and where one that does
not release moves an alias of one that does.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import ConfigDict, Field

from images.catalog import Version
from images.names import candidate_stem, image_tags
from oci.reference import is_tag
from runner import records
from runner.errors import ConfigError
from runner.verdict import Verdict

CHANNELS = Path(__file__).resolve().parent / "channels.yaml"

Days = Annotated[int, Field(ge=0)]
Kind = Literal["patch", "feature", "major"]
Evidence = Literal["provenance", "tests", "sbom", "vulnerabilities"]
Accepted = Literal[Verdict.PASS, Verdict.NOT_RUN, Verdict.INCONCLUSIVE]
"""What a channel may take for proof: of what failed, or was disturbed, none does."""

Loc = tuple[int | str, ...]

KINDS: tuple[Kind, ...] = get_args(Kind)
EVIDENCE: tuple[Evidence, ...] = get_args(Evidence)

OWN_TAG = "{version}"
CANDIDATE_TAG = candidate_stem(OWN_TAG)
"""What a transaction puts of its own beside the aliases (publish/tags/transaction.py)."""

_LONGEST_ALIAS = 100
"""A tag has 128 characters at most; this leaves room for the image's suffix."""


@dataclass(frozen=True)
class Demands:
    """What must be proven.

    `evidence` is the most days its work may lie back; `gpus` are families, each to be covered.

    `database_days` is the most a vulnerability database may have been old when it judged, None
    where none is asked for.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    evidence: dict[Evidence, Days]
    suites: tuple[Accepted, ...]
    scan: tuple[Accepted, ...]
    gpus: tuple[str, ...]
    database_days: Days | None


@dataclass(frozen=True)
class Calendar:
    """The first day from Monday to Friday on or after `day` of each of `months`."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    months: Annotated[tuple[Annotated[int, Field(ge=1, le=12)], ...], Field(min_length=1)]
    day: Annotated[int, Field(ge=1, le=28)]


@dataclass(frozen=True)
class Channel:
    """One way out. `tags` never move: `{version}`, or none where it does not release.

    `aliases` do, the last last.

    `calendar` is for releases of the first of `kinds`.

    `advisories`: it is due out of turn where an advisory is past its grace.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    demands: str
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)]
    tags: tuple[str, ...]
    aliases: Annotated[tuple[str, ...], Field(min_length=1)]
    calendar: Calendar | None = None
    advisories: bool = False

    @property
    def releases(self) -> bool:
        """Whether what it puts is released, and so never moves."""
        return bool(self.tags)


@dataclass(frozen=True)
class Channels:
    """The whole of channels.yaml.

    `families` hold words of GPU names; `announce_days` are those before support ends.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    demands: dict[str, Demands]
    families: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]
    channels: dict[str, Channel]
    announce_days: Days

    def channel(self, name: str) -> Channel:
        """Raises ConfigError where there is no such channel."""
        if name not in self.channels:
            raise ConfigError(f"unknown channel `{name}`", f"channels: {', '.join(self.channels)}")
        return self.channels[name]

    def demands_of(self, name: str) -> Demands:
        """What must be proven for a channel. Raises ConfigError where there is no such channel."""
        return self.demands[self.channel(name).demands]


def load(path: Path = CHANNELS) -> Channels:
    """The channels, checked. Raises ConfigError with file and line."""
    channels = records.load_yaml(Channels, path)
    for loc, message, hint in _problems(channels):
        line = records.line_of(records.read_text(path), *loc)
        raise ConfigError(f"{path}:{line}: {message}", hint)
    return channels


def aliases(
    channel: Channel, version: Version, image: str, day: datetime.date, *, newest_line: bool
) -> tuple[str, ...]:
    """The aliases a release moves on a day, the last last.

    Those of no line move for the newest line only.
    """
    own = (template for template in channel.aliases if newest_line or _is_of_a_line(template))
    return tuple(name for template in own for name in _names(template, version, image, day))


def _names(template: str, version: Version, image: str, day: datetime.date) -> Iterator[str]:
    """A name with the image's suffix; the base image's also without one."""
    name = _filled(template, _words(version, day))
    yield from image_tags(name, image)


def _filled(template: str, words: Mapping[str, str]) -> str:
    """Return the template with its words.

    Python's own formatting would also take widths and attributes.
    """
    return re.sub(r"\{([^{}]*)\}", lambda found: words[found[1]], template)


def _words(version: Version, day: datetime.date) -> dict[str, str]:
    return {
        "version": str(version),
        "line": version.line_alias,
        "month": f"{day:%Y.%m}",
        "quarter": f"{day.year}q{quarter(day)}",
    }


def quarter(day: datetime.date) -> int:
    """1 to 4."""
    return (day.month + 2) // 3


def _is_of_a_line(template: str) -> bool:
    return "{line}" in template or "{version}" in template


Problem = tuple[Loc, str, str]


def _problems(channels: Channels) -> Iterator[Problem]:
    """What is wrong beyond types, as (place, message, way out)."""
    for name, demands in channels.demands.items():
        for family in demands.gpus:
            if family not in channels.families:
                known = ", ".join(channels.families)
                yield (
                    ("demands", name, "gpus"),
                    f"unknown GPU family `{family}`",
                    f"families: {known}",
                )
    for name, channel in channels.channels.items():
        yield from _channel_problems(channels, name, channel)
    candidates = [name for name, channel in channels.channels.items() if not channel.releases]
    for name in candidates[1:]:
        message = f"`{candidates[0]}` does not release either, and both would put {CANDIDATE_TAG}"
        yield ("channels", name), message, "keep one of them"


def _channel_problems(channels: Channels, name: str, channel: Channel) -> Iterator[Problem]:
    at = ("channels", name)
    if channel.demands not in channels.demands:
        known = ", ".join(channels.demands)
        yield (*at, "demands"), f"unknown demands `{channel.demands}`", f"demands: {known}"
        return
    for field, templates in (("tags", channel.tags), ("aliases", channel.aliases)):
        for template in templates:
            if wrong := _template_problem(template):
                yield (*at, field), f"`{template}`: {wrong}", "see the comment above `channels`"
    if channel.tags not in ((), (OWN_TAG,)):
        yield (
            (*at, "tags"),
            f"the tag that never moves is {OWN_TAG}, and no other is put",
            "make it one of `aliases`",
        )
    if not channel.releases and channel.aliases[0] != CANDIDATE_TAG:
        hint = f"begin its `aliases` with {CANDIDATE_TAG}, or give it `tags`"
        yield (
            (*at, "aliases"),
            f"what does not release is a candidate, and put as {CANDIDATE_TAG}",
            hint,
        )
    if channel.releases:
        yield from _lax(at, channel.demands, channels.demands[channel.demands])
    yield from _trespasses(at, channel, channels)


def _lax(at: Loc, name: str, demands: Demands) -> Iterator[Problem]:
    """A release is proven in full, on a GPU, with a database, whatever a machine has or has not."""
    wrong = [f"no {each} in evidence" for each in EVIDENCE if each not in demands.evidence]
    wrong += ["suites take more than `pass`"] if demands.suites != (Verdict.PASS,) else []
    wrong += ["scans take more than `pass`"] if demands.scan != (Verdict.PASS,) else []
    wrong += [] if demands.gpus else ["no GPU family"]
    wrong += ["no age of the database"] if demands.database_days is None else []
    if wrong:
        message = f"it releases, and demands `{name}` are too little: {'; '.join(wrong)}"
        yield (*at, "demands"), message, "remove its `tags`, or demand more"


def _trespasses(at: Loc, channel: Channel, channels: Channels) -> Iterator[Problem]:
    """A tag of a release never moves, and an alias of releases says that what it names was
    released.
    """
    releasing = [other for other in channels.channels.values() if other.releases]
    taken = {tag for other in releasing for tag in other.tags}
    taken |= (
        set() if channel.releases else {alias for other in releasing for alias in other.aliases}
    )
    for alias in channel.aliases:
        if alias in taken:
            yield (
                (*at, "aliases"),
                f"`{alias}` belongs to channels that release",
                "give it an alias of its own",
            )


def _template_problem(template: str) -> str:
    sample = _words(Version("2.6", 0), datetime.date(2026, 1, 1))
    try:
        name = _filled(template, sample)
    except KeyError:
        name = template
    if {*"{}"} & {*name}:
        return f"only these can be filled in: {', '.join(f'{{{word}}}' for word in sample)}"
    return "" if is_tag(name) and len(name) <= _LONGEST_ALIAS else "no name of a tag"
