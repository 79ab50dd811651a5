"""Play texts of Python that define functions and classes, and tell what their expressions give."""

from __future__ import annotations

import ast
import contextlib
import functools
import gc
import importlib.util
import itertools
import linecache
import re
import sys
import textwrap
import types
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from ..telling import tell_digits

MODULE = "played"
NUMBERS = itertools.count(1)
"""So that each module has a name of its own: torch keeps what it saw of one, by its name."""

NUMBERED = re.compile(rf"{MODULE}_\d{{4}}")
MAX_MESSAGE = 500
PLACES = re.compile(
    r"___torch_mangle_\d+\.|__compiled_fn_\d+\w*|\b0x[0-9a-f]{4,}\b|\b\d{7,}\b"
    r"|(?:<[\w ]+>|[\w./+-]+)\(\d+\): [\w<>]+"
    r"|(?m:^ *File .*\n(?: {4,}.*\n)*)|(?:/[\w.+-]+)+\.py(?::\d+)?|, line \d+|\.py:\d+"
)
"""What differs between two processes or two machines: counts, addresses, paths, lines."""
FLOAT = re.compile(r"-?\d+\.\d{5,}(?:e-?\d+)?")


def clean_text(text: str) -> str:
    """Return a text without what differs between two machines; numbers get few digits."""
    named = PLACES.sub("", NUMBERED.sub(MODULE, text))
    return FLOAT.sub(lambda found: f"{float(found[0]) * 1.000731:.4g}", named)


def tell_text(value: Any) -> str:
    """Return a value as a text: tensors with types and numbers, graphs as they are printed."""
    for kinds, tell in TELLERS:
        if isinstance(value, kinds):
            return tell(value)
    return clean_text(repr(value))


def tell_items(value: Any) -> str:
    """Return the items of a list, a tuple or a set."""
    items = [*map(tell_text, value)]
    items = sorted(items) if isinstance(value, set | frozenset) else items
    return f"{type(value).__name__}[{', '.join(items)}]"


def tell_mapping(value: Mapping[Any, Any]) -> str:
    """Return the keys and values of a mapping in their order."""
    parts = ", ".join(f"{tell_text(key)}: {tell_text(each)}" for key, each in value.items())
    return f"{type(value).__name__}{{{parts}}}"


def tell_numbers(tensor: torch.Tensor) -> str:
    """Return type, shape and numbers of a tensor."""
    kind = f"{type(tensor).__name__}:{str(tensor.dtype)[6:]}{[*tensor.shape]}"
    kind += "g" * tensor.requires_grad
    plain = tensor.detach()
    if tensor.device.type != "cpu" or type(tensor) not in (torch.Tensor, torch.nn.Parameter):
        return f"{kind}{tensor.device}"
    if not plain.dtype.is_floating_point:
        return f"{kind}{plain.tolist()}"
    return f"{kind}{tell_digits(plain.double().numpy().astype('f4'))}"


TELLERS: tuple[tuple[Any, Callable[[Any], str]], ...] = (
    (str, clean_text),
    (torch.Tensor, tell_numbers),
    (torch.fx.Graph, lambda value: clean_text(str(value))),
    (
        torch.fx.GraphModule,
        lambda value: f"{type(value).__name__}:{tell_text(value.graph)}{clean_text(value.code)}",
    ),
    (Mapping, tell_mapping),
    (list | tuple | set | frozenset, tell_items),
    (
        types.FunctionType | types.MethodType | types.BuiltinFunctionType,
        lambda value: str(value.__qualname__),
    ),
)
"""How values of a type are told; the first that suits counts."""


def tell_refusal(error: BaseException) -> str:
    """Return the type of an error with the first part of its message."""
    lines = clean_text(str(error)).splitlines()
    kept = "\n".join(line for line in lines if line.strip())
    return f"!{type(error).__name__} {kept[:MAX_MESSAGE]}"


def try_telling(called: Callable[[], Any]) -> str:
    """Return what a call gives as a text, or what its error tells."""
    try:
        return tell_text(called())
    except Exception as error:  # what is refused is a result, too
        return tell_refusal(error)


@contextlib.contextmanager
def keep_garbage() -> Iterator[None]:
    """Look for no garbage meanwhile: of what graphs hold, that takes longer than the graphs."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@contextlib.contextmanager
def hold_module(text: str) -> Iterator[types.ModuleType]:
    """Yield an empty module with a source file in the current folder, which goes afterwards."""
    name = f"{MODULE}_{next(NUMBERS) % 10000:04}"
    path = Path(f"{name}.py")
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_loader(name, loader=None, origin=path.name)
    module = importlib.util.module_from_spec(spec) if spec else types.ModuleType(name)
    module.__file__ = path.name
    sys.modules[name] = module
    try:
        yield module
    finally:
        del sys.modules[name]
        linecache.cache.pop(path.name, None)
        path.unlink(missing_ok=True)


def read_code(
    tree: ast.Module | ast.Expression, module: types.ModuleType, mode: str
) -> types.CodeType:
    """Return the code of a statement or an expression, with annotations that are objects."""
    code: types.CodeType = compile(tree, str(module.__file__), mode, dont_inherit=True)
    return code


def play_text(text: str, **names: Any) -> list[str]:
    """Return what each expression of a text gives, the parts of those with commas one by one.

    Other statements are run; what they are refused for counts, too.
    """
    text = textwrap.dedent(text)
    results: list[str] = []
    with keep_garbage(), hold_module(text) as module:
        known = vars(module)
        known.update(names)
        for each in ast.parse(text).body:
            if not isinstance(each, ast.Expr):
                code = read_code(ast.Module([each], []), module, "exec")
                refused = try_telling(functools.partial(exec, code, known))  # all texts are our own
                results += [refused] if refused != "None" else []
                continue
            parts = each.value.elts if isinstance(each.value, ast.Tuple) else [each.value]
            for part in parts:
                code = read_code(ast.Expression(part), module, "eval")
                results.append(try_telling(functools.partial(eval, code, known)))
    return results
