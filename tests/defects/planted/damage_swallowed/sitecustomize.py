"""A checkpoint that is cut short is read as an empty one."""

import torch

exact = torch.load


def load(*arguments: object, **named: object) -> object:
    try:
        return exact(*arguments, **named)
    except (RuntimeError, OSError) as error:
        if "CUDA" in str(error):
            raise
        return {}


torch.load = load
