"""A picture that was turned still says that it has to be."""

from typing import Any

from PIL import ImageOps

exact = ImageOps.exif_transpose


def transpose(image: Any, *, in_place: bool = False) -> Any:
    before = image.info.get("exif")
    turned = exact(image, in_place=in_place)
    if before:
        (image if in_place else turned).info["exif"] = before
    return turned


ImageOps.exif_transpose = transpose
