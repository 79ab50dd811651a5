"""Videos that OpenCV wrote, read again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

FRAMES, RATE_HZ, HEIGHT, WIDTH = 8, 10.0, 64, 96
LEVELS = 12.0
"""Mean difference allowed of a frame, of 255: videos are compressed with a loss."""

FORMATS = (("avi", "MJPG"), ("mp4", "mp4v"), ("mkv", "mp4v"))
"""The container and the codec: all are in FFmpeg without further libraries."""


def draw_frame(number: int) -> Any:
    """Return a bar that moves over a ramp: (rows, columns, 3) bytes."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    frame = np.stack([rows * 2, columns, 60 + 0 * rows], axis=-1).astype(np.uint8)
    frame[:, number * 10 : number * 10 + 16] = 220
    return frame


def find_video_faults(folder: Path) -> Iterator[str]:
    """Yield each format of videos that cannot be written, or whose frames are others."""
    backends = {
        cv2.videoio_registry.getBackendName(each) for each in cv2.videoio_registry.getBackends()
    }
    if "FFMPEG" not in backends:
        found = ", ".join(sorted(backends)) or "nothing"
        yield f"OpenCV reads videos with {found}, not with FFMPEG"
    for container, codec in FORMATS:
        path, what = str(folder / f"video.{container}"), f"{codec} in {container}"
        code = cv2.VideoWriter.fourcc(*codec)
        writer = cv2.VideoWriter(path, cv2.CAP_FFMPEG, code, RATE_HZ, (WIDTH, HEIGHT))
        if not writer.isOpened():
            yield f"OpenCV cannot write {what}"
            continue
        for number in range(FRAMES):
            writer.write(draw_frame(number))
        writer.release()
        reader, frames = cv2.VideoCapture(path), []
        while (got := reader.read())[0]:
            frames.append(got[1])
        rate = reader.get(cv2.CAP_PROP_FPS)
        reader.release()
        if len(frames) != FRAMES or abs(rate - RATE_HZ) > 0.01:
            yield f"{what} of {FRAMES} frames at {RATE_HZ:g} Hz has {len(frames)} at {rate:g} Hz"
            continue
        apart = [
            float(np.abs(each.astype(float) - draw_frame(number)).mean())
            for number, each in enumerate(frames)
        ]
        if max(apart) > LEVELS:
            yield f"frame {int(np.argmax(apart))} of {what} is off by {max(apart):.0f} grey levels"
