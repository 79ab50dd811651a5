"""Programs with torchaudio: its functions and transforms on batches of unlike waves."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import torch

from ... import pool
from ..families import Family
from ..telling import attempt

RATE = 8000


def make_waves() -> torch.Tensor:
    """Return two loud channels and two of which one is nearly silent, with unlike tones."""
    times = torch.arange(1200) / RATE
    generator = torch.Generator().manual_seed(pool.SEED)
    noise = torch.rand(4, 1200, generator=generator) - 0.5
    tones = torch.stack([torch.sin(times * each * 6.28) for each in (220, 440, 700, 1500)])
    levels = torch.tensor([0.8, 0.4, 0.02, 0.0005])[:, None]
    return ((tones + 0.2 * noise) * levels).reshape(2, 2, 1200)


SLOW = ("flanger", "phaser")


FILTERS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("allpass_biquad", "band_biquad", "bandpass_biquad"), (RATE, 900.0)),
    **dict.fromkeys(("bandreject_biquad", "highpass_biquad", "lowpass_biquad"), (RATE, 900.0)),
    **dict.fromkeys(("bass_biquad", "treble_biquad"), (RATE, 6.0)),
    **dict.fromkeys(("deemph_biquad", "riaa_biquad"), (44100,)),
    **dict.fromkeys(("lfilter", "filtfilt"), (torch.tensor([1, -0.4, 0.1]), torch.ones(3) / 4)),
    **dict.fromkeys(("convolve", "fftconvolve"), (torch.ones(2, 2, 5),)),
    **dict.fromkeys(("contrast", "gain", "overdrive", "dither", "preemphasis", "deemphasis"), ()),
    **{"biquad": (0.6, 0.2, 0.1, 1.0, -0.4, 0.2), "equalizer_biquad": (RATE, 900.0, 5.0)},
    **{"dcshift": (0.3,), "flanger": (RATE,), "phaser": (RATE,), "mu_law_encoding": (64,)},
    **{"vad": (RATE, 0.2, 0.02, 0.05, 0.02), "resample": (RATE, 6000), "loudness": (2400,)},
    "spectral_centroid": (RATE, 0, torch.hann_window(64), 64, 32, 64),
    **{"detect_pitch_frequency": (RATE, 0.01, 8), "sliding_window_cmn": (60,)},
    "add_noise": (make_waves().flip(0, 2), torch.tensor([[3.0, 10.0], [0.0, 20.0]])),
    **{"compute_deltas": (), "speed": (RATE, 1.25), "pitch_shift": (RATE, 12)},
}


def filter_waves(name: str, **options: Any) -> Any:
    """Return what a function makes of a batch of waves, of one wave, and of other types."""
    function = getattr(importlib.import_module("torchaudio.functional"), name)
    values = [each.clone() if isinstance(each, torch.Tensor) else each for each in FILTERS[name]]
    waves = make_waves()[..., : 200 if name in SLOW else None]
    waves.requires_grad_(name not in ("vad", "dither", *SLOW))
    pool.set_seeds()
    given = function(waves, *values, **options)
    results: list[Any] = [level_parts(given)]
    first = given[0] if isinstance(given, tuple) else given
    if isinstance(first, torch.Tensor) and first.requires_grad:
        first.square().sum().backward()
        results.append(level_parts(waves.grad))
    waves = waves.detach()
    if name not in ("add_noise", "convolve", "fftconvolve", "loudness"):
        for other in (waves[0, 0, :800], waves[:, :1, :500].double()):
            pool.set_seeds()
            results.append(level_parts(attempt(function, other, *values, **options)))
    return [*results, waves]


def level_parts(given: Any) -> Any:
    """Return a batch with each part on a scale of its own, and the scales.

    So a loud part hides no silent one.
    """
    if isinstance(given, list | tuple):
        return [level_parts(each) for each in given]
    if not isinstance(given, torch.Tensor) or given.numel() <= 60:
        return given
    plain = torch.view_as_real(given) if given.is_complex() else given
    rows = plain.detach().reshape(-1, *plain.shape[2:]) if plain.dim() > 2 else plain.detach()[None]
    rows = rows.reshape(rows.shape[0], -1).double()
    level = rows.abs().mean(1, keepdim=True) + 1e-9
    return [given.shape, str(given.dtype), level.log(), rows / level, (rows / level).std(1)]


TRANSFORMS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(("MuLawEncoding", "MuLawDecoding", "Spectrogram"), (64,)),
    **dict.fromkeys(("AmplitudeToDB", "ComputeDeltas", "Preemphasis", "Deemphasis", "PSD"), ()),
    **{"MelSpectrogram": (RATE, 64), "MFCC": (RATE, 8), "LFCC": (RATE, 16, 0.0, None, 8)},
    **{"GriffinLim": (64, 3), "InverseSpectrogram": (64,), "MelScale": (16, RATE, 0.0, None, 33)},
    **{"InverseMelScale": (33, 16, RATE), "Resample": (RATE, 6000), "TimeStretch": (20, 33, 1.3)},
    **{"Fade": (100, 200), "FrequencyMasking": (8,), "TimeMasking": (8,), "Vol": (0.5,)},
    **{"SpecAugment": (2, 6, 2, 6), "SlidingWindowCmn": (20,), "SpectralCentroid": (RATE, 64)},
    **{"Vad": (RATE, 0.2, 0.02, 0.05, 0.02), "PitchShift": (RATE, 12), "Loudness": (2400,)},
    **{"Speed": (RATE, 1.25), "SpeedPerturbation": (RATE, [0.9, 1.1])},
}
OF_COMPLEX = ("InverseSpectrogram", "TimeStretch", "PSD")


OF_POWER = (
    *("AmplitudeToDB", "GriffinLim", "InverseMelScale", "MelScale", "FrequencyMasking"),
    *("TimeMasking", "SpecAugment", "ComputeDeltas", "SlidingWindowCmn"),
)


OWN_SIZES: dict[str, dict[str, Any]] = {
    "MFCC": {"melkwargs": {"n_fft": 64, "n_mels": 12}},
    "LFCC": {"speckwargs": {"n_fft": 64}},
    "MelSpectrogram": {"n_mels": 12},
    "GriffinLim": {"rand_init": False},
}


def make_input(name: str) -> torch.Tensor:
    """Return waves, spectra or numbers, as a transform takes them."""
    waves, window = make_waves(), torch.hann_window(64)
    if name == "MuLawDecoding":
        return (waves.abs() * 60).long()
    spectrum = torch.stft(waves.reshape(4, -1), 64, return_complex=True, window=window)
    spectrum = spectrum.reshape(2, 2, *spectrum.shape[-2:])
    power = spectrum.abs().square()[..., : 16 if name == "InverseMelScale" else None, :]
    return spectrum if name in OF_COMPLEX else power if name in OF_POWER else waves


def transform_waves(name: str, **options: Any) -> Any:
    """Return what a transform makes of a batch and of one wave, twice, and its state in a copy."""
    kind = getattr(importlib.import_module("torchaudio.transforms"), name)
    values, own = TRANSFORMS[name], {**OWN_SIZES.get(name, {}), **options}
    made, inputs = kind(*values, **own), make_input(name)
    results: list[Any] = []
    for given in (inputs, inputs, inputs[0], inputs[1, 1]):
        pool.set_seeds()
        results.append(level_parts(attempt(made, given)))
    torch.save(made.state_dict(), "state.pt")
    other = kind(*values, **own)
    attempt(other.load_state_dict, torch.load("state.pt"))
    pool.set_seeds()
    double = inputs.to(torch.complex128) if inputs.is_complex() else inputs.double()
    results.append(level_parts(attempt(other.double(), double)))
    return [*results, [*made.state_dict()], [level_parts(each) for each in made.buffers()]]


def find_options(
    home: str, table: dict[str, tuple[Any, ...]], name: str, first: int
) -> dict[str, Any]:
    """Return the options of a function or class, with values that others are derived from."""
    name = name.partition(",")[0].strip("'")
    called = getattr(importlib.import_module(home), name)
    parameters = [*inspect.signature(called).parameters.values()][first + len(table[name]) :]
    return {
        each.name: each.default
        for each in parameters
        if each.default is not each.empty
        and isinstance(each.default, bool | int | float | str | None)
    }


def measure_levels(multiplier: float = 10.0, top_db: float = 60.0, amin: float = 1e-10) -> Any:
    """Return decibels of batches whose parts are of unlike loudness, and the way back."""
    audio = importlib.import_module("torchaudio.functional")
    power = torch.stft(make_waves().reshape(4, -1), 64, return_complex=True, window=torch.ones(64))
    power = power.abs().square()
    shapes = (power, power.reshape(2, 2, *power.shape[1:]), power[3], power[:, None], power[None])
    results: list[Any] = []
    for each in shapes:
        for most in (top_db, None):
            given = audio.amplitude_to_DB(each, multiplier, amin, 0.3, most)
            results += [given, level_parts(audio.DB_to_amplitude(given, 0.5, 0.5))]
    return results


def mask_waves(kind: str, p: float = 1.0, value: float = 0.0) -> Any:
    """Return what masks hide in batches, alike for all and of each, and with limits."""
    audio = importlib.import_module("torchaudio.functional")
    rows = torch.arange(2 * 2 * 12 * 15).reshape(2, 2, 12, 15) / 100 + 1
    results: list[Any] = []
    for axis in (2, 3) if kind == "iid" else (1, 2, 3):
        for size in (0, 4, 30):
            pool.set_seeds()
            if kind == "iid":
                results.append(audio.mask_along_axis_iid(rows, size, value, axis, p))
                continue
            one = rows if axis > 1 else rows[0]
            results.append(attempt(audio.mask_along_axis, one, size, value, axis, p))
            results.append(attempt(audio.mask_along_axis, one[0], size, value, axis - 1, p))
    return [[each, each == value] for each in results]


def imitate_kaldi(kind: str, **options: Any) -> Any:
    """Return features as Kaldi makes them."""
    kaldi = importlib.import_module("torchaudio.compliance.kaldi")
    waves = make_waves().reshape(4, -1) * 1000
    options = {"sample_frequency": float(RATE), "frame_length": 20.0, **options}
    results = []
    for channel in (0, 2):
        pool.set_seeds()
        results.append(level_parts(getattr(kaldi, kind)(waves, channel=channel, **options)))
    return results


def find_kaldi(name: str) -> dict[str, Any]:
    """Return the options of a function of Kaldi."""
    home = importlib.import_module("torchaudio.compliance.kaldi")
    name = name.partition(",")[0].strip("'")
    return {
        key: each.default
        for key, each in inspect.signature(getattr(home, name)).parameters.items()
        if each.default is not each.empty and key not in ("channel", "sample_frequency")
    }


WORDS_OF_FILTERS = (
    *("'convolve',mode='same'", "'convolve',mode='valid'", "'fftconvolve',mode='same'"),
    *("'fftconvolve',mode='valid'", "'resample',resampling_method='sinc_interp_kaiser'"),
    *("'dither',density_function='RPDF'", "'dither',density_function='GPDF'"),
    *("'dither',noise_shaping=True", "'flanger',modulation='triangular'"),
    *("'flanger',interpolation='quadratic'", "'phaser',sinusoidal=False"),
    *("'compute_deltas',mode='reflect'", "'lfilter',clamp=False", "'gain',gain_db=-4.0"),
    *("'sliding_window_cmn',norm_vars=True,center=True", "'bass_biquad',Q=0.3"),
)
WORDS_OF_TRANSFORMS = (
    *("'MelSpectrogram',mel_scale='slaney',norm='slaney'", "'Spectrogram',power=None"),
    *("'Spectrogram',normalized='frame_length'", "'Spectrogram',pad_mode='constant'"),
    *("'Spectrogram',normalized=True,onesided=False", "'AmplitudeToDB',stype='magnitude'"),
    *("'AmplitudeToDB',top_db=20.0", "'AmplitudeToDB',stype='magnitude',top_db=30.0"),
    *(f"'Fade',fade_shape='{each}'" for each in ("exponential", "logarithmic", "half_sine")),
    *("'Fade',fade_shape='quarter_sine'", "'Vol',gain_type='db'", "'Vol',gain_type='power'"),
    *("'MFCC',log_mels=True", "'MFCC',norm=None", "'LFCC',log_lf=True", "'LFCC',norm=None"),
    *("'ComputeDeltas',mode='reflect'", "'MelScale',mel_scale='slaney',norm='slaney'"),
    *("'Resample',resampling_method='sinc_interp_kaiser'", "'FrequencyMasking',iid_masks=True"),
    *("'TimeMasking',iid_masks=True", "'SlidingWindowCmn',norm_vars=True"),
    *("'InverseMelScale',mel_scale='slaney'", "'GriffinLim',momentum=0.0,power=1.0"),
)
WORDS_OF_KALDI = (
    *(f"'fbank',window_type='{each}'" for each in ("hamming", "hanning", "rectangular")),
    *("'fbank',window_type='blackman'", "'mfcc',use_energy=True,htk_compat=True"),
    *("'fbank',use_energy=True,raw_energy=False", "'fbank',use_log_fbank=False,use_power=False"),
    *("'fbank',snip_edges=False,dither=1.0", "'spectrogram',subtract_mean=True"),
)
"""Options whose values are words, and those that change something only together."""

OF_TORCHAUDIO = (
    Family(
        filter_waves,
        lambda: [*FILTERS, *WORDS_OF_FILTERS],
        lambda name: find_options("torchaudio.functional", FILTERS, name, 1),
    ),
    Family(
        transform_waves,
        lambda: [*TRANSFORMS, *WORDS_OF_TRANSFORMS],
        lambda name: find_options("torchaudio.transforms", TRANSFORMS, name, 0),
    ),
    Family(
        measure_levels, lambda: [""], lambda _: {"multiplier": 10.0, "top_db": 60.0, "amin": 1e-10}
    ),
    Family(mask_waves, lambda: ["iid", "alike"], lambda _: {"p": 1.0, "value": 0.0}),
    Family(imitate_kaldi, lambda: ["spectrogram", "fbank", "mfcc", *WORDS_OF_KALDI], find_kaldi),
)
