"""The end of set_detect_anomaly switches the mode off, also inside another one."""

import torch

torch.autograd.set_detect_anomaly.__exit__ = lambda *_: torch.set_anomaly_enabled(False)
