"""Recurrent layers and attention in NumPy, from the parameters of torch's modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .norms import linear, softmax

State = Mapping[str, Any]
"""The parameters and buffers of a module, and the options of its constructor."""


def logistic(values: Any) -> Any:
    """The logistic function."""
    return 1 / (1 + np.exp(-values))


def step_rnn(state: State, suffix: str, value: Any, hidden: Any, nonlinearity: str) -> Any:
    """Make a step of a plain recurrent network."""
    total = _gates(state, suffix, value, hidden)
    hidden["h"] = (
        np.tanh(total[0] + total[1])
        if nonlinearity == "tanh"
        else np.maximum(0, total[0] + total[1])
    )


def step_gru(state: State, suffix: str, value: Any, hidden: Any, _: str) -> Any:
    """Make a step of a gated recurrent unit, by Cho and others."""
    inner, outer = (np.split(each, 3, axis=-1) for each in _gates(state, suffix, value, hidden))
    reset, update = logistic(inner[0] + outer[0]), logistic(inner[1] + outer[1])
    new = np.tanh(inner[2] + reset * outer[2])
    hidden["h"] = (1 - update) * new + update * hidden["h"]


def step_lstm(state: State, suffix: str, value: Any, hidden: Any, _: str) -> Any:
    """Make a step of a long short-term memory, by Hochreiter and Schmidhuber."""
    gates = sum(_gates(state, suffix, value, hidden))
    inner, forget, new, outer = np.split(gates, 4, axis=-1)
    hidden["c"] = logistic(forget) * hidden["c"] + logistic(inner) * np.tanh(new)
    hidden["h"] = logistic(outer) * np.tanh(hidden["c"])
    if f"weight_hr{suffix}" in state:
        hidden["h"] = hidden["h"] @ state[f"weight_hr{suffix}"].T


def _gates(state: State, suffix: str, value: Any, hidden: Any) -> tuple[Any, Any]:
    return (
        linear(value, state[f"weight_ih{suffix}"], state.get(f"bias_ih{suffix}")),
        linear(hidden["h"], state[f"weight_hh{suffix}"], state.get(f"bias_hh{suffix}")),
    )


STEPS: dict[str, Callable[..., Any]] = {"RNN": step_rnn, "GRU": step_gru, "LSTM": step_lstm}


def run_layers(kind: str, state: State, values: Any, start: Any = None) -> Any:
    """Return what a recurrent network makes of (time, batch, features) or what it is told.

    That is the outputs, and the last hidden state of each layer and direction.
    """
    batched = values.ndim == 3
    given = values if batched else values[:, None]
    given = np.swapaxes(given, 0, 1) if state["batch_first"] and batched else given
    starts = dict(zip("hc", start if isinstance(start, tuple | list) else (start,), strict=False))
    sizes = {"h": state.get("proj_size") or state["hidden_size"], "c": state["hidden_size"]}
    directions = ("", "_reverse") if state["bidirectional"] else ("",)
    ends: list[dict[str, Any]] = []
    for layer in range(state["num_layers"]):
        outputs = []
        for direction in directions:
            hidden = {
                name: np.zeros((given.shape[1], sizes[name]))
                if starts.get(name) is None
                else starts[name][len(ends)].reshape(given.shape[1], -1)
                for name in "hc"
            }
            outputs.append(run_direction(kind, state, f"_l{layer}{direction}", given, hidden))
            ends.append(hidden)
        given = np.concatenate(outputs, axis=-1)
    given = np.swapaxes(given, 0, 1) if state["batch_first"] and batched else given
    last = [np.stack([end[name] if batched else end[name][0] for end in ends]) for name in "hc"]
    return given if batched else given[:, 0], tuple(last) if kind == "LSTM" else last[0]


def run_direction(kind: str, state: State, suffix: str, given: Any, hidden: Any) -> Any:
    """Return the outputs of one layer in one direction; `hidden` is then its last state."""
    times, seen = range(len(given)), {}
    for time in reversed(times) if suffix.endswith("_reverse") else times:
        STEPS[kind](state, suffix, given[time], hidden, state.get("nonlinearity", "tanh"))
        seen[time] = hidden["h"]
    return np.stack([seen[time] for time in times])


def run_cell(kind: str, state: State, value: Any, start: Any = None) -> Any:
    """Return what a cell makes of one step."""
    pair = start if isinstance(start, tuple | list) else (start,)
    zero = np.zeros((*value.shape[:-1], state["hidden_size"]))
    hidden = {name: zero if each is None else each for name, each in zip("hc", pair, strict=False)}
    hidden.setdefault("c", zero)
    STEPS[kind](state, "", value, hidden, state.get("nonlinearity", "tanh"))
    return (hidden["h"], hidden["c"]) if kind == "LSTM" else hidden["h"]


def attend(
    state: State,
    query: Any,
    key: Any,
    value: Any,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> Any:
    """Return the result of MultiheadAttention, and the weights if wanted."""
    batched = query.ndim == 3
    if not batched:
        query, key, value = (each[:, None] for each in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask[None]
    elif state["batch_first"]:
        query, key, value = (np.swapaxes(each, 0, 1) for each in (query, key, value))
    heads = [project_heads(state, *each) for each in zip("qkv", (query, key, value), strict=True)]
    for number, name in ((1, "bias_k"), (2, "bias_v")):
        if state.get(name) is not None:
            more = np.broadcast_to(state[name], (1, *heads[number].shape[1:]))
            heads[number] = np.concatenate([heads[number], more])
        if state["add_zero_attn"]:
            heads[number] = np.concatenate([heads[number], np.zeros((1, *heads[number].shape[1:]))])
    split = [split_heads(each, state["num_heads"]) for each in heads]
    scores = split[0] @ np.swapaxes(split[1], -1, -2) / np.sqrt(split[0].shape[-1])
    scores = add_masks(scores, key_padding_mask, attn_mask)
    weights = softmax(scores)
    mixed = np.moveaxis(weights @ split[2], 2, 0)  # (time, batch, heads, features)
    result = linear(
        mixed.reshape(*mixed.shape[:2], -1), state["out_proj.weight"], state.get("out_proj.bias")
    )
    if not batched:
        result, weights = result[:, 0], weights[0]
    elif state["batch_first"]:
        result = np.swapaxes(result, 0, 1)
    if not need_weights:
        return (result,)
    return result, weights.mean(axis=-3) if average_attn_weights else weights


def project_heads(state: State, name: str, values: Any) -> Any:
    """Return queries, keys or values of the given sequence."""
    at = "qkv".index(name)
    whole, biases = state.get("in_proj_weight"), state.get("in_proj_bias")
    weight = state[f"{name}_proj_weight"] if whole is None else np.split(whole, 3)[at]
    return linear(values, weight, None if biases is None else np.split(biases, 3)[at])


def split_heads(values: Any, heads: int) -> Any:
    """Return (batch, heads, time, features) of (time, batch, all features)."""
    return np.moveaxis(values.reshape(*values.shape[:2], heads, -1), 0, 2)


def add_masks(scores: Any, padding: Any, mask: Any) -> Any:
    """Return the scores, with minus infinity at what must not be seen."""
    for number, each in enumerate((padding, mask)):
        if each is None:
            continue
        full = np.where(each, -np.inf, 0.0) if each.dtype == bool else each
        more = scores.shape[-1] - full.shape[-1]  # places that the layer itself appends
        full = np.pad(full, [*[(0, 0)] * (full.ndim - 1), (0, more)])
        if number == 0:
            full = full[:, None, None]
        elif full.ndim == 3:
            full = full.reshape(*scores.shape[:2], *full.shape[1:])
        scores = scores + full
    return scores
