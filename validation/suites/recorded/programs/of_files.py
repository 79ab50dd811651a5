"""Programs that write files of pictures with Pillow and read them again."""

from __future__ import annotations

import importlib
import io
import re
from typing import Any

import numpy as np

from .. import pool
from . import telling
from .families import Family

MODES = (
    *("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "LAB", "HSV"),
    *("I", "F", "I;16"),
)


ROUNDED = ("JPEG2000", "AVIF")


"""Their decoders may round as the processor does; all others are exact."""


PLACES = (273, 279, 34675)


"""Tags with sizes that depend on the processor, and a profile that has a date."""


WRITTEN_ONLY = ("PDF", "EPS", "PALM")


COMMENT = b"a comment"


OPTIONS: dict[str, list[dict[str, Any]]] = {
    "JPEG": [
        *({"quality": 20}, {"quality": 95, "subsampling": 0}, {"quality": "web_high"}),
        *({"subsampling": "4:2:2"}, {"subsampling": "4:2:0"}, {"progressive": True}),
        *({"optimize": True}, {"dpi": (72, 36)}, {"comment": COMMENT}, {"keep_rgb": True}),
        *({"icc_profile": b"p" * 70000}, {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}),
        *({"restart_marker_blocks": 1}, {"restart_marker_rows": 1}, {"smooth": 50}),
        *({"qtables": [[9] * 64, [30] * 64]}, {"quality": "keep"}, {"streamtype": 1}),
        *({"qtables": "web_low"}, {"subsampling": "7:7:7"}, {"xmp": b"<x/>"}),
    ],
    "PNG": [
        *({"optimize": True}, {"compress_level": 0}, {"compress_level": 9, "compress_type": 2}),
        *({"bits": 2}, {"transparency": 3}, {"transparency": (1, 2, 3)}, {"dpi": (300, 150)}),
        *({"icc_profile": b"p" * 99}, {"transparency": b"\x01\x02"}, {"save_all": True}),
        {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"},
    ],
    "GIF": [
        *({"optimize": True}, {"interlace": 0}, {"transparency": 5}, {"comment": COMMENT}),
        *({"palette": bytes(range(256)) * 3}, {"background": 2}, {"duration": 70, "loop": 3}),
    ],
    "TIFF": [
        *(
            {"compression": "tiff_lzw"},
            {"compression": "tiff_deflate"},
            {"compression": "packbits"},
        ),
        *(
            {"compression": "tiff_adobe_deflate", "tiffinfo": {317: 2, 270: "about"}},
            {"dpi": (90, 45)},
        ),
        *({"compression": "jpeg", "quality": 30}, {"compression": "group4"}, {"software": "me"}),
        *({"description": "d", "resolution_unit": "cm", "x_resolution": 12, "artist": "a"},),
        *({"icc_profile": b"p" * 99}, {"big_tiff": True}, {"strip_size": 24, "copyright": "c"}),
        *({"compression": "group3"}, {"compression": "nothing"}, {"compression": "lzma"}),
    ],
    "WEBP": [
        *({"lossless": True}, {"quality": 10}, {"quality": 90, "method": 6}, {"alpha_quality": 10}),
        *(
            {"lossless": True, "exact": True},
            {"icc_profile": b"p" * 99},
            {"exif": b"Exif\0\0II*\0"},
        ),
        *({"lossless": True, "method": 0, "quality": 0}, {"xmp": b"<x/>"}),
    ],
    "JPEG2000": [
        *({"irreversible": True}, {"quality_layers": [30, 10], "quality_mode": "rates"}),
        *({"num_resolutions": 2}, {"tile_size": (8, 8)}, {"progression": "RLCP"}),
        *({"codeblock_size": (8, 8)}, {"no_jp2": True}, {"mct": 0}, {"signed": True}),
        *({"offset": (1, 1), "tile_offset": (0, 0)}, {"comment": "a comment", "plt": True}),
    ],
    "PDF": [{"resolution": 50.0, "title": "t", "author": "a"}, {"dpi": (50, 25)}, {"quality": 10}],
    "BMP": [{"dpi": (300, 100)}],
    "ICO": [{"sizes": [(8, 8), (16, 16)]}, {"bitmap_format": "bmp"}, {"sizes": [(10, 12)]}],
    "TGA": [{"rle": True}, {"orientation": 1}, {"compression": "tga_rle"}, {"id_section": b"me"}],
    "SGI": [{"bpc": 1}, {"bpc": 2}],
    "DDS": [{"pixel_format": kind} for kind in ("DXT1", "DXT3", "DXT5", "BC2", "BC3", "BC5", "X")],
    "XBM": [{"hotspot": (2, 3)}],
    "BLP": [{"blp_version": "BLP1"}],
    "MPO": [{"save_all": True}],
    "EPS": [{"eps": 0}],
    "AVIF": [],
}


SEVERAL: dict[str, list[dict[str, Any]]] = {
    "GIF": [
        *({"duration": [40, 60, 40, 20], "loop": 0}, {"disposal": 2}, {"disposal": [0, 1, 2, 3]}),
        *({"optimize": True}, {"duration": 30, "transparency": 0}, {"include_color_table": True}),
    ],
    "PNG": [
        *({"duration": [40, 60, 40, 20], "loop": 2}, {"disposal": 2, "blend": 1}, {"disposal": 1}),
        *({"default_image": True}, {"duration": 30, "blend": 1}, {"disposal": [0, 1, 2, 0]}),
    ],
    "WEBP": [
        *({"duration": [40, 60, 40, 20], "loop": 2, "lossless": True},),
        *(
            {"minimize_size": True, "lossless": True},
            {"background": (1, 2, 3, 4), "lossless": True},
        ),
        *({"kmin": 1, "kmax": 2, "lossless": True}, {"allow_mixed": True}),
    ],
    "TIFF": [{}, {"compression": "tiff_lzw"}],
    "PDF": [{}],
}


def make_picture(mode: str = "RGB") -> Any:
    """Return a small picture of a mode."""
    library = importlib.import_module("PIL.Image")
    pixels = pool.make_value("$photo")
    if mode == "I;16":
        return library.fromarray(pixels[..., 0].astype(np.uint16) * 200)
    picture = library.fromarray(pixels)
    if mode in ("RGBA", "LA", "RGBa"):
        picture.putalpha(library.fromarray(pixels[::-1, :, 1].copy()))
    if mode == "RGBX":
        return library.frombytes("RGBX", picture.size, picture.convert("RGBA").tobytes())
    if mode == "LAB":
        return library.frombytes("LAB", picture.size, picture.tobytes())
    if mode == "PA":
        return picture.convert("P").convert("PA")
    return picture.convert(mode)


def tell_file(data: bytes, form: str, exact: bool = True) -> list[Any]:
    """Return all frames of a file with what it says about them."""
    library = importlib.import_module("PIL.Image")
    if form in WRITTEN_ONLY:
        return [telling.tell_bytes(re.sub(rb"D:\d+Z?|Pillow[^)]*|<[0-9A-F]{32}>", b"", data))]
    picture = library.open(io.BytesIO(data))
    rows: list[Any] = [picture.format, picture.mode, picture.size, picture.get_format_mimetype()]
    for frame in range(getattr(picture, "n_frames", 1)):
        if frame:
            picture.seek(frame)
        info = {k: v for k, v in picture.info.items() if k not in ("icc_profile", "version")}
        rows += [telling.tell_names(info), len(picture.info.get("icc_profile") or b"")]
        picture.load()
        rows.append(telling.tell_pixels(picture) if exact else np.asarray(picture.convert("RGBA")))
        exif = {k: v for k, v in picture.getexif().items() if k not in PLACES}
        rows.append(f"{picture.mode} {exif}")
        tags = getattr(picture, "tag_v2", {})
        rows.append([f"{k}={v!r}" for k, v in tags.items() if k not in PLACES])
    for name in ("quantization", "layer", "app", "text", "custom_mimetype", "applist"):
        held = getattr(picture, name, None)
        rows.append(telling.tell_names(held) if isinstance(held, dict) else str(held))
    return rows


def save_again(form: str, picture: Any, options: dict[str, Any]) -> list[Any]:
    """Return what a picture is after it was written and read."""
    file = io.BytesIO()
    picture.save(file, form, **options)
    size = len(file.getvalue()) if form in ("JPEG", "WEBP", "GIF", "BMP", "TGA") else 0
    return [size, *tell_file(file.getvalue(), form, form not in ROUNDED)]


def save_modes(form: str) -> list[Any]:
    """Return pictures of all modes after each was written as a file of a format, and read."""
    if form == "AVIF":  # the time of one is that of all the others
        return save_again(form, make_picture(), {"quality": 90, "speed": 10, "max_threads": 1})
    modes = MODES if form != "ICNS" else ("RGBA",)
    return [telling.attempt(save_again, form, make_picture(mode), {}) for mode in modes]


def save_with_options(form: str) -> list[Any]:
    """Return pictures after each was written with other options of a format, and read."""
    rows = []
    for options in OPTIONS[form]:
        modes: tuple[str, ...] = (
            ("RGB", "P", "RGBA") if form in ("PNG", "GIF", "WEBP") else ("RGB", "L")
        )
        modes = ("P",) if form == "BLP" else modes
        modes = ("1",) if form == "XBM" or "group" in str(options) else modes
        rows += [telling.attempt(save_again, form, make_picture(m), options) for m in modes]
    return telling.split_rows(rows)


def save_frames(form: str) -> list[Any]:
    """Return the frames of files with several pictures, with other options each time."""
    rows = []
    for options in SEVERAL[form]:
        for mode in ("RGB", "P", "RGBA"):
            frames = [make_picture(mode) for _ in range(4)]
            frames[1].paste(frames[1].crop((0, 0, 5, 6)), (4, 7))
            frames[3].paste(frames[1].crop((1, 0, 4, 6)), (2, 3))
            given = {"save_all": True, "append_images": frames[1:], **options}
            rows.append(telling.attempt(save_again, form, frames[0], given))
    return rows


def list_formats() -> list[str]:
    """Return the formats in which Pillow writes files."""
    library = importlib.import_module("PIL.Image")
    library.init()
    return sorted({*library.SAVE} - {"ICNS"})


OF_FILES = (
    Family(save_modes, list_formats, lambda _: None),
    Family(save_with_options, lambda: [form for form in OPTIONS if OPTIONS[form]], lambda _: None),
    Family(save_frames, lambda: [*SEVERAL], lambda _: None),
)
