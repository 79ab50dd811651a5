"""torchvision's folders of pictures, and its made-up pictures, against their documentation."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from PIL import Image
from torchvision import datasets

CLASSES = ("a10", "a2", "B", "c", "Z")
INNER = ("", "y", "x/deep")
"""Folders in the folder of a class."""

ENDINGS = ("jpg", "jpeg", "png", "ppm", "bmp", "pgm", "tif", "tiff", "webp", "PNG")
"""What torchvision takes for pictures."""

MODES = ("RGB", "L", "RGBA", "P", "1", "CMYK")
RED = (255, 0, 0)
ORDERS = {"by name": False, "backwards": True}
"""In which a disk may list what is in a folder; no file system promises one."""


class Listing(list[Any]):
    """The entries of a folder in an order of ORDERS, in the form of os.scandir."""

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing: all was read."""

    def __next__(self) -> Any:
        if not self:
            raise StopIteration
        return self.pop(0)


@contextlib.contextmanager
def list_in_order(order: str) -> Iterator[None]:
    """List every folder in this order in all of this process."""
    scan, names = os.scandir, os.listdir

    def scan_in_order(path: Any = ".") -> Listing:
        with scan(path) as found:
            return Listing(sorted(found, key=lambda each: each.name, reverse=ORDERS[order]))

    def list_in(path: Any = ".") -> list[Any]:
        return sorted(names(path), reverse=ORDERS[order])

    with mock.patch.multiple(os, scandir=scan_in_order, listdir=list_in):
        yield


def find_folder_faults(folder: Path) -> Iterator[str]:
    """Yield how folders of pictures are not read as documented, in any order of the disk."""
    root = folder / "classes"
    for inside in (root / name / inner for name in CLASSES for inner in INNER):
        inside.mkdir(parents=True, exist_ok=True)
        for number, ending in enumerate((*ENDINGS, "txt", "PNG.part")):
            (inside / f"{20 - number}.{ending}").touch()
    (root / "beside the classes.png").touch()
    for order in ORDERS:
        with list_in_order(order):
            for fault in _find_order_faults(root):
                yield f"{fault}, on a disk that lists {order}"
    yield from _find_refusal_faults(root)
    yield from _find_picture_faults(folder / "modes")


def _find_order_faults(root: Path) -> Iterator[str]:
    """Yield what is not sorted by name, or not numbered in that order."""
    names = sorted(CLASSES)
    numbers = {name: number for number, name in enumerate(names)}
    text, is_part = str(root), lambda path: path.endswith("part")
    ways: tuple[tuple[str, Any, tuple[str, ...]], ...] = (
        ("ImageFolder", lambda: datasets.ImageFolder(text), ENDINGS),
        ("DatasetFolder", lambda: datasets.DatasetFolder(text, str, (".txt",)), ("txt",)),
        (
            "ImageFolder(is_valid_file=)",
            lambda: datasets.ImageFolder(text, is_valid_file=is_part),
            ("part",),
        ),
    )
    for name, make, endings in ways:
        made = make()
        files = [
            (str(path), numbers[path.relative_to(root).parts[0]])
            for path in root.glob("*/**/*")
            if path.is_file() and path.suffix[1:] in endings
        ]
        files.sort(key=lambda pair: (pair[1], os.path.split(pair[0])))
        wanted = {
            "classes": names,
            "class_to_idx": numbers,
            "samples": files,
            "targets": [number for _, number in files],
        }
        for part, right in wanted.items():
            found = getattr(made, part)
            if found != right:
                yield f"{part} of {name} are {str(found)[:60]}, not {str(right)[:60]}"
        if len(made) != len(files):
            yield f"len of {name} is {len(made)}, not {len(files)}"


def _find_refusal_faults(root: Path) -> Iterator[str]:
    """Yield what is read that has to be refused."""
    empty = root.parent / "empty"
    (empty / "full").mkdir(parents=True)
    (empty / "bare").mkdir()
    (empty / "full" / "1.png").touch()
    text = str(root)
    calls: dict[str, tuple[type[Exception], Callable[[], Any]]] = {
        "a class without pictures": (FileNotFoundError, lambda: datasets.ImageFolder(str(empty))),
        "no class": (FileNotFoundError, lambda: datasets.ImageFolder(str(empty / "bare"))),
        "neither extensions nor is_valid_file": (
            ValueError, lambda: datasets.DatasetFolder(text, str)),
        "both extensions and is_valid_file": (
            ValueError, lambda: datasets.DatasetFolder(text, str, (".txt",), is_valid_file=bool)),
        "a number past the end of FakeData": (IndexError, lambda: datasets.FakeData(3)[3]),
    }  # fmt: skip
    for what, (error, call) in calls.items():
        try:
            call()
        except error:
            continue
        except Exception as other:
            yield f"{what} is refused with {type(other).__name__}, not {error.__name__}"
            continue
        yield f"{what} is not refused"


def _find_picture_faults(folder: Path) -> Iterator[str]:
    """Yield how pictures come otherwise than their files or their numbers say."""
    (folder / "only").mkdir(parents=True)
    for number, mode in enumerate(MODES):
        file = folder / "only" / f"{number}.{'tiff' if mode == 'CMYK' else 'png'}"
        Image.new("RGB", (2, 2), RED).convert(mode).save(file)
    got = datasets.ImageFolder(str(folder), np.array, target_transform=lambda kind: kind + 7)
    for mode, (picture, kind) in zip(MODES, (got[at] for at in range(len(MODES))), strict=True):
        wanted = np.asarray(Image.new("RGB", (2, 2), RED).convert(mode).convert("RGB"))
        if not np.array_equal(picture, wanted):
            yield f"ImageFolder reads a picture of mode {mode} as {picture.shape} {picture[0, 0]}"
        if kind != 7:
            yield f"target_transform of ImageFolder gives {kind}, not 7"
    options = {"size": 9, "image_size": (3, 4, 5), "num_classes": 4}
    torch.manual_seed(5)
    before = torch.get_rng_state()
    made = datasets.FakeData(**options, transform=np.array)
    moved = datasets.FakeData(**options, transform=np.array, random_offset=2)
    pictures = [made[at][0] for at in range(9)]
    if any(not np.array_equal(each, made[at][0]) for at, each in enumerate(pictures)):
        yield "FakeData gives other pictures when it is asked again"
    if len({each.tobytes() for each in pictures}) < 9 or pictures[0].shape != (4, 5, 3):
        yield "FakeData gives one picture for several numbers, or one of another size"
    if not np.array_equal(moved[1][0], pictures[3]):
        yield "random_offset of FakeData does not count from there"
    if {made[at][1] for at in range(9)} - {*range(4)}:
        yield "FakeData has more classes than num_classes"
    if not torch.equal(before, torch.get_rng_state()):
        yield "FakeData moves the random numbers of its user"
