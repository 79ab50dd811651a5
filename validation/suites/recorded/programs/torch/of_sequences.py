"""Programs with sequences: packed ones, recurrent networks, attention and transformers."""

from __future__ import annotations

import copy
from typing import Any

import torch

from ... import pool
from ..families import Family
from ..telling import attempt

LENGTHS = ([4, 2, 1], [2, 4, 3])


def make_rows(batch: int = 3, steps: int = 4, width: int = 4) -> torch.Tensor:
    """Return sequences."""
    generator = torch.Generator().manual_seed(batch + steps)
    return torch.randn(batch, steps, width, generator=generator)


def run_recurrent(name: str, **options: Any) -> Any:
    """Return what a recurrent network gives for plain, packed and single sequences."""
    options = {"hidden_size": 3, **options}
    net = getattr(torch.nn, name)(4, **options)
    first = bool(options.get("batch_first"))
    rows = make_rows() if first else make_rows().transpose(0, 1)
    rows.requires_grad_()
    results: list[Any] = [net(rows), repr(net), [n for n, _ in net.named_parameters()]]
    state = results[0][1]
    results += [net(rows * 2, state), net(make_rows()[0]), len(net.all_weights)]
    for lengths in LENGTHS:
        packed = torch.nn.utils.rnn.pack_padded_sequence(
            rows, torch.tensor(lengths), batch_first=first, enforce_sorted=lengths == LENGTHS[0]
        )
        given, last = net(packed)
        padded = torch.nn.utils.rnn.pad_packed_sequence(given, batch_first=first, padding_value=9.0)
        again, _ = net(packed, state)
        results += [given.data, given.batch_sizes, last, padded, again.data]
    total = sum(each.square().sum() for each in (results[0][0], padded[0]))
    total.backward()
    results += [rows.grad, [p.grad for p in net.parameters()]]
    other = copy.deepcopy(net).eval().double()
    results += [other(rows.detach().double())]
    wrong = (rows[..., :2], rows[0, 0], rows[None], rows.double())
    results += [attempt(net, each) for each in wrong]
    results += [attempt(net, rows, torch.ones(1, 2, 3)), attempt(net, rows, (torch.ones(1),))]
    net.flatten_parameters()
    return results


def run_cells(name: str, bias: bool = True, nonlinearity: str = "tanh") -> Any:
    """Return what a cell gives with and without a state, and what it refuses."""
    options: dict[str, Any] = {"nonlinearity": nonlinearity} if name == "RNNCell" else {}
    cell = getattr(torch.nn, name)(4, 3, bias=bias, **options)
    rows = make_rows()
    results = [cell(rows[0]), cell(rows[0, 0]), repr(cell)]
    state = results[0]
    for step in range(3):
        state = cell(rows[1], state)
        results.append([step, state])
    refused = (rows, rows[0, :, :2])
    results += [attempt(cell, each) for each in refused]
    results += [attempt(cell, rows[0], (torch.ones(1, 1, 1),) * 2)]
    return results


def pack_sequences(batch_first: bool = False, enforce_sorted: bool = True) -> Any:
    """Return packed sequences in all their forms, and what is padded from them."""
    rnn = torch.nn.utils.rnn
    parts = [make_rows(1, length, 2)[0] for length in (4, 3, 1)]
    packed = rnn.pack_sequence(parts if enforce_sorted else parts[::-1], enforce_sorted)
    results: list[Any] = [[*packed], packed.is_cuda, packed.is_pinned()]
    for moved in (
        packed.double(),
        packed.half(),
        packed.to(torch.float64),
        packed.int(),
        packed.cpu(),
    ):
        results.append(
            [moved.data, moved.batch_sizes, moved.sorted_indices, moved.unsorted_indices]
        )
    for total in (None, 6):
        results.append(rnn.pad_packed_sequence(packed, batch_first, -1.0, total))
    results.append(attempt(rnn.pad_packed_sequence, packed, batch_first, 0.0, 2))
    for side in ("right", "left"):
        results.append(rnn.pad_sequence(parts, batch_first, 5.0, side))
    padded = rnn.pad_sequence(parts, batch_first)
    results.append(rnn.unpad_sequence(padded, torch.tensor([4, 3, 1]), batch_first))
    results.append(rnn.unpack_sequence(packed))
    results.append(attempt(rnn.pack_sequence, parts[::-1]))
    results.append(attempt(rnn.pack_padded_sequence, padded, [0, 1, 1], batch_first))
    results.append(attempt(rnn.pack_padded_sequence, padded, [3, 1], batch_first))
    return results


OF_RECURRENT: dict[str, Any] = {
    "num_layers": 1,
    "bias": True,
    "batch_first": False,
    "dropout": 0.0,
    "bidirectional": False,
}


def find_recurrent(name: str) -> dict[str, Any]:
    """Return the options of a recurrent network."""
    own: dict[str, dict[str, Any]] = {"'RNN'": {"nonlinearity": None}, "'LSTM'": {"proj_size": 1}}
    return {**OF_RECURRENT, **own.get(name.partition(",")[0], {})}


def attend(mode: str, **options: Any) -> Any:
    """Return what attention gives with masks of each kind, and its gradients in training."""
    options = {"dropout": 0.0, **options}
    net = torch.nn.MultiheadAttention(4, 2, **options).train(mode != "eval")
    wide = [make_rows(3, 5, options.get(key) or 4) for key in ("kdim", "vdim")]
    padding = torch.tensor([[0, 0, 0, 0, 1], [0, 0, 0, 1, 1], [0, 0, 0, 0, 0]]).bool()
    mask = torch.ones(4, 5).triu(1).bool()
    numbers = torch.where(mask, -2.0, 0.5)
    values = [make_rows(), *wide]
    values = values if options.get("batch_first") else [each.transpose(0, 1) for each in values]
    values[0].requires_grad_(mode != "eval")
    ways: tuple[dict[str, Any], ...] = (
        {},
        {"need_weights": False},
        {"average_attn_weights": False},
        {"key_padding_mask": padding},
        {"attn_mask": mask},
        {"attn_mask": numbers, "key_padding_mask": padding.float()},
        {"attn_mask": mask.repeat(6, 1, 1), "need_weights": False},
        {"attn_mask": mask, "is_causal": True, "need_weights": False},
    )
    with torch.set_grad_enabled(mode == "train"):
        results: list[Any] = [net(*values, **each) for each in ways]
        if mode == "train":
            sum(each[0].square().mean() for each in results).backward()
        results += [values[0].grad, [p.grad for p in net.parameters()], [*net.state_dict()]]
        for wrong in ({"attn_mask": mask[:2]}, {"is_causal": True}):
            results.append(attempt(lambda w=wrong: net(*values, **w)))
        if not options.get("kdim") and not options.get("vdim"):
            itself = values[0].detach()
            own, one = torch.ones(4, 4).triu(1).bool(), make_rows(3, 5, 4)[0]
            results += [net(itself, itself, itself, attn_mask=own), net(itself, itself, itself)]
            results.append(net(make_rows()[0], one, one, key_padding_mask=padding[0]))
    return results


OF_ATTENTION: dict[str, Any] = {
    **{"dropout": 0.0, "bias": True, "add_bias_kv": False, "add_zero_attn": False},
    **{"kdim": 2, "vdim": 2, "batch_first": False},
}


def run_transformer(kind: str, **options: Any) -> Any:
    """Return what an encoder, a decoder or both give, in training and after it."""
    layers, base = torch.nn, {"d_model": 4, "nhead": 2, "dim_feedforward": 6, "dropout": 0.0}
    base |= options
    ended = None if kind == "plain" else torch.nn.LayerNorm(4)
    pool.set_seeds()
    encoder = layers.TransformerEncoder(layers.TransformerEncoderLayer(**base), 2, ended)
    decoder = layers.TransformerDecoder(layers.TransformerDecoderLayer(**base), 2, ended)
    both = layers.Transformer(num_encoder_layers=1, num_decoder_layers=2, **base)
    rows, target = make_rows(2, 4, 4), make_rows(2, 3, 4)
    if not options.get("batch_first"):
        rows, target = rows.transpose(0, 1), target.transpose(0, 1)
    causal = both.generate_square_subsequent_mask(4)
    results: list[Any] = [causal, repr(encoder.layers[0]), [*decoder.state_dict()]]
    for training in (True, False):
        for net in (encoder, decoder, both):
            net.train(training)
        with torch.set_grad_enabled(training):
            results.append(mask_sequences(encoder, decoder, both, rows, target))
    encoder.train()(rows, causal).square().mean().backward()
    results += [p.grad for p in encoder.parameters()]
    return [*results, attempt(both, rows, target[:, :1]), attempt(both, rows[..., :2], target)]


def mask_sequences(encoder: Any, decoder: Any, both: Any, rows: Any, target: Any) -> list[Any]:
    """Return what parts of a transformer give with masks of each kind."""
    padding = torch.tensor([[0, 0, 0, 1], [0, 0, 1, 1]]).bool()
    late = torch.tensor([[0, 0, 0], [0, 1, 1]]).bool()
    causal, small = (both.generate_square_subsequent_mask(size) for size in (4, 3))
    memory = encoder(rows, src_key_padding_mask=padding)
    named: dict[str, Any] = {"tgt_mask": small, "tgt_key_padding_mask": late}
    named |= {"memory_key_padding_mask": padding}
    return [
        *(encoder(rows), encoder(rows, mask=causal), encoder(rows, causal, padding, True), memory),
        *(decoder(target, rows), decoder(target, memory, **named)),
        decoder(target, rows, memory_mask=torch.ones(3, 4).triu(2).bool()),
        *(both(rows, target), both(rows, target, tgt_is_causal=True, **named)),
        both(rows, target, causal, small, src_key_padding_mask=padding),
    ]


OF_TRANSFORMER: dict[str, Any] = {
    **{"batch_first": False, "norm_first": False, "bias": True},
    **{"layer_norm_eps": 1e-5, "dropout": 0.0},
}

OF_SEQUENCES = (
    Family(
        run_recurrent,
        lambda: [
            "RNN",
            "LSTM",
            "GRU",
            "'RNN',nonlinearity='relu',num_layers=2",
            "'LSTM',num_layers=2,bidirectional=True,proj_size=2,dropout=0.5",
            "'GRU',num_layers=2,bidirectional=True,batch_first=True",
        ],
        find_recurrent,
    ),
    Family(
        run_cells,
        lambda: ["RNNCell", "LSTMCell", "GRUCell", "'RNNCell',nonlinearity='relu'"],
        lambda _: {"bias": True},
    ),
    Family(pack_sequences, lambda: [""], lambda _: {"batch_first": False, "enforce_sorted": True}),
    Family(attend, lambda: ["train", "eval"], lambda _: OF_ATTENTION),
    Family(
        run_transformer,
        lambda: ["plain", "'ended',activation='gelu'", "'ended',norm_first=True,batch_first=True"],
        lambda _: OF_TRANSFORMER,
    ),
)
