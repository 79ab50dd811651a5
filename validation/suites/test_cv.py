"""OpenCV and Albumentations feed a ResNet."""

from __future__ import annotations

import os

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # it would ask the network for a newer version while being imported

import albumentations
import cv2
import numpy as np
import torch
import torchvision

from validation.suites.expected import Expected
from validation.suites.training import require_trained, snapshot

SIZE = 64
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def test_jpeg_round_trip() -> None:
    """A smooth picture survives JPEG at quality 95 within a few grey levels."""
    ramp = np.linspace(0, 255, 96, dtype=np.uint8)
    picture = np.dstack([np.tile(ramp, (96, 1)), np.tile(ramp[:, None], (1, 96)), np.full((96, 96), 128, np.uint8)])
    encoded, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert encoded, "cv2.imencode cannot write JPEG"
    error = np.abs(cv2.imdecode(data, cv2.IMREAD_COLOR).astype(int) - picture).mean()
    assert error < 3, f"a picture read back from JPEG is off by {error:.1f} grey levels on average, limit 3"


def test_pipeline_values() -> None:
    """Flip and normalisation give the numbers that NumPy gives."""
    picture = _pictures(1)[0]
    steps = [albumentations.HorizontalFlip(p=1), albumentations.Normalize(MEAN, STD), albumentations.ToTensorV2()]
    got = albumentations.Compose(steps)(image=picture)["image"].numpy()
    wanted = ((picture[:, ::-1] / 255 - MEAN) / STD).transpose(2, 0, 1)
    error = float(np.abs(got - wanted).max())
    assert error < 1e-4, f"the augmented picture is off by {error:.2e} from the same steps in NumPy, limit 1e-4"


def test_augmented_resnet_trains(expected: Expected) -> None:
    """Three steps of a ResNet-18 on augmented pictures."""
    torch.manual_seed(0)
    steps = [
        albumentations.RandomCrop(SIZE, SIZE),
        albumentations.HorizontalFlip(p=0.5),
        albumentations.Normalize(MEAN, STD),
        albumentations.ToTensorV2(),
    ]
    pipeline = albumentations.Compose(steps, seed=0)
    model = torchvision.models.resnet18(weights=None, num_classes=10).to(expected.device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    before, losses = snapshot(model.parameters()), []
    for _ in range(3):
        images = torch.stack([pipeline(image=picture)["image"] for picture in _pictures(8)]).to(expected.device)
        assert tuple(images.shape) == (8, 3, SIZE, SIZE), f"the pipeline made {tuple(images.shape)}"
        loss = torch.nn.functional.cross_entropy(model(images), torch.arange(8, device=expected.device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.item()))
    require_trained(before, model.parameters(), losses)


def _pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 96, 96, 3), dtype=np.uint8)
