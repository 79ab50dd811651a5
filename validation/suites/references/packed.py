"""Recurrent layers on sequences of several lengths, which torch packs, orders and pads."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch.nn.utils import rnn

from . import recurrent
from .operators import measure_difference

LENGTHS = (4, 1, 3)
"""In every order. One of them is not its own inverse: what is put back the wrong way is seen."""

FEATURES, HIDDEN, LAYERS, PROJECTED = 2, 4, 2, 3
LIMIT = 1e-9
PADDING = -7.0


def find_packing_faults(device: str) -> Iterator[str]:
    """Yield how packed sequences are not what each of them is alone."""
    for lengths in itertools.permutations(LENGTHS):
        yield from find_padding_faults(lengths, device)
        for kind, first, both in itertools.product(recurrent.STEPS, (False, True), (False, True)):
            options = {"batch_first": first, "bidirectional": both}
            yield from find_recurrent_faults(kind, options, lengths, device)
            if kind == "LSTM":
                yield from find_recurrent_faults(
                    kind, {**options, "proj_size": PROJECTED}, lengths, device
                )


def find_recurrent_faults(
    kind: str, options: dict[str, Any], lengths: tuple[int, ...], device: str
) -> Iterator[str]:
    """Yield how a layer gives for packed sequences something else than for each alone."""
    torch.manual_seed(0)
    layer = getattr(torch.nn, kind)(FEATURES, HIDDEN, LAYERS, **options).to(device, torch.float64)
    sequences, rows = draw_sequences(lengths, device), LAYERS * (1 + options["bidirectional"])
    sizes = [options.get("proj_size") or HIDDEN, *[HIDDEN] * (kind == "LSTM")]
    shapes = [(rows, len(lengths), size) for size in sizes]
    starts = [torch.rand(shape, dtype=torch.float64).to(device) for shape in shapes]
    state = {
        **vars(layer),
        **{name: each.detach().cpu().numpy() for name, each in layer.named_parameters()},
    }
    for given in (None, starts):
        packed = rnn.pack_sequence(sequences, enforce_sorted=[*lengths] == sorted(lengths)[::-1])
        start = given and (tuple(given) if kind == "LSTM" else given[0])
        with torch.no_grad():
            outputs, ends = layer(packed, start)
        padded, _ = rnn.pad_packed_sequence(outputs)
        ends = ends if kind == "LSTM" else (ends,)
        for at, sequence in enumerate(sequences):
            own = given and [each[:, at].cpu().numpy() for each in given]
            wanted, last = recurrent.run_layers(kind, state, sequence.cpu().numpy(), own)
            aparts = {
                "outputs": measure_difference(padded[: len(wanted), at], wanted),
                "last states": measure_difference(
                    [each[:, at] for each in ends], last if kind == "LSTM" else [last]
                ),
            }
            for what, apart in aparts.items():
                if not apart <= LIMIT:
                    begun = "a given state" if given else "zeros"
                    yield (
                        f"{kind}({options}) from {begun} gives for sequence {at} of the packed "
                        f"lengths {[*lengths]} {what} that are off by {apart:.1e}"
                    )


def draw_sequences(lengths: tuple[int, ...], device: str) -> list[Any]:
    """Return a sequence of each length."""
    generator = torch.Generator().manual_seed(1)
    shapes = [(length, FEATURES) for length in lengths]
    drawn = (torch.rand(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return [each.to(device) for each in drawn]


def find_padding_faults(lengths: tuple[int, ...], device: str) -> Iterator[str]:
    """Yield how packing, padding and their inverses do not keep the sequences."""
    sequences, whole = draw_sequences(lengths, device), max(lengths) + 1
    order = sorted(range(len(lengths)), key=lambda at: -lengths[at])
    steps = [[at for at in order if lengths[at] > time] for time in range(max(lengths))]
    data = [sequences[at][time] for time, there in enumerate(steps) for at in there]
    wanted = np.full((len(lengths), whole, FEATURES), PADDING)
    for row, sequence in zip(wanted, sequences, strict=True):
        row[: len(sequence)] = sequence.cpu().numpy()
    for first in (False, True):
        padded = rnn.pad_sequence(sequences, first, PADDING)
        packed = rnn.pack_padded_sequence(
            padded, torch.tensor(lengths), first, enforce_sorted=False
        )
        again, counts = rnn.pad_packed_sequence(packed, first, PADDING, whole)
        shown = wanted if first else np.swapaxes(wanted, 0, 1)
        short = wanted[:, :-1] if first else np.swapaxes(wanted, 0, 1)[:-1]
        ends = torch.tensor(lengths)
        parts = rnn.unpad_sequence(padded.clone(), ends, first)  # it turns what it is given
        pairs = (
            ("pad_sequence", padded, short),
            ("pack_padded_sequence", packed.data, torch.stack(data)),
            ("the sizes of pack_padded_sequence", packed.batch_sizes, np.array([*map(len, steps)])),
            ("pad_packed_sequence", again, shown),
            ("the lengths of pad_packed_sequence", counts, np.array(lengths)),
            ("unpack_sequence", rnn.unpack_sequence(packed), sequences),
            ("unpad_sequence", parts, sequences),
        )
        for name, got, right in pairs:
            if apart := measure_difference(got, right):
                label = f"{name} of the lengths {[*lengths]} with batch_first={first}"
                yield f"{label} is off by {apart:.1e}"
