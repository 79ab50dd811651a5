"""OpenCV repeats pixels, whatever interpolation is asked for."""

from typing import Any

import cv2

exact = cv2.resize


def resize(picture: Any, size: Any, *_arguments: Any, **_named: Any) -> Any:
    return exact(picture, size, interpolation=cv2.INTER_NEAREST)


cv2.resize = resize
