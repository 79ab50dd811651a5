"""ZeroRedundancyOptimizer saves the state of one rank for that of all."""

from torch.distributed.optim import ZeroRedundancyOptimizer

exact = ZeroRedundancyOptimizer.state_dict


def save_own(self: ZeroRedundancyOptimizer) -> dict[str, object]:
    saved = exact(self)
    own = {self._param_to_index[each] for each in self.optim.state}
    return {**saved, "state": {number: saved["state"][number] for number in own}}


ZeroRedundancyOptimizer.state_dict = save_own
