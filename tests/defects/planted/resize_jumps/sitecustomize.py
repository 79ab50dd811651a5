"""OpenCV repeats pixels, whatever interpolation is asked for."""

from typing import Any

import cv2

exact = cv2.resize


def resize(picture: Any, *size: Any, **named: Any) -> Any:
    return exact(picture, *size[:1], **{**named, "interpolation": cv2.INTER_NEAREST})


cv2.resize = resize
