"""channels.yaml: the channels of releases, with their demands, tags and calendars.

The file is refused if a channel that releases accepts anything but `pass`, demands no GPU, or
demands no vulnerability database, and if one that does not release moves an alias of one that does.
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
from runner.moments import Days
from runner.verdict import Verdict

CHANNELS = Path(__file__).resolve().parent / "channels.yaml"

Kind = Literal["patch", "feature", "major"]
Evidence = Literal["provenance", "tests", "sbom", "vulnerabilities"]
Accepted = Literal[Verdict.PASS, Verdict.NOT_RUN, Verdict.INCONCLUSIVE]
"""Verdicts that a channel may accept as proof. No channel accepts a failure."""

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
    """The demands of a channel: what must be proven.

    `evidence` is the most days that each kind of evidence may be old; `gpus` are families, each of
    which must have been tested on. `database_days` is the most days that a vulnerability database
    may have been old at the time of the scan, None if none is demanded.
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
    """One channel.

    `tags` never move: `{version}`, or none if the channel does not release. `aliases` move, in
    their order. `calendar` is for releases of the first of `kinds`. `advisories`: a release is also
    due when an advisory is past its grace.
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
        """Whether it releases: then its tags never move."""
        return bool(self.tags)


@dataclass(frozen=True)
class Channels:
    """The whole of channels.yaml.

    `families` hold words of GPU names; `announce_days` is how long before its end the end of
    support is announced.
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


def load(path: Path = CHANNELS) -> Channels:
    """Return the channels, checked. Raises ConfigError with file and line."""
    channels = records.load_yaml(Channels, path)
    for loc, message, hint in _find_problems(channels):
        line = records.line_of(records.read_text(path), *loc)
        raise ConfigError(f"{path}:{line}: {message}", hint)
    return channels


def aliases_of(
    channel: Channel, version: Version, image: str, day: datetime.date, *, newest_line: bool
) -> tuple[str, ...]:
    """Return the aliases that a release moves on a day, in the order in which they move.

    Each carries the suffix of the image; the base image has each without a suffix too. Aliases
    that name neither line nor version move for the newest line only.
    """
    names: list[str] = []
    for template in channel.aliases:
        if newest_line or "{line}" in template or "{version}" in template:
            name = _fill_template(template, _template_words(version, day))
            names += image_tags(name, image)
    return tuple(names)


def _fill_template(template: str, words: Mapping[str, str]) -> str:
    """Return the template with its words.

    Python's own formatting would also take widths and attributes.
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


def _find_problems(channels: Channels) -> Iterator[Problem]:
    """Yield what is wrong beyond types, as (place, message, hint)."""
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
        yield from _check_channel(channels, name, channel)
    candidates = [name for name, channel in channels.channels.items() if not channel.is_releasing]
    for name in candidates[1:]:
        message = f"`{candidates[0]}` has no `tags` either, and both would set {CANDIDATE_TAG}"
        yield ("channels", name), message, "keep one of the two channels"


def _check_channel(channels: Channels, name: str, channel: Channel) -> Iterator[Problem]:
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
            f"a channel without `tags` sets {CANDIDATE_TAG} first",
            hint,
        )
    if channel.is_releasing:
        yield from _check_demands(at, channel.demands, channels.demands[channel.demands])
    yield from _check_aliases(at, channel, channels)


def _check_demands(at: Loc, name: str, demands: Demands) -> Iterator[Problem]:
    """A release must be proven in full, on a GPU and with a vulnerability database."""
    wrong = [f"no {each} in evidence" for each in EVIDENCE if each not in demands.evidence]
    wrong += (
        ["its suites may end with more than `pass`"] if demands.suites != (Verdict.PASS,) else []
    )
    wrong += ["its scans may end with more than `pass`"] if demands.scan != (Verdict.PASS,) else []
    wrong += [] if demands.gpus else ["no GPU family"]
    wrong += ["no limit on the age of the database"] if demands.database_days is None else []
    if wrong:
        message = f"a channel with `tags` must demand more than `{name}`: {'; '.join(wrong)}"
        yield (*at, "demands"), message, "remove its `tags`, or demand more"


def _check_aliases(at: Loc, channel: Channel, channels: Channels) -> Iterator[Problem]:
    """A tag of a release must never move, and an alias of releases must name only releases."""
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
    return "" if is_tag(name) and len(name) <= _LONGEST_ALIAS else "not a valid tag"
