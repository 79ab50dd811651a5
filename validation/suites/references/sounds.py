"""torchaudio's sounds against what a sine must be, for lines that have it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

RATES = ((16_000, 8_000), (8_000, 16_000), (44_100, 16_000))
TONE_HZ, LENGTH_S = 440.0, 0.2
HIGH_HZ, QUIET = 6000.0, 0.05
"""A tone above half of the new rate must be filtered out."""

EDGE = 200
"""Samples at both ends that a filter of finite length may change."""

LIMIT = 5e-3


def find_sound_faults() -> Iterator[str]:
    """Yield how a sine at another rate, or its spectrum, is not that of the sine."""
    import torchaudio  # newer lines have none

    high = _draw_sine(16_000, HIGH_HZ)
    kept = float(torchaudio.functional.resample(high, 16_000, 8_000)[EDGE:-EDGE].abs().max())
    if not kept <= QUIET:
        yield f"resample to 8000 Hz keeps a tone of {HIGH_HZ:.0f} Hz: it is {kept:.2f} loud"
    for old, new in RATES:
        got = torchaudio.functional.resample(_draw_sine(old), old, new)
        wanted = _draw_sine(new)
        if abs(len(got) - len(wanted)) > 1:
            yield f"resample from {old} to {new} Hz gives {len(got)} samples, not {len(wanted)}"
            continue
        middle = slice(EDGE, min(len(got), len(wanted)) - EDGE)
        apart = float((got[middle] - wanted[middle]).abs().max())
        if not apart <= LIMIT:
            yield f"resample from {old} to {new} Hz is off by {apart:.1e}"
    sine, size = _draw_sine(16_000), 400
    got = torchaudio.transforms.Spectrogram(n_fft=size, hop_length=size, center=False)(sine)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    frames = sine.numpy()[: len(sine) // size * size].reshape(-1, size) * window
    spectrum = np.abs(np.fft.rfft(frames)).T ** 2
    if got.shape != spectrum.shape or not np.allclose(got.numpy(), spectrum, rtol=1e-3, atol=1e-2):
        yield "Spectrogram is not the squared Fourier transform of each window"


def _draw_sine(rate: int, tone_hz: float = TONE_HZ) -> Any:
    times = torch.arange(int(rate * LENGTH_S), dtype=torch.float64) / rate
    return torch.sin(2 * np.pi * tone_hz * times).float()
