"""Programs with sums of torchaudio that are seldom used: many microphones, losses, odd options."""

from __future__ import annotations

import importlib
from typing import Any

from ... import pool
from ..families import Family
from ..steps import play_sums
from .of_voices import fill

BEAMS = """
w = ((torch.arange(1200.0).double() * 7919 % 1009) / 1009 - 0.5).reshape(3, 400)
s = F.spectrogram(w, 0, torch.hann_window(32).double(), 32, 16, 32, None, False)
p = F.spectrogram(w.flip(1) * 0.7, 0, torch.hann_window(32).double(), 32, 16, 32, None, False)
a, b = (fill(17, s.shape[-1]) * 0.4 + 0.5), (fill(17, s.shape[-1] + 3)[:, 3:] * 0.4 + 0.5)
ss, nn = F.psd(s, a), F.psd(p, b)
ss, nn, F.psd(s), F.psd(s, a, False), F.psd(s, a, eps=0.1), F.psd(s, a[:3])
F.psd(s, a[..., None])
u = torch.tensor([0.2, 0.5, 0.3])
for c in (0, 2, u, 'x', None):
    out += [tried(F.mvdr_weights_souden, ss, nn, c),
        tried(F.mvdr_weights_souden, ss, nn, c, False)]
    out += [tried(F.rtf_power, ss, nn, c), tried(F.rtf_power, ss, nn, c, 1),
        tried(F.rtf_power, ss, nn, c, 2, False)]
    out += [tried(F.mvdr_weights_rtf, F.rtf_power(ss, nn, 1), nn, c),
        tried(F.rtf_power, ss, nn, c, 6, True, 0.1)]
    out += [tried(F.mvdr_weights_rtf, F.rtf_power(ss, nn, 1), nn, c, False, 0.1, 0.2)]
F.rtf_power(ss, nn, 0, 0), F.rtf_evd(ss).abs(), F.rtf_evd(ss.real), F.rtf_evd(ss[..., :2])
F.mvdr_weights_souden(ss, nn, 0, True, 0.3, 0.4), F.mvdr_weights_souden(ss[0], nn[0], 0)
F.mvdr_weights_souden(ss.real, nn, 0)
F.mvdr_weights_souden(ss[:3], nn, 0), F.mvdr_weights_souden(ss[..., :2], nn[..., :2], 0)
r = F.rtf_power(ss, nn, 1)
F.mvdr_weights_rtf(r[0, 0], nn), F.mvdr_weights_rtf(r, nn[0]), F.mvdr_weights_rtf(r.real, nn)
F.mvdr_weights_rtf(r[:3], nn)
F.mvdr_weights_rtf(r, nn[..., :2]), F.apply_beamforming(r, s), F.apply_beamforming(r[None], s)
F.apply_beamforming(r.real, s)
for solution in ('ref_channel', 'stv_power', 'no'):
    for options in ({}, {'ref_channel': 1}, {'online': True}, {'multi_mask': True},
        {'diag_loading': False},
        {'diag_eps': 0.1}, {'multi_mask': True, 'online': True}):
        m = tried(T.MVDR, solution=solution, **options)
        masks = [each.expand(3, -1, -1) * torch.tensor([1, 0.5, 2])[:, None,
            None] if options.get('multi_mask') else each
            for each in (a, b)]
        for scale in (1, 0.5):
            out += [tried(m, s * scale, *masks), tried(m, s * scale, masks[0] / scale)]
        out.append([tried(getattr, m, name) for name in ('psd_s', 'psd_n', 'mask_sum_s',
            'mask_sum_n', 'solution')])
m = T.MVDR(solution='stv_evd')
m(s, a, b).abs(), m(s.real, a, b), m(s[0], a), m(s.cfloat(), a, b).dtype
T.MVDR(ref_channel=5)(s, a, b)
T.RTFMVDR()(s, r, nn, 1), T.RTFMVDR()(s, r, nn, u, False)
T.RTFMVDR()(s, r, nn, 1, True, 0.1, 0.2)
T.SoudenMVDR()(s, ss, nn, 1), T.SoudenMVDR()(s, ss, nn, u, False)
T.SoudenMVDR()(s, ss, nn, 1, True, 0.1, 0.2)
T.PSD()(s), T.PSD(True)(s, a.expand(3, -1, -1)), T.PSD(normalize=False)(s, a)
T.PSD(eps=0.5)(s, a), repr(T.PSD())
"""

LOSSES = """
x = fill(2, 4, 3, 5)
y = torch.tensor([[1, 2], [3, 0]], dtype=torch.int32)
n, k = torch.tensor([4, 3], dtype=torch.int32), torch.tensor([2, 1], dtype=torch.int32)
for options in ({}, {'blank': 4}, {'blank': -2}, {'clamp': 0.01}, {'reduction': 'sum'},
    {'reduction': 'none'},
    {'reduction': 'no'}, {'fused_log_softmax': False}, {'fused_log_softmax': False,
    'clamp': 0.05}):
    z = x.clone().requires_grad_()
    given = tried(F.rnnt_loss, z if options.get('fused_log_softmax', True) else z.log_softmax(-1),
        y, n, k, **options)
    out.append(given)
    out.append(tried(lambda: given.sum().backward()))
    out += [z.grad, tried(lambda: T.RNNTLoss(**options)(x, y, n, k))]
F.rnnt_loss(x, y.long(), n, k), F.rnnt_loss(x, y, n + 1, k), F.rnnt_loss(x[0], y, n, k)
F.rnnt_loss(x, y[:, :1], n, k)
F.rnnt_loss(x.half(), y, n, k), F.rnnt_loss(x, y, n, k[:1]), repr(T.RNNTLoss())
q = fill(1, 9, 5).log_softmax(-1)
for targets in ([[1, 2, 2]], [[3, 3]], [[1, 0]], [[7, 1]], [[4]]):
    for blank in (0, 4, 2):
        t = torch.tensor(targets, dtype=torch.int32)
        out += [tried(F.forced_align, q, t, blank=blank),
            tried(F.forced_align, q, t.long(), torch.tensor([9]), torch.tensor([len(targets[0])]),
            blank)]
given = F.forced_align(q, torch.tensor([[1, 2, 2]]))
spans = F.merge_tokens(given[0][0], given[1][0].exp())
[[each.token, each.start, each.end, each.score, len(each)] for each in spans]
[len(F.merge_tokens(given[0][0], given[1][0], blank)) for blank in (1, 2, 3)]
F.merge_tokens(given[0], given[1][0]), F.merge_tokens(given[0][0], given[1][0][:3])
F.forced_align(q[:, :2], torch.tensor([[1, 2, 2]])), F.forced_align(q[0], torch.tensor([[1]]))
F.forced_align(q, torch.tensor([1]))
F.forced_align(q.expand(2, -1, -1).contiguous(), torch.tensor([[1], [1]]))
F.forced_align(q, torch.tensor([[1]]), torch.tensor([7]))
[F.edit_distance(*each) for each in (('abc', 'abd'), ('', 'ab'), ('ab', ''),
    ('kitten', 'sitting'), ([1, 2], [2, 1]))]
c = fill(3, 3)
F.frechet_distance(fill(3), c @ c.T, fill(3) + 0.3, c.T @ c + torch.eye(3))
F.frechet_distance(c, c, c, c)
F.frechet_distance(fill(3), fill(3), fill(3), c), F.frechet_distance(fill(3), c, fill(2), c)
F.frechet_distance(fill(3), c, fill(3), c[:2])
F.frechet_distance(fill(2), c, fill(2), c), F.frechet_distance(fill(3), c @ c.T, fill(3), c @ c.T)
"""

RARE = """
w = fill(2, 600)
h = torch.hann_window(32)
for norm in ('window', 'frame_length', True, False, 'no', 3):
    s = tried(F.spectrogram, w, 4, h, 32, 16, 32, None, norm)
    out += [s, tried(F.spectrogram, w, 4, h, 32, 16, 32, 1.0, norm),
        tried(F.inverse_spectrogram, s, 600, 4, h, 32, 16, 32, norm)]
s = F.spectrogram(w, 0, h, 32, 16, 32, None, False)
for options in ({'center': False}, {'pad_mode': 'constant'}, {'onesided': False},
    {'center': False, 'onesided': False}):
    given = tried(F.spectrogram, w, 0, h, 32, 8, 32, None, False, **options)
    out += [given, tried(F.inverse_spectrogram, given, None, 0, h, 32, 8, 32, False, **options)]
F.spectrogram(w, 0, h, 32, 16, 32, 2.0, False, return_complex=True)
F.inverse_spectrogram(s.abs(), 600, 0, h, 32, 16, 32, False)
F.inverse_spectrogram(s, None, 3, h, 32, 16, 32, False)
F.inverse_spectrogram(s, 100, 0, h, 32, 16, 32, False)
seed(2)
F.griffinlim(s.abs(), h, 32, 16, 32, 1.0, 3, 0.5, 600, True)
F.griffinlim(s.abs(), h, 32, 16, 32, 2.0, 3, 0.0, None, False)
F.griffinlim(s.abs(), h, 32, 16, 32, 1.0, 3, 1.0, 600, True)
F.griffinlim(s.abs(), h, 32, 16, 32, 1.0, 3, -0.1, 600, True)
F.melscale_fbanks(9, 0.0, 4000.0, 4, 8000, norm='no')
F.melscale_fbanks(9, 0.0, 4000.0, 4, 8000, mel_scale='no')
F.melscale_fbanks(9, 10.0, 4000.0, 5, 8000, 'slaney', 'slaney')
F.linear_fbanks(9, 0.0, 4000.0, 4, 8000), F.create_dct(3, 5, 'no')
F.create_dct(3, 5, None), F.create_dct(3, 5, 'ortho'), F.DB_to_amplitude(w[0, :9], 2.0, 0.5)
F.amplitude_to_DB(w[None, :, :9].abs(), 20, 1e-3, 0.2, 5.0)
F.amplitude_to_DB(w[:, :9].abs(), 10, 1e-3, 0.2)
F.mu_law_decoding(F.mu_law_encoding(w[0, :20], 16), 16), F.mu_law_encoding(torch.arange(3), 8)
F.phase_vocoder(s, 1.3, torch.linspace(0, 25, 17)[:, None])
F.phase_vocoder(s, 1.0, torch.linspace(0, 25, 17)[:, None]).shape
x = fill(1, 2, 8, 9)
for axis in (0, 1, 2, 3):
    seed(3)
    out += [tried(F.mask_along_axis, x, 4, 0.5, axis),
        tried(F.mask_along_axis_iid, x, 4, 0.5, axis)]
    out += [tried(F.mask_along_axis, x, 4, 0.5, axis, 0.3),
        tried(F.mask_along_axis_iid, x, 0, 0.5, axis, 0.2)]
F.mask_along_axis(fill(4), 2, 0.0, 0), F.mask_along_axis_iid(x[0, 0], 2, 0.0, 1)
F.mask_along_axis(x[0, 0], 2, 0.0, 1)
for method in ('sinc_interpolation', 'kaiser_window', 'sinc_interp_kaiser', 'no'):
    out += [tried(F.resample, w, 8, 6, 4, 0.9, method, 5.0),
        tried(F.resample, w, 8, 6, 0, 0.9, method)]
F.resample(w, 8.5, 6), F.resample(w, 0, 6), F.resample(w, 8, 8) is w, F.resample(w.long(), 8, 6)
F.resample(w, 3, 5, 2)
F.loudness(fill(6, 4000), 8000), F.loudness(fill(5, 4000), 8000), F.loudness(fill(4000), 8000)
F.loudness(fill(1, 20), 8000)
F.convolve(w, w[:, :5], 'no'), F.fftconvolve(w, w[0, :5])
F.convolve(w[None], fill(3, 1, 4), 'full').shape, F.convolve(w, fill(3, 4))
F.fftconvolve(w, w[:, :5], 'no'), F.fftconvolve(fill(2, 1, 9), fill(1, 3, 4), 'same')
F.convolve(fill(2, 1, 9), fill(1, 3, 4), 'valid')
F.add_noise(w, w[:1], torch.ones(2)), F.add_noise(w, w[:, :9], torch.ones(2))
F.add_noise(w, w.flip(1), torch.tensor([1.0, 9.0]), torch.tensor([300, 600]))
T.AddNoise()(w, w.flip(1), torch.tensor([1.0, 9.0]))
T.AddNoise()(w, w.flip(1), torch.tensor([1.0, 9.0]), torch.tensor([300, 600]))
F.speed(w, 8, 1.25, torch.tensor([600, 300])), F.speed(w, 8, 0.8)
T.Speed(8, 0.8)(w, torch.tensor([600, 300]))
seed(2)
m = T.SpeedPerturbation(8, [0.9, 1.1, 1.0])
m(w), m(w, torch.tensor([600, 300])), m(w), m.speeders
F.contrast(w, -1), F.contrast(w, 101), F.contrast(w, 0.0), F.dcshift(w, 0.3, 0.1)
F.dcshift(w, -0.3, 0.1), F.dcshift(w, -0.2), F.gain(w, 0) is w
[F.deemph_biquad(w, rate) for rate in (44100, 48000)], F.deemph_biquad(w, 8000)
[F.riaa_biquad(w, rate) for rate in (44100, 48000, 88200, 96000)]
F.riaa_biquad(w, 8000), F.flanger(w, 8000, modulation='no')
F.flanger(w, 8000, interpolation='no'), F.flanger(fill(5, 99), 8000)
F.lfilter(w, fill(3) + 2, fill(2)), F.lfilter(w, torch.tensor(2.0), torch.tensor(1.0))
F.lfilter(w, fill(3, 3) + 2, fill(3, 3)), F.lfilter(torch.tensor(1.0), fill(2, 3) + 2, fill(2, 3))
F.lfilter(w, fill(2, 3) + 2, fill(2, 3))
F.lfilter(w, fill(2, 3) + 2, fill(2, 3), batching=False)
F.filtfilt(w, fill(3) + 2, fill(3), False)
F.lfilter(w, torch.tensor([1.0, 0.4, -0.2]), torch.tensor([0.3, 0.2, 0.9]), True)
F.lfilter(w.double(), fill(3).double() + 2, fill(3).double())
T.GriffinLim(momentum=1.0), T.AmplitudeToDB(top_db=-1.0), T.MelScale(4, 8000, 5000.0)
T.InverseMelScale(9, 4, 8000, 5000.0), T.InverseMelScale(9, 4, 8000, driver='no')
T.InverseMelScale(9, 4, 8000)(fill(5, 3)), T.MFCC(dct_type=3)
T.MFCC(8000, 50, melkwargs={'n_mels': 40}), T.LFCC(dct_type=1)
T.LFCC(8000, 9, 60, speckwargs={'n_fft': 16})
T.TimeStretch(16, 17)(s), T.TimeStretch(16, 17)(s, 0.8), T.TimeStretch(16, 17, 1.2)(s)
T.TimeStretch(16, 17, 1.2)(s, 0.7), T.TimeStretch(16, 17, 1.2)(s.abs())
T.TimeMasking(4, p=1.5), T.Vol(-1.0), T.Vol(-1.0, 'db')(w), T.Vol(0.0, 'power')
T.Vol(2.0, 'no')(w)
for options in ({}, {'iid_masks': True}, {'p': 0.2}, {'zero_masking': True}, {'p': 1.5}):
    seed(3)
    out.append(tried(lambda: T.SpecAugment(2, 3, 1, 4, **options)(x)))
F.sliding_window_cmn(fill(1, 30, 3), 8, 4, True, True)
F.sliding_window_cmn(fill(1, 30, 3), 8, 4, False, True), F.sliding_window_cmn(fill(30, 3), 90)
"""

LISTS = {"beams": BEAMS, "losses": LOSSES, "rare": RARE}


def use_sums(name: str) -> list[Any]:
    """Return what the lines of a list with rare parts give."""
    pool.set_seeds()
    home = importlib.import_module("torchaudio")
    return play_sums(LISTS[name], F=home.functional, T=home.transforms, fill=fill)


OF_BEAMS = (Family(use_sums, lambda: [*LISTS], lambda _: None),)
