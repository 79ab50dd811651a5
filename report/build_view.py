"""The part of a report about a build: the layers of an image, and which of them were made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, count

from images.record import BuildRecord, BuiltLayer
from report import units
from report.model import KindView, LayerView, Mark, StageView
from report.stages import NOT_REACHED, format_percent
from runner.nouns import count_noun
from runner.verdict import Verdict

LAYER_KINDS = {
    "os": "Operating system",
    "updates": "Updates of the operating system",
    "debian": "Debian packages of the stacks",
    "wheel": "Big wheels, a layer each",
    "pool": "Small wheels, pooled",
    "bytecode": "Compiled Python",
    "files": "Programs of this project",
}

_NUMBER_FITS_PERCENT = 4.5


def build_stage(record: BuildRecord | None) -> StageView:
    """Return the verdict of the build, with its layers counted by how they were made."""
    if record is None:
        return NOT_REACHED
    made = Counter(layer.made for layer in record.layers)
    layers = ", ".join(f"{count} {how}" for how, count in made.items())
    line = (
        f"{count_noun(len(record.layers), 'layer')} ({layers}), "
        f"{units.format_duration(record.seconds)}"
    )
    return StageView(Mark(Verdict.PASS), line, "")


def layer_views(layers: Sequence[BuiltLayer]) -> tuple[LayerView, ...]:
    """Return the layers, bottom layer first, each with its place on the size bar."""
    total = sum(layer.size for layer in layers)
    ends = accumulate(layer.size for layer in layers)
    placed = zip(count(1), layers, ends)
    return tuple(
        _view_layer(number, layer, end - layer.size, total) for number, layer, end in placed
    )


def _view_layer(number: int, layer: BuiltLayer, start: int, total: int) -> LayerView:
    share = units.percent_of(layer.size, total)
    return LayerView(
        number=number,
        name=layer.name,
        css=_kind_css(layer.kind),
        kind=layer.kind,
        size=units.format_size(layer.size),
        start=format_percent(units.percent_of(start, total)),
        middle=format_percent(units.percent_of(start + layer.size / 2, total)),
        width=format_percent(share),
        share=units.format_share(share),
        digest=units.shorten_digest(layer.digest),
        full_digest=layer.digest,
        made=layer.made,
        numbered=share >= _NUMBER_FITS_PERCENT,
    )


def kind_views(layers: Sequence[BuiltLayer]) -> tuple[KindView, ...]:
    """Return the size of each kind of layer, in the order in which the kinds occur in the image."""
    total = sum(layer.size for layer in layers)
    kinds = dict.fromkeys(layer.kind for layer in layers)
    return tuple(
        _view_kind(kind, [layer.size for layer in layers if layer.kind == kind], total)
        for kind in kinds
    )


def _view_kind(kind: str, sizes: Sequence[int], total: int) -> KindView:
    return KindView(
        css=_kind_css(kind),
        title=LAYER_KINDS.get(kind, kind),
        layers=count_noun(len(sizes), "layer"),
        size=units.format_size(sum(sizes)),
        share=units.format_share(units.percent_of(sum(sizes), total)),
    )


def _kind_css(kind: str) -> str:
    return kind if kind in LAYER_KINDS else "other"
