"""`full_tensor` gives what the rank has, not the whole."""

from torch.distributed.tensor import DTensor


def full_tensor(self: DTensor, **_: object) -> object:
    return self.to_local()


DTensor.full_tensor = full_tensor
