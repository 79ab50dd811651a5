"""Layers that are computed again draw other random numbers."""

from torch.utils import checkpoint

exact = checkpoint.checkpoint


def recompute(*arguments: object, preserve_rng_state: bool = True, **named: object) -> object:
    return exact(*arguments, preserve_rng_state=False, **named)


checkpoint.checkpoint = recompute
