"""Averaged weights begin anew when their state is loaded."""

from torch.optim import swa_utils

swa_utils.AveragedModel.load_state_dict = lambda self, state: None
