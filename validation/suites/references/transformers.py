"""Layers of transformers in NumPy, from the parameters of torch's modules; without dropout."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .norms import layer_norm, linear
from .recurrent import State, attend


def compute_gelu(values: Any) -> Any:
    """Return each value times the share of a normal distribution below it."""
    return values * np.vectorize(math.erfc)(-values / math.sqrt(2)) / 2


def select_part(state: State, part: str) -> dict[str, Any]:
    """Return the options, and the parameters of a part under their names in it."""
    return {name.removeprefix(f"{part}."): value for name, value in state.items()}


def attend_in_layer(
    state: State, part: str, values: Any, seen: Any, padding: Any, mask: Any
) -> Any:
    """Return what the attention `part` of a layer makes of values that see `seen`."""
    own = select_part(state, part) | {"num_heads": state["nhead"], "add_zero_attn": False}
    return attend(own, values, seen, seen, padding, False, mask)[0]


def feed_forward(state: State, values: Any) -> Any:
    """Return what the two linear layers make of each place."""
    inner = linear(values, state["linear1.weight"], state.get("linear1.bias"))
    gelu = "gelu" in str(state["activation"])
    active = compute_gelu(inner) if gelu else np.maximum(inner, 0)
    return linear(active, state["linear2.weight"], state.get("linear2.bias"))


def normalize_with(state: State, name: str, values: Any) -> Any:
    """Return the values after the layer norm with this name."""
    weight, bias = state[f"{name}.weight"], state.get(f"{name}.bias")
    return layer_norm(values, values.shape[-1:], weight, bias, state["layer_norm_eps"])


def run_steps(state: State, values: Any, *steps: Callable[[Any], Any]) -> Any:
    """Add what each step makes of the values, with its norm before it or after the sum."""
    for number, step in enumerate(steps, 1):
        norm = f"norm{number}"
        if state["norm_first"]:
            values = values + step(normalize_with(state, norm, values))
        else:
            values = normalize_with(state, norm, values + step(values))
    return values


def encode(
    state: State, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None, **_: Any
) -> Any:
    """Return the result of TransformerEncoderLayer."""
    return run_steps(
        state,
        src,
        lambda x: attend_in_layer(state, "self_attn", x, x, src_key_padding_mask, src_mask),
        lambda x: feed_forward(state, x),
    )


def decode(
    state: State,
    tgt: Any,
    memory: Any,
    tgt_mask: Any = None,
    memory_mask: Any = None,
    tgt_key_padding_mask: Any = None,
    memory_key_padding_mask: Any = None,
    **_: Any,
) -> Any:
    """Return the result of TransformerDecoderLayer."""
    outer = memory_key_padding_mask, memory_mask
    return run_steps(
        state,
        tgt,
        lambda x: attend_in_layer(state, "self_attn", x, x, tgt_key_padding_mask, tgt_mask),
        lambda x: attend_in_layer(state, "multihead_attn", x, memory, *outer),
        lambda x: feed_forward(state, x),
    )


def translate(state: State, src: Any, tgt: Any, **masks: Any) -> Any:
    """Return the result of Transformer: encoders and decoders one after the other."""
    for number in range(state["num_encoder_layers"]):
        src = encode(select_part(state, f"encoder.layers.{number}"), src, **masks)
    memory = normalize_with(state, "encoder.norm", src)
    for number in range(state["num_decoder_layers"]):
        tgt = decode(select_part(state, f"decoder.layers.{number}"), tgt, memory, **masks)
    return normalize_with(state, "decoder.norm", tgt)
