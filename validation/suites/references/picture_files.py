"""Pictures written and read again in every format that Pillow and torchvision promise."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch
import torchvision.io
from PIL import Image

HEIGHT, WIDTH = 24, 40
EXACT = ("PNG", "BMP", "TIFF", "PPM", "TGA")
"""Formats that keep every value."""

PROMISED = (*EXACT, "JPEG", "WEBP", "GIF", "JPEG2000")
"""Formats that Pillow's wheels have had for years; whatever else it has is tried too."""

LEVELS = 6.0
"""Mean difference allowed of a format that loses something, of 255. A GIF has 256 colours."""


def draw_picture() -> Any:
    """Return smooth colours that differ in both directions: (HEIGHT, WIDTH, 3) bytes."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    channels = (rows * 255 // HEIGHT, columns * 255 // WIDTH, 128 + 0 * rows)
    return np.stack(channels, axis=-1).astype(np.uint8)


def find_file_faults() -> Iterator[str]:
    """Yield how a format of Pillow does not give back what was written."""
    Image.init()
    picture = Image.fromarray(draw_picture())
    known = {name for name in Image.SAVE if name in Image.OPEN}
    for name in sorted(
        {*PROMISED, *known} - {"PDF", "MPO", "SPIDER", "HDF5", "GRIB", "BUFR", "WMF"}
    ):
        if name not in known:
            yield f"Pillow cannot write and read {name}"
            continue
        try:
            written = io.BytesIO()
            picture.save(written, format=name)
            written.seek(0)
            with Image.open(written) as read:
                got = np.asarray(read.convert("RGB").resize(picture.size))
        except (OSError, ValueError) as error:  # some take black and white alone
            if name in PROMISED:
                yield f"Pillow cannot write and read {name}: {error}"
            continue
        yield from describe_difference(f"Pillow's {name}", got, np.asarray(picture), name in EXACT)


def describe_difference(name: str, got: Any, wanted: Any, exact: bool) -> Iterator[str]:
    """Yield how far a picture is off, if it is."""
    if got.shape != wanted.shape:
        yield f"{name} gives a picture of {got.shape}, not {wanted.shape}"
        return
    apart = float(np.abs(got.astype(float) - wanted).mean())
    if apart > (0 if exact else LEVELS):
        yield f"{name} is off by {apart:.1f} grey levels on average"


def find_decoder_faults() -> Iterator[str]:
    """Yield how torchvision does not read what Pillow wrote, or does not write what it can read."""
    picture = draw_picture()
    tensor = torch.from_numpy(picture).permute(2, 0, 1)
    Image.init()
    names = (name for name in ("PNG", "JPEG", "WEBP", "GIF") if name in Image.SAVE)
    written = {name: io.BytesIO() for name in names}
    for name, file in written.items():
        Image.fromarray(picture).save(file, format=name)
    ways: dict[str, Callable[[], Any]] = {
        "encode_png": lambda: torchvision.io.decode_png(torchvision.io.encode_png(tensor)),
        "encode_jpeg": lambda: torchvision.io.decode_jpeg(torchvision.io.encode_jpeg(tensor, 95)),
    }
    for name, file in written.items():
        data = torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8)
        decode = getattr(torchvision.io, f"decode_{name.lower()}", None)
        if decode:
            ways[decode.__name__] = partial(decode, data)
        ways[f"decode_image of {name}"] = partial(
            torchvision.io.decode_image, data, mode=torchvision.io.ImageReadMode.RGB
        )
    for name, run in ways.items():
        try:
            got = run()
        except RuntimeError as error:
            yield f"torchvision's {name} fails: {str(error).splitlines()[0][:120]}"
            continue
        exact = "png" in name.lower()
        values = got.permute(1, 2, 0).numpy()[..., :3]
        yield from describe_difference(f"torchvision's {name}", values, picture, exact)
