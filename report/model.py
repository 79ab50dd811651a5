"""What the templates are given: texts that are ready to be shown, and nothing to work out.

Empty texts and tuples stand for what was not reached.
"""

from __future__ import annotations

from dataclasses import dataclass

from images.record import BuildRecord
from scan.difference import Difference
from scan.record import Problem, ScanRecord
from validation.record import ValidationRecord


@dataclass(frozen=True)
class ImageRecords:
    """What the stages wrote about one image; None where a stage was not reached.

    `difference` is to the line's release before, None where there is none, or where `incomparable`
    says why it could not be made.
    """

    image: str
    build: BuildRecord | None
    validation: ValidationRecord | None
    scan: ScanRecord | None
    difference: Difference | None = None
    incomparable: str = ""


@dataclass(frozen=True)
class Mark:
    """A verdict as it is shown: a word, and the shape and colour that go with it."""

    word: str

    @property
    def css(self) -> str:
        """The word as a class name and as the name of its shape."""
        return self.word.replace(" ", "-")


@dataclass(frozen=True)
class Fact:
    """A label and what it says."""

    label: str
    value: str


@dataclass(frozen=True)
class Bar:
    """A labelled length; `percent` of the longest."""

    label: str
    value: str
    percent: str


@dataclass(frozen=True)
class LayerView:
    """A segment of the size bar and its row; `start`, `middle` and `width` are percent of the whole
    image.
    """

    number: int
    name: str
    css: str
    kind: str
    size: str
    start: str
    middle: str
    width: str
    share: str
    digest: str
    full_digest: str
    made: str
    numbered: bool


@dataclass(frozen=True)
class KindView:
    """All layers of one kind."""

    css: str
    title: str
    layers: str
    size: str
    share: str


@dataclass(frozen=True)
class CheckView:
    """One check; `figures` are those that are not throughput."""

    name: str
    mark: Mark
    reason: str
    cause: str
    duration: str
    figures: tuple[str, ...]


@dataclass(frozen=True)
class SuiteView:
    """One suite, its worst check first; `gpus` has a line for each GPU that was watched
    meanwhile.
    """

    name: str
    mark: Mark
    reason: str
    cause: str
    duration: str
    counts: str
    attempts: str
    gpus: tuple[str, ...]
    checks: tuple[CheckView, ...]
    last_output: str


@dataclass(frozen=True)
class Throughput:
    """A rate that a check measured."""

    check: str
    figure: str
    value: str
    unit: str


@dataclass(frozen=True)
class FindingRow:
    """A finding; `fixed` says in words where there is no fix, `note` what its standing asks for,
    `why` the rule.
    """

    mark: Mark
    id: str
    package: str
    installed: str
    fixed: str
    title: str
    note: str
    why: str


@dataclass(frozen=True)
class StandingView:
    """All findings of one standing; `note` heads the column of that name, and is empty where there
    is none.
    """

    title: str
    css: str
    line: str
    note: str
    folded: bool
    rows: tuple[FindingRow, ...]


@dataclass(frozen=True)
class CountRow:
    """How many findings of one standing, by severity and in all."""

    title: str
    counts: tuple[int, ...]
    total: int


@dataclass(frozen=True)
class OriginView:
    """Packages of one origin and who judged them."""

    packages: str
    name: str
    source: str
    assessed: bool


@dataclass(frozen=True)
class FindingsView:
    """What is known against an image.

    `counts` is empty where nothing was assessed: unknown is not zero.

    `coverage` says in one line what was assessed and what no source knows, `origins` the same one
    by one.
    """

    assessed: bool
    line: str
    coverage: str
    origins: tuple[OriginView, ...]
    severities: tuple[Mark, ...]
    counts: tuple[CountRow, ...]
    standings: tuple[StandingView, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class ProblemGroup:
    """What refuses an image and is no vulnerability, of one kind.

    `number` counts problems that are not named too.
    """

    kind: str
    folded: bool
    problems: tuple[Problem, ...]
    number: int


@dataclass(frozen=True)
class Document:
    """A file beside the report; `digest` is empty where the record has none."""

    kind: str
    path: str
    digest: str


@dataclass(frozen=True)
class StageView:
    """A stage of one image: its verdict, and what to know about it in one line."""

    mark: Mark
    line: str
    reason: str


@dataclass(frozen=True)
class ImageView:
    """One image of the report; `since` is what changed since the release before, in one
    sentence.
    """

    name: str
    mark: Mark
    digest: str
    short_digest: str
    pull: str
    size: str
    tags: tuple[str, ...]
    references: tuple[str, ...]
    notes: tuple[str, ...]
    since: str
    contents: tuple[Fact, ...]
    layers: tuple[LayerView, ...]
    kinds: tuple[KindView, ...]
    build: StageView
    validation: StageView
    suites: tuple[SuiteView, ...]
    throughput: tuple[Throughput, ...]
    measured_on: str
    scan: StageView
    packages: tuple[Fact, ...]
    documents: tuple[Document, ...]
    problems: tuple[ProblemGroup, ...]
    findings: FindingsView
    environment: tuple[Fact, ...]
    debian: tuple[Fact, ...]
    command: str


@dataclass(frozen=True)
class Page:
    """The whole report.

    `refused` is everything that kept the release out of production, where the gate did.
    """

    version: str
    mark: Mark
    reason: str
    refused: tuple[str, ...]
    facts: tuple[Fact, ...]
    images: tuple[ImageView, ...]
    stages: tuple[Bar, ...]
    command: str
