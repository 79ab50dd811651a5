"""Pictures with an orientation in their file: turned once, and never again."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import torchvision.io
from PIL import Image, ImageOps

from ..orientations import (
    DESCRIPTION,
    OPTIONS,
    ORIENTATION,
    TEXT,
    TURNS,
    draw_blocks,
    is_same_picture,
    write_with_orientation,
)

PROMISED = ("JPEG", "PNG", "TIFF", "WEBP")
"""Formats that keep EXIF in Pillow's wheels; whatever else does is tried too."""


def find_turn_faults() -> Iterator[str]:
    """Yield how a picture is not turned as its file says, or is turned again afterwards."""
    Image.init()
    rows = draw_blocks()
    for kind in sorted({name for name in Image.SAVE if name in Image.OPEN} | {*PROMISED}):
        for number, turn in TURNS.items():
            try:
                data = write_with_orientation(rows, kind, number)
                with Image.open(io.BytesIO(data)) as opened:
                    kept = opened.getexif().get(ORIENTATION)
            except (OSError, ValueError, KeyError):
                kept = None
            if kept != number:
                if kind in PROMISED:
                    yield f"{kind} of Pillow keeps the orientation {kept}, not {number}"
                continue
            for fault in _find_pillow_faults(data, turn(rows)):
                yield f"{fault}: {kind} with orientation {number}"
            if kind in ("JPEG", "PNG"):
                yield from _find_torchvision_faults(kind, number, data, rows)


def _find_pillow_faults(data: bytes, wanted: Any) -> Iterator[str]:
    """Yield how `exif_transpose` of Pillow does not turn a picture, or leaves it to be turned."""
    with Image.open(io.BytesIO(data)) as opened:
        turned = ImageOps.exif_transpose(opened)
        kind = str(opened.format)
    with Image.open(io.BytesIO(data)) as itself:
        ImageOps.exif_transpose(itself, in_place=True)
        itself.load()
    saved = io.BytesIO()
    turned.save(saved, kind, **OPTIONS.get(kind, {}))
    with Image.open(saved) as read_again:
        read_again.load()
    twice = {
        "its result": turned,
        "its result in place": itself,
        "a copy of its result": turned.copy(),
        "its result saved": read_again,
    }
    for what, picture in twice.items():
        notes = Image.Exif()
        notes.load(picture.info.get("exif", b""))
        if not is_same_picture(np.asarray(picture), wanted):
            yield f"PIL.ImageOps.exif_transpose: {what} is another picture"
        elif {each.get(ORIENTATION, 1) for each in (notes, picture.getexif())} != {1}:
            yield f"PIL.ImageOps.exif_transpose: {what} still has an orientation"
        if not is_same_picture(np.asarray(ImageOps.exif_transpose(picture)), wanted):
            yield f"PIL.ImageOps.exif_transpose: {what} is turned again"
        # a copy of a TIFF has no notes at all
        if (
            kind != "TIFF"
            and what != "its result saved"
            and picture.getexif().get(DESCRIPTION) != TEXT
        ):
            yield f"PIL.ImageOps.exif_transpose: {what} loses other notes of the file"


def _find_torchvision_faults(kind: str, number: int, data: bytes, rows: Any) -> Iterator[str]:
    """Yield how torchvision does not turn when it is told to, or turns when it is not."""
    file = torch.frombuffer(bytearray(data), dtype=torch.uint8)
    for is_applied, wanted in ((False, rows), (True, TURNS[number](rows))):
        for name in ("decode_image", f"decode_{kind.lower()}"):
            decode = getattr(torchvision.io, name)
            got = decode(file, apply_exif_orientation=is_applied).permute(1, 2, 0).numpy()
            if not is_same_picture(got, wanted):
                options = f"apply_exif_orientation={is_applied}"
                yield f"torchvision's {name} with {options} turns {kind} of {number} otherwise"
