#!/usr/bin/env python3
"""Draw docs/growth.svg from the table that benchmarks/growth.py printed into docs/benchmarks.md.

There are three panels, one for each number that grows. Both axes are logarithmic, so a cost that
grows in proportion to its cause is as steep as the dotted line.

    .venv/bin/python benchmarks/growth_plot.py
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.growth import AXES, HEAD

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE, PICTURE = DOCS / "benchmarks.md", DOCS / "growth.svg"
WIDTH, HEIGHT = 330, 250
LEFT, TOP, ACROSS, DOWN = 46, 40, 170, 170
MIN_S, MAX_S = 0.01, 1000.0
COLOURS = ("#0072b2", "#d55e00", "#007a5a", "#a0387a", "#6b5b00", "#333333")
"""Darker forms of the colours of Okabe and Ito, which people who see few colours can tell apart."""
DASHES = ("", "7 3", "2 2", "9 3 2 3", "4 4", "1 3")

_ROW = re.compile(r"^\| (\w+) \| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \| ([\d.]+) \|", re.MULTILINE)


@dataclass(frozen=True)
class Point:
    """The seconds of one command in one size: images, releases, and other tags."""

    command: str
    size: tuple[int, int, int]
    seconds: float


def read_points(text: str) -> tuple[Point, ...]:
    """Return the rows of the first table of costs in a page."""
    found = []
    _, _, after = text.partition(HEAD)
    table, _, _ = after.partition("\n\n")
    for command, *numbers, seconds in _ROW.findall(table):
        images, releases, tags = (int(number.replace(",", "")) for number in numbers)
        found.append(Point(command, (images, releases, tags), float(seconds)))
    return tuple(found)


def draw_plot(points: Sequence[Point]) -> str:
    """Return the whole picture."""
    width, height = WIDTH * len(AXES), HEIGHT + 30
    panels = "".join(
        f'<g transform="translate({WIDTH * number} 0)">{"".join(draw_panel(points, number))}</g>'
        for number in range(len(AXES))
    )
    facts = "; ".join(
        f"{each.command} with {each.size[0]} images, {each.size[1]} releases and {each.size[2]} "
        f"other tags: {each.seconds} s"
        for each in points
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-labelledby="title desc" '
        'font-family="sans-serif" font-size="11">\n'
        '<title id="title">Seconds of each command, by images, releases and other tags</title>\n'
        f'<desc id="desc">{escape(facts)}</desc>\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>\n'
        f'{panels}\n<text x="{LEFT}" y="{height - 8}">Both axes are logarithmic. Grey dots: '
        "in proportion to the axis.</text>\n</svg>\n"
    )


def draw_panel(points: Sequence[Point], axis: int) -> Iterator[str]:
    """Yield the parts of the panel in which the number `axis` of the size grows."""
    name, sizes = list(AXES.items())[axis]
    shown = {(size.images, size.releases, size.tags) for size in sizes}
    along = [each for each in points if each.size in shown]
    values = sorted({each.size[axis] for each in along})
    places = {value: LEFT + ACROSS * number / 2 for number, value in enumerate(values)}
    yield f'<text x="{LEFT}" y="24" font-weight="bold">{name}</text>'
    yield from draw_grid(places)
    commands = list(dict.fromkeys(each.command for each in along))
    lines = {
        name: sorted(
            (each for each in along if each.command == name), key=lambda each: each.size[axis]
        )
        for name in commands
    }
    ends = sorted(commands, key=lambda name: -lines[name][-1].seconds)
    for rank, name in enumerate(ends):
        look = commands.index(name) % len(COLOURS)
        line = "L".join(
            f"{places[each.size[axis]]:.0f} {place_seconds(each.seconds):.0f}"
            for each in lines[name]
        )
        yield (
            f'<path d="M{line}" stroke="{COLOURS[look]}" stroke-width="2" '
            f'stroke-dasharray="{DASHES[look]}" fill="none"/>'
        )
        end, y = f"{name} {lines[name][-1].seconds:g} s", TOP + 10 + 18 * rank
        yield f'<text x="{LEFT + ACROSS + 8}" y="{y}" fill="{COLOURS[look]}">{end}</text>\n'


def draw_grid(places: Mapping[int, float]) -> Iterator[str]:
    """Yield the axes of a panel; `places` are the x of each value. One line is proportional."""
    for value, x in places.items():
        yield f'<text x="{x:.0f}" y="{TOP + DOWN + 16}" text-anchor="middle">{value:,}</text>'
    for power in range(-2, 4):
        y = place_seconds(10.0**power)
        yield f'<path d="M{LEFT} {y:.0f}h{ACROSS}" stroke="#cccccc"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.0f}" text-anchor="end">{10.0**power:g} s</text>'
    first = next(iter(places), 0)
    if not first:
        return
    steps = "L".join(
        f"{x:.0f} {place_seconds(0.02 * value / first):.0f}" for value, x in places.items()
    )
    yield (
        f'<path d="M{steps}" stroke="#888888" stroke-width="3" stroke-dasharray="0 6" '
        'stroke-linecap="round" fill="none"/>\n'
    )


def place_seconds(seconds: float) -> float:
    """Return the height in the picture of a number of seconds."""
    part = math.log(max(seconds, MIN_S) / MIN_S) / math.log(MAX_S / MIN_S)
    return TOP + DOWN * (1 - part)


def main() -> int:
    """Draw the table of the page."""
    points = read_points(PAGE.read_text(encoding="utf-8"))
    if not points:
        print(f"{PAGE} has no table of benchmarks/growth.py", file=sys.stderr)
        return 2
    PICTURE.write_text(draw_plot(points), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
