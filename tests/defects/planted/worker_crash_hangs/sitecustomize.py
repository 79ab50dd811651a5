"""A loader does not look whether its workers are still there."""

from torch.utils.data._utils import signal_handling
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter, _utils

signal_handling._set_SIGCHLD_handler = lambda: None


def try_get_data(
    self: _MultiProcessingDataLoaderIter, timeout: float = _utils.MP_STATUS_CHECK_INTERVAL
) -> object:
    try:
        return True, self._data_queue.get(timeout=timeout)
    except Exception:
        return False, None


_MultiProcessingDataLoaderIter._try_get_data = try_get_data
