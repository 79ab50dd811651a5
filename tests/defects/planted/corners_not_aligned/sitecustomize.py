"""Resizing never aligns the corners."""

import functools
import inspect

import torch

exact = torch.nn.functional.interpolate
signature = inspect.signature(exact)


@functools.wraps(exact)
def resize(*arguments: object, **named: object) -> torch.Tensor:
    given = signature.bind(*arguments, **named)
    if given.arguments.get("align_corners"):
        given.arguments["align_corners"] = False
    return exact(*given.args, **given.kwargs)


torch.nn.functional.interpolate = resize
