"""Nobody looks for unused parameters, whatever is asked for."""

from torch.nn.parallel import DistributedDataParallel

exact = DistributedDataParallel.__init__


def init(self: DistributedDataParallel, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **{**named, "find_unused_parameters": False})


DistributedDataParallel.__init__ = init
