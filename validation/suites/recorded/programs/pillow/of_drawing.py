"""Programs that make and draw pictures with Pillow, and ask for what they hold."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ... import pool
from .. import telling
from ..families import Family
from .of_changes import load
from .of_files import MODES, make_picture

TYPE_NAMES = """
bool uint8 int8 uint16 >u2 int16 >i2 uint32 int32 >i4 float16 float32 >f4 float64 complex64 int64
"""

LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "C": lambda array: array,
    "F": np.asfortranarray,
    "transposed": lambda array: array.swapaxes(0, 1),
    "sliced": lambda array: array[::2, 1::3],
    "turned": lambda array: array[::-1, ::-1],
}

SHAPES = ((4, 6), (4, 6, 1), (4, 6, 2), (4, 6, 3), (4, 6, 4), (4, 6, 5), (1, 4, 6), (0, 3))


def tell_array(array: Any, *given: Any) -> Any:
    """Return what Pillow makes of an array, as a picture and as an array again."""
    picture = load("Image").fromarray(array, *given)
    again = np.asarray(picture)
    return [telling.tell_pixels(picture), again.dtype.str, again.shape, picture.readonly]


def make_from_arrays(layout: str) -> list[Any]:
    """Return pictures made of arrays of each type and shape in a layout."""
    turn = LAYOUTS[layout]
    rows: list[Any] = [telling.attempt(tell_array, np.arange(6))]
    for kind in TYPE_NAMES.split():
        for shape in SHAPES:
            array = turn(np.arange(np.prod(shape)).reshape(shape))
            rows.append(telling.attempt(tell_array, np.asarray(array, dtype=kind, order="K")))
    array = np.arange(96, dtype=np.uint8).reshape(4, 6, 4)
    for mode in MODES:
        rows += [telling.attempt(tell_array, turn(array[..., :n]), mode) for n in (4, 3)]
    return rows


RAW_MODES = {"RGB": "BGR", "RGBA": "BGRA", "L": "L;I", "1": "1;I", "I;16": "I;16B", "F": "F;32BF"}

FROM_BYTES = telling.fill_lines(
    "Image.NAME(MODE, (4, 3), data, 'raw', RAW, REST)",
    NAME="frombytes frombuffer",
    RAW="MODE other 'nothing'",
    REST="0,1 0,-1 24,1",
)

HELD = """
Image.frombytes(MODE, (40, 30), data[:9])
Image.frombuffer(MODE, (40, 30), data[:9])
p.tobytes("raw", MODE)
p.tobytes("raw", other)
p.getextrema()
p.getbands()
p.getbbox()
p.getcolors(9)
p.getprojection()
p.histogram()
p.entropy()
[p.getpixel((x, 3)) for x in (0, 5, -1)]
p.has_transparency_data
"""

COLOURS = "0 200 (1,2,3) (1,2,3,4) 'red' '#12345678' 'hsl(120,50%,50%)' None"


def make_from_bytes(mode: str) -> list[Any]:
    """Return pictures of a mode made of bytes in other orders, and what they hold."""
    lines = FROM_BYTES + telling.fill_lines("\nImage.new(MODE, (3, 2), COLOUR)", COLOUR=COLOURS)
    names = {"MODE": mode, "other": RAW_MODES.get(mode, "L"), "data": bytes(range(256)) * 4}
    names |= {"Image": load("Image"), "p": make_picture(mode)}
    return [*map(telling.tell_pixels, telling.play_lines(lines + HELD, **names))]


def read_partly(form: str) -> list[Any]:
    """Return what files that end too early give, and what can be asked of a file first."""
    library, files = load("Image"), load("ImageFile")
    file = io.BytesIO()
    photo = library.fromarray(np.tile(pool.make_value("$photo"), (3, 4, 1)))
    photo.save(file, form, compress_level=0)
    data = file.getvalue()
    rows: list[Any] = []
    for size in (0, 3, 30, 700, len(data) - 9, len(data)):
        for allowed in (False, True):
            files.LOAD_TRUNCATED_IMAGES = allowed
            picture = telling.attempt(library.open, io.BytesIO(data[:size]))
            pixels = telling.attempt(telling.tell_pixels, picture) if size >= 700 else ""
            rows += [type(picture), pixels, telling.attempt(lambda p: p.verify(), picture)]
    files.LOAD_TRUNCATED_IMAGES = False
    for mode, wanted in (("L", (20, 20)), (None, (9, 9)), ("RGB", (30, 12)), ("CMYK", (1, 1))):
        picture, small = library.open(file), library.open(file)
        rows += [telling.attempt(picture.draft, mode, wanted), telling.tell_pixels(picture)]
        small.thumbnail(wanted)
        rows += [
            telling.tell_pixels(small),
            type(telling.attempt(library.open, file, formats=["GIF"])),
        ]
    parser = files.Parser()
    for place in range(0, len(data), 500):
        parser.feed(data[place : place + 500])
        rows.append(parser.image is not None)
    return [*rows, telling.tell_pixels(parser.close())]


SHAPES_DRAWN = """
draw.arc(box, 20, 200, fill)
draw.arc(box, 20, 500, fill, width=3)
draw.bitmap((3, 4), dots, fill)
draw.chord(box, 30, 190, fill, line)
draw.chord(box, 0, 400, fill, line, width=3)
draw.ellipse(box, fill, line)
draw.ellipse(box, fill, line, width=4)
draw.circle((12, 12), 7.5, fill, line, width=2)
draw.line([1, 2, 20, 25, 28, 3], fill, width=4, joint="curve")
draw.line([(1, 2), (28, 25), (3, 28)], line)
draw.line([5, 5, 5, 5], line)
draw.pieslice(box, 20, 120, fill, line)
draw.pieslice(box, 0, 290, fill, line, width=3)
draw.point([1, 1, 4, 5], fill)
draw.polygon([(1, 1), (25, 9), (8, 27)], fill, line)
draw.polygon([1, 1, 25, 9, 8, 27], fill, line, width=3)
draw.rectangle(box, fill, line)
draw.rectangle(box, fill, line, width=3)
draw.rectangle((9, 9, 3, 3), fill, line)
draw.regular_polygon((14, 14, 9), 5, 20, fill, line, width=2)
draw.rounded_rectangle(box, 6, fill, line)
draw.rounded_rectangle(box, 30, fill, line, width=3)
draw.rounded_rectangle(box, 4, fill, line, corners=(True, False, True, False))
draw.text((1, 2), "Ab1", fill=fill)
draw.text((1, 2), "a\\nbc", line, spacing=1)
draw.text((14, 14), "Ay", fill, anchor="mm", stroke_width=1, stroke_fill=line)
draw.text((2, 2), "Ag", fill, font_size=16, embedded_color=True)
draw.multiline_text((2, 2), "aaa\\nb", fill, align="right")
draw.text((2, 2), "x", anchor="zz")
flood(picture, (0, 0), line)
flood(picture, (5, 5), fill, None, 90)
flood(picture, (5, 5), fill, line, 0)
"""


def draw_shapes(mode: str) -> list[Any]:
    """Return pictures with each shape drawn in a mode."""
    colours = {"RGB": ((9, 200, 30), "red"), "RGBA": ((9, 200, 30, 90), "#f008")}
    fill, line = colours.get(mode, (1, 200))
    drawing = load("ImageDraw")
    names = {"box": (2, 3, 25, 20), "dots": make_picture("1"), "flood": drawing.floodfill}
    rows: list[Any] = []
    for shape in SHAPES_DRAWN.strip().splitlines():
        picture = make_picture(mode).resize((30, 30), 0)
        draw = drawing.Draw(picture)
        names |= {"draw": draw, "picture": picture, "fill": fill, "line": line}
        rows.append([telling.play_lines(shape, **names), telling.tell_pixels(picture)])
    return rows


MEASURES = """
font.getlength(TEXT)
font.getbbox(TEXT)
tell_bytes(bytes(font.getmask(TEXT)))
draw.textlength(TEXT, font)
turned.getbbox(TEXT)
turned.getlength(TEXT)
"""

BOXES = """
draw.textbbox((3, 4), TEXT, font, OPTIONS)
draw.multiline_textbbox((3, 4), TEXT, font, OPTIONS)
"""

TEXTS = "'' 'a' 'Hello,\\u0020Wy!' 'ü€' 'one\\ntwo\\n\\nthree' b'bytes'"


def measure_texts(kind: str) -> list[Any]:
    """Return sizes and shapes of texts with a font that comes with Pillow."""
    fonts = load("ImageFont")
    font = fonts.load_default_imagefont() if kind == "plain" else fonts.load_default(float(kind))
    options = "spacing=4 spacing=9,align='center' anchor='ms' stroke_width=2"
    lines = telling.fill_lines(MEASURES, TEXT=TEXTS) + "\nfont.getmetrics()\nfont.getname()\n"
    lines += telling.fill_lines(BOXES, TEXT=TEXTS, OPTIONS=options)
    names = {"draw": load("ImageDraw").Draw(make_picture("RGB"), "RGBA"), "font": font}
    names["turned"] = fonts.TransposedFont(font, load("Image").Transpose.ROTATE_90)
    return telling.play_lines(lines, tell_bytes=telling.tell_bytes, **names)


def list_colour_texts() -> list[Any]:
    """Return colours that texts name."""
    names = """red #f00 #f008 #12345678 rgb(1,2,3) rgb(10%,20%,30%) rgba(1,2,3,4) hsl(120,100%,50%)
    hsv(20,10%,50%) hsl(0,0%) Nothing #12"""
    texts = names.split()
    colours = load("ImageColor")
    rows = [telling.attempt(colours.getrgb, text) for text in (*texts, "a" * 101)]
    modes = ("L", "LA", "RGBA", "HSV", "1")
    return rows + [telling.attempt(colours.getcolor, t, m) for t in texts[:4] for m in modes]


PALETTE_STEPS = """
palette.getcolor((1, 2, 3))
palette.getcolor((9, 9, 9))
palette.getdata()
palette.getcolor((1, 2))
palette.getcolor("red")
palette.getcolor((1, 2, 3, 4))
palette.getcolor((1, 2, 3, 255))
palette.tobytes()
palette.copy().palette
palette.colors
palette.dirty
bytes(home.negative().palette)
bytes(home.sepia().palette)
home.make_linear_lut(0, 200)
home.make_gamma_lut(0.5)
palette.save("palette.txt")
Path("palette.txt").read_text()
"""


def list_palettes() -> list[Any]:
    """Return what palettes hold."""
    home = load("ImagePalette")
    palette = home.ImagePalette("RGB", [1, 2, 3, 4, 5, 6])
    return telling.play_lines(PALETTE_STEPS, home=home, palette=palette, Path=Path)


def list_statistics() -> list[Any]:
    """Return figures and frames of a picture."""
    picture, stat, frames = make_picture("RGB"), load("ImageStat").Stat, load("ImageSequence")
    names = "count sum sum2 mean median rms var stddev extrema"
    made = (stat(picture), stat(picture, make_picture("1")), stat(picture.histogram()))
    rows: list[Any] = [{name: getattr(each, name) for name in names.split()} for each in made]
    turned = frames.all_frames(picture, lambda p: p.rotate(90))
    return [*rows, [*map(telling.tell_pixels, (*frames.Iterator(picture), *turned))]]


PROFILE_STEPS = """
home.profileToProfile(p, one, one)
home.profileToProfile(p, one, one, renderingIntent=1)
home.profileToProfile(p, one, two, outputMode="LAB")
home.applyTransform(p, home.buildTransform(one, one, "RGB", "RGB"))
home.getDefaultIntent(one)
home.isIntentSupported(one, 0, 1)
home.getProfileName(home.ImageCmsProfile(one))
"""


def list_profiles() -> list[Any]:
    """Return pictures in other profiles."""
    home = load("ImageCms")
    profiles = {"one": home.createProfile("sRGB"), "two": home.createProfile("LAB", 5000)}
    return telling.play_lines(PROFILE_STEPS, home=home, p=make_picture("RGB"), **profiles)


MAKERS = {
    "colours": list_colour_texts,
    "palettes": list_palettes,
    "statistics": list_statistics,
    "profiles": list_profiles,
}


def read_colours(part: str) -> list[Any]:
    """Return what the smaller modules of Pillow give: colours, palettes, statistics, profiles."""
    return MAKERS[part]()


OF_DRAWING = (
    Family(make_from_arrays, lambda: [*LAYOUTS], lambda _: None),
    Family(make_from_bytes, lambda: [*MODES], lambda _: None),
    Family(read_partly, lambda: ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"], lambda _: None),
    Family(draw_shapes, lambda: ["RGB", "RGBA", "L", "1", "P", "I;16"], lambda _: None),
    Family(measure_texts, lambda: ["plain", "10", "17.5"], lambda _: None),
    Family(read_colours, lambda: [*MAKERS], lambda _: None),
)
