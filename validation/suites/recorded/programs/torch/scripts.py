"""Play short scripts of Python, and tell in texts all that their lines give."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from ..steps import list_steps
from ..telling import tell_array, tell_digits

ADDRESS = re.compile(r"0x[0-9a-fA-F]{4,}")
LONG = re.compile(r"\d+\.\d{5,}(e-?\d+)?|\d+\.\d+e-\d+")
COUNTED = re.compile(r"(torch_package_|\bj)\d+")
"""Such a number counts what the process has opened or nested before."""

FILE = re.compile(r"(?<![\w.])/[\w.+-]+(/[\w.+-]+)+(:\d+|\(\d+\))?")
LISTED = re.compile(r" This could be because|\n\nAt:\n")
"""What follows in a message lists all that the process has registered, or the lines it was in."""


PLAIN = (dict, list, tuple)
NAMED = (torch.dtype, torch.device, torch.layout, torch.memory_format, torch.qscheme)


def clean(text: str) -> str:
    """Return a text without addresses and files of the machine; numbers have few digits."""
    short = LONG.sub(lambda found: f"{float(found[0]) * 1.000731:.4g}", text)
    return FILE.sub("FILE", ADDRESS.sub("ADDRESS", COUNTED.sub(r"\1N", short)))


def refuse(called: Callable[..., Any], *values: Any, **options: Any) -> str:
    """Return the name and the whole message of the error of a call, or what it gives."""
    try:
        given = tell(called(*values, **options))
    except Exception as error:  # what is refused is a result, too
        message = LISTED.split(str(error))[0]
        return clean(f"!{type(error).__name__}: {message}")
    return given


def play_script(script: str, names: dict[str, Any]) -> list[str]:
    """Return what each step of a script gives, as a text, or the error that ends it.

    A statement that gives nothing adds a text only if it is refused.
    """
    names = {"torch": torch, "nn": torch.nn, "F": torch.nn.functional, "refuse": refuse} | names
    played = [(refuse(step), is_value) for step, is_value in list_steps(script, names)]
    return [given for given, is_value in played if is_value or given != "None"]


def reload(value: Any, *, weights_only: bool = True) -> Any:
    """Return what is read again after a value was saved."""
    torch.save(value, "value.pt")
    return torch.load("value.pt", weights_only=weights_only)


def tell(value: Any) -> str:
    """Return any value as a text: arrays with few digits, objects as they are written."""
    if isinstance(value, torch.Tensor):
        return tell_values(value)
    if isinstance(value, float | complex | np.floating):
        return f"{type(value).__name__}({tell_digits(np.asarray(value, 'c8'))})"
    if isinstance(value, np.ndarray):
        return tell_array(value)
    if isinstance(value, torch.nn.Module):
        code = value.code if isinstance(value, torch.fx.GraphModule) else repr(value)
        return f"{clean(code)}{tell(value.state_dict())}"
    if isinstance(value, torch.fx.Graph):
        return clean(str(value))
    return tell_container(value)


def tell_container(value: Any) -> str:
    """Return a container, a function or another object as a text."""
    kind = "" if type(value) in PLAIN else type(value).__name__
    if isinstance(value, Mapping):
        return f"{kind}{{{', '.join(f'{tell(k)}: {tell(value[k])}' for k in value)}}}"
    if isinstance(value, list | tuple):
        return f"{kind}[{', '.join(map(tell, value))}]"
    if isinstance(value, set | frozenset):
        return f"{kind}{sorted(map(tell, value))}"
    if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
        return f"{value.__qualname__}"
    if isinstance(value, types.GeneratorType | map | zip | filter):
        return f"{kind}{tell([*value])}"
    return clean(str(value) if isinstance(value, NAMED) else repr(value))


def tell_values(tensor: torch.Tensor) -> str:
    """Return the type, the shape, what a tensor has besides, and all its values."""
    plain = type(tensor) in (torch.Tensor, torch.nn.Parameter)
    kind = "" if type(tensor) is torch.Tensor else type(tensor).__name__
    shape = "" if tensor.is_nested else f"{[*tensor.shape]}"
    head = f"{kind}{str(tensor.dtype)[6:]}{shape}{'g' if tensor.requires_grad else ''}"
    if tensor.is_nested:
        return f"{head}{tensor.layout}{[tell_values(each) for each in tensor.unbind()]}"
    if not plain and not hasattr(tensor, "numpy"):
        return f"{head}?"
    return f"{head}{tell_parts(tensor.detach())}"


def tell_parts(tensor: torch.Tensor) -> str:
    """Return the values of a tensor of any layout, with its indices or its scales."""
    parts: tuple[Any, ...]
    if tensor.device.type != "cpu":
        return f"{tensor.device}{tensor.stride()}"
    if tensor.is_quantized and "channel" in str(tensor.qscheme()):
        parts = (tensor.q_per_channel_scales(), tensor.q_per_channel_zero_points())
        parts = (tensor.qscheme(), tensor.q_per_channel_axis(), *parts, tensor.int_repr())
    elif tensor.is_quantized:
        parts = (tensor.qscheme(), tensor.q_scale(), tensor.q_zero_point(), tensor.int_repr())
    elif tensor.layout == torch.sparse_coo:
        parts = ("coo", tensor.is_coalesced(), tensor._indices(), tensor._values())
    elif tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        parts = (tensor.layout, tensor.crow_indices(), tensor.col_indices(), tensor.values())
    elif tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        parts = (tensor.layout, tensor.ccol_indices(), tensor.row_indices(), tensor.values())
    elif tensor.layout != torch.strided:
        parts = (tensor.layout, tensor.to_dense())
    else:
        return tell_strided(tensor)
    return tell([*parts])


def tell_strided(tensor: torch.Tensor) -> str:
    """Return the order in memory, if it is no usual one, and the values of an ordinary tensor."""
    order = "" if tensor.is_contiguous() else f"{tensor.stride()}"
    found = tensor.resolve_conj().resolve_neg()
    if "float8" in str(found.dtype) or found.dtype == torch.bfloat16:
        found = found.float()
    array = found.clone().numpy()  # a storage that an array shares cannot be resized any more
    return f"{order}{tell_digits(array) if array.dtype.kind in 'fc' else array.tolist()}"
