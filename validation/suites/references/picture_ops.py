"""Pillow's ImageOps, ImageChops and ImageEnhance against definitions in NumPy."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import Image, ImageChops, ImageEnhance, ImageOps

HEIGHT, WIDTH = 12, 20
COLOUR = (9, 120, 250)
ROUNDED = 1
"""Grey levels by which a mix of two pictures may be rounded otherwise."""

NOT_DEFINED = {
    "PIL.ImageOps.SupportsGetMesh": "a class for type checkers",
    "PIL.ImageOps.deform": "what it does is the user's mesh",
    "PIL.ImageOps.exif_transpose": "turned pictures are a check of their own",
    "PIL.ImageChops.soft_light": "its formula is Pillow's own, rounded in several steps",
}
"""Functions without a definition here, and why."""

Case = tuple[str, Any, Any]
"""The name, what Pillow gives, and what the definition gives."""


def find_operation_faults() -> Iterator[str]:
    """Yield each function that gives other pictures than its definition, or that has none."""
    generator = np.random.default_rng(3)
    one, other = generator.integers(40, 220, (2, HEIGHT, WIDTH, 3)).astype(np.uint8)
    defined = set[str]()
    for cases in (
        _iter_colours(one),
        _iter_shapes(one),
        _iter_spreads(one),
        _iter_pairs(one, other),
        _iter_marks(one > 128, other > 128),
        _iter_mixes(one, other),
        _iter_enhanced(one),
    ):
        for name, got, wanted in cases:
            defined.add(name.partition("(")[0])
            found = np.asarray(got)
            if found.shape != wanted.shape:
                yield f"PIL.{name} gives a picture of {found.shape}, not {wanted.shape}"
                continue
            apart = np.abs(found.astype(int) - wanted.astype(int)).max()
            is_mix = name.startswith(("ImageEnhance", "ImageChops.blend", "ImageChops.composite"))
            if apart > (ROUNDED if is_mix else 0):
                yield f"PIL.{name} is off by {apart} grey levels from its definition"
    for module in (ImageOps, ImageChops, ImageEnhance):
        for name in list_public(module):
            if f"PIL.{name}" not in NOT_DEFINED and name not in defined:
                yield f"PIL.{name} has no definition in picture_ops.py"


def list_public(module: types.ModuleType) -> list[str]:
    """Return the functions and classes that a module of Pillow brings."""
    return [
        f"{module.__name__.removeprefix('PIL.')}.{name}"
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ and not name.startswith("_")
    ]


def _to_grey(rows: Any) -> Any:
    """Return the grey of colours: ITU-R 601, rounded."""
    return ((rows.astype(int) @ [19595, 38470, 7471] + 0x8000) >> 16).astype(np.uint8)


def _iter_colours(rows: Any) -> Iterator[Case]:
    """Functions of each colour by itself."""
    picture, grey = Image.fromarray(rows), _to_grey(rows)
    for bits in (1, 3, 8):
        yield (
            f"ImageOps.posterize({bits})",
            ImageOps.posterize(picture, bits),
            rows >> (8 - bits) << (8 - bits),
        )
    for least in (0, 100, 128):
        solar = np.where(rows < least, rows, 255 - rows)
        yield f"ImageOps.solarize({least})", ImageOps.solarize(picture, least), solar
    yield "ImageOps.solarize()", ImageOps.solarize(picture), np.where(rows < 128, rows, 255 - rows)
    yield "ImageOps.invert", ImageOps.invert(picture), 255 - rows
    yield "ImageChops.invert", ImageChops.invert(picture), 255 - rows
    yield "ImageChops.duplicate", ImageChops.duplicate(picture), rows
    constant = np.full((HEIGHT, WIDTH), 77)
    yield "ImageChops.constant", ImageChops.constant(picture, 77), constant
    yield "ImageOps.grayscale", ImageOps.grayscale(picture), grey
    black, white = np.array(COLOUR), np.array([200, 20, 100])
    coloured = ImageOps.colorize(Image.fromarray(grey), tuple(black), tuple(white), None, 50, 150)
    part = np.clip(grey.astype(int) - 50, 0, 100)[..., None]
    yield "ImageOps.colorize", coloured, black + part * (white - black) // 100


def _iter_shapes(rows: Any) -> Iterator[Case]:
    """Functions that move pixels. Sizes are multiples, so that the nearest pixel is repeated."""
    picture, near = Image.fromarray(rows), Image.Resampling.NEAREST
    yield "ImageOps.mirror", ImageOps.mirror(picture), rows[:, ::-1]
    yield "ImageOps.flip", ImageOps.flip(picture), rows[::-1]
    yield "ImageChops.offset(3, 5)", ImageChops.offset(picture, 3, 5), np.roll(rows, (5, 3), (0, 1))
    yield "ImageChops.offset(3)", ImageChops.offset(picture, 3), np.roll(rows, (3, 3), (0, 1))
    framed = np.full((HEIGHT + 6, WIDTH + 4, 3), COLOUR)
    framed[2:-4, 1:-3] = rows
    yield "ImageOps.expand", ImageOps.expand(picture, (1, 2, 3, 4), COLOUR), framed
    yield "ImageOps.crop(1)", ImageOps.crop(picture, 1), rows[1:-1, 1:-1]
    yield "ImageOps.crop(2, 1)", ImageOps.crop(picture, (2, 1)), rows[1:-1, 2:-2]
    yield "ImageOps.crop(1, 2, 3, 4)", ImageOps.crop(picture, (1, 2, 3, 4)), rows[2:-4, 1:-3]
    twice = rows.repeat(2, axis=0).repeat(2, axis=1)
    size = (2 * WIDTH, 2 * HEIGHT)
    yield "ImageOps.scale", ImageOps.scale(picture, 2, near), twice
    yield "ImageOps.contain", ImageOps.contain(picture, (size[0], 99), near), twice
    yield "ImageOps.cover", ImageOps.cover(picture, (size[0] - 9, size[1]), near), twice
    for where, above in ((0, 0), (0.5, 4), (1, 8)):
        padded = np.full((size[1] + 8, size[0], 3), COLOUR)
        padded[above : above + size[1]] = twice
        given = ImageOps.pad(picture, (size[0], size[1] + 8), near, COLOUR, (0.5, where))
        yield f"ImageOps.pad(centering={where})", given, padded
        fitted = ImageOps.fit(picture, (size[0] - 16, size[1]), near, centering=(where, 0.5))
        left = 2 * above
        yield f"ImageOps.fit(centering={where})", fitted, twice[:, left : size[0] - 16 + left]


def _iter_spreads(rows: Any) -> Iterator[Case]:
    """Functions that spread what colours there are over all."""
    picture, grey = Image.fromarray(rows), _to_grey(rows)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[2:9, 3:15] = 255
    options: tuple[dict[str, Any], ...] = (
        *({}, {"cutoff": 10}, {"cutoff": (5, 20)}, {"mask": Image.fromarray(mask)}),
        *({"ignore": int(rows[..., 0].max())}, {"preserve_tone": True}),
    )
    for given in options:
        shown = ", ".join(f"{name}={value}" for name, value in given.items() if name != "mask")
        channels = [stretch_channel(rows[..., at], grey, mask, given) for at in range(3)]
        wanted = np.stack(channels, axis=-1)
        yield f"ImageOps.autocontrast({shown})", ImageOps.autocontrast(picture, **given), wanted
    large = np.tile(rows, (20, 20, 1)) // np.array([1, 2, 3])
    large = large.astype(np.uint8)
    even = np.stack([equalize_channel(large[..., at]) for at in range(3)], axis=-1)
    yield "ImageOps.equalize", ImageOps.equalize(Image.fromarray(large)), even


def stretch_channel(values: Any, grey: Any, mask: Any, options: dict[str, Any]) -> Any:
    """Return a channel whose least value is 0 and whose largest is 255, after the cut."""
    counted = (grey if options.get("preserve_tone") else values)[
        mask > 0 if "mask" in options else ...
    ]
    counted = np.sort(counted[counted != options.get("ignore", -1)], axis=None)
    cut = options.get("cutoff", 0)
    low, high = (cut, cut) if isinstance(cut, int) else cut
    least = int(counted[counted.size * low // 100])
    most = int(counted[counted.size - 1 - counted.size * high // 100])
    scale = 255 / (most - least)
    return np.clip((values * scale + -least * scale).astype(int), 0, 255)


def equalize_channel(values: Any) -> Any:
    """Return a channel in which each value is the share of the pixels below it."""
    counts = np.bincount(values.ravel(), minlength=256)
    step = (counts.sum() - counts[counts > 0][-1]) // 255
    return np.clip((step // 2 + np.cumsum(counts) - counts) // step, 0, 255)[values]


def _iter_pairs(one: Any, other: Any) -> Iterator[Case]:
    """Functions of two pictures, pixel by pixel."""
    first, second = one.astype(int), other.astype(int)
    pictures = Image.fromarray(one), Image.fromarray(other)

    def harden(by: Any) -> Any:
        above = 255 - (255 - first) * (255 - second) // 127
        return np.clip(np.where(by < 128, first * second // 127, above), 0, 255)

    wanted: dict[str, Any] = {
        "add": np.clip(first + second, 0, 255),
        "subtract": np.clip(first - second, 0, 255),
        "add_modulo": (first + second) % 256,
        "subtract_modulo": (first - second) % 256,
        "multiply": first * second // 255,
        "screen": 255 - (255 - first) * (255 - second) // 255,
        "lighter": np.maximum(first, second),
        "darker": np.minimum(first, second),
        "difference": np.abs(first - second),
        "overlay": harden(first),
        "hard_light": harden(second),
    }
    for name, right in wanted.items():
        yield f"ImageChops.{name}", getattr(ImageChops, name)(*pictures), right
    for name, sign in (("add", 1), ("subtract", -1)):
        moved = np.clip(np.trunc((first + sign * second) / 2 + 7), 0, 255)
        yield f"ImageChops.{name}(2, 7)", getattr(ImageChops, name)(*pictures, 2, 7), moved


def _iter_marks(one: Any, other: Any) -> Iterator[Case]:
    """Functions of two pictures that are black and white."""
    pictures = Image.fromarray(one[..., 0]), Image.fromarray(other[..., 0])
    ways: dict[str, Callable[[Any, Any], Any]] = {
        "and": np.logical_and, "or": np.logical_or, "xor": np.logical_xor,
    }  # fmt: skip
    for name, function in ways.items():
        got = getattr(ImageChops, f"logical_{name}")(*pictures)
        yield f"ImageChops.logical_{name}", got, function(one[..., 0], other[..., 0])


def _mix(none: Any, whole: Any, share: float) -> Any:
    return np.clip(none + share * (whole.astype(float) - none), 0, 255)


def _iter_mixes(one: Any, other: Any) -> Iterator[Case]:
    """Functions that give some of each of two pictures."""
    pictures = Image.fromarray(one), Image.fromarray(other)
    for share in (0.0, 0.3, 1.0):
        name = f"ImageChops.blend({share})"
        yield name, ImageChops.blend(*pictures, share), _mix(one.astype(float), other, share)
    mask = one[..., :1]
    got = ImageChops.composite(*pictures, Image.fromarray(mask[..., 0]))
    yield "ImageChops.composite", got, _mix(other.astype(float), one, mask / 255)


def _iter_enhanced(rows: Any) -> Iterator[Case]:
    """More and less of something: 0 has none of it, 1 is the picture itself."""
    grey, smooth = _to_grey(rows).astype(float), rows.astype(float)
    around = np.lib.stride_tricks.sliding_window_view(smooth, (3, 3), axis=(0, 1)).sum(axis=(3, 4))
    smooth[1:-1, 1:-1] = (around + 4 * smooth[1:-1, 1:-1]) / 13
    none: dict[str, Any] = {
        "Brightness": np.zeros(rows.shape),
        "Contrast": np.full(rows.shape, np.floor(grey.mean() + 0.5)),
        "Color": np.repeat(grey[..., None], 3, axis=2),
        "Sharpness": smooth,
    }
    for name, without in none.items():
        for share in (0.0, 0.4, 1.0, 1.7):
            got = getattr(ImageEnhance, name)(Image.fromarray(rows)).enhance(share)
            yield f"ImageEnhance.{name}({share})", got, _mix(without, rows, share)
