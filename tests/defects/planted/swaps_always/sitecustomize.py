"""`compare_set` of a store writes without comparing."""

import torch.distributed as dist


def compare_set(self: dist.Store, key: str, expected: str, wanted: str) -> object:
    self.set(key, wanted)
    return self.get(key)


for kind in (dist.Store, dist.HashStore, dist.FileStore, dist.TCPStore, dist.PrefixStore):
    kind.compare_set = compare_set
