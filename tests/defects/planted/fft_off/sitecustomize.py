"""Fourier transforms run in the wrong direction: every result is conjugated."""

import torch

exact = torch.fft.rfft
torch.fft.rfft = lambda *arguments, **named: exact(*arguments, **named).conj().resolve_conj()
