"""Contrast is measured, not judged by eye: WCAG 2.2, success criterion 1.4.3 (AA), 4.5 to 1 for
text.
"""

from __future__ import annotations

import re

import pytest

from report import render
from runner.verdict import Verdict

CSS = (render._TEMPLATES / "style.css").read_text(encoding="utf-8")
SHAPES = (render._TEMPLATES / "shapes.svg").read_text(encoding="utf-8")
TINTED = ("pass", "fail", "infra", "inconclusive", "not-run", "not-assessed", "low")
AA = 4.5


def palettes() -> dict[str, dict[str, str]]:
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)
    return {
        name: dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", text))
        for name, text in (("light", light), ("dark", dark))
    }


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def pairs() -> list[tuple[str, str]]:
    tinted = [(name, f"{name}-bg") for name in TINTED]
    on_tint = [(text, f"{name}-bg") for name in TINTED for text in ("ink", "soft")]
    plain = [
        (text, ground) for text in ("ink", "soft", "link") for ground in ("paper", "card", "code")
    ]
    plain += [(name, "card") for name in ("fail", "inconclusive", "not-assessed")]
    bars = [("on-bar", kind) for kind in ("os", "wheel", "pool", "bytecode", "other")]
    return [*tinted, *on_tint, *plain, *bars]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("pair", pairs(), ids="/".join)
def test_text_can_be_read(scheme: str, pair: tuple[str, str]) -> None:
    colours = palettes()[scheme]
    assert contrast(colours[pair[0]], colours[pair[1]]) >= AA


def test_contrast_is_measured_as_the_standard_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("word", [*Verdict, "not assessed"])
def test_every_verdict_has_a_shape_of_its_own(word: str) -> None:
    shapes = dict(re.findall(r'<symbol id="shape-([a-z-]+)"[^>]*>(.*?)</symbol>', SHAPES))
    name = word.replace(" ", "-")
    assert list(shapes.values()).count(shapes[name]) == 1
    assert f".{name} {{ --fg" in CSS or f".{name}, ." in CSS or f", .{name} {{ --fg" in CSS
