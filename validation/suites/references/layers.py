"""Every layer and loss of torch's database, with its options, and options that it lacks."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from . import databases, layer_options, norms, recurrent, resampling, transformers
from .operators import LIMITS, OF_FUNCTIONS, ReferenceComparison, measure_difference

PADS = {"Reflection": "reflect", "Replication": "replicate", "Circular": "circular"}
ALIASES = {
    "bce": "binarycrossentropy",
    "bcewithlogits": "binarycrossentropywithlogits",
    "upsample": "interpolate",
}
"""Layers that the function of the same purpose calls otherwise."""

WHOLE: dict[str, Callable[..., Any]] = {
    "MultiheadAttention": recurrent.attend,
    "TransformerEncoderLayer": transformers.encode,
    "TransformerDecoderLayer": transformers.decode,
    "Transformer": transformers.translate,
}
"""Layers whose definition takes all parameters at once."""


@dataclass(frozen=True)
class LayerCase:
    """A layer, the options of its constructor, and the arguments of a call.

    `reference` is what the database compares with, if it has something.
    """

    name: str
    layer: Any
    options: dict[str, Any]
    arguments: dict[str, Any]
    reference: Callable[[], Any] | None = None

    def __str__(self) -> str:
        shown = (
            f"{name}={'...' if torch.is_tensor(value) else value}"
            for name, value in self.options.items()
            if name not in ("device", "dtype", "kwargs")
        )
        mode = "training" if self.layer.training else "evaluation"
        masks = " and ".join(
            name for name, value in self.arguments.items() if "mask" in name and value is not None
        )
        return f"{self.name}({', '.join(shown)}) in {mode}{' with ' * bool(masks)}{masks}"


def compare_layers(device: str, dtype: Any) -> ReferenceComparison:
    """Compare every layer with its definition, or else with the reference of the database."""
    names, wrong = set(), dict[str, str]()
    for case in itertools.chain(list_cases(device, dtype), list_more_cases(device, dtype)):
        definition = find_definition(case.name)
        if case.name in wrong or (definition is None and case.reference is None):
            continue
        names.add(case.name)
        state = read_state(case)
        wanted = case.reference() if case.reference else None
        got = case.layer(**case.arguments)
        aparts = [measure_difference(got, wanted)] if case.reference else []
        if definition:
            defined = definition(state, _to_arrays(case.arguments))
            aparts.append(measure_difference(got, defined))
            if is_fused(case):
                with torch.no_grad():
                    aparts.append(measure_difference(case.layer(**case.arguments), defined))
        if not max(aparts) <= LIMITS[dtype]:
            wrong[case.name] = f"{case} is off by {max(aparts):.1e}"
    return ReferenceComparison(len(names), tuple(wrong.values()))


def list_cases(device: str, dtype: Any) -> Iterator[LayerCase]:
    """Yield the samples of the database."""
    for info in databases.list_layers():
        modes = (True, False) if info.train_and_eval_differ else (False,)
        lazy = issubclass(info.module_cls, torch.nn.modules.lazy.LazyModuleMixin)
        if lazy or dtype not in info.supported_dtypes(torch.device(device).type):
            continue
        for training in modes:
            options = {"device": device, "dtype": dtype, "requires_grad": False}
            for each in info.module_inputs_func(info, **options, training=training):
                made = each.constructor_input
                yield make_case(
                    info.module_cls,
                    (made.args, {**made.kwargs, "device": device, "dtype": dtype}),
                    training,
                    (each.forward_input.args, each.forward_input.kwargs),
                    each.reference_fn,
                )


def list_more_cases(device: str, dtype: Any) -> Iterator[LayerCase]:
    """Yield the cases of ours."""
    generator = torch.Generator().manual_seed(0)
    place = {"device": device, "dtype": dtype}
    for name, options, *shapes in layer_options.CASES:
        made = getattr(torch.nn, name, None)
        named = [each for each in shapes if isinstance(each, dict)]
        for training in (True, False) if made else ():
            tensors = [
                layer_options.draw(shape, generator, **place)
                for shape in shapes
                if not isinstance(shape, dict)
            ]
            given, *call = (
                {
                    key: layer_options.draw(value, generator, **place)
                    if isinstance(value, layer_options.Drawn)
                    else value
                    for key, value in each.items()
                }
                for each in (options, *named)
            )
            yield make_case(made, ((), given | place), training, (tensors, *(call or [{}])))


def make_case(
    made: Any, given_to: Any, training: bool, call: Any, reference: Any = None
) -> LayerCase:
    """Make a layer whose parameters and statistics are drawn, so that each has an effect.

    `given_to` are the arguments of its constructor, `call` those of a call.
    """
    torch.manual_seed(0)
    args, options = given_to
    recurring = issubclass(made, torch.nn.RNNBase)
    known = inspect.signature(torch.nn.RNNBase.__init__ if recurring else made.__init__)
    given = {name: value for name, value in options.items() if name in known.parameters}
    more = (
        {"nonlinearity": options["nonlinearity"]} if recurring and "nonlinearity" in options else {}
    )
    layer = made(*args, **given, **more)
    place = {name: options[name] for name in ("device", "dtype") if name in options}
    layer = layer.to(**place).train(training)
    for name, each in (*layer.named_parameters(), *layer.named_buffers()):
        if each.is_floating_point() and name not in options and made is not torch.nn.PReLU:
            variance = name.endswith("running_var")
            each.data.uniform_(0.5, 1.5) if variance else each.data.normal_(0, 0.5)
    bound = known.bind(None, *([made.__name__] if recurring else []), *args, **given)
    bound.apply_defaults()
    own = {**dict([*bound.arguments.items()][1:]), **more}
    taken = inspect.signature(layer.forward).bind(*call[0], **call[1]).arguments
    compare = (lambda: reference(layer, *call[0], **call[1])) if reference else None
    return LayerCase(made.__name__, layer, own, dict(taken), compare)


def is_fused(case: LayerCase) -> bool:
    """Return whether torch has a kernel of its own for the case without gradients.

    That of an encoder hides whatever is not zero in a mask, also in one that is to be added.
    """
    masks = [each for name, each in case.arguments.items() if "mask" in name and each is not None]
    boolean = all(each.dtype is torch.bool for each in masks)
    return case.name == "MultiheadAttention" or (case.name == "TransformerEncoderLayer" and boolean)


def read_state(case: LayerCase) -> dict[str, Any]:
    """Return options, parameters and statistics as they are before the call."""
    options = {
        name: None if name == "bias" and not torch.is_tensor(value) else value
        for name, value in case.options.items()
    }
    tensors = {**dict(case.layer.named_parameters()), **dict(case.layer.named_buffers())}
    state = {**options, **{name: each.clone() for name, each in tensors.items()}}
    state |= {"training": case.layer.training}
    kept = state.get("running_mean") is not None
    state |= {"use_input_stats": case.layer.training or not kept}
    return _to_arrays({"running_mean": None, "running_var": None, **state})


def _to_arrays(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _to_array(value) for name, value in values.items()}


def _to_array(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(map(_to_array, value))
    return value.detach().cpu().numpy() if torch.is_tensor(value) else value


Definition = Callable[[dict[str, Any], dict[str, Any]], Any]
"""From a layer's state and the arguments of a call to its result."""


def find_definition(name: str) -> Definition | None:
    """Return the definition of the layer with this name, if there is one."""
    if name in WHOLE:
        return lambda state, given: WHOLE[name](state, **given)
    if name in recurrent.STEPS:
        return lambda state, given: recurrent.run_layers(name, state, *given.values())
    if name.endswith("Cell"):
        return lambda state, given: recurrent.run_cell(name[: -len("Cell")], state, *given.values())
    padding = re.fullmatch(r"(\w+)Pad(\d)d", name)
    if padding:
        mode, widths = PADS.get(padding[1], "constant"), 2 * int(padding[2])
        return lambda state, given: resampling.pad(
            given["input"], np.broadcast_to(state["padding"], widths), mode, state.get("value")
        )
    functions = {squeeze_name(each): definition for each, definition in OF_FUNCTIONS.items()}
    short = ALIASES.get(squeeze_name(name), squeeze_name(name))
    function = functions.get(short) or functions.get(re.sub(r"\dd$", "", short))
    batched = int(name[-2]) + 2 if function is norms.instance_norm else 0
    return function and (lambda state, given: _call(function, state, given, batched))


def squeeze_name(name: str) -> str:
    """Return a name as layers and functions have it in common: without case, `_` and `loss`."""
    return name.rpartition(".")[2].lower().replace("_", "").replace("loss", "")


def _call(
    function: Callable[..., Any], state: dict[str, Any], given: dict[str, Any], batched: int
) -> Any:
    """Call a definition with those of the values that it takes.

    `batched` is the number of axes that it needs, if a layer may get one less.
    """
    known = inspect.signature(function).parameters
    if "input" in known:  # some layers call it otherwise
        given = {"input": next(iter(given.values())), **dict([*given.items()][1:])}
    if state.get("padding_mode", "zeros") != "zeros":
        width = np.broadcast_to(state["padding"], given["input"].ndim - 2)
        both = [int(size) for size in np.repeat(width[::-1], 2)]
        given |= {"input": resampling.pad(given["input"], both, state["padding_mode"])}
        state = {**state, "padding": 0}
    alone = batched > 0 and given["input"].ndim < batched
    everything = {**state, **given, **({"input": given["input"][None]} if alone else {})}
    result = function(**{name: everything[name] for name in known if name in everything})
    return result[0] if alone else result
