"""channels.yaml: the channels of releases, with their demands, tags and calendars.

A channel with `tags` releases images; a channel without them has candidates. The file is refused in
two cases: if a channel that releases accepts a verdict other than `pass`, demands no GPU, no level
of proof or no vulnerability database; and if a channel of candidates moves an alias of a channel
that releases.
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
from runner import records, yaml_files
from runner.errors import ConfigError
from runner.moments import Days
from runner.verdict import Verdict
from validation.levels import Level

CHANNELS = Path(__file__).resolve().parent / "channels.yaml"

Kind = Literal["patch", "feature", "major"]
Evidence = Literal["provenance", "tests", "sbom", "vulnerabilities"]
Accepted = Literal[Verdict.PASS, Verdict.NOT_RUN, Verdict.INCONCLUSIVE]
"""Verdicts that a channel may accept as proof. No channel accepts a failure."""

FloorKind = Literal["measured", "provisional"]
"""What the throughput may have been compared with (validation/floor.py)."""

ANY = "any"
"""Stands for every family of GPUs in the file."""

GpuEntry = str | tuple[str, ...]
"""A family of GPUs or ANY, or a set of families of which one is enough."""

Loc = tuple[int | str, ...]
"""The place of a value in the file: its keys and indexes."""

KINDS: tuple[Kind, ...] = get_args(Kind)
EVIDENCE: tuple[Evidence, ...] = get_args(Evidence)

OWN_TAG = "{version}"
CANDIDATE_TAG = candidate_stem(OWN_TAG)
"""The own tags that a promotion puts beside the aliases (publish/tags/transaction.py)."""

_MAX_ALIAS_CHARACTERS = 100
"""A tag has 128 characters at most; this leaves room for the image's suffix."""


@dataclass(frozen=True)
class Demands:
    """The demands of a channel: what must be proven.

    `evidence` says how many days old each kind of evidence may be. `suites` and `scan` are the
    verdicts that are accepted. `gpus` are families of GPUs; the tests must have run on a GPU of
    each entry. `levels` are the levels of proof that must be proven, each by some run on such a
    GPU, and `floor` the kinds of floor that are accepted. `database_days` says how many days old
    the vulnerability database may have been at the time of the scan; None if no database is
    demanded.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    evidence: dict[Evidence, Days]
    suites: tuple[Accepted, ...]
    scan: tuple[Accepted, ...]
    gpus: tuple[GpuEntry, ...]
    levels: tuple[Level, ...]
    floor: Annotated[tuple[FloorKind, ...], Field(min_length=1)]
    database_days: Days | None


@dataclass(frozen=True)
class Calendar:
    """The first day from Monday to Friday on or after `day` of each of `months`."""

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    months: Annotated[tuple[Annotated[int, Field(ge=1, le=12)], ...], Field(min_length=1)]
    day: Annotated[int, Field(ge=1, le=28)]


@dataclass(frozen=True)
class Channel:
    """One channel.

    `demands` names the Demands. `kinds` are the release kinds that it accepts. `tags` never
    move: `{version}`, or none if the channel does not release. `aliases` move in their order.
    `calendar` is for releases of the first of `kinds`. If `advisories` is set, a release is also
    due when the grace of an advisory has ended.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    demands: str
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)]
    tags: tuple[str, ...]
    aliases: Annotated[tuple[str, ...], Field(min_length=1)]
    calendar: Calendar | None = None
    advisories: bool = False

    @property
    def is_releasing(self) -> bool:
        """Whether it releases images: then they have own tags, which never move."""
        return bool(self.tags)


@dataclass(frozen=True)
class Channels:
    """The content of channels.yaml.

    `families` are families of GPUs, each with words from the names of its models. `announce_days`
    says how many days before the support of a line ends this is announced.
    """

    __pydantic_config__: ClassVar[ConfigDict] = records.STRICT
    demands: dict[str, Demands]
    families: dict[str, Annotated[tuple[str, ...], Field(min_length=1)]]
    channels: dict[str, Channel]
    announce_days: Days

    def find_channel(self, name: str) -> Channel:
        """Return a channel. Raises ConfigError if there is no such channel."""
        if name not in self.channels:
            raise ConfigError(f"unknown channel `{name}`", f"channels: {', '.join(self.channels)}")
        return self.channels[name]

    def find_demands(self, name: str) -> Demands:
        """Return what must be proven for a channel.

        Raises ConfigError if there is no such channel.
        """
        return self.demands[self.find_channel(name).demands]


def list_alternatives(entry: GpuEntry) -> tuple[str, ...]:
    """Return the families of an entry of `gpus`, of which one is enough."""
    return (entry,) if isinstance(entry, str) else entry


def load(path: Path = CHANNELS) -> Channels:
    """Return the channels of a file. Raises ConfigError with file and line if it is not valid."""
    channels = yaml_files.load_yaml(Channels, path)
    for loc, message, hint in _find_problems(channels):
        line = yaml_files.line_of(records.read_text(path), *loc)
        raise ConfigError(f"{path}:{line}: {message}", hint)
    return channels


def aliases_of(
    channel: Channel, version: Version, image: str, day: datetime.date, *, newest_line: bool
) -> tuple[str, ...]:
    """Return the tags of the aliases that a release moves on a day, in the order of the moves.

    Each tag ends with the name of the image. The base image also has each alias without its name.
    Aliases that contain neither the line nor the version move only for releases of the newest line.
    """
    names: list[str] = []
    for template in channel.aliases:
        if newest_line or "{line}" in template or "{version}" in template:
            name = _fill_template(template, _template_words(version, day))
            names += image_tags(name, image)
    return tuple(names)


def _fill_template(template: str, words: Mapping[str, str]) -> str:
    """Return the template with its placeholders replaced. Raises KeyError for an unknown one.

    `str.format` is not used, because it also accepts widths and attributes.
    """
    return re.sub(r"\{([^{}]*)\}", lambda found: words[found[1]], template)


def _template_words(version: Version, day: datetime.date) -> dict[str, str]:
    return {
        "version": str(version),
        "line": version.line_alias,
        "month": f"{day:%Y.%m}",
        "quarter": f"{day.year}q{quarter_of(day)}",
    }


def quarter_of(day: datetime.date) -> int:
    """Return the quarter of a day, 1 to 4."""
    return (day.month + 2) // 3


Problem = tuple[Loc, str, str]
"""The place in the file, what is wrong there, and a hint."""


def _find_problems(channels: Channels) -> Iterator[Problem]:
    """Yield everything that is wrong although all values have the right types."""
    for name, demands in channels.demands.items():
        for family in (each for entry in demands.gpus for each in list_alternatives(entry)):
            if family not in (ANY, *channels.families):
                known = ", ".join((ANY, *channels.families))
                yield (
                    ("demands", name, "gpus"),
                    f"unknown GPU family `{family}`",
                    f"families: {known}",
                )
    for name, channel in channels.channels.items():
        yield from _check_channel(channels, name, channel)
    candidates = [name for name, channel in channels.channels.items() if not channel.is_releasing]
    for name in candidates[1:]:
        message = f"`{candidates[0]}` has no `tags` either; both would put {CANDIDATE_TAG}"
        yield ("channels", name), message, "keep one of the two channels"


def _check_channel(channels: Channels, name: str, channel: Channel) -> Iterator[Problem]:
    """Yield what is wrong with one channel."""
    at = ("channels", name)
    if channel.demands not in channels.demands:
        known = ", ".join(channels.demands)
        yield (*at, "demands"), f"unknown demands `{channel.demands}`", f"demands: {known}"
        return
    for field, templates in (("tags", channel.tags), ("aliases", channel.aliases)):
        for template in templates:
            if problem := _check_template(template):
                yield (*at, field), f"`{template}`: {problem}", "see the comment above `channels`"
    if channel.tags not in ((), (OWN_TAG,)):
        yield (
            (*at, "tags"),
            f"a release has the one tag {OWN_TAG} that never moves",
            "move the others to `aliases`",
        )
    if not channel.is_releasing and channel.aliases[0] != CANDIDATE_TAG:
        hint = f"begin its `aliases` with {CANDIDATE_TAG}, or give it `tags`"
        yield (
            (*at, "aliases"),
            f"a channel without `tags` must have {CANDIDATE_TAG} as its first alias",
            hint,
        )
    if channel.is_releasing:
        yield from _check_demands(at, channel.demands, channels.demands[channel.demands])
    yield from _check_aliases(at, channel, channels)


def _check_demands(at: Loc, name: str, demands: Demands) -> Iterator[Problem]:
    """Yield what the demands of a channel that releases lack: evidence, a GPU or a database."""
    wrong = [f"no {each} in evidence" for each in EVIDENCE if each not in demands.evidence]
    wrong += (
        ["its suites may end with more than `pass`"] if demands.suites != (Verdict.PASS,) else []
    )
    wrong += ["its scans may end with more than `pass`"] if demands.scan != (Verdict.PASS,) else []
    wrong += [] if all(map(list_alternatives, demands.gpus or ((),))) else ["no GPU family"]
    wrong += [] if demands.levels else ["no level of proof"]
    wrong += ["no limit on the age of the database"] if demands.database_days is None else []
    if wrong:
        message = f"a channel with `tags` must demand more than `{name}`: {'; '.join(wrong)}"
        yield (*at, "demands"), message, "remove its `tags`, or demand more"


def _check_aliases(at: Loc, channel: Channel, channels: Channels) -> Iterator[Problem]:
    """Yield a problem for each alias that a channel must not move.

    These are the own tags of releases. For a channel of candidates, they are also the aliases of
    channels that release.
    """
    releasing = [other for other in channels.channels.values() if other.is_releasing]
    taken = {tag for other in releasing for tag in other.tags}
    taken |= (
        set() if channel.is_releasing else {alias for other in releasing for alias in other.aliases}
    )
    for alias in channel.aliases:
        if alias in taken:
            yield (
                (*at, "aliases"),
                f"`{alias}` belongs to channels with `tags`",
                "choose another alias for it",
            )


def _check_template(template: str) -> str:
    """Return what is wrong with a template of a tag; empty if nothing is."""
    sample = _template_words(Version("2.6", 0), datetime.date(2026, 1, 1))
    try:
        name = _fill_template(template, sample)
    except KeyError:
        name = template
    if {*"{}"} & {*name}:
        return f"the only placeholders are {', '.join(f'{{{word}}}' for word in sample)}"
    return "" if is_tag(name) and len(name) <= _MAX_ALIAS_CHARACTERS else "not a valid tag"
