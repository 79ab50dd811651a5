"""Programs that make, change and draw pictures with Pillow."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import pool
from . import telling
from .families import Family
from .of_files import MODES, make_picture

TYPES = (
    *("bool", "uint8", "int8", "uint16", ">u2", "int16", ">i2", "uint32", "int32", ">i4"),
    *("float16", "float32", ">f4", "float64", "complex64", "int64"),
)


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "C": lambda array: array,
    "F": np.asfortranarray,
    "transposed": lambda array: array.swapaxes(0, 1),
    "sliced": lambda array: array[::2, 1::3],
    "turned": lambda array: array[::-1, ::-1],
}


SHAPES = ((4, 6), (4, 6, 1), (4, 6, 2), (4, 6, 3), (4, 6, 4), (4, 6, 5), (6,), (1, 4, 6), (0, 3))


SUBJECTS = ("L", "RGBA", "P", "1", "I;16", "F")


Steps = list[tuple[str, Any]]


def load(name: str) -> Any:
    """Return a module of Pillow."""
    return importlib.import_module(f"PIL.{name}")


def tell_array(array: Any, *given: Any) -> Any:
    """Return what Pillow makes of an array, as a picture and as an array again."""
    picture = load("Image").fromarray(array, *given)
    again = np.asarray(picture)
    return f"{telling.tell_pixels(picture)}{again.dtype.str}{again.shape}{picture.readonly}"


def make_from_arrays(layout: str) -> list[Any]:
    """Return pictures made of arrays of each type and shape in a layout."""
    rows: list[Any] = []
    for kind in TYPES:
        for shape in SHAPES:
            array = LAYOUTS[layout](np.arange(np.prod(shape)).reshape(shape)) if shape[1:] else 0
            array = np.asarray(np.arange(6) if not shape[1:] else array, dtype=kind, order="K")
            rows.append(telling.attempt(tell_array, array))
    for mode in MODES:
        array = np.arange(96, dtype=np.uint8).reshape(4, 6, 4)
        rows.append(telling.attempt(tell_array, LAYOUTS[layout](array), mode))
        rows.append(telling.attempt(tell_array, LAYOUTS[layout](array[..., :3]), mode))
    return telling.split_rows(rows)


def make_from_bytes(mode: str) -> list[Any]:
    """Return pictures of a mode made of bytes in other orders, and what they hold."""
    library = load("Image")
    data = bytes(range(256)) * 4
    rows = []
    raw = {"RGB": "BGR", "RGBA": "BGRA", "L": "L;I", "1": "1;I", "I;16": "I;16B", "F": "F;32BF"}
    for name in (mode, raw.get(mode, "L"), "nothing"):
        for rest in ((), (0, 1), (0, -1), (24, 1)):
            given = (mode, (4, 3), data, "raw", name, *rest)
            for make in (library.frombytes, library.frombuffer):
                rows.append(telling.attempt(lambda m, g: telling.tell_pixels(m(*g)), make, given))
    short = (mode, (40, 30), data[:9])
    rows += [telling.attempt(make, *short) for make in (library.frombytes, library.frombuffer)]
    for colour in (0, 200, (1, 2, 3), (1, 2, 3, 4), "red", "#12345678", "hsl(120,50%,50%)", None):
        rows.append(
            telling.attempt(lambda c: telling.tell_pixels(library.new(mode, (3, 2), c)), colour)
        )
    picture = make_picture(mode)
    rows += [telling.attempt(picture.tobytes, "raw", name) for name in (mode, raw.get(mode, "L"))]
    rows += [str(picture.getextrema()), str(picture.getbands()), str(picture.getbbox())]
    rows += [
        str(telling.attempt(picture.getcolors, 9)),
        str(telling.attempt(picture.getprojection)),
    ]
    rows += [str(picture.histogram()), telling.attempt(picture.entropy)]
    rows += [
        str([picture.getpixel((x, 3)) for x in (0, 5, -1)]),
        str(picture.has_transparency_data),
    ]
    return telling.split_rows(rows)


def list_changes(picture: Any) -> Steps:
    """Return changes of the size and the place of pixels, by name."""
    library = load("Image")
    kinds, turns, moves = (library.Resampling, library.Transpose, library.Transform)
    steps: Steps = [(f"resize {k.name}", lambda p, k=k: p.resize((7, 9), k)) for k in kinds]
    steps += [
        (f"part {k}", lambda p, k=k: p.resize((5, 4), k, (1.5, 2, 9, 10.25))) for k in (0, 1, 2)
    ]
    steps += [
        (f"gap {gap}", lambda p, gap=gap: p.resize((3, 4), 1, None, gap)) for gap in (1.0, 2.0)
    ]
    steps += [(f"turn {each.name}", lambda p, each=each: p.transpose(each)) for each in turns]
    steps += [
        (f"rotate {a}", lambda p, a=a: p.rotate(a, expand=a > 50))
        for a in (0, 30, 90, 180, 270, 400)
    ]
    steps += [
        ("rotate about", lambda p: p.rotate(20, 2, center=(2, 3), translate=(1, 2), fillcolor=9)),
        ("rotate in cubes", lambda p: p.rotate(20, library.Resampling.BICUBIC, expand=True)),
        ("crop", lambda p: p.crop((-2, 3, 8, 20))),
        ("crop upside down", lambda p: p.crop((5, 3, 2, 6))),
        ("reduce", lambda p: p.reduce(3)),
        ("reduce part", lambda p: p.reduce((2, 3), (1, 1, 10, 11))),
        ("affine", lambda p: p.transform((9, 8), moves.AFFINE, (1, 0.2, -1, 0.1, 0.9, 2))),
        ("extent", lambda p: p.transform((9, 8), moves.EXTENT, (1, 2, 9, 14), 2)),
    ]
    extend_list_changes_1(library, moves, steps)
    return steps


def extend_list_changes_1(library: Any, moves: Any, steps: Any) -> None:
    """Add more results to those of `list_changes`."""
    steps += [
        ("quad", lambda p: p.transform((9, 8), moves.QUAD, (0, 0, 2, 14, 11, 15, 9, 1), 2)),
        (
            "mesh",
            lambda p: p.transform((9, 8), moves.MESH, [((1, 1, 6, 7), (0, 0, 1, 9, 8, 9, 8, 0))]),
        ),
    ]
    steps += [
        (
            "eight",
            lambda p: p.transform((9, 8), moves.PERSPECTIVE, (1, 0.1, 0, 0, 1, 0.1, 0.01, 0.02), 3),
        ),
        (
            "filled",
            lambda p: p.transform(
                (20, 20), moves.AFFINE, (1, 0, -3, 0, 1, -2), fill=1, fillcolor=7
            ),
        ),
    ]
    steps += [
        ("small", lambda p: change_place(p, "thumbnail", (6, 6))),
        ("smaller", lambda p: change_place(p, "thumbnail", (5, 90), library.Resampling.BOX, 3.0)),
        ("data", lambda p: p.copy()),
        ("offset", lambda p: load("ImageChops").offset(p, 3, -2)),
        ("spread", lambda p: p.effect_spread(0)),
    ]


def change_place(picture: Any, method: str, *values: Any) -> Any:
    """Return a copy of a picture after a method changed it."""
    copied = picture.copy()
    getattr(copied, method)(*values)
    return copied


def list_colours(picture: Any) -> Steps:
    """Return changes of the colours of pixels, by name."""
    library = load("Image")
    matrix = (0.4, 0.3, 0.3, 0, 0.1, 0.8, 0.1, 5, 0.2, 0.2, 0.6, -3)
    tenth = load("Image").new("P", (1, 1))
    tenth.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 200, 200, 255])
    steps: Steps = [(f"to {mode}", lambda p, m=mode: p.convert(m)) for mode in MODES]
    for dither in library.Dither:
        steps.append((f"dots {dither}", lambda p, d=dither: p.convert("1", dither=d)))
        steps.append((f"web {dither}", lambda p, d=dither: p.convert("P", dither=d)))
        steps.append((f"own {dither}", lambda p, d=dither: p.quantize(4, palette=tenth, dither=d)))
    for method in library.Quantize:
        steps.append((f"few {method}", lambda p, m=method: p.quantize(5, m, kmeans=1)))
    adapt = library.Palette.ADAPTIVE
    steps += [
        ("adaptive", lambda p: p.convert("P", palette=adapt, colors=7)),
        ("matrix", lambda p: p.convert("RGB", matrix)),
        ("gray matrix", lambda p: p.convert("L", matrix[:4])),
        ("point", lambda p: p.point(lambda value: value * 2 + 1)),
        ("table", lambda p: p.point([255 - each for each in range(256)] * len(p.getbands()))),
        ("point to dots", lambda p: p.point([each % 2 * 255 for each in range(256)], "1")),
        ("bands", lambda p: library.merge(p.mode, p.split()[::-1])),
        ("band", lambda p: p.getchannel(len(p.getbands()) - 1)),
        ("by name", lambda p: p.getchannel("A")),
        ("alpha", lambda p: change_place(p, "putalpha", 77)),
        ("palette", lambda p: change_place(p, "putpalette", bytes(range(240)))),
        ("palette with alpha", lambda p: change_place(p, "putpalette", bytes(range(240)), "RGBA")),
        ("mapped", lambda p: p.remap_palette([3, 2, 1, 0, 9])),
        ("pixel", lambda p: change_place(p, "putpixel", (2, 3), 9)),
        ("data", lambda p: change_place(p, "putdata", [*range(50)], 2, 3)),
        ("apply", lambda p: p.apply_transparency()),
        ("evaluate", lambda p: library.eval(p, lambda value: 255 - value)),
        ("blend", lambda p: library.blend(p, library.new(p.mode, p.size), 0.3)),
        ("beyond", lambda p: library.blend(p, library.new(p.mode, p.size), -0.5)),
    ]
    return steps


def list_joins(picture: Any) -> Steps:
    """Return ways to put one picture on another, by name."""
    library = load("Image")
    mask = make_picture("L").crop((0, 0, 5, 6))
    small = picture.crop((2, 3, 7, 9))
    dots, alpha = (mask.convert("1"), make_picture("RGBA").crop((0, 0, 5, 6)))
    steps: Steps = [
        (f"paste {place}", lambda p, place=place: change_place(p, "paste", small, place))
        for place in (None, (3, 4), (-2, -1), (9, 14), (1, 1, 6, 7), (1, 1, 3, 3))
    ]
    for cover in (mask, dots, alpha, alpha.convert("La")):
        steps.append(
            (f"cover {cover.mode}", lambda p, c=cover: change_place(p, "paste", small, (2, 3), c))
        )
        steps.append(
            (f"fill {cover.mode}", lambda p, c=cover: change_place(p, "paste", 9, (2, 3), c))
        )
    steps += [
        ("colour", lambda p: change_place(p, "paste", "red", (1, 1, 5, 5))),
        ("number", lambda p: change_place(p, "paste", 120, (1, 1, 5, 5))),
        ("composite", lambda p: library.composite(p, p.rotate(180), make_picture("L"))),
        ("over", lambda p: library.alpha_composite(p, p.rotate(180))),
        ("over place", lambda p: change_place(p, "alpha_composite", small, (3, 4), (1, 1, 4, 5))),
        ("over place 2", lambda p: change_place(p, "alpha_composite", small, (3, 4), (1, 1))),
    ]
    chops = load("ImageChops")
    extend_list_joins_1(chops, steps)
    return steps


def extend_list_joins_1(chops: Any, steps: Any) -> None:
    """Add more results to those of `list_joins`."""
    for name in ("add", "subtract"):
        steps.append((name, lambda p, n=name: getattr(chops, n)(p, p.rotate(180), 2.0, 5)))
        steps.append(
            (f"{name}_modulo", lambda p, n=name: getattr(chops, f"{n}_modulo")(p, p.rotate(180)))
        )
    pairs: tuple[str, ...] = (
        "lighter",
        "darker",
        "difference",
        "multiply",
        "screen",
        "soft_light",
        "hard_light",
        "overlay",
    )
    pairs = (*pairs, "logical_and", "logical_or", "logical_xor")
    steps += [(n, lambda p, n=n: getattr(chops, n)(p, p.rotate(180))) for n in pairs]


def list_filters(picture: Any) -> Steps:
    """Return filters and enhancements, by name."""
    kinds, better = load("ImageFilter"), load("ImageEnhance")
    names: tuple[str, ...] = (
        "BLUR",
        "CONTOUR",
        "DETAIL",
        "EDGE_ENHANCE",
        "EDGE_ENHANCE_MORE",
        "EMBOSS",
        "FIND_EDGES",
    )
    names += ("SHARPEN", "SMOOTH", "SMOOTH_MORE")
    steps: Steps = [(name, lambda p, n=name: p.filter(getattr(kinds, n))) for name in names]
    made = (
        *(kinds.GaussianBlur(), kinds.GaussianBlur((1, 3)), kinds.BoxBlur(0), kinds.BoxBlur(1.5)),
        *(kinds.BoxBlur((0, 2)), kinds.UnsharpMask(), kinds.UnsharpMask(1, 80, 10)),
        *(kinds.MinFilter(), kinds.MaxFilter(5), kinds.MedianFilter(), kinds.ModeFilter(5)),
        *(
            kinds.RankFilter(3, 2),
            kinds.Kernel((3, 3), [*range(9)], 20, 5),
            kinds.Kernel((5, 5), [1] * 25),
        ),
        kinds.Color3DLUT.generate(3, lambda r, g, b: (g, b * 0.5, r)),
        kinds.Color3DLUT.generate((2, 3, 2), lambda r, g, b: (g, b * 0.5, r, 0.3), 4, "RGBA"),
        kinds.Color3DLUT.generate(2, lambda r, g, b: (r, g, b)).transform(
            lambda r, g, b: (r * r, g, b), with_normals=False
        ),
    )
    steps += [(f"{n}", lambda p, k=k: p.filter(k)) for n, k in enumerate(made)]
    for name in ("Color", "Contrast", "Brightness", "Sharpness"):
        for factor in (0.0, 0.6, 1.7):
            steps.append(
                (f"{name}{factor}", lambda p, n=name, f=factor: getattr(better, n)(p).enhance(f))
            )
    return steps


def list_operations(picture: Any) -> Steps:
    """Return the operations of ImageOps, by name."""
    ops, mask = load("ImageOps"), make_picture("L").point(lambda value: value % 2 * 255)
    steps: Steps = [
        *(("contrast", ops.autocontrast), ("even", ops.equalize), ("flip", ops.flip)),
        *(("mirror", ops.mirror), ("gray", ops.grayscale), ("invert", ops.invert)),
        ("contrast cut", lambda p: ops.autocontrast(p, cutoff=(10, 5), ignore=0)),
        ("contrast mask", lambda p: ops.autocontrast(p, cutoff=3, mask=mask, preserve_tone=True)),
        ("even mask", lambda p: ops.equalize(p, mask)),
        ("colour", lambda p: ops.colorize(p, "blue", "#ff0", "red", 20, 220, 100)),
        ("colour 2", lambda p: ops.colorize(p, (1, 2, 3), "white")),
        ("contain", lambda p: ops.contain(p, (7, 7))),
        ("cover", lambda p: ops.cover(p, (7, 7))),
        ("pad", lambda p: ops.pad(p, (20, 9), color=3, centering=(0.2, 0.8))),
        ("pad high", lambda p: ops.pad(p, (5, 30), method=0)),
        ("fit", lambda p: ops.fit(p, (9, 5), centering=(0.2, 0.8), bleed=0.1)),
        ("fit high", lambda p: ops.fit(p, (3, 9), 0, centering=(2, -1))),
        ("expand", lambda p: ops.expand(p, (1, 2, 3, 4), 5)),
        ("expand all", lambda p: ops.expand(p, 2)),
        ("crop", lambda p: ops.crop(p, (1, 2))),
        ("scale", lambda p: ops.scale(p, 1.5, 0)),
        ("deform", lambda p: ops.deform(p, MeshOfHalves())),
        ("posters", lambda p: ops.posterize(p, 2)),
        ("sun", lambda p: ops.solarize(p, 90)),
    ]
    steps += [
        (f"way {n}", lambda p, n=n: ops.exif_transpose(set_way(p, n)))
        for n in (1, 2, 3, 4, 5, 6, 7, 8, 9)
    ]
    return steps


class MeshOfHalves:
    """Swaps the halves of a picture."""

    def getmesh(self, picture: Any) -> list[Any]:
        """Return the target boxes with the corners of what they show."""
        return [
            ((0, 0, 6, 16), (6, 0, 6, 16, 12, 16, 12, 0)),
            ((6, 0, 12, 16), (0, 0, 0, 16, 6, 16, 6, 0)),
        ]


def set_way(picture: Any, number: int) -> Any:
    """Return a copy of a picture that says which way is up."""
    copied = picture.copy()
    copied.getexif()[0x0112] = number
    return copied


PARTS = {
    "changes": list_changes,
    "colours": list_colours,
    "joins": list_joins,
    "filters": list_filters,
    "operations": list_operations,
}


def change_pictures(part: str, mode: str) -> list[Any]:
    """Return what the steps of a part make of a picture of a mode, and what is left of it."""
    picture = make_picture(mode)
    if mode in ("L", "P"):
        picture.info["transparency"] = 3
    rows: list[Any] = []
    for name, step in PARTS[part](picture):
        pool.set_seeds()
        given = telling.attempt(step, picture)
        held = f"{given.info.get('transparency')}" if hasattr(given, "info") else ""
        rows.append(f"{name}{telling.attempt(telling.tell_pixels, given)}{held}")
    return telling.split_rows([*rows, telling.tell_pixels(picture)])


def read_partly(form: str) -> list[Any]:
    """Return what files that end too early give, and what can be asked of a file first."""
    library, files = load("Image"), load("ImageFile")
    file = io.BytesIO()
    library.fromarray(np.tile(pool.make_value("$photo"), (3, 4, 1))).save(
        file, form, compress_level=0
    )
    rows: list[Any] = []
    for size in (0, 3, 30, 700, len(file.getvalue()) - 9, len(file.getvalue())):
        for allowed in (False, True):
            files.LOAD_TRUNCATED_IMAGES = allowed
            try:
                picture = telling.attempt(library.open, io.BytesIO(file.getvalue()[:size]))
                rows.append(
                    telling.attempt(telling.tell_pixels, picture)
                    if size > 699
                    else str(type(picture))
                )
                rows.append(telling.attempt(lambda p: p.verify(), picture))
            finally:
                files.LOAD_TRUNCATED_IMAGES = False
    for mode, wanted in (("L", (20, 20)), (None, (9, 9)), ("RGB", (30, 12)), ("CMYK", (1, 1))):
        picture = library.open(file)
        drafted = telling.attempt(picture.draft, mode, wanted)
        rows += [str(drafted), telling.tell_pixels(picture)]
        picture = library.open(file)
        picture.thumbnail(wanted)
        rows += [telling.tell_pixels(picture), telling.attempt(library.open, file, formats=["GIF"])]
    parser = files.Parser()
    for place in range(0, len(file.getvalue()), 500):
        parser.feed(file.getvalue()[place : place + 500])
        rows.append(parser.image is not None)
    rows.append(telling.tell_pixels(parser.close()))
    return telling.split_rows(
        [each if isinstance(each, str | bool) else type(each).__name__ for each in rows]
    )


def draw_shapes(mode: str) -> list[Any]:
    """Return pictures with each shape drawn in a mode, one after the other."""
    fill, line = {"RGB": ((9, 200, 30), "red"), "RGBA": ((9, 200, 30, 90), "#f008")}.get(
        mode, (1, 200)
    )
    both, box = ({"fill": fill, "outline": line}, (2, 3, 25, 20))
    shapes: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        *(("arc", (box, 20, 200, fill), {}), ("arc", (box, 20, 500, fill), {"width": 3})),
        *(("bitmap", ((3, 4), make_picture("1"), fill), {}), ("chord", (box, 30, 190), both)),
        *(("chord", (box, 0, 400), {**both, "width": 3}), ("ellipse", (box,), both)),
        *(
            ("ellipse", (box,), {**both, "width": 4}),
            ("circle", ((12, 12), 7.5), {**both, "width": 2}),
        ),
        *(("line", ([1, 2, 20, 25, 28, 3], fill), {"width": 4, "joint": "curve"}),),
        *(("line", ([(1, 2), (28, 25), (3, 28)], line), {}), ("line", ([5, 5, 5, 5], line), {})),
        *(("pieslice", (box, 20, 120), both), ("pieslice", (box, 0, 290), {**both, "width": 3})),
        *(("point", ([1, 1, 4, 5], fill), {}), ("polygon", ([(1, 1), (25, 9), (8, 27)],), both)),
    ]
    shapes += [
        *(("polygon", ([1, 1, 25, 9, 8, 27],), {**both, "width": 3}), ("rectangle", (box,), both)),
        *(("rectangle", (box,), {**both, "width": 3}), ("rectangle", ((9, 9, 3, 3),), both)),
        *(("regular_polygon", ((14, 14, 9), 5, 20), {**both, "width": 2}),),
        *(
            ("rounded_rectangle", (box, 6), both),
            ("rounded_rectangle", (box, 30), {**both, "width": 3}),
        ),
    ]
    kinds, library, rows = extend_draw_shapes_1(both, box, fill, line, shapes)
    extend_draw_shapes_2((mode, fill, line, shapes, kinds, library, rows))
    return telling.split_rows(rows)


def extend_draw_shapes_1(both: Any, box: Any, fill: Any, line: Any, shapes: Any) -> Any:
    """Add more results to those of `draw_shapes`, and return what they are made with."""
    shapes += [
        *(("rounded_rectangle", (box, 4), {**both, "corners": (True, False, True, False)}),),
        *(
            ("text", ((1, 2), "Ab1"), {"fill": fill}),
            ("text", ((1, 2), "a\nbc", line), {"spacing": 1}),
        ),
    ]
    shapes += [
        *(
            (
                "text",
                ((14, 14), "Ay", fill),
                {"anchor": "mm", "stroke_width": 1, "stroke_fill": line},
            ),
        ),
        *(("text", ((2, 2), "Ag", fill), {"font_size": 16, "embedded_color": True}),),
        *(
            ("multiline_text", ((2, 2), "aaa\nb", fill), {"align": "right"}),
            ("text", ((2, 2), "x"), {"anchor": "zz"}),
        ),
    ]
    library, kinds = (load("Image"), load("ImageDraw"))
    rows: list[Any] = []
    return kinds, library, rows


def extend_draw_shapes_2(given: Any) -> None:
    """Add more results to those of `draw_shapes`."""
    mode, fill, line, shapes, kinds, library, rows = given
    for name, values, options in shapes:
        picture = library.new(mode, (30, 30), 0)
        telling_error = telling.attempt(getattr(kinds.Draw(picture), name), *values, **options)
        rows += [f"{name}{telling_error}{telling.tell_pixels(picture)}"]
    picture = make_picture(mode)
    for value in ((0, 0, line), (5, 5, fill, None, 90), (5, 5, fill, line, 0)):
        rows.append(telling.attempt(kinds.floodfill, picture, value[:2], *value[2:]))
        rows.append(telling.tell_pixels(picture))


def measure_texts(kind: str) -> list[Any]:
    """Return sizes and shapes of texts with a font that comes with Pillow."""
    fonts = load("ImageFont")
    font = fonts.load_default_imagefont() if kind == "plain" else fonts.load_default(float(kind))
    draw = load("ImageDraw").Draw(make_picture("RGB"), "RGBA")
    rows = []
    for text in ("", "a", "Hello, Wy!", "ü€", "one\ntwo\n\nthree", b"bytes"):
        rows += [telling.attempt(font.getlength, text), telling.attempt(font.getbbox, text)]
        rows.append(telling.attempt(lambda t: telling.tell_bytes(bytes(font.getmask(t))), text))
        for options in (
            {},
            {"spacing": 9, "align": "center"},
            {"anchor": "ms"},
            {"stroke_width": 2},
        ):
            rows.append(telling.attempt(draw.textbbox, (3, 4), text, font, **options))
            rows.append(telling.attempt(draw.multiline_textbbox, (3, 4), text, font, **options))
        rows.append(telling.attempt(draw.textlength, text, font))
    for name in ("getmetrics", "getname"):
        rows.append(telling.attempt(lambda n: getattr(font, n)(), name))
    turned = fonts.TransposedFont(font, load("Image").Transpose.ROTATE_90)
    rows += [telling.attempt(turned.getbbox, "ab"), telling.attempt(turned.getlength, "ab")]
    return telling.split_rows([str(each) for each in rows])


def list_colour_texts() -> list[Any]:
    """Return colours that texts name."""
    rows: list[Any] = []
    texts: tuple[str, ...] = (
        "red",
        "#f00",
        "#f008",
        "#12345678",
        "rgb(1,2,3)",
        "rgb(10%,20%,30%)",
        "rgba(1,2,3,4)",
    )
    texts += ("hsl(120,100%,50%)", "hsv(20,10%,50%)", "hsl(0,0%)", "Nothing", "#12", "a" * 101)
    colours = load("ImageColor")
    rows += [str(telling.attempt(colours.getrgb, text)) for text in texts]
    rows += [
        str(telling.attempt(colours.getcolor, t, m))
        for t in texts[:4]
        for m in ("L", "LA", "RGBA", "HSV", "1")
    ]
    return rows


def list_palettes() -> list[Any]:
    """Return what palettes hold."""
    rows: list[Any] = []
    palettes = load("ImagePalette")
    palette = palettes.ImagePalette("RGB", [1, 2, 3, 4, 5, 6])
    rows += [palette.getcolor((1, 2, 3)), palette.getcolor((9, 9, 9)), palette.getdata()]
    rows += [
        telling.attempt(palette.getcolor, c) for c in ((1, 2), "red", (1, 2, 3, 4), (1, 2, 3, 255))
    ]
    rows += [
        palette.tobytes(),
        palette.copy().palette,
        [*palette.colors.items()],
        palette.dirty,
    ]
    makers = (palettes.negative, palettes.sepia, palettes.wedge)
    rows += [telling.tell_bytes(bytes(make().palette)) for make in makers]
    rows += [
        palettes.make_linear_lut(0, 200)[::50],
        telling.attempt(palettes.make_gamma_lut, 0.5)[::50],
    ]
    palette.save("palette.txt")
    return rows


def list_statistics() -> list[Any]:
    """Return figures and frames of a picture."""
    rows: list[Any] = []
    picture = make_picture("RGB")
    stat = load("ImageStat")
    for made in (
        stat.Stat(picture),
        stat.Stat(picture, make_picture("1")),
        stat.Stat(picture.histogram()),
    ):
        names = ("count", "sum", "sum2", "mean", "median", "rms", "var", "stddev", "extrema")
        rows += [[getattr(made, name) for name in names]]
    frames = load("ImageSequence")
    rows += [telling.tell_pixels(each) for each in frames.Iterator(picture)]
    rows += [
        telling.tell_pixels(each) for each in frames.all_frames(picture, lambda p: p.rotate(90))
    ]
    return rows


def list_profiles() -> list[Any]:
    """Return pictures in other profiles."""
    rows: list[Any] = []
    picture = make_picture("RGB")
    profiles = load("ImageCms")
    one, two = (profiles.createProfile("sRGB"), profiles.createProfile("LAB", 5000))
    for options in ({}, {"renderingIntent": 1}, {"outputMode": "LAB"}):
        rows.append(
            telling.attempt(
                lambda o: np.asarray(
                    profiles.profileToProfile(picture, one, two if o else one, **o)
                ),
                options,
            )
        )
    made = profiles.buildTransform(one, one, "RGB", "RGB", flags=profiles.Flags.NONE)
    rows += [np.asarray(profiles.applyTransform(picture, made)), profiles.getDefaultIntent(one)]
    rows += [
        profiles.isIntentSupported(one, 0, 1),
        profiles.getProfileName(profiles.ImageCmsProfile(one)),
    ]
    return rows


def read_colours(part: str) -> list[Any]:
    """Return what the smaller modules of Pillow give: colours, palettes, statistics, profiles."""
    makers = {"colours": list_colour_texts, "palettes": list_palettes}
    return {**makers, "statistics": list_statistics, "profiles": list_profiles}[part]()


OF_DRAWING = (
    Family(make_from_arrays, lambda: [*LAYOUTS], lambda _: None),
    Family(make_from_bytes, lambda: [*MODES], lambda _: None),
    Family(
        change_pictures,
        lambda: [f"'{part}','{mode}'" for part in PARTS for mode in ("RGB", *SUBJECTS)],
        lambda _: None,
    ),
    Family(read_partly, lambda: ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"], lambda _: None),
    Family(draw_shapes, lambda: ["RGB", "RGBA", "L", "1", "P", "I;16"], lambda _: None),
    Family(measure_texts, lambda: ["plain", "10", "17.5"], lambda _: None),
    Family(read_colours, lambda: ["colours", "palettes", "statistics", "profiles"], lambda _: None),
)
