"""Programs that change pictures with Pillow: sizes, colours, joins, filters, operations."""

from __future__ import annotations

import importlib
from typing import Any

from ... import pool
from .. import telling
from ..families import Family
from .of_files import MODES, make_picture

SUBJECTS = ("RGB", "L", "RGBA", "P", "1", "I;16", "F")

SIZES = """
p.resize((3, 4), 1, None, 1.0)
p.resize((3, 4), 1, None, 2.0)
p.rotate(20, 2, center=(2, 3), translate=(1, 2), fillcolor=9)
p.rotate(20, 3, expand=True)
p.crop((-2, 3, 8, 20))
p.crop((5, 3, 2, 6))
p.reduce(3)
p.reduce((2, 3), (1, 1, 10, 11))
p.transform((9, 8), Image.Transform.AFFINE, (1, 0.2, -1, 0.1, 0.9, 2))
p.transform((9, 8), Image.Transform.EXTENT, (1, 2, 9, 14), 2)
p.transform((9, 8), Image.Transform.QUAD, (0, 0, 2, 14, 11, 15, 9, 1), 2)
p.transform((9, 8), Image.Transform.MESH, [((1, 1, 6, 7), (0, 0, 1, 9, 8, 9, 8, 0))])
p.transform((9, 8), Image.Transform.PERSPECTIVE, (1, 0.1, 0, 0, 1, 0.1, 0.01, 0.02), 3)
p.transform((20, 20), Image.Transform.AFFINE, (1, 0, -3, 0, 1, -2), fill=1, fillcolor=7)
change_copy(p, "thumbnail", (6, 6))
change_copy(p, "thumbnail", (5, 90), Image.Resampling.BOX, 3.0)
p.copy()
ImageChops.offset(p, 3, -2)
"""

COLOURS = """
p.convert("P", palette=Image.Palette.ADAPTIVE, colors=7)
p.convert("RGB", (0.4, 0.3, 0.3, 0, 0.1, 0.8, 0.1, 5, 0.2, 0.2, 0.6, -3))
p.convert("L", (0.4, 0.3, 0.3, 0))
p.point(lambda value: value * 2 + 1)
p.point([255 - each for each in range(256)] * len(p.getbands()))
p.point([each % 2 * 255 for each in range(256)], "1")
Image.merge(p.mode, p.split()[::-1])
p.getchannel(len(p.getbands()) - 1)
p.getchannel("A")
change_copy(p, "putalpha", 77)
change_copy(p, "putpalette", bytes(range(240)))
change_copy(p, "putpalette", bytes(range(240)), "RGBA")
p.remap_palette([3, 2, 1, 0, 9])
change_copy(p, "putpixel", (2, 3), 9)
change_copy(p, "putdata", [*range(50)], 2, 3)
p.apply_transparency()
Image.eval(p, lambda value: 255 - value)
Image.blend(p, Image.new(p.mode, p.size), 0.3)
Image.blend(p, Image.new(p.mode, p.size), -0.5)
"""

DITHERS = """
p.convert("1", dither=HOW)
p.convert("P", dither=HOW)
p.quantize(4, palette=few_colours, dither=HOW)
"""

JOINS = """
change_copy(p, "paste", "red", (1, 1, 5, 5))
change_copy(p, "paste", 120, (1, 1, 5, 5))
Image.composite(p, turned, gray)
Image.alpha_composite(p, turned)
change_copy(p, "alpha_composite", small, (3, 4), (1, 1, 4, 5))
change_copy(p, "alpha_composite", small, (3, 4), (1, 1))
"""

COVERS = """
change_copy(p, "paste", small, (2, 3), COVER)
change_copy(p, "paste", 9, (2, 3), COVER)
"""

FILTERS = """
GaussianBlur()
GaussianBlur((1,3))
BoxBlur(0)
BoxBlur(1.5)
BoxBlur((0,2))
UnsharpMask()
UnsharpMask(1,80,10)
MinFilter()
MaxFilter(5)
MedianFilter()
ModeFilter(5)
RankFilter(3,2)
Kernel((3,3),[*range(9)],20,5)
Kernel((5,5),[1]*25)
Color3DLUT.generate(3,lambda*v:v[::-1])
Color3DLUT.generate((2,3,2),lambda*v:(*v,0.3),4,"RGBA")
Color3DLUT.generate(2,lambda*v:v).transform(lambda*v:v[::-1],with_normals=False)
BLUR CONTOUR DETAIL EDGE_ENHANCE EDGE_ENHANCE_MORE EMBOSS FIND_EDGES SHARPEN SMOOTH SMOOTH_MORE
"""

OPERATIONS = """
ImageOps.autocontrast(p)
ImageOps.autocontrast(p, cutoff=(10, 5), ignore=0)
ImageOps.autocontrast(p, cutoff=3, mask=odd, preserve_tone=True)
ImageOps.equalize(p)
ImageOps.equalize(p, odd)
ImageOps.flip(p)
ImageOps.mirror(p)
ImageOps.grayscale(p)
ImageOps.invert(p)
ImageOps.colorize(p, "blue", "#ff0", "red", 20, 220, 100)
ImageOps.colorize(p, (1, 2, 3), "white")
ImageOps.contain(p, (7, 7))
ImageOps.cover(p, (7, 7))
ImageOps.pad(p, (20, 9), color=3, centering=(0.2, 0.8))
ImageOps.pad(p, (5, 30), method=0)
ImageOps.fit(p, (9, 5), centering=(0.2, 0.8), bleed=0.1)
ImageOps.fit(p, (3, 9), 0, centering=(2, -1))
ImageOps.expand(p, (1, 2, 3, 4), 5)
ImageOps.expand(p, 2)
ImageOps.crop(p, (1, 2))
ImageOps.scale(p, 1.5, 0)
ImageOps.deform(p, MeshOfHalves())
ImageOps.posterize(p, 2)
ImageOps.solarize(p, 90)
"""

PARTS = {
    "changes": [
        SIZES,
        telling.fill_lines("p.transpose(HOW)", HOW="0 1 2 3 4 5 6"),
        telling.fill_lines(
            "p.resize((7, 9), HOW, PART)", HOW="0 1 2 3 4 5", PART="None (1.5,2,9,9)"
        ),
        telling.fill_lines("p.rotate(BY)", BY="0 30 90,expand=True 180 270,expand=True 400"),
    ],
    "colours": [
        COLOURS,
        telling.fill_lines("p.convert('MODE')", MODE=" ".join(MODES)),
        telling.fill_lines(DITHERS, HOW="0 3"),
        telling.fill_lines("p.quantize(5, HOW, kmeans=1)", HOW="0 1 2 3"),
    ],
    "joins": [
        JOINS,
        telling.fill_lines(COVERS, COVER="mask dots alpha alpha.convert('RGBa')"),
        telling.fill_lines(
            "change_copy(p, 'paste', small, PLACE)",
            PLACE="None (3,4) (-2,-1) (9,14) (1,1,6,7) (1,1,3,3)",
        ),
        telling.fill_lines("ImageChops.NAME(p, turned, 2.0, 5)", NAME="add subtract"),
        telling.fill_lines(
            "ImageChops.NAME(p, turned)",
            NAME="""add_modulo subtract_modulo lighter darker difference multiply screen soft_light
            hard_light overlay logical_and logical_or logical_xor""",
        ),
    ],
    "filters": [
        telling.fill_lines("p.filter(ImageFilter.KIND)", KIND=FILTERS),
        telling.fill_lines(
            "ImageEnhance.NAME(p).enhance(FACTOR)",
            NAME="Color Contrast Brightness Sharpness",
            FACTOR="0.0 0.6 1.7",
        ),
    ],
    "operations": [
        OPERATIONS,
        telling.fill_lines("ImageOps.exif_transpose(set_way(p, NUMBER))", NUMBER="1 2 3 4 5 6 7 8"),
    ],
}


class MeshOfHalves:
    """Swaps the halves of a picture."""

    def getmesh(self, picture: Any) -> list[Any]:
        """Return the target boxes with the corners of what they show."""
        return [
            ((0, 0, 6, 16), (6, 0, 6, 16, 12, 16, 12, 0)),
            ((6, 0, 12, 16), (0, 0, 0, 16, 6, 16, 6, 0)),
        ]


def load(name: str) -> Any:
    """Return a module of Pillow."""
    return importlib.import_module(f"PIL.{name}")


def change_copy(picture: Any, method: str, *values: Any) -> Any:
    """Return a copy of a picture after a method changed it."""
    copied = picture.copy()
    getattr(copied, method)(*values)
    return copied


def set_way(picture: Any, number: int) -> Any:
    """Return a copy of a picture that says which way is up."""
    copied = picture.copy()
    copied.getexif()[0x0112] = number
    return copied


def list_names(picture: Any) -> dict[str, Any]:
    """Return what the lines of the parts name."""
    few_colours = load("Image").new("P", (1, 1))
    few_colours.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 200, 200, 255])
    mask, alpha = (make_picture(mode).crop((0, 0, 5, 6)) for mode in ("L", "RGBA"))
    modules = ("Image", "ImageChops", "ImageEnhance", "ImageFilter", "ImageOps")
    gray = make_picture("L")
    tools = (MeshOfHalves, change_copy, set_way)
    return {
        **{name: load(name) for name in modules},
        **{tool.__name__: tool for tool in tools},
        **{"p": picture, "turned": picture.rotate(180), "small": picture.crop((2, 3, 7, 9))},
        **{"gray": gray, "odd": gray.point(lambda value: value % 2 * 255)},
        **{"mask": mask, "alpha": alpha, "dots": mask.convert("1"), "few_colours": few_colours},
    }


def change_pictures(part: str, mode: str) -> list[Any]:
    """Return what the steps of a part make of a picture of a mode, and what is left of it."""
    picture = make_picture(mode)
    if mode in ("L", "P"):
        picture.info["transparency"] = 3
    pool.set_seeds()
    rows = []
    for given in telling.play_lines("\n".join(PARTS[part]), **list_names(picture)):
        held = str(getattr(given, "info", {}).get("transparency"))
        rows.append([telling.attempt(telling.tell_pixels, given), held])
    return [*rows, telling.tell_pixels(picture)]


OF_CHANGES = (
    Family(
        change_pictures,
        lambda: [f"'{part}','{mode}'" for part in PARTS for mode in SUBJECTS],
        lambda _: None,
    ),
)
