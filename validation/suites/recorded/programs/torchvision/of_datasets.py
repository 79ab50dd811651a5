"""Programs with files, data sets and drawings of torchvision."""

from __future__ import annotations

import importlib
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ... import pool
from .. import telling
from ..families import Family
from .of_transforms import clean_boxes, join_transforms, mix_batches, wrap_tensors

ENCODED = """
io.encode_png(picture, 0)
io.encode_png(picture, 9)
io.encode_png(picture[:1])
io.encode_jpeg(picture)
io.encode_jpeg(picture, 20)
io.encode_jpeg(picture[:1])
"""

DECODED = """
io.decode_image(data, io.ImageReadMode.UNCHANGED)
io.decode_image(data, io.ImageReadMode.GRAY)
io.decode_image(data, io.ImageReadMode.GRAY_ALPHA)
io.decode_image(data, io.ImageReadMode.RGB)
io.decode_image(data, io.ImageReadMode.RGB_ALPHA)
io.decode_image(data, "RGB", True)
io.decode_png(data)
io.decode_jpeg(data)
io.decode_gif(data)
io.decode_webp(data)
"""

WRITTEN = """
io.write_png(picture, "a.png", 3)
io.write_jpeg(picture, "a.jpg", quality=40)
io.write_file("a.bytes", data)
io.read_image("a.png")
io.read_image(Path("a.jpg"), io.ImageReadMode.GRAY)
io.read_file("a.bytes")
io.read_image("missing.png")
io.encode_png(picture.float())
io.encode_jpeg(picture, 0)
io.decode_jpeg([data, data])
[len(each) for each in io.encode_jpeg([picture] * 2, 60)]
"""


def code_pictures() -> list[Any]:
    """Return pictures after torchvision wrote and read them, in each mode."""
    home = importlib.import_module("torchvision.io")
    names = {"io": home, "Path": Path, "picture": pool.make_value("$byte_picture")}
    files = telling.play_lines(ENCODED, **names)
    for name in ("$pil_alpha", "$pil"):
        for form in ("PNG", "WEBP", "GIF"):
            pool.make_value(name).save(f"picture.{form}", lossless=True)
            files.append(home.read_file(f"picture.{form}"))
    rows = telling.play_lines(WRITTEN, data=files[3], **names)
    for data in (*files, torch.zeros(9).byte()):
        rows += telling.play_lines(DECODED, data=data, **names)
    return [*map(telling.scale_pixels, rows)]


FOLDERS = """
sets.ImageFolder("data", allow_empty=True)
sets.ImageFolder("data", np.shape, str, allow_empty=True)
sets.ImageFolder("data")
sets.ImageFolder("data", is_valid_file=lambda path: path.endswith("0.png"), allow_empty=True)
sets.ImageFolder("data", is_valid_file=lambda path: "0." in path, allow_empty=True)
sets.ImageFolder("data", loader=lambda path: path[-8:], allow_empty=True)
sets.DatasetFolder("data", lambda path: path[-5:], (".txt",), allow_empty=True)
sets.DatasetFolder("data", lambda path: path[-5:], ("txt", ".bmp"), allow_empty=True)
sets.DatasetFolder("data", lambda path: path[-5:], None)
sets.FakeData(3, (3, 5, 4), 4)
sets.FakeData(3, (3, 5, 4), 4, random_offset=5)
sets.FakeData(3, (3, 5, 4), 4, np.shape, torch.neg)
"""

FOLDER_STEPS = """
[[scale_pixels(made[n][0]), made[n][1]] for n in range(len(made))]
[made.classes, made.class_to_idx, made.targets, made.samples]
len(made)
made[99]
repr(made)
"""

FOLDER_TOOLS = """
tools.is_image_file("a.JPEG")
tools.has_file_allowed_extension("a.b", (".c", ".b"))
tools.find_classes("data/empty")
tools.find_classes("data")
"""


def read_folders() -> list[Any]:
    """Return what data sets made of files in folders give."""
    for name, kind in (("cat", "png"), ("dog", "jpg"), ("dog", "txt"), ("ant", "bmp")):
        Path("data", name, "deep").mkdir(parents=True, exist_ok=True)
        for count in range(2):
            path = Path("data", name, "deep" if count else ".", f"{count}.{kind}")
            pool.make_value("$pil").save(path) if kind != "txt" else path.write_text("a text")
    Path("data/empty").mkdir(exist_ok=True)
    home = importlib.import_module("torchvision.datasets")
    made = telling.play_lines(FOLDERS, sets=home, np=np, torch=torch)
    names = {"scale_pixels": telling.scale_pixels}
    rows = [telling.play_lines(FOLDER_STEPS, made=each, **names) for each in made]
    return [*rows, telling.play_lines(FOLDER_TOOLS, tools=home.folder)]


def write_digits(folder: Path, name: str) -> None:
    """Write files as MNIST has them."""
    folder.mkdir(parents=True, exist_ok=True)
    digits = struct.pack(">iiii", 2051, 3, 28, 28) + bytes(n % 251 for n in range(3 * 28 * 28))
    (folder / f"{name}-images-idx3-ubyte").write_bytes(digits)
    labels = struct.pack(">ii", 2049, 3) + bytes([7, 2, 9])
    (folder / f"{name}-labels-idx1-ubyte").write_bytes(labels)


def write_things(base: Path) -> None:
    """Write files as VOC has them."""
    for part in ("JPEGImages", "Annotations", "SegmentationClass"):
        (base / part).mkdir(parents=True, exist_ok=True)
    pool.make_value("$pil").save(base / "JPEGImages/a.jpg")
    pool.make_value("$pil_gray").save(base / "SegmentationClass/a.png")
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>8</xmax><ymax>9</ymax></bndbox>"
    thing = f"<object><name>dog</name>{box}</object>"
    size = "<size><width>12</width><height>16</height></size>"
    (base / "Annotations/a.xml").write_text(f"<annotation>{size}{thing * 2}</annotation>")
    for part in ("Main", "Segmentation"):
        (base / "ImageSets" / part).mkdir(parents=True, exist_ok=True)
        (base / "ImageSets" / part / "train.txt").write_text("a\n")


KNOWN_DIGITS = """
sets.KIND("digits", True, transform=v2.PILToTensor(), target_transform=hex)
sets.KIND("digits", False)
sets.KIND("nowhere")
"""

KNOWN_THINGS = """
sets.KIND(".", image_set="train")
sets.KIND(".", image_set="train", transforms=sets.vision.StandardTransform(np.shape, None))
sets.wrap_dataset_for_transforms_v2(sets.KIND(".", image_set="train"))
sets.KIND(".", image_set="other")
sets.KIND(".", transforms=v2.Identity(), transform=v2.Identity())
"""

KNOWN_STEPS = """
[*map(scale_pixels, made[0])]
[len(made), repr(made)]
[made.classes, made.class_to_idx]
"""


def read_known() -> list[Any]:
    """Return what well-known data sets give for small files of their forms."""
    for kind in ("MNIST", "FashionMNIST"):
        for name in ("train", "t10k"):
            write_digits(Path("digits", kind, "raw"), name)
    write_things(Path("VOCdevkit/VOC2012"))
    lines = telling.fill_lines(KNOWN_DIGITS, KIND="MNIST FashionMNIST")
    lines += telling.fill_lines(KNOWN_THINGS, KIND="VOCDetection VOCSegmentation")
    names = {"sets": importlib.import_module("torchvision.datasets"), "np": np}
    names["v2"] = importlib.import_module("torchvision.transforms.v2")
    tools = {"scale_pixels": telling.scale_pixels}
    made = telling.play_lines(lines, **names)
    return [telling.play_lines(KNOWN_STEPS, made=each, **tools) for each in made]


DRAWN = """
home.draw_bounding_boxes(picture, boxes)
home.draw_bounding_boxes(picture, boxes, colors="red")
home.draw_bounding_boxes(picture, boxes, colors=["#ff00ff", (1, 2, 3)], fill=True, width=3)
home.draw_bounding_boxes(picture, boxes, labels=["a", None], label_colors="blue")
home.draw_bounding_boxes(picture, boxes, colors=["red"])
home.draw_bounding_boxes(picture, boxes, labels=["a"])
home.draw_bounding_boxes(picture, boxes[:0])
home.draw_segmentation_masks(picture, masks)
home.draw_segmentation_masks(picture, masks, alpha=0.3, colors=["red", (1, 2, 3)])
home.draw_segmentation_masks(picture, masks, colors="blue")
home.draw_segmentation_masks(picture, masks[:0])
home.draw_segmentation_masks(picture, masks[0])
home.draw_keypoints(picture, points)
home.draw_keypoints(picture, points, connectivity=[(0, 1), (1, 2)], width=2)
home.draw_keypoints(picture, points, colors="red", radius=4, visibility=seen)
home.draw_keypoints(picture, points[0])
"""

GRIDS = """
home.flow_to_image(flow)
home.flow_to_image(torch.stack([flow, -flow]))
home.flow_to_image(flow.double())
home.flow_to_image(flow[:1])
home.make_grid(many)
home.make_grid(many, nrow=2, padding=1, pad_value=0.5)
home.make_grid(many, normalize=True)
home.make_grid(many, nrow=9)
home.make_grid(many, normalize=True, value_range=(-1, 1))
home.make_grid(many, normalize=True, scale_each=True)
home.make_grid([*many[:, :1]])
home.make_grid(many[0])
home.make_grid(many[0, 0])
home.make_grid(3)
home.save_image(many, "grid.png", nrow=3, normalize=True)
"""


def draw_results() -> list[Any]:
    """Return pictures with boxes, masks, points and flows drawn on them."""
    home = importlib.import_module("torchvision.utils")
    small = pool.make_value("$byte_picture")
    picture = torch.nn.functional.interpolate(small[None].float(), (40, 44))[0].byte()
    masks = torch.zeros(2, 40, 44, dtype=torch.bool)
    masks[0, 4:25, 3:20], masks[1, 6:30, 10:36] = (True, True)
    names = {"home": home, "masks": masks, "torch": torch}
    names["boxes"] = torch.tensor([[3.0, 4, 20, 25], [10, 6, 36, 30]])
    names["points"] = torch.tensor([[[5.0, 6], [15, 20], [30, 9]], [[12, 8], [30, 25], [4, 4]]])
    names["seen"] = torch.tensor([[True, False, True], [True, True, False]])
    rows: list[Any] = []
    for subject in (picture, picture / 255, picture[:1]):
        rows += telling.play_lines(DRAWN, picture=subject, **names)
    names["flow"] = torch.stack([torch.arange(30.0).view(5, 6) % 6, torch.arange(30.0).view(5, 6)])
    rows += telling.play_lines(GRIDS, many=torch.rand(5, 3, 4, 5) * 3 - 1, **names)
    rows.append(importlib.import_module("PIL.Image").open("grid.png"))
    return [*map(telling.scale_pixels, rows)]


PARTS: dict[str, Callable[[], list[Any]]] = {
    "joined": join_transforms,
    "mixed": mix_batches,
    "cleaned": clean_boxes,
    "types": wrap_tensors,
    "codes": code_pictures,
    "folders": read_folders,
    "known": read_known,
    "drawn": draw_results,
}


def use_vision(name: str) -> list[Any]:
    """Return what a part of torchvision gives for pictures."""
    return PARTS[name]()


OF_DATASETS = (Family(use_vision, lambda: [*PARTS], lambda _: None),)
