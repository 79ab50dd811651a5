"""OpenCV was built without WebP."""

from typing import Any

import cv2

exact = cv2.imencode


def encode(name: str, *arguments: Any) -> Any:
    return (False, None) if name == ".webp" else exact(name, *arguments)


cv2.imencode = encode
