"""Pillow was built without WebP."""

from PIL import Image

Image.init()
for known in (Image.OPEN, Image.SAVE):
    known.pop("WEBP")
