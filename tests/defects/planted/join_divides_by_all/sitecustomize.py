"""`join` divides by the number of all ranks, also where it should by those that still train."""

from torch.nn.parallel import DistributedDataParallel

exact = DistributedDataParallel.join_hook


def join_hook(self: DistributedDataParallel, **named: object) -> object:
    return exact(self, **{**named, "divide_by_initial_world_size": True})


DistributedDataParallel.join_hook = join_hook
