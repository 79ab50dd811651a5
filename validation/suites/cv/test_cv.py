"""OpenCV and Albumentations feed a ResNet through the DataLoader."""

from __future__ import annotations

import os
from pathlib import Path

os.environ["NO_ALBUMENTATIONS_UPDATE"] = (
    "1"  # it would ask the network for a newer version while being imported
)

import albumentations
import cv2
import numpy as np
import torch
import torchvision
from PIL import Image, ImageFile
from torchvision.transforms.v2 import functional

from ..conftest import Answers, Figures
from ..contract import questions
from ..contract.expected import Expected
from ..declared import reports
from ..outcome import require
from ..training import copy_parameters, require_fall, require_trained
from . import augmented, boxes_and_masks, pictures, seeded, videos
from .augmented import CROP, MEAN, STD

STEPS = 6
BATCH = 8
GREY_LEVELS = 3
CROPS = 16
MAX_PIXELS = 89_478_485
"""Pixels from which on Pillow warns: a quarter of a gibibyte in three bytes each."""

NUMPY_ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}


def test_jpeg_round_trip() -> None:
    """A smooth picture survives JPEG at quality 95 within a few grey levels."""
    ramp = np.linspace(0, 255, 96, dtype=np.uint8)
    picture = np.dstack(
        [np.tile(ramp, (96, 1)), np.tile(ramp[:, None], (1, 96)), np.full((96, 96), 128, np.uint8)]
    )
    encoded, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
    require(
        encoded, "cv2.imencode cannot write JPEG", "a JPEG file", "an OpenCV built without JPEG"
    )
    error = np.abs(cv2.imdecode(data, cv2.IMREAD_COLOR).astype(int) - picture).mean()
    require(
        error < GREY_LEVELS,
        f"a picture read back from JPEG is off by {error:.1f} grey levels on average",
        f"less than {GREY_LEVELS}",
        "colours in another order, or a JPEG library that does not fit OpenCV",
    )


def test_pipeline_values() -> None:
    """Flip and normalisation give the numbers that NumPy gives."""
    picture = augmented.draw_noisy_picture(0)
    steps = [
        albumentations.HorizontalFlip(p=1),
        albumentations.Normalize(MEAN, STD),
        albumentations.ToTensorV2(),
    ]
    got = albumentations.Compose(steps)(image=picture)["image"].numpy()
    wanted = ((picture[:, ::-1] / 255 - MEAN) / STD).transpose(2, 0, 1)
    error = float(np.abs(got - wanted).max()) if got.shape == wanted.shape else float("inf")
    require(
        error < 1e-4,
        f"the augmented picture is off by {error:.2e} from the same steps in NumPy",
        "less than 1e-4",
        "an augmentation that does not do what it says, or an OpenCV and NumPy that do not fit",
    )


def test_workers_augment_differently(expected: Expected) -> None:
    """Two workers crop one picture at different places, and at the same ones with the same seed."""
    torch.manual_seed(0)
    places = augmented.find_crop_places(expected.device, CROPS)
    first, second = places[: CROPS // 2], places[CROPS // 2 :]
    require(
        len(places) == CROPS and len(set(places)) > CROPS // 4,
        f"{len(places)} random crops were taken at {len(set(places))} places",
        f"{CROPS} at many",
        "an augmentation that is not random, or samples that are lost",
    )
    require(
        first != second,
        f"both workers cropped at the same places, beginning with {first[:3]}",
        "places of its own for each worker",
        "workers with equal seeds: every augmentation is made twice",
    )
    torch.manual_seed(0)
    again = augmented.find_crop_places(expected.device, CROPS)
    require(
        again == places,
        f"the same seed gave crops at {again[:3]}",
        f"{places[:3]}",
        "workers that are not seeded",
    )


@reports("last_loss", "nats")
def test_augmented_resnet_trains(expected: Expected, figure: Figures) -> None:
    """A ResNet-18 learns to tell two kinds of pictures apart in some steps.

    The pictures are augmented in worker processes.
    """
    torch.manual_seed(0)
    model = torchvision.models.resnet18(weights=None, num_classes=2).to(expected.device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    before, losses = copy_parameters(model.parameters()), []
    pictures = augmented.AugmentedPictures(
        STEPS * BATCH, augmented.draw_noisy_picture, augmented.training_steps()
    )
    for images, kinds in augmented.build_loader(pictures, BATCH, expected.device):
        shape, dtype = tuple(images.shape), images.dtype
        require(
            shape == (BATCH, 3, CROP, CROP) and dtype is torch.float32,
            f"the pipeline made a batch of {shape}, {dtype}",
            f"{(BATCH, 3, CROP, CROP)}, torch.float32",
            "an augmentation or the DataLoader's collation that changes shapes",
        )
        outputs = model(images.to(expected.device, non_blocking=True))
        loss = torch.nn.functional.cross_entropy(
            outputs, kinds.to(expected.device, non_blocking=True)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.item()))
    figure("last_loss", losses[-1], "nats")
    require(
        len(losses) == STEPS,
        f"{len(losses)} batches were delivered",
        f"{STEPS}",
        "samples that are lost",
    )
    require_trained(before, model.parameters(), losses)
    require_fall(losses, factor=0.5, window=2)


def test_switches() -> None:
    """The libraries work as they are installed: no import has made them slower or more lenient."""
    pairs = (
        ("cv2.useOptimized()", cv2.useOptimized(), True),
        ("cv2.getNumThreads()", cv2.getNumThreads(), cv2.getNumberOfCPUs()),
        ("PIL.Image.MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS, MAX_PIXELS),
        ("PIL.ImageFile.LOAD_TRUNCATED_IMAGES", ImageFile.LOAD_TRUNCATED_IMAGES, False),
        ("numpy.geterr()", np.geterr(), NUMPY_ERRORS),
    )
    changed = [(name, found, wanted) for name, found, wanted in pairs if found != wanted]
    require(
        not changed,
        ", ".join(f"{name} is {found}" for name, found, _ in changed),
        ", ".join(str(wanted) for *_, wanted in changed),
        "a package that changes OpenCV, Pillow or NumPy when it is imported",
    )


def test_formats() -> None:
    """OpenCV reads what it wrote, in every format that a data set may have."""
    faults = [*pictures.find_format_faults()]
    cause = "an OpenCV that was built without this format"
    require(not faults, "; ".join(faults[:2]), "the picture that was written", cause)


def test_turned_pictures() -> None:
    """OpenCV turns pictures as their files say, if it is not told to leave them."""
    faults = [*pictures.find_turn_faults()]
    cause = "an OpenCV built without EXIF, or a flag that is ignored"
    require(not faults, "; ".join(faults[:2]), "one turn of EXIF's eight", cause)


def test_resized_pictures() -> None:
    """OpenCV's sizes, moves and greys are those of NumPy."""
    faults = [*pictures.find_resize_faults()]
    cause = "an interpolation that is not the one it is called"
    require(not faults, "; ".join(faults[:2]), "the definition's values", cause)


def test_moved_boxes() -> None:
    """Albumentations moves pictures, masks and boxes together."""
    faults = [*pictures.find_box_faults()]
    cause = "an augmentation that leaves masks or boxes out"
    require(not faults, "; ".join(faults[:2]), "the same move of all", cause)


def test_kept_boxes() -> None:
    """Augmentations keep the boxes that their limits allow."""
    faults = [*boxes_and_masks.find_filter_faults()]
    cause = "a limit of boxes that is ignored"
    require(not faults, "; ".join(faults[:2]), "the boxes that the limits allow", cause)


def test_kept_classes() -> None:
    """Augmentations move masks without making classes that are not there."""
    faults = [*boxes_and_masks.find_class_faults()]
    cause = "a mask that is interpolated as a picture"
    require(not faults, "; ".join(faults[:2]), "the classes of the mask", cause)


def test_videos(tmp_path: Path) -> None:
    """OpenCV reads the videos that it wrote."""
    faults = [*videos.find_video_faults(tmp_path)]
    cause = "an OpenCV built or switched without FFmpeg"
    require(not faults, "; ".join(faults[:2]), "the frames that were written", cause)


def test_seeded_augmentations() -> None:
    """A seed leads to the same pictures each time, also through compositions of compositions."""
    faults = [*seeded.find_seed_faults()]
    more = f" ({len(faults)} faults)" if len(faults) > 2 else ""
    cause = "a seed that does not reach all augmentations"
    require(not faults, f"{'; '.join(faults[:2])}{more}", "pictures that follow from it", cause)


def test_challenge(nonce: str, answer: Answers) -> None:
    """A picture is cropped, mirrored and framed, and its colours are swapped.

    Both OpenCV and torchvision do it.
    """
    picture = np.array(questions.draw_picture(nonce), dtype=np.uint8).reshape(questions.PICTURE)
    rows = slice(questions.TOP, questions.TOP + questions.HEIGHT)
    columns = slice(questions.LEFT, questions.LEFT + questions.WIDTH)
    mirrored = cv2.flip(picture[rows, columns], 1)
    frame = (questions.BORDER,) * 4
    framed = cv2.copyMakeBorder(mirrored, *frame, cv2.BORDER_REFLECT_101)
    answer("opencv", cv2.cvtColor(framed, cv2.COLOR_BGR2RGB).ravel().tolist())
    tensor = torch.from_numpy(picture).permute(2, 0, 1)
    cropped = functional.crop(
        tensor, questions.TOP, questions.LEFT, questions.HEIGHT, questions.WIDTH
    )
    padded = functional.pad(functional.hflip(cropped), [questions.BORDER], padding_mode="reflect")
    answer("torchvision", padded.flip(0).permute(1, 2, 0).flatten().tolist())
