"""Files of pictures that say how they are to be turned: EXIF's eight orientations, in NumPy."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

ORIENTATION, DESCRIPTION = 0x0112, 0x010E
TEXT = "a hut"
BLOCK = 8
"""Pixels of a JPEG that are kept together: a block of one colour is kept nearly as it is."""

LEVELS = 8
"""Difference allowed of a colour of a JPEG, of 255."""

OPTIONS: dict[str, dict[str, Any]] = {
    "AVIF": {"quality": 100, "subsampling": "4:4:4"},
    "JPEG": {"quality": 100, "subsampling": 0},
    "MPO": {"quality": 100, "subsampling": 0},
    "WEBP": {"lossless": True},
}
"""Of Pillow, to keep colours; other formats keep them anyway."""

TURNS: dict[int, Callable[[Any], Any]] = {
    1: lambda rows: rows,
    2: lambda rows: rows[:, ::-1],
    3: lambda rows: rows[::-1, ::-1],
    4: lambda rows: rows[::-1],
    5: lambda rows: rows.swapaxes(0, 1),
    6: lambda rows: np.rot90(rows, -1),
    7: lambda rows: rows[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
"""By the number of the orientation: what makes of the pixels in the file the picture that is meant.

Source: EXIF 2.3, tag 274. 6 is a picture that needs a quarter turn clockwise.
"""


def draw_blocks() -> Any:
    """Return blocks of other colours: (2 * BLOCK, 3 * BLOCK, 3) bytes."""
    colours = np.random.default_rng(6).integers(0, 8, (2, 3, 3)) * 32
    return colours.astype(np.uint8).repeat(BLOCK, axis=0).repeat(BLOCK, axis=1)


def write_with_orientation(rows: Any, kind: str, number: int) -> bytes:
    """Return the file of a picture that names its orientation, in XMP too, and a description.

    Raises OSError, ValueError or KeyError if Pillow cannot write this kind of file.
    """
    exif = Image.Exif()
    exif[ORIENTATION], exif[DESCRIPTION] = number, TEXT
    file = io.BytesIO()
    xmp = f'<x:xmpmeta tiff:Orientation="{number}"/>'.encode()
    Image.fromarray(rows).save(file, kind, exif=exif, xmp=xmp, **OPTIONS.get(kind, {}))
    return file.getvalue()


def is_same_picture(got: Any, wanted: Any) -> bool:
    """Return whether two pictures have one size and nearly the same colours."""
    return got.shape == wanted.shape and bool(
        (np.abs(got.astype(int) - wanted.astype(int)) <= LEVELS).all()
    )
