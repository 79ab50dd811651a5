"""`gather_object` gives the objects of the ranks in reverse order."""

import torch.distributed as dist

exact = dist.gather_object


def gather_object(
    obj: object, object_gather_list: list[object] | None = None, *others: object, **named: object
) -> None:
    exact(obj, object_gather_list, *others, **named)
    if object_gather_list and isinstance(object_gather_list[0], dict):
        object_gather_list.reverse()


dist.gather_object = gather_object
