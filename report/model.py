"""The data of the templates: texts that are ready to be shown.

Empty texts and tuples stand for stages that were not reached.
"""

from __future__ import annotations

from dataclasses import dataclass

from images.record import BuildRecord
from scan.difference import Difference
from scan.record import ScanProblem, ScanRecord
from validation.record import ValidationRecord


@dataclass(frozen=True)
class ImageRecords:
    """The records of all stages about one image; None for a stage that was not reached.

    `difference` compares with the line's previous release. It is None if there is none, or if the
    comparison failed for the reason in `incomparable`. `proof` says what the signed test results
    prove, of whatever machine; empty if only the record of this machine is known. `by_model` are
    the validations on each GPU model, if there were several.
    """

    image: str
    build: BuildRecord | None
    validation: ValidationRecord | None
    scan: ScanRecord | None
    difference: Difference | None = None
    incomparable: str = ""
    proof: str = ""
    by_model: tuple[ValidationRecord, ...] = ()


@dataclass(frozen=True)
class Mark:
    """A verdict as it is shown: a word that also selects a shape and a colour."""

    word: str

    @property
    def css(self) -> str:
        """Return the word as the name of its CSS class and of its shape."""
        return self.word.replace(" ", "-")


@dataclass(frozen=True)
class Fact:
    """A label and its value."""

    label: str
    value: str


@dataclass(frozen=True)
class Bar:
    """A labelled bar; its length is `percent` of the longest bar."""

    label: str
    value: str
    percent: str


@dataclass(frozen=True)
class LayerView:
    """A layer as a segment of the size bar and as a row of the table.

    `start`, `middle` and `width` are in percent of the whole image.
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
    """The layers of one kind, summed up."""

    css: str
    title: str
    layers: str
    size: str
    share: str


@dataclass(frozen=True)
class CheckView:
    """One check; `figures` are its measurements other than throughput."""

    name: str
    mark: Mark
    reason: str
    cause: str
    duration: str
    figures: tuple[str, ...]


@dataclass(frozen=True)
class SuiteView:
    """One suite with its worst check first; `gpus` has a line for each GPU that was watched."""

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
class ModelComparison:
    """A rate that was measured on several GPU models: a bar for each."""

    check: str
    figure: str
    unit: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class FindingRow:
    """A finding as a row of a table.

    `fixed` says in words if there is no fix, `note` what to do, and `why` which rule applies.
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
    """All findings of one standing; `note` is the title of the last column, empty for none."""

    title: str
    css: str
    line: str
    note: str
    folded: bool
    rows: tuple[FindingRow, ...]


@dataclass(frozen=True)
class CountRow:
    """The number of findings of one standing, by severity and in all."""

    title: str
    counts: tuple[int, ...]
    total: int


@dataclass(frozen=True)
class OriginView:
    """Packages of one origin and the advisory source that assessed them."""

    packages: str
    name: str
    source: str
    assessed: bool


@dataclass(frozen=True)
class FindingsView:
    """The known vulnerabilities of an image.

    `counts` is empty if nothing was assessed: unknown is not zero.
    `coverage` says in one line which packages were assessed and which no source knows; `origins`
    says the same one by one.
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
    """Problems of one kind: reasons other than vulnerabilities that refuse an image.

    `number` also counts the problems that are not named.
    """

    kind: str
    folded: bool
    problems: tuple[ScanProblem, ...]
    number: int


@dataclass(frozen=True)
class DocumentView:
    """A file beside the report; `digest` is empty if the record has none."""

    kind: str
    path: str
    digest: str


@dataclass(frozen=True)
class StageView:
    """A stage of one image: its verdict, a summary in one line, and the reason."""

    mark: Mark
    line: str
    reason: str


@dataclass(frozen=True)
class ImageView:
    """One image of the report; `since` is a sentence about changes since the previous release.

    `proof` says what is proven of gradient synchronisation and what is not.
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
    comparisons: tuple[ModelComparison, ...]
    measured_on: str
    scan: StageView
    packages: tuple[Fact, ...]
    documents: tuple[DocumentView, ...]
    problems: tuple[ProblemGroup, ...]
    findings: FindingsView
    environment: tuple[Fact, ...]
    debian: tuple[Fact, ...]
    command: str
    proof: str = ""


@dataclass(frozen=True)
class Page:
    """The whole report; `refused` are the reasons for which the gate refused production.

    `exceptions` are those that let a finding stand, `support` says how the line is supported.
    """

    version: str
    mark: Mark
    reason: str
    exceptions: tuple[str, ...]
    support: str
    refused: tuple[str, ...]
    facts: tuple[Fact, ...]
    images: tuple[ImageView, ...]
    stages: tuple[Bar, ...]
    command: str
