"""Programs that write files of pictures with Pillow and read them again."""

from __future__ import annotations

import importlib
import io
import re
from typing import Any

import numpy as np

from ... import pool
from .. import telling
from ..families import Family

MODE_NAMES = "1 L LA P PA RGB RGBA RGBX RGBa CMYK YCbCr LAB HSV I F I;16"
MODES = tuple(MODE_NAMES.split())

ROUNDED = ("JPEG2000", "AVIF")
"""Their decoders may round as the processor does; all others are exact."""

PLACES = (273, 279, 34675)
"""Tags with sizes that depend on the processor, and a profile that has a date."""

WRITTEN_ONLY = ("PDF", "EPS", "PALM")

DATES = rb"D:\d+Z?|Pillow[^)]*|<[0-9A-F]{32}>"

COMMENT = b"a comment"
EXIF = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"
PROFILE = {"icc_profile": b"p" * 99}

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "JPEG": [
        {"quality": 95, "subsampling": 0, "dpi": (72, 36), "comment": COMMENT},
        {"quality": "web_high", "progressive": True},
        {"subsampling": "4:2:2", "optimize": True, "keep_rgb": True},
        {"subsampling": "4:2:0", "icc_profile": b"p" * 70000, "xmp": b"<x/>"},
        {"restart_marker_blocks": 1, "exif": EXIF},
        {"restart_marker_rows": 1, "smooth": 50, "quality": 20},
        {"qtables": [[9] * 64, [30] * 64]},
        {"qtables": "web_low", "streamtype": 1},
        {"quality": "keep"},
        {"subsampling": "7:7:7"},
    ],
    "PNG": [
        {"optimize": True, "exif": EXIF, "dpi": (300, 150)},
        {"compress_level": 0, "save_all": True},
        {"compress_level": 9, "compress_type": 2, **PROFILE},
        {"bits": 2},
        {"transparency": 3},
        {"transparency": (1, 2, 3)},
        {"transparency": b"\x01\x02"},
    ],
    "GIF": [
        {"optimize": True, "comment": COMMENT},
        {"interlace": 0, "transparency": 5},
        {"palette": bytes(range(256)) * 3},
        {"background": 2, "duration": 70, "loop": 3},
    ],
    "TIFF": [
        {"compression": "tiff_lzw", "dpi": (90, 45), "software": "me", "copyright": "c"},
        {"compression": "tiff_adobe_deflate", "tiffinfo": {317: 2, 270: "about"}},
        {"compression": "packbits", "description": "d", "artist": "a", **PROFILE},
        {"compression": "jpeg", "quality": 30},
        {"compression": "group4"},
        {"compression": "group3"},
        {"compression": "nothing"},
        {"resolution_unit": "cm", "x_resolution": 12, "big_tiff": True, "strip_size": 24},
    ],
    "WEBP": [
        {"lossless": True, "exact": True, **PROFILE},
        {"lossless": True, "method": 0, "quality": 0, "xmp": b"<x/>"},
        {"quality": 90, "method": 6, "exif": b"Exif\0\0II*\0"},
        {"quality": 10, "alpha_quality": 10},
    ],
    "JPEG2000": [
        {"irreversible": True, "comment": "a comment", "plt": True},
        {"quality_layers": [30, 10], "quality_mode": "rates", "progression": "RLCP"},
        {"num_resolutions": 2, "codeblock_size": (8, 8), "mct": 0},
        {"tile_size": (8, 8), "offset": (1, 1), "tile_offset": (0, 0)},
        {"no_jp2": True, "signed": True},
    ],
    "PDF": [{"resolution": 50.0, "title": "t", "author": "a"}, {"dpi": (50, 25)}, {"quality": 10}],
    "BMP": [{"dpi": (300, 100)}],
    "ICO": [{"sizes": [(8, 8), (16, 16)]}, {"bitmap_format": "bmp"}, {"sizes": [(10, 12)]}],
    "TGA": [{"rle": True, "orientation": 1}, {"compression": "tga_rle", "id_section": b"me"}],
    "SGI": [{"bpc": 1}, {"bpc": 2}],
    "DDS": [{"pixel_format": kind} for kind in ("DXT1", "DXT3", "DXT5", "BC3", "BC5", "X")],
    "XBM": [{"hotspot": (2, 3)}],
    "BLP": [{"blp_version": "BLP1"}],
    "MPO": [{"save_all": True}],
    "EPS": [{"eps": 0}],
}

SEVERAL: dict[str, list[dict[str, Any]]] = {
    "GIF": [
        {"duration": [40, 60, 40, 20], "loop": 0, "disposal": 2},
        {"disposal": [0, 1, 2, 3], "optimize": True},
        {"duration": 30, "transparency": 0, "include_color_table": True},
    ],
    "PNG": [
        {"duration": [40, 60, 40, 20], "loop": 2, "disposal": 1},
        {"disposal": 2, "blend": 1, "duration": 30},
        {"default_image": True, "disposal": [0, 1, 2, 0]},
    ],
    "WEBP": [
        {"duration": [40, 60, 40, 20], "loop": 2, "lossless": True},
        {"minimize_size": True, "lossless": True, "background": (1, 2, 3, 4)},
        {"kmin": 1, "kmax": 2, "lossless": True},
        {"allow_mixed": True},
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
    return picture.convert("P").convert("PA") if mode == "PA" else picture.convert(mode)


def tell_file(data: bytes, form: str) -> list[Any]:
    """Return all frames of a file with what it says about them."""
    library = importlib.import_module("PIL.Image")
    if form in WRITTEN_ONLY:
        return [telling.tell_bytes(re.sub(DATES, b"", data))]
    picture = library.open(io.BytesIO(data))
    rows: list[Any] = [picture.format, picture.mode, picture.size, picture.get_format_mimetype()]
    for frame in range(getattr(picture, "n_frames", 1)):
        if frame:
            picture.seek(frame)
        rows.append({k: v for k, v in picture.info.items() if k not in ("icc_profile", "version")})
        rows.append(len(picture.info.get("icc_profile") or b""))
        picture.load()
        is_exact = form not in ROUNDED
        rows.append(telling.tell_pixels(picture) if is_exact else picture.convert("RGBA"))
        for tags in (picture.getexif(), getattr(picture, "tag_v2", {})):
            rows.append({k: v for k, v in tags.items() if k not in PLACES})
    names = "quantization layer app text custom_mimetype applist"
    return [*rows, *(getattr(picture, name, None) for name in names.split())]


def save_again(form: str, picture: Any, options: dict[str, Any]) -> list[Any]:
    """Return what a picture is after it was written and read."""
    file = io.BytesIO()
    picture.save(file, form, **options)
    size = len(file.getvalue()) if form in ("JPEG", "WEBP", "GIF", "BMP", "TGA") else 0
    return [size, *tell_file(file.getvalue(), form)]


def save_modes(form: str) -> list[Any]:
    """Return pictures of all modes after each was written as a file of a format, and read."""
    if form == "AVIF":  # the time of one is that of all the others
        return save_again(form, make_picture(), {"quality": 90, "speed": 10, "max_threads": 1})
    return [telling.attempt(save_again, form, make_picture(mode), {}) for mode in MODES]


def save_with_options(form: str) -> list[Any]:
    """Return pictures after each was written with other options of a format, and read."""
    usual: tuple[str, ...] = (
        ("RGB", "P", "RGBA") if form in ("PNG", "GIF", "WEBP") else ("RGB", "L")
    )
    usual = {"BLP": ("P",), "XBM": ("1",)}.get(form, usual)
    rows = []
    for options in OPTIONS[form]:
        modes = ("1",) if "group" in str(options) else usual
        rows += [telling.attempt(save_again, form, make_picture(m), options) for m in modes]
    return rows


def save_frames(form: str) -> list[Any]:
    """Return the frames of files with several pictures, with other options each time."""
    rows = []
    for options in SEVERAL[form]:
        for mode in ("RGB", "P", "RGBA"):
            frames = [make_picture(mode) for _ in range(4)]
            frames[1].paste(frames[1].crop((0, 0, 5, 6)), (4, 7))
            frames[2] = frames[1].copy()  # a picture that stays
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
    Family(save_with_options, lambda: [*OPTIONS], lambda _: None),
    Family(save_frames, lambda: [*SEVERAL], lambda _: None),
)
