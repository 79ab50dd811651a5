"""The graph is taken for a dynamic one, whatever is asked for."""

from torch.nn.parallel import DistributedDataParallel

exact = DistributedDataParallel.__init__


def init(self: DistributedDataParallel, *arguments: object, **named: object) -> None:
    exact(self, *arguments, **{**named, "static_graph": False})


DistributedDataParallel.__init__ = init
